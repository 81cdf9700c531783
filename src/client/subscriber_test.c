/* SPDX-License-Identifier: Apache-2.0
 *
 * subscriber_test.c - a consumer against a broker that fails it, on a simulated network.
 */
#include "base/base_test.h"

#include "client/connection.h"
#include "client/fake_broker.h"
#include "client/subscriber.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define TOPIC "persistent://public/default/t"

struct world {
    struct sim *sim;
    struct fake_broker *broker;
    struct sim_host *host;
    struct _pulsar_client_configuration config;
    struct _pulsar_consumer_configuration consumer;
    struct client_core core;
    struct client_queue queue;
    struct client_subscription subscription;
    struct client_subscriber *subscriber;
    struct client_ask ask;
    bool created, closed, drained, asked, notified;
    pulsar_result created_result, closed_result, ask_result;
    int64_t last_entry;
    uint64_t transaction; /* of the next ASK_ACK */
    size_t wanted;        /* messages in the queue, for in_queue */
};

static void quiet(void *ctx, const char *text, size_t len)
{
}

static struct log silent = {.level = LOG_ERROR, .line = quiet};

static void on_notify(struct client_queue *q)
{
    container_of(q, struct world, queue)->notified = true;
}

static void on_created(struct client_subscriber *s, pulsar_result result)
{
    struct world *w = s->subscription.owner;

    w->created = true;
    w->created_result = result;
}

static void on_message(struct client_subscriber *s)
{
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    w->sim = sim_new(seed);
    w->broker = fake_broker_new(w->sim);
    w->host = sim_host_new(w->sim, "client", NULL);
    client_config_init(&w->config);
    client_consumer_config_init(&w->consumer);
    assert_int_equal(client_core_init(&w->core, sim_host_sys(w->host), &silent, FAKE_URL, &w->config), OK);
    assert_int_equal(client_core_refusal(&w->core), pulsar_result_Ok);
    w->subscription = (struct client_subscription){.config = &w->consumer,
                                                   .topic = TOPIC,
                                                   .base_topic = TOPIC,
                                                   .name = "s",
                                                   .durable = true,
                                                   .queue = &w->queue,
                                                   .queue_size = 10,
                                                   .owner = w,
                                                   .on_created = on_created,
                                                   .on_message = on_message};
    return w;
}

static bool is_created(void *ctx)
{
    return ((struct world *)ctx)->created;
}

static void subscriber_start(struct world *w)
{
    assert_int_equal(client_queue_init(&w->queue, 1, w->consumer.ack_timeout_ms > 0, on_notify), OK);
    assert_int_equal(client_subscriber_new(&w->subscriber, &w->core, &w->subscription), OK);
}

static void subscriber_open(struct world *w)
{
    subscriber_start(w);
    fake_run_until(w->sim, is_created, w);
    assert_int_equal(w->created_result, pulsar_result_Ok);
}

static void on_closed(struct client_subscriber *s, pulsar_result result)
{
    struct world *w = s->subscription.owner;

    w->closed = true;
    w->closed_result = result;
}

static bool is_closed(void *ctx)
{
    return ((struct world *)ctx)->closed;
}

static void on_drained(struct client_core *core)
{
    container_of(core, struct world, core)->drained = true;
}

static bool is_drained(void *ctx)
{
    return ((struct world *)ctx)->drained;
}

static void subscriber_end(struct world *w)
{
    if (w->subscriber && w->subscriber->state != SUBSCRIBER_CLOSED) {
        client_subscriber_close(w->subscriber, false, on_closed);
        fake_run_until(w->sim, is_closed, w);
    }
}

static void world_free(struct world *w)
{
    subscriber_end(w);
    fake_run_for(w->broker, 1); /* out of its callbacks */
    client_subscriber_free(w->subscriber);
    client_queue_deinit(&w->queue);
    client_core_stop(&w->core, on_drained);
    fake_run_until(w->sim, is_drained, w);
    client_core_deinit(&w->core);
    fake_broker_free(w->broker);
    sim_host_free(w->host);
    sim_free(w->sim);
    client_consumer_config_deinit(&w->consumer);
    client_config_deinit(&w->config);
    free(w);
}

static bool in_queue(void *ctx)
{
    struct world *w = ctx;

    return client_queue_count(&w->queue) >= w->wanted;
}

static void queue_wait(struct world *w, size_t count)
{
    w->wanted = count;
    fake_run_until(w->sim, in_queue, w);
}

/* What the consumer's thread and its notification do, in one. */
static bool take(struct world *w, struct _pulsar_message_id *id)
{
    struct client_body *body = client_queue_take(&w->queue);
    struct _pulsar_message_id *ids;
    size_t count;

    if (!body)
        return false;
    *id = client_message_id_ref(&body->id);
    client_body_unref(body);
    if (w->notified) {
        w->notified = false;
        ids = client_queue_ids(&w->queue, &count);
        for (size_t i = 0; i < count; i++)
            client_subscriber_taken(w->subscriber, &ids[i]);
        free(ids);
        client_subscriber_settle(w->subscriber);
    }
    return true;
}

static struct _pulsar_message_id take_now(struct world *w)
{
    struct _pulsar_message_id id;

    queue_wait(w, 1);
    assert_true(take(w, &id));
    return id;
}

static void publish(struct world *w, int entries, unsigned messages)
{
    for (int i = 0; i < entries; i++)
        fake_broker_publish(w->broker, messages);
    fake_broker_dispatch(w->broker);
}

/* ---- grants ---- */

static void permits_are_granted_again_when_half_of_them_is_used(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    publish(w, 30, 1);
    subscriber_open(w);
    queue_wait(w, 10);
    fake_run_for(w->broker, 1000);
    assert_int_equal(client_queue_count(&w->queue), 10);
    assert_int_equal(w->broker->permits, 10);
    for (int i = 0; i < 4; i++)
        assert_true(take(w, &id));
    fake_run_for(w->broker, 1000);
    assert_int_equal(w->broker->permits, 10);
    assert_true(take(w, &id));
    fake_run_for(w->broker, 1000);

    assert_int_equal(w->broker->permits, 15);
    assert_int_equal(client_queue_count(&w->queue), 10);
    world_free(w);
}

static void without_a_queue_one_message_is_asked_for_at_a_time(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    w->subscription.queue_size = 0;
    publish(w, 3, 1);
    subscriber_open(w);
    fake_run_for(w->broker, 1000);
    assert_int_equal(w->broker->permits, 0);
    client_subscriber_want(w->subscriber);
    client_subscriber_want(w->subscriber);
    queue_wait(w, 1);
    fake_run_for(w->broker, 1000);
    assert_int_equal(w->broker->permits, 1);
    assert_true(take(w, &id));
    fake_broker_cut(w->broker);
    fake_run_for(w->broker, 5000);
    client_subscriber_want(w->subscriber);
    queue_wait(w, 1);

    assert_int_equal(w->broker->permits, 1);
    world_free(w);
}

static void a_cut_drops_the_queue_and_grants_anew(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    publish(w, 10, 1);
    subscriber_open(w);
    queue_wait(w, 10);
    for (int i = 0; i < 3; i++)
        assert_true(take(w, &id));
    fake_broker_cut(w->broker);
    fake_run_for(w->broker, 5000);

    assert_int_equal(w->broker->permits, 10);
    assert_int_equal(client_queue_count(&w->queue), 10); /* the broker gave all again, and nothing twice */
    assert_true(take(w, &id));
    assert_int_equal(id.entry, 0);
    world_free(w);
}

/* ---- acknowledgements ---- */

static bool all_acked(const struct world *w)
{
    for (size_t i = 0; i < w->broker->count; i++)
        if (!w->broker->entries[i].acked)
            return false;
    return true;
}

static void a_consumer_whose_connection_is_cut_again_and_again_gets_and_acknowledges_everything(void **state)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct world *w = world_new(seed);
        int newest = -1;

        w->consumer.type = seed % 2 ? pulsar_ConsumerExclusive : pulsar_ConsumerShared;
        for (int i = 0; i < 60; i++)
            fake_broker_publish(w->broker, 1 + (unsigned)(seed % 4));
        subscriber_open(w);
        w->broker->cut_one_in = 15;
        for (int idle = 0; !all_acked(w);) {
            struct _pulsar_message_id id;
            if (take(w, &id)) {
                assert_true((int)id.entry <= newest + 1); /* what is new comes after all before it */
                newest = (int)id.entry > newest ? (int)id.entry : newest;
                client_subscriber_ack(w->subscriber, &id);
                client_message_id_unref(&id);
                idle = 0;
                continue;
            }
            fake_run_for(w->broker, 100);
            if (++idle > 20) { /* what was lost on the way comes with the next connection */
                fake_broker_cut(w->broker);
                idle = 0;
            }
        }
        assert_int_equal(newest, 59);
        w->broker->cut_one_in = 0;
        world_free(w);
    }
}

static void acknowledgements_are_grouped_and_sent_in_one_command(void **state)
{
    struct world *w = world_new(1);

    publish(w, 5, 1);
    subscriber_open(w);
    for (int i = 0; i < 5; i++) {
        struct _pulsar_message_id id = take_now(w);
        client_subscriber_ack(w->subscriber, &id);
    }
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__ACK], 0);
    fake_run_for(w->broker, 1000);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__ACK], 1);
    assert_int_equal(w->broker->acks, 5);
    world_free(w);
}

static void acknowledgements_are_sent_before_closing(void **state)
{
    struct world *w = world_new(1);

    w->consumer.ack_group_ms = 1000000;
    publish(w, 5, 1);
    subscriber_open(w);
    for (int i = 0; i < 5; i++) {
        struct _pulsar_message_id id = take_now(w);
        client_subscriber_ack(w->subscriber, &id);
    }
    subscriber_end(w);
    assert_int_equal(w->closed_result, pulsar_result_Ok);
    assert_int_equal(w->broker->acks, 5);
    world_free(w);
}

static void a_batch_is_acknowledged_with_its_last_message(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id ids[5];

    w->consumer.ack_group_ms = 0;
    publish(w, 1, 5);
    subscriber_open(w);
    queue_wait(w, 5);
    for (int i = 0; i < 5; i++)
        assert_true(take(w, &ids[i]));
    for (int i = 4; i > 0; i--) {
        client_subscriber_ack(w->subscriber, &ids[i]);
        client_subscriber_ack(w->subscriber, &ids[i]); /* twice is once */
    }
    fake_run_for(w->broker, 1000);
    assert_int_equal(w->broker->acks, 0);
    client_subscriber_ack(w->subscriber, &ids[0]);
    fake_run_for(w->broker, 1000);
    assert_int_equal(w->broker->acks, 1);
    for (int i = 0; i < 5; i++)
        client_message_id_unref(&ids[i]);
    world_free(w);
}

static void a_cumulative_acknowledgement_in_a_batch_covers_the_entries_before_it(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id ids[6];

    w->consumer.ack_group_ms = 0;
    publish(w, 2, 3);
    subscriber_open(w);
    queue_wait(w, 6);
    for (int i = 0; i < 6; i++)
        assert_true(take(w, &ids[i]));
    client_subscriber_ack_cumulative(w->subscriber, &ids[4]);
    fake_run_for(w->broker, 1000);
    assert_true(w->broker->entries[0].acked);
    assert_false(w->broker->entries[1].acked);
    client_subscriber_ack_cumulative(w->subscriber, &ids[5]);
    fake_run_for(w->broker, 1000);
    assert_true(w->broker->entries[1].acked);
    for (int i = 0; i < 6; i++)
        client_message_id_unref(&ids[i]);
    world_free(w);
}

/* ---- redelivery ---- */

static void a_negative_acknowledgement_waits_for_its_delay(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    w->consumer.type = pulsar_ConsumerShared;
    w->consumer.nack_delay_ms = 5000;
    publish(w, 3, 1);
    subscriber_open(w);
    queue_wait(w, 3);
    for (int i = 0; i < 3; i++) {
        assert_true(take(w, &id));
        client_subscriber_nack(w->subscriber, &id);
        client_subscriber_nack(w->subscriber, &id); /* twice is once */
    }
    fake_run_for(w->broker, 4990);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES], 0);
    queue_wait(w, 3);
    assert_int_equal(client_queue_count(&w->queue), 3);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES], 1);
    world_free(w);
}

static void what_is_acknowledged_after_all_is_not_asked_for_again(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    w->consumer.type = pulsar_ConsumerShared;
    w->consumer.nack_delay_ms = 5000;
    publish(w, 1, 1);
    subscriber_open(w);
    id = take_now(w);
    client_subscriber_nack(w->subscriber, &id);
    client_subscriber_ack(w->subscriber, &id);
    fake_run_for(w->broker, 20000);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES], 0);
    world_free(w);
}

static void the_ack_timeout_runs_from_the_moment_a_message_was_taken(void **state)
{
    struct world *w = world_new(1);

    w->consumer.type = pulsar_ConsumerShared;
    w->consumer.ack_timeout_ms = 3000;
    publish(w, 2, 1);
    subscriber_open(w);
    queue_wait(w, 2);
    fake_run_for(w->broker, 10000); /* lying in the queue is no failure to acknowledge */
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES], 0);
    (void)take_now(w);
    fake_run_for(w->broker, 3500);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES], 1);
    assert_int_equal(client_queue_count(&w->queue), 2);
    world_free(w);
}

static void redelivering_all_drops_the_queue_of_an_exclusive_consumer(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    publish(w, 8, 1);
    subscriber_open(w);
    queue_wait(w, 8);
    assert_true(take(w, &id));
    client_subscriber_redeliver_all(w->subscriber);
    assert_int_equal(client_queue_count(&w->queue), 0);
    queue_wait(w, 8);
    assert_true(take(w, &id));
    assert_int_equal(id.entry, 0);
    world_free(w);
}

/* ---- damage ---- */

static void a_message_with_a_wrong_checksum_is_discarded_with_its_reason(void **state)
{
    struct world *w = world_new(1);

    w->broker->flip_bits = true;
    publish(w, 1, 1);
    subscriber_open(w);
    fake_run_for(w->broker, 1000);
    assert_int_equal(client_queue_count(&w->queue), 0);
    assert_int_equal(w->broker->validation_error, WIRE__COMMAND_ACK__VALIDATION_ERROR__ChecksumMismatch);
    world_free(w);
}

/* ---- seeking, asking ---- */

static void on_asked(struct client_ask *a, pulsar_result result, const Wire__CommandGetLastMessageIdResponse *last)
{
    struct world *w = container_of(a, struct world, ask);

    w->asked = true;
    w->ask_result = result;
    if (last)
        w->last_entry = (int64_t)last->last_message_id->entry_id;
}

static bool is_asked(void *ctx)
{
    return ((struct world *)ctx)->asked;
}

static void ask(struct world *w, enum client_ask_kind kind, int64_t entry)
{
    w->asked = false;
    w->ask = (struct client_ask){.kind = kind, .id = CLIENT_MESSAGE_ID_NONE, .done = on_asked};
    w->ask.id.ledger = 1;
    w->ask.id.entry = entry;
    w->ask.transaction_least = w->transaction;
    client_subscriber_ask(w->subscriber, &w->ask);
}

static void a_seek_drops_what_came_before_it_and_goes_on_after_the_id(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    publish(w, 8, 1);
    subscriber_open(w);
    queue_wait(w, 8);
    ask(w, ASK_SEEK_ID, 4);
    fake_run_until(w->sim, is_asked, w);
    assert_int_equal(w->ask_result, pulsar_result_Ok);
    queue_wait(w, 3);
    fake_run_for(w->broker, 1000);
    assert_int_equal(client_queue_count(&w->queue), 3);
    assert_true(take(w, &id));
    assert_int_equal(id.entry, 5);
    world_free(w);
}

static void a_seek_that_is_refused_leaves_the_messages_to_come(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    publish(w, 8, 1);
    subscriber_open(w);
    queue_wait(w, 8);
    w->broker->refusal = WIRE__SERVER_ERROR__UnknownError;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__SEEK] = 1;
    ask(w, ASK_SEEK_ID, 4);
    fake_run_until(w->sim, is_asked, w);
    assert_int_equal(w->ask_result, pulsar_result_UnknownError);
    queue_wait(w, 7);
    assert_true(take(w, &id));
    world_free(w);
}

static void an_acknowledgement_in_a_transaction_is_answered(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    publish(w, 2, 1);
    subscriber_open(w);
    queue_wait(w, 2);
    assert_true(take(w, &id));
    w->transaction = 7;
    ask(w, ASK_ACK, id.entry);
    assert_false(w->asked);
    fake_run_until(w->sim, is_asked, w);
    assert_int_equal(w->ask_result, pulsar_result_Ok);
    assert_int_equal(w->broker->transaction, 7);
    assert_int_equal(w->broker->acks, 1);
    w->broker->refusal = WIRE__SERVER_ERROR__TransactionConflict;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__ACK] = 1;
    ask(w, ASK_ACK, id.entry + 1);
    fake_run_until(w->sim, is_asked, w);
    assert_int_equal(w->ask_result, pulsar_result_TransactionConflict);
    world_free(w);
}

static void questions_survive_a_reconnect(void **state)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct world *w = world_new(seed);

        publish(w, 3, 1);
        subscriber_open(w);
        w->broker->cut_one_in = 4;
        ask(w, seed % 2 ? ASK_LAST_ID : ASK_SEEK_ID, 1);
        fake_run_until(w->sim, is_asked, w);
        if (w->ask_result == pulsar_result_Ok && seed % 2)
            assert_int_equal(w->last_entry, 2);
        else if (w->ask_result != pulsar_result_Ok)
            assert_int_equal(w->ask_result, pulsar_result_Timeout);
        w->broker->cut_one_in = 0;
        world_free(w);
    }
}

static void a_question_that_is_not_answered_times_out(void **state)
{
    struct world *w = world_new(1);

    w->config.operation_timeout_s = 2;
    subscriber_open(w);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID] = true;
    ask(w, ASK_LAST_ID, 0);
    fake_run_until(w->sim, is_asked, w);
    assert_int_equal(w->ask_result, pulsar_result_Timeout);
    world_free(w);
}

static void a_reader_goes_on_after_what_was_read_last(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    w->subscription.durable = false;
    w->subscription.start = pulsar_message_id_earliest();
    publish(w, 8, 1);
    subscriber_open(w);
    assert_int_equal(w->broker->start_ledger, -1);
    queue_wait(w, 8);
    for (int i = 0; i < 4; i++)
        assert_true(take(w, &id));
    fake_broker_cut(w->broker);
    fake_run_for(w->broker, 5000);
    assert_int_equal(w->broker->start_ledger, 1);
    assert_int_equal(w->broker->start_entry, 3);
    world_free(w);
}

/* ---- dead letters ---- */

static void a_message_delivered_too_often_is_published_elsewhere_and_acknowledged(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;
    struct entry_view view;

    w->consumer.type = pulsar_ConsumerShared;
    w->consumer.nack_delay_ms = 100;
    w->consumer.ack_group_ms = 0;
    w->consumer.redeliver_max = 2;
    w->broker->redelivery_count = 2;
    publish(w, 1, 1);
    subscriber_open(w);
    id = take_now(w);
    client_subscriber_nack(w->subscriber, &id);
    fake_run_for(w->broker, 5000);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__PRODUCER], 1);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__SEND], 1);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__REDELIVER_UNACKNOWLEDGED_MESSAGES], 0);
    assert_true(w->broker->entries[0].acked);
    assert_int_equal(entry_view_decode(bytes_of(w->broker->entries[1].bytes, w->broker->entries[1].len), &view), OK);
    assert_int_equal(view.payload.len, 1);
    world_free(w);
}

static void a_dead_letter_that_cannot_be_sent_leaves_its_message(void **state)
{
    struct world *w = world_new(1);
    struct _pulsar_message_id id;

    w->consumer.type = pulsar_ConsumerShared;
    w->consumer.nack_delay_ms = 100;
    w->consumer.redeliver_max = 2;
    w->broker->redelivery_count = 2;
    w->broker->refusal = WIRE__SERVER_ERROR__AuthorizationError;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__PRODUCER] = 1;
    publish(w, 1, 1);
    subscriber_open(w);
    id = take_now(w);
    client_subscriber_nack(w->subscriber, &id);
    id = take_now(w); /* again */
    assert_int_equal(id.entry, 0);
    assert_false(w->broker->entries[0].acked);
    client_subscriber_nack(w->subscriber, &id); /* and now it works */
    fake_run_for(w->broker, 5000);
    assert_true(w->broker->entries[0].acked);
    world_free(w);
}

static void closing_at_any_moment_with_dead_letters_on_the_way_leaks_nothing(void **state)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct world *w = world_new(seed);
        struct _pulsar_message_id id;

        w->consumer.type = pulsar_ConsumerShared;
        w->consumer.nack_delay_ms = 10;
        w->consumer.redeliver_max = 1;
        w->broker->redelivery_count = (uint32_t)(seed % 3);
        w->broker->cut_one_in = seed % 4 ? 0 : 10;
        publish(w, 3, 2);
        subscriber_start(w);
        for (uint64_t i = 0; i < seed * 3; i++) {
            if (!sim_step(w->sim))
                break;
            if (w->created && w->created_result == pulsar_result_Ok && take(w, &id)) {
                client_subscriber_nack(w->subscriber, &id);
                client_message_id_unref(&id);
            }
        }
        if (w->subscriber->state != SUBSCRIBER_CLOSED) {
            client_subscriber_close(w->subscriber, seed % 2, on_closed);
            fake_run_until(w->sim, is_closed, w);
        }
        w->broker->cut_one_in = 0;
        world_free(w);
    }
}

/* ---- subscribing ---- */

static void a_busy_subscription_is_refused_at_first_and_waited_for_later(void **state)
{
    struct world *w = world_new(1);

    w->broker->refusal = WIRE__SERVER_ERROR__ConsumerBusy;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__SUBSCRIBE] = 1;
    subscriber_start(w);
    fake_run_until(w->sim, is_created, w);
    assert_int_equal(w->created_result, pulsar_result_ConsumerBusy);
    world_free(w);

    w = world_new(2);
    publish(w, 1, 1);
    subscriber_open(w);
    queue_wait(w, 1);
    w->broker->refusal = WIRE__SERVER_ERROR__ConsumerBusy;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__SUBSCRIBE] = 5;
    fake_broker_close_consumers(w->broker);
    fake_run_for(w->broker, 10); /* what was in the queue is gone */
    queue_wait(w, 1);
    world_free(w);
}

static void a_close_that_is_not_answered_may_be_cut_short(void **state)
{
    struct world *w = world_new(1);

    subscriber_open(w);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER] = true;
    client_subscriber_close(w->subscriber, false, on_closed);
    fake_run_for(w->broker, 1000);
    assert_false(w->closed);
    client_subscriber_close(w->subscriber, true, on_closed);
    assert_true(w->closed);
    assert_int_equal(w->closed_result, pulsar_result_Ok);
    world_free(w); /* the connection ends, and has no request of ours any more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permits_are_granted_again_when_half_of_them_is_used),
        cmocka_unit_test(without_a_queue_one_message_is_asked_for_at_a_time),
        cmocka_unit_test(a_cut_drops_the_queue_and_grants_anew),
        cmocka_unit_test(a_consumer_whose_connection_is_cut_again_and_again_gets_and_acknowledges_everything),
        cmocka_unit_test(acknowledgements_are_grouped_and_sent_in_one_command),
        cmocka_unit_test(acknowledgements_are_sent_before_closing),
        cmocka_unit_test(a_batch_is_acknowledged_with_its_last_message),
        cmocka_unit_test(a_cumulative_acknowledgement_in_a_batch_covers_the_entries_before_it),
        cmocka_unit_test(a_negative_acknowledgement_waits_for_its_delay),
        cmocka_unit_test(what_is_acknowledged_after_all_is_not_asked_for_again),
        cmocka_unit_test(the_ack_timeout_runs_from_the_moment_a_message_was_taken),
        cmocka_unit_test(redelivering_all_drops_the_queue_of_an_exclusive_consumer),
        cmocka_unit_test(a_message_with_a_wrong_checksum_is_discarded_with_its_reason),
        cmocka_unit_test(a_seek_drops_what_came_before_it_and_goes_on_after_the_id),
        cmocka_unit_test(a_seek_that_is_refused_leaves_the_messages_to_come),
        cmocka_unit_test(an_acknowledgement_in_a_transaction_is_answered),
        cmocka_unit_test(questions_survive_a_reconnect),
        cmocka_unit_test(a_question_that_is_not_answered_times_out),
        cmocka_unit_test(a_reader_goes_on_after_what_was_read_last),
        cmocka_unit_test(a_message_delivered_too_often_is_published_elsewhere_and_acknowledged),
        cmocka_unit_test(a_dead_letter_that_cannot_be_sent_leaves_its_message),
        cmocka_unit_test(closing_at_any_moment_with_dead_letters_on_the_way_leaks_nothing),
        cmocka_unit_test(a_busy_subscription_is_refused_at_first_and_waited_for_later),
        cmocka_unit_test(a_close_that_is_not_answered_may_be_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
