/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_pattern.c - see topic_pattern.h.
 */
#include "wire/topic_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Work is counted in units of some nanoseconds.  PCRE2 bounds the steps of its matcher, but a step of an expression
 * like (?:(?:a?){9}){9} walks through much of its code, so that a step counts for as many units as the code is long.
 * A name is tried with few steps, and with eight times as many when they do not do: an expression of fifty bytes over a
 * name of fifty takes a few dozen, one made to be slow takes all it gets. */
#define TRY_UNITS      512u
#define TRY_FACTOR     8u
#define NAME_UNITS_MAX (TRY_UNITS * TRY_FACTOR * TRY_FACTOR) /* a tenth of a millisecond, or some */
#define WORK_UNITS_MAX 400000u
#define CODE_PER_UNIT  32u /* bytes */
#define COSTLY_MAX     8

struct topic_pattern {
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_match_data *data;
    uint32_t step_units; /* what a step counts for */
    uint32_t work;       /* units that did not do, since topic_pattern_renew */
    unsigned costly;     /* names over the bound */
};

static size_t find(struct bytes text, const char *word)
{
    const size_t len = strlen(word);

    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.data + i, word, len) == 0)
            return i;
    }
    return text.len;
}

static bool ends_with(struct bytes text, const char *word)
{
    const size_t len = strlen(word);

    return text.len >= len && memcmp(text.data + text.len - len, word, len) == 0;
}

/* "^persistent://t/n/.*" is "^t/n/.*"; the result lies in `to`, of TOPIC_PATTERN_MAX.  False: another domain. */
static bool cut_domain(struct bytes text, char *to, size_t *len)
{
    struct bytes before = bytes_of(text.data, find(text, "://"));
    size_t after = before.len == text.len ? 0 : before.len + 3;

    if (after == 0)
        before.len = 0;
    else if (ends_with(before, "non-persistent"))
        before.len -= strlen("non-persistent");
    else if (ends_with(before, "persistent"))
        before.len -= strlen("persistent");
    else
        return false;
    if (before.len > 0)
        memcpy(to, before.data, before.len);
    if (text.len > after)
        memcpy(to + before.len, text.data + after, text.len - after);
    *len = before.len + text.len - after;
    return true;
}

static enum err compile(struct topic_pattern *p, struct bytes text, char *message, size_t message_size)
{
    size_t size = 0;
    PCRE2_SIZE at;
    int code;

    p->code = pcre2_compile(text.data, text.len, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!p->code) {
        PCRE2_UCHAR why[120] = "";
        (void)pcre2_get_error_message(code, why, sizeof why);
        (void)snprintf(message, message_size, "the pattern, at %zu: %s", (size_t)at, (const char *)why);
        return ERR_INVALID;
    }
    p->context = pcre2_match_context_create(NULL);
    p->data = pcre2_match_data_create(1, NULL);
    if (!p->context || !p->data)
        return ERR_NOMEM;
    (void)pcre2_pattern_info(p->code, PCRE2_INFO_SIZE, &size);
    p->step_units = 1 + (uint32_t)size / CODE_PER_UNIT;
    pcre2_set_heap_limit(p->context, 1024); /* KiB */
    return OK;
}

enum err topic_pattern_new(struct topic_pattern **out, struct bytes text, char *message, size_t message_size)
{
    char own[TOPIC_PATTERN_MAX];
    struct topic_pattern *p;
    size_t len;
    enum err err;

    (void)snprintf(message, message_size, "%s", err_text(ERR_NOMEM));
    if (text.len > TOPIC_PATTERN_MAX) {
        (void)snprintf(message, message_size, "Pattern longer than maximum: %d", TOPIC_PATTERN_MAX);
        return ERR_TOO_LARGE;
    }
    if (!cut_domain(text, own, &len)) {
        (void)snprintf(message, message_size, "the pattern names a domain that there is not");
        return ERR_INVALID;
    }
    if (!(p = calloc(1, sizeof *p)))
        return ERR_NOMEM;
    if ((err = compile(p, bytes_of(own, len), message, message_size)) != OK) {
        topic_pattern_free(p);
        return err;
    }
    *out = p;
    return OK;
}

void topic_pattern_free(struct topic_pattern *p)
{
    if (!p)
        return;
    pcre2_match_data_free(p->data);
    pcre2_match_context_free(p->context);
    pcre2_code_free(p->code);
    free(p);
}

/* False: so many units did not do. */
static bool try(struct topic_pattern *p, struct bytes name, uint32_t units, bool *matched)
{
    const uint32_t steps = units > p->step_units ? units / p->step_units : 1;

    pcre2_set_match_limit(p->context, steps);
    pcre2_set_depth_limit(p->context, steps);
    const int result =
        pcre2_match(p->code, name.data, name.len, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED, p->data, p->context);
    *matched = result >= 0;
    return result != PCRE2_ERROR_MATCHLIMIT && result != PCRE2_ERROR_DEPTHLIMIT && result != PCRE2_ERROR_HEAPLIMIT;
}

bool topic_pattern_matches(struct topic_pattern *p, struct bytes name)
{
    bool matched;

    for (uint32_t units = TRY_UNITS; !topic_pattern_given_up(p); units *= TRY_FACTOR) {
        if (try(p, name, units, &matched))
            return matched;
        p->work += units;
        if (units == NAME_UNITS_MAX) {
            p->costly++;
            return false;
        }
    }
    return false;
}

bool topic_pattern_given_up(const struct topic_pattern *p)
{
    return p->costly >= COSTLY_MAX || p->work >= WORK_UNITS_MAX;
}

void topic_pattern_renew(struct topic_pattern *p)
{
    p->work = 0;
}
