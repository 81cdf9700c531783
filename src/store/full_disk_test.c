/* SPDX-License-Identifier: Apache-2.0
 *
 * full_disk_test.c - full_disk.h in use: when publishes are refused, when they are taken again, what is given back.
 *
 * In each of these publishers ask store_has_room first, as those behind sockets do: nobody is there to notice what only
 * an append would find.
 */
#include "base/base_test.h"
#include "store/store_model.h"

#include "store/store_private.h"

#define LONG_MS 120000

static void open_small(struct model *m)
{
    model_init(m, 1);
    m->options.checkpoint_bytes = 16 * 1024; /* eight of them fit into the first file */
    const enum err err = model_open(m);
    assert_int_equal(err, OK);
    model_create_topics(m);
    model_append(m, 0, 100);
    model_settle(m);
}

/* As long as there is room, and no longer. */
static void publish_politely(struct model *m, unsigned topic, size_t len)
{
    for (unsigned i = 0; i < 400 && !store_full(m->store); i++) {
        if (store_has_room(m->store))
            model_append(m, topic, len);
        model_run_ms(m, 50);
    }
}

static bool served(struct model *m)
{
    const uint64_t before = m->append_count;

    model_append(m, 1, 100);
    model_run_ms(m, LONG_MS);
    for (const struct model_append *a = m->appends; a; a = a->next) {
        if (!a->next)
            return m->append_count > before && a->done;
    }
    return false;
}

static void end(struct model *m)
{
    assert_int_equal(m->fatals, 0);
    model_crash(m, MODEL_POWER);
    const enum err err = model_open(m);
    assert_int_equal(err, OK);
    model_verify(m);
    model_deinit(m);
}

/* The journal has room in what is written ahead; checkpoints have none, and fall behind. */
static void a_disk_on_which_checkpoints_find_no_room_is_full_before_anybody_waits_for_them(void **state)
{
    struct model m;

    open_small(&m);
    sim_disk_capacity(m.disk, sim_disk_used(m.disk));
    publish_politely(&m, 0, 3000);
    assert_true(store_full(m.store));
    assert_false(store_keeps_up(m.store));
    sim_disk_capacity(m.disk, UINT64_MAX / 2);
    model_run_ms(&m, LONG_MS);
    assert_false(store_full(m.store));
    assert_true(served(&m));
    end(&m);
}

/* Not for want of room: nothing tells when it will be over, and what waits must not stop the reading. */
static void checkpoints_that_fail_and_fall_behind_refuse_publishes_too(void **state)
{
    struct model m;

    open_small(&m);
    m.writes_may_fail = true;
    sim_disk_fail_from(m.disk, SIM_DISK_OP_OPEN, 1, ERR_IO); /* no segment is made; the journal's file is open */
    publish_politely(&m, 0, 3000);
    assert_true(store_full(m.store));
    sim_disk_fail(m.disk, 0, 0, OK);
    model_run_ms(&m, LONG_MS);
    assert_false(store_full(m.store));
    assert_true(served(&m));
    end(&m);
}

static void a_journal_that_finds_no_room_for_acknowledgements_makes_the_disk_full(void **state)
{
    struct model m;

    open_small(&m);
    sim_disk_fail_from(m.disk, SIM_DISK_WRITE, 1, ERR_NOSPACE);
    model_ack(&m, 0, 0);
    model_barrier(&m);
    model_run_ms(&m, 3000);
    assert_true(store_full(m.store));
    assert_false(list_empty(&m.barriers));
    sim_disk_fail(m.disk, 0, 0, OK);
    model_run_ms(&m, LONG_MS);
    assert_false(store_full(m.store));
    assert_true(list_empty(&m.barriers));
    assert_true(served(&m));
    end(&m);
}

/* What a busy journal keeps to write over is room for a checkpoint. */
static void journal_files_kept_for_later_are_given_back_when_the_disk_is_full(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    m.options.journal_file_bytes = 64 * 1024;
    m.options.checkpoint_bytes = 16 * 1024;
    enum err err = model_open(&m);
    assert_int_equal(err, OK);
    model_create_topics(&m);
    for (unsigned i = 0; i < 60; i++) {
        model_append(&m, 0, 9000);
        model_run_ms(&m, 20);
    }
    model_roll(&m, 0);
    model_append(&m, 0, 9000);
    model_run_ms(&m, 100);
    model_trim(&m, 0); /* its entries lay where the journal wrote them */
    model_run_ms(&m, 500);
    store_stats(m.store, &stats);
    const uint64_t files = stats.journal_files;
    assert_true(files >= 6);
    sim_disk_capacity(m.disk, sim_disk_used(m.disk));
    publish_politely(&m, 0, 3000);
    model_run_ms(&m, 10000);
    assert_true(served(&m)); /* nothing was acknowledged, nothing deleted */
    store_stats(m.store, &stats);
    assert_true(stats.journal_files < files);
    end(&m);
}

static void a_disk_that_is_nearly_full_is_said_to_be_until_there_is_room(void **state)
{
    struct model m;
    struct store_stats stats;

    open_small(&m);
    assert_false(store_nearly_full(m.store));
    sim_disk_capacity(m.disk, sim_disk_used(m.disk) + 600 * 1024);
    for (unsigned i = 0; i < 4; i++) {
        model_append(&m, 0, 9000);
        model_settle(&m);
    }
    assert_true(store_nearly_full(m.store));
    assert_false(store_full(m.store));
    store_stats(m.store, &stats);
    assert_true(stats.disk_nearly_full);
    assert_true(stats.disk_free_bytes > 0 && stats.disk_free_bytes <= 600 * 1024);
    sim_disk_capacity(m.disk, UINT64_MAX / 2);
    for (unsigned i = 0; i < 4; i++) {
        model_append(&m, 0, 9000);
        model_settle(&m);
    }
    assert_false(store_nearly_full(m.store));
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_on_which_checkpoints_find_no_room_is_full_before_anybody_waits_for_them),
        cmocka_unit_test(checkpoints_that_fail_and_fall_behind_refuse_publishes_too),
        cmocka_unit_test(a_journal_that_finds_no_room_for_acknowledgements_makes_the_disk_full),
        cmocka_unit_test(journal_files_kept_for_later_are_given_back_when_the_disk_is_full),
        cmocka_unit_test(a_disk_that_is_nearly_full_is_said_to_be_until_there_is_room),
    };

    return cmocka_run_group_tests_name("full_disk", tests, NULL, NULL);
}
