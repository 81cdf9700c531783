/* SPDX-License-Identifier: Apache-2.0
 *
 * publisher.c - pending parcels, and what receipts, refusals, reconnects and time-outs do to them.
 *
 * A callback of a user may call back into the publisher, and even close it; so a parcel leaves the list before its
 * sends are told, and lists are looked at anew after that.
 */
#include "client/publisher.h"

#include "client/result.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define LOG_INTERVAL_MS 1000

static struct client_publisher *publisher_of(struct client_link *l)
{
    return container_of(l, struct client_publisher, link);
}

static uint64_t now_ns(const struct client_publisher *p)
{
    return loop_now_ns(p->core->sys->loop);
}

static struct client_parcel *oldest(const struct client_publisher *p)
{
    return list_empty(&p->pending) ? NULL : container_of(p->pending.next, struct client_parcel, node);
}

/* ---- completion ---- */

static void flushes_check(struct client_publisher *p)
{
    while (!list_empty(&p->flushes)) {
        struct client_flush *f = container_of(p->flushes.next, struct client_flush, node);

        if (oldest(p) && oldest(p)->number <= f->until)
            return;
        list_remove(&f->node);
        f->done(f, f->result);
    }
}

/* A parcel that failed makes all flushes that wait for it fail. */
static void flushes_note(struct client_publisher *p, uint64_t number, pulsar_result result)
{
    list_each (node, &p->flushes) {
        struct client_flush *f = container_of(node, struct client_flush, node);

        if (f->until >= number && f->result == pulsar_result_Ok)
            f->result = result;
    }
}

static void leaving(struct client_publisher *p, uint32_t sends, size_t charge)
{
    if (p->on_leaving)
        p->on_leaving(p, sends, charge);
}

static void parcel_finish(struct client_publisher *p, struct client_parcel *parcel, pulsar_result result,
                          const struct message_id *entry)
{
    list_remove(&parcel->node);
    flushes_note(p, parcel->number, result);
    leaving(p, parcel->count, parcel->charge);
    client_parcel_finish(parcel, result, entry);
    flushes_check(p);
}

static void batch_fail(struct client_publisher *p, pulsar_result result)
{
    struct list sends, *node;

    timer_stop(&p->batch_timer);
    if (client_batch_empty(&p->batch))
        return;
    leaving(p, p->batch.count, p->batch.charge);
    list_move(&sends, &p->batch.sends);
    client_batch_init(&p->batch);
    while ((node = list_pop_front(&sends))) {
        struct client_send *s = container_of(node, struct client_send, node);

        s->done(s, result, NULL);
    }
}

static void all_fail(struct client_publisher *p, pulsar_result result)
{
    struct client_parcel *parcel;

    while ((parcel = oldest(p)))
        parcel_finish(p, parcel, result, NULL);
    batch_fail(p, result);
    timer_stop(&p->send_timer);
}

/* ---- closing ---- */

static void publisher_closed(struct client_publisher *p, pulsar_result result)
{
    void (*closed)(struct client_publisher *, pulsar_result) = p->on_closed;

    if (p->state == PUBLISHER_CLOSED)
        return;
    p->state = PUBLISHER_CLOSED;
    p->on_closed = NULL;
    atomic_store(&p->attached, false);
    client_request_cancel(&p->request);
    client_link_stop(&p->link);
    timer_stop(&p->closing);
    timer_stop(&p->creation);
    all_fail(p, pulsar_result_AlreadyClosed);
    if (closed)
        closed(p, result);
}

static void on_close_answer(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct client_publisher *p = container_of(r, struct client_publisher, request);

    /* The broker forgets us with the connection, so that is a good end, too. */
    publisher_closed(p, result == pulsar_result_Disconnected ? pulsar_result_Ok : result);
}

static void close_send(struct client_publisher *p, bool await)
{
    Wire__CommandCloseProducer close = WIRE__COMMAND_CLOSE_PRODUCER__INIT;
    Wire__BaseCommand command;

    client_request_init(&p->request, p->core, on_close_answer);
    close.producer_id = p->link.peer.id;
    close.request_id = p->request.id;
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER, &close);
    if (await)
        client_connection_request(p->link.peer.connection, &p->request, &command);
    else
        client_connection_command(p->link.peer.connection, &command);
}

/* While CLOSING: goes on as soon as nothing is pending. */
static void closing_check(struct client_publisher *p)
{
    if (p->state != PUBLISHER_CLOSING || oldest(p) || p->request.connection)
        return;
    if (p->link.state == LINK_READY)
        close_send(p, true);
    else
        timer_start_ms(&p->closing, 0);
}

static void on_closing(struct timer *timer)
{
    struct client_publisher *p = container_of(timer, struct client_publisher, closing);

    publisher_closed(p, oldest(p) ? pulsar_result_Timeout : pulsar_result_Ok);
}

/* ---- sending ---- */

static void send_timer_set(struct client_publisher *p)
{
    uint64_t deadline = UINT64_MAX;

    if (oldest(p))
        deadline = oldest(p)->deadline_ns;
    else if (!client_batch_empty(&p->batch))
        deadline = container_of(p->batch.sends.next, struct client_send, node)->deadline_ns;
    if (deadline == UINT64_MAX)
        timer_stop(&p->send_timer);
    else
        timer_start_at(&p->send_timer, deadline);
}

static void parcel_post(struct client_publisher *p, struct client_parcel *parcel)
{
    parcel->number = ++p->parcels_made;
    list_push_back(&p->pending, &parcel->node);
    if (p->link.state == LINK_READY)
        client_connection_send(p->link.peer.connection, parcel->frame);
    if (!timer_running(&p->send_timer))
        send_timer_set(p);
}

static struct client_parcel_common common_of(const struct client_publisher *p)
{
    return (struct client_parcel_common){
        .pool = &p->core->parcels,
        .producer_id = p->link.peer.id,
        .producer_name = p->name ? p->name : "",
        .schema_version = p->schema_version,
        .codec = (enum codec)p->config->compression,
        .payload_max = p->core->message_size_max,
        .publish_time_ms = (uint64_t)loop_event_wall_ms(p->core->sys->loop),
    };
}

/* Makes the open batch, if there is one, a pending parcel; or fails it. */
static pulsar_result batch_close(struct client_publisher *p)
{
    struct client_parcel *parcel;
    enum err err;

    timer_stop(&p->batch_timer);
    if (client_batch_empty(&p->batch))
        return pulsar_result_Ok;
    const struct client_parcel_common common = common_of(p);
    if ((err = client_parcel_new(&parcel, &p->batch, &common)) == OK)
        parcel_post(p, parcel);
    else
        batch_fail(p, client_result_of_err(err));
    return client_result_of_err(err);
}

static void on_batch_timer(struct timer *timer)
{
    batch_close(container_of(timer, struct client_publisher, batch_timer));
}

static bool batch_fits(const struct client_publisher *p, const struct client_send *s)
{
    size_t limit = p->config->batch_bytes_max;

    if (limit == 0 || limit > p->core->message_size_max)
        limit = p->core->message_size_max;
    return p->batch.bytes + client_send_size(s) <= limit;
}

static bool batch_full(const struct client_publisher *p)
{
    return (p->config->batch_messages_max > 0 && p->batch.count >= p->config->batch_messages_max) ||
           p->batch.bytes >= p->config->batch_bytes_max;
}

static void send_number(struct client_publisher *p, struct client_send *s)
{
    const struct client_body *b = s->body;
    unsigned timeout_ms = p->config->send_timeout_ms > 0 ? (unsigned)p->config->send_timeout_ms : 0;

    s->sequence_id = b->sequence_id >= 0 ? (uint64_t)b->sequence_id : p->next_sequence_id;
    if (s->sequence_id >= p->next_sequence_id)
        p->next_sequence_id = s->sequence_id + 1;
    s->deliver_at = b->deliver_at;
    if (b->deliver_after > 0)
        s->deliver_at = loop_event_wall_ms(p->core->sys->loop) + b->deliver_after;
    s->deadline_ns = UINT64_MAX;
    if (timeout_ms > 0)
        s->deadline_ns = loop_event_ns(p->core->sys->loop) + timeout_ms * NS_PER_MS;
}

void client_publisher_send(struct client_publisher *p, struct client_send *s)
{
    bool shares;

    if (p->state != PUBLISHER_OPEN || p->failed != pulsar_result_Ok) {
        leaving(p, 1, s->charge);
        s->done(s, p->failed != pulsar_result_Ok ? p->failed : pulsar_result_AlreadyClosed, NULL);
        return;
    }
    send_number(p, s);
    shares = p->config->batching && client_send_shares(s);
    if (!shares || !batch_fits(p, s))
        batch_close(p);
    client_batch_add(&p->batch, s);
    if (!shares || batch_full(p) || p->config->batch_delay_ms == 0)
        batch_close(p);
    else if (!timer_running(&p->batch_timer))
        timer_start_ms(&p->batch_timer, (uint64_t)p->config->batch_delay_ms);
}

void client_publisher_flush(struct client_publisher *p, struct client_flush *f)
{
    f->result = batch_close(p);
    f->until = p->parcels_made;
    list_push_back(&p->flushes, &f->node);
    flushes_check(p);
}

static void on_send_timer(struct timer *timer)
{
    struct client_publisher *p = container_of(timer, struct client_publisher, send_timer);
    uint64_t now = now_ns(p);
    struct client_parcel *parcel;

    while ((parcel = oldest(p)) && parcel->deadline_ns <= now) {
        log_warn(p->core->log, "client", "%s: %u message(s) from sequence id %" PRIu64 " had no receipt in time",
                 p->topic, parcel->count, parcel->sequence_id);
        parcel_finish(p, parcel, pulsar_result_Timeout, NULL);
    }
    if (!oldest(p) && !client_batch_empty(&p->batch) &&
        container_of(p->batch.sends.next, struct client_send, node)->deadline_ns <= now)
        batch_fail(p, pulsar_result_Timeout);
    if (p->state == PUBLISHER_CLOSED)
        return;
    send_timer_set(p);
    closing_check(p);
}

/* ---- what the broker says ---- */

static void on_receipt(struct client_peer *peer, const struct send_receipt *receipt)
{
    struct client_publisher *p = publisher_of(client_link_of(peer));
    struct client_parcel *parcel = oldest(p);
    struct message_id id = receipt->id;

    if (!parcel || receipt->sequence_id < parcel->sequence_id)
        return; /* it timed out here, or was sent twice */
    if (receipt->sequence_id > parcel->sequence_id) {
        client_connection_break(peer->connection, "a receipt for a message that was not the next");
        return;
    }
    id.partition = p->partition;
    /* Released only: to wait until all processors see it would cost each receipt more than all else here. */
    atomic_store_explicit(&p->last_sequence_id,
                          (int64_t)(container_of(parcel->sends.prev, struct client_send, node)->sequence_id),
                          memory_order_release);
    parcel_finish(p, parcel, pulsar_result_Ok, &id);
    closing_check(p);
}

/* The topic or the producer takes nothing any more. */
static void publisher_fail(struct client_publisher *p, pulsar_result why)
{
    log_error(p->core->log, "client", "%s: producing has ended: %s", p->topic, pulsar_result_str(why));
    p->failed = why;
    client_link_stop(&p->link);
    atomic_store(&p->attached, false);
    all_fail(p, why);
    closing_check(p);
}

/* The refused parcel, which may be ahead of others' receipts; NULL: not pending any more. */
static struct client_parcel *refused_parcel(struct client_publisher *p, uint64_t sequence_id)
{
    list_each (node, &p->pending) {
        struct client_parcel *parcel = container_of(node, struct client_parcel, node);

        if (parcel->sequence_id == sequence_id)
            return parcel;
    }
    return NULL;
}

static void refusal_log(struct client_publisher *p, const Wire__CommandSendError *error, pulsar_result result)
{
    int64_t now_ms = (int64_t)(now_ns(p) / NS_PER_MS);
    uint64_t quiet;

    if (log_rate_allow(&p->refusals, now_ms, LOG_INTERVAL_MS, &quiet))
        log_warn(p->core->log, "client",
                 "%s: message %" PRIu64 " refused (%" PRIu64 " more since the last line): %s: %s", p->topic,
                 error->sequence_id, quiet, pulsar_result_str(result), error->message);
}

static void on_send_error(struct client_peer *peer, const Wire__CommandSendError *error)
{
    struct client_publisher *p = publisher_of(client_link_of(peer));
    struct client_parcel *parcel = refused_parcel(p, error->sequence_id);
    pulsar_result result = client_result_of(error->error);

    refusal_log(p, error, result);
    if (error->error == WIRE__SERVER_ERROR__TopicTerminatedError)
        publisher_fail(p, result);
    else if (error->error == WIRE__SERVER_ERROR__NotAllowedError && parcel)
        parcel_finish(p, parcel, result, NULL);
    else if (error->error == WIRE__SERVER_ERROR__ChecksumError && parcel && !client_parcel_intact(parcel))
        parcel_finish(p, parcel, result, NULL); /* our memory is at fault; sending it again would not help */
    else if (error->error != WIRE__SERVER_ERROR__NotAllowedError || parcel)
        client_connection_break(peer->connection, "a refused message; all pending ones are sent again");
    closing_check(p);
}

/* ---- attaching ---- */

static void created(struct client_publisher *p, pulsar_result result)
{
    void (*on_created)(struct client_publisher *, pulsar_result) = p->on_created;

    if (!on_created)
        return;
    p->on_created = NULL;
    timer_stop(&p->creation);
    if (result == pulsar_result_Ok) {
        p->state = PUBLISHER_OPEN;
        p->failed = pulsar_result_Ok;
    } else {
        publisher_closed(p, result);
    }
    on_created(p, result);
}

static void on_creation_late(struct timer *timer)
{
    struct client_publisher *p = container_of(timer, struct client_publisher, creation);

    created(p, p->failed != pulsar_result_Ok ? p->failed : pulsar_result_Timeout);
}

static void pending_resend(struct client_publisher *p)
{
    list_each (node, &p->pending)
        client_connection_send(p->link.peer.connection, container_of(node, struct client_parcel, node)->frame);
}

/* The producer is there. */
static bool attached_take(struct client_publisher *p, const Wire__CommandProducerSuccess *success)
{
    uint8_t *version = NULL;

    if (!p->name && !client_text_set(&p->name, success->producer_name))
        return false;
    if (success->has_schema_version && success->schema_version.len > 0) {
        if (!(version = malloc(success->schema_version.len)))
            return false;
        memcpy(version, success->schema_version.data, success->schema_version.len);
        free(wire_binary(p->schema_version).data);
        p->schema_version = bytes_of(version, success->schema_version.len);
    }
    p->has_topic_epoch = success->has_topic_epoch;
    p->topic_epoch = success->topic_epoch;
    if (p->state == PUBLISHER_CREATING && p->config->initial_sequence_id < 0) {
        p->next_sequence_id = (uint64_t)(success->last_sequence_id + 1);
        atomic_store(&p->last_sequence_id, success->last_sequence_id);
    }
    return true;
}

static void on_attached(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct client_publisher *p = container_of(r, struct client_publisher, request);

    if (result == pulsar_result_Disconnected)
        return; /* the link hears of it, too */
    if (result == pulsar_result_Ok && (!answer->producer_success || !attached_take(p, answer->producer_success)))
        result = pulsar_result_UnknownError;
    if (result == pulsar_result_Timeout)
        close_send(p, false); /* or the broker may have a producer that nobody owns */
    if (result != pulsar_result_Ok) {
        client_link_retry(&p->link, result);
        return;
    }
    client_link_ready(&p->link);
    atomic_store(&p->attached, true);
    log_debug(p->core->log, "client", "%s: there is a producer, %s", p->topic, p->name ? p->name : "");
    pending_resend(p);
    created(p, pulsar_result_Ok);
    closing_check(p);
}

static void producer_fill(Wire__CommandProducer *producer, const struct client_publisher *p)
{
    wire__command_producer__init(producer);
    producer->topic = p->topic;
    producer->producer_id = p->link.peer.id;
    producer->request_id = p->request.id;
    producer->producer_name = p->name;
    producer->has_user_provided_producer_name = true;
    producer->user_provided_producer_name = p->config->name != NULL;
    producer->has_epoch = true;
    producer->epoch = p->epoch;
    producer->has_producer_access_mode = p->config->access_mode != pulsar_ProducerAccessModeShared;
    producer->producer_access_mode = (Wire__ProducerAccessMode)p->config->access_mode;
    producer->has_topic_epoch = p->has_topic_epoch;
    producer->topic_epoch = p->topic_epoch;
    producer->initial_subscription_name = p->config->initial_subscription;
    producer->n_metadata = (size_t)p->config->properties.count;
}

static void publisher_attach(struct client_link *l, struct client_connection *connection)
{
    struct client_publisher *p = publisher_of(l);
    Wire__CommandProducer producer;
    Wire__BaseCommand command;
    Wire__Schema schema;

    client_request_init(&p->request, p->core, on_attached);
    producer_fill(&producer, p);
    if (p->config->schema.set)
        producer.schema = &schema;
    if (client_map_wire(&p->config->properties, &producer.metadata) != OK ||
        client_schema_wire(&p->config->schema, &schema) != OK) {
        free(producer.metadata);
        client_link_retry(l, pulsar_result_UnknownError);
        return;
    }
    p->epoch++;
    if (p->config->access_mode == pulsar_ProducerAccessModeWaitForExclusive)
        timer_stop(&p->creation); /* the user chose to wait */
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__PRODUCER, &producer);
    client_connection_request(connection, &p->request, &command);
    free(producer.metadata);
    free(schema.properties);
}

/* What no further attempt can change.  A name that is taken is given free when our own old connection is found dead. */
static bool hopeless(const struct client_publisher *p, pulsar_result why)
{
    switch (why) {
    case pulsar_result_ProducerFenced:
    case pulsar_result_TopicTerminated:
    case pulsar_result_IncompatibleSchema:
    case pulsar_result_NotAllowedError:
    case pulsar_result_InvalidTopicName:
    case pulsar_result_UnsupportedVersionError:
        return true;
    case pulsar_result_AuthenticationError:
    case pulsar_result_AuthorizationError:
    case pulsar_result_ErrorGettingAuthenticationData:
    case pulsar_result_ProducerBusy:
    case pulsar_result_TopicNotFound:
    case pulsar_result_ProducerBlockedQuotaExceededException:
        return p->state == PUBLISHER_CREATING;
    default:
        return false;
    }
}

static void publisher_attach_failed(struct client_link *l, pulsar_result why, bool no_hope)
{
    struct client_publisher *p = publisher_of(l);

    if (p->state == PUBLISHER_CREATING) {
        p->failed = why; /* what the creation fails with when its time is up */
        if (no_hope || hopeless(p, why))
            created(p, why);
        else
            log_info(p->core->log, "client", "%s: creating a producer: %s; trying again", p->topic,
                     pulsar_result_str(why));
        return;
    }
    if (why != pulsar_result_ConnectError) /* that is logged once, for all that want the connection */
        log_warn(p->core->log, "client", "%s: attaching the producer again: %s", p->topic, pulsar_result_str(why));
    if (hopeless(p, why))
        publisher_fail(p, why);
    else if (why == pulsar_result_ProducerBlockedQuotaExceededException)
        all_fail(p, why);
    closing_check(p);
}

static void publisher_lost(struct client_link *l)
{
    struct client_publisher *p = publisher_of(l);

    atomic_store(&p->attached, false);
    client_request_cancel(&p->request);
    if (p->state == PUBLISHER_CLOSING)
        publisher_closed(p, pulsar_result_Ok);
}

static const struct client_link_ops publisher_link_ops = {
    .attach = publisher_attach,
    .failed = publisher_attach_failed,
    .lost = publisher_lost,
};

static const struct client_peer_ops publisher_peer_ops = {
    .receipt = on_receipt,
    .send_error = on_send_error,
    .moved = client_link_moved,
    .lost = client_link_lost,
};

/* ---- life ---- */

enum err client_publisher_new(struct client_publisher **out, struct client_core *core,
                              const struct _pulsar_producer_configuration *config, const char *topic, void *owner,
                              void (*on_created)(struct client_publisher *p, pulsar_result result))
{
    struct client_publisher *p = calloc(1, sizeof *p);

    if (!p)
        return ERR_NOMEM;
    if (!client_text_set(&p->topic, topic) || !client_text_set(&p->name, config->name)) {
        free(p->topic);
        free(p);
        return ERR_NOMEM;
    }
    p->core = core;
    p->config = config;
    p->partition = client_topic_partition_of(topic);
    p->owner = owner;
    p->on_created = on_created;
    p->next_sequence_id = (uint64_t)(config->initial_sequence_id + 1);
    atomic_init(&p->attached, false);
    atomic_init(&p->last_sequence_id, config->initial_sequence_id);
    list_init(&p->pending);
    list_init(&p->flushes);
    client_batch_init(&p->batch);
    timer_init(&p->creation, core->sys->loop, on_creation_late);
    timer_init(&p->batch_timer, core->sys->loop, on_batch_timer);
    timer_init(&p->send_timer, core->sys->loop, on_send_timer);
    timer_init(&p->closing, core->sys->loop, on_closing);
    client_request_init(&p->request, core, on_attached);
    client_link_init(&p->link, core, p->topic, &publisher_link_ops, &publisher_peer_ops);
    timer_start_at(&p->creation, now_ns(p) + client_core_timeout_ns(core));
    client_link_start(&p->link);
    *out = p;
    return OK;
}

void client_publisher_free(struct client_publisher *p)
{
    if (!p)
        return;
    assert(p->state == PUBLISHER_CLOSED);
    assert(list_empty(&p->pending) && list_empty(&p->flushes));
    free(wire_binary(p->schema_version).data);
    free(p->name);
    free(p->topic);
    free(p);
}

void client_publisher_close(struct client_publisher *p, bool now,
                            void (*closed)(struct client_publisher *p, pulsar_result result))
{
    assert(p->state != PUBLISHER_CLOSED);
    p->on_closed = closed;
    p->on_created = NULL;
    if (now) {
        if (p->link.state == LINK_READY && !p->request.connection) /* else the broker has been told */
            close_send(p, false);
        publisher_closed(p, pulsar_result_Ok);
        return;
    }
    if (p->state == PUBLISHER_CLOSING)
        return;
    batch_close(p);
    p->state = PUBLISHER_CLOSING;
    timer_stop(&p->creation);
    if (p->link.state == LINK_READY || p->link.state == LINK_STOPPED)
        timer_start_at(&p->closing, now_ns(p) + client_core_timeout_ns(p->core));
    else
        timer_start_ms(&p->closing, 0); /* not connected: nothing is waited for */
    closing_check(p);
}
