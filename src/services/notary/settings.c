/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c - the table.
 */
#include "services/notary/settings.h"

#include "services/notary/documents/checkpoint.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define AT(member) .offset = offsetof(struct notary_own_settings, member)
#define URL_MAX    256

static const char *const workflow_engines[] = {"embedded", "temporal", NULL};
static const char *const log_formats[] = {"text", "json", NULL};

static const struct option rows[] = {
    {.key = "notary.data_dir",
     .env = "GEMINGA_NOTARY_DATA",
     .flag = "--data",
     .type = OPTION_TEXT,
     .fallback = "data/notary",
     AT(data_dir),
     .text = "A replica's own directory: the log's key, the registry, the log's tiles; one notary at a time."},
    {.key = "notary.log.url",
     .env = "GEMINGA_NOTARY_LOG_URL",
     .type = OPTION_TEXT,
     .fallback = "geminga:embedded",
     AT(log_url),
     .text = "The log's name in receipts (rekor_server_url); it cannot change once the log has entries."},
    {.key = "notary.log.key_file",
     .env = "GEMINGA_NOTARY_LOG_KEY_FILE",
     .type = OPTION_TEXT,
     AT(log_key_file),
     .text = "The log's own key, Ed25519, PEM (PKCS #8), the same for all replicas; without: notary.key in the data "
             "directory."},
    {.key = "notary.journal.topic",
     .env = "GEMINGA_NOTARY_JOURNAL_TOPIC",
     .type = OPTION_TEXT,
     .fallback = "afdp.notary.journal",
     AT(journal_topic),
     .text = "The topic that all replicas share, and that all they know is in: for nobody else to write, and kept for "
             "ever."},
    {.key = "notary.workflow.engine",
     .env = "GEMINGA_NOTARY_WORKFLOW_ENGINE",
     .type = OPTION_CHOICE,
     .fallback = "embedded",
     .choices = workflow_engines,
     AT(workflow_engine),
     .text = "Who runs workflows that stay open: the notary itself, by its journal; temporal: Temporal, too."},
    {.key = "notary.log_level",
     .env = "GEMINGA_NOTARY_LOG_LEVEL",
     .flag = "--log-level",
     .type = OPTION_TEXT,
     .fallback = "info",
     AT(log_level),
     .text = "What is logged, and all above it: debug, info, warn, error; of one component as in info,journal=debug."},
    {.key = "notary.log_format",
     .env = "GEMINGA_NOTARY_LOG_FORMAT",
     .type = OPTION_CHOICE,
     .fallback = "text",
     .choices = log_formats,
     AT(log_format),
     .text = "How a line of the log looks; json: an object with time, level, component, message."},
    {.key = "notary.rust_log",
     .env = "RUST_LOG",
     .type = OPTION_TEXT,
     AT(rust_log),
     .text = "Levels as a service in Rust has them (afdp_notary::journal=debug,pulsar=debug); over log_level; other "
             "programs' parts are passed over."},
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
    values[i++] = &s->anchors;
    values[i++] = &s->signer;
    values[i++] = &s->workflows;
    values[i++] = &s->temporal;
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

/* ---- levels of the log ---- */

#define OUR_CRATE "afdp_notary"

/* "trace" and "off" are Rust's besides ours. */
static bool rust_level(const char *text, size_t len, enum log_level *out)
{
    if (len == 5 && strncasecmp(text, "trace", len) == 0)
        *out = LOG_DEBUG;
    else if (len == 3 && strncasecmp(text, "off", len) == 0)
        *out = LOG_ERROR;
    else
        return log_level_read(text, len, out);
    return true;
}

/* One part of RUST_LOG: LEVEL, or TARGET=LEVEL, or TARGET, which is all of it.  Our program's own part is "notary";
 * "afdp_notary::pulsar" was what consumes, which is "notary" too; "pulsar" was the client library. */
static void rust_part(struct log *log, const char *part, size_t len)
{
    const size_t crate = strlen(OUR_CRATE "::");
    const char *equals = memchr(part, '=', len);
    size_t name_len = equals ? (size_t)(equals - part) : len;
    enum log_level level = LOG_DEBUG;

    if (!equals && rust_level(part, len, &level)) {
        log->level = level;
        return;
    }
    if (equals && !rust_level(equals + 1, len - name_len - 1, &level))
        return;
    if (name_len == strlen(OUR_CRATE) && memcmp(part, OUR_CRATE, name_len) == 0) {
        log->level = level;
    } else if (name_len > crate && memcmp(part, OUR_CRATE "::", crate) == 0) {
        part += crate;
        name_len -= crate;
        (void)!log_level_set(log, part, name_len, level);
        if (name_len == strlen("pulsar") && memcmp(part, "pulsar", name_len) == 0)
            (void)!log_level_set(log, "notary", strlen("notary"), level);
    } else if (name_len == strlen("pulsar") && memcmp(part, "pulsar", name_len) == 0) {
        (void)!log_level_set(log, part, name_len, level);
    }
}

static void rust_levels(struct log *log, const char *text)
{
    while (*text) {
        text += strspn(text, " ,");
        size_t len = strcspn(text, " ,");
        if (len > 0)
            rust_part(log, text, len);
        text += len;
    }
}

static enum err log_check(const struct notary_settings *s, char *message, size_t message_size)
{
    struct log log = {0};
    char why[200];
    enum err err = log_levels_read(&log, s->own.log_level, why, sizeof why);

    if (err != OK)
        snprintf(message, message_size, "notary.log_level: %s", why);
    return err;
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
    if (strcmp(s->own.workflow_engine, "temporal") == 0 &&
        temporal_settings_check(&s->temporal, message, message_size) != OK)
        return ERR_INVALID;
    if (notary_http_settings_check(&s->http, message, message_size) != OK || log_check(s, message, message_size) != OK)
        return ERR_INVALID;
    return pulsar_settings_check(&s->pulsar, message, message_size);
}

void notary_log_init(const struct notary_settings *s, struct log *log)
{
    char why[200];
    enum err err = log_levels_read(log, s->own.log_level, why, sizeof why);

    assert(err == OK); /* checked before */
    if (s->own.rust_log)
        rust_levels(log, s->own.rust_log);
    log->json = strcmp(s->own.log_format, "json") == 0;
}
