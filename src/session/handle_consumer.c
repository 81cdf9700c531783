/* SPDX-License-Identifier: Apache-2.0
 *
 * handle_consumer.c - SUBSCRIBE and what consumers say after it.
 */
#include "broker/dispatcher.h"
#include "broker/properties.h"
#include "session/session_private.h"
#include "wire/delivery.h"

#include <stdio.h>

/* ---- SUBSCRIBE ---- */

struct subscribe_request {
    struct consumer_open open;
    struct request request;
    char name[SUBSCRIPTION_NAME_MAX + 1];
    char subscription[SUBSCRIPTION_NAME_MAX + 1];
    struct key_range ranges[]; /* Key_Shared: of open.keys */
};

static void consumer_opened(struct broker_op *op)
{
    struct subscribe_request *r = container_of(op, struct subscribe_request, open.op);
    struct session *s = r->request.session;
    struct handle *h = map_find_id(&s->consumers, r->request.handle); /* NULL when the session is torn down */
    const struct target on = {.topic = &r->open.topic, .subscription = r->open.subscription};

    if (op->why.err == OK && session_may(s, WIRE__BASE_COMMAND__TYPE__SUBSCRIBE, &on, &op->why) != OK)
        consumer_detach(r->open.consumer); /* while it was opened a right was lost */
    if (op->why.err == OK && (!h || h->state == HANDLE_ABANDONED || s->state == SESSION_CLOSING)) {
        consumer_detach(r->open.consumer);
        if (h)
            handle_free(s, &s->consumers, h);
    } else if (op->why.err == OK) {
        h->state = HANDLE_OPEN;
        h->rights = s->server->rights.change;
        h->consumer = r->open.consumer;
        session_send_success(s, r->request.id);
    } else {
        if (h)
            handle_free(s, &s->consumers, h);
        session_send_refusal(s, r->request.id, &op->why);
    }
    request_free(&r->request);
}

static enum err check_subscribe(const Wire__CommandSubscribe *ask, struct refusal *why)
{
    if (strlen(ask->subscription) > SUBSCRIPTION_NAME_MAX ||
        (ask->consumer_name && strlen(ask->consumer_name) > SUBSCRIPTION_NAME_MAX))
        return refuse(why, ERR_INVALID, ABOUT_SUBSCRIPTION, "a name of more than %d bytes", SUBSCRIPTION_NAME_MAX);
    if (ask->key_shared_meta && ask->key_shared_meta->n_hash_ranges > KEY_HASHES)
        return refuse(why, ERR_INVALID, ABOUT_KEYS, "more ranges than there are hashes");
    if (ask->key_shared_meta && ask->key_shared_meta->key_shared_mode != WIRE__KEY_SHARED_MODE__AUTO_SPLIT &&
        ask->key_shared_meta->key_shared_mode != WIRE__KEY_SHARED_MODE__STICKY)
        return refuse(why, ERR_INVALID, ABOUT_KEYS, "there is no such mode of keys");
    return OK;
}

/* True: the id is taken, and the client was answered. */
static bool consumer_exists(struct session *s, const Wire__CommandSubscribe *ask)
{
    struct handle *h = map_find_id(&s->consumers, ask->consumer_id);

    if (!h)
        return false;
    if (h->state == HANDLE_OPEN)
        session_send_success(s, ask->request_id);
    else
        session_send_error(s, ask->request_id, WIRE__SERVER_ERROR__ServiceNotReady,
                           "a consumer with this id is being made");
    return true;
}

static struct position position_of(const Wire__MessageIdData *id)
{
    struct message_id m = message_id_from(id);
    return (struct position){m.ledger, m.entry};
}

static size_t range_count(const Wire__CommandSubscribe *ask)
{
    return ask->key_shared_meta ? ask->key_shared_meta->n_hash_ranges : 0;
}

/* Who says nothing of keys has them split. */
static void fill_keys(struct subscribe_request *r, const Wire__CommandSubscribe *ask)
{
    const Wire__KeySharedMeta *meta = ask->key_shared_meta;

    r->open.keys = (struct key_policy){.mode = KEY_AUTO_SPLIT, .ranges = r->ranges, .range_count = range_count(ask)};
    if (!meta)
        return;
    r->open.keys.mode = (enum key_mode)meta->key_shared_mode;
    r->open.keys.out_of_order = meta->allow_out_of_order_delivery;
    for (size_t i = 0; i < meta->n_hash_ranges; i++)
        r->ranges[i] = (struct key_range){meta->hash_ranges[i]->start, meta->hash_ranges[i]->end};
}

/* Those of the subscription, encoded in the arena; all of them, or a refusal. */
static enum err take_properties(struct session *s, const Wire__CommandSubscribe *ask, struct bytes *out,
                                struct refusal *why)
{
    const size_t count = ask->n_subscription_properties;
    uint8_t *to = count ? arena_alloc(&s->server->arena, PROPERTIES_BYTES_MAX) : NULL;
    enum err err = count && !to ? ERR_NOMEM : OK;

    *out = bytes_of(to, 0);
    for (size_t i = 0; err == OK && i < count; i++) {
        const Wire__KeyValue *p = ask->subscription_properties[i];
        err = properties_put(out, to, (struct property){bytes_of_text(p->key), bytes_of_text(p->value)});
    }
    return err == OK ? OK : refuse(why, err, ABOUT_CONSUMER, "properties of the subscription: %s", err_text(err));
}

/* What the client asks for, in the broker's terms. */
static void fill_open(struct consumer_open *open, const Wire__CommandSubscribe *ask)
{
    open->consumer_id = ask->consumer_id;
    open->type = (enum subscription_type)ask->sub_type;
    open->priority = ask->priority_level;
    open->durable = ask->durable;
    open->create_topic = ask->force_topic_creation;
    open->read_compacted = ask->read_compacted;
    open->initial = (enum initial_position)ask->initial_position;
    open->start_given = !ask->durable && ask->start_message_id;
    if (open->start_given)
        open->start = position_of(ask->start_message_id);
    open->rollback_s = ask->start_message_rollback_duration_sec;
    open->replicated = ask->replicate_subscription_state;
    open->epoch = ask->has_consumer_epoch && ask->consumer_epoch <= INT64_MAX ? (int64_t)ask->consumer_epoch : -1;
}

/* A copy at *to, which moves behind it. */
static struct bytes keep_bytes(uint8_t **to, struct bytes b)
{
    const struct bytes kept = bytes_of(*to, b.len);

    if (b.len)
        memcpy(*to, b.data, b.len);
    *to += b.len;
    return kept;
}

void handle_subscribe(struct session *s, const struct incoming *in)
{
    const Wire__CommandSubscribe *ask = in->body->subscribe;
    struct client_schema schema;
    struct subscribe_request *r;
    struct topic_name name;
    const struct target on = {.topic = &name, .subscription = bytes_of_text(ask->subscription)};
    struct bytes properties;
    struct refusal why;

    if (!session_topic(s, ask->request_id, ask->topic, &name) || consumer_exists(s, ask))
        return;
    if (check_subscribe(ask, &why) != OK || session_may(s, in->type, &on, &why) != OK ||
        take_properties(s, ask, &properties, &why) != OK || client_schema_take(s, ask->schema, &schema, &why) != OK) {
        session_send_refusal(s, ask->request_id, &why);
        return;
    }
    if (!handle_new(s, &s->consumers, ask->consumer_id, ask->request_id)) {
        client_schema_drop(&schema);
        return;
    }
    const struct bytes metadata = session_properties(s, ask->metadata, ask->n_metadata);
    const size_t ranges_len = range_count(ask) * sizeof r->ranges[0];
    r = request_new(s, sizeof *r + ranges_len + metadata.len + properties.len,
                    offsetof(struct subscribe_request, request), ask->request_id, ask->consumer_id);
    if (!r) {
        client_schema_drop(&schema);
        return;
    }
    r->request.schema = schema;
    r->open.schema = client_schema_record(&r->request.schema);
    uint8_t *behind = (uint8_t *)r->ranges + ranges_len;
    r->open.metadata = keep_bytes(&behind, metadata);
    r->open.properties = keep_bytes(&behind, properties);
    (void)snprintf(r->name, sizeof r->name, "%s", ask->consumer_name ? ask->consumer_name : "");
    (void)snprintf(r->subscription, sizeof r->subscription, "%s", ask->subscription);
    fill_open(&r->open, ask);
    fill_keys(r, ask);
    r->open.op.done = consumer_opened;
    r->open.sink = &s->sink;
    r->open.topic = name;
    r->open.name = r->name;
    r->open.subscription = bytes_of_text(r->subscription);
    consumer_open(s->broker, &r->open);
}

/* ---- FLOW, ACK, REDELIVER ---- */

void handle_flow(struct session *s, const struct incoming *in)
{
    struct consumer *c;
    struct flow flow;

    if (flow_decode(in->frame.command, &flow) != OK)
        session_close(s, "FLOW cannot be read");
    else if ((c = session_consumer(s, flow.consumer_id)))
        consumer_flow(c, flow.permits);
}

struct ack_request {
    struct broker_op op;
    struct request request;
};

static void send_ack_response(struct session *s, uint64_t request, uint64_t consumer, const struct refusal *why)
{
    Wire__CommandAckResponse response = WIRE__COMMAND_ACK_RESPONSE__INIT;

    response.consumer_id = consumer;
    response.has_request_id = true;
    response.request_id = request;
    if (why->err != OK) {
        response.has_error = true;
        response.error = server_error(why->err, why->about);
        response.message = wire_text(why->text);
    }
    session_send(s, WIRE__BASE_COMMAND__TYPE__ACK_RESPONSE, &response);
}

static void ack_durable(struct broker_op *op)
{
    struct ack_request *r = container_of(op, struct ack_request, op);

    send_ack_response(r->request.session, r->request.id, r->request.handle, &op->why);
    request_free(&r->request);
}

static enum err apply_ack(struct consumer *c, const struct ack *ack)
{
    enum err err, first = OK;

    for (uint32_t i = 0; i < ack->count; i++) {
        const struct message_id *id = &ack->ids[i];
        const struct position p = {id->ledger, id->entry};
        const struct ack_left part = {id->ack_set, id->ack_set_words};
        const struct ack_left *left = id->ack_set_words > 0 ? &part : NULL;
        if (ack->is_cumulative)
            err = consumer_ack_cumulative(c, p, left);
        else
            err = consumer_ack(c, p, left);
        first = first == OK ? err : first;
    }
    return first;
}

void handle_ack(struct session *s, const struct incoming *in)
{
    struct refusal why = {.err = OK};
    struct ack_request *r;
    struct consumer *c;
    struct ack ack;

    if (ack_decode(in->frame.command, &s->server->arena, &ack) != OK) {
        session_close(s, "ACK cannot be read");
        return;
    }
    if (!(c = session_consumer(s, ack.consumer_id)))
        return;
    if (ack.in_transaction)
        (void)refuse(&why, ERR_UNSUPPORTED, ABOUT_TRANSACTION, "transactions are not built");
    else if ((why.err = apply_ack(c, &ack)) != OK)
        (void)refuse(&why, why.err, ABOUT_CONSUMER, "not acknowledged: %s", err_text(why.err));
    if (!ack.has_request_id)
        return;
    if (why.err != OK) {
        send_ack_response(s, ack.request_id, ack.consumer_id, &why);
        return;
    }
    r = request_new(s, sizeof *r, offsetof(struct ack_request, request), ack.request_id, ack.consumer_id);
    if (!r)
        return;
    r->op.done = ack_durable;
    broker_when_durable(s->broker, &r->op);
}

void handle_redeliver(struct session *s, const struct incoming *in)
{
    const Wire__CommandRedeliverUnacknowledgedMessages *ask = in->body->redeliver_unacknowledged_messages;
    struct consumer *c = session_consumer(s, ask->consumer_id);

    if (!c)
        return;
    if (ask->n_message_ids == 0) {
        bool counts = ask->has_consumer_epoch && ask->consumer_epoch <= INT64_MAX;
        consumer_redeliver_all(c, counts ? (int64_t)ask->consumer_epoch : -1);
        return;
    }
    struct position *positions = arena_alloc(&s->server->arena, ask->n_message_ids * sizeof *positions);
    if (!positions) {
        session_close(s, "no memory for a redelivery");
        return;
    }
    for (size_t i = 0; i < ask->n_message_ids; i++)
        positions[i] = position_of(ask->message_ids[i]);
    consumer_redeliver(c, positions, ask->n_message_ids);
}

/* ---- UNSUBSCRIBE, CLOSE_CONSUMER ---- */

static const struct refusal not_found = {.err = ERR_NOT_FOUND, .about = ABOUT_CONSUMER, .text = "Consumer not found"};

struct unsubscribe_request {
    struct consumer_op op;
    struct request request;
};

static void unsubscribed(struct broker_op *op)
{
    struct unsubscribe_request *r = container_of(op, struct unsubscribe_request, op.op);

    session_send_outcome(r->request.session, r->request.id, &op->why);
    request_free(&r->request);
}

void handle_unsubscribe(struct session *s, const struct incoming *in)
{
    const Wire__CommandUnsubscribe *ask = in->body->unsubscribe;
    struct consumer *c = session_consumer(s, ask->consumer_id);
    struct unsubscribe_request *r;

    if (!c) {
        session_send_refusal(s, ask->request_id, &not_found);
        return;
    }
    r = request_new(s, sizeof *r, offsetof(struct unsubscribe_request, request), ask->request_id, ask->consumer_id);
    if (!r)
        return;
    r->op.op.done = unsubscribed;
    r->op.force = ask->force;
    if (consumer_unsubscribe(c, &r->op))
        handle_free(s, &s->consumers, map_find_id(&s->consumers, ask->consumer_id));
}

void handle_close_consumer(struct session *s, const struct incoming *in)
{
    const Wire__CommandCloseConsumer *ask = in->body->close_consumer;
    struct handle *h = map_find_id(&s->consumers, ask->consumer_id);

    if (h && h->state == HANDLE_OPEN) {
        consumer_close(h->consumer);
        handle_free(s, &s->consumers, h);
    } else if (h) {
        h->state = HANDLE_ABANDONED;
    }
    session_send_success(s, ask->request_id);
}

/* ---- SEEK, GET_LAST_MESSAGE_ID, CONSUMER_STATS ---- */

struct seek_request {
    struct consumer_seek seek;
    struct request request;
    uint64_t ack_set[];
};

static void sought(struct broker_op *op)
{
    struct seek_request *r = container_of(op, struct seek_request, seek.op);

    session_send_outcome(r->request.session, r->request.id, &op->why);
    request_free(&r->request);
}

void handle_seek(struct session *s, const struct incoming *in)
{
    const Wire__CommandSeek *ask = in->body->seek;
    struct consumer *c = session_consumer(s, ask->consumer_id);
    struct seek_request *r;

    if (!c) {
        session_send_refusal(s, ask->request_id, &not_found);
        return;
    }
    if (!ask->message_id == !ask->has_message_publish_time) {
        session_send_error(s, ask->request_id, WIRE__SERVER_ERROR__MetadataError,
                           "a seek goes to a message id or to a publish time");
        return;
    }
    const size_t words = ask->message_id ? ask->message_id->n_ack_set : 0;
    if (words > CURSOR_LEFT_WORDS) {
        session_send_error(s, ask->request_id, WIRE__SERVER_ERROR__MetadataError, "an ack set of too many words");
        return;
    }
    r = request_new(s, sizeof *r + words * sizeof r->ack_set[0], offsetof(struct seek_request, request),
                    ask->request_id, ask->consumer_id);
    if (!r)
        return;
    r->seek.op.done = sought;
    if (words > 0) {
        memcpy(r->ack_set, ask->message_id->ack_set, words * sizeof r->ack_set[0]);
        r->seek.left = (struct ack_left){r->ack_set, (uint32_t)words};
    }
    r->seek.by_time = ask->has_message_publish_time;
    if (ask->message_id)
        r->seek.position = position_of(ask->message_id);
    r->seek.publish_ms = ask->message_publish_time > INT64_MAX ? INT64_MAX : (int64_t)ask->message_publish_time;
    consumer_seek(c, &r->seek);
}

struct last_id_request {
    struct consumer_last_id last;
    struct request request;
    int32_t partition;
};

static void last_id_known(struct broker_op *op)
{
    struct last_id_request *r = container_of(op, struct last_id_request, last.op);
    struct session *s = r->request.session;
    Wire__CommandGetLastMessageIdResponse response = WIRE__COMMAND_GET_LAST_MESSAGE_ID_RESPONSE__INIT;
    Wire__MessageIdData last, mark;
    struct message_id id;

    if (op->why.err == OK) {
        id = MESSAGE_ID_OF(r->last.last.ledger, r->last.last.entry);
        id.partition = r->partition;
        id.batch_index = r->last.batch_index;
        message_id_to(&id, &last);
        id = MESSAGE_ID_OF(r->last.mark_delete.ledger, r->last.mark_delete.entry);
        message_id_to(&id, &mark);
        response.request_id = r->request.id;
        response.last_message_id = &last;
        response.consumer_mark_delete_position = &mark;
        session_send(s, WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID_RESPONSE, &response);
    } else {
        session_send_refusal(s, r->request.id, &op->why);
    }
    request_free(&r->request);
}

void handle_last_message_id(struct session *s, const struct incoming *in)
{
    const Wire__CommandGetLastMessageId *ask = in->body->get_last_message_id;
    struct consumer *c = session_consumer(s, ask->consumer_id);
    struct last_id_request *r;

    if (!c) {
        session_send_refusal(s, ask->request_id, &not_found);
        return;
    }
    r = request_new(s, sizeof *r, offsetof(struct last_id_request, request), ask->request_id, ask->consumer_id);
    if (!r)
        return;
    r->last.op.done = last_id_known;
    r->partition = c->subscription->topic->name.partition;
    consumer_last_id(c, &r->last);
}

static void send_consumer_stats(struct session *s, uint64_t request, struct consumer *c)
{
    Wire__CommandConsumerStatsResponse response = WIRE__COMMAND_CONSUMER_STATS_RESPONSE__INIT;
    struct consumer_stats stats;
    char since[32];

    consumer_stats_fill(c, &stats);
    (void)snprintf(since, sizeof since, "%lld", (long long)stats.connected_since_ms);
    response.request_id = request;
    response.consumer_name = wire_text(stats.name);
    response.address = wire_text(stats.address);
    response.connected_since = since;
    response.type = wire_text(c->subscription->dispatcher->name);
    response.has_available_permits = true;
    response.available_permits = stats.available_permits > 0 ? (uint64_t)stats.available_permits : 0;
    response.has_unacked_messages = true;
    response.unacked_messages = stats.unacked_messages;
    response.has_blocked_consumer_on_unacked_msgs = true;
    response.blocked_consumer_on_unacked_msgs = stats.blocked_on_unacked;
    response.has_msg_backlog = true;
    response.msg_backlog = cursor_backlog_entries(c->subscription->cursor);
    response.has_msg_rate_out = true;
    response.msg_rate_out = stats.rate_out;
    response.has_msg_throughput_out = true;
    response.msg_throughput_out = stats.throughput_out;
    response.has_msg_rate_redeliver = true;
    response.msg_rate_redeliver = stats.rate_redeliver;
    response.has_message_ack_rate = true;
    response.message_ack_rate = stats.rate_ack;
    session_send(s, WIRE__BASE_COMMAND__TYPE__CONSUMER_STATS_RESPONSE, &response);
}

void handle_consumer_stats(struct session *s, const struct incoming *in)
{
    const Wire__CommandConsumerStats *ask = in->body->consumer_stats;
    struct consumer *c = session_consumer(s, ask->consumer_id);
    Wire__CommandConsumerStatsResponse response = WIRE__COMMAND_CONSUMER_STATS_RESPONSE__INIT;

    if (c) {
        send_consumer_stats(s, ask->request_id, c);
        return;
    }
    response.request_id = ask->request_id;
    response.has_error_code = true;
    response.error_code = WIRE__SERVER_ERROR__ConsumerNotFound;
    response.error_message = wire_text(not_found.text);
    session_send(s, WIRE__BASE_COMMAND__TYPE__CONSUMER_STATS_RESPONSE, &response);
}
