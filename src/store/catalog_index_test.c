/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog_index.h"

#include "base/base_test.h"
#include "base/random.h"
#include "sys/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

#define DB "catalog.db"

/* What the index ought to hold: a few tables of a few rows, kept as plainly as possible. */
#define IDS 24

struct model {
    bool there[INDEX_TABLES][IDS + 1];
    unsigned version[INDEX_TABLES][IDS + 1];
    struct index_mark mark;
};

struct fixture {
    struct random random;
    struct sim_disk *sim;
    struct disk *disk;
    struct catalog_index *index;
    char message[256];
};

static struct fixture *fixture_new(uint64_t seed)
{
    struct fixture *f = calloc(1, sizeof *f);

    random_init(&f->random, seed);
    f->sim = sim_disk_new(&f->random);
    f->disk = sim_disk_get(f->sim);
    return f;
}

static int set_up(void **state)
{
    *state = fixture_new(1);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    catalog_index_close(f->index);
    sim_disk_free(f->sim);
    free(f);
    return 0;
}

static enum err open_index(struct fixture *f)
{
    enum err err;

    f->index = NULL;
    err = catalog_index_open(&f->index, f->disk, DB, f->message, sizeof f->message);
    if (err != OK)
        assert_true(strncmp(f->message, DB ": ", strlen(DB) + 2) == 0);
    return err;
}

static void close_index(struct fixture *f)
{
    catalog_index_close(f->index);
    f->index = NULL;
}

/* ---- model ---- */

static struct bytes model_value(unsigned table, uint64_t id, unsigned version, uint8_t *to)
{
    size_t len = (table * 37 + id * 11 + version * 101) % 900; /* some rows take several cells, some overflow pages */

    if (version % 7 == 3)
        len += 9000;
    memset(to, (int)(table * 16 + id + version), len);
    return bytes_of(to, len);
}

static struct catalog_row model_row(unsigned table, uint64_t id, unsigned version, char name[32], uint8_t *value)
{
    snprintf(name, 32, "row-%u-%llu", table, (unsigned long long)id);
    return (struct catalog_row){id, id * 3, bytes_of_text(name), model_value(table, id, version, value)};
}

static void change(struct model *m, struct index_batch *b, unsigned table, uint64_t id, bool remove)
{
    static uint8_t value[16384];
    char name[32];
    struct catalog_row row;

    m->there[table][id] = !remove;
    if (remove) {
        assert_int_equal(index_batch_remove(b, table, id), OK);
        return;
    }
    row = model_row(table, id, ++m->version[table][id], name, value);
    assert_int_equal(index_batch_put(b, table, &row), OK);
}

/* A batch of some changes; the model afterwards. */
static void some_changes(struct model *m, struct index_batch *b, struct random *r)
{
    for (uint64_t n = 1 + random_below(r, 30); n > 0; n--)
        change(m, b, 1 + (unsigned)random_below(r, INDEX_TABLES - 1), 1 + random_below(r, IDS),
               random_below(r, 4) == 0);
    m->mark.batch++;
    m->mark.next_id += 10;
    m->mark.journal_file = m->mark.batch / 2;
    m->mark.next_segment = m->mark.batch + 5;
}

static bool same_mark(struct index_mark a, struct index_mark b)
{
    return a.batch == b.batch && a.journal_file == b.journal_file && a.next_id == b.next_id &&
           a.next_segment == b.next_segment;
}

struct comparison {
    const struct model *model;
    size_t rows;
    bool same;
};

static enum err compare_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    static uint8_t value[16384];
    struct comparison *c = ctx;
    char name[32];
    struct catalog_row expected;

    c->rows++;
    if (row->id > IDS || !c->model->there[table][row->id]) {
        c->same = false;
        return OK;
    }
    expected = model_row(table, row->id, c->model->version[table][row->id], name, value);
    if (row->parent != expected.parent || !bytes_equal(row->name, expected.name) ||
        !bytes_equal(row->value, expected.value))
        c->same = false;
    return OK;
}

/* ERR_CORRUPT and the like as loading says; else *same tells whether it holds just what the model does. */
static enum err compare(struct fixture *f, const struct model *m, bool *same)
{
    struct comparison c = {.model = m, .same = same_mark(catalog_index_mark(f->index), m->mark)};
    size_t rows = 0;
    enum err err = catalog_index_load(f->index, compare_row, &c, f->message, sizeof f->message);

    for (unsigned table = 1; table < INDEX_TABLES; table++)
        for (unsigned id = 1; id <= IDS; id++)
            rows += m->there[table][id];
    *same = c.same && rows == c.rows;
    return err;
}

static void expect(struct fixture *f, const struct model *m)
{
    bool same;

    assert_int_equal(compare(f, m, &same), OK);
    assert_true(same);
}

static enum err apply(struct fixture *f, struct model *m)
{
    struct index_batch b;
    enum err err;

    index_batch_init(&b);
    some_changes(m, &b, &f->random);
    err = catalog_index_apply(f->index, &b, &m->mark);
    index_batch_deinit(&b);
    return err;
}

/* ---- tests ---- */

static void a_fresh_index_has_a_mark_of_zeros_and_no_rows(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};

    assert_int_equal(open_index(f), OK);
    expect(f, &m);
}

static void what_was_applied_is_there_after_opening_again(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};

    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(open_index(f), OK);
        expect(f, &m);
        assert_int_equal(apply(f, &m), OK);
        expect(f, &m);
        close_index(f);
    }
}

static void applying_a_batch_twice_is_applying_it_once(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};
    struct index_batch b;

    assert_int_equal(open_index(f), OK);
    index_batch_init(&b);
    some_changes(&m, &b, &f->random);
    change(&m, &b, CATALOG_TOPIC, 3, false);
    change(&m, &b, CATALOG_TOPIC, 4, true);
    assert_int_equal(catalog_index_apply(f->index, &b, &m.mark), OK);
    assert_int_equal(catalog_index_apply(f->index, &b, &m.mark), OK);
    index_batch_deinit(&b);
    expect(f, &m);
}

static void an_empty_batch_moves_the_mark(void **state)
{
    struct fixture *f = *state;
    struct model m = {.mark = {7, 8, 9, 10}};
    struct index_batch b;

    index_batch_init(&b);
    assert_int_equal(open_index(f), OK);
    assert_int_equal(catalog_index_apply(f->index, &b, &m.mark), OK);
    close_index(f);
    assert_int_equal(open_index(f), OK);
    expect(f, &m);
}

static void the_log_is_empty_after_each_apply(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};
    struct file *log;
    uint64_t size = 1;

    assert_int_equal(open_index(f), OK);
    assert_int_equal(apply(f, &m), OK);
    assert_int_equal(disk_open(f->disk, DB "-wal", DISK_READ, &log), OK);
    assert_int_equal(file_size(log, &size), OK);
    assert_int_equal(size, 0);
    file_close(log);
}

/* Power fails at the n-th operation of opening and applying, for every n. */
static void a_crash_at_any_operation_leaves_the_old_mark_or_the_new(void **state)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 4711;
    unsigned olds = 0, news = 0;

    printf("SEED=%llu\n", (unsigned long long)seed);
    for (uint64_t round = 0; round < 4; round++) {
        for (uint64_t n = 1;; n++) {
            struct fixture *f = fixture_new(seed + round * 1000 + n);
            struct model before = {0}, after;
            bool crashed, same = false, same_as_old = false;

            if (round > 0) { /* not the first start of all */
                assert_int_equal(open_index(f), OK);
                for (uint64_t i = 0; i < round * 2; i++)
                    assert_int_equal(apply(f, &before), OK);
                close_index(f);
            }
            after = before;
            sim_disk_crash_at(f->sim, SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_META, n);
            if (open_index(f) == OK && apply(f, &after) == OK)
                before = after; /* it was promised */
            crashed = sim_disk_crashed(f->sim);
            close_index(f);
            if (crashed)
                sim_disk_restart(f->sim);
            sim_disk_crash_at(f->sim, 0, 0);
            assert_int_equal(open_index(f), OK);
            assert_int_equal(compare(f, &after, &same), OK);
            assert_int_equal(compare(f, &before, &same_as_old), OK);
            assert_true(same || same_as_old);
            news += same;
            olds += !same;
            assert_int_equal(apply(f, same ? &after : &before), OK);
            expect(f, same ? &after : &before);
            tear_down((void **)&f);
            if (!crashed)
                break;
        }
    }
    assert_true(olds > 0);
    assert_true(news > 0);
}

/* The process is killed, another opens and reads; then the power fails: what the second one read must be there. */
static void what_was_read_after_a_kill_survives_a_power_cut(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct fixture *f = fixture_new(90 + n);
        struct model before = {0}, after;
        bool failed, same, same_as_old;

        assert_int_equal(open_index(f), OK);
        assert_int_equal(apply(f, &before), OK);
        after = before;
        sim_disk_fail(f->sim, SIM_DISK_WRITE | SIM_DISK_SYNC, n, ERR_IO);
        failed = apply(f, &after) != OK;
        sim_disk_fail(f->sim, 0, 0, OK);
        close_index(f);
        sim_disk_kill(f->sim);
        sim_disk_restart(f->sim);

        assert_int_equal(open_index(f), OK);
        assert_int_equal(compare(f, &after, &same), OK);
        assert_int_equal(compare(f, &before, &same_as_old), OK);
        assert_true(same || same_as_old);
        sim_disk_crash(f->sim);
        close_index(f);
        sim_disk_restart(f->sim);
        assert_int_equal(open_index(f), OK);
        expect(f, same ? &after : &before);
        tear_down((void **)&f);
        if (!failed)
            break;
    }
}

/* A write or sync fails at n, the process ends, and the power fails at operation m of the next start: false when that
 * start had no such operation. */
static bool start_cut_off(uint64_t seed, uint64_t n, uint64_t m, bool *failed)
{
    struct fixture *f = fixture_new(seed);
    struct model before = {0}, after;
    bool same, same_as_old, crashed;

    assert_int_equal(open_index(f), OK);
    assert_int_equal(apply(f, &before), OK);
    after = before;
    sim_disk_fail(f->sim, SIM_DISK_WRITE | SIM_DISK_SYNC, n, ERR_IO);
    *failed = apply(f, &after) != OK;
    sim_disk_fail(f->sim, 0, 0, OK);
    close_index(f);
    sim_disk_kill(f->sim);
    sim_disk_restart(f->sim);

    sim_disk_crash_at(f->sim, SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_META, m);
    if (open_index(f) != OK)
        assert_true(sim_disk_crashed(f->sim));
    crashed = sim_disk_crashed(f->sim);
    close_index(f);
    if (crashed)
        sim_disk_restart(f->sim);
    sim_disk_crash_at(f->sim, 0, 0);
    assert_int_equal(open_index(f), OK);
    assert_int_equal(compare(f, &after, &same), OK);
    assert_int_equal(compare(f, &before, &same_as_old), OK);
    assert_true(same || same_as_old);
    tear_down((void **)&f);
    return crashed;
}

static void a_power_cut_during_the_start_after_a_failure_leaves_the_old_mark_or_the_new(void **state)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 70;

    printf("SEED=%llu\n", (unsigned long long)seed);
    for (uint64_t round = 0; round < 8; round++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++)
            for (uint64_t m = 1; start_cut_off(seed + 1000000 * round + 1000 * n + m, n, m, &failed); m++)
                continue;
    }
}

static void a_full_disk_fails_the_apply_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct model m = {0}, after;

    assert_int_equal(open_index(f), OK);
    assert_int_equal(apply(f, &m), OK);
    for (uint64_t n = 1;; n++) {
        after = m;
        sim_disk_fail(f->sim, SIM_DISK_WRITE, n, ERR_NOSPACE);
        if (apply(f, &after) == OK)
            break; /* also when only emptying the log found no room: it is committed */
        sim_disk_fail(f->sim, 0, 0, OK);
        assert_non_null(strstr(catalog_index_failure(f->index), "full"));
        expect(f, &m);
    }
    sim_disk_fail(f->sim, 0, 0, OK);
    expect(f, &after);
    assert_int_equal(apply(f, &after), OK);
    close_index(f);
    assert_int_equal(open_index(f), OK);
    expect(f, &after);
}

/* The log holds what the database has no room for; it is read where it is, until there is room. */
static void a_full_disk_does_not_stop_the_opening(void **state)
{
    struct fixture *f = *state;
    struct model m = {0}, after;
    enum err err = ERR_NOSPACE;

    assert_int_equal(open_index(f), OK);
    for (uint64_t n = 1; err != OK; n++) {
        after = m;
        sim_disk_fail_from(f->sim, SIM_DISK_WRITE, n, ERR_NOSPACE);
        err = apply(f, &after); /* OK: committed to the log, which could not be emptied */
    }
    m = after;
    sim_disk_fail(f->sim, 0, 0, OK);
    sim_disk_capacity(f->sim, 0);
    close_index(f);
    assert_int_equal(open_index(f), OK);
    expect(f, &m);
    sim_disk_capacity(f->sim, UINT64_MAX / 2);
    assert_int_equal(apply(f, &m), OK);
    close_index(f);
    assert_int_equal(open_index(f), OK);
    expect(f, &m);
}

static void after_a_failed_sync_nothing_succeeds_any_more(void **state)
{
    struct fixture *f = *state;
    struct model m = {0}, after;

    assert_int_equal(open_index(f), OK);
    assert_int_equal(apply(f, &m), OK);
    after = m;
    sim_disk_fail(f->sim, SIM_DISK_SYNC, 1, ERR_IO);
    assert_int_equal(apply(f, &after), ERR_IO);
    after = m;
    assert_int_equal(apply(f, &after), ERR_IO);
    assert_non_null(strstr(catalog_index_failure(f->index), "sync"));
}

static void a_failed_sync_of_emptying_the_log_is_not_overlooked(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct fixture *f = fixture_new(n);
        struct model m = {0};
        enum err err;

        assert_int_equal(open_index(f), OK);
        uint64_t before = sim_disk_ops(f->sim, SIM_DISK_SYNC);
        sim_disk_fail(f->sim, SIM_DISK_SYNC, n, ERR_IO);
        err = apply(f, &m);
        bool failed = sim_disk_ops(f->sim, SIM_DISK_SYNC) - before >= n;
        assert_int_equal(err, failed ? ERR_IO : OK);
        tear_down((void **)&f);
        if (!failed)
            break;
        assert_true(n < 20);
    }
}

static void a_flipped_bit_is_found_or_is_in_no_row(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};
    struct file *file;
    uint64_t size;
    unsigned found = 0, harmless = 0;

    assert_int_equal(open_index(f), OK);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(apply(f, &m), OK);
    close_index(f);
    assert_int_equal(disk_open(f->disk, DB, DISK_READ, &file), OK);
    assert_int_equal(file_size(file, &size), OK);
    file_close(file);

    for (uint64_t i = 0; i < 1500; i++) {
        uint64_t bit = random_below(&f->random, size * 8);
        bool same = false;
        enum err err;
        assert_true(sim_disk_flip(f->sim, DB, bit));
        err = open_index(f);
        if (err == OK)
            err = compare(f, &m, &same);
        if (err == OK) {
            assert_true(same);
            harmless++;
        } else {
            assert_true(err == ERR_CORRUPT || err == ERR_VERSION);
            found++;
        }
        close_index(f);
        assert_true(sim_disk_flip(f->sim, DB, bit));
    }
    assert_true(found > harmless);
    assert_int_equal(open_index(f), OK);
    expect(f, &m);
}

static void read_file(struct fixture *f, const char *path, uint8_t *to, size_t room, size_t *len)
{
    struct file *file;

    assert_int_equal(disk_open(f->disk, path, DISK_READ, &file), OK);
    assert_int_equal(file_read(file, 0, to, room, len), OK);
    file_close(file);
}

static void write_file(struct fixture *f, const char *path, const uint8_t *from, size_t len)
{
    struct bytes part = bytes_of(from, len);
    struct file *file;

    assert_int_equal(disk_open(f->disk, path, DISK_READ | DISK_WRITE | DISK_CREATE, &file), OK);
    assert_int_equal(file_truncate(file, 0), OK);
    assert_int_equal(file_write(file, 0, &part, 1), OK);
    file_close(file);
}

static void a_newer_format_is_refused_and_left_untouched(void **state)
{
    struct fixture *f = *state;
    static uint8_t before[1 << 20], after[1 << 20];
    size_t before_len, after_len;

    assert_int_equal(open_index(f), OK);
    close_index(f);
    read_file(f, DB, before, sizeof before, &before_len);
    be32_put(before + 60, 2); /* user_version in SQLite's header */
    write_file(f, DB, before, before_len);
    assert_int_equal(open_index(f), ERR_VERSION);
    assert_non_null(strstr(f->message, "format 2"));
    read_file(f, DB, after, sizeof after, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
}

static void a_file_of_something_else_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t text[8192];

    memset(text, 'x', sizeof text);
    write_file(f, DB, text, sizeof text);
    assert_int_equal(open_index(f), ERR_CORRUPT);
}

static enum err refuse(void *ctx, unsigned table, const struct catalog_row *row)
{
    return ERR_NOMEM;
}

static void an_error_of_the_callee_ends_the_load(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};

    assert_int_equal(open_index(f), OK);
    assert_int_equal(apply(f, &m), OK);
    assert_int_equal(catalog_index_load(f->index, refuse, NULL, f->message, sizeof f->message), ERR_NOMEM);
    expect(f, &m);
}

int main(void)
{
#define with_disk(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        with_disk(a_fresh_index_has_a_mark_of_zeros_and_no_rows),
        with_disk(what_was_applied_is_there_after_opening_again),
        with_disk(applying_a_batch_twice_is_applying_it_once),
        with_disk(an_empty_batch_moves_the_mark),
        with_disk(the_log_is_empty_after_each_apply),
        cmocka_unit_test(a_crash_at_any_operation_leaves_the_old_mark_or_the_new),
        cmocka_unit_test(what_was_read_after_a_kill_survives_a_power_cut),
        cmocka_unit_test(a_power_cut_during_the_start_after_a_failure_leaves_the_old_mark_or_the_new),
        with_disk(a_full_disk_fails_the_apply_and_changes_nothing),
        with_disk(a_full_disk_does_not_stop_the_opening),
        with_disk(after_a_failed_sync_nothing_succeeds_any_more),
        cmocka_unit_test(a_failed_sync_of_emptying_the_log_is_not_overlooked),
        with_disk(a_flipped_bit_is_found_or_is_in_no_row),
        with_disk(a_newer_format_is_refused_and_left_untouched),
        with_disk(a_file_of_something_else_is_refused),
        with_disk(an_error_of_the_callee_ends_the_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
