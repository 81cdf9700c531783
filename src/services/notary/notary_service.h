/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_service.h - the notary as something that runs: beside a broker in one process, or as `geminga notary`.
 *
 * Puts together: the key, the log, the notary (notary.h) and the consumer runtime, on a thread of its own.  May
 * call: base/, sys/, services/.
 */
#ifndef SERVICES_NOTARY_NOTARY_SERVICE_H
#define SERVICES_NOTARY_NOTARY_SERVICE_H

#include "services/notary/settings.h"

struct notary_service;
struct approvers_source;
struct signer;
struct loop;

/* How it ended: OK after notary_stop, or an error with its sentence.  Called once, on the notary's thread, as the last
 * thing that it does; notary_finish may not be called in it. */
typedef void (*notary_ended)(void *ctx, enum err err, const char *why);

/* Opens the data directory, the key (made on the first start) and the log, all before it returns; then connects
 * and works on its own thread, trying again while the broker cannot be reached.  `settings` and `log` outlive the
 * service.  An error has its sentence in `message`: ERR_BUSY, another notary has the directory; ERR_CORRUPT,
 * ERR_INVALID, ERR_VERSION, the log or key are not what they should be; ERR_UNSUPPORTED, the settings. */
MUST_USE enum err notary_start(struct notary_service **out, const struct notary_settings *settings, struct log *log,
                               notary_ended ended, void *ctx, char *message, size_t message_size);

/* Asks it to end after the batch at hand; returns at once.  From any thread. */
void notary_stop(struct notary_service *s);

/* Waits for the end, closes everything.  NULL is fine. */
void notary_finish(struct notary_service *s);

/* From any thread, until notary_finish: leading, connected and subscribed, or standing by behind the replica that
 * leads; the metrics in Prometheus' format, appended;
 * {"status":"healthy",...} for /health/pulsar, appended. */
bool notary_is_ready(struct notary_service *s);
void notary_metrics(struct notary_service *s, struct text *out);
void notary_health(struct notary_service *s, struct text *out);

/* For what serves beside it (notary_rest.h): the log's own key, who may decide and the clocks, as long as the service.
 */
struct signer *notary_log_key(struct notary_service *s);
struct approvers_source *notary_approvers(struct notary_service *s);
struct loop *notary_clocks(struct notary_service *s);

/* `geminga notary [verify | evidence | demo] ...`: argv[0] is "notary".  Returns the exit status: 0 done, 1 it could
 * not or refused, 2 asked wrongly. */
int notary_main(int argc, char **argv);

#endif
