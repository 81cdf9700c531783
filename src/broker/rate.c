/* SPDX-License-Identifier: Apache-2.0
 *
 * rate.c - see rate.h.
 */
#include "broker/rate.h"

#define NS_PER_S  UINT64_C(1000000000)
#define WINDOW_NS RATE_WINDOW_NS

/* Ends windows that are over. */
static void roll(struct rate *r, uint64_t now_ns)
{
    if (r->window_ns == 0)
        r->window_ns = now_ns;
    const uint64_t elapsed = now_ns > r->window_ns ? now_ns - r->window_ns : 0;
    if (elapsed < WINDOW_NS)
        return;
    const bool next = elapsed < 2 * WINDOW_NS;
    r->count_before = next ? r->count : 0;
    r->bytes_before = next ? r->bytes : 0;
    r->count = r->bytes = 0;
    r->window_ns += elapsed / WINDOW_NS * WINDOW_NS;
    r->whole = true;
}

void rate_add(struct rate *r, uint64_t now_ns, uint64_t count, uint64_t bytes)
{
    roll(r, now_ns);
    r->count += count;
    r->bytes += bytes;
}

void rate_turn(struct rate *r, uint64_t now_ns)
{
    roll(r, now_ns);
    const uint64_t elapsed = now_ns > r->window_ns ? now_ns - r->window_ns : 0;
    const uint64_t at_least = elapsed > NS_PER_S ? elapsed : NS_PER_S;
    const double seconds = r->whole ? RATE_WINDOW_S : (double)at_least / (double)NS_PER_S;
    const double left = (double)(WINDOW_NS - elapsed) / (double)WINDOW_NS; /* of the window before */

    r->per_second = ((double)r->count + (double)r->count_before * left) / seconds;
    r->bytes_per_second = ((double)r->bytes + (double)r->bytes_before * left) / seconds;
}
