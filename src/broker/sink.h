/* SPDX-License-Identifier: Apache-2.0
 *
 * sink.h - where the broker sends what it has to tell one connection.
 *
 * The broker's producers and consumers belong to a sink; it knows nothing else of connections.  session/ implements it
 * for the wire, tests and the health check with a few lines of their own.  All calls are on the core thread; none may
 * call back into the broker before it has returned, none fails: a sink whose peer is gone swallows.
 *
 * Life: a sink outlives every producer, consumer and operation made with it.  Its owner detaches the producers and
 * consumers when the peer leaves (producer_detach, consumer_detach), and keeps the memory until `published` was called
 * for each publish and `done` for each operation.
 */
#ifndef BROKER_SINK_H
#define BROKER_SINK_H

#include "base/list.h"
#include "store/store.h"

struct sink;

/* An entry for a consumer. */
struct delivery {
    uint64_t consumer_id;
    const struct entry *entry; /* borrowed: the sink takes a reference of entry->bytes when it keeps them */
    int32_t partition;         /* of the topic, or PARTITION_NONE */
    uint32_t redelivery_count;
    int64_t consumer_epoch; /* -1: the consumer does not count any */
    /* Of a batch that is acknowledged in part the messages that are not, as bits; borrowed; 0 words: it is not. */
    const uint64_t *left;
    uint32_t left_words;
};

/* How one publish ended. */
struct published {
    uint64_t producer_id;
    uint64_t sequence_id, highest_sequence_id;
    size_t len;               /* of the entry that was given to publish */
    struct position position; /* on OK; POSITION_EARLIEST: it was there already, and is not stored twice */
    /* OK: durable.  ERR_CLOSED: the producer was closed meanwhile, which its client has been told: nothing is answered.
     * ERR_TERMINATED, ERR_TOO_LARGE, ERR_UNSUPPORTED (its delay is too long), ERR_INVALID (it is not encrypted): about
     * this message alone. */
    enum err err;
};

/* A question whether the peer still lives; embedded by who asks. */
struct probe {
    /* False: the peer did not answer in time; its connection was closed, and its producers and consumers were
     * detached, before this call.  Also called, with false, when the connection ends by itself. */
    void (*done)(struct probe *p, bool alive);
    struct list node; /* the sink's, until done */
};

struct sink_ops {
    /* False while the peer does not take what it was sent: dispatch sends no more until consumer_writable(). */
    bool (*writable)(struct sink *s);
    void (*message)(struct sink *s, const struct delivery *d);
    void (*published)(struct sink *s, const struct published *p);
    /* The producer or consumer is no more, and must not be used again; the client shall look up and come back. */
    void (*close_producer)(struct sink *s, uint64_t producer_id);
    void (*close_consumer)(struct sink *s, uint64_t consumer_id);
    /* Failover: who is served. */
    void (*active_changed)(struct sink *s, uint64_t consumer_id, bool active);
    void (*end_of_topic)(struct sink *s, uint64_t consumer_id);
    void (*probe)(struct sink *s, struct probe *p);
};

struct sink {
    const struct sink_ops *ops;
    const char *peer;           /* address, for logs and stats; lives as long as the sink */
    const char *client_version; /* likewise */
    const char *role;           /* likewise; NULL: nobody knows */
};

#endif
