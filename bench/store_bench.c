/* SPDX-License-Identifier: Apache-2.0
 *
 * store_bench.c - how fast the store acknowledges, next to what the disk under it can do at the same moment.
 *
 *     store_bench DIRECTORY [ENTRIES [BYTES [WINDOW]]]
 *
 * Disks differ by factors within an hour, so only ratios are worth keeping: each round measures the raw disk (one
 * write of BYTES, one fdatasync, into a file that was zero-written) and then the store, WINDOW appends under way.
 */
#include "bench.h"

#include "base/buffer.h"
#include "base/log.h"
#include "store/store.h"
#include "sys/disk.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS      3
#define RAW_SYNCS   300
#define LEDGER_ROLL 50000

struct bench {
    struct uv_sys *uv;
    struct sys *sys;
    struct log log;
    struct store *store;
    struct buffer *payload;
    size_t len;
    uint64_t wanted, asked, done;
    struct append *free; /* those not under way */
    struct task refill;  /* once in a turn of the loop, as sockets would */
    uint64_t topic, ledger, in_ledger;
    uint64_t began_ns, ended_ns;
    double raw, opened_ms;
};

static double seconds(uint64_t from_ns, uint64_t to_ns)
{
    return (double)(to_ns - from_ns) / 1e9;
}

/* Syncs per second of one small write each. */
static double raw_rate(struct bench *b)
{
    struct disk *disk = b->sys->disk;
    struct file *f;
    const struct bytes part = bytes_of(b->payload->data, b->len);

    must(disk_open(disk, "raw", DISK_WRITE | DISK_CREATE, &f), "raw");
    for (uint64_t i = 0; i < RAW_SYNCS; i++)
        must(file_write(f, i * b->len, &part, 1), "raw write");
    must(file_sync(f), "raw sync");
    const uint64_t began = loop_now_ns(b->sys->loop);
    for (uint64_t i = 0; i < RAW_SYNCS; i++) {
        must(file_write(f, i * b->len, &part, 1), "raw write");
        must(file_sync(f), "raw sync");
    }
    const double rate = RAW_SYNCS / seconds(began, loop_now_ns(b->sys->loop));
    file_close(f);
    must(disk->ops->unlink(disk, "raw"), "raw unlink");
    return rate;
}

static void roll(struct bench *b)
{
    if (b->ledger)
        ledger_close(b->store, b->ledger);
    must(ledger_create(b->store, b->topic, &b->ledger), "ledger");
    b->in_ledger = 0;
}

static void pump(struct bench *b)
{
    const struct entry_header header = {.messages = 1};
    struct slice bytes = slice_of(b->payload, 0, b->len);

    while (b->free && b->asked < b->wanted) {
        struct append *a = b->free;
        if (b->in_ledger == LEDGER_ROLL)
            roll(b);
        enum err err = ledger_append(b->store, b->ledger, &header, bytes, a);
        if (err == ERR_FULL)
            break; /* room comes back with a receipt */
        must(err, "append");
        b->free = a->next;
        b->asked++;
        b->in_ledger++;
    }
    slice_unref(&bytes);
}

struct bench_append {
    struct append append;
    struct bench *bench;
};

static void appended(struct append *a, enum err err)
{
    struct bench *b = container_of(a, struct bench_append, append)->bench;

    must(err, "receipt");
    a->next = b->free;
    b->free = a;
    if (++b->done == b->wanted)
        b->ended_ns = loop_now_ns(b->sys->loop);
    loop_defer(b->sys->loop, &b->refill);
}

static void closed(void *ctx)
{
    uv_sys_stop(((struct bench *)ctx)->uv);
}

static void report(const struct bench *b)
{
    struct store_stats stats;

    store_stats(b->store, &stats);
    const double rate = (double)b->wanted / seconds(b->began_ns, b->ended_ns);
    printf("open %.1f ms; raw %.0f syncs/s; store %.0f entries/s = %.1f x raw, %.1f MiB/s, %.1f entries per sync, "
           "%lu checkpoints\n",
           b->opened_ms, b->raw, rate, rate / b->raw, rate * (double)b->len / 1048576,
           (double)b->wanted / (double)stats.syncs, stats.checkpoints);
}

static void refill(struct task *task)
{
    struct bench *b = container_of(task, struct bench, refill);

    pump(b);
    if (b->done < b->wanted)
        return;
    report(b);
    store_close(b->store, closed, b);
}

static void room(void *ctx)
{
    pump(ctx);
}

static void run_round(const char *directory, uint64_t entries, size_t len, size_t window)
{
    struct bench b = {.len = len, .wanted = entries, .log = {.level = LOG_WARN}};
    struct bench_append *appends = calloc(window, sizeof *appends);
    char message[400];

    must(uv_sys_new(&b.uv, directory), "directory");
    b.sys = uv_sys_get(b.uv);
    b.payload = buffer_new(len, NULL);
    if (!b.payload || !appends)
        abort();
    memset(b.payload->data, 'x', len);
    b.raw = raw_rate(&b);
    const struct store_options options = {.holder = "store_bench", .log = &b.log, .on_fatal = fatal, .ctx = &b};
    const uint64_t opening = loop_now_ns(b.sys->loop);
    if (store_open(&b.store, &options, b.sys, message, sizeof message) != OK) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    b.opened_ms = seconds(opening, loop_now_ns(b.sys->loop)) * 1e3;
    store_on_room(b.store, room, &b);
    b.topic = store_id_new(b.store);
    roll(&b);
    for (size_t i = 0; i < window; i++) {
        appends[i] = (struct bench_append){.append = {.done = appended, .next = b.free}, .bench = &b};
        b.free = &appends[i].append;
    }
    b.refill.run = refill;
    loop_defer(b.sys->loop, &b.refill);
    b.began_ns = loop_now_ns(b.sys->loop);
    uv_sys_run(b.uv);
    store_free(b.store);
    buffer_unref(b.payload);
    uv_sys_free(b.uv);
    free(appends);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "store_bench DIRECTORY [ENTRIES [BYTES [WINDOW]]]\n");
        return 2;
    }
    const uint64_t entries = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    const size_t len = argc > 3 ? strtoull(argv[3], NULL, 10) : 1024;
    const size_t window = argc > 4 ? strtoull(argv[4], NULL, 10) : 1000;

    for (int i = 0; i < ROUNDS; i++)
        run_round(argv[1], entries, len, window);
    return 0;
}
