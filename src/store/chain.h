/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.h - walking a topic's ledgers: pure functions over store_chain's result (`l`, `n`, oldest first).
 *
 * A position may name a ledger that is no more (trimmed): it then stands before the next one that is.
 */
#ifndef STORE_CHAIN_H
#define STORE_CHAIN_H

#include "store/store.h"

/* The ledger of the chain with this id, or NULL. */
const struct ledger_info *chain_find(const struct ledger_info *l, size_t n, int64_t ledger);
/* True when there is such an entry. */
bool chain_has(const struct ledger_info *l, size_t n, struct position p);

/* The position of the entry that follows p: the next in its ledger, or entry 0 of the next non-empty ledger, or where
 * the next append to the last ledger will land.  With an empty chain: p itself made non-negative. */
struct position chain_after(const struct ledger_info *l, size_t n, struct position p);
/* The last entry, skipping empty ledgers; POSITION_EARLIEST when there is none. */
struct position chain_last(const struct ledger_info *l, size_t n);
/* The first entry, or where it will be. */
struct position chain_first(const struct ledger_info *l, size_t n);
/* The last entry at or before p; POSITION_EARLIEST when there is none. */
struct position chain_floor(const struct ledger_info *l, size_t n, struct position p);
/* Entries in (after, upto]. */
uint64_t chain_entries_between(const struct ledger_info *l, size_t n, struct position after, struct position upto);
/* True when both stand at the same place: the end of a closed ledger equals the next one's -1. */
bool chain_same_place(const struct ledger_info *l, size_t n, struct position a, struct position b);

#endif
