/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - see session.h and session_private.h: the connection's life, its frames in and out, its struct sink.
 */
#include "session/session.h"

#include "session/session_private.h"
#include "wire/delivery.h"
#include "wire/publish.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FAULT_INTERVAL_MS 10000 /* one line about a peer's faults in so long */

static struct session *session_of_handler(struct conn_handler *h)
{
    return container_of(h, struct session, handler);
}

static struct session *session_of_sink(struct sink *sink)
{
    return container_of(sink, struct session, sink);
}

/* ---- the end ---- */

static void detach_all(struct session *s)
{
    struct handle *h;
    size_t at = 0;

    while ((h = map_next(&s->producers, &at))) {
        if (h->state == HANDLE_OPEN)
            producer_detach(h->producer);
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
}

static void answer_probes(struct session *s, bool alive)
{
    struct list *node;

    timer_stop(&s->probe_timer);
    while ((node = list_pop_front(&s->probes))) {
        struct probe *probe = container_of(node, struct probe, node);
        probe->done(probe, alive);
    }
}

/* What can be let go of while the connection is being closed. */
static void tear_down(struct session *s)
{
    s->torn_down = true;
    timer_stop(&s->keep_alive);
    list_remove(&s->starved_node);
    if (!s->gone) {
        output_flush(&s->output);
        if (s->polite)
            conn_close_after_writes(s->conn);
        else
            conn_close(s->conn);
    }
    detach_all(s);
    answer_probes(s, false);
}

void session_free(struct session *s)
{
    timer_stop(&s->keep_alive);
    timer_stop(&s->probe_timer);
    task_cancel(&s->flush);
    task_cancel(&s->resume);
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
    list_each_safe (node, &s->requests)
        free(container_of(node, struct request, node)->memory);
    receive_deinit(&s->receive);
    output_deinit(&s->output);
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
    answer_probes(s, false); /* of rivals that came while a producer of ours was being closed */
    session_free(s);
    server_session_ended(server);
    server_feed_starved(server);
}

static void end_later(struct session *s)
{
    loop_defer(s->server->loop, &s->end);
}

void session_close(struct session *s, const char *why, ...)
{
    char text[200];
    va_list arguments;
    uint64_t quiet;

    if (s->state == SESSION_CLOSING)
        return;
    s->state = SESSION_CLOSING;
    if (!s->gone)
        conn_read_stop(s->conn);
    end_later(s);
    if (!why)
        return;
    va_start(arguments, why);
    (void)vsnprintf(text, sizeof text, why, arguments);
    va_end(arguments);
    if (log_rate_allow(&s->faults, (int64_t)(loop_now_ns(s->server->loop) / NS_PER_MS), FAULT_INTERVAL_MS, &quiet))
        log_warn(s->server->log, "session", "%s: %s; closing the connection", s->peer, text);
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
    end_later(s);
}

/* ---- frames out ---- */

static void flush_run(struct task *task)
{
    struct session *s = container_of(task, struct session, flush);

    if (s->state == SESSION_CLOSING)
        return;
    output_flush(&s->output);
    if (s->output.overrun)
        session_close(s, "more than %zu bytes wait for it and are not read", s->output.limit);
}

void session_flush_later(struct session *s)
{
    s->server->counts.frames_out++;
    loop_defer(s->server->loop, &s->flush);
}

static void send_bytes(struct session *s, const uint8_t *bytes, size_t len)
{
    uint8_t *to = output_reserve(&s->output, len);

    if (to)
        memcpy(to, bytes, len);
    session_flush_later(s);
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
    log_info(s->server->log, "session", "%s: refused: %s", s->peer, why->text);
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

/* ---- handles and requests ---- */

struct handle *handle_new(struct session *s, struct map *map, uint64_t id)
{
    struct handle *h = calloc(1, sizeof *h);

    if (h && map_put_id(map, id, h) == OK) {
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
    (void)map_remove_id(map, h->id);
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
    return memory;
}

void request_free(struct request *r)
{
    struct session *s = r->session;

    list_remove(&r->node);
    free(r->memory);
    if (s->state == SESSION_CLOSING)
        end_later(s);
}

/* ---- the sink ---- */

static bool sink_writable(struct sink *sink)
{
    struct session *s = session_of_sink(sink);
    return s->state == SESSION_READY && output_writable(&s->output);
}

static void sink_message(struct sink *sink, const struct delivery *d)
{
    struct session *s = session_of_sink(sink);
    const struct message_command message = {
        .consumer_id = d->consumer_id,
        .id = {.ledger = d->entry->position.ledger,
               .entry = d->entry->position.entry,
               .partition = d->partition,
               .batch_index = -1},
        .redelivery_count = d->redelivery_count,
        .has_consumer_epoch = d->consumer_epoch >= 0,
        .consumer_epoch = (uint64_t)d->consumer_epoch,
    };
    uint8_t head[MESSAGE_HEAD_MAX(0)];

    if (s->state != SESSION_READY)
        return;
    size_t len = message_head_encode(head, sizeof head, &message, NULL, d->entry->bytes.len);
    send_bytes(s, head, len);
    output_add(&s->output, d->entry->bytes);
}

static void send_receipt(struct session *s, const struct published *p)
{
    const struct send_receipt receipt = {
        .producer_id = p->producer_id,
        .sequence_id = p->sequence_id,
        .highest_sequence_id = p->highest_sequence_id,
        .id = MESSAGE_ID_OF(p->position.ledger, p->position.entry),
    };
    uint8_t bytes[SEND_RECEIPT_MAX];

    send_bytes(s, bytes, send_receipt_encode(bytes, &receipt));
}

void session_send_send_error(struct session *s, uint64_t producer, uint64_t sequence, enum err err)
{
    Wire__CommandSendError error = WIRE__COMMAND_SEND_ERROR__INIT;

    error.producer_id = producer;
    error.sequence_id = sequence;
    /* Whatever is not about this message alone makes the client come back and send again. */
    error.error = err == ERR_NOMEM ? WIRE__SERVER_ERROR__PersistenceError : server_error(err, ABOUT_TOPIC);
    error.message = wire_text(err_text(err));
    session_send(s, WIRE__BASE_COMMAND__TYPE__SEND_ERROR, &error);
}

static void sink_published(struct sink *sink, const struct published *p)
{
    struct session *s = session_of_sink(sink);

    assert(s->pending_sends > 0);
    s->pending_sends--;
    if (s->state == SESSION_CLOSING) {
        end_later(s);
        return;
    }
    if (p->err == OK)
        send_receipt(s, p);
    else if (p->err != ERR_CLOSED)
        session_send_send_error(s, p->producer_id, p->sequence_id, p->err);
    if (s->paused && s->pending_sends <= s->server->options.pending_sends_max / 2)
        loop_defer(s->server->loop, &s->resume);
}

#define NOT_A_REQUEST UINT64_MAX /* what a broker's own CLOSE_* says for a request id */

static void sink_close_producer(struct sink *sink, uint64_t id)
{
    struct session *s = session_of_sink(sink);
    struct handle *h = map_find_id(&s->producers, id);
    Wire__CommandCloseProducer close = WIRE__COMMAND_CLOSE_PRODUCER__INIT;

    if (!h || h->state != HANDLE_OPEN)
        return;
    h->state = HANDLE_CLOSED;
    h->producer = NULL;
    h->closed_ns = loop_now_ns(s->server->loop);
    close.producer_id = id;
    close.request_id = NOT_A_REQUEST;
    if (s->protocol < WIRE__PROTOCOL_VERSION__v5)
        session_close(s, NULL); /* it would not understand */
    else
        session_send(s, WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER, &close);
}

static void sink_close_consumer(struct sink *sink, uint64_t id)
{
    struct session *s = session_of_sink(sink);
    struct handle *h = map_find_id(&s->consumers, id);
    Wire__CommandCloseConsumer close = WIRE__COMMAND_CLOSE_CONSUMER__INIT;

    if (!h || h->state != HANDLE_OPEN)
        return;
    handle_free(s, &s->consumers, h);
    close.consumer_id = id;
    close.request_id = NOT_A_REQUEST;
    if (s->protocol < WIRE__PROTOCOL_VERSION__v5)
        session_close(s, NULL);
    else
        session_send(s, WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER, &close);
}

static void sink_active_changed(struct sink *sink, uint64_t consumer_id, bool active)
{
    struct session *s = session_of_sink(sink);
    Wire__CommandActiveConsumerChange change = WIRE__COMMAND_ACTIVE_CONSUMER_CHANGE__INIT;

    change.consumer_id = consumer_id;
    change.has_is_active = true;
    change.is_active = active;
    if (s->protocol >= WIRE__PROTOCOL_VERSION__v12)
        session_send(s, WIRE__BASE_COMMAND__TYPE__ACTIVE_CONSUMER_CHANGE, &change);
}

static void sink_end_of_topic(struct sink *sink, uint64_t consumer_id)
{
    Wire__CommandReachedEndOfTopic end = WIRE__COMMAND_REACHED_END_OF_TOPIC__INIT;

    end.consumer_id = consumer_id;
    session_send(session_of_sink(sink), WIRE__BASE_COMMAND__TYPE__REACHED_END_OF_TOPIC, &end);
}

static void send_ping(struct session *s)
{
    Wire__CommandPing ping = WIRE__COMMAND_PING__INIT;
    session_send(s, WIRE__BASE_COMMAND__TYPE__PING, &ping);
}

static void sink_probe(struct sink *sink, struct probe *probe)
{
    struct session *s = session_of_sink(sink);

    list_push_back(&s->probes, &probe->node);
    if (s->state == SESSION_CLOSING || timer_running(&s->probe_timer))
        return; /* the end answers it, or the probe before it */
    send_ping(s);
    timer_start_ms(&s->probe_timer, s->server->options.probe_ms);
}

static const struct sink_ops sink_ops = {
    .writable = sink_writable,
    .message = sink_message,
    .published = sink_published,
    .close_producer = sink_close_producer,
    .close_consumer = sink_close_consumer,
    .active_changed = sink_active_changed,
    .end_of_topic = sink_end_of_topic,
    .probe = sink_probe,
};

/* The peer reads again. */
static void relieved(struct output *output)
{
    struct session *s = container_of(output, struct session, output);
    struct handle *h;
    size_t at = 0;

    if (s->state != SESSION_READY)
        return;
    while ((h = map_next(&s->consumers, &at))) {
        if (h->state == HANDLE_OPEN)
            consumer_writable(h->consumer);
    }
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

static void keep_alive_fired(struct timer *timer)
{
    struct session *s = container_of(timer, struct session, keep_alive);
    uint32_t ms = s->server->options.keep_alive_ms;

    if (s->state == SESSION_HANDSHAKE) {
        session_close(s, "no CONNECT in %u ms", ms);
        return;
    }
    if (s->pong_due && !s->paused) {
        session_close(s, "silent for %u ms", ms);
        return;
    }
    s->pong_due = true;
    send_ping(s);
    forget_closed(s);
    receive_relax(&s->receive);
    timer_start_ms(&s->keep_alive, ms);
}

/* ---- frames in ---- */

static void handle_frame(struct session *s, struct bytes whole)
{
    struct incoming in = {.buffer = s->receive.buffer};
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

/* Too much of this connection is under way, or too much of all. */
static bool overloaded(const struct session *s)
{
    const struct server *server = s->server;
    size_t most = server->options.pending_sends_max;

    if (s->pending_sends > (s->paused ? most / 2 : most))
        return true;
    return map_count(&s->producers) > 0 && !store_has_room(broker_store(s->broker));
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
    if (err == ERR_FULL) {
        list_remove(&s->starved_node);
        list_push_back(&s->server->starved, &s->starved_node);
    } else if (err != OK) {
        session_close(s, "no memory to receive");
    }
    return err == OK;
}

static void parse(struct session *s)
{
    struct bytes whole;
    enum err err = OK;

    while (s->state != SESSION_CLOSING && !overloaded(s)) {
        if ((err = receive_take(&s->receive, &whole)) != OK)
            break;
        handle_frame(s, whole);
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
        conn_read_start(s->conn);
    }
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
        answer_probes(s, true);
    receive_got(&s->receive, len);
    if (!s->paused)
        parse(s);
}

/* ---- the beginning ---- */

enum err session_new(struct session **out, struct server *server, struct conn *conn)
{
    struct session *s = calloc(1, sizeof *s);

    if (!s)
        return ERR_NOMEM;
    s->sink = (struct sink){.ops = &sink_ops, .peer = s->peer, .client_version = s->client_version};
    s->handler = (struct conn_handler){.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed};
    s->server = server;
    s->broker = server->broker;
    s->conn = conn;
    conn_peer(conn, s->peer, sizeof s->peer);
    s->state = SESSION_HANDSHAKE;
    receive_init(&s->receive, frame_limit(server->options.message_bytes_max), &server->receive);
    output_init(&s->output, conn, &server->chunks, server->options.output_bytes_max, relieved);
    map_init(&s->producers, 0);
    map_init(&s->consumers, 0);
    list_init(&s->requests);
    list_init(&s->probes);
    list_init(&s->starved_node);
    s->flush.run = flush_run;
    s->resume.run = resume_run;
    s->end.run = end_run;
    timer_init(&s->probe_timer, server->loop, probe_fired);
    timer_init(&s->keep_alive, server->loop, keep_alive_fired);
    timer_start_ms(&s->keep_alive, server->options.keep_alive_ms);
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
