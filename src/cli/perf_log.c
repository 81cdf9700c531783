/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_log.c - see perf_log.h.
 *
 * The V2 encoding (numbers are big-endian):
 *
 *     0   cookie         0x1c849313
 *     4   length         of the counts, in bytes
 *     8   offset         0: the values are not shifted
 *    12   digits
 *    16   lowest value   8 bytes: 1
 *    24   largest value  8 bytes
 *    32   ratio          8 bytes: a double, 1
 *    40   counts         each ZigZag in 1 to 9 bytes; so many zeros in a row as their number, negative
 *
 * Compressed (zlib) it stands behind a cookie and its length.
 */
#include "cli/perf_log.h"

#include "base/base64.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#define COOKIE            0x1c849313u
#define COMPRESSED_COOKIE 0x1c849314u
#define HEAD              40
#define COMPRESSED_HEAD   8
#define COUNT_MAX         9 /* bytes */
#define LINE_BYTES_MAX    (4u * 1024 * 1024)

static void be32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void be64(uint8_t *to, uint64_t value)
{
    be32(to, (uint32_t)(value >> 32));
    be32(to + 4, (uint32_t)value);
}

/* Seven bits a byte, the lowest first; a ninth byte has eight. */
static size_t count_encode(uint8_t to[COUNT_MAX], int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t len = 0;

    while (rest >= 0x80 && len < COUNT_MAX - 1) {
        to[len++] = (uint8_t)(rest | 0x80);
        rest >>= 7;
    }
    to[len++] = (uint8_t)rest;
    return len;
}

/* Up to the last that is not zero. */
static size_t counts_encode(const struct histogram *h, uint8_t *to)
{
    size_t len = 0;
    int64_t zeros = 0;

    for (size_t i = 0; i < histogram_places(h); i++) {
        const uint64_t here = histogram_at(h, i);
        if (here == 0) {
            zeros++;
            continue;
        }
        if (zeros > 0)
            len += count_encode(to + len, zeros == 1 ? 0 : -zeros);
        zeros = 0;
        len += count_encode(to + len, (int64_t)here);
    }
    return len;
}

static void head_encode(const struct histogram *h, uint8_t to[HEAD], size_t counts_len)
{
    const double ratio = 1;
    uint64_t ratio_bits;

    memcpy(&ratio_bits, &ratio, sizeof ratio_bits);
    be32(to, COOKIE);
    be32(to + 4, (uint32_t)counts_len);
    be32(to + 8, 0);
    be32(to + 12, HISTOGRAM_DIGITS);
    be64(to + 16, 1);
    be64(to + 24, histogram_largest(h));
    be64(to + 32, ratio_bits);
}

void perf_log_encode(const struct histogram *h, struct text *out)
{
    const size_t plain_max = HEAD + histogram_places(h) * COUNT_MAX;
    uint8_t *plain = malloc(plain_max), *packed = NULL;
    uLongf packed_len = compressBound(plain_max);

    if (plain && (packed = malloc(COMPRESSED_HEAD + packed_len))) {
        const size_t counts_len = counts_encode(h, plain + HEAD);
        head_encode(h, plain, counts_len);
        int status = compress2(packed + COMPRESSED_HEAD, &packed_len, plain, HEAD + counts_len, Z_BEST_SPEED);
        if (status == Z_OK) {
            be32(packed, COMPRESSED_COOKIE);
            be32(packed + 4, (uint32_t)packed_len);
            base64_encode(out, bytes_of(packed, COMPRESSED_HEAD + packed_len));
        } else {
            out->failed = true;
        }
    } else {
        out->failed = true;
    }
    free(packed);
    free(plain);
}

/* ---- the file ---- */

struct perf_log {
    FILE *file;
    int error; /* the first: an errno; 0: none */
};

static void write_line(struct perf_log *log, const char *line)
{
    if (log->error == 0 && (fprintf(log->file, "%s\n", line) < 0 || fflush(log->file) != 0))
        log->error = errno;
}

enum err perf_log_open(struct perf_log **out, const char *path, int64_t started_ms)
{
    const time_t seconds = (time_t)(started_ms / 1000);
    struct perf_log *log = calloc(1, sizeof *log);
    char line[160], date[64] = "";
    struct tm parts;

    if (!log)
        return ERR_NOMEM;
    if (!(log->file = fopen(path, "w"))) {
        free(log);
        return ERR_IO;
    }
    if (gmtime_r(&seconds, &parts))
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    write_line(log, "#[Logged with geminga " GEMINGA_VERSION "]");
    write_line(log, "#[Histogram log format version 1.3]");
    (void)snprintf(line, sizeof line, "#[StartTime: %.3f (seconds since epoch), %s]", (double)started_ms / 1000, date);
    write_line(log, line);
    write_line(log, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"");
    *out = log;
    return OK;
}

bool perf_log_close(struct perf_log *log)
{
    if (!log)
        return true;
    if (fclose(log->file) != 0 && log->error == 0)
        log->error = errno;
    const int error = log->error;
    free(log);
    errno = error;
    return error == 0;
}

void perf_log_add(struct perf_log *log, double begin_s, double length_s, const struct histogram *h, double unit)
{
    struct text line;

    text_init(&line, LINE_BYTES_MAX);
    text_printf(&line, "%.3f,%.3f,%.3f,", begin_s, length_s, (double)histogram_max(h) / unit);
    perf_log_encode(h, &line);
    if (!text_failed(&line))
        write_line(log, line.data);
    else if (log->error == 0)
        log->error = ENOMEM;
    text_deinit(&line);
}
