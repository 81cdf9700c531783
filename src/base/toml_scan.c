/* SPDX-License-Identifier: Apache-2.0
 *
 * toml_scan.c - the words of a TOML document.
 *
 * Strings and dates point into the text.  A string is unescaped in place: `to` in the functions below runs behind `at`.
 */
#include "base/toml_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum err toml_scan_fail(struct toml_scan *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(s->message, s->message_size, format, args);
    va_end(args);
    return ERR_INVALID;
}

/* ---- the encoding ---- */

/* The length of the UTF-8 sequence at `p`, or 0 when it is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_len(const uint8_t *p, size_t left)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, len;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (p[0] < forms[i].first_min || p[0] > forms[i].first_max)
            continue;
        if (forms[i].len > left || (forms[i].len > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max)))
            return 0;
        for (size_t k = 2; k < forms[i].len; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].len;
    }
    return 0;
}

/* Control characters but the tab and the ends of lines (LF, CR LF) are nowhere allowed. */
static bool is_forbidden(const uint8_t *p, size_t left)
{
    if (p[0] == '\r')
        return left < 2 || p[1] != '\n';
    return (p[0] < 0x20 && p[0] != '\t' && p[0] != '\n') || p[0] == 0x7f;
}

enum err toml_scan_init(struct toml_scan *s, uint8_t *text, size_t len, char *message, size_t message_size)
{
    *s = (struct toml_scan){.at = text, .end = text + len, .line = 1, .message = message, .message_size = message_size};
    for (const uint8_t *p = s->at; p < s->end;) {
        size_t left = (size_t)(s->end - p), char_len = utf8_len(p, left);
        if (char_len == 0)
            return toml_scan_fail(s, "not UTF-8");
        if (is_forbidden(p, left))
            return toml_scan_fail(s, "control character 0x%02x", *p);
        s->line += *p == '\n';
        p += char_len;
    }
    s->line = 1;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        s->at += 3; /* a byte order mark that an editor left */
    return OK;
}

/* ---- space ---- */

bool toml_scan_take(struct toml_scan *s, char wanted)
{
    if (toml_scan_peek(s) != wanted)
        return false;
    s->at++;
    return true;
}

void toml_scan_blanks(struct toml_scan *s)
{
    while (toml_scan_peek(s) == ' ' || toml_scan_peek(s) == '\t')
        s->at++;
}

static void comment_skip(struct toml_scan *s)
{
    if (toml_scan_peek(s) != '#')
        return;
    while (s->at < s->end && *s->at != '\n' && *s->at != '\r')
        s->at++;
}

/* A carriage return is always followed by a line feed here. */
static bool newline_take(struct toml_scan *s)
{
    if (toml_scan_peek(s) == '\r')
        s->at++;
    if (!toml_scan_take(s, '\n'))
        return false;
    s->line++;
    return true;
}

enum err toml_scan_line_end(struct toml_scan *s)
{
    toml_scan_blanks(s);
    comment_skip(s);
    if (s->at == s->end || newline_take(s))
        return OK;
    return toml_scan_fail(s, "expected the end of the line, not `%c`", *s->at);
}

void toml_scan_space(struct toml_scan *s)
{
    do {
        toml_scan_blanks(s);
        comment_skip(s);
    } while (newline_take(s));
}

/* ---- strings ---- */

/* Appends a character in UTF-8. */
static uint8_t *utf8_put(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *to++ = (uint8_t)(0xe0 | c >> 12);
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    } else {
        *to++ = (uint8_t)(0xf0 | c >> 18);
        *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    }
    *to++ = (uint8_t)(0x80 | (c & 0x3f));
    return to;
}

static int hex_value(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* \uXXXX and \UXXXXXXXX, after the letter. */
static enum err unicode_take(struct toml_scan *s, int digits, uint8_t **to)
{
    uint32_t c = 0;

    for (int i = 0; i < digits; i++, s->at++) {
        int value = hex_value(toml_scan_peek(s));
        if (value < 0)
            return toml_scan_fail(s, "a \\%c escape has %d hexadecimal digits", digits == 4 ? 'u' : 'U', digits);
        c = c << 4 | (uint32_t)value;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return toml_scan_fail(s, "an escape names no character: U+%04X", (unsigned)c);
    *to = utf8_put(*to, c);
    return OK;
}

/* After the backslash.  No escape is shorter than what it stands for. */
static enum err escape_take(struct toml_scan *s, uint8_t **to)
{
    static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
    int c = toml_scan_peek(s);

    if (c == 'u' || c == 'U') {
        s->at++;
        return unicode_take(s, c == 'u' ? 4 : 8, to);
    }
    const char *found = c > 0 ? strchr(letters, c) : NULL;
    if (!found)
        return toml_scan_fail(s, "unknown escape in a string");
    s->at++;
    *(*to)++ = (uint8_t)meanings[found - letters];
    return OK;
}

/* A backslash at the end of a line takes the line's end, and all space up to the next word, with it. */
static bool line_joined(struct toml_scan *s)
{
    uint8_t *before = s->at;

    toml_scan_blanks(s);
    if (!newline_take(s)) {
        s->at = before;
        return false;
    }
    do
        toml_scan_blanks(s);
    while (newline_take(s));
    return true;
}

/* How many quotes follow, counted up to five: two may stand before the three that close. */
static int quotes_count(const struct toml_scan *s, char quote)
{
    int count = 0;

    while (count < 5 && s->at + count < s->end && s->at[count] == quote)
        count++;
    return count;
}

/* Takes the closing quotes if they are next; those beyond the three that close belong to the string. */
static bool string_closed(struct toml_scan *s, char quote, bool multiline, uint8_t **to)
{
    int count = quotes_count(s, quote), closing = multiline ? 3 : 1;

    if (count < closing)
        return false;
    int kept = multiline ? count - closing : 0;
    memset(*to, quote, (size_t)kept);
    *to += kept;
    s->at += kept + closing;
    return true;
}

/* Up to and with the closing quotes. */
static enum err string_body(struct toml_scan *s, char quote, bool multiline, uint8_t **to)
{
    enum err err;

    while (s->at < s->end && !(*s->at == '\n' && !multiline)) {
        if (string_closed(s, quote, multiline, to))
            return OK;
        if (quote == '"' && toml_scan_take(s, '\\')) {
            if (multiline && line_joined(s))
                continue;
            if ((err = escape_take(s, to)) != OK)
                return err;
            continue;
        }
        s->line += *s->at == '\n';
        *(*to)++ = *s->at++;
    }
    return toml_scan_fail(s, "a string is not closed");
}

enum err toml_scan_string(struct toml_scan *s, struct bytes *out)
{
    char quote = (char)*s->at;
    bool multiline = quotes_count(s, quote) >= 3;

    s->at += multiline ? 3 : 1;
    if (multiline)
        newline_take(s); /* one right after the quotes is not part of the string */
    uint8_t *start = s->at, *to = start;
    enum err err = string_body(s, quote, multiline, &to);
    if (err == OK)
        *out = bytes_of(start, (size_t)(to - start));
    return err;
}

/* ---- keys ---- */

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_bare(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

enum err toml_scan_key(struct toml_scan *s, struct bytes *out)
{
    int c = toml_scan_peek(s);

    if (c == '"' || c == '\'') {
        if (quotes_count(s, (char)c) >= 3)
            return toml_scan_fail(s, "a key cannot be a multi-line string");
        return toml_scan_string(s, out);
    }
    const uint8_t *start = s->at;
    while (is_bare(toml_scan_peek(s)))
        s->at++;
    if (s->at == start)
        return c < 0 ? toml_scan_fail(s, "expected a key, not the end")
                     : toml_scan_fail(s, "expected a key, not `%c`", c == '\n' || c == '\r' ? ' ' : c);
    *out = bytes_of(start, (size_t)(s->at - start));
    return OK;
}

/* ---- numbers ---- */

/* Copies digits of `base` to `to` without the underscores, which stand between digits only; returns how many bytes
 * it read, 0 when these are no digits. */
static size_t digits_take(const char *from, int base, char **to)
{
    size_t i = 0;

    for (;; i++) {
        int value = hex_value((unsigned char)from[i]);
        if (value >= 0 && value < base) {
            *(*to)++ = from[i];
            continue;
        }
        int next = from[i] == '_' && i > 0 ? hex_value((unsigned char)from[i + 1]) : -1;
        if (next < 0 || next >= base || from[i - 1] == '_')
            return i;
    }
}

static bool integer_read(const char *digits, int base, int64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(digits, &end, base);
    return errno == 0 && *end == '\0';
}

/* 0x, 0o, 0b */
static bool based_read(const char *word, int64_t *out)
{
    char digits[128], *to = digits;
    int base = word[1] == 'x' ? 16 : word[1] == 'o' ? 8 : 2;
    size_t len = digits_take(word + 2, base, &to);

    *to = '\0';
    return len > 0 && word[2 + len] == '\0' && integer_read(digits, base, out);
}

/* The fraction and the exponent, each of which may be absent. */
static bool float_rest_take(const char **word, char **to)
{
    const char *p = *word;
    size_t len;

    if (*p == '.') {
        *(*to)++ = *p++;
        if ((len = digits_take(p, 10, to)) == 0)
            return false;
        p += len;
    }
    if (*p == 'e' || *p == 'E') {
        *(*to)++ = *p++;
        if (*p == '+' || *p == '-')
            *(*to)++ = *p++;
        if ((len = digits_take(p, 10, to)) == 0)
            return false;
        p += len;
    }
    *word = p;
    return true;
}

static bool decimal_read(const char *word, struct toml_node *node)
{
    char digits[128], *to = digits;
    const char *p = word;

    if (*p == '+' || *p == '-')
        *to++ = *p++;
    size_t len = digits_take(p, 10, &to);
    if (len == 0 || (len > 1 && p[0] == '0'))
        return false;
    p += len;
    const char *rest = p;
    if (!float_rest_take(&p, &to) || *p != '\0')
        return false;
    *to = '\0';
    if (rest == p) {
        node->type = TOML_INTEGER;
        return integer_read(digits, 10, &node->value.integer);
    }
    node->type = TOML_FLOAT;
    node->value.number = strtod(digits, NULL);
    return true;
}

static bool special_float_read(const char *word, struct toml_node *node)
{
    const char *name = *word == '+' || *word == '-' ? word + 1 : word;

    if (strcmp(name, "inf") != 0 && strcmp(name, "nan") != 0)
        return false;
    node->type = TOML_FLOAT;
    node->value.number = name[0] == 'i' ? __builtin_inf() : __builtin_nan("");
    if (*word == '-')
        node->value.number = -node->value.number;
    return true;
}

static bool number_read(const char *word, struct toml_node *node)
{
    if (word[0] == '0' && word[1] != '\0' && strchr("xob", word[1])) {
        node->type = TOML_INTEGER;
        return based_read(word, &node->value.integer);
    }
    return decimal_read(word, node) || special_float_read(word, node);
}

/* ---- dates and times (RFC 3339) ---- */

/* `count` digits with a value in [min, max]. */
static bool field_take(const char **p, int count, int min, int max, int *out)
{
    int value = 0;

    for (int i = 0; i < count; i++, (*p)++) {
        if (!is_digit(**p))
            return false;
        value = value * 10 + (**p - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

static bool mark_take(const char **p, char mark)
{
    if (**p != mark)
        return false;
    (*p)++;
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool date_take(const char **p)
{
    int year, month, day;

    return field_take(p, 4, 0, 9999, &year) && mark_take(p, '-') && field_take(p, 2, 1, 12, &month) &&
           mark_take(p, '-') && field_take(p, 2, 1, month_days(year, month), &day);
}

static bool time_take(const char **p)
{
    int ignored;

    if (!(field_take(p, 2, 0, 23, &ignored) && mark_take(p, ':') && field_take(p, 2, 0, 59, &ignored) &&
          mark_take(p, ':') && field_take(p, 2, 0, 60, &ignored)))
        return false;
    if (!mark_take(p, '.'))
        return true;
    if (!is_digit(**p))
        return false;
    while (is_digit(**p))
        (*p)++;
    return true;
}

/* Z, or hours and minutes; none for a local time. */
static bool offset_take(const char **p)
{
    int ignored;

    if (**p == '\0' || mark_take(p, 'Z') || mark_take(p, 'z'))
        return true;
    return (mark_take(p, '+') || mark_take(p, '-')) && field_take(p, 2, 0, 23, &ignored) && mark_take(p, ':') &&
           field_take(p, 2, 0, 59, &ignored);
}

static bool datetime_valid(const char *word)
{
    const char *p = word;

    if (word[2] == ':')
        return time_take(&p) && *p == '\0';
    if (!date_take(&p))
        return false;
    if (*p == '\0')
        return true;
    return (mark_take(&p, 'T') || mark_take(&p, 't') || mark_take(&p, ' ')) && time_take(&p) && offset_take(&p) &&
           *p == '\0';
}

static bool looks_like_datetime(const char *word, size_t len)
{
    if (len < 5 || !is_digit(word[0]) || !is_digit(word[1]))
        return false;
    return word[2] == ':' || (is_digit(word[2]) && is_digit(word[3]) && word[4] == '-');
}

/* ---- words ---- */

static bool is_word(int c)
{
    return is_bare(c) || c == '+' || c == '.' || c == ':';
}

static void word_end(struct toml_scan *s)
{
    while (is_word(toml_scan_peek(s)))
        s->at++;
}

enum err toml_scan_word(struct toml_scan *s, struct toml_node *node)
{
    const uint8_t *start = s->at;
    char word[100];

    word_end(s);
    if (s->at - start == 10 && start[4] == '-' && s->end - s->at >= 2 && s->at[0] == ' ' && is_digit(s->at[1])) {
        s->at++; /* a date and a time with a blank between them */
        word_end(s);
    }
    size_t len = (size_t)(s->at - start);
    if (len == 0)
        return s->at == s->end ? toml_scan_fail(s, "expected a value, not the end")
                               : toml_scan_fail(s, "expected a value, not `%c`", *s->at < 0x20 ? ' ' : *s->at);
    if (len >= sizeof word)
        return toml_scan_fail(s, "a word of more than %zu characters is no value", sizeof word - 1);
    memcpy(word, start, len);
    word[len] = '\0';
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        node->type = TOML_BOOL;
        node->value.boolean = word[0] == 't';
        return OK;
    }
    if (looks_like_datetime(word, len)) {
        node->type = TOML_DATETIME;
        node->value.string = bytes_of(start, len);
        return datetime_valid(word) ? OK : toml_scan_fail(s, "`%s` is no date or time", word);
    }
    if (number_read(word, node))
        return OK;
    return toml_scan_fail(s, "`%s` is no value (a text needs quotes)", word);
}
