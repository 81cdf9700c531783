/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c - the state machine of link.h.
 */
#include "client/link.h"

#include <assert.h>
#include <stdlib.h>

static void link_connect(struct client_link *l, const char *broker_url, const char *address_url)
{
    l->state = LINK_CONNECTING;
    client_connection_get(l->core, broker_url, address_url, &l->waiter);
}

static void link_wait(struct client_link *l)
{
    l->state = LINK_WAITING;
    timer_start_ms(&l->timer, client_backoff_next(&l->backoff, &l->core->random));
}

/* An attempt failed; the owner may stop the link in its answer. */
static void link_fail(struct client_link *l, pulsar_result why, bool hopeless)
{
    l->state = LINK_WAITING;
    l->ops->failed(l, why, hopeless);
    if (l->state == LINK_WAITING && !timer_running(&l->timer))
        link_wait(l);
}

static void on_link_lookup(struct client_lookup *lookup, pulsar_result result, const char *broker_url,
                           const char *address_url)
{
    struct client_link *l = container_of(lookup, struct client_link, lookup);

    if (result == pulsar_result_Ok)
        link_connect(l, broker_url, address_url);
    else
        link_fail(l, result, lookup->waiter.hopeless);
}

static void on_link_connected(struct client_waiter *w, pulsar_result result, struct client_connection *connection)
{
    struct client_link *l = container_of(w, struct client_link, waiter);

    if (result == pulsar_result_Ok && !client_connection_attach(connection, &l->peer))
        result = pulsar_result_ConnectError;
    if (result != pulsar_result_Ok) {
        link_fail(l, result, w->hopeless);
        return;
    }
    l->state = LINK_ATTACHING;
    l->ops->attach(l, connection);
}

static void link_attempt(struct client_link *l)
{
    char *url = l->assigned_url;

    l->assigned_url = NULL;
    if (url) {
        link_connect(l, url, url);
        free(url);
        return;
    }
    l->state = LINK_LOOKUP;
    client_lookup_start(&l->lookup);
}

static void on_link_timer(struct timer *timer)
{
    link_attempt(container_of(timer, struct client_link, timer));
}

void client_link_init(struct client_link *l, struct client_core *core, const char *topic,
                      const struct client_link_ops *ops, const struct client_peer_ops *peer_ops)
{
    *l = (struct client_link){.core = core, .ops = ops};
    l->peer = (struct client_peer){.ops = peer_ops, .id = client_core_id(core)};
    list_init(&l->peer.node);
    client_lookup_init(&l->lookup, core, topic, on_link_lookup);
    client_waiter_init(&l->waiter, core, on_link_connected);
    timer_init(&l->timer, core->sys->loop, on_link_timer);
}

void client_link_start(struct client_link *l)
{
    assert(l->state == LINK_STOPPED);
    link_attempt(l);
}

void client_link_stop(struct client_link *l)
{
    l->state = LINK_STOPPED;
    client_connection_detach(&l->peer);
    client_lookup_cancel(&l->lookup);
    client_waiter_cancel(&l->waiter);
    timer_stop(&l->timer);
    client_text_set(&l->assigned_url, NULL);
}

void client_link_ready(struct client_link *l)
{
    assert(l->state == LINK_ATTACHING);
    l->state = LINK_READY;
    client_backoff_reset(&l->backoff);
}

void client_link_retry(struct client_link *l, pulsar_result why)
{
    assert(l->state == LINK_ATTACHING);
    client_connection_detach(&l->peer);
    link_fail(l, why, false);
}

/* Detached: `url`, which client_core_url gave, or NULL.  The next attempt is after a delay, or at once where the broker said where to. */
static void link_detached(struct client_link *l, const char *url)
{
    l->state = LINK_WAITING;
    if (url)
        client_text_set(&l->assigned_url, url);
    l->ops->lost(l);
    if (l->state != LINK_WAITING || timer_running(&l->timer))
        return;
    if (l->assigned_url)
        timer_start_ms(&l->timer, 0);
    else
        link_wait(l);
}

void client_link_again(struct client_link *l)
{
    assert(l->state == LINK_READY || l->state == LINK_ATTACHING);
    client_connection_detach(&l->peer);
    link_detached(l, NULL);
}

void client_link_lost(struct client_peer *peer)
{
    link_detached(client_link_of(peer), NULL);
}

void client_link_moved(struct client_peer *peer, const char *url)
{
    link_detached(client_link_of(peer), url);
}
