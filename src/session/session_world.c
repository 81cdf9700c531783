/* SPDX-License-Identifier: Apache-2.0
 *
 * session_world.c - see session_world.h.
 */
#include "session/session_world.h"

#include "wire/frame.h"
#include "wire/publish.h"

#include <assert.h>
#include <stdlib.h>

#define PATIENCE_MS 120000

static void on_fatal(void *ctx, enum err err, const char *what)
{
    abort();
}

void session_world_start(struct session_world *w, uint64_t seed)
{
    *w = (struct session_world){.sim = sim_new(seed)};
    w->disk = sim_disk_new(sim_random(w->sim));
    broker_options_init(&w->broker_options);
    server_options_init(&w->options);
    authenticator_options_init(&w->authentication);
    w->options.memory = &w->memory;
    w->options.bind = "broker";
}

static void open_broker(struct session_world *w)
{
    struct store_options options = {.holder = "test",
                                    .on_fatal = on_fatal,
                                    .journal_file_bytes = 1 << 20,
                                    .journal_pending_bytes = w->journal_pending_bytes,
                                    .tail_cache_bytes = w->tail_cache_bytes,
                                    .cold_read_bytes = w->cold_read_bytes};
    char message[400];
    enum err err;

    w->broker_host = sim_host_new(w->sim, "broker", w->disk);
    struct sys *sys = sim_host_sys(w->broker_host);
    err = store_open(&w->store, &options, sys, message, sizeof message);
    assert(err == OK);
    err = broker_new(&w->broker, &w->broker_options, sys, w->store);
    assert(err == OK);
    w->authenticator = NULL;
    if (w->authentication.providers) {
        err = authenticator_new(&w->authenticator, &w->authentication, sys->loop, message, sizeof message);
        assert(err == OK);
    }
    w->options.authenticator = w->authenticator;
    w->authorization = NULL;
    if (w->authorities.super_users) {
        err = authorization_new(&w->authorization, w->broker, &w->authorities);
        assert(err == OK);
    }
    w->options.authorization = w->authorization;
    err = server_start(&w->server, &w->options, sys, w->broker, message, sizeof message);
    assert(err == OK);
}

void session_world_open(struct session_world *w)
{
    w->client_host = sim_host_new(w->sim, "client", NULL);
    open_broker(w);
}

static void free_broker(struct session_world *w)
{
    server_free(w->server);
    authenticator_free(w->authenticator);
    authorization_free(w->authorization);
    broker_free(w->broker);
    store_free(w->store);
    server_memory_deinit(&w->memory);
    sim_host_free(w->broker_host);
}

void session_world_power_cut(struct session_world *w)
{
    sim_host_crash(w->broker_host);
    sim_disk_crash(w->disk);
    free_broker(w);
    sim_disk_restart(w->disk);
    open_broker(w);
}

void session_world_end(struct session_world *w)
{
    sim_host_crash(w->broker_host);
    sim_host_crash(w->client_host);
    free_broker(w);
    sim_host_free(w->client_host);
    sim_free(w->sim);
    sim_disk_free(w->disk);
}

static void stopped(void *ctx)
{
    ((struct session_world *)ctx)->server_stopped = true;
}

void session_world_stop(struct session_world *w)
{
    server_stop(w->server, stopped, w);
    for (unsigned steps = 0; !w->server_stopped; steps++) {
        bool more = sim_step(w->sim);
        assert(more);
        assert(steps < 1000000);
    }
}

void session_world_pass(struct session_world *w, uint64_t ms)
{
    /* The simulation's clock stands still where nothing happens: this one goes on. */
    uint64_t now_ns = sim_now_ns(w->sim) > w->now_ns ? sim_now_ns(w->sim) : w->now_ns;

    w->now_ns = now_ns + ms * NS_PER_MS;
    while (sim_next_ns(w->sim) <= w->now_ns && sim_step(w->sim))
        assert(sim_steps(w->sim) < 50000000);
}

/* ---- clients ---- */

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct client *c = container_of(h, struct client, handler);

    assert(c->received < CLIENT_BYTES);
    *data = c->bytes + c->received;
    *len = CLIENT_BYTES - c->received;
}

static void on_read(struct conn_handler *h, size_t len)
{
    container_of(h, struct client, handler)->received += len;
}

static void on_closed(struct conn_handler *h, enum err why)
{
    struct client *c = container_of(h, struct client, handler);

    c->closed = true;
    c->conn = NULL;
}

static void on_connected(struct connector *connector, enum err err, struct conn *conn)
{
    struct client *c = container_of(connector, struct client, connector);

    c->closed = err != OK;
    c->connected = err == OK;
    c->conn = conn;
    if (err == OK)
        conn_read_start(conn);
}

/* Steps once; false when the time is up, or nothing can happen any more. */
static bool step_until(struct session_world *w, uint64_t deadline_ns)
{
    return sim_next_ns(w->sim) <= deadline_ns && sim_step(w->sim);
}

static uint64_t deadline(struct session_world *w)
{
    return sim_now_ns(w->sim) + PATIENCE_MS * NS_PER_MS;
}

void client_connect(struct client *c, struct session_world *w)
{
    struct sys *sys = sim_host_sys(w->client_host);
    uint64_t until = deadline(w);

    *c = (struct client){.world = w, .bytes = malloc(CLIENT_BYTES)};
    assert(c->bytes);
    arena_init(&c->arena, CLIENT_BYTES);
    c->handler = (struct conn_handler){.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed};
    c->connector = (struct connector){.done = on_connected, .handler = &c->handler};
    enum err err = sys->net->ops->connect(sys->net, "broker", server_port(w->server), 10000, &c->connector);
    assert(err == OK);
    while (!c->connected && !c->closed) {
        bool more = step_until(w, until);
        assert(more);
    }
}

void client_free(struct client *c)
{
    if (!c->world)
        return;
    if (c->conn)
        conn_close(c->conn);
    while (!c->closed) {
        bool more = sim_step(c->world->sim);
        assert(more);
    }
    arena_deinit(&c->arena);
    free(c->bytes);
    *c = (struct client){0};
}

struct out {
    struct conn_write write;
    uint8_t bytes[];
};

static void written(struct conn_write *w, enum err err)
{
    free(container_of(w, struct out, write));
}

void client_send_bytes(struct client *c, const void *bytes, size_t len)
{
    struct out *out = malloc(sizeof *out + len);

    assert(out);
    if (!c->conn) {
        free(out);
        return;
    }
    memcpy(out->bytes, bytes, len);
    out->write = (struct conn_write){.parts = {bytes_of(out->bytes, len)}, .count = 1, .done = written};
    conn_write(c->conn, &out->write);
}

void client_send(struct client *c, Wire__BaseCommand__Type type, void *body)
{
    Wire__BaseCommand command;

    command_wrap(&command, type, body);
    const size_t len = command_frame_len(&command);
    uint8_t *bytes = malloc(len);
    assert(bytes);
    client_send_bytes(c, bytes, command_encode(&command, bytes, len));
    free(bytes);
}

void client_send_entry(struct client *c, uint64_t producer, uint64_t sequence, size_t payload)
{
    const struct send send = {.producer_id = producer, .sequence_id = sequence, .messages = 1};
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t packed[100], *bytes = malloc(SEND_HEAD_MAX + sizeof packed + payload);

    assert(bytes);
    metadata.producer_name = wire_text("p");
    metadata.sequence_id = sequence;
    metadata.publish_time = 1;
    size_t packed_len = wire__message_metadata__pack(&metadata, packed);
    uint8_t *body = calloc(1, payload + 1);
    size_t len = send_head_encode(bytes, &send, bytes_of(packed, packed_len), bytes_of(body, payload));
    memcpy(bytes + len, packed, packed_len);
    memcpy(bytes + len + packed_len, body, payload);
    client_send_bytes(c, bytes, len + packed_len + payload);
    free(body);
    free(bytes);
}

/* The next whole frame's length, or 0. */
static size_t whole(const struct client *c, size_t from)
{
    size_t need;
    enum err err = frame_peek(bytes_of(c->bytes + from, c->received - from), INT32_MAX, &need);

    assert(err == OK);
    return c->received - from >= need ? need : 0;
}

static const Wire__BaseCommand *take(struct client *c, size_t len)
{
    Wire__BaseCommand *command;
    struct frame frame;
    enum err err = frame_decode(bytes_of(c->bytes + c->taken, len), &frame);

    assert(err == OK);
    arena_reset(&c->arena);
    err = command_decode(frame.command, &c->arena, &command);
    assert(err == OK);
    c->entry = frame.entry;
    c->taken += len;
    return command;
}

const Wire__BaseCommand *client_expect(struct client *c, Wire__BaseCommand__Type type)
{
    uint64_t until = deadline(c->world);
    size_t len;

    for (;;) {
        while ((len = whole(c, c->taken)) > 0) {
            const Wire__BaseCommand *command = take(c, len);
            if (command->type == type)
                return command;
            if (command->type == WIRE__BASE_COMMAND__TYPE__PING) {
                Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;
                client_send(c, WIRE__BASE_COMMAND__TYPE__PONG, &pong);
            }
        }
        if (c->closed || !step_until(c->world, until))
            return NULL;
    }
}

bool client_is_closed(struct client *c)
{
    uint64_t until = deadline(c->world);

    while (!c->closed && step_until(c->world, until))
        ;
    return c->closed;
}

unsigned client_count(struct client *c, Wire__BaseCommand__Type type)
{
    unsigned count = 0;
    size_t len;

    for (size_t at = c->taken; (len = whole(c, at)) > 0; at += len) {
        struct frame frame;
        int got;
        enum err err = frame_decode(bytes_of(c->bytes + at, len), &frame);
        assert(err == OK);
        err = command_type(frame.command, &got);
        assert(err == OK);
        count += got == (int)type;
    }
    return count;
}

void client_handshake(struct client *c)
{
    Wire__CommandConnect connect = WIRE__COMMAND_CONNECT__INIT;

    connect.client_version = wire_text("test");
    connect.has_protocol_version = true;
    connect.protocol_version = WIRE_PROTOCOL_VERSION;
    client_send(c, WIRE__BASE_COMMAND__TYPE__CONNECT, &connect);
    const Wire__BaseCommand *connected = client_expect(c, WIRE__BASE_COMMAND__TYPE__CONNECTED);
    assert(connected);
}

/* The next answer to a request: its type, or 0. */
static int answer(struct client *c, Wire__BaseCommand__Type success)
{
    uint64_t until = deadline(c->world);
    size_t len;

    for (;;) {
        while ((len = whole(c, c->taken)) > 0) {
            int type = (int)take(c, len)->type;
            if (type == (int)success || type == WIRE__BASE_COMMAND__TYPE__ERROR)
                return type;
        }
        if (c->closed || !step_until(c->world, until))
            return 0;
    }
}

int client_produce(struct client *c, uint64_t id, const char *topic, const char *name)
{
    Wire__CommandProducer producer = WIRE__COMMAND_PRODUCER__INIT;

    producer.topic = wire_text(topic);
    producer.producer_id = id;
    producer.request_id = c->next_request++;
    producer.producer_name = wire_text(name);
    client_send(c, WIRE__BASE_COMMAND__TYPE__PRODUCER, &producer);
    return answer(c, WIRE__BASE_COMMAND__TYPE__PRODUCER_SUCCESS);
}

int client_subscribe(struct client *c, uint64_t id, const char *topic, const char *subscription,
                     Wire__CommandSubscribe__SubType type)
{
    Wire__CommandSubscribe subscribe = WIRE__COMMAND_SUBSCRIBE__INIT;

    subscribe.topic = wire_text(topic);
    subscribe.subscription = wire_text(subscription);
    subscribe.sub_type = type;
    subscribe.consumer_id = id;
    subscribe.request_id = c->next_request++;
    subscribe.has_initial_position = true;
    subscribe.initial_position = WIRE__COMMAND_SUBSCRIBE__INITIAL_POSITION__Earliest;
    client_send(c, WIRE__BASE_COMMAND__TYPE__SUBSCRIBE, &subscribe);
    return answer(c, WIRE__BASE_COMMAND__TYPE__SUCCESS);
}

void client_flow(struct client *c, uint64_t consumer, uint32_t permits)
{
    Wire__CommandFlow flow = WIRE__COMMAND_FLOW__INIT;

    flow.consumer_id = consumer;
    flow.message_permits = permits;
    client_send(c, WIRE__BASE_COMMAND__TYPE__FLOW, &flow);
}
