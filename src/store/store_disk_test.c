/* SPDX-License-Identifier: Apache-2.0
 *
 * store_disk_test.c - the store on the kernel's disk, with real threads: written, closed, opened again, read.
 */
#include "base/base_test.h"
#include "store/store.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ENTRIES 2000

struct life {
    struct uv_sys *uv;
    struct store *store;
    uint64_t ledger;
    struct append appends[ENTRIES];
    unsigned asked, done;
    struct task next;
    struct store_read read;
    int64_t checked; /* entries read back */
};

static void on_fatal(void *ctx, enum err err, const char *what)
{
    fail_msg("%s", what);
}

static void on_closed(void *ctx)
{
    uv_sys_stop(((struct life *)ctx)->uv);
}

static struct life *life_open(const char *directory)
{
    struct life *l = calloc(1, sizeof *l);
    const struct store_options options = {
        .holder = "test", .journal_file_bytes = 1 << 20, .tail_cache_bytes = 64 * 1024, .on_fatal = on_fatal};
    char message[300];

    assert_non_null(l);
    assert_int_equal(uv_sys_new(&l->uv, directory), OK);
    enum err err = store_open(&l->store, &options, uv_sys_get(l->uv), message, sizeof message);
    if (err != OK)
        fail_msg("%s", message);
    return l;
}

static void life_run(struct life *l, void (*run)(struct task *task))
{
    l->next.run = run;
    loop_defer(uv_sys_get(l->uv)->loop, &l->next);
    uv_sys_run(l->uv);
    store_free(l->store);
    uv_sys_free(l->uv);
}

static size_t len_of(unsigned n)
{
    return 1 + (n * 37) % 5000;
}

static void fill(uint8_t *to, unsigned n)
{
    memset(to, (int)(n % 251), len_of(n));
}

static struct life *life_of(struct append *a)
{
    return container_of(a - a->position.entry, struct life, appends[0]);
}

static void append_some(struct task *task);

static void appended(struct append *a, enum err err)
{
    struct life *l = life_of(a);

    assert_int_equal(err, OK);
    assert_int_equal(a->position.entry, l->done);
    l->done++;
    loop_defer(uv_sys_get(l->uv)->loop, &l->next);
}

static void room(void *ctx)
{
    struct life *l = ctx;

    loop_defer(uv_sys_get(l->uv)->loop, &l->next);
}

static void append_some(struct task *task)
{
    struct life *l = container_of(task, struct life, next);
    const struct entry_header header = {.messages = 1};
    uint8_t bytes[5001];

    while (l->asked < ENTRIES && l->asked < l->done + 100) {
        struct slice slice;
        fill(bytes, l->asked);
        assert_int_equal(slice_copy(&slice, bytes_of(bytes, len_of(l->asked)), NULL), OK);
        l->appends[l->asked].done = appended;
        enum err err = ledger_append(l->store, l->ledger, &header, slice, &l->appends[l->asked]);
        slice_unref(&slice);
        if (err == ERR_FULL) /* the disk is slow at the moment: until there is room */
            return;
        assert_int_equal(err, OK);
        l->asked++;
    }
    if (l->done == ENTRIES)
        store_close(l->store, on_closed, l);
}

static void read_done(struct store_read *r, enum err err)
{
    struct life *l = container_of(r, struct life, read);
    uint8_t bytes[5001];

    assert_int_equal(err, OK);
    for (size_t i = 0; i < r->count; i++) {
        fill(bytes, (unsigned)l->checked);
        assert_true(bytes_equal(slice_bytes(r->entries[i].bytes), bytes_of(bytes, len_of((unsigned)l->checked))));
        entry_unref(&r->entries[i]);
        l->checked++;
    }
    loop_defer(uv_sys_get(l->uv)->loop, &l->next);
}

static void read_some(struct task *task)
{
    struct life *l = container_of(task, struct life, next);

    if (l->checked == ENTRIES) {
        store_close(l->store, on_closed, l);
        return;
    }
    l->read.done = read_done;
    l->read.from = (struct position){(int64_t)l->ledger, l->checked};
    l->read.max = STORE_READ_MAX;
    l->read.bytes_max = 100000;
    ledger_read(l->store, &l->read);
}

static void what_is_appended_with_real_threads_is_read_back_after_a_restart(void **state)
{
    char directory[] = "/tmp/geminga-store-XXXXXX";
    char command[64];
    struct store_stats stats;

    assert_non_null(mkdtemp(directory));
    struct life *l = life_open(directory);
    assert_int_equal(ledger_create(l->store, 7, &l->ledger), OK);
    const uint64_t ledger = l->ledger;
    store_on_room(l->store, room, l);
    life_run(l, append_some);
    free(l);

    l = life_open(directory);
    store_stats(l->store, &stats);
    assert_int_equal(stats.recovered_entries, 0); /* it was closed in order */
    assert_true(stats.segment_files > 0);
    l->ledger = ledger;
    life_run(l, read_some);
    free(l);
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_with_real_threads_is_read_back_after_a_restart),
    };

    return cmocka_run_group_tests_name("store: the kernel's disk", tests, NULL, NULL);
}
