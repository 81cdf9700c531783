/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.h - the notary: deployment events in; statuses, results and errors out.
 *
 * A handler of the consumer runtime.  One batch is one append to the log, so one sync.  What it publishes about an
 * event is a function of the event and the log alone: an event that comes again, after a crash or from its sender,
 * gets the receipt that it got before, byte for byte.  May call: base/, the core beside it, its ports.
 *
 * Invariant: a result is published only of an entry that the log has made durable.
 */
#ifndef SERVICES_NOTARY_NOTARY_H
#define SERVICES_NOTARY_NOTARY_H

#include "services/notary/digest.h"
#include "services/notary/ports.h"
#include "services/runtime/handler.h"

/* The outputs, as indexes of the runtime's output topics. */
enum notary_output { NOTARY_RESULTS, NOTARY_STATUS, NOTARY_ERRORS, NOTARY_OUTPUTS };

#define NOTARY_BATCH_MAX 1000 /* deliveries in one batch */

struct notary {
    struct handler handler; /* first: the runtime is given its address */
    struct signer *signer;
    struct transparency_log *log;
    struct wall_clock clock;
    uint64_t notarized, repeated, refused; /* since the start; private but for reading */
};

void notary_init(struct notary *n, struct signer *signer, struct transparency_log *log, struct wall_clock clock);

/* "wf-" and 16 digits that depend on the event id alone: the same for every answer about it. */
#define WORKFLOW_ID_SIZE 20
void workflow_id_of(const char *event_id, char to[WORKFLOW_ID_SIZE]);

#endif
