/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.c - a reader is an exclusive consumer of a subscription that does not last, with a start of its own.
 */
#include "client/consumer.h"

#include <assert.h>
#include <geminga/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct _pulsar_reader {
    struct _pulsar_consumer *consumer; /* the user's reference; NULL until created */
    pulsar_reader_listener listener;
    void *listener_ctx;
    pulsar_reader_callback callback;
    void *ctx;
};

/* ---- creating ---- */

static void reader_listener_call(struct _pulsar_consumer *c, struct _pulsar_message *m)
{
    struct _pulsar_reader *r = c->owner;

    r->listener(r, m, r->listener_ctx);
}

/* "reader-4f2c..." or "<prefix>-4f2c...": nobody else reads by this name. */
static bool subscription_name(pulsar_client_t *client, const struct _pulsar_reader_configuration *conf, char *to,
                              size_t size)
{
    const char *prefix = conf->role_prefix && *conf->role_prefix ? conf->role_prefix : "reader";
    struct loop *loop = client->core.sys->loop;
    uint64_t number;
    int n;

    loop->ops->entropy(loop, &number, sizeof number);
    n = snprintf(to, size, "%s-%016" PRIx64, prefix, number);
    return n > 0 && (size_t)n < size;
}

static enum err consumer_config(struct _pulsar_consumer_configuration *to,
                                const struct _pulsar_reader_configuration *from)
{
    client_consumer_config_init(to);
    to->queue_size = from->queue_size;
    to->read_compacted = from->read_compacted;
    to->encryption = from->encryption;
    return from->failed || !client_text_set(&to->name, from->name) ? ERR_NOMEM : OK;
}

static void on_consumer_made(pulsar_result result, struct _pulsar_consumer *consumer, void *ctx)
{
    struct _pulsar_reader *r = ctx;
    pulsar_reader_callback callback = r->callback;
    void *callback_ctx = r->ctx;

    r->consumer = consumer;
    if (result != pulsar_result_Ok) {
        free(r);
        r = NULL;
    }
    if (callback)
        callback(result, r, callback_ctx);
    else
        pulsar_reader_free(r);
}

static enum err reader_make(pulsar_client_t *client, const char *topic, const pulsar_message_id_t *start,
                            const struct _pulsar_reader_configuration *conf, struct _pulsar_reader *r)
{
    struct _pulsar_consumer_configuration config;
    struct client_consumer_make make = {.topics = &topic,
                                        .topic_count = 1,
                                        .config = &config,
                                        .start = start,
                                        .listener = conf->listener ? reader_listener_call : NULL,
                                        .owner = r};
    char name[1000];
    enum err err = consumer_config(&config, conf);

    if (err == OK && !subscription_name(client, conf, name, sizeof name))
        err = ERR_INVALID;
    make.subscription = name;
    if (err == OK)
        client_consumer_make(client, &make, on_consumer_made, r);
    client_consumer_config_deinit(&config);
    return err;
}

void pulsar_client_create_reader_async(pulsar_client_t *client, const char *topic,
                                       const pulsar_message_id_t *startMessageId, pulsar_reader_configuration_t *conf,
                                       pulsar_reader_callback callback, void *ctx)
{
    struct _pulsar_reader_configuration defaults;
    struct _pulsar_reader *r = calloc(1, sizeof *r);
    enum err err = ERR_NOMEM;

    client_reader_config_init(&defaults);
    conf = conf ? conf : &defaults;
    if (r) {
        r->listener = conf->listener;
        r->listener_ctx = conf->listener_ctx;
        r->callback = callback;
        r->ctx = ctx;
        err = reader_make(client, topic, startMessageId ? startMessageId : pulsar_message_id_latest(), conf, r);
    }
    if (err == OK)
        return;
    free(r);
    if (callback)
        callback(err == ERR_NOMEM ? pulsar_result_MemoryBufferIsFull : pulsar_result_InvalidConfiguration, NULL, ctx);
}

static void on_reader_wait(pulsar_result result, pulsar_reader_t *reader, void *ctx)
{
    client_wait_done(ctx, result, reader);
}

pulsar_result pulsar_client_create_reader(pulsar_client_t *client, const char *topic,
                                          const pulsar_message_id_t *startMessageId,
                                          pulsar_reader_configuration_t *conf, pulsar_reader_t **reader)
{
    struct client_wait wait;
    pulsar_result result;
    void *value;

    if (client_must_not_wait(client, "pulsar_client_create_reader"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_client_create_reader_async(client, topic, startMessageId, conf, on_reader_wait, &wait);
    result = client_wait_for(&wait, &value);
    if (result == pulsar_result_Ok)
        *reader = value;
    return result;
}

/* ---- reading, seeking ---- */

pulsar_result pulsar_reader_read_next(pulsar_reader_t *reader, pulsar_message_t **msg)
{
    return pulsar_consumer_receive(reader->consumer, msg);
}

pulsar_result pulsar_reader_read_next_with_timeout(pulsar_reader_t *reader, pulsar_message_t **msg, int timeoutMs)
{
    return pulsar_consumer_receive_with_timeout(reader->consumer, msg, timeoutMs);
}

pulsar_result pulsar_reader_seek(pulsar_reader_t *reader, pulsar_message_id_t *messageId)
{
    return pulsar_consumer_seek(reader->consumer, messageId);
}

void pulsar_reader_seek_async(pulsar_reader_t *reader, pulsar_message_id_t *messageId, pulsar_result_callback callback,
                              void *ctx)
{
    pulsar_consumer_seek_async(reader->consumer, messageId, callback, ctx);
}

pulsar_result pulsar_reader_seek_by_timestamp(pulsar_reader_t *reader, uint64_t timestamp)
{
    return pulsar_consumer_seek_by_timestamp(reader->consumer, timestamp);
}

void pulsar_reader_seek_by_timestamp_async(pulsar_reader_t *reader, uint64_t timestamp, pulsar_result_callback callback,
                                           void *ctx)
{
    pulsar_consumer_seek_by_timestamp_async(reader->consumer, timestamp, callback, ctx);
}

void geminga_reader_read_next_async(pulsar_reader_t *reader, pulsar_receive_callback callback, void *ctx)
{
    pulsar_consumer_receive_async(reader->consumer, callback, ctx);
}

int geminga_reader_has_reached_end(pulsar_reader_t *reader)
{
    return geminga_consumer_has_reached_end(reader->consumer);
}

/* ---- is there more ---- */

struct more {
    struct client_wait wait;
    bool available;
};

/* Whether the topic ends after where we are: what was read last, else where we started; where that is only a time or
 * "latest", the cursor at the broker tells. */
static bool is_after(struct client_subscriber *s, const Wire__CommandGetLastMessageIdResponse *r)
{
    struct _pulsar_message_id last = CLIENT_MESSAGE_ID_NONE, at = CLIENT_MESSAGE_ID_NONE;
    bool read = client_queue_last(s->subscription.queue, s->subscription.source, &at);

    last.ledger = (int64_t)r->last_message_id->ledger_id;
    last.entry = (int64_t)r->last_message_id->entry_id;
    last.batch_index = r->last_message_id->batch_index;
    if (last.entry < 0)
        return false;
    if (!read && r->consumer_mark_delete_position &&
        (s->sought_by_time || client_message_id_same_entry(&s->start, pulsar_message_id_latest()))) {
        at.ledger = (int64_t)r->consumer_mark_delete_position->ledger_id;
        at.entry = (int64_t)r->consumer_mark_delete_position->entry_id;
        last.batch_index = -1;
    } else if (!read) {
        at = s->start;
    }
    if (at.batch_index < 0)
        last.batch_index = -1; /* that entry as a whole is behind us */
    return client_message_id_compare(&last, &at) > 0;
}

static void on_last_id(struct client_ask *a, pulsar_result result, const Wire__CommandGetLastMessageIdResponse *last)
{
    struct client_consumer_op *op = a->owner;
    struct more *more = op->ctx;

    if (result == pulsar_result_Ok)
        more->available = is_after(a->subscriber, last);
    client_consumer_op_end(op, result);
}

static void run_has_more(struct task *task)
{
    struct client_consumer_op *op = container_of(task, struct client_consumer_op, task);
    struct client_ask *a;

    if (op->consumer->handle.gone || !(a = calloc(1, sizeof *a))) {
        client_consumer_op_end(op, pulsar_result_AlreadyClosed);
        return;
    }
    op->asks = a;
    a->kind = ASK_LAST_ID;
    a->owner = op;
    a->done = on_last_id;
    client_subscriber_ask(op->consumer->subscribers[0], a);
}

static void on_more_told(pulsar_result result, void *ctx)
{
    struct more *more = ctx;

    client_wait_done(&more->wait, result, NULL);
}

static pulsar_result more_ask(struct _pulsar_consumer *c, int *available)
{
    struct more more = {0};
    struct client_consumer_op *op;
    pulsar_result result;

    client_wait_init(&more.wait);
    op = client_consumer_op_new(c, pulsar_message_id_latest(), on_more_told, &more);
    if (!op)
        on_more_told(pulsar_result_MemoryBufferIsFull, &more);
    else if (!client_post(c->handle.client, &op->task, run_has_more))
        client_consumer_op_end(op, pulsar_result_AlreadyClosed);
    result = client_wait_for(&more.wait, NULL);
    if (result == pulsar_result_Ok)
        *available = more.available;
    return result;
}

pulsar_result pulsar_reader_has_message_available(pulsar_reader_t *reader, int *available)
{
    struct _pulsar_consumer *c = reader->consumer;

    if (atomic_load(&c->handle.closed))
        return pulsar_result_AlreadyClosed;
    if (client_queue_count(&c->queue) > 0) {
        *available = 1;
        return pulsar_result_Ok;
    }
    if (client_must_not_wait(c->handle.client, "pulsar_reader_has_message_available"))
        return pulsar_result_InvalidConfiguration;
    return more_ask(c, available);
}

/* ---- the rest ---- */

const char *pulsar_reader_get_topic(pulsar_reader_t *reader)
{
    return pulsar_consumer_get_topic(reader->consumer);
}

pulsar_result pulsar_reader_close(pulsar_reader_t *reader)
{
    return pulsar_consumer_close(reader->consumer);
}

void pulsar_reader_close_async(pulsar_reader_t *reader, pulsar_result_callback callback, void *ctx)
{
    pulsar_consumer_close_async(reader->consumer, callback, ctx);
}

/* The listener's thread may be in a call with this reader: its memory goes when the consumer is closed. */
static void on_reader_closed(pulsar_result result, void *ctx)
{
    free(ctx);
}

void pulsar_reader_free(pulsar_reader_t *reader)
{
    struct _pulsar_consumer *c;

    if (!reader)
        return;
    c = reader->consumer;
    client_handle_close_async(&c->handle, true, on_reader_closed, reader);
    client_handle_unref(&c->handle);
}

int pulsar_reader_is_connected(pulsar_reader_t *reader)
{
    return pulsar_consumer_is_connected(reader->consumer);
}
