/* SPDX-License-Identifier: Apache-2.0
 *
 * ledgers_bench.c - what it costs to spread the same appends over many ledgers, and what comes back when most are gone.
 *
 *     ledgers_bench DIRECTORY [LEDGERS [ENTRIES [BYTES [WINDOW]]]]
 *
 * Two stores in turn, ROUNDS times: all ENTRIES into one ledger, and the same round-robin into LEDGERS of them, each of
 * a topic of its own. Of the second, nine of ten ledgers are then deleted, and what is in segments/ and journal/ is
 * told before that and when the store has come to rest.  "written" is what this process had written to the disk by the
 * kernel's count, for each byte appended: by the last receipt, and with what compaction wrote after the deletions. Only
 * ratios within one run are worth keeping.  What it makes in DIRECTORY it removes.
 */
#include "bench.h"

#include "base/buffer.h"
#include "base/log.h"
#include "store/store.h"
#include "sys/disk.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS      5
#define LEDGER_ROLL 50000
#define LOOK_MS     250
#define REST_LOOKS  48 /* nothing changed for so long: longer than compaction waits for what may die by itself */

struct topic {
    uint64_t id, ledger, entries;
};

struct bench {
    struct uv_sys *uv;
    struct sys *sys;
    struct log log;
    struct store *store;
    struct buffer *payload;
    size_t len; /* of an entry */
    struct topic *topics;
    uint64_t topic_count;
    uint64_t wanted, asked, done;
    struct append *free; /* those not under way */
    struct task refill;  /* once in a turn of the loop, as sockets would */
    struct timer look;
    uint64_t began_ns, written_before;
    double cpu_before;
    uint64_t checkpoints, segment_bytes; /* at the last look */
    unsigned rests;
    double rate, written, cpu_us; /* results */
};

struct bench_append {
    struct append append;
    struct bench *bench;
};

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- what is in segments/ and journal/ ---- */

struct listing {
    struct disk *disk;
    const char *directory;
    uint64_t files, bytes;
};

static void add_file(void *ctx, const char *name)
{
    struct listing *l = ctx;
    char path[300];
    struct file *f;
    uint64_t size;

    snprintf(path, sizeof path, "%s/%s", l->directory, name);
    if (disk_open(l->disk, path, DISK_READ, &f) != OK)
        return;
    if (file_size(f, &size) == OK) {
        l->files++;
        l->bytes += size;
    }
    file_close(f);
}

static struct listing list_files(const struct bench *b, const char *directory)
{
    struct listing l = {.disk = b->sys->disk, .directory = directory};

    must(l.disk->ops->list(l.disk, directory, add_file, &l), directory);
    return l;
}

static void report_files(const struct bench *b, const char *when)
{
    const struct listing segments = list_files(b, "segments"), journal = list_files(b, "journal");
    struct store_stats stats;

    store_stats(b->store, &stats);
    printf("    %s: %" PRIu64 " segments of %.1f MiB, %" PRIu64 " journal files of %.1f MiB; %.1f MiB live\n", when,
           segments.files, (double)segments.bytes / 1048576, journal.files, (double)journal.bytes / 1048576,
           (double)stats.segment_bytes / 1048576);
}

/* ---- appending ---- */

static void roll(struct bench *b, struct topic *t)
{
    if (t->ledger)
        ledger_close(b->store, t->ledger);
    must(ledger_create(b->store, t->id, &t->ledger), "ledger");
    t->entries = 0;
}

static void pump(struct bench *b)
{
    const struct entry_header header = {.messages = 1};
    struct slice bytes = slice_of(b->payload, 0, b->len);

    while (b->free && b->asked < b->wanted) {
        struct append *a = b->free;
        struct topic *t = &b->topics[b->asked % b->topic_count];
        if (!t->ledger || t->entries == LEDGER_ROLL)
            roll(b, t);
        enum err err = ledger_append(b->store, t->ledger, &header, bytes, a);
        if (err == ERR_FULL)
            break; /* room comes back with a receipt, or a checkpoint */
        must(err, "append");
        b->free = a->next;
        b->asked++;
        t->entries++;
    }
    slice_unref(&bytes);
}

static void appended(struct append *a, enum err err)
{
    struct bench *b = container_of(a, struct bench_append, append)->bench;

    must(err, "receipt");
    a->next = b->free;
    b->free = a;
    b->done++;
    loop_defer(b->sys->loop, &b->refill);
}

static void room(void *ctx)
{
    pump(ctx);
}

/* ---- afterwards ---- */

static void closed(void *ctx)
{
    uv_sys_stop(((struct bench *)ctx)->uv);
}

static void delete_most(struct bench *b)
{
    for (uint64_t i = 0; i < b->topic_count; i++) {
        if (i % 10 == 0)
            continue;
        ledger_close(b->store, b->topics[i].ledger);
        ledger_delete(b->store, b->topics[i].ledger);
    }
}

static double written_for_each(const struct bench *b)
{
    return (double)(bytes_written() - b->written_before) / ((double)b->wanted * (double)b->len);
}

static void finish(struct bench *b)
{
    b->rate = (double)b->wanted / ((double)(loop_now_ns(b->sys->loop) - b->began_ns) / 1e9);
    b->written = written_for_each(b);
    b->cpu_us = (cpu_us() - b->cpu_before) / (double)b->wanted;
    if (b->topic_count == 1) {
        store_close(b->store, closed, b);
        return;
    }
    report_files(b, "before the deletion of 9 of 10");
    delete_most(b);
    timer_start_ms(&b->look, LOOK_MS);
}

static void look_again(struct timer *timer)
{
    struct bench *b = container_of(timer, struct bench, look);
    const uint64_t bytes = list_files(b, "segments").bytes + list_files(b, "journal").bytes;
    struct store_stats stats;

    store_stats(b->store, &stats);
    b->rests = stats.checkpoints == b->checkpoints && bytes == b->segment_bytes ? b->rests + 1 : 0;
    b->checkpoints = stats.checkpoints;
    b->segment_bytes = bytes;
    if (b->rests < REST_LOOKS) {
        timer_start_ms(&b->look, LOOK_MS);
        return;
    }
    report_files(b, "when all has come to rest");
    printf("    written by then: %.2f bytes for each appended\n", written_for_each(b));
    store_close(b->store, closed, b);
}

static void refill(struct task *task)
{
    struct bench *b = container_of(task, struct bench, refill);

    if (b->done < b->wanted)
        pump(b);
    else
        finish(b);
}

/* ---- a store ---- */

static void run_store(struct bench *b, const char *directory, uint64_t ledgers, uint64_t entries, size_t len,
                      size_t window)
{
    struct bench_append *appends = calloc(window, sizeof *appends);
    const struct store_options options = {.holder = "ledgers_bench", .log = &b->log, .on_fatal = fatal, .ctx = b};
    char message[400];

    *b = (struct bench){.wanted = entries, .len = len, .topic_count = ledgers, .log = {.level = LOG_WARN}};
    must(uv_sys_new(&b->uv, directory), "directory");
    b->sys = uv_sys_get(b->uv);
    b->payload = buffer_new(len, NULL);
    b->topics = calloc(ledgers, sizeof *b->topics);
    if (!b->payload || !appends || !b->topics)
        abort();
    memset(b->payload->data, 'x', len);
    if (store_open(&b->store, &options, b->sys, message, sizeof message) != OK) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    store_on_room(b->store, room, b);
    for (uint64_t i = 0; i < ledgers; i++)
        b->topics[i].id = store_id_new(b->store);
    for (size_t i = 0; i < window; i++) {
        appends[i] = (struct bench_append){.append = {.done = appended, .next = b->free}, .bench = b};
        b->free = &appends[i].append;
    }
    b->refill.run = refill;
    timer_init(&b->look, b->sys->loop, look_again);
    loop_defer(b->sys->loop, &b->refill);
    b->began_ns = loop_now_ns(b->sys->loop);
    b->written_before = bytes_written();
    b->cpu_before = cpu_us();
    uv_sys_run(b->uv);
    store_free(b->store);
    buffer_unref(b->payload);
    uv_sys_free(b->uv);
    free(b->topics);
    free(appends);
}

/* How fast many are, for one that is as fast as 1. */
static double run_round(const char *directory, unsigned round, uint64_t ledgers, uint64_t entries, size_t len,
                        size_t window)
{
    struct bench one, many;
    char path[400];

    snprintf(path, sizeof path, "%s/one-%u", directory, round);
    run_store(&one, path, 1, entries, len, window);
    printf("1 ledger: %.0f appends/s, %.2f bytes written for each, %.2f us of cpu\n", one.rate, one.written,
           one.cpu_us);
    snprintf(path, sizeof path, "%s/many-%u", directory, round);
    run_store(&many, path, ledgers, entries, len, window);
    printf("%" PRIu64 " ledgers: %.0f appends/s = %.0f %%, %.2f bytes written for each, %.2f us of cpu\n", ledgers,
           many.rate, 100 * many.rate / one.rate, many.written, many.cpu_us);
    fflush(stdout);
    return many.rate / one.rate;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "ledgers_bench DIRECTORY [LEDGERS [ENTRIES [BYTES [WINDOW]]]]\n");
        return 2;
    }
    const uint64_t ledgers = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000;
    const uint64_t entries = argc > 3 ? strtoull(argv[3], NULL, 10) : 500000;
    const size_t len = argc > 4 ? strtoull(argv[4], NULL, 10) : 1024;
    const size_t window = argc > 5 ? strtoull(argv[5], NULL, 10) : 1000;
    double ratios[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++)
        ratios[i] = run_round(argv[1], i, ledgers, entries, len, window);
    const double middle = median(ratios, ROUNDS);
    printf("%" PRIu64 " ledgers are %.0f %% as fast as one (%.0f to %.0f)\n", ledgers, 100 * middle, 100 * ratios[0],
           100 * ratios[ROUNDS - 1]);
    return 0;
}
