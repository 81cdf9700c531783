/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_table.c - see perf_table.h.
 */
#include "cli/perf_table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define SIDES 4 /* "||" twice */

static unsigned width_of(const struct perf_table_draft *t)
{
    return t->column == 0 ? t->shape->first : t->shape->others;
}

static void border_add(struct perf_table_draft *t)
{
    const struct perf_table_shape *s = t->shape;
    const unsigned len = SIDES + s->first + s->others * (s->columns - 1) + 2 * s->columns - 1;

    for (unsigned i = 0; i < len; i++)
        text_add_bytes(t->out, bytes_of(&s->border, 1));
}

void perf_table_begin(struct perf_table_draft *t, const struct perf_table_shape *shape, struct text *out)
{
    *t = (struct perf_table_draft){.shape = shape, .out = out};
    border_add(t);
    text_add(out, "\n");
}

void perf_table_text(struct perf_table_draft *t, const char *text)
{
    const int width = (int)width_of(t);

    assert(t->column < t->shape->columns);
    text_printf(t->out, "%s%-*.*s ", t->column == 0 ? "||" : "|", width, width, text ? text : "");
    t->column++;
}

void perf_table_number(struct perf_table_draft *t, double number)
{
    char text[340];

    (void)snprintf(text, sizeof text, "%.2f", number);
    perf_table_text(t, text);
}

void perf_table_count(struct perf_table_draft *t, int64_t count)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, count);
    perf_table_text(t, text);
}

void perf_table_row_end(struct perf_table_draft *t)
{
    while (t->column < t->shape->columns)
        perf_table_text(t, NULL);
    text_add(t->out, "||\n");
    t->column = 0;
}

void perf_table_end(struct perf_table_draft *t)
{
    border_add(t);
    text_add(t->out, "\n");
}
