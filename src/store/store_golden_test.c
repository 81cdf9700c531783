/* SPDX-License-Identifier: Apache-2.0
 *
 * store_golden_test.c - a directory that an earlier build wrote must stay readable for ever.
 *
 *     store_golden_test DIRECTORY            reads the golden directory (tests/golden/store-1)
 *     store_golden_test --write DIRECTORY    writes it: once for each format, never again
 *
 * The directory is what a kill -9 left: entries in segments of both kinds and in the journal, rows and cursors in
 * the index and in the journal, a ledger deleted, a topic removed.
 */
#include "store/format.h"
#include "store/store_golden.h"
#include "store/store_model_asserts.h"
#include "sys/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is in it ---- */

#define TOPICS  4 /* 0: large entries; 1: small ones, its first ledger deleted; 2: removed; 3: small ones */
#define ENTRIES 40

static size_t entry_len(unsigned topic)
{
    return topic == 0 ? 700 : 40;
}

static void entry_bytes(char *to, unsigned topic, unsigned n)
{
    memset(to, 'a' + (int)(n % 26), entry_len(topic));
    snprintf(to, entry_len(topic), "topic %u, entry %u of its ledger ", topic, n);
}

static void must_put(struct model *m, enum catalog_table table, uint64_t id, uint64_t parent, const char *name,
                     const char *value)
{
    const struct catalog_row row = {
        .id = id, .parent = parent, .name = bytes_of_text(name), .value = bytes_of_text(value)};

    assert_int_equal(catalog_put(m->store, table, &row), OK);
}

static struct append appends[2 * ENTRIES * TOPICS];
static unsigned asked;

static void ignore_append(struct append *a, enum err err)
{
    assert_int_equal(err, OK);
}

static void append_entries(struct model *m, unsigned topic, uint64_t ledger, unsigned n)
{
    const struct entry_header header = {.messages = 2, .flags = ENTRY_BATCHED, .broker_ms = 1, .publish_ms = 2};
    char bytes[800];

    for (unsigned i = 0; i < n; i++) {
        struct slice slice;
        entry_bytes(bytes, topic, i);
        assert_int_equal(slice_copy(&slice, bytes_of(bytes, entry_len(topic)), NULL), OK);
        appends[asked].done = ignore_append;
        assert_int_equal(ledger_append(m->store, ledger, &header, slice, &appends[asked++]), OK);
        slice_unref(&slice);
    }
}

static void write_golden(struct model *m)
{
    uint64_t topics[TOPICS], ledgers[TOPICS], first;
    struct cursor *cursors[TOPICS];
    char name[64];

    must_put(m, CATALOG_TENANT, store_id_new(m->store), 0, "public", "tenant");
    for (unsigned i = 0; i < TOPICS; i++) {
        const uint64_t subscription = store_id_new(m->store);
        topics[i] = store_id_new(m->store);
        snprintf(name, sizeof name, "persistent://public/default/golden-%u", i);
        must_put(m, CATALOG_TOPIC, topics[i], 1, name, "first");
        must_put(m, CATALOG_SUBSCRIPTION, subscription, topics[i], "reader", "");
        assert_int_equal(cursor_create(m->store, subscription, topics[i], POSITION_EARLIEST, 0, &cursors[i]), OK);
        assert_int_equal(ledger_create(m->store, topics[i], &ledgers[i]), OK);
        append_entries(m, i, ledgers[i], ENTRIES);
    }
    model_settle(m);
    first = ledgers[1];
    ledger_close(m->store, first);
    assert_int_equal(ledger_create(m->store, topics[1], &ledgers[1]), OK);
    append_entries(m, 1, ledgers[1], 10);
    model_settle(m); /* a checkpoint has been; from here on all is in the journal only */
    append_entries(m, 0, ledgers[0], 5);
    model_settle(m);
    for (int64_t i = 0; i < 10; i += 2)
        assert_int_equal(cursor_ack(cursors[0], (struct position){(int64_t)ledgers[0], i}, 2, NULL), OK);
    must_put(m, CATALOG_TOPIC, topics[1], 1, "persistent://public/default/golden-1", "second");
    ledger_delete(m->store, first);
    assert_int_equal(catalog_remove(m->store, CATALOG_TOPIC, topics[2]), OK);
    model_settle(m);
}

/* ---- reading it ---- */

static const struct catalog_row *find_topic(struct model *m, unsigned topic)
{
    char name[64];

    snprintf(name, sizeof name, "persistent://public/default/golden-%u", topic);
    return catalog_find(m->store, CATALOG_TOPIC, 1, bytes_of_text(name));
}

static void expect_entries(struct model *m, unsigned topic, uint64_t ledger, unsigned n, unsigned runs)
{
    char bytes[800];

    for (unsigned i = 0; i < n; i++) {
        struct entry e;
        assert_int_equal(model_read(m, (struct position){(int64_t)ledger, i}, &e), OK);
        entry_bytes(bytes, topic, i % runs);
        assert_true(bytes_equal(slice_bytes(e.bytes), bytes_of(bytes, entry_len(topic))));
        assert_int_equal(e.header.messages, 2);
        assert_int_equal(e.header.flags, ENTRY_BATCHED);
        entry_unref(&e);
    }
}

/* The store is open: it holds what write_golden wrote. */
static void expect_golden(struct model *m)
{
    size_t count;

    assert_non_null(catalog_find(m->store, CATALOG_TENANT, 0, bytes_of_text("public")));
    assert_null(find_topic(m, 2));
    const struct catalog_row *topic = find_topic(m, 0);
    assert_non_null(topic);
    const struct ledger_info *chain = store_chain(m->store, topic->id, &count);
    assert_int_equal(count, 1);
    assert_int_equal(chain[0].entries, ENTRIES + 5);
    expect_entries(m, 0, chain[0].id, ENTRIES + 5, ENTRIES);
    const struct catalog_row *row = catalog_find(m->store, CATALOG_SUBSCRIPTION, topic->id, bytes_of_text("reader"));
    assert_non_null(row);
    struct cursor *c = cursor_find(m->store, row->id);
    assert_non_null(c);
    assert_int_equal(cursor_mark_delete(c).entry, 0);
    assert_int_equal(cursor_backlog_entries(c), ENTRIES + 5 - 5);
    assert_int_equal(cursor_backlog_messages(c), 2 * (ENTRIES + 5 - 5));

    topic = find_topic(m, 1);
    assert_non_null(topic);
    assert_true(bytes_equal(topic->value, bytes_of_text("second")));
    chain = store_chain(m->store, topic->id, &count);
    assert_int_equal(count, 1); /* the first ledger was deleted */
    assert_int_equal(chain[0].first_message, 2 * ENTRIES);
    expect_entries(m, 1, chain[0].id, 10, 10);

    topic = find_topic(m, 3);
    assert_non_null(topic);
    chain = store_chain(m->store, topic->id, &count);
    assert_int_equal(count, 1);
    expect_entries(m, 3, chain[0].id, ENTRIES, ENTRIES);
}

static void load_golden(struct model *m)
{
    model_init(m, 1);
    golden_load(sim_disk_get(m->disk));
}

static unsigned format_of(struct model *m)
{
    unsigned version;

    assert_int_equal(format_read(sim_disk_get(m->disk), &version), OK);
    return version;
}

static void a_directory_of_format_1_is_read_whole(void **state)
{
    struct model m;

    load_golden(&m);
    must_open(&m);
    expect_golden(&m);
    model_deinit(&m);
}

static void a_directory_that_was_read_speaks_the_present_format(void **state)
{
    struct model m;

    load_golden(&m);
    assert_int_equal(format_of(&m), 1);
    must_open(&m);
    assert_int_equal(format_of(&m), FORMAT_NOW);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    expect_golden(&m);
    model_deinit(&m);
}

static void a_directory_that_is_refused_keeps_its_format(void **state)
{
    struct model m;

    load_golden(&m);
    struct disk *disk = sim_disk_get(m.disk);
    assert_int_equal(disk->ops->unlink(disk, "segments/0000000000000001.segment"), OK);
    assert_int_equal(model_open(&m), ERR_CORRUPT);
    assert_int_equal(format_of(&m), 1);
    model_deinit(&m);
}

static void a_power_cut_at_any_operation_of_the_upgrade_leaves_all_of_it(void **state)
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
        assert_int_equal(format_of(&m), FORMAT_NOW);
        expect_golden(&m);
        model_deinit(&m);
    }
}

static void it_is_written(void **state)
{
    struct model m;

    model_init(&m, 1);
    m.options.journal_file_bytes = 64 * 1024;
    m.options.checkpoint_bytes = 28 * 1024;
    assert_int_equal(model_open(&m), OK);
    write_golden(&m);
    model_crash(&m, MODEL_KILL);
    golden_dump(sim_disk_get(m.disk));
    model_deinit(&m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_of_format_1_is_read_whole),
        cmocka_unit_test(a_directory_that_was_read_speaks_the_present_format),
        cmocka_unit_test(a_directory_that_is_refused_keeps_its_format),
        cmocka_unit_test(a_power_cut_at_any_operation_of_the_upgrade_leaves_all_of_it),
    };

    return golden_main(argc, argv, "store: golden directory", it_is_written, tests);
}
