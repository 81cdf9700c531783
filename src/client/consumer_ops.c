/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer_ops.c - what users ask of a consumer: acknowledging, redelivery, seeking, unsubscribing.
 *
 * Each is an operation posted to the loop.  What does not wait for the broker (acknowledging) is done there and then
 * when the caller is on the loop already, in a callback.
 */
#include "client/consumer.h"

#include <assert.h>
#include <geminga/client.h>
#include <stdlib.h>

int geminga_consumer_has_reached_end(pulsar_consumer_t *consumer)
{
    for (uint32_t i = 0; i < consumer->count; i++)
        if (!atomic_load(&consumer->subscribers[i]->end_of_topic))
            return 0;
    return 1;
}

struct client_consumer_op *client_consumer_op_new(struct _pulsar_consumer *c, const struct _pulsar_message_id *id,
                                                  pulsar_result_callback callback, void *ctx)
{
    struct client_consumer_op *op = calloc(1, sizeof *op);

    if (!op)
        return NULL;
    client_handle_ref(&c->handle);
    op->consumer = c;
    op->id = client_message_id_ref(id);
    op->callback = callback;
    op->ctx = ctx;
    return op;
}

void client_consumer_op_end(struct client_consumer_op *op, pulsar_result result)
{
    struct _pulsar_consumer *c = op->consumer;

    if (op->callback)
        op->callback(result, op->ctx);
    client_message_id_unref(&op->id);
    free(op->asks);
    free(op);
    client_handle_unref(&c->handle);
}

/* Closing waits for the listener call that is running, which may still do all it wants. */
static bool in_its_listener(struct _pulsar_consumer *c)
{
    return c->listener && client_listeners_here(c->handle.client->listeners, &c->listening);
}

static struct client_consumer_op *op_of(struct task *task)
{
    return container_of(task, struct client_consumer_op, task);
}

static void ops_take(struct _pulsar_consumer *c, struct list *out)
{
    list_init(out);
    pthread_mutex_lock(&c->ops_lock);
    list_move(out, &c->ops);
    pthread_mutex_unlock(&c->ops_lock);
}

static void on_ops(struct task *task)
{
    struct _pulsar_consumer *c = container_of(task, struct _pulsar_consumer, ops_task);
    struct list ops, *node;

    ops_take(c, &ops);
    while ((node = list_pop_front(&ops))) {
        struct task *op = container_of(node, struct task, node);
        op->run(op);
    }
    client_handle_unref(&c->handle);
}

/* Has on_ops run.  False: the loop has stopped. */
static bool ops_post(struct _pulsar_consumer *c)
{
    client_handle_ref(&c->handle);
    if (client_post(c->handle.client, &c->ops_task, on_ops))
        return true;
    client_handle_unref(&c->handle); /* not the last one: the operation has its own */
    return false;
}

/* Behind those that wait already, which the loop was told of: the post is under the lock, so that what a thread posts
 * after its operation, a close, say, finds it there whoever was the first. */
static bool op_post(struct client_consumer_op *op)
{
    struct _pulsar_consumer *c = op->consumer;

    pthread_mutex_lock(&c->ops_lock);
    const bool posted = !list_empty(&c->ops) || ops_post(c);
    if (posted)
        list_push_back(&c->ops, &op->task.node);
    pthread_mutex_unlock(&c->ops_lock);
    if (!posted)
        client_consumer_op_end(op, pulsar_result_AlreadyClosed);
    return posted;
}

/* Hands an operation to the loop, or runs it where the caller is on it. */
static pulsar_result op_do(struct _pulsar_consumer *c, const struct _pulsar_message_id *id,
                           void (*run)(struct task *task), pulsar_result_callback callback, void *ctx)
{
    struct client_consumer_op *op;
    pulsar_result result = pulsar_result_AlreadyClosed;
    if (atomic_load(&c->handle.closed) && !in_its_listener(c))
        goto refuse;
    result = pulsar_result_MemoryBufferIsFull;
    if (!(op = client_consumer_op_new(c, id, callback, ctx)))
        goto refuse;
    op->task.run = run;
    if (client_on_loop(c->handle.client)) {
        run(&op->task);
        return pulsar_result_Ok;
    }
    return op_post(op) ? pulsar_result_Ok : pulsar_result_AlreadyClosed;
refuse:
    if (callback)
        callback(result, ctx);
    return result;
}

/* ---- acknowledging ---- */

static void run_ack(struct task *task)
{
    struct client_consumer_op *op = op_of(task);

    client_subscriber_ack(client_consumer_subscriber(op->consumer, &op->id), &op->id);
    client_consumer_op_end(op, pulsar_result_Ok);
}

static void run_ack_cumulative(struct task *task)
{
    struct client_consumer_op *op = op_of(task);

    client_subscriber_ack_cumulative(client_consumer_subscriber(op->consumer, &op->id), &op->id);
    client_consumer_op_end(op, pulsar_result_Ok);
}

pulsar_result pulsar_consumer_acknowledge(pulsar_consumer_t *consumer, pulsar_message_t *message)
{
    return op_do(consumer, &message->body->id, run_ack, NULL, NULL);
}

pulsar_result pulsar_consumer_acknowledge_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId)
{
    return op_do(consumer, messageId, run_ack, NULL, NULL);
}

void pulsar_consumer_acknowledge_async(pulsar_consumer_t *consumer, pulsar_message_t *message,
                                       pulsar_result_callback callback, void *ctx)
{
    (void)op_do(consumer, &message->body->id, run_ack, callback, ctx);
}

void pulsar_consumer_acknowledge_async_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId,
                                          pulsar_result_callback callback, void *ctx)
{
    (void)op_do(consumer, messageId, run_ack, callback, ctx);
}

static pulsar_result cumulative_do(struct _pulsar_consumer *c, const struct _pulsar_message_id *id,
                                   pulsar_result_callback callback, void *ctx)
{
    if (c->config.type == pulsar_ConsumerExclusive || c->config.type == pulsar_ConsumerFailover)
        return op_do(c, id, run_ack_cumulative, callback, ctx);
    if (callback)
        callback(pulsar_result_CumulativeAcknowledgementNotAllowedError, ctx);
    return pulsar_result_CumulativeAcknowledgementNotAllowedError;
}

pulsar_result pulsar_consumer_acknowledge_cumulative(pulsar_consumer_t *consumer, pulsar_message_t *message)
{
    return cumulative_do(consumer, &message->body->id, NULL, NULL);
}

pulsar_result pulsar_consumer_acknowledge_cumulative_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId)
{
    return cumulative_do(consumer, messageId, NULL, NULL);
}

void pulsar_consumer_acknowledge_cumulative_async(pulsar_consumer_t *consumer, pulsar_message_t *message,
                                                  pulsar_result_callback callback, void *ctx)
{
    (void)cumulative_do(consumer, &message->body->id, callback, ctx);
}

void pulsar_consumer_acknowledge_cumulative_async_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId,
                                                     pulsar_result_callback callback, void *ctx)
{
    (void)cumulative_do(consumer, messageId, callback, ctx);
}

/* Grouping puts them into one command: they are noted one after the other. */
pulsar_result geminga_consumer_acknowledge_list(pulsar_consumer_t *consumer, pulsar_message_id_t *const *ids,
                                                size_t count)
{
    pulsar_result result = pulsar_result_Ok;

    for (size_t i = 0; i < count && result == pulsar_result_Ok; i++)
        result = pulsar_consumer_acknowledge_id(consumer, ids[i]);
    return result;
}

/* ---- redelivery ---- */

static void run_nack(struct task *task)
{
    struct client_consumer_op *op = op_of(task);

    client_subscriber_nack(client_consumer_subscriber(op->consumer, &op->id), &op->id);
    client_consumer_op_end(op, pulsar_result_Ok);
}

void pulsar_consumer_negative_acknowledge(pulsar_consumer_t *consumer, pulsar_message_t *message)
{
    (void)op_do(consumer, &message->body->id, run_nack, NULL, NULL);
}

void pulsar_consumer_negative_acknowledge_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId)
{
    (void)op_do(consumer, messageId, run_nack, NULL, NULL);
}

static void run_redeliver_all(struct task *task)
{
    struct client_consumer_op *op = op_of(task);

    for (uint32_t i = 0; i < op->consumer->count; i++)
        client_subscriber_redeliver_all(op->consumer->subscribers[i]);
    client_consumer_op_end(op, pulsar_result_Ok);
}

void pulsar_consumer_redeliver_unacknowledged_messages(pulsar_consumer_t *consumer)
{
    (void)op_do(consumer, pulsar_message_id_latest(), run_redeliver_all, NULL, NULL);
}

/* ---- asking the broker, once for each topic ---- */

static void on_asked(struct client_ask *a, pulsar_result result, const Wire__CommandGetLastMessageIdResponse *last)
{
    struct client_consumer_op *op = a->owner;

    if (op->result == pulsar_result_Ok)
        op->result = result;
    if (--op->left == 0)
        client_consumer_op_end(op, op->result);
}

/* One question for each of `count` subscribers from `first` on. */
static void ask_all(struct client_consumer_op *op, enum client_ask_kind kind, uint32_t first, uint32_t count,
                    void (*done)(struct client_ask *a, pulsar_result result,
                                 const Wire__CommandGetLastMessageIdResponse *last))
{
    struct _pulsar_consumer *c = op->consumer;

    if (!(op->asks = calloc(count, sizeof *op->asks))) {
        client_consumer_op_end(op, pulsar_result_MemoryBufferIsFull);
        return;
    }
    op->left = count;
    for (uint32_t i = 0; i < count; i++) {
        struct client_ask *a = &op->asks[i];

        a->kind = kind;
        a->id = op->id;
        a->time_ms = op->time_ms;
        a->transaction_most = op->transaction.most;
        a->transaction_least = op->transaction.least;
        a->owner = op;
        a->done = done;
        client_subscriber_ask(c->subscribers[first + i], a); /* the last may be the end of op */
    }
}

static bool is_everywhere(const struct _pulsar_message_id *id)
{
    return client_message_id_same_entry(id, pulsar_message_id_earliest()) ||
           client_message_id_same_entry(id, pulsar_message_id_latest());
}

static uint32_t index_of(const struct _pulsar_consumer *c, const struct client_subscriber *s)
{
    uint32_t i = 0;

    while (c->subscribers[i] != s)
        i++;
    return i;
}

static void run_seek(struct task *task)
{
    struct client_consumer_op *op = op_of(task);
    struct _pulsar_consumer *c = op->consumer;

    if (is_everywhere(&op->id))
        ask_all(op, ASK_SEEK_ID, 0, c->count, on_asked);
    else
        ask_all(op, ASK_SEEK_ID, index_of(c, client_consumer_subscriber(c, &op->id)), 1, on_asked);
}

static void run_ack_in(struct task *task)
{
    struct client_consumer_op *op = op_of(task);
    struct _pulsar_consumer *c = op->consumer;

    ask_all(op, ASK_ACK, index_of(c, client_consumer_subscriber(c, &op->id)), 1, on_asked);
}

void client_consumer_acknowledge_in(pulsar_consumer_t *consumer, pulsar_message_t *message,
                                    const struct client_transaction *t, pulsar_result_callback callback, void *ctx)
{
    struct client_consumer_op *op = client_consumer_op_new(consumer, &message->body->id, callback, ctx);

    if (!op) {
        callback(pulsar_result_MemoryBufferIsFull, ctx);
        return;
    }
    op->transaction = *t;
    if (!client_post(consumer->handle.client, &op->task, run_ack_in))
        client_consumer_op_end(op, pulsar_result_AlreadyClosed);
}

static void run_seek_time(struct task *task)
{
    struct client_consumer_op *op = op_of(task);

    op->time_ms = (uint64_t)op->id.ledger;
    ask_all(op, ASK_SEEK_TIME, 0, op->consumer->count, on_asked);
}

void pulsar_consumer_seek_async(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId,
                                pulsar_result_callback callback, void *ctx)
{
    (void)op_do(consumer, messageId, run_seek, callback, ctx);
}

void pulsar_consumer_seek_by_timestamp_async(pulsar_consumer_t *consumer, uint64_t timestamp,
                                             pulsar_result_callback callback, void *ctx)
{
    struct _pulsar_message_id at = CLIENT_MESSAGE_ID_NONE;

    at.ledger = timestamp < INT64_MAX ? (int64_t)timestamp : INT64_MAX; /* op_do carries an id; here it is a time */
    (void)op_do(consumer, &at, run_seek_time, callback, ctx);
}

pulsar_result pulsar_consumer_seek(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId)
{
    struct client_wait wait;

    if (client_must_not_wait(consumer->handle.client, "pulsar_consumer_seek"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_consumer_seek_async(consumer, messageId, client_wait_result, &wait);
    return client_wait_for(&wait, NULL);
}

pulsar_result pulsar_consumer_seek_by_timestamp(pulsar_consumer_t *consumer, uint64_t timestamp)
{
    struct client_wait wait;

    if (client_must_not_wait(consumer->handle.client, "pulsar_consumer_seek_by_timestamp"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_consumer_seek_by_timestamp_async(consumer, timestamp, client_wait_result, &wait);
    return client_wait_for(&wait, NULL);
}

/* ---- unsubscribing ---- */

static void on_unsubscribed(struct client_ask *a, pulsar_result result,
                            const Wire__CommandGetLastMessageIdResponse *last)
{
    struct client_consumer_op *op = a->owner;
    struct _pulsar_consumer *c = op->consumer;

    if (op->result == pulsar_result_Ok)
        op->result = result;
    if (--op->left > 0)
        return;
    if (op->result == pulsar_result_Ok) { /* the caller hears when the consumer is closed, too */
        client_handle_close_async(&c->handle, false, op->callback, op->ctx);
        op->callback = NULL;
    }
    client_consumer_op_end(op, op->result);
}

static void run_unsubscribe(struct task *task)
{
    struct client_consumer_op *op = op_of(task);

    ask_all(op, ASK_UNSUBSCRIBE, 0, op->consumer->count, on_unsubscribed);
}

void pulsar_consumer_unsubscribe_async(pulsar_consumer_t *consumer, pulsar_result_callback callback, void *ctx)
{
    (void)op_do(consumer, pulsar_message_id_latest(), run_unsubscribe, callback, ctx);
}

pulsar_result pulsar_consumer_unsubscribe(pulsar_consumer_t *consumer)
{
    struct client_wait wait;
    if (client_must_not_wait(consumer->handle.client, "pulsar_consumer_unsubscribe") ||
        (in_its_listener(consumer) && client_refuse(consumer->handle.client, "pulsar_consumer_unsubscribe")))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_consumer_unsubscribe_async(consumer, client_wait_result, &wait);
    return client_wait_for(&wait, NULL);
}

/* ---- the last message ---- */

struct last_id {
    struct client_wait wait;
    struct _pulsar_message_id id;
};

static void on_last_id(struct client_ask *a, pulsar_result result, const Wire__CommandGetLastMessageIdResponse *last)
{
    struct client_consumer_op *op = a->owner;
    struct last_id *out = op->ctx;

    if (result == pulsar_result_Ok) {
        out->id = CLIENT_MESSAGE_ID_NONE;
        out->id.ledger = (int64_t)last->last_message_id->ledger_id;
        out->id.entry = (int64_t)last->last_message_id->entry_id;
        out->id.batch_index = last->last_message_id->batch_index;
        out->id.partition = a->subscriber->partition;
        out->id.source = (int32_t)a->subscriber->subscription.source;
    }
    client_consumer_op_end(op, result);
}

static void run_last_id(struct task *task)
{
    struct client_consumer_op *op = op_of(task);

    if (op->consumer->count > 1)
        client_consumer_op_end(op, pulsar_result_OperationNotSupported);
    else
        ask_all(op, ASK_LAST_ID, 0, 1, on_last_id);
}

static void on_last_id_told(pulsar_result result, void *ctx)
{
    struct last_id *out = ctx;

    client_wait_done(&out->wait, result, NULL);
}

pulsar_result pulsar_consumer_get_last_message_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId)
{
    struct last_id out = {.id = CLIENT_MESSAGE_ID_NONE};
    pulsar_result result;

    if (client_must_not_wait(consumer->handle.client, "pulsar_consumer_get_last_message_id"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&out.wait);
    (void)op_do(consumer, pulsar_message_id_latest(), run_last_id, on_last_id_told, &out);
    result = client_wait_for(&out.wait, NULL);
    if (result != pulsar_result_Ok)
        return result;
    client_message_id_unref(messageId);
    *messageId = out.id;
    return pulsar_result_Ok;
}
