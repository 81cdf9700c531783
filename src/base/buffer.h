/* SPDX-License-Identifier: Apache-2.0
 *
 * buffer.h - counted buffers, slices of them, and the budgets they are charged to.
 *
 * An entry is read from the socket once; the journal write, the cache and every dispatch hold slices
 * of that same buffer.  The count is not atomic: only the thread that owns the buffer (the core, or
 * the loop of a client) changes it; a worker thread borrows bytes until its completion.
 * May call: err.h, bytes.h, list.h.
 *
 * Large buffers that come and go all the time are taken from a pool, so that the kernel need not map and clear their
 * pages again and again.  What is free there is charged to no budget: the pool has a limit of its own.
 *
 * Invariant: refs >= 1 while anybody points into the buffer; budget->used is the sum of the
 * capacities of the live buffers charged to it.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/list.h"

/* A named share of the process's memory_limit.  Only counts: who is refused decides what to do. */
struct budget {
    const char *name; /* as in /metrics: "receive", "tail_cache" */
    size_t limit;     /* bytes */
    size_t used;      /* bytes */
};

struct buffer_pool;

struct buffer {
    uint32_t refs;
    size_t capacity;
    struct budget *budget;    /* may be NULL: uncharged */
    struct buffer_pool *pool; /* where it goes with its last reference; may be NULL */
    uint8_t data[];
};

/* One reference, held by the caller.  NULL when memory is short; the budget may be overdrawn (the
 * caller that must not asks budget_has first). */
MUST_USE struct buffer *buffer_new(size_t capacity, struct budget *budget);

struct buffer *buffer_ref(struct buffer *b);
void buffer_unref(struct buffer *b); /* NULL is fine */

/* Free buffers, the ones given back last before the others; private to buffer.c, here so that an owner can embed it. */
struct buffer_pool {
    struct list free;     /* linked through their data */
    struct buffer *small; /* one that is too small for the list, or NULL: for who gives back and takes by turns */
    size_t bytes;         /* of those in the list */
    size_t limit;         /* bytes: beyond it the ones longest unused go; 0: none are kept */
};

void buffer_pool_init(struct buffer_pool *p, size_t limit);
void buffer_pool_deinit(struct buffer_pool *p); /* after the last buffer taken from it */

/* As buffer_new, of `capacity` or somewhat more, and it comes back here. */
MUST_USE struct buffer *buffer_pool_take(struct buffer_pool *p, size_t capacity, struct budget *budget);

/* From now on `budget` is charged for it, however much that has; NULL: none is. */
void buffer_charge(struct buffer *b, struct budget *budget);

bool budget_has(const struct budget *b, size_t bytes);

/* Bytes inside a counted buffer.  `buffer` is NULL for an empty slice or for static bytes. */
struct slice {
    struct buffer *buffer;
    const uint8_t *data;
    size_t len;
};

/* A slice of b's bytes [offset, offset+len), with a reference of its own. */
struct slice slice_of(struct buffer *b, size_t offset, size_t len);

/* A slice over a fresh buffer that holds a copy of `bytes`; ERR_NOMEM leaves *out alone. */
MUST_USE enum err slice_copy(struct slice *out, struct bytes bytes, struct budget *budget);

/* For who holds it for long: a reference, or a copy, charged to nobody, of what fills less than half of its buffer, so
 * that little does not pin much.  ERR_NOMEM leaves *out alone. */
MUST_USE enum err slice_keep(struct slice *out, struct slice s);

struct slice slice_ref(struct slice s);
void slice_unref(struct slice *s); /* and clears it */

static inline struct bytes slice_bytes(struct slice s)
{
    return bytes_of(s.data, s.len);
}

#endif
