/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_random_test.c - random lives of a broker: whatever producers, consumers, disks and administrators do, each
 * entry with a receipt comes to every subscription, and none that was durably acknowledged comes again after a kill.
 *
 * BROKER_SEEDS=n runs n lives (default 40), BROKER_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "sys/sim/sim_seeds.h"

#define TOPIC     "persistent://public/default/t"
#define CONSUMERS 4
#define STEPS     400
#define ENTRIES   4000

static const char *const subscriptions[] = {"shared", "exclusive"};
static const enum subscription_type types[] = {TYPE_SHARED, TYPE_EXCLUSIVE};

/* What one subscription is known to have acknowledged, and what it was sent since a kill. */
struct known {
    struct position safe[ENTRIES]; /* acknowledged, and told to be durable */
    size_t safe_count;
    struct position acked[ENTRIES]; /* acknowledged since the last barrier */
    size_t acked_count;
};

struct life {
    struct world world;
    struct random *random;
    struct peer producer;
    struct peer consumers[CONSUMERS]; /* the last one is the exclusive */
    size_t seen[CONSUMERS];           /* of received: looked at */
    struct known known[2];
    struct position receipts[ENTRIES];
    size_t receipt_count, published_seen;
    bool sought; /* acknowledgements were taken back */
};

static unsigned subscription_of(unsigned consumer)
{
    return consumer == CONSUMERS - 1;
}

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static void note_receipts(struct life *l)
{
    for (; l->published_seen < l->producer.published_count; l->published_seen++) {
        const struct published *p = &l->producer.published[l->published_seen];
        if (p->err == OK && l->receipt_count < ENTRIES)
            l->receipts[l->receipt_count++] = p->position;
    }
}

static bool contains(const struct position *set, size_t count, struct position p)
{
    for (size_t i = 0; i < count; i++) {
        if (position_equal(set[i], p))
            return true;
    }
    return false;
}

/* Nothing that was durably acknowledged comes again. */
static void check_received(struct life *l)
{
    for (unsigned i = 0; i < CONSUMERS; i++) {
        const struct known *k = &l->known[subscription_of(i)];
        for (; l->seen[i] < l->consumers[i].received_count; l->seen[i]++)
            assert_true(l->sought || !contains(k->safe, k->safe_count, l->consumers[i].received[l->seen[i]].position));
    }
}

static void fresh_peers(struct life *l)
{
    note_receipts(l);
    check_received(l);
    peer_init(&l->producer, &l->world);
    l->published_seen = 0;
    for (unsigned i = 0; i < CONSUMERS; i++) {
        peer_init(&l->consumers[i], &l->world);
        l->seen[i] = 0;
    }
}

static void join(struct life *l, unsigned i)
{
    unsigned s = subscription_of(i);
    const struct subscribe subscribe = {.topic = TOPIC, .subscription = subscriptions[s], .type = types[s]};

    if (!l->consumers[i].consumers[1])
        (void)peer_subscribe(&l->consumers[i], 1, &subscribe);
}

static void produce(struct life *l)
{
    if (!l->producer.producers[1])
        (void)peer_produce(&l->producer, 1, TOPIC, "p");
}

static void step_publish(struct life *l)
{
    produce(l);
    for (uint64_t n = below(l, 8); n > 0 && l->producer.producers[1]; n--) {
        if (l->producer.published_count + l->world.broker->counts.pending_publishes < PEER_RECORDS - 10)
            peer_publish_one(&l->producer, 1, 1 + (uint32_t)below(l, 5), 1);
    }
}

static void ack_one(struct life *l, unsigned i, size_t nth)
{
    struct known *k = &l->known[subscription_of(i)];
    struct position p = l->consumers[i].received[nth].position;

    if (consumer_ack(l->consumers[i].consumers[1], p, false) == OK && k->acked_count < ENTRIES)
        k->acked[k->acked_count++] = p;
}

static void step_consumer(struct life *l)
{
    unsigned i = (unsigned)below(l, CONSUMERS);
    struct peer *p = &l->consumers[i];

    if (!p->consumers[1]) {
        join(l, i);
        return;
    }
    size_t nth = p->received_count ? below(l, p->received_count) : 0;
    switch (below(l, 8)) {
    case 0:
    case 1:
        consumer_flow(p->consumers[1], 1 + (uint32_t)below(l, 30));
        break;
    case 2:
    case 3:
    case 4:
        if (p->received_count)
            ack_one(l, i, nth);
        break;
    case 5:
        if (p->received_count)
            consumer_redeliver(p->consumers[1], &p->received[nth].position, 1);
        break;
    case 6:
        p->blocked = !p->blocked;
        consumer_writable(p->consumers[1]);
        break;
    default:
        consumer_detach(p->consumers[1]);
        p->consumers[1] = NULL;
    }
}

/* The first `count` acknowledgements since the last barrier are durable; of the others nothing is known any more. */
static void settle_acked(struct known *k, size_t count)
{
    for (size_t i = 0; i < count && k->safe_count < ENTRIES; i++)
        k->safe[k->safe_count++] = k->acked[i];
    k->acked_count = 0;
}

static void step_barrier(struct life *l)
{
    struct broker_op op = {.done = world_done};
    size_t before[2] = {l->known[0].acked_count, l->known[1].acked_count};

    broker_when_durable(l->world.broker, &op);
    if (world_finish(&l->world, &op).err != OK)
        return;
    for (unsigned s = 0; s < 2; s++)
        settle_acked(&l->known[s], before[s]);
}

static void step_end(struct life *l, enum world_end end)
{
    note_receipts(l);
    const bool orderly = world_end_and_open(&l->world, end);
    for (unsigned s = 0; s < 2; s++)
        settle_acked(&l->known[s], orderly ? l->known[s].acked_count : 0);
    fresh_peers(l);
}

static void step_rare(struct life *l)
{
    switch (below(l, 7)) {
    case 0:
        (void)world_unload(&l->world, TOPIC);
        break;
    case 1:
        sim_disk_fail(l->world.disk, SIM_DISK_WRITE, 1 + below(l, 3), below(l, 2) ? ERR_IO : ERR_NOSPACE);
        break;
    case 2:
        step_end(l, WORLD_KILLED);
        break;
    case 3:
        step_end(l, WORLD_RESTARTED);
        break;
    case 5:
        step_end(l, WORLD_CUT);
        break;
    case 4:
        world_pass(&l->world, below(l, 90000));
        break;
    default:
        if (l->consumers[0].consumers[1]) {
            l->sought = true;
            (void)peer_seek(&l->consumers[0], 1, POSITION_EARLIEST);
        }
    }
}

static void random_step(struct life *l)
{
    uint64_t dice = below(l, 100);

    if (dice < 30)
        step_publish(l);
    else if (dice < 90)
        step_consumer(l);
    else if (dice < 96)
        step_barrier(l);
    else if (dice < 98)
        step_rare(l);
    for (uint64_t n = below(l, 40); n > 0; n--)
        (void)sim_step(l->world.sim);
    note_receipts(l);
    check_received(l);
    world_check(&l->world);
    if (l->world.fatals > 0) /* a sync failed: the process ends */
        step_end(l, WORLD_KILLED);
}

/* A subscription has acknowledged an entry, or is sent it now. */
static void drain(struct life *l, unsigned i)
{
    struct peer *p = &l->consumers[i];

    p->blocked = false;
    for (unsigned tries = 0; !p->consumers[1] && tries < 3; tries++) {
        world_pass(&l->world, 2000);
        join(l, i);
    }
    assert_non_null(p->consumers[1]);
    struct subscription *s = p->consumers[1]->subscription;
    for (unsigned rounds = 0; cursor_backlog_entries(s->cursor) > 0; rounds++) {
        assert_true(rounds < 200);
        size_t from = p->received_count;
        consumer_flow(p->consumers[1], 1000);
        world_settle(&l->world);
        for (size_t nth = from; nth < p->received_count; nth++)
            ack_one(l, i, nth);
        if (from == p->received_count && subscription_of(i) == 0) /* somebody holds the rest */
            consumer_redeliver_all(p->consumers[1], -1);
    }
    for (size_t r = 0; r < l->receipt_count; r++)
        assert_true(cursor_acked(s->cursor, l->receipts[r]) ||
                    position_compare(l->receipts[r], cursor_mark_delete(s->cursor)) <= 0);
}

static void finish_life(struct life *l)
{
    sim_disk_fail(l->world.disk, SIM_DISK_WRITE, 0, OK);
    world_pass(&l->world, 5000);
    for (unsigned i = 1; i < CONSUMERS - 1; i++) { /* one shared consumer gets all that is left */
        if (l->consumers[i].consumers[1])
            consumer_detach(l->consumers[i].consumers[1]);
        l->consumers[i].consumers[1] = NULL;
    }
    if (l->consumers[0].consumers[1])
        consumer_redeliver_all(l->consumers[0].consumers[1], -1);
    if (l->consumers[CONSUMERS - 1].consumers[1])
        consumer_redeliver_all(l->consumers[CONSUMERS - 1].consumers[1], -1);
    drain(l, 0);
    drain(l, CONSUMERS - 1);
    world_check(&l->world);
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->world.options.ledger_entries_max = 1 + below(l, 50);
    policies_put(&l->world.options.policies, POLICY_UNACKED_PER_CONSUMER_MAX,
                 below(l, 2) ? 0 : 10 + (int64_t)below(l, 100));
    l->world.options.delete_inactive_topics = false;
    world_open(&l->world);
    fresh_peers(l);
    join(l, 0); /* so that both subscriptions see all there will be */
    join(l, CONSUMERS - 1);
    for (unsigned i = 0; i < STEPS; i++)
        random_step(l);
    finish_life(l);
    world_end(&l->world);
    test_free(l);
}

static void each_entry_with_a_receipt_comes_to_every_subscription(void **state)
{
    sim_seeds_run("BROKER", 40, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_entry_with_a_receipt_comes_to_every_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
