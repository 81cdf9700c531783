/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.h - how far a subscription got: the mark-delete position, and the acknowledged entries after it.
 *
 * A durable cursor has the id of its subscription's row and lives in the store: its changes are journal records that
 * ride on the next batch (at the latest after ack_delay_ms), its whole state is part of the next checkpoint.  A
 * volatile one (a reader's) is in memory only.  Both follow the topic's chain: acknowledging the last entry of a
 * closed ledger moves on to the next, deleting a ledger moves a mark-delete position before it to its end.
 *
 * With the set go the redelivery counts of unacknowledged entries, durable in the same way: so that a client that gives
 * up on a message after n deliveries gets there although the broker was restarted in between.  A count tells how often
 * clients asked to have the entry again.  What was with a consumer when it, or the broker, died is not counted: nobody
 * knows whether it was looked at, and Pulsar's clients expect so.
 *
 * With it go, too, the batches of which only some messages are acknowledged: which are left.  Durable in the same way;
 * a batch of which none is left is acknowledged.
 *
 * Bounds.  A cursor with nothing acknowledged beyond its mark-delete position: sizeof (struct cursor), about 200 bytes.
 * Beyond it, per ledger with acknowledged entries about 150 bytes, or 500 where message counts differ from 1; per
 * acknowledged entry 2 bits to 2 bytes, as many again for each bit in which its message count differs from 1; a
 * closed ledger that is acknowledged whole about 200 bytes in all.  All of it is kept, however many runs there
 * are (Pulsar keeps 10,000).  Counts: REDELIVERIES_MAX entries.  Partly acknowledged
 * batches: PARTIAL_BYTES_MAX, about 200,000 of ten messages each.  Changes that wait for a batch: CURSOR_CHANGES_MAX
 * of each kind.  Time: an acknowledgement is a few searches in the logarithm of what is there; a checkpoint costs the
 * core a pointer for each ledger, and the first change of a ledger after it copies that ledger's bitmaps. Core thread
 * only.  May call: store.h.
 *
 * Invariant: mark_delete is the greatest position up to which all is acknowledged; no entry at or before it is in the
 * set.  Backlog is computed from the chain and the set, never counted beside them.
 */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include "store/store.h"

struct cursor;

/*
 * Backlogs in messages are exact because whoever moves a cursor says how many messages it passes: the reader of an
 * entry holds its header.  `next_message` is the index in the topic of the first message after the position named
 * (header.first_message + header.messages of the entry there).  It is not used where the chain itself knows: at the
 * start or end of a ledger.  A caller that has not read the entry passes MESSAGES_UNKNOWN or NEXT_MESSAGE_UNKNOWN: the
 * store then takes the header from memory, or else is unsure, durably, until somebody reads it (cursor_unsure,
 * cursor_learn) or the cursor has passed that ledger.
 */
#define MESSAGES_UNKNOWN     UINT32_MAX /* of `messages` */
#define NEXT_MESSAGE_UNKNOWN UINT64_MAX

/* Journals the creation.  mark_delete: everything up to it is acknowledged (POSITION_EARLIEST: nothing). ERR_EXISTS. */
MUST_USE enum err cursor_create(struct store *s, uint64_t subscription, uint64_t topic, struct position mark_delete,
                                uint64_t next_message, struct cursor **out);
/* Of a subscription's row; NULL when there is none. Borrowed: until the row, or the topic, is removed. */
struct cursor *cursor_find(struct store *s, uint64_t subscription);
MUST_USE enum err cursor_new_volatile(struct store *s, uint64_t topic, struct position mark_delete,
                                      uint64_t next_message, struct cursor **out);
void cursor_free_volatile(struct cursor *c);

struct position cursor_mark_delete(const struct cursor *c);
bool cursor_acked(const struct cursor *c, struct position p);

/* One entry, of `messages` messages.  *changed (may be NULL): false when it was acknowledged before, or lies before the
 * chain's start or after the last synced entry. */
MUST_USE enum err cursor_ack(struct cursor *c, struct position p, uint32_t messages, bool *changed);
/* Everything up to and including p; beyond the last synced entry it is clamped to it. */
MUST_USE enum err cursor_ack_cumulative(struct cursor *c, struct position p, uint64_t next_message, bool *changed);
/* Of one entry, of `messages` messages: all but those whose bit is set in `left` (message i: bit i % 64 of word i /
 * 64), and those acknowledged before; words that are not there are zero.  *acked: so many by this call, as far as it is
 * known. ERR_FULL, ERR_TOO_LARGE (more than CURSOR_LEFT_WORDS), ERR_NOMEM change nothing. */
#define CURSOR_LEFT_WORDS 1024u
MUST_USE enum err cursor_ack_partial(struct cursor *c, struct position p, uint32_t messages, const uint64_t *left,
                                     uint32_t words, uint32_t *acked);
/* What is left of an entry, into `left` of CURSOR_LEFT_WORDS: the number of words; 0: all or nothing of it is. */
uint32_t cursor_left(const struct cursor *c, struct position p, uint64_t *left);

/* mark_delete becomes the position before `next`, the set empties: a seek.  `next_message`: the index of the first
 * message at `next` (its header.first_message).  Never refused for a full queue. */
MUST_USE enum err cursor_reset(struct cursor *c, struct position next, uint64_t next_message);

/* A client asked to have the entry again: counted until it is acknowledged, and durable like an acknowledgement without
 * a receipt.  ERR_FULL: it is not counted, so many entries are; ERR_NOMEM.  One that is acknowledged, or not there, is
 * ignored. */
MUST_USE enum err cursor_redelivered(struct cursor *c, struct position p);
/* How often; 0: never. */
uint32_t cursor_redeliveries(const struct cursor *c, struct position p);

/* The first unacknowledged position at or after `from`, along the chain, whether it exists yet or not. */
struct position cursor_next(const struct cursor *c, struct position from);

/* Unacknowledged entries, and the messages in them; exact, the latter unless cursor_unsure: then an estimate. */
uint64_t cursor_backlog_entries(const struct cursor *c);
uint64_t cursor_backlog_messages(const struct cursor *c);
/* True when the messages are not known; *p is then an entry whose header helps.  Learnt one after the other, the
 * cursor is sure in the end. */
bool cursor_unsure(const struct cursor *c, struct position *p);
void cursor_learn(struct cursor *c, struct position p, const struct entry_header *h);
uint64_t cursor_ranges(const struct cursor *c); /* runs of acknowledged entries beyond mark_delete */

/* The first of these that begins behind `after`; a run ends with its ledger.  False: there is none. */
bool cursor_acked_run(const struct cursor *c, struct position after, struct position *first, struct position *last);
size_t cursor_ranges_bytes(const struct cursor *c); /* what they take when they are written */

/* Asserts the invariant. */
void cursor_check(const struct cursor *c);

#endif
