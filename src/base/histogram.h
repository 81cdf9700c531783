/* SPDX-License-Identifier: Apache-2.0
 *
 * histogram.h - how often which value was seen, to three digits: an HDR histogram (hdrhistogram.org).
 *
 * Values are whole numbers from 0 to a largest one, which greater ones count as.  A value is counted in a bucket whose
 * width is at most a thousandth of it, so that percentiles are exact to three digits however long their tail is.  The
 * buckets take about 150 KiB for an hour in microseconds.
 *
 * Any thread may record; who reads or drains sees each value once, in this reading or the next.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_DIGITS 3

struct histogram;

/* `largest` is at least 2048. */
MUST_USE enum err histogram_new(struct histogram **out, uint64_t largest);
void histogram_free(struct histogram *h);

void histogram_record(struct histogram *h, uint64_t value);

/* Moves all that `from` has into `to`, which has the same largest value. */
void histogram_drain(struct histogram *from, struct histogram *to);
void histogram_add(struct histogram *to, const struct histogram *from);
void histogram_clear(struct histogram *h);

uint64_t histogram_count(const struct histogram *h);
/* Zero when nothing was counted.  A percentile is the largest value of its bucket, as HdrHistogram's. */
double histogram_mean(const struct histogram *h);
uint64_t histogram_max(const struct histogram *h);
uint64_t histogram_percentile(const struct histogram *h, double percentile);

/* For who writes it down: how many places there are, in HdrHistogram's order, and the count of one. */
size_t histogram_places(const struct histogram *h);
uint64_t histogram_at(const struct histogram *h, size_t place);
uint64_t histogram_largest(const struct histogram *h);

#endif
