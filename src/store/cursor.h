/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.h - how far a subscription got: the mark-delete position, and the acknowledged entries after it.
 *
 * A durable cursor has the id of its subscription's row and lives in the store: its changes are journal records that
 * ride on the next batch (at the latest after ack_delay_ms), its whole state is part of the next checkpoint.  A
 * volatile one (a reader's) is in memory only.  Both follow the topic's chain: acknowledging the last entry of a
 * closed ledger moves on to the next, deleting a ledger moves a mark-delete position before it to its end.
 * Core thread only.  May call: store.h.
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
 * start or end of a ledger.  A caller that has not read the entry passes MESSAGES_UNKNOWN or NEXT_MESSAGE_UNKNOWN:
 * the store then takes the header from memory, or else counts one message for an entry and shares a ledger's
 * messages out evenly, until the cursor has passed that ledger.
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
/* mark_delete becomes the position before `next`, the set empties: a seek.  `next_message`: the index of the first
 * message at `next` (its header.first_message).  Never refused for a full queue. */
MUST_USE enum err cursor_reset(struct cursor *c, struct position next, uint64_t next_message);

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
