/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_ring_test.c - what the simulated ring promises, and what it does not.
 */
#include "base/base_test.h"
#include "sys/ring.h"
#include "sys/sim/sim.h"
#include <string.h>

struct fixture {
    struct sim *sim;
    struct sim_disk *disk;
    struct sim_host *host;
    struct ring *ring;
    struct file *file;
    uint8_t memory[3 * DISK_ALIGN], *bytes;
    struct ring_write write;
    enum err err;
    unsigned told;
};

static void on_done(struct ring_write *write, enum err err)
{
    struct fixture *f = container_of(write, struct fixture, write);

    f->err = err;
    f->told++;
}

static void begin(struct fixture *f, uint64_t seed)
{
    *f = (struct fixture){.sim = sim_new(seed)};
    sim_rings(f->sim, true);
    f->disk = sim_disk_new(sim_random(f->sim));
    f->host = sim_host_new(f->sim, "host", f->disk);
    f->ring = sim_host_sys(f->host)->ring;
    f->bytes = disk_align(f->memory);
    memset(f->bytes, 'r', 2 * DISK_ALIGN);
    const unsigned flags = DISK_READ | DISK_WRITE | DISK_CREATE | DISK_DIRECT;
    assert_int_equal(disk_open(sim_disk_get(f->disk), "file", flags, &f->file), OK);
    assert_int_equal(sim_disk_get(f->disk)->ops->sync_dir(sim_disk_get(f->disk), "."), OK);
}

static void end(struct fixture *f)
{
    file_close(f->file);
    sim_host_free(f->host);
    sim_disk_free(f->disk);
    sim_free(f->sim);
}

static enum err submit(struct fixture *f)
{
    f->write = (struct ring_write){
        .file = f->file, .offset = DISK_ALIGN, .data = f->bytes, .len = 2 * DISK_ALIGN, .done = on_done};
    return ring_submit(f->ring, &f->write);
}

/* To its end: OK, or how it was refused or ended. */
static enum err written(struct fixture *f)
{
    const enum err err = submit(f);

    if (err != OK)
        return err;
    while (!f->told)
        assert_true(sim_step(f->sim));
    return f->err;
}

static void power_cut(struct fixture *f)
{
    sim_host_crash(f->host);
    sim_disk_crash(f->disk);
    file_close(f->file);
    sim_disk_restart(f->disk);
    assert_int_equal(disk_open(sim_disk_get(f->disk), "file", DISK_READ, &f->file), OK);
}

static void what_was_told_survives_a_power_cut_and_bytes_beside_it_need_not(void **state)
{
    unsigned kept = 0, lost = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 64; seed++) {
        const struct bytes beside = bytes_of_text("beside");
        uint8_t back[2 * DISK_ALIGN];
        struct fixture f;
        size_t got;

        begin(&f, seed);
        assert_int_equal(file_write(f.file, 0, &beside, 1), OK);
        if (written(&f) == OK) {
            power_cut(&f);
            assert_int_equal(file_read(f.file, DISK_ALIGN, back, sizeof back, &got), OK);
            assert_int_equal(got, sizeof back);
            assert_memory_equal(back, f.bytes, sizeof back);
            assert_int_equal(file_read(f.file, 0, back, beside.len, &got), OK);
            kept += memcmp(back, beside.data, beside.len) == 0;
            lost += memcmp(back, beside.data, beside.len) != 0;
        }
        end(&f);
    }
    assert_true(kept > 0);
    assert_true(lost > 0);
}

static void some_are_refused_and_some_left_undone(void **state)
{
    unsigned done = 0, busy = 0, undone = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct fixture f;
        begin(&f, seed);
        const enum err err = written(&f);
        done += err == OK;
        busy += err == ERR_BUSY;
        undone += err == ERR_UNSUPPORTED;
        end(&f);
    }
    assert_true(done > 32);
    assert_true(busy > 0);
    assert_true(undone > 0);
    assert_int_equal(done + busy + undone, 64);
}

static void a_sync_that_fails_is_told(void **state)
{
    struct fixture f;
    enum err err = ERR_BUSY;

    (void)state;
    for (uint64_t seed = 0; err != ERR_IO; seed++) {
        assert_true(seed < 64);
        begin(&f, seed);
        sim_disk_fail(f.disk, SIM_DISK_OP_SYNC, 1, ERR_IO);
        err = written(&f);
        assert_int_not_equal(err, OK);
        end(&f);
    }
}

static void a_host_that_crashes_tells_nothing(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 1);
    while (submit(&f) != OK)
        ;
    sim_host_crash(f.host);
    while (sim_step(f.sim))
        ;
    assert_int_equal(f.told, 0);
    end(&f);
}

static void the_seed_says_whether_there_is_one(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct sim *sim = sim_new(seed);
        struct sim_disk *disk = sim_disk_new(sim_random(sim));
        struct sim_host *with = sim_host_new(sim, "with", disk), *without = sim_host_new(sim, "without", NULL);
        assert_int_equal(sim_host_sys(with)->ring != NULL, seed == 0);
        assert_null(sim_host_sys(without)->ring);
        sim_host_free(without);
        sim_host_free(with);
        sim_disk_free(disk);
        sim_free(sim);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_told_survives_a_power_cut_and_bytes_beside_it_need_not),
    cmocka_unit_test(some_are_refused_and_some_left_undone),
    cmocka_unit_test(a_sync_that_fails_is_told),
    cmocka_unit_test(a_host_that_crashes_tells_nothing),
    cmocka_unit_test(the_seed_says_whether_there_is_one),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
