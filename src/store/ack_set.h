/* SPDX-License-Identifier: Apache-2.0
 *
 * ack_set.h - what one cursor has acknowledged: a mark-delete position, and the entries beyond it.
 *
 * The entries beyond are one entry_set per ledger, numbered with their messages, so that a backlog in messages is a
 * sum of ranks.  An acknowledgement costs a few searches, each in the logarithm of what is there.
 * Owns the sets and nothing else: it knows no journal and no topic; the topic's chain is passed in where an
 * operation has to walk it (`l`, `n`: store_chain's result, see chain.h).  Belongs to one thread.  May call:
 * entry_set.h, chain.h, base/.
 *
 * Invariants (ack_set_check)
 *  1. No entry at or before mark_delete is in a set, and chain_after(mark_delete) is in none.
 *  2. Sets are of ledgers that were in the chain, of entries that were appended; none is empty; ledgers ascend.
 *  3. entries, messages and ranges are the sums of the sets' figures.
 */
#ifndef STORE_ACK_SET_H
#define STORE_ACK_SET_H

#include "base/bytes.h"
#include "base/err.h"
#include "store/entry_set.h"
#include "store/position.h"

struct ledger_info;

/* Whoever moves a cursor says how many messages it passes, or that it does not know: then the set remembers which
 * headers it would have to see (ack_set_unsure), and is told what they say when somebody wants exact figures. */
#define ACK_INDEX_UNKNOWN UINT64_MAX          /* of next_message */
#define ACK_COUNT_UNKNOWN ENTRY_NUMBER_UNSURE /* of the messages in an entry */

/* Embedded in a cursor; the fields are private to ack_set.c and cursor_row.c, read through the functions below. */
struct ack_set {
    struct position mark_delete;
    uint64_t next_message;      /* topic index of the first message after mark_delete; or ACK_INDEX_UNKNOWN */
    struct entry_sets sets;     /* empty while nothing is acknowledged beyond mark_delete */
    uint64_t entries, messages; /* acknowledged beyond mark_delete */
    uint64_t ranges;            /* runs of neighbours among them; a run ends with its ledger */
};

/* Everything up to mark_delete is acknowledged (POSITION_EARLIEST: nothing), nothing after it.  `next_message` is the
 * index in the topic of the first message after it: what exact backlogs in messages are computed from. */
void ack_set_init(struct ack_set *s, struct position mark_delete, uint64_t next_message);
void ack_set_deinit(struct ack_set *s);
/* As deinit and init: a seek. */
void ack_set_reset(struct ack_set *s, struct position mark_delete, uint64_t next_message);

/* One entry of `messages` messages.  *changed (may be NULL): false when it was acknowledged before, or is not in the
 * chain.  mark_delete moves on when what follows it is now acknowledged.  ERR_NOMEM changes nothing. */
MUST_USE enum err ack_set_ack(struct ack_set *s, const struct ledger_info *l, size_t n, struct position p,
                              uint32_t messages, bool *changed);
/* The entries [first, last] of one ledger, each of `messages` messages; those acknowledged before keep their counts,
 * those that are not in the chain are left out. */
MUST_USE enum err ack_set_ack_range(struct ack_set *s, const struct ledger_info *l, size_t n, uint64_t ledger,
                                    uint32_t first, uint32_t last, uint32_t messages, bool *changed);
/* Everything up to and including p; beyond the last entry it is clamped to it.  `next_message`: topic index of the
 * first message after p; not used when p is the end of a ledger or clamped, where the chain knows. */
void ack_set_ack_cumulative(struct ack_set *s, const struct ledger_info *l, size_t n, struct position p,
                            uint64_t next_message, bool *changed);
/* A ledger that was the first of its chain is gone: a mark-delete position in or before it moves to its end, what was
 * acknowledged in it is forgotten.  `l`, `n`: the chain without it. */
void ack_set_drop_ledger(struct ack_set *s, const struct ledger_info *gone, const struct ledger_info *l, size_t n);

static inline struct position ack_set_mark_delete(const struct ack_set *s)
{
    return s->mark_delete;
}

/* At or before mark_delete, or in the set. */
bool ack_set_acked(const struct ack_set *s, struct position p);
/* The first unacknowledged position at or after `from`, along the chain, whether it exists yet or not. */
struct position ack_set_next(const struct ack_set *s, const struct ledger_info *l, size_t n, struct position from);

/* What is not acknowledged, of what was appended. */
uint64_t ack_set_backlog_entries(const struct ack_set *s, const struct ledger_info *l, size_t n);
/* Exact when it is not unsure; else an unknown entry counts one message, and those of the ledger that mark_delete is in
 * are shared out evenly. */
uint64_t ack_set_backlog_messages(const struct ack_set *s, const struct ledger_info *l, size_t n);
/* True when the messages are not known; *p is then an entry whose header helps. */
bool ack_set_unsure(const struct ack_set *s, const struct ledger_info *l, size_t n, struct position *p);
/* The header of the entry at p says this.  Short of memory nothing is learnt. */
void ack_set_learn(struct ack_set *s, const struct ledger_info *l, size_t n, struct position p, uint64_t first_message,
                   uint32_t messages);

/* Closed ledgers of which all is acknowledged are made whole: they cost little then, and their messages are those that
 * the ledger counted.  Before a checkpoint. */
void ack_set_compact(struct ack_set *s, const struct ledger_info *l, size_t n);
/* Sets that were read from a row take the place of an empty *s's.  ERR_CORRUPT when they break an invariant; then they
 * stay the caller's. */
MUST_USE enum err ack_set_load(struct ack_set *s, struct entry_sets *sets);

/* Asserts the invariants; with `l` NULL those that need no chain. */
void ack_set_check(const struct ack_set *s, const struct ledger_info *l, size_t n);

#endif
