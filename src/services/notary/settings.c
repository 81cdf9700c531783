/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c - the table.
 */
#include "services/notary/settings.h"

#include "services/notary/checkpoint.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define AT(member) .offset = offsetof(struct notary_own_settings, member)
#define URL_MAX    256

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL}; /* in the order of enum log_level */

static const struct option rows[] = {
    {.key = "notary.data_dir",
     .env = "GEMINGA_NOTARY_DATA",
     .flag = "--data",
     .type = OPTION_TEXT,
     .fallback = "data/notary",
     AT(data_dir),
     .text = "The directory of the key and the transparency log; one notary at a time."},
    {.key = "notary.log.url",
     .env = "GEMINGA_NOTARY_LOG_URL",
     .type = OPTION_TEXT,
     .fallback = "geminga:embedded",
     AT(log_url),
     .text = "The log's name in receipts (rekor_server_url); it cannot change once the log has entries."},
    {.key = "notary.log_level",
     .env = "GEMINGA_NOTARY_LOG_LEVEL",
     .flag = "--log-level",
     .type = OPTION_CHOICE,
     .fallback = "info",
     .choices = log_levels,
     AT(log_level),
     .text = "What is logged, and all above it."},
};

const struct option_table notary_options = OPTION_TABLE(rows);

static const struct option_table *const tables[] = {NOTARY_TABLE_LIST};
static_assert(sizeof tables / sizeof *tables == NOTARY_TABLES, "the list and its length");

void notary_settings_values(struct notary_settings *s, void *values[NOTARY_TABLES])
{
    size_t i = 0;

    values[i++] = &s->pulsar;
    values[i++] = &s->own;
    values[i++] = &s->http;
    values[i++] = &s->approvals;
    values[i++] = &s->filter;
    values[i++] = &s->artifacts;
    values[i++] = &s->notices;
    values[i++] = &s->handlers;
    assert(i == NOTARY_TABLES);
}

enum err notary_settings_init(struct notary_settings *s, struct options sets[NOTARY_TABLES])
{
    void *values[NOTARY_TABLES];
    enum err err = OK;

    memset(s, 0, sizeof *s);
    memset(sets, 0, NOTARY_TABLES * sizeof *sets);
    notary_settings_values(s, values);
    for (size_t i = 0; i < NOTARY_TABLES && err == OK; i++) {
        err = options_init(&sets[i], tables[i]->rows, tables[i]->count, values[i]);
        if (i > 0)
            sets[i - 1].next = &sets[i];
    }
    return err;
}

void notary_settings_deinit(struct options sets[NOTARY_TABLES])
{
    for (size_t i = 0; i < NOTARY_TABLES; i++)
        if (sets[i].table)
            options_deinit(&sets[i]);
}

enum err notary_settings_check(const struct notary_settings *s, char *message, size_t message_size)
{
    struct bytes url = bytes_of_text(s->own.log_url);

    if (!checkpoint_origin_is_valid(url) || url.len > URL_MAX) {
        snprintf(message, message_size,
                 "notary.log.url must be 1 to %d printable characters without spaces and '+', and is \"%.100s\"",
                 URL_MAX, s->own.log_url);
        return ERR_INVALID;
    }
    if (notary_http_settings_check(&s->http, message, message_size) != OK)
        return ERR_INVALID;
    return pulsar_settings_check(&s->pulsar, message, message_size);
}

enum log_level notary_log_level(const struct notary_settings *s)
{
    for (size_t i = 0; log_levels[i]; i++)
        if (strcasecmp(log_levels[i], s->own.log_level) == 0)
            return (enum log_level)i;
    return LOG_INFO;
}
