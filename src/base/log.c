/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - formats a line on the stack and hands it over whole.
 *
 *     2026-01-31T12:00:00.123Z info store: recovered 12 entries in 3 ms
 *     {"time":"2026-01-31T12:00:00.123Z","level":"info","component":"store","message":"recovered 12 entries in 3 ms"}
 *
 * Control characters are shown as '?', so that a peer's text cannot forge a line.
 */
#include "base/log.h"

#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 2000
#define LOG_JSON_MAX (2 * LOG_LINE_MAX + 200) /* every character escaped, and the names */
#define LOG_LEVELS   4

static const char *const level_names[LOG_LEVELS] = {"debug", "info", "warn", "error"};

/* ---- levels ---- */

bool log_level_read(const char *text, size_t len, enum log_level *out)
{
    for (size_t i = 0; i < LOG_LEVELS; i++) {
        if (strlen(level_names[i]) == len && strncasecmp(level_names[i], text, len) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    if (len != strlen("warning") || strncasecmp(text, "warning", len) != 0)
        return false;
    *out = LOG_WARN;
    return true;
}

/* Its place; module_count: it has none. */
static size_t module_find(const struct log *log, const char *name, size_t len)
{
    size_t i = 0;

    while (i < log->module_count && (strlen(log->modules[i].name) != len || memcmp(log->modules[i].name, name, len)))
        i++;
    return i;
}

enum err log_level_set(struct log *log, const char *component, size_t len, enum log_level level)
{
    size_t i = module_find(log, component, len);

    if (i == LOG_MODULES_MAX || len > LOG_MODULE_NAME_MAX)
        return ERR_TOO_LARGE;
    if (i == log->module_count) {
        memcpy(log->modules[i].name, component, len);
        log->modules[i].name[len] = '\0';
        log->module_count++;
    }
    log->modules[i].level = level;
    return OK;
}

static enum err level_part_read(struct log *log, const char *part, size_t len, char *message, size_t message_size)
{
    const char *equals = memchr(part, '=', len);
    size_t name_len = equals ? (size_t)(equals - part) : 0;
    enum log_level level;

    if ((equals && name_len == 0) ||
        !log_level_read(equals ? equals + 1 : part, equals ? len - name_len - 1 : len, &level)) {
        (void)snprintf(message, message_size,
                       "\"%.*s\" is neither a level (debug, info, warn, error) nor COMPONENT=LEVEL", (int)len, part);
        return ERR_INVALID;
    }
    if (!equals) {
        log->level = level;
        return OK;
    }
    if (log_level_set(log, part, name_len, level) == OK)
        return OK;
    (void)snprintf(message, message_size, "\"%.*s\": at most %d components, with names of at most %d characters",
                   (int)len, part, LOG_MODULES_MAX, LOG_MODULE_NAME_MAX);
    return ERR_INVALID;
}

enum err log_levels_read(struct log *log, const char *text, char *message, size_t message_size)
{
    for (;;) {
        text += strspn(text, " ");
        size_t len = strcspn(text, ","), used = len;
        while (used > 0 && text[used - 1] == ' ')
            used--;
        enum err err = level_part_read(log, text, used, message, message_size);
        if (err != OK || !text[len])
            return err;
        text += len + 1;
    }
}

bool log_is_enabled(const struct log *log, enum log_level level, const char *component)
{
    if (!log)
        return false;
    size_t i = log->module_count ? module_find(log, component, strlen(component)) : 0;
    return level >= (i < log->module_count ? log->modules[i].level : log->level);
}

/* ---- lines ---- */

static size_t format_stamp(const struct log *log, char *to, size_t size)
{
    int64_t ms;
    time_t seconds;
    struct tm tm;
    size_t len;

    if (!log->wall_ms)
        return 0;
    ms = log->wall_ms(log->ctx);
    seconds = (time_t)(ms / 1000);
    if (ms < 0 || !gmtime_r(&seconds, &tm))
        return 0;
    len = strftime(to, size, "%Y-%m-%dT%H:%M:%S", &tm);
    return len + (size_t)snprintf(to + len, size - len, ".%03dZ ", (int)(ms % 1000));
}

/* Those of UTF-8's second row (C1), which terminals obey as well, are two bytes. */
static bool begins_c1(const char *text, size_t len)
{
    return len >= 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 &&
           (unsigned char)text[1] < 0xa0;
}

static void hide_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
        else if (begins_c1(text + i, len - i))
            text[i] = text[i + 1] = '?';
}

static void write_stderr(const char *text, size_t len)
{
    ssize_t written = write(STDERR_FILENO, text, len); /* one call per line; nobody to tell if it fails */
    (void)written;
}

/* The message as it will be shown, in `to`; how long it is. */
PRINTF_LIKE(3, 0)
static size_t format_message(char *to, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(to, size, format, args);
    size_t len = n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;

    hide_controls(to, len);
    return len;
}

static size_t line_as_text(struct log *log, enum log_level level, const char *component, const char *message, char *to)
{
    size_t len = format_stamp(log, to, LOG_LINE_MAX);
    int n = snprintf(to + len, LOG_LINE_MAX - len, "%s %s: %s", level_names[level], component, message);

    if (n > 0)
        len += (size_t)n < LOG_LINE_MAX - len ? (size_t)n : LOG_LINE_MAX - len - 1;
    return len;
}

/* Appends to `to`, escaped, what is not UTF-8 shown as '?'; it fits (LOG_JSON_MAX). */
static size_t add_escaped(char *to, const char *text)
{
    struct bytes left = bytes_of_text(text);
    size_t len = 0;

    while (left.len > 0) {
        size_t step = utf8_sequence(left);
        if (*left.data == '"' || *left.data == '\\')
            to[len++] = '\\';
        if (step == 0)
            to[len++] = '?';
        memcpy(to + len, left.data, step);
        len += step;
        left = bytes_of(left.data + (step ? step : 1), left.len - (step ? step : 1));
    }
    return len;
}

static size_t line_as_json(struct log *log, enum log_level level, const char *component, const char *message, char *to)
{
    char stamp[40];
    size_t stamp_len = format_stamp(log, stamp, sizeof stamp), len = 0;

    if (stamp_len > 0)
        len = (size_t)snprintf(to, 80, "{\"time\":\"%.*s\",", (int)stamp_len - 1, stamp);
    else
        to[len++] = '{';
    len += (size_t)snprintf(to + len, 100, "\"level\":\"%s\",\"component\":\"%.40s\",\"message\":\"",
                            level_names[level], component);
    len += add_escaped(to + len, message);
    to[len++] = '"';
    to[len++] = '}';
    return len;
}

void log_write(struct log *log, enum log_level level, const char *component, const char *format, ...)
{
    char message[LOG_LINE_MAX], line[LOG_JSON_MAX + 2];
    size_t len;
    va_list args;

    if (!log_is_enabled(log, level, component))
        return;
    va_start(args, format);
    (void)format_message(message, sizeof message, format, args);
    va_end(args);
    len = (log->json ? line_as_json : line_as_text)(log, level, component, message, line);
    line[len++] = '\n';
    line[len] = '\0';
    if (log->line)
        log->line(log->ctx, line, len);
    else
        write_stderr(line, len);
}

bool log_rate_allow(struct log_rate *r, int64_t now_ms, int64_t interval_ms, uint64_t *suppressed)
{
    if (now_ms < r->next_ms) {
        r->quiet++;
        return false;
    }
    *suppressed = r->quiet;
    r->quiet = 0;
    r->next_ms = now_ms + interval_ms;
    return true;
}
