/* SPDX-License-Identifier: Apache-2.0
 *
 * unload_random_test.c - random lives of many topics that are hardly used: loaded by a publish or a consumer, unloaded
 * when they were idle, or because somebody asked, in the middle of a publish, beside restarts and kills.  What each
 * topic gave a receipt for comes to its subscription, in order and once, whatever was unloaded when; and what nobody
 * uses leaves memory.
 *
 * UNLOAD_SEEDS=n runs n lives (default 30), UNLOAD_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "sys/sim/sim_seeds.h"

#include <stdio.h>

enum { TOPICS = 40, STEPS = 300, ENTRIES = 1000, IDLE_MS = 5000 };

struct idle_topic {
    char name[60];
    struct position receipts[ENTRIES]; /* in order */
    size_t count;
};

struct life {
    struct world world;
    struct random *random;
    struct peer peer; /* its producers and consumers 1: of one topic at a time */
    struct idle_topic topics[TOPICS];
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static struct idle_topic *any_topic(struct life *l)
{
    return &l->topics[below(l, TOPICS)];
}

static void note_receipts(struct life *l, struct idle_topic *t)
{
    for (size_t i = 0; i < l->peer.published_count; i++) {
        const struct published *p = &l->peer.published[i];
        if (p->err == OK && t->count < ENTRIES)
            t->receipts[t->count++] = p->position;
    }
    l->peer.published_count = 0;
}

/* Publishes some; perhaps the topic is unloaded before the receipts are there, perhaps its producer stays until then.
 */
static void step_publish(struct life *l)
{
    struct idle_topic *t = any_topic(l);

    if (peer_produce(&l->peer, 1, t->name, NULL).err != OK)
        return;
    for (uint64_t n = 1 + below(l, 5); n > 0; n--)
        peer_publish_one(&l->peer, 1, 1 + (uint32_t)below(l, 3), 1);
    for (uint64_t n = below(l, 20); n > 0; n--)
        (void)sim_step(l->world.sim);
    if (below(l, 3) == 0)
        (void)world_unload(&l->world, t->name); /* which closes the producer, behind its receipts */
    world_settle(&l->world);
    note_receipts(l, t);
    if (l->peer.producers[1])
        producer_detach(l->peer.producers[1]);
    l->peer.producers[1] = NULL;
}

static void subscribe(struct life *l, struct idle_topic *t)
{
    const struct subscribe s = {.topic = t->name, .subscription = "s", .type = TYPE_EXCLUSIVE};

    assert_int_equal(peer_subscribe(&l->peer, 1, &s).err, OK);
}

static void leave(struct life *l)
{
    if (l->peer.consumers[1])
        consumer_detach(l->peer.consumers[1]);
    l->peer.consumers[1] = NULL;
    l->peer.received_count = 0;
}

/* Everything is sent again to each new consumer: nothing is acknowledged until the end. */
static void check_topic(struct life *l, struct idle_topic *t)
{
    size_t next = 0;

    subscribe(l, t);
    for (size_t seen = SIZE_MAX; seen != l->peer.received_count;) {
        seen = l->peer.received_count;
        consumer_flow(l->peer.consumers[1], 1000);
        world_settle(&l->world);
    }
    for (size_t i = 0; i < l->peer.received_count; i++) {
        const struct position p = l->peer.received[i].position;
        assert_true(i == 0 || position_compare(l->peer.received[i - 1].position, p) < 0);
        next += next < t->count && position_equal(t->receipts[next], p); /* others had no receipt when the end came */
    }
    assert_int_equal(next, t->count);
    leave(l);
}

static void step_end(struct life *l)
{
    (void)world_end_and_open(&l->world, (enum world_end)below(l, WORLD_ENDS));
    peer_init(&l->peer, &l->world);
}

/* Nobody is there for long: no topic stays, and none has anything to wake up for. */
static void step_idle(struct life *l)
{
    world_pass(&l->world, 3 * IDLE_MS);
    assert_int_equal(map_count(&l->world.broker->topics), 0);
    assert_true(list_empty(&l->world.broker->topic_list));
}

static void random_step(struct life *l)
{
    const uint64_t dice = below(l, 100);

    if (dice < 60)
        step_publish(l);
    else if (dice < 75)
        (void)world_unload(&l->world, any_topic(l)->name);
    else if (dice < 85)
        check_topic(l, any_topic(l));
    else if (dice < 90)
        world_pass(&l->world, below(l, 2 * IDLE_MS));
    else if (dice < 96)
        step_idle(l);
    else
        step_end(l);
    world_check(&l->world);
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);
    size_t receipts = 0;

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->world.options.topic_idle_ms = IDLE_MS;
    l->world.options.ledger_entries_max = 1 + below(l, 20);
    l->world.options.delete_inactive_topics = false;
    world_open(&l->world);
    peer_init(&l->peer, &l->world);
    for (unsigned i = 0; i < TOPICS; i++) {
        snprintf(l->topics[i].name, sizeof l->topics[i].name, "persistent://public/default/idle-%u", i);
        subscribe(l, &l->topics[i]);
        leave(l);
    }
    for (unsigned i = 0; i < STEPS; i++)
        random_step(l);
    for (unsigned i = 0; i < TOPICS; i++) {
        check_topic(l, &l->topics[i]);
        receipts += l->topics[i].count;
    }
    assert_true(receipts > STEPS / 2);
    step_idle(l);
    world_end(&l->world);
    test_free(l);
}

static void topics_that_come_and_go_keep_what_they_gave_receipts_for(void **state)
{
    sim_seeds_run("UNLOAD", 30, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_that_come_and_go_keep_what_they_gave_receipts_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
