/* SPDX-License-Identifier: Apache-2.0
 *
 * store_memory_test.c - memory runs short in every allocation of a call, one after the other.
 *
 * Linked with --wrap for malloc, calloc and realloc, so that only allocations of our own code fail; those of the
 * simulator are let through, by a disk and a loop of the test's that stand before the simulated ones.  After each
 * failure: nothing leaks (the sanitizers' build sees to that), and what was promised is there.
 */
#include "base/base_test.h"
#include "store/store_model.h"

#include "store/store_private.h"
#include "sys/disk.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);

static struct {
    uint64_t countdown; /* 0: nothing fails; 1: the next fails */
    bool paused, struck;
} memory;

static bool strikes(void)
{
    if (memory.countdown == 0 || memory.paused || --memory.countdown > 0)
        return false;
    memory.struck = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return strikes() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return strikes() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
    return strikes() ? NULL : __real_realloc(at, size);
}

static void fail_allocation(uint64_t n)
{
    memory.countdown = n;
    memory.paused = memory.struck = false;
}

/* True when the allocation that was to fail came. */
static bool end_failing(void)
{
    memory.countdown = 0;
    return memory.struck;
}

/* ---- the simulator's own allocations do not fail ---- */

static struct disk_ops sim_ops, patient_ops;

#define PATIENTLY(call)                                                                                                \
    const bool before = memory.paused;                                                                                 \
    memory.paused = true;                                                                                              \
    enum err err = call;                                                                                               \
    memory.paused = before;                                                                                            \
    return err

static enum err patient_open(struct disk *disk, const char *path, unsigned flags, struct file **out)
{
    PATIENTLY(sim_ops.open(disk, path, flags, out));
}

static enum err patient_mkdir(struct disk *disk, const char *path)
{
    PATIENTLY(sim_ops.mkdir(disk, path));
}

static enum err patient_unlink(struct disk *disk, const char *path)
{
    PATIENTLY(sim_ops.unlink(disk, path));
}

static enum err patient_lock(struct disk *disk, const char *path, const char *holder, char *other, size_t other_size)
{
    PATIENTLY(sim_ops.lock(disk, path, holder, other, other_size));
}

static enum err patient_write(struct file *file, uint64_t offset, const struct bytes *parts, size_t count)
{
    PATIENTLY(sim_ops.write(file, offset, parts, count));
}

static enum err patient_sync(struct file *file)
{
    PATIENTLY(sim_ops.sync(file));
}

static enum err patient_truncate(struct file *file, uint64_t len)
{
    PATIENTLY(sim_ops.truncate(file, len));
}

static enum err patient_sync_dir(struct disk *disk, const char *path)
{
    PATIENTLY(sim_ops.sync_dir(disk, path));
}

static struct loop_ops sim_loop_ops, patient_loop_ops;

static enum err patient_executor_new(struct loop *loop, const char *name, size_t bound, struct executor **out)
{
    PATIENTLY(sim_loop_ops.executor_new(loop, name, bound, out));
}

static void patient_timer_start(struct loop *loop, struct timer *timer, uint64_t deadline_ns)
{
    memory.paused = true;
    sim_loop_ops.timer_start(loop, timer, deadline_ns);
    memory.paused = false;
}

static void be_patient(struct model *m)
{
    struct sys *sys = sim_host_sys(m->host);

    if (sys->disk->ops != &patient_ops) {
        sim_ops = patient_ops = *sys->disk->ops;
        patient_ops.open = patient_open;
        patient_ops.mkdir = patient_mkdir;
        patient_ops.unlink = patient_unlink;
        patient_ops.lock = patient_lock;
        patient_ops.write = patient_write;
        patient_ops.sync = patient_sync;
        patient_ops.truncate = patient_truncate;
        patient_ops.sync_dir = patient_sync_dir;
        sys->disk->ops = &patient_ops;
    }
    if (sys->loop->ops != &patient_loop_ops) {
        sim_loop_ops = patient_loop_ops = *sys->loop->ops;
        patient_loop_ops.executor_new = patient_executor_new;
        patient_loop_ops.timer_start = patient_timer_start;
        sys->loop->ops = &patient_loop_ops;
    }
}

/* ---- tests ---- */

static void start(struct model *m)
{
    model_init(m, 3);
    be_patient(m);
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
        be_patient(&m);
        fail_allocation(n);
        enum err err = model_open(&m);
        struck = end_failing();
        if (err != ERR_NOMEM && err != OK)
            fail_msg("allocation %lu: %s: %s", n, err_text(err), m.message);
        assert_true(err == OK || m.message[0] != '\0');
        if (err != OK)
            model_crash(&m, MODEL_POWER);
        be_patient(&m);
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
        fail_allocation(n);
        enum err err = call(&m);
        struck = end_failing();
        assert_true(err == OK || err == ERR_NOMEM);
        ledgers_check(&m.store->ledgers);
        catalog_tables_check(m.store->tables);
        for (unsigned i = 0; i < MODEL_TOPICS; i++) {
            if (cursor_find(m.store, m.topics[i].subscription))
                cursor_check(cursor_find(m.store, m.topics[i].subscription));
        }
        model_crash(&m, MODEL_POWER);
        be_patient(&m);
        assert_int_equal(model_open(&m), OK);
        model_verify(&m);
        model_deinit(&m);
    }
}

static void calls_that_are_short_of_memory_fail_whole_or_end_the_process(void **state)
{
    one_call *const calls[] = {call_append, call_create_ledger, call_create_cursor, call_volatile_cursor,
                               call_ack,    call_put,           call_remove};

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
