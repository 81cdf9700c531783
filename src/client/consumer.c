/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer.c - creating and closing consumers, and receiving; consumer_ops.c has what is asked of one.
 */
#include "client/consumer.h"

#include <assert.h>
#include <stdlib.h>

#define RECEIVES_MAX 65536u /* asynchronous receives that wait */

static struct _pulsar_consumer *consumer_of(struct client_handle *h)
{
    return container_of(h, struct _pulsar_consumer, handle);
}

/* ---- taken messages ---- */

static void taken_note(struct _pulsar_consumer *c)
{
    size_t count;
    struct _pulsar_message_id *ids = client_queue_ids(&c->queue, &count);

    for (size_t i = 0; i < count; i++)
        client_subscriber_taken(c->subscribers[ids[i].source], &ids[i]);
    free(ids);
}

/* A reader acknowledges by itself what was read: its cursor's backlog is what is left to read. */
static void read_ack(struct _pulsar_consumer *c)
{
    struct _pulsar_message_id last;

    if (!c->durable && client_queue_last(&c->queue, 0, &last) && last.batch_index <= 0)
        client_subscriber_ack_cumulative(c->subscribers[0], &last);
}

static void on_settle(struct task *task)
{
    struct _pulsar_consumer *c = container_of(task, struct _pulsar_consumer, settle);

    atomic_store(&c->settling, false);
    if (!c->handle.gone) {
        taken_note(c);
        for (uint32_t i = 0; i < c->count; i++)
            client_subscriber_settle(c->subscribers[i]);
        read_ack(c);
    }
    client_handle_unref(&c->handle);
}

/* From any thread. */
static void on_queue_notify(struct client_queue *q)
{
    struct _pulsar_consumer *c = container_of(q, struct _pulsar_consumer, queue);

    if (atomic_exchange(&c->settling, true))
        return;
    client_handle_ref(&c->handle);
    if (!client_post(c->handle.client, &c->settle, on_settle))
        client_handle_unref(&c->handle);
}

/* ---- asynchronous receives ---- */

struct receive {
    struct task task;
    struct list node;
    struct _pulsar_consumer *consumer; /* a reference */
    pulsar_receive_callback callback;
    pulsar_batch_receive_callback batch_callback; /* one of the two */
    void *ctx;
    struct timer timer; /* of a batch */
    bool late;
};

static void receive_free(struct receive *r)
{
    struct _pulsar_consumer *c = r->consumer;

    free(r);
    client_handle_unref(&c->handle);
}

static void receive_unlink(struct receive *r)
{
    timer_stop(&r->timer);
    list_remove(&r->node);
    r->consumer->receive_count--;
}

static void receive_tell(struct receive *r, pulsar_result result, struct client_body *body,
                         struct _pulsar_messages *batch)
{
    struct _pulsar_message *m = body ? client_message_of(body) : NULL;

    if (body && !m)
        result = pulsar_result_MemoryBufferIsFull;
    if (r->batch_callback)
        r->batch_callback(result, batch, r->ctx);
    else if (r->callback)
        r->callback(result, m, r->ctx);
    else
        pulsar_message_free(m);
    receive_free(r);
}

/* How many messages a batch may have: more than the queue holds would wait for ever. */
static size_t batch_count_max(const struct _pulsar_consumer *c)
{
    size_t queue = (size_t)(c->config.queue_size > 0 ? c->config.queue_size : 1);
    size_t max = c->config.batch_policy.maxNumMessages > 0 ? (size_t)c->config.batch_policy.maxNumMessages : queue;

    return max < queue ? max : queue;
}

static bool batch_complete(struct _pulsar_consumer *c)
{
    long bytes_max = c->config.batch_policy.maxNumBytes;

    return client_queue_count(&c->queue) >= batch_count_max(c) ||
           (bytes_max > 0 && client_queue_bytes(&c->queue) >= (size_t)bytes_max);
}

static bool batch_has_room(const struct _pulsar_consumer *c, const struct _pulsar_messages *batch, size_t bytes)
{
    long bytes_max = c->config.batch_policy.maxNumBytes;

    return batch->count < batch->capacity && (bytes_max <= 0 || bytes < (size_t)bytes_max);
}

static struct _pulsar_messages *batch_take(struct _pulsar_consumer *c)
{
    struct _pulsar_messages *batch = calloc(1, sizeof *batch);
    struct client_body *body;
    size_t bytes = 0;

    if (!batch)
        return NULL;
    batch->capacity = batch_count_max(c);
    if (!(batch->items = calloc(batch->capacity, sizeof *batch->items))) {
        free(batch);
        return NULL;
    }
    while (batch_has_room(c, batch, bytes) && (body = client_queue_take(&c->queue))) {
        batch->items[batch->count++].body = body;
        bytes += body->len;
    }
    return batch;
}

/* True: the first of those who wait was served. */
static bool receive_serve(struct _pulsar_consumer *c)
{
    struct receive *r = container_of(c->receives.next, struct receive, node);
    struct _pulsar_messages *batch;
    struct client_body *body;

    if (r->batch_callback) {
        if (!r->late && !batch_complete(c))
            return false;
        batch = batch_take(c);
        receive_unlink(r);
        receive_tell(r, batch ? pulsar_result_Ok : pulsar_result_MemoryBufferIsFull, NULL, batch);
        return true;
    }
    if (!(body = client_queue_take(&c->queue)))
        return false;
    receive_unlink(r);
    receive_tell(r, pulsar_result_Ok, body, NULL);
    return true;
}

static void receives_serve(struct _pulsar_consumer *c)
{
    while (!list_empty(&c->receives) && receive_serve(c))
        ;
    if (!list_empty(&c->receives) && c->config.queue_size == 0)
        for (uint32_t i = 0; i < c->count; i++)
            client_subscriber_want(c->subscribers[i]);
}

static void receives_fail(struct _pulsar_consumer *c, pulsar_result why)
{
    while (!list_empty(&c->receives)) {
        struct receive *r = container_of(c->receives.next, struct receive, node);

        receive_unlink(r);
        receive_tell(r, why, NULL, NULL);
    }
}

static void on_batch_late(struct timer *timer)
{
    struct receive *r = container_of(timer, struct receive, timer);

    r->late = true;
    receives_serve(r->consumer);
}

static pulsar_result receive_refusal(struct _pulsar_consumer *c)
{
    if (c->listener)
        return pulsar_result_InvalidConfiguration;
    return atomic_load(&c->handle.closed) ? pulsar_result_AlreadyClosed : pulsar_result_Ok;
}

static void on_receive(struct task *task)
{
    struct receive *r = container_of(task, struct receive, task);
    struct _pulsar_consumer *c = r->consumer;
    pulsar_result refusal = receive_refusal(c);

    if (refusal == pulsar_result_Ok && c->receive_count >= RECEIVES_MAX)
        refusal = pulsar_result_NotAllowedError;
    if (refusal != pulsar_result_Ok) {
        receive_tell(r, refusal, NULL, NULL);
        return;
    }
    timer_init(&r->timer, c->handle.client->core.sys->loop, on_batch_late);
    list_push_back(&c->receives, &r->node);
    c->receive_count++;
    if (r->batch_callback && c->config.batch_policy.timeoutMs > 0)
        timer_start_ms(&r->timer, (uint64_t)c->config.batch_policy.timeoutMs);
    receives_serve(c);
}

static void receive_post(struct _pulsar_consumer *c, pulsar_receive_callback callback,
                         pulsar_batch_receive_callback batch_callback, void *ctx)
{
    struct receive *r = calloc(1, sizeof *r);

    if (!r) {
        if (callback)
            callback(pulsar_result_MemoryBufferIsFull, NULL, ctx);
        if (batch_callback)
            batch_callback(pulsar_result_MemoryBufferIsFull, NULL, ctx);
        return;
    }
    client_handle_ref(&c->handle);
    r->consumer = c;
    r->callback = callback;
    r->batch_callback = batch_callback;
    r->ctx = ctx;
    if (!client_post(c->handle.client, &r->task, on_receive))
        receive_tell(r, pulsar_result_AlreadyClosed, NULL, NULL);
}

void pulsar_consumer_receive_async(pulsar_consumer_t *consumer, pulsar_receive_callback callback, void *ctx)
{
    receive_post(consumer, callback, NULL, ctx);
}

static void on_batch_nobody(pulsar_result result, pulsar_messages_t *msgs, void *ctx)
{
    pulsar_messages_free(msgs);
}

void pulsar_consumer_batch_receive_async(pulsar_consumer_t *consumer, pulsar_batch_receive_callback callback, void *ctx)
{
    receive_post(consumer, NULL, callback ? callback : on_batch_nobody, ctx);
}

static void on_batch_wait(pulsar_result result, pulsar_messages_t *msgs, void *ctx)
{
    client_wait_done(ctx, result, msgs);
}

pulsar_result pulsar_consumer_batch_receive(pulsar_consumer_t *consumer, pulsar_messages_t **msgs)
{
    struct client_wait wait;
    pulsar_result result;
    void *value;

    if (client_must_not_wait(consumer->handle.client, "pulsar_consumer_batch_receive"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    receive_post(consumer, NULL, on_batch_wait, &wait);
    result = client_wait_for(&wait, &value);
    if (result == pulsar_result_Ok)
        *msgs = value;
    return result;
}

/* ---- receiving and waiting ---- */

static void on_want(struct task *task)
{
    struct client_consumer_op *op = container_of(task, struct client_consumer_op, task);
    struct _pulsar_consumer *c = op->consumer;

    for (uint32_t i = 0; !c->handle.gone && i < c->count; i++)
        client_subscriber_want(c->subscribers[i]);
    client_consumer_op_end(op, pulsar_result_Ok);
}

/* With no receive queue, a receive asks for its message. */
static void want_post(struct _pulsar_consumer *c)
{
    struct client_consumer_op *op;

    if (c->config.queue_size != 0 || client_queue_count(&c->queue) > 0)
        return;
    op = client_consumer_op_new(c, pulsar_message_id_latest(), NULL, NULL);
    if (op && !client_post(c->handle.client, &op->task, on_want))
        client_consumer_op_end(op, pulsar_result_AlreadyClosed);
}

static pulsar_result receive_wait(struct _pulsar_consumer *c, pulsar_message_t **msg, int timeout_ms)
{
    pulsar_result result = receive_refusal(c);
    struct client_body *body;

    if (result != pulsar_result_Ok)
        return result;
    want_post(c);
    if ((result = client_queue_take_wait(&c->queue, timeout_ms, &body)) != pulsar_result_Ok)
        return result;
    if (!(*msg = client_message_of(body)))
        return pulsar_result_MemoryBufferIsFull;
    return pulsar_result_Ok;
}

pulsar_result pulsar_consumer_receive(pulsar_consumer_t *consumer, pulsar_message_t **msg)
{
    if (client_must_not_wait(consumer->handle.client, "pulsar_consumer_receive"))
        return pulsar_result_InvalidConfiguration;
    return receive_wait(consumer, msg, -1);
}

pulsar_result pulsar_consumer_receive_with_timeout(pulsar_consumer_t *consumer, pulsar_message_t **msg, int timeoutMs)
{
    if (timeoutMs > 0 && client_must_not_wait(consumer->handle.client, "pulsar_consumer_receive_with_timeout"))
        return pulsar_result_InvalidConfiguration;
    return receive_wait(consumer, msg, timeoutMs < 0 ? 0 : timeoutMs);
}

/* ---- listening ---- */

static bool on_listener_step(struct client_listening *l)
{
    struct _pulsar_consumer *c = container_of(l, struct _pulsar_consumer, listening);
    struct client_body *body;
    struct _pulsar_message *m;

    if (atomic_load(&c->paused) || atomic_load(&c->handle.closed) || !(body = client_queue_take(&c->queue)))
        return false;
    want_post(c);
    if ((m = client_message_of(body)))
        c->listener(c, m);
    return true;
}

static void consumer_close(struct client_handle *h, bool now);

static void on_idle_task(struct task *task)
{
    struct _pulsar_consumer *c = container_of(task, struct _pulsar_consumer, task);

    c->left = true;
    consumer_close(&c->handle, c->close_now);
    client_handle_unref(&c->handle);
}

/* On the listener thread, or the loop: no call is running any more. */
static void on_listener_idle(struct client_listening *l)
{
    struct _pulsar_consumer *c = container_of(l, struct _pulsar_consumer, listening);

    client_handle_ref(&c->handle);
    if (!client_post(c->handle.client, &c->task, on_idle_task))
        client_handle_unref(&c->handle);
}

static void on_subscriber_message(struct client_subscriber *s)
{
    struct _pulsar_consumer *c = s->subscription.owner;

    if (!list_empty(&c->receives))
        receives_serve(c);
    if (c->listener && !atomic_load(&c->paused))
        client_listeners_ready(c->handle.client->listeners, &c->listening);
}

pulsar_result pulsar_consumer_pause_message_listener(pulsar_consumer_t *consumer)
{
    if (!consumer->listener)
        return pulsar_result_InvalidConfiguration;
    atomic_store(&consumer->paused, true);
    return pulsar_result_Ok;
}

pulsar_result resume_message_listener(pulsar_consumer_t *consumer)
{
    if (!consumer->listener)
        return pulsar_result_InvalidConfiguration;
    atomic_store(&consumer->paused, false);
    if (!atomic_load(&consumer->handle.closed))
        client_listeners_ready(consumer->handle.client->listeners, &consumer->listening);
    return pulsar_result_Ok;
}

/* ---- closing ---- */

static void on_subscriber_closed(struct client_subscriber *s, pulsar_result result)
{
    struct _pulsar_consumer *c = s->subscription.owner;

    if (--c->alive == 0)
        client_handle_gone(&c->handle, result);
}

static void created_tell(struct _pulsar_consumer *c, pulsar_result result)
{
    void (*callback)(pulsar_result, struct _pulsar_consumer *, void *) = c->callback;

    c->callback = NULL;
    if (!callback)
        return;
    callback(result, result == pulsar_result_Ok ? c : NULL, c->ctx);
    if (result != pulsar_result_Ok)
        client_handle_unref(&c->handle); /* no user will have it */
}

/* True: no listener call is running, and none begins.  Else closing goes on by a task of its own, after the call that
 * is running has returned, and after what it asked for: what it acknowledges counts. */
static bool listener_left(struct _pulsar_consumer *c)
{
    if (!c->listener || c->left)
        return true;
    if (!c->leaving && client_listeners_leave(c->handle.client->listeners, &c->listening))
        on_listener_idle(&c->listening);
    c->leaving = true;
    return false;
}

static void consumer_close(struct client_handle *h, bool now)
{
    struct _pulsar_consumer *c = consumer_of(h);
    bool idle = c->alive == 0;

    c->close_now |= now;
    if (!listener_left(c))
        return;
    if (c->discovering)
        client_discovery_cancel(&c->discovery);
    c->discovering = false;
    created_tell(c, pulsar_result_AlreadyClosed);
    if (c->has_queue)
        client_queue_close(&c->queue, pulsar_result_AlreadyClosed);
    receives_fail(c, pulsar_result_AlreadyClosed);
    for (uint32_t i = 0; c->alive > 0 && i < c->count; i++)
        if (c->subscribers[i] && c->subscribers[i]->state != SUBSCRIBER_CLOSED)
            client_subscriber_close(c->subscribers[i], now, on_subscriber_closed);
    if (idle)
        client_handle_gone(h, pulsar_result_Ok);
}

static void consumer_free(struct client_handle *h)
{
    struct _pulsar_consumer *c = consumer_of(h);

    assert(c->alive == 0);
    for (uint32_t i = 0; c->subscribers && i < c->count; i++)
        client_subscriber_free(c->subscribers[i]);
    free(c->subscribers);
    if (c->has_queue)
        client_queue_deinit(&c->queue);
    for (uint32_t i = 0; i < c->topic_count; i++)
        free(c->topics[i]);
    free(c->topics);
    free(c->partitions);
    free(c->subscription);
    pthread_mutex_destroy(&c->ops_lock);
    client_consumer_config_deinit(&c->config);
    free(c);
}

static const struct client_handle_ops consumer_ops = {consumer_close, consumer_free};

pulsar_result pulsar_consumer_close(pulsar_consumer_t *consumer)
{
    struct client_handle *h = &consumer->handle;

    if (consumer->listener && client_listeners_here(h->client->listeners, &consumer->listening)) {
        client_handle_close_async(h, false, NULL, NULL); /* it ends when the listener that we are in has returned */
        return pulsar_result_Ok;
    }
    return client_handle_close(h, "pulsar_consumer_close");
}

void pulsar_consumer_close_async(pulsar_consumer_t *consumer, pulsar_result_callback callback, void *ctx)
{
    client_handle_close_async(&consumer->handle, false, callback, ctx);
}

void pulsar_consumer_free(pulsar_consumer_t *consumer)
{
    if (!consumer)
        return;
    if (!atomic_load(&consumer->handle.closed))
        client_handle_close_async(&consumer->handle, true, NULL, NULL);
    client_handle_unref(&consumer->handle);
}

/* ---- creating ---- */

static void creation_fail(struct _pulsar_consumer *c, pulsar_result why)
{
    created_tell(c, why);
    if (!atomic_exchange(&c->handle.closed, true))
        consumer_close(&c->handle, true);
}

static void on_subscriber_created(struct client_subscriber *s, pulsar_result result)
{
    struct _pulsar_consumer *c = s->subscription.owner;

    if (result != pulsar_result_Ok) {
        c->alive--;
        client_handle_ref(&c->handle);
        creation_fail(c, result);
        client_handle_unref(&c->handle);
        return;
    }
    if (++c->created < c->count)
        return;
    for (uint32_t i = 0; c->listener && c->config.queue_size == 0 && i < c->count; i++)
        client_subscriber_want(c->subscribers[i]);
    created_tell(c, pulsar_result_Ok);
}

static uint32_t queue_share(const struct _pulsar_consumer *c)
{
    int size = c->config.queue_size, across = c->config.queue_size_across / (int)c->count;

    if (size > 0 && c->config.queue_size_across > 0 && across < size)
        size = across > 0 ? across : 1;
    return size > 0 ? (uint32_t)size : 0;
}

static enum err subscriber_add(struct _pulsar_consumer *c, uint32_t index, const char *topic, const char *base)
{
    struct client_subscription subscription = {
        .config = &c->config,
        .topic = topic,
        .base_topic = base,
        .name = c->subscription,
        .durable = c->durable,
        .start = c->durable ? NULL : &c->start,
        .queue = &c->queue,
        .source = index,
        .queue_size = queue_share(c),
        .owner = c,
        .on_created = on_subscriber_created,
        .on_message = on_subscriber_message,
    };
    enum err err = client_subscriber_new(&c->subscribers[index], &c->handle.client->core, &subscription);

    c->alive += err == OK;
    return err;
}

/* All subscribers of one topic, from *index on. */
static enum err topic_subscribe(struct _pulsar_consumer *c, uint32_t topic, uint32_t *index)
{
    const char *base = c->topics[topic];
    enum err err = OK;
    char *name;

    if (c->partitions[topic] == 0)
        return subscriber_add(c, (*index)++, base, base);
    for (uint32_t i = 0; i < c->partitions[topic] && err == OK; i++) {
        if ((err = client_topic_partition(base, i, &name)) != OK)
            break;
        err = subscriber_add(c, (*index)++, name, base);
        free(name);
    }
    return err;
}

static uint32_t subscriber_count(const struct _pulsar_consumer *c)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->topic_count; i++)
        count += c->partitions[i] > 0 ? c->partitions[i] : 1;
    return count;
}

/* All topics are known. */
static enum err subscribers_make(struct _pulsar_consumer *c)
{
    uint32_t index = 0;
    enum err err;

    c->count = subscriber_count(c);
    if (!(c->subscribers = calloc(c->count, sizeof(struct client_subscriber *))))
        return ERR_NOMEM;
    if ((err = client_queue_init(&c->queue, c->count, c->config.ack_timeout_ms > 0, on_queue_notify)) != OK)
        return err;
    c->has_queue = true;
    c->queue.eager = !c->durable; /* what was read is acknowledged at once: read_ack */
    if (c->listener && (err = client_listeners_start(c->handle.client->listeners)) != OK)
        return err;
    for (uint32_t i = 0; i < c->topic_count && err == OK; i++)
        err = topic_subscribe(c, i, &index);
    return err;
}

static void discover_next(struct _pulsar_consumer *c);

static void on_topic_found(struct client_discovery *d, pulsar_result result, uint32_t partitions)
{
    struct _pulsar_consumer *c = container_of(d, struct _pulsar_consumer, discovery);
    enum err err;

    c->discovering = false;
    if (result == pulsar_result_Ok && !c->durable && partitions > 0) {
        log_error(&c->handle.client->log, "client", "%s: reading a partitioned topic is not built", c->topics[0]);
        result = pulsar_result_OperationNotSupported;
    }
    if (result != pulsar_result_Ok) {
        creation_fail(c, result);
        return;
    }
    c->partitions[c->found++] = partitions;
    if (c->found < c->topic_count)
        discover_next(c);
    else if ((err = subscribers_make(c)) != OK)
        creation_fail(c, err == ERR_INVALID ? pulsar_result_InvalidTopicName : pulsar_result_MemoryBufferIsFull);
}

static void discover_next(struct _pulsar_consumer *c)
{
    c->discovering = true;
    client_discovery_start(&c->discovery, &c->handle.client->core, c->topics[c->found], on_topic_found);
}

static void on_create(struct task *task)
{
    struct _pulsar_consumer *c = container_of(task, struct _pulsar_consumer, task);
    const char *unbuilt = client_consumer_config_refusal(&c->config);

    if (!client_handle_open(&c->handle)) {
        created_tell(c, pulsar_result_AlreadyClosed);
        return;
    }
    if (unbuilt) {
        log_error(&c->handle.client->log, "client", "%s: %s is not built", c->subscription, unbuilt);
        creation_fail(c, pulsar_result_OperationNotSupported);
        return;
    }
    discover_next(c);
}

static enum err topics_copy(struct _pulsar_consumer *c, const char *const *topics, size_t count)
{
    enum err err;

    if (count == 0 || count > CLIENT_TOPICS_MAX)
        return ERR_INVALID;
    c->topics = calloc(count, sizeof *c->topics);
    c->partitions = calloc(count, sizeof *c->partitions);
    if (!c->topics || !c->partitions)
        return ERR_NOMEM;
    for (; c->topic_count < count; c->topic_count++)
        if ((err = client_topic_complete(topics[c->topic_count], &c->topics[c->topic_count])) != OK)
            return err;
    return OK;
}

static enum err consumer_new(struct _pulsar_consumer **out, struct _pulsar_client *client,
                             const struct client_consumer_make *make)
{
    struct _pulsar_consumer_configuration defaults;
    struct _pulsar_consumer *c = calloc(1, sizeof *c);
    enum err err;

    if (!c)
        return ERR_NOMEM;
    client_consumer_config_init(&defaults);
    if ((err = client_consumer_config_copy(&c->config, make->config ? make->config : &defaults)) != OK) {
        free(c);
        return err;
    }
    c->durable = make->start == NULL;
    if (make->start) {
        c->start = *make->start;
        c->start.batch = NULL;
    }
    c->listener = make->listener;
    c->owner = make->owner;
    atomic_init(&c->paused, c->config.start_paused);
    atomic_init(&c->settling, false);
    pthread_mutex_init(&c->ops_lock, NULL);
    list_init(&c->ops);
    list_init(&c->receives);
    client_listening_init(&c->listening, on_listener_step, on_listener_idle);
    client_handle_init(&c->handle, client, &consumer_ops);
    if ((err = topics_copy(c, make->topics, make->topic_count)) != OK ||
        (err = client_text_set(&c->subscription, make->subscription) ? OK : ERR_NOMEM) != OK) {
        client_handle_unref(&c->handle);
        return err;
    }
    *out = c;
    return OK;
}

static void on_create_nobody(pulsar_result result, struct _pulsar_consumer *consumer, void *ctx)
{
    pulsar_consumer_free(consumer);
}

void client_consumer_make(struct _pulsar_client *client, const struct client_consumer_make *make,
                          void (*callback)(pulsar_result result, struct _pulsar_consumer *consumer, void *ctx),
                          void *ctx)
{
    struct _pulsar_consumer *c;
    enum err err = make->subscription && *make->subscription ? consumer_new(&c, client, make) : ERR_UNSUPPORTED;

    if (!callback)
        callback = on_create_nobody;
    if (err != OK) {
        callback(err == ERR_INVALID       ? pulsar_result_InvalidTopicName
                 : err == ERR_UNSUPPORTED ? pulsar_result_InvalidConfiguration /* a subscription without a name */
                                          : pulsar_result_MemoryBufferIsFull,
                 NULL, ctx);
        return;
    }
    c->callback = callback;
    c->ctx = ctx;
    if (!client_post(client, &c->task, on_create))
        created_tell(c, pulsar_result_AlreadyClosed);
}

static void listener_call(struct _pulsar_consumer *c, struct _pulsar_message *m)
{
    c->config.listener(c, m, c->config.listener_ctx);
}

void pulsar_client_subscribe_multi_topics_async(pulsar_client_t *client, const char **topics, int topicsCount,
                                                const char *subscriptionName,
                                                const pulsar_consumer_configuration_t *conf,
                                                pulsar_subscribe_callback callback, void *ctx)
{
    struct client_consumer_make make = {
        .topics = topics,
        .topic_count = topicsCount > 0 ? (size_t)topicsCount : 0,
        .subscription = subscriptionName,
        .config = conf,
        .listener = conf && conf->listener ? listener_call : NULL,
    };

    client_consumer_make(client, &make, callback, ctx);
}

void pulsar_client_subscribe_async(pulsar_client_t *client, const char *topic, const char *subscriptionName,
                                   const pulsar_consumer_configuration_t *conf, pulsar_subscribe_callback callback,
                                   void *ctx)
{
    pulsar_client_subscribe_multi_topics_async(client, &topic, 1, subscriptionName, conf, callback, ctx);
}

static void on_subscribe_wait(pulsar_result result, pulsar_consumer_t *consumer, void *ctx)
{
    client_wait_done(ctx, result, consumer);
}

pulsar_result pulsar_client_subscribe_multi_topics(pulsar_client_t *client, const char **topics, int topicsCount,
                                                   const char *subscriptionName,
                                                   const pulsar_consumer_configuration_t *conf,
                                                   pulsar_consumer_t **consumer)
{
    struct client_wait wait;
    pulsar_result result;
    void *value;

    if (client_must_not_wait(client, "pulsar_client_subscribe"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_client_subscribe_multi_topics_async(client, topics, topicsCount, subscriptionName, conf, on_subscribe_wait,
                                               &wait);
    result = client_wait_for(&wait, &value);
    if (result == pulsar_result_Ok)
        *consumer = value;
    return result;
}

pulsar_result pulsar_client_subscribe(pulsar_client_t *client, const char *topic, const char *subscriptionName,
                                      const pulsar_consumer_configuration_t *conf, pulsar_consumer_t **consumer)
{
    return pulsar_client_subscribe_multi_topics(client, &topic, 1, subscriptionName, conf, consumer);
}

/* ---- what it is ---- */

struct client_subscriber *client_consumer_subscriber(struct _pulsar_consumer *c, const struct _pulsar_message_id *id)
{
    if (id->source >= 0 && (uint32_t)id->source < c->count && c->subscribers[id->source]->partition == id->partition)
        return c->subscribers[id->source];
    for (uint32_t i = 0; i < c->count; i++)
        if (c->subscribers[i]->partition == id->partition)
            return c->subscribers[i];
    return c->subscribers[0];
}

const char *pulsar_consumer_get_topic(pulsar_consumer_t *consumer)
{
    return consumer->topics[0];
}

const char *pulsar_consumer_get_subscription_name(pulsar_consumer_t *consumer)
{
    return consumer->subscription;
}

int pulsar_consumer_is_connected(pulsar_consumer_t *consumer)
{
    for (uint32_t i = 0; i < consumer->count; i++)
        if (!atomic_load(&consumer->subscribers[i]->attached))
            return 0;
    return 1;
}
