/* SPDX-License-Identifier: Apache-2.0
 *
 * parcel.h - messages on their way to the broker: the open batch, and the SEND frames made of them.
 *
 * A client_send is one message that a user sent.  The open batch collects them until it is full; closing it, or a
 * message that cannot share an entry, makes a client_parcel: one entry, encoded once with its sequence ids and
 * checksum, so that every resend is the same bytes.  Pure: no clock, no connection.  Owner: the loop.
 */
#ifndef CLIENT_PARCEL_H
#define CLIENT_PARCEL_H

#include "base/buffer.h"
#include "base/list.h"
#include "client/message.h"
#include "wire/codec.h"
#include <pulsar/c/result.h>

/* Embedded by who sends; its memory is the sender's again when `done` is called. */
struct client_send {
    struct list node;
    struct client_body *body; /* a reference; the sender's to release */
    uint64_t sequence_id;
    uint64_t deadline_ns; /* UINT64_MAX: none */
    int64_t deliver_at;   /* ms since the epoch; 0: at once */
    size_t charge;        /* what it counts for against the sender's limits */
    /* Ok: `id` is where it is; valid during the call. */
    void (*done)(struct client_send *s, pulsar_result result, const struct _pulsar_message_id *id);
};

struct client_batch {
    struct list sends;
    uint32_t count;
    size_t bytes; /* of payloads and keys: about what the entry will have */
    size_t charge;
};

void client_batch_init(struct client_batch *b);
void client_batch_add(struct client_batch *b, struct client_send *s);

static inline bool client_batch_empty(const struct client_batch *b)
{
    return b->count == 0;
}

/* Whether `s` may share an entry with others: its delivery time, clusters, schema version and transaction are those of
 * an entry. */
bool client_send_shares(const struct client_send *s);
/* What it adds to client_batch.bytes. */
size_t client_send_size(const struct client_send *s);

/* Parcels with small frames are kept when they are finished, and made again of the same memory: a message that is not
 * batched needs one, and allocations were a tenth of what it cost. */
struct client_parcel_pool {
    struct list free; /* with their buffers */
    size_t bytes;     /* of those; bounded */
};

void client_parcel_pool_init(struct client_parcel_pool *pool);
void client_parcel_pool_deinit(struct client_parcel_pool *pool); /* after its last parcel */

/* What is the same for all entries of a producer. */
struct client_parcel_common {
    struct client_parcel_pool *pool; /* outlives the parcels */
    uint64_t producer_id;
    const char *producer_name;
    struct bytes schema_version;
    enum codec codec;
    size_t payload_max; /* after compression */
    uint64_t publish_time_ms;
};

struct client_parcel {
    struct client_parcel_pool *pool;
    struct list node;  /* the owner's; the pool's when it is free */
    struct list sends; /* in order; done is called for all of them */
    uint64_t number;   /* the publisher's, counting up */
    uint32_t count;
    size_t charge;        /* of all sends */
    uint64_t sequence_id; /* of the first */
    uint64_t deadline_ns; /* the earliest */
    struct slice frame;   /* the whole SEND frame */
};

/* Takes the sends over, on OK only.  One send alone becomes a plain message, several a batch.  ERR_TOO_LARGE: beyond
 * payload_max.  ERR_NOMEM. */
MUST_USE enum err client_parcel_new(struct client_parcel **out, struct client_batch *batch,
                                    const struct client_parcel_common *common);

/* Tells every send, in order, with `result` and, on Ok, the id of each from the entry's; then frees the parcel. */
void client_parcel_finish(struct client_parcel *p, pulsar_result result, const struct message_id *entry);

/* True when the frame's bytes still have the checksum they were made with. */
bool client_parcel_intact(const struct client_parcel *p);

#endif
