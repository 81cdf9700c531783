/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_rows.h - figures of many topics, kept small between the core, which fills them in, and the admin thread,
 * which writes them out once for each metric.
 *
 * A row is a kind, a text, and up to ROW_FIGURES_MAX figures, of which those that are 0 take no room:
 *
 *     offset size
 *          0    2  its length, all of it
 *          2    1  kind
 *          3    8  mask: bit i is set when figure i is not 0
 *         11    2  length of the text
 *         13       the text
 *                  for each bit that is set: a varint, which is twice the zigzag of a whole number below 2^52; or the
 *                  byte 1 and a double
 *
 * A topic on which nothing happens takes about 70 bytes, one in full use 200.  Rows lie in the arena, in chunks.
 * May call: base/.
 */
#ifndef ADMIN_METRICS_ROWS_H
#define ADMIN_METRICS_ROWS_H

#include "base/arena.h"

#define ROW_FIGURES_MAX 64
#define ROW_TEXT_MAX    4096

struct rows_chunk;

struct rows { /* private */
    struct arena *arena;
    struct rows_chunk *first, *last;
    size_t count;
};

void rows_init(struct rows *r, struct arena *arena);
/* False: the arena is spent, and the row is not there. */
MUST_USE bool rows_add(struct rows *r, unsigned kind, struct bytes text, const double *figures, unsigned count);

struct row {
    unsigned kind;
    struct bytes text;
    uint64_t mask; /* private, as the next */
    const uint8_t *values;
};

/* From the first row on; may be copied.  Zeroed, it is at the end. */
struct rows_reader { /* private */
    const struct rows_chunk *chunk;
    size_t at;
};

void rows_read(struct rows_reader *reader, const struct rows *r);
bool rows_next(struct rows_reader *reader, struct row *out);
double row_figure(const struct row *row, unsigned index);

#endif
