/* SPDX-License-Identifier: Apache-2.0
 *
 * small_file_test.c - small files, read whole and replaced whole.
 */
#include "base/base_test.h"
#include "store/small_file.h"
#include "sys/sim/sim.h"

#include <stdlib.h>

#define BEFORE "what was there before\n"
#define AFTER  "what is there now, and longer\n"

struct fixture {
    struct sim *sim;
    struct sim_disk *sim_disk;
    struct disk *disk;
};

static void setup(struct fixture *f)
{
    f->sim = sim_new(1);
    f->sim_disk = sim_disk_new(sim_random(f->sim));
    f->disk = sim_disk_get(f->sim_disk);
}

static void teardown(struct fixture *f)
{
    sim_disk_free(f->sim_disk);
    sim_free(f->sim);
}

static void assert_holds(struct fixture *f, const char *expected)
{
    char *text;
    size_t len;

    assert_int_equal(small_file_read(f->disk, "file", 100, &text, &len), OK);
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
    free(text);
}

static void what_is_written_over_a_longer_file_is_all_there_is(void **state)
{
    struct fixture f;

    setup(&f);
    assert_int_equal(small_file_write(f.disk, "file", bytes_of_text(AFTER)), OK);
    assert_int_equal(small_file_write(f.disk, "file", bytes_of_text("short")), OK);
    assert_holds(&f, "short");
    teardown(&f);
}

static void an_absent_file_is_not_found_and_one_beyond_the_bound_is_refused(void **state)
{
    struct fixture f;
    char *text = NULL;
    size_t len;

    setup(&f);
    assert_int_equal(small_file_read(f.disk, "file", 100, &text, &len), ERR_NOT_FOUND);
    assert_int_equal(small_file_write(f.disk, "file", bytes_of_text(BEFORE)), OK);
    assert_int_equal(small_file_read(f.disk, "file", strlen(BEFORE) - 1, &text, &len), ERR_TOO_LARGE);
    assert_null(text);
    teardown(&f);
}

/* The n-th operation of the disk fails: what was there before is there still; false: so many there are not. */
static bool replace_fails_at(uint64_t n)
{
    struct fixture f;
    struct file *left = NULL;

    setup(&f);
    assert_int_equal(small_file_replace(f.disk, "new", "file", bytes_of_text(BEFORE)), OK);
    sim_disk_fail(f.sim_disk, SIM_DISK_ALL & ~(unsigned)SIM_DISK_OP_SYNC_DIR, n, ERR_IO);
    const enum err err = small_file_replace(f.disk, "new", "file", bytes_of_text(AFTER));
    const bool struck = sim_disk_faults(f.sim_disk) > 0;
    assert_int_equal(err, struck ? ERR_IO : OK);
    sim_disk_fail(f.sim_disk, 0, 0, OK);
    assert_holds(&f, struck ? BEFORE : AFTER);
    assert_int_equal(disk_open(f.disk, "new", DISK_READ, &left), ERR_NOT_FOUND);
    teardown(&f);
    return struck;
}

static void a_replacement_that_fails_leaves_what_was_there_and_no_other_file(void **state)
{
    uint64_t n = 1;

    while (replace_fails_at(n))
        n++;
    assert_true(n > 4); /* open, truncate, write, sync, rename */
}

static void a_replacement_survives_a_power_cut_and_half_of_one_changes_nothing(void **state)
{
    for (uint64_t n = 1; n <= 6; n++) {
        struct fixture f;
        setup(&f);
        assert_int_equal(small_file_replace(f.disk, "new", "file", bytes_of_text(BEFORE)), OK);
        sim_disk_crash_at(f.sim_disk, SIM_DISK_ALL, n);
        const enum err err = small_file_replace(f.disk, "new", "file", bytes_of_text(AFTER));
        assert_int_equal(err, ERR_IO);
        sim_disk_restart(f.sim_disk);
        char *text;
        size_t len;
        assert_int_equal(small_file_read(f.disk, "file", 100, &text, &len), OK);
        assert_true(strcmp(text, BEFORE) == 0 || (n == 6 && strcmp(text, AFTER) == 0)); /* the name may be synced */
        free(text);
        teardown(&f);
    }
    struct fixture f;
    setup(&f);
    assert_int_equal(small_file_replace(f.disk, "new", "file", bytes_of_text(AFTER)), OK);
    sim_disk_crash(f.sim_disk);
    sim_disk_restart(f.sim_disk);
    assert_holds(&f, AFTER);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_over_a_longer_file_is_all_there_is),
        cmocka_unit_test(an_absent_file_is_not_found_and_one_beyond_the_bound_is_refused),
        cmocka_unit_test(a_replacement_that_fails_leaves_what_was_there_and_no_other_file),
        cmocka_unit_test(a_replacement_survives_a_power_cut_and_half_of_one_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
