/* SPDX-License-Identifier: Apache-2.0
 *
 * session_sink.c - what the broker has to tell one connection: its struct sink.
 *
 * Called from inside the broker, so nothing here calls back into it: what must, waits for its turn of the loop.
 */
#include "session/session_private.h"
#include "wire/delivery.h"
#include "wire/publish.h"

#include <assert.h>

static struct session *session_of_sink(struct sink *sink)
{
    return container_of(sink, struct session, sink);
}

static void send_bytes(struct session *s, const uint8_t *bytes, size_t len)
{
    uint8_t *to = output_reserve(&s->output, len);

    if (to)
        memcpy(to, bytes, len);
    session_flush_later(s);
}

static bool sink_writable(struct sink *sink)
{
    struct session *s = session_of_sink(sink);
    return s->state == SESSION_READY && output_writable(&s->output);
}

/* Clients of before v11 take a checksum for something else: they get what stands behind it. */
static struct slice as_understood(const struct session *s, struct slice entry)
{
    enum { CHECKSUM_SIZE = 2 + 4 };

    if (s->protocol >= WIRE__PROTOCOL_VERSION__v11 || entry.len < CHECKSUM_SIZE ||
        be16_get(entry.data) != ENTRY_MAGIC_CHECKSUM)
        return entry;
    entry.data += CHECKSUM_SIZE;
    entry.len -= CHECKSUM_SIZE;
    return entry;
}

/* What this consumer was sent has filled the connection.  Those behind it found no room: they are told first of the
 * next, and it last. */
static void wake_others_first(struct session *s, uint64_t consumer_id)
{
    struct handle *h = map_find_id(&s->consumers, consumer_id);

    if (!h)
        return;
    list_remove(&s->waking);
    list_insert_after(&h->node, &s->waking); /* the list ends with it */
}

static void sink_message(struct sink *sink, const struct delivery *d)
{
    struct session *s = session_of_sink(sink);
    const bool had_room = output_writable(&s->output);
    const struct slice entry = as_understood(s, d->entry->bytes);
    const struct message_command message = {
        .consumer_id = d->consumer_id,
        .id = {.ledger = d->entry->position.ledger,
               .entry = d->entry->position.entry,
               .partition = d->partition,
               .batch_index = -1,
               .ack_set_words = d->left_words,
               .ack_set = d->left},
        .redelivery_count = d->redelivery_count,
        .has_consumer_epoch = d->consumer_epoch >= 0,
        .consumer_epoch = (uint64_t)d->consumer_epoch,
    };
    uint8_t head[MESSAGE_HEAD_MAX(CURSOR_LEFT_WORDS)];

    if (s->state != SESSION_READY)
        return;
    if (s->protocol < WIRE__PROTOCOL_VERSION__v4 && d->entry->header.flags & ENTRY_BATCHED) {
        session_close(s, "a client of before v4 is to be sent a batch");
        return;
    }
    size_t len = message_head_encode(head, sizeof head, &message, NULL, entry.len);
    send_bytes(s, head, len);
    if (entry.buffer && entry.buffer->budget == s->server->receive) /* non-persistent: it lies where it was received */
        output_add_lent(&s->output, entry);
    else
        output_add(&s->output, entry);
    if (had_room && !output_writable(&s->output))
        wake_others_first(s, d->consumer_id);
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

    s->receipts_now++;
    send_bytes(s, bytes, send_receipt_encode(bytes, &receipt));
}

void session_send_send_error(struct session *s, uint64_t producer, uint64_t sequence, enum err err)
{
    Wire__CommandSendError error = WIRE__COMMAND_SEND_ERROR__INIT;

    error.producer_id = producer;
    error.sequence_id = sequence;
    /* Whatever is not about this message alone makes the client come back and send again. */
    error.error = err == ERR_NOMEM ? WIRE__SERVER_ERROR__PersistenceError : server_error(err, ABOUT_PRODUCER);
    error.message = wire_text(err_text(err));
    session_send(s, WIRE__BASE_COMMAND__TYPE__SEND_ERROR, &error);
}

static void sink_published(struct sink *sink, const struct published *p)
{
    struct session *s = session_of_sink(sink);

    assert(s->pending_sends > 0);
    assert(s->pending_bytes >= p->len);
    s->pending_bytes -= p->len;
    if (--s->pending_sends == 0)
        s->server->publishing--;
    server_feed_later(s->server);
    if (s->state == SESSION_CLOSING) {
        session_end_later(s);
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
    if (session_of_sink(sink)->protocol >= WIRE__PROTOCOL_VERSION__v9)
        session_send(session_of_sink(sink), WIRE__BASE_COMMAND__TYPE__REACHED_END_OF_TOPIC, &end);
}

void session_send_ping(struct session *s)
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
    session_send_ping(s);
    timer_start_ms(&s->probe_timer, s->server->options.probe_ms);
}

void session_answer_probes(struct session *s, bool alive)
{
    struct list *node;

    timer_stop(&s->probe_timer);
    while ((node = list_pop_front(&s->probes))) {
        struct probe *probe = container_of(node, struct probe, node);
        probe->done(probe, alive);
    }
}

const struct sink_ops session_sink_ops = {
    .writable = sink_writable,
    .message = sink_message,
    .published = sink_published,
    .close_producer = sink_close_producer,
    .close_consumer = sink_close_consumer,
    .active_changed = sink_active_changed,
    .end_of_topic = sink_end_of_topic,
    .probe = sink_probe,
};

/* All may be waiting, and what the connection takes now is enough for some: those who waited longest are told first,
 * and the rest only if there is still room when these have sent what they have. */
void session_wake_run(struct task *task)
{
    struct session *s = container_of(task, struct session, wake);

    if (!output_writable(&s->output))
        return; /* somebody was quicker: all are told when there is room again */
    for (unsigned i = 0; i < WAKE_AT_ONCE && s->to_wake > 0 && !list_empty(&s->waking); i++, s->to_wake--) {
        struct handle *h = container_of(list_pop_front(&s->waking), struct handle, node);
        list_push_back(&s->waking, &h->node);
        if (h->state == HANDLE_OPEN)
            consumer_writable(h->consumer);
    }
    if (s->to_wake > 0 && !list_empty(&s->waking))
        loop_defer(s->server->loop, &s->wake);
}

/* The peer reads again. */
void session_relieved(struct output *output)
{
    struct session *s = container_of(output, struct session, output);

    if (s->state != SESSION_READY)
        return;
    s->to_wake = map_count(&s->consumers);
    loop_defer(s->server->loop, &s->wake);
}
