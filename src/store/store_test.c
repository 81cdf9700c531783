/* SPDX-License-Identifier: Apache-2.0
 *
 * store_test.c - the calls of store.h and cursor.h, one behaviour each, on the simulated disk.
 */
#include "base/base_test.h"
#include "store/store_model_asserts.h"

#include "store/journal_file.h"
#include "store/segment.h"
#include "store/store_private.h"
#include "sys/disk.h"

#include <stdio.h>
#include <stdlib.h>

static const struct ledger_info *last_ledger(struct model *m, unsigned topic)
{
    size_t count;
    const struct ledger_info *chain = store_chain(m->store, m->topics[topic].id, &count);

    assert_true(count > 0);
    return &chain[count - 1];
}

static void append_and_settle(struct model *m, unsigned topic, unsigned n, size_t len)
{
    for (unsigned i = 0; i < n; i++)
        model_append(m, topic, len);
    model_settle(m);
}

/* ---- entries ---- */

static void entries_are_peeked_in_order_once_they_are_synced(void **state)
{
    struct model m;
    struct entry out[10];

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 5; i++)
        model_append(&m, 0, 100);
    const uint64_t ledger = last_ledger(&m, 0)->id;
    assert_int_equal(ledger_peek(m.store, (struct position){(int64_t)ledger, 0}, 10, 100000, out), 0);
    assert_int_equal(ledger_synced_end(m.store, ledger), -1);

    model_settle(&m);
    assert_int_equal(ledger_synced_end(m.store, ledger), 4);
    assert_int_equal(ledger_peek(m.store, (struct position){(int64_t)ledger, 1}, 10, 100000, out), 4);
    uint64_t next = out[0].header.first_message;
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(out[i].position.entry, i + 1);
        assert_int_equal(out[i].header.first_message, next);
        next += out[i].header.messages;
        entry_unref(&out[i]);
    }
    assert_int_equal(ledger_peek(m.store, (struct position){(int64_t)ledger, 0}, 10, 250, out), 2);
    entry_unref(&out[0]);
    entry_unref(&out[1]);
    model_deinit(&m);
}

static void an_entry_is_read_from_cache_journal_and_segment_alike(void **state)
{
    struct model m;
    struct entry e;
    struct store_stats stats;

    model_init(&m, 1);
    m.options.tail_cache_bytes = 3000;
    m.options.checkpoint_bytes = 1 << 20;
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 20, 1000);
    const struct position first = {(int64_t)last_ledger(&m, 0)->id, 0}, last = {first.ledger, 19};

    assert_int_equal(model_read(&m, last, &e), OK);
    entry_unref(&e);
    store_stats(m.store, &stats);
    assert_int_equal(stats.cold_reads, 0);
    assert_int_equal(model_read(&m, first, &e), OK); /* evicted: from the journal */
    assert_int_equal(e.bytes.len, 1000);
    entry_unref(&e);
    store_stats(m.store, &stats);
    assert_int_equal(stats.cold_reads, 1);
    assert_int_equal(stats.checkpoints, 0);
    assert_true(stats.tail_cache_bytes <= 3000);

    assert_true(model_close(&m));
    must_open(&m);
    assert_int_equal(model_read(&m, first, &e), OK); /* from its segment */
    assert_int_equal(e.bytes.len, 1000);
    entry_unref(&e);
    assert_int_equal(model_read(&m, (struct position){first.ledger, 20}, &e), ERR_NOT_FOUND);
    assert_int_equal(model_read(&m, (struct position){first.ledger + 7, 0}, &e), ERR_NOT_FOUND);
    model_deinit(&m);
}

static void appended(struct append *append, enum err err)
{
    assert_int_equal(err, OK);
}

static void append_plainly(struct model *m, uint64_t ledger)
{
    static const uint8_t bytes[1000] = {7};
    const struct entry_header header = {.messages = 1};
    struct append append = {.done = appended};

    assert_int_equal(
        ledger_append(m->store, ledger, &header, (struct slice){.data = bytes, .len = sizeof bytes}, &append), OK);
    model_settle(m);
}

static void entries_are_kept_in_memory_while_their_topic_has_a_cursor(void **state)
{
    struct model m;
    struct entry e;
    struct store_stats stats;
    struct cursor *reader;
    uint64_t ledger;

    model_init(&m, 1);
    must_open(&m);
    assert_int_equal(ledger_create(m.store, 4711, &ledger), OK);
    append_plainly(&m, ledger);
    store_stats(m.store, &stats);
    assert_int_equal(stats.tail_cache_bytes, 0);
    assert_int_equal(model_read(&m, (struct position){(int64_t)ledger, 0}, &e), OK);
    assert_int_equal(e.bytes.len, 1000);
    entry_unref(&e);
    store_stats(m.store, &stats);
    assert_int_equal(stats.cold_reads, 1);

    assert_int_equal(cursor_new_volatile(m.store, 4711, POSITION_LATEST, 0, &reader), OK);
    append_plainly(&m, ledger);
    assert_int_equal(model_read(&m, (struct position){(int64_t)ledger, 1}, &e), OK);
    entry_unref(&e);
    store_stats(m.store, &stats);
    assert_int_equal(stats.cold_reads, 1);
    assert_true(stats.tail_cache_bytes >= 1000);
    cursor_free_volatile(reader);
    append_plainly(&m, ledger);
    store_stats(m.store, &stats);
    assert_int_equal(stats.tail_cache_bytes, 0);
    model_deinit(&m);
}

static void ledgers_are_closed_by_a_restart_and_never_take_more(void **state)
{
    struct model m;
    const struct entry_header header = {.messages = 1};
    struct append a = {0};
    uint64_t id;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 3, 50);
    id = last_ledger(&m, 0)->id;
    assert_true(last_ledger(&m, 0)->open);
    assert_int_equal(ledger_create(m.store, m.topics[0].id, &id), ERR_BUSY); /* one is open */
    model_crash(&m, MODEL_KILL);
    must_open(&m);
    const struct ledger_info info = *last_ledger(&m, 0);
    assert_false(info.open);
    assert_true(info.closed_ms > 0);
    assert_int_equal(info.entries, 3);
    assert_int_equal(info.messages, 1 + 2 + 3);
    assert_int_equal(info.bytes, 150);
    assert_int_equal(ledger_append(m.store, info.id, &header, (struct slice){0}, &a), ERR_FENCED);
    assert_int_equal(ledger_create(m.store, m.topics[0].id, &id), OK);
    assert_true(id > info.id);
    assert_int_equal(last_ledger(&m, 0)->first_message, 6); /* dense, over the restart */
    model_deinit(&m);
}

static void an_entry_over_the_bound_is_refused(void **state)
{
    struct model m;
    const struct entry_header header = {.messages = 1};
    struct append a = {0};
    const struct slice big = {.data = NULL, .len = 64 * 1024 * 1024 + 1};

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    model_append(&m, 0, 10);
    assert_int_equal(ledger_append(m.store, last_ledger(&m, 0)->id, &header, big, &a), ERR_TOO_LARGE);
    model_deinit(&m);
}

static void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void a_full_queue_refuses_and_tells_when_there_is_room(void **state)
{
    struct model m;
    unsigned rooms = 0;
    uint64_t before;

    model_init(&m, 1);
    m.options.checkpoint_bytes = 64 << 20;
    m.options.journal_file_bytes = 128 << 20;
    must_open(&m);
    store_on_room(m.store, count_call, &rooms);
    model_create_topics(&m);
    assert_true(store_has_room(m.store));
    do {
        before = m.append_count;
        model_append(&m, 0, 1 << 20);
    } while (m.append_count > before);
    assert_false(store_has_room(m.store));
    assert_true(m.append_count >= 30 && m.append_count < 40); /* 32 MiB, and the one that passes it */
    assert_int_equal(rooms, 0);
    model_settle(&m);
    assert_int_equal(rooms, 1);
    assert_true(store_has_room(m.store));
    for (const struct model_append *a = m.appends; a; a = a->next)
        assert_true(a->done);
    model_deinit(&m);
}

static void an_idle_store_seals_its_journal_and_then_nothing_happens_any_more(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 1, 100); /* returns: no timer is left */
    store_stats(m.store, &stats);
    const uint64_t syncs = stats.syncs;
    const uint64_t operations = sim_disk_ops(m.disk, SIM_DISK_ALL);
    assert_false(sim_step(m.sim));
    append_and_settle(&m, 0, 1, 100);
    store_stats(m.store, &stats);
    assert_int_equal(stats.syncs, syncs + 2);                             /* the batch and its seal */
    assert_int_equal(sim_disk_ops(m.disk, SIM_DISK_ALL) - operations, 4); /* two writes, two syncs */
    model_deinit(&m);
}

static void appends_of_one_turn_share_one_sync(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    model_settle(&m);
    store_stats(m.store, &stats);
    const uint64_t syncs = stats.syncs;
    for (unsigned i = 0; i < 50; i++)
        model_append(&m, i % MODEL_TOPICS, 100);
    model_settle(&m);
    store_stats(m.store, &stats);
    assert_int_equal(stats.appended_entries, 50);
    assert_int_equal(stats.syncs, syncs + 2); /* and the seal */
    model_deinit(&m);
}

/* ---- failures ---- */

static void a_failed_write_fails_what_was_queued_and_fences_its_ledgers_only(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 2, 100);
    append_and_settle(&m, 1, 1, 100);
    const uint64_t ledger = m.topics[0].ledger, other = m.topics[1].ledger;
    model_put(&m, 2);
    const uint64_t version = m.topics[2].version;
    model_append(&m, 0, 100);
    model_append(&m, 0, 100);
    sim_disk_fail(m.disk, SIM_DISK_WRITE, 1, ERR_IO);
    model_settle(&m);

    assert_int_equal(m.fatals, 0);
    unsigned failed = 0;
    for (const struct model_append *a = m.appends; a; a = a->next)
        failed += a->failed;
    assert_int_equal(failed, 2);
    assert_int_equal(last_ledger(&m, 0)->entries, 2);
    model_append(&m, 0, 100); /* refused: the model closes the ledger */
    assert_int_equal(m.topics[0].ledger, 0);
    assert_int_equal(last_ledger(&m, 0)->id, ledger);
    append_and_settle(&m, 0, 1, 100);
    append_and_settle(&m, 1, 1, 100);
    assert_int_equal(m.topics[1].ledger, other); /* not fenced */

    model_crash(&m, MODEL_POWER);
    must_open(&m);
    model_verify(&m);
    assert_int_equal(m.topics[2].version, version); /* the row was written at the second attempt */
    model_deinit(&m);
}

static void a_failed_sync_ends_the_process(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    model_settle(&m);
    model_append(&m, 0, 100);
    sim_disk_fail(m.disk, SIM_DISK_SYNC, 1, ERR_IO);
    while (m.fatals == 0)
        assert_true(sim_step(m.sim));
    assert_false(m.appends->done);
    while (sim_step(m.sim)) /* nothing is promised after it, and nothing is tried again */
        ;
    assert_int_equal(m.fatals, 1);
    assert_false(m.appends->done || m.appends->failed);
    model_deinit(&m);
}

/* A store in a world with a ring, behind its first batches. */
static void begin_with_ring(struct model *m, uint64_t seed)
{
    model_init(m, seed);
    assert_non_null(sim_host_sys(m->host)->ring);
    must_open(m);
    model_create_topics(m);
    append_and_settle(m, 0, 1, 100);
}

static const struct model_append *last_append(const struct model *m)
{
    const struct model_append *a = m->appends;

    while (a->next)
        a = a->next;
    return a;
}

static uint64_t ring_batches(const struct model *m)
{
    struct store_stats stats;

    store_stats(m->store, &stats);
    return stats.ring_batches;
}

static void small_batches_are_written_by_the_ring_and_large_ones_are_not(void **state)
{
    struct model m;

    begin_with_ring(&m, 2);
    append_and_settle(&m, 0, 16, 100);
    const uint64_t small = ring_batches(&m);
    assert_in_range(small, 1, 40);
    for (unsigned i = 0; i < 12; i++) {
        model_append(&m, 0, 4000);
        model_append(&m, 1, 40000);
        while (!last_append(&m)->done)
            assert_true(sim_step(m.sim));
    }
    model_settle(&m);
    assert_in_range(ring_batches(&m), small, small + 8); /* rows, seals: none of these */
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    model_verify(&m);
    model_deinit(&m);
}

/* Seed by seed, until a batch that the ring was to write has met the fault. */
static void a_failed_write_of_the_ring_ends_the_process_as_a_failed_sync_does(void **state)
{
    unsigned ended = 0;

    for (uint64_t seed = 2; seed < 40; seed += 2) {
        struct model m;
        begin_with_ring(&m, seed);
        model_append(&m, 0, 100);
        sim_disk_fail(m.disk, SIM_DISK_WRITE, 1, ERR_IO);
        model_settle(&m);
        assert_false(last_append(&m)->done);
        assert_int_equal(last_append(&m)->failed, m.fatals == 0); /* by a worker, which knows what failed */
        ended += m.fatals;
        model_crash(&m, MODEL_POWER);
        must_open(&m);
        model_verify(&m);
        model_deinit(&m);
    }
    assert_in_range(ended, 8, 18);
}

static void where_the_ring_finds_no_room_the_publish_fails_and_the_store_goes_on(void **state)
{
    for (uint64_t seed = 2; seed < 20; seed += 2) {
        struct model m;
        begin_with_ring(&m, seed);
        model_append(&m, 0, 100);
        sim_disk_fail(m.disk, SIM_DISK_WRITE, 1, ERR_NOSPACE);
        model_settle(&m);
        assert_int_equal(m.fatals, 0);
        assert_true(last_append(&m)->failed);
        model_append(&m, 0, 100); /* refused: the model closes the ledger */
        append_and_settle(&m, 0, 3, 100);
        model_crash(&m, MODEL_POWER);
        must_open(&m);
        model_verify(&m);
        model_deinit(&m);
    }
}

static void a_full_disk_fails_publishes_and_still_takes_acknowledgements_and_deletions(void **state)
{
    struct model m;

    model_init(&m, 1);
    m.options.journal_file_bytes = 1 << 20;
    m.options.checkpoint_bytes = 1 << 19;
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 20, 4000);
    model_roll(&m, 0);
    append_and_settle(&m, 0, 20, 4000);
    model_barrier(&m);
    model_settle(&m);
    assert_true(model_close(&m));
    must_open(&m);
    model_append(&m, 1, 100);
    model_settle(&m);
    sim_disk_capacity(m.disk, sim_disk_used(m.disk));
    for (unsigned i = 0; i < 80; i++) {
        model_append(&m, 0, 30000);
        model_steps(&m, 20);
    }
    unsigned failed = 0;
    for (const struct model_append *a = m.appends; a; a = a->next)
        failed += a->failed;
    assert_true(failed > 0);
    assert_int_equal(m.fatals, 0);
    model_ack_cumulative(&m, 0, 19);
    model_trim(&m, 0);
    model_barrier(&m);
    model_steps(&m, 200);
    assert_int_equal(m.fatals, 0);
    assert_true(list_empty(&m.barriers)); /* durable, on a full disk */
    sim_disk_capacity(m.disk, UINT64_MAX);
    append_and_settle(&m, 0, 2, 4000); /* service resumes by itself */
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    model_verify(&m);
    model_deinit(&m);
}

static void changes_beyond_the_reserve_of_a_full_disk_wait_for_room(void **state)
{
    struct model m;

    model_init(&m, 1);
    m.options.journal_file_bytes = 64 * 1024;
    m.options.checkpoint_bytes = 1 << 20; /* nothing is moved out of the journal meanwhile */
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 2, 4000);
    sim_disk_capacity(m.disk, sim_disk_used(m.disk));
    for (unsigned i = 0; i < 600; i++) {
        model_put(&m, i % MODEL_TOPICS);
        model_barrier(&m);
        model_steps(&m, 10);
    }
    assert_int_equal(m.fatals, 0);
    assert_false(list_empty(&m.barriers)); /* some wait: the reserve is used up */
    sim_disk_capacity(m.disk, UINT64_MAX);
    model_settle(&m);
    assert_true(list_empty(&m.barriers));
    append_and_settle(&m, 0, 2, 4000);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    model_verify(&m);
    model_deinit(&m);
}

static void a_store_that_waits_for_room_takes_no_entries_and_gives_up_when_told_to_close(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 2, 4000);
    sim_disk_fail_from(m.disk, SIM_DISK_WRITE, 1, ERR_NOSPACE);
    model_append(&m, 0, 100); /* not even what is written ahead takes a batch */
    model_run_ms(&m, 5000);
    assert_int_equal(m.fatals, 0);
    const uint64_t appends = m.append_count;
    model_append(&m, 1, 100);
    assert_int_equal(m.append_count, appends);
    assert_false(model_close(&m));
    assert_int_equal(m.fatals, 1);
    sim_disk_fail(m.disk, 0, 0, OK);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    model_verify(&m);
    model_deinit(&m);
}

static void a_restart_on_a_full_disk_keeps_what_was_promised_in_the_journal_until_there_is_room(void **state)
{
    struct model m;
    struct store_stats stats;
    struct entry e;

    model_init(&m, 1);
    m.options.checkpoint_bytes = 128 * 1024;
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 10, 6000);
    model_ack(&m, 0, 3);
    model_barrier(&m);
    model_settle(&m);
    model_crash(&m, MODEL_KILL);
    sim_disk_capacity(m.disk, sim_disk_used(m.disk) + 20000); /* enough for the index, not for the entries */
    must_open(&m);
    store_stats(m.store, &stats);
    assert_int_equal(stats.recovered_entries, 10);
    assert_int_equal(stats.segment_files, 0);
    assert_true(cursor_acked(m.topics[0].cursor, m.appends->next->next->next->position));
    assert_int_equal(model_read(&m, m.appends->position, &e), OK);
    entry_unref(&e);
    model_append(&m, 1, 500); /* the journal goes on in the same file */
    model_barrier(&m);
    model_steps(&m, 100);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    store_stats(m.store, &stats);
    assert_int_equal(stats.recovered_entries, 11);
    sim_disk_capacity(m.disk, UINT64_MAX);
    model_settle(&m);
    store_stats(m.store, &stats);
    assert_int_equal(stats.checkpoints, 1); /* by itself */
    assert_true(stats.segment_files > 0);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    store_stats(m.store, &stats);
    assert_int_equal(stats.recovered_entries, 0);
    model_verify(&m);
    model_deinit(&m);
}

/* ---- catalog ---- */

static bool collect_name(void *ctx, const struct catalog_row *row)
{
    char *to = ctx;

    strncat(to, (const char *)row->name.data, row->name.len);
    strcat(to, " ");
    return true;
}

static void rows_are_found_by_name_and_survive_a_restart(void **state)
{
    struct model m;
    char names[64] = "";

    model_init(&m, 1);
    must_open(&m);
    const uint64_t tenant = store_id_new(m.store);
    const char *all[] = {"b", "c", "a"};
    for (unsigned i = 0; i < 3; i++) {
        const struct catalog_row row = {
            .id = store_id_new(m.store), .parent = tenant, .name = bytes_of_text(all[i]), .value = bytes_of_text("v")};
        assert_int_equal(catalog_put(m.store, CATALOG_NAMESPACE, &row), OK);
    }
    const struct catalog_row twice = {.id = store_id_new(m.store), .parent = tenant, .name = bytes_of_text("b")};
    assert_int_equal(catalog_put(m.store, CATALOG_NAMESPACE, &twice), ERR_EXISTS);
    assert_int_equal(catalog_remove(m.store, CATALOG_NAMESPACE, 12345), ERR_NOT_FOUND);
    const uint64_t last = store_id_new(m.store);
    assert_true(model_close(&m));
    must_open(&m);
    const struct catalog_row *row = catalog_find(m.store, CATALOG_NAMESPACE, tenant, bytes_of_text("c"));
    assert_non_null(row);
    assert_true(bytes_equal(row->value, bytes_of_text("v")));
    catalog_each(m.store, CATALOG_NAMESPACE, tenant, collect_name, names);
    assert_string_equal(names, "a b c ");
    assert_true(store_id_new(m.store) > last); /* ids are never given twice */
    model_deinit(&m);
}

static void removing_a_topic_removes_its_ledgers_cursors_and_segment_files(void **state)
{
    struct model m;
    struct store_stats stats;
    size_t count;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 40; i++)
        model_append(&m, i % MODEL_TOPICS, 3000);
    model_settle(&m);
    assert_true(model_close(&m));
    must_open(&m);
    store_stats(m.store, &stats);
    assert_true(stats.segment_files > 0);
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        model_remove(&m, i);
        assert_null(store_chain(m.store, m.topics[i].id, &count));
        assert_int_equal(count, 0);
    }
    model_barrier(&m);
    model_settle(&m);
    store_stats(m.store, &stats);
    assert_int_equal(stats.segment_files, 0);
    assert_int_equal(stats.segment_bytes, 0);
    assert_true(sim_disk_used(m.disk) < 900 * 1024); /* what is left: three journal files, the index */
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    model_verify(&m);
    model_deinit(&m);
}

static void never(struct append *a, enum err err)
{
    assert_int_equal(err, OK);
}

static void ledgers_of_a_subscription_outlive_crashes_and_go_with_its_row(void **state)
{
    static const uint8_t bytes[] = "compacted";
    const struct entry_header header = {.kind = ENTRY_DATA, .messages = 1};
    struct append appends[2] = {{.done = never}, {.done = never}};
    const struct ledger_info *chain;
    struct entry entry;
    struct model m;
    uint64_t first, second, owner;
    size_t count;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 3, 50);
    owner = m.topics[0].subscription;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t *id = i == 0 ? &first : &second;
        assert_int_equal(ledger_create(m.store, owner, id), OK);
        assert_int_equal(
            ledger_append(m.store, *id, &header, (struct slice){.data = bytes, .len = sizeof bytes}, &appends[i]), OK);
        ledger_close(m.store, *id);
    }
    model_settle(&m);
    ledger_delete(m.store, first);
    model_barrier(&m);
    model_settle(&m);
    for (unsigned i = 0; i < 2; i++) {
        if (i == 0)
            model_crash(&m, MODEL_POWER);
        else
            assert_true(model_close(&m)); /* it lies in a segment then */
        must_open(&m);
        model_verify(&m);
        chain = store_chain(m.store, owner, &count);
        assert_int_equal(count, 1);
        assert_int_equal(chain[0].id, second);
        assert_int_equal(model_read(&m, (struct position){(int64_t)second, 0}, &entry), OK);
        assert_memory_equal(entry.bytes.data, bytes, sizeof bytes);
        entry_unref(&entry);
    }
    model_unsubscribe(&m, 0);
    store_chain(m.store, owner, &count);
    assert_int_equal(count, 0);
    model_barrier(&m);
    model_settle(&m);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    model_verify(&m);
    store_chain(m.store, owner, &count);
    assert_int_equal(count, 0);
    model_deinit(&m);
}

/* ---- cursors ---- */

static void backlogs_are_exact_in_entries_and_in_messages(void **state)
{
    struct model m;
    uint64_t messages = 0;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 5, 50);
    model_roll(&m, 0);
    append_and_settle(&m, 0, 7, 50);
    struct cursor *c = m.topics[0].cursor;
    for (unsigned i = 0; i < 12; i++)
        messages += 1 + i % 3;
    assert_int_equal(cursor_backlog_entries(c), 12);
    assert_int_equal(cursor_backlog_messages(c), messages);
    model_ack(&m, 0, 2); /* the third entry: three messages */
    model_ack(&m, 0, 5); /* the seventh */
    assert_int_equal(cursor_backlog_entries(c), 10);
    assert_int_equal(cursor_backlog_messages(c), messages - 3 - 1);
    assert_int_equal(cursor_ranges(c), 2);
    model_ack_cumulative(&m, 0, 1); /* the second: the mark moves over the third */
    assert_int_equal(cursor_mark_delete(c).entry, 2);
    assert_int_equal(cursor_backlog_messages(c), messages - 1 - 2 - 3 - 1);
    const struct position next = cursor_next(c, POSITION_EARLIEST);
    assert_int_equal(next.entry, 3);
    assert_true(model_close(&m));
    must_open(&m);
    assert_int_equal(cursor_backlog_messages(m.topics[0].cursor), messages - 1 - 2 - 3 - 1);
    model_deinit(&m);
}

static void an_acknowledgement_alone_waits_for_a_batch_but_not_for_ever(void **state)
{
    struct model m;

    model_init(&m, 1);
    m.options.ack_delay_ms = 500;
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 3, 50);
    const uint64_t asked = sim_now_ns(m.sim);
    struct store_stats before, after;
    store_stats(m.store, &before);
    model_ack(&m, 0, 0);
    do {
        assert_true(sim_step(m.sim));
        store_stats(m.store, &after);
    } while (after.syncs == before.syncs);
    assert_in_range((sim_now_ns(m.sim) - asked) / 1000000, 500, 520);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    assert_true(cursor_acked(m.topics[0].cursor, m.appends->position));
    model_deinit(&m);
}

static void what_is_not_synced_cannot_be_acknowledged(void **state)
{
    struct model m;
    bool changed = true;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 1, 50);
    model_append(&m, 0, 50);
    struct cursor *c = m.topics[0].cursor;
    const struct position unsynced = {(int64_t)m.topics[0].ledger, 1};
    assert_int_equal(cursor_ack(c, unsynced, 1, &changed), OK);
    assert_false(changed);
    assert_int_equal(cursor_ack_cumulative(c, POSITION_LATEST, NEXT_MESSAGE_UNKNOWN, &changed), OK);
    assert_true(changed);
    assert_int_equal(cursor_mark_delete(c).entry, 0);
    model_settle(&m);
    assert_int_equal(cursor_backlog_entries(c), 1);
    model_deinit(&m);
}

static void a_volatile_cursor_walks_the_chain_and_leaves_no_trace(void **state)
{
    struct model m;
    struct cursor *c;
    struct store_stats before, after;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 4, 50);
    store_stats(m.store, &before);
    assert_int_equal(cursor_new_volatile(m.store, m.topics[0].id, POSITION_EARLIEST, 0, &c), OK);
    assert_int_equal(cursor_backlog_entries(c), 4);
    assert_int_equal(cursor_ack_cumulative(c, (struct position){(int64_t)m.topics[0].ledger, 1}, 3, NULL), OK);
    assert_int_equal(cursor_backlog_entries(c), 2);
    assert_int_equal(cursor_reset(c, POSITION_EARLIEST, 0), OK);
    assert_int_equal(cursor_backlog_entries(c), 4);
    model_settle(&m);
    store_stats(m.store, &after);
    assert_int_equal(after.syncs, before.syncs);
    model_remove(&m, 0); /* its topic goes: it stands still */
    assert_int_equal(cursor_backlog_entries(c), 0);
    cursor_free_volatile(c);
    model_deinit(&m);
}

static void a_deleted_ledger_takes_the_cursors_behind_it_along(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 5, 50);
    model_roll(&m, 0);
    append_and_settle(&m, 0, 2, 50);
    model_ack(&m, 0, 3);
    const int64_t gone = m.appends->position.ledger;
    model_trim(&m, 0);
    assert_int_equal(cursor_mark_delete(m.topics[0].cursor).ledger, gone);
    assert_int_equal(cursor_backlog_entries(m.topics[0].cursor), 2);
    assert_int_equal(cursor_backlog_messages(m.topics[0].cursor), 3 + 1);
    model_barrier(&m);
    model_settle(&m);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    assert_int_equal(cursor_backlog_entries(m.topics[0].cursor), 2);
    assert_int_equal(cursor_backlog_messages(m.topics[0].cursor), 3 + 1);
    cursor_check(m.topics[0].cursor);
    model_deinit(&m);
}

/* ---- files ---- */

static void journal_files_are_recycled_and_not_many(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 300; i++)
        append_and_settle(&m, i % MODEL_TOPICS, 1, 8000);
    store_stats(m.store, &stats);
    assert_true(stats.journal_bytes > 8 * 256 * 1024);
    assert_in_range(stats.journal_files, 2, 4);
    assert_true(stats.checkpoints > 10);
    model_deinit(&m);
}

static void a_large_ledger_has_segments_of_its_own_and_small_ones_share(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    m.options.checkpoint_bytes = 1 << 20;
    m.options.journal_file_bytes = 2 << 20;
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 30; i++)
        model_append(&m, 0, 1000); /* over own_segment_bytes */
    for (unsigned i = 1; i < MODEL_TOPICS; i++)
        model_append(&m, i, 100);
    assert_true(model_close(&m));
    must_open(&m);
    store_stats(m.store, &stats);
    assert_int_equal(stats.segment_files, 2);
    model_verify(&m);
    model_deinit(&m);
}

static void a_busy_ledgers_entries_stay_where_the_journal_wrote_them(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    m.options.tail_cache_bytes = 3000;
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 20; i++) {
        append_and_settle(&m, 0, 1, 9000);
        append_and_settle(&m, 1, 1, 100);
    }
    store_stats(m.store, &stats);
    assert_true(stats.checkpoints > 0);
    assert_true(stats.adopted_bytes > 100000);
    assert_in_range(stats.adopted_files, 1, 2);
    for (unsigned i = 0; i < 3; i++) {
        model_crash(&m, MODEL_POWER);
        must_open(&m);
        store_stats(m.store, &stats);
        assert_true(stats.adopted_files > 0);
        model_verify(&m);
        append_and_settle(&m, 2, 20, 9000); /* over what is free, and nothing else */
    }
    model_deinit(&m);
}

static void a_journal_file_in_which_small_ledgers_have_much_is_copied_from(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    m.options.own_segment_bytes = 16 * 1024;
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 40; i++)
        append_and_settle(&m, i % MODEL_TOPICS, 1, 5000);
    store_stats(m.store, &stats);
    assert_true(stats.checkpoints > 0);
    assert_int_equal(stats.adopted_bytes, 0);
    assert_int_equal(stats.adopted_files, 0);
    model_deinit(&m);
}

static void what_a_busy_ledger_leaves_is_written_over(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    for (unsigned round = 0; round < 20; round++) {
        append_and_settle(&m, 0, 30, 9000);
        model_ack_cumulative(&m, 0, 29);
        model_roll(&m, 0);
        append_and_settle(&m, 0, 1, 100);
        model_trim(&m, 0);
        model_barrier(&m);
        model_settle(&m);
        assert_true(sim_disk_used(m.disk) < 2u << 20);
    }
    store_stats(m.store, &stats);
    assert_true(stats.adopted_bytes > 4u << 20);
    assert_true(stats.segment_files < 10);
    assert_true(stats.journal_files <=
                2 + 1 + stats.adopted_files); /* the spares of a quiet journal, the current one */
    assert_true(model_close(&m));
    must_open(&m);
    model_verify(&m);
    model_deinit(&m);
}

static void a_missing_journal_file_with_a_busy_ledgers_entries_is_named(void **state)
{
    struct model m;
    char path[JOURNAL_PATH_SIZE];
    uint64_t number;
    size_t at = 0;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 20; i++)
        append_and_settle(&m, 0, 1, 9000);
    assert_true(model_close(&m));
    must_open(&m);
    do
        assert_true(segment_table_next(&m.store->ledgers.segments, &at, &number));
    while (!(number & FILE_IS_JOURNAL));
    journal_path(path, number & ~FILE_IS_JOURNAL);
    assert_true(model_close(&m));
    struct disk *disk = sim_disk_get(m.disk);
    assert_int_equal(disk->ops->unlink(disk, path), OK);
    assert_int_equal(model_open(&m), ERR_CORRUPT);
    assert_non_null(strstr(m.message, path));
    assert_non_null(strstr(m.message, "ledger"));
    model_deinit(&m);
}

static void a_clean_restart_reads_no_journal_and_writes_nothing_but_the_index(void **state)
{
    struct model m;
    struct store_stats stats;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 100, 500);
    assert_true(model_close(&m));
    const uint64_t reads = sim_disk_ops(m.disk, SIM_DISK_READ);
    must_open(&m);
    store_stats(m.store, &stats);
    assert_int_equal(stats.recovered_entries, 0);
    assert_true(sim_disk_ops(m.disk, SIM_DISK_READ) - reads < 100);
    model_verify(&m);
    model_deinit(&m);
}

/* ---- what is refused ---- */

static void write_file(struct model *m, const char *path, const char *text)
{
    struct disk *disk = sim_disk_get(m->disk);
    struct file *f;
    const struct bytes part = bytes_of_text(text);

    assert_int_equal(disk_open(disk, path, DISK_WRITE | DISK_CREATE, &f), OK);
    assert_int_equal(file_truncate(f, 0), OK);
    assert_int_equal(file_write(f, 0, &part, 1), OK);
    file_close(f);
}

static void a_newer_format_is_refused_untouched(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    assert_true(model_close(&m));
    write_file(&m, "format", "geminga store 4000\n");
    const uint64_t writes = sim_disk_ops(m.disk, SIM_DISK_WRITE | SIM_DISK_SYNC);
    assert_int_equal(model_open(&m), ERR_VERSION);
    assert_non_null(strstr(m.message, "format 4000"));
    assert_int_equal(sim_disk_ops(m.disk, SIM_DISK_WRITE | SIM_DISK_SYNC), writes);
    model_deinit(&m);
}

static void a_second_start_names_the_holder(void **state)
{
    struct model m;
    struct store *second;
    struct store_options options = {.holder = "second"};
    char message[200];

    model_init(&m, 1);
    m.options.holder = "geminga pid 4711";
    must_open(&m);
    assert_int_equal(store_open(&second, &options, sim_host_sys(m.host), message, sizeof message), ERR_BUSY);
    assert_non_null(strstr(message, "geminga pid 4711"));
    model_deinit(&m);
}

/* Offset in the first journal file of batch n, counted from 0. */
static uint64_t find_batch(struct model *m, const char *path, unsigned n, uint32_t *len)
{
    struct disk *disk = sim_disk_get(m->disk);
    uint8_t head[JOURNAL_BATCH_HEADER_SIZE];
    struct batch_header h;
    struct file *f;
    uint64_t offset = JOURNAL_HEADER_SIZE;
    size_t got;

    assert_int_equal(disk_open(disk, path, DISK_READ, &f), OK);
    for (unsigned i = 0;; i++) {
        assert_int_equal(file_read(f, offset, head, sizeof head, &got), OK);
        assert_int_equal(batch_header_decode(&h, head), OK);
        if (i == n)
            break;
        offset += batch_whole(&h);
    }
    file_close(f);
    *len = h.payload_len;
    return offset;
}

static void damage_before_a_valid_batch_is_named_and_the_start_refused(void **state)
{
    struct model m;
    uint32_t len;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    model_settle(&m);
    append_and_settle(&m, 0, 1, 500);
    append_and_settle(&m, 0, 1, 500);
    model_crash(&m, MODEL_KILL);
    /* rows, seal, entry 0, ... */
    const uint64_t offset = find_batch(&m, "journal/00000001.journal", 2, &len);
    assert_true(len > 500);
    assert_true(
        sim_disk_flip(m.disk, "journal/00000001.journal", (offset + JOURNAL_BATCH_HEADER_SIZE + len - 100) * 8));
    const uint64_t writes = sim_disk_ops(m.disk, SIM_DISK_WRITE);
    assert_int_equal(model_open(&m), ERR_CORRUPT);
    assert_non_null(strstr(m.message, "journal/00000001.journal is damaged at offset"));
    assert_non_null(strstr(m.message, "entry 0"));
    assert_non_null(strstr(m.message, "proves"));
    (void)writes;
    model_deinit(&m);
}

static void the_seal_proves_the_last_batch_too(void **state)
{
    struct model m;
    uint32_t len;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 1, 500); /* one batch, and its seal */
    model_crash(&m, MODEL_KILL);
    const uint64_t offset = find_batch(&m, "journal/00000001.journal", 0, &len);
    assert_true(sim_disk_flip(m.disk, "journal/00000001.journal", (offset + 60) * 8));
    assert_int_equal(model_open(&m), ERR_CORRUPT);
    model_deinit(&m);
}

static void a_torn_last_batch_is_cut(void **state)
{
    struct model m;
    uint32_t len;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 1, 500);
    model_append(&m, 0, 700);
    while (!m.appends->next->done)
        assert_true(sim_step(m.sim)); /* synced, and not sealed yet */
    model_crash(&m, MODEL_KILL);
    const uint64_t offset = find_batch(&m, "journal/00000001.journal", 2, &len);
    assert_true(sim_disk_flip(m.disk, "journal/00000001.journal", (offset + 100) * 8));
    must_open(&m); /* the one undecidable case: it looks like a tear */
    assert_int_equal(last_ledger(&m, 0)->entries, 1);
    model_deinit(&m);
}

static void a_flipped_bit_in_a_segment_fails_that_read_only(void **state)
{
    struct model m;
    struct entry e;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 3, 500);
    assert_true(model_close(&m));
    must_open(&m);
    const int64_t ledger = m.appends->position.ledger;
    const uint64_t second = SEGMENT_HEADER_SIZE + (ENTRY_HEADER_SIZE + 500) + ENTRY_HEADER_SIZE + 77;
    assert_true(sim_disk_flip(m.disk, "segments/0000000000000001.segment", second * 8 + 3));
    assert_int_equal(model_read(&m, (struct position){ledger, 0}, &e), OK);
    entry_unref(&e);
    assert_int_equal(model_read(&m, (struct position){ledger, 1}, &e), ERR_CORRUPT);
    assert_int_equal(model_read(&m, (struct position){ledger, 2}, &e), OK);
    entry_unref(&e);
    model_deinit(&m);
}

static void a_missing_segment_is_named(void **state)
{
    struct model m;
    struct disk *disk;

    model_init(&m, 1);
    disk = sim_disk_get(m.disk);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 3, 500);
    assert_true(model_close(&m));
    assert_int_equal(disk->ops->unlink(disk, "segments/0000000000000001.segment"), OK);
    assert_int_equal(model_open(&m), ERR_CORRUPT);
    assert_non_null(strstr(m.message, "segments/0000000000000001.segment is missing"));
    model_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_peeked_in_order_once_they_are_synced),
        cmocka_unit_test(entries_are_kept_in_memory_while_their_topic_has_a_cursor),
        cmocka_unit_test(an_entry_is_read_from_cache_journal_and_segment_alike),
        cmocka_unit_test(ledgers_are_closed_by_a_restart_and_never_take_more),
        cmocka_unit_test(an_entry_over_the_bound_is_refused),
        cmocka_unit_test(a_full_queue_refuses_and_tells_when_there_is_room),
        cmocka_unit_test(an_idle_store_seals_its_journal_and_then_nothing_happens_any_more),
        cmocka_unit_test(appends_of_one_turn_share_one_sync),
        cmocka_unit_test(a_failed_write_fails_what_was_queued_and_fences_its_ledgers_only),
        cmocka_unit_test(a_failed_sync_ends_the_process),
        cmocka_unit_test(small_batches_are_written_by_the_ring_and_large_ones_are_not),
        cmocka_unit_test(a_failed_write_of_the_ring_ends_the_process_as_a_failed_sync_does),
        cmocka_unit_test(where_the_ring_finds_no_room_the_publish_fails_and_the_store_goes_on),
        cmocka_unit_test(a_full_disk_fails_publishes_and_still_takes_acknowledgements_and_deletions),
        cmocka_unit_test(changes_beyond_the_reserve_of_a_full_disk_wait_for_room),
        cmocka_unit_test(a_store_that_waits_for_room_takes_no_entries_and_gives_up_when_told_to_close),
        cmocka_unit_test(a_restart_on_a_full_disk_keeps_what_was_promised_in_the_journal_until_there_is_room),
        cmocka_unit_test(rows_are_found_by_name_and_survive_a_restart),
        cmocka_unit_test(removing_a_topic_removes_its_ledgers_cursors_and_segment_files),
        cmocka_unit_test(ledgers_of_a_subscription_outlive_crashes_and_go_with_its_row),
        cmocka_unit_test(backlogs_are_exact_in_entries_and_in_messages),
        cmocka_unit_test(an_acknowledgement_alone_waits_for_a_batch_but_not_for_ever),
        cmocka_unit_test(what_is_not_synced_cannot_be_acknowledged),
        cmocka_unit_test(a_volatile_cursor_walks_the_chain_and_leaves_no_trace),
        cmocka_unit_test(a_deleted_ledger_takes_the_cursors_behind_it_along),
        cmocka_unit_test(journal_files_are_recycled_and_not_many),
        cmocka_unit_test(a_large_ledger_has_segments_of_its_own_and_small_ones_share),
        cmocka_unit_test(a_busy_ledgers_entries_stay_where_the_journal_wrote_them),
        cmocka_unit_test(a_journal_file_in_which_small_ledgers_have_much_is_copied_from),
        cmocka_unit_test(what_a_busy_ledger_leaves_is_written_over),
        cmocka_unit_test(a_missing_journal_file_with_a_busy_ledgers_entries_is_named),
        cmocka_unit_test(a_clean_restart_reads_no_journal_and_writes_nothing_but_the_index),
        cmocka_unit_test(a_newer_format_is_refused_untouched),
        cmocka_unit_test(a_second_start_names_the_holder),
        cmocka_unit_test(damage_before_a_valid_batch_is_named_and_the_start_refused),
        cmocka_unit_test(the_seal_proves_the_last_batch_too),
        cmocka_unit_test(a_torn_last_batch_is_cut),
        cmocka_unit_test(a_flipped_bit_in_a_segment_fails_that_read_only),
        cmocka_unit_test(a_missing_segment_is_named),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
