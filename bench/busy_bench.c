/* SPDX-License-Identifier: Apache-2.0
 *
 * busy_bench.c - one busy topic, published, acknowledged and trimmed behind, next to what the disk can do at that time.
 *
 *     busy_bench DIRECTORY [GIGABYTES [ENTRY_BYTES [WINDOW_BYTES [LEDGER_MEGABYTES]]]]
 *
 * First the raw limit: a loop of one pwrite and one fdatasync, by size, appending to a new file and writing over an old
 * one of the journal's size.  Then the store alone, in rounds: it publishes a share of the bytes with WINDOW_BYTES
 * under way; its cursor follows at once, and closed ledgers behind the cursor are deleted.  Between two rounds, with
 * the store idle, the raw loop runs again with writes of the size that the store's syncs had, because a disk's
 * speed changes from minute to minute; only the ratio of neighbours is worth keeping, and the median of these.  At last
 * the delay of a lone append, alternating with a raw append and sync: quiet, and while the busy topic goes on.
 *
 * Bytes written to the disk are the kernel's count for this process (/proc/self/io), without the raw loops' own, and
 * the store's count by cause.  (The kernel counts pages made dirty; one that keeps files in folios of many pages counts
 * a folio that was written in part as a whole.)
 */
#include "bench.h"

#include "base/buffer.h"
#include "base/log.h"
#include "store/cursor.h"
#include "store/store.h"
#include "sys/disk.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MB         1000000u
#define ROUNDS     12u
#define RAW_FILE   (64u << 20)
#define RAW_BYTES  (256u << 20) /* at least so much per raw measure beside the store */
#define LONE       200u
#define LONE_BYTES 1000u

struct publish {
    struct append append;
    struct bench *bench;
};

struct lone {
    struct append append;
    struct bench *bench;
    uint64_t began_ns;
    double ms[LONE];
    unsigned count;
    uint64_t topic, ledger;
};

struct bench {
    const char *directory;
    struct uv_sys *uv;
    struct sys *sys;
    struct log log;
    struct store *store;
    struct buffer **payloads; /* as many as may be under way: a broker's come from sockets, not from a cache */
    size_t payload_count, len;
    uint64_t total, window, ledger_bytes;
    /* The busy topic. */
    uint64_t topic, ledger, in_ledger;
    struct cursor *cursor;
    struct append *free; /* those not under way */
    uint64_t asked, done, round_end;
    struct position last;
    struct task refill;
    /* This round's. */
    unsigned round;
    uint64_t began_ns, began_done, began_syncs, began_journal;
    double ratio_over[ROUNDS], ratio_append[ROUNDS];
    double busy_seconds;
    /* Figures. */
    uint64_t written, raw_written; /* to the disk */
    uint64_t peak, next_look;
    struct lone lone;
    struct timer lone_timer;
    struct executor *raw_worker; /* of the raw appends between them: the load is not to wait for these */
    struct work raw_work;
    bool quiet, beside; /* which of the lone phases it is in */
    double raw_ms[LONE];
    unsigned raw_count;
};

/* ---- what the disk was given, and what lies on it ---- */

static uint64_t bytes_in(const char *directory)
{
    DIR *d = opendir(directory);
    char path[1024];
    uint64_t bytes = 0;
    struct stat stat;

    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        if (e->d_name[0] == '.' || strcmp(e->d_name, "raw") == 0 || lstat(path, &stat) != 0)
            continue;
        bytes += S_ISDIR(stat.st_mode) ? bytes_in(path) : (uint64_t)stat.st_blocks * 512;
    }
    closedir(d);
    return bytes;
}

/* ---- the raw disk ---- */

static void path_of_raw(const struct bench *b, char path[1024])
{
    snprintf(path, 1024, "%s/raw", b->directory);
}

static int raw_open(const struct bench *b)
{
    char path[1024];

    path_of_raw(b, path);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        must(ERR_IO, "raw");
    return fd;
}

static void raw_unlink(const struct bench *b)
{
    char path[1024];

    path_of_raw(b, path);
    (void)unlink(path);
}

static void raw_write(int fd, const uint8_t *block, size_t size, uint64_t at)
{
    if (pwrite(fd, block, size, (off_t)at) != (ssize_t)size)
        must(ERR_IO, "raw write");
}

static void raw_sync(int fd)
{
    if (fdatasync(fd) != 0)
        must(ERR_IO, "raw sync");
}

static uint8_t *random_block(struct bench *b, size_t size)
{
    uint8_t *block = malloc(size);

    if (!block)
        abort();
    b->sys->loop->ops->entropy(b->sys->loop, block, size);
    return block;
}

/* Bytes per second of `size` bytes and one sync, again and again. */
static double raw_rate(struct bench *b, size_t size, uint64_t bytes, bool over)
{
    uint8_t *block = random_block(b, size);
    const uint64_t before = bytes_written();
    uint64_t done = 0, at = 0;

    raw_unlink(b);
    const int fd = raw_open(b);
    for (; over && at + size <= RAW_FILE; at += size)
        raw_write(fd, block, size, at);
    raw_sync(fd);
    const uint64_t began = now_ns();
    for (at = 0; done < bytes && seconds_since(began) < 3; done += size, at += size) {
        if (over && at + size > RAW_FILE)
            at = 0;
        raw_write(fd, block, size, at);
        raw_sync(fd);
    }
    const double rate = (double)done / seconds_since(began);
    close(fd);
    raw_unlink(b);
    free(block);
    b->raw_written += bytes_written() - before;
    return rate;
}

static void raw_table(struct bench *b)
{
    printf("raw limit, one write and one fdatasync     append        over old bytes\n");
    for (size_t size = 4096; size <= 4u << 20; size *= 4) {
        const uint64_t bytes = size < 65536 ? 2000 * size : 128u << 20;
        const double append = raw_rate(b, size, bytes, false), over = raw_rate(b, size, bytes, true);
        printf("  %7zu bytes                      %7.1f MB/s      %7.1f MB/s\n", size, append / MB, over / MB);
    }
}

/* ---- the busy topic ---- */

static void trim(struct bench *b)
{
    size_t count;
    const struct ledger_info *chain = store_chain(b->store, b->topic, &count);
    const struct position mark = cursor_mark_delete(b->cursor);

    while (count > 1 && !chain[0].open && (int64_t)chain[0].id < mark.ledger) {
        ledger_delete(b->store, chain[0].id);
        chain = store_chain(b->store, b->topic, &count);
    }
}

static void roll(struct bench *b)
{
    if (b->ledger)
        ledger_close(b->store, b->ledger);
    must(ledger_create(b->store, b->topic, &b->ledger), "ledger");
    b->in_ledger = 0;
}

static void published(struct append *a, enum err err)
{
    struct bench *b = container_of(a, struct publish, append)->bench;

    must(err, "receipt");
    a->next = b->free;
    b->free = a;
    b->done++;
    b->last = a->position;
    loop_defer(b->sys->loop, &b->refill);
}

/* As a session does: no further than the store has room. */
static void pump(struct bench *b)
{
    const struct entry_header header = {.messages = (uint32_t)(b->len / 1000 ? b->len / 1000 : 1)};

    while (b->free && (b->asked < b->round_end || b->beside) && store_has_room(b->store)) {
        struct append *a = b->free;
        struct slice bytes = slice_of(b->payloads[b->asked % b->payload_count], 0, b->len);
        if (b->in_ledger >= b->ledger_bytes)
            roll(b);
        enum err err = ledger_append(b->store, b->ledger, &header, bytes, a);
        slice_unref(&bytes);
        if (err == ERR_FULL)
            break; /* room comes back with a receipt */
        must(err, "append");
        b->free = a->next;
        b->asked++;
        b->in_ledger += b->len;
    }
}

static void begin_round(struct bench *b)
{
    struct store_stats stats;

    store_stats(b->store, &stats);
    b->began_syncs = stats.syncs;
    b->began_journal = stats.journal_bytes;
    b->began_done = b->done;
    b->round_end = b->asked + b->total / b->len / ROUNDS;
    b->began_ns = now_ns();
    loop_defer(b->sys->loop, &b->refill);
}

static void end_round(struct bench *b)
{
    struct store_stats stats;
    const double took = seconds_since(b->began_ns);

    store_stats(b->store, &stats);
    const uint64_t syncs = stats.syncs - b->began_syncs;
    const size_t size = (size_t)((stats.journal_bytes - b->began_journal) / (syncs ? syncs : 1));
    const double rate = (double)((b->done - b->began_done) * b->len) / took;
    const double over = raw_rate(b, size, RAW_BYTES, true), append = raw_rate(b, size, RAW_BYTES, false);
    b->ratio_over[b->round] = rate / over;
    b->ratio_append[b->round] = rate / append;
    b->busy_seconds += took;
    printf(
        "round %u: store %7.1f MB/s; %5zu KiB per sync; raw over old %7.1f MB/s: %4.2f; raw append %7.1f MB/s: %4.2f; "
        "%" PRIu64 " checkpoints, %" PRIu64 " journal files, %" PRIu64 " segments\n",
        b->round, rate / MB, size / 1024, over / MB, rate / over, append / MB, rate / append, stats.checkpoints,
        stats.journal_files, stats.segment_files);
    fflush(stdout);
}

/* ---- a lone append ---- */

static void raw_append(struct bench *b)
{
    const uint8_t block[LONE_BYTES] = {1};
    const int fd = raw_open(b);
    const uint64_t began = now_ns();

    raw_write(fd, block, sizeof block, b->raw_count * (uint64_t)LONE_BYTES);
    raw_sync(fd);
    b->raw_ms[b->raw_count++] = seconds_since(began) * 1e3;
    close(fd);
}

static void raw_run(struct work *work)
{
    raw_append(container_of(work, struct bench, raw_work));
}

static void lone_append(struct bench *b)
{
    const struct entry_header header = {.messages = 1};
    struct slice bytes = slice_of(b->payloads[0], 0, b->len < LONE_BYTES ? b->len : LONE_BYTES);

    b->lone.began_ns = now_ns();
    must(ledger_append(b->store, b->lone.ledger, &header, bytes, &b->lone.append), "lone append");
    slice_unref(&bytes);
}

static void raw_done(struct work *work)
{
    lone_append(container_of(work, struct bench, raw_work));
}

static void lone_fire(struct timer *timer)
{
    struct bench *b = container_of(timer, struct bench, lone_timer);

    must(executor_submit(b->raw_worker, &b->raw_work), "raw append");
}

static void closed(void *ctx)
{
    uv_sys_stop(((struct bench *)ctx)->uv);
}

static void lone_done(struct append *a, enum err err)
{
    struct lone *l = container_of(a, struct lone, append);
    struct bench *b = l->bench;

    must(err, "lone receipt");
    l->ms[l->count++] = seconds_since(l->began_ns) * 1e3;
    if (l->count < LONE) {
        timer_start_ms(&b->lone_timer, b->beside ? 7 : 1);
        return;
    }
    const double store = median(l->ms, LONE), raw = median(b->raw_ms, LONE);
    printf("a lone append, %s: %.3f ms; raw append and sync %.3f ms: %.2f x\n", b->beside ? "beside the load" : "quiet",
           store, raw, store / raw);
    l->count = b->raw_count = 0;
    if (b->quiet) {
        b->quiet = false;
        b->beside = true;
        loop_defer(b->sys->loop, &b->refill);
        timer_start_ms(&b->lone_timer, 20);
        return;
    }
    b->beside = false;
    b->round_end = b->asked;
    loop_defer(b->sys->loop, &b->refill);
}

static void begin_lone(struct bench *b)
{
    b->quiet = true;
    b->lone.append.done = lone_done;
    b->lone.bench = b;
    b->lone.topic = store_id_new(b->store);
    must(ledger_create(b->store, b->lone.topic, &b->lone.ledger), "lone ledger");
    b->raw_work = (struct work){.run = raw_run, .done = raw_done};
    must(executor_new(b->sys->loop, "raw", 1, &b->raw_worker), "raw worker");
    timer_init(&b->lone_timer, b->sys->loop, lone_fire);
    timer_start_ms(&b->lone_timer, 1);
}

/* ---- from round to round ---- */

static void report(struct bench *b)
{
    static const char *const causes[STORE_CAUSES] = {"journal", "zeros", "checkpoint", "compaction", "index"};
    const double published = (double)(b->done * b->len);
    struct store_stats stats;
    double all = 0;

    store_stats(b->store, &stats);
    for (unsigned cause = 0; cause < STORE_CAUSES; cause++)
        all += (double)stats.written_bytes[cause] / published;
    printf(
        "all: published %.1f GB at %.0f MB/s; median of the rounds: %.2f of raw over old bytes, %.2f of raw appending; "
        "peak on disk %.2f GB\n",
        published / 1e9, published / b->busy_seconds / MB, median(b->ratio_over, ROUNDS),
        median(b->ratio_append, ROUNDS), (double)b->peak / 1e9);
    printf("bytes written / bytes published: %.3f by the kernel's count, %.3f by the store's:",
           (double)(bytes_written() - b->written - b->raw_written) / published, all);
    for (unsigned cause = 0; cause < STORE_CAUSES; cause++)
        printf(" %s %.3f%s", causes[cause], (double)stats.written_bytes[cause] / published,
               cause + 1 < STORE_CAUSES ? "," : "");
    printf("; %.3f stayed where it was written\n", (double)stats.adopted_bytes / published);
}

static void look(struct bench *b)
{
    if (b->done * b->len < b->next_look)
        return;
    const uint64_t bytes = bytes_in(b->directory);
    b->peak = bytes > b->peak ? bytes : b->peak;
    b->next_look = b->done * b->len + b->total / 200;
}

static void refill(struct task *task)
{
    struct bench *b = container_of(task, struct bench, refill);

    if (b->done > 0)
        must(cursor_ack_cumulative(b->cursor, b->last, NEXT_MESSAGE_UNKNOWN, NULL), "acknowledgement");
    trim(b);
    look(b);
    pump(b);
    if (b->done < b->asked || b->quiet || b->beside)
        return;
    if (b->round < ROUNDS) {
        if (b->round > 0 || b->done > 0)
            end_round(b);
        if (++b->round < ROUNDS) {
            begin_round(b);
            return;
        }
        report(b);
        begin_lone(b);
        return;
    }
    store_close(b->store, closed, b);
}

static void room(void *ctx)
{
    pump(ctx);
}

static void open_store(struct bench *b)
{
    const struct store_options options = {.holder = "busy_bench", .log = &b->log, .on_fatal = fatal, .ctx = b};
    char message[400];

    if (store_open(&b->store, &options, b->sys, message, sizeof message) != OK) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    store_on_room(b->store, room, b);
    b->topic = store_id_new(b->store);
    const uint64_t subscription = store_id_new(b->store);
    const struct catalog_row topic = {.id = b->topic, .parent = 1, .name = bytes_of_text("persistent://a/b/busy")};
    const struct catalog_row reader = {.id = subscription, .parent = b->topic, .name = bytes_of_text("reader")};
    must(catalog_put(b->store, CATALOG_TOPIC, &topic), "topic");
    must(catalog_put(b->store, CATALOG_SUBSCRIPTION, &reader), "subscription");
    must(cursor_create(b->store, subscription, b->topic, POSITION_EARLIEST, 0, &b->cursor), "cursor");
    roll(b);
}

static void make_payloads(struct bench *b, size_t count)
{
    b->payload_count = count;
    b->payloads = calloc(count, sizeof *b->payloads);
    for (size_t i = 0; i < count && b->payloads; i++) {
        b->payloads[i] = buffer_new(b->len, NULL);
        if (!b->payloads[i])
            abort();
        b->sys->loop->ops->entropy(b->sys->loop, b->payloads[i]->data, b->len);
    }
    if (!b->payloads)
        abort();
}

static uint64_t argument(int argc, char **argv, int at, uint64_t otherwise)
{
    return argc > at ? strtoull(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "busy_bench DIRECTORY [GIGABYTES [ENTRY_BYTES [WINDOW_BYTES [LEDGER_MEGABYTES]]]]\n");
        return 2;
    }
    static struct bench b;
    b = (struct bench){
        .directory = argv[1],
        .log = {.level = LOG_WARN},
        .total = argument(argc, argv, 2, 2) * 1000 * MB,
        .len = argument(argc, argv, 3, 100000),
        .window = argument(argc, argv, 4, 8u << 20),
        .ledger_bytes = argument(argc, argv, 5, 256) * MB,
    };
    must(uv_sys_new(&b.uv, b.directory), "directory");
    b.sys = uv_sys_get(b.uv);
    const size_t window = b.window / b.len + 1;
    struct publish *publishes = calloc(window, sizeof *publishes);
    if (!publishes)
        abort();
    make_payloads(&b, window);
    raw_table(&b);
    open_store(&b);
    for (size_t i = 0; i < window; i++) {
        publishes[i] = (struct publish){.append = {.done = published, .next = b.free}, .bench = &b};
        b.free = &publishes[i].append;
    }
    b.refill.run = refill;
    b.written = bytes_written();
    b.raw_written = 0;
    begin_round(&b);
    uv_sys_run(b.uv);
    store_free(b.store);
    executor_free(b.raw_worker);
    for (size_t i = 0; i < b.payload_count; i++)
        buffer_unref(b.payloads[i]);
    free(b.payloads);
    uv_sys_free(b.uv);
    free(publishes);
    return 0;
}
