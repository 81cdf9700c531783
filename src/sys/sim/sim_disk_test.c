/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk_test.c - what survives a power cut, what may, and what faults do.
 */
#include "base/base_test.h"

#include "sys/sim/sim.h"
#include <stdlib.h>

#define SEEDS 200

struct world {
    struct random random;
    struct sim_disk *sim;
    struct disk *disk;
};

static void world_init(struct world *w, uint64_t seed)
{
    random_init(&w->random, seed);
    w->sim = sim_disk_new(&w->random);
    w->disk = sim_disk_get(w->sim);
}

static struct file *open_file(struct world *w, const char *path)
{
    struct file *f;

    assert_int_equal(disk_open(w->disk, path, DISK_READ | DISK_WRITE | DISK_CREATE, &f), OK);
    return f;
}

static void fill(struct file *f, uint64_t offset, uint8_t byte, size_t len)
{
    uint8_t *data = malloc(len);
    struct bytes part = bytes_of(data, len);

    memset(data, byte, len);
    assert_int_equal(file_write(f, offset, &part, 1), OK);
    free(data);
}

static uint8_t byte_at(struct file *f, uint64_t offset)
{
    uint8_t byte = 0xee;
    size_t got;

    assert_int_equal(file_read(f, offset, &byte, 1, &got), OK);
    return got == 1 ? byte : 0xee;
}

static uint64_t size_of(struct file *f)
{
    uint64_t size;

    assert_int_equal(file_size(f, &size), OK);
    return size;
}

static void power_cut(struct world *w)
{
    sim_disk_crash(w->sim);
    sim_disk_restart(w->sim);
}

static bool exists(struct world *w, const char *path)
{
    struct file *f;
    enum err err = disk_open(w->disk, path, DISK_READ, &f);

    if (err == OK)
        file_close(f);
    return err == OK;
}

static enum err sync_dir(struct world *w, const char *path)
{
    return w->disk->ops->sync_dir(w->disk, path);
}

static void what_is_written_is_read_and_holes_are_zero(void **state)
{
    struct world w;
    struct file *f;
    struct bytes parts[2] = {bytes_of_text("abc"), bytes_of_text("def")};
    uint8_t raw[10];
    size_t got;

    world_init(&w, 1);
    f = open_file(&w, "file");
    assert_int_equal(file_write(f, 2, parts, 2), OK);
    assert_int_equal(file_read(f, 0, raw, sizeof raw, &got), OK);
    assert_int_equal(got, 8);
    assert_memory_equal(raw, "\0\0abcdef", 8);
    assert_int_equal(file_read(f, 100, raw, sizeof raw, &got), OK);
    assert_int_equal(got, 0);
    assert_int_equal(file_truncate(f, 4), OK);
    assert_int_equal(file_truncate(f, 6), OK);
    assert_int_equal(file_read(f, 0, raw, sizeof raw, &got), OK);
    assert_int_equal(got, 6);
    assert_memory_equal(raw, "\0\0ab\0\0", 6);
    file_close(f);
    sim_disk_free(w.sim);
}

static void synced_bytes_survive_every_crash_and_unsynced_ones_by_sector_or_not(void **state)
{
    int kept = 0, lost = 0, mixed = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;
        size_t fresh = 0;

        world_init(&w, seed);
        f = open_file(&w, "file");
        fill(f, 0, 1, 8 * 512);
        assert_int_equal(file_sync(f), OK);
        assert_int_equal(sync_dir(&w, "."), OK);
        fill(f, 2 * 512, 2, 4 * 512);
        file_close(f);
        power_cut(&w);
        f = open_file(&w, "file");
        assert_int_equal(size_of(f), 8 * 512);
        for (size_t sector = 0; sector < 8; sector++) {
            uint8_t byte = byte_at(f, sector * 512);
            assert_int_equal(byte_at(f, sector * 512 + 511), byte);
            assert_true(byte == 1 || (byte == 2 && sector >= 2 && sector < 6));
            fresh += byte == 2;
        }
        kept += fresh == 4;
        lost += fresh == 0;
        mixed += fresh > 0 && fresh < 4;
        file_close(f);
        sim_disk_free(w.sim);
    }
    assert_true(kept > 10 && lost > 10 && mixed > 10);
}

static void of_two_unsynced_writes_either_or_the_synced_one_is_left(void **state)
{
    int seen[4] = {0};

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;

        world_init(&w, seed);
        f = open_file(&w, "file");
        fill(f, 0, 1, 512);
        assert_int_equal(file_sync(f), OK);
        assert_int_equal(sync_dir(&w, ""), OK);
        fill(f, 0, 2, 512);
        fill(f, 0, 3, 512);
        file_close(f);
        power_cut(&w);
        f = open_file(&w, "file");
        seen[byte_at(f, 0)]++;
        file_close(f);
        sim_disk_free(w.sim);
    }
    assert_true(seen[1] > 10 && seen[2] > 10 && seen[3] > 10);
}

static void an_unsynced_length_lies_between_the_synced_and_the_written(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;

        world_init(&w, seed);
        f = open_file(&w, "file");
        fill(f, 0, 1, 1000);
        assert_int_equal(file_sync(f), OK);
        assert_int_equal(sync_dir(&w, ""), OK);
        fill(f, 1000, 2, 3000);
        file_close(f);
        power_cut(&w);
        f = open_file(&w, "file");
        assert_in_range(size_of(f), 1000, 4000);
        for (uint64_t i = 0; i < size_of(f); i++)
            assert_true(i < 1000 ? byte_at(f, i) == 1 : byte_at(f, i) == 2 || byte_at(f, i) == 0);
        file_close(f);
        sim_disk_free(w.sim);
    }
}

static void a_truncation_survives_once_it_is_synced(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;

        world_init(&w, seed);
        f = open_file(&w, "file");
        fill(f, 0, 1, 3000);
        assert_int_equal(file_sync(f), OK);
        assert_int_equal(sync_dir(&w, ""), OK);
        assert_int_equal(file_truncate(f, 100), OK);
        if (seed % 2)
            assert_int_equal(file_sync(f), OK);
        file_close(f);
        power_cut(&w);
        f = open_file(&w, "file");
        assert_true(size_of(f) == 100 || (seed % 2 == 0 && size_of(f) == 3000));
        file_close(f);
        sim_disk_free(w.sim);
    }
}

static void names_survive_once_their_directory_is_synced(void **state)
{
    int kept = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;

        world_init(&w, seed);
        assert_int_equal(w.disk->ops->mkdir(w.disk, "dir"), OK);
        assert_int_equal(sync_dir(&w, ""), OK);
        file_close(open_file(&w, "dir/synced"));
        assert_int_equal(sync_dir(&w, "dir"), OK);
        file_close(open_file(&w, "dir/fresh"));
        power_cut(&w);
        assert_true(exists(&w, "dir/synced"));
        kept += exists(&w, "dir/fresh");
        sim_disk_free(w.sim);
    }
    assert_true(kept > 10 && kept < SEEDS - 10);
}

static void a_directory_that_did_not_survive_takes_its_files_along(void **state)
{
    int survived = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;
        enum err err;

        world_init(&w, seed);
        assert_int_equal(w.disk->ops->mkdir(w.disk, "dir"), OK);
        file_close(open_file(&w, "dir/file"));
        assert_int_equal(sync_dir(&w, "dir"), OK); /* and not the top */
        power_cut(&w);
        err = disk_open(w.disk, "dir/file", DISK_READ, &f);
        survived += err == OK;
        if (err == OK)
            file_close(f);
        assert_true(err == OK || err == ERR_NOT_FOUND);
        assert_int_equal(w.disk->ops->mkdir(w.disk, "dir"), OK);
        assert_int_equal(exists(&w, "dir/file"), err == OK);
        sim_disk_free(w.sim);
    }
    assert_true(survived > 10 && survived < SEEDS - 10);
}

static void a_rename_is_one_change(void **state)
{
    int after = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;
        bool from, to;

        world_init(&w, seed);
        f = open_file(&w, "old");
        fill(f, 0, 1, 10);
        assert_int_equal(file_sync(f), OK);
        file_close(f);
        f = open_file(&w, "new");
        fill(f, 0, 2, 10);
        assert_int_equal(file_sync(f), OK);
        file_close(f);
        assert_int_equal(sync_dir(&w, ""), OK);
        assert_int_equal(w.disk->ops->rename(w.disk, "old", "new"), OK);
        power_cut(&w);
        from = exists(&w, "old");
        to = exists(&w, "new");
        assert_true(to);
        f = open_file(&w, "new");
        assert_int_equal(byte_at(f, 0), from ? 2 : 1);
        after += !from;
        file_close(f);
        sim_disk_free(w.sim);
    }
    assert_true(after > 10 && after < SEEDS - 10);
}

static void an_unlinked_file_may_come_back_until_the_directory_is_synced(void **state)
{
    int back = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;

        world_init(&w, seed);
        file_close(open_file(&w, "file"));
        assert_int_equal(sync_dir(&w, ""), OK);
        assert_int_equal(w.disk->ops->unlink(w.disk, "file"), OK);
        assert_int_equal(w.disk->ops->unlink(w.disk, "file"), ERR_NOT_FOUND);
        if (seed % 2)
            assert_int_equal(sync_dir(&w, ""), OK);
        power_cut(&w);
        assert_false(exists(&w, "file") && seed % 2);
        back += exists(&w, "file");
        sim_disk_free(w.sim);
    }
    assert_true(back > 10);
}

static void a_killed_process_leaves_all_bytes_readable_and_still_unsynced(void **state)
{
    int lost = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;

        world_init(&w, seed);
        f = open_file(&w, "file");
        assert_int_equal(sync_dir(&w, ""), OK);
        fill(f, 0, 1, 512);
        sim_disk_kill(w.sim);
        assert_int_equal(file_sync(f), ERR_IO);
        sim_disk_restart(w.sim);
        assert_int_equal(file_sync(f), ERR_IO); /* a file of the life before */
        file_close(f);
        f = open_file(&w, "file");
        assert_int_equal(byte_at(f, 0), 1);
        file_close(f);
        power_cut(&w);
        f = open_file(&w, "file");
        lost += byte_at(f, 0) != 1;
        file_close(f);
        sim_disk_free(w.sim);
    }
    assert_true(lost > 10);
}

static void after_a_failed_sync_trying_again_is_ok_and_promises_nothing(void **state)
{
    int lost = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;

        world_init(&w, seed);
        f = open_file(&w, "file");
        assert_int_equal(sync_dir(&w, ""), OK);
        fill(f, 0, 1, 512);
        sim_disk_fail(w.sim, SIM_DISK_SYNC, 1, ERR_IO);
        assert_int_equal(file_sync(f), ERR_IO);
        assert_int_equal(file_sync(f), OK);
        assert_int_equal(byte_at(f, 0), 1);
        file_close(f);
        power_cut(&w);
        f = open_file(&w, "file");
        lost += byte_at(f, 0) != 1;
        file_close(f);
        sim_disk_free(w.sim);
    }
    assert_true(lost > 10);
}

static void a_fault_strikes_the_nth_operation_of_its_kind_once(void **state)
{
    struct world w;
    struct file *f;
    struct bytes part = bytes_of_text("abc");

    world_init(&w, 1);
    f = open_file(&w, "file");
    sim_disk_fail(w.sim, SIM_DISK_WRITE, 2, ERR_NOSPACE);
    assert_int_equal(file_write(f, 0, &part, 1), OK);
    assert_int_equal(file_sync(f), OK);
    assert_int_equal(file_write(f, 0, &part, 1), ERR_NOSPACE);
    assert_int_equal(file_write(f, 0, &part, 1), OK);
    assert_int_equal(sim_disk_faults(w.sim), 1);
    assert_int_equal(sim_disk_ops(w.sim, SIM_DISK_WRITE), 3);
    assert_int_equal(sim_disk_ops(w.sim, SIM_DISK_WRITE | SIM_DISK_SYNC), 4);
    file_close(f);
    sim_disk_free(w.sim);
}

static void a_crash_at_the_nth_operation_stops_all_later_ones_and_frees_the_lock(void **state)
{
    struct world w;
    struct file *f;
    struct bytes part = bytes_of_text("abc");
    char other[32] = "";

    world_init(&w, 1);
    assert_int_equal(w.disk->ops->lock(w.disk, "lock", "one", other, sizeof other), OK);
    assert_int_equal(w.disk->ops->lock(w.disk, "lock", "two", other, sizeof other), ERR_BUSY);
    assert_string_equal(other, "one");
    f = open_file(&w, "file");
    sim_disk_crash_at(w.sim, SIM_DISK_WRITE | SIM_DISK_SYNC, 2);
    assert_int_equal(file_write(f, 0, &part, 1), OK);
    assert_false(sim_disk_crashed(w.sim));
    assert_int_equal(file_write(f, 0, &part, 1), ERR_IO);
    assert_true(sim_disk_crashed(w.sim));
    assert_int_equal(file_write(f, 0, &part, 1), ERR_IO);
    assert_int_equal(sync_dir(&w, ""), ERR_IO);
    file_close(f);
    sim_disk_restart(w.sim);
    assert_int_equal(w.disk->ops->lock(w.disk, "lock", "two", other, sizeof other), OK);
    sim_disk_free(w.sim);
}

static void a_kill_at_the_nth_operation_leaves_what_was_written_and_syncs_nothing(void **state)
{
    int lost = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;

        world_init(&w, seed);
        f = open_file(&w, "file");
        assert_int_equal(sync_dir(&w, ""), OK);
        fill(f, 0, 1, 512);
        sim_disk_kill_at(w.sim, SIM_DISK_SYNC, 1);
        assert_int_equal(file_sync(f), ERR_IO);
        assert_true(sim_disk_crashed(w.sim));
        file_close(f);
        sim_disk_restart(w.sim);
        f = open_file(&w, "file");
        assert_int_equal(byte_at(f, 0), 1);
        file_close(f);
        power_cut(&w);
        f = open_file(&w, "file");
        lost += byte_at(f, 0) != 1;
        file_close(f);
        sim_disk_free(w.sim);
    }
    assert_true(lost > 10);
}

static void a_full_disk_refuses_what_would_grow_a_file_and_takes_the_rest(void **state)
{
    struct world w;
    struct file *f;
    struct bytes part = bytes_of_text("abc");
    uint64_t left;

    world_init(&w, 1);
    sim_disk_capacity(w.sim, 1000);
    f = open_file(&w, "file");
    fill(f, 0, 1, 998);
    assert_int_equal(file_write(f, 998, &part, 1), ERR_NOSPACE);
    assert_int_equal(file_write(f, 0, &part, 1), OK);
    assert_int_equal(w.disk->ops->free_bytes(w.disk, &left), OK);
    assert_int_equal(left, 2);
    assert_int_equal(w.disk->ops->unlink(w.disk, "file"), OK);
    assert_int_equal(sync_dir(&w, ""), OK);
    assert_int_equal(sim_disk_used(w.sim), 998); /* it is still open */
    file_close(f);
    assert_int_equal(sim_disk_used(w.sim), 0);
    sim_disk_free(w.sim);
}

static void a_lying_disk_loses_what_it_said_was_safe(void **state)
{
    int lost = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        struct file *f;

        world_init(&w, seed);
        f = open_file(&w, "file");
        assert_int_equal(sync_dir(&w, ""), OK);
        sim_disk_lie(w.sim, true);
        fill(f, 0, 1, 512);
        assert_int_equal(file_sync(f), OK);
        file_close(f);
        power_cut(&w);
        f = open_file(&w, "file");
        lost += byte_at(f, 0) != 1;
        file_close(f);
        sim_disk_free(w.sim);
    }
    assert_true(lost > 10);
}

static void a_flipped_bit_is_flipped_for_good(void **state)
{
    struct world w;
    struct file *f;

    world_init(&w, 1);
    f = open_file(&w, "file");
    fill(f, 0, 0, 10);
    assert_int_equal(file_sync(f), OK);
    assert_int_equal(sync_dir(&w, ""), OK);
    assert_true(sim_disk_flip(w.sim, "file", 9));
    assert_false(sim_disk_flip(w.sim, "file", 80));
    assert_false(sim_disk_flip(w.sim, "other", 0));
    assert_int_equal(byte_at(f, 1), 2);
    file_close(f);
    power_cut(&w);
    f = open_file(&w, "file");
    assert_int_equal(byte_at(f, 1), 2);
    file_close(f);
    sim_disk_free(w.sim);
}

static void count_name(void *ctx, const char *name)
{
    assert_true(strcmp(name, "one") == 0 || strcmp(name, "two") == 0);
    ++*(int *)ctx;
}

static void a_directory_lists_its_own_names_only(void **state)
{
    struct world w;
    int count = 0;

    world_init(&w, 1);
    assert_int_equal(w.disk->ops->mkdir(w.disk, "dir"), OK);
    file_close(open_file(&w, "dir/one"));
    file_close(open_file(&w, "dir/two"));
    file_close(open_file(&w, "three"));
    assert_int_equal(w.disk->ops->list(w.disk, "dir", count_name, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(w.disk->ops->list(w.disk, "none", count_name, &count), ERR_NOT_FOUND);
    sim_disk_free(w.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_and_holes_are_zero),
        cmocka_unit_test(synced_bytes_survive_every_crash_and_unsynced_ones_by_sector_or_not),
        cmocka_unit_test(of_two_unsynced_writes_either_or_the_synced_one_is_left),
        cmocka_unit_test(an_unsynced_length_lies_between_the_synced_and_the_written),
        cmocka_unit_test(a_truncation_survives_once_it_is_synced),
        cmocka_unit_test(names_survive_once_their_directory_is_synced),
        cmocka_unit_test(a_directory_that_did_not_survive_takes_its_files_along),
        cmocka_unit_test(a_rename_is_one_change),
        cmocka_unit_test(an_unlinked_file_may_come_back_until_the_directory_is_synced),
        cmocka_unit_test(a_killed_process_leaves_all_bytes_readable_and_still_unsynced),
        cmocka_unit_test(after_a_failed_sync_trying_again_is_ok_and_promises_nothing),
        cmocka_unit_test(a_fault_strikes_the_nth_operation_of_its_kind_once),
        cmocka_unit_test(a_crash_at_the_nth_operation_stops_all_later_ones_and_frees_the_lock),
        cmocka_unit_test(a_kill_at_the_nth_operation_leaves_what_was_written_and_syncs_nothing),
        cmocka_unit_test(a_full_disk_refuses_what_would_grow_a_file_and_takes_the_rest),
        cmocka_unit_test(a_lying_disk_loses_what_it_said_was_safe),
        cmocka_unit_test(a_flipped_bit_is_flipped_for_good),
        cmocka_unit_test(a_directory_lists_its_own_names_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
