/* SPDX-License-Identifier: Apache-2.0
 *
 * reader_test.c - cold reads through the calls of store.h, on the simulated disk.
 */
#include "base/base_test.h"
#include "store/store_model.h"

#include "store/segment.h"
#include "store/store_private.h"
#include "sys/disk.h"

#include <stdlib.h>

#define BACKLOG 3000
#define LEN     1000

/* One who reads on from a position as dispatch does: what is in memory, else a read at a time. */
struct drain {
    struct model *model;
    struct store_read read;
    struct position at;
    int64_t until;
    uint64_t entries, waits;
    bool waiting, failed;
};

static void drain_take(struct drain *d, struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].position.entry, d->at.entry);
        assert_int_equal(entries[i].bytes.len, LEN);
        d->at.entry++;
        d->entries++;
        entry_unref(&entries[i]);
    }
}

static void drain_read(struct store_read *read, enum err err)
{
    struct drain *d = container_of(read, struct drain, read);

    d->waiting = false;
    d->failed = err != OK;
    if (err == OK)
        drain_take(d, read->entries, read->count);
}

/* One turn. */
static void drain_turn(struct drain *d)
{
    struct entry entries[50];

    if (d->waiting || d->failed || d->at.entry >= d->until)
        return;
    size_t count = ledger_peek(d->model->store, d->at, 50, 1 << 20, entries);
    drain_take(d, entries, count);
    if (count > 0)
        return;
    d->waiting = true;
    d->waits++;
    d->read = (struct store_read){.done = drain_read, .from = d->at, .max = 50, .bytes_max = 1 << 20};
    ledger_read(d->model->store, &d->read);
}

/* All of them in turn; the world takes a step when somebody waits for it (or else its clock would run ahead). */
static void drain_all(struct model *m, struct drain *d, size_t count)
{
    bool busy = true, waiting;

    while (busy) {
        busy = waiting = false;
        for (size_t i = 0; i < count; i++) {
            drain_turn(&d[i]);
            busy |= !d[i].failed && d[i].at.entry < d[i].until;
            waiting |= d[i].waiting;
        }
        if (waiting)
            model_steps(m, 1);
    }
}

/* A ledger of BACKLOG entries, none of them in memory. */
static int64_t backlog_open(struct model *m)
{
    size_t count;

    model_init(m, 1);
    m->options.adopt_percent = 101; /* all in segments */
    m->options.cold_read_bytes = 4 << 20;
    m->options.tail_cache_bytes = 100000;
    m->options.checkpoint_bytes = 16 << 20; /* one, at the end: one segment */
    assert_int_equal(model_open(m), OK);
    model_create_topics(m);
    for (int i = 0; i < BACKLOG; i++) {
        model_append(m, 0, LEN);
        if (i % 500 == 0)
            model_settle(m);
    }
    model_settle(m);
    assert_true(model_close(m));
    assert_int_equal(model_open(m), OK);
    return (int64_t)store_chain(m->store, m->topics[0].id, &count)->id;
}

static struct store_stats stats_of(const struct model *m)
{
    struct store_stats stats;

    store_stats(m->store, &stats);
    return stats;
}

static void one_who_reads_on_finds_most_of_it_in_memory(void **state)
{
    struct model m;
    const int64_t ledger = backlog_open(&m);
    struct drain d = {.model = &m, .at = {ledger, 0}, .until = BACKLOG};

    drain_all(&m, &d, 1);
    assert_int_equal(d.entries, BACKLOG);
    const struct store_stats stats = stats_of(&m);
    assert_int_equal(stats.cold_hits, BACKLOG);
    assert_true(stats.cold_reads < BACKLOG * LEN / (128 * 1024)); /* windows grow */
    assert_true(stats.cold_read_bytes < (BACKLOG + 1000) * (LEN + 100));
    model_deinit(&m);
}

static void two_at_the_same_place_share_what_is_read(void **state)
{
    struct model m;
    const int64_t ledger = backlog_open(&m);
    struct drain one = {.model = &m, .at = {ledger, 0}, .until = BACKLOG};

    drain_all(&m, &one, 1);
    const uint64_t alone = stats_of(&m).cold_reads;
    model_deinit(&m);
    const int64_t again = backlog_open(&m);
    struct drain both[2] = {{.model = &m, .at = {again, 0}, .until = BACKLOG},
                            {.model = &m, .at = {again, 0}, .until = BACKLOG}};
    drain_all(&m, both, 2);
    assert_int_equal(both[1].entries, BACKLOG);
    assert_true(stats_of(&m).cold_reads <= alone + 2);
    model_deinit(&m);
}

static void many_readers_get_on_side_by_side_within_the_budget(void **state)
{
    struct model m;
    const int64_t ledger = backlog_open(&m);
    struct drain d[24];

    for (int i = 0; i < 24; i++)
        d[i] = (struct drain){.model = &m, .at = {ledger, i * 120}, .until = BACKLOG};
    for (int64_t part = BACKLOG / 10; part <= BACKLOG; part += BACKLOG / 10) {
        for (int i = 0; i < 24; i++)
            d[i].until = part;
        drain_all(&m, d, 24);
        assert_true(stats_of(&m).cold_bytes <= 5 << 20);
    }
    for (int i = 0; i < 24; i++)
        assert_false(d[i].failed);
    model_deinit(&m);
}

static const struct model_append *last_of(const struct model *m)
{
    const struct model_append *a = m->appends;

    while (a->next)
        a = a->next;
    return a;
}

static void a_cold_reader_leaves_the_tail_in_memory(void **state)
{
    struct model m;
    const int64_t ledger = backlog_open(&m);
    struct drain cold = {.model = &m, .at = {ledger, 0}, .until = BACKLOG};
    struct entry e;

    for (int i = 0; i < 50; i++)
        model_append(&m, 1, LEN);
    model_settle(&m);
    const struct position tail = last_of(&m)->position;
    const struct store_stats before = stats_of(&m);
    drain_all(&m, &cold, 1);
    assert_int_equal(stats_of(&m).cache_hits, before.cache_hits);
    assert_int_equal(stats_of(&m).tail_cache_bytes, before.tail_cache_bytes);
    for (int64_t i = tail.entry - 49; i <= tail.entry; i++) {
        assert_int_equal(ledger_peek(m.store, (struct position){tail.ledger, i}, 1, 1 << 20, &e), 1);
        entry_unref(&e);
    }
    assert_true(stats_of(&m).cache_hits >= 50);
    model_deinit(&m);
}

/* The most loads that are under way at a time in a drain. */
static size_t most_loads(bool publishing)
{
    struct model m;
    const int64_t ledger = backlog_open(&m);
    struct drain d = {.model = &m, .at = {ledger, 0}, .until = BACKLOG};
    size_t most = 0;

    if (publishing) {
        model_append(&m, 1, 100);
        model_run_ms(&m, 100);
    }
    while (d.at.entry < d.until) {
        size_t loads = 0;
        drain_turn(&d);
        for (size_t i = 0; i < READER_WORKERS; i++)
            loads += m.store->reader.workers[i].loads;
        most = loads > most ? loads : most;
        if (publishing)
            model_append(&m, 1, 100);
        if (d.waiting)
            model_steps(&m, 1);
    }
    model_deinit(&m);
    return most;
}

static void the_next_loads_are_under_way_beside_the_one_that_is_waited_for(void **state)
{
    assert_true(most_loads(false) > READER_WORKERS); /* each has one, and one to go on with */
}

static void while_entries_are_published_there_is_one_load_at_a_time(void **state)
{
    assert_int_equal(most_loads(true), 1);
}

/* What the first load of a reader asks the disk for at once, after a publish of `len` bytes. */
static size_t at_once_beside(size_t len)
{
    struct model m;
    const int64_t ledger = backlog_open(&m);
    struct drain d = {.model = &m, .at = {ledger, 0}, .until = BACKLOG};

    model_append(&m, 1, len);
    model_run_ms(&m, 100);
    drain_turn(&d);
    struct tree_node *first = tree_first(&m.store->reader.windows.tree);
    assert_non_null(first);
    const size_t at_once = container_of(first, struct cold_window, node)->load.at_once;
    drain_all(&m, &d, 1);
    model_deinit(&m);
    return at_once;
}

static void while_little_is_published_a_load_asks_the_disk_for_little_at_once(void **state)
{
    assert_int_equal(at_once_beside(100), 128 << 10);
}

static void while_much_is_published_a_load_asks_the_disk_for_as_much_at_once(void **state)
{
    assert_in_range(at_once_beside(400 << 10), 400 << 10, 404 << 10);
}

static void what_was_read_goes_from_memory_and_files_are_closed_when_nobody_reads_on(void **state)
{
    struct model m;
    const int64_t ledger = backlog_open(&m);
    struct drain d = {.model = &m, .at = {ledger, 0}, .until = 100};

    drain_all(&m, &d, 1);
    assert_true(stats_of(&m).cold_bytes > 0);
    model_settle(&m);
    assert_int_equal(stats_of(&m).cold_bytes, 0);
    d = (struct drain){.model = &m, .at = {ledger, 0}, .until = BACKLOG};
    drain_all(&m, &d, 1);
    assert_int_equal(d.entries, BACKLOG);
    model_deinit(&m);
}

static void a_damaged_entry_ends_the_window_before_it_and_fails_only_those_who_ask_for_it(void **state)
{
    struct model m;
    const int64_t ledger = backlog_open(&m);
    const uint64_t offset = SEGMENT_HEADER_SIZE + 200 * (ENTRY_HEADER_SIZE + LEN) + ENTRY_HEADER_SIZE + 77;
    struct drain d = {.model = &m, .at = {ledger, 0}, .until = BACKLOG};

    assert_true(sim_disk_flip(m.disk, "segments/0000000000000001.segment", offset * 8 + 3));
    drain_all(&m, &d, 1);
    assert_true(d.failed);
    assert_int_equal(d.entries, 200);
    d = (struct drain){.model = &m, .at = {ledger, 201}, .until = BACKLOG};
    drain_all(&m, &d, 1);
    assert_int_equal(d.entries, BACKLOG - 201);
    model_deinit(&m);
}

static void reads_go_on_while_checkpoints_move_the_entries(void **state)
{
    struct model m;
    size_t count;

    model_init(&m, 3);
    m.options.cold_read_bytes = 1 << 20;
    m.options.tail_cache_bytes = 5000;
    m.options.checkpoint_bytes = 200000;
    assert_int_equal(model_open(&m), OK);
    model_create_topics(&m);
    for (int i = 0; i < 10; i++)
        model_append(&m, 0, LEN);
    model_settle(&m);
    const int64_t ledger = (int64_t)store_chain(m.store, m.topics[0].id, &count)->id;
    struct drain d = {.model = &m, .at = {ledger, 0}, .until = 0};
    for (int i = 10; i < 1500; i++) {
        model_append(&m, 0, LEN);
        model_steps(&m, 5);
        d.until = ledger_synced_end(m.store, (uint64_t)ledger) / 2;
        drain_turn(&d);
        assert_false(d.failed);
    }
    drain_all(&m, &d, 1);
    assert_true((int64_t)d.entries >= d.until);
    assert_true(stats_of(&m).checkpoints > 3);
    model_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_who_reads_on_finds_most_of_it_in_memory),
        cmocka_unit_test(two_at_the_same_place_share_what_is_read),
        cmocka_unit_test(many_readers_get_on_side_by_side_within_the_budget),
        cmocka_unit_test(a_cold_reader_leaves_the_tail_in_memory),
        cmocka_unit_test(the_next_loads_are_under_way_beside_the_one_that_is_waited_for),
        cmocka_unit_test(while_entries_are_published_there_is_one_load_at_a_time),
        cmocka_unit_test(while_little_is_published_a_load_asks_the_disk_for_little_at_once),
        cmocka_unit_test(while_much_is_published_a_load_asks_the_disk_for_as_much_at_once),
        cmocka_unit_test(what_was_read_goes_from_memory_and_files_are_closed_when_nobody_reads_on),
        cmocka_unit_test(a_damaged_entry_ends_the_window_before_it_and_fails_only_those_who_ask_for_it),
        cmocka_unit_test(reads_go_on_while_checkpoints_move_the_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
