/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.c - a list under a lock.
 */
#include "client/queue.h"

#include "client/wait.h"
#include "sys/deadline.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum err client_queue_init(struct client_queue *q, uint32_t sources, bool tracking,
                           void (*notify)(struct client_queue *q))
{
    *q = (struct client_queue){.source_count = sources, .tracking = tracking, .notify = notify};
    if (!(q->sources = calloc(sources, sizeof *q->sources)))
        return ERR_NOMEM;
    for (uint32_t i = 0; i < sources; i++)
        q->sources[i].notify_at = UINT32_MAX;
    list_init(&q->bodies);
    pthread_mutex_init(&q->lock, NULL);
    deadline_cond_init(&q->filled);
    return OK;
}

static void bodies_drop(struct client_queue *q, struct list *out)
{
    list_move(out, &q->bodies);
    q->count = q->bytes = 0;
}

void client_queue_deinit(struct client_queue *q)
{
    if (!q->sources)
        return; /* its init failed, or never was */
    client_bodies_unref(&q->bodies);
    free(q->sources);
    free(q->ids);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->filled);
}

static struct _pulsar_message_id plain(const struct _pulsar_message_id *id)
{
    struct _pulsar_message_id copy = *id;

    copy.batch = NULL;
    return copy;
}

static void id_note(struct client_queue *q, const struct _pulsar_message_id *id)
{
    if (q->id_count == q->id_capacity) {
        size_t capacity = q->id_capacity ? q->id_capacity * 2 : 16;
        struct _pulsar_message_id *ids = realloc(q->ids, capacity * sizeof *ids);

        if (!ids)
            return; /* this one has no ack timeout, then */
        q->ids = ids;
        q->id_capacity = capacity;
    }
    q->ids[q->id_count++] = plain(id);
}

/* Under the lock; true: the loop should know. */
static bool taken_note(struct client_queue *q, const struct client_body *body)
{
    struct client_source *source = &q->sources[body->id.source];

    q->count--;
    q->bytes -= body->len;
    source->taken++;
    source->last = plain(&body->id);
    source->has_last = true;
    if (q->tracking)
        id_note(q, &body->id);
    return source->taken == source->notify_at || (q->tracking && q->id_count == 1) || (q->eager && q->count == 0);
}

struct client_body *client_queue_take(struct client_queue *q)
{
    struct client_body *body = NULL;
    struct list *node;
    bool notify = false;

    pthread_mutex_lock(&q->lock);
    if ((node = list_pop_front(&q->bodies))) {
        body = container_of(node, struct client_body, node);
        notify = taken_note(q, body);
    }
    pthread_mutex_unlock(&q->lock);
    if (notify)
        q->notify(q);
    return body;
}

pulsar_result client_queue_take_wait(struct client_queue *q, int timeout_ms, struct client_body **out)
{
    struct timespec deadline = deadline_time(timeout_ms < 0 ? 0 : timeout_ms);
    pulsar_result closed;
    int rc = 0;

    for (;;) {
        if ((*out = client_queue_take(q)))
            return pulsar_result_Ok;
        pthread_mutex_lock(&q->lock);
        while (q->count == 0 && q->closed == pulsar_result_Ok && rc != ETIMEDOUT)
            rc = timeout_ms < 0 ? pthread_cond_wait(&q->filled, &q->lock)
                                : pthread_cond_timedwait(&q->filled, &q->lock, &deadline);
        closed = q->closed;
        if (q->count == 0 && closed == pulsar_result_Ok)
            closed = pulsar_result_Timeout;
        pthread_mutex_unlock(&q->lock);
        if (closed != pulsar_result_Ok)
            return closed;
    }
}

size_t client_queue_count(struct client_queue *q)
{
    size_t count;

    pthread_mutex_lock(&q->lock);
    count = q->count;
    pthread_mutex_unlock(&q->lock);
    return count;
}

size_t client_queue_bytes(struct client_queue *q)
{
    size_t bytes;

    pthread_mutex_lock(&q->lock);
    bytes = q->bytes;
    pthread_mutex_unlock(&q->lock);
    return bytes;
}

pulsar_result client_queue_closed(struct client_queue *q)
{
    pulsar_result closed;

    pthread_mutex_lock(&q->lock);
    closed = q->closed;
    pthread_mutex_unlock(&q->lock);
    return closed;
}

void client_queue_push(struct client_queue *q, struct list *bodies)
{
    struct list *node;

    pthread_mutex_lock(&q->lock);
    while (q->closed == pulsar_result_Ok && (node = list_pop_front(bodies))) {
        struct client_body *body = container_of(node, struct client_body, node);

        assert(body->id.source >= 0 && (uint32_t)body->id.source < q->source_count);
        list_push_back(&q->bodies, &body->node);
        q->count++;
        q->bytes += body->len;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    client_bodies_unref(bodies);
}

size_t client_queue_drop(struct client_queue *q, uint32_t source)
{
    struct list dropped;
    size_t count = 0;

    list_init(&dropped);
    pthread_mutex_lock(&q->lock);
    list_each_safe (node, &q->bodies) {
        struct client_body *body = container_of(node, struct client_body, node);

        if (body->id.source != (int32_t)source)
            continue;
        q->count--;
        q->bytes -= body->len;
        list_remove(node);
        list_push_back(&dropped, node);
        count++;
    }
    pthread_mutex_unlock(&q->lock);
    client_bodies_unref(&dropped);
    return count;
}

uint32_t client_queue_settle(struct client_queue *q, uint32_t source)
{
    uint32_t taken;

    pthread_mutex_lock(&q->lock);
    taken = q->sources[source].taken;
    q->sources[source].taken = 0;
    pthread_mutex_unlock(&q->lock);
    return taken;
}

void client_queue_notify_at(struct client_queue *q, uint32_t source, uint32_t count)
{
    pthread_mutex_lock(&q->lock);
    q->sources[source].notify_at = count;
    pthread_mutex_unlock(&q->lock);
}

struct _pulsar_message_id *client_queue_ids(struct client_queue *q, size_t *count)
{
    struct _pulsar_message_id *ids;

    pthread_mutex_lock(&q->lock);
    ids = q->ids;
    *count = q->id_count;
    q->ids = NULL;
    q->id_count = q->id_capacity = 0;
    pthread_mutex_unlock(&q->lock);
    return ids;
}

bool client_queue_last(struct client_queue *q, uint32_t source, struct _pulsar_message_id *id)
{
    bool has;

    pthread_mutex_lock(&q->lock);
    has = q->sources[source].has_last;
    *id = q->sources[source].last;
    pthread_mutex_unlock(&q->lock);
    return has;
}

void client_queue_last_set(struct client_queue *q, uint32_t source, const struct _pulsar_message_id *id)
{
    pthread_mutex_lock(&q->lock);
    q->sources[source].has_last = id != NULL;
    if (id)
        q->sources[source].last = plain(id);
    pthread_mutex_unlock(&q->lock);
}

void client_queue_close(struct client_queue *q, pulsar_result why)
{
    struct list dropped;

    pthread_mutex_lock(&q->lock);
    q->closed = why;
    bodies_drop(q, &dropped);
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->lock);
    client_bodies_unref(&dropped);
}
