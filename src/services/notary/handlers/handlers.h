/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers.h - custom handlers: programs of the user's that are asked about each event before it is notarized.
 *
 * They are listed in a file of their own (notary.handlers.file; handlers/handler_file.h has its format), and asked in
 * its order, each if its filter accepts the event.  A handler is a shared object with the interface of
 * include/geminga/notary_handler.h, which runs in a process of its own; a command with JSON on its standard streams; or
 * an HTTP call.  The answer of each is
 * {"verdict": "accept" | "reject" | "ignore", "reason": "", "metadata": {}}.
 *
 * Each has limits of time, memory and answer; one that hangs, dies or answers nonsense is ended, told apart
 * (ERR_TIMEOUT, ERR_IO, ERR_PROTOCOL), asked again as often as its entry says, and started anew for the next event.
 * Blocks; any thread, several at a time: a handler's `processes` says how many events it may have at once, and who
 * comes when they are taken waits, within its deadline. May call: base/, sys/child.h, services/runtime/http.h,
 * filters/.
 */
#ifndef SERVICES_NOTARY_HANDLERS_HANDLERS_H
#define SERVICES_NOTARY_HANDLERS_HANDLERS_H

#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "services/notary/documents/event.h"

struct handlers_settings {
    char *file;       /* empty: there are no handlers */
    int64_t parallel; /* events being asked about at once */
};

extern const struct option_table handlers_options;

/* In the order of weight: the first handler that does not accept decides, and those after it are not asked. */
enum handler_verdict { HANDLER_ACCEPT, HANDLER_IGNORE, HANDLER_REJECT };

const char *handler_verdict_name(enum handler_verdict verdict);

struct handlers;

/* Reads and checks the file; starts nothing yet.  `program` hosts shared objects (NULL: this program itself).
 * ERR_INVALID, ERR_NOT_FOUND: `why` names the file and the line; ERR_NOMEM. */
MUST_USE enum err handlers_new(struct handlers **out, const struct handlers_settings *s, const char *program,
                               struct log *log, char *why, size_t why_size);
/* Ends their processes.  Nobody is in handlers_run. */
void handlers_free(struct handlers *h);

/* Whether any handler has to be asked: a workflow that need not wait for one can end at once.  NULL: no. */
bool handlers_wanted(const struct handlers *h, const json_t *event);

/* OK: *verdict is the last asked one's, and *finding (initialized) has got a JSON array with an object for each that
 * was asked, {"handler", "verdict", "reason", "metadata"}; `why` is "handler NAME: REASON" unless all accept.
 * HANDLER_REJECT: the workflow is to be rejected.  HANDLER_IGNORE: it is to be cancelled, for the event is none of the
 * notary's business.
 * ERR_TIMEOUT, ERR_IO, ERR_PROTOCOL, ERR_AGAIN, ERR_NOMEM: no answer, `why` says of whom and how
 * it failed; the workflow's retries may help.  ERR_DENIED, ERR_INVALID, ERR_UNSUPPORTED: they will not. */
MUST_USE enum err handlers_run(struct handlers *h, struct bytes event, struct text *finding,
                               enum handler_verdict *verdict, int64_t timeout_ms, char *why, size_t why_size);

/* geminga_notary_handler_answers_total{handler,outcome}, processes and restarts, as Prometheus reads them. */
void handlers_metrics(struct handlers *h, struct text *out);

#endif
