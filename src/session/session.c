/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - see session.h and session_private.h: the connection's life, its frames in and out.
 */
#include "session/session.h"

#include "broker/properties.h"
#include "session/login.h"
#include "session/session_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HANDSHAKE_FRAME_MAX (64 * 1024)
/* A large frame that came so slowly for so long that all of it would take longer than that. */
#define CRAWL_AFTER_MS    5000
#define CRAWL_MOST_MS     20000
#define FAULT_INTERVAL_MS 10000 /* one line about a peer's faults in so long */

static struct session *session_of_handler(struct conn_handler *h)
{
    return container_of(h, struct session, handler);
}

/* ---- the end ---- */

static void detach_all(struct session *s)
{
    struct handle *h;
    size_t at = 0;

    s->sending = NULL;
    while ((h = map_next(&s->producers, &at))) {
        if (h->state == HANDLE_OPEN)
            producer_detach(h->producer);
        if (h->queued)
            access_withdraw(h->queued);
        free(h);
    }
    at = 0;
    while ((h = map_next(&s->consumers, &at))) {
        if (h->state == HANDLE_OPEN)
            consumer_detach(h->consumer);
        free(h);
    }
    map_deinit(&s->producers);
    map_deinit(&s->consumers);
    map_init(&s->producers, 0);
    map_init(&s->consumers, 0);
    list_init(&s->waking);
}

/* What can be let go of while the connection is being closed. */
static void tear_down(struct session *s)
{
    s->torn_down = true;
    timer_stop(&s->keep_alive);
    timer_stop(&s->throttle);
    login_stop(s);
    list_remove(&s->starved_node);
    if (!s->gone) {
        output_finish(&s->output);
        if (s->polite)
            conn_close_after_writes(s->conn);
        else
            conn_close(s->conn);
    }
    detach_all(s);
    watches_drop(s);
    session_answer_probes(s, false);
}

void session_free(struct session *s)
{
    timer_stop(&s->keep_alive);
    timer_stop(&s->throttle);
    timer_stop(&s->probe_timer);
    task_cancel(&s->flush);
    task_cancel(&s->resume);
    task_cancel(&s->wake);
    task_cancel(&s->end);
    if (!s->torn_down) {
        struct handle *h;
        size_t at = 0;
        while ((h = map_next(&s->producers, &at)))
            free(h);
        at = 0;
        while ((h = map_next(&s->consumers, &at)))
            free(h);
    }
    map_deinit(&s->producers);
    map_deinit(&s->consumers);
    watches_drop(s);
    list_each_safe (node, &s->requests) {
        struct request *r = container_of(node, struct request, node);
        client_schema_drop(&r->schema);
        free(r->memory);
    }
    receive_deinit(&s->receive);
    output_deinit(&s->output);
    login_free(s);
    free((void *)(uintptr_t)s->who.role);
    free((void *)(uintptr_t)s->who.original);
    list_remove(&s->starved_node);
    list_remove(&s->node);
    free(s);
}

/* Steps towards the end, as far as they can be taken now. */
static void end_run(struct task *task)
{
    struct session *s = container_of(task, struct session, end);
    struct server *server = s->server;

    if (!s->torn_down)
        tear_down(s);
    if (!s->gone || s->pending_sends > 0 || !list_empty(&s->requests))
        return;
    server->counts.bytes_out += s->output.bytes;
    server->farewells -= s->turned_away;
    arrivals_leave(&server->arrivals, &s->arrival);
    session_answer_probes(s, false); /* of rivals that came while a producer of ours was being closed */
    session_free(s);
    server_session_ended(server);
    server_feed_starved(server);
}

void session_end_later(struct session *s)
{
    loop_defer(s->server->loop, &s->end);
}

/* One line in FAULT_INTERVAL_MS. */
static bool fault_allowed(struct session *s, struct log_rate *rate, uint64_t *quiet)
{
    int64_t now_ms = (int64_t)(loop_now_ns(s->server->loop) / NS_PER_MS);
    return log_rate_allow(rate, now_ms, FAULT_INTERVAL_MS, quiet);
}

void session_close(struct session *s, const char *why, ...)
{
    char text[200];
    va_list arguments;
    uint64_t quiet;

    if (s->state == SESSION_CLOSING)
        return;
    s->state = SESSION_CLOSING;
    arrival_passed(&s->arrival);
    if (!s->gone)
        conn_read_stop(s->conn);
    session_end_later(s);
    if (!why)
        return;
    va_start(arguments, why);
    (void)vsnprintf(text, sizeof text, why, arguments);
    va_end(arguments);
    if (fault_allowed(s, &s->faults, &quiet))
        log_warn(s->server->log, "session", "%s: %s; closing the connection", s->peer, text);
}

void session_turn_away(struct session *s, const char *why)
{
    s->turned_away = true;
    s->server->farewells++;
    session_send_error(s, UINT64_MAX, WIRE__SERVER_ERROR__NotAllowedError, why);
    session_finish(s);
}

void session_finish(struct session *s)
{
    s->polite = true;
    session_close(s, NULL);
}

static void on_closed(struct conn_handler *h, enum err why)
{
    struct session *s = session_of_handler(h);

    log_debug(s->server->log, "session", "%s: closed (%s)", s->peer, why == OK ? "by us" : err_text(why));
    s->gone = true;
    s->state = SESSION_CLOSING;
    arrival_passed(&s->arrival);
    session_end_later(s);
}

/* ---- frames out ---- */

static void flush_run(struct task *task)
{
    struct session *s = container_of(task, struct session, flush);

    if (s->state == SESSION_CLOSING)
        return;
    if (output_taken(&s->output))
        s->receipts_waiting = 0;
    s->receipts_waiting += s->receipts_now;
    s->receipts_now = 0;
    output_flush(&s->output);
    if (s->output.overrun)
        session_close(s, "more than %zu bytes wait for it and are not read", s->output.limit);
}

void session_flush_later(struct session *s)
{
    s->server->counts.frames_out++;
    loop_defer(s->server->loop, &s->flush);
}

void session_send(struct session *s, Wire__BaseCommand__Type type, void *body)
{
    Wire__BaseCommand command;
    struct slice large;

    if (s->state == SESSION_CLOSING)
        return;
    command_wrap(&command, type, body);
    size_t len = command_frame_len(&command);
    if (len <= OUTPUT_ENCODE_MAX) {
        uint8_t *to = output_reserve(&s->output, len);
        if (to)
            (void)command_encode(&command, to, len);
    } else if (command_encode_slice(&command, NULL, &large) == OK) {
        output_add(&s->output, large);
        slice_unref(&large);
    } else {
        session_close(s, "no memory for an answer");
    }
    session_flush_later(s);
}

void session_send_success(struct session *s, uint64_t request)
{
    Wire__CommandSuccess success = WIRE__COMMAND_SUCCESS__INIT;

    success.request_id = request;
    session_send(s, WIRE__BASE_COMMAND__TYPE__SUCCESS, &success);
}

void session_send_error(struct session *s, uint64_t request, Wire__ServerError code, const char *text)
{
    Wire__CommandError error = WIRE__COMMAND_ERROR__INIT;

    error.request_id = request;
    error.error = code;
    error.message = wire_text(text);
    session_send(s, WIRE__BASE_COMMAND__TYPE__ERROR, &error);
}

void session_send_refusal(struct session *s, uint64_t request, const struct refusal *why)
{
    uint64_t quiet;

    if (fault_allowed(s, &s->refusals, &quiet))
        log_info(s->server->log, "session", "%s: refused: %s (%" PRIu64 " more were not logged)", s->peer, why->text,
                 quiet);
    session_send_error(s, request, server_error(why->err, why->about), why->text);
}

void session_send_outcome(struct session *s, uint64_t request, const struct refusal *why)
{
    if (why->err == OK)
        session_send_success(s, request);
    else
        session_send_refusal(s, request, why);
}

bool session_topic(struct session *s, uint64_t request, const char *text, struct topic_name *out)
{
    if (topic_name_parse(out, bytes_of_text(text)) == OK)
        return true;
    session_send_error(s, request, WIRE__SERVER_ERROR__InvalidTopicName, "not a topic's name");
    return false;
}

struct bytes session_properties(struct session *s, Wire__KeyValue *const *pairs, size_t count)
{
    uint8_t *to = count ? arena_alloc(&s->server->arena, PROPERTIES_BYTES_MAX) : NULL;
    struct bytes encoded = bytes_of(to, 0);

    for (size_t i = 0; i < count && to; i++) {
        const struct property p = {bytes_of_text(pairs[i]->key), bytes_of_text(pairs[i]->value)};
        if (properties_put(&encoded, to, p) == ERR_TOO_LARGE)
            break;
    }
    return encoded;
}

/* ---- handles and requests ---- */

struct handle *handle_new(struct session *s, struct map *map, uint64_t id, uint64_t request)
{
    if (map_count(map) >= HANDLES_MAX) {
        session_send_error(s, request, WIRE__SERVER_ERROR__TooManyRequests,
                           "too many producers or consumers on one connection");
        return NULL;
    }
    struct handle *h = calloc(1, sizeof *h);

    if (h && map_put_id(map, id, h) == OK) {
        if (map == &s->consumers)
            list_push_back(&s->waking, &h->node);
        else
            list_init(&h->node);
        h->id = id;
        h->state = HANDLE_OPENING;
        return h;
    }
    free(h);
    session_close(s, "no memory for a producer or consumer");
    return NULL;
}

void handle_free(struct session *s, struct map *map, struct handle *h)
{
    if (s->sending == h)
        s->sending = NULL;
    (void)map_remove_id(map, h->id);
    list_remove(&h->node);
    free(h);
}

struct consumer *session_consumer(struct session *s, uint64_t id)
{
    struct handle *h = map_find_id(&s->consumers, id);
    return h && h->state == HANDLE_OPEN ? h->consumer : NULL;
}

void *request_new(struct session *s, size_t size, size_t offset, uint64_t id, uint64_t handle)
{
    uint8_t *memory = calloc(1, size);

    if (!memory) {
        session_close(s, "no memory for a request");
        return NULL;
    }
    struct request *r = (struct request *)(void *)(memory + offset);
    *r = (struct request){.session = s, .id = id, .handle = handle, .memory = memory};
    list_push_back(&s->requests, &r->node);
    s->request_count++;
    return memory;
}

void request_free(struct request *r)
{
    struct session *s = r->session;

    list_remove(&r->node);
    s->request_count -= !r->aside;
    client_schema_drop(&r->schema);
    free(r->memory);
    if (s->state == SESSION_CLOSING)
        session_end_later(s);
    else if (s->request_count <= REQUESTS_MAX / 2)
        session_resume(s);
}

void request_set_aside(struct request *r)
{
    struct session *s = r->session;

    assert(!r->aside);
    r->aside = true;
    if (--s->request_count <= REQUESTS_MAX / 2)
        session_resume(s);
}

/* ---- timers ---- */

static void probe_fired(struct timer *timer)
{
    struct session *s = container_of(timer, struct session, probe_timer);
    session_close(s, "asked for by a rival, and silent for %u ms", s->server->options.probe_ms);
}

/* Producers whose last sends must have arrived by now. */
static void forget_closed(struct session *s)
{
    uint64_t now_ns = loop_now_ns(s->server->loop), keep_ns = s->server->options.keep_alive_ms * NS_PER_MS;
    struct handle *h;
    size_t at = 0;

    while ((h = map_next(&s->producers, &at))) {
        if (h->state == HANDLE_CLOSED && now_ns - h->closed_ns >= keep_ns) {
            handle_free(s, &s->producers, h);
            at = 0; /* the map changed */
        }
    }
}

static void throttle_fired(struct timer *timer)
{
    session_resume(container_of(timer, struct session, throttle));
}

static void keep_alive_fired(struct timer *timer)
{
    struct session *s = container_of(timer, struct session, keep_alive);
    uint32_t ms = s->server->options.keep_alive_ms;

    if (s->state == SESSION_HANDSHAKE) {
        session_close(s, s->authenticating ? "not authenticated in %u ms" : "no CONNECT in %u ms", ms);
        return;
    }
    if (s->pong_due && !s->paused) {
        session_close(s, "silent for %u ms", ms);
        return;
    }
    s->pong_due = !s->paused; /* what is not read cannot tell: its time begins when it is read again */
    session_send_ping(s);
    forget_closed(s);
    receive_relax(&s->receive);
    timer_start_ms(&s->keep_alive, ms);
}

/* ---- frames in ---- */

static void handle_frame(struct session *s, struct bytes whole, struct crc32c_tail known)
{
    struct incoming in = {.buffer = s->receive.buffer, .known = known};
    Wire__BaseCommand *body;
    enum err err;

    s->server->counts.frames_in++;
    if ((err = frame_decode(whole, &in.frame)) != OK || (err = command_type(in.frame.command, &in.type)) != OK) {
        s->server->counts.protocol_errors++;
        session_close(s, "not a frame (%s)", err_text(err));
        return;
    }
    const struct command *command = command_find(in.type);
    if (!command && !command_known(in.type) && s->state == SESSION_READY) {
        log_debug(s->server->log, "session", "%s: command %d is unknown, and passed over", s->peer, in.type);
        return;
    }
    if (!command || command->required != s->state) {
        s->server->counts.protocol_errors++;
        session_close(s, "%s is not in place here", command_name(in.type));
        return;
    }
    if (!command->busy) {
        if ((err = command_decode(in.frame.command, &s->server->arena, &body)) != OK) {
            s->server->counts.protocol_errors++;
            session_close(s, "%s cannot be read (%s)", command_name(in.type), err_text(err));
            arena_reset(&s->server->arena);
            return;
        }
        in.body = body;
    }
    command->handle(s, &in);
    arena_reset(&s->server->arena);
}

/* The journal has more to write than it should: those wait who put more than their share of it there.  Whoever has
 * little under way goes on, unless even the reserve for such is used up. */
static bool must_wait_for_journal(const struct session *s, struct store *store)
{
    const size_t publishing = s->server->publishing > 0 ? s->server->publishing : 1;

    if (store_has_room(store))
        return false;
    return s->pending_bytes > store_room_bytes(store) / publishing || !store_has_reserve(store);
}

/* Too much of this connection is under way, or too much of all. */
static bool overloaded(const struct session *s)
{
    const struct server *server = s->server;
    size_t most = server->options.pending_sends_max, part = s->paused ? 2 : 1;

    if (s->authenticating || timer_running(&s->throttle))
        return true;
    if (s->pending_sends > most / part || s->request_count > REQUESTS_MAX / part)
        return true;
    /* On a full disk what makes room may come on the same connection. */
    struct store *store = broker_store(s->broker);
    return map_count(&s->producers) > 0 && !store_full(store) && must_wait_for_journal(s, store);
}

static void pause(struct session *s)
{
    if (!s->paused)
        conn_read_stop(s->conn);
    s->paused = true;
}

/* There is a place for what comes next, or the session waits for one. */
static bool space_ready(struct session *s)
{
    uint8_t *data;
    size_t len;
    enum err err;

    if (s->receive.need == 0)
        return true; /* a buffer of the common size, when bytes come */
    err = receive_space(&s->receive, &data, &len);
    if (err == OK && s->frame_began_ns == 0)
        s->frame_began_ns = loop_now_ns(s->server->loop);
    if (err == ERR_FULL) {
        server_starve(s->server, s);
        if (s->state == SESSION_HANDSHAKE)
            server_evict_oldest(s->server, s);
    } else if (err != OK) {
        session_close(s, "no memory to receive");
    }
    return err == OK;
}

static void parse(struct session *s)
{
    struct crc32c_tail known;
    struct bytes whole;
    enum err err = OK;

    while (s->state != SESSION_CLOSING && !overloaded(s)) {
        if ((err = receive_take(&s->receive, &whole, &known)) != OK)
            break;
        s->frame_began_ns = 0;
        handle_frame(s, whole, known);
    }
    if (s->state == SESSION_CLOSING)
        return;
    if (err != OK && err != ERR_AGAIN) {
        s->server->counts.protocol_errors++;
        session_close(s, "a frame that is %s", err == ERR_TOO_LARGE ? "too large" : "none");
    } else if (overloaded(s) || !space_ready(s)) {
        pause(s);
    } else if (s->paused) {
        s->paused = false;
        if (s->frame_began_ns > 0) /* while it was paused the peer could not send */
            s->frame_began_ns = loop_now_ns(s->server->loop);
        conn_read_start(s->conn);
    }
    if (!budget_has(s->server->receive, s->server->receive->limit / 4)) /* others may need what this one only keeps */
        receive_relax(&s->receive);
    else
        receive_rest(&s->receive);
}

static void resume_run(struct task *task)
{
    struct session *s = container_of(task, struct session, resume);

    if (s->state != SESSION_CLOSING && s->paused)
        parse(s);
}

void session_resume(struct session *s)
{
    if (s->paused)
        loop_defer(s->server->loop, &s->resume);
}

void session_close_if_crawling(struct session *s)
{
    const struct receive *r = &s->receive;
    const uint64_t have = r->end - r->start;
    const uint64_t took_ms = (loop_now_ns(s->server->loop) - s->frame_began_ns) / NS_PER_MS;

    if (s->state == SESSION_CLOSING || s->paused || s->frame_began_ns == 0 || !receive_holds_large(r))
        return;
    if (took_ms > CRAWL_AFTER_MS && took_ms * r->need > CRAWL_MOST_MS * have)
        session_close(s, "%" PRIu64 " of a frame's %zu bytes in %" PRIu64 " ms, while others wait for memory", have,
                      r->need, took_ms);
}

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct session *s = session_of_handler(h);

    if (s->state != SESSION_CLOSING && receive_space(&s->receive, data, len) == OK)
        return;
    session_close(s, "no memory to receive");
    *data = s->discard;
    *len = sizeof s->discard;
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct session *s = session_of_handler(h);

    if (s->state == SESSION_CLOSING)
        return;
    s->server->counts.bytes_in += len;
    s->pong_due = false;
    if (!list_empty(&s->probes))
        session_answer_probes(s, true);
    receive_got(&s->receive, len);
    if (!s->paused)
        parse(s);
}

/* ---- the beginning ---- */

void session_ready(struct session *s)
{
    s->state = SESSION_READY;
    arrival_passed(&s->arrival);
    receive_move(&s->receive, frame_limit(s->server->options.message_bytes_max), s->server->receive);
}

enum err session_new(struct session **out, struct server *server, struct conn *conn)
{
    struct session *s = calloc(1, sizeof *s);

    if (!s)
        return ERR_NOMEM;
    s->sink = (struct sink){.ops = &session_sink_ops, .peer = s->peer, .client_version = s->client_version};
    s->handler = (struct conn_handler){.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed};
    s->server = server;
    s->broker = server->broker;
    s->conn = conn;
    conn_peer(conn, s->peer, sizeof s->peer);
    s->state = SESSION_HANDSHAKE;
    receive_init(&s->receive, HANDSHAKE_FRAME_MAX, &server->handshake, server->pool);
    output_init(&s->output, conn, &server->chunks, &server->output, server->options.output_bytes_max, session_relieved);
    map_init(&s->producers, 0);
    map_init(&s->consumers, 0);
    list_init(&s->watches);
    list_init(&s->requests);
    list_init(&s->probes);
    list_init(&s->starved_node);
    s->flush.run = flush_run;
    s->resume.run = resume_run;
    s->wake.run = session_wake_run;
    list_init(&s->waking);
    s->end.run = end_run;
    timer_init(&s->probe_timer, server->loop, probe_fired);
    timer_init(&s->keep_alive, server->loop, keep_alive_fired);
    timer_init(&s->throttle, server->loop, throttle_fired);
    timer_start_ms(&s->keep_alive, server->options.keep_alive_ms);
    s->rights = server->rights.change; /* nothing is open */
    list_push_back(&server->sessions, &s->node);
    server->counts.connections++;
    server->counts.connections_total++;
    /* The handler is known to the connection when on_accept has returned. */
    s->paused = true;
    loop_defer(server->loop, &s->resume);
    *out = s;
    return OK;
}

struct conn_handler *session_handler(struct session *s)
{
    return &s->handler;
}
