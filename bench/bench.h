/* SPDX-License-Identifier: Apache-2.0
 *
 * bench.h - what the benches of the store share: an error ends them, a clock, the kernel's count of bytes, medians.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/err.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline void must(enum err err, const char *what)
{
    if (err == OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err_text(err));
    exit(1);
}

/* For store_options.on_fatal. */
static inline void fatal(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    must(err, what);
}

static inline uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline double seconds_since(uint64_t from_ns)
{
    return (double)(now_ns() - from_ns) / 1e9;
}

/* To the disk, by this process: pages made dirty, as the kernel counts them. */
static inline uint64_t bytes_written(void)
{
    FILE *f = fopen("/proc/self/io", "r");
    char line[80];
    uint64_t bytes = 0;

    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "write_bytes: %" SCNu64, &bytes) == 1)
            break;
    }
    if (f)
        fclose(f);
    return bytes;
}

static inline int by_size(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* Sorts them. */
static inline double median(double *of, size_t count)
{
    qsort(of, count, sizeof *of, by_size);
    return count > 0 ? of[count / 2] : 0;
}

#endif
