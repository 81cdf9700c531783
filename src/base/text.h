/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h - a growing text, for building answers, metrics and messages.
 *
 * Bounded: beyond `limit` bytes, or when memory is short, it stops growing and remembers that
 * (text_failed), so that builders need not check each step.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/bytes.h"
#include "base/err.h"

struct text {
    char *data; /* always NUL-terminated once something was added; NULL before */
    size_t len, capacity, limit;
    bool failed;
};

/* Whether a setting, a flag or a member says anything: it is there, and not empty. */
static inline bool text_given(const char *text)
{
    return text && *text;
}

void text_init(struct text *t, size_t limit);
void text_deinit(struct text *t);
void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, struct bytes b);
void text_printf(struct text *t, const char *format, ...) PRINTF_LIKE(2, 3);
/* Bytes of the well-formed UTF-8 sequence at the start of `b`, which is not empty (RFC 3629: no overlong forms, no
 * surrogates); else 0. */
size_t utf8_sequence(struct bytes b);
/* As a JSON string, quotes included. What is not UTF-8 becomes U+FFFD, byte by byte. */
void text_add_json(struct text *t, struct bytes b);

static inline bool text_failed(const struct text *t)
{
    return t->failed;
}

/* The text, now the caller's to free(); never NULL unless text_failed. */
char *text_take(struct text *t);

#endif
