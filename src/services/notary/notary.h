/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.h - the notary: events and decisions in; statuses, results and errors out.
 *
 * A handler of the consumer runtime, of the replica that leads.  A round takes finished calls of other systems,
 * deliveries and timers, turns them into records, writes those as one document (book.h), and then says what has become
 * true.  What it publishes about an event is a function of the event and the book alone: an event that comes again,
 * after a crash or from its sender, gets the result that it got before, byte for byte.  May call: base/, the core
 * beside it, its ports.
 *
 * Invariant: a result is published only of an entry that the book has; an event is acknowledged only when the book has
 * what became of it.
 */
#ifndef SERVICES_NOTARY_NOTARY_H
#define SERVICES_NOTARY_NOTARY_H

#include "base/log.h"
#include "services/notary/artifacts/artifacts.h"
#include "services/notary/book.h"
#include "services/notary/documents/decision.h"
#include "services/notary/documents/digest.h"
#include "services/notary/filters/filter.h"
#include "services/notary/handlers/handlers.h"
#include "services/notary/notices/notices.h"
#include "services/notary/ports.h"
#include "services/runtime/handler.h"
#include "services/runtime/lanes.h"

/* The outputs and inputs, as indexes of the runtime's topics. */
enum notary_output { NOTARY_RESULTS, NOTARY_STATUS, NOTARY_ERRORS, NOTARY_NOTICES, NOTARY_OUTPUTS };
enum notary_input { NOTARY_EVENTS, NOTARY_APPROVALS, NOTARY_INPUTS };

/* Which of the lanes a call of another system goes to. */
enum notary_lane {
    LANE_SIGNER,
    LANE_HANDLERS,
    LANE_ARTIFACTS,
    LANE_NOTICES,
    LANE_CONDUCTOR, /* telling and answering it */
    LANE_TASKS,     /* waiting for its tasks: two calls at most */
    NOTARY_LANES
};

/* How calls are made that may wait (lanes.h); in tests, when the test says so. */
struct notary_lanes {
    /* ERR_BUSY, ERR_NOMEM, ERR_CLOSED: not now; the job is still the notary's. */
    enum err (*submit)(void *ctx, enum notary_lane lane, struct job *job);
    /* Calls `done` of what has run. */
    void (*collect)(void *ctx);
    void *ctx;
};

/* The activities, as functions, so that the core links none of them.  Each may be NULL: there is none. */
struct notary_ports {
    struct handlers *handlers;
    bool (*handlers_wanted)(const struct handlers *h, const json_t *event);
    enum err (*handlers_run)(struct handlers *h, struct bytes event, struct text *finding,
                             enum handler_verdict *verdict, int64_t timeout_ms, char *why, size_t why_size);
    struct artifacts *artifacts;
    bool (*artifacts_wanted)(const struct artifacts *a, const json_t *event);
    enum err (*artifacts_check)(struct artifacts *a, struct bytes event, struct text *finding, int64_t timeout_ms,
                                char *why, size_t why_size);
    struct notices *notices;
    const char *(*notices_topic)(const struct notices *n, struct bytes channel);
    enum err (*notices_send)(struct notices *n, const struct notice *notice, int64_t timeout_ms, char *why,
                             size_t why_size);
};

struct conductor;
struct tracer;
struct notary;

struct notary_options {
    struct book *book; /* outlives the notary, as all here */
    struct signer *log_key, *signer;
    const char *log_url;
    struct wall_clock clock;
    struct notary_lanes lanes; /* may be empty when nothing needs to wait */
    struct notary_ports ports;
    struct conductor *conductor;        /* who runs workflows that stay open; NULL: the notary alone */
    const struct filter *filter;        /* which events are the notary's business; NULL: all */
    bool tells_skipped;                 /* an event that is not gets a status */
    struct approvers_source *approvers; /* NULL, or none in it: nobody has a key of his own */
    const char *public_url;             /* where links in notices lead; NULL or empty: no links */
    size_t open_max;                    /* workflows under way; events beyond wait.  0: 10,000 */
    size_t source_approvals_max;        /* of these, approvals of one source; events beyond are refused.  0: 1,000 */
    int64_t approval_timeout_ms;        /* of an approval whose event names none; 0: it never expires */
    size_t batch_events_max;            /* 0: 1,000 */
    int64_t batch_wait_ms;              /* how long the first event of a batch waits for others; 0: 1 s */
    int64_t call_timeout_ms;            /* of one call of a signer or of handlers; 0: 30 s */
    int64_t artifacts_timeout_ms, notices_timeout_ms; /* the same */
    struct log *log;                                  /* NULL: none */
    struct tracer *tracer;                            /* gets spans of what becomes of each event; NULL: none */
    uint64_t seed; /* of its maps: random, so that nobody can choose ids that collide */
};

MUST_USE enum err notary_new(struct notary **out, const struct notary_options *options);
/* Its lanes have ended: no call is under way (or was dropped: notary_call_dropped). */
void notary_free(struct notary *n); /* NULL is fine */
/* For lanes_free. */
void notary_call_dropped(struct job *job);

/* This replica leads from here on: forgets what it knew and takes up what the book has open.  Before each run of the
 * runtime; what the book says, ERR_NOMEM. */
MUST_USE enum err notary_lead(struct notary *n);

struct handler *notary_handler(struct notary *n);

/* Since the start, not since it leads; but `open` is of now. */
struct notary_counts {
    uint64_t notarized, repeated, refused, rejected, expired, cancelled, open;
};
struct notary_counts notary_counts(const struct notary *n);

/* What became of notices since the start, from any thread: sent; given up, each with a warning and a `notified` record;
 * forgotten, because this replica stopped leading, or ended, while they waited (the next one does not send them). */
struct notice_counts {
    uint64_t sent, failed, forgotten;
};
struct notice_counts notary_notice_counts(const struct notary *n);

/* "wf-" and 16 digits that depend on the event id alone: the same for every answer about it. */
#define WORKFLOW_ID_SIZE 20
void workflow_id_of(const char *event_id, char to[WORKFLOW_ID_SIZE]);

#endif
