/* SPDX-License-Identifier: Apache-2.0
 *
 * handle_producer.c - PRODUCER, SEND, CLOSE_PRODUCER.
 */
#include "session/session_private.h"
#include "wire/publish.h"

#include <stdio.h>

#define NAME_MAX_BYTES 1000 /* of a producer's or a subscription's name */

/* ---- PRODUCER ---- */

struct producer_request {
    struct producer_open open;
    struct request request;
    char name[NAME_MAX_BYTES + 1];
    char initial_subscription[NAME_MAX_BYTES + 1];
    uint8_t metadata[];
};

static void send_producer_success(struct session *s, uint64_t request, const char *name,
                                  const struct schema_choice *schema, int64_t topic_epoch, int64_t last_sequence_id,
                                  bool ready)
{
    Wire__CommandProducerSuccess success = WIRE__COMMAND_PRODUCER_SUCCESS__INIT;
    uint8_t version[SCHEMA_VERSION_BYTES];

    success.request_id = request;
    success.producer_name = wire_text(name);
    success.has_last_sequence_id = true;
    success.last_sequence_id = last_sequence_id;
    success.has_schema_version = true; /* of no bytes: none */
    success.schema_version = wire_binary(schema_choice_encode(schema, version));
    success.has_topic_epoch = topic_epoch >= 0;
    success.topic_epoch = (uint64_t)topic_epoch;
    success.has_producer_ready = true;
    success.producer_ready = ready;
    session_send(s, WIRE__BASE_COMMAND__TYPE__PRODUCER_SUCCESS, &success);
}

/* It may take long until it is exclusive: the client is told, and told again. */
static void producer_queued(struct producer_open *open)
{
    struct producer_request *r = container_of(open, struct producer_request, open);
    struct session *s = r->request.session;
    struct handle *h = map_find_id(&s->producers, r->request.handle);

    if (!h || h->state == HANDLE_ABANDONED || s->state == SESSION_CLOSING) {
        access_withdraw(open);
        return;
    }
    if (!r->request.aside)
        request_set_aside(&r->request);
    h->queued = open;
    open->schema = NULL; /* its version is known, and kept */
    client_schema_drop(&r->request.schema);
    send_producer_success(s, r->request.id, open->name, &open->chosen, -1, open->last_sequence_id, false);
}

static void producer_opened(struct broker_op *op)
{
    struct producer_request *r = container_of(op, struct producer_request, open.op);
    struct session *s = r->request.session;
    struct handle *h = map_find_id(&s->producers, r->request.handle); /* NULL when the session is torn down */
    const struct target on = {.topic = &r->open.topic};

    if (op->why.err == OK && session_may(s, WIRE__BASE_COMMAND__TYPE__PRODUCER, &on, &op->why) != OK)
        producer_detach(r->open.producer); /* while it was opened, or waited, a right was lost */
    if (op->why.err == OK && (!h || h->state == HANDLE_ABANDONED || s->state == SESSION_CLOSING)) {
        producer_detach(r->open.producer);
        if (h)
            handle_free(s, &s->producers, h);
    } else if (op->why.err == OK) {
        h->state = HANDLE_OPEN;
        h->rights = s->server->rights.change;
        h->producer = r->open.producer;
        h->queued = NULL;
        send_producer_success(s, r->request.id, h->producer->name, &h->producer->schema, r->open.topic_epoch,
                              r->open.last_sequence_id, true);
    } else {
        if (h)
            handle_free(s, &s->producers, h);
        if (op->why.err != ERR_CANCELLED) /* else its client closed it while it waited */
            session_send_refusal(s, r->request.id, &op->why);
    }
    request_free(&r->request);
}

/* What is wrong with a PRODUCER as it stands. */
static enum err check_producer(const Wire__CommandProducer *ask, struct refusal *why)
{
    if ((unsigned)ask->producer_access_mode > ACCESS_EXCLUSIVE_WITH_FENCING)
        return refuse(why, ERR_INVALID, ABOUT_PRODUCER, "an access mode that there is not");
    if (ask->txn_enabled)
        return refuse(why, ERR_UNSUPPORTED, ABOUT_TRANSACTION, "transactions are not built");
    if ((ask->producer_name && strlen(ask->producer_name) > NAME_MAX_BYTES) ||
        (ask->initial_subscription_name && strlen(ask->initial_subscription_name) > NAME_MAX_BYTES))
        return refuse(why, ERR_INVALID, ABOUT_SUBSCRIPTION, "a name of more than %d bytes", NAME_MAX_BYTES);
    return OK;
}

static enum err check_rights(struct session *s, const Wire__CommandProducer *ask, const struct topic_name *name,
                             struct refusal *why)
{
    const char *initial = ask->initial_subscription_name ? ask->initial_subscription_name : "";
    const struct target on = {.topic = name, .subscription = bytes_of_text(initial)};
    const enum err err = session_may(s, WIRE__BASE_COMMAND__TYPE__PRODUCER, &on, why);

    if (err != OK || !*initial)
        return err;
    return session_may_also(s, WIRE__BASE_COMMAND__TYPE__PRODUCER, OPERATION_SUBSCRIBE, &on, why);
}

/* True: the id is taken, and the client was answered. */
static bool producer_exists(struct session *s, const Wire__CommandProducer *ask)
{
    struct handle *h = map_find_id(&s->producers, ask->producer_id);

    if (!h)
        return false;
    switch (h->state) {
    case HANDLE_OPEN:
        send_producer_success(s, ask->request_id, h->producer->name, &h->producer->schema,
                              producer_topic_epoch(h->producer), producer_last_sequence_id(h->producer), true);
        return true;
    case HANDLE_OPENING:
    case HANDLE_ABANDONED:
        session_send_error(s, ask->request_id, WIRE__SERVER_ERROR__ServiceNotReady,
                           "a producer with this id is being made");
        return true;
    case HANDLE_CLOSED:
        break;
    }
    handle_free(s, &s->producers, h);
    return false;
}

void handle_producer(struct session *s, const struct incoming *in)
{
    const Wire__CommandProducer *ask = in->body->producer;
    struct client_schema schema;
    struct producer_request *r;
    struct topic_name name;
    struct refusal why;
    struct handle *h;

    if (!session_topic(s, ask->request_id, ask->topic, &name) || producer_exists(s, ask))
        return;
    if (check_producer(ask, &why) != OK || check_rights(s, ask, &name, &why) != OK ||
        client_schema_take(s, ask->schema, &schema, &why) != OK) {
        session_send_refusal(s, ask->request_id, &why);
        return;
    }
    if (!(h = handle_new(s, &s->producers, ask->producer_id, ask->request_id))) {
        client_schema_drop(&schema);
        return;
    }
    const struct bytes metadata = session_properties(s, ask->metadata, ask->n_metadata);
    r = request_new(s, sizeof *r + metadata.len, offsetof(struct producer_request, request), ask->request_id,
                    ask->producer_id);
    if (!r) {
        client_schema_drop(&schema);
        return;
    }
    r->request.schema = schema;
    r->open.schema = client_schema_record(&r->request.schema);
    r->open.metadata = bytes_of(r->metadata, metadata.len);
    if (metadata.len)
        memcpy(r->metadata, metadata.data, metadata.len);
    (void)snprintf(r->name, sizeof r->name, "%s", ask->producer_name ? ask->producer_name : "");
    r->open.op.done = producer_opened;
    r->open.queued = producer_queued;
    r->open.sink = &s->sink;
    r->open.producer_id = ask->producer_id;
    r->open.topic = name;
    r->open.name = r->name;
    r->open.name_given = ask->user_provided_producer_name;
    r->open.epoch = ask->epoch;
    r->open.access = (enum access_mode)ask->producer_access_mode;
    r->open.topic_epoch = ask->has_topic_epoch && ask->topic_epoch < INT64_MAX ? (int64_t)ask->topic_epoch : -1;
    r->open.encrypted = ask->encrypted;
    if (ask->initial_subscription_name && ask->initial_subscription_name[0]) {
        (void)snprintf(r->initial_subscription, sizeof r->initial_subscription, "%s", ask->initial_subscription_name);
        r->open.initial_subscription = r->initial_subscription;
    }
    producer_open(s->broker, &r->open);
}

/* ---- SEND ---- */

/* The open producer of a SEND; NULL: it is dropped, or its connection is. */
static struct producer *sending_producer(struct session *s, const struct send *send)
{
    struct handle *h = s->sending;

    if (!h || h->id != send->producer_id)
        h = s->sending = map_find_id(&s->producers, send->producer_id);
    if (h && h->state == HANDLE_OPEN)
        return h->producer;
    if (!h || h->state != HANDLE_CLOSED) {
        s->server->counts.protocol_errors++;
        session_close(s, "a message of a producer that is not there");
    }
    return NULL;
}

static uint16_t flags_of(const struct metadata *m)
{
    unsigned flags = 0;

    if (m->is_batch)
        flags |= ENTRY_BATCHED;
    if (m->is_encrypted)
        flags |= ENTRY_ENCRYPTED;
    if (m->is_replicated)
        flags |= ENTRY_REPLICATED;
    if (m->is_chunk)
        flags |= ENTRY_CHUNK;
    return (uint16_t)flags;
}

/* Its peer has not taken the receipts of so many messages. */
static bool crowded(const struct session *s)
{
    return s->receipts_waiting > s->server->options.non_persistent_pending_max && !output_taken(&s->output);
}

static void send_entry(struct session *s, const struct incoming *in, const struct send *send,
                       const struct entry_view *view, struct producer *p)
{
    const struct publish m = {
        .sequence_id = send->sequence_id,
        .highest_sequence_id = send->highest_sequence_id,
        .sequence = publish_sequence_of(&view->metadata),
        .messages = view->metadata.messages,
        .flags = flags_of(&view->metadata),
        .marker = view->metadata.is_marker,
        .crowded = crowded(s),
        .publish_ms = (int64_t)view->metadata.publish_time,
        .deliver_ms = view->metadata.has_deliver_at ? view->metadata.deliver_at_time : 0,
        .metadata = view->metadata_bytes,
        .bytes = {.buffer = in->buffer, .data = view->entry.data, .len = view->entry.len},
        .known = entry_view_known(view),
    };

    if (s->pending_sends++ == 0)
        s->server->publishing++;
    s->pending_bytes += view->entry.len;
    const uint64_t pause_ms = producer_publish(p, &m);
    if (pause_ms > 0)
        timer_start_ms(&s->throttle, pause_ms);
}

void handle_send(struct session *s, const struct incoming *in)
{
    struct entry_view view;
    struct producer *p;
    struct send send;
    enum err err;

    if (send_decode(in->frame.command, &send) != OK) {
        s->server->counts.protocol_errors++;
        session_close(s, "SEND cannot be read");
        return;
    }
    if (!(p = sending_producer(s, &send)))
        return;
    if ((err = entry_view_decode(in->frame.entry, &view)) == OK)
        err = entry_view_verify_known(&view, in->known);
    if (err == ERR_CHECKSUM) {
        s->server->counts.checksum_errors++;
        session_send_send_error(s, send.producer_id, send.sequence_id, ERR_CHECKSUM);
    } else if (err != OK) {
        s->server->counts.protocol_errors++;
        session_close(s, "a message without metadata that can be read");
    } else if (view.metadata.in_transaction || send.in_transaction) {
        session_send_send_error(s, send.producer_id, send.sequence_id, ERR_UNSUPPORTED);
    } else {
        send_entry(s, in, &send, &view, p);
    }
}

/* ---- CLOSE_PRODUCER ---- */

struct close_request {
    struct producer_close close;
    struct request request;
};

static void producer_closed(struct broker_op *op)
{
    struct close_request *r = container_of(op, struct close_request, close.op);

    session_send_outcome(r->request.session, r->request.id, &op->why);
    request_free(&r->request);
}

void handle_close_producer(struct session *s, const struct incoming *in)
{
    const Wire__CommandCloseProducer *ask = in->body->close_producer;
    struct handle *h = map_find_id(&s->producers, ask->producer_id);
    struct close_request *r;

    if (h && h->state == HANDLE_OPEN) {
        r = request_new(s, sizeof *r, offsetof(struct close_request, request), ask->request_id, ask->producer_id);
        if (!r)
            return;
        struct producer *p = h->producer;
        h->state = HANDLE_CLOSED; /* it ends by itself when what is under way has ended */
        h->producer = NULL;
        h->closed_ns = loop_now_ns(s->server->loop);
        r->close.op.done = producer_closed;
        producer_close(p, &r->close);
        return;
    }
    if (h && h->state == HANDLE_OPENING) {
        h->state = HANDLE_ABANDONED;
        if (h->queued)
            access_withdraw(h->queued);
    }
    session_send_success(s, ask->request_id);
}
