/* SPDX-License-Identifier: Apache-2.0
 *
 * subscriber.c - entries in; grants, acknowledgements and requests for redelivery out.
 */
#include "client/subscriber.h"

#include "client/result.h"
#include "client/unpack.h"

#include <assert.h>
#include <geminga/client.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#define IDS_PER_COMMAND 1000u
#define LOG_INTERVAL_MS 1000

static struct client_subscriber *subscriber_of(struct client_link *l)
{
    return container_of(l, struct client_subscriber, link);
}

static uint64_t now_ns(const struct client_subscriber *s)
{
    return loop_now_ns(s->core->sys->loop);
}

static const struct _pulsar_consumer_configuration *config_of(const struct client_subscriber *s)
{
    return s->subscription.config;
}

static bool is_ready(const struct client_subscriber *s)
{
    return s->link.state == LINK_READY;
}

static void command_send(struct client_subscriber *s, Wire__BaseCommand__Type type, void *body)
{
    Wire__BaseCommand command;

    command_wrap(&command, type, body);
    client_connection_command(s->link.peer.connection, &command);
}

/* ---- grants ---- */

static void flow_send(struct client_subscriber *s, uint32_t permits)
{
    Wire__CommandFlow flow = WIRE__COMMAND_FLOW__INIT;

    flow.consumer_id = s->link.peer.id;
    flow.message_permits = permits;
    s->granted += permits;
    command_send(s, WIRE__BASE_COMMAND__TYPE__FLOW, &flow);
}

/* How many are worth a FLOW. */
static uint32_t grant_step(const struct client_subscriber *s)
{
    return s->subscription.queue_size > 1 ? s->subscription.queue_size / 2 : 1;
}

/* `count` messages do not lie in the queue any more, or never did. */
static void grant(struct client_subscriber *s, uint32_t count)
{
    if (s->subscription.queue_size == 0) {
        if (s->wanted && s->granted == 0 && is_ready(s))
            flow_send(s, 1);
        return;
    }
    s->ungranted += count;
    if (s->ungranted < grant_step(s) || !is_ready(s))
        return;
    flow_send(s, s->ungranted);
    s->ungranted = 0;
}

void client_subscriber_settle(struct client_subscriber *s)
{
    if (s->state != SUBSCRIBER_CLOSED)
        grant(s, client_queue_settle(s->subscription.queue, s->subscription.source));
}

void client_subscriber_want(struct client_subscriber *s)
{
    s->wanted = true;
    if (s->state == SUBSCRIBER_OPEN)
        grant(s, 0);
}

/* ---- acknowledgements ---- */

static void ack_command(void *ctx, const Wire__CommandAck *ack)
{
    Wire__CommandAck copy = *ack;

    command_send(ctx, WIRE__BASE_COMMAND__TYPE__ACK, &copy);
}

static void acks_send(struct client_subscriber *s)
{
    timer_stop(&s->ack_timer);
    if (is_ready(s))
        client_acks_send(&s->acks, s->link.peer.id, ack_command, s);
}

static void on_ack_timer(struct timer *timer)
{
    acks_send(container_of(timer, struct client_subscriber, ack_timer));
}

static void acks_schedule(struct client_subscriber *s)
{
    if (config_of(s)->ack_group_ms <= 0)
        acks_send(s);
    else if (!timer_running(&s->ack_timer) && is_ready(s))
        timer_start_ms(&s->ack_timer, (uint64_t)config_of(s)->ack_group_ms);
}

/* An entry, whole. */
static void entry_ack(struct client_subscriber *s, const struct _pulsar_message_id *id)
{
    enum err err;

    client_due_remove(&s->nacks, id);
    client_due_remove(&s->unacked, id);
    if (s->has_dead_letters)
        client_dead_letters_forget(&s->dead_letters, id);
    err = client_acks_add(&s->acks, id->ledger, id->entry);
    if (err == OK) {
        acks_schedule(s);
        return;
    }
    acks_send(s);
    if (err == ERR_NOMEM && client_acks_add(&s->acks, id->ledger, id->entry) == ERR_NOMEM)
        log_error(s->core->log, "client", "%s: no memory to acknowledge (%" PRId64 ",%" PRId64 "): it comes again",
                  s->topic, id->ledger, id->entry);
}

void client_subscriber_ack(struct client_subscriber *s, const struct _pulsar_message_id *id)
{
    if (s->state == SUBSCRIBER_CLOSED)
        return;
    if (!id->batch || client_batch_state_ack(id->batch, (uint32_t)id->batch_index))
        entry_ack(s, id);
}

static void cumulative_ack(struct client_subscriber *s, const struct _pulsar_message_id *id)
{
    client_due_remove_until(&s->nacks, id);
    client_due_remove_until(&s->unacked, id);
    client_acks_add_cumulative(&s->acks, id->ledger, id->entry);
    acks_schedule(s);
}

void client_subscriber_ack_cumulative(struct client_subscriber *s, const struct _pulsar_message_id *id)
{
    struct _pulsar_message_id before = *id;

    if (s->state == SUBSCRIBER_CLOSED)
        return;
    if (!id->batch || client_batch_state_ack_until(id->batch, (uint32_t)id->batch_index)) {
        cumulative_ack(s, id);
        return;
    }
    if (id->batch->previous_acked || id->entry == 0 || id->batch->left == 0)
        return;
    id->batch->previous_acked = true;
    before.entry--;
    cumulative_ack(s, &before);
}

/* ---- redelivery ---- */

static void redeliver_send(struct client_subscriber *s, Wire__MessageIdData **ids, size_t count)
{
    Wire__CommandRedeliverUnacknowledgedMessages redeliver = WIRE__COMMAND_REDELIVER_UNACKNOWLEDGED_MESSAGES__INIT;

    redeliver.consumer_id = s->link.peer.id;
    redeliver.n_message_ids = count;
    redeliver.message_ids = ids;
    redeliver.has_consumer_epoch = !s->shared;
    redeliver.consumer_epoch = s->epoch;
    command_send(s, WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES, &redeliver);
}

void client_subscriber_redeliver_all(struct client_subscriber *s)
{
    size_t dropped;

    if (s->state != SUBSCRIBER_OPEN)
        return;
    client_due_clear(&s->nacks);
    client_due_clear(&s->unacked);
    if (!is_ready(s))
        return; /* attaching again brings them all */
    acks_send(s);
    if (!s->shared)
        s->epoch++;
    client_subscriber_settle(s);
    dropped = client_queue_drop(s->subscription.queue, s->subscription.source);
    redeliver_send(s, NULL, 0);
    grant(s, (uint32_t)dropped);
}

/* Some entries: by their ids where the broker knows such a thing. */
struct redelivery {
    Wire__MessageIdData ids[IDS_PER_COMMAND];
    Wire__MessageIdData *list[IDS_PER_COMMAND];
    size_t count;
};

static void redelivery_flush(struct client_subscriber *s, struct redelivery *r)
{
    if (r->count > 0 && is_ready(s))
        redeliver_send(s, r->list, r->count);
    r->count = 0;
}

static void redelivery_add(struct client_subscriber *s, struct redelivery *r, const struct _pulsar_message_id *id)
{
    Wire__MessageIdData *data = &r->ids[r->count];

    wire__message_id_data__init(data);
    data->ledger_id = (uint64_t)id->ledger;
    data->entry_id = (uint64_t)id->entry;
    r->list[r->count++] = data;
    if (r->count == IDS_PER_COMMAND)
        redelivery_flush(s, r);
}

/* All of `due` that is due: to the dead letters, or to be redelivered. */
static void due_redeliver(struct client_subscriber *s, struct client_due *due, struct client_due *other)
{
    struct redelivery *r;
    struct _pulsar_message_id id;
    uint64_t now = now_ns(s);

    if (client_due_next(due) > now)
        return;
    if (!s->shared) {
        client_subscriber_redeliver_all(s);
        return;
    }
    if (!(r = malloc(sizeof *r)))
        return; /* the timer comes back */
    r->count = 0;
    while (client_due_take(due, now, &id)) {
        client_due_remove(other, &id);
        if (!s->has_dead_letters || !client_dead_letters_send(&s->dead_letters, &id))
            redelivery_add(s, r, &id);
    }
    redelivery_flush(s, r);
    free(r);
}

/* Rounded up to 10 ms: many that are due soon after another go out in one command. */
static void due_timer_set(struct client_subscriber *s, struct timer *timer, const struct client_due *due)
{
    uint64_t next = client_due_next(due);

    if (next == UINT64_MAX)
        timer_stop(timer);
    else if (!timer_running(timer))
        timer_start_at(timer, next + 10 * NS_PER_MS);
}

static void on_nack_timer(struct timer *timer)
{
    struct client_subscriber *s = container_of(timer, struct client_subscriber, nack_timer);

    due_redeliver(s, &s->nacks, &s->unacked);
    due_timer_set(s, timer, &s->nacks);
}

static void on_unacked_timer(struct timer *timer)
{
    struct client_subscriber *s = container_of(timer, struct client_subscriber, unacked_timer);

    due_redeliver(s, &s->unacked, &s->nacks);
    due_timer_set(s, timer, &s->unacked);
}

static void entry_redeliver(struct client_subscriber *s, const struct _pulsar_message_id *id)
{
    Wire__MessageIdData data = WIRE__MESSAGE_ID_DATA__INIT, *list[] = {&data};

    if (!is_ready(s))
        return;
    data.ledger_id = (uint64_t)id->ledger;
    data.entry_id = (uint64_t)id->entry;
    redeliver_send(s, list, 1);
}

void client_subscriber_nack(struct client_subscriber *s, const struct _pulsar_message_id *id)
{
    uint64_t delay_ms = config_of(s)->nack_delay_ms > 0 ? (uint64_t)config_of(s)->nack_delay_ms : 0;

    if (s->state != SUBSCRIBER_OPEN)
        return;
    client_due_remove(&s->unacked, id);
    if (client_due_add(&s->nacks, id, now_ns(s) + delay_ms * NS_PER_MS) == OK)
        due_timer_set(s, &s->nack_timer, &s->nacks);
    else
        entry_redeliver(s, id); /* too many wait: this one does not */
}

void client_subscriber_taken(struct client_subscriber *s, const struct _pulsar_message_id *id)
{
    uint64_t timeout_ms = config_of(s)->ack_timeout_ms;

    if (s->state != SUBSCRIBER_OPEN || timeout_ms == 0)
        return;
    if (client_due_add(&s->unacked, id, now_ns(s) + timeout_ms * NS_PER_MS) == OK)
        due_timer_set(s, &s->unacked_timer, &s->unacked);
}

static void on_dead_letter_done(struct client_dead_letters *d, const struct _pulsar_message_id *entry,
                                pulsar_result result)
{
    struct client_subscriber *s = container_of(d, struct client_subscriber, dead_letters);

    if (s->state == SUBSCRIBER_CLOSED)
        return;
    if (result == pulsar_result_Ok)
        entry_ack(s, entry);
    else
        entry_redeliver(s, entry);
}

/* ---- messages in ---- */

static void discard(struct client_subscriber *s, const struct message_command *message,
                    Wire__CommandAck__ValidationError why)
{
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT, *list[] = {&id};
    Wire__CommandAck ack = WIRE__COMMAND_ACK__INIT;

    id.ledger_id = (uint64_t)message->id.ledger;
    id.entry_id = (uint64_t)message->id.entry;
    ack.consumer_id = s->link.peer.id;
    ack.ack_type = WIRE__COMMAND_ACK__ACK_TYPE__Individual;
    ack.n_message_id = 1;
    ack.message_id = list;
    ack.has_validation_error = true;
    ack.validation_error = why;
    command_send(s, WIRE__BASE_COMMAND__TYPE__ACK, &ack);
}

/* As official clients: what is damaged for good is acknowledged with the reason; the rest stays unacknowledged. */
static void unreadable(struct client_subscriber *s, const struct message_command *message, enum err err)
{
    int64_t now_ms = (int64_t)(now_ns(s) / NS_PER_MS);
    uint64_t quiet;

    if (log_rate_allow(&s->unreadable, now_ms, LOG_INTERVAL_MS, &quiet))
        log_error(s->core->log, "client",
                  "%s: (%" PRId64 ",%" PRId64 ") cannot be read (%" PRIu64 " more since the last line): %s", s->topic,
                  message->id.ledger, message->id.entry, quiet, err_text(err));
    if (err == ERR_CHECKSUM)
        discard(s, message, WIRE__COMMAND_ACK__VALIDATION_ERROR__ChecksumMismatch);
    else if (err == ERR_CORRUPT)
        discard(s, message, WIRE__COMMAND_ACK__VALIDATION_ERROR__DecompressionError);
    else if (err == ERR_TOO_LARGE)
        discard(s, message, WIRE__COMMAND_ACK__VALIDATION_ERROR__UncompressedSizeCorruption);
    else if (err == ERR_PROTOCOL)
        discard(s, message, WIRE__COMMAND_ACK__VALIDATION_ERROR__BatchDeSerializeError);
}

static bool is_stale(const struct client_subscriber *s, const struct message_command *message)
{
    return s->stale || (!s->shared && message->has_consumer_epoch && message->consumer_epoch < s->epoch);
}

/* True: it was delivered so often that the user does not see it any more. */
static bool dead_letter_take(struct client_subscriber *s, const struct message_command *message,
                             struct client_unpacked *unpacked)
{
    struct _pulsar_message_id id = CLIENT_MESSAGE_ID_NONE;
    uint32_t max = (uint32_t)config_of(s)->redeliver_max;

    if (!s->has_dead_letters || message->redelivery_count < max)
        return false;
    id.ledger = message->id.ledger;
    id.entry = message->id.entry;
    client_dead_letters_forget(&s->dead_letters, &id); /* what is remembered of an earlier delivery */
    list_each (node, &unpacked->bodies) {
        if (client_dead_letters_remember(&s->dead_letters, container_of(node, struct client_body, node)) != OK)
            return false;
    }
    return message->redelivery_count > max && client_dead_letters_send(&s->dead_letters, &id);
}

static void bodies_give(struct client_subscriber *s, struct client_unpacked *unpacked)
{
    client_queue_push(s->subscription.queue, &unpacked->bodies);
    s->wanted = false;
    s->subscription.on_message(s);
}

static void on_message(struct client_peer *peer, const struct message_command *message, struct bytes entry)
{
    struct client_subscriber *s = subscriber_of(client_link_of(peer));
    struct client_unpack how = {.topic = s->topic,
                                .partition = s->partition,
                                .source = (int32_t)s->subscription.source,
                                .start = s->has_start ? &s->start : NULL,
                                .start_inclusive = config_of(s)->start_inclusive};
    struct _pulsar_message_id id = CLIENT_MESSAGE_ID_NONE;
    struct client_unpacked unpacked;
    enum err err = client_unpack(&how, message, entry, client_connection_arena(peer->connection), &unpacked);

    s->granted -= unpacked.messages < s->granted ? unpacked.messages : s->granted;
    if (err != OK && !is_stale(s, message))
        unreadable(s, message, err);
    if (is_stale(s, message) || dead_letter_take(s, message, &unpacked)) {
        client_bodies_unref(&unpacked.bodies);
        unpacked.count = 0;
    } else if (unpacked.all_acked) {
        id.ledger = message->id.ledger;
        id.entry = message->id.entry;
        entry_ack(s, &id);
    }
    if (unpacked.count < unpacked.messages)
        grant(s, unpacked.messages - unpacked.count);
    if (unpacked.count > 0)
        bodies_give(s, &unpacked);
}

static void on_end_of_topic(struct client_peer *peer)
{
    struct client_subscriber *s = subscriber_of(client_link_of(peer));

    if (!atomic_exchange(&s->end_of_topic, true))
        log_info(s->core->log, "client", "%s was terminated, and this is its end", s->topic);
}

/* ---- asking the broker ---- */

static void ask_timer_set(struct client_subscriber *s)
{
    if (list_empty(&s->asks))
        timer_stop(&s->ask_timer);
    else
        timer_start_at(&s->ask_timer, container_of(s->asks.next, struct client_ask, node)->deadline_ns);
}

static void ask_done(struct client_ask *a, pulsar_result result, const Wire__CommandGetLastMessageIdResponse *last)
{
    client_request_cancel(&a->request);
    list_remove(&a->node);
    a->done(a, result, last);
}

static void asks_fail(struct client_subscriber *s, pulsar_result why)
{
    while (!list_empty(&s->asks))
        ask_done(container_of(s->asks.next, struct client_ask, node), why, NULL);
    timer_stop(&s->ask_timer);
}

static void on_ask_timer(struct timer *timer)
{
    struct client_subscriber *s = container_of(timer, struct client_subscriber, ask_timer);
    uint64_t now = now_ns(s);

    while (!list_empty(&s->asks)) {
        struct client_ask *a = container_of(s->asks.next, struct client_ask, node);

        if (a->deadline_ns > now)
            break;
        ask_done(a, pulsar_result_Timeout, NULL);
    }
    ask_timer_set(s);
}

static void unsubscribed(struct client_subscriber *s, struct client_ask *a);

static void close_send(struct client_subscriber *s, bool await);

/* Whatever the broker has sent to us, it sends again. */
static void attach_anew(struct client_subscriber *s)
{
    if (!is_ready(s))
        return;
    close_send(s, false);
    client_link_again(&s->link);
}

/* The broker moved the cursor.  It also detached us, before or after saying so; if not, we do it. */
static void sought(struct client_subscriber *s, struct client_ask *a)
{
    a->answered = true;
    if (is_ready(s) && !s->stale)
        ask_done(a, pulsar_result_Ok, NULL);
    else
        attach_anew(s);
}

static void on_ask_answer(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct client_ask *a = container_of(r, struct client_ask, request);
    struct client_subscriber *s = a->subscriber;

    if (result == pulsar_result_Disconnected)
        return; /* asked again when attached */
    if (result != pulsar_result_Ok && a->kind == ASK_LAST_ID && !is_ready(s) && geminga_result_retryable(result))
        return;
    if (result != pulsar_result_Ok) {
        if (s->stale)
            attach_anew(s); /* the seek failed, and what was in the queue has been dropped */
        ask_done(a, result, NULL);
    } else if (a->kind == ASK_LAST_ID) {
        ask_done(a, answer->get_last_message_id_response ? pulsar_result_Ok : pulsar_result_UnknownError,
                 answer->get_last_message_id_response);
    } else if (a->kind == ASK_UNSUBSCRIBE) {
        unsubscribed(s, a);
    } else if (a->kind == ASK_ACK) {
        ask_done(a, result, NULL);
    } else {
        sought(s, a);
    }
}

/* Everything from before the seek is settled first: sent, dropped, forgotten. */
static void seek_prepare(struct client_subscriber *s, const struct client_ask *a)
{
    acks_send(s);
    s->stale = true;
    client_queue_drop(s->subscription.queue, s->subscription.source);
    client_due_clear(&s->nacks);
    client_due_clear(&s->unacked);
    if (s->has_dead_letters)
        client_dead_letters_forget_all(&s->dead_letters);
    s->sought_by_time = a->kind == ASK_SEEK_TIME;
    s->has_start = true;
    s->start = a->kind == ASK_SEEK_ID ? a->id : *pulsar_message_id_earliest();
    s->start.batch = NULL;
    client_queue_last_set(s->subscription.queue, s->subscription.source, NULL);
}

static void seek_send(struct client_subscriber *s, struct client_ask *a)
{
    Wire__CommandSeek seek = WIRE__COMMAND_SEEK__INIT;
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT;
    Wire__BaseCommand command;

    seek_prepare(s, a);
    seek.consumer_id = s->link.peer.id;
    seek.request_id = a->request.id;
    if (a->kind == ASK_SEEK_ID) {
        id.ledger_id = (uint64_t)a->id.ledger;
        id.entry_id = (uint64_t)a->id.entry;
        seek.message_id = &id;
    } else {
        seek.has_message_publish_time = true;
        seek.message_publish_time = a->time_ms;
    }
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__SEEK, &seek);
    client_connection_request(s->link.peer.connection, &a->request, &command);
}

static void last_id_send(struct client_subscriber *s, struct client_ask *a)
{
    Wire__CommandGetLastMessageId ask = WIRE__COMMAND_GET_LAST_MESSAGE_ID__INIT;
    Wire__BaseCommand command;

    ask.consumer_id = s->link.peer.id;
    ask.request_id = a->request.id;
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID, &ask);
    client_connection_request(s->link.peer.connection, &a->request, &command);
}

static void unsubscribe_send(struct client_subscriber *s, struct client_ask *a)
{
    Wire__CommandUnsubscribe ask = WIRE__COMMAND_UNSUBSCRIBE__INIT;
    Wire__BaseCommand command;

    ask.consumer_id = s->link.peer.id;
    ask.request_id = a->request.id;
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__UNSUBSCRIBE, &ask);
    client_connection_request(s->link.peer.connection, &a->request, &command);
}

/* In a transaction messages of a batch are acknowledged one by one: all the others' bits stay. */
static bool ack_set_make(Wire__MessageIdData *id, const struct _pulsar_message_id *of)
{
    const size_t words = ((size_t)of->batch_size + 63) / 64;

    if (!of->batch)
        return true;
    if (!(id->ack_set = malloc(words * sizeof *id->ack_set)))
        return false;
    for (size_t i = 0; i < words; i++)
        id->ack_set[i] = -1;
    if (of->batch_size % 64 != 0)
        id->ack_set[words - 1] = (int64_t)((UINT64_C(1) << (of->batch_size % 64)) - 1);
    id->ack_set[of->batch_index / 64] &= (int64_t) ~(UINT64_C(1) << (of->batch_index % 64));
    id->n_ack_set = words;
    id->has_batch_size = true;
    id->batch_size = of->batch_size;
    return true;
}

static void ack_ask_send(struct client_subscriber *s, struct client_ask *a)
{
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT, *list[] = {&id};
    Wire__CommandAck ack = WIRE__COMMAND_ACK__INIT;
    Wire__BaseCommand command;

    id.ledger_id = (uint64_t)a->id.ledger;
    id.entry_id = (uint64_t)a->id.entry;
    if (!ack_set_make(&id, &a->id)) {
        ask_done(a, pulsar_result_MemoryBufferIsFull, NULL);
        return;
    }
    ack.consumer_id = s->link.peer.id;
    ack.ack_type = WIRE__COMMAND_ACK__ACK_TYPE__Individual;
    ack.n_message_id = 1;
    ack.message_id = list;
    ack.has_txnid_most_bits = ack.has_txnid_least_bits = ack.has_request_id = true;
    ack.txnid_most_bits = a->transaction_most;
    ack.txnid_least_bits = a->transaction_least;
    ack.request_id = a->request.id;
    client_due_remove(&s->nacks, &a->id);
    client_due_remove(&s->unacked, &a->id);
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__ACK, &ack);
    client_connection_request(s->link.peer.connection, &a->request, &command);
    free(id.ack_set);
}

static void ask_send(struct client_subscriber *s, struct client_ask *a)
{
    client_request_init(&a->request, s->core, on_ask_answer);
    switch (a->kind) {
    case ASK_SEEK_ID:
    case ASK_SEEK_TIME:
        seek_send(s, a);
        return;
    case ASK_LAST_ID:
        last_id_send(s, a);
        return;
    case ASK_UNSUBSCRIBE:
        unsubscribe_send(s, a);
        return;
    case ASK_ACK:
        ack_ask_send(s, a);
        return;
    }
}

/* Attached: those that are done now, and those that the last connection did not answer. */
static void asks_resume(struct client_subscriber *s)
{
    list_each_safe (node, &s->asks) {
        struct client_ask *a = container_of(node, struct client_ask, node);

        if (a->answered)
            ask_done(a, pulsar_result_Ok, NULL);
        else if (!a->request.connection && is_ready(s))
            ask_send(s, a);
    }
}

void client_subscriber_ask(struct client_subscriber *s, struct client_ask *a)
{
    a->subscriber = s;
    a->answered = false;
    list_init(&a->node);
    client_request_init(&a->request, s->core, on_ask_answer);
    if (s->state != SUBSCRIBER_OPEN) {
        a->done(a, pulsar_result_AlreadyClosed, NULL);
        return;
    }
    a->deadline_ns = now_ns(s) + client_core_timeout_ns(s->core);
    list_push_back(&s->asks, &a->node);
    if (!timer_running(&s->ask_timer))
        ask_timer_set(s);
    if (is_ready(s))
        ask_send(s, a);
}

/* ---- closing ---- */

static void subscriber_end(struct client_subscriber *s)
{
    s->state = SUBSCRIBER_CLOSED;
    atomic_store(&s->attached, false);
    client_request_cancel(&s->request);
    client_link_stop(&s->link);
    timer_stop(&s->creation);
    timer_stop(&s->ack_timer);
    timer_stop(&s->nack_timer);
    timer_stop(&s->unacked_timer);
    timer_stop(&s->closing);
    client_due_clear(&s->nacks);
    client_due_clear(&s->unacked);
    asks_fail(s, pulsar_result_AlreadyClosed);
}

static void closed_tell(struct client_subscriber *s, pulsar_result result)
{
    void (*closed)(struct client_subscriber *, pulsar_result) = s->on_closed;

    s->on_closed = NULL;
    if (closed)
        closed(s, result);
}

static void subscriber_closed(struct client_subscriber *s, pulsar_result result)
{
    if (s->state == SUBSCRIBER_CLOSED)
        return;
    subscriber_end(s);
    closed_tell(s, result);
}

static void unsubscribed(struct client_subscriber *s, struct client_ask *a)
{
    client_acks_deinit(&s->acks); /* nobody keeps them any more */
    client_link_stop(&s->link);   /* attaching again would make the subscription again */
    atomic_store(&s->attached, false);
    ask_done(a, pulsar_result_Ok, NULL);
}

static void on_close_answer(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct client_subscriber *s = container_of(r, struct client_subscriber, request);

    subscriber_closed(s, result == pulsar_result_Disconnected ? pulsar_result_Ok : result);
}

static void close_send(struct client_subscriber *s, bool await)
{
    Wire__CommandCloseConsumer close = WIRE__COMMAND_CLOSE_CONSUMER__INIT;
    Wire__BaseCommand command;

    client_request_init(&s->request, s->core, on_close_answer);
    close.consumer_id = s->link.peer.id;
    close.request_id = s->request.id;
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER, &close);
    if (await)
        client_connection_request(s->link.peer.connection, &s->request, &command);
    else
        client_connection_command(s->link.peer.connection, &command);
}

static void on_closing(struct timer *timer)
{
    subscriber_closed(container_of(timer, struct client_subscriber, closing), pulsar_result_Ok);
}

/* The dead letters are where they should be: what is acknowledged is complete. */
static void closing_go_on(struct client_subscriber *s)
{
    if (!is_ready(s)) {
        timer_start_ms(&s->closing, 0);
        return;
    }
    acks_send(s);
    close_send(s, true);
}

static void on_dead_letters_closed(struct client_dead_letters *d)
{
    struct client_subscriber *s = container_of(d, struct client_subscriber, dead_letters);

    if (s->state == SUBSCRIBER_CLOSED)
        closed_tell(s, pulsar_result_Ok);
    else
        closing_go_on(s);
}

static void close_now(struct client_subscriber *s)
{
    if (is_ready(s) && !s->request.connection) { /* else the broker has been told */
        acks_send(s);
        close_send(s, false);
    }
    subscriber_end(s);
    if (s->has_dead_letters)
        client_dead_letters_close(&s->dead_letters, true, on_dead_letters_closed);
    else
        closed_tell(s, pulsar_result_Ok);
}

void client_subscriber_close(struct client_subscriber *s, bool now,
                             void (*closed)(struct client_subscriber *s, pulsar_result result))
{
    assert(s->state != SUBSCRIBER_CLOSED);
    s->on_closed = closed;
    s->subscription.on_created = NULL;
    if (now) {
        close_now(s);
        return;
    }
    if (s->state == SUBSCRIBER_CLOSING)
        return;
    s->state = SUBSCRIBER_CLOSING;
    timer_stop(&s->creation);
    asks_fail(s, pulsar_result_AlreadyClosed);
    timer_start_at(&s->closing, now_ns(s) + client_core_timeout_ns(s->core));
    if (s->has_dead_letters)
        client_dead_letters_close(&s->dead_letters, false, on_dead_letters_closed);
    else
        closing_go_on(s);
}

/* ---- attaching ---- */

static void created(struct client_subscriber *s, pulsar_result result)
{
    void (*on_created)(struct client_subscriber *, pulsar_result) = s->subscription.on_created;

    if (!on_created)
        return;
    s->subscription.on_created = NULL;
    timer_stop(&s->creation);
    if (result == pulsar_result_Ok)
        s->state = SUBSCRIBER_OPEN;
    else
        subscriber_end(s);
    on_created(s, result);
}

static void on_creation_late(struct timer *timer)
{
    struct client_subscriber *s = container_of(timer, struct client_subscriber, creation);

    created(s, s->failed != pulsar_result_Ok ? s->failed : pulsar_result_Timeout);
}

static void on_attached(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct client_subscriber *s = container_of(r, struct client_subscriber, request);

    if (result == pulsar_result_Disconnected)
        return; /* the link hears of it, too */
    if (result == pulsar_result_Timeout)
        close_send(s, false);
    if (result != pulsar_result_Ok) {
        client_link_retry(&s->link, result);
        return;
    }
    client_link_ready(&s->link);
    atomic_store(&s->attached, true);
    s->stale = false;
    log_debug(s->core->log, "client", "%s: subscribed as %s", s->topic, s->subscription.name);
    if (s->state == SUBSCRIBER_CREATING)
        created(s, pulsar_result_Ok);
    if (s->subscription.queue_size > 0)
        flow_send(s, s->subscription.queue_size);
    else
        grant(s, 0);
    acks_send(s);
    asks_resume(s);
}

/* Where a reader goes on: after what its user took last. */
static void start_refresh(struct client_subscriber *s)
{
    struct _pulsar_message_id last;

    if (s->subscription.durable || !client_queue_last(s->subscription.queue, s->subscription.source, &last))
        return;
    s->has_start = true;
    s->start = last;
}

static void start_fill(Wire__CommandSubscribe *subscribe, Wire__MessageIdData *start, const struct client_subscriber *s)
{
    if (s->subscription.durable || !s->has_start)
        return;
    wire__message_id_data__init(start);
    start->ledger_id = (uint64_t)s->start.ledger;
    start->entry_id = (uint64_t)s->start.entry;
    start->has_batch_index = s->start.batch_index >= 0;
    start->batch_index = s->start.batch_index;
    subscribe->start_message_id = start;
}

static const Wire__CommandSubscribe__SubType sub_types[] = {
    [pulsar_ConsumerExclusive] = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive,
    [pulsar_ConsumerShared] = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared,
    [pulsar_ConsumerFailover] = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Failover,
    [pulsar_ConsumerKeyShared] = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Key_Shared,
};

static void subscribe_fill(Wire__CommandSubscribe *subscribe, struct client_subscriber *s)
{
    const struct _pulsar_consumer_configuration *config = config_of(s);

    wire__command_subscribe__init(subscribe);
    subscribe->topic = s->topic;
    subscribe->subscription = wire_text(s->subscription.name);
    subscribe->sub_type = sub_types[config->type];
    subscribe->consumer_id = s->link.peer.id;
    subscribe->request_id = s->request.id;
    subscribe->consumer_name = config->name;
    subscribe->has_priority_level = config->priority != 0;
    subscribe->priority_level = config->priority;
    subscribe->has_consumer_epoch = !s->shared;
    subscribe->consumer_epoch = s->epoch;
    subscribe->has_durable = true;
    subscribe->durable = s->subscription.durable;
    subscribe->has_initial_position = true;
    subscribe->initial_position = config->position == initial_position_earliest
                                      ? WIRE__COMMAND_SUBSCRIBE__INITIAL_POSITION__Earliest
                                      : WIRE__COMMAND_SUBSCRIBE__INITIAL_POSITION__Latest;
    subscribe->has_read_compacted = subscribe->read_compacted = config->read_compacted;
    subscribe->n_metadata = (size_t)config->properties.count;
}

static void subscriber_attach(struct client_link *l, struct client_connection *connection)
{
    struct client_subscriber *s = subscriber_of(l);
    const struct _pulsar_consumer_configuration *config = config_of(s);
    Wire__KeySharedMeta keys = WIRE__KEY_SHARED_META__INIT;
    Wire__CommandSubscribe subscribe;
    Wire__BaseCommand command;
    Wire__MessageIdData start;
    Wire__Schema schema;

    client_request_init(&s->request, s->core, on_attached);
    start_refresh(s);
    subscribe_fill(&subscribe, s);
    start_fill(&subscribe, &start, s);
    if (config->type == pulsar_ConsumerKeyShared)
        subscribe.key_shared_meta = &keys;
    if (config->schema.set)
        subscribe.schema = &schema;
    if (client_map_wire(&config->properties, &subscribe.metadata) != OK ||
        client_schema_wire(&config->schema, &schema) != OK) {
        free(subscribe.metadata);
        client_link_retry(l, pulsar_result_UnknownError);
        return;
    }
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__SUBSCRIBE, &subscribe);
    client_connection_request(connection, &s->request, &command);
    free(subscribe.metadata);
    free(schema.properties);
}

/* What no further attempt at creating can change. */
static bool hopeless(pulsar_result why)
{
    switch (why) {
    case pulsar_result_AuthenticationError:
    case pulsar_result_AuthorizationError:
    case pulsar_result_ErrorGettingAuthenticationData:
    case pulsar_result_ConsumerBusy:
    case pulsar_result_ProducerBusy: /* what the broker says to a bad subscription name */
    case pulsar_result_TopicNotFound:
    case pulsar_result_SubscriptionNotFound:
    case pulsar_result_InvalidTopicName:
    case pulsar_result_IncompatibleSchema:
    case pulsar_result_NotAllowedError:
    case pulsar_result_UnsupportedVersionError:
        return true;
    default:
        return false;
    }
}

static void subscriber_attach_failed(struct client_link *l, pulsar_result why, bool no_hope)
{
    struct client_subscriber *s = subscriber_of(l);

    if (s->state != SUBSCRIBER_CREATING) {
        if (why != pulsar_result_ConnectError) /* that is logged once, for all that want the connection */
            log_warn(s->core->log, "client", "%s: attaching the consumer of %s again: %s", s->topic,
                     s->subscription.name, pulsar_result_str(why));
        return;
    }
    s->failed = why;
    if (no_hope || hopeless(why))
        created(s, why);
    else
        log_info(s->core->log, "client", "%s: subscribing %s: %s; trying again", s->topic, s->subscription.name,
                 pulsar_result_str(why));
}

/* The broker gives to others, or to us again, what we have not acknowledged. */
static void subscriber_lost(struct client_link *l)
{
    struct client_subscriber *s = subscriber_of(l);

    atomic_store(&s->attached, false);
    client_request_cancel(&s->request);
    timer_stop(&s->ack_timer);
    (void)client_queue_settle(s->subscription.queue, s->subscription.source);
    (void)client_queue_drop(s->subscription.queue, s->subscription.source);
    s->granted = s->ungranted = 0;
    client_due_clear(&s->unacked);
    client_due_clear(&s->nacks);
    if (s->has_dead_letters)
        client_dead_letters_forget_all(&s->dead_letters);
    if (s->state == SUBSCRIBER_CLOSING)
        timer_start_ms(&s->closing, 0);
}

static const struct client_link_ops subscriber_link_ops = {
    .attach = subscriber_attach,
    .failed = subscriber_attach_failed,
    .lost = subscriber_lost,
};

static const struct client_peer_ops subscriber_peer_ops = {
    .message = on_message,
    .end_of_topic = on_end_of_topic,
    .moved = client_link_moved,
    .lost = client_link_lost,
};

/* ---- life ---- */

static enum err dead_letters_init(struct client_subscriber *s)
{
    const struct _pulsar_consumer_configuration *config = config_of(s);
    enum err err;

    if (config->redeliver_max == INT_MAX || !s->shared)
        return OK;
    err =
        client_dead_letters_init(&s->dead_letters, s->core, s->subscription.base_topic, s->topic, s->subscription.name,
                                 config->dead_letter_topic, config->dead_letter_subscription, on_dead_letter_done);
    s->has_dead_letters = err == OK;
    return err;
}

static void timers_init(struct client_subscriber *s)
{
    struct loop *loop = s->core->sys->loop;

    timer_init(&s->creation, loop, on_creation_late);
    timer_init(&s->ack_timer, loop, on_ack_timer);
    timer_init(&s->nack_timer, loop, on_nack_timer);
    timer_init(&s->unacked_timer, loop, on_unacked_timer);
    timer_init(&s->ask_timer, loop, on_ask_timer);
    timer_init(&s->closing, loop, on_closing);
}

enum err client_subscriber_new(struct client_subscriber **out, struct client_core *core,
                               const struct client_subscription *subscription)
{
    struct client_subscriber *s = calloc(1, sizeof *s);
    enum err err = ERR_NOMEM;

    if (!s || !client_text_set(&s->topic, subscription->topic))
        goto fail;
    s->core = core;
    s->subscription = *subscription;
    s->partition = client_topic_partition_of(s->topic);
    s->shared =
        subscription->config->type == pulsar_ConsumerShared || subscription->config->type == pulsar_ConsumerKeyShared;
    if ((err = dead_letters_init(s)) != OK)
        goto fail;
    if (subscription->start) {
        s->has_start = true;
        s->start = *subscription->start;
        s->start.batch = NULL;
    }
    atomic_init(&s->attached, false);
    atomic_init(&s->end_of_topic, false);
    client_acks_init(&s->acks, subscription->config->ack_group_max);
    client_due_init(&s->nacks);
    client_due_init(&s->unacked);
    list_init(&s->asks);
    timers_init(s);
    client_request_init(&s->request, core, on_attached);
    client_link_init(&s->link, core, s->topic, &subscriber_link_ops, &subscriber_peer_ops);
    if (s->subscription.queue_size > 0)
        client_queue_notify_at(s->subscription.queue, s->subscription.source, grant_step(s));
    timer_start_at(&s->creation, now_ns(s) + client_core_timeout_ns(core));
    client_link_start(&s->link);
    *out = s;
    return OK;
fail:
    if (s)
        free(s->topic);
    free(s);
    return err;
}

void client_subscriber_free(struct client_subscriber *s)
{
    if (!s)
        return;
    assert(s->state == SUBSCRIBER_CLOSED);
    if (s->has_dead_letters)
        client_dead_letters_deinit(&s->dead_letters);
    client_acks_deinit(&s->acks);
    free(s->topic);
    free(s);
}
