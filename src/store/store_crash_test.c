/* SPDX-License-Identifier: Apache-2.0
 *
 * store_crash_test.c - the store against its model, with the power cut, the process killed and the disk failing.
 *
 * STORE_SEEDS=n runs n random lives (by default 40, or what test_share.h makes of them),
 * STORE_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "base/test_share.h"
#include "store/store_model.h"
#include "store/store_private.h"
#include "sys/sim/sim_seeds.h"

#include <stdio.h>
#include <stdlib.h>

#define LIVES 40

/* Ledgers that share files, most of them deleted then: the rest is copied, while one of them grows and is read. */
static void leave_half_empty_files(struct model *m)
{
    for (unsigned i = 0; i < 8 && !model_dead(m); i++) {
        for (unsigned topic = 1; topic < MODEL_TOPICS; topic++) {
            model_append(m, topic, topic == 1 ? 150 : 1800);
            if (topic > 1)
                model_roll(m, topic);
        }
        model_append(m, 0, 7000);
        model_steps(m, 20);
    }
    for (unsigned i = 0; i < 12 && !model_dead(m); i++) {
        model_trim(m, 2 + i % 2);
        model_append(m, 1, 150);
        model_start_read(m, 1, i);
        model_steps(m, 12);
    }
}

/* A run with a bit of everything: topics, appends small and large, acknowledgements, rolls, checkpoints, deletions. */
static void script(struct model *m)
{
    model_create_topics(m);
    model_barrier(m);
    for (unsigned i = 0; i < 30 && !model_dead(m); i++) {
        model_append(m, i % MODEL_TOPICS, 100 + 37 * i);
        if (i % 7 == 6) {
            model_steps(m, 15);
            model_redeliver(m, i % MODEL_TOPICS, 1);
            model_redeliver(m, i % MODEL_TOPICS, 0);
            model_ack_part(m, i % MODEL_TOPICS, i % 4, i);
            model_ack(m, i % MODEL_TOPICS, 1);
            model_put(m, i % MODEL_TOPICS);
        }
    }
    model_steps(m, 40);
    for (unsigned i = 0; i < 6 && !model_dead(m); i++) {
        model_append(m, 0, 9000);
        model_append(m, 1, 300);
        model_steps(m, 10);
        model_redeliver(m, 0, 3);
        model_redeliver(m, 1, i % 2);
        model_ack_cumulative(m, 0, 2);
        model_barrier(m);
    }
    if (!model_dead(m)) {
        model_roll(m, 0);
        model_append(m, 0, 500);
        model_steps(m, 30);
        model_trim(m, 0);
        model_barrier(m);
    }
    leave_half_empty_files(m);
    if (!model_dead(m))
        model_settle(m);
}

/* The whole life, from an empty directory to an orderly close. */
static bool live(struct model *m)
{
    if (model_open(m) != OK)
        return false;
    script(m);
    return !model_dead(m) && model_close(m);
}

static void recover_and_verify(struct model *m)
{
    enum err err = model_open(m);

    if (err != OK)
        print_message("recovery: %s\n", m->message);
    assert_int_equal(err, OK);
    model_verify(m);
    model_create_topics(m); /* and it goes on */
    model_append(m, 2, 200);
    model_barrier(m);
    model_settle(m);
    assert_false(model_dead(m));
    model_crash(m, MODEL_KILL);
    assert_int_equal(model_open(m), OK);
    model_verify(m);
}

/* What one topic fills batches with, and little of others between: batches of both are on their way at the same time.
 */
static void stream(struct model *m, unsigned rounds)
{
    for (unsigned i = 0; i < rounds && !model_dead(m); i++) {
        model_append(m, 0, 5000 + 700 * (i % 9));
        model_steps(m, 2 + (unsigned)random_below(&m->random, 6));
        if (i % 2) {
            model_put(m, i % MODEL_TOPICS);
            model_barrier(m);
            model_steps(m, 1 + (unsigned)random_below(&m->random, 5));
        }
        model_append(m, 1 + i % (MODEL_TOPICS - 1), 100);
        model_steps(m, (unsigned)random_below(&m->random, 9));
    }
}

/* The same, with nothing else; false when the store died.  Adds up how many batches took off beside others. */
static bool live_of_a_stream(struct model *m, uint64_t *beside)
{
    struct journal_stats stats;

    if (model_open(m) != OK)
        return false;
    model_create_topics(m);
    stream(m, 14);
    if (!model_dead(m))
        model_settle(m);
    journal_stats(m->store->journal, &stats);
    *beside += stats.beside;
    return !model_dead(m) && model_close(m);
}

static uint64_t count_operations(unsigned kinds, uint64_t seed, enum durability durability)
{
    struct model m;

    model_init(&m, seed);
    m.options.durability = durability;
    assert_true(live(&m));
    const uint64_t n = sim_disk_ops(m.disk, kinds);
    assert_true(m.compactions > 1);
    assert_true(m.adopted_bytes > 0);
    assert_int_equal(model_open(&m), OK);
    model_verify(&m);
    model_deinit(&m);
    return n;
}

static void cut_the_power_everywhere(uint64_t seed, enum durability durability)
{
    const unsigned kinds = SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_META;
    const uint64_t operations = count_operations(kinds, seed, durability);

    for (uint64_t n = test_first(); n <= operations; n += test_stride()) {
        struct model m;
        model_init(&m, seed);
        m.options.durability = durability;
        sim_disk_crash_at(m.disk, kinds, n);
        if (live(&m))
            fail_msg("operation %lu was not reached", n);
        model_crash(&m, MODEL_POWER);
        recover_and_verify(&m);
        model_deinit(&m);
    }
}

static void a_power_cut_at_any_operation_loses_nothing_that_was_promised(void **state)
{
    cut_the_power_everywhere(7, DURABILITY_SYNC);
}

static void a_power_cut_with_several_batches_in_flight_loses_nothing_that_was_promised(void **state)
{
    const unsigned kinds = SIM_DISK_WRITE | SIM_DISK_SYNC;
    uint64_t beside = 0;

    for (uint64_t seed = 1; seed < 4; seed++) {
        bool all = false;
        for (uint64_t n = test_first(); !all; n += test_stride()) {
            struct model m;
            model_init(&m, seed);
            sim_disk_crash_at(m.disk, kinds, n);
            all = live_of_a_stream(&m, &beside);
            if (!all)
                model_crash(&m, MODEL_POWER);
            recover_and_verify(&m);
            model_deinit(&m);
        }
    }
    assert_true(beside > 500 / test_stride());
}

/* The n-th write fails, and soon after it the power is cut.  False when there are not so many writes. */
static bool fail_a_write_of_a_stream(uint64_t seed, uint64_t n, uint64_t until_cut, uint64_t *beside)
{
    struct model m;

    model_init(&m, seed);
    m.writes_may_fail = true;
    sim_disk_fail(m.disk, SIM_DISK_WRITE, n, n % 2 ? ERR_NOSPACE : ERR_IO);
    sim_disk_crash_at(m.disk, SIM_DISK_WRITE, n + until_cut);
    (void)live_of_a_stream(&m, beside);
    const bool failed = sim_disk_faults(m.disk) > 0;
    model_crash(&m, MODEL_POWER);
    sim_disk_fail(m.disk, 0, 0, OK);
    m.writes_may_fail = false;
    recover_and_verify(&m);
    model_deinit(&m);
    return failed;
}

/* Whose publishes are told to have failed finds none of them, even if their batch was written before the one that could
 * not be. */
static void a_write_that_fails_with_several_batches_in_flight_fails_those_behind_it(void **state)
{
    uint64_t beside = 0;

    for (uint64_t seed = 1; seed < 4; seed++) {
        for (uint64_t until_cut = 2; until_cut < 5; until_cut++) {
            for (uint64_t n = test_first(); fail_a_write_of_a_stream(seed, n, until_cut, &beside); n += test_stride())
                ;
        }
    }
    assert_true(beside > 500 / test_stride());
}

static void without_syncs_a_power_cut_at_any_operation_takes_the_newest_and_is_no_damage(void **state)
{
    cut_the_power_everywhere(8, DURABILITY_OS);
    cut_the_power_everywhere(9, DURABILITY_OS);
}

static void kill_at_the_end(uint64_t seed)
{
    struct model m;

    model_init(&m, seed);
    m.options.durability = DURABILITY_OS;
    assert_int_equal(model_open(&m), OK);
    model_create_topics(&m);
    for (unsigned i = 0; i < 40; i++) {
        model_append(&m, i % MODEL_TOPICS, 300);
        model_steps(&m, 1 + (unsigned)(seed % 7));
    }
    model_crash(&m, MODEL_KILL);
    recover_and_verify(&m);
    model_deinit(&m);
}

static void without_syncs_a_kill_loses_nothing(void **state)
{
    for (uint64_t seed = 1; seed < 30; seed++)
        kill_at_the_end(seed);
}

static void without_syncs_a_power_cut_after_an_idle_second_loses_nothing(void **state)
{
    struct model m;

    model_init(&m, 3);
    m.options.durability = DURABILITY_OS;
    assert_int_equal(model_open(&m), OK);
    model_create_topics(&m);
    for (unsigned i = 0; i < 20; i++) {
        model_append(&m, i % MODEL_TOPICS, 300);
        model_steps(&m, 5);
    }
    model_settle(&m);   /* the seal is written, and synced */
    m.unsynced = false; /* hold it to that */
    model_crash(&m, MODEL_POWER);
    recover_and_verify(&m);
    model_deinit(&m);
}

static void a_kill_at_any_operation_and_a_power_cut_during_the_recovery_lose_nothing(void **state)
{
    const unsigned kinds = SIM_DISK_WRITE | SIM_DISK_SYNC;
    const uint64_t operations = count_operations(kinds, 11, DURABILITY_SYNC);

    for (uint64_t n = test_first(); n <= operations; n += 3 * test_stride()) {
        for (uint64_t again = 1; again < 40; again += 4) {
            struct model m;
            model_init(&m, 11);
            sim_disk_fail(m.disk, kinds, n, ERR_IO); /* the process stops there, as at a failed sync */
            (void)live(&m);
            model_crash(&m, MODEL_KILL);
            sim_disk_crash_at(m.disk, kinds, again);
            if (model_open(&m) == OK && !model_dead(&m))
                model_verify(&m);
            model_crash(&m, MODEL_POWER);
            recover_and_verify(&m);
            model_deinit(&m);
        }
    }
}

static void one_random_life(struct model *m)
{
    const unsigned steps = 20 + (unsigned)random_below(&m->random, 250);

    model_create_topics(m);
    for (unsigned i = 0; i < steps && !model_dead(m); i++) {
        model_random_step(m);
        if (random_below(&m->random, 40) == 0)
            stream(m, 1 + (unsigned)random_below(&m->random, 8));
    }
}

static void end_randomly(struct model *m)
{
    switch (model_dead(m) || !m->store ? 0 : random_below(&m->random, 4)) {
    case 0:
        model_crash(m, MODEL_POWER);
        break;
    case 1:
        if (model_close(m))
            break;
        model_crash(m, MODEL_POWER);
        break;
    default:
        model_crash(m, MODEL_KILL);
        break;
    }
}

/* Something that goes wrong with the disk in this life, or nothing. */
static void plan_trouble(struct model *m)
{
    struct random *r = &m->random;

    switch (random_below(r, 6)) {
    case 0:
        sim_disk_crash_at(m->disk, SIM_DISK_ALL, 1 + random_below(r, 300));
        break;
    case 1:
        m->writes_may_fail = true;
        sim_disk_fail(m->disk, SIM_DISK_WRITE, 1 + random_below(r, 60), random_below(r, 2) ? ERR_NOSPACE : ERR_IO);
        break;
    case 2:
        sim_disk_fail(m->disk, SIM_DISK_SYNC, 1 + random_below(r, 60), ERR_IO);
        break;
    case 3:
        m->writes_may_fail = true;
        sim_disk_capacity(m->disk, sim_disk_used(m->disk) + random_below(r, 200 * 1024));
        break;
    default:
        break;
    }
}

static void end_trouble(struct model *m)
{
    m->writes_may_fail = false;
    sim_disk_fail(m->disk, 0, 0, OK);
    sim_disk_capacity(m->disk, UINT64_MAX);
}

/* What there was to be found in them. */
struct found {
    uint64_t compactions, adopted_bytes;
};

static void many_lives(uint64_t seed, struct found *found)
{
    struct model m;

    model_init(&m, seed);
    if (seed % 2 == 0) { /* files so small that they are rolled and recycled all the time */
        m.options.journal_file_bytes = 24 * 1024;
        m.options.checkpoint_bytes = 12 * 1024;
    }
    for (unsigned life = 0; life < 8; life++) {
        const bool full = random_below(&m.random, 5) == 0;
        m.writes_may_fail = full;
        if (seed % 3 == 0) /* the mode may change from life to life */
            m.options.durability = random_below(&m.random, 4) ? DURABILITY_OS : DURABILITY_SYNC;
        if (full)
            sim_disk_capacity(m.disk, sim_disk_used(m.disk) + random_below(&m.random, 3000));
        enum err err = model_open(&m);
        if (err != OK && !sim_disk_crashed(m.disk) && !(full && err == ERR_NOSPACE))
            fail_msg("seed %lu, life %u: %s", seed, life, m.message);
        if (err == OK && random_below(&m.random, 2))
            sim_disk_capacity(m.disk, UINT64_MAX);
        if (err == OK) {
            model_verify(&m);
            plan_trouble(&m);
            one_random_life(&m);
        }
        end_randomly(&m);
        end_trouble(&m);
        if (random_below(&m.random, 4) == 0)
            sim_disk_crash_at(m.disk, SIM_DISK_WRITE | SIM_DISK_SYNC, 1 + random_below(&m.random, 30));
    }
    model_deinit(&m);
    found->compactions += m.compactions;
    found->adopted_bytes += m.adopted_bytes;
}

static void random_lives_keep_every_promise(void **state)
{
    const uint64_t first = sim_seeds_number("STORE_SEED", 1), n = sim_seeds_number("STORE_SEEDS", test_share(LIVES));
    struct found found = {0};

    for (uint64_t seed = first; seed < first + n; seed++) {
        if (getenv("STORE_LOG"))
            print_message("seed %lu\n", seed);
        many_lives(seed, &found);
    }
    assert_true(n < 20 || found.compactions > n);
    assert_true(n < 20 || found.adopted_bytes > n * 10000);
}

struct name_list {
    unsigned count, wanted;
    char name[80];
};

static void note_name(void *ctx, const char *name)
{
    struct name_list *l = ctx;

    if (l->count++ <= l->wanted)
        snprintf(l->name, sizeof l->name, "%s", name);
}

static void flip_somewhere(struct model *m)
{
    static const char *const directories[] = {"journal", "segments", NULL};
    struct disk *disk = sim_disk_get(m->disk);
    const char *directory = directories[random_below(&m->random, 3)];
    struct name_list list = {.wanted = (unsigned)random_below(&m->random, 6)};
    char path[120] = "catalog.db";

    if (directory) {
        assert_int_equal(disk->ops->list(disk, directory, note_name, &list), OK);
        snprintf(path, sizeof path, "%s/%s", directory, list.name);
    }
    (void)sim_disk_flip(m->disk, path, random_below(&m->random, 60 * 1024 * 8));
}

/* Lost is possible only where the documents say so; wrong never. */
static void a_flipped_bit_anywhere_is_refused_or_harmless_and_wrong_bytes_are_never_served(void **state)
{
    const uint64_t n = sim_seeds_number("STORE_SEEDS", test_share(LIVES)) * 5;

    for (uint64_t seed = 1; seed <= n; seed++) {
        struct model m;
        model_init(&m, seed);
        assert_int_equal(model_open(&m), OK);
        one_random_life(&m);
        if (random_below(&m.random, 2) || !model_close(&m))
            model_crash(&m, MODEL_KILL);
        flip_somewhere(&m);
        enum err err = model_open(&m);
        if (err == OK)
            model_verify_damaged(&m);
        else
            assert_true(err == ERR_CORRUPT || err == ERR_VERSION);
        assert_true(err == OK || strlen(m.message) > 10);
        model_deinit(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_at_any_operation_loses_nothing_that_was_promised),
        cmocka_unit_test(a_power_cut_with_several_batches_in_flight_loses_nothing_that_was_promised),
        cmocka_unit_test(a_write_that_fails_with_several_batches_in_flight_fails_those_behind_it),
        cmocka_unit_test(a_kill_at_any_operation_and_a_power_cut_during_the_recovery_lose_nothing),
        cmocka_unit_test(without_syncs_a_power_cut_at_any_operation_takes_the_newest_and_is_no_damage),
        cmocka_unit_test(without_syncs_a_kill_loses_nothing),
        cmocka_unit_test(without_syncs_a_power_cut_after_an_idle_second_loses_nothing),
        cmocka_unit_test(random_lives_keep_every_promise),
        cmocka_unit_test(a_flipped_bit_anywhere_is_refused_or_harmless_and_wrong_bytes_are_never_served),
    };

    return cmocka_run_group_tests_name("store: crashes", tests, NULL, NULL);
}
