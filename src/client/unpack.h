/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack.h - an entry from the broker, taken apart into messages.
 *
 * Pure: bytes in, bodies out.  Runs on the loop.
 */
#ifndef CLIENT_UNPACK_H
#define CLIENT_UNPACK_H

#include "base/arena.h"
#include "client/message.h"
#include "wire/delivery.h"

#define CLIENT_UNCOMPRESSED_MAX (128u * 1024 * 1024) /* beyond it an entry is taken for damaged */

struct client_unpacked {
    struct list bodies;               /* of messages to be given out, in order; by body->node */
    uint32_t count;                   /* of those */
    uint32_t messages;                /* what the entry cost in permits */
    struct client_batch_state *batch; /* while it is being unpacked */
    bool all_acked;                   /* nothing is left of it to acknowledge but the entry itself */
};

struct client_unpack {
    const char *topic;
    int32_t partition, source;
    const struct _pulsar_message_id *start; /* up to and with this one nothing is given out; NULL: no such */
    bool start_inclusive;                   /* this one is */
};

/* The message's permits when the entry cannot be read: out->messages, as well as can be told, is set even then, and
 * out->bodies is empty.
 * ERR_CHECKSUM; ERR_CORRUPT: cannot be uncompressed; ERR_PROTOCOL: not an entry, or not the batch it says it is;
 * ERR_TOO_LARGE; ERR_UNSUPPORTED: encrypted, a chunk, or an unknown compression; ERR_NOMEM. */
MUST_USE enum err client_unpack(const struct client_unpack *how, const struct message_command *message,
                                struct bytes entry, struct arena *arena, struct client_unpacked *out);

#endif
