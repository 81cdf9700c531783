/* SPDX-License-Identifier: Apache-2.0
 *
 * cold_bench.c - how fast a backlog that no memory holds is read, and what that costs those who publish meanwhile.
 *
 *     cold_bench DIRECTORY [MIB [BYTES]]
 *
 * Writes MIB of entries of BYTES each, then in rounds, the page cache dropped before each step (needs root):
 *     raw     the segment files, 1 MiB at a time, one after the other
 *     cold    the same entries through ledger_peek and ledger_read, as dispatch does it: ratio to raw
 *     alone   lone appends, each after the receipt of the one before: their latency
 *     beside  both at once: the ratio of each to itself alone, and how many appended entries were read back from memory
 */
#include "base/buffer.h"
#include "base/log.h"
#include "store/store.h"
#include "sys/disk.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS      3
#define LEDGER_ROLL 50000
#define WINDOW      256         /* appends under way while filling */
#define LONE_MAX    100000      /* latencies kept */
#define ALONE_NS    3000000000u /* how long lone appends are measured */
#define READ_BYTES  (5 * 1024 * 1024)
#define READ_MAX    100
#define TURNS       16

struct bench {
    struct uv_sys *uv;
    struct sys *sys;
    struct log log;
    struct store *store;
    const char *directory;
    uint64_t topic;
    size_t len;
    struct buffer *payload;

    struct appender {
        struct append append;
        struct bench *bench;
    } appenders[WINDOW];
    uint64_t wanted, asked, done;
    uint64_t ledger, in_ledger;

    struct task drain;
    struct store_read read;
    struct position at;
    size_t chain_index;
    uint64_t drained_bytes, drained_entries;
    bool draining;

    uint64_t lone_began_ns, lone_until_ns, hits;
    uint32_t *lone_us;
    size_t lone_count;
    struct task stop;
};

static void fatal(void *ctx, enum err err, const char *what)
{
    fprintf(stderr, "fatal: %s: %s\n", what, err_text(err));
    abort();
}

static void must(enum err err, const char *what)
{
    if (err == OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err_text(err));
    exit(1);
}

static double seconds(uint64_t from_ns, uint64_t to_ns)
{
    return (double)(to_ns - from_ns) / 1e9;
}

static uint64_t now(const struct bench *b)
{
    return loop_now_ns(b->sys->loop);
}

static void drop_caches(void)
{
    FILE *f = fopen("/proc/sys/vm/drop_caches", "w");

    if (!f || fputs("3\n", f) < 0 || fclose(f) != 0) {
        fprintf(stderr, "the page cache cannot be dropped: not root\n");
        exit(1);
    }
}

static void begin(struct bench *b)
{
    static const char holder[] = "cold_bench";
    char message[400];

    must(uv_sys_new(&b->uv, b->directory), "directory");
    b->sys = uv_sys_get(b->uv);
    const struct store_options options = {
        .holder = holder, .log = &b->log, .on_fatal = fatal, .ctx = b, .tail_cache_bytes = 16 << 20};
    if (store_open(&b->store, &options, b->sys, message, sizeof message) != OK) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
}

static void closed(void *ctx)
{
    uv_sys_stop(((struct bench *)ctx)->uv);
}

static void stop_run(struct task *task)
{
    struct bench *b = container_of(task, struct bench, stop);
    store_close(b->store, closed, b);
}

static void end_soon(struct bench *b)
{
    b->stop.run = stop_run;
    loop_defer(b->sys->loop, &b->stop);
}

static void run_and_end(struct bench *b)
{
    uv_sys_run(b->uv);
    store_free(b->store);
    uv_sys_free(b->uv);
}

/* ---- filling ---- */

static enum err append_one(struct bench *b, struct append *a)
{
    const struct entry_header header = {.messages = 1};
    struct slice bytes = slice_of(b->payload, 0, b->len);

    if (b->ledger == 0 || b->in_ledger == LEDGER_ROLL) {
        if (b->ledger)
            ledger_close(b->store, b->ledger);
        must(ledger_create(b->store, b->topic, &b->ledger), "ledger");
        b->in_ledger = 0;
    }
    enum err err = ledger_append(b->store, b->ledger, &header, bytes, a);
    slice_unref(&bytes);
    b->in_ledger += err == OK;
    return err;
}

static void filled(struct append *a, enum err err);

static void fill(struct bench *b)
{
    while (b->asked - b->done < WINDOW && b->asked < b->wanted) {
        struct appender *one = &b->appenders[b->asked % WINDOW];
        *one = (struct appender){.append = {.done = filled}, .bench = b};
        enum err err = append_one(b, &one->append);
        if (err == ERR_FULL)
            return;
        must(err, "append");
        b->asked++;
    }
}

static void filled(struct append *a, enum err err)
{
    struct bench *b = container_of(a, struct appender, append)->bench;

    must(err, "receipt");
    if (++b->done == b->wanted)
        end_soon(b);
    else
        fill(b);
}

static void room(void *ctx)
{
    fill(ctx);
}

static void write_backlog(struct bench *b, uint64_t bytes)
{
    b->wanted = bytes / b->len;
    begin(b);
    b->topic = store_id_new(b->store);
    store_on_room(b->store, room, b);
    fill(b);
    run_and_end(b);
    b->ledger = 0;
}

/* ---- raw ---- */

struct names {
    char list[4096][64];
    size_t count;
};

static void add_name(void *ctx, const char *name)
{
    struct names *n = ctx;

    if (n->count < 4096)
        (void)snprintf(n->list[n->count++], 64, "segments/%s", name);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(left, right);
}

static double raw_rate(const struct bench *b)
{
    static struct names names;
    static uint8_t part[1 << 20];
    struct uv_sys *uv;
    uint64_t total = 0;

    must(uv_sys_new(&uv, b->directory), "directory");
    struct disk *disk = uv_sys_get(uv)->disk;
    names.count = 0;
    must(disk->ops->list(disk, "segments", add_name, &names), "segments");
    qsort(names.list, names.count, sizeof names.list[0], by_name);
    drop_caches();
    const uint64_t began = loop_now_ns(uv_sys_get(uv)->loop);
    for (size_t i = 0; i < names.count; i++) {
        struct file *f;
        uint64_t at = 0;
        size_t got;
        must(disk_open(disk, names.list[i], DISK_READ, &f), names.list[i]);
        do {
            must(file_read(f, at, part, sizeof part, &got), "raw read");
            at += got;
        } while (got == sizeof part);
        total += at;
        file_close(f);
    }
    const double rate = (double)total / 1048576 / seconds(began, loop_now_ns(uv_sys_get(uv)->loop));
    uv_sys_free(uv);
    return rate;
}

/* ---- cold reads ---- */

static void take(struct bench *b, struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        b->drained_bytes += entries[i].bytes.len;
        b->at.entry = entries[i].position.entry + 1;
        entry_unref(&entries[i]);
    }
    b->drained_entries += count;
}

/* False: the backlog is at its end. */
static bool settle_position(struct bench *b)
{
    size_t count;
    const struct ledger_info *chain = store_chain(b->store, b->topic, &count);

    while (b->chain_index < count && b->at.entry >= (int64_t)chain[b->chain_index].entries) {
        b->chain_index++;
        b->at.entry = 0;
    }
    if (b->chain_index >= count)
        return false;
    b->at.ledger = (int64_t)chain[b->chain_index].id;
    return b->drained_entries < b->wanted;
}

static void read_done(struct store_read *read, enum err err)
{
    struct bench *b = container_of(read, struct bench, read);

    must(err, "cold read");
    take(b, read->entries, read->count);
    loop_defer(b->sys->loop, &b->drain);
}

static void drain_run(struct task *task)
{
    struct bench *b = container_of(task, struct bench, drain);
    struct entry entries[READ_MAX];

    for (int turn = 0; turn < TURNS; turn++) {
        if (!settle_position(b)) {
            b->draining = false;
            if (b->lone_until_ns == 0)
                end_soon(b);
            return;
        }
        size_t count = ledger_peek(b->store, b->at, READ_MAX, READ_BYTES, entries);
        take(b, entries, count);
        if (count == 0) {
            b->read = (struct store_read){.done = read_done, .from = b->at, .max = READ_MAX, .bytes_max = READ_BYTES};
            ledger_read(b->store, &b->read);
            return;
        }
    }
    loop_defer(b->sys->loop, &b->drain);
}

static void drain_begin(struct bench *b)
{
    b->at = (struct position){0, 0};
    b->chain_index = 0;
    b->drained_bytes = b->drained_entries = 0;
    b->draining = true;
    b->drain.run = drain_run;
    loop_defer(b->sys->loop, &b->drain);
}

static double cold_rate(struct bench *b)
{
    begin(b);
    drop_caches();
    const uint64_t began = now(b);
    drain_begin(b);
    uv_sys_run(b->uv);
    const double rate = (double)b->drained_bytes / 1048576 / seconds(began, now(b));
    store_free(b->store);
    uv_sys_free(b->uv);
    return rate;
}

/* ---- lone appends ---- */

static void lone_next(struct bench *b);

static void lone_done(struct append *a, enum err err)
{
    struct bench *b = container_of(a, struct appender, append)->bench;
    struct entry e;

    must(err, "receipt");
    if (b->lone_count < LONE_MAX)
        b->lone_us[b->lone_count++] = (uint32_t)((now(b) - b->lone_began_ns) / 1000);
    if (ledger_peek(b->store, a->position, 1, READ_BYTES, &e) == 1) {
        entry_unref(&e);
        b->hits++;
    }
    lone_next(b);
}

static void lone_next(struct bench *b)
{
    if (now(b) >= b->lone_until_ns && !b->draining) {
        end_soon(b);
        return;
    }
    b->appenders[0] = (struct appender){.append = {.done = lone_done}, .bench = b};
    b->lone_began_ns = now(b);
    must(append_one(b, &b->appenders[0].append), "append");
}

static int by_number(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

struct latency {
    double p50, p99;
    double hits;
};

/* To a topic of its own: the backlog stays what it is. */
static struct latency lone_appends(struct bench *b, bool beside, double *cold)
{
    const uint64_t topic = b->topic;
    const size_t len = b->len;

    begin(b);
    drop_caches();
    b->lone_count = 0;
    b->hits = 0;
    b->ledger = 0;
    b->lone_until_ns = now(b) + (beside ? 0 : ALONE_NS);
    if (beside)
        drain_begin(b);
    b->topic = store_id_new(b->store);
    b->len = 1024;
    const uint64_t began = now(b);
    lone_next(b);
    b->topic = topic;
    uv_sys_run(b->uv);
    *cold = (double)b->drained_bytes / 1048576 / seconds(began, now(b));
    b->len = len;
    b->lone_until_ns = 0;
    store_free(b->store);
    uv_sys_free(b->uv);
    b->ledger = 0;
    qsort(b->lone_us, b->lone_count, sizeof *b->lone_us, by_number);
    return (struct latency){.p50 = b->lone_us[b->lone_count / 2],
                            .p99 = b->lone_us[b->lone_count * 99 / 100],
                            .hits = 100.0 * (double)b->hits / (double)b->lone_count};
}

static void run_round(struct bench *b)
{
    double ignored, beside_rate;
    const double raw = raw_rate(b), cold = cold_rate(b);
    const struct latency alone = lone_appends(b, false, &ignored), beside = lone_appends(b, true, &beside_rate);

    printf("raw %.0f MiB/s; cold %.0f MiB/s = %.2f x raw; lone append p50 %.0f us, p99 %.0f us; beside each other: "
           "cold %.2f x, append p50 %.2f x (%.0f us), p99 %.2f x (%.0f us), %.1f %% read back from memory\n",
           raw, cold, cold / raw, alone.p50, alone.p99, beside_rate / cold, beside.p50 / alone.p50, beside.p50,
           beside.p99 / alone.p99, beside.p99, beside.hits);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct bench b;

    if (argc < 2) {
        fprintf(stderr, "cold_bench DIRECTORY [MIB [BYTES]]\n");
        return 2;
    }
    const uint64_t mib = argc > 2 ? strtoull(argv[2], NULL, 10) : 1024;
    b.directory = argv[1];
    b.len = argc > 3 ? strtoull(argv[3], NULL, 10) : 1024;
    b.log.level = LOG_WARN;
    b.payload = buffer_new(b.len < 1024 ? 1024 : b.len, NULL);
    b.lone_us = malloc(LONE_MAX * sizeof *b.lone_us);
    if (!b.payload || !b.lone_us)
        abort();
    memset(b.payload->data, 'x', b.payload->capacity);
    write_backlog(&b, mib << 20);
    for (int i = 0; i < ROUNDS; i++)
        run_round(&b);
    buffer_unref(b.payload);
    free(b.lone_us);
    return 0;
}
