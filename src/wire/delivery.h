/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery.h - the commands of consuming: MESSAGE, ACK and FLOW, by hand.
 *
 * Equal to protobuf-c's coding of the same commands, as publish.h says.
 * Pure.  May call: base/, frame.h, message_id.h, entry_view.h.
 */
#ifndef WIRE_DELIVERY_H
#define WIRE_DELIVERY_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "wire/entry_view.h"
#include "wire/frame.h"
#include "wire/message_id.h"

struct message_command {
    uint64_t consumer_id;
    struct message_id id; /* ledger, entry and partition travel; and the ack set, when it has words */
    uint32_t redelivery_count;
    bool has_consumer_epoch;
    uint64_t consumer_epoch;
};

/* Broker entry metadata for the message, for a client that asked for it. */
struct broker_entry {
    uint64_t timestamp_ms;
    uint64_t index;
};

/* The most that message_head_encode writes, with an ack set of so many words. */
#define MESSAGE_HEAD_MAX(ack_set_words) (FRAME_HEAD_SIZE + 96 + 11u * (ack_set_words) + ENTRY_BROKER_HEAD_MAX)

/* Writes all of a MESSAGE frame that stands before the stored entry of entry_len bytes; asserts that it fits into
 * `size`; returns its length.  The caller sends it, then the entry.  `broker_entry` may be NULL. */
size_t message_head_encode(uint8_t *out, size_t size, const struct message_command *message,
                           const struct broker_entry *broker_entry, size_t entry_len);

/* The ack set is put in the arena.  ERR_PROTOCOL, ERR_NOMEM. */
MUST_USE enum err message_decode(struct bytes command, struct arena *arena, struct message_command *out);

struct ack {
    uint64_t consumer_id;
    bool is_cumulative;
    bool has_request_id; /* an ACK_RESPONSE is wanted */
    uint64_t request_id;
    bool has_validation_error;
    Wire__CommandAck__ValidationError validation_error;
    bool in_transaction; /* both halves of the id are set */
    uint64_t transaction_most, transaction_least;
    uint32_t count;               /* may be 0 */
    const struct message_id *ids; /* in the arena, with their ack sets */
};

/* ERR_PROTOCOL, ERR_NOMEM. */
MUST_USE enum err ack_decode(struct bytes command, struct arena *arena, struct ack *out);

struct flow {
    uint64_t consumer_id;
    uint32_t permits; /* as sent: 0 too */
};

MUST_USE enum err flow_decode(struct bytes command, struct flow *out);

#endif
