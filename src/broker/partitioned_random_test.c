/* SPDX-License-Identifier: Apache-2.0
 *
 * partitioned_random_test.c - random lives of a few partitioned topics against a model: a number of partitions for each
 * name.  They are made, grown and deleted, several at once and the same one by several, used meanwhile, and the broker
 * is killed in the midst of it.  What was answered holds; of what was not, as much as partitioned.h's rules say.
 *
 * PARTITIONED_SEEDS=n runs n lives (default 40), PARTITIONED_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "broker/partitioned.h"
#include "sys/sim/sim_seeds.h"

#include <stdio.h>

enum { NAMES = 3, STEPS = 60, AT_ONCE = 4, MOST = 700 };

struct life {
    struct world world;
    struct random *random;
    struct peer peer;
    uint32_t partitions[NAMES]; /* the model: 0: there is none */
    bool leftovers[NAMES];      /* a growth was cut off: there may be partitions beyond */
};

typedef void change(struct broker *b, struct partitioned_op *op);

/* A change under way, and what the model says of it. */
struct wish {
    struct partitioned_op op;
    unsigned name;
    change *start;
    enum err wanted;
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static struct topic_name whole(unsigned n)
{
    struct topic_name name;
    char text[60];

    (void)snprintf(text, sizeof text, "persistent://public/default/n%u", n);
    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

static struct topic_name part(unsigned n, uint32_t i)
{
    struct topic_name base = whole(n), name;

    assert_int_equal(topic_name_partition(&name, &base, i), OK);
    return name;
}

static bool part_exists(struct life *l, unsigned n, uint32_t i)
{
    struct topic_name name = part(n, i);

    return topic_exists(l->world.broker, &name);
}

static uint32_t count(struct life *l, unsigned n)
{
    struct topic_name name = whole(n);

    return partitions_count(l->world.broker, &name);
}

/* ---- the model ---- */

static enum err apply(struct life *l, const struct wish *w)
{
    uint32_t *now = &l->partitions[w->name];

    if (w->start == partitioned_create) {
        if (*now > 0)
            return ERR_EXISTS;
        *now = w->op.partitions;
        l->leftovers[w->name] = false;
        return OK;
    }
    if (w->start == partitioned_delete) {
        if (*now == 0)
            return ERR_NOT_FOUND;
        *now = 0;
        l->leftovers[w->name] = false;
        return OK;
    }
    if (*now == 0)
        return ERR_EXISTS;
    if (w->op.partitions < *now)
        return ERR_INVALID;
    *now = w->op.partitions;
    return OK;
}

static void check(struct life *l)
{
    uint64_t expected = 0;
    bool leftovers = false;

    for (unsigned n = 0; n < NAMES; n++) {
        assert_int_equal(count(l, n), l->partitions[n]);
        for (uint32_t i = 0; i < l->partitions[n]; i++)
            assert_true(part_exists(l, n, i));
        expected += l->partitions[n];
        leftovers |= l->leftovers[n];
    }
    if (!leftovers)
        assert_int_equal(topics_count(l->world.broker, bytes_of_text("public/default")), expected);
    world_check(&l->world);
}

/* ---- what happens ---- */

static void wish_any(struct life *l, struct wish *w)
{
    static change *const changes[] = {partitioned_create, partitioned_grow, partitioned_delete};

    *w = (struct wish){.name = (unsigned)below(l, NAMES), .start = changes[below(l, 3)]};
    w->op = (struct partitioned_op){
        .op.done = world_done,
        .name = whole(w->name),
        .partitions = 1 + (uint32_t)below(l, below(l, 4) == 0 ? MOST : 5),
        .force = true,
    };
}

/* Several at once, each of which gets its answer: as if one had come after the other. */
static void step_changes(struct life *l)
{
    struct wish wishes[AT_ONCE];
    size_t many = 1 + below(l, AT_ONCE);

    for (size_t i = 0; i < many; i++) {
        wish_any(l, &wishes[i]);
        wishes[i].wanted = apply(l, &wishes[i]);
        wishes[i].start(l->world.broker, &wishes[i].op);
    }
    for (size_t i = 0; i < many; i++)
        assert_int_equal(world_finish(&l->world, &wishes[i].op.op).err, wishes[i].wanted);
}

/* What a kill left: all of the change, or nothing that a client could see. */
static void adopt(struct life *l, const struct wish *w)
{
    const uint32_t before = l->partitions[w->name], now = count(l, w->name);

    if (now != before)
        assert_int_equal(apply(l, w), OK);
    assert_int_equal(now, l->partitions[w->name]);
    if (w->start == partitioned_grow && now == before && before > 0)
        l->leftovers[w->name] = true;
    for (uint32_t i = before; w->start == partitioned_grow && i < now; i++)
        assert_true(part_exists(l, w->name, i)); /* before clients learn of it */
    for (uint32_t i = 0; i < now; i++) {         /* those that are missing are made by their first use */
        struct topic_name name = part(w->name, i);
        struct refusal why;
        struct topic *t;
        assert_int_equal(topic_obtain(l->world.broker, &name, true, &t, &why), OK);
    }
    if (now == 0) /* nothing of it is left behind */
        assert_false(part_exists(l, w->name, 0));
}

static void step_kill(struct life *l)
{
    struct wish w;

    wish_any(l, &w);
    if (below(l, 2) == 0)
        w.op.partitions += MOST; /* so many take turns */
    w.start(l->world.broker, &w.op);
    for (uint64_t n = below(l, 60); n > 0; n--)
        (void)sim_step(l->world.sim);
    if (below(l, 2) == 0)
        world_kill_and_open(&l->world);
    else
        world_cut_and_open(&l->world);
    peer_init(&l->peer, &l->world);
    adopt(l, &w);
}

/* A producer and a consumer of some partition, there or not. */
static void step_use(struct life *l)
{
    const unsigned n = (unsigned)below(l, NAMES);
    const uint32_t i = (uint32_t)below(l, 4);
    struct topic_name name = part(n, i);
    const struct subscribe s = {.topic = name.text, .subscription = "s", .type = TYPE_SHARED};
    const enum err wanted = i < l->partitions[n] || (l->leftovers[n] && part_exists(l, n, i)) ? OK : ERR_NOT_ALLOWED;

    assert_int_equal(peer_produce(&l->peer, 1, name.text, NULL).err, wanted);
    if (wanted != OK)
        return;
    peer_publish(&l->peer, 1, 1 + (unsigned)below(l, 3), 1);
    producer_detach(l->peer.producers[1]);
    l->peer.producers[1] = NULL;
    assert_int_equal(peer_subscribe(&l->peer, 1, &s).err, OK);
    consumer_detach(l->peer.consumers[1]);
    l->peer.consumers[1] = NULL;
    l->peer.received_count = l->peer.published_count = 0;
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->world, seed);
    l->world.options.delete_inactive_topics = false; /* time passes in powers cut */
    world_open(&l->world);
    peer_init(&l->peer, &l->world);
    l->random = sim_random(l->world.sim);
    for (unsigned step = 0; step < STEPS; step++) {
        const uint64_t which = below(l, 10);
        if (which < 5)
            step_changes(l);
        else if (which < 8)
            step_use(l);
        else
            step_kill(l);
        check(l);
    }
    world_end(&l->world);
    test_free(l);
}

static void partitioned_topics_are_what_was_answered_whatever_came_between(void **state)
{
    sim_seeds_run("PARTITIONED", 40, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitioned_topics_are_what_was_answered_whatever_came_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
