/* SPDX-License-Identifier: Apache-2.0
 *
 * message_id.h - where a message is, as the wire says it.
 *
 * The protocol's 64-bit ids are unsigned; here they are signed, because -1 is "before the first" in them.
 */
#ifndef WIRE_MESSAGE_ID_H
#define WIRE_MESSAGE_ID_H

#include "base/bytes.h"
#include "pulsar.pb-c.h"

struct message_id {
    int64_t ledger;
    int64_t entry;
    int32_t partition;       /* -1: the topic is not a partition */
    int32_t batch_index;     /* -1: not in a batch */
    int32_t batch_size;      /* 0: not said */
    uint32_t ack_set_words;  /* 0: not said */
    const uint64_t *ack_set; /* a one: not yet acknowledged.  Whose memory it is, the giver says */
};

#define MESSAGE_ID_OF(ledger_, entry_)                                                                                 \
    ((struct message_id){.ledger = (ledger_), .entry = (entry_), .partition = -1, .batch_index = -1})

/* Borrows the ack set from `from`; NULL gives MESSAGE_ID_OF(-1, -1). */
struct message_id message_id_from(const Wire__MessageIdData *from);

/* Fills *to for encoding; borrows the ack set. */
void message_id_to(const struct message_id *id, Wire__MessageIdData *to);

#endif
