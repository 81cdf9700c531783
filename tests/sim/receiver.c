/* SPDX-License-Identifier: Apache-2.0
 *
 * receiver.c - a consumer of a simulated client: permits, what it holds, acknowledgements, seeks.
 */
#include "client_private.h"

#include "wire/delivery.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define AGAIN_MS_MAX     300
#define PERMITS_MAX_HELD 100

bool receiver_is_reader(const struct receiver *s)
{
    return s->subscription == MODEL_READER;
}

static enum model_kind kind_of(const struct receiver *s)
{
    return s->client->model->topics[s->topic].subscriptions[s->subscription].kind;
}

bool receiver_is_ordered(const struct receiver *s)
{
    return !receiver_is_reader(s) && !model_shares(kind_of(s));
}

bool receiver_is_fleeting(const struct receiver *s)
{
    return s->client->model->topics[s->topic].fleeting;
}

bool receiver_is_exclusive(const struct receiver *s)
{
    return !receiver_is_reader(s) && kind_of(s) == MODEL_EXCLUSIVE;
}

static const Wire__CommandSubscribe__SubType types[] = {
    [MODEL_EXCLUSIVE] = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive,
    [MODEL_SHARED] = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared,
    [MODEL_FAILOVER] = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Failover,
    [MODEL_KEY_SHARED] = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Key_Shared,
};

/* A reader begins at an entry that is known, this one included, or at the first. */
static void ask_as_reader(struct receiver *s, Wire__CommandSubscribe *body, Wire__MessageIdData *start, char name[32])
{
    enum model_kind kind = MODEL_EXCLUSIVE;
    struct position p = POSITION_EARLIEST;
    struct message_id id;

    if (client_dice(s->client, 2) && model_nth(s->client->model, s->topic, client_dice(s->client, 1000), &p))
        s->reading.last = (struct position){p.ledger, p.entry - 1};
    id = MESSAGE_ID_OF(p.ledger, p.entry);
    message_id_to(&id, start);
    snprintf(name, 32, "reader-%" PRIu64, s->reading.incarnation);
    body->subscription = name;
    if (s->client->habits.volatile_types)
        kind = (enum model_kind)client_dice(s->client, 4);
    s->reading.shares = model_shares(kind);
    body->sub_type = types[kind];
    body->has_durable = 1;
    body->durable = 0;
    body->start_message_id = start;
}

static void ask_for_subscription(const struct receiver *s, Wire__CommandSubscribe *body)
{
    body->subscription = wire_text(s->client->model->topics[s->topic].subscriptions[s->subscription].name);
    body->sub_type = types[kind_of(s)];
    body->has_initial_position = 1;
    body->initial_position = WIRE__COMMAND_SUBSCRIBE__INITIAL_POSITION__Earliest;
}

void receiver_open(struct receiver *s)
{
    Wire__CommandSubscribe body = WIRE__COMMAND_SUBSCRIBE__INIT;
    Wire__MessageIdData start;
    struct client *c = s->client;
    char name[32], consumer[32];

    s->state = OPENING;
    s->request = client_request(c);
    s->permits = 0;
    s->held_count = 0;
    s->asked_for_all = s->told_end = false;
    s->last_id_request = 0;
    memset(s->acks, 0, sizeof s->acks);
    s->id = client_request(c); /* a fresh one, so that what is still under way for the old one is recognised */
    model_reading_begin(c->model, &s->reading, s->topic, s->subscription);
    body.topic = wire_text(client_topic(c, s->topic));
    body.consumer_id = s->id;
    body.request_id = s->request;
    snprintf(consumer, sizeof consumer, "c%u", c->index);
    body.consumer_name = consumer;
    if (receiver_is_reader(s))
        ask_as_reader(s, &body, &start, name);
    else
        ask_for_subscription(s, &body);
    client_send(c, WIRE__BASE_COMMAND__TYPE__SUBSCRIBE, &body);
}

void receiver_again(struct timer *t)
{
    struct receiver *s = container_of(t, struct receiver, again);

    if (s->client->state == READY && s->state == SHUT && s->seek_request == 0)
        receiver_open(s);
}

void receiver_lost(struct receiver *s)
{
    s->state = SHUT;
    model_reading_end(s->client->model, &s->reading);
    timer_start_ms(&s->again, client_dice(s->client, AGAIN_MS_MAX));
}

struct receiver *receiver_find(struct client *c, uint64_t id)
{
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++)
        if (c->consumers[i].used && c->consumers[i].id == id)
            return &c->consumers[i];
    return NULL;
}

void receiver_flow(struct receiver *s, uint32_t permits)
{
    Wire__CommandFlow body = WIRE__COMMAND_FLOW__INIT;

    if (s->state != OPENED || s->permits + permits > PERMITS_MAX_HELD ||
        s->held_count + 2 * PERMITS_MAX_HELD > HELD_MAX)
        return;
    s->permits += permits;
    body.consumer_id = s->id;
    body.message_permits = permits;
    client_send(s->client, WIRE__BASE_COMMAND__TYPE__FLOW, &body);
}

/* `left`: of the only id, the messages that are not acknowledged; 0: none, of each. */
static void ack_send(struct receiver *s, const struct position *ids, size_t count, int64_t left, bool cumulative,
                     uint64_t request)
{
    Wire__CommandAck body = WIRE__COMMAND_ACK__INIT;
    Wire__MessageIdData data[ACK_IDS_MAX];
    Wire__MessageIdData *list[ACK_IDS_MAX];

    for (size_t i = 0; i < count; i++) {
        struct message_id id = MESSAGE_ID_OF(ids[i].ledger, ids[i].entry);
        message_id_to(&id, &data[i]);
        list[i] = &data[i];
    }
    if (left) {
        data[0].n_ack_set = 1;
        data[0].ack_set = &left;
    }
    body.consumer_id = s->id;
    body.ack_type = cumulative ? WIRE__COMMAND_ACK__ACK_TYPE__Cumulative : WIRE__COMMAND_ACK__ACK_TYPE__Individual;
    body.n_message_id = count;
    body.message_id = list;
    body.has_request_id = request != 0;
    body.request_id = request;
    client_send(s->client, WIRE__BASE_COMMAND__TYPE__ACK, &body);
}

struct pending_ack *receiver_ack_slot(struct receiver *s)
{
    for (unsigned i = 0; i < ACKS_MAX; i++)
        if (s->acks[i].request == 0)
            return &s->acks[i];
    return NULL;
}

static void acknowledge(struct receiver *s, const struct position *ids, size_t count, bool cumulative, bool answer)
{
    struct model *m = s->client->model;
    struct pending_ack *pending = answer ? receiver_ack_slot(s) : NULL;

    if (pending) {
        *pending = (struct pending_ack){
            .request = client_request(s->client),
            .cumulative = cumulative,
            .seeks = m->topics[s->topic].subscriptions[s->subscription].seeks,
            .count = count,
        };
        memcpy(pending->ids, ids, count * sizeof *ids);
    }
    model_ack_sent(m, &s->reading, ids, count, cumulative);
    ack_send(s, ids, count, 0, cumulative, pending ? pending->request : 0);
}

void receiver_ack_part(struct receiver *s, bool answer)
{
    struct model *m = s->client->model;
    const struct position p = s->held[client_dice(s->client, s->held_count)];
    const uint32_t all = (1u << model_messages_at(m, s->topic, p)) - 1,
                   parts = 1 + (uint32_t)client_dice(s->client, all);
    const bool cumulative = receiver_is_ordered(s) && client_dice(s->client, 3) == 0;
    struct pending_ack *pending = answer ? receiver_ack_slot(s) : NULL;

    if (parts == all)
        return; /* that is another kind of acknowledgement */
    if (pending)
        *pending = (struct pending_ack){
            .request = client_request(s->client),
            .cumulative = cumulative,
            .seeks = m->topics[s->topic].subscriptions[s->subscription].seeks,
            .count = 1,
            .ids = {p},
            .parts = parts,
        };
    model_part_sent(m, &s->reading, p, parts, cumulative);
    ack_send(s, &p, 1, (int64_t)(all & ~parts), cumulative, pending ? pending->request : 0);
}

static void held_remove(struct receiver *s, size_t at)
{
    memmove(&s->held[at], &s->held[at + 1], (s->held_count - at - 1) * sizeof *s->held);
    s->held_count--;
}

/* Some of what it holds, each on its own. */
void receiver_ack_some(struct receiver *s, size_t count, bool answer)
{
    struct position ids[ACK_IDS_MAX];
    size_t n = 0;

    for (; n < count && s->held_count > 0; n++) {
        size_t at = (size_t)client_dice(s->client, s->held_count);
        ids[n] = s->held[at];
        held_remove(s, at);
    }
    if (n > 0)
        acknowledge(s, ids, n, false, answer);
}

/* Up to one that it holds; what was held from before that goes with it. */
void receiver_ack_up_to(struct receiver *s, bool answer)
{
    struct position to = s->held[client_dice(s->client, s->held_count)];

    for (size_t i = 0; i < s->held_count;)
        if (position_compare(s->held[i], to) <= 0)
            held_remove(s, i);
        else
            i++;
    acknowledge(s, &to, 1, true, answer);
}

void receiver_on_ack_response(struct client *c, const Wire__CommandAckResponse *body)
{
    struct receiver *s = receiver_find(c, body->consumer_id);

    for (unsigned i = 0; s && i < ACKS_MAX; i++) {
        struct pending_ack *a = &s->acks[i];
        if (a->request == 0 || a->request != body->request_id)
            continue;
        if (!body->has_error && a->parts)
            model_part_confirmed(c->model, &s->reading, a->ids[0], a->parts, a->cumulative, a->seeks);
        else if (!body->has_error)
            model_ack_confirmed(c->model, &s->reading, a->ids, a->count, a->cumulative, a->seeks);
        a->request = 0;
    }
}

void receiver_redeliver(struct receiver *s)
{
    Wire__CommandRedeliverUnacknowledgedMessages body = WIRE__COMMAND_REDELIVER_UNACKNOWLEDGED_MESSAGES__INIT;
    Wire__MessageIdData data[ACK_IDS_MAX], *list[ACK_IDS_MAX];
    struct position ids[ACK_IDS_MAX];

    body.consumer_id = s->id;
    body.message_ids = list;
    for (; !receiver_is_ordered(s) && body.n_message_ids < 1 + client_dice(s->client, ACK_IDS_MAX) && s->held_count > 0;
         body.n_message_ids++) {
        size_t at = (size_t)client_dice(s->client, s->held_count);
        struct message_id id = MESSAGE_ID_OF(s->held[at].ledger, s->held[at].entry);
        message_id_to(&id, &data[body.n_message_ids]);
        list[body.n_message_ids] = &data[body.n_message_ids];
        ids[body.n_message_ids] = s->held[at];
        held_remove(s, at);
    }
    if (body.n_message_ids == 0) { /* without ids: all of them */
        s->held_count = 0;
        s->asked_for_all = true;
    }
    if (receiver_is_ordered(s))
        s->reading.rewinds++;
    model_redeliver_sent(s->client->model, &s->reading, ids, body.n_message_ids);
    client_send(s->client, WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES, &body);
}

void receiver_seek(struct receiver *s)
{
    Wire__CommandSeek body = WIRE__COMMAND_SEEK__INIT;
    Wire__MessageIdData data;
    struct message_id id;

    if (!model_nth(s->client->model, s->topic, (size_t)client_dice(s->client, 1000), &s->seek_to))
        return;
    id = MESSAGE_ID_OF(s->seek_to.ledger, s->seek_to.entry);
    message_id_to(&id, &data);
    s->seek_request = client_request(s->client);
    s->held_count = 0;
    body.consumer_id = s->id;
    body.request_id = s->seek_request;
    body.message_id = &data;
    model_seek_sent(s->client->model, &s->reading, s->seek_to);
    client_send(s->client, WIRE__BASE_COMMAND__TYPE__SEEK, &body);
}

void receiver_close(struct receiver *s)
{
    Wire__CommandCloseConsumer body = WIRE__COMMAND_CLOSE_CONSUMER__INIT;

    body.consumer_id = s->id;
    body.request_id = client_request(s->client);
    client_send(s->client, WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER, &body);
    receiver_lost(s);
}

void receiver_unsubscribe(struct receiver *s)
{
    Wire__CommandUnsubscribe body = WIRE__COMMAND_UNSUBSCRIBE__INIT;

    body.consumer_id = s->id;
    body.request_id = s->unsubscribe_request = client_request(s->client);
    model_unsubscribe_sent(s->client->model, &s->reading);
    client_send(s->client, WIRE__BASE_COMMAND__TYPE__UNSUBSCRIBE, &body);
    receiver_close(s); /* where it is refused, for others are there */
}

void receiver_on_unsubscribed(struct client *c, uint64_t request)
{
    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++) {
        struct receiver *s = &c->consumers[i];
        if (!s->used || s->unsubscribe_request == 0 || s->unsubscribe_request != request)
            continue;
        s->unsubscribe_request = 0;
        model_unsubscribe_answered(c->model, s->topic, s->subscription);
    }
}

void receiver_on_end(struct client *c, const Wire__CommandReachedEndOfTopic *body)
{
    struct receiver *s = receiver_find(c, body->consumer_id);

    if (!s || s->state != OPENED || s->seek_request != 0)
        return;
    s->told_end = true;
    model_end_told(c->model, &s->reading);
}

/* The seek is over; if the broker closed us for it, now we come back. */
void receiver_seek_ended(struct receiver *s, bool well)
{
    s->seek_request = 0;
    if (well)
        model_seek_confirmed(s->client->model, &s->reading, s->seek_to);
    if (s->state == OPENED)
        receiver_close(s); /* what came meanwhile was not judged: begin afresh */
    else if (s->state == SHUT)
        receiver_lost(s);
}

/* False: it was held already, which only a redelivery of everything makes right. */
static bool hold(struct receiver *s, struct position p)
{
    for (size_t i = 0; i < s->held_count; i++) {
        if (!position_equal(s->held[i], p))
            continue;
        if (!s->asked_for_all)
            model_violation(s->client->model, "client %u: %" PRIi64 ":%" PRIi64 " came twice to the same consumer",
                            s->client->index, p.ledger, p.entry);
        return false;
    }
    if (s->held_count < HELD_MAX)
        s->held[s->held_count++] = p;
    return true;
}

/* Nothing comes before its time, where it is not read in order. */
static void check_due(const struct receiver *s, struct position p, const struct metadata *m)
{
    const int64_t wall_ms = loop_wall_ms(sim_host_sys(s->client->host)->loop);
    const int64_t now_ms = wall_ms > s->client->model->wall_ms ? wall_ms : s->client->model->wall_ms;

    if (m->has_deliver_at && m->deliver_at_time > now_ms && !receiver_is_ordered(s) && !receiver_is_reader(s))
        model_violation(s->client->model, "client %u: %" PRIi64 ":%" PRIi64 " came %" PRIi64 " ms before its time",
                        s->client->index, p.ledger, p.entry, m->deliver_at_time - now_ms);
}

/* Who shares has so much at most that it did not acknowledge, when something comes.  What was under way when it asked
 * for everything again does not count. */
static void check_unacked(const struct receiver *s, struct position p)
{
    struct model *m = s->client->model;
    uint32_t unacked = 0;

    if (m->unacked_max == 0 || s->asked_for_all || receiver_is_reader(s) || receiver_is_ordered(s))
        return;
    for (size_t i = 0; i < s->held_count; i++)
        if (model_untouched(m, &s->reading, s->held[i]))
            unacked += model_messages_at(m, s->topic, s->held[i]);
    if (unacked >= m->unacked_max)
        model_violation(m, "client %u: %" PRIi64 ":%" PRIi64 " came, and %u messages of %u are unacknowledged",
                        s->client->index, p.ledger, p.entry, unacked, m->unacked_max);
}

void receiver_on_message(struct client *c, const struct frame *frame, struct arena *arena)
{
    struct message_command message;
    struct entry_view view;
    struct receiver *s;
    struct position p;

    if (message_decode(frame->command, arena, &message) != OK || entry_view_decode(frame->entry, &view) != OK ||
        entry_view_verify(&view) != OK)
        model_violation(c->model, "client %u: a message that does not decode", c->index);
    s = receiver_find(c, message.consumer_id);
    if (!s || s->state == SHUT)
        return;
    p = (struct position){message.id.ledger, message.id.entry};
    if (s->permits <= 0)
        model_violation(c->model, "client %u: %" PRIi64 ":%" PRIi64 " came without a permit", c->index, p.ledger,
                        p.entry);
    const uint32_t left = message.id.ack_set_words > 0 ? (uint32_t)message.id.ack_set[0] : 0;
    s->permits -= left ? (uint32_t)__builtin_popcount(left) : view.metadata.messages;
    if (s->seek_request != 0)
        return; /* sent before the seek; not to be judged, nor held */
    check_due(s, p, &view.metadata);
    check_unacked(s, p);
    model_delivery(c->model, &s->reading, p, message.redelivery_count, left, view.payload);
    if (receiver_is_reader(s) || receiver_is_fleeting(s) || !hold(s, p))
        return;
    if (c->greedy && receiver_ack_slot(s))
        receiver_ack_some(s, ACK_IDS_MAX, true);
    if (c->greedy)
        receiver_flow(s, 20);
}

void receiver_cut(struct receiver *s)
{
    if (s->state != SHUT)
        model_reading_end(s->client->model, &s->reading);
    s->state = SHUT;
    s->seek_request = s->last_id_request = s->unsubscribe_request = 0;
    s->held_count = 0;
    memset(s->acks, 0, sizeof s->acks);
    timer_stop(&s->again);
}

/* ---- what else it may ask ---- */

void receiver_ask_last_id(struct receiver *s)
{
    Wire__CommandGetLastMessageId body = WIRE__COMMAND_GET_LAST_MESSAGE_ID__INIT;

    if (s->last_id_request != 0)
        return;
    s->last_id_request = client_request(s->client);
    s->last_id_least = model_last(s->client->model, s->topic);
    body.consumer_id = s->id;
    body.request_id = s->last_id_request;
    client_send(s->client, WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID, &body);
}

void receiver_on_last_id(struct client *c, const Wire__CommandGetLastMessageIdResponse *body)
{
    struct message_id id = message_id_from(body->last_message_id);

    for (unsigned i = 0; i < CLIENT_CONSUMERS; i++) {
        struct receiver *s = &c->consumers[i];
        if (!s->used || s->last_id_request == 0 || s->last_id_request != body->request_id)
            continue;
        s->last_id_request = 0;
        model_last_id(c->model, s->topic, (struct position){id.ledger, id.entry}, s->last_id_least);
    }
}

/* Failover: our turn, which begins at the first unacknowledged entry, whatever we were sent in an earlier turn. */
void receiver_on_active(struct client *c, const Wire__CommandActiveConsumerChange *body)
{
    struct receiver *s = receiver_find(c, body->consumer_id);

    if (!s || !body->is_active || position_equal(s->reading.last, POSITION_EARLIEST))
        return;
    s->reading.rewinds++;
    s->asked_for_all = true;
}
