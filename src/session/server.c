/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - see server.h.
 */
#include "session/server.h"

#include "session/server_private.h"
#include "session/session_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAREWELLS_MAX   64                /* refused connections that are told why, at a time */
#define HANDSHAKE_SHARE 16                /* of the receive budget: for what comes before connections are READY */
#define HUNGER_MS       1000              /* who waits so long for the receive budget looks who holds it for nothing */
#define ARENA_BYTES     (8 * 1024 * 1024) /* a decoded command may be a few times larger than its frame */

void server_options_init(struct server_options *o)
{
    *o = (struct server_options){
        .bind = "0.0.0.0",
        .port = 6650,
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

uint16_t server_port(const struct server *s)
{
    return s->sys.net->ops->listener_port(s->listener);
}

const char *server_url(const struct server *s, const char *listener)
{
    if (listener && listener[0])
        return listeners_find(&s->listeners, listener);
    if (s->options.internal_listener)
        return listeners_find(&s->listeners, s->options.internal_listener);
    return s->listeners.count > 0 ? s->listeners.at[0].url : s->url;
}

/* ---- life ---- */

static enum err server_listen(struct server *s, char *message, size_t message_size)
{
    const struct server_options *o = &s->options;
    enum err err;

    if ((err = listeners_parse(&s->listeners, o->advertised_listeners, message, message_size)) != OK)
        return err;
    if (o->internal_listener && !listeners_find(&s->listeners, o->internal_listener)) {
        (void)snprintf(message, message_size, "internalListenerName: `%s` is none of advertisedListeners",
                       o->internal_listener);
        return ERR_INVALID;
    }
    err = s->sys.net->ops->listen(s->sys.net, o->bind, o->port, on_accept, s, &s->listener);
    if (err == ERR_BUSY)
        (void)snprintf(message, message_size, "port %u of %s is taken: stop who has it, or choose another", o->port,
                       o->bind);
    else if (err != OK)
        (void)snprintf(message, message_size, "cannot listen on port %u of %s: %s", o->port, o->bind, err_text(err));
    else
        (void)snprintf(s->url, sizeof s->url, "pulsar://%.256s:%u", advertised_host(o), server_port(s));
    return err;
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
    s->receive = options->receive;
    *s->receive = (struct budget){.name = "receive", .limit = options->receive_bytes_max};
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
    if (s->listener)
        s->sys.net->ops->listener_close(s->listener);
    if (s->broker && s->listener)
        store_on_room(broker_store(s->broker), NULL, NULL);
    list_each_safe (node, &s->sessions)
        session_free(container_of(node, struct session, node));
    arrivals_deinit(&s->arrivals);
    timer_stop(&s->hunger);
    watches_deinit(s);
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
    s->sys.net->ops->listener_close(s->listener);
    s->listener = NULL;
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
    *out = s->counts;
    out->receive_bytes = s->receive->used;
}
