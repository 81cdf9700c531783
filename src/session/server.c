/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - see server.h.
 */
#include "session/server.h"

#include "security/tls.h"
#include "session/server_private.h"
#include "session/session_private.h"
#include "sys/tls_net.h"
#include "sys/tls_renewal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAREWELLS_MAX   64                /* refused connections that are told why, at a time */
#define HANDSHAKE_SHARE 32                /* of the receive budget: for what comes before connections are READY */
#define POOL_SHARE      16                /* of the receive budget, at most: for free buffers */
#define HUNGER_MS       1000              /* who waits so long for the receive budget looks who holds it for nothing */
#define ARENA_BYTES     (8 * 1024 * 1024) /* a decoded command may be a few times larger than its frame */

void server_options_init(struct server_options *o)
{
    *o = (struct server_options){
        .bind = "0.0.0.0",
        .plain = true,
        .port = 6650,
        .tls_port = 6651,
        .tls_check_ms = 300000,
        .tls_threads = 1,
        .version = "0",
        .message_bytes_max = FRAME_MESSAGE_SIZE_MAX,
        .connections_max = 100000,
        .keep_alive_ms = 30000,
        .probe_ms = 5000,
        .pending_sends_max = 1000,
        .non_persistent_pending_max = 1000,
        .receive_bytes_max = 256u * 1024 * 1024,
        .outputs_bytes_max = 256u * 1024 * 1024,
        .output_bytes_max = 64u * 1024 * 1024,
    };
}

/* ---- connections ---- */

static void evict(struct server *s, struct arrival *leaves)
{
    if (!leaves)
        return;
    s->counts.connections_evicted++;
    session_close(container_of(leaves, struct session, arrival),
                  "others want its place, and it has not said who it is");
}

void server_evict_oldest(struct server *s, const struct session *but)
{
    evict(s, arrivals_take_oldest(&s->arrivals, &but->arrival));
}

/* Told why, as long as not too many are being told. */
static struct conn_handler *turn_away(struct server *s, struct session *session, enum err err)
{
    s->counts.connections_refused++;
    s->counts.connections_total--;
    if (err == ERR_NOMEM || s->farewells >= FAREWELLS_MAX) {
        session_free(session);
        s->counts.connections--;
        return NULL;
    }
    session_turn_away(session, err == ERR_AGAIN ? "Reached the maximum number of connections on address"
                                                : "Reached the maximum number of connections");
    return session_handler(session);
}

static struct conn_handler *on_accept(void *ctx, struct conn *conn)
{
    struct server *s = ctx;
    struct session *session;
    struct arrival *leaves;

    if (s->stopping || session_new(&session, s, conn) != OK) {
        s->counts.connections_refused++;
        return NULL;
    }
    const enum err err = arrivals_admit(&s->arrivals, &session->arrival, session->peer, &leaves);
    if (err != OK)
        return turn_away(s, session, err);
    evict(s, leaves);
    return session_handler(session);
}

static void resume_all(void *ctx)
{
    struct server *s = ctx;

    list_each (node, &s->sessions)
        session_resume(container_of(node, struct session, node));
}

void server_feed_starved(struct server *s)
{
    struct list *node;

    while (s->receive->used < s->receive->limit && (node = list_pop_front(&s->starved)))
        session_resume(container_of(node, struct session, starved_node));
    if (list_empty(&s->starved))
        timer_stop(&s->hunger);
}

void server_starve(struct server *s, struct session *session)
{
    list_remove(&session->starved_node);
    list_push_back(&s->starved, &session->starved_node);
    if (!timer_running(&s->hunger))
        timer_start_ms(&s->hunger, HUNGER_MS);
}

/* Places for large frames are taken whole when their first bytes come.  Who then sends the rest at a crawl keeps
 * others out, and goes when they have waited. */
static void hunger_fired(struct timer *timer)
{
    struct server *s = container_of(timer, struct server, hunger);

    list_each (node, &s->sessions)
        session_close_if_crawling(container_of(node, struct session, node));
    if (!list_empty(&s->starved))
        timer_start_ms(&s->hunger, HUNGER_MS);
}

static void feed_run(struct task *task)
{
    server_feed_starved(container_of(task, struct server, feed));
}

void server_feed_later(struct server *s)
{
    if (!list_empty(&s->starved))
        loop_defer(s->loop, &s->feed);
}

/* ---- addresses ---- */

static const char *advertised_host(const struct server_options *o)
{
    if (o->advertised_address && o->advertised_address[0])
        return o->advertised_address;
    return strcmp(o->bind, "0.0.0.0") == 0 || strcmp(o->bind, "::") == 0 ? "localhost" : o->bind;
}

static uint16_t port_of(const struct listener *l)
{
    return l ? l->net->ops->listener_port((struct listener *)(uintptr_t)l) : 0;
}

uint16_t server_port(const struct server *s)
{
    return port_of(s->listener);
}

uint16_t server_tls_port(const struct server *s)
{
    return port_of(s->tls_listener);
}

static const char *url_of(const struct server *s, const char *listener, bool tls)
{
    const char *own = tls ? s->tls_url : s->url, *url = NULL;

    if (listener && listener[0])
        return listeners_find(&s->listeners, listener, tls);
    if (s->options.internal_listener)
        url = listeners_find(&s->listeners, s->options.internal_listener, tls);
    else if (s->listeners.count > 0)
        url = listeners_find(&s->listeners, s->listeners.at[0].name, tls);
    return url ? url : own[0] ? own : NULL;
}

const char *server_url(const struct server *s, const char *listener)
{
    return url_of(s, listener, false);
}

const char *server_tls_url(const struct server *s, const char *listener)
{
    return url_of(s, listener, true);
}

/* ---- life ---- */

static enum err addresses_read(struct server *s, char *message, size_t message_size)
{
    const struct server_options *o = &s->options;
    enum err err = listeners_parse(&s->listeners, o->advertised_listeners, message, message_size);

    if (err == OK && o->internal_listener && !listeners_known(&s->listeners, o->internal_listener)) {
        (void)snprintf(message, message_size, "internalListenerName: `%s` is none of advertisedListeners",
                       o->internal_listener);
        err = ERR_INVALID;
    }
    return err;
}

/* On one port; `url` is what clients are told. */
static enum err listen_on(struct server *s, struct net *net, uint16_t port, const char *scheme, struct listener **out,
                          char url[300], char *message, size_t message_size)
{
    const struct server_options *o = &s->options;
    enum err err = net->ops->listen(net, o->bind, port, on_accept, s, out);

    if (err == ERR_BUSY)
        (void)snprintf(message, message_size, "port %u of %s is taken: stop who has it, or choose another", port,
                       o->bind);
    else if (err != OK)
        (void)snprintf(message, message_size, "cannot listen on port %u of %s: %s", port, o->bind, err_text(err));
    else
        (void)snprintf(url, 300, "%s://%.256s:%u", scheme, advertised_host(o), port_of(*out));
    return err;
}

static void on_renewed(void *ctx, struct tls_context *context)
{
    struct server *s = ctx;

    tls_net_replace(s->tls_net, context, NULL);
    s->tls_expires_s = tls_context_expires_s(context);
}

static enum err tls_begin(struct server *s, char *message, size_t message_size)
{
    const struct server_options *o = &s->options;
    const struct tls_renewal_options renewal = {.loop = s->loop,
                                                .log = s->log,
                                                .settings = o->tls,
                                                .check_ms = o->tls_check_ms,
                                                .renewed = on_renewed,
                                                .ctx = s};
    struct tls_context *context;
    struct tls_net_options net;
    enum err err = tls_renewal_new(&s->tls_renewal, &renewal, &context, message, message_size);

    if (err != OK)
        return err;
    tls_net_options_init(&net);
    net.under = s->sys.net;
    net.loop = s->loop;
    net.log = s->log;
    net.server = context;
    net.threads = o->tls_threads;
    net.handshakes_max = o->connections_max / 2 < net.handshakes_max ? o->connections_max / 2 + 1 : net.handshakes_max;
    s->tls_expires_s = tls_context_expires_s(context);
    if ((err = tls_net_new(&s->tls_net, &net)) != OK)
        (void)snprintf(message, message_size, "TLS cannot begin: %s", err_text(err));
    tls_context_unref(context);
    return err;
}

static enum err server_listen(struct server *s, char *message, size_t message_size)
{
    const struct server_options *o = &s->options;
    enum err err = addresses_read(s, message, message_size);

    if (err == OK && o->tls)
        err = tls_begin(s, message, message_size);
    if (err == OK && o->plain)
        err = listen_on(s, s->sys.net, o->port, "pulsar", &s->listener, s->url, message, message_size);
    if (err == OK && o->tls)
        err = listen_on(s, s->tls_net, o->tls_port, "pulsar+ssl", &s->tls_listener, s->tls_url, message, message_size);
    return err;
}

/* Nobody comes in any more. */
static void server_deafen(struct server *s)
{
    if (s->listener)
        s->listener->net->ops->listener_close(s->listener);
    if (s->tls_listener)
        s->tls_listener->net->ops->listener_close(s->tls_listener);
    if (s->tls_renewal)
        tls_renewal_stop(s->tls_renewal);
    s->listener = s->tls_listener = NULL;
}

bool server_renew(struct server *s)
{
    if (s->tls_renewal)
        tls_renewal_check(s->tls_renewal);
    return s->tls_renewal != NULL;
}

static void memory_init(struct server_memory *m, const struct server_options *o)
{
    const size_t all = o->receive_bytes_max, least = 2 * (size_t)o->message_bytes_max;
    const size_t pool = all <= least ? 0 : all / POOL_SHARE < all - least ? all / POOL_SHARE : all - least;

    m->receive = (struct budget){.name = "receive", .limit = all - pool};
    buffer_pool_init(&m->pool, pool);
}

void server_memory_deinit(struct server_memory *m)
{
    if (m->pool.limit > 0)
        buffer_pool_deinit(&m->pool);
}

enum err server_start(struct server **out, const struct server_options *options, const struct sys *sys,
                      struct broker *broker, char *message, size_t message_size)
{
    struct server *s = calloc(1, sizeof *s);
    enum err err;

    if (!s) {
        (void)snprintf(message, message_size, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    s->options = *options;
    s->sys = *sys;
    s->loop = sys->loop;
    s->log = options->log;
    s->broker = broker;
    list_init(&s->sessions);
    list_init(&s->starved);
    arrivals_init(&s->arrivals, options->connections_max, options->connections_per_address_max, (uint64_t)(uintptr_t)s);
    timer_init(&s->hunger, s->loop, hunger_fired);
    watches_init(s);
    rights_init(s);
    memory_init(options->memory, options);
    s->receive = &options->memory->receive;
    s->pool = &options->memory->pool;
    s->handshake = (struct budget){.name = "handshake", .limit = options->receive_bytes_max / HANDSHAKE_SHARE};
    s->output = (struct budget){.name = "output", .limit = options->outputs_bytes_max};
    s->feed.run = feed_run;
    chunk_pool_init(&s->chunks);
    arena_init(&s->arena, ARENA_BYTES);
    if ((err = server_listen(s, message, message_size)) != OK) {
        server_free(s);
        return err;
    }
    store_on_room(broker_store(broker), resume_all, s);
    *out = s;
    return OK;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    if (s->listener || s->tls_listener) /* else it never began, or has stopped */
        store_on_room(broker_store(s->broker), NULL, NULL);
    server_deafen(s);
    list_each_safe (node, &s->sessions)
        session_free(container_of(node, struct session, node));
    tls_net_free(s->tls_net);
    tls_renewal_free(s->tls_renewal);
    arrivals_deinit(&s->arrivals);
    timer_stop(&s->hunger);
    watches_deinit(s);
    rights_deinit(s);
    chunk_pool_deinit(&s->chunks);
    arena_deinit(&s->arena);
    task_cancel(&s->stopped);
    task_cancel(&s->feed);
    free(s);
}

/* ---- stopping ---- */

static void stopped(struct task *task)
{
    struct server *s = container_of(task, struct server, stopped);
    s->stop_done(s->stop_ctx);
}

void server_session_ended(struct server *s)
{
    s->counts.connections--;
    if (s->stopping && list_empty(&s->sessions) && s->stopped.run)
        loop_defer(s->loop, &s->stopped);
}

/* Everybody was told to leave. */
static void broker_stopped(void *ctx)
{
    struct server *s = ctx;

    s->stopped.run = stopped;
    list_each (node, &s->sessions)
        session_finish(container_of(node, struct session, node));
    if (list_empty(&s->sessions))
        loop_defer(s->loop, &s->stopped);
}

void server_stop(struct server *s, void (*done)(void *ctx), void *ctx)
{
    assert(!s->stopping);
    s->stopping = true;
    s->stop_done = done;
    s->stop_ctx = ctx;
    watches_stop(s);
    rights_stop(s);
    server_deafen(s);
    broker_stop(s->broker, broker_stopped, s);
}

void server_budgets(const struct server *s, const struct budget *out[SERVER_BUDGETS])
{
    out[0] = s->receive;
    out[1] = &s->output;
    out[2] = &s->handshake;
}

void server_stats_get(const struct server *s, struct server_stats *out)
{
    struct tls_net_stats tls;
    struct tls_renewal_stats renewals;

    *out = s->counts;
    out->receive_bytes = s->receive->used;
    if (!s->tls_net)
        return;
    tls_net_stats_get(s->tls_net, &tls);
    tls_renewal_stats_get(s->tls_renewal, &renewals);
    out->tls = (struct server_tls_stats){.on = true,
                                         .handshakes = tls.done,
                                         .failed = tls.failed,
                                         .timed_out = tls.timed_out,
                                         .dropped = tls.dropped,
                                         .in_progress = tls.in_progress,
                                         .renewed = renewals.renewed,
                                         .renewals_failed = renewals.failed,
                                         .expires_s = s->tls_expires_s};
}
