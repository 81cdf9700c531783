/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_index_random_test.c - random acknowledgements of single messages, redeliveries, seeks into batches, consumers
 * that come and go, restarts and power cuts, against a model: for each batch the set of messages that are acknowledged.
 * What comes is exactly what is not; backlogs are exact; what was durable before a power cut is after it.
 *
 * BATCH_INDEX_SEEDS=n runs n lives (default 40), BATCH_INDEX_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "sys/sim/sim_seeds.h"

#define TOPIC     "persistent://public/default/t"
#define CONSUMERS 3
#define STEPS     300
#define BATCHES   1500

/* Bits of its messages: acknowledged; and durably. */
struct batch {
    struct position position;
    uint32_t messages;
    uint64_t acked, safe;
};

struct life {
    struct world world;
    struct random *random;
    struct peer producer;
    struct peer consumers[CONSUMERS];
    size_t seen[CONSUMERS];
    enum subscription_type type;
    struct batch batches[BATCHES];
    size_t count, published_seen;
    uint32_t asked[PEER_RECORDS]; /* messages of what was published in this life */
    size_t asked_count;
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static uint64_t all_of(const struct batch *b)
{
    return b->messages == 64 ? UINT64_MAX : (UINT64_C(1) << b->messages) - 1;
}

static struct batch *find(struct life *l, struct position p)
{
    for (size_t i = l->count; i > 0; i--) {
        if (position_equal(l->batches[i - 1].position, p))
            return &l->batches[i - 1];
    }
    return NULL;
}

static void note_receipts(struct life *l)
{
    for (; l->published_seen < l->producer.published_count && l->count < BATCHES; l->published_seen++) {
        const struct published *p = &l->producer.published[l->published_seen];
        assert_int_equal(p->err, OK);
        l->batches[l->count++] = (struct batch){.position = p->position, .messages = l->asked[l->published_seen]};
    }
}

/* Each was looked at before anything was acknowledged after it. */
static void check_received(struct life *l)
{
    note_receipts(l);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        for (; l->seen[i] < l->consumers[i].received_count; l->seen[i]++) {
            const struct received *r = &l->consumers[i].received[l->seen[i]];
            const struct batch *b = find(l, r->position);
            assert_non_null(b);
            assert_int_equal(r->messages, b->messages);
            assert_true((r->left_words > 0 ? r->left : all_of(b)) == (all_of(b) & ~b->acked));
            assert_true(b->acked != all_of(b));
        }
    }
}

static void fresh_peers(struct life *l)
{
    peer_init(&l->producer, &l->world);
    l->published_seen = l->asked_count = 0;
    for (unsigned i = 0; i < CONSUMERS; i++) {
        peer_init(&l->consumers[i], &l->world);
        l->seen[i] = 0;
    }
    assert_int_equal(peer_produce(&l->producer, 1, TOPIC, "p").err, OK);
}

static void join(struct life *l, unsigned i)
{
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .type = l->type};

    if (!l->consumers[i].consumers[1])
        (void)peer_subscribe(&l->consumers[i], 1, &s); /* an exclusive one may be there */
}

static struct subscription *subscription(struct life *l)
{
    return subscription_find(world_topic(&l->world, TOPIC), bytes_of_text("s"));
}

static void check_backlog(struct life *l)
{
    struct subscription *s = subscription(l);
    struct position unsure;
    uint64_t messages = 0, entries = 0;

    world_settle(&l->world);
    check_received(l);
    for (size_t i = 0; i < l->count; i++) {
        messages += (uint64_t)__builtin_popcountll(all_of(&l->batches[i]) & ~l->batches[i].acked);
        entries += l->batches[i].acked != all_of(&l->batches[i]);
    }
    assert_int_equal(cursor_backlog_entries(s->cursor), entries);
    assert_true(cursor_unsure(s->cursor, &unsure) || cursor_backlog_messages(s->cursor) == messages);
    cursor_check(s->cursor);
}

static void step_publish(struct life *l)
{
    for (uint64_t n = below(l, 6); n > 0 && l->count + 10 < BATCHES && l->asked_count < PEER_RECORDS; n--) {
        const uint32_t messages = 1 + (uint32_t)below(l, below(l, 10) ? 9 : 64);
        l->asked[l->asked_count++] = messages;
        peer_publish_one(&l->producer, 1, messages, 1);
    }
    world_settle(&l->world);
    note_receipts(l);
}

static void step_ack(struct life *l, struct peer *p)
{
    struct batch *b = &l->batches[below(l, l->count)];
    uint64_t left = random_next(l->random) & random_next(l->random) & all_of(b);
    const bool cumulative = l->type == TYPE_EXCLUSIVE && below(l, 6) == 0;

    if (below(l, 3) == 0)
        left = all_of(b) & ~(UINT64_C(1) << below(l, b->messages));
    const struct ack_left part = {&left, 1}, *whole_or = below(l, 5) == 0 ? NULL : &part;
    b->acked |= whole_or ? all_of(b) & ~left : all_of(b);
    for (size_t i = 0; cumulative && i < l->count; i++) {
        if (position_before(l->batches[i].position, b->position))
            l->batches[i].acked = all_of(&l->batches[i]);
    }
    if (cumulative)
        assert_int_equal(consumer_ack_cumulative(p->consumers[1], b->position, whole_or), OK);
    else
        assert_int_equal(consumer_ack(p->consumers[1], b->position, whole_or), OK);
}

static void step_seek(struct life *l, struct peer *p)
{
    const size_t to = below(l, l->count);
    const uint64_t all = all_of(&l->batches[to]),
                   left = all & ~((UINT64_C(1) << below(l, l->batches[to].messages)) - 1);

    assert_int_equal(peer_seek_into(p, 1, l->batches[to].position, left).err, OK);
    for (size_t i = 0; i < l->count; i++) {
        struct batch *b = &l->batches[i];
        b->acked = i < to ? all_of(b) : i == to ? all & ~left : 0;
        b->safe = b->acked;
    }
}

static void step_consumer(struct life *l)
{
    struct peer *p = &l->consumers[below(l, CONSUMERS)];

    world_settle(&l->world);
    check_received(l);
    if (!p->consumers[1]) {
        join(l, (unsigned)(p - l->consumers));
        return;
    }
    switch (below(l, 10)) {
    case 0:
    case 1:
    case 2:
        consumer_flow(p->consumers[1], 1 + (uint32_t)below(l, 60));
        break;
    case 3:
        if (p->received_count > 0)
            consumer_redeliver(p->consumers[1], &p->received[below(l, p->received_count)].position, 1);
        break;
    case 4:
        if (below(l, 4) == 0)
            consumer_redeliver_all(p->consumers[1], -1);
        break;
    case 5:
        if (below(l, 2) == 0) {
            consumer_detach(p->consumers[1]);
            p->consumers[1] = NULL;
        } else if (l->count > 0 && below(l, 3) == 0) {
            step_seek(l, p);
        }
        break;
    default:
        if (l->count > 0)
            step_ack(l, p);
        break;
    }
}

static void step_barrier(struct life *l)
{
    struct broker_op op = {.done = world_done};

    broker_when_durable(l->world.broker, &op);
    assert_int_equal(world_finish(&l->world, &op).err, OK);
    for (size_t i = 0; i < l->count; i++)
        l->batches[i].safe = l->batches[i].acked;
}

/* What a power cut left of the acknowledgements: no more than were asked for, no less than were durable. */
static void learn_acked(struct life *l)
{
    const struct subscription *s = subscription(l);

    for (size_t i = 0; i < l->count; i++) {
        struct batch *b = &l->batches[i];
        uint64_t left[CURSOR_LEFT_WORDS] = {all_of(b)};
        const uint32_t words = cursor_left(s->cursor, b->position, left);
        const uint64_t acked = cursor_acked(s->cursor, b->position) ? all_of(b) : words > 0 ? all_of(b) & ~left[0] : 0;
        assert_true((acked & b->safe) == b->safe);
        assert_true((acked & ~b->acked) == 0);
        b->acked = b->safe = acked;
    }
}

static void step_end(struct life *l)
{
    world_settle(&l->world);
    check_received(l);
    if (below(l, 2) == 0) {
        assert_true(world_restart(&l->world));
        for (size_t i = 0; i < l->count; i++)
            l->batches[i].safe = l->batches[i].acked;
    } else if (below(l, 2) == 0) {
        world_cut_and_open(&l->world);
    } else {
        assert_int_equal(world_unload(&l->world, TOPIC).err, OK);
    }
    fresh_peers(l);
    learn_acked(l);
}

/* One consumer takes all that is left, and nothing else. */
static void drain(struct life *l)
{
    struct peer *p = &l->consumers[0];

    for (unsigned i = 0; i < CONSUMERS; i++) {
        if (l->consumers[i].consumers[1])
            consumer_detach(l->consumers[i].consumers[1]);
        l->consumers[i].consumers[1] = NULL;
    }
    world_settle(&l->world);
    check_received(l);
    const size_t from = p->received_count;
    join(l, 0);
    consumer_flow(p->consumers[1], 1 << 20);
    check_backlog(l);
    for (size_t i = 0; i < l->count; i++) {
        bool came = false;
        for (size_t r = from; r < p->received_count; r++)
            came = came || position_equal(p->received[r].position, l->batches[i].position);
        assert_int_equal(came, l->batches[i].acked != all_of(&l->batches[i]));
    }
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->type = seed % 2 ? TYPE_SHARED : TYPE_EXCLUSIVE;
    l->world.options.batch_index_acks = true;
    l->world.options.ledger_entries_max = 5 + below(l, 200);
    policies_put(&l->world.options.policies, POLICY_RETENTION_MINUTES, -1);
    policies_put(&l->world.options.policies, POLICY_RETENTION_MB, -1);
    world_open(&l->world);
    fresh_peers(l);
    join(l, 0);
    for (unsigned i = 0; i < STEPS; i++) {
        const uint64_t dice = below(l, 100);
        if (dice < 20)
            step_publish(l);
        else if (dice < 90)
            step_consumer(l);
        else if (dice < 95)
            step_barrier(l);
        else if (dice < 97)
            step_end(l);
        else
            check_backlog(l);
        world_check(&l->world);
    }
    drain(l);
    world_end(&l->world);
    test_free(l);
}

static void what_comes_is_what_is_not_acknowledged(void **state)
{
    sim_seeds_run("BATCH_INDEX", 40, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_is_what_is_not_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
