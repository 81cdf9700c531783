/* SPDX-License-Identifier: Apache-2.0
 *
 * trails.h - the spans of a round: what happens to its events on the way from receipt to result.
 *
 *     notarize (root, from the event's receipt until its answer has its receipts)
 *       receive     waiting for the round          validate, handlers, artifacts, approval, sign   as they happen
 *       journal     writing the round's document   publish   from there until all receipts are there
 *
 * The first ones are told when they end.  Root and publish are told when the round's publications have their receipts;
 * until then the trails keep them.  Without a tracer all of it does nothing.  Belongs to the notary's thread.  May
 * call: base/, services/runtime/trace.h.
 */
#ifndef SERVICES_NOTARY_TRAILS_H
#define SERVICES_NOTARY_TRAILS_H

#include "services/runtime/trace.h"
#include <jansson.h>

struct trails {
    struct tracer *tracer; /* NULL: off */
    json_t *ends;          /* private: what waits for the receipts */
    int64_t begun_ns, written_ns;
};

/* `event` is the whole event: its trace_id and span_id are read from it.  Borrowed. */
struct trail {
    const char *event_id, *workflow_id;
    const json_t *event;
};

void trails_init(struct trails *t, struct tracer *tracer);
void trails_deinit(struct trails *t);

int64_t trails_now_ns(const struct trails *t); /* 0 when off */

/* A round begins. */
void trails_begin(struct trails *t);
/* The event came into this round, having been received then. */
void trails_received(struct trails *t, const struct trail *trail, int64_t received_ms);
/* Something about the event that has just ended: "validate", "sign", ...; `error` NULL: well; `detail` may be NULL. */
void trails_step(struct trails *t, const struct trail *trail, const char *name, int64_t begin_ns, const char *error,
                 const char *detail);
/* The round's document is written: its events were in the journal's hands from then to now. */
void trails_written(struct trails *t, int64_t begin_ns);
/* The event is in that document. */
void trails_journaled(struct trails *t, const struct trail *trail, int64_t begin_ns);
/* The event's answer goes out with this round.  `outcome` ("notarized", "validation", ...) becomes an attribute of the
 * root span; `error`: it failed, with this sentence. */
void trails_end(struct trails *t, const struct trail *trail, int64_t received_ms, const char *outcome,
                const char *error);
/* The round's publications have their receipts, or not all of them: then its events come again, and end another time.
 */
void trails_published(struct trails *t, bool all);

#endif
