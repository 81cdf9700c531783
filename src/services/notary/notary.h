/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.h - the notary: events and decisions in; statuses, results and errors out.
 *
 * A handler of the consumer runtime, of the replica that leads.  A round takes deliveries, finished calls of other
 * systems and timers, turns them into records, writes those as one document (book.h), and then says what has become
 * true.  What it publishes about an event is a function of the event and the book alone: an event that comes again,
 * after a crash or from its sender, gets the result that it got before, byte for byte.  May call: base/, the core
 * beside it, its ports.
 *
 * Invariant: a result is published only of an entry that the book has; an event is acknowledged only when the book has
 * what became of it.
 */
#ifndef SERVICES_NOTARY_NOTARY_H
#define SERVICES_NOTARY_NOTARY_H

#include "services/notary/book.h"
#include "services/notary/digest.h"
#include "services/notary/ports.h"
#include "services/runtime/handler.h"

/* The outputs and inputs, as indexes of the runtime's topics. */
enum notary_output { NOTARY_RESULTS, NOTARY_STATUS, NOTARY_ERRORS, NOTARY_OUTPUTS };
enum notary_input { NOTARY_EVENTS, NOTARY_APPROVALS, NOTARY_INPUTS };

struct notary;
struct tracer;

struct notary_options {
    struct book *book; /* outlives the notary, as all here */
    struct signer *log_key, *signer;
    const char *log_url;
    struct wall_clock clock;
    struct tracer *tracer; /* gets spans of what becomes of each event; NULL: none */
    uint64_t seed;         /* of its maps: random, so that nobody can choose ids that collide */
};

MUST_USE enum err notary_new(struct notary **out, const struct notary_options *options);
void notary_free(struct notary *n); /* NULL is fine */

/* This replica leads from here on: forgets what it knew and takes up what the book has open.  Before each run of the
 * runtime; what the book says, ERR_NOMEM. */
MUST_USE enum err notary_lead(struct notary *n);

struct handler *notary_handler(struct notary *n);

/* Since the start, not since it leads. */
struct notary_counts {
    uint64_t notarized, repeated, refused;
};
struct notary_counts notary_counts(const struct notary *n);

/* "wf-" and 16 digits that depend on the event id alone: the same for every answer about it. */
#define WORKFLOW_ID_SIZE 20
void workflow_id_of(const char *event_id, char to[WORKFLOW_ID_SIZE]);

#endif
