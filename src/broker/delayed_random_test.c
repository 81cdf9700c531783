/* SPDX-License-Identifier: Apache-2.0
 *
 * delayed_random_test.c - random lives of a topic whose entries are to be delivered at random times: whatever
 * consumers, seeks, restarts, power cuts and a clock that is set do, none comes before its time, each comes when it is
 * due and somebody can take it, and nothing that was acknowledged for good comes again.
 *
 * DELAYED_SEEDS=n runs n lives (default 25), DELAYED_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "broker/subscription.h"
#include "broker/topic.h"
#include "sys/sim/sim_seeds.h"

#define TOPIC   "persistent://public/default/t"
#define PEERS   3 /* two on one subscription, one on the other */
#define STEPS   250
#define ENTRIES 3000

/* The model: every entry that has a receipt, its time, and who has acknowledged it. */
struct entry_model {
    struct position position;
    int64_t deliver_ms;
    bool acked[2];
};

struct life {
    struct world world;
    struct random *random;
    enum subscription_type type;
    struct peer producer, peers[PEERS];
    size_t published_seen, seen[PEERS];
    size_t asked;      /* publishes of this producer */
    int64_t latest_ms; /* that the clock showed before it was set back */
    struct entry_model entries[ENTRIES];
    size_t count;
};

static const char *const names[] = {"s", "t"};

static unsigned subscription_of(unsigned peer)
{
    return peer == PEERS - 1;
}

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static int64_t now(struct life *l)
{
    return loop_wall_ms(l->world.broker->loop);
}

static struct entry_model *find(struct life *l, struct position p)
{
    for (size_t i = 0; i < l->count; i++) {
        if (position_equal(l->entries[i].position, p))
            return &l->entries[i];
    }
    return NULL;
}

static void look(struct life *l)
{
    for (; l->published_seen < l->producer.published_count; l->published_seen++) {
        const struct published *p = &l->producer.published[l->published_seen];
        if (p->err == OK && l->count < ENTRIES)
            l->entries[l->count++] =
                (struct entry_model){.position = p->position, .deliver_ms = (int64_t)p->sequence_id};
    }
    for (unsigned i = 0; i < PEERS; i++) {
        for (; l->seen[i] < l->peers[i].received_count; l->seen[i]++) {
            const struct received *r = &l->peers[i].received[l->seen[i]];
            /* Never early; of a clock that was set back, what was due by it before may be with somebody, or be sent
             * again. */
            assert_true(r->deliver_ms <= r->at_ms || r->deliver_ms <= l->latest_ms);
        }
    }
}

static void fresh_peers(struct life *l)
{
    peer_init(&l->producer, &l->world);
    l->published_seen = l->asked = 0;
    for (unsigned i = 0; i < PEERS; i++) {
        peer_init(&l->peers[i], &l->world);
        l->seen[i] = 0;
    }
}

static void join(struct life *l, unsigned i)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = names[subscription_of(i)], .type = l->type};

    if (!l->peers[i].consumers[1])
        (void)peer_subscribe(&l->peers[i], 1, &s);
}

static int64_t some_time(struct life *l)
{
    switch (below(l, 4)) {
    case 0:
        return 0;
    case 1:
        return now(l) + (int64_t)below(l, 100);
    case 2:
        return now(l) + (int64_t)below(l, 30000);
    default:
        return now(l) + 20000;
    }
}

static void step_publish(struct life *l)
{
    if (!l->producer.producers[1])
        (void)peer_produce(&l->producer, 1, TOPIC, NULL);
    for (uint64_t n = below(l, 30); n > 0 && l->producer.producers[1] && l->asked < PEER_RECORDS / 2; n--) {
        peer_publish_delayed(&l->producer, 1, some_time(l));
        l->asked++;
    }
}

static void ack(struct life *l, unsigned i, size_t nth)
{
    const struct position p = l->peers[i].received[nth].position;
    struct entry_model *e = find(l, p);

    if (consumer_ack(l->peers[i].consumers[1], p, false) == OK && e)
        e->acked[subscription_of(i)] = true;
}

static void step_consumer(struct life *l)
{
    const unsigned i = (unsigned)below(l, PEERS);
    struct peer *p = &l->peers[i];

    if (!p->consumers[1]) {
        join(l, i);
        return;
    }
    const size_t nth = p->received_count ? below(l, p->received_count) : 0;
    switch (below(l, 8)) {
    case 0:
    case 1:
        if (p->received_count < PEER_RECORDS / 2)
            consumer_flow(p->consumers[1], 1 + (uint32_t)below(l, 50));
        break;
    case 2:
    case 3:
    case 4:
        if (p->received_count)
            ack(l, i, nth);
        break;
    case 5:
        if (p->received_count)
            consumer_redeliver(p->consumers[1], &p->received[nth].position, 1);
        break;
    case 6:
        if (below(l, 5) == 0) {
            (void)peer_seek(p, 1, POSITION_EARLIEST);
            for (size_t e = 0; e < l->count; e++)
                l->entries[e].acked[subscription_of(i)] = false;
        }
        break;
    default:
        consumer_detach(p->consumers[1]);
        p->consumers[1] = NULL;
    }
}

/* What was acknowledged since is forgotten, or not: nobody knows. */
static void step_end(struct life *l)
{
    look(l);
    (void)world_end_and_open(&l->world, (enum world_end)below(l, WORLD_ENDS));
    fresh_peers(l);
}

static void step_rare(struct life *l)
{
    switch (below(l, 5)) {
    case 0:
        step_end(l);
        break;
    case 1:
        (void)world_unload(&l->world, TOPIC);
        break;
    case 2:
        l->latest_ms = now(l) > l->latest_ms ? now(l) : l->latest_ms;
        sim_wall_jump(l->world.sim, (int64_t)below(l, 60000) - 30000);
        break;
    default:
        world_pass(&l->world, below(l, 15000));
    }
}

static void step(struct life *l)
{
    const uint64_t dice = below(l, 100);

    if (dice < 30)
        step_publish(l);
    else if (dice < 90)
        step_consumer(l);
    else
        step_rare(l);
    for (uint64_t n = below(l, 60); n > 0; n--)
        (void)sim_step(l->world.sim);
    look(l);
    world_check(&l->world);
}

/* Some worlds have slow disks. */
static void read_to_the_end(struct life *l, unsigned i)
{
    const struct subscription *s = l->peers[i].consumers[1]->subscription;

    for (unsigned tries = 0; s->dispatch.read || topic_readable(s->topic, s->dispatch.read_position); tries++) {
        assert_true(tries < 1000);
        world_settle(&l->world);
    }
    world_settle(&l->world);
}

/* Everything that is due was sent to somebody, or is acknowledged: nothing else is left but what is later. */
static void expect_all_due(struct life *l, unsigned i)
{
    const struct subscription *s = l->peers[i].consumers[1]->subscription;
    const struct dispatch *d = &s->dispatch;

    for (size_t e = 0; e < l->count; e++) {
        const struct position p = l->entries[e].position;
        if (l->entries[e].deliver_ms <= now(l))
            assert_true(cursor_acked(s->cursor, p) || tree_find(&d->pending, &p));
        else if (!cursor_acked(s->cursor, p))
            assert_null(tree_find(&d->pending, &p));
    }
}

static void finish(struct life *l)
{
    for (unsigned i = 0; i < PEERS; i++) {
        if (l->peers[i].consumers[1])
            consumer_detach(l->peers[i].consumers[1]);
    }
    look(l);
    fresh_peers(l);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 1; i < PEERS; i++) {
            join(l, i);
            assert_non_null(l->peers[i].consumers[1]);
            consumer_flow(l->peers[i].consumers[1], ENTRIES);
        }
        world_pass(&l->world, round == 0 ? 2000 : 5000);
        look(l);
        for (unsigned i = 1; i < PEERS; i++)
            read_to_the_end(l, i);
        for (unsigned i = 1; i < PEERS; i++)
            expect_all_due(l, i);
    }
    world_pass(&l->world, 120000); /* the clock may have been set back, some times */
    for (unsigned i = 1; i < PEERS; i++)
        expect_all_due(l, i);
    world_check(&l->world);
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->type = below(l, 2) ? TYPE_SHARED : TYPE_KEY_SHARED;
    l->world.options.ledger_entries_max = 1 + below(l, below(l, 2) ? 100 : 10000);
    l->world.options.delete_inactive_topics = false;
    l->world.options.delayed_bytes_max = below(l, 2) ? 1000 + below(l, 4000) : 1 << 20;
    policies_put(&l->world.options.policies, POLICY_RETENTION_MINUTES, -1);
    policies_put(&l->world.options.policies, POLICY_RETENTION_MB, -1);
    world_open(&l->world);
    fresh_peers(l);
    join(l, 0);
    join(l, PEERS - 1);
    for (unsigned i = 0; i < STEPS; i++)
        step(l);
    finish(l);
    world_end(&l->world);
    test_free(l);
}

static void each_comes_in_its_time(void **state)
{
    sim_seeds_run("DELAYED", 25, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_comes_in_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
