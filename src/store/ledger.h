/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.h - ledgers and their topics' chains, in memory.
 *
 * Knows of each ledger what store_chain tells, how far it is synced, and where its entries are: those of a
 * checkpoint in extents of segment files, those after it at places in the journal, the newest also in the tail cache.
 * Owns no file; whoever changes a ledger writes the journal record first.  Core thread.
 * May call: tail_cache.h, segment_table.h, file_numbers.h, journal.h (types), base/.
 *
 * Invariants (ledgers_check)
 *  1. Entries [0, moved) are in the extents, ascending and without gaps; [moved, synced) have a place each.
 *  2. synced <= infos' entries; they differ by the appends under way.
 *  3. A chain's ledger ids ascend; only its last ledger is open.
 *  4. A ledger is dirty when a checkpoint would write another row for it than the last one did.
 *  5. The table of segments holds the extents of all ledgers that are in a chain.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "base/list.h"
#include "base/map.h"
#include "store/file_numbers.h"
#include "store/journal.h"
#include "store/segment_table.h"
#include "store/store.h"
#include "store/tail_cache.h"

#define LEDGER_EXTENTS_MAX 8192u /* the owner rolls a ledger that was moved so often */

struct topic_chain {
    uint64_t topic;
    struct ledger_info *infos; /* contiguous, for store_chain */
    struct ledger **ledgers;
    size_t count, capacity;
    uint64_t next_message; /* of a chain that lost its last ledger */
    struct list cursors;   /* of struct cursor */
};

struct ledger {
    uint64_t id;
    struct topic_chain *chain; /* NULL: deleted, kept for the checkpoint that moves it */
    size_t index;              /* in the chain */
    bool fenced;               /* a write of its entries failed */
    bool held;                 /* by a checkpoint */
    bool dirty;
    struct list dirty_node;
    uint32_t synced;                        /* entries */
    uint64_t synced_messages, synced_bytes; /* in them */
    uint32_t moved;                         /* entries in extents */
    struct journal_place *places;           /* of entries [moved, synced) */
    size_t places_count, places_capacity;
    struct extent *extents;
    size_t extent_count; /* changed by checkpoint_finish only */
    struct tail_run tail;
};

struct ledgers {
    struct map by_id, chains;
    struct list dirty;
    size_t dirtied;    /* since the last checkpoint took them; those removed since count, too */
    size_t unmoved;    /* entries that have a place */
    uint64_t *deleted; /* since the last checkpoint took them */
    size_t deleted_count, deleted_capacity;
    bool short_of_memory; /* a deletion could not be remembered: the store cannot go on */
    struct tail_cache cache;
    struct segment_table segments;
};

void ledgers_init(struct ledgers *ls, uint64_t seed, size_t cache_bytes);
void ledgers_deinit(struct ledgers *ls);

struct topic_chain *ledgers_find_chain(const struct ledgers *ls, uint64_t topic);
/* Made when there is none; NULL when memory is short. */
struct topic_chain *ledgers_chain(struct ledgers *ls, uint64_t topic);
/* Also one that is deleted and held. */
struct ledger *ledgers_find(const struct ledgers *ls, uint64_t id);

static inline struct ledger_info *ledger_info(const struct ledger *l)
{
    return &l->chain->infos[l->index];
}

/* At the end of its topic's chain; dirty.  ERR_NOMEM, ERR_EXISTS, ERR_BUSY: the one before is open. */
MUST_USE enum err ledgers_add(struct ledgers *ls, const struct ledger_info *info, struct ledger **out);
/* From the index: not dirty, all in extents. */
MUST_USE enum err ledgers_load(struct ledgers *ls, const struct ledger_info *info, const struct extent *extents,
                               size_t count);
void ledger_mark_dirty(struct ledgers *ls, struct ledger *l);
void ledger_set_closed(struct ledgers *ls, struct ledger *l, int64_t closed_ms);

/* Room for the places of all appends under way and one more. */
MUST_USE enum err ledger_reserve_place(struct ledger *l);
/* The next entry is appended: counts it. */
void ledger_count(struct ledgers *ls, struct ledger *l, const struct entry_header *h, size_t len);
/* A write failed: what was counted and is not synced will not be, and no more is taken. */
void ledger_fence(struct ledger *l);
/* The next entry is synced; its place was reserved. */
void ledger_synced(struct ledgers *ls, struct ledger *l, const struct entry_header *h, size_t len,
                   struct journal_place place);

/* A checkpoint moved the entries [moved, upto) to extents, and perhaps others: these are all there are now.  Takes the
 * list; the table of segments is the caller's to change. */
void ledger_move(struct ledgers *ls, struct ledger *l, struct extent *extents, size_t count, uint32_t upto);
/* The extent that holds the entry; NULL: it has none. */
const struct extent *ledger_find_extent(const struct ledger *l, uint32_t id);

/* Out of its chain; its memory goes now, or when the checkpoint that holds it lets go.  The numbers of segment files
 * that nobody uses any more are added to *files (malloc'd; short of memory, they stay for the next start to find). */
void ledgers_remove(struct ledgers *ls, struct ledger *l, uint64_t now_ns, struct file_numbers *files);
/* The checkpoint lets go. */
void ledger_release(struct ledgers *ls, struct ledger *l);
/* When it has neither ledgers nor cursors, nor a message index to go on from. */
void ledgers_drop_chain(struct ledgers *ls, struct topic_chain *c);
/* The index of the next message of a topic. */
uint64_t chain_next_message(const struct topic_chain *c);

void ledgers_check(const struct ledgers *ls);

#endif
