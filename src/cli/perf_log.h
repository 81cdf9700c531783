/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_log.h - a file of histograms, one for each interval, in HdrHistogram's log format 1.3, which its plotters read.
 *
 * A line has the interval's beginning and its length in seconds, its largest value in milliseconds, and the histogram
 * in HdrHistogram's V2 encoding, compressed, in base64.
 */
#ifndef CLI_PERF_LOG_H
#define CLI_PERF_LOG_H

#include "base/histogram.h"
#include "base/text.h"

struct perf_log;

/* ERR_IO: errno says why.  `started_ms` is wall time. */
MUST_USE enum err perf_log_open(struct perf_log **out, const char *path, int64_t started_ms);
/* False: it cannot be written any more; errno says why. */
bool perf_log_close(struct perf_log *log);

/* `unit` of the histogram's values are a millisecond. */
void perf_log_add(struct perf_log *log, double begin_s, double length_s, const struct histogram *h, double unit);

/* Appends the encoded histogram alone. */
void perf_log_encode(const struct histogram *h, struct text *out);

#endif
