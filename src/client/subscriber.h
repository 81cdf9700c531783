/* SPDX-License-Identifier: Apache-2.0
 *
 * subscriber.h - the consumer of one topic, or of one partition.
 *
 *     the broker -> entries -> messages -> the queue -> the user -> acknowledgements -> the broker
 *
 * Rules.
 *  1. The broker may send as many messages as we granted; we grant the queue's size when attached, and again what
 *     was taken (or dropped) when that is half of it.
 *  2. When the subscriber is detached, what the broker sent to it and no user took is dropped: the broker sends it
 * again.  Grants start anew.
 *  3. An entry is acknowledged when all its messages are.
 *  4. Acknowledgements are kept through reconnects, and sent before SEEK and CLOSE_CONSUMER.
 *
 * Owner: the loop.
 */
#ifndef CLIENT_SUBSCRIBER_H
#define CLIENT_SUBSCRIBER_H

#include "client/acks.h"
#include "client/dead_letter.h"
#include "client/due.h"
#include "client/link.h"
#include "client/queue.h"

struct client_subscriber;

enum client_ask_kind { ASK_SEEK_ID, ASK_SEEK_TIME, ASK_LAST_ID, ASK_UNSUBSCRIBE, ASK_ACK };

/* Something the broker is asked through the subscriber.  Waits for it to be attached, and is asked again after a
 * reconnect, until the operation timeout.  Embedded by who asks. */
struct client_ask {
    struct list node;
    struct client_subscriber *subscriber;
    enum client_ask_kind kind;
    struct _pulsar_message_id id;                 /* ASK_SEEK_ID, ASK_ACK */
    uint64_t time_ms;                             /* ASK_SEEK_TIME */
    uint64_t transaction_most, transaction_least; /* ASK_ACK: in which it is acknowledged */
    struct client_request request;
    uint64_t deadline_ns;
    void *owner;
    bool answered; /* a seek that the broker did, and that waits for the subscriber to be attached again */
    /* `last` with ASK_LAST_ID and Ok only, valid during the call. */
    void (*done)(struct client_ask *a, pulsar_result result, const Wire__CommandGetLastMessageIdResponse *last);
};

enum client_subscriber_state { SUBSCRIBER_CREATING, SUBSCRIBER_OPEN, SUBSCRIBER_CLOSING, SUBSCRIBER_CLOSED };

/* What a subscriber is made with; all is borrowed as long as it lives, but for topic and start. */
struct client_subscription {
    const struct _pulsar_consumer_configuration *config;
    const char *topic;      /* full name, of the partition if there are any */
    const char *base_topic; /* without partition */
    const char *name;       /* of the subscription */
    bool durable;
    const struct _pulsar_message_id *start; /* of a reader; NULL: none */
    struct client_queue *queue;
    uint32_t source; /* of the queue */
    uint32_t queue_size;
    void *owner;
    void (*on_created)(struct client_subscriber *s, pulsar_result result);
    void (*on_message)(struct client_subscriber *s); /* the queue has more */
};

struct client_subscriber {
    struct client_core *core;
    struct client_subscription subscription;
    char *topic;
    int32_t partition;
    bool shared; /* shared or key-shared: the broker counts deliveries, and redelivers by id */

    enum client_subscriber_state state;
    _Atomic bool attached;
    struct client_link link;
    struct client_request request; /* SUBSCRIBE, then CLOSE_CONSUMER */
    struct timer creation;
    pulsar_result failed; /* of the last attempt, while CREATING */

    uint32_t granted;   /* permits that the broker has not used, as far as we know */
    uint32_t ungranted; /* taken or dropped, and not granted again */
    bool wanted;        /* queue size 0: a receive waits */
    uint64_t epoch;     /* of what we asked to be redelivered: messages of an earlier one are stale */
    bool stale;         /* seeking: what comes until we are attached again is from before */
    bool sought_by_time;
    bool has_start;
    struct _pulsar_message_id
        start; /* of a reader, or sought: this one and what is before it in its entry is not given out */

    struct client_acks acks;
    struct client_due nacks, unacked;
    struct timer ack_timer, nack_timer, unacked_timer;
    bool has_dead_letters;
    struct client_dead_letters dead_letters;

    struct list asks;
    struct timer ask_timer;
    void (*on_closed)(struct client_subscriber *s, pulsar_result result);
    struct timer closing;
    _Atomic bool end_of_topic;  /* any thread reads it */
    struct log_rate unreadable; /* how often they are logged */
};

/* on_created is called once, later; unless its result is Ok the subscriber is closed, to be freed.  ERR_NOMEM,
 * ERR_INVALID. */
MUST_USE enum err client_subscriber_new(struct client_subscriber **out, struct client_core *core,
                                        const struct client_subscription *subscription);
void client_subscriber_free(struct client_subscriber *s); /* only when closed, not in a callback of its own */

/* The queue told that something was taken. */
void client_subscriber_settle(struct client_subscriber *s);
/* Received by a user: the ack timeout runs. */
void client_subscriber_taken(struct client_subscriber *s, const struct _pulsar_message_id *id);
/* A receive waits; only needed with queue size 0. */
void client_subscriber_want(struct client_subscriber *s);

void client_subscriber_ack(struct client_subscriber *s, const struct _pulsar_message_id *id);
void client_subscriber_ack_cumulative(struct client_subscriber *s, const struct _pulsar_message_id *id);
void client_subscriber_nack(struct client_subscriber *s, const struct _pulsar_message_id *id);
void client_subscriber_redeliver_all(struct client_subscriber *s);

/* a->kind and its argument, and a->done are set.  AlreadyClosed at once when closed. */
void client_subscriber_ask(struct client_subscriber *s, struct client_ask *a);

/* Sends dead letters and acknowledgements, leaves the subscription.  `now` and `closed` as client_publisher_close. */
void client_subscriber_close(struct client_subscriber *s, bool now,
                             void (*closed)(struct client_subscriber *s, pulsar_result result));

#endif
