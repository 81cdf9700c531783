/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.c - a producer as users hold it: the gate that bounds what is pending, the choice of a partition, and one
 * publisher for each.
 *
 * Who touches what.  Set before the user has the handle: config, topic, name, publishers.  The gate: any thread, by
 * atomics or under its lock. The loop's: the rest.  A send has a place in the gate until it completes, and as long as
 * there are any the gate holds a reference to the handle.
 *
 * What a message costs is kept small: sends reach the loop by the outbox, which is posted once for all that come before
 * the loop looks; places are an atomic count, and who waits for one is woken twice at most for all that leave in a
 * turn of the loop.  Locks: the gate's, then the loop's (of its posts).
 */
#include "client/discovery.h"
#include "client/handle.h"
#include "client/publisher.h"
#include "client/routing.h"
#include "sys/deadline.h"

#include <assert.h>
#include <pulsar/c/client.h>
#include <stdlib.h>

/* Operations are made on the users' threads and end on the loop's: who frees there what another one allocated pays for
 * it, so some are kept to be used again. */
#define SPARES_MAX  65536u /* 7 MB: what some receipts of large batches end at once */
#define SPARES_IDLE 1024u  /* of those that stay when nothing is pending */

struct gate {
    uint32_t pending_max;     /* messages; 0: no limit */
    _Atomic uint32_t waiters; /* for a place, under the lock */
    char apart[CACHE_LINE];
    _Atomic uint32_t pending; /* messages */
    char apart_too[CACHE_LINE];
    pthread_mutex_t lock;
    pthread_cond_t left;
    struct client_routing routing;
    struct list outbox; /* send_ops that the loop has not taken; not empty: `outbox_task` is posted */
    _Atomic(struct send_op *) spares; /* changed under the lock, and their count */
    _Atomic uint32_t spare_count;
};

struct _pulsar_producer {
    struct client_handle handle;
    struct _pulsar_producer_configuration config;
    char *topic;
    char *name;                           /* known when created */
    struct client_publisher **publishers; /* as long as the handle, so that any thread may ask them how they are */
    uint32_t count, created, alive;
    struct gate gate;
    struct task outbox_task;
    char apart[CACHE_LINE];
    struct task wake_task; /* the loop's */
    struct send_op *ended; /* the loop's: they will be spares */
    uint32_t ended_count;

    struct client_discovery discovery;
    bool discovering;
    pulsar_create_producer_callback callback; /* of creating; NULL: called */
    void *ctx;
    struct task task;
};

struct _pulsar_topic_metadata {
    int partitions;
};

int pulsar_topic_metadata_get_num_partitions(pulsar_topic_metadata_t *topicMetadata)
{
    return topicMetadata->partitions;
}

static struct _pulsar_producer *producer_of(struct client_handle *h)
{
    return container_of(h, struct _pulsar_producer, handle);
}

/* ---- the gate ---- */

struct send_op {
    struct client_send send; /* its node is also that of `outbox` */
    struct send_op *next;    /* of `spares` and `ended`: last in, first out, for that one is in a cache still */
    struct _pulsar_producer *producer;
    uint32_t partition;
    pulsar_send_callback callback;
    void *ctx;
};

static void ops_free(struct send_op *op)
{
    while (op) {
        struct send_op *next = op->next;

        free(op);
        op = next;
    }
}

/* With the lock held. */
static void spares_set(struct gate *g, struct send_op *spares, uint32_t count)
{
    atomic_store_explicit(&g->spares, spares, memory_order_relaxed);
    atomic_store_explicit(&g->spare_count, count, memory_order_relaxed);
}

static void gate_init(struct gate *g)
{
    pthread_mutex_init(&g->lock, NULL);
    deadline_cond_init(&g->left);
    list_init(&g->outbox);
}

static void gate_deinit(struct gate *g)
{
    assert(atomic_load(&g->pending) == 0);
    assert(list_empty(&g->outbox));
    ops_free(atomic_load(&g->spares));
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->left);
}

/* The first of several pending sends holds the handle for all of them. */
static bool gate_try(struct _pulsar_producer *p)
{
    struct gate *g = &p->gate;
    uint32_t pending = atomic_load(&g->pending);

    do {
        if (g->pending_max > 0 && pending >= g->pending_max)
            return false;
    } while (!atomic_compare_exchange_weak(&g->pending, &pending, pending + 1));
    if (pending == 0)
        client_handle_ref(&p->handle);
    return true;
}

/* Who leaves sees the waiter, or the waiter sees the place: it is counted before it tries. */
static bool gate_wait(struct _pulsar_producer *p)
{
    struct gate *g = &p->gate;
    bool taken;

    pthread_mutex_lock(&g->lock);
    atomic_fetch_add(&g->waiters, 1);
    while (!(taken = gate_try(p)) && !atomic_load(&p->handle.closed))
        pthread_cond_wait(&g->left, &g->lock);
    atomic_fetch_sub(&g->waiters, 1);
    pthread_mutex_unlock(&g->lock);
    return taken;
}

/* Whether `p` may have one more pending; waits where it was told to. */
static pulsar_result gate_enter(struct _pulsar_producer *p)
{
    if (atomic_load(&p->handle.closed))
        return pulsar_result_AlreadyClosed;
    if (gate_try(p))
        return pulsar_result_Ok;
    if (!p->config.block_if_full || client_on_loop(p->handle.client))
        return pulsar_result_ProducerQueueIsFull;
    return gate_wait(p) ? pulsar_result_Ok : pulsar_result_AlreadyClosed;
}

static void waiters_wake(struct _pulsar_producer *p)
{
    struct gate *g = &p->gate;

    pthread_mutex_lock(&g->lock); /* who has tried in vain is waiting by now */
    pthread_mutex_unlock(&g->lock);
    pthread_cond_broadcast(&g->left);
}

static void on_wake(struct task *task)
{
    struct _pulsar_producer *p = container_of(task, struct _pulsar_producer, wake_task);

    waiters_wake(p);
    client_handle_unref(&p->handle);
}

/* On the loop: at once for the first that leaves, before its callback, which may want a lock that a waiter holds; then
 * once for all that leave before the loop waits again.  A waiter that is woken for each finds one place and waits again,
 * and costs two switches of threads. */
static void waiters_wake_soon(struct _pulsar_producer *p)
{
    if (p->wake_task.queued)
        return;
    waiters_wake(p);
    client_handle_ref(&p->handle);
    loop_defer(p->handle.client->core.sys->loop, &p->wake_task);
}

/* `wake`: one of the two above. */
static void gate_leave(struct _pulsar_producer *p, uint32_t sends, void (*wake)(struct _pulsar_producer *p))
{
    struct gate *g = &p->gate;
    const uint32_t before = atomic_fetch_sub(&g->pending, sends);

    assert(before >= sends);
    if (atomic_load(&g->waiters) > 0)
        wake(p);
    if (before == sends)
        client_handle_unref(&p->handle);
}

/* Wakes those who wait at the gate or for memory, to see that the producer is closed. */
static void gate_wake(struct _pulsar_producer *p)
{
    struct _pulsar_client *c = p->handle.client;

    waiters_wake(p);
    pthread_mutex_lock(&c->memory_lock);
    pthread_cond_broadcast(&c->memory_freed);
    pthread_mutex_unlock(&c->memory_lock);
}

/* A message larger than the limit goes alone. */
static bool memory_try(struct _pulsar_client *c, size_t size)
{
    size_t used = atomic_load(&c->memory_used);

    do {
        if (used > 0 && used + size > c->config.memory_limit)
            return false;
    } while (!atomic_compare_exchange_weak(&c->memory_used, &used, used + size));
    return true;
}

/* Who gives memory back sees the waiter, or the waiter sees what was given: it is counted before it tries. */
static bool memory_wait(struct _pulsar_producer *p, size_t size)
{
    struct _pulsar_client *c = p->handle.client;
    bool taken;

    pthread_mutex_lock(&c->memory_lock);
    atomic_fetch_add(&c->memory_waiters, 1);
    while (!(taken = memory_try(c, size)) && !atomic_load(&p->handle.closed))
        pthread_cond_wait(&c->memory_freed, &c->memory_lock);
    atomic_fetch_sub(&c->memory_waiters, 1);
    pthread_mutex_unlock(&c->memory_lock);
    return taken;
}

static pulsar_result memory_take(struct _pulsar_producer *p, size_t size)
{
    struct _pulsar_client *c = p->handle.client;

    if (c->config.memory_limit == 0 || memory_try(c, size))
        return pulsar_result_Ok;
    if (!p->config.block_if_full || client_on_loop(c))
        return pulsar_result_MemoryBufferIsFull;
    return memory_wait(p, size) ? pulsar_result_Ok : pulsar_result_AlreadyClosed;
}

static void memory_give(struct _pulsar_client *c, size_t size)
{
    if (c->config.memory_limit == 0)
        return;
    const size_t before = atomic_fetch_sub(&c->memory_used, size);
    assert(before >= size);
    if (atomic_load(&c->memory_waiters) == 0)
        return;
    pthread_mutex_lock(&c->memory_lock);
    pthread_cond_broadcast(&c->memory_freed);
    pthread_mutex_unlock(&c->memory_lock);
}

/* ---- sending ---- */

static void on_leaving(struct client_publisher *publisher, uint32_t sends, size_t charge)
{
    struct _pulsar_producer *p = publisher->owner;

    memory_give(p->handle.client, charge);
    gate_leave(p, sends, waiters_wake_soon);
}

static void send_op_tell(struct send_op *op, pulsar_result result, const struct _pulsar_message_id *id)
{
    if (op->callback)
        op->callback(result, result == pulsar_result_Ok ? client_message_id_new(id) : NULL, op->ctx);
    client_body_unref(op->send.body);
}

static void spares_free(struct _pulsar_producer *p)
{
    struct gate *g = &p->gate;

    pthread_mutex_lock(&g->lock);
    struct send_op *spares = atomic_load_explicit(&g->spares, memory_order_relaxed);
    spares_set(g, NULL, 0);
    pthread_mutex_unlock(&g->lock);
    ops_free(spares);
    ops_free(p->ended);
    p->ended = NULL;
    p->ended_count = 0;
}

/* On the loop.  No more are kept than may be pending, and not many when nothing is. */
static void op_end(struct _pulsar_producer *p, struct send_op *op)
{
    struct gate *g = &p->gate;
    const uint32_t most = g->pending_max > 0 && g->pending_max < SPARES_MAX ? g->pending_max : SPARES_MAX;
    const uint32_t kept = p->ended_count + atomic_load_explicit(&g->spare_count, memory_order_relaxed);

    if (kept >= SPARES_IDLE && atomic_load_explicit(&g->pending, memory_order_relaxed) == 0)
        spares_free(p);
    if (kept >= most) {
        free(op);
        return;
    }
    op->next = p->ended;
    p->ended = op;
    p->ended_count++;
}

/* On the loop; the handle is open as long as publishers have sends. */
static void on_sent(struct client_send *s, pulsar_result result, const struct _pulsar_message_id *id)
{
    struct send_op *op = container_of(s, struct send_op, send);
    struct _pulsar_producer *p = op->producer;

    send_op_tell(op, result, id);
    op_end(p, op);
}

/* It did not come as far as a publisher. */
static void send_op_refuse(struct send_op *op, pulsar_result why)
{
    struct _pulsar_producer *p = op->producer;

    client_handle_ref(&p->handle);
    memory_give(p->handle.client, op->send.charge);
    gate_leave(p, 1, waiters_wake);
    send_op_tell(op, why, NULL);
    client_handle_unref(&p->handle);
}

/* What the loop has ended is the senders' to use again. */
static void outbox_take(struct _pulsar_producer *p, struct list *sends)
{
    struct gate *g = &p->gate;

    pthread_mutex_lock(&g->lock);
    list_move(sends, &g->outbox);
    if (!atomic_load_explicit(&g->spares, memory_order_relaxed)) {
        spares_set(g, p->ended, p->ended_count);
        p->ended = NULL;
        p->ended_count = 0;
    }
    pthread_mutex_unlock(&g->lock);
}

static void on_outbox(struct task *task)
{
    struct _pulsar_producer *p = container_of(task, struct _pulsar_producer, outbox_task);
    struct list sends, *node;

    client_handle_ref(&p->handle);
    outbox_take(p, &sends);
    while ((node = list_pop_front(&sends))) {
        struct send_op *op = container_of(node, struct send_op, send.node);

        if (p->handle.gone) {
            send_op_refuse(op, pulsar_result_AlreadyClosed);
            free(op);
        } else {
            client_publisher_send(p->publishers[op->partition], &op->send);
        }
    }
    client_handle_unref(&p->handle);
}

/* With the lock held.  NULL: memory is short. */
static struct send_op *spare_take(struct gate *g)
{
    struct send_op *op = atomic_load_explicit(&g->spares, memory_order_relaxed);

    if (!op)
        return malloc(sizeof *op);
    spares_set(g, op->next, atomic_load_explicit(&g->spare_count, memory_order_relaxed) - 1);
    return op;
}

/* A copy of `what` goes to the loop.  The post is under the lock, so that a flush posted after this send finds it there.
 * Not Ok: memory is short, or the loop has stopped. */
static pulsar_result outbox_put(struct _pulsar_producer *p, const struct send_op *what)
{
    struct gate *g = &p->gate;
    pulsar_result result = pulsar_result_MemoryBufferIsFull;

    /* Where there are no spares memory is had before the lock, but for a race, which does not matter. */
    struct send_op *op = atomic_load_explicit(&g->spares, memory_order_relaxed) ? NULL : malloc(sizeof *op);
    pthread_mutex_lock(&g->lock);
    if (!op)
        op = spare_take(g);
    if (op && list_empty(&g->outbox) && !client_post(p->handle.client, &p->outbox_task, on_outbox)) {
        free(op);
        op = NULL;
        result = pulsar_result_AlreadyClosed;
    }
    if (op) {
        *op = *what;
        list_push_back(&g->outbox, &op->send.node);
        result = pulsar_result_Ok;
    }
    pthread_mutex_unlock(&g->lock);
    return result;
}

/* The partition, or -1: the router chose one that is none. */
static int64_t partition_choose(struct _pulsar_producer *p, pulsar_message_t *msg)
{
    struct _pulsar_topic_metadata metadata = {.partitions = (int)p->count};
    uint32_t partition;
    int chosen;

    if (p->count == 1)
        return 0;
    if (p->config.routing == pulsar_CustomPartition && p->config.router) {
        chosen = p->config.router(msg, &metadata, p->config.router_ctx);
        return chosen >= 0 && chosen < (int)p->count ? chosen : -1;
    }
    const uint64_t now_ms = loop_now_ns(p->handle.client->core.sys->loop) / NS_PER_MS;
    pthread_mutex_lock(&p->gate.lock);
    partition = client_routing_choose(&p->gate.routing, msg->body->key, now_ms);
    pthread_mutex_unlock(&p->gate.lock);
    return partition;
}

static pulsar_result send_check(struct _pulsar_producer *p, const struct client_body *b)
{
    if (b->failed)
        return pulsar_result_InvalidMessage;
    if (p->config.compression == pulsar_CompressionNone && b->len > p->handle.client->core.message_size_max)
        return pulsar_result_MessageTooBig;
    return b->len > INT32_MAX / 2 ? pulsar_result_MessageTooBig : pulsar_result_Ok;
}

/* Through the gate; on Ok *op holds what was taken there. */
static pulsar_result send_admit(struct _pulsar_producer *p, pulsar_message_t *msg, struct send_op *op)
{
    const size_t charge = client_body_size(msg->body);
    pulsar_result result = send_check(p, msg->body);
    int64_t partition;

    if (result != pulsar_result_Ok || (result = gate_enter(p)) != pulsar_result_Ok)
        return result;
    if ((result = memory_take(p, charge)) != pulsar_result_Ok)
        goto leave;
    result = pulsar_result_UnknownError;
    if ((partition = partition_choose(p, msg)) < 0)
        goto give;
    *op = (struct send_op){.producer = p, .partition = (uint32_t)partition};
    op->send = (struct client_send){.body = client_body_ref(msg->body), .charge = charge, .done = on_sent};
    return pulsar_result_Ok;
give:
    memory_give(p->handle.client, charge);
leave:
    gate_leave(p, 1, waiters_wake);
    return result;
}

void pulsar_producer_send_async(pulsar_producer_t *producer, pulsar_message_t *msg, pulsar_send_callback callback,
                                void *ctx)
{
    struct send_op op;
    pulsar_result result = send_admit(producer, msg, &op);

    if (result != pulsar_result_Ok) {
        if (callback)
            callback(result, NULL, ctx);
        return;
    }
    op.callback = callback;
    op.ctx = ctx;
    if ((result = outbox_put(producer, &op)) != pulsar_result_Ok)
        send_op_refuse(&op, result);
}

static void on_send_wait(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    client_wait_done(ctx, result, id);
}

pulsar_result pulsar_producer_send(pulsar_producer_t *producer, pulsar_message_t *msg)
{
    struct client_wait wait;
    struct client_body *body;
    pulsar_result result;
    void *id;

    if (client_must_not_wait(producer->handle.client, "pulsar_producer_send"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_producer_send_async(producer, msg, on_send_wait, &wait);
    result = client_wait_for(&wait, &id);
    if (id && (body = client_message_own(msg))) {
        client_message_id_unref(&body->id);
        body->id = client_message_id_ref(id);
    }
    pulsar_message_id_free(id);
    return result;
}

/* ---- flushing ---- */

struct flush_op {
    struct task task;
    struct _pulsar_producer *producer; /* a reference */
    uint32_t left;
    pulsar_result result;
    pulsar_flush_callback callback;
    void *ctx;
    struct flush_part {
        struct client_flush flush;
        struct flush_op *op;
    } parts[];
};

static void flush_op_end(struct flush_op *op, pulsar_result result)
{
    struct _pulsar_producer *p = op->producer;

    if (op->callback)
        op->callback(result, op->ctx);
    free(op);
    client_handle_unref(&p->handle);
}

static void on_flushed(struct client_flush *f, pulsar_result result)
{
    struct flush_op *op = container_of(f, struct flush_part, flush)->op;

    if (op->result == pulsar_result_Ok)
        op->result = result;
    if (--op->left == 0)
        flush_op_end(op, op->result);
}

static void on_flush(struct task *task)
{
    struct flush_op *op = container_of(task, struct flush_op, task);
    struct _pulsar_producer *p = op->producer;
    uint32_t count = p->count;

    if (p->handle.gone || atomic_load(&p->handle.closed)) {
        flush_op_end(op, pulsar_result_AlreadyClosed);
        return;
    }
    op->left = count;
    for (uint32_t i = 0; i < count; i++) {
        op->parts[i].op = op;
        list_init(&op->parts[i].flush.node);
        op->parts[i].flush.done = on_flushed;
        client_publisher_flush(p->publishers[i], &op->parts[i].flush);
    }
}

void pulsar_producer_flush_async(pulsar_producer_t *producer, pulsar_flush_callback callback, void *ctx)
{
    struct flush_op *op = calloc(1, sizeof *op + producer->count * sizeof op->parts[0]);

    if (!op) {
        if (callback)
            callback(pulsar_result_MemoryBufferIsFull, ctx);
        return;
    }
    client_handle_ref(&producer->handle);
    op->producer = producer;
    op->callback = callback;
    op->ctx = ctx;
    if (!client_post(producer->handle.client, &op->task, on_flush))
        flush_op_end(op, pulsar_result_AlreadyClosed);
}

pulsar_result pulsar_producer_flush(pulsar_producer_t *producer)
{
    struct client_wait wait;

    if (client_must_not_wait(producer->handle.client, "pulsar_producer_flush"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_producer_flush_async(producer, client_wait_result, &wait);
    return client_wait_for(&wait, NULL);
}

/* ---- closing ---- */

static void on_publisher_closed(struct client_publisher *publisher, pulsar_result result)
{
    struct _pulsar_producer *p = publisher->owner;

    if (p->handle.result == pulsar_result_Ok)
        p->handle.result = result;
    if (--p->alive == 0)
        client_handle_gone(&p->handle, result);
}

static void created_tell(struct _pulsar_producer *p, pulsar_result result)
{
    pulsar_create_producer_callback callback = p->callback;

    p->callback = NULL;
    if (callback)
        callback(result, result == pulsar_result_Ok ? p : NULL, p->ctx);
    if (callback && result != pulsar_result_Ok)
        client_handle_unref(&p->handle); /* no user will have it */
}

static void producer_close(struct client_handle *h, bool now)
{
    struct _pulsar_producer *p = producer_of(h);
    bool idle = p->alive == 0;

    gate_wake(p);
    if (p->discovering)
        client_discovery_cancel(&p->discovery);
    p->discovering = false;
    created_tell(p, pulsar_result_AlreadyClosed);
    for (uint32_t i = 0; p->alive > 0 && i < p->count; i++)
        if (p->publishers[i] && p->publishers[i]->state != PUBLISHER_CLOSED)
            client_publisher_close(p->publishers[i], now, on_publisher_closed);
    if (idle)
        client_handle_gone(h, pulsar_result_Ok);
}

static void producer_free(struct client_handle *h)
{
    struct _pulsar_producer *p = producer_of(h);

    assert(p->alive == 0);
    for (uint32_t i = 0; p->publishers && i < p->count; i++)
        client_publisher_free(p->publishers[i]);
    free(p->publishers);
    client_producer_config_deinit(&p->config);
    gate_deinit(&p->gate);
    ops_free(p->ended);
    free(p->name);
    free(p->topic);
    free(p);
}

static const struct client_handle_ops producer_ops = {producer_close, producer_free};

pulsar_result pulsar_producer_close(pulsar_producer_t *producer)
{
    return client_handle_close(&producer->handle, "pulsar_producer_close");
}

void pulsar_producer_close_async(pulsar_producer_t *producer, pulsar_close_callback callback, void *ctx)
{
    client_handle_close_async(&producer->handle, false, callback, ctx);
}

void pulsar_producer_free(pulsar_producer_t *producer)
{
    if (!producer)
        return;
    if (!atomic_load(&producer->handle.closed))
        client_handle_close_async(&producer->handle, true, NULL, NULL);
    client_handle_unref(&producer->handle);
}

/* ---- creating ---- */

/* Gives up what there is of it; `why` is told. */
static void creation_fail(struct _pulsar_producer *p, pulsar_result why)
{
    created_tell(p, why);
    if (!atomic_exchange(&p->handle.closed, true))
        producer_close(&p->handle, true);
}

static void on_publisher_created(struct client_publisher *publisher, pulsar_result result)
{
    struct _pulsar_producer *p = publisher->owner;

    if (result != pulsar_result_Ok) {
        p->alive--;
        client_handle_ref(&p->handle);
        creation_fail(p, result);
        client_handle_unref(&p->handle);
        return;
    }
    if (++p->created < p->count)
        return;
    if (client_text_set(&p->name, p->publishers[0]->name))
        created_tell(p, pulsar_result_Ok);
    else
        creation_fail(p, pulsar_result_MemoryBufferIsFull);
}

static pulsar_result publisher_add(struct _pulsar_producer *p, uint32_t i, bool partitioned)
{
    char *name = p->topic;
    enum err err = OK;

    if (partitioned && client_topic_partition(p->topic, i, &name) != OK)
        return pulsar_result_MemoryBufferIsFull;
    err = client_publisher_new(&p->publishers[i], &p->handle.client->core, &p->config, name, p, on_publisher_created);
    if (partitioned)
        free(name);
    if (err != OK)
        return pulsar_result_MemoryBufferIsFull;
    p->publishers[i]->on_leaving = on_leaving;
    p->alive++;
    return pulsar_result_Ok;
}

static uint32_t pending_limit(const struct _pulsar_producer_configuration *config, uint32_t partitions)
{
    uint64_t max = (uint64_t)(config->pending_max > 0 ? config->pending_max : 0) * partitions;

    if (config->pending_max_across > 0 && partitions > 1 && (max == 0 || max > (uint64_t)config->pending_max_across))
        max = (uint64_t)config->pending_max_across;
    return (uint32_t)max;
}

static void on_topic_found(struct client_discovery *d, pulsar_result result, uint32_t partitions)
{
    struct _pulsar_producer *p = container_of(d, struct _pulsar_producer, discovery);
    uint32_t count = partitions > 0 ? partitions : 1;

    p->discovering = false;
    if (result == pulsar_result_Ok && !(p->publishers = calloc(count, sizeof(struct client_publisher *))))
        result = pulsar_result_MemoryBufferIsFull;
    if (result != pulsar_result_Ok) {
        creation_fail(p, result);
        return;
    }
    p->count = count;
    p->gate.pending_max = pending_limit(&p->config, count);
    client_routing_init(&p->gate.routing, &p->config, count,
                        (uint32_t)random_below(&p->handle.client->core.random, count));
    for (uint32_t i = 0; i < count && result == pulsar_result_Ok; i++)
        result = publisher_add(p, i, partitions > 0);
    if (result != pulsar_result_Ok)
        creation_fail(p, result);
}

static void on_create(struct task *task)
{
    struct _pulsar_producer *p = container_of(task, struct _pulsar_producer, task);
    const char *unbuilt = client_producer_config_refusal(&p->config);

    if (!client_handle_open(&p->handle)) {
        created_tell(p, pulsar_result_AlreadyClosed);
        return;
    }
    if (unbuilt) {
        log_error(&p->handle.client->log, "client", "%s: %s is not built", p->topic, unbuilt);
        creation_fail(p, pulsar_result_OperationNotSupported);
        return;
    }
    p->discovering = true;
    client_discovery_start(&p->discovery, &p->handle.client->core, p->topic, on_topic_found);
}

static enum err producer_new(struct _pulsar_producer **out, pulsar_client_t *client, const char *topic,
                             const pulsar_producer_configuration_t *conf)
{
    struct _pulsar_producer_configuration defaults;
    struct _pulsar_producer *p = calloc(1, sizeof *p);
    enum err err = ERR_NOMEM;

    client_producer_config_init(&defaults);
    if (!p || (err = client_topic_complete(topic, &p->topic)) != OK)
        goto fail;
    if ((err = client_producer_config_copy(&p->config, conf ? conf : &defaults)) != OK)
        goto fail;
    gate_init(&p->gate);
    p->wake_task.run = on_wake;
    list_init(&p->wake_task.node);
    client_handle_init(&p->handle, client, &producer_ops);
    *out = p;
    return OK;
fail:
    if (p)
        free(p->topic);
    free(p);
    return err;
}

/* For those who do not care, and so cannot use it. */
static void on_create_nobody(pulsar_result result, pulsar_producer_t *producer, void *ctx)
{
    pulsar_producer_free(producer);
}

void pulsar_client_create_producer_async(pulsar_client_t *client, const char *topic,
                                         const pulsar_producer_configuration_t *conf,
                                         pulsar_create_producer_callback callback, void *ctx)
{
    struct _pulsar_producer *p;
    enum err err = producer_new(&p, client, topic, conf);

    if (err != OK) {
        if (callback)
            callback(err == ERR_NOMEM ? pulsar_result_MemoryBufferIsFull : pulsar_result_InvalidTopicName, NULL, ctx);
        return;
    }
    p->callback = callback ? callback : on_create_nobody;
    p->ctx = ctx;
    if (!client_post(client, &p->task, on_create))
        created_tell(p, pulsar_result_AlreadyClosed);
}

static void on_create_wait(pulsar_result result, pulsar_producer_t *producer, void *ctx)
{
    client_wait_done(ctx, result, producer);
}

pulsar_result pulsar_client_create_producer(pulsar_client_t *client, const char *topic,
                                            const pulsar_producer_configuration_t *conf, pulsar_producer_t **producer)
{
    struct client_wait wait;
    pulsar_result result;
    void *value;

    if (client_must_not_wait(client, "pulsar_client_create_producer"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_client_create_producer_async(client, topic, conf, on_create_wait, &wait);
    result = client_wait_for(&wait, &value);
    if (result == pulsar_result_Ok)
        *producer = value;
    return result;
}

/* ---- what it is ---- */

const char *pulsar_producer_get_topic(pulsar_producer_t *producer)
{
    return producer->topic;
}

const char *pulsar_producer_get_producer_name(pulsar_producer_t *producer)
{
    return producer->name ? producer->name : "";
}

int64_t pulsar_producer_get_last_sequence_id(pulsar_producer_t *producer)
{
    int64_t last = -1;

    for (uint32_t i = 0; i < producer->count; i++) {
        int64_t id = atomic_load(&producer->publishers[i]->last_sequence_id);

        last = id > last ? id : last;
    }
    return last;
}

int pulsar_producer_is_connected(pulsar_producer_t *producer)
{
    for (uint32_t i = 0; i < producer->count; i++)
        if (!atomic_load(&producer->publishers[i]->attached))
            return 0;
    return 1;
}
