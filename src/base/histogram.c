/* SPDX-License-Identifier: Apache-2.0
 *
 * histogram.c - see histogram.h.
 *
 * Bucket 0 has one place for each value below 2 * HALF; every further bucket has HALF places, each twice as wide as the
 * bucket's before:
 *
 *     place      0 .. 2047    2048 .. 3071    3072 .. 4095   ...
 *     width          1              2               4
 */
#include "base/histogram.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HALF_BITS 10 /* the least power of two that is no less than ten to the power of HISTOGRAM_DIGITS */
#define HALF      (UINT64_C(1) << HALF_BITS)

struct histogram {
    uint64_t largest;
    size_t places;
    atomic_uint_fast64_t counts[]; /* of `places` */
};

static size_t place_of(uint64_t value)
{
    const unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    const unsigned bucket = bits > HALF_BITS + 1 ? bits - (HALF_BITS + 1) : 0;

    return (size_t)bucket * HALF + (size_t)(value >> bucket);
}

/* The largest value that is counted there. */
static uint64_t place_top(size_t place)
{
    const size_t bucket = place < 2 * HALF ? 0 : place / HALF - 1;

    return ((uint64_t)(place - bucket * HALF + 1) << bucket) - 1;
}

enum err histogram_new(struct histogram **out, uint64_t largest)
{
    assert(largest >= 2 * HALF);
    const size_t places = place_of(largest) + 1;
    struct histogram *h = calloc(1, sizeof *h + places * sizeof h->counts[0]);

    if (!h)
        return ERR_NOMEM;
    h->largest = largest;
    h->places = places;
    *out = h;
    return OK;
}

void histogram_free(struct histogram *h)
{
    free(h);
}

void histogram_record(struct histogram *h, uint64_t value)
{
    const size_t place = place_of(value < h->largest ? value : h->largest);

    atomic_fetch_add_explicit(&h->counts[place], 1, memory_order_relaxed);
}

size_t histogram_places(const struct histogram *h)
{
    return h->places;
}

uint64_t histogram_largest(const struct histogram *h)
{
    return h->largest;
}

uint64_t histogram_at(const struct histogram *h, size_t place)
{
    return atomic_load_explicit(&h->counts[place], memory_order_relaxed);
}

void histogram_drain(struct histogram *from, struct histogram *to)
{
    assert(from->places == to->places);
    for (size_t i = 0; i < from->places; i++) {
        if (histogram_at(from, i) > 0)
            atomic_fetch_add_explicit(&to->counts[i],
                                      atomic_exchange_explicit(&from->counts[i], 0, memory_order_relaxed),
                                      memory_order_relaxed);
    }
}

void histogram_add(struct histogram *to, const struct histogram *from)
{
    assert(from->places == to->places);
    for (size_t i = 0; i < from->places; i++)
        atomic_fetch_add_explicit(&to->counts[i], histogram_at(from, i), memory_order_relaxed);
}

void histogram_clear(struct histogram *h)
{
    for (size_t i = 0; i < h->places; i++)
        atomic_store_explicit(&h->counts[i], 0, memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t count = 0;

    for (size_t i = 0; i < h->places; i++)
        count += histogram_at(h, i);
    return count;
}

double histogram_mean(const struct histogram *h)
{
    double sum = 0;
    uint64_t count = 0;

    for (size_t i = 0; i < h->places; i++) {
        const uint64_t here = histogram_at(h, i);
        const uint64_t top = place_top(i), bottom = i == 0 ? 0 : place_top(i - 1) + 1;
        count += here;
        sum += (double)here * ((double)bottom + (double)top) / 2;
    }
    return count > 0 ? sum / (double)count : 0;
}

uint64_t histogram_max(const struct histogram *h)
{
    return histogram_percentile(h, 100);
}

uint64_t histogram_percentile(const struct histogram *h, double percentile)
{
    const uint64_t count = histogram_count(h);
    uint64_t wanted = (uint64_t)(percentile / 100 * (double)count + 0.5), seen = 0;

    if (wanted == 0)
        wanted = 1;
    if (wanted > count)
        wanted = count;
    for (size_t i = 0; count > 0 && i < h->places; i++) {
        seen += histogram_at(h, i);
        if (seen >= wanted)
            return place_top(i) < h->largest ? place_top(i) : h->largest;
    }
    return 0;
}
