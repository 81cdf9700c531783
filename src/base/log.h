/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - one line per event.
 *
 * What happened, to which topic, subscription or ledger, why, and what we do next.  Never payloads
 * or credentials.  A struct log is made by main and handed down; writing is thread-safe (one write
 * per line).  A NULL log swallows everything.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

#define LOG_MODULES_MAX     16
#define LOG_MODULE_NAME_MAX 31

/* A component with a level of its own. */
struct log_module {
    char name[LOG_MODULE_NAME_MAX + 1];
    enum log_level level;
};

struct log {
    enum log_level level;                                  /* below it nothing is written */
    int64_t (*wall_ms)(void *ctx);                         /* for the time stamp; may be NULL: no stamp */
    void (*line)(void *ctx, const char *text, size_t len); /* NULL: standard error; text ends in \n */
    void *ctx;
    bool json; /* lines are {"time","level","component","message"} */
    struct log_module modules[LOG_MODULES_MAX];
    size_t module_count;
};

/* Sets levels from "info", "journal=debug" or "info,journal=debug,pulsar=warn": a level alone is that of all components
 * without one of their own.  What is not named stays.  ERR_INVALID: `message` is the sentence for the user, and the
 * part before the fault is set. */
MUST_USE enum err log_levels_read(struct log *log, const char *text, char *message, size_t message_size);
/* One component's; ERR_TOO_LARGE: too many of them, or its name is too long. */
MUST_USE enum err log_level_set(struct log *log, const char *component, size_t len, enum log_level level);
/* "debug", "info", "warn" (or "warning"), "error", in any case; false: another text. */
bool log_level_read(const char *text, size_t len, enum log_level *out);

/* `component` is a room or module: "store", "session", "notary".  Lines over 2,000 bytes are cut. */
void log_write(struct log *log, enum log_level level, const char *component, const char *format, ...) PRINTF_LIKE(4, 5);

/* Whether such a line would be written: for who would have to make it first. */
bool log_is_enabled(const struct log *log, enum log_level level, const char *component);

#define log_debug(log, ...) log_write(log, LOG_DEBUG, __VA_ARGS__)
#define log_info(log, ...)  log_write(log, LOG_INFO, __VA_ARGS__)
#define log_warn(log, ...)  log_write(log, LOG_WARN, __VA_ARGS__)
#define log_error(log, ...) log_write(log, LOG_ERROR, __VA_ARGS__)

/* A peer's repeated fault is logged at a rate: true at most once in each `interval_ms`, and then
 * *suppressed says how many were kept quiet since. */
struct log_rate {
    int64_t next_ms;
    uint64_t quiet;
};
bool log_rate_allow(struct log_rate *r, int64_t now_ms, int64_t interval_ms, uint64_t *suppressed);

#endif
