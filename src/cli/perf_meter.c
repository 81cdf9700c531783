/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_meter.c - see perf.h: what a load counts, and the lines about it.
 */
#include "cli/perf.h"
#include "cli/perf_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_S    INT64_C(1000000000)
#define LOOK_NS     (50 * INT64_C(1000000)) /* how long the end may wait for us to see it */
#define INTERVAL_S  10
#define LATENCY_MAX UINT64_C(3600000) /* ms: an hour */

int64_t perf_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t perf_due_wait(struct perf_meter *m, struct pace *pace)
{
    if (pace->per_second <= 0)
        return perf_now_ns();
    const int64_t due_ns = pace_next(pace);
    int64_t wait_ns;

    while ((wait_ns = due_ns - perf_now_ns()) > 0 && !perf_stopped(m)) {
        const int64_t nap_ns = wait_ns < NS_PER_S / 10 ? wait_ns : NS_PER_S / 10;
        (void)nanosleep(&(struct timespec){.tv_nsec = nap_ns}, NULL);
    }
    return due_ns;
}

int perf_meter_init(struct perf_meter *m, enum perf_kind kind, const struct invocation *inv,
                    const struct perf_config *config)
{
    /* Publish times are in ms. */
    *m = (struct perf_meter){.kind = kind, .unit = kind == PERF_CONSUME || kind == PERF_READ ? 1 : 1000};
    const uint64_t largest = LATENCY_MAX * (uint64_t)m->unit;

    if (histogram_new(&m->now, largest) != OK || histogram_new(&m->whole, largest) != OK) {
        cli_error(inv, "no memory");
        return CLI_FAILED;
    }
    if (config->histogram_file && *config->histogram_file &&
        perf_log_open(&m->log, config->histogram_file, wall_ms()) != OK) {
        cli_error(inv, "cannot write %s: %s", config->histogram_file, strerror(errno));
        return CLI_FAILED;
    }
    return CLI_OK;
}

void perf_meter_begin(struct perf_meter *m, const struct perf_config *config)
{
    m->started_ns = m->line_ns = perf_now_ns();
    m->ends_ns = config->duration_s > 0 ? m->started_ns + config->duration_s * NS_PER_S : 0;
}

void perf_meter_deinit(struct perf_meter *m)
{
    if (!perf_log_close(m->log))
        (void)fprintf(stderr, "warning: the histogram file is not whole: %s\n", strerror(errno));
    histogram_free(m->now);
    histogram_free(m->whole);
}

/* ---- lines ---- */

void perf_latency_print(const struct histogram *h, double unit, enum perf_latency manner)
{
    static const struct {
        const char *name;
        double percentile;
    } parts[] = {{"med", 50},       {"95pct", 95},       {"99pct", 99},
                 {"99.9pct", 99.9}, {"99.99pct", 99.99}, {"99.999pct", 99.999}};
    const size_t count = sizeof parts / sizeof parts[0] - (manner != PERF_LATENCY_WHOLE);

    printf("Latency: mean: %7.3f ms", histogram_mean(h) / unit);
    for (size_t i = 0; i < count; i++)
        printf(" - %s: %7.3f%s", parts[i].name, (double)histogram_percentile(h, parts[i].percentile) / unit,
               manner == PERF_LATENCY_UNITS ? " ms" : "");
    if (manner != PERF_LATENCY_UNITS)
        printf(" - Max: %7.3f", (double)histogram_max(h) / unit);
}

/* Since the last line. */
static void line_print(struct perf_meter *m, const struct histogram *h)
{
    const int64_t now_ns = perf_now_ns();
    const double seconds = (double)(now_ns - m->line_ns) / NS_PER_S;
    const uint64_t messages = atomic_load(&m->messages), bytes = atomic_load(&m->bytes),
                   failures = atomic_load(&m->failures);
    const double rate = (double)(messages - m->line_messages) / seconds,
                 mbits = (double)(bytes - m->line_bytes) / seconds * 8 / 1024 / 1024;

    switch (m->kind) {
    case PERF_PRODUCE:
        printf("Throughput produced: %7" PRIu64 " msg --- %8.1f msg/s --- %8.1f Mbit/s  --- failure %8.1f msg/s --- ",
               messages, rate, mbits, (double)(failures - m->line_failures) / seconds);
        break;
    case PERF_SOCKET:
        printf("Throughput produced: %7" PRIu64 " msg --- %8.1f  msg/s --- %8.1f Mbit/s --- ", messages, rate, mbits);
        break;
    case PERF_CONSUME:
        printf("Throughput received: %7" PRIu64 " msg --- %8.3f  msg/s --- %8.3f Mbit/s  --- ", messages, rate, mbits);
        break;
    case PERF_TRANSACTION:
        break; /* has lines of its own */
    case PERF_READ:
        printf("Read throughput: %7" PRIu64 " msg --- %8.3f  msg/s -- %8.3f Mbit/s --- ", messages, rate, mbits);
        break;
    }
    perf_latency_print(h, m->unit, m->kind == PERF_SOCKET ? PERF_LATENCY_UNITS : PERF_LATENCY_LINE);
    printf("\n");
    (void)fflush(stdout);
    if (m->log)
        perf_log_add(m->log, (double)(m->line_ns - m->started_ns) / NS_PER_S, seconds, h, m->unit);
    m->line_ns = now_ns;
    m->line_messages = messages;
    m->line_bytes = bytes;
    m->line_failures = failures;
}

/* What was recorded since the last line moves to the whole. */
static void interval_end(struct perf_meter *m, bool print)
{
    struct histogram *h;

    if (m->print) {
        const int64_t now_ns = perf_now_ns();
        m->print(m, (double)(now_ns - m->line_ns) / NS_PER_S, false);
        m->line_ns = now_ns;
        return;
    }
    if (histogram_new(&h, LATENCY_MAX * (uint64_t)m->unit) != OK)
        return; /* its values are in the next line */
    histogram_drain(m->now, h);
    if (print)
        line_print(m, h);
    histogram_add(m->whole, h);
    histogram_free(h);
}

void perf_meter_watch(struct perf_meter *m, const struct perf_config *config)
{
    const struct timespec nap = {.tv_nsec = LOOK_NS};
    const int64_t interval_ns = (config->interval_s > 0 ? config->interval_s : INTERVAL_S) * NS_PER_S;

    while (!perf_stopped(m)) {
        (void)nanosleep(&nap, NULL);
        const int64_t now_ns = perf_now_ns();
        if (now_ns - m->line_ns >= interval_ns)
            interval_end(m, true);
        if (client_interrupted() || (m->ends_ns > 0 && now_ns >= m->ends_ns))
            perf_stop(m);
    }
}

void perf_meter_finish(struct perf_meter *m)
{
    const double seconds = (double)(perf_now_ns() - m->started_ns) / NS_PER_S;
    const uint64_t messages = atomic_load(&m->messages), bytes = atomic_load(&m->bytes);
    const double rate = (double)messages / seconds, mbits = (double)bytes / seconds * 8 / 1024 / 1024;

    if (m->print) {
        m->print(m, seconds, true);
        return;
    }
    interval_end(m, m->log != NULL);
    switch (m->kind) {
    case PERF_PRODUCE:
    case PERF_SOCKET:
        printf("Aggregated throughput stats --- %" PRIu64 " records sent --- %8.3f msg/s --- %8.3f Mbit/s\n", messages,
               rate, mbits);
        break;
    case PERF_CONSUME:
        printf("Aggregated throughput stats --- %" PRIu64
               " records received --- %8.3f msg/s --- %8.3f Mbit/s --- AckRate: %8.3f  msg/s --- ack failed %" PRIu64
               " msg\n",
               messages, rate, mbits, (double)atomic_load(&m->acks) / seconds, (uint64_t)atomic_load(&m->ack_failures));
        break;
    case PERF_TRANSACTION:
        break;
    case PERF_READ:
        printf("Aggregated throughput stats --- %" PRIu64 " records received --- %8.3f msg/s --- %8.3f Mbit/s\n",
               messages, rate, mbits);
        break;
    }
    printf("Aggregated latency stats --- ");
    perf_latency_print(m->whole, m->unit, PERF_LATENCY_WHOLE);
    printf("\n");
    (void)fflush(stdout);
}
