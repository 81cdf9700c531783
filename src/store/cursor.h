/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.h - how far a subscription got: the mark-delete position, and the acknowledged entries after it.
 *
 * A durable cursor has the id of its subscription's row and lives in the store: its changes are journal records that
 * ride on the next batch (at the latest after ack_delay_ms), its whole state is part of the next checkpoint.  A volatile one
 * (a reader's) is in memory only.  Both follow the topic's chain: acknowledging the last entry of a closed ledger moves
 * on to the next, deleting a ledger moves a mark-delete position before it to its end.
 * Core thread only.  May call: store.h.
 *
 * Invariant: mark_delete is the greatest position up to which all is acknowledged; no entry at or before it is in the
 * set.  Backlog is computed from the chain and the set, never counted beside them.
 */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include "store/store.h"

struct cursor;

/* Journals the creation.  mark_delete: everything up to it is acknowledged (POSITION_EARLIEST: nothing). */
MUST_USE enum err cursor_create(struct store *s, uint64_t subscription, uint64_t topic, struct position mark_delete,
                                struct cursor **out);
/* Of a subscription's row; NULL when there is none. Borrowed: until the row, or the topic, is removed. */
struct cursor *cursor_find(struct store *s, uint64_t subscription);
MUST_USE enum err cursor_new_volatile(struct store *s, uint64_t topic, struct position mark_delete, struct cursor **out);
void cursor_free_volatile(struct cursor *c);

struct position cursor_mark_delete(const struct cursor *c);
bool cursor_acked(const struct cursor *c, struct position p);

/* *changed (may be NULL): false when it was acknowledged before, or lies before the chain's start or after its end. */
MUST_USE enum err cursor_ack(struct cursor *c, struct position p, bool *changed);
/* Everything up to and including p; beyond the last entry it is clamped to it. */
MUST_USE enum err cursor_ack_cumulative(struct cursor *c, struct position p, bool *changed);
/* mark_delete becomes the position before `next`, the set empties: a seek. */
MUST_USE enum err cursor_reset(struct cursor *c, struct position next);

/* The first unacknowledged position at or after `from`, along the chain, whether it exists yet or not. */
struct position cursor_next(const struct cursor *c, struct position from);

/* Unacknowledged entries, and the messages in them; exact for entries; messages of acknowledged entries beyond
 * mark_delete are known from the set's message counts. */
uint64_t cursor_backlog_entries(const struct cursor *c);
uint64_t cursor_backlog_messages(const struct cursor *c);
uint64_t cursor_ranges(const struct cursor *c); /* runs of acknowledged entries beyond mark_delete */

/* Asserts the invariant. */
void cursor_check(const struct cursor *c);

#endif
