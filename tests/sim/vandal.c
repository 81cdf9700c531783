/* SPDX-License-Identifier: Apache-2.0
 *
 * vandal.c - see vandal.h.
 *
 * At most three bits of a frame are flipped, so that no name of ours becomes one of the other clients'.
 */
#include "vandal.h"

#include "wire/command.h"
#include "wire/publish.h"
#include <assert.h>
#include <stdlib.h>

#define BROKER_PORT 6650
#define TOPIC       "persistent://public/default/vandalism"
#define FRAME_MAX   600
#define DIAL_MS_MAX 400

struct spray {
    struct list node;
    struct conn_write write;
    uint8_t data[FRAME_MAX];
};

struct vandal {
    struct random *random;
    struct sim_host *host;
    struct connector connector;
    struct conn_handler handler;
    struct conn *conn; /* NULL: away */
    struct timer dial;
    struct list sprays; /* until written */
    uint8_t ignored[4096];
};

static uint64_t dice(struct vandal *v, uint64_t sides)
{
    return random_below(v->random, sides);
}

/* ---- frames that would be right ---- */

static size_t command(uint8_t *to, Wire__BaseCommand__Type type, void *body)
{
    Wire__BaseCommand c;

    command_wrap(&c, type, body);
    return command_encode(&c, to, FRAME_MAX);
}

static size_t say_connect(struct vandal *v, uint8_t *to)
{
    Wire__CommandConnect body = WIRE__COMMAND_CONNECT__INIT;

    body.client_version = wire_text("vandal");
    body.has_protocol_version = 1;
    body.protocol_version = (int32_t)dice(v, 25);
    return command(to, WIRE__BASE_COMMAND__TYPE__CONNECT, &body);
}

static size_t say_producer(struct vandal *v, uint8_t *to)
{
    Wire__CommandProducer body = WIRE__COMMAND_PRODUCER__INIT;

    body.topic = wire_text(TOPIC);
    body.producer_id = dice(v, 4);
    body.request_id = dice(v, 1000);
    return command(to, WIRE__BASE_COMMAND__TYPE__PRODUCER, &body);
}

static size_t say_subscribe(struct vandal *v, uint8_t *to)
{
    Wire__CommandSubscribe body = WIRE__COMMAND_SUBSCRIBE__INIT;

    body.topic = wire_text(TOPIC);
    body.subscription = wire_text(dice(v, 2) ? "one" : "two");
    body.sub_type = (Wire__CommandSubscribe__SubType)dice(v, 4);
    body.consumer_id = dice(v, 4);
    body.request_id = dice(v, 1000);
    body.has_durable = 1;
    body.durable = dice(v, 2) == 0;
    return command(to, WIRE__BASE_COMMAND__TYPE__SUBSCRIBE, &body);
}

static size_t say_send(struct vandal *v, uint8_t *to)
{
    static const uint8_t metadata[] = {0x0a, 0x01, 'v', 0x10, 0x01, 0x18, 0x01}; /* producer "v", sequence 1, time 1 */
    struct send send = {.producer_id = dice(v, 4), .messages = 1};
    uint8_t payload[200] = {0};
    size_t payload_len = (size_t)dice(v, sizeof payload), len;

    send.sequence_id = dice(v, 100);
    send.messages = (int32_t)dice(v, 3);
    len = send_head_encode(to, &send, bytes_of(metadata, sizeof metadata), bytes_of(payload, payload_len));

    memcpy(to + len, metadata, sizeof metadata);
    memcpy(to + len + sizeof metadata, payload, payload_len);
    return len + sizeof metadata + payload_len;
}

static size_t say_flow(struct vandal *v, uint8_t *to)
{
    Wire__CommandFlow body = WIRE__COMMAND_FLOW__INIT;

    body.consumer_id = dice(v, 4);
    body.message_permits = (uint32_t)random_next(v->random) >> dice(v, 32);
    return command(to, WIRE__BASE_COMMAND__TYPE__FLOW, &body);
}

static size_t say_ack(struct vandal *v, uint8_t *to)
{
    Wire__CommandAck body = WIRE__COMMAND_ACK__INIT;
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT, *ids[] = {&id};

    id.ledger_id = dice(v, 2) ? dice(v, 100) : random_next(v->random);
    id.entry_id = dice(v, 2) ? dice(v, 100) : random_next(v->random);
    body.consumer_id = dice(v, 4);
    body.ack_type = (Wire__CommandAck__AckType)dice(v, 2);
    body.n_message_id = 1;
    body.message_id = ids;
    body.has_request_id = dice(v, 2) == 0;
    body.request_id = dice(v, 1000);
    return command(to, WIRE__BASE_COMMAND__TYPE__ACK, &body);
}

static size_t say_seek(struct vandal *v, uint8_t *to)
{
    Wire__CommandSeek body = WIRE__COMMAND_SEEK__INIT;
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT;

    id.ledger_id = dice(v, 2) ? dice(v, 100) : random_next(v->random);
    id.entry_id = dice(v, 2) ? dice(v, 100) : random_next(v->random);
    body.consumer_id = dice(v, 4);
    body.request_id = dice(v, 1000);
    if (dice(v, 2))
        body.message_id = &id;
    body.has_message_publish_time = dice(v, 2) == 0;
    body.message_publish_time = dice(v, 2) ? 1 : random_next(v->random);
    return command(to, WIRE__BASE_COMMAND__TYPE__SEEK, &body);
}

static size_t say_redeliver(struct vandal *v, uint8_t *to)
{
    Wire__CommandRedeliverUnacknowledgedMessages body = WIRE__COMMAND_REDELIVER_UNACKNOWLEDGED_MESSAGES__INIT;
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT, *ids[] = {&id};

    id.ledger_id = dice(v, 100);
    id.entry_id = dice(v, 100);
    body.consumer_id = dice(v, 4);
    body.n_message_ids = dice(v, 2);
    body.message_ids = ids;
    return command(to, WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES, &body);
}

static size_t say_unsubscribe(struct vandal *v, uint8_t *to)
{
    Wire__CommandUnsubscribe body = WIRE__COMMAND_UNSUBSCRIBE__INIT;

    body.consumer_id = dice(v, 4);
    body.request_id = dice(v, 1000);
    body.has_force = 1;
    body.force = dice(v, 2) == 0;
    return command(to, WIRE__BASE_COMMAND__TYPE__UNSUBSCRIBE, &body);
}

static size_t say_close(struct vandal *v, uint8_t *to)
{
    Wire__CommandCloseProducer producer = WIRE__COMMAND_CLOSE_PRODUCER__INIT;
    Wire__CommandCloseConsumer consumer = WIRE__COMMAND_CLOSE_CONSUMER__INIT;

    producer.producer_id = consumer.consumer_id = dice(v, 4);
    producer.request_id = consumer.request_id = dice(v, 1000);
    if (dice(v, 2))
        return command(to, WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER, &producer);
    return command(to, WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER, &consumer);
}

static size_t say_last_id(struct vandal *v, uint8_t *to)
{
    Wire__CommandGetLastMessageId body = WIRE__COMMAND_GET_LAST_MESSAGE_ID__INIT;

    body.consumer_id = dice(v, 4);
    body.request_id = dice(v, 1000);
    return command(to, WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID, &body);
}

static size_t say_lookup(struct vandal *v, uint8_t *to)
{
    static const char *const topics[] = {TOPIC,
                                         "x",
                                         "a/b",
                                         "persistent://no/where/x",
                                         "non-persistent://public/default/x",
                                         "persistent://public/default/vandalism-partition-007",
                                         ""};
    Wire__CommandLookupTopic body = WIRE__COMMAND_LOOKUP_TOPIC__INIT;

    body.topic = wire_text(topics[dice(v, sizeof topics / sizeof *topics)]);
    body.request_id = dice(v, 1000);
    return command(to, WIRE__BASE_COMMAND__TYPE__LOOKUP, &body);
}

/* What only a broker says. */
static size_t say_backwards(struct vandal *v, uint8_t *to)
{
    Wire__CommandSuccess body = WIRE__COMMAND_SUCCESS__INIT;

    body.request_id = dice(v, 1000);
    return command(to, WIRE__BASE_COMMAND__TYPE__SUCCESS, &body);
}

static size_t say_noise(struct vandal *v, uint8_t *to)
{
    size_t len = 1 + (size_t)dice(v, 64);

    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)random_next(v->random);
    if (dice(v, 2))
        to[0] = to[1] = 0; /* a length that is believed */
    return len;
}

/* ---- and what becomes of them ---- */

static size_t spoil(struct vandal *v, uint8_t *data, size_t len)
{
    if (dice(v, 3) == 0)
        for (uint64_t flips = 1 + dice(v, 3); flips > 0; flips--) {
            size_t at = (size_t)dice(v, len);
            data[at] ^= (uint8_t)(1u << dice(v, 8));
        }
    if (dice(v, 16) == 0)
        len = 1 + (size_t)dice(v, len);
    return len;
}

static void on_written(struct conn_write *w, enum err err)
{
    struct spray *s = container_of(w, struct spray, write);

    (void)err;
    list_remove(&s->node);
    free(s);
}

static void spray(struct vandal *v, size_t (*say)(struct vandal *v, uint8_t *to))
{
    struct spray *s = calloc(1, sizeof *s);
    size_t len;

    assert(s);
    len = spoil(v, s->data, say(v, s->data));
    s->write = (struct conn_write){.parts = {bytes_of(s->data, len)}, .count = 1, .done = on_written};
    list_push_back(&v->sprays, &s->node);
    conn_write(v->conn, &s->write);
}

void vandal_act(struct vandal *v)
{
    static size_t (*const sayings[])(struct vandal * v, uint8_t * to) = {
        say_connect, say_producer, say_subscribe, say_send,      say_send,      say_send,
        say_flow,    say_flow,     say_ack,       say_seek,      say_redeliver, say_unsubscribe,
        say_close,   say_last_id,  say_lookup,    say_backwards, say_noise,
    };

    if (!v->conn)
        return;
    if (dice(v, 50) == 0)
        conn_close(v->conn);
    else
        spray(v, sayings[dice(v, sizeof sayings / sizeof *sayings)]);
}

/* ---- the connection ---- */

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct vandal *v = container_of(h, struct vandal, handler);

    *data = v->ignored;
    *len = sizeof v->ignored;
}

static void on_read(struct conn_handler *h, size_t len)
{
    (void)h;
    (void)len;
}

static void dial_later(struct vandal *v)
{
    v->conn = NULL;
    timer_start_ms(&v->dial, dice(v, DIAL_MS_MAX));
}

static void on_closed(struct conn_handler *h, enum err why)
{
    (void)why;
    dial_later(container_of(h, struct vandal, handler));
}

static void on_dialled(struct connector *connector, enum err err, struct conn *conn)
{
    struct vandal *v = container_of(connector, struct vandal, connector);

    if (err != OK) {
        dial_later(v);
        return;
    }
    v->conn = conn;
    if (dice(v, 8) > 0)
        conn_read_start(conn);
    if (dice(v, 8) > 0)
        spray(v, say_connect);
}

static void dial(struct timer *t)
{
    struct vandal *v = container_of(t, struct vandal, dial);
    struct net *net = sim_host_sys(v->host)->net;
    enum err err;

    v->connector = (struct connector){.done = on_dialled, .handler = &v->handler};
    err = net->ops->connect(net, "broker", BROKER_PORT, 5000, &v->connector);
    assert(err == OK);
}

struct vandal *vandal_new(struct sim *sim, struct random *random)
{
    struct vandal *v = calloc(1, sizeof *v);

    assert(v);
    v->random = random;
    v->host = sim_host_new(sim, "vandal", NULL);
    v->handler = (struct conn_handler){.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed};
    timer_init(&v->dial, sim_host_sys(v->host)->loop, dial);
    list_init(&v->sprays);
    dial_later(v);
    return v;
}

void vandal_free(struct vandal *v)
{
    struct list *node;

    if (!v)
        return;
    sim_host_free(v->host);
    while ((node = list_pop_front(&v->sprays)))
        free(container_of(node, struct spray, node));
    free(v);
}
