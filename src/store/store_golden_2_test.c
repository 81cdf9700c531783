/* SPDX-License-Identifier: Apache-2.0
 *
 * store_golden_2_test.c - a directory of format 2, and a backup of it, must stay readable for ever.
 *
 *     store_golden_2_test DIRECTORY            reads the golden directory (tests/golden/store-2)
 *     store_golden_2_test --write DIRECTORY    writes it: once, never again
 *
 * The directory is a backup, byte for byte the data directory that a kill -9 left, which had been restored from another
 * one: so it has the files "backup" and "restored" as well, and "given-up".  In it is one of each kind that format 2
 * can write: rows of all tables in the index, entries in a segment of their own, in a shared one and in an adopted file
 * of the journal, cursors with holes, ledgers acknowledged whole and redelivery counts; and in the journal every kind
 * of record, the log ending with a seal.
 */
#include "store/backup.h"
#include "store/format.h"
#include "store/lost.h"
#include "store/store_golden.h"
#include "store/store_model_asserts.h"
#include "store/store_private.h"
#include "store/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MADE_MS INT64_C(1763740800000)

/* ---- what is in it ---- */

/* 0: a segment of its own; 1: small ledgers that share one, the first deleted in the journal; 2: removed in the
 * journal; 3: cursors; 4: adopted; 5: in the journal only */
#define TOPICS 6
#define LARGE  30 /* entries of topic 0 */
#define SMALL  20 /* of each ledger of topics 1, 2 and 3 */
#define BUSY   60 /* of topic 4 */
#define TAIL   6  /* of topic 5 */

static size_t entry_len(unsigned topic)
{
    return topic == 0 || topic == 4 ? 700 : 60;
}

static void entry_bytes(char *to, unsigned topic, unsigned n)
{
    memset(to, 'a' + (int)(n % 26), entry_len(topic));
    snprintf(to, entry_len(topic), "topic %u, entry %u of its ledger ", topic, n);
}

/* The n-th of a ledger has so many messages. */
static uint32_t messages_of(unsigned n)
{
    return 1 + n % 3;
}

static void must_put(struct model *m, enum catalog_table table, uint64_t id, uint64_t parent, const char *name,
                     const char *value)
{
    const struct catalog_row row = {
        .id = id, .parent = parent, .name = bytes_of_text(name), .value = bytes_of_text(value)};

    assert_int_equal(catalog_put(m->store, table, &row), OK);
}

static struct append appends[1000];
static unsigned asked;

static void ignore_append(struct append *a, enum err err)
{
    assert_int_equal(err, OK);
}

static void append_one(struct model *m, uint64_t ledger, const struct entry_header *header, struct bytes bytes)
{
    struct slice slice;

    assert_int_equal(slice_copy(&slice, bytes, NULL), OK);
    appends[asked].done = ignore_append;
    assert_int_equal(ledger_append(m->store, ledger, header, slice, &appends[asked++]), OK);
    slice_unref(&slice);
}

static void append_entries(struct model *m, unsigned topic, uint64_t ledger, unsigned count)
{
    char bytes[800];

    for (unsigned n = 0; n < count; n++) {
        const struct entry_header header = {
            .messages = messages_of(n), .flags = ENTRY_BATCHED, .broker_ms = 1000 + n, .publish_ms = 2000 + n};
        entry_bytes(bytes, topic, n);
        append_one(m, ledger, &header, bytes_of(bytes, entry_len(topic)));
    }
}

struct made {
    uint64_t space, topics[TOPICS], ledgers[TOPICS];
    struct cursor *cursors[TOPICS];
};

static void topic_name(char name[80], unsigned topic)
{
    snprintf(name, 80, "persistent://public/default/golden-%u", topic);
}

static void make_topic(struct model *m, struct made *made, unsigned i)
{
    const uint64_t subscription = store_id_new(m->store);
    char name[80];

    made->topics[i] = store_id_new(m->store);
    topic_name(name, i);
    must_put(m, CATALOG_TOPIC, made->topics[i], made->space, name, "first");
    must_put(m, CATALOG_SCHEMA, store_id_new(m->store), made->topics[i], "schema", "a schema");
    must_put(m, CATALOG_SUBSCRIPTION, subscription, made->topics[i], "reader", "properties");
    assert_int_equal(cursor_create(m->store, subscription, made->topics[i], POSITION_EARLIEST, 0, &made->cursors[i]),
                     OK);
    assert_int_equal(ledger_create(m->store, made->topics[i], &made->ledgers[i]), OK);
}

static void ack(struct cursor *c, uint64_t ledger, unsigned n)
{
    assert_int_equal(cursor_ack(c, (struct position){(int64_t)ledger, n}, messages_of(n), NULL), OK);
}

static void ask_again(struct cursor *c, uint64_t ledger, unsigned n, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(cursor_redelivered(c, (struct position){(int64_t)ledger, n}), OK);
}

static void roll(struct model *m, struct made *made, unsigned topic)
{
    ledger_close(m->store, made->ledgers[topic]);
    assert_int_equal(ledger_create(m->store, made->topics[topic], &made->ledgers[topic]), OK);
}

static void checkpoint(struct model *m)
{
    model_settle(m);
    checkpoint_want(m->store);
    model_settle(m);
}

/* Rows of all tables; entries in segments; the cursor of topic 3: every third entry of its first ledger acknowledged,
 * its second ledger whole, counts of what was asked for again. */
static void write_index(struct model *m, struct made *made)
{
    const uint64_t tenant = store_id_new(m->store);

    made->space = store_id_new(m->store);
    must_put(m, CATALOG_BROKER, store_id_new(m->store), 0, "cluster", "golden");
    must_put(m, CATALOG_TENANT, tenant, 0, "public", "a tenant");
    must_put(m, CATALOG_NAMESPACE, made->space, tenant, "default", "a namespace");
    must_put(m, CATALOG_PARTITIONED, store_id_new(m->store), made->space, "parts", "4");
    for (unsigned i = 0; i < 4; i++) {
        make_topic(m, made, i);
        append_entries(m, i, made->ledgers[i], i == 0 ? LARGE : SMALL);
    }
    model_settle(m);
    const uint64_t first = made->ledgers[3];
    roll(m, made, 3);
    append_entries(m, 3, made->ledgers[3], SMALL);
    model_settle(m);
    const uint64_t second = made->ledgers[3];
    roll(m, made, 3);
    append_entries(m, 3, made->ledgers[3], SMALL);
    model_settle(m);
    for (unsigned n = 0; n < SMALL; n++) {
        if (n % 3 == 2)
            ack(made->cursors[3], first, n);
        ack(made->cursors[3], second, n);
    }
    ask_again(made->cursors[3], first, 0, 5);
    ask_again(made->cursors[3], made->ledgers[3], 7, 1);
    checkpoint(m);
}

/* A ledger that fills a file of the journal nearly alone. */
static void write_adopted(struct model *m, struct made *made)
{
    struct store_stats stats;

    make_topic(m, made, 4);
    append_entries(m, 4, made->ledgers[4], BUSY);
    checkpoint(m);
    store_stats(m->store, &stats);
    assert_true(stats.adopted_files > 0 && stats.adopted_bytes >= BUSY * 700);
}

/* Every kind of record. */
static void write_journal(struct model *m, struct made *made)
{
    const struct entry_header marker = {.kind = ENTRY_MARKER, .messages = 0, .broker_ms = 5, .publish_ms = 6};
    const struct entry_header flags = {.messages = 1,
                                       .flags = ENTRY_ENCRYPTED | ENTRY_TRANSACTION | ENTRY_REPLICATED,
                                       .broker_ms = 7,
                                       .publish_ms = 8};
    const uint64_t deleted = made->ledgers[1];
    char name[80];

    make_topic(m, made, 5);
    append_entries(m, 5, made->ledgers[5], TAIL);
    append_one(m, made->ledgers[5], &marker, bytes_of_text("a marker"));
    append_one(m, made->ledgers[5], &flags, bytes_of_text("encrypted, of a transaction, replicated"));
    model_settle(m);
    roll(m, made, 1);
    append_entries(m, 1, made->ledgers[1], SMALL);
    model_settle(m);
    ledger_delete(m->store, deleted); /* closed by the restart */
    ledger_close(m->store, made->ledgers[4]);
    topic_name(name, 1);
    must_put(m, CATALOG_TOPIC, made->topics[1], made->space, name, "second");
    assert_int_equal(catalog_remove(m->store, CATALOG_TOPIC, made->topics[2]), OK);
    ack(made->cursors[5], made->ledgers[5], 2);
    ask_again(made->cursors[5], made->ledgers[5], 3, 2);
    assert_int_equal(cursor_reset(made->cursors[0], (struct position){(int64_t)made->ledgers[0], 10}, 19), OK);
    model_settle(m); /* a seal, too */
}

/* ---- reading it ---- */

static const struct catalog_row *find(struct model *m, enum catalog_table table, uint64_t parent, const char *name,
                                      const char *value)
{
    const struct catalog_row *row = catalog_find(m->store, table, parent, bytes_of_text(name));

    assert_non_null(row);
    assert_true(bytes_equal(row->value, bytes_of_text(value)));
    return row;
}

static void expect_entry(struct model *m, struct position p, struct bytes bytes, const struct entry_header *h)
{
    struct entry e;

    assert_int_equal(model_read(m, p, &e), OK);
    assert_true(bytes_equal(slice_bytes(e.bytes), bytes));
    assert_int_equal(e.header.kind, h->kind);
    assert_int_equal(e.header.flags, h->flags);
    assert_int_equal(e.header.messages, h->messages);
    assert_int_equal(e.header.broker_ms, h->broker_ms);
    assert_int_equal(e.header.publish_ms, h->publish_ms);
    entry_unref(&e);
}

static void expect_entries(struct model *m, unsigned topic, const struct ledger_info *l, unsigned count)
{
    char bytes[800];

    assert_true(l->entries >= count);
    for (unsigned n = 0; n < count; n++) {
        const struct entry_header h = {
            .messages = messages_of(n), .flags = ENTRY_BATCHED, .broker_ms = 1000 + n, .publish_ms = 2000 + n};
        entry_bytes(bytes, topic, n);
        expect_entry(m, (struct position){(int64_t)l->id, n}, bytes_of(bytes, entry_len(topic)), &h);
    }
}

struct found {
    const struct catalog_row *topic;
    const struct ledger_info *chain;
    size_t ledgers;
    struct cursor *cursor;
};

static struct found find_topic(struct model *m, unsigned i, const char *value)
{
    const uint64_t tenant = find(m, CATALOG_TENANT, 0, "public", "a tenant")->id;
    const uint64_t space = find(m, CATALOG_NAMESPACE, tenant, "default", "a namespace")->id;
    struct found f;
    char name[80];

    topic_name(name, i);
    f.topic = find(m, CATALOG_TOPIC, space, name, value);
    f.chain = store_chain(m->store, f.topic->id, &f.ledgers);
    find(m, CATALOG_SCHEMA, f.topic->id, "schema", "a schema");
    f.cursor = cursor_find(m->store, find(m, CATALOG_SUBSCRIPTION, f.topic->id, "reader", "properties")->id);
    assert_non_null(f.cursor);
    cursor_check(f.cursor);
    return f;
}

static uint64_t messages_in(unsigned count)
{
    uint64_t sum = 0;

    for (unsigned n = 0; n < count; n++)
        sum += messages_of(n);
    return sum;
}

static void expect_rows(struct model *m)
{
    const uint64_t tenant = find(m, CATALOG_TENANT, 0, "public", "a tenant")->id;
    const uint64_t space = find(m, CATALOG_NAMESPACE, tenant, "default", "a namespace")->id;
    char name[80];

    find(m, CATALOG_BROKER, 0, "cluster", "golden");
    find(m, CATALOG_PARTITIONED, space, "parts", "4");
    topic_name(name, 2);
    assert_null(catalog_find(m->store, CATALOG_TOPIC, space, bytes_of_text(name)));
}

static void expect_ledgers(struct model *m)
{
    struct found f = find_topic(m, 0, "first");
    assert_int_equal(f.ledgers, 1);
    expect_entries(m, 0, &f.chain[0], LARGE);
    assert_int_equal(cursor_mark_delete(f.cursor).entry, 9);
    assert_int_equal(cursor_backlog_entries(f.cursor), LARGE - 10);

    f = find_topic(m, 1, "second");
    assert_int_equal(f.ledgers, 1); /* the first was deleted */
    assert_int_equal(f.chain[0].first_message, messages_in(SMALL));
    expect_entries(m, 1, &f.chain[0], SMALL);

    f = find_topic(m, 4, "first");
    assert_int_equal(f.chain[0].entries, BUSY);
    expect_entries(m, 4, &f.chain[0], BUSY);

    f = find_topic(m, 5, "first");
    assert_int_equal(f.chain[0].entries, TAIL + 2);
    expect_entries(m, 5, &f.chain[0], TAIL);
    expect_entry(m, (struct position){(int64_t)f.chain[0].id, TAIL}, bytes_of_text("a marker"),
                 &(struct entry_header){.kind = ENTRY_MARKER, .broker_ms = 5, .publish_ms = 6});
    expect_entry(m, (struct position){(int64_t)f.chain[0].id, TAIL + 1},
                 bytes_of_text("encrypted, of a transaction, replicated"),
                 &(struct entry_header){.messages = 1,
                                        .flags = ENTRY_ENCRYPTED | ENTRY_TRANSACTION | ENTRY_REPLICATED,
                                        .broker_ms = 7,
                                        .publish_ms = 8});
    assert_true(cursor_acked(f.cursor, (struct position){(int64_t)f.chain[0].id, 2}));
    assert_int_equal(cursor_redeliveries(f.cursor, (struct position){(int64_t)f.chain[0].id, 3}), 2);
}

static void expect_cursor(struct model *m)
{
    const struct found f = find_topic(m, 3, "first");
    uint64_t acked = 0;

    assert_int_equal(f.ledgers, 3);
    for (unsigned n = 0; n < SMALL; n++) {
        assert_int_equal(cursor_acked(f.cursor, (struct position){(int64_t)f.chain[0].id, n}), n % 3 == 2);
        assert_true(cursor_acked(f.cursor, (struct position){(int64_t)f.chain[1].id, n}));
        assert_false(cursor_acked(f.cursor, (struct position){(int64_t)f.chain[2].id, n}));
        acked += n % 3 == 2 ? messages_of(n) : 0;
    }
    for (unsigned i = 0; i < 3; i++)
        expect_entries(m, 3, &f.chain[i], SMALL);
    assert_int_equal(cursor_backlog_entries(f.cursor), 2 * SMALL - SMALL / 3);
    assert_int_equal(cursor_backlog_messages(f.cursor), 2 * messages_in(SMALL) - acked);
    assert_int_equal(cursor_redeliveries(f.cursor, (struct position){(int64_t)f.chain[0].id, 0}), 5);
    assert_int_equal(cursor_redeliveries(f.cursor, (struct position){(int64_t)f.chain[2].id, 7}), 1);
}

static void expect_golden(struct model *m)
{
    struct store_stats stats;

    expect_rows(m);
    expect_ledgers(m);
    expect_cursor(m);
    store_stats(m->store, &stats);
    assert_int_equal(stats.adopted_files, 1);
    assert_int_equal(stats.quarantined_entries, 2);
    assert_true(store_id_new(m->store) > (UINT64_C(1763740800) << 20));
}

static void load(struct model *m)
{
    model_init(m, 1);
    golden_load(sim_disk_get(m->disk));
}

static void a_directory_of_format_2_is_read_whole(void **state)
{
    struct model m;
    unsigned version;

    load(&m);
    assert_int_equal(format_read(sim_disk_get(m.disk), &version), OK);
    assert_int_equal(version, 2);
    must_open(&m);
    expect_golden(&m);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    expect_golden(&m);
    model_deinit(&m);
}

static void damage_found(struct damage_sink *sink, const struct damage *d)
{
    char text[DAMAGE_TEXT_SIZE];

    damage_text(d, text);
    print_message("%s\n", text);
}

static void it_is_sound_and_has_each_kind_of_thing(void **state)
{
    struct model m;
    struct damage_sink sink = {.found = damage_found};
    struct verify_report report;

    load(&m);
    assert_int_equal(store_verify(&m.options, sim_host_sys(m.host), &sink, &report, m.message, sizeof m.message), OK);
    assert_int_equal(report.damages, 0);
    assert_int_equal(report.format, 2);
    assert_false(report.torn);
    assert_int_equal(report.entries, LARGE + 3 * SMALL + BUSY); /* in segments */
    model_deinit(&m);
}

static void a_backup_of_version_1_is_restored(void **state)
{
    struct model from, to;
    struct backup_report report;

    load(&from);
    model_init(&to, 2);
    assert_int_equal(backup_restore(sim_disk_get(from.disk), sim_disk_get(to.disk), MADE_MS + 1000, &report, to.message,
                                    sizeof to.message),
                     OK);
    model_deinit(&from);
    must_open(&to);
    expect_golden(&to);
    model_deinit(&to);
}

static void a_power_cut_at_any_operation_of_its_recovery_leaves_all_of_it(void **state)
{
    struct model m;

    load(&m);
    const uint64_t before = sim_disk_ops(m.disk, SIM_DISK_ALL);
    must_open(&m);
    const uint64_t operations = sim_disk_ops(m.disk, SIM_DISK_ALL) - before;
    model_deinit(&m);
    for (uint64_t n = 1; n <= operations; n++) {
        load(&m);
        sim_disk_crash_at(m.disk, SIM_DISK_ALL, n);
        (void)!model_open(&m);
        model_crash(&m, MODEL_POWER);
        must_open(&m);
        expect_golden(&m);
        model_deinit(&m);
    }
}

/* ---- writing it ---- */

static void options_set(struct model *m, unsigned adopt_percent)
{
    m->options.journal_file_bytes = 64 * 1024;
    m->options.checkpoint_bytes = 1 << 20; /* when told to, and not before */
    m->options.own_segment_bytes = 8 * 1024;
    m->options.adopt_percent = adopt_percent;
}

/* A backup of what this life leaves, in a new world: by way of a restore, or as it is. */
static void move(struct model *from, struct model *to, bool restored)
{
    struct sim_disk *backup = restored ? sim_disk_new(sim_random(to->sim)) : to->disk;
    struct disk *disk = sim_disk_get(backup);
    struct backup_report report;
    char message[400];

    assert_int_equal(backup_copy(sim_disk_get(from->disk), disk, MADE_MS, &report, message, sizeof message), OK);
    if (!restored)
        return;
    assert_int_equal(backup_restore(disk, sim_disk_get(to->disk), MADE_MS, &report, message, sizeof message), OK);
    sim_disk_free(backup);
}

/* Two entries that were given up, so the broker would say: of the last ledger of topic 5. */
static void write_lost(struct model *m, const struct made *made)
{
    struct lost lost = {0};

    assert_int_equal(lost_add(&lost, made->ledgers[5], 0, 1), OK);
    assert_int_equal(lost_write(&lost, sim_disk_get(m->disk)), OK);
    lost_deinit(&lost);
}

static void find_cursors(struct model *m, struct made *made)
{
    for (unsigned i = 0; i < 4; i++)
        made->cursors[i] = find_topic(m, i, "first").cursor;
}

static void it_is_written(void **state)
{
    struct model first, second, backup;
    struct made made = {0};

    model_init(&first, 1);
    options_set(&first, 101);
    must_open(&first);
    write_index(&first, &made);
    model_crash(&first, MODEL_KILL);

    model_init(&second, 2);
    options_set(&second, 75);
    move(&first, &second, true);
    model_deinit(&first);
    must_open(&second);
    find_cursors(&second, &made);
    write_adopted(&second, &made);
    write_journal(&second, &made);
    model_crash(&second, MODEL_KILL);
    write_lost(&second, &made);

    model_init(&backup, 3);
    move(&second, &backup, false);
    golden_dump(sim_disk_get(backup.disk));
    model_deinit(&second);
    model_deinit(&backup);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_of_format_2_is_read_whole),
        cmocka_unit_test(it_is_sound_and_has_each_kind_of_thing),
        cmocka_unit_test(a_backup_of_version_1_is_restored),
        cmocka_unit_test(a_power_cut_at_any_operation_of_its_recovery_leaves_all_of_it),
    };

    return golden_main(argc, argv, "store: golden directory of format 2", it_is_written, tests);
}
