/* SPDX-License-Identifier: Apache-2.0
 *
 * connection_fuzz.c - whatever a broker may say to a client that wants to publish and to consume, on a simulated
 * network.  The input is pieces of
 *
 *     kind  length (2 bytes)  bytes
 *
 * a command without its head (kind 0 to 127), a MESSAGE command and an entry (128 to 191: the first byte of the bytes
 * says how long the command is), or bytes as they come (192 and more).  A piece is said for every time that the client
 * has said something; when there are none left the connection is closed, and so is each one after it.
 */
#include "fuzz.h"

#include "client/connection.h"
#include "client/publisher.h"
#include "client/subscriber.h"
#include "sys/sim/sim.h"
#include "wire/frame.h"

#include <string.h>

#define TOPIC   "persistent://public/default/t"
#define STEPS   20000
#define HEARD   65536
#define IN_FULL (1u << 20) /* so much is taken from a client, and then nothing more */

struct world {
    struct sim *sim;
    struct sim_host *broker_host, *host;
    struct listener *listener;
    struct bytes script;
    struct list peers;
    struct _pulsar_client_configuration config;
    struct _pulsar_consumer_configuration consumer;
    struct _pulsar_producer_configuration producer;
    struct client_core core;
    struct client_queue queue;
    struct client_subscription subscription;
    struct client_subscriber *subscriber;
    struct client_publisher *publisher;
    bool subscriber_closed, publisher_closed, drained;
};

/* ---- the broker ---- */

struct peer {
    struct list node;
    struct conn_handler handler;
    struct conn *conn;
    struct world *world;
    size_t heard;
    uint8_t in[HEARD];
};

struct out {
    struct conn_write write;
    uint8_t bytes[];
};

static void written(struct conn_write *w, enum err err)
{
    free(container_of(w, struct out, write));
}

static void be32(uint8_t *to, size_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* "Size, size of the command, command, rest": `rest` behind the command. */
static void say_frame(struct peer *p, struct bytes command, struct bytes rest)
{
    const size_t len = FRAME_HEAD_SIZE + command.len + rest.len;
    struct out *out = malloc(sizeof *out + len);

    HOLDS(out != NULL);
    be32(out->bytes, len - 4);
    be32(out->bytes + 4, command.len);
    memcpy(out->bytes + FRAME_HEAD_SIZE, command.data, command.len);
    if (rest.len > 0)
        memcpy(out->bytes + FRAME_HEAD_SIZE + command.len, rest.data, rest.len);
    out->write = (struct conn_write){.parts = {bytes_of(out->bytes, len)}, .count = 1, .done = written};
    conn_write(p->conn, &out->write);
}

static void say_bytes(struct peer *p, struct bytes bytes)
{
    struct out *out = malloc(sizeof *out + bytes.len);

    HOLDS(out != NULL);
    memcpy(out->bytes, bytes.data, bytes.len);
    out->write = (struct conn_write){.parts = {bytes_of(out->bytes, bytes.len)}, .count = 1, .done = written};
    conn_write(p->conn, &out->write);
}

/* The next piece; false: there is none. */
static bool say_next(struct peer *p)
{
    struct bytes *script = &p->world->script;

    if (script->len <= 3)
        return false;
    const uint8_t kind = script->data[0];
    const size_t wanted = (size_t)script->data[1] << 8 | script->data[2], left = script->len - 3;
    const struct bytes piece = bytes_of(script->data + 3, wanted < left ? wanted : left);
    *script = bytes_of(piece.data + piece.len, left - piece.len);
    if (kind >= 192 || piece.len == 0) {
        say_bytes(p, piece);
    } else if (kind < 128) {
        say_frame(p, piece, bytes_of(NULL, 0));
    } else {
        const size_t command = piece.data[0] < piece.len ? piece.data[0] : piece.len - 1;
        say_frame(p, bytes_of(piece.data + 1, command), bytes_of(piece.data + 1 + command, piece.len - 1 - command));
    }
    return true;
}

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct peer *p = container_of(h, struct peer, handler);

    *data = p->in;
    *len = sizeof p->in;
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct peer *p = container_of(h, struct peer, handler);

    p->heard += len;
    if (!say_next(p) || p->heard > IN_FULL)
        conn_close(p->conn);
}

static void on_closed(struct conn_handler *h, enum err why)
{
    struct peer *p = container_of(h, struct peer, handler);

    list_remove(&p->node);
    free(p);
}

static struct conn_handler *on_accept(void *ctx, struct conn *conn)
{
    struct peer *p = calloc(1, sizeof *p);

    HOLDS(p != NULL);
    p->world = ctx;
    p->conn = conn;
    p->handler = (struct conn_handler){on_buffer, on_read, on_closed};
    list_push_back(&p->world->peers, &p->node);
    conn_read_start(conn);
    return &p->handler;
}

/* ---- the client ---- */

static void quiet(void *ctx, const char *text, size_t len)
{
}

static struct log silent = {.level = LOG_ERROR, .line = quiet};

static void on_notify(struct client_queue *q)
{
}

static void on_subscribed(struct client_subscriber *s, pulsar_result result)
{
}

static void on_message(struct client_subscriber *s)
{
}

static void on_created(struct client_publisher *p, pulsar_result result)
{
}

static void on_subscriber_closed(struct client_subscriber *s, pulsar_result result)
{
    ((struct world *)s->subscription.owner)->subscriber_closed = true;
}

static void on_publisher_closed(struct client_publisher *p, pulsar_result result)
{
    ((struct world *)p->owner)->publisher_closed = true;
}

static void on_drained(struct client_core *core)
{
    container_of(core, struct world, core)->drained = true;
}

static void client_start(struct world *w)
{
    client_config_init(&w->config);
    client_consumer_config_init(&w->consumer);
    client_producer_config_init(&w->producer);
    HOLDS(client_core_init(&w->core, sim_host_sys(w->host), &silent, "pulsar://broker:6650", &w->config) == OK);
    HOLDS(client_core_refusal(&w->core) == pulsar_result_Ok);
    w->subscription = (struct client_subscription){.config = &w->consumer,
                                                   .topic = TOPIC,
                                                   .base_topic = TOPIC,
                                                   .name = "s",
                                                   .durable = true,
                                                   .queue = &w->queue,
                                                   .queue_size = 10,
                                                   .owner = w,
                                                   .on_created = on_subscribed,
                                                   .on_message = on_message};
    HOLDS(client_queue_init(&w->queue, 1, false, on_notify) == OK);
    HOLDS(client_subscriber_new(&w->subscriber, &w->core, &w->subscription) == OK);
    HOLDS(client_publisher_new(&w->publisher, &w->core, &w->producer, TOPIC, w, on_created) == OK);
}

static void run(struct world *w, const bool *until)
{
    for (unsigned steps = 0; steps < STEPS && !(until && *until); steps++)
        if (!sim_step(w->sim))
            return;
}

static void client_end(struct world *w)
{
    if (w->subscriber->state != SUBSCRIBER_CLOSED) {
        client_subscriber_close(w->subscriber, false, on_subscriber_closed);
        run(w, &w->subscriber_closed);
        HOLDS(w->subscriber_closed);
    }
    if (w->publisher->state != PUBLISHER_CLOSED) {
        client_publisher_close(w->publisher, false, on_publisher_closed);
        run(w, &w->publisher_closed);
        HOLDS(w->publisher_closed);
    }
    client_core_stop(&w->core, on_drained);
    run(w, &w->drained);
    HOLDS(w->drained);
    client_subscriber_free(w->subscriber);
    client_publisher_free(w->publisher);
    client_queue_deinit(&w->queue);
    client_core_deinit(&w->core);
    client_consumer_config_deinit(&w->consumer);
    client_producer_config_deinit(&w->producer);
    client_config_deinit(&w->config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.sim = sim_new(1), .script = bytes_of(data, size)};
    uint64_t until_ns;

    list_init(&w.peers);
    w.broker_host = sim_host_new(w.sim, "broker", NULL);
    w.host = sim_host_new(w.sim, "client", NULL);
    struct net *net = sim_host_sys(w.broker_host)->net;
    HOLDS(net->ops->listen(net, "broker", 6650, on_accept, &w, &w.listener) == OK);
    client_start(&w);
    until_ns = sim_now_ns(w.sim) + 2000 * NS_PER_MS;
    for (unsigned steps = 0; steps < STEPS && sim_next_ns(w.sim) < until_ns && sim_step(w.sim); steps++)
        ;
    w.script.len = 0;
    client_end(&w);
    net->ops->listener_close(w.listener);
    sim_host_crash(w.broker_host);
    list_each_safe (node, &w.peers)
        free(container_of(node, struct peer, node));
    sim_host_free(w.broker_host);
    sim_host_free(w.host);
    sim_free(w.sim);
    return 0;
}
