/* SPDX-License-Identifier: Apache-2.0
 *
 * meter.c - see meter.h.
 */
#include "broker/meter.h"

#include "broker/stats.h"

#include <string.h>

static const uint64_t latency_bounds_us[METER_LATENCIES - 1] = {500,   1000,   5000,   10000,  20000,
                                                                50000, 100000, 200000, 1000000};
static const size_t size_bounds[METER_SIZES - 1] = {128, 512, 1024, 2048, 4096, 16384, 102400, 1048576};

void meter_turn(struct meter *m, uint64_t now_ns)
{
    if (m->window_ns == 0) {
        m->window_ns = now_ns;
        return;
    }
    const uint64_t elapsed_ns = now_ns - m->window_ns;
    if (now_ns < m->window_ns || elapsed_ns < RATE_WINDOW_NS)
        return;
    m->last = m->now;
    m->seconds = (double)elapsed_ns / 1e9;
    m->now = (struct meter_window){.entries = 0};
    m->window_ns = now_ns;
}

static size_t latency_bucket(uint64_t us)
{
    size_t i = 0;

    while (i < METER_LATENCIES - 1 && us > latency_bounds_us[i])
        i++;
    return i;
}

static size_t size_bucket(size_t bytes)
{
    size_t i = 0;

    while (i < METER_SIZES - 1 && bytes > size_bounds[i])
        i++;
    return i;
}

void meter_add(struct meter *m, uint64_t now_ns, uint64_t latency_ns, size_t bytes)
{
    const uint64_t us = latency_ns / 1000;

    meter_turn(m, now_ns);
    m->now.latencies[latency_bucket(us)]++;
    m->now.sizes[size_bucket(bytes)]++;
    m->now.entries++;
    m->now.latency_us += us;
    m->now.bytes += bytes;
}

/* ---- of the broker ---- */

/* The octave, and which of its parts; the first octaves, shorter than LATENCY_PARTS, are one bucket for each us. */
static size_t fine_bucket(uint64_t us)
{
    if (us < LATENCY_PARTS)
        return (size_t)us;
    const unsigned octave = 63u - (unsigned)__builtin_clzll(us);
    const size_t at = (octave - 3) * LATENCY_PARTS + (size_t)((us >> (octave - 4)) & (LATENCY_PARTS - 1));
    return at < LATENCY_BUCKETS ? at : LATENCY_BUCKETS - 1;
}

/* The least latency that is not in the bucket any more, in us. */
static double fine_bound(size_t bucket)
{
    if (bucket < LATENCY_PARTS)
        return (double)(bucket + 1);
    const unsigned octave = (unsigned)(bucket / LATENCY_PARTS) + 3;
    return (double)((UINT64_C(1) << octave) + (uint64_t)(bucket % LATENCY_PARTS + 1) * (UINT64_C(1) << (octave - 4)));
}

void latencies_turn(struct latencies *l, uint64_t now_ns)
{
    if (l->window_ns != 0 && now_ns < l->window_ns + RATE_WINDOW_NS)
        return;
    if (l->window_ns != 0) {
        l->last = l->now;
        memset(&l->now, 0, sizeof l->now);
    }
    l->window_ns = now_ns;
}

void latencies_add(struct latencies *l, uint64_t now_ns, uint64_t latency_ns)
{
    const uint64_t us = latency_ns / 1000;

    latencies_turn(l, now_ns);
    l->now.count[fine_bucket(us)]++;
    l->now.entries++;
    l->now.sum_us += us;
    if (us > l->now.max_us)
        l->now.max_us = us;
    l->sum_us += us;
    l->entries++;
}

double latencies_quantile_ms(const struct latencies *l, double q)
{
    const struct latency_window *w = &l->last;
    const double wanted = q * (double)w->entries;
    uint64_t seen = 0;

    if (w->entries == 0)
        return 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += w->count[i];
        if (seen > 0 && (double)seen >= wanted && w->count[i] > 0) {
            const double us = fine_bound(i);
            return (us < (double)w->max_us ? us : (double)w->max_us) / 1000;
        }
    }
    return (double)w->max_us / 1000;
}
