/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_pool.h - the processes of one handler: as many as its entry says, started when they are needed, each asked
 * about one event at a time, started anew after any fault.
 *
 * Blocks; any thread.  May call: base/, sys/child.h.
 *
 * Invariant: a process that has not answered rightly is never asked again.
 */
#ifndef SERVICES_NOTARY_HANDLERS_HANDLER_POOL_H
#define SERVICES_NOTARY_HANDLERS_HANDLER_POOL_H

#include "services/notary/handlers/handler_file.h"
#include "sys/deadline.h"

struct handler_pool;

/* `spec` is a shared object or a command, and lives as long; so does `program`, which hosts shared objects: its
 * arguments are "notary handler-host ..." (handler_host.h). */
MUST_USE enum err handler_pool_new(struct handler_pool **out, const struct handler_spec *spec, const char *program);
/* Nobody is asking. */
void handler_pool_free(struct handler_pool *p);

/* `line` in, without a line end in it; the answer's line into *answer (initialized).  ERR_TIMEOUT: no answer in time;
 * ERR_AGAIN: all of its processes were busy all the time; ERR_IO: it died; ERR_PROTOCOL: too much of an answer;
 * ERR_NOT_FOUND, ERR_DENIED: it cannot be started; ERR_NOMEM.  `why` is the end of a sentence about it. */
MUST_USE enum err handler_pool_ask(struct handler_pool *p, struct bytes line, struct text *answer,
                                   const struct deadline *deadline, char *why, size_t why_size);

struct handler_pool_stats {
    unsigned running;
    uint64_t started;
};
void handler_pool_stats(struct handler_pool *p, struct handler_pool_stats *out);

#endif
