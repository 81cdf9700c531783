/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_table.h - tables of fixed width, as pulsar-perf's monitor draws them:
 *
 *     ===================
 *     ||COUNT   |TOPIC  ||
 *     ||        |12     ||
 *     ===================
 *
 * Pure.  Texts are cut to their column.
 */
#ifndef CLI_PERF_TABLE_H
#define CLI_PERF_TABLE_H

#include "base/text.h"

#include <stdint.h>

struct perf_table_shape {
    char border;
    unsigned columns;
    unsigned first, others; /* widths */
};

struct perf_table_draft {
    const struct perf_table_shape *shape;
    struct text *out;
    unsigned column; /* of the open row */
};

/* The upper border. */
void perf_table_begin(struct perf_table_draft *t, const struct perf_table_shape *shape, struct text *out);
/* One cell after the other; a number has two digits behind its point.  NULL is an empty cell. */
void perf_table_text(struct perf_table_draft *t, const char *text);
void perf_table_number(struct perf_table_draft *t, double number);
void perf_table_count(struct perf_table_draft *t, int64_t count);
/* Empty cells up to the end of the row. */
void perf_table_row_end(struct perf_table_draft *t);
void perf_table_end(struct perf_table_draft *t);

#endif
