/* SPDX-License-Identifier: Apache-2.0
 *
 * delay_index.h - which entries of a topic are to be delivered later, and when: in a few bytes each.
 *
 * Entries stand in order of position, in blocks of up to DELAY_BLOCK_ENTRIES of one ledger, each as two differences to
 * the entry before it: of entry ids, and of times.  So an entry takes 2 bytes where all are delayed by as much as the
 * one before, 4 to 7 where delays are random within weeks, and never more than 12; a block costs 150 bytes besides.  A
 * million entries are 2 to 8 MB, and DELAY_INDEX_BYTES_MAX is told by delay_index_bytes.
 *
 *     position   7:100  7:101  7:102  ..7:290 | 7:291 ..........| 9:0 .............      blocks, in a tree
 *     time        1700   1650   9000          |                 |
 *                        ^ earliest of the block: blocks are in a heap by it
 *
 * What is due is taken out of the blocks whose earliest time has come, each read through once.  An entry that was taken
 * is one whose time lies before the block's earliest, so nothing is marked; a block that is mostly taken is written
 * anew.  Positions in the index can be passed over without reading them anywhere.
 *
 * Owns its memory and nothing else: no clock, no topic.  Core thread.  May call: base/, store/position.h.
 */
#ifndef BROKER_DELAY_INDEX_H
#define BROKER_DELAY_INDEX_H

#include "base/err.h"
#include "base/heap.h"
#include "base/tree.h"
#include "store/position.h"
#include <stddef.h>

#define DELAY_BLOCK_ENTRIES 256u
#define DELAY_MS_MAX        ((INT64_C(1) << 48) - 1) /* the latest time that can be kept: in the year 10889 */

struct delay_index {
    struct tree blocks; /* private, as all the rest */
    struct heap earliest;
    size_t count, bytes;
};

void delay_index_init(struct delay_index *x);
/* Empties it; it can be used again. */
void delay_index_clear(struct delay_index *x);
void delay_index_deinit(struct delay_index *x);

/* Entries, and what they take. */
static inline size_t delay_index_count(const struct delay_index *x)
{
    return x->count;
}
static inline size_t delay_index_bytes(const struct delay_index *x)
{
    return x->bytes;
}

/* The entry is not there yet, and no entry behind it in its block; 0 <= ms <= DELAY_MS_MAX.  ERR_NOMEM. */
MUST_USE enum err delay_index_add(struct delay_index *x, struct position p, int64_t ms);

/* The earliest time of all; INT64_MAX: the index is empty. */
int64_t delay_index_earliest(const struct delay_index *x);

/* Takes out what is due at `now_ms`, in no order, from up to `blocks_max` blocks.  True: that was all of it. */
bool delay_index_take(struct delay_index *x, int64_t now_ms, unsigned blocks_max,
                      void (*due)(void *ctx, struct position p), void *ctx);

/* The first position at or after p, in its ledger, that is not in the index. */
struct position delay_index_skip(const struct delay_index *x, struct position p);

/* How many are in the index after `after` and before `before`. */
size_t delay_index_between(const struct delay_index *x, struct position after, struct position before);

/* Nobody needs the entries up to and including p: frees the blocks that lie there as a whole. */
void delay_index_forget_upto(struct delay_index *x, struct position p);

/* A time before which about half of the entries lie, of a sample of the blocks; INT64_MAX when there are none. */
int64_t delay_index_median(const struct delay_index *x);
/* Forgets the entries at or after `ms` of up to `blocks_max` blocks from `*from` on, which moves behind them (it is
 * POSITION_EARLIEST first).  True: that was the last of them.  Where memory is short, some stay. */
bool delay_index_cut(struct delay_index *x, int64_t ms, struct position *from, unsigned blocks_max);

/* Asserts the invariants. */
void delay_index_check(const struct delay_index *x);

#endif
