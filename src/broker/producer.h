/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.h - one producer of a topic: its name, its access mode, its publishes under way.
 *
 * Owned by its topic, reached from a session by pointer until producer_close, producer_detach, or the sink's
 * close_producer: after any of these the pointer is dead.
 */
#ifndef BROKER_PRODUCER_H
#define BROKER_PRODUCER_H

#include "broker/topic.h"

enum access_mode {
    ACCESS_SHARED,
    ACCESS_EXCLUSIVE,
    ACCESS_WAIT_FOR_EXCLUSIVE,
    ACCESS_EXCLUSIVE_WITH_FENCING
}; /* as on the wire */

struct producer_close;

struct producer {
    struct topic *topic;
    struct sink *sink;
    uint64_t id;     /* the connection's name for it */
    char *name;      /* unique in the topic */
    bool name_given; /* by the user, not by the broker */
    enum access_mode access;
    size_t pending;                 /* publishes under way */
    struct producer_close *closing; /* waits for them to end; NULL: it stays */
    int64_t connected_ms;
    uint64_t messages_in, bytes_in;
    struct rate rate_in, rate_drop;
};

struct producer_open {
    struct broker_op op;
    struct sink *sink;
    uint64_t producer_id;
    struct topic_name topic;
    const char *name; /* NULL or empty: the broker makes one.  Lives until done */
    bool name_given;  /* user_provided_producer_name */
    enum access_mode access;
    bool encrypted;
    const char *initial_subscription; /* made at the earliest position, or NULL */

    /* While the disk is full; private. */
    struct list held;
    uint64_t held_until_ns; /* 0: was not held yet */

    /* When done OK: */
    struct producer *producer;
    int64_t last_sequence_id; /* -1 */
};

/* Refusals: what topic_obtain says; ERR_BUSY about the producer: the name is connected, and its connection lives;
 * ERR_NOSPACE: the disk is full, come again; it is told after PRODUCER_HOLD_MS only, so that clients that come again at
 * once do not storm, and not at all when there is room before; ERR_UNSUPPORTED: access modes other than Shared.  The
 * sink has no other producer with this id. */
void producer_open(struct broker *b, struct producer_open *op);
#define PRODUCER_HOLD_MS 5000
/* The broker stops: nobody waits for room any more. */
void producers_release(struct broker *b);
/* For the broker's timer. */
void producers_held(struct timer *timer);

struct publish {
    uint64_t sequence_id, highest_sequence_id;
    uint32_t messages; /* >= 1 */
    uint16_t flags;    /* enum entry_flags */
    bool marker;       /* not for consumers: they never see it */
    bool crowded;      /* its connection has not taken the receipts before it: dropped, where nothing is kept */
    int64_t publish_ms;
    struct slice bytes; /* the entry: checksum, metadata, payload; the caller's reference stays the caller's */
};

/* Ends with the sink's `published`, in order of the calls. */
void producer_publish(struct producer *p, const struct publish *m);

/* The client closes it: done when its publishes under way have ended. */
struct producer_close {
    struct broker_op op;
};
void producer_close(struct producer *p, struct producer_close *op);

/* Its connection is gone; also while it is being closed. */
void producer_detach(struct producer *p);

/* ---- for topics ---- */

/* Tells the client to look up again, and frees. */
void producer_dismiss(struct producer *p);
void topic_dismiss_producers(struct topic *t);
/* One of its publishes ended: a closing one may be done. */
void producer_settle(struct producer *p);
/* Of a topic that goes without a word. */
void producer_free(struct producer *p);

#endif
