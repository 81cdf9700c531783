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

struct log {
    enum log_level level;                                       /* below it nothing is written */
    int64_t (*wall_ms)(void *ctx);                              /* for the time stamp; may be NULL: no stamp */
    void (*line)(void *ctx, const char *text, size_t len);      /* NULL: standard error; text ends in \n */
    void *ctx;
};

/* `component` is a room or module: "store", "session", "notary".  Lines over 2,000 bytes are cut. */
void log_write(struct log *log, enum log_level level, const char *component, const char *format, ...) PRINTF_LIKE(4, 5);

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
