/* SPDX-License-Identifier: Apache-2.0
 *
 * message_id_fields.h - what publish.c and delivery.c share: envelopes and MessageIdData by hand.
 *
 * Private to wire/.  May call: fields.h, message_id.h.
 */
#ifndef WIRE_MESSAGE_ID_FIELDS_H
#define WIRE_MESSAGE_ID_FIELDS_H

#include "base/arena.h"
#include "wire/fields.h"
#include "wire/message_id.h"

/* A set of field numbers below 32, as bits. */
static inline uint32_t field_bit(const struct field *f)
{
    return f->number < 32 ? 1u << f->number : 0;
}

/* True if all fields first .. last are in the set. */
static inline bool fields_seen(uint32_t seen, unsigned first, unsigned last)
{
    uint32_t wanted = (2u << last) - (1u << first);
    return (seen & wanted) == wanted;
}

/* An envelope whose body will be shorter than 128 bytes: opens it at `command` and returns where the body goes; closing
 * writes the length and returns that of the whole command. */
uint8_t *command_open_short(uint8_t *command, unsigned type);
size_t command_close_short(uint8_t *command, const uint8_t *end);

/* Ledger, entry, and partition unless -1, as field `number`. */
uint8_t *message_id_put(uint8_t *p, unsigned number, const struct message_id *id);
size_t message_id_put_len(const struct message_id *id);

/* All of it but the ack set's words, which are counted; false: not a MessageIdData. */
bool message_id_get(const struct field *f, struct message_id *out);

/* The words of `number`, a repeated int64 of `message`, in the arena.  `words` is their count, from field_words. */
MUST_USE enum err ack_set_get(struct bytes message, uint32_t number, uint32_t words, struct arena *arena,
                              const uint64_t **out);

/* How many words one field of a repeated int64 holds (packed or not); false: of the wrong kind, or broken. */
bool field_words(const struct field *f, uint32_t *words);

#endif
