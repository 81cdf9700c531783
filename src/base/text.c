/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c - a growing, bounded text.
 *
 * Invariant: len < capacity once data is there, and data[len] is NUL; after a failure nothing is added.
 */
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_CAPACITY_MIN 64u

void text_init(struct text *t, size_t limit)
{
    *t = (struct text){.limit = limit};
}

void text_deinit(struct text *t)
{
    free(t->data);
    *t = (struct text){.limit = t->limit};
}

/* Room for `more` bytes and the NUL. */
static bool text_reserve(struct text *t, size_t more)
{
    size_t capacity = t->capacity ? t->capacity : TEXT_CAPACITY_MIN;
    char *data;

    if (t->failed || more > t->limit || t->len > t->limit - more) {
        t->failed = true;
        return false;
    }
    if (t->data && t->len + more < t->capacity)
        return true;
    while (capacity <= t->len + more)
        capacity *= 2;
    data = realloc(t->data, capacity);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->capacity = capacity;
    return true;
}

void text_add(struct text *t, const char *s)
{
    text_add_bytes(t, bytes_of_text(s));
}

void text_add_bytes(struct text *t, struct bytes b)
{
    if (!text_reserve(t, b.len))
        return;
    if (b.len > 0)
        memcpy(t->data + t->len, b.data, b.len);
    t->len += b.len;
    t->data[t->len] = '\0';
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list args, again;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        t->failed = true;
    else if (text_reserve(t, (size_t)len)) {
        vsnprintf(t->data + t->len, (size_t)len + 1, format, again);
        t->len += (size_t)len;
    }
    va_end(again);
}

size_t utf8_sequence(struct bytes b)
{
    uint8_t first = b.data[0], low = 0x80, high = 0xbf;
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;

    if (len == 0 || len > b.len)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < len; i++) {
        if (b.data[i] < low || b.data[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return len;
}

static void add_json_ascii(struct text *t, uint8_t c)
{
    switch (c) {
    case '"':
        text_add(t, "\\\"");
        break;
    case '\\':
        text_add(t, "\\\\");
        break;
    case '\n':
        text_add(t, "\\n");
        break;
    case '\r':
        text_add(t, "\\r");
        break;
    case '\t':
        text_add(t, "\\t");
        break;
    default:
        if (c < 0x20 || c == 0x7f)
            text_printf(t, "\\u%04x", c);
        else
            text_add_bytes(t, bytes_of(&c, 1));
    }
}

void text_add_json(struct text *t, struct bytes b)
{
    text_add(t, "\"");
    while (b.len > 0) {
        size_t len = utf8_sequence(b);
        if (len == 1)
            add_json_ascii(t, b.data[0]);
        else if (len > 1)
            text_add_bytes(t, bytes_of(b.data, len));
        else
            text_add(t, "\\ufffd");
        len = len > 0 ? len : 1;
        b = bytes_of(b.data + len, b.len - len);
    }
    text_add(t, "\"");
}

char *text_take(struct text *t)
{
    char *data;

    if (!t->failed && !t->data)
        text_add(t, "");
    if (t->failed)
        return NULL;
    data = t->data;
    *t = (struct text){.limit = t->limit};
    return data;
}
