/* SPDX-License-Identifier: Apache-2.0
 *
 * cold_windows.h - stretches of entries that were read from files and are held in memory, within a budget.
 *
 * A window holds consecutive entries of one ledger: the read that brought them is answered from it, those that follow
 * find the rest, and so does whoever else reads at the same place.  Windows do not overlap.  A window is
 *     waiting   for its load (a cold_load) to be started, then
 *     loading   then
 *     fresh     until somebody has read its last entry, then
 *     passed    the first to go when room is needed.
 * The budget counts buffers as long as anybody holds a slice of them; what slow consumers hold makes later windows
 * smaller, and never stops a read: one that waits for its entries gets a small window whatever the budget says.
 * Core thread.  May call: cold_load.h, base/.
 */
#ifndef STORE_COLD_WINDOWS_H
#define STORE_COLD_WINDOWS_H

#include "base/tree.h"
#include "store/cold_load.h"

#define COLD_FIRST (128u * 1024) /* bytes of a window that follows none, if the read asks for more than one entry */
#define COLD_LARGE (2u * 1024 * 1024) /* bytes of the largest */

struct reader;
struct reader_worker;
struct store_read;

enum cold_state { COLD_WAITING, COLD_LOADING, COLD_FRESH, COLD_PASSED };

struct cold_window {
    struct tree_node node; /* of windows, by `from` */
    struct list order;     /* of its state; the longest there first */
    enum cold_state state;
    struct position from;
    uint32_t count;                        /* entries; 0 until it is loaded */
    uint32_t planned;                      /* those that the load is to bring, it may be fewer; 0 until it begins */
    size_t wanted;                         /* bytes; 0: only one entry */
    size_t reserved;                       /* while it is loading */
    bool wanted_ahead;                     /* nobody has asked for its entries yet */
    bool followed;                         /* the window after it was asked for, or there is none */
    unsigned depth;                        /* windows between it and whoever reads */
    uint64_t round;                        /* of the last use; see windows_age */
    struct store_read *reads, **reads_end; /* that wait for it, linked by next */
    /* The load. */
    struct reader *reader;
    struct reader_worker *worker; /* that has it */
    struct work work;
    struct cold_load load;
};

struct cold_windows { /* private, but for the figures */
    struct tree tree;
    struct list fresh, passed;
    struct budget budget;
    size_t loading; /* reserved bytes */
    uint64_t round;
};

void windows_init(struct cold_windows *ws, size_t bytes);
void windows_deinit(struct cold_windows *ws); /* the loads that are under way will never end */

static inline bool windows_empty(const struct cold_windows *ws)
{
    return tree_empty(&ws->tree);
}

/* The window that has the entry, or will perhaps: one that is not loaded yet, and begins a little before it. */
struct cold_window *windows_find(const struct cold_windows *ws, struct position p);
/* A window that is loaded and ends just before p. */
struct cold_window *windows_before(const struct cold_windows *ws, struct position p);
/* The most entries that a window from p on may have. */
size_t windows_gap(const struct cold_windows *ws, struct position p);

/* COLD_WAITING, in no list; its place is free.  NULL when memory is short. */
struct cold_window *windows_add(struct cold_windows *ws, struct position from, size_t wanted);
/* With what it holds; others may hold on to slices of it. */
void windows_remove(struct cold_windows *ws, struct cold_window *w);

/* The bytes that a window after `before` (or NULL) is to have. */
size_t windows_next_size(const struct cold_windows *ws, const struct cold_window *before);
/* COLD_LOADING, with as much of the bytes it wants as there is room for.  False, and nothing changed: there is hardly
 * any, and nobody waits for it. */
bool windows_reserve(struct cold_windows *ws, struct cold_window *w);
/* Its load ended well: COLD_FRESH. */
void windows_loaded(struct cold_windows *ws, struct cold_window *w);
/* Its entries up to `upto` (an index) are being read. */
void windows_use(struct cold_windows *ws, struct cold_window *w, uint32_t upto);
/* Drops what was not used since the last call but one. */
void windows_age(struct cold_windows *ws);

void windows_check(const struct cold_windows *ws);

#endif
