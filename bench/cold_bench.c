/* SPDX-License-Identifier: Apache-2.0
 *
 * cold_bench.c - how fast a backlog that no memory holds is read, and what that costs those who publish meanwhile.
 *
 *     cold_bench DIRECTORY [MIB [BYTES [LEDGERS]]]
 *
 * Makes DIRECTORY, writes MIB of entries of BYTES (1024) each there, and removes it at the end.  With LEDGERS 1, the
 * default, they are of one busy topic, whose entries stay in the journal's files; with more, each entry is of the next
 * ledger in turn, and they end in segments that all share.  Then in rounds, with none of the directory's files in the
 * page cache before each step:
 *     raw     the very same files, one after the other, in several ways: what the disk gives
 *     cold    the same entries through ledger_peek and ledger_read, as dispatch does it: ratio to raw.  Of many ledgers
 *             DRAINED, spread evenly, one after the other: seeks are what that costs
 *     alone   lone appends, each after the receipt of the one before: their latency
 *     beside  both at once: the ratio of each to itself alone, and how many appended entries were read back from memory
 * The last line has the medians of all rounds' ratios, to the raw way that was fastest in most rounds.
 */
#include "bench.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/random.h"
#include "store/store.h"
#include "sys/disk.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS      5
#define LEDGERS_MAX 100000
#define DRAINED     100 /* of many ledgers */
#define LEDGER_ROLL (256u << 20)
#define WINDOW      256        /* appends under way while filling */
#define PAYLOADS    (4u << 20) /* random bytes, of which each entry is another stretch */
#define FILES_MAX   4096
#define RAW_BLOCK   (4u << 20) /* the largest */
#define LONE_BYTES  1024
#define LONE_MAX    100000      /* latencies kept */
#define ALONE_NS    2000000000u /* how long lone appends are measured */
#define READ_BYTES  (5 * 1024 * 1024)
#define READ_MAX    100
#define TURNS       16
#define SETTLE_MS   500

/* The files in which the backlog lies: segments, and journal files that hold something. */
struct files {
    char paths[FILES_MAX][160];
    size_t count;
};

struct bench {
    struct uv_sys *uv;
    struct sys *sys;
    struct log log;
    struct store *store;
    const char *directory;
    struct files files;
    uint8_t *block; /* RAW_BLOCK bytes, aligned */
    size_t len;
    struct buffer *payload;

    struct appender {
        struct append append;
        struct bench *bench;
    } appenders[WINDOW];
    uint64_t wanted, asked, done;
    struct topic {
        uint64_t id, ledger, in_ledger; /* ledger 0: none is open */
    } * topics, lone;
    size_t topic_count;

    struct task drain;
    struct store_read read;
    struct position at;
    size_t topic_index, topic_step, chain_index;
    uint64_t drained_bytes, drained_topics, drain_began_ns, drained_ns;
    struct timer settle;
    bool draining;

    uint64_t lone_began_ns, lone_until_ns, hits;
    uint32_t *lone_us;
    size_t lone_count;
    struct task stop;
};

static const struct {
    const char *name;
    size_t block;
    int flags;
} raw_ways[] = {{"128 KiB", 128 << 10, 0},
                {"1 MiB", 1 << 20, 0},
                {"4 MiB", 4 << 20, 0},
                {"1 MiB past the page cache", 1 << 20, O_DIRECT},
                {"4 MiB past the page cache", 4 << 20, O_DIRECT}};
#define RAW_WAYS (sizeof raw_ways / sizeof *raw_ways)

struct round {
    double raw[RAW_WAYS], cold;                 /* MiB/s */
    double beside_cold, beside_p50, beside_p99; /* ratios */
};

static void must_have(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static double mib_per_second(uint64_t bytes, uint64_t began_ns, uint64_t ended_ns)
{
    return (double)bytes / 1048576 / ((double)(ended_ns - began_ns) / 1e9);
}

/* ---- the store's life ---- */

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

static void end(struct bench *b)
{
    store_free(b->store);
    uv_sys_free(b->uv);
}

/* ---- filling ---- */

static enum err append_to(struct bench *b, struct topic *t, size_t len, struct append *a)
{
    static size_t at;
    const struct entry_header header = {.messages = 1};

    at = (at + 4099) % (PAYLOADS - len);
    struct slice bytes = slice_of(b->payload, at, len);
    if (t->ledger == 0 || t->in_ledger >= LEDGER_ROLL) {
        if (t->ledger)
            ledger_close(b->store, t->ledger);
        must(ledger_create(b->store, t->id, &t->ledger), "ledger");
        t->in_ledger = 0;
    }
    enum err err = ledger_append(b->store, t->ledger, &header, bytes, a);
    slice_unref(&bytes);
    t->in_ledger += err == OK ? len : 0;
    return err;
}

static void filled(struct append *a, enum err err);

static void fill(struct bench *b)
{
    while (b->asked - b->done < WINDOW && b->asked < b->wanted) {
        struct appender *one = &b->appenders[b->asked % WINDOW];
        *one = (struct appender){.append = {.done = filled}, .bench = b};
        enum err err = append_to(b, &b->topics[b->asked % b->topic_count], b->len, &one->append);
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
    for (size_t i = 0; i < b->topic_count; i++)
        b->topics[i].id = store_id_new(b->store);
    b->lone.id = store_id_new(b->store); /* of its own: the backlog stays what it is */
    store_on_room(b->store, room, b);
    fill(b);
    uv_sys_run(b->uv);
    end(b);
}

/* ---- the files ---- */

static bool holds_something(const struct bench *b, const char *path)
{
    const int fd = open(path, O_RDONLY);
    const ssize_t got = fd < 0 ? -1 : pread(fd, b->block, 65536, 65536);
    bool something = false;

    for (ssize_t i = 0; i < got; i++)
        something |= b->block[i] != 0;
    if (fd >= 0)
        close(fd);
    return something;
}

static void each_file(struct bench *b, const char *kind, void (*each)(struct bench *b, const char *path))
{
    char path[160];
    struct dirent *entry;

    (void)snprintf(path, sizeof path, "%s/%s", b->directory, kind);
    DIR *dir = opendir(path);
    must_have(dir != NULL, path);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.' && snprintf(path, sizeof path, "%s/%s/%s", b->directory, kind, entry->d_name) > 0)
            each(b, path);
    }
    closedir(dir);
}

static void add_file(struct bench *b, const char *path)
{
    if (b->files.count < FILES_MAX && holds_something(b, path))
        (void)snprintf(b->files.paths[b->files.count++], sizeof b->files.paths[0], "%s", path);
}

static void forget_file(struct bench *b, const char *path)
{
    const int fd = open(path, O_RDONLY);

    must_have(fd >= 0, path);
    must_have(fsync(fd) == 0, path);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

static void remove_file(struct bench *b, const char *path)
{
    must_have(unlink(path) == 0, path);
}

/* Nothing of the store's files is in the page cache. */
static void drop_caches(struct bench *b)
{
    each_file(b, "journal", forget_file);
    each_file(b, "segments", forget_file);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(left, right);
}

static void find_files(struct bench *b)
{
    b->files.count = 0;
    each_file(b, "journal", add_file);
    each_file(b, "segments", add_file);
    qsort(b->files.paths, b->files.count, sizeof b->files.paths[0], by_name);
}

static void remove_all(struct bench *b)
{
    static const char *const others[] = {"catalog.db",       "catalog.db-wal", "catalog.copy",
                                         "catalog.copy-wal", "format",         "lock",
                                         "journal",          "segments",       ""};
    char path[160];

    each_file(b, "journal", remove_file);
    each_file(b, "segments", remove_file);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", b->directory, others[i]);
        (void)remove(path);
    }
}

/* ---- raw ---- */

static uint64_t read_whole(const struct bench *b, const char *path, size_t block, int flags)
{
    const int fd = open(path, O_RDONLY | flags);
    uint64_t total = 0;
    ssize_t got;

    must_have(fd >= 0, path);
    while ((got = read(fd, b->block, block)) > 0)
        total += (uint64_t)got;
    close(fd);
    return total;
}

static double raw_pass(struct bench *b, size_t block, int flags)
{
    uint64_t total = 0;

    drop_caches(b);
    const uint64_t began = now_ns();
    for (size_t i = 0; i < b->files.count; i++)
        total += read_whole(b, b->files.paths[i], block, flags);
    return mib_per_second(total, began, now_ns());
}

static void raw_rates(struct bench *b, double rates[RAW_WAYS])
{
    printf("raw MiB/s:");
    for (size_t i = 0; i < RAW_WAYS; i++) {
        rates[i] = raw_pass(b, raw_ways[i].block, raw_ways[i].flags);
        printf(" %.0f (%s)%s", rates[i], raw_ways[i].name, i + 1 < RAW_WAYS ? "," : ";");
    }
}

/* ---- cold reads ---- */

static void take(struct bench *b, struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        b->drained_bytes += entries[i].bytes.len;
        b->at.entry = entries[i].position.entry + 1;
        entry_unref(&entries[i]);
    }
}

static bool settle_in_topic(struct bench *b)
{
    size_t count;
    const struct ledger_info *chain = store_chain(b->store, b->topics[b->topic_index].id, &count);

    while (b->chain_index < count && b->at.entry >= (int64_t)chain[b->chain_index].entries) {
        b->chain_index++;
        b->at.entry = 0;
    }
    if (b->chain_index == count)
        return false;
    b->at.ledger = (int64_t)chain[b->chain_index].id;
    return true;
}

/* False: the backlog is at its end. */
static bool settle_position(struct bench *b)
{
    while (b->topic_index < b->topic_count && !settle_in_topic(b)) {
        b->topic_index += b->topic_step;
        b->drained_topics++;
        b->chain_index = 0;
        b->at = (struct position){0, 0};
    }
    return b->topic_index < b->topic_count;
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
            b->drained_ns = now_ns();
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
    b->topic_index = b->chain_index = 0;
    b->topic_step = b->topic_count > DRAINED ? b->topic_count / DRAINED : 1;
    b->drained_bytes = b->drained_topics = 0;
    b->draining = true;
    b->drain.run = drain_run;
    loop_defer(b->sys->loop, &b->drain);
}

/* The store writes a spare journal file when it opens: that is not a cold read's. */
static void settled(struct timer *timer)
{
    struct bench *b = container_of(timer, struct bench, settle);

    drop_caches(b);
    b->drain_began_ns = now_ns();
    drain_begin(b);
}

static double cold_rate(struct bench *b)
{
    begin(b);
    timer_init(&b->settle, b->sys->loop, settled);
    timer_start_ms(&b->settle, SETTLE_MS);
    uv_sys_run(b->uv);
    end(b);
    return mib_per_second(b->drained_bytes, b->drain_began_ns, b->drained_ns);
}

/* ---- lone appends ---- */

static void lone_next(struct bench *b);

static void lone_done(struct append *a, enum err err)
{
    struct bench *b = container_of(a, struct appender, append)->bench;
    struct entry e;

    must(err, "receipt");
    if (b->lone_count < LONE_MAX)
        b->lone_us[b->lone_count++] = (uint32_t)((now_ns() - b->lone_began_ns) / 1000);
    if (ledger_peek(b->store, a->position, 1, READ_BYTES, &e) == 1) {
        entry_unref(&e);
        b->hits++;
    }
    lone_next(b);
}

static void lone_next(struct bench *b)
{
    if (now_ns() >= b->lone_until_ns && !b->draining) {
        end_soon(b);
        return;
    }
    b->appenders[0] = (struct appender){.append = {.done = lone_done}, .bench = b};
    b->lone_began_ns = now_ns();
    must(append_to(b, &b->lone, LONE_BYTES, &b->appenders[0].append), "append");
}

static int by_number(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

struct latency {
    double p50, p99;
    double hits, cold;
};

/* To a topic of its own, for a while, or as long as a drain takes. */
static struct latency lone_appends(struct bench *b, bool beside)
{
    begin(b);
    drop_caches(b);
    b->lone_count = 0;
    b->hits = 0;
    b->drained_bytes = 0;
    b->lone.ledger = 0;
    const uint64_t began = now_ns();
    b->lone_until_ns = began + (beside ? 0 : ALONE_NS);
    if (beside)
        drain_begin(b);
    lone_next(b);
    uv_sys_run(b->uv);
    const double cold = beside ? mib_per_second(b->drained_bytes, began, b->drained_ns) : 0;
    b->lone_until_ns = 0;
    end(b);
    qsort(b->lone_us, b->lone_count, sizeof *b->lone_us, by_number);
    return (struct latency){.p50 = b->lone_us[b->lone_count / 2],
                            .p99 = b->lone_us[b->lone_count * 99 / 100],
                            .hits = 100.0 * (double)b->hits / (double)b->lone_count,
                            .cold = cold};
}

/* ---- rounds ---- */

static struct round busy_round(struct bench *b)
{
    struct round r;

    raw_rates(b, r.raw);
    r.cold = cold_rate(b);
    const struct latency alone = lone_appends(b, false), beside = lone_appends(b, true);
    r.beside_cold = beside.cold / r.cold;
    r.beside_p50 = beside.p50 / alone.p50;
    r.beside_p99 = beside.p99 / alone.p99;
    printf(" cold %.0f; lone append p50 %.0f us, p99 %.0f us; beside each other: cold %.2f x, append p50 %.2f x "
           "(%.0f us), p99 %.2f x (%.0f us), %.1f %% read back from memory\n",
           r.cold, alone.p50, alone.p99, r.beside_cold, r.beside_p50, beside.p50, r.beside_p99, beside.p99,
           beside.hits);
    return r;
}

static struct round shared_round(struct bench *b)
{
    struct round r;

    raw_rates(b, r.raw);
    r.cold = cold_rate(b);
    printf(" cold %.1f, %.1f ms for each of %.0f ledgers of %.0f KiB\n", r.cold,
           (double)b->drained_bytes / 1048576 / r.cold * 1000 / (double)b->drained_topics, (double)b->drained_topics,
           (double)b->drained_bytes / 1024 / (double)b->drained_topics);
    return r;
}

/* Of a field of the rounds. */
static double median_of(const struct round *rounds, size_t offset)
{
    double values[ROUNDS];

    for (size_t i = 0; i < ROUNDS; i++)
        memcpy(&values[i], (const char *)&rounds[i] + offset, sizeof values[i]);
    return median(values, ROUNDS);
}

static double median_raw(const struct round *rounds, size_t way)
{
    return median_of(rounds, offsetof(struct round, raw) + way * sizeof(double));
}

static void run(struct bench *b, uint64_t mib)
{
    struct round rounds[ROUNDS];
    double ratios[ROUNDS];
    size_t best = 0;

    write_backlog(b, mib << 20);
    find_files(b);
    for (int i = 0; i < ROUNDS; i++) {
        rounds[i] = b->topic_count == 1 ? busy_round(b) : shared_round(b);
        fflush(stdout);
    }
    for (size_t i = 1; i < RAW_WAYS; i++)
        best = median_raw(rounds, i) > median_raw(rounds, best) ? i : best;
    for (int i = 0; i < ROUNDS; i++)
        ratios[i] = rounds[i].cold / rounds[i].raw[best];
    printf("%llu MiB in %zu files, medians of %d rounds: cold %.3f x raw (%.0f MiB/s by %s)", (unsigned long long)mib,
           b->files.count, ROUNDS, median(ratios, ROUNDS), median_raw(rounds, best), raw_ways[best].name);
    if (b->topic_count == 1)
        printf("; beside lone appends %.2f x cold alone, appends beside it p50 %.2f x, p99 %.2f x alone",
               median_of(rounds, offsetof(struct round, beside_cold)),
               median_of(rounds, offsetof(struct round, beside_p50)),
               median_of(rounds, offsetof(struct round, beside_p99)));
    printf("\n");
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct random random;

    if (argc < 2) {
        fprintf(stderr, "cold_bench DIRECTORY [MIB [BYTES [LEDGERS]]]\n");
        return 2;
    }
    b.directory = argv[1];
    b.len = argc > 3 ? strtoull(argv[3], NULL, 10) : 1024;
    b.topic_count = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    if (b.len == 0 || b.len > PAYLOADS / 2 || b.topic_count == 0 || b.topic_count > LEDGERS_MAX) {
        fprintf(stderr, "BYTES: 1 to %u; LEDGERS: 1 to %u\n", PAYLOADS / 2, LEDGERS_MAX);
        return 2;
    }
    b.log.level = LOG_WARN;
    b.payload = buffer_new(PAYLOADS, NULL);
    b.lone_us = malloc(LONE_MAX * sizeof *b.lone_us);
    b.topics = calloc(b.topic_count, sizeof *b.topics);
    b.block = aligned_alloc(4096, RAW_BLOCK);
    must_have(b.payload && b.lone_us && b.topics && b.block, "memory");
    random_init(&random, 1); /* nothing that a disk could compress */
    for (size_t i = 0; i < PAYLOADS; i += 8)
        memcpy(b.payload->data + i, &(uint64_t){random_next(&random)}, 8);
    run(&b, argc > 2 ? strtoull(argv[2], NULL, 10) : 1024);
    remove_all(&b);
    buffer_unref(b.payload);
    free(b.lone_us);
    free(b.topics);
    free(b.block);
    return 0;
}
