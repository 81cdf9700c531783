/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_broker.c - sessions that read frames, do the one thing each command asks for, and answer.
 */
#include "base/base_test.h"

#include "client/fake_broker.h"
#include "wire/batch.h"
#include "wire/delivery.h"
#include "wire/publish.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define IN_MAX (1200u * 1024)

struct session {
    struct list node;
    struct fake_broker *broker;
    struct conn_handler handler;
    struct conn *conn;
    uint8_t *in;
    size_t in_len;
    bool connected, closed;
    bool has_producer, has_consumer;
    uint64_t producer_id, consumer_id;
    uint32_t permits;
    size_t next; /* entry to deliver */
};

struct out {
    struct conn_write write;
    uint8_t bytes[];
};

static void on_written(struct conn_write *w, enum err err)
{
    free(container_of(w, struct out, write));
}

static void bytes_send(struct session *s, struct bytes first, struct bytes second)
{
    struct out *out;

    if (s->closed)
        return;
    out = malloc(sizeof *out + first.len + second.len);
    memcpy(out->bytes, first.data, first.len);
    if (second.len)
        memcpy(out->bytes + first.len, second.data, second.len);
    out->write =
        (struct conn_write){.parts = {bytes_of(out->bytes, first.len + second.len)}, .count = 1, .done = on_written};
    conn_write(s->conn, &out->write);
}

static void command_send(struct session *s, Wire__BaseCommand__Type type, void *body)
{
    Wire__BaseCommand command;
    uint8_t bytes[4096];
    size_t len;

    command_wrap(&command, type, body);
    len = command_encode(&command, bytes, sizeof bytes);
    bytes_send(s, bytes_of(bytes, len), bytes_of(NULL, 0));
}

static void success_send(struct session *s, uint64_t request_id)
{
    Wire__CommandSuccess success = WIRE__COMMAND_SUCCESS__INIT;

    success.request_id = request_id;
    command_send(s, WIRE__BASE_COMMAND__TYPE__SUCCESS, &success);
}

static void session_cut(struct session *s)
{
    if (s->closed)
        return;
    s->closed = true;
    conn_close(s->conn);
}

/* ---- publishing ---- */

static struct fake_entry *entry_add(struct fake_broker *b, struct bytes entry)
{
    struct fake_entry *e = &b->entries[b->count++];
    struct entry_view view;

    assert(b->count <= FAKE_ENTRIES_MAX);
    *e = (struct fake_entry){.bytes = malloc(entry.len), .len = entry.len};
    memcpy(e->bytes, entry.data, entry.len);
    assert_int_equal(entry_view_decode(entry, &view), OK);
    assert_int_equal(entry_view_verify(&view), OK);
    e->messages = view.metadata.messages;
    e->sequence_id = view.metadata.sequence_id;
    return e;
}

static void receipt_send(struct session *s, uint64_t sequence_id, int64_t entry)
{
    struct send_receipt receipt = {
        .producer_id = s->producer_id, .sequence_id = sequence_id, .id = MESSAGE_ID_OF(1, entry)};
    uint8_t bytes[SEND_RECEIPT_MAX];
    size_t len = send_receipt_encode(bytes, &receipt);

    bytes_send(s, bytes_of(bytes, len), bytes_of(NULL, 0));
}

static void on_send(struct session *s, const struct frame *frame)
{
    struct fake_broker *b = s->broker;
    Wire__CommandSendError error = WIRE__COMMAND_SEND_ERROR__INIT;
    struct send send;

    assert_int_equal(send_decode(frame->command, &send), OK);
    assert_true(s->has_producer && send.producer_id == s->producer_id);
    if (b->refuse[WIRE__BASE_COMMAND__TYPE__SEND] > 0) {
        b->refuse[WIRE__BASE_COMMAND__TYPE__SEND]--;
        error.producer_id = send.producer_id;
        error.sequence_id = send.sequence_id;
        error.error = b->refusal;
        error.message = wire_text("as told");
        command_send(s, WIRE__BASE_COMMAND__TYPE__SEND_ERROR, &error);
        return;
    }
    entry_add(b, frame->entry);
    if (!b->mute[WIRE__BASE_COMMAND__TYPE__SEND])
        receipt_send(s, send.sequence_id, (int64_t)b->count - 1);
}

/* ---- consuming ---- */

static void entry_deliver(struct session *s, size_t index)
{
    struct fake_broker *b = s->broker;
    const struct fake_entry *e = &b->entries[index];
    struct message_command message = {
        .consumer_id = s->consumer_id, .id = MESSAGE_ID_OF(1, (int64_t)index), .redelivery_count = b->redelivery_count};
    uint8_t head[MESSAGE_HEAD_MAX(0)];
    size_t len = message_head_encode(head, sizeof head, &message, NULL, e->len);
    uint8_t *copy = malloc(e->len);

    memcpy(copy, e->bytes, e->len);
    if (b->flip_bits)
        copy[e->len - 1] ^= 1;
    bytes_send(s, bytes_of(head, len), bytes_of(copy, e->len));
    free(copy);
}

static void session_dispatch(struct session *s)
{
    struct fake_broker *b = s->broker;

    for (; s->has_consumer && s->permits > 0 && s->next < b->count; s->next++) {
        uint32_t cost = b->entries[s->next].messages;

        if (b->entries[s->next].acked)
            continue;
        entry_deliver(s, s->next);
        s->permits -= cost < s->permits ? cost : s->permits;
    }
}

void fake_broker_dispatch(struct fake_broker *b)
{
    list_each (node, &b->sessions)
        session_dispatch(container_of(node, struct session, node));
}

/* Who asks for it is in a transaction. */
static void ack_answer(struct session *s, const struct ack *ack)
{
    struct fake_broker *b = s->broker;
    Wire__CommandAckResponse answer = WIRE__COMMAND_ACK_RESPONSE__INIT;

    b->transaction = ack->transaction_least;
    answer.consumer_id = ack->consumer_id;
    answer.has_request_id = true;
    answer.request_id = ack->request_id;
    if (b->refuse[WIRE__BASE_COMMAND__TYPE__ACK] > 0) {
        b->refuse[WIRE__BASE_COMMAND__TYPE__ACK]--;
        answer.has_error = true;
        answer.error = b->refusal;
    }
    if (!b->mute[WIRE__BASE_COMMAND__TYPE__ACK])
        command_send(s, WIRE__BASE_COMMAND__TYPE__ACK_RESPONSE, &answer);
}

static void on_ack(struct session *s, const struct frame *frame, struct arena *arena)
{
    struct fake_broker *b = s->broker;
    struct ack ack;

    assert_int_equal(ack_decode(frame->command, arena, &ack), OK);
    if (ack.has_request_id)
        ack_answer(s, &ack);
    if (ack.has_validation_error)
        b->validation_error = (int)ack.validation_error;
    for (uint32_t i = 0; i < ack.count; i++) {
        size_t last = (size_t)ack.ids[i].entry;
        assert_true(last < b->count);
        for (size_t e = ack.is_cumulative ? 0 : last; e <= last; e++)
            b->entries[e].acked = true;
        b->acks++;
    }
}

static void on_flow(struct session *s, const struct frame *frame)
{
    struct flow flow;

    assert_int_equal(flow_decode(frame->command, &flow), OK);
    s->permits += flow.permits;
    s->broker->permits += flow.permits;
    session_dispatch(s);
}

static void on_redeliver(struct session *s, const Wire__CommandRedeliverUnacknowledgedMessages *redeliver)
{
    for (size_t i = 0; i < redeliver->n_message_ids; i++) {
        size_t index = (size_t)redeliver->message_ids[i]->entry_id;
        if (!s->broker->entries[index].acked)
            entry_deliver(s, index);
    }
    if (redeliver->n_message_ids == 0) {
        s->next = 0;
        session_dispatch(s);
    }
}

/* ---- the other commands ---- */

static void auth_note(struct fake_broker *b, const char *method, bool has_data, ProtobufCBinaryData data)
{
    snprintf(b->auth, sizeof b->auth, "%s:%.*s", method ? method : "", has_data ? (int)data.len : 0,
             has_data ? (const char *)data.data : "");
}

static void connected_send(struct session *s)
{
    Wire__CommandConnected connected = WIRE__COMMAND_CONNECTED__INIT;

    s->connected = true;
    connected.server_version = wire_text("fake");
    connected.has_protocol_version = connected.has_max_message_size = true;
    connected.protocol_version = WIRE_PROTOCOL_VERSION;
    connected.max_message_size = 1024 * 1024;
    command_send(s, WIRE__BASE_COMMAND__TYPE__CONNECTED, &connected);
}

static void challenge_send(struct session *s)
{
    Wire__CommandAuthChallenge challenge = WIRE__COMMAND_AUTH_CHALLENGE__INIT;

    command_send(s, WIRE__BASE_COMMAND__TYPE__AUTH_CHALLENGE, &challenge);
}

static void on_auth_response(struct session *s, const Wire__BaseCommand *c)
{
    const Wire__AuthData *data = c->auth_response->response;

    auth_note(s->broker, data->auth_method_name, data->has_auth_data, data->auth_data);
    if (!s->connected)
        connected_send(s);
}

static void on_connect(struct session *s, const Wire__BaseCommand *c)
{
    auth_note(s->broker, c->connect->auth_method_name, c->connect->has_auth_data, c->connect->auth_data);
    if (s->broker->challenges)
        challenge_send(s);
    else
        connected_send(s);
}

static void on_lookup(struct session *s, const Wire__BaseCommand *c)
{
    Wire__CommandLookupTopicResponse r = WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__INIT;

    r.request_id = c->lookup_topic->request_id;
    r.has_response = true;
    r.response = s->broker->redirects-- > 0 ? WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__LOOKUP_TYPE__Redirect
                                            : WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__LOOKUP_TYPE__Connect;
    r.broker_service_url = s->broker->url ? wire_text(s->broker->url) : NULL;
    r.broker_service_url_tls = s->broker->tls_url ? wire_text(s->broker->tls_url) : NULL;
    command_send(s, WIRE__BASE_COMMAND__TYPE__LOOKUP_RESPONSE, &r);
}

static void on_partitions(struct session *s, const Wire__BaseCommand *c)
{
    Wire__CommandPartitionedTopicMetadataResponse r = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA_RESPONSE__INIT;

    r.request_id = c->partition_metadata->request_id;
    r.has_response = r.has_partitions = true;
    r.response = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA_RESPONSE__LOOKUP_TYPE__Success;
    r.partitions = s->broker->partitions;
    command_send(s, WIRE__BASE_COMMAND__TYPE__PARTITIONED_METADATA_RESPONSE, &r);
}

static void on_producer(struct session *s, const Wire__BaseCommand *c)
{
    Wire__CommandProducerSuccess success = WIRE__COMMAND_PRODUCER_SUCCESS__INIT;
    const Wire__CommandProducer *p = c->producer;

    s->has_producer = true;
    s->producer_id = p->producer_id;
    s->broker->epoch = p->epoch;
    snprintf(s->broker->producer_name, sizeof s->broker->producer_name, "%s", p->producer_name ? p->producer_name : "");
    success.request_id = p->request_id;
    success.producer_name = p->producer_name ? p->producer_name : wire_text("made-by-the-broker");
    command_send(s, WIRE__BASE_COMMAND__TYPE__PRODUCER_SUCCESS, &success);
}

static void on_subscribe(struct session *s, const Wire__BaseCommand *c)
{
    const Wire__MessageIdData *start = c->subscribe->start_message_id;

    s->has_consumer = true;
    s->consumer_id = c->subscribe->consumer_id;
    s->permits = 0;
    s->next = 0;
    s->broker->permits = 0;
    s->broker->start_ledger = start ? (int64_t)start->ledger_id : -2;
    s->broker->start_entry = start ? (int64_t)start->entry_id : -2;
    success_send(s, c->subscribe->request_id);
}

static void on_close_producer(struct session *s, const Wire__BaseCommand *c)
{
    s->has_producer = false;
    success_send(s, c->close_producer->request_id);
}

static void on_close_consumer(struct session *s, const Wire__BaseCommand *c)
{
    s->has_consumer = false;
    success_send(s, c->close_consumer->request_id);
}

static void on_seek(struct session *s, const Wire__BaseCommand *c)
{
    Wire__CommandCloseConsumer close = WIRE__COMMAND_CLOSE_CONSUMER__INIT;
    size_t from = c->seek->message_id ? (size_t)c->seek->message_id->entry_id : 0;

    for (size_t i = 0; i < s->broker->count; i++)
        s->broker->entries[i].acked = i < from;
    s->has_consumer = false;
    close.consumer_id = c->seek->consumer_id;
    close.request_id = UINT64_MAX;
    command_send(s, WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER, &close);
    success_send(s, c->seek->request_id);
}

static void on_last_id(struct session *s, const Wire__BaseCommand *c)
{
    Wire__CommandGetLastMessageIdResponse r = WIRE__COMMAND_GET_LAST_MESSAGE_ID_RESPONSE__INIT;
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT;

    id.ledger_id = s->broker->count ? 1 : UINT64_MAX;
    id.entry_id = (uint64_t)s->broker->count - 1;
    r.request_id = c->get_last_message_id->request_id;
    r.last_message_id = &id;
    command_send(s, WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID_RESPONSE, &r);
}

static void on_unsubscribe(struct session *s, const Wire__BaseCommand *c)
{
    success_send(s, c->unsubscribe->request_id);
}

static void on_ping(struct session *s, const Wire__BaseCommand *c)
{
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;

    command_send(s, WIRE__BASE_COMMAND__TYPE__PONG, &pong);
}

/* The request id of what may be refused by ERROR. */
static uint64_t request_id_of(const Wire__BaseCommand *c)
{
    switch (c->type) {
    case WIRE__BASE_COMMAND__TYPE__PRODUCER:
        return c->producer->request_id;
    case WIRE__BASE_COMMAND__TYPE__SUBSCRIBE:
        return c->subscribe->request_id;
    case WIRE__BASE_COMMAND__TYPE__SEEK:
        return c->seek->request_id;
    case WIRE__BASE_COMMAND__TYPE__LOOKUP:
        return c->lookup_topic->request_id;
    default:
        return UINT64_MAX;
    }
}

static bool refused(struct session *s, const Wire__BaseCommand *c)
{
    Wire__CommandError error = WIRE__COMMAND_ERROR__INIT;

    if (s->broker->refuse[c->type] <= 0)
        return false;
    s->broker->refuse[c->type]--;
    error.request_id = request_id_of(c);
    error.error = s->broker->refusal;
    error.message = wire_text("as told");
    command_send(s, WIRE__BASE_COMMAND__TYPE__ERROR, &error);
    return true;
}

static void (*const handlers[FAKE_TYPES])(struct session *s, const Wire__BaseCommand *c) = {
    [WIRE__BASE_COMMAND__TYPE__CONNECT] = on_connect,
    [WIRE__BASE_COMMAND__TYPE__LOOKUP] = on_lookup,
    [WIRE__BASE_COMMAND__TYPE__PARTITIONED_METADATA] = on_partitions,
    [WIRE__BASE_COMMAND__TYPE__PRODUCER] = on_producer,
    [WIRE__BASE_COMMAND__TYPE__SUBSCRIBE] = on_subscribe,
    [WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER] = on_close_producer,
    [WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER] = on_close_consumer,
    [WIRE__BASE_COMMAND__TYPE__SEEK] = on_seek,
    [WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID] = on_last_id,
    [WIRE__BASE_COMMAND__TYPE__UNSUBSCRIBE] = on_unsubscribe,
    [WIRE__BASE_COMMAND__TYPE__PING] = on_ping,
    [WIRE__BASE_COMMAND__TYPE__AUTH_RESPONSE] = on_auth_response,
};

static void command_do(struct session *s, int type, const struct frame *frame)
{
    Wire__BaseCommand *command;
    struct arena arena;

    arena_init(&arena, 1024 * 1024);
    assert_int_equal(command_decode(frame->command, &arena, &command), OK);
    if (type == WIRE__BASE_COMMAND__TYPE__SEND)
        on_send(s, frame);
    else if (type == WIRE__BASE_COMMAND__TYPE__ACK)
        on_ack(s, frame, &arena);
    else if (type == WIRE__BASE_COMMAND__TYPE__FLOW)
        on_flow(s, frame);
    else if (type == WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES)
        on_redeliver(s, command->redeliver_unacknowledged_messages);
    else if (!s->broker->mute[type] && !refused(s, command) && handlers[type])
        handlers[type](s, command);
    arena_deinit(&arena);
}

static bool unlucky(struct fake_broker *b)
{
    return b->cut_one_in > 0 && random_below(sim_random(b->sim), b->cut_one_in) == 0;
}

static void frame_do(struct session *s, struct bytes whole)
{
    struct frame frame;
    int type;

    assert_int_equal(frame_decode(whole, &frame), OK);
    assert_int_equal(command_type(frame.command, &type), OK);
    assert_true(type > 0 && type < FAKE_TYPES);
    s->broker->heard[type]++;
    if (unlucky(s->broker)) {
        session_cut(s);
        return;
    }
    command_do(s, type, &frame);
    if (unlucky(s->broker))
        session_cut(s);
}

/* ---- sockets ---- */

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct session *s = container_of(h, struct session, handler);

    *data = s->in + s->in_len;
    *len = IN_MAX - s->in_len;
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct session *s = container_of(h, struct session, handler);
    size_t at = 0, need;

    s->in_len += len;
    while (!s->closed) {
        assert_int_equal(frame_peek(bytes_of(s->in + at, s->in_len - at), IN_MAX, &need), OK);
        if (need > s->in_len - at)
            break;
        frame_do(s, bytes_of(s->in + at, need));
        at += need;
    }
    s->in_len -= at;
    memmove(s->in, s->in + at, s->in_len);
}

static void on_closed(struct conn_handler *h, enum err why)
{
    struct session *s = container_of(h, struct session, handler);

    list_remove(&s->node);
    free(s->in);
    free(s);
}

static struct conn_handler *on_accept(void *ctx, struct conn *conn)
{
    struct fake_broker *b = ctx;
    struct session *s = calloc(1, sizeof *s);

    s->broker = b;
    s->handler = (struct conn_handler){on_buffer, on_read, on_closed};
    s->conn = conn;
    s->in = malloc(IN_MAX);
    list_push_back(&b->sessions, &s->node);
    b->connections++;
    if (!b->deaf)
        conn_read_start(conn);
    return &s->handler;
}

struct fake_broker *fake_broker_new(struct sim *sim)
{
    struct fake_broker *b = calloc(1, sizeof *b);
    struct sys *sys;

    b->sim = sim;
    b->validation_error = -1;
    b->url = FAKE_URL;
    list_init(&b->sessions);
    b->host = sim_host_new(sim, FAKE_ADDRESS, NULL);
    sys = sim_host_sys(b->host);
    assert_int_equal(sys->net->ops->listen(sys->net, FAKE_ADDRESS, 6650, on_accept, b, &b->listener), OK);
    return b;
}

static bool sessions_gone(void *ctx)
{
    return list_empty(&((struct fake_broker *)ctx)->sessions);
}

void fake_broker_free(struct fake_broker *b)
{
    sim_host_sys(b->host)->net->ops->listener_close(b->listener);
    fake_broker_cut(b);
    fake_run_until(b->sim, sessions_gone, b);
    sim_host_free(b->host);
    for (size_t i = 0; i < b->count; i++)
        free(b->entries[i].bytes);
    free(b);
}

/* ---- of its own accord ---- */

void fake_broker_close_producers(struct fake_broker *b, const char *assigned_url)
{
    Wire__CommandCloseProducer close = WIRE__COMMAND_CLOSE_PRODUCER__INIT;

    list_each (node, &b->sessions) {
        struct session *s = container_of(node, struct session, node);
        if (!s->has_producer)
            continue;
        s->has_producer = false;
        close.producer_id = s->producer_id;
        close.request_id = UINT64_MAX;
        close.assigned_broker_service_url = wire_text(assigned_url);
        command_send(s, WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER, &close);
    }
}

void fake_broker_close_consumers(struct fake_broker *b)
{
    Wire__CommandCloseConsumer close = WIRE__COMMAND_CLOSE_CONSUMER__INIT;

    list_each (node, &b->sessions) {
        struct session *s = container_of(node, struct session, node);
        if (!s->has_consumer)
            continue;
        s->has_consumer = false;
        close.consumer_id = s->consumer_id;
        close.request_id = UINT64_MAX;
        command_send(s, WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER, &close);
    }
}

void fake_broker_challenge(struct fake_broker *b)
{
    list_each (node, &b->sessions)
        challenge_send(container_of(node, struct session, node));
}

void fake_broker_receipt(struct fake_broker *b, uint64_t sequence_id)
{
    list_each (node, &b->sessions) {
        struct session *s = container_of(node, struct session, node);
        if (s->has_producer)
            receipt_send(s, sequence_id, (int64_t)sequence_id);
    }
}

void fake_broker_cut(struct fake_broker *b)
{
    list_each (node, &b->sessions)
        session_cut(container_of(node, struct session, node));
}

static size_t batch_payload(uint8_t *to, size_t size, unsigned count)
{
    Wire__SingleMessageMetadata single = WIRE__SINGLE_MESSAGE_METADATA__INIT;
    size_t at = 0;
    char text[16];

    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%u", i);
        at += batch_message_encode(to + at, size - at, &single, bytes_of_text(text));
    }
    return at;
}

void fake_broker_publish(struct fake_broker *b, unsigned count)
{
    Wire__MessageMetadata m = WIRE__MESSAGE_METADATA__INIT;
    uint8_t payload[4096], entry[8192];
    size_t payload_len = count > 1 ? batch_payload(payload, sizeof payload, count) : 1;
    size_t metadata_len;

    if (count == 1)
        payload[0] = '0';
    m.producer_name = wire_text("somebody");
    m.sequence_id = b->count;
    m.publish_time = 1;
    m.has_num_messages_in_batch = count > 1;
    m.num_messages_in_batch = (int32_t)count;
    metadata_len = wire__message_metadata__pack(&m, entry + ENTRY_HEAD_SIZE);
    entry_head_encode(entry, bytes_of(entry + ENTRY_HEAD_SIZE, metadata_len), bytes_of(payload, payload_len));
    memcpy(entry + ENTRY_HEAD_SIZE + metadata_len, payload, payload_len);
    entry_add(b, bytes_of(entry, ENTRY_HEAD_SIZE + metadata_len + payload_len));
}

/* ---- time ---- */

void fake_run_until(struct sim *sim, bool (*condition)(void *ctx), void *ctx)
{
    uint64_t end = sim_now_ns(sim) + 3600ull * 1000 * NS_PER_MS;

    while (!condition(ctx)) {
        assert_true(sim_step(sim));
        assert_true(sim_now_ns(sim) < end);
    }
}

/* The clock only moves to events, so there is one at the end. */
struct alarm {
    struct timer timer;
    bool rang;
};

static void on_alarm(struct timer *timer)
{
    container_of(timer, struct alarm, timer)->rang = true;
}

static bool has_rung(void *ctx)
{
    return ((struct alarm *)ctx)->rang;
}

void fake_run_for(struct fake_broker *b, uint64_t ms)
{
    struct alarm alarm = {0};

    timer_init(&alarm.timer, sim_host_sys(b->host)->loop, on_alarm);
    timer_start_ms(&alarm.timer, ms);
    fake_run_until(b->sim, has_rung, &alarm);
}
