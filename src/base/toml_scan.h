/* SPDX-License-Identifier: Apache-2.0
 *
 * toml_scan.h - the words of a TOML document: white space, keys, strings, numbers, dates.
 *
 * Internal to toml.c, which knows tables and arrays.  Reads from a text that toml_scan_init found to be UTF-8 and
 * without control characters, so that no function here meets one except in an escape.  Strings are unescaped where they
 * stand, for no escape is shorter than what it means; so the text must be the reader's own.
 */
#ifndef BASE_TOML_SCAN_H
#define BASE_TOML_SCAN_H

#include "base/toml.h"

struct toml_scan {
    uint8_t *at, *end;
    unsigned line;
    char *message;
    size_t message_size;
};

/* Checks the encoding of the whole text. */
MUST_USE enum err toml_scan_init(struct toml_scan *s, uint8_t *text, size_t len, char *message, size_t message_size);

/* Writes the message and returns ERR_INVALID. */
enum err toml_scan_fail(struct toml_scan *s, const char *format, ...) PRINTF_LIKE(2, 3);

/* The next byte, or -1 at the end. */
static inline int toml_scan_peek(const struct toml_scan *s)
{
    return s->at < s->end ? *s->at : -1;
}

/* Takes the byte if it is the next one. */
bool toml_scan_take(struct toml_scan *s, char wanted);
void toml_scan_blanks(struct toml_scan *s);
/* Blanks, and a comment if there is one; then the end of the line or of the text must follow, and is taken. */
MUST_USE enum err toml_scan_line_end(struct toml_scan *s);
/* Blanks, comments and ends of lines, any number. */
void toml_scan_space(struct toml_scan *s);

/* One part of a key: bare or quoted. */
MUST_USE enum err toml_scan_key(struct toml_scan *s, struct bytes *out);
/* A string of any of the four kinds; the next byte is a quote. */
MUST_USE enum err toml_scan_string(struct toml_scan *s, struct bytes *out);
/* A number, a boolean or a date: sets the node's type and value. */
MUST_USE enum err toml_scan_word(struct toml_scan *s, struct toml_node *node);

#endif
