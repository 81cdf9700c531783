/* SPDX-License-Identifier: Apache-2.0
 *
 * option_value.c - one option's value: from text, and back.
 */
#include "base/option_value.h"

#include "base/secret.h"
#include "base/text.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define TEXTS_MAX 10000 /* values of one option */

struct unit {
    const char *name;
    int64_t factor;
};

/* The larger first: that is also the order in which a value is written. */
static const struct unit byte_units[] = {
    {"TiB", (int64_t)1 << 40},
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"TB", (int64_t)1 << 40},
    {"GB", 1 << 30},
    {"MB", 1 << 20},
    {"KB", 1 << 10},
    {"T", (int64_t)1 << 40},
    {"G", 1 << 30},
    {"M", 1 << 20},
    {"K", 1 << 10},
    {"B", 1},
    {"", 1},
};
static const struct unit time_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {"", 1},
};

static const struct unit *units_of(const struct option *option, size_t *count)
{
    static const struct unit none[] = {{"", 1}};

    switch (option->type) {
    case OPTION_BYTES:
        *count = sizeof byte_units / sizeof byte_units[0];
        return byte_units;
    case OPTION_DURATION:
        *count = sizeof time_units / sizeof time_units[0];
        return time_units;
    default:
        *count = 1;
        return none;
    }
}

static char **text_of(const struct option *option, void *values)
{
    return (char **)((char *)values + option->offset);
}

static int64_t *number_of(const struct option *option, void *values)
{
    return (int64_t *)(void *)((char *)values + option->offset);
}

static bool *bool_of(const struct option *option, void *values)
{
    return (bool *)((char *)values + option->offset);
}

/* ---- numbers ---- */

static bool number_read(const struct option *option, const char *text, int64_t *out)
{
    char *rest;
    size_t count;
    const struct unit *units = units_of(option, &count);

    errno = 0;
    int64_t number = strtoll(text, &rest, 10);
    if (rest == text || errno != 0)
        return false;
    while (*rest == ' ')
        rest++;
    for (size_t i = 0; i < count; i++) {
        const int64_t factor = *rest == '\0' && option->unit > 0 ? option->unit : units[i].factor;
        if (strcasecmp(rest, units[i].name) == 0)
            return !__builtin_mul_overflow(number, factor, out);
    }
    return false;
}

/* With the largest unit that fits. */
static void number_describe(const struct option *option, int64_t number, char *to, size_t size)
{
    size_t count;
    const struct unit *unit = units_of(option, &count);

    while (unit->factor > 1 && number % unit->factor != 0)
        unit++;
    (void)snprintf(to, size, "%" PRId64 "%s", number / unit->factor, number == 0 ? "" : unit->name);
}

static enum err number_set(const struct option *option, void *values, const char *text, char *reason,
                           size_t reason_size)
{
    static const char *const expected[] = {
        [OPTION_INTEGER] = "a whole number",
        [OPTION_BYTES] = "a size such as 64MB or 512k",
        [OPTION_DURATION] = "a time such as 100ms, 30s or 5m",
    };
    bool bounded = option->min != 0 || option->max != 0;
    int64_t number;

    if (!number_read(option, text, &number)) {
        (void)snprintf(reason, reason_size, "%s", expected[option->type]);
        return ERR_INVALID;
    }
    if (!bounded && number < 0) {
        (void)snprintf(reason, reason_size, "%s that is not negative", expected[option->type]);
        return ERR_INVALID;
    }
    if (bounded && (number < option->min || number > option->max)) {
        char min[32], max[32];
        number_describe(option, option->min, min, sizeof min);
        number_describe(option, option->max, max, sizeof max);
        (void)snprintf(reason, reason_size, "%s between %s and %s", expected[option->type], min, max);
        return ERR_INVALID;
    }
    *number_of(option, values) = number;
    return OK;
}

/* ---- texts ---- */

static enum err text_set(const struct option *option, void *values, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return ERR_NOMEM;
    option_value_free(option, values);
    *text_of(option, values) = copy;
    return OK;
}

static enum err choice_set(const struct option *option, void *values, const char *text, char *reason,
                           size_t reason_size)
{
    for (const char *const *choice = option->choices; *choice; choice++) {
        if (strcasecmp(*choice, text) == 0)
            return text_set(option, values, *choice);
    }
    size_t len = (size_t)snprintf(reason, reason_size, "one of");
    for (const char *const *choice = option->choices; *choice && len < reason_size; choice++)
        len +=
            (size_t)snprintf(reason + len, reason_size - len, "%s %s", choice == option->choices ? "" : ",", *choice);
    return ERR_INVALID;
}

static enum err bool_set(const struct option *option, void *values, const char *text, char *reason, size_t reason_size)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *bool_of(option, values) = strcasecmp(text, yes[i]) == 0;
            return OK;
        }
    }
    (void)snprintf(reason, reason_size, "true or false");
    return ERR_INVALID;
}

static char ***texts_of(const struct option *option, void *values)
{
    return (char ***)(void *)((char *)values + option->offset);
}

static enum err texts_add(const struct option *option, void *values, const char *text)
{
    char ***texts = texts_of(option, values), **grown;
    size_t count = 0;

    while (*texts && (*texts)[count])
        count++;
    char *copy = count < TEXTS_MAX ? strdup(text) : NULL;
    if (!copy || !(grown = realloc(*texts, (count + 2) * sizeof *grown))) {
        free(copy);
        return ERR_NOMEM;
    }
    grown[count] = copy;
    grown[count + 1] = NULL;
    *texts = grown;
    return OK;
}

/* ---- any ---- */

enum err option_value_set(const struct option *option, void *values, const char *text, char *reason, size_t reason_size)
{
    switch (option->type) {
    case OPTION_TEXT:
        return text_set(option, values, text);
    case OPTION_TEXTS:
        return texts_add(option, values, text);
    case OPTION_BOOL:
        return bool_set(option, values, text, reason, reason_size);
    case OPTION_CHOICE:
        return choice_set(option, values, text, reason, reason_size);
    case OPTION_INTEGER:
    case OPTION_BYTES:
    case OPTION_DURATION:
        return number_set(option, values, text, reason, reason_size);
    }
    assert(false); /* the table names no other type */
    return ERR_INVALID;
}

void option_value_write(const struct option *option, const void *values, struct text *out)
{
    const char *at = (const char *)values + option->offset;
    const char *text;
    char *const *texts;
    int64_t number;
    char described[32];

    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_CHOICE:
        memcpy(&text, at, sizeof text);
        if (text)
            text_add_json(out, bytes_of_text(option->secret ? "***" : text));
        return;
    case OPTION_TEXTS:
        memcpy(&texts, at, sizeof texts);
        for (size_t i = 0; texts && texts[i]; i++) {
            text_add(out, i == 0 ? "[" : ", ");
            text_add_json(out, bytes_of_text(option->secret ? "***" : texts[i]));
        }
        text_add(out, texts ? "]" : "");
        return;
    case OPTION_BOOL:
        text_add(out, *at ? "true" : "false");
        return;
    case OPTION_INTEGER:
    case OPTION_BYTES:
    case OPTION_DURATION:
        memcpy(&number, at, sizeof number);
        number_describe(option, number, described, sizeof described);
        if (number == 0 || option->type == OPTION_INTEGER)
            text_add(out, described);
        else
            text_printf(out, "\"%s\"", described);
        return;
    }
}

static void text_free(const struct option *option, char *text)
{
    if (option->secret)
        secret_free(text);
    else
        free(text);
}

void option_value_free(const struct option *option, void *values)
{
    if (option->type == OPTION_TEXTS) {
        char **texts = *texts_of(option, values);
        for (size_t i = 0; texts && texts[i]; i++)
            text_free(option, texts[i]);
        free(texts);
        *texts_of(option, values) = NULL;
    }
    if (option->type != OPTION_TEXT && option->type != OPTION_CHOICE)
        return;
    text_free(option, *text_of(option, values));
    *text_of(option, values) = NULL;
}

const char *option_value_name(const struct option *option)
{
    switch (option->type) {
    case OPTION_BOOL:
        return "";
    case OPTION_INTEGER:
        return "N";
    case OPTION_BYTES:
        return "SIZE";
    case OPTION_DURATION:
        return "TIME";
    default:
        return "TEXT";
    }
}
