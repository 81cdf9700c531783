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
    const char *namespace_; /* "tenant/namespace" that it needs: made for it */
    /* The broker serves at this URL, and with TLS at the other (NULL: nowhere).  Once it started, `ended(ctx)` is
     * called once, from any thread, when it has ended, asked to or not.  An error: `message` says why, and nothing of
     * it is left. */
    enum err (*start)(struct companion *c, const char *service_url, const char *tls_url, void (*ended)(void *ctx),
                      void *ctx, char *message, size_t message_size);
    void (*stop)(struct companion *c);   /* asks for the end and returns at once */
    bool (*renew)(struct companion *c);  /* looks at its files again, soon; false: it has none */
    void (*finish)(struct companion *c); /* after `ended`; on the core thread */
};

/* Runs until SIGTERM or SIGINT, or a companion's end; returns an exit status.  `options` are those of `config`, which
 * may be changed while it runs.  `companion` may be NULL. */
int serve(const struct invocation *inv, struct options *options, const struct broker_config *config, struct log *log,
          struct companion *companion);

/* One line about what of Pulsar's configuration has no meaning here: of the first of the verb's options. */
void serve_log_passed_over(struct log *log, const struct options *options);

/* A log on standard error with time stamps, of the configured level. */
void serve_log_init(struct log *log, const struct broker_config *config);

#endif
