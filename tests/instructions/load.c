/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c - see load.h.
 */
#include "load.h"

#include "wire/frame.h"
#include "wire/publish.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED      1
#define PORT      6650
#define STEPS_MAX 100000000u

/* ---- frames ---- */

static void *grown(void *at, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return at;
    *capacity = 2 * needed;
    at = realloc(at, *capacity * size);
    assert(at);
    return at;
}

static uint8_t *frames_room(struct frames *f, size_t len)
{
    assert(f->sent == 0); /* what is sent is borrowed from here */
    f->data = grown(f->data, &f->capacity, f->len + len, 1);
    return f->data + f->len;
}

static void frames_end(struct frames *f, size_t len)
{
    f->len += len;
    f->ends = grown(f->ends, &f->ends_capacity, f->count + 1, sizeof *f->ends);
    f->ends[f->count++] = f->len;
}

void frames_free(struct frames *f)
{
    free(f->data);
    free(f->ends);
    *f = (struct frames){0};
}

void frames_add(struct frames *f, Wire__BaseCommand__Type type, void *body)
{
    Wire__BaseCommand command;

    command_wrap(&command, type, body);
    const size_t len = command_frame_len(&command);
    frames_end(f, command_encode(&command, frames_room(f, len), len));
}

void frames_add_message(struct frames *f, const struct message *m)
{
    const struct send send = {.producer_id = m->producer, .sequence_id = m->sequence, .messages = (int32_t)m->messages};
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t packed[200];

    metadata.producer_name = wire_text("load");
    metadata.sequence_id = m->sequence;
    metadata.publish_time = 1767225600000;
    metadata.has_num_messages_in_batch = m->messages > 1;
    metadata.num_messages_in_batch = (int32_t)m->messages;
    if (m->key)
        metadata.partition_key = wire_text(m->key);
    const size_t packed_len = wire__message_metadata__pack(&metadata, packed);
    assert(packed_len <= sizeof packed);
    uint8_t *at = frames_room(f, SEND_HEAD_MAX + packed_len + m->payload), *payload = calloc(1, m->payload);
    assert(payload);
    const size_t head = send_head_encode(at, &send, bytes_of(packed, packed_len), bytes_of(payload, m->payload));
    memcpy(at + head, packed, packed_len);
    memcpy(at + head + packed_len, payload, m->payload);
    free(payload);
    frames_end(f, head + packed_len + m->payload);
}

static Wire__CommandFlow flow_of(uint64_t consumer, uint32_t permits)
{
    Wire__CommandFlow flow = WIRE__COMMAND_FLOW__INIT;

    flow.consumer_id = consumer;
    flow.message_permits = permits;
    return flow;
}

void frames_add_flow(struct frames *f, uint64_t consumer, uint32_t permits)
{
    Wire__CommandFlow flow = flow_of(consumer, permits);

    frames_add(f, WIRE__BASE_COMMAND__TYPE__FLOW, &flow);
}

void frames_add_ack(struct frames *f, const struct delivered *d, bool cumulative)
{
    Wire__CommandAck ack = WIRE__COMMAND_ACK__INIT;
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT, *ids[] = {&id};

    id.ledger_id = (uint64_t)d->position.ledger;
    id.entry_id = (uint64_t)d->position.entry;
    ack.consumer_id = d->consumer;
    ack.ack_type = cumulative ? WIRE__COMMAND_ACK__ACK_TYPE__Cumulative : WIRE__COMMAND_ACK__ACK_TYPE__Individual;
    ack.n_message_id = 1;
    ack.message_id = ids;
    frames_add(f, WIRE__BASE_COMMAND__TYPE__ACK, &ack);
}

/* ---- the world ---- */

static void step(struct load *l)
{
    const bool more = sim_step(l->sim);

    assert(more);
    assert(sim_steps(l->sim) < STEPS_MAX);
}

static void broker_start(struct load *l)
{
    const enum err err = process_start(&l->process);

    assert(err == OK);
}

void load_start(struct load *l)
{
    *l = (struct load){.sim = sim_new(SEED)};
    sim_calm(l->sim);
    l->disk = sim_disk_new(sim_random(l->sim));
    process_init(&l->process, l->sim, l->disk, NULL);
    broker_start(l);
    l->host = sim_host_new(l->sim, "client", NULL);
}

static void links_forget(struct load *l)
{
    for (size_t i = 0; i < l->link_count; i++) {
        free(l->links[i].bytes);
        free(l->links[i].delivered);
    }
    l->link_count = 0;
}

void load_end(struct load *l)
{
    sim_host_crash(l->host);
    process_kill(&l->process);
    sim_host_free(l->host);
    links_forget(l);
    sim_disk_free(l->disk);
    sim_free(l->sim);
}

void load_restart(struct load *l)
{
    process_stop(&l->process);
    while (!l->process.stopped)
        step(l);
    for (size_t i = 0; i < l->link_count; i++)
        while (!l->links[i].closed)
            step(l);
    process_kill(&l->process);
    links_forget(l);
    broker_start(l);
}

void load_pass(struct load *l, uint64_t ms)
{
    const uint64_t until_ns = sim_now_ns(l->sim) + ms * NS_PER_MS;

    while (sim_next_ns(l->sim) <= until_ns)
        step(l);
}

/* ---- links ---- */

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct link *link = container_of(h, struct link, handler);

    assert(link->received < LINK_BYTES);
    *data = link->bytes + link->received;
    *len = LINK_BYTES - link->received;
}

static void keep(struct link *link, struct bytes command)
{
    struct message_command message;
    uint8_t room[200];
    struct arena arena;

    arena_init(&arena, sizeof room);
    const enum err err = message_decode(command, &arena, &message);
    assert(err == OK);
    link->delivered =
        grown(link->delivered, &link->delivered_capacity, link->delivered_count + 1, sizeof *link->delivered);
    link->delivered[link->delivered_count++] =
        (struct delivered){message.consumer_id, {message.id.ledger, message.id.entry}};
    arena_deinit(&arena);
}

static void came(struct link *link, struct bytes whole)
{
    struct frame frame;
    int type;
    enum err err = frame_decode(whole, &frame);

    assert(err == OK);
    err = command_type(frame.command, &type);
    assert(err == OK && type >= 0 && type < FRAME_TYPES);
    link->counts[type]++;
    assert(type != WIRE__BASE_COMMAND__TYPE__ERROR && type != WIRE__BASE_COMMAND__TYPE__SEND_ERROR);
    if (link->keeps && type == WIRE__BASE_COMMAND__TYPE__MESSAGE)
        keep(link, frame.command);
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct link *link = container_of(h, struct link, handler);
    size_t at = 0, need;

    link->received += len;
    for (;;) {
        const struct bytes rest = bytes_of(link->bytes + at, link->received - at);
        const enum err err = frame_peek(rest, LINK_BYTES, &need);
        assert(err == OK);
        if (need > rest.len)
            break;
        came(link, bytes_of(rest.data, need));
        at += need;
    }
    link->received -= at;
    memmove(link->bytes, link->bytes + at, link->received);
}

static void on_closed(struct conn_handler *h, enum err why)
{
    struct link *link = container_of(h, struct link, handler);

    link->closed = true;
    link->conn = NULL;
}

static void on_connected(struct connector *connector, enum err err, struct conn *conn)
{
    assert(err == OK);
    container_of(connector, struct link, connector)->conn = conn;
    conn_read_start(conn);
}

struct link *load_link(struct load *l)
{
    struct sys *sys = sim_host_sys(l->host);
    Wire__CommandConnect connect = WIRE__COMMAND_CONNECT__INIT;

    assert(l->link_count < LINKS_MAX);
    struct link *link = &l->links[l->link_count++];
    *link = (struct link){.load = l, .bytes = malloc(LINK_BYTES)};
    assert(link->bytes);
    link->handler = (struct conn_handler){.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed};
    link->connector = (struct connector){.done = on_connected, .handler = &link->handler};
    const enum err err = sys->net->ops->connect(sys->net, "broker", PORT, 10000, &link->connector);
    assert(err == OK);
    while (!link->conn)
        step(l);
    connect.client_version = wire_text("load");
    connect.has_protocol_version = true;
    connect.protocol_version = WIRE_PROTOCOL_VERSION;
    link_command(link, WIRE__BASE_COMMAND__TYPE__CONNECT, &connect);
    link_await(link, WIRE__BASE_COMMAND__TYPE__CONNECTED, 1);
    return link;
}

void link_close(struct link *link)
{
    conn_close(link->conn);
    while (!link->closed)
        step(link->load);
}

struct out {
    struct conn_write write;
    struct frames own; /* of a command alone */
};

static void written(struct conn_write *w, enum err err)
{
    struct out *out = container_of(w, struct out, write);

    frames_free(&out->own);
    free(out);
}

static void write_out(struct link *link, struct out *out, struct bytes bytes)
{
    out->write = (struct conn_write){.parts = {bytes}, .count = 1, .done = written};
    conn_write(link->conn, &out->write);
}

void link_send(struct link *link, struct frames *f, size_t count)
{
    const size_t begin = f->sent ? f->ends[f->sent - 1] : 0;
    struct out *out = calloc(1, sizeof *out);

    assert(out && f->sent < f->count);
    f->sent = count < f->count - f->sent ? f->sent + count : f->count;
    write_out(link, out, bytes_of(f->data + begin, f->ends[f->sent - 1] - begin));
}

void link_command(struct link *link, Wire__BaseCommand__Type type, void *body)
{
    struct out *out = calloc(1, sizeof *out);

    assert(out);
    frames_add(&out->own, type, body);
    write_out(link, out, bytes_of(out->own.data, out->own.len));
}

void link_await(struct link *link, Wire__BaseCommand__Type type, size_t count)
{
    while (link->counts[type] < count) {
        assert(!link->closed);
        step(link->load);
    }
}

/* ---- producers and consumers ---- */

void link_produce(struct link *link, uint64_t producer, const char *topic)
{
    Wire__CommandProducer body = WIRE__COMMAND_PRODUCER__INIT;
    const size_t before = link->counts[WIRE__BASE_COMMAND__TYPE__PRODUCER_SUCCESS];

    body.topic = wire_text(topic);
    body.producer_id = producer;
    body.request_id = ++link->load->requests;
    link_command(link, WIRE__BASE_COMMAND__TYPE__PRODUCER, &body);
    link_await(link, WIRE__BASE_COMMAND__TYPE__PRODUCER_SUCCESS, before + 1);
}

void link_subscribe(struct link *link, uint64_t consumer, const char *topic, const char *subscription,
                    Wire__CommandSubscribe__SubType type)
{
    Wire__CommandSubscribe body = WIRE__COMMAND_SUBSCRIBE__INIT;
    const size_t before = link->counts[WIRE__BASE_COMMAND__TYPE__SUCCESS];

    body.topic = wire_text(topic);
    body.subscription = wire_text(subscription);
    body.sub_type = type;
    body.consumer_id = consumer;
    body.request_id = ++link->load->requests;
    body.has_initial_position = true;
    body.initial_position = WIRE__COMMAND_SUBSCRIBE__INITIAL_POSITION__Earliest;
    link_command(link, WIRE__BASE_COMMAND__TYPE__SUBSCRIBE, &body);
    link_await(link, WIRE__BASE_COMMAND__TYPE__SUCCESS, before + 1);
}

void link_flow(struct link *link, uint64_t consumer, uint32_t permits)
{
    Wire__CommandFlow flow = flow_of(consumer, permits);

    link_command(link, WIRE__BASE_COMMAND__TYPE__FLOW, &flow);
}
