/* SPDX-License-Identifier: Apache-2.0
 *
 * meter.h - how long entries took to be stored, and how large they were: counted by buckets, over the last full window.
 *
 * The buckets are Pulsar's.  Each counts what fell between its bound and the one before it, in RATE_WINDOW_NS
 * (stats.h): Pulsar's figures, too, are of an interval, and not sums like those of a Prometheus histogram.  A topic
 * gets its meter with the first entry that is stored in it, so that one that nobody writes to costs nothing.  The
 * broker has a finer one, of all topics together, for quantiles. Owns counts and nothing else; the caller passes the
 * time.  Core thread.  May call: base/.
 */
#ifndef BROKER_METER_H
#define BROKER_METER_H

#include <stddef.h>
#include <stdint.h>

#define METER_LATENCIES 10 /* up to 0.5, 1, 5, 10, 20, 50, 100, 200, 1000 ms, and above */
#define METER_SIZES     9  /* up to 128, 512, 1 K, 2 K, 4 K, 16 K, 100 K, 1 M bytes, and above */

struct meter_window {
    uint32_t latencies[METER_LATENCIES], sizes[METER_SIZES];
    uint32_t entries;
    uint64_t latency_us, bytes; /* sums */
};

/* Of a topic; zeroed at first. */
struct meter {
    uint64_t window_ns; /* when the current window began; 0: never used */
    double seconds;     /* that the last one took */
    struct meter_window now, last;
};

void meter_add(struct meter *m, uint64_t now_ns, uint64_t latency_ns, size_t bytes);
/* Before reading `last` and `seconds`. */
void meter_turn(struct meter *m, uint64_t now_ns);

/* Of the broker: each power of two of microseconds in LATENCY_PARTS, so that a quantile is right within a sixteenth. */
#define LATENCY_PARTS   16
#define LATENCY_BUCKETS (LATENCY_PARTS * 24) /* above 2^24 us, 17 s, all are the same */

struct latency_window {
    uint32_t count[LATENCY_BUCKETS];
    uint64_t sum_us, entries, max_us;
};
struct latencies {
    uint64_t window_ns;
    struct latency_window now, last;
    uint64_t sum_us, entries; /* since the start */
};
void latencies_add(struct latencies *l, uint64_t now_ns, uint64_t latency_ns);
void latencies_turn(struct latencies *l, uint64_t now_ns);
/* Of the last window, in milliseconds; `q` from 0 to 1.  0: nothing was stored in it. */
double latencies_quantile_ms(const struct latencies *l, double q);

#endif
