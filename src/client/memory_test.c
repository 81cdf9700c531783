/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_test.c - one allocation of the client's core fails, the first, then the second, until none did.
 *
 * This program has a core of its own whose malloc, calloc and realloc are the ones below.  Whatever fails, everything
 * that was begun ends with some result, nothing leaks (the address sanitizer looks), and what got a receipt is at the
 * broker.
 */
#include "base/base_test.h"

#include "client/connection.h"
#include "client/fake_broker.h"
#include "client/publisher.h"
#include "client/subscriber.h"
#include <stdlib.h>

#define MESSAGES 12
#define TOPIC    "persistent://public/default/t"

/* Counted down; at zero the allocation fails.  Below: none does any more. */
static long fail_in;

static bool fails(void)
{
    return fail_in > 0 && --fail_in == 0;
}

void *client_test_malloc(size_t size);
void *client_test_calloc(size_t count, size_t size);
void *client_test_realloc(void *old, size_t size);

void *client_test_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

void *client_test_calloc(size_t count, size_t size)
{
    return fails() ? NULL : calloc(count, size);
}

void *client_test_realloc(void *old, size_t size)
{
    return fails() ? NULL : realloc(old, size);
}

struct world;

struct test_send {
    struct client_send send;
    struct world *world;
    pulsar_result result;
};

struct world {
    struct sim *sim;
    struct fake_broker *broker;
    struct sim_host *host;
    struct _pulsar_client_configuration config;
    struct _pulsar_producer_configuration producer;
    struct _pulsar_consumer_configuration consumer;
    struct client_core core;
    struct client_publisher *publisher;   /* NULL: not even begun */
    struct client_subscriber *subscriber; /* likewise */
    struct client_queue queue;
    struct test_send sends[MESSAGES];
    bool publisher_created, subscriber_created, subscriber_closed, drained;
    int completed, received;
};

static void quiet(void *ctx, const char *text, size_t len)
{
}

static struct log silent = {.level = LOG_ERROR, .line = quiet};

static void on_publisher_created(struct client_publisher *p, pulsar_result result)
{
    ((struct world *)p->owner)->publisher_created = true;
}

static void on_subscriber_created(struct client_subscriber *s, pulsar_result result)
{
    ((struct world *)s->subscription.owner)->subscriber_created = true;
}

static void on_publisher_closed(struct client_publisher *p, pulsar_result result)
{
}

static void on_subscriber_closed(struct client_subscriber *s, pulsar_result result)
{
    ((struct world *)s->subscription.owner)->subscriber_closed = true;
}

static void on_message(struct client_subscriber *s)
{
}

static void on_notify(struct client_queue *q)
{
}

static void on_drained(struct client_core *core)
{
    container_of(core, struct world, core)->drained = true;
}

static bool is_created(void *ctx)
{
    struct world *w = ctx;

    return (!w->publisher || w->publisher_created) && (!w->subscriber || w->subscriber_created);
}

static bool is_completed(void *ctx)
{
    return ((struct world *)ctx)->completed == MESSAGES;
}

static bool publisher_is_closed(void *ctx)
{
    return ((struct world *)ctx)->publisher->state == PUBLISHER_CLOSED;
}

static bool subscriber_is_closed(void *ctx)
{
    return ((struct world *)ctx)->subscriber_closed;
}

static bool is_drained(void *ctx)
{
    return ((struct world *)ctx)->drained;
}

/* ---- the scenario ---- */

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    w->sim = sim_new(1);
    w->broker = fake_broker_new(w->sim);
    w->host = sim_host_new(w->sim, "client", NULL);
    client_config_init(&w->config);
    w->config.operation_timeout_s = 5;
    client_producer_config_init(&w->producer);
    w->producer.batch_messages_max = 5;
    w->producer.compression = pulsar_CompressionLZ4;
    client_consumer_config_init(&w->consumer);
    w->consumer.type = pulsar_ConsumerShared;
    w->consumer.redeliver_max = 1;
    w->consumer.nack_delay_ms = 10;
    assert_int_equal(client_core_init(&w->core, sim_host_sys(w->host), &silent, FAKE_URL, &w->config), OK);
    assert_int_equal(client_core_refusal(&w->core), pulsar_result_Ok);
    return w;
}

static void begin(struct world *w)
{
    struct client_subscription subscription = {.config = &w->consumer,
                                               .topic = TOPIC,
                                               .base_topic = TOPIC,
                                               .name = "s",
                                               .durable = true,
                                               .queue = &w->queue,
                                               .queue_size = 10,
                                               .owner = w,
                                               .on_created = on_subscriber_created,
                                               .on_message = on_message};

    if (client_publisher_new(&w->publisher, &w->core, &w->producer, TOPIC, w, on_publisher_created) != OK)
        w->publisher = NULL;
    if (client_queue_init(&w->queue, 1, false, on_notify) == OK &&
        client_subscriber_new(&w->subscriber, &w->core, &subscription) != OK)
        w->subscriber = NULL;
    fake_run_until(w->sim, is_created, w);
}

static void on_sent(struct client_send *s, pulsar_result result, const struct _pulsar_message_id *id)
{
    struct test_send *t = container_of(s, struct test_send, send);

    client_body_unref(s->body);
    t->result = result;
    t->world->completed++;
}

static void send_all(struct world *w)
{
    if (!w->publisher || w->publisher->state != PUBLISHER_OPEN)
        return;
    for (int i = 0; i < MESSAGES; i++) {
        long armed = fail_in;
        struct test_send *t = &w->sends[i];

        fail_in = 0; /* what the user makes is not the core's */
        t->world = w;
        t->send.done = on_sent;
        t->send.body = client_body_new();
        assert_int_equal(client_map_put(&t->send.body->properties, bytes_of_text("a"), bytes_of_text("b")), OK);
        fail_in = armed;
        client_publisher_send(w->publisher, &t->send);
    }
    fake_run_until(w->sim, is_completed, w);
}

/* Takes what comes, for a while; acknowledges some, and refuses the rest, which go to the dead letters. */
static void receive_some(struct world *w)
{
    struct client_body *b;

    if (!w->subscriber || w->subscriber->state != SUBSCRIBER_OPEN)
        return;
    w->broker->redelivery_count = 1;
    for (int round = 0; round < 20; round++) {
        fake_broker_dispatch(w->broker);
        fake_run_for(w->broker, 200);
        while ((b = client_queue_take(&w->queue))) {
            if (b->id.entry % 2)
                client_subscriber_ack(w->subscriber, &b->id);
            else
                client_subscriber_nack(w->subscriber, &b->id);
            client_body_unref(b);
            w->received++;
        }
        client_subscriber_settle(w->subscriber);
    }
}

static void end(struct world *w)
{
    if (w->publisher && w->publisher->state != PUBLISHER_CLOSED) {
        client_publisher_close(w->publisher, false, on_publisher_closed);
        fake_run_until(w->sim, publisher_is_closed, w);
    }
    if (w->subscriber && w->subscriber->state != SUBSCRIBER_CLOSED) {
        client_subscriber_close(w->subscriber, false, on_subscriber_closed);
        fake_run_until(w->sim, subscriber_is_closed, w);
    }
    fake_run_for(w->broker, 1); /* out of their callbacks */
    client_publisher_free(w->publisher);
    client_subscriber_free(w->subscriber);
    client_queue_deinit(&w->queue);
    client_core_stop(&w->core, on_drained);
    fake_run_until(w->sim, is_drained, w);
    client_core_deinit(&w->core);
}

static void world_free(struct world *w)
{
    int receipts = 0;
    size_t stored = 0;

    for (int i = 0; i < MESSAGES; i++)
        receipts += w->sends[i].world && w->sends[i].result == pulsar_result_Ok;
    for (size_t i = 0; i < w->broker->count; i++)
        stored += w->broker->entries[i].messages;
    assert_true(stored >= (size_t)receipts);
    fake_broker_free(w->broker);
    sim_host_free(w->host);
    sim_free(w->sim);
    client_producer_config_deinit(&w->producer);
    client_consumer_config_deinit(&w->consumer);
    client_config_deinit(&w->config);
    free(w);
}

static void whatever_allocation_fails_everything_ends_and_nothing_leaks(void **state)
{
    long n;

    for (n = 1;; n++) {
        struct world *w = world_new();
        bool failed;

        fail_in = n;
        begin(w);
        send_all(w);
        receive_some(w);
        end(w);
        failed = fail_in == 0;
        fail_in = 0;
        if (!failed) {
            assert_int_equal(w->completed, MESSAGES);
            assert_true(w->received >= MESSAGES);
        }
        world_free(w);
        if (!failed)
            break;
    }
    assert_true(n > 100); /* there were allocations to fail */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_allocation_fails_everything_ends_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
