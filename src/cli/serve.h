/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.h - a broker as a process: from its options to the ready line, to the end by a signal.
 *
 * What `geminga standalone` is, and what `geminga up` is with a companion beside the broker.
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "base/log.h"
#include "cli/broker_config.h"
#include "cli/cli.h"

/* Something that lives beside the broker, on threads of its own, as a client of it. */
struct companion {
    /* The broker serves at this URL.  ERR: everything ends, `message` says why. */
    enum err (*start)(struct companion *c, const char *service_url, char *message, size_t message_size);
    /* Asks for the end and returns at once; then `ended(ctx)` is called, from any thread, once. */
    void (*stop)(struct companion *c, void (*ended)(void *ctx), void *ctx);
    /* After `ended`, or instead of stop when start failed. */
    void (*finish)(struct companion *c);
};

/* Runs until SIGTERM or SIGINT, or a companion's failure to start; returns an exit status. `companion` may be NULL. */
int serve(const struct invocation *inv, const struct broker_config *config, struct log *log,
          struct companion *companion);

/* A log on standard error with time stamps, of the configured level. */
void serve_log_init(struct log *log, const struct broker_config *config);

#endif
