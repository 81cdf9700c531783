/* SPDX-License-Identifier: Apache-2.0
 *
 * crowd_test.c - ten thousand consumers of one subscription.  What takes time for each of them with each entry would
 * make these tests take minutes.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"

#include <stdio.h>

#define TOPIC "persistent://public/default/t"
#define CROWD 10000

struct crowd {
    struct world world;
    struct peer producer;
    struct sink sink;
    struct consumer_open opens[CROWD];
    uint32_t received[CROWD];
    struct position last[CROWD]; /* that it received */
};

static bool writable(struct sink *s)
{
    return true;
}

static void message(struct sink *s, const struct delivery *d)
{
    struct crowd *c = container_of(s, struct crowd, sink);

    c->received[d->consumer_id]++;
    c->last[d->consumer_id] = d->entry->position;
}

static void close_consumer(struct sink *s, uint64_t id)
{
}

static void active_changed(struct sink *s, uint64_t id, bool active)
{
}

static const struct sink_ops ops = {
    .writable = writable, .message = message, .close_consumer = close_consumer, .active_changed = active_changed};

static void gather(struct crowd *c, enum subscription_type type)
{
    world_start(&c->world, 5);
    world_open(&c->world);
    peer_init(&c->producer, &c->world);
    c->sink = (struct sink){.ops = &ops, .peer = "crowd", .client_version = "test"};
    assert_int_equal(peer_produce(&c->producer, 1, TOPIC, NULL).err, OK);
    for (unsigned i = 0; i < CROWD; i++) {
        struct consumer_open *open = &c->opens[i];
        *open = (struct consumer_open){
            .op.done = world_done,
            .sink = &c->sink,
            .consumer_id = i,
            .subscription = bytes_of_text("s"),
            .type = type,
            .durable = true,
            .initial = INITIAL_EARLIEST,
            .epoch = -1,
        };
        assert_int_equal(topic_name_parse(&open->topic, bytes_of_text(TOPIC)), OK);
        consumer_open(c->world.broker, open);
    }
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(world_finish(&c->world, &c->opens[i].op).err, OK);
}

static void disperse(struct crowd *c)
{
    for (unsigned i = 0; i < CROWD; i++)
        consumer_detach(c->opens[i].consumer);
    world_end(&c->world);
    test_free(c);
}

static void publish(struct crowd *c, unsigned count, bool keys)
{
    char key[12];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(key, sizeof key, "%u", i % 5000);
        if (keys)
            peer_publish_key(&c->producer, 1, key, i);
        else
            peer_publish_one(&c->producer, 1, 1, 0);
        if (i % 1000 == 0) {
            world_settle(&c->world);
            c->producer.published_count = 0;
        }
    }
    world_settle(&c->world);
    c->producer.published_count = 0;
}

static void shared_among_ten_thousand_each_gets_what_it_has_permits_for(void **state)
{
    struct crowd *c = test_calloc(1, sizeof *c);

    gather(c, TYPE_SHARED);
    for (unsigned i = 0; i < CROWD; i++)
        consumer_flow(c->opens[i].consumer, 2);
    publish(c, 2 * CROWD + 5, false);
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(c->received[i], 2);
    for (unsigned i = 0; i < CROWD; i += 2) { /* one at a time, as consumers without a queue ask */
        assert_int_equal(consumer_ack(c->opens[i].consumer, c->last[i], false), OK);
        consumer_flow(c->opens[i].consumer, 1);
    }
    publish(c, CROWD / 2 - 5, false);
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(c->received[i], 2 + (i % 2 == 0));
    disperse(c);
}

static void keys_among_ten_thousand_all_come(void **state)
{
    struct crowd *c = test_calloc(1, sizeof *c);
    uint64_t sum = 0;

    gather(c, TYPE_KEY_SHARED);
    for (unsigned i = 0; i < CROWD; i++)
        consumer_flow(c->opens[i].consumer, 1000);
    publish(c, CROWD, true);
    for (unsigned i = 0; i < CROWD; i++)
        sum += c->received[i];
    assert_int_equal(sum, CROWD);
    disperse(c);
}

static void of_ten_thousand_one_is_active(void **state)
{
    struct crowd *c = test_calloc(1, sizeof *c);
    unsigned served = 0;

    gather(c, TYPE_FAILOVER);
    for (unsigned i = 0; i < CROWD; i++)
        consumer_flow(c->opens[i].consumer, 1000);
    world_pass(&c->world, 2000);
    publish(c, 100, false);
    for (unsigned i = 0; i < CROWD; i++)
        served += c->received[i] > 0;
    assert_int_equal(served, 1);
    disperse(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_among_ten_thousand_each_gets_what_it_has_permits_for),
        cmocka_unit_test(keys_among_ten_thousand_all_come),
        cmocka_unit_test(of_ten_thousand_one_is_active),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
