/* SPDX-License-Identifier: Apache-2.0
 *
 * sorted_reads_test.c - what is found, and how often the disk is asked for it.
 */
#include "base/base_test.h"
#include "store/journal_file.h"
#include "store/sorted_reads.h"
#include "sys/sim/sim.h"

#include <stdlib.h>

#define FILES      2u
#define FILE_BYTES (8u * 1024 * 1024)
#define RECORD     1000u
#define LEDGERS    100u

struct fixture {
    struct sim *sim;
    struct sim_disk *disk;
    struct sorted_reads reads;
    struct journal_place places[FILES * (FILE_BYTES / RECORD)];
    size_t count;
};

static uint8_t byte_at(uint32_t file, uint64_t offset)
{
    return (uint8_t)((offset + file) * 2654435761u >> 11);
}

static bool never(void *ctx, uint32_t file)
{
    return false;
}

static void make_file(struct fixture *f, uint32_t number)
{
    static uint8_t bytes[FILE_BYTES];
    const struct bytes part = bytes_of(bytes, sizeof bytes);
    char path[JOURNAL_PATH_SIZE];
    struct file *file;

    for (uint64_t i = 0; i < sizeof bytes; i++)
        bytes[i] = byte_at(number, i);
    journal_path(path, number);
    assert_int_equal(disk_open(sim_disk_get(f->disk), path, DISK_WRITE | DISK_CREATE, &file), OK);
    assert_int_equal(file_write(file, 0, &part, 1), OK);
    file_close(file);
}

static struct fixture *setup(void)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->sim = sim_new(1);
    f->disk = sim_disk_new(sim_random(f->sim));
    assert_int_equal(sim_disk_get(f->disk)->ops->mkdir(sim_disk_get(f->disk), JOURNAL_DIR), OK);
    for (uint32_t number = 1; number <= FILES; number++)
        make_file(f, number);
    sorted_reads_init(&f->reads, sim_disk_get(f->disk), never, NULL);
    return f;
}

static void teardown(struct fixture *f)
{
    sorted_reads_deinit(&f->reads);
    sim_disk_free(f->disk);
    sim_free(f->sim);
    free(f);
}

static void want(struct fixture *f, uint32_t file, uint64_t offset, uint32_t len)
{
    f->places[f->count++] = (struct journal_place){.file = file, .offset = offset, .len = len};
}

static void expect_found(struct fixture *f, const struct journal_place *p)
{
    struct bytes got;

    assert_true(sorted_reads_find(&f->reads, p, &got));
    assert_int_equal(got.len, p->len);
    for (size_t i = 0; i < p->len; i++)
        assert_int_equal(got.data[i], byte_at(p->file, p->offset + i));
}

/* All that is wanted, in as many goes as it takes; how many. */
static size_t read_all(struct fixture *f)
{
    size_t goes = 0;

    for (size_t i = 0, end; i < f->count; goes++) {
        assert_int_equal(sorted_reads_begin(&f->reads), OK);
        for (end = i; end < f->count && sorted_reads_add(&f->reads, &f->places[end]);)
            end++;
        assert_true(end > i);
        assert_int_equal(sorted_reads_load(&f->reads), OK);
        for (; i < end; i++)
            expect_found(f, &f->places[i]);
    }
    return goes;
}

static uint64_t disk_reads(const struct fixture *f)
{
    return sim_disk_ops(f->disk, SIM_DISK_READ);
}

static void records_side_by_side_are_read_together_in_whatever_order_they_are_wanted(void **state)
{
    struct fixture *f = setup();

    for (size_t i = 1000; i > 0; i--)
        want(f, 1 + i % FILES, 100 + i * RECORD, RECORD / 2);
    assert_int_equal(read_all(f), 1);
    assert_int_equal(disk_reads(f), 1000);
    f->count = 0;
    for (size_t i = 1000; i > 0; i--)
        want(f, 1 + i % FILES, 100 + i / FILES * RECORD, RECORD);
    assert_int_equal(read_all(f), 1);
    assert_in_range(disk_reads(f), 1000 + 2, 1000 + 6); /* stretches have an end */
    teardown(f);
}

static void entries_of_many_ledgers_in_turn_are_read_once_and_not_once_for_each_ledger(void **state)
{
    struct fixture *f = setup();
    const size_t turns = FILE_BYTES / RECORD / LEDGERS;

    for (size_t ledger = 0; ledger < LEDGERS; ledger++) {
        for (size_t turn = 0; turn < turns; turn++)
            want(f, 1, (turn * LEDGERS + ledger) * RECORD, RECORD);
    }
    const size_t goes = read_all(f);
    assert_in_range(goes, 2, 3);
    assert_in_range(disk_reads(f), 1, goes * turns); /* for 8,300 records: a stretch of a turn at a time */
    teardown(f);
}

static void what_lies_apart_is_read_without_what_lies_between(void **state)
{
    struct fixture *f = setup();

    for (size_t i = 0; i < 40; i++)
        want(f, 1, (i * 7919 * 13) % (FILE_BYTES - RECORD), 500);
    (void)read_all(f);
    assert_in_range(disk_reads(f), 35, 40);
    teardown(f);
}

static void a_record_larger_than_all_the_room_is_read_alone(void **state)
{
    struct fixture *f = setup();

    want(f, 1, 1000, 3 * SORTED_READS_BYTES / 2);
    want(f, 1, 100, 50);
    assert_int_equal(read_all(f), 2);
    teardown(f);
}

static void the_one_before_may_be_asked_for_again_and_others_not(void **state)
{
    struct fixture *f = setup();
    struct bytes got;

    want(f, 1, 5000, 100);
    want(f, 2, 1000, 100);
    want(f, 2, 9000, 100);
    (void)read_all(f);
    expect_found(f, &f->places[2]);
    assert_false(sorted_reads_find(&f->reads, &f->places[0], &got));
    teardown(f);
}

static void what_lies_behind_the_end_is_corrupt_and_nothing_is_found(void **state)
{
    struct fixture *f = setup();
    struct bytes got;

    want(f, 1, 0, 100);
    want(f, 1, FILE_BYTES - 10, 11);
    assert_int_equal(sorted_reads_begin(&f->reads), OK);
    assert_true(sorted_reads_add(&f->reads, &f->places[0]));
    assert_true(sorted_reads_add(&f->reads, &f->places[1]));
    assert_int_equal(sorted_reads_load(&f->reads), ERR_CORRUPT);
    assert_false(sorted_reads_find(&f->reads, &f->places[0], &got));
    teardown(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_side_by_side_are_read_together_in_whatever_order_they_are_wanted),
        cmocka_unit_test(entries_of_many_ledgers_in_turn_are_read_once_and_not_once_for_each_ledger),
        cmocka_unit_test(what_lies_apart_is_read_without_what_lies_between),
        cmocka_unit_test(a_record_larger_than_all_the_room_is_read_alone),
        cmocka_unit_test(the_one_before_may_be_asked_for_again_and_others_not),
        cmocka_unit_test(what_lies_behind_the_end_is_corrupt_and_nothing_is_found),
    };

    return cmocka_run_group_tests_name("store: sorted reads", tests, NULL, NULL);
}
