/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_partial_test.c - batches of which some messages are acknowledged: cursor.h in use, and what a restart leaves.
 */
#include "store/store_model_asserts.h"

#include "store/store_private.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGES 10 /* of each entry */
#define ALL      UINT64_C(0x3ff)

/* A topic with entries of ten messages, and its cursor. */
struct fixture {
    struct model m;
    struct cursor *c;
    int64_t ledger;
};

static struct append appends[1000];

static void ignore_append(struct append *a, enum err err)
{
    assert_int_equal(err, OK);
}

static void append_batches(struct fixture *f, uint64_t ledger, unsigned count)
{
    const struct entry_header header = {.messages = MESSAGES, .flags = ENTRY_BATCHED};
    struct slice bytes;

    assert_int_equal(slice_copy(&bytes, bytes_of_text("a batch"), NULL), OK);
    while (count > 0) {
        unsigned i = 0;
        for (; i < 1000 && count > 0; i++, count--) {
            appends[i].done = ignore_append;
            assert_int_equal(ledger_append(f->m.store, ledger, &header, bytes, &appends[i]), OK);
        }
        model_settle(&f->m);
    }
    slice_unref(&bytes);
}

static void begin(struct fixture *f, unsigned entries)
{
    uint64_t ledger;

    model_init(&f->m, 1);
    must_open(&f->m);
    model_create_topics(&f->m);
    assert_int_equal(ledger_create(f->m.store, f->m.topics[0].id, &ledger), OK);
    f->ledger = (int64_t)ledger;
    f->c = f->m.topics[0].cursor;
    append_batches(f, ledger, entries);
}

/* What ends a life; the next one begins. */
enum end { CUT, STOP };
static void again(struct fixture *f, enum end end)
{
    model_settle(&f->m);
    if (end == CUT)
        model_crash(&f->m, MODEL_POWER);
    else
        assert_true(model_close(&f->m));
    must_open(&f->m);
    f->c = f->m.topics[0].cursor;
    cursor_check(f->c);
}

static struct position at(const struct fixture *f, int64_t entry)
{
    return (struct position){f->ledger, entry};
}

/* All but `left` are acknowledged; how many this made. */
static uint32_t ack(struct fixture *f, int64_t entry, uint64_t left)
{
    uint32_t acked;

    assert_int_equal(cursor_ack_partial(f->c, at(f, entry), MESSAGES, &left, 1, &acked), OK);
    cursor_check(f->c);
    return acked;
}

static uint64_t left(const struct fixture *f, int64_t entry)
{
    uint64_t words[CURSOR_LEFT_WORDS];
    const uint32_t count = cursor_left(f->c, at(f, entry), words);

    assert_true(count <= 1);
    return count > 0 ? words[0] : 0;
}

static void what_is_left_of_a_batch_shrinks_and_with_the_last_it_is_acknowledged(void **state)
{
    struct fixture f;

    begin(&f, 3);
    assert_int_equal(cursor_backlog_messages(f.c), 30);
    assert_int_equal(ack(&f, 0, ALL & ~UINT64_C(3)), 2);
    assert_int_equal(ack(&f, 0, ALL & ~UINT64_C(3)), 0);
    assert_int_equal(ack(&f, 0, ALL & ~UINT64_C(6)), 1); /* of another client, that had message 1 too */
    assert_int_equal(left(&f, 0), ALL & ~UINT64_C(7));
    assert_int_equal(cursor_backlog_entries(f.c), 3);
    assert_int_equal(cursor_backlog_messages(f.c), 27);
    assert_false(cursor_acked(f.c, at(&f, 0)));
    assert_int_equal(ack(&f, 0, 7), 7);
    assert_true(cursor_acked(f.c, at(&f, 0)));
    assert_true(position_equal(cursor_mark_delete(f.c), at(&f, 0)));
    assert_int_equal(cursor_backlog_messages(f.c), 20);
    assert_null(f.c->partial);
    assert_int_equal(ack(&f, 0, ALL), 0);
    model_deinit(&f.m);
}

static void an_acknowledgement_of_nothing_or_of_what_is_not_there_changes_nothing(void **state)
{
    struct fixture f;

    begin(&f, 3);
    assert_int_equal(ack(&f, 1, ALL), 0);
    assert_int_equal(ack(&f, 1, UINT64_MAX), 0);
    assert_int_equal(ack(&f, 7, 1), 0);
    assert_int_equal(ack(&f, -1, 1), 0);
    assert_null(f.c->partial);
    assert_int_equal(cursor_backlog_messages(f.c), 30);
    model_deinit(&f.m);
}

static void it_survives_a_power_cut_an_orderly_stop_and_both(void **state)
{
    struct fixture f;

    begin(&f, 6);
    ack(&f, 1, 0x3f0);
    ack(&f, 4, 1);
    again(&f, CUT);
    assert_int_equal(left(&f, 1), 0x3f0);
    assert_int_equal(left(&f, 4), 1);
    assert_int_equal(cursor_backlog_messages(f.c), 60 - 4 - 9);
    again(&f, STOP);
    assert_int_equal(left(&f, 1), 0x3f0);
    ack(&f, 1, 0x300);
    assert_int_equal(cursor_redelivered(f.c, at(&f, 4)), OK);
    again(&f, CUT);
    assert_int_equal(left(&f, 1), 0x300);
    assert_int_equal(left(&f, 4), 1);
    assert_int_equal(cursor_redeliveries(f.c, at(&f, 4)), 1);
    ack(&f, 4, 0);
    ack(&f, 1, 0);
    again(&f, CUT);
    assert_true(cursor_acked(f.c, at(&f, 1)));
    assert_true(cursor_acked(f.c, at(&f, 4)));
    assert_null(f.c->partial);
    model_deinit(&f.m);
}

static void it_ends_with_what_acknowledges_the_whole_batch(void **state)
{
    struct fixture f;

    begin(&f, 6);
    for (int64_t e = 0; e < 6; e++)
        ack(&f, e, 0x100);
    assert_int_equal(cursor_ack(f.c, at(&f, 4), MESSAGES, NULL), OK);
    assert_int_equal(cursor_ack_cumulative(f.c, at(&f, 1), NEXT_MESSAGE_UNKNOWN, NULL), OK);
    for (unsigned life = 0; life < 3; life++) {
        cursor_check(f.c);
        assert_int_equal(cursor_backlog_messages(f.c), 3);
        for (int64_t e = 0; e < 6; e++)
            assert_int_equal(left(&f, e), e <= 1 || e == 4 ? 0 : 0x100);
        again(&f, life == 0 ? CUT : STOP);
    }
    model_deinit(&f.m);
}

static void a_seek_forgets_it_and_one_into_a_batch_leaves_the_rest_of_that(void **state)
{
    struct fixture f;

    begin(&f, 6);
    ack(&f, 2, 1);
    ack(&f, 3, 1);
    assert_int_equal(cursor_reset(f.c, at(&f, 3), 30), OK);
    assert_int_equal(ack(&f, 3, ALL & ~UINT64_C(0xf)), 4);
    for (unsigned life = 0; life < 3; life++) {
        assert_int_equal(left(&f, 2), 0);
        assert_int_equal(left(&f, 3), ALL & ~UINT64_C(0xf));
        assert_int_equal(cursor_backlog_messages(f.c), 26);
        again(&f, life == 0 ? CUT : STOP);
    }
    model_deinit(&f.m);
}

static void a_deleted_ledger_takes_it_along(void **state)
{
    struct fixture f;
    uint64_t next;

    begin(&f, 2);
    ledger_close(f.m.store, (uint64_t)f.ledger);
    assert_int_equal(ledger_create(f.m.store, f.m.topics[0].id, &next), OK);
    append_batches(&f, next, 2);
    ack(&f, 1, 1);
    const struct position stays = {(int64_t)next, 1};
    const uint64_t one = 1;
    uint32_t acked;
    assert_int_equal(cursor_ack_partial(f.c, stays, MESSAGES, &one, 1, &acked), OK);
    ledger_delete(f.m.store, (uint64_t)f.ledger);
    cursor_check(f.c);
    assert_int_equal(left(&f, 1), 0);
    again(&f, CUT);
    assert_int_equal(cursor_backlog_messages(f.c), 11);
    model_deinit(&f.m);
}

static void a_batch_of_unknown_size_is_learnt_and_counted_then(void **state)
{
    const uint64_t most = ALL & ~UINT64_C(1), beyond = UINT64_C(7) << 20;
    struct position unsure;
    uint32_t acked;
    struct fixture f;

    begin(&f, 3);
    again(&f, STOP); /* so that the store has no entry in memory */
    ledger_close(f.m.store, (uint64_t)f.ledger);
    assert_int_equal(cursor_ack_partial(f.c, at(&f, 1), MESSAGES_UNKNOWN, &most, 1, &acked), OK);
    assert_int_equal(cursor_ack_partial(f.c, at(&f, 2), MESSAGES_UNKNOWN, &beyond, 1, &acked), OK);
    assert_int_equal(acked, 0);
    for (unsigned life = 0; life < 2; life++) {
        assert_int_equal(left(&f, 1), most);
        again(&f, life == 0 ? CUT : STOP);
    }
    const struct entry_header header = {.messages = MESSAGES};
    assert_true(cursor_unsure(f.c, &unsure));
    assert_true(position_equal(unsure, at(&f, 1)));
    cursor_learn(f.c, unsure, &header);
    assert_true(cursor_unsure(f.c, &unsure));
    cursor_learn(f.c, unsure, &header); /* bits that no message has: nothing is left */
    assert_false(cursor_unsure(f.c, &unsure));
    cursor_check(f.c);
    assert_int_equal(cursor_backlog_messages(f.c), 19);
    assert_true(cursor_acked(f.c, at(&f, 2)));
    model_deinit(&f.m);
}

static void a_volatile_cursor_has_it_too_and_writes_nothing(void **state)
{
    struct store_stats before, after;
    struct fixture f;

    begin(&f, 3);
    assert_int_equal(cursor_new_volatile(f.m.store, f.m.topics[0].id, POSITION_EARLIEST, 0, &f.c), OK);
    store_stats(f.m.store, &before);
    ack(&f, 0, 1);
    assert_int_equal(left(&f, 0), 1);
    model_settle(&f.m);
    store_stats(f.m.store, &after);
    assert_int_equal(after.journal_bytes, before.journal_bytes);
    cursor_free_volatile(f.c);
    model_deinit(&f.m);
}

static void sets_too_large_and_too_many_are_refused_and_change_nothing(void **state)
{
    static uint64_t words[CURSOR_LEFT_WORDS + 1];
    struct fixture f;
    uint32_t acked;
    enum err err = OK;
    int64_t n = 0;

    begin(&f, 300);
    words[CURSOR_LEFT_WORDS] = 1;
    assert_int_equal(cursor_ack_partial(f.c, at(&f, 0), MESSAGES, words, CURSOR_LEFT_WORDS + 1, &acked), ERR_TOO_LARGE);
    assert_null(f.c->partial);
    words[CURSOR_LEFT_WORDS - 1] = 1;
    for (; n < 300 && err == OK; n++)
        err = cursor_ack_partial(f.c, at(&f, n), PARTIAL_MESSAGES_MAX, words, CURSOR_LEFT_WORDS, &acked);
    assert_int_equal(err, ERR_FULL);
    assert_true(n > 100);
    cursor_check(f.c);
    assert_int_equal(cursor_ack(f.c, at(&f, 7), PARTIAL_MESSAGES_MAX, NULL), OK);
    assert_int_equal(cursor_ack_partial(f.c, at(&f, n - 1), PARTIAL_MESSAGES_MAX, words, CURSOR_LEFT_WORDS, &acked),
                     OK);
    cursor_check(f.c);
    model_deinit(&f.m);
}

static void changes_while_a_checkpoint_works_come_after_it(void **state)
{
    struct fixture f;

    begin(&f, 40);
    for (int64_t e = 0; e < 40; e += 2)
        ack(&f, e, 0x155);
    checkpoint_want(f.m.store);
    for (unsigned steps = 0; !checkpoint_idle(&f.m.store->checkpoint); steps++) {
        ack(&f, 2 * (int64_t)(steps % 20), 0x155 & ~(UINT64_C(1) << steps / 20 % 10));
        assert_true(sim_step(f.m.sim));
    }
    const uint64_t backlog = cursor_backlog_messages(f.c);
    assert_true(backlog < 20 * 10 + 20 * 5);
    again(&f, CUT);
    assert_int_equal(cursor_backlog_messages(f.c), backlog);
    model_deinit(&f.m);
}

/* ---- what it costs ---- */

#define BATCHES 100000u

static void a_hundred_thousand_halves_of_batches_cost_a_few_bytes_each(void **state)
{
    struct store_stats before, after;
    struct cursor_row row;
    struct fixture f;

    begin(&f, BATCHES);
    store_stats(f.m.store, &before);
    for (unsigned n = 0; n < BATCHES; n++) {
        const uint64_t half = 0x1f << n % 6;
        uint32_t acked;
        assert_int_equal(cursor_ack_partial(f.c, at(&f, n), MESSAGES, &half, 1, &acked), OK);
        assert_int_equal(acked, 5);
        if (n % 1000 == 0)
            model_settle(&f.m);
    }
    model_settle(&f.m);
    store_stats(f.m.store, &after);
    const uint64_t journal = after.journal_bytes - before.journal_bytes;
    assert_int_equal(cursor_take(f.c, &row), OK);
    const size_t disk = cursor_row_size(&row);
    cursor_row_release(&row);
    assert_true(disk < 6 * BATCHES);
    assert_true(journal < 9 * BATCHES);
    for (unsigned life = 0; life < 2; life++) {
        again(&f, life == 0 ? CUT : STOP);
        assert_int_equal(cursor_backlog_messages(f.c), 5 * BATCHES);
    }
    const size_t heap = mallinfo2().uordblks;
    partial_acks_deinit(f.c->partial);
    const size_t memory = heap - mallinfo2().uordblks; /* 0: a sanitizer's heap does not tell */
    print_message("half a batch costs %.2f bytes of memory, %.2f in the index, %.2f in the journal\n",
                  (double)memory / BATCHES, (double)disk / BATCHES, (double)journal / BATCHES);
    assert_true(memory < 12 * BATCHES);
    model_deinit(&f.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_of_a_batch_shrinks_and_with_the_last_it_is_acknowledged),
        cmocka_unit_test(an_acknowledgement_of_nothing_or_of_what_is_not_there_changes_nothing),
        cmocka_unit_test(it_survives_a_power_cut_an_orderly_stop_and_both),
        cmocka_unit_test(it_ends_with_what_acknowledges_the_whole_batch),
        cmocka_unit_test(a_seek_forgets_it_and_one_into_a_batch_leaves_the_rest_of_that),
        cmocka_unit_test(a_deleted_ledger_takes_it_along),
        cmocka_unit_test(a_batch_of_unknown_size_is_learnt_and_counted_then),
        cmocka_unit_test(a_volatile_cursor_has_it_too_and_writes_nothing),
        cmocka_unit_test(sets_too_large_and_too_many_are_refused_and_change_nothing),
        cmocka_unit_test(changes_while_a_checkpoint_works_come_after_it),
        cmocka_unit_test(a_hundred_thousand_halves_of_batches_cost_a_few_bytes_each),
    };
    return cmocka_run_group_tests_name("store: partly acknowledged batches", tests, NULL, NULL);
}
