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

/* Backslash, quote and line feed are escaped in a label's value.  Names come from clients: what of them is not UTF-8
 * becomes U+FFFD, or nobody could read any of the metrics. */
static void add_escaped(struct text *out, struct bytes value)
{
    size_t from = 0, len;

    for (size_t i = 0; i < value.len; i += len) {
        const uint8_t c = value.data[i];
        const size_t good = utf8_sequence(bytes_of(value.data + i, value.len - i));
        len = good ? good : 1;
        if (good && c != '\\' && c != '"' && c != '\n')
            continue;
        text_add_bytes(out, bytes_of(value.data + from, i - from));
        text_add(out, !good ? "\xef\xbf\xbd" : c == '\\' ? "\\\\" : c == '"' ? "\\\"" : "\\n");
        from = i + len;
    }
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
