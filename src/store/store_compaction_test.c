/* SPDX-License-Identifier: Apache-2.0
 *
 * store_compaction_test.c - space that comes back, and ledgers kept in few pieces, on the simulated disk.
 */
#include "base/base_test.h"
#include "store/compaction.h"
#include "store/store_model_asserts.h"
#include "store/store_private.h"

#include <stdio.h>
#include <stdlib.h>

#define SURVIVOR 1 /* the topic whose one ledger shares all files; topics 2 and 3 fill them, and are deleted */
#define FILES    12

static struct store_stats stats_of(const struct model *m)
{
    struct store_stats stats;

    store_stats(m->store, &stats);
    return stats;
}

static void checkpoint_now(struct model *m)
{
    model_settle(m);
    checkpoint_want(m->store);
    model_settle(m);
}

/* FILES shared segments of some 10 KB, of which the survivor has 200 bytes each. */
static void fill_shared_files(struct model *m, uint64_t seed)
{
    model_init(m, seed);
    m->options.journal_file_bytes = 1 << 20;
    m->options.checkpoint_bytes = 1 << 19;
    m->options.compaction_bytes = 1 << 20;
    m->options.compaction_dead_bytes = 32 * 1024;
    m->options.compaction_fan = 1000; /* each run stays an extent of its own */
    must_open(m);
    model_create_topics(m);
    for (unsigned i = 0; i < FILES; i++) {
        model_append(m, SURVIVOR, 200);
        for (unsigned topic = 2; topic < MODEL_TOPICS; topic++) {
            model_append(m, topic, 5000);
            model_roll(m, topic);
        }
        checkpoint_now(m);
    }
}

static size_t ledgers_of(const struct model *m, unsigned topic)
{
    size_t count;

    (void)store_chain(m->store, m->topics[topic].id, &count);
    return count;
}

static void delete_the_others(struct model *m)
{
    for (unsigned topic = 2; topic < MODEL_TOPICS; topic++) {
        while (ledgers_of(m, topic) > 1)
            model_trim(m, topic);
    }
}

static void assert_all_is_served(struct model *m)
{
    struct entry e;

    ledgers_check(&m->store->ledgers);
    for (const struct model_append *a = m->appends; a; a = a->next) {
        if (a->deleted)
            continue;
        assert_int_equal(model_read(m, a->position, &e), OK);
        entry_unref(&e);
    }
}

static const struct ledger *survivor(const struct model *m)
{
    size_t count;

    return ledgers_find(&m->store->ledgers, store_chain(m->store, m->topics[SURVIVOR].id, &count)[0].id);
}

/* After a power cut everything is there, and no file that is nobody's. */
static void assert_a_restart_finds_all(struct model *m)
{
    model_crash(m, MODEL_POWER);
    must_open(m);
    model_verify(m);
}

/* The simulated disk keeps the space of a removed file as long as a power cut could bring its name back. */
static uint64_t used_for_good(const struct model *m)
{
    struct disk *disk = sim_disk_get(m->disk);

    assert_int_equal(disk->ops->sync_dir(disk, SEGMENT_DIR), OK);
    assert_int_equal(disk->ops->sync_dir(disk, JOURNAL_DIR), OK);
    return sim_disk_used(m->disk);
}

/* ---- space ---- */

static void space_of_deleted_ledgers_comes_back_though_another_lives_in_each_file(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    assert_int_equal(stats_of(&m).segment_files, FILES);
    const uint64_t used = used_for_good(&m);
    delete_the_others(&m);
    model_settle(&m);
    const struct store_stats stats = stats_of(&m);
    assert_true(used_for_good(&m) + (FILES - 1) * 10000 < used);
    assert_in_range(stats.segment_files, 1, 2); /* the last one is in use for more */
    assert_true(stats.compactions > 0);
    assert_in_range(stats.compacted_bytes, (FILES - 1) * 200, FILES * 400);
    assert_in_range(survivor(&m)->extent_count, 1, 2); /* adjacent runs became one */
    assert_all_is_served(&m);
    assert_a_restart_finds_all(&m);
    model_deinit(&m);
}

static void an_idle_store_compacts_and_then_nothing_happens_any_more(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    delete_the_others(&m);
    model_settle(&m); /* returns: no timer is left */
    const struct store_stats before = stats_of(&m);
    assert_int_equal(before.compactions, 1);
    assert_false(sim_step(m.sim));
    checkpoint_now(&m);
    assert_int_equal(stats_of(&m).compactions, 1); /* nothing is left to gain */
    model_deinit(&m);
}

static void little_that_is_dead_waits_for_the_next_checkpoint(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    model_trim(&m, 2);
    model_trim(&m, 3);
    model_settle(&m);
    assert_int_equal(stats_of(&m).compactions, 0);
    assert_true(stats_of(&m).dead_bytes > 10000);
    checkpoint_now(&m);
    assert_int_equal(stats_of(&m).compactions, 1);
    assert_int_equal(stats_of(&m).dead_bytes, 0);
    assert_all_is_served(&m);
    model_deinit(&m);
}

static void a_start_compacts_what_an_earlier_life_left_dead(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    m.store->options.compaction_dead_bytes = UINT64_MAX;
    delete_the_others(&m);
    assert_true(model_close(&m));
    const uint64_t used = used_for_good(&m);
    must_open(&m);
    assert_int_equal(stats_of(&m).compactions, 0); /* not before it serves */
    model_settle(&m);
    assert_int_equal(stats_of(&m).compactions, 1);
    assert_true(used_for_good(&m) + (FILES - 1) * 10000 < used);
    model_verify(&m);
    assert_a_restart_finds_all(&m);
    model_deinit(&m);
}

static void much_is_compacted_in_several_checkpoints(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    m.store->options.compaction_bytes = 3 * (COMPACTION_RUN_COST + 300);
    delete_the_others(&m);
    model_settle(&m);
    assert_in_range(stats_of(&m).compactions, 3, FILES / 2);
    assert_in_range(stats_of(&m).dead_bytes, 0, 32 * 1024);
    assert_all_is_served(&m);
    model_deinit(&m);
}

static void a_file_in_which_something_died_just_now_waits_for_the_rest_to_die(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    m.store->options.compaction_quiet_ms = 1000;
    const uint64_t began_ns = sim_now_ns(m.sim);
    delete_the_others(&m);
    model_append(&m, SURVIVOR, 200);
    checkpoint_want(m.store);
    model_run_ms(&m, 500);
    assert_true(checkpoint_idle(&m.store->checkpoint));
    assert_int_equal(stats_of(&m).compactions, 0);
    model_settle(&m);
    assert_int_equal(stats_of(&m).compactions, 1);
    assert_true(sim_now_ns(m.sim) - began_ns >= 1000 * NS_PER_MS);
    model_deinit(&m);
}

/* ---- adopted files ---- */

/* Two busy topics share adopted journal files; of each file topic 0 has two thirds. */
static void fill_adopted_files(struct model *m, uint64_t seed)
{
    model_init(m, seed);
    m->options.compaction_bytes = 1 << 20;
    must_open(m);
    model_create_topics(m);
    for (unsigned i = 0; i < 240; i++) {
        model_append(m, i % 3 == 2, 9000);
        if (i % 4 == 3)
            model_settle(m);
        if (i % 60 >= 58)
            model_roll(m, i % 3 == 2);
    }
    checkpoint_now(m);
}

static void of_busy_topics_that_lose_nothing_nothing_is_copied(void **state)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct model m;
        fill_adopted_files(&m, seed);
        assert_true(stats_of(&m).adopted_files > 4);
        assert_int_equal(stats_of(&m).compacted_bytes, 0);
        model_deinit(&m);
    }
}

static void trim_all(struct model *m, unsigned topic)
{
    while (ledgers_of(m, topic) > 1)
        model_trim(m, topic);
}

static void assert_little_is_dead(const struct model *m)
{
    const struct store_stats stats = stats_of(m);

    assert_true(segment_table_reclaimable(&m->store->ledgers.segments) < m->options.compaction_dead_bytes);
    assert_true(stats.dead_bytes <= stats.segment_bytes + (256 << 10)); /* and what the current file has */
}

static void adopted_files_that_are_mostly_dead_are_emptied_and_come_free(void **state)
{
    struct model m;

    fill_adopted_files(&m, 1);
    const uint64_t used = used_for_good(&m), files = stats_of(&m).adopted_files;
    trim_all(&m, 0);
    model_settle(&m);
    assert_true(stats_of(&m).compactions > 0);
    assert_true(stats_of(&m).adopted_files < files / 2);
    assert_true(used_for_good(&m) < used * 2 / 3);
    assert_little_is_dead(&m);
    assert_all_is_served(&m);
    assert_a_restart_finds_all(&m);
    model_deinit(&m);
}

static void a_start_finds_the_dead_tail_of_an_adopted_file(void **state)
{
    struct model m;

    fill_adopted_files(&m, 1);
    for (unsigned i = 0; i < 6 * 56; i++) { /* topic 1 has less than half of each file, here or there */
        model_append(&m, i % 56 < 44 ? 0 : 1, 9000);
        if (i % 4 == 3)
            model_settle(&m);
    }
    m.store->options.compaction_dead_bytes = UINT64_MAX;
    model_remove(&m, 0);
    assert_true(model_close(&m));
    must_open(&m);
    assert_true(stats_of(&m).adopted_files > 4);
    model_settle(&m);
    assert_in_range(stats_of(&m).adopted_files, 0, 1);
    model_verify(&m);
    model_deinit(&m);
}

/* ---- what happens meanwhile ---- */

static void a_read_whose_file_is_compacted_away_meanwhile_is_planned_anew(void **state)
{
    uint64_t again = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct model m;
        fill_shared_files(&m, seed);
        delete_the_others(&m);
        for (unsigned i = 0; i < 200 && m.store->checkpoint.compactions == 0; i++) {
            model_start_read(&m, SURVIVOR, i % (FILES - 4)); /* the oldest are no longer in memory */
            model_steps(&m, 4);
        }
        const uint64_t asked = m.reads_done;
        model_settle(&m); /* checks what they find */
        assert_true(list_empty(&m.readings));
        again += stats_of(&m).cold_reads > m.reads_done && m.reads_done >= asked;
        model_deinit(&m);
    }
    assert_true(again > 0);
}

static void a_ledger_deleted_while_its_entries_are_copied_is_gone(void **state)
{
    for (unsigned steps = 0; steps < 40; steps++) {
        struct model m;
        fill_shared_files(&m, 1 + steps);
        model_roll(&m, SURVIVOR);
        model_append(&m, SURVIVOR, 300);
        model_settle(&m);
        delete_the_others(&m);
        while (m.store->checkpoint.state != CHECKPOINT_WORKING)
            assert_true(sim_step(m.sim));
        model_steps(&m, steps);
        model_trim(&m, SURVIVOR);
        model_append(&m, SURVIVOR, 300);
        model_settle(&m);
        assert_all_is_served(&m);
        assert_a_restart_finds_all(&m);
        model_deinit(&m);
    }
}

/* ---- trouble ---- */

static void a_full_disk_gets_its_checkpoint_without_compaction(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    model_append(&m, SURVIVOR, 200);
    model_settle(&m);
    sim_disk_capacity(m.disk, sim_disk_used(m.disk) + 128 * 1024);
    m.store->checkpoint.own_bytes = 128 * 1024; /* the reserve: nothing may be copied */
    delete_the_others(&m);
    model_settle(&m);
    assert_int_equal(m.fatals, 0);
    assert_int_equal(stats_of(&m).compactions, 0);
    assert_true(checkpoint_idle(&m.store->checkpoint)); /* not put off */
    assert_int_equal(m.store->ledgers.unmoved, 0);
    sim_disk_capacity(m.disk, UINT64_MAX);
    checkpoint_now(&m); /* learns that there is room again */
    checkpoint_now(&m);
    assert_int_equal(stats_of(&m).compactions, 1);
    assert_all_is_served(&m);
    model_deinit(&m);
}

static void with_little_room_compaction_goes_in_small_steps_that_make_more(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    const uint64_t room = 20 * 1024, used = used_for_good(&m);
    sim_disk_capacity(m.disk, used + room);
    m.store->checkpoint.own_bytes = 8 * 1024; /* the reserve; half of the rest is for one file */
    delete_the_others(&m);
    model_settle(&m);
    for (unsigned i = 0; i < FILES && segment_table_reclaimable(&m.store->ledgers.segments) > 0; i++) {
        checkpoint_now(&m);
        assert_true(used_for_good(&m) < used + room);
    }
    assert_int_equal(m.fatals, 0);
    assert_true(stats_of(&m).compactions > 1);
    assert_int_equal(segment_table_reclaimable(&m.store->ledgers.segments), 0);
    sim_disk_capacity(m.disk, UINT64_MAX);
    assert_all_is_served(&m);
    assert_a_restart_finds_all(&m);
    model_deinit(&m);
}

/* Compaction with the n-th operation of these kinds failing. False when there were fewer. */
static bool compact_with_fault(unsigned kinds, uint64_t n, enum err err)
{
    struct model m;

    fill_shared_files(&m, 1);
    m.store->options.compaction_dead_bytes = UINT64_MAX;
    delete_the_others(&m);
    model_settle(&m);
    const uint64_t faults = sim_disk_faults(m.disk);
    sim_disk_fail(m.disk, kinds, n, err);
    checkpoint_now(&m);
    const bool struck = sim_disk_faults(m.disk) > faults;
    assert_int_equal(m.fatals, 0);
    assert_true(checkpoint_idle(&m.store->checkpoint));
    sim_disk_fail(m.disk, 0, 0, OK);
    assert_all_is_served(&m);
    assert_true(m.store->checkpoint.compactions == 1 || struck);
    assert_a_restart_finds_all(&m);
    model_deinit(&m);
    return struck;
}

static void whichever_write_finds_no_space_the_checkpoint_succeeds_and_nothing_is_lost(void **state)
{
    uint64_t n = 1;

    while (compact_with_fault(SIM_DISK_WRITE, n, ERR_NOSPACE))
        n++;
    assert_true(n > 3);
}

static void whichever_file_cannot_be_opened_the_checkpoint_succeeds_and_nothing_is_lost(void **state)
{
    uint64_t n = 1;

    while (compact_with_fault(SIM_DISK_META, n, ERR_NOMEM))
        n++;
    assert_true(n > FILES);
}

static void whichever_read_fails_the_checkpoint_succeeds_and_nothing_is_lost(void **state)
{
    for (uint64_t n = 1; n <= 2 * FILES; n++)
        assert_true(compact_with_fault(SIM_DISK_READ, n, ERR_NOMEM));
}

/* ---- damage ---- */

static void flip_at(struct model *m, uint64_t file, uint64_t offset)
{
    char path[SEGMENT_PATH_SIZE];

    segment_path(path, file);
    assert_true(sim_disk_flip(m->disk, path, offset * 8 + 3));
}

static void assert_third_alone_is_refused(struct model *m, int64_t ledger)
{
    struct entry e;

    for (int64_t i = 0; i < FILES; i++) {
        const enum err err = model_read(m, (struct position){ledger, i}, &e);
        assert_int_equal(err, i == 2 ? ERR_CORRUPT : OK);
        if (err == OK)
            entry_unref(&e);
    }
}

static void a_damaged_record_is_copied_as_it_is_and_alone_not_served(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    assert_true(model_close(&m)); /* the cache forgets */
    must_open(&m);
    const struct extent third = survivor(&m)->extents[2];
    const int64_t ledger = (int64_t)survivor(&m)->id;
    flip_at(&m, third.file, third.offset + 100);
    delete_the_others(&m);
    model_settle(&m);
    assert_int_equal(stats_of(&m).compactions, 1);
    assert_false(segment_table_has(&m.store->ledgers.segments, third.file));
    assert_third_alone_is_refused(&m, ledger);
    model_deinit(&m);
}

static void a_file_whose_records_cannot_be_told_apart_is_left_alone_and_the_others_are_compacted(void **state)
{
    struct model m;

    fill_shared_files(&m, 1);
    assert_true(model_close(&m));
    must_open(&m);
    const struct extent third = survivor(&m)->extents[2];
    const int64_t ledger = (int64_t)survivor(&m)->id;
    flip_at(&m, third.file, third.index_offset + 3); /* the offset of its record */
    delete_the_others(&m);
    model_settle(&m);
    assert_true(checkpoint_idle(&m.store->checkpoint));
    checkpoint_now(&m);
    assert_int_equal(stats_of(&m).compactions, 1);
    assert_true(segment_table_has(&m.store->ledgers.segments, third.file));
    assert_in_range(stats_of(&m).segment_files, 2, 4);
    assert_third_alone_is_refused(&m, ledger);
    model_deinit(&m);
}

/* ---- pieces ---- */

static void a_ledger_of_a_thousand_checkpoints_has_few_extents(void **state)
{
    struct model m;

    model_init(&m, 1);
    m.options.compaction_fan = 0; /* as it is by default */
    m.options.own_segment_bytes = 1 << 20;
    m.options.compaction_bytes = 1 << 20;
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 1000; i++) {
        model_append(&m, SURVIVOR, 100);
        checkpoint_now(&m);
    }
    assert_int_equal(survivor(&m)->moved, 1000);
    assert_in_range(survivor(&m)->extent_count, 1, 3 * COMPACTION_FAN);
    assert_true(stats_of(&m).compacted_bytes < 3 * 1000 * (100 + ENTRY_HEADER_SIZE));
    assert_int_equal(stats_of(&m).segment_files, survivor(&m)->extent_count);
    assert_all_is_served(&m);
    assert_a_restart_finds_all(&m);
    model_deinit(&m);
}

static void pieces_that_are_read_for_longer_than_they_are_looked_for_stay_as_they_are(void **state)
{
    struct model m;

    model_init(&m, 1);
    m.options.compaction_fan = 0;
    m.options.own_segment_bytes = 16 << 10;
    m.options.compaction_bytes = 1 << 20;
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 2 * COMPACTION_FAN; i++) {
        model_append(&m, SURVIVOR, 5000); /* more than a quarter of what goes alone */
        checkpoint_now(&m);
    }
    assert_int_equal(survivor(&m)->extent_count, 2 * COMPACTION_FAN);
    assert_int_equal(stats_of(&m).compacted_bytes, 0);
    assert_all_is_served(&m);
    model_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(space_of_deleted_ledgers_comes_back_though_another_lives_in_each_file),
        cmocka_unit_test(an_idle_store_compacts_and_then_nothing_happens_any_more),
        cmocka_unit_test(little_that_is_dead_waits_for_the_next_checkpoint),
        cmocka_unit_test(a_start_compacts_what_an_earlier_life_left_dead),
        cmocka_unit_test(much_is_compacted_in_several_checkpoints),
        cmocka_unit_test(a_file_in_which_something_died_just_now_waits_for_the_rest_to_die),
        cmocka_unit_test(of_busy_topics_that_lose_nothing_nothing_is_copied),
        cmocka_unit_test(adopted_files_that_are_mostly_dead_are_emptied_and_come_free),
        cmocka_unit_test(a_start_finds_the_dead_tail_of_an_adopted_file),
        cmocka_unit_test(a_read_whose_file_is_compacted_away_meanwhile_is_planned_anew),
        cmocka_unit_test(a_ledger_deleted_while_its_entries_are_copied_is_gone),
        cmocka_unit_test(a_full_disk_gets_its_checkpoint_without_compaction),
        cmocka_unit_test(with_little_room_compaction_goes_in_small_steps_that_make_more),
        cmocka_unit_test(whichever_write_finds_no_space_the_checkpoint_succeeds_and_nothing_is_lost),
        cmocka_unit_test(whichever_file_cannot_be_opened_the_checkpoint_succeeds_and_nothing_is_lost),
        cmocka_unit_test(whichever_read_fails_the_checkpoint_succeeds_and_nothing_is_lost),
        cmocka_unit_test(a_damaged_record_is_copied_as_it_is_and_alone_not_served),
        cmocka_unit_test(a_file_whose_records_cannot_be_told_apart_is_left_alone_and_the_others_are_compacted),
        cmocka_unit_test(a_ledger_of_a_thousand_checkpoints_has_few_extents),
        cmocka_unit_test(pieces_that_are_read_for_longer_than_they_are_looked_for_stay_as_they_are),
    };

    return cmocka_run_group_tests_name("store: compaction on the disk", tests, NULL, NULL);
}
