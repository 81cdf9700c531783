/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_renewal.h - a TLS context that is what its files are: certificates are renewed while the program runs.
 *
 * Looks at the files now and then, or when asked, on an executor of its own: a disk that hangs holds nobody.  Files
 * that have changed make a new context, which is given to whoever uses it; files that are no good are named in the log,
 * once for each change, and the context before stays in use.
 *
 * The loop's thread.  May call: base/, security/tls.h, loop.h.
 */
#ifndef SYS_TLS_RENEWAL_H
#define SYS_TLS_RENEWAL_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct log;
struct loop;
struct tls_context;
struct tls_settings;

struct tls_renewal;

struct tls_renewal_options {
    struct loop *loop;
    struct log *log;
    const struct tls_settings *settings; /* copied; its texts live as long as the renewal */
    uint32_t check_ms;                   /* at least 1 */
    /* The context is borrowed: who keeps it takes a reference. */
    void (*renewed)(void *ctx, struct tls_context *context);
    void *ctx;
};

/* Reads the files for the first time, at once: *first is the caller's.  Errors and `message` as of tls_context_new. */
MUST_USE enum err tls_renewal_new(struct tls_renewal **out, const struct tls_renewal_options *options,
                                  struct tls_context **first, char *message, size_t message_size);
/* Looks now, and from then on as before. */
void tls_renewal_check(struct tls_renewal *r);
/* No look after it returns, and no `renewed`.  What is under way ends by itself, on the loop. */
void tls_renewal_stop(struct tls_renewal *r);
/* After the loop has ended, or never ran.  NULL is fine. */
void tls_renewal_free(struct tls_renewal *r);

/* How often files were taken, and how often they were no good. */
struct tls_renewal_stats {
    uint64_t renewed, failed;
};
void tls_renewal_stats_get(const struct tls_renewal *r, struct tls_renewal_stats *out);

#endif
