/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_test.c - the budgets that memory_limit is divided into, under producers who send all they can, consumers who
 * do not read or read from long ago, and a disk that takes seconds: their sum stays within the limit, nobody is stuck.
 *
 * MEMORY_SEEDS=n runs n lives (default 4), MEMORY_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/stats.h"
#include "session/output.h"
#include "session/session_world.h"
#include "sys/sim/sim_seeds.h"

#include <stdio.h>

#define BUDGETS   (STORE_BUDGETS + SERVER_BUDGETS)
#define LIMIT     (4u << 20) /* memory_limit */
#define EIGHTH    (LIMIT / 8)
#define PRODUCERS 5
#define CONSUMERS 6
#define SENDS     120 /* of each producer, at most */
#define LARGEST   60000
#define TYPE(t)   WIRE__BASE_COMMAND__TYPE__##t

struct life {
    struct session_world world;
    struct random *random;
    const struct budget *budgets[BUDGETS];
    struct client producers[PRODUCERS], consumers[CONSUMERS];
    uint64_t sent[PRODUCERS];
    bool reads[CONSUMERS];
    size_t most; /* of the sum of all budgets */
    uint64_t steps;
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static const char *topic_of(unsigned i)
{
    static const char *const names[] = {"persistent://public/default/a", "persistent://public/default/b"};
    return names[i % 2];
}

static struct life *life_new(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    session_world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->world.options.keep_alive_ms = 24 * 3600 * 1000; /* nobody here answers pings */
    l->world.options.message_bytes_max = LARGEST + 1000;
    l->world.options.receive_bytes_max = 2 * EIGHTH; /* as src/cli/serve.c divides it */
    l->world.options.outputs_bytes_max = EIGHTH;
    l->world.journal_pending_bytes = EIGHTH;
    l->world.tail_cache_bytes = 2 * EIGHTH;
    l->world.cold_read_bytes = EIGHTH;
    session_world_open(&l->world);
    store_budgets(l->world.store, l->budgets);
    server_budgets(l->world.server, l->budgets + STORE_BUDGETS);
    return l;
}

static void life_end(struct life *l)
{
    for (unsigned i = 0; i < PRODUCERS; i++)
        client_free(&l->producers[i]);
    for (unsigned i = 0; i < CONSUMERS; i++)
        client_free(&l->consumers[i]);
    session_world_end(&l->world);
    test_free(l);
}

static void connect_all(struct life *l)
{
    for (unsigned i = 0; i < CONSUMERS; i++) {
        struct client *c = &l->consumers[i];
        char subscription[8];
        (void)snprintf(subscription, sizeof subscription, "s%u", i);
        client_connect(c, &l->world);
        client_handshake(c);
        assert_int_equal(
            client_subscribe(c, 1, topic_of(i), subscription, WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive),
            TYPE(SUCCESS));
        conn_read_stop(c->conn);
        client_flow(c, 1, 1000000);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        client_connect(&l->producers[i], &l->world);
        client_handshake(&l->producers[i]);
        assert_int_equal(client_produce(&l->producers[i], 1, topic_of(i), NULL), TYPE(PRODUCER_SUCCESS));
    }
}

static void step(struct life *l)
{
    size_t sum = 0;

    assert_in_range(l->steps++, 0, 5000000);
    if (sim_next_ns(l->world.sim) - sim_now_ns(l->world.sim) < 4000 * NS_PER_MS) /* else all is quiet */
        (void)sim_step(l->world.sim);
    for (size_t i = 0; i < BUDGETS; i++)
        sum += l->budgets[i]->used;
    assert_in_range(sum, 0, LIMIT);
    l->most = sum > l->most ? sum : l->most;
    for (unsigned i = 0; i < CONSUMERS; i++)
        l->consumers[i].received = l->consumers[i].taken = 0; /* nobody looks at it */
}

static void send_some(struct life *l, unsigned i, uint64_t most)
{
    for (uint64_t n = below(l, 20); n > 0 && l->sent[i] < most; n--)
        client_send_entry(&l->producers[i], 1, l->sent[i]++, below(l, 3) ? below(l, 2000) : below(l, LARGEST));
}

static const struct budget *budget_named(const struct life *l, const char *name)
{
    size_t i = 0;

    while (strcmp(l->budgets[i]->name, name) != 0)
        i++;
    return l->budgets[i];
}

static void toggle_reading(struct life *l, unsigned i)
{
    l->reads[i] = !l->reads[i];
    if (l->reads[i])
        conn_read_start(l->consumers[i].conn);
    else
        conn_read_stop(l->consumers[i].conn);
}

static void everybody_gets_receipts(struct life *l)
{
    for (unsigned i = 0; i < PRODUCERS; i++) {
        while (client_count(&l->producers[i], TYPE(SEND_RECEIPT)) < l->sent[i]) {
            assert_false(l->producers[i].closed);
            step(l);
        }
    }
}

static void live(uint64_t seed)
{
    struct life *l = life_new(seed);

    connect_all(l);
    for (unsigned i = 0; i < 300; i++) {
        if (below(l, 4) == 0)
            send_some(l, (unsigned)below(l, PRODUCERS), SENDS);
        if (below(l, 10) == 0)
            toggle_reading(l, (unsigned)below(l, CONSUMERS));
        if (below(l, 60) == 0)
            sim_slow(l->world.sim, below(l, 2) ? below(l, 3000) : 0);
        for (uint64_t n = below(l, 100); n > 0; n--)
            step(l);
    }
    everybody_gets_receipts(l);
    assert_true(l->most > LIMIT / 4); /* it was worth a look */
    life_end(l);
}

static void all_budgets_together_stay_within_the_limit_whatever_producers_consumers_and_the_disk_do(void **state)
{
    sim_seeds_run("MEMORY", 4, live);
}

static void on_a_disk_that_takes_seconds_everybody_is_answered_and_a_lone_publish_waits_for_few_batches(void **state)
{
    struct life *l = life_new(7);
    struct store_stats before, after;
    struct client *lone = &l->producers[PRODUCERS - 1];

    connect_all(l);
    sim_slow(l->world.sim, 3000);
    for (unsigned i = 0; i + 1 < PRODUCERS; i++) {
        while (l->sent[i] < SENDS)
            send_some(l, i, SENDS);
    }
    for (unsigned i = 0; i < 5; i++) {
        store_stats(l->world.store, &before);
        client_send_entry(lone, 1, l->sent[PRODUCERS - 1]++, 100);
        while (client_count(lone, TYPE(SEND_RECEIPT)) < l->sent[PRODUCERS - 1])
            step(l);
        store_stats(l->world.store, &after);
        assert_in_range(after.syncs - before.syncs, 1, 8);
    }
    everybody_gets_receipts(l);
    life_end(l);
}

static void many_consumers_who_read_nothing_cost_a_share_each_and_one_who_reads_is_served(void **state)
{
    struct life *l = life_new(3);
    const struct budget *output = budget_named(l, "output");

    connect_all(l);
    toggle_reading(l, 0);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        while (l->sent[i] < SENDS)
            send_some(l, i, SENDS);
    }
    everybody_gets_receipts(l);
    assert_in_range(output->used, 1, output->limit + CONSUMERS * (OUTPUT_SHARE + LARGEST + 1000));
    struct broker_stats counts;
    for (unsigned n = 0; n < 1000000; n++) { /* topic a has the producers 0, 2 and 4 */
        broker_stats_get(l->world.broker, &counts);
        if (counts.messages_out >= 3 * SENDS)
            break;
        step(l);
    }
    assert_true(counts.messages_out >= 3 * SENDS);
    life_end(l);
}

static void silent_non_persistent_consumers_hold_little_of_what_others_are_received_into(void **state)
{
    static const char topic[] = "non-persistent://public/default/n";
    struct life *l = life_new(5);
    const struct budget *receive = budget_named(l, "receive");
    struct client *p = &l->producers[0];

    connect_all(l);
    const size_t idle = receive->used;
    assert_int_equal(client_produce(p, 2, topic, NULL), TYPE(PRODUCER_SUCCESS));
    for (unsigned i = 0; i < CONSUMERS; i++) {
        struct client *c = &l->consumers[i];
        conn_read_start(c->conn);
        assert_int_equal(client_subscribe(c, 2, topic, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared), TYPE(SUCCESS));
        conn_read_stop(c->conn);
        client_flow(c, 2, 1000000);
    }
    for (unsigned i = 0; i < SENDS; i++) {
        client_send_entry(p, 2, l->sent[0]++, 3000); /* and in the same buffer what is not for them */
        for (unsigned k = 0; k < 20; k++)
            client_send_entry(p, 1, l->sent[0]++, 3000);
        everybody_gets_receipts(l);
    }
    assert_in_range(receive->used, 0, idle + receive->limit / 3);
    life_end(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_budgets_together_stay_within_the_limit_whatever_producers_consumers_and_the_disk_do),
        cmocka_unit_test(on_a_disk_that_takes_seconds_everybody_is_answered_and_a_lone_publish_waits_for_few_batches),
        cmocka_unit_test(many_consumers_who_read_nothing_cost_a_share_each_and_one_who_reads_is_served),
        cmocka_unit_test(silent_non_persistent_consumers_hold_little_of_what_others_are_received_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
