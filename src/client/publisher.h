/* SPDX-License-Identifier: Apache-2.0
 *
 * publisher.h - the producer of one topic, or of one partition.
 *
 *     sends -> the open batch -> pending parcels -> the broker -> receipts
 *
 * Rules.
 *  1. Sends reach the broker in the order of client_publisher_send, whatever happens to the connection.
 *  2. A parcel stays pending until its receipt, a refusal that is its own, or its time-out.  After a reconnect all
 * pending parcels are sent again, in order, the same bytes.
 *  3. Receipts are for the oldest pending parcel.  One with a smaller sequence id is for a parcel that timed out; one
 * with a greater id means that something was lost, and the connection is given up.
 *  4. Every send completes exactly once, in order but for those refused alone (too large, not allowed).
 *  5. What is pending is bounded by the caller, who counts sends (producer.c's gate).  It hears that sends leave before
 * the first of them is told, so that who is told may send again.
 *
 * Owner: the loop.
 */
#ifndef CLIENT_PUBLISHER_H
#define CLIENT_PUBLISHER_H

#include "client/link.h"
#include "client/parcel.h"

struct client_publisher;

/* Embedded by who flushes. */
struct client_flush {
    struct list node;
    uint64_t until; /* the last parcel made before it */
    pulsar_result result;
    void (*done)(struct client_flush *f, pulsar_result result);
};

enum client_publisher_state {
    PUBLISHER_CREATING, /* not attached yet for the first time */
    PUBLISHER_OPEN,
    PUBLISHER_CLOSING, /* takes no more sends */
    PUBLISHER_CLOSED,
};

struct client_publisher {
    /* Set at creation. */
    struct client_core *core;
    const struct _pulsar_producer_configuration *config;
    char *topic;
    int32_t partition; /* -1: none */
    void *owner;
    void (*on_created)(struct client_publisher *p, pulsar_result result);
    /* So many sends, of so much charge, are about to be told; NULL: nobody counts them. */
    void (*on_leaving)(struct client_publisher *p, uint32_t sends, size_t charge);

    enum client_publisher_state state;
    char *name; /* NULL until the broker or the user gave one */
    _Atomic bool attached;
    _Atomic int64_t last_sequence_id; /* acknowledged by the broker */
    struct bytes schema_version;      /* owned */

    struct client_link link;
    struct client_request request; /* PRODUCER, then CLOSE_PRODUCER */
    struct timer creation;         /* how long the first attach may take */
    uint64_t epoch, topic_epoch;
    bool has_topic_epoch;

    uint64_t next_sequence_id;
    struct client_batch batch;
    struct timer batch_timer;
    struct list pending; /* parcels */
    struct timer send_timer;
    uint64_t parcels_made;
    struct log_rate refusals; /* how often they are logged */
    pulsar_result failed;     /* Ok, or why nothing can be sent any more */

    struct list flushes;
    void (*on_closed)(struct client_publisher *p, pulsar_result result);
    struct timer closing;
};

/* `config` must outlive the publisher; `topic` is the full name of the topic or partition.  on_created is called once,
 * later; unless its result is Ok the publisher is closed, to be freed.  ERR_NOMEM. */
MUST_USE enum err client_publisher_new(struct client_publisher **out, struct client_core *core,
                                       const struct _pulsar_producer_configuration *config, const char *topic,
                                       void *owner,
                                       void (*on_created)(struct client_publisher *p, pulsar_result result));
/* Only when closed, and not in a callback of the publisher's. */
void client_publisher_free(struct client_publisher *p);

/* Takes the send until its done; s->body and s->done are set.  done may be called before it returns: closed, failed,
 * too large. */
void client_publisher_send(struct client_publisher *p, struct client_send *s);

/* Sends the open batch; f->done once all sends before have completed, with Ok or the first failure among them. */
void client_publisher_flush(struct client_publisher *p, struct client_flush *f);

/* Takes no more sends, waits for what is pending as long as it is connected, at most the operation timeout, then leaves
 * the topic.  With `now` it waits for nothing: pending sends fail, the broker is told and not awaited.  A second close
 * replaces the first one's manner.  `closed` is called once, later unless `now`. */
void client_publisher_close(struct client_publisher *p, bool now,
                            void (*closed)(struct client_publisher *p, pulsar_result result));

#endif
