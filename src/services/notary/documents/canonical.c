/* SPDX-License-Identifier: Apache-2.0
 *
 * canonical.c - members sorted, strings escaped sparingly, numbers by their shortest digits.
 */
#include "services/notary/documents/canonical.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS_MAX 17 /* that many decimal digits tell any two doubles apart */

/* A positive number as 0.DIGITS times ten to the power of `point`. */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int count;
    int point;
};

/* The double that the decimal names; written without a decimal point, so that no locale matters. */
static double decimal_value(const struct decimal *d)
{
    char text[DIGITS_MAX + 16];

    snprintf(text, sizeof text, "%se%d", d->digits, d->point - d->count);
    return strtod(text, NULL);
}

/* The nearest decimal of `count` digits. */
static void decimal_round(struct decimal *d, double number, int count)
{
    char text[DIGITS_MAX + 16];
    int at = 0;

    snprintf(text, sizeof text, "%.*e", count - 1, number);
    for (const char *p = text; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            d->digits[at++] = *p;
    assert(at == count);
    d->digits[at] = '\0';
    d->count = count;
    d->point = atoi(strchr(text, 'e') + 1) + 1;
}

/* The next decimal above with as many digits; false when there is none (all nines). */
static bool decimal_increment(struct decimal *d)
{
    for (int i = d->count - 1; i >= 0; i--) {
        if (d->digits[i] != '9') {
            d->digits[i]++;
            return true;
        }
        d->digits[i] = '0';
    }
    return false;
}

/* The fewest digits that read back as `number`.  Below a power of two doubles lie twice as dense as above it, so
 * that the nearest decimal may miss and the one after it may not: 2^-44 is 5.684341886080802e-14. */
static void decimal_shortest(struct decimal *d, double number)
{
    for (int count = 1; count < DIGITS_MAX; count++) {
        decimal_round(d, number, count);
        if (decimal_value(d) == number)
            return;
        if (decimal_increment(d) && decimal_value(d) == number)
            return;
    }
    decimal_round(d, number, DIGITS_MAX);
    assert(decimal_value(d) == number); /* 17 digits always read back */
}

/* Prints as the specification of Number::toString does, case by case; n is its name for `point`, k for `count`. */
static void decimal_print(const struct decimal *d, char *to, size_t size)
{
    int n = d->point, k = d->count;

    if (k <= n && n <= 21)
        snprintf(to, size, "%s%.*s", d->digits, n - k, "000000000000000000000");
    else if (n > 0 && n <= 21)
        snprintf(to, size, "%.*s.%s", n, d->digits, d->digits + n);
    else if (n > -6 && n <= 0)
        snprintf(to, size, "0.%.*s%s", -n, "000000", d->digits);
    else
        snprintf(to, size, "%.1s%s%se%+d", d->digits, k > 1 ? "." : "", d->digits + 1, n - 1);
}

void canonical_number(double number, char to[CANONICAL_NUMBER_SIZE])
{
    struct decimal d;

    assert(isfinite(number));
    if (number == 0) { /* minus zero too */
        snprintf(to, CANONICAL_NUMBER_SIZE, "0");
        return;
    }
    decimal_shortest(&d, fabs(number));
    if (number < 0)
        *to++ = '-';
    decimal_print(&d, to, CANONICAL_NUMBER_SIZE - 1);
}

void canonical_string(struct bytes s, struct text *out)
{
    static const char short_escapes[] = "\bb\tt\nn\ff\rr\"\"\\\\"; /* pairs: the byte, its letter */
    size_t done = 0;

    text_add(out, "\"");
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        const char *pair = short_escapes;

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        text_add_bytes(out, bytes_of(s.data + done, i - done));
        done = i + 1;
        while (*pair && *pair != (char)c)
            pair += 2;
        if (*pair && c != 0)
            text_printf(out, "\\%c", pair[1]);
        else
            text_printf(out, "\\u%04x", c);
    }
    text_add_bytes(out, bytes_of(s.data + done, s.len - done));
    text_add(out, "\"");
}

/* The order of two names by UTF-16 code units.  It is the order of their UTF-8 bytes, but that what needs surrogates
 * (first byte 0xF0 to 0xF4) comes before U+E000 to U+FFFF (first byte 0xEE or 0xEF). */
static int compare_names(const void *a, const void *b)
{
    const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;

    while (*x && *x == *y)
        x++, y++;
    if (*x >= 0xee && *y >= 0xee && (*x >= 0xf0) != (*y >= 0xf0))
        return *x >= 0xf0 ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

static enum err add_value(json_t *value, struct text *out, int depth);

static enum err add_object(json_t *object, struct text *out, int depth)
{
    size_t count = json_object_size(object), at = 0;
    const char **names = calloc(count + 1, sizeof *names);
    enum err err = OK;
    const char *name;
    json_t *member;

    if (!names)
        return ERR_NOMEM;
    json_object_foreach(object, name, member) names[at++] = name;
    assert(at == count);
    qsort(names, count, sizeof *names, compare_names);
    text_add(out, "{");
    for (size_t i = 0; i < count && err == OK; i++) {
        if (i > 0)
            text_add(out, ",");
        canonical_string(bytes_of_text(names[i]), out);
        text_add(out, ":");
        err = add_value(json_object_get(object, names[i]), out, depth + 1);
    }
    text_add(out, "}");
    free(names);
    return err;
}

static enum err add_array(const json_t *array, struct text *out, int depth)
{
    enum err err = OK;

    text_add(out, "[");
    for (size_t i = 0; i < json_array_size(array) && err == OK; i++) {
        if (i > 0)
            text_add(out, ",");
        err = add_value(json_array_get(array, i), out, depth + 1);
    }
    text_add(out, "]");
    return err;
}

static enum err add_integer(json_int_t integer, struct text *out)
{
    if (integer > CANONICAL_INTEGER_MAX || integer < -CANONICAL_INTEGER_MAX)
        return ERR_INVALID;
    text_printf(out, "%" JSON_INTEGER_FORMAT, integer);
    return OK;
}

static enum err add_value(json_t *value, struct text *out, int depth)
{
    char number[CANONICAL_NUMBER_SIZE];

    if (depth > CANONICAL_DEPTH_MAX)
        return ERR_INVALID;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return add_object(value, out, depth);
    case JSON_ARRAY:
        return add_array(value, out, depth);
    case JSON_STRING:
        canonical_string(bytes_of(json_string_value(value), json_string_length(value)), out);
        return OK;
    case JSON_INTEGER:
        return add_integer(json_integer_value(value), out);
    case JSON_REAL:
        canonical_number(json_real_value(value), number);
        text_add(out, number);
        return OK;
    default:
        text_add(out, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
        return OK;
    }
}

enum err canonical_json(json_t *value, struct text *out)
{
    enum err err = add_value(value, out, 1);

    return err == OK && text_failed(out) ? ERR_NOMEM : err;
}
