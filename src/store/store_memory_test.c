/* SPDX-License-Identifier: Apache-2.0
 *
 * store_memory_test.c - memory runs short in every allocation of a call, one after the other.
 *
 * After each failure: nothing leaks (the sanitizers' build sees to that), and what was promised is there.
 */
#include "base/base_test.h"
#include "store/store_failing_memory.h"
#include "store/store_private.h"

static void start(struct model *m)
{
    model_init(m, 3);
    model_hook(m, &memory_hooks);
    assert_int_equal(model_open(m), OK);
    model_create_topics(m);
    for (unsigned i = 0; i < 12; i++)
        model_append(m, i % MODEL_TOPICS, 3000);
    model_settle(m);
    model_ack(m, 0, 1);
    model_barrier(m);
    model_settle(m);
}

static void a_start_that_is_short_of_memory_fails_and_the_next_one_does_not(void **state)
{
    bool struck = true;

    for (uint64_t n = 1; struck; n++) {
        struct model m;
        start(&m);
        model_crash(&m, MODEL_KILL);
        memory_fail(n);
        enum err err = model_open(&m);
        struck = memory_struck();
        memory_fail(0);
        if (err != ERR_NOMEM && err != OK)
            fail_msg("allocation %lu: %s: %s", n, err_text(err), m.message);
        assert_true(err == OK || m.message[0] != '\0');
        if (err != OK)
            model_crash(&m, MODEL_POWER);
        if (err != OK)
            assert_int_equal(model_open(&m), OK);
        model_verify(&m);
        model_deinit(&m);
    }
}

/* One call on a started store; returns what it says. */
typedef enum err one_call(struct model *m);

static struct append an_append;

static void ignore_append(struct append *a, enum err err)
{
}

static enum err call_append(struct model *m)
{
    const struct entry_header header = {.messages = 1};
    static uint8_t bytes[500];
    const struct slice slice = {.data = bytes, .len = sizeof bytes};

    an_append.done = ignore_append;
    return ledger_append(m->store, m->topics[0].ledger, &header, slice, &an_append);
}

static enum err call_create_ledger(struct model *m)
{
    uint64_t id;

    ledger_close(m->store, m->topics[0].ledger);
    return m->fatals ? ERR_NOMEM : ledger_create(m->store, m->topics[0].id, &id);
}

static enum err call_create_cursor(struct model *m)
{
    struct cursor *c;

    return cursor_create(m->store, store_id_new(m->store), m->topics[1].id, POSITION_LATEST, 0, &c);
}

static enum err call_volatile_cursor(struct model *m)
{
    struct cursor *c;
    enum err err = cursor_new_volatile(m->store, 4711, POSITION_EARLIEST, 0, &c);

    if (err == OK)
        cursor_free_volatile(c);
    return err;
}

static enum err call_ack(struct model *m)
{
    return cursor_ack(m->topics[1].cursor, (struct position){(int64_t)m->topics[1].ledger, 1}, 1, NULL);
}

static enum err call_ack_partial(struct model *m)
{
    const uint64_t left = 1;
    uint32_t acked;

    return cursor_ack_partial(m->topics[1].cursor, (struct position){(int64_t)m->topics[1].ledger, 1}, 3, &left, 1,
                              &acked);
}

static enum err call_put(struct model *m)
{
    const struct catalog_row row = {.id = store_id_new(m->store), .parent = 9, .name = bytes_of_text("x")};

    return catalog_put(m->store, CATALOG_NAMESPACE, &row);
}

static enum err call_remove(struct model *m)
{
    return catalog_remove(m->store, CATALOG_TOPIC, m->topics[2].id);
}

/* The call fails whole, or the process ends; whatever came before is there at the next start. */
static void sweep(one_call *call)
{
    bool struck = true;

    for (uint64_t n = 1; struck; n++) {
        struct model m;
        start(&m);
        memory_fail(n);
        memory_cross(true);
        enum err err = call(&m);
        memory_cross(false);
        struck = memory_struck();
        memory_fail(0);
        assert_true(err == OK || err == ERR_NOMEM);
        ledgers_check(&m.store->ledgers);
        catalog_tables_check(m.store->tables);
        for (unsigned i = 0; i < MODEL_TOPICS; i++) {
            if (cursor_find(m.store, m.topics[i].subscription))
                cursor_check(cursor_find(m.store, m.topics[i].subscription));
        }
        model_crash(&m, MODEL_POWER);
        assert_int_equal(model_open(&m), OK);
        model_verify(&m);
        model_deinit(&m);
    }
}

static void calls_that_are_short_of_memory_fail_whole_or_end_the_process(void **state)
{
    one_call *const calls[] = {call_append, call_create_ledger, call_create_cursor, call_volatile_cursor,
                               call_ack,    call_ack_partial,   call_put,           call_remove};

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        sweep(calls[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_that_is_short_of_memory_fails_and_the_next_one_does_not),
        cmocka_unit_test(calls_that_are_short_of_memory_fail_whole_or_end_the_process),
    };

    return cmocka_run_group_tests_name("store: memory", tests, NULL, NULL);
}
