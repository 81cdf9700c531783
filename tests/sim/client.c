/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - a simulated client's connection: frames out, frames in, coming back, habits.
 */
#include "client_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BROKER_PORT 6650
#define DIAL_MS_MAX 400

uint64_t client_dice(struct client *c, uint64_t sides)
{
    return random_below(c->random, sides);
}

const char *client_topic(const struct client *c, unsigned topic)
{
    return c->model->topics[topic].name;
}

static struct loop *client_loop(const struct client *c)
{
    return sim_host_sys(c->host)->loop;
}

/* ---- frames out ---- */

static void on_written(struct conn_write *w, enum err err)
{
    struct out_frame *f = container_of(w, struct out_frame, write);

    (void)err; /* on_closed tells it, too */
    list_remove(&f->node);
    free(f);
}

struct out_frame *out_frame_new(size_t len)
{
    struct out_frame *f = calloc(1, sizeof *f + len);

    assert(f);
    f->len = len;
    return f;
}

void client_send_frame(struct client *c, struct out_frame *f)
{
    f->write = (struct conn_write){.parts = {bytes_of(f->data, f->len)}, .count = 1, .done = on_written};
    list_push_back(&c->frames, &f->node);
    conn_write(c->conn, &f->write);
}

void client_send(struct client *c, Wire__BaseCommand__Type type, void *body)
{
    Wire__BaseCommand command;
    struct out_frame *f;

    command_wrap(&command, type, body);
    f = out_frame_new(command_frame_len(&command));
    command_encode(&command, f->data, f->len);
    client_send_frame(c, f);
}

uint64_t client_request(struct client *c)
{
    return ++c->last_request;
}

/* ---- frames in ---- */

static void on_success(struct client *c, uint64_t request)
{
    receiver_on_unsubscribed(c, request);
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++) {
        struct receiver *s = &c->consumers[i];
        if (s->used && s->state == OPENING && s->request == request) {
            s->state = OPENED;
            model_subscribed(c->model, &s->reading);
            receiver_flow(s, c->greedy ? 50 : 1 + (uint32_t)client_dice(c, 30));
        } else if (s->used && s->seek_request != 0 && s->seek_request == request) {
            receiver_seek_ended(s, true);
        }
    }
}

static bool any_topic(const struct client *c, bool (*is)(const struct model_topic *t))
{
    for (unsigned t = 0; t < MODEL_TOPICS; t++)
        if (is(&c->model->topics[t]))
            return true;
    return false;
}

static bool is_guarded(const struct model_topic *t)
{
    return t->guarded;
}

static bool is_ending(const struct model_topic *t)
{
    return t->ending;
}

static bool is_unsure(const struct model_topic *t)
{
    return t->unsure;
}

static bool may_be_refused(const struct client *c, Wire__ServerError error)
{
    switch (error) {
    case WIRE__SERVER_ERROR__ProducerFenced:
        return any_topic(c, is_guarded);
    case WIRE__SERVER_ERROR__TopicTerminatedError:
        return any_topic(c, is_ending);
    case WIRE__SERVER_ERROR__SubscriptionNotFound: /* of a seek that a deletion, or another consumer, was faster than */
    case WIRE__SERVER_ERROR__TopicNotFound:
        return c->habits.unsubscribe > 0 || any_topic(c, is_unsure);
    case WIRE__SERVER_ERROR__ServiceNotReady:
    case WIRE__SERVER_ERROR__ProducerBusy:
    case WIRE__SERVER_ERROR__ConsumerBusy:
    case WIRE__SERVER_ERROR__PersistenceError:
    case WIRE__SERVER_ERROR__ProducerBlockedQuotaExceededError:
    case WIRE__SERVER_ERROR__UnknownError:  /* of a seek while another is under way, or the consumer is being closed */
    case WIRE__SERVER_ERROR__MetadataError: /* of a seek by a consumer that was closed meanwhile */
        return true;
    default:
        return false;
    }
}

static void on_error(struct client *c, const Wire__CommandError *body)
{
    if (!may_be_refused(c, body->error))
        model_violation(c->model, "client %u: refused with %d: %s", c->index, body->error, body->message);
    receiver_on_unsubscribed(c, body->request_id);
    for (unsigned i = 0; i < CLIENT_PRODUCERS; i++) {
        struct sender *p = &c->producers[i];
        if (p->used && p->state == OPENING && p->request == body->request_id)
            sender_lost(p);
    }
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++) {
        struct receiver *s = &c->consumers[i];
        if (s->used && s->state == OPENING && s->request == body->request_id)
            receiver_lost(s);
        else if (s->used && s->seek_request != 0 && s->seek_request == body->request_id)
            receiver_seek_ended(s, false);
        else if (s->used && s->last_id_request == body->request_id)
            s->last_id_request = 0;
    }
}

static void on_producer_success(struct client *c, const Wire__CommandProducerSuccess *success)
{
    for (unsigned i = 0; i < CLIENT_PRODUCERS; i++) {
        struct sender *p = &c->producers[i];
        if (p->used && p->state == OPENING && p->request == success->request_id &&
            (!success->has_producer_ready || success->producer_ready)) {
            model_last_sequence(c->model, p->topic, p->producer, success->last_sequence_id);
            sender_opened(p, success);
        }
    }
}

static void on_connected(struct client *c)
{
    c->state = READY;
    for (unsigned i = 0; i < CLIENT_PRODUCERS; i++)
        if (c->producers[i].used)
            sender_open(&c->producers[i]);
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++)
        if (c->consumers[i].used)
            receiver_open(&c->consumers[i]);
}

static void on_command(struct client *c, const Wire__BaseCommand *command)
{
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;
    struct sender *p;
    struct receiver *s;

    switch (command->type) {
    case WIRE__BASE_COMMAND__TYPE__CONNECTED:
        on_connected(c);
        break;
    case WIRE__BASE_COMMAND__TYPE__PING:
        client_send(c, WIRE__BASE_COMMAND__TYPE__PONG, &pong);
        break;
    case WIRE__BASE_COMMAND__TYPE__PONG:
        break;
    case WIRE__BASE_COMMAND__TYPE__ACTIVE_CONSUMER_CHANGE:
        receiver_on_active(c, command->active_consumer_change);
        break;
    case WIRE__BASE_COMMAND__TYPE__REACHED_END_OF_TOPIC:
        receiver_on_end(c, command->reached_end_of_topic);
        break;
    case WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID_RESPONSE:
        receiver_on_last_id(c, command->get_last_message_id_response);
        break;
    case WIRE__BASE_COMMAND__TYPE__SUCCESS:
        on_success(c, command->success->request_id);
        break;
    case WIRE__BASE_COMMAND__TYPE__ERROR:
        on_error(c, command->error);
        break;
    case WIRE__BASE_COMMAND__TYPE__PRODUCER_SUCCESS:
        on_producer_success(c, command->producer_success);
        break;
    case WIRE__BASE_COMMAND__TYPE__SEND_ERROR:
        sender_on_send_error(c, command->send_error);
        break;
    case WIRE__BASE_COMMAND__TYPE__ACK_RESPONSE:
        receiver_on_ack_response(c, command->ack_response);
        break;
    case WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER:
        if ((p = sender_find(c, command->close_producer->producer_id)) && p->state != SHUT)
            sender_lost(p);
        break;
    case WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER:
        if ((s = receiver_find(c, command->close_consumer->consumer_id)) && s->state != SHUT)
            receiver_lost(s);
        break;
    default:
        model_violation(c->model, "client %u: %s came unasked", c->index, command_name((int)command->type));
    }
}

static void on_frame(struct client *c, struct bytes whole)
{
    struct frame frame;
    struct arena arena;
    Wire__BaseCommand *command;
    int type;

    if (frame_decode(whole, &frame) != OK || command_type(frame.command, &type) != OK)
        model_violation(c->model, "client %u: a frame that does not decode", c->index);
    arena_init(&arena, 1 << 16);
    if (type == WIRE__BASE_COMMAND__TYPE__MESSAGE)
        receiver_on_message(c, &frame, &arena);
    else if (type == WIRE__BASE_COMMAND__TYPE__SEND_RECEIPT)
        sender_on_receipt(c, frame.command);
    else if (command_decode(frame.command, &arena, &command) != OK)
        model_violation(c->model, "client %u: a command that does not decode", c->index);
    else
        on_command(c, command);
    arena_deinit(&arena);
}

/* ---- the connection ---- */

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct client *c = container_of(h, struct client, handler);

    *data = c->received + c->received_len;
    *len = sizeof c->received - c->received_len;
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct client *c = container_of(h, struct client, handler);
    size_t at = 0, need;

    c->received_len += len;
    for (;;) {
        struct bytes rest = bytes_of(c->received + at, c->received_len - at);
        if (frame_peek(rest, sizeof c->received, &need) != OK)
            model_violation(c->model, "client %u: a frame of nonsense", c->index);
        if (need > rest.len || c->state < GREETING)
            break;
        on_frame(c, bytes_of(rest.data, need));
        at += need;
    }
    c->received_len -= at;
    memmove(c->received, c->received + at, c->received_len);
}

static void dial_later(struct client *c)
{
    c->state = AWAY;
    c->conn = NULL;
    c->received_len = 0;
    c->stalled = false;
    for (unsigned i = 0; i < CLIENT_PRODUCERS; i++) {
        c->producers[i].state = SHUT;
        timer_stop(&c->producers[i].again);
    }
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++)
        receiver_cut(&c->consumers[i]);
    timer_start_ms(&c->dial, client_dice(c, DIAL_MS_MAX));
}

static void on_closed(struct conn_handler *h, enum err why)
{
    (void)why;
    dial_later(container_of(h, struct client, handler));
}

static void on_dialled(struct connector *connector, enum err err, struct conn *conn)
{
    Wire__CommandConnect body = WIRE__COMMAND_CONNECT__INIT;
    struct client *c = container_of(connector, struct client, connector);
    char version[] = "sim";

    if (err != OK) {
        dial_later(c);
        return;
    }
    c->conn = conn;
    c->state = GREETING;
    conn_read_start(conn);
    body.client_version = version;
    body.has_protocol_version = 1;
    body.protocol_version = WIRE_PROTOCOL_VERSION;
    client_send(c, WIRE__BASE_COMMAND__TYPE__CONNECT, &body);
}

static void dial(struct timer *t)
{
    struct client *c = container_of(t, struct client, dial);
    struct net *net = sim_host_sys(c->host)->net;
    enum err err;

    c->state = DIALLING;
    c->connector = (struct connector){.done = on_dialled, .handler = &c->handler};
    err = net->ops->connect(net, "broker", BROKER_PORT, 5000, &c->connector);
    assert(err == OK);
}

void client_start(struct client *c)
{
    if (c->state == AWAY && !timer_running(&c->dial))
        timer_start_ms(&c->dial, client_dice(c, DIAL_MS_MAX));
}

void client_hang_up(struct client *c)
{
    if (c->state < GREETING)
        return;
    conn_close(c->conn);
    c->state = DIALLING; /* nothing is done until on_closed */
}

struct client *client_new(struct sim *sim, struct model *model, struct random *random, unsigned index,
                          const struct client_habits *habits)
{
    struct client *c = calloc(1, sizeof *c);
    char name[32];

    assert(c);
    snprintf(name, sizeof name, "client-%u", index);
    c->model = model;
    c->random = random;
    c->index = index;
    c->habits = *habits;
    c->host = sim_host_new(sim, name, NULL);
    c->handler = (struct conn_handler){.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed};
    timer_init(&c->dial, client_loop(c), dial);
    list_init(&c->frames);
    return c;
}

void client_free(struct client *c)
{
    struct list *node;

    if (!c)
        return;
    sim_host_free(c->host);
    while ((node = list_pop_front(&c->frames)))
        free(container_of(node, struct out_frame, node));
    free(c);
}

void client_add_producer(struct client *c, unsigned topic, unsigned producer)
{
    for (unsigned i = 0; i < CLIENT_PRODUCERS; i++) {
        struct sender *p = &c->producers[i];
        if (p->used)
            continue;
        *p = (struct sender){.client = c, .used = true, .id = i + 1, .topic = topic, .producer = producer};
        timer_init(&p->again, client_loop(c), sender_again);
        return;
    }
    assert(false); /* no room for another producer */
}

void client_add_consumer(struct client *c, unsigned topic, unsigned subscription)
{
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++) {
        struct receiver *s = &c->consumers[i];
        if (s->used)
            continue;
        *s = (struct receiver){.client = c, .used = true, .topic = topic, .subscription = subscription};
        timer_init(&s->again, client_loop(c), receiver_again);
        return;
    }
    assert(false); /* no room for another consumer */
}

bool client_has_consumer(const struct client *c, unsigned topic, unsigned subscription)
{
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++) {
        const struct receiver *s = &c->consumers[i];
        if (s->used && s->state == OPENED && s->topic == topic && s->subscription == subscription)
            return true;
    }
    return false;
}

bool client_told_end(const struct client *c, unsigned topic, unsigned subscription)
{
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++) {
        const struct receiver *s = &c->consumers[i];
        if (s->used && s->told_end && s->topic == topic && s->subscription == subscription)
            return true;
    }
    return false;
}

/* ---- habits ---- */

static struct sender *any_producer(struct client *c)
{
    struct sender *p = &c->producers[client_dice(c, CLIENT_PRODUCERS)];

    return p->used ? p : NULL;
}

static struct receiver *any_consumer(struct client *c)
{
    struct receiver *s = &c->consumers[client_dice(c, CLIENT_CONSUMERS)];

    return s->used && s->state == OPENED && s->seek_request == 0 ? s : NULL;
}

static void act_send(struct client *c)
{
    struct sender *p = any_producer(c);

    if (p && !c->quiet)
        sender_publish(p, 1 + client_dice(c, client_dice(c, 4) == 0 ? 40 : 4));
}

static void act_ack(struct client *c)
{
    struct receiver *s = any_consumer(c);
    bool answer = client_dice(c, 8) < c->habits.answered_in_eight;

    if (!s || s->held_count == 0 || (c->greedy && !receiver_ack_slot(s)))
        return;
    if (receiver_is_ordered(s) && client_dice(c, 2))
        receiver_ack_up_to(s, answer);
    else
        receiver_ack_some(s, 1 + (size_t)client_dice(c, ACK_IDS_MAX), answer);
}

static void act_part(struct client *c)
{
    struct receiver *s = any_consumer(c);

    if (s && s->held_count > 0 && !receiver_is_reader(s))
        receiver_ack_part(s, client_dice(c, 8) < c->habits.answered_in_eight);
}

static void act_flow(struct client *c)
{
    struct receiver *s = any_consumer(c);

    if (s)
        receiver_flow(s, 1 + (uint32_t)client_dice(c, 40));
}

static void act_redeliver(struct client *c)
{
    struct receiver *s = any_consumer(c);

    if (s && !receiver_is_reader(s))
        receiver_redeliver(s);
}

static void act_seek(struct client *c)
{
    struct receiver *s = any_consumer(c);

    if (s && receiver_is_exclusive(s) && !c->model->topics[s->topic].unsure)
        receiver_seek(s);
}

static void act_unsubscribe(struct client *c)
{
    struct receiver *s = any_consumer(c);

    if (s && !receiver_is_reader(s) && s->unsubscribe_request == 0 && client_dice(c, 8) == 0)
        receiver_unsubscribe(s);
}

static void act_last_id(struct client *c)
{
    struct receiver *s = any_consumer(c);

    if (s)
        receiver_ask_last_id(s);
}

static void act_reopen(struct client *c)
{
    struct sender *p = any_producer(c);
    struct receiver *s = any_consumer(c);

    if (client_dice(c, 2)) {
        if (p)
            sender_close(p);
    } else if (s) {
        receiver_close(s);
    }
}

static void act_stall(struct client *c)
{
    if (c->stalled)
        conn_read_start(c->conn);
    else
        conn_read_stop(c->conn);
    c->stalled = !c->stalled;
}

void client_act(struct client *c)
{
    const struct client_habits *h = &c->habits;
    const struct {
        uint32_t weight;
        void (*act)(struct client *c);
    } choices[] = {
        {h->send, act_send},
        {h->ack, act_ack},
        {h->flow, act_flow},
        {h->redeliver, act_redeliver},
        {h->seek, act_seek},
        {h->reopen, act_reopen},
        {h->hang_up, client_hang_up},
        {h->stall, act_stall},
        {h->last_id, act_last_id},
        {h->part, act_part},
        {h->unsubscribe, act_unsubscribe},
    };
    uint64_t sum = 0, at;

    if (c->state != READY)
        return;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        sum += choices[i].weight;
    at = client_dice(c, sum);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (at < choices[i].weight) {
            choices[i].act(c);
            return;
        }
        at -= choices[i].weight;
    }
}
