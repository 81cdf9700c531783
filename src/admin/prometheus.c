/* SPDX-License-Identifier: Apache-2.0
 *
 * prometheus.c - see prometheus.h.
 */
#include "admin/prometheus.h"

#include <inttypes.h>
#include <math.h>

void prometheus_metric(struct text *out, const char *name, const char *type)
{
    text_printf(out, "# TYPE %s %s\n", name, type);
}

/* Backslash, quote and line feed are escaped in a label's value; everything else stands as it is. */
static void add_escaped(struct text *out, struct bytes value)
{
    size_t from = 0;

    for (size_t i = 0; i < value.len; i++) {
        const char *escape = value.data[i] == '\\' ? "\\\\" : value.data[i] == '"' ? "\\\"" : "\\n";
        if (value.data[i] != '\\' && value.data[i] != '"' && value.data[i] != '\n')
            continue;
        text_add_bytes(out, bytes_of(value.data + from, i - from));
        text_add(out, escape);
        from = i + 1;
    }
    if (from < value.len)
        text_add_bytes(out, bytes_of(value.data + from, value.len - from));
}

void prometheus_sample(struct text *out, const char *name, const struct label *labels, size_t count, double value)
{
    text_add(out, name);
    for (size_t i = 0; i < count; i++) {
        text_add(out, i == 0 ? "{" : ",");
        text_add(out, labels[i].name);
        text_add(out, "=\"");
        add_escaped(out, labels[i].value);
        text_add(out, "\"");
    }
    if (count > 0)
        text_add(out, "}");
    if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value)
        text_printf(out, " %" PRId64 "\n", (int64_t)value);
    else
        text_printf(out, " %.10g\n", isfinite(value) ? value : 0.0);
}
