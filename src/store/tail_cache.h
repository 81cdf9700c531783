/* SPDX-License-Identifier: Apache-2.0
 *
 * tail_cache.h - synced entries kept in memory by reference, the newest of all ledgers.
 *
 * Each ledger embeds a tail_run: consecutive entries of it, ending with its newest.  When the budget is spent the
 * entry that came first, of whichever ledger, goes; being the oldest of the cache it is the oldest of its run, so
 * runs stay without gaps. An entry is charged for what it pins: one that fills less than half of its buffer is
 * copied into one of its own, unless the buffer is one that the journal gathers small entries in, where neighbours
 * come and go together. Core thread.  May call: base/, store.h.
 */
#ifndef STORE_TAIL_CACHE_H
#define STORE_TAIL_CACHE_H

#include "base/list.h"
#include "store/store.h"

struct cached_entry;

struct tail_run { /* embedded in a ledger; private */
    struct cached_entry **ring;
    uint32_t head, count, capacity; /* capacity: a power of two, or 0 */
    uint32_t first;                 /* id of the entry at head */
};

struct tail_cache {    /* private */
    struct list order; /* of cached_entry, oldest first */
    struct budget budget;
    uint64_t entries, evictions; /* now; since it was made */
};

void tail_cache_init(struct tail_cache *c, size_t bytes);
void tail_cache_deinit(struct tail_cache *c); /* after all runs */

void tail_run_init(struct tail_run *r);
/* Forgets the ledger's entries. */
void tail_run_deinit(struct tail_cache *c, struct tail_run *r);

/* The entry after the run's last, or any when the run is empty; takes a reference of its own.  When memory is short the
 * run is emptied instead: it is a cache. */
void tail_cache_add(struct tail_cache *c, struct tail_run *r, uint64_t ledger, uint32_t id,
                    const struct entry_header *h, struct slice bytes, bool gathered);

/* Borrowed until the next add; NULL when it is not here. */
const struct entry *tail_run_find(const struct tail_run *r, uint32_t id);

#endif
