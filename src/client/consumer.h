/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer.h - a consumer as users hold it; readers are made of one.
 *
 * Who touches what.  Set before the user has the handle: config, names, subscribers, the queue.  Any thread: the queue
 * (which has its lock), `ops` under theirs, the atomics.  The loop's: the rest.
 */
#ifndef CLIENT_CONSUMER_H
#define CLIENT_CONSUMER_H

#include "client/discovery.h"
#include "client/handle.h"
#include "client/listeners.h"
#include "client/subscriber.h"
#include "client/transaction.h"
#include <pulsar/c/client.h>

#define CLIENT_TOPICS_MAX 10000 /* of one consumer */

struct _pulsar_consumer {
    struct client_handle handle;
    struct _pulsar_consumer_configuration config;
    char *subscription;
    bool durable;
    struct _pulsar_message_id start; /* of a reader */
    char **topics;                   /* as the user gave them, completed */
    uint32_t topic_count;

    struct client_queue queue;
    bool has_queue;
    struct client_subscriber **subscribers; /* as long as the handle, so that any thread may ask them how they are */
    uint32_t count, created, alive;
    struct task settle; /* the queue's notification */
    _Atomic bool settling;

    /* What users asked for and the loop has not begun, in order: many acknowledgements are one task. */
    pthread_mutex_t ops_lock;
    struct list ops;
    struct task ops_task;

    struct list receives; /* asynchronous ones that wait, in order */
    size_t receive_count;
    struct client_listening listening;
    void (*listener)(struct _pulsar_consumer *c, struct _pulsar_message *m); /* NULL: none; on the listener thread */
    void *owner;                                                             /* the reader, for its listener */
    bool leaving, left, close_now;                                           /* the listener, when closing */
    _Atomic bool paused;

    /* Creating. */
    uint32_t *partitions; /* of each topic, found so far */
    uint32_t found;
    struct client_discovery discovery;
    bool discovering;
    void (*callback)(pulsar_result result, struct _pulsar_consumer *consumer, void *ctx); /* NULL: called */
    void *ctx;
    struct task task;
};

/* What a consumer is made with; all is copied. */
struct client_consumer_make {
    const char *const *topics;
    size_t topic_count;
    const char *subscription;
    const struct _pulsar_consumer_configuration *config; /* NULL: defaults */
    const struct _pulsar_message_id *start;              /* of a reader; NULL: a consumer */
    void (*listener)(struct _pulsar_consumer *c, struct _pulsar_message *m);
    void *owner;
};

/* callback exactly once; at once, on this thread, when it is refused without asking anybody. */
void client_consumer_make(struct _pulsar_client *client, const struct client_consumer_make *make,
                          void (*callback)(pulsar_result result, struct _pulsar_consumer *consumer, void *ctx),
                          void *ctx);

/* The subscriber that an id is of. */
struct client_subscriber *client_consumer_subscriber(struct _pulsar_consumer *c, const struct _pulsar_message_id *id);

/* Something done on the loop to the consumer, with an id; `callback` may be NULL and is called by `run`'s user, by
 * client_consumer_op_end. */
struct client_consumer_op {
    struct task task;
    struct _pulsar_consumer *consumer; /* a reference */
    struct _pulsar_message_id id;      /* a reference to its batch */
    uint64_t time_ms;
    struct client_transaction transaction;
    pulsar_result_callback callback;
    void *ctx;
    uint32_t left;
    pulsar_result result;
    struct client_ask *asks; /* owned */
};

/* NULL when memory is short. */
struct client_consumer_op *client_consumer_op_new(struct _pulsar_consumer *c, const struct _pulsar_message_id *id,
                                                  pulsar_result_callback callback, void *ctx);
void client_consumer_op_end(struct client_consumer_op *op, pulsar_result result);

#endif
