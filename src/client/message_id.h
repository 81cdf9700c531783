/* SPDX-License-Identifier: Apache-2.0
 *
 * message_id.h - the id of a message as users hold it: a position, and with it the state of its batch.
 *
 * All messages of one received batch share a client_batch_state: which of them are not yet acknowledged.  Its bits
 * belong to the client's loop; its count is atomic, because ids are freed on any thread.  What a user does not hold any
 * more is thus forgotten, and nothing here needs a bound of its own.
 */
#ifndef CLIENT_MESSAGE_ID_H
#define CLIENT_MESSAGE_ID_H

#include "base/err.h"
#include "wire/message_id.h"
#include <pulsar/c/message_id.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct client_batch_state {
    _Atomic uint32_t refs;
    uint32_t size;       /* messages in the batch */
    uint32_t left;       /* not yet acknowledged */
    bool previous_acked; /* a cumulative acknowledgement in mid-batch has acknowledged the entry before */
    uint64_t bits[];     /* a one: not yet acknowledged; owner: the loop */
};

/* One reference; NULL when memory is short. */
struct client_batch_state *client_batch_state_new(uint32_t size);
struct client_batch_state *client_batch_state_ref(struct client_batch_state *s);
void client_batch_state_unref(struct client_batch_state *s); /* NULL is fine */

/* True when that was the last one: the entry can be acknowledged.  A second time for the same index is false. */
bool client_batch_state_ack(struct client_batch_state *s, uint32_t index);
bool client_batch_state_is_acked(const struct client_batch_state *s, uint32_t index);
/* All up to and with `index`. */
bool client_batch_state_ack_until(struct client_batch_state *s, uint32_t index);

/* Embedded in messages; on the heap for users. */
struct _pulsar_message_id {
    int64_t ledger, entry;
    int32_t partition;   /* -1: none */
    int32_t batch_index; /* -1: not in a batch */
    int32_t batch_size;
    int32_t source;                   /* which of the consumer's topics; -1: not known */
    struct client_batch_state *batch; /* NULL: not in a batch, or not received by this program */
};

#define CLIENT_MESSAGE_ID_NONE                                                                                         \
    ((struct _pulsar_message_id){.ledger = -1, .entry = -1, .partition = -1, .batch_index = -1, .source = -1})

/* A copy with a reference of its own to the batch. */
struct _pulsar_message_id client_message_id_ref(const struct _pulsar_message_id *id);
void client_message_id_unref(struct _pulsar_message_id *id);

/* On the heap, for a user; NULL when memory is short. */
struct _pulsar_message_id *client_message_id_new(const struct _pulsar_message_id *id);

/* By ledger, entry, batch index; <0, 0, >0.  No batch index is before the first. */
int client_message_id_compare(const struct _pulsar_message_id *a, const struct _pulsar_message_id *b);
bool client_message_id_same_entry(const struct _pulsar_message_id *a, const struct _pulsar_message_id *b);

struct message_id client_message_id_wire(const struct _pulsar_message_id *id);

#endif
