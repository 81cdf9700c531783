/* SPDX-License-Identifier: Apache-2.0
 *
 * topics_bench.c - what topics cost that nobody uses: memory each, and the time to start, stop and recover with them.
 *
 *     topics_bench DIRECTORY [TOPICS]
 *
 * Makes TOPICS topics, each with a subscription and published to once, as the broker does: a row, a ledger, an entry, a
 * row and a cursor.  The rows are the broker's (broker/records.h), so that it can serve what is left in the directory.
 * Then, each in a process of its own: an orderly stop, a start, a start after a kill.  The last is
 * what a broker does that lost its power with all of that in its journal.
 */
#include "bench.h"

#include "base/buffer.h"
#include "base/log.h"
#include "store/cursor.h"
#include "store/store.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WINDOW       1000
#define PAYLOAD_SIZE 100

struct bench {
    struct uv_sys *uv;
    struct sys *sys;
    struct log log;
    struct store *store;
    struct buffer *payload;
    uint64_t topics, asked, done;
    uint64_t namespace_;
    struct append *free;
    struct task refill;
    struct timer beat; /* how long the core does not come round */
    uint64_t beat_ns, pause_ns;
    uint64_t began_ns;
    bool kill; /* end without a stop */
};

static double ms_since(const struct bench *b, uint64_t from_ns)
{
    return (double)(loop_now_ns(b->sys->loop) - from_ns) / 1e6;
}

/* ---- the process from outside ---- */

static uint64_t resident(void)
{
    unsigned long pages = 0, rest;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f || fscanf(f, "%lu %lu", &rest, &pages) != 2)
        exit(1);
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static unsigned open_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count - 3; /* ".", "..", and the directory's own */
}

/* ---- one life of the store ---- */

static void open_store(struct bench *b, const char *directory)
{
    const struct store_options options = {.holder = "topics_bench", .log = &b->log, .on_fatal = fatal, .ctx = b};
    char message[400];

    b->log = (struct log){.level = LOG_WARN};
    must(uv_sys_new(&b->uv, directory), "directory");
    b->sys = uv_sys_get(b->uv);
    if (store_open(&b->store, &options, b->sys, message, sizeof message) != OK) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
}

static void closed(void *ctx)
{
    uv_sys_stop(((struct bench *)ctx)->uv);
}

/* Of this thread's processor time: what else the machine does meanwhile is not counted. */
static uint64_t core_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void beat(struct timer *timer)
{
    struct bench *b = container_of(timer, struct bench, beat);
    const uint64_t now = core_ns();

    if (b->beat_ns > 0 && now - b->beat_ns > b->pause_ns)
        b->pause_ns = now - b->beat_ns;
    b->beat_ns = now;
    timer_start_ms(&b->beat, 1);
}

static void make_topic(struct bench *b, uint64_t n, struct append *a)
{
    static const uint8_t topic_value[17] = {1}, subscription_value[9] = {1}; /* version, created, epoch */
    const struct entry_header header = {.messages = 1, .publish_ms = 1};
    struct slice bytes = slice_of(b->payload, 0, PAYLOAD_SIZE);
    struct cursor *cursor;
    uint64_t ledger;
    char name[64];

    snprintf(name, sizeof name, "persistent://public/default/topic-%07" PRIu64, n);
    const struct catalog_row topic = {.id = store_id_new(b->store),
                                      .parent = b->namespace_,
                                      .name = bytes_of_text(name),
                                      .value = bytes_of(topic_value, sizeof topic_value)};
    must(catalog_put(b->store, CATALOG_TOPIC, &topic), "topic");
    const struct catalog_row subscription = {.id = store_id_new(b->store),
                                             .parent = topic.id,
                                             .name = bytes_of_text("subscription"),
                                             .value = bytes_of(subscription_value, sizeof subscription_value)};
    must(catalog_put(b->store, CATALOG_SUBSCRIPTION, &subscription), "subscription");
    must(cursor_create(b->store, subscription.id, topic.id, POSITION_EARLIEST, 0, &cursor), "cursor");
    must(ledger_create(b->store, topic.id, &ledger), "ledger");
    must(ledger_append(b->store, ledger, &header, bytes, a), "append");
    ledger_close(b->store, ledger); /* as an idle topic's is, when it is unloaded */
    slice_unref(&bytes);
}

struct bench_append {
    struct append append;
    struct bench *bench;
};

static void refill(struct task *task)
{
    struct bench *b = container_of(task, struct bench, refill);

    while (b->free && b->asked < b->topics && store_has_room(b->store)) {
        struct append *a = b->free;
        b->free = a->next;
        make_topic(b, b->asked++, a);
    }
    if (b->done < b->topics)
        return;
    const double ms = ms_since(b, b->began_ns);
    printf("made       %8.0f ms  %8.1f us a topic; the core's longest turn %.1f ms\n", ms, ms * 1e3 / (double)b->topics,
           (double)b->pause_ns / 1e6);
    fflush(stdout);
    if (b->kill)
        _exit(0);
    b->began_ns = loop_now_ns(b->sys->loop);
    b->beat_ns = b->pause_ns = 0;
    store_close(b->store, closed, b);
}

static void room(void *ctx)
{
    struct bench *b = ctx;

    loop_defer(b->sys->loop, &b->refill);
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

static void make_namespace(struct bench *b)
{
    static const uint8_t value[1] = {1}; /* version; no settings */
    const struct catalog_row tenant = {
        .id = store_id_new(b->store), .name = bytes_of_text("public"), .value = bytes_of(value, sizeof value)};

    must(catalog_put(b->store, CATALOG_TENANT, &tenant), "tenant");
    b->namespace_ = store_id_new(b->store);
    const struct catalog_row namespace_ = {.id = b->namespace_,
                                           .parent = tenant.id,
                                           .name = bytes_of_text("default"),
                                           .value = bytes_of(value, sizeof value)};
    must(catalog_put(b->store, CATALOG_NAMESPACE, &namespace_), "namespace");
}

static int make(const char *directory, uint64_t topics, bool kill)
{
    struct bench b = {
        .topics = topics, .kill = kill, .refill = {.run = refill}, .payload = buffer_new(PAYLOAD_SIZE, NULL)};
    struct bench_append *appends = calloc(WINDOW, sizeof *appends);

    open_store(&b, directory);
    memset(b.payload->data, 'x', PAYLOAD_SIZE);
    make_namespace(&b);
    store_on_room(b.store, room, &b);
    for (size_t i = 0; i < WINDOW; i++) {
        appends[i] = (struct bench_append){.append = {.done = appended, .next = b.free}, .bench = &b};
        b.free = &appends[i].append;
    }
    b.began_ns = loop_now_ns(b.sys->loop);
    timer_init(&b.beat, b.sys->loop, beat);
    timer_start_ms(&b.beat, 1);
    loop_defer(b.sys->loop, &b.refill);
    uv_sys_run(b.uv);
    printf("stopped    %8.0f ms; the core's longest turn %.1f ms\n", ms_since(&b, b.began_ns),
           (double)b.pause_ns / 1e6);
    return 0;
}

static int start(const char *directory, uint64_t topics, bool killed)
{
    struct bench b = {.topics = topics};
    struct store_stats stats;
    struct timespec from, to;
    const uint64_t before = resident(), core_before = core_ns();

    clock_gettime(CLOCK_MONOTONIC, &from);
    open_store(&b, directory);
    clock_gettime(CLOCK_MONOTONIC, &to);
    const double ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
    store_stats(b.store, &stats);
    printf("%-10s %8.0f ms  %8.1f us a topic, %.0f ms of a processor; %.0f MiB = %.0f bytes a topic; %u files open; "
           "%" PRIu64 " entries from the journal\n",
           killed ? "recovered" : "started", ms, ms * 1e3 / (double)topics, (double)(core_ns() - core_before) / 1e6,
           (double)(resident() - before) / 1048576, (double)(resident() - before) / (double)topics, open_files(),
           stats.recovered_entries);
    fflush(stdout);
    _exit(0);
}

/* ---- */

static void in_process(int (*run)(const char *directory, uint64_t topics, bool flag), const char *directory,
                       uint64_t topics, bool flag)
{
    int status;
    const pid_t child = fork();

    if (child == 0) {
        int code = run(directory, topics, flag);
        fflush(stdout);
        _exit(code);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    const uint64_t topics = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    char killed[4096], stopped[4096];

    if (argc < 2 || topics == 0) {
        fprintf(stderr, "topics_bench DIRECTORY [TOPICS]\n");
        return 2;
    }
    snprintf(stopped, sizeof stopped, "%s/stopped", argv[1]);
    snprintf(killed, sizeof killed, "%s/killed", argv[1]);
    printf("%" PRIu64 " topics, each with a subscription and one message of %d bytes\n", topics, PAYLOAD_SIZE);
    fflush(stdout);
    if (mkdir(stopped, 0777) != 0 || mkdir(killed, 0777) != 0) {
        fprintf(stderr, "%s must be there, and empty\n", argv[1]);
        return 2;
    }
    in_process(make, stopped, topics, false);
    for (int i = 0; i < 3; i++)
        in_process(start, stopped, topics, false);
    in_process(make, killed, topics, true);
    in_process(start, killed, topics, true);
    return 0;
}
