/* SPDX-License-Identifier: Apache-2.0
 *
 * compactor.h - which messages of a topic compaction keeps, and their entries without the others: pure, no I/O.
 *
 * Goes by the partition key: of each key the newest message stays, and none if that is empty or a null value.  Messages
 * without a key go, unless they are to be kept.  Two passes over the same entries in the same order, from the oldest:
 *
 *     compactor_learn every entry; once more from the start, while compactor_turn says so
 *     compactor_write every entry
 *
 * What an entry is to be is known by the running number of each message in it.  The first pass maps keys to numbers and
 * leaves a bitmap of those that stay; the second needs the bitmap only.
 *
 * Bounds.  The map has a budget of bytes.  When keys do not fit, half of them (by a bit of their hash) are left for
 * another turn through the entries, and half of these again if need be: more keys cost time, not memory.  The bitmap
 * has a bit for each message, of COMPACTOR_MESSAGES_MAX at most.  ERR_TOO_LARGE: neither helps.
 *
 * Entries that cannot be looked into stay as they are: batches that are encrypted and have no key of their own, chunks
 * of larger messages, and what does not decompress.  Markers go.
 *
 * Used by one thread at a time, any: it counts no references.  May call: base/, wire/, store/store.h for the types.
 */
#ifndef BROKER_COMPACTOR_H
#define BROKER_COMPACTOR_H

#include "store/store.h"

#define COMPACTOR_MESSAGES_MAX (UINT64_C(1) << 31)

struct compactor;

/* NULL: memory is short. */
struct compactor *compactor_new(bool keep_null_keys, size_t keys_bytes_max, uint64_t seed);
void compactor_free(struct compactor *c); /* NULL is fine */

/* `bytes` are the client's. */
MUST_USE enum err compactor_learn(struct compactor *c, const struct entry_header *header, struct bytes bytes);
/* The entries are through.  *again: all of them are to be learnt once more, from the first. */
MUST_USE enum err compactor_turn(struct compactor *c, bool *again);
/* After the last of these, the same entries once more.  *out: a copy of what is to be kept, with `room` bytes before it
 * that are the caller's; of length 0: nothing.  *last: the index in the entry of its last message that stays. */
MUST_USE enum err compactor_write(struct compactor *c, const struct entry_header *header, struct bytes bytes,
                                  size_t room, struct slice *out, uint32_t *last);

/* How many turns the first pass took; and, after the second, how many messages stay, and how many do not. */
unsigned compactor_turns(const struct compactor *c);
uint64_t compactor_kept(const struct compactor *c);
uint64_t compactor_removed(const struct compactor *c);

#endif
