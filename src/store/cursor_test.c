/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_test.c - cursors in a store: many holes, redelivery counts, and what a restart leaves of them.
 */
#include "base/base_test.h"
#include "store/store_model_asserts.h"

#include "store/store_private.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static void append_and_settle(struct model *m, unsigned topic, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        model_append(m, topic, 50);
    model_settle(m);
}

/* ---- redelivery counts ---- */

static void redelivered(struct cursor *c, struct position p, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(cursor_redelivered(c, p), OK);
    cursor_check(c);
}

/* In the journal only; in the index only; in both. */
static void counts_survive_a_power_cut_an_orderly_stop_and_both(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 6);
    const int64_t ledger = (int64_t)m.topics[0].ledger;
    const struct position once = {ledger, 1}, often = {ledger, 4}, never = {ledger, 2};
    redelivered(m.topics[0].cursor, once, 1);
    redelivered(m.topics[0].cursor, often, 300);
    model_settle(&m);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, once), 1);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, often), 300);
    assert_true(model_close(&m));
    must_open(&m);
    redelivered(m.topics[0].cursor, once, 1);
    model_settle(&m);
    model_crash(&m, MODEL_KILL);
    must_open(&m);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, once), 2);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, often), 300);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, never), 0);
    model_deinit(&m);
}

static void a_count_asks_for_no_sync_and_waits_no_longer_than_an_acknowledgement(void **state)
{
    struct store_stats before, after;
    struct model m;

    model_init(&m, 1);
    m.options.ack_delay_ms = 500;
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 3);
    const uint64_t asked = sim_now_ns(m.sim);
    store_stats(m.store, &before);
    redelivered(m.topics[0].cursor, m.appends->position, 1);
    do {
        assert_true(sim_step(m.sim));
        store_stats(m.store, &after);
    } while (after.syncs == before.syncs);
    assert_in_range((sim_now_ns(m.sim) - asked) / 1000000, 500, 520);
    model_deinit(&m);
}

static void a_count_ends_with_the_acknowledgement_in_memory_and_on_the_disk(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 8);
    struct cursor *c = m.topics[0].cursor;
    const int64_t ledger = (int64_t)m.topics[0].ledger;
    for (int64_t e = 0; e < 8; e++)
        redelivered(c, (struct position){ledger, e}, 2);
    model_settle(&m);
    assert_int_equal(cursor_ack(c, (struct position){ledger, 5}, 1, NULL), OK);
    assert_int_equal(cursor_ack_cumulative(c, (struct position){ledger, 2}, NEXT_MESSAGE_UNKNOWN, NULL), OK);
    redelivered(c, (struct position){ledger, 5}, 1); /* too late */
    for (unsigned life = 0; life < 3; life++) {
        for (int64_t e = 0; e < 8; e++)
            assert_int_equal(cursor_redeliveries(c, (struct position){ledger, e}), e <= 2 || e == 5 ? 0 : 2);
        cursor_check(c);
        if (life == 0)
            model_settle(&m);
        if (life == 0)
            model_crash(&m, MODEL_POWER);
        else
            assert_true(model_close(&m));
        must_open(&m);
        c = m.topics[0].cursor;
    }
    model_deinit(&m);
}

static void a_seek_forgets_all_counts(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 4);
    const struct position p = {(int64_t)m.topics[0].ledger, 2};
    redelivered(m.topics[0].cursor, p, 3);
    model_settle(&m);
    assert_int_equal(cursor_reset(m.topics[0].cursor, (struct position){p.ledger, 1}, 1), OK);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, p), 0);
    model_settle(&m);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, p), 0);
    model_deinit(&m);
}

static void a_deleted_ledger_takes_its_counts_along(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 3);
    const struct position gone = {(int64_t)m.topics[0].ledger, 1};
    model_roll(&m, 0);
    append_and_settle(&m, 0, 3);
    const struct position stays = {(int64_t)m.topics[0].ledger, 1};
    redelivered(m.topics[0].cursor, gone, 1);
    redelivered(m.topics[0].cursor, stays, 1);
    model_trim(&m, 0);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, gone), 0);
    model_settle(&m);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    cursor_check(m.topics[0].cursor);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, gone), 0);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, stays), 1);
    model_deinit(&m);
}

static void a_volatile_cursor_counts_too_and_writes_nothing(void **state)
{
    struct store_stats before, after;
    struct cursor *c;
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 3);
    assert_int_equal(cursor_new_volatile(m.store, m.topics[0].id, POSITION_EARLIEST, 0, &c), OK);
    store_stats(m.store, &before);
    redelivered(c, m.appends->position, 2);
    assert_int_equal(cursor_redeliveries(c, m.appends->position), 2);
    model_settle(&m);
    store_stats(m.store, &after);
    assert_int_equal(after.journal_bytes, before.journal_bytes);
    cursor_free_volatile(c);
    model_deinit(&m);
}

/* ---- checkpoints ---- */

/* The cut of a checkpoint shares the bitmaps; what comes after it must not get into the row, and must not be lost. */
static void changes_while_a_checkpoint_works_are_kept_and_come_after_it(void **state)
{
    struct model m;

    model_init(&m, 1);
    m.options.checkpoint_bytes = 1 << 20;
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 100);
    struct cursor *c = m.topics[0].cursor;
    const int64_t ledger = (int64_t)m.topics[0].ledger;
    for (int64_t e = 1; e < 40; e += 2)
        assert_int_equal(cursor_ack(c, (struct position){ledger, e}, 1, NULL), OK);
    redelivered(c, (struct position){ledger, 50}, 3);
    checkpoint_want(m.store);
    for (unsigned steps = 0; !checkpoint_idle(&m.store->checkpoint); steps++) {
        const int64_t e = 41 + 2 * (int64_t)(steps % 20);
        assert_int_equal(cursor_ack(c, (struct position){ledger, e}, 1, NULL), OK);
        redelivered(c, (struct position){ledger, 50}, 1);
        assert_true(sim_step(m.sim));
    }
    const uint32_t count = cursor_redeliveries(c, (struct position){ledger, 50});
    const uint64_t backlog = cursor_backlog_entries(c);
    assert_true(count > 4);
    model_settle(&m);
    model_crash(&m, MODEL_POWER);
    must_open(&m);
    cursor_check(m.topics[0].cursor);
    assert_int_equal(cursor_redeliveries(m.topics[0].cursor, (struct position){ledger, 50}), count);
    assert_int_equal(cursor_backlog_entries(m.topics[0].cursor), backlog);
    model_deinit(&m);
}

/* A message that nobody can process holds the mark-delete position for long; what was done since costs little. */
static void closed_ledgers_that_are_acknowledged_whole_are_two_numbers(void **state)
{
    struct cursor_row row;
    struct model m;

    model_init(&m, 1);
    m.options.checkpoint_bytes = 1 << 20;
    must_open(&m);
    model_create_topics(&m);
    for (unsigned i = 0; i < 30; i++) { /* of one to three messages */
        append_and_settle(&m, 0, 40);
        model_roll(&m, 0);
    }
    struct cursor *c = m.topics[0].cursor;
    for (unsigned i = 0; i < 30 * 40 - 1; i++)
        model_ack(&m, 0, 1);
    assert_int_equal(cursor_mark_delete(c).entry, -1);
    assert_int_equal(cursor_take(c, &row), OK);
    assert_true(cursor_row_size(&row) < 29 * 32 + 400); /* the first ledger has its bitmaps */
    cursor_row_release(&row);
    cursor_check(c);
    assert_int_equal(cursor_backlog_entries(c), 1);
    assert_int_equal(cursor_backlog_messages(c), 1);
    assert_true(model_close(&m));
    must_open(&m);
    c = m.topics[0].cursor;
    cursor_check(c);
    assert_int_equal(cursor_backlog_messages(c), 1);
    assert_int_equal(cursor_ack(c, m.appends->position, 1, NULL), OK);
    assert_int_equal(cursor_backlog_messages(c), 0);
    cursor_check(c);
    model_deinit(&m);
}

/* ---- a million holes ---- */

#define HOLES  1000000u
#define WINDOW 1000u

static struct append appends[WINDOW];

static void ignore_append(struct append *a, enum err err)
{
    assert_int_equal(err, OK);
}

/* Twice as many entries, in ledgers of 100,000; small, and of `messages(n)` messages. */
static void append_many(struct model *m, uint64_t topic, uint64_t *ledgers)
{
    struct slice bytes;

    assert_int_equal(slice_copy(&bytes, bytes_of_text("x"), NULL), OK);
    for (unsigned n = 0; n < 2 * HOLES; n += WINDOW) {
        if (n % 100000 == 0 && n > 0)
            ledger_close(m->store, ledgers[n / 100000 - 1]);
        if (n % 100000 == 0)
            assert_int_equal(ledger_create(m->store, topic, &ledgers[n / 100000]), OK);
        for (unsigned i = 0; i < WINDOW; i++) {
            const struct entry_header header = {.messages = 1 + (n + i) % 7 / 6 * 99}; /* a hundred in every seventh */
            appends[i].done = ignore_append;
            assert_int_equal(ledger_append(m->store, ledgers[n / 100000], &header, bytes, &appends[i]), OK);
        }
        model_settle(m);
    }
    slice_unref(&bytes);
}

static size_t heap_bytes(void)
{
    return mallinfo2().uordblks;
}

static void expect_every_other(const struct cursor *c, const uint64_t *ledgers)
{
    assert_int_equal(cursor_ranges(c), HOLES);
    assert_int_equal(cursor_backlog_entries(c), HOLES);
    for (unsigned n = 0; n < 2 * HOLES; n += 997)
        assert_int_equal(cursor_acked(c, (struct position){(int64_t)ledgers[n / 100000], n % 100000}), n % 2 == 1);
}

static void a_million_alternating_acknowledgements_survive_restarts_and_cost_a_few_bytes_each(void **state)
{
    struct store_stats before, after;
    uint64_t ledgers[20], backlog = 0;
    struct cursor_row row;
    struct model m;

    model_init(&m, 1);
    m.options.journal_file_bytes = 16 << 20;
    m.options.checkpoint_bytes = 64 << 20;
    m.options.tail_cache_bytes = 1 << 20;
    must_open(&m);
    model_create_topics(&m);
    append_many(&m, m.topics[0].id, ledgers);
    struct cursor *c = m.topics[0].cursor;
    store_stats(m.store, &before);
    const size_t heap = heap_bytes();
    for (unsigned n = 1; n < 2 * HOLES; n += 2) {
        const struct position p = {(int64_t)ledgers[n / 100000], n % 100000};
        assert_int_equal(cursor_ack(c, p, 1 + n % 7 / 6 * 99, NULL), OK);
        backlog += 1 + (n - 1) % 7 / 6 * 99;
        if (n % 50000 == 1)
            model_settle(&m);
    }
    model_settle(&m);
    const size_t memory = heap_bytes() > heap ? heap_bytes() - heap : 0; /* 0: a sanitizer's heap does not tell */
    store_stats(m.store, &after);
    const uint64_t journal = after.journal_bytes - before.journal_bytes;
    expect_every_other(c, ledgers);
    assert_int_equal(cursor_backlog_messages(c), backlog);
    assert_int_equal(cursor_take(c, &row), OK);
    const size_t disk = cursor_row_size(&row);
    cursor_row_release(&row);
    print_message("a hole costs %.2f bytes of memory, %.2f in the index, %.2f in the journal until a checkpoint\n",
                  (double)memory / HOLES, (double)disk / HOLES, (double)journal / HOLES);
    assert_true(memory < 2 * HOLES);
    assert_true(disk < 2 * HOLES);
    assert_true(journal < 6 * HOLES);

    for (unsigned life = 0; life < 2; life++) { /* replayed from the journal; loaded from the index */
        if (life == 0)
            model_crash(&m, MODEL_POWER);
        else
            assert_true(model_close(&m));
        must_open(&m);
        cursor_check(m.topics[0].cursor);
        expect_every_other(m.topics[0].cursor, ledgers);
        assert_int_equal(cursor_backlog_messages(m.topics[0].cursor), backlog);
    }
    model_deinit(&m);
}

static void a_cursor_with_nothing_special_is_small(void **state)
{
    struct model m;

    model_init(&m, 1);
    must_open(&m);
    model_create_topics(&m);
    append_and_settle(&m, 0, 20);
    struct cursor *c = m.topics[0].cursor;
    for (unsigned i = 0; i < 20; i++)
        model_ack(&m, 0, 0);
    checkpoint_want(m.store);
    model_settle(&m);
    assert_true(sizeof *c <= 224);
    assert_null(c->runs);
    assert_null(c->marks);
    assert_null(c->partial);
    assert_null(c->set.sets.list);
    assert_null(c->redelivered.sets.list);
    model_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_survive_a_power_cut_an_orderly_stop_and_both),
        cmocka_unit_test(a_count_asks_for_no_sync_and_waits_no_longer_than_an_acknowledgement),
        cmocka_unit_test(a_count_ends_with_the_acknowledgement_in_memory_and_on_the_disk),
        cmocka_unit_test(a_seek_forgets_all_counts),
        cmocka_unit_test(a_deleted_ledger_takes_its_counts_along),
        cmocka_unit_test(a_volatile_cursor_counts_too_and_writes_nothing),
        cmocka_unit_test(changes_while_a_checkpoint_works_are_kept_and_come_after_it),
        cmocka_unit_test(closed_ledgers_that_are_acknowledged_whole_are_two_numbers),
        cmocka_unit_test(a_million_alternating_acknowledgements_survive_restarts_and_cost_a_few_bytes_each),
        cmocka_unit_test(a_cursor_with_nothing_special_is_small),
    };
    return cmocka_run_group_tests_name("store: cursors", tests, NULL, NULL);
}
