/* SPDX-License-Identifier: Apache-2.0
 *
 * store_golden_3_test.c - a directory of format 3 must stay readable for ever.
 *
 *     store_golden_3_test DIRECTORY            reads the golden directory (tests/golden/store-3)
 *     store_golden_3_test --write DIRECTORY    writes it: once, never again
 *
 * In it is what format 3 adds to format 2 (store_golden_2_test.c has the rest): a cursor with partly acknowledged
 * batches, holes and redelivery counts in the index, changed again in the journal; and one that was moved into a batch.
 */
#include "base/base_test.h"
#include "store/format.h"
#include "store/store_golden.h"
#include "store/store_model_asserts.h"
#include "store/store_private.h"

#include <stdio.h>
#include <string.h>

static const char *golden;

#define TOPICS   2  /* 0: its cursor has partly acknowledged batches; 1: its cursor was moved into one */
#define ENTRIES  40 /* of 20 messages each */
#define MESSAGES 20

static struct append appends[TOPICS * ENTRIES];
static unsigned asked;

static void ignore_append(struct append *a, enum err err)
{
    assert_int_equal(err, OK);
}

static void must_put(struct model *m, enum catalog_table table, uint64_t id, uint64_t parent, const char *name)
{
    const struct catalog_row row = {
        .id = id, .parent = parent, .name = bytes_of_text(name), .value = bytes_of_text("golden")};

    assert_int_equal(catalog_put(m->store, table, &row), OK);
}

struct made {
    uint64_t ledgers[TOPICS];
    struct cursor *cursors[TOPICS];
};

static void make_topic(struct model *m, struct made *made, unsigned i)
{
    const struct entry_header header = {.messages = MESSAGES, .flags = ENTRY_BATCHED, .publish_ms = 2000};
    const uint64_t topic = store_id_new(m->store), subscription = store_id_new(m->store);
    struct slice bytes;
    char name[80];

    snprintf(name, sizeof name, "persistent://public/default/golden-%u", i);
    must_put(m, CATALOG_TOPIC, topic, 1, name);
    must_put(m, CATALOG_SUBSCRIPTION, subscription, topic, "reader");
    assert_int_equal(cursor_create(m->store, subscription, topic, POSITION_EARLIEST, 0, &made->cursors[i]), OK);
    assert_int_equal(ledger_create(m->store, topic, &made->ledgers[i]), OK);
    assert_int_equal(slice_copy(&bytes, bytes_of_text("a batch of twenty"), NULL), OK);
    for (unsigned n = 0; n < ENTRIES; n++) {
        appends[asked].done = ignore_append;
        assert_int_equal(ledger_append(m->store, made->ledgers[i], &header, bytes, &appends[asked++]), OK);
    }
    slice_unref(&bytes);
}

static void ack_part(const struct made *made, unsigned topic, int64_t entry, uint64_t left)
{
    uint32_t acked;

    assert_int_equal(cursor_ack_partial(made->cursors[topic], (struct position){(int64_t)made->ledgers[topic], entry},
                                        MESSAGES, &left, 1, &acked),
                     OK);
}

/* Of every third entry from the fourth on an increasing share is left in the index. */
static uint64_t left_of(int64_t entry)
{
    return entry >= 3 && entry % 3 == 0 ? (UINT64_C(1) << entry / 3) - 1 : 0;
}

static void write_golden(struct model *m)
{
    struct made made;

    must_put(m, CATALOG_TENANT, store_id_new(m->store), 0, "public");
    for (unsigned i = 0; i < TOPICS; i++)
        make_topic(m, &made, i);
    model_settle(m);
    const int64_t first = (int64_t)made.ledgers[0];
    for (int64_t e = 3; e < ENTRIES; e += 3)
        ack_part(&made, 0, e, left_of(e));
    assert_int_equal(cursor_redelivered(made.cursors[0], (struct position){first, 6}), OK);
    assert_int_equal(cursor_ack(made.cursors[0], (struct position){first, 7}, MESSAGES, NULL), OK);
    checkpoint_want(m->store);
    model_settle(m);
    ack_part(&made, 0, 4, 1 << 19);
    ack_part(&made, 0, 9, 1);
    ack_part(&made, 0, 12, 0);
    assert_int_equal(cursor_redelivered(made.cursors[0], (struct position){first, 9}), OK);
    assert_int_equal(cursor_reset(made.cursors[1], (struct position){(int64_t)made.ledgers[1], 10}, 200), OK);
    ack_part(&made, 1, 10, 0xffff0);
    model_settle(m);
}

/* ---- reading it ---- */

static struct cursor *find(struct model *m, unsigned i, int64_t *ledger)
{
    const struct catalog_row *row;
    char name[80];
    size_t count;

    snprintf(name, sizeof name, "persistent://public/default/golden-%u", i);
    assert_non_null(row = catalog_find(m->store, CATALOG_TOPIC, 1, bytes_of_text(name)));
    *ledger = (int64_t)store_chain(m->store, row->id, &count)[0].id;
    assert_non_null(row = catalog_find(m->store, CATALOG_SUBSCRIPTION, row->id, bytes_of_text("reader")));
    struct cursor *c = cursor_find(m->store, row->id);
    assert_non_null(c);
    cursor_check(c);
    return c;
}

static void expect_left(const struct cursor *c, int64_t ledger, int64_t entry, uint64_t expected)
{
    uint64_t left[CURSOR_LEFT_WORDS];
    const uint32_t words = cursor_left(c, (struct position){ledger, entry}, left);

    assert_int_equal(words, expected ? 1 : 0);
    assert_true(words == 0 || left[0] == expected);
}

static void expect_golden(struct model *m)
{
    int64_t ledger;
    struct cursor *c = find(m, 0, &ledger);
    uint64_t backlog = MESSAGES * (ENTRIES - 2);

    for (int64_t e = 0; e < ENTRIES; e++) {
        const uint64_t left = e == 4 ? 1 << 19 : e == 9 ? 1 : e == 12 ? 0 : left_of(e);
        expect_left(c, ledger, e, left);
        backlog -= left ? MESSAGES - (uint64_t)__builtin_popcountll(left) : 0;
        assert_int_equal(cursor_acked(c, (struct position){ledger, e}), e == 7 || e == 12);
        assert_int_equal(cursor_redeliveries(c, (struct position){ledger, e}), e == 6 || e == 9 ? 1 : 0);
    }
    assert_int_equal(cursor_backlog_messages(c), backlog);
    c = find(m, 1, &ledger);
    assert_int_equal(cursor_mark_delete(c).entry, 9);
    expect_left(c, ledger, 10, 0xffff0);
    assert_int_equal(cursor_backlog_messages(c), MESSAGES * (ENTRIES - 10) - 4);
}

static void load_golden(struct model *m)
{
    model_init(m, 1);
    golden_load(sim_disk_get(m->disk), golden);
}

static unsigned format_of(struct model *m)
{
    unsigned version;

    assert_int_equal(format_read(sim_disk_get(m->disk), &version), OK);
    return version;
}

static void a_directory_of_format_3_is_read_whole(void **state)
{
    struct model m;

    load_golden(&m);
    assert_int_equal(format_of(&m), 3);
    must_open(&m);
    expect_golden(&m);
    assert_true(model_close(&m));
    must_open(&m);
    expect_golden(&m);
    model_deinit(&m);
}

static void a_power_cut_at_any_operation_of_its_recovery_leaves_all_of_it(void **state)
{
    struct model m;

    load_golden(&m);
    const uint64_t before = sim_disk_ops(m.disk, SIM_DISK_ALL);
    must_open(&m);
    const uint64_t operations = sim_disk_ops(m.disk, SIM_DISK_ALL) - before;
    model_deinit(&m);
    for (uint64_t n = 1; n <= operations; n++) {
        load_golden(&m);
        sim_disk_crash_at(m.disk, SIM_DISK_ALL, n);
        if (model_open(&m) == OK && !sim_disk_crashed(m.disk)) /* it may end with what may fail */
            expect_golden(&m);
        model_crash(&m, MODEL_POWER);
        must_open(&m);
        expect_golden(&m);
        model_deinit(&m);
    }
}

static void it_is_written(void **state)
{
    struct model m;

    model_init(&m, 1);
    m.options.journal_file_bytes = 64 * 1024;
    m.options.checkpoint_bytes = 1 << 20; /* when told to, and not before */
    must_open(&m);
    write_golden(&m);
    model_crash(&m, MODEL_KILL);
    golden_dump(sim_disk_get(m.disk), golden);
    model_deinit(&m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_of_format_3_is_read_whole),
        cmocka_unit_test(a_power_cut_at_any_operation_of_its_recovery_leaves_all_of_it),
    };

    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        const struct CMUnitTest writing[] = {cmocka_unit_test(it_is_written)};
        golden = argv[2];
        return cmocka_run_group_tests_name("store: golden directory of format 3, made", writing, NULL, NULL);
    }
    if (argc != 2)
        return 2;
    golden = argv[1];
    return cmocka_run_group_tests_name("store: golden directory of format 3", tests, NULL, NULL);
}
