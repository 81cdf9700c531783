/* SPDX-License-Identifier: Apache-2.0
 *
 * store_golden_3_test.c - a directory of format 3 must stay readable for ever.
 *
 *     store_golden_3_test DIRECTORY            reads the golden directory (tests/golden/store-3)
 *     store_golden_3_test --write DIRECTORY    writes it: once, never again
 *
 * In it is what format 3 adds to format 2 (store_golden_2_test.c has the rest), in the index and changed again in the
 * journal: cursors with partly acknowledged batches, beside holes and redelivery counts; entries that have a time
 * before which they are not delivered, in ledgers whose rows say so; ledgers of a subscription's own.  Of the journal's
 * batches some were written while others were in flight.  The log ends as a kill left it that came when two were: the
 * first is there in part, the second is whole.
 */
#include "store/format.h"
#include "store/inspect.h"
#include "store/journal_file.h"
#include "store/store_golden.h"
#include "store/store_model_asserts.h"
#include "store/store_private.h"
#include "store/verify.h"

#include <stdio.h>
#include <string.h>

/* ---- what is in it ---- */

enum topic {
    PARTIAL,   /* its cursor has partly acknowledged batches */
    MOVED,     /* its cursor was moved into one */
    DELAYED,   /* it has a compacted view, too: a subscription with a ledger of its own */
    COMPACTED, /* the same, and the ledger was replaced by another */
    CROWD,     /* large entries, whose batches are in flight ... */
    STRANGER,  /* ... beside these */
    TOPICS
};

#define ENTRIES   40 /* of each ledger */
#define MESSAGES  20 /* of each entry */
#define VIEW      6  /* entries of each ledger of a subscription's own */
#define BESIDE    8  /* of CROWD and of STRANGER */
#define VIEW_NAME "__compaction"

static size_t entry_len(enum topic topic)
{
    return topic == CROWD ? 3000 : 60;
}

static void entry_bytes(char *to, enum topic topic, unsigned n)
{
    memset(to, 'a' + (int)(n % 26), entry_len(topic));
    snprintf(to, entry_len(topic), "topic %u, entry %u of its ledger ", topic, n);
}

/* Entries 5 to 12 of every ledger of DELAYED, the ninth first of all; and every second of STRANGER. */
static int64_t deliver_ms_of(enum topic topic, unsigned n)
{
    if (topic == DELAYED && n >= 5 && n <= 12)
        return 2000000000000 + (n == 9 ? 0 : 1000 * (int64_t)n);
    return topic == STRANGER && n % 2 == 1 ? 7 : 0;
}

static struct entry_header header_of(enum topic topic, unsigned n)
{
    return (struct entry_header){
        .messages = MESSAGES,
        .flags = (uint16_t)(n % 7 == 6 ? ENTRY_CHUNK : ENTRY_BATCHED),
        .broker_ms = 1000 + n,
        .publish_ms = 2000 + n,
        .deliver_ms = deliver_ms_of(topic, n),
    };
}

/* What compaction kept of the topic's entry 3 n: its place, the last message that is left, and bytes. */
#define VIEW_ENTRY_LEN 40

static void view_bytes(uint8_t to[VIEW_ENTRY_LEN], uint64_t original, unsigned n)
{
    memset(to, 0, VIEW_ENTRY_LEN);
    le64_put(to, original);
    le64_put(to + 8, 3 * n);
    le32_put(to + 16, MESSAGES - 1);
    memset(to + 24, 'A' + (int)n, VIEW_ENTRY_LEN - 24);
}

static const struct entry_header view_header = {.messages = 1, .publish_ms = 3000};

/* Of every third entry from the fourth on an increasing share is left in the index. */
static uint64_t left_of(int64_t entry)
{
    return entry >= 3 && entry % 3 == 0 ? (UINT64_C(1) << entry / 3) - 1 : 0;
}

/* ---- writing ---- */

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

static void append_entry(struct model *m, enum topic topic, uint64_t ledger, unsigned n)
{
    const struct entry_header header = header_of(topic, n);
    char bytes[3000];

    entry_bytes(bytes, topic, n);
    append_one(m, ledger, &header, bytes_of(bytes, entry_len(topic)));
}

static void append_entries(struct model *m, enum topic topic, uint64_t ledger, unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        append_entry(m, topic, ledger, n);
    model_settle(m);
}

static void must_put(struct model *m, enum catalog_table table, uint64_t id, uint64_t parent, const char *name)
{
    const struct catalog_row row = {
        .id = id, .parent = parent, .name = bytes_of_text(name), .value = bytes_of_text("golden")};

    assert_int_equal(catalog_put(m->store, table, &row), OK);
}

static void topic_name(char name[80], enum topic topic)
{
    snprintf(name, 80, "persistent://public/default/golden-%u", topic);
}

struct made {
    uint64_t space, topics[TOPICS], ledgers[TOPICS];
    struct cursor *cursors[TOPICS];
    uint64_t views[TOPICS]; /* the rows of subscriptions with ledgers of their own */
    uint64_t view_ledgers[TOPICS];
};

static void make_subscription(struct model *m, uint64_t id, uint64_t topic, const char *name, struct cursor **cursor)
{
    must_put(m, CATALOG_SUBSCRIPTION, id, topic, name);
    assert_int_equal(cursor_create(m->store, id, topic, POSITION_EARLIEST, 0, cursor), OK);
}

static void make_topic(struct model *m, struct made *made, enum topic topic)
{
    char name[80];

    made->topics[topic] = store_id_new(m->store);
    topic_name(name, topic);
    must_put(m, CATALOG_TOPIC, made->topics[topic], made->space, name);
    make_subscription(m, store_id_new(m->store), made->topics[topic], "reader", &made->cursors[topic]);
    assert_int_equal(ledger_create(m->store, made->topics[topic], &made->ledgers[topic]), OK);
    if (topic < CROWD)
        append_entries(m, topic, made->ledgers[topic], ENTRIES);
}

static void roll(struct model *m, struct made *made, enum topic topic)
{
    ledger_close(m->store, made->ledgers[topic]);
    assert_int_equal(ledger_create(m->store, made->topics[topic], &made->ledgers[topic]), OK);
}

/* A closed ledger of the row's own. */
static uint64_t make_view(struct model *m, uint64_t owner, uint64_t original)
{
    uint8_t bytes[VIEW_ENTRY_LEN];
    uint64_t ledger;

    assert_int_equal(ledger_create(m->store, owner, &ledger), OK);
    for (unsigned n = 0; n < VIEW; n++) {
        view_bytes(bytes, original, n);
        append_one(m, ledger, &view_header, bytes_of(bytes, sizeof bytes));
    }
    ledger_close(m->store, ledger);
    model_settle(m);
    return ledger;
}

static void ack_part(const struct made *made, enum topic topic, int64_t entry, uint64_t left)
{
    uint32_t acked;

    assert_int_equal(cursor_ack_partial(made->cursors[topic], (struct position){(int64_t)made->ledgers[topic], entry},
                                        MESSAGES, &left, 1, &acked),
                     OK);
}

static void ask_again(const struct made *made, enum topic topic, int64_t entry)
{
    assert_int_equal(cursor_redelivered(made->cursors[topic], (struct position){(int64_t)made->ledgers[topic], entry}),
                     OK);
}

static void make_first_view(struct model *m, struct made *made, enum topic topic)
{
    struct cursor *cursor;

    made->views[topic] = store_id_new(m->store);
    make_subscription(m, made->views[topic], made->topics[topic], VIEW_NAME, &cursor);
    made->view_ledgers[topic] = make_view(m, made->views[topic], made->ledgers[topic]);
}

static void write_index(struct model *m, struct made *made)
{
    const uint64_t tenant = store_id_new(m->store);

    made->space = store_id_new(m->store);
    must_put(m, CATALOG_TENANT, tenant, 0, "public");
    must_put(m, CATALOG_NAMESPACE, made->space, tenant, "default");
    for (enum topic t = 0; t < TOPICS; t++)
        make_topic(m, made, t);
    for (int64_t e = 3; e < ENTRIES; e += 3)
        ack_part(made, PARTIAL, e, left_of(e));
    ask_again(made, PARTIAL, 6);
    assert_int_equal(
        cursor_ack(made->cursors[PARTIAL], (struct position){(int64_t)made->ledgers[PARTIAL], 7}, MESSAGES, NULL), OK);
    make_first_view(m, made, DELAYED);
    make_first_view(m, made, COMPACTED);
    roll(m, made, DELAYED);
    for (unsigned n = 20; n < 20 + ENTRIES; n++)
        append_entry(m, DELAYED, made->ledgers[DELAYED], n); /* none of them has a time */
    checkpoint_want(m->store);
    model_settle(m);
}

/* Each large batch has not landed when one of somebody else takes off, now and then a third. */
static void write_beside(struct model *m, const struct made *made)
{
    for (unsigned n = 0; n < BESIDE; n++) {
        append_entry(m, CROWD, made->ledgers[CROWD], n);
        model_steps(m, 3 + n);
        append_entry(m, STRANGER, made->ledgers[STRANGER], n);
        model_steps(m, n % 2);
    }
    model_settle(m);
}

static void write_journal(struct model *m, struct made *made)
{
    struct cursor *cursor;

    ack_part(made, PARTIAL, 4, 1 << 19);
    ack_part(made, PARTIAL, 9, 1);
    ack_part(made, PARTIAL, 12, 0);
    ask_again(made, PARTIAL, 9);
    assert_int_equal(
        cursor_reset(made->cursors[MOVED], (struct position){(int64_t)made->ledgers[MOVED], 10}, 10 * MESSAGES), OK);
    ack_part(made, MOVED, 10, 0xffff0);
    roll(m, made, DELAYED);
    append_entries(m, DELAYED, made->ledgers[DELAYED], ENTRIES);
    (void)make_view(m, made->views[COMPACTED], made->ledgers[COMPACTED]);
    ledger_delete(m->store, made->view_ledgers[COMPACTED]);
    const uint64_t gone = store_id_new(m->store);
    make_subscription(m, gone, made->topics[MOVED], "gone", &cursor);
    (void)make_view(m, gone, made->ledgers[MOVED]);
    assert_int_equal(catalog_remove(m->store, CATALOG_SUBSCRIPTION, gone), OK);
    write_beside(m, made);
}

/* What lies in the batches of one file. */
struct batches {
    unsigned whole;        /* those that hold by their checksums */
    unsigned beside;       /* of them: took off beside others */
    unsigned padded;       /* of them: fill a page that their own bytes do not */
    uint64_t last, before; /* the greatest number, and the one before it, of those that hold */
};

static void count_batch(struct batches *b, const struct batch_header *h)
{
    b->whole++;
    b->beside += h->unsynced > 0;
    b->padded += h->pad > 0;
    b->before = b->last;
    b->last = h->number;
}

static struct batches batches_of(struct disk *disk, uint64_t number)
{
    static uint8_t file[1 << 18];
    struct journal_file_header header;
    struct batches found = {0};
    char path[JOURNAL_PATH_SIZE];
    struct batch_header h;
    struct file *f;
    size_t got;

    journal_path(path, number);
    assert_int_equal(disk_open(disk, path, DISK_READ, &f), OK);
    assert_int_equal(file_read(f, 0, file, sizeof file, &got), OK);
    file_close(f);
    if (journal_file_header_decode(&header, bytes_of(file, JOURNAL_HEADER_SIZE)) != OK)
        return found;
    for (size_t at = JOURNAL_HEADER_SIZE; at + JOURNAL_ALIGN <= got; at += JOURNAL_ALIGN) {
        const uint8_t *payload = file + at + JOURNAL_BATCH_HEADER_SIZE;
        if (batch_header_decode(&h, file + at) == OK && at + batch_whole(&h) <= got &&
            batch_crc(file + at, header.salt, bytes_of(payload, h.payload_len)) == h.crc)
            count_batch(&found, &h);
    }
    return found;
}

static bool flew_together(const struct batches *b)
{
    return b->beside >= 5 && b->padded >= 5;
}

/* The last one holds, the one before it does not. */
static bool end_with_a_hole(const struct batches *b)
{
    return b->before + 2 == b->last;
}

/* Two batches are in flight; the process ends in the middle of the write that comes second. */
static void cut_in_flight(struct model *m, const struct made *made, unsigned steps)
{
    sim_disk_kill_at(m->disk, SIM_DISK_OP_WRITE, 2);
    append_entry(m, CROWD, made->ledgers[CROWD], BESIDE);
    model_steps(m, steps);
    append_entry(m, STRANGER, made->ledgers[STRANGER], BESIDE);
    while (!sim_disk_crashed(m->disk))
        assert_true(sim_step(m->sim));
    model_crash(m, MODEL_KILL);
}

static bool write_golden(uint64_t seed)
{
    struct model m;
    struct made made;

    asked = 0;
    model_init(&m, seed);
    m.options.journal_file_bytes = 128 * 1024;
    m.options.checkpoint_bytes = 1 << 20; /* when told to, and not before */
    must_open(&m);
    write_index(&m, &made);
    write_journal(&m, &made);
    cut_in_flight(&m, &made, seed % 12);
    const struct batches b = batches_of(sim_disk_get(m.disk), 1);
    const bool wanted = flew_together(&b) && end_with_a_hole(&b);
    if (wanted)
        golden_dump(sim_disk_get(m.disk));
    model_deinit(&m);
    return wanted;
}

static void it_is_written(void **state)
{
    for (uint64_t seed = 1; !write_golden(seed); seed++) /* in most worlds the second batch is the second written */
        assert_true(seed < 1000);
}

/* ---- reading it ---- */

static void expect_entry(struct model *m, struct position p, const struct entry_header *h, struct bytes bytes)
{
    struct entry e;

    assert_int_equal(model_read(m, p, &e), OK);
    assert_true(bytes_equal(slice_bytes(e.bytes), bytes));
    assert_int_equal(e.header.kind, h->kind);
    assert_int_equal(e.header.flags, h->flags);
    assert_int_equal(e.header.messages, h->messages);
    assert_int_equal(e.header.broker_ms, h->broker_ms);
    assert_int_equal(e.header.publish_ms, h->publish_ms);
    assert_int_equal(e.header.deliver_ms, h->deliver_ms);
    entry_unref(&e);
}

static void expect_entries(struct model *m, enum topic topic, const struct ledger_info *l, unsigned first,
                           unsigned count)
{
    char bytes[3000];

    assert_int_equal(l->entries, count);
    assert_int_equal(l->messages, MESSAGES * count);
    for (unsigned i = 0; i < count; i++) {
        const struct entry_header h = header_of(topic, first + i);
        entry_bytes(bytes, topic, first + i);
        expect_entry(m, (struct position){(int64_t)l->id, i}, &h, bytes_of(bytes, entry_len(topic)));
    }
}

struct found {
    const struct catalog_row *topic;
    const struct ledger_info *chain;
    size_t ledgers;
    struct cursor *cursor;
};

static const struct catalog_row *must_find(struct model *m, enum catalog_table table, uint64_t parent, const char *name)
{
    const struct catalog_row *row = catalog_find(m->store, table, parent, bytes_of_text(name));

    assert_non_null(row);
    assert_true(bytes_equal(row->value, bytes_of_text("golden")));
    return row;
}

static struct found find(struct model *m, enum topic topic)
{
    const uint64_t tenant = must_find(m, CATALOG_TENANT, 0, "public")->id;
    const uint64_t space = must_find(m, CATALOG_NAMESPACE, tenant, "default")->id;
    struct found f;
    char name[80];

    topic_name(name, topic);
    f.topic = must_find(m, CATALOG_TOPIC, space, name);
    f.chain = store_chain(m->store, f.topic->id, &f.ledgers);
    f.cursor = cursor_find(m->store, must_find(m, CATALOG_SUBSCRIPTION, f.topic->id, "reader")->id);
    assert_non_null(f.cursor);
    cursor_check(f.cursor);
    return f;
}

static void expect_left(const struct found *f, int64_t entry, uint64_t expected)
{
    uint64_t left[CURSOR_LEFT_WORDS];
    const uint32_t words = cursor_left(f->cursor, (struct position){(int64_t)f->chain[0].id, entry}, left);

    assert_int_equal(words, expected ? 1 : 0);
    assert_true(words == 0 || left[0] == expected);
}

static void expect_parts(struct model *m)
{
    struct found f = find(m, PARTIAL);
    uint64_t backlog = MESSAGES * (ENTRIES - 2);

    expect_entries(m, PARTIAL, &f.chain[0], 0, ENTRIES);
    for (int64_t e = 0; e < ENTRIES; e++) {
        const struct position p = {(int64_t)f.chain[0].id, e};
        const uint64_t left = e == 4 ? 1 << 19 : e == 9 ? 1 : e == 12 ? 0 : left_of(e);
        expect_left(&f, e, left);
        backlog -= left ? MESSAGES - (uint64_t)__builtin_popcountll(left) : 0;
        assert_int_equal(cursor_acked(f.cursor, p), e == 7 || e == 12);
        assert_int_equal(cursor_redeliveries(f.cursor, p), e == 6 || e == 9 ? 1 : 0);
    }
    assert_int_equal(cursor_backlog_messages(f.cursor), backlog);
    f = find(m, MOVED);
    assert_int_equal(cursor_mark_delete(f.cursor).entry, 9);
    expect_left(&f, 10, 0xffff0);
    assert_int_equal(cursor_backlog_messages(f.cursor), MESSAGES * (ENTRIES - 10) - 4);
    assert_null(catalog_find(m->store, CATALOG_SUBSCRIPTION, f.topic->id, bytes_of_text("gone")));
}

static void expect_delays(struct model *m)
{
    const struct found f = find(m, DELAYED);

    assert_int_equal(f.ledgers, 3);
    for (unsigned i = 0; i < 3; i++) {
        const bool some = i != 1;
        expect_entries(m, DELAYED, &f.chain[i], some ? 0 : 20, ENTRIES);
        assert_int_equal(f.chain[i].deliver_ms_max, some ? 2000000012000 : 0);
        assert_int_equal(f.chain[i].delayed_first, some ? 5 : 0);
        assert_int_equal(f.chain[i].delayed_last, some ? 12 : 0);
    }
}

/* It has one ledger, with `passed` messages before it. */
static void expect_view(struct model *m, enum topic topic, uint64_t passed)
{
    const struct found f = find(m, topic);
    const struct catalog_row *row = catalog_find(m->store, CATALOG_SUBSCRIPTION, f.topic->id, bytes_of_text(VIEW_NAME));
    uint8_t bytes[VIEW_ENTRY_LEN];
    size_t count;
    const struct ledger_info *view = store_chain(m->store, row->id, &count);
    assert_int_equal(count, 1);
    assert_int_equal(view->entries, VIEW);
    assert_int_equal(view->first_message, passed);
    for (unsigned n = 0; n < VIEW; n++) {
        view_bytes(bytes, f.chain[0].id, n);
        expect_entry(m, (struct position){(int64_t)view->id, n}, &view_header, bytes_of(bytes, sizeof bytes));
    }
    expect_entries(m, topic, &f.chain[0], 0, ENTRIES);
}

/* Without what nobody was promised. */
static void expect_beside(struct model *m)
{
    const struct found crowd = find(m, CROWD), stranger = find(m, STRANGER);

    expect_entries(m, CROWD, &crowd.chain[0], 0, BESIDE);
    expect_entries(m, STRANGER, &stranger.chain[0], 0, BESIDE);
    assert_int_equal(stranger.chain[0].delayed_first, 1);
    assert_int_equal(stranger.chain[0].delayed_last, BESIDE - 1);
}

static void expect_golden(struct model *m)
{
    expect_parts(m);
    expect_delays(m);
    expect_view(m, DELAYED, 0);
    expect_view(m, COMPACTED, VIEW);
    expect_beside(m);
}

static void load(struct model *m)
{
    model_init(m, 1);
    golden_load(sim_disk_get(m->disk));
}

static void a_directory_of_format_3_is_read_whole(void **state)
{
    struct model m;
    unsigned version;

    load(&m);
    assert_int_equal(format_read(sim_disk_get(m.disk), &version), OK);
    assert_int_equal(version, 3);
    must_open(&m);
    expect_golden(&m);
    assert_true(model_close(&m));
    must_open(&m);
    expect_golden(&m);
    model_deinit(&m);
}

static void a_store_goes_on_in_it(void **state)
{
    struct model m;

    load(&m);
    must_open(&m);
    struct made made;
    for (enum topic t = 0; t < TOPICS; t++) {
        const struct found f = find(&m, t);
        made.topics[t] = f.topic->id;
        made.cursors[t] = f.cursor;
        assert_int_equal(ledger_create(m.store, made.topics[t], &made.ledgers[t]), OK);
        append_entries(&m, t, made.ledgers[t], 10);
    }
    ack_part(&made, PARTIAL, 3, 0xff);
    ask_again(&made, PARTIAL, 3);
    assert_true(model_close(&m));
    must_open(&m);
    for (enum topic t = 0; t < TOPICS; t++) {
        const struct found f = find(&m, t);
        expect_entries(&m, t, &f.chain[f.ledgers - 1], 0, 10);
    }
    const struct position p = {(int64_t)made.ledgers[PARTIAL], 3};
    uint64_t left[CURSOR_LEFT_WORDS];
    assert_int_equal(cursor_left(find(&m, PARTIAL).cursor, p, left), 1);
    assert_int_equal(left[0], 0xff);
    assert_int_equal(cursor_redeliveries(find(&m, PARTIAL).cursor, p), 1);
    model_deinit(&m);
}

static void damage_found(struct damage_sink *sink, const struct damage *d)
{
    char text[DAMAGE_TEXT_SIZE];

    damage_text(d, text);
    print_message("%s\n", text);
}

static void it_is_sound_and_ends_with_a_tear(void **state)
{
    struct model m;
    struct damage_sink sink = {.found = damage_found};
    struct verify_report report;

    load(&m);
    assert_int_equal(store_verify(&m.options, sim_host_sys(m.host), &sink, &report, m.message, sizeof m.message), OK);
    assert_int_equal(report.damages, 0);
    assert_int_equal(report.format, 3);
    assert_true(report.torn);
    assert_int_equal(report.entries, 5 * ENTRIES + VIEW); /* in segments */
    model_deinit(&m);
}

static void some_of_its_batches_were_in_flight_together(void **state)
{
    struct model m;

    load(&m);
    const struct batches b = batches_of(sim_disk_get(m.disk), 1);
    assert_true(flew_together(&b));
    assert_true(end_with_a_hole(&b));
    model_deinit(&m);
}

/* Lines that were told, and how many of them have what is looked for. */
struct told {
    struct inspect_out out;
    const char *wanted, *also;
    unsigned lines, found;
};

static void count_line(struct inspect_out *out, const char *text)
{
    struct told *t = (struct told *)out;

    t->lines++;
    t->found += strstr(text, t->wanted) && strstr(text, t->also);
}

/* How many lines of the whole directory have both. */
static unsigned inspected(const char *wanted, const char *also)
{
    struct told t = {.out = {.line = count_line, .json = true}, .wanted = wanted, .also = also};
    struct damage_sink sink = {.found = damage_found};
    struct model m;

    load(&m);
    assert_int_equal(store_inspect(&m.options, sim_host_sys(m.host), &t.out, &sink, m.message, sizeof m.message), OK);
    assert_int_equal(sink.count, 0);
    model_deinit(&m);
    return t.found;
}

static void it_is_told_what_waits_and_what_is_acknowledged_in_part(void **state)
{
    const char *const delays = "\"delayed_first\":5,\"delayed_last\":12,\"deliver_ms_max\":2000000012000";

    assert_int_equal(inspected("\"partly_acknowledged\":13,\"redelivered\":2}", "golden-0"), 1);
    assert_int_equal(inspected("\"partly_acknowledged\":1,\"redelivered\":0}", "golden-1"), 1);
    assert_int_equal(inspected(delays, "golden-2"), 2);
    assert_int_equal(inspected("\"subscription\":\"__compaction\"", "\"kind\":\"ledger\""), 2);
}

static void entries_are_taken_out_with_their_times_and_those_of_compacted_views_too(void **state)
{
    const struct export_request all = {.to = {INT64_MAX, INT64_MAX}};
    struct told delayed = {.out.line = count_line, .wanted = "\"deliver_ms\":20000000", .also = "golden-2"};
    struct damage_sink sink = {.found = damage_found};
    struct export_report report;
    struct model m;

    load(&m);
    assert_int_equal(
        store_export(&m.options, sim_host_sys(m.host), &all, &delayed.out, &sink, &report, m.message, sizeof m.message),
        OK);
    assert_int_equal(sink.count, 0);
    assert_int_equal(report.entries, 6 * ENTRIES + 2 * VIEW + 2 * BESIDE);
    assert_int_equal(delayed.found, 2 * 8);
    model_deinit(&m);
}

static void a_batch_behind_one_that_is_missing_is_told(void **state)
{
    struct told t = {.out = {.line = count_line, .json = true}, .wanted = "\"sound\":true", .also = "\"unproved\":1"};
    char message[200];
    struct model m;

    load(&m);
    const struct batches b = batches_of(sim_disk_get(m.disk), 1);
    assert_int_equal(
        store_inspect_file(sim_host_sys(m.host), "journal/00000001.journal", &t.out, message, sizeof message), OK);
    assert_int_equal(t.lines, 1 + b.whole + 1);
    assert_in_range(t.found, 1, b.beside);
    model_deinit(&m);
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
        if (model_open(&m) == OK && !sim_disk_crashed(m.disk)) /* it may end with what may fail */
            expect_golden(&m);
        model_crash(&m, MODEL_POWER);
        must_open(&m);
        expect_golden(&m);
        model_deinit(&m);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_of_format_3_is_read_whole),
        cmocka_unit_test(a_store_goes_on_in_it),
        cmocka_unit_test(it_is_sound_and_ends_with_a_tear),
        cmocka_unit_test(some_of_its_batches_were_in_flight_together),
        cmocka_unit_test(it_is_told_what_waits_and_what_is_acknowledged_in_part),
        cmocka_unit_test(entries_are_taken_out_with_their_times_and_those_of_compacted_views_too),
        cmocka_unit_test(a_batch_behind_one_that_is_missing_is_told),
        cmocka_unit_test(a_power_cut_at_any_operation_of_its_recovery_leaves_all_of_it),
    };

    return golden_main(argc, argv, "store: golden directory of format 3", it_is_written, tests);
}
