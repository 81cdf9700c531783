/* SPDX-License-Identifier: Apache-2.0
 *
 * index_copy_test.c - a damaged catalog.db, and the life that goes on from its copy, against the model of the store.
 */
#include "base/base_test.h"
#include "base/test_share.h"
#include "store/backup.h"
#include "store/give_up.h"
#include "store/store_model.h"
#include "store/store_private.h"
#include "store/verify.h"

#include <stdio.h>
#include <stdlib.h>

static struct disk *disk_of(const struct model *m)
{
    return sim_disk_get(m->disk);
}

static bool is_there(const struct model *m, const char *path)
{
    struct file *f = NULL;
    const enum err err = disk_open(disk_of(m), path, DISK_READ, &f);

    file_close(f);
    return err == OK;
}

static enum err check(const struct model *m, const char *path)
{
    char what[INDEX_COPY_TEXT];

    return index_check(disk_of(m), path, what, sizeof what);
}

/* A bit that matters. */
static void flip(struct model *m, const char *path)
{
    struct file *f = NULL;
    uint64_t size;

    assert_int_equal(disk_open(disk_of(m), path, DISK_READ, &f), OK);
    assert_int_equal(file_size(f, &size), OK);
    file_close(f);
    for (unsigned tries = 0; tries < 2000; tries++) {
        const uint64_t bit = random_below(&m->random, size * 8);
        assert_true(sim_disk_flip(m->disk, path, bit));
        if (check(m, path) != OK)
            return;
        assert_true(sim_disk_flip(m->disk, path, bit));
    }
    fail_msg("%s has no bit that matters", path);
}

static unsigned copies(const struct model *m)
{
    struct store_stats stats;

    store_stats(m->store, &stats);
    return stats.index_copies;
}

static void checkpoint(struct model *m)
{
    model_append(m, 0, 300);
    checkpoint_want(m->store);
    model_settle(m);
}

static void live(struct model *m, unsigned steps)
{
    assert_int_equal(model_open(m), OK);
    model_create_topics(m);
    checkpoint(m);
    for (unsigned i = 0; i < steps && !model_dead(m); i++)
        model_random_step(m);
}

static void refused_with_advice(struct model *m, const char *what)
{
    const enum err err = model_open(m);

    if (err == OK || !strstr(m->message, what) || !strstr(m->message, "--give-up index"))
        print_message("%s: %s\n", err_text(err), m->message);
    assert_true(err == ERR_CORRUPT || err == ERR_VERSION);
    assert_non_null(strstr(m->message, what));
    assert_non_null(strstr(m->message, "--give-up index"));
    model_crash(m, MODEL_KILL);
}

/* All promises, and then everything works. */
static void goes_on(struct model *m)
{
    m->options.give_up = "index";
    const enum err err = model_open(m);
    if (err != OK)
        print_message("%s: %s\n", err_text(err), m->message);
    assert_int_equal(err, OK);
    model_check_files(m);
    model_verify(m);
    m->options.give_up = NULL;
    model_crash(m, MODEL_POWER);
    assert_int_equal(model_open(m), OK);
    model_verify(m);
    checkpoint(m);
    assert_int_equal(copies(m), 2);
}

static void a_damaged_index_is_refused_and_from_its_copy_nothing_is_lost(void **state)
{
    for (uint64_t seed = 1; seed <= test_share(60); seed++) {
        struct model m;
        model_init(&m, seed);
        live(&m, (unsigned)random_below(&m.random, 400));
        if (random_below(&m.random, 3) == 0)
            assert_true(model_close(&m));
        model_crash(&m, random_below(&m.random, 2) ? MODEL_KILL : MODEL_POWER);
        flip(&m, CATALOG_PATH);
        refused_with_advice(&m, CATALOG_PATH);
        goes_on(&m);
        assert_true(is_there(&m, CATALOG_KEPT_PATH));
        model_deinit(&m);
    }
}

static void a_missing_index_is_refused_beside_its_copy_and_nothing_is_lost(void **state)
{
    struct model m;

    model_init(&m, 3);
    live(&m, 150);
    assert_true(model_close(&m));
    model_crash(&m, MODEL_KILL);
    assert_int_equal(disk_of(&m)->ops->unlink(disk_of(&m), CATALOG_PATH), OK);
    refused_with_advice(&m, CATALOG_PATH ": is missing");
    m.options.give_up = "index";
    assert_int_equal(model_open(&m), OK);
    model_verify(&m);
    model_deinit(&m);
}

/* True when the fault struck. */
static bool cut_off_while_going_on(uint64_t n, bool power)
{
    struct model m;

    model_init(&m, 7);
    live(&m, 120);
    model_crash(&m, MODEL_KILL);
    flip(&m, CATALOG_PATH);
    m.options.give_up = "index";
    const uint64_t faults = sim_disk_faults(m.disk);
    if (power)
        sim_disk_crash_at(m.disk, SIM_DISK_ALL, n);
    else
        sim_disk_kill_at(m.disk, SIM_DISK_ALL, n);
    (void)!model_open(&m);
    const bool struck = sim_disk_faults(m.disk) > faults;
    sim_disk_crash_at(m.disk, 0, 0);
    model_crash(&m, MODEL_POWER);
    goes_on(&m);
    model_deinit(&m);
    return struck;
}

static void the_start_that_goes_on_may_be_cut_off_at_any_operation(void **state)
{
    for (uint64_t n = test_first(); cut_off_while_going_on(n, true); n += test_stride())
        ;
    for (uint64_t n = test_first(); cut_off_while_going_on(n, false); n += test_stride())
        ;
}

static bool marks_differ(const struct model *m)
{
    struct catalog_index *first, *copy;
    char message[INDEX_COPY_TEXT];

    if (!is_there(m, CATALOG_COPY_PATH))
        return false;
    assert_int_equal(catalog_index_look(&first, disk_of(m), CATALOG_PATH, message, sizeof message), OK);
    assert_int_equal(catalog_index_look(&copy, disk_of(m), CATALOG_COPY_PATH, message, sizeof message), OK);
    const bool differ = !catalog_index_equal(first, copy);
    catalog_index_close(first);
    catalog_index_close(copy);
    return differ;
}

/* The power goes at the nth operation of a checkpoint; true when it did. */
static bool cut_off_in_a_checkpoint(uint64_t n, bool damage, unsigned *differed)
{
    struct model m;

    model_init(&m, 11);
    live(&m, 60);
    model_settle(&m);
    const uint64_t faults = sim_disk_faults(m.disk);
    sim_disk_crash_at(m.disk, SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_META, n);
    model_trim(&m, 0);
    model_put(&m, 1);
    for (unsigned i = 0; i < 6 && !model_dead(&m); i++)
        model_append(&m, i % 2, 9000);
    model_run_ms(&m, 4000);
    const bool struck = sim_disk_faults(m.disk) > faults;
    sim_disk_crash_at(m.disk, 0, 0);
    model_crash(&m, MODEL_POWER);
    const bool differ = marks_differ(&m);
    *differed += differ;
    if (damage && is_there(&m, CATALOG_COPY_PATH)) {
        flip(&m, CATALOG_PATH);
        goes_on(&m);
    } else {
        assert_int_equal(model_open(&m), OK);
        assert_true(!differ || copies(&m) == 2 || !is_there(&m, CATALOG_COPY_PATH));
        model_verify(&m);
        model_crash(&m, MODEL_KILL);
        assert_false(marks_differ(&m));
    }
    model_deinit(&m);
    return struck;
}

static void
after_a_crash_between_both_transactions_a_whole_index_is_gone_on_from_and_the_copy_is_made_anew(void **state)
{
    unsigned differed = 0;

    for (uint64_t n = test_first(); cut_off_in_a_checkpoint(n, false, &differed); n += test_stride())
        ;
    assert_true(differed > 3 / test_stride());
}

static void wherever_a_checkpoint_was_cut_off_nothing_is_lost_with_a_damaged_index(void **state)
{
    unsigned differed = 0;

    for (uint64_t n = test_first(); cut_off_in_a_checkpoint(n, true, &differed); n += test_stride())
        ;
    assert_true(differed > 3 / test_stride());
}

static void without_room_there_is_no_copy_until_there_is_room(void **state)
{
    struct model m;

    model_init(&m, 5);
    assert_int_equal(model_open(&m), OK);
    model_create_topics(&m);
    model_settle(&m);
    sim_disk_capacity(m.disk, sim_disk_used(m.disk) + 90 * 1024);
    checkpoint(&m);
    assert_int_equal(m.store->checkpoint.done_count, 1);
    assert_int_equal(copies(&m), 1);
    assert_false(is_there(&m, CATALOG_COPY_PATH));
    sim_disk_capacity(m.disk, UINT64_MAX / 2);
    checkpoint(&m);
    assert_int_equal(copies(&m), 2);
    assert_int_equal(check(&m, CATALOG_COPY_PATH), OK);
    model_crash(&m, MODEL_POWER);
    assert_int_equal(model_open(&m), OK);
    assert_int_equal(copies(&m), 2);
    model_verify(&m);
    model_deinit(&m);
}

static void with_a_whole_index_the_option_does_nothing(void **state)
{
    struct model m;

    model_init(&m, 6);
    live(&m, 100);
    model_crash(&m, MODEL_KILL);
    m.options.give_up = "index";
    assert_int_equal(model_open(&m), OK);
    assert_false(is_there(&m, CATALOG_KEPT_PATH));
    model_verify(&m);
    model_deinit(&m);
}

struct witness {
    struct damage_sink sink;
    unsigned first, copy, other;
};

static void found(struct damage_sink *sink, const struct damage *d)
{
    struct witness *w = container_of(sink, struct witness, sink);

    w->first += strcmp(d->file, CATALOG_PATH) == 0;
    w->copy += strcmp(d->file, CATALOG_COPY_PATH) == 0;
    w->other += strncmp(d->file, "catalog.", 8) != 0;
}

static void a_damaged_copy_is_named_by_verify_and_made_anew(void **state)
{
    struct witness w = {.sink = {.found = found}};
    struct verify_report report;
    struct model m;

    model_init(&m, 8);
    live(&m, 100);
    assert_true(model_close(&m));
    model_crash(&m, MODEL_KILL);
    m.host = m.host ? m.host : sim_host_new(m.sim, "broker", m.disk);
    flip(&m, CATALOG_COPY_PATH);
    assert_int_equal(store_verify(&m.options, sim_host_sys(m.host), &w.sink, &report, m.message, sizeof m.message), OK);
    assert_true(w.copy > 0);
    assert_int_equal(w.first + w.other, 0);
    model_crash(&m, MODEL_KILL);
    assert_int_equal(model_open(&m), OK);
    model_verify(&m);
    checkpoint(&m);
    assert_int_equal(copies(&m), 2);
    assert_int_equal(check(&m, CATALOG_COPY_PATH), OK);
    model_deinit(&m);
}

static void with_both_damaged_the_option_goes_nowhere_and_says_why(void **state)
{
    struct model m;

    model_init(&m, 9);
    live(&m, 100);
    model_crash(&m, MODEL_KILL);
    flip(&m, CATALOG_PATH);
    flip(&m, CATALOG_COPY_PATH);
    m.options.give_up = "index";
    const enum err err = model_open(&m);
    assert_true(err == ERR_CORRUPT || err == ERR_VERSION);
    assert_non_null(strstr(m.message, CATALOG_PATH));
    assert_null(strstr(m.message, "--give-up index"));
    assert_true(is_there(&m, CATALOG_PATH));
    model_crash(&m, MODEL_KILL);
    model_deinit(&m);
}

static void a_backup_holds_no_copy(void **state)
{
    struct backup_report report;
    struct random random;
    struct file *f = NULL;
    struct model m;

    random_init(&random, 1);
    struct sim_disk *to = sim_disk_new(&random);
    model_init(&m, 10);
    live(&m, 100);
    assert_true(model_close(&m));
    assert_int_equal(
        backup_copy(disk_of(&m), sim_disk_get(to), INT64_C(1763740800000), &report, m.message, sizeof m.message), OK);
    assert_int_equal(disk_open(sim_disk_get(to), CATALOG_COPY_PATH, DISK_READ, &f), ERR_NOT_FOUND);
    model_deinit(&m);
    sim_disk_free(to);
}

static void the_index_is_given_up_by_its_name_alone(void **state)
{
    struct give_ups g;
    char message[200];

    assert_int_equal(give_ups_parse(&g, "batch:3,index", message, sizeof message), OK);
    assert_int_equal(g.count, 2);
    assert_true(give_ups_cover(&g, GIVE_UP_INDEX, 0, 0));
    assert_int_equal(give_ups_parse(&g, "index:1", message, sizeof message), ERR_INVALID);
    assert_int_equal(give_ups_parse(&g, "indexes", message, sizeof message), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_index_is_refused_and_from_its_copy_nothing_is_lost),
        cmocka_unit_test(a_missing_index_is_refused_beside_its_copy_and_nothing_is_lost),
        cmocka_unit_test(the_start_that_goes_on_may_be_cut_off_at_any_operation),
        cmocka_unit_test(
            after_a_crash_between_both_transactions_a_whole_index_is_gone_on_from_and_the_copy_is_made_anew),
        cmocka_unit_test(wherever_a_checkpoint_was_cut_off_nothing_is_lost_with_a_damaged_index),
        cmocka_unit_test(without_room_there_is_no_copy_until_there_is_room),
        cmocka_unit_test(with_a_whole_index_the_option_does_nothing),
        cmocka_unit_test(a_damaged_copy_is_named_by_verify_and_made_anew),
        cmocka_unit_test(with_both_damaged_the_option_goes_nowhere_and_says_why),
        cmocka_unit_test(a_backup_holds_no_copy),
        cmocka_unit_test(the_index_is_given_up_by_its_name_alone),
    };

    return cmocka_run_group_tests_name("store: the copy of the index", tests, NULL, NULL);
}
