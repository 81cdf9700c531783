/* SPDX-License-Identifier: Apache-2.0
 *
 * publisher_test.c - a producer against a broker that fails it, on a simulated network.
 */
#include "base/base_test.h"

#include "client/connection.h"
#include "client/fake_broker.h"
#include "client/publisher.h"
#include <stdio.h>
#include <stdlib.h>

#define SENDS_MAX 2000
#define TOPIC     "persistent://public/default/t"

struct test_send {
    struct client_send send;
    struct world *world;
    int number;
    bool done;
    pulsar_result result;
    struct _pulsar_message_id id;
};

struct world {
    struct sim *sim;
    struct fake_broker *broker;
    struct sim_host *host;
    struct _pulsar_client_configuration config;
    struct _pulsar_producer_configuration producer;
    struct client_core core;
    struct client_publisher *publisher;
    bool created, closed, drained, flushed;
    pulsar_result created_result, closed_result, flushed_result;
    struct client_flush flush;
    struct test_send sends[SENDS_MAX];
    int made, completed;
    int last_completed; /* number of the last one that completed Ok */
};

static void quiet(void *ctx, const char *text, size_t len)
{
}

static struct log silent = {.level = LOG_ERROR, .line = quiet};

static struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    w->sim = sim_new(seed);
    w->broker = fake_broker_new(w->sim);
    w->host = sim_host_new(w->sim, "client", NULL);
    client_config_init(&w->config);
    client_producer_config_init(&w->producer);
    assert_int_equal(client_core_init(&w->core, sim_host_sys(w->host), &silent, FAKE_URL, &w->config), OK);
    assert_int_equal(client_core_refusal(&w->core), pulsar_result_Ok);
    w->last_completed = -1;
    return w;
}

static void on_created(struct client_publisher *p, pulsar_result result)
{
    struct world *w = p->owner;

    w->created = true;
    w->created_result = result;
}

static bool is_created(void *ctx)
{
    return ((struct world *)ctx)->created;
}

static void publisher_start(struct world *w)
{
    assert_int_equal(client_publisher_new(&w->publisher, &w->core, &w->producer, TOPIC, w, on_created), OK);
}

static void publisher_open(struct world *w)
{
    publisher_start(w);
    fake_run_until(w->sim, is_created, w);
    assert_int_equal(w->created_result, pulsar_result_Ok);
}

static void on_closed(struct client_publisher *p, pulsar_result result)
{
    struct world *w = p->owner;

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

static void world_free(struct world *w)
{
    if (w->publisher && w->publisher->state != PUBLISHER_CLOSED) {
        client_publisher_close(w->publisher, false, on_closed);
        fake_run_until(w->sim, is_closed, w);
    }
    client_publisher_free(w->publisher);
    client_core_stop(&w->core, on_drained);
    fake_run_until(w->sim, is_drained, w);
    client_core_deinit(&w->core);
    fake_broker_free(w->broker);
    sim_host_free(w->host);
    sim_free(w->sim);
    client_producer_config_deinit(&w->producer);
    client_config_deinit(&w->config);
    for (int i = 0; i < w->made; i++)
        assert_true(w->sends[i].done); /* nobody is left without an answer */
    free(w);
}

static void on_sent(struct client_send *s, pulsar_result result, const struct _pulsar_message_id *id)
{
    struct test_send *t = container_of(s, struct test_send, send);
    struct world *w = t->world;

    assert_false(t->done);
    t->done = true;
    t->result = result;
    client_body_unref(s->body);
    w->completed++;
    if (result != pulsar_result_Ok)
        return;
    t->id = *id;
    assert_true(t->number > w->last_completed);
    w->last_completed = t->number;
}

static struct test_send *message_send(struct world *w)
{
    struct test_send *t = &w->sends[w->made];
    struct client_body *body = client_body_new();
    char text[16];

    t->world = w;
    t->number = w->made++;
    snprintf(text, sizeof text, "%d", t->number);
    body->content = client_content_new(strlen(text));
    memcpy(body->content->data, text, strlen(text));
    body->data = body->content->data;
    body->len = strlen(text);
    t->send.body = body;
    t->send.done = on_sent;
    client_publisher_send(w->publisher, &t->send);
    return t;
}

static bool all_completed(void *ctx)
{
    struct world *w = ctx;

    return w->completed == w->made;
}

/* ---- order and loss ---- */

/* What the broker stored, without repetitions, is 0, 1, 2, ...; and a repetition is never of one that a newer one
 * overtook for good. */
static void check_stored(const struct world *w, int count)
{
    uint64_t next = 0;

    for (size_t i = 0; i < w->broker->count; i++) {
        assert_true(w->broker->entries[i].sequence_id <= next);
        if (w->broker->entries[i].sequence_id == next)
            next += w->broker->entries[i].messages;
    }
    assert_int_equal(next, count);
}

static void a_producer_whose_connection_is_cut_again_and_again_loses_and_reorders_nothing(void **state)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct world *w = world_new(seed);
        int count = 300;

        w->producer.batching = seed % 2;
        w->producer.batch_messages_max = 7;
        w->producer.send_timeout_ms = 0;
        publisher_open(w);
        w->broker->cut_one_in = 60 + (unsigned)(seed % 5) * 60;
        for (int i = 0; i < count; i++) {
            message_send(w);
            if (i % 10 == 0)
                fake_run_for(w->broker, seed % 30);
        }
        fake_run_until(w->sim, all_completed, w);
        for (int i = 0; i < count; i++)
            assert_int_equal(w->sends[i].result, pulsar_result_Ok);
        if (w->producer.batching == false)
            check_stored(w, count);
        w->broker->cut_one_in = 0;
        world_free(w);
    }
}

static void pending_messages_are_sent_again_in_order_when_the_broker_closes_the_producer(void **state)
{
    struct world *w = world_new(1);

    w->producer.batching = false;
    publisher_open(w);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__SEND] = true;
    for (int i = 0; i < 20; i++)
        message_send(w);
    fake_run_for(w->broker, 1000);
    assert_int_equal(w->broker->count, 20);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__SEND] = false;
    fake_broker_close_producers(w->broker, NULL);
    fake_run_until(w->sim, all_completed, w);

    assert_int_equal(w->broker->count, 40);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(w->broker->entries[i].sequence_id, i % 20);
    assert_int_equal(w->broker->connections, 1);
    assert_int_equal(w->broker->epoch, 1);
    assert_string_equal(w->broker->producer_name, "made-by-the-broker");
    world_free(w);
}

static void a_producer_that_was_moved_goes_where_it_was_told_without_a_lookup(void **state)
{
    struct world *w = world_new(1);
    unsigned lookups;

    publisher_open(w);
    lookups = w->broker->heard[WIRE__BASE_COMMAND__TYPE__LOOKUP];
    fake_broker_close_producers(w->broker, FAKE_URL);
    message_send(w);
    fake_run_until(w->sim, all_completed, w);

    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__LOOKUP], lookups);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__PRODUCER], 2);
    world_free(w);
}

static void a_receipt_for_a_later_message_breaks_the_connection(void **state)
{
    struct world *w = world_new(1);

    w->producer.batching = false;
    publisher_open(w);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__SEND] = true;
    message_send(w);
    message_send(w);
    fake_run_for(w->broker, 100);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__SEND] = false;
    fake_broker_receipt(w->broker, 1);
    fake_run_until(w->sim, all_completed, w);

    assert_int_equal(w->broker->connections, 2);
    assert_int_equal(w->broker->count, 4);
    world_free(w);
}

static void a_receipt_for_what_is_not_pending_any_more_is_ignored(void **state)
{
    struct world *w = world_new(1);

    w->producer.batching = false;
    publisher_open(w);
    message_send(w);
    message_send(w);
    fake_run_until(w->sim, all_completed, w);
    fake_broker_receipt(w->broker, 0);
    message_send(w);
    fake_run_until(w->sim, all_completed, w);

    assert_int_equal(w->sends[2].result, pulsar_result_Ok);
    assert_int_equal(w->broker->connections, 1);
    world_free(w);
}

/* ---- time-outs ---- */

static void a_message_without_receipt_times_out_and_later_ones_do_not(void **state)
{
    struct world *w = world_new(1);
    uint64_t began;

    w->producer.batching = false;
    w->producer.send_timeout_ms = 5000;
    publisher_open(w);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__SEND] = true;
    began = sim_now_ns(w->sim);
    message_send(w);
    fake_run_until(w->sim, all_completed, w);
    assert_int_equal(w->sends[0].result, pulsar_result_Timeout);
    assert_true(sim_now_ns(w->sim) - began >= 5000 * NS_PER_MS);
    assert_true(sim_now_ns(w->sim) - began < 6000 * NS_PER_MS);

    w->broker->mute[WIRE__BASE_COMMAND__TYPE__SEND] = false;
    message_send(w);
    fake_run_until(w->sim, all_completed, w);
    assert_int_equal(w->sends[1].result, pulsar_result_Ok);
    world_free(w);
}

static void messages_of_an_unsent_batch_time_out_while_there_is_no_broker(void **state)
{
    struct world *w = world_new(1);

    w->producer.send_timeout_ms = 3000;
    publisher_open(w);
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__PRODUCER] = 1000;
    w->broker->refusal = WIRE__SERVER_ERROR__ServiceNotReady;
    fake_broker_cut(w->broker);
    fake_run_for(w->broker, 1000);
    for (int i = 0; i < 10; i++)
        message_send(w);
    fake_run_until(w->sim, all_completed, w);

    for (int i = 0; i < 10; i++)
        assert_int_equal(w->sends[i].result, pulsar_result_Timeout);
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__PRODUCER] = 0;
    world_free(w);
}

static void creating_fails_in_time_when_the_broker_does_not_answer(void **state)
{
    static const int muted[] = {WIRE__BASE_COMMAND__TYPE__CONNECT, WIRE__BASE_COMMAND__TYPE__LOOKUP,
                                WIRE__BASE_COMMAND__TYPE__PRODUCER};

    for (size_t i = 0; i < sizeof muted / sizeof muted[0]; i++) {
        struct world *w = world_new(i + 1);
        uint64_t began;

        w->config.operation_timeout_s = 3;
        w->broker->mute[muted[i]] = true;
        began = sim_now_ns(w->sim);
        publisher_start(w);
        fake_run_until(w->sim, is_created, w);
        assert_int_equal(w->created_result, pulsar_result_Timeout);
        assert_true(sim_now_ns(w->sim) - began < 4000 * NS_PER_MS);
        world_free(w);
    }
}

static void a_silent_broker_is_left_after_two_pings(void **state)
{
    struct world *w = world_new(1);

    publisher_open(w);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__PING] = true;
    fake_run_for(w->broker, 70000);
    assert_true(w->broker->connections >= 2);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__PING] = false;
    message_send(w);
    fake_run_until(w->sim, all_completed, w);

    assert_int_equal(w->sends[0].result, pulsar_result_Ok);
    world_free(w);
}

/* ---- refusals ---- */

static void sends_refused(struct world *w, Wire__ServerError refusal, int times)
{
    w->producer.batching = false;
    publisher_open(w);
    w->broker->refusal = refusal;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__SEND] = times;
    message_send(w);
    message_send(w);
    fake_run_until(w->sim, all_completed, w);
}

static void a_message_that_is_not_allowed_fails_alone(void **state)
{
    struct world *w = world_new(1);

    sends_refused(w, WIRE__SERVER_ERROR__NotAllowedError, 1);

    assert_int_equal(w->sends[0].result, pulsar_result_NotAllowedError);
    assert_int_equal(w->sends[1].result, pulsar_result_Ok);
    assert_int_equal(w->broker->connections, 1);
    world_free(w);
}

static void a_terminated_topic_fails_all_that_is_sent(void **state)
{
    struct world *w = world_new(1);

    sends_refused(w, WIRE__SERVER_ERROR__TopicTerminatedError, 2);
    message_send(w);

    for (int i = 0; i < 3; i++)
        assert_int_equal(w->sends[i].result, pulsar_result_TopicTerminated);
    world_free(w);
}

static void a_message_that_could_not_be_stored_is_sent_again_on_a_new_connection(void **state)
{
    static const Wire__ServerError refusals[] = {WIRE__SERVER_ERROR__PersistenceError, WIRE__SERVER_ERROR__UnknownError,
                                                 WIRE__SERVER_ERROR__ChecksumError};

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct world *w = world_new(i + 1);

        sends_refused(w, refusals[i], 1);
        assert_int_equal(w->sends[0].result, pulsar_result_Ok);
        assert_int_equal(w->sends[1].result, pulsar_result_Ok);
        assert_int_equal(w->broker->connections, 2);
        world_free(w);
    }
}

static void creation_is_tried_again_where_that_can_help(void **state)
{
    static const Wire__ServerError refusals[] = {WIRE__SERVER_ERROR__ServiceNotReady, WIRE__SERVER_ERROR__MetadataError,
                                                 WIRE__SERVER_ERROR__ProducerBlockedQuotaExceededError};

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct world *w = world_new(i + 1);

        w->broker->refusal = refusals[i];
        w->broker->refuse[WIRE__BASE_COMMAND__TYPE__PRODUCER] = 3;
        publisher_open(w);
        assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__PRODUCER], 4);
        world_free(w);
    }
}

static void creation_fails_at_once_where_nothing_can_help(void **state)
{
    static const struct {
        Wire__ServerError refusal;
        pulsar_result result;
    } rows[] = {{WIRE__SERVER_ERROR__ProducerBusy, pulsar_result_ProducerBusy},
                {WIRE__SERVER_ERROR__AuthorizationError, pulsar_result_AuthorizationError},
                {WIRE__SERVER_ERROR__TopicNotFound, pulsar_result_TopicNotFound},
                {WIRE__SERVER_ERROR__IncompatibleSchema, pulsar_result_IncompatibleSchema},
                {WIRE__SERVER_ERROR__ProducerFenced, pulsar_result_ProducerFenced}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_new(i + 1);

        w->broker->refusal = rows[i].refusal;
        w->broker->refuse[WIRE__BASE_COMMAND__TYPE__PRODUCER] = 1;
        publisher_start(w);
        fake_run_until(w->sim, is_created, w);
        assert_int_equal(w->created_result, rows[i].result);
        assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__PRODUCER], 1);
        world_free(w);
    }
}

static void a_name_that_seems_taken_after_a_cut_is_asked_for_again(void **state)
{
    struct world *w = world_new(1);

    publisher_open(w);
    w->broker->refusal = WIRE__SERVER_ERROR__ProducerBusy;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__PRODUCER] = 2;
    fake_broker_cut(w->broker);
    message_send(w);
    fake_run_until(w->sim, all_completed, w);

    assert_int_equal(w->sends[0].result, pulsar_result_Ok);
    world_free(w);
}

static void a_fenced_producer_ends_and_says_so(void **state)
{
    struct world *w = world_new(1);

    publisher_open(w);
    w->broker->refusal = WIRE__SERVER_ERROR__ProducerFenced;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__PRODUCER] = 1;
    fake_broker_close_producers(w->broker, NULL);
    message_send(w);
    fake_run_until(w->sim, all_completed, w);
    message_send(w);

    assert_int_equal(w->sends[0].result, pulsar_result_ProducerFenced);
    assert_int_equal(w->sends[1].result, pulsar_result_ProducerFenced);
    world_free(w);
}

static void lookups_follow_redirects_but_not_for_ever(void **state)
{
    struct world *w = world_new(1);

    w->broker->redirects = 5;
    publisher_open(w);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__LOOKUP], 6);
    world_free(w);

    w = world_new(2);
    w->config.operation_timeout_s = 2;
    w->broker->redirects = 1000000;
    publisher_start(w);
    fake_run_until(w->sim, is_created, w);
    assert_int_equal(w->created_result, pulsar_result_LookupError);
    world_free(w);
}

/* ---- batches, flushing ---- */

static void a_batch_is_closed_by_count_by_bytes_and_by_age(void **state)
{
    struct world *w = world_new(1);

    w->producer.batch_messages_max = 4;
    w->producer.batch_bytes_max = 60; /* three small ones */
    w->producer.batch_delay_ms = 50;
    publisher_open(w);
    for (int i = 0; i < 9; i++)
        message_send(w);
    fake_run_until(w->sim, all_completed, w);
    assert_int_equal(w->broker->count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(w->broker->entries[i].messages, 3);
    assert_int_equal(w->sends[4].id.batch_index, 1);
    assert_int_equal(w->sends[4].id.batch_size, 3);
    assert_int_equal(w->sends[4].id.entry, 1);

    message_send(w);
    fake_run_until(w->sim, all_completed, w);
    assert_int_equal(w->broker->entries[3].messages, 1);
    assert_int_equal(w->sends[9].id.batch_index, -1); /* one alone is no batch */
    world_free(w);
}

static void a_message_too_large_fails_alone_and_in_its_turn(void **state)
{
    struct world *w = world_new(1);
    struct client_body *body;

    publisher_open(w);
    message_send(w);
    body = w->sends[w->made].send.body = client_body_new();
    body->content = client_content_new(2 * 1024 * 1024);
    memset(body->content->data, 'x', body->content->len);
    body->data = body->content->data;
    body->len = body->content->len;
    w->sends[w->made].world = w;
    w->sends[w->made].number = w->made;
    w->sends[w->made].send.done = on_sent;
    client_publisher_send(w->publisher, &w->sends[w->made++].send);
    message_send(w);
    fake_run_until(w->sim, all_completed, w);

    assert_int_equal(w->sends[0].result, pulsar_result_Ok);
    assert_int_equal(w->sends[1].result, pulsar_result_MessageTooBig);
    assert_int_equal(w->sends[2].result, pulsar_result_Ok);
    world_free(w);
}

static void on_flushed(struct client_flush *f, pulsar_result result)
{
    struct world *w = container_of(f, struct world, flush);

    w->flushed = true;
    w->flushed_result = result;
}

static bool is_flushed(void *ctx)
{
    return ((struct world *)ctx)->flushed;
}

static void a_flush_sends_the_open_batch_and_waits_for_what_was_sent_before_it(void **state)
{
    struct world *w = world_new(1);

    w->producer.batch_delay_ms = 1000000;
    publisher_open(w);
    message_send(w);
    message_send(w);
    w->flush.done = on_flushed;
    client_publisher_flush(w->publisher, &w->flush);
    assert_false(w->flushed);
    message_send(w); /* not flushed: waits in the next batch */
    fake_run_until(w->sim, is_flushed, w);

    assert_int_equal(w->flushed_result, pulsar_result_Ok);
    assert_int_equal(w->completed, 2);
    w->flushed = false;
    client_publisher_flush(w->publisher, &w->flush);
    fake_run_until(w->sim, is_flushed, w);
    w->flushed = false;
    client_publisher_flush(w->publisher, &w->flush);
    assert_true(w->flushed); /* nothing is pending */
    world_free(w);
}

static void a_flush_tells_of_a_failure_before_it(void **state)
{
    struct world *w = world_new(1);

    publisher_open(w);
    w->broker->refusal = WIRE__SERVER_ERROR__NotAllowedError;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__SEND] = 1;
    message_send(w);
    w->flush.done = on_flushed;
    client_publisher_flush(w->publisher, &w->flush);
    fake_run_until(w->sim, is_flushed, w);

    assert_int_equal(w->flushed_result, pulsar_result_NotAllowedError);
    world_free(w);
}

/* ---- closing ---- */

static void closing_waits_for_what_is_pending(void **state)
{
    struct world *w = world_new(1);

    publisher_open(w);
    for (int i = 0; i < 100; i++)
        message_send(w);
    client_publisher_close(w->publisher, false, on_closed);
    fake_run_until(w->sim, is_closed, w);

    assert_int_equal(w->closed_result, pulsar_result_Ok);
    for (int i = 0; i < 100; i++)
        assert_int_equal(w->sends[i].result, pulsar_result_Ok);
    assert_int_equal(w->broker->heard[WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER], 1);
    world_free(w);
}

static void closing_at_any_moment_answers_everybody_once(void **state)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct world *w = world_new(seed);

        w->broker->cut_one_in = seed % 3 ? 0 : 10;
        publisher_start(w);
        for (uint64_t i = 0; i < seed; i++)
            (void)sim_step(w->sim);
        if (w->created && w->created_result == pulsar_result_Ok)
            for (int i = 0; i < 20; i++)
                message_send(w);
        for (uint64_t i = 0; i < seed % 7; i++)
            (void)sim_step(w->sim);
        if (w->publisher->state != PUBLISHER_CLOSED) {
            client_publisher_close(w->publisher, seed % 2, on_closed);
            fake_run_until(w->sim, is_closed, w);
        }
        assert_int_equal(w->completed, w->made);
        w->broker->cut_one_in = 0;
        world_free(w);
    }
}

static void a_close_that_is_not_answered_ends_all_the_same(void **state)
{
    struct world *w = world_new(1);

    w->config.operation_timeout_s = 2;
    publisher_open(w);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__SEND] = true;
    message_send(w);
    client_publisher_close(w->publisher, false, on_closed);
    fake_run_until(w->sim, is_closed, w);

    assert_int_equal(w->closed_result, pulsar_result_Timeout);
    assert_int_equal(w->sends[0].result, pulsar_result_AlreadyClosed);
    world_free(w);
}

static void a_close_that_is_not_answered_may_be_cut_short(void **state)
{
    struct world *w = world_new(1);

    publisher_open(w);
    w->broker->mute[WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER] = true;
    client_publisher_close(w->publisher, false, on_closed);
    fake_run_for(w->broker, 1000);
    assert_false(w->closed);
    client_publisher_close(w->publisher, true, on_closed);
    assert_true(w->closed);
    assert_int_equal(w->closed_result, pulsar_result_Ok);
    world_free(w); /* the connection ends, and has no request of ours any more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_producer_whose_connection_is_cut_again_and_again_loses_and_reorders_nothing),
        cmocka_unit_test(pending_messages_are_sent_again_in_order_when_the_broker_closes_the_producer),
        cmocka_unit_test(a_producer_that_was_moved_goes_where_it_was_told_without_a_lookup),
        cmocka_unit_test(a_receipt_for_a_later_message_breaks_the_connection),
        cmocka_unit_test(a_receipt_for_what_is_not_pending_any_more_is_ignored),
        cmocka_unit_test(a_message_without_receipt_times_out_and_later_ones_do_not),
        cmocka_unit_test(messages_of_an_unsent_batch_time_out_while_there_is_no_broker),
        cmocka_unit_test(creating_fails_in_time_when_the_broker_does_not_answer),
        cmocka_unit_test(a_silent_broker_is_left_after_two_pings),
        cmocka_unit_test(a_message_that_is_not_allowed_fails_alone),
        cmocka_unit_test(a_terminated_topic_fails_all_that_is_sent),
        cmocka_unit_test(a_message_that_could_not_be_stored_is_sent_again_on_a_new_connection),
        cmocka_unit_test(creation_is_tried_again_where_that_can_help),
        cmocka_unit_test(creation_fails_at_once_where_nothing_can_help),
        cmocka_unit_test(a_name_that_seems_taken_after_a_cut_is_asked_for_again),
        cmocka_unit_test(a_fenced_producer_ends_and_says_so),
        cmocka_unit_test(lookups_follow_redirects_but_not_for_ever),
        cmocka_unit_test(a_batch_is_closed_by_count_by_bytes_and_by_age),
        cmocka_unit_test(a_message_too_large_fails_alone_and_in_its_turn),
        cmocka_unit_test(a_flush_sends_the_open_batch_and_waits_for_what_was_sent_before_it),
        cmocka_unit_test(a_flush_tells_of_a_failure_before_it),
        cmocka_unit_test(closing_waits_for_what_is_pending),
        cmocka_unit_test(closing_at_any_moment_answers_everybody_once),
        cmocka_unit_test(a_close_that_is_not_answered_ends_all_the_same),
        cmocka_unit_test(a_close_that_is_not_answered_may_be_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
