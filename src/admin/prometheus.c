/* SPDX-License-Identifier: Apache-2.0
 *
 * prometheus.c - see prometheus.h.
 */
#include "admin/prometheus.h"

#include <math.h>

void prometheus_metric(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static bool is_plain(uint8_t c)
{
    return c >= ' ' && c < 0x7f && c != '\\' && c != '"';
}

/* Backslash, quote and line feed are escaped in a label's value.  Names come from clients: what of them is not UTF-8
 * becomes U+FFFD, or nobody could read any of the metrics. */
static void add_escaped(struct text *out, struct bytes value)
{
    size_t from = 0, len;

    for (size_t i = 0; i < value.len; i += len) {
        const uint8_t c = value.data[i];
        const size_t good = is_plain(c) ? 1 : utf8_sequence(bytes_of(value.data + i, value.len - i));
        len = good ? good : 1;
        if (good && c != '\\' && c != '"' && c != '\n')
            continue;
        text_add_bytes(out, bytes_of(value.data + from, i - from));
        text_add(out, !good ? "\xef\xbf\xbd" : c == '\\' ? "\\\\" : c == '"' ? "\\\"" : "\\n");
        from = i + len;
    }
    text_add_bytes(out, bytes_of(value.data + from, value.len - from));
}

void prometheus_label(struct text *out, const char *name, struct bytes value)
{
    text_add(out, name);
    text_add(out, "=\"");
    add_escaped(out, value);
    text_add(out, "\"");
}

/* printf would take half of the time that all samples take. */
static void add_whole(struct text *out, int64_t value)
{
    char digits[24], *p = digits + sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

    *--p = '\n';
    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        *--p = '-';
    text_add_bytes(out, bytes_of(p, (size_t)(digits + sizeof digits - p)));
}

void prometheus_sample(struct text *out, const char *name, const struct bytes *labels, size_t count, double value)
{
    text_add(out, name);
    text_add(out, "{");
    for (size_t i = 0; i < count; i++)
        text_add_bytes(out, labels[i]);
    text_add(out, "} ");
    if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value)
        add_whole(out, (int64_t)value);
    else
        text_printf(out, "%.10g\n", isfinite(value) ? value : 0.0);
}
