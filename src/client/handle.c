/* SPDX-License-Identifier: Apache-2.0
 *
 * handle.c - counting and closing.
 */
#include "client/handle.h"

#include "client/listeners.h"

#include <assert.h>
#include <stdlib.h>

static void client_check_drained(struct _pulsar_client *c);

/* ---- handles ---- */

static void closers_tell(struct list *closers, pulsar_result result)
{
    struct list *node;

    while ((node = list_pop_front(closers))) {
        struct client_closer *closer = container_of(node, struct client_closer, node);
        struct client_handle *h = closer->handle;
        struct _pulsar_client *c = closer->client;

        if (closer->callback)
            closer->callback(result, closer->ctx);
        free(closer);
        if (h)
            client_handle_unref(h);
        else
            client_unref(c);
    }
}

static void on_bury(struct timer *timer)
{
    struct client_handle *h = container_of(timer, struct client_handle, bury);
    struct _pulsar_client *c = h->client;

    client_ref(c);
    list_remove(&h->node);
    h->opened = false;
    h->gone = true;
    closers_tell(&h->closers, h->result);
    client_handle_unref(h); /* the loop's */
    client_check_drained(c);
    client_unref(c);
}

void client_handle_init(struct client_handle *h, struct _pulsar_client *client, const struct client_handle_ops *ops)
{
    *h = (struct client_handle){.ops = ops, .client = client_ref(client)};
    atomic_init(&h->refs, 1);
    atomic_init(&h->closed, false);
    list_init(&h->node);
    list_init(&h->closers);
}

struct client_handle *client_handle_ref(struct client_handle *h)
{
    atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
    return h;
}

void client_handle_unref(struct client_handle *h)
{
    struct _pulsar_client *c = h->client;

    if (atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
        return;
    h->ops->free(h);
    client_unref(c);
}

bool client_handle_open(struct client_handle *h)
{
    struct _pulsar_client *c = h->client;

    if (c->closing)
        return false;
    timer_init(&h->bury, c->core.sys->loop, on_bury);
    list_push_back(&c->handles, &h->node);
    h->opened = true;
    client_handle_ref(h);
    return true;
}

void client_handle_gone(struct client_handle *h, pulsar_result result)
{
    if (h->result == pulsar_result_Ok)
        h->result = result;
    timer_start_ms(&h->bury, 0);
}

/* It has nothing to wait for. */
static void closer_drop(struct client_closer *closer, pulsar_result result)
{
    struct list alone;

    list_init(&alone);
    list_push_back(&alone, &closer->node);
    closers_tell(&alone, result); /* may be the end of the handle */
}

static void on_close(struct task *task)
{
    struct client_closer *closer = container_of(task, struct client_closer, task);
    struct client_handle *h = closer->handle;

    if (!h->opened) {
        closer_drop(closer, pulsar_result_AlreadyClosed);
        return;
    }
    list_push_back(&h->closers, &closer->node);
    h->ops->close(h, closer->now);
}

static struct client_closer *closer_new(struct client_handle *h, struct _pulsar_client *c, bool now,
                                        void (*callback)(pulsar_result result, void *ctx), void *ctx)
{
    struct client_closer *closer = calloc(1, sizeof *closer);

    if (!closer)
        return NULL;
    closer->handle = h ? client_handle_ref(h) : NULL;
    closer->client = h ? c : client_ref(c);
    closer->now = now;
    closer->callback = callback;
    closer->ctx = ctx;
    list_init(&closer->node);
    return closer;
}

void client_handle_close_async(struct client_handle *h, bool now, void (*callback)(pulsar_result result, void *ctx),
                               void *ctx)
{
    struct client_closer *closer = closer_new(h, h->client, now, callback, ctx);

    atomic_store(&h->closed, true);
    if (!closer) {
        if (callback)
            callback(pulsar_result_MemoryBufferIsFull, ctx);
    } else if (!client_post(h->client, &closer->task, on_close)) {
        closer_drop(closer, pulsar_result_AlreadyClosed);
    }
}

pulsar_result client_handle_close(struct client_handle *h, const char *call)
{
    struct client_wait wait;

    if (client_must_not_wait(h->client, call))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    client_handle_close_async(h, false, client_wait_result, &wait);
    return client_wait_for(&wait, NULL);
}

/* ---- the client ---- */

static void on_drained(struct client_core *core)
{
    struct _pulsar_client *c = container_of(core, struct _pulsar_client, core);

    c->drained = true;
    closers_tell(&c->closers, pulsar_result_Ok);
}

static void client_check_drained(struct _pulsar_client *c)
{
    if (c->closing && !c->core.stopping && list_empty(&c->handles))
        client_core_stop(&c->core, on_drained);
}

static void on_client_close(struct task *task)
{
    struct client_closer *closer = container_of(task, struct client_closer, task);
    struct _pulsar_client *c = closer->client;

    if (c->drained) {
        closer_drop(closer, pulsar_result_AlreadyClosed);
        return;
    }
    c->closing = true;
    list_push_back(&c->closers, &closer->node);
    list_each_safe (node, &c->handles) {
        struct client_handle *h = container_of(node, struct client_handle, node);

        atomic_store(&h->closed, true);
        h->ops->close(h, closer->now);
    }
    client_check_drained(c);
}

static void client_close_post(struct _pulsar_client *c, bool now, void (*callback)(pulsar_result result, void *ctx),
                              void *ctx)
{
    struct client_closer *closer = closer_new(NULL, c, now, callback, ctx);

    if (!closer) {
        if (callback)
            callback(pulsar_result_MemoryBufferIsFull, ctx);
    } else if (!client_post(c, &closer->task, on_client_close)) {
        closer_drop(closer, pulsar_result_AlreadyClosed);
    }
}

bool client_ends_itself(struct _pulsar_client *c, const char *call)
{
    return client_must_not_wait(c, call) || (client_listeners_here(c->listeners, NULL) && client_refuse(c, call));
}

pulsar_result pulsar_client_close(pulsar_client_t *client)
{
    struct client_wait wait;

    if (client_ends_itself(client, "pulsar_client_close"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    client_close_post(client, false, client_wait_result, &wait);
    return client_wait_for(&wait, NULL);
}

void pulsar_client_close_async(pulsar_client_t *client, pulsar_close_callback callback, void *ctx)
{
    client_close_post(client, false, callback, ctx);
}

void client_close_now(struct _pulsar_client *c)
{
    struct client_wait wait;

    client_wait_init(&wait);
    client_close_post(c, true, client_wait_result, &wait);
    (void)client_wait_for(&wait, NULL);
}
