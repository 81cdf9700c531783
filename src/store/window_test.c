/* SPDX-License-Identifier: Apache-2.0
 *
 * window_test.c - how much is read for what is wanted.
 */
#include "base/base_test.h"
#include "store/window.h"
#include "sys/sim/sim.h"

#define FILE_BYTES (256u * 1024)
#define MAX        (32u * 1024)

struct fixture {
    struct sim *sim;
    struct sim_disk *disk;
    struct window window;
};

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 2654435761u >> 11);
}

static void setup(struct fixture *f)
{
    static uint8_t bytes[FILE_BYTES];
    const struct bytes part = bytes_of(bytes, sizeof bytes);
    struct file *file;

    f->sim = sim_new(1);
    f->disk = sim_disk_new(sim_random(f->sim));
    for (uint64_t i = 0; i < sizeof bytes; i++)
        bytes[i] = byte_at(i);
    assert_int_equal(disk_open(sim_disk_get(f->disk), "file", DISK_WRITE | DISK_CREATE, &file), OK);
    assert_int_equal(file_write(file, 0, &part, 1), OK);
    file_close(file);
    f->window = (struct window){.max = MAX};
    assert_int_equal(window_open(&f->window, sim_disk_get(f->disk), "file", 1), OK);
}

static void teardown(struct fixture *f)
{
    window_close(&f->window);
    sim_disk_free(f->disk);
    sim_free(f->sim);
}

static void want(struct fixture *f, uint64_t offset, size_t len)
{
    struct bytes got;

    assert_int_equal(window_get(&f->window, offset, len, &got), OK);
    assert_int_equal(got.len, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(got.data[i], byte_at(offset + i));
}

static uint64_t reads(const struct fixture *f)
{
    return sim_disk_ops(f->disk, SIM_DISK_READ);
}

static void pieces_side_by_side_are_read_in_ever_larger_parts(void **state)
{
    struct fixture f;

    setup(&f);
    for (uint64_t at = 0; at + 500 <= FILE_BYTES; at += 500)
        want(&f, at, 500);
    assert_in_range(reads(&f), FILE_BYTES / MAX, FILE_BYTES / MAX + 4);
    teardown(&f);
}

static void a_piece_far_away_is_read_alone(void **state)
{
    struct fixture f;

    setup(&f);
    for (uint64_t i = 0; i < 40; i++)
        want(&f, (i * 7919 * 13) % (FILE_BYTES - 500), 500);
    assert_in_range(reads(&f), 20, 40);
    teardown(&f);
}

static void a_piece_larger_than_the_window_is_read_whole(void **state)
{
    struct fixture f;

    setup(&f);
    want(&f, 1000, 3 * MAX);
    want(&f, 100, 50);
    teardown(&f);
}

static void what_lies_behind_the_end_is_corrupt(void **state)
{
    struct fixture f;
    struct bytes got;

    setup(&f);
    want(&f, 0, 10);
    assert_int_equal(window_get(&f.window, FILE_BYTES - 10, 11, &got), ERR_CORRUPT);
    assert_int_equal(window_get(&f.window, FILE_BYTES - 10, 10, &got), OK);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_side_by_side_are_read_in_ever_larger_parts),
        cmocka_unit_test(a_piece_far_away_is_read_alone),
        cmocka_unit_test(a_piece_larger_than_the_window_is_read_whole),
        cmocka_unit_test(what_lies_behind_the_end_is_corrupt),
    };

    return cmocka_run_group_tests_name("store: windows", tests, NULL, NULL);
}
