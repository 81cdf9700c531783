/* SPDX-License-Identifier: Apache-2.0
 *
 * workflow.h - one workflow: the fold of its records (records.h), and what is to be done next.
 *
 *     opened -> handlers -> artifacts -> collecting approvals | collecting a batch | - -> signing -> closed
 *                  \____________\______________\______________________\____________________/
 *                                  ending: rejected, cancelled, expired; failed: waits for retry or cancel
 *
 * A pure function of the records and of the time that is asked about: whoever has the records, after a crash or a
 * takeover, is in the same state.  Deadlines and the times of retries are wall clock, as they were recorded.  Which
 * activities a workflow has is said by its `opened` record ("activities": an array of names), not by the settings of
 * the day.  Pure; may call: base/, jansson's values, the core beside it.
 *
 * Invariant: a record that makes no sense in the state changes nothing; the state never leaves `closed`.
 */
#ifndef SERVICES_NOTARY_WORKFLOW_H
#define SERVICES_NOTARY_WORKFLOW_H

#include "base/err.h"
#include "services/notary/documents/event.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/journal/records.h"

enum workflow_type { WORKFLOW_SIMPLE, WORKFLOW_APPROVAL, WORKFLOW_BATCH, WORKFLOW_TYPES };

enum workflow_state {
    WORKFLOW_HANDLERS,   /* the user's programs are asked */
    WORKFLOW_ARTIFACTS,  /* the artifacts are fetched and compared */
    WORKFLOW_APPROVALS,  /* the quorum is not there yet */
    WORKFLOW_COLLECTING, /* a batch is being collected; then it is signed */
    WORKFLOW_SIGNING,
    WORKFLOW_ENDING, /* how it ends is decided, and not in the log yet */
    WORKFLOW_FAILED, /* an activity failed for good */
    WORKFLOW_CLOSED,
    WORKFLOW_STATES
};

enum workflow_outcome { OUTCOME_NOTARIZED, OUTCOME_REJECTED, OUTCOME_EXPIRED, OUTCOME_CANCELLED, OUTCOMES };

enum activity { ACTIVITY_HANDLERS, ACTIVITY_ARTIFACTS, ACTIVITY_SIGN, ACTIVITIES /* also: none */ };

struct workflow_retries {
    int64_t max_retries;
    double initial_ms, factor, max_ms;
};

struct workflow_approver {
    const char *name;       /* borrowed from the config */
    const json_t *decision; /* its record, borrowed from `decisions`; NULL: none yet */
};

struct workflow {
    /* Of the `opened` record. */
    char event_id[EVENT_ID_MAX + 1], trace_id[EVENT_ID_MAX + 1], span_id[EVENT_ID_MAX + 1]; /* "" where there is none */
    char workflow_id[64], event_hash[RECEIPT_HASH_SIZE];
    enum workflow_type type;
    int64_t received_ms, deadline_ms; /* -1: none */
    unsigned priority;
    size_t artifacts;
    bool wants_notifications;
    bool has[ACTIVITIES]; /* which activities come before signing */
    json_t *config;       /* workflow_config */
    struct text event;    /* the whole event, compact */
    struct workflow_retries retries;
    struct workflow_approver approvers[EVENT_APPROVERS_MAX];
    size_t approvers_count, quorum;

    /* Of those after it. */
    json_t *findings;   /* name -> value */
    json_t *decisions;  /* decision records that count, in order */
    size_t noted_bytes; /* of the records that these are from */
    size_t approvals, rejections;
    int64_t attempts, not_before_ms; /* of the activity at hand */
    bool failed, cancelled, closed;
    json_t *retries_seen; /* a set: SHA-256 (hex) of what was signed of each retry, whether it found a failure or not */
    char why[512];        /* of the failure, the rejection, the cancellation */
};

/* A copy of the record's contents.  ERR_INVALID: no `opened` record of an event that we take; ERR_NOMEM. */
MUST_USE enum err workflow_new(struct workflow **out, const json_t *opened);
void workflow_free(struct workflow *w); /* NULL is fine */

/* Memory that it takes, about. */
size_t workflow_bytes(const struct workflow *w);

/* One more record of this workflow.  ERR_NOMEM; a record that makes no sense here is passed over. */
MUST_USE enum err workflow_apply(struct workflow *w, const json_t *record);

/* As workflow_apply with the `closed` record that has its result: of a batch, that is one record for all, which is not
 * looked through again for each. */
void workflow_close(struct workflow *w);

enum workflow_state workflow_state(const struct workflow *w);

/* The quorum is there (of approval_sign; true of others). */
bool workflow_is_approved(const struct workflow *w);

/* The approver's place in `approvers`, or NULL. */
struct workflow_approver *workflow_approver(struct workflow *w, const char *name);

/* This statement (a JWS) asked for a retry before: it is good for one failure, the one at the time when it came, and
 * for none that comes later, whoever sends it again. */
bool workflow_has_seen_retry(const struct workflow *w, struct bytes statement);

/* So many statements have asked for a retry that no more are taken; a cancellation still is. */
#define WORKFLOW_RETRIES_SEEN_MAX 100
bool workflow_has_seen_enough(const struct workflow *w);

enum workflow_action {
    ACTION_WAIT,  /* until `at_ms`, or for something to happen (at_ms < 0) */
    ACTION_RUN,   /* `activity`, as attempt `attempt` */
    ACTION_CLOSE, /* with `outcome`, which is not NOTARIZED, for `why` */
};

struct workflow_next {
    enum workflow_action action;
    int64_t at_ms;
    enum activity activity;
    int64_t attempt;
    enum workflow_outcome outcome;
    const char *why;
};
void workflow_next(const struct workflow *w, int64_t now_ms, struct workflow_next *out);

/* When it expires; -1: never, or not any more, since it was approved in time. */
int64_t workflow_expiry_ms(const struct workflow *w);

/* When attempt `attempt` (from 1) of the activity failed at `now_ms`: the time of the next one, or -1, it was the last
 * one.  The event's retry_config decides, but after ten attempts half a minute at least lies between two. */
int64_t workflow_retry_ms(const struct workflow *w, int64_t attempt, int64_t now_ms);

/* Where it stands, as a NotaryStatus says it. */
#define WORKFLOW_STEPS 4
struct workflow_status {
    const char *status, *step;
    int steps_done;
    int64_t eta_seconds;
    char message[700];
};
void workflow_status(const struct workflow *w, int64_t now_ms, struct workflow_status *out);

/* What is not UTF-8 in a sentence (it was cut, or came from another system) becomes '?': JSON takes no other. */
void workflow_clean(char *text);

const char *workflow_type_name(enum workflow_type type);
enum workflow_type workflow_type_of(const char *name); /* WORKFLOW_TYPES: no such type; NULL too */
const char *workflow_outcome_name(enum workflow_outcome outcome);
const char *activity_name(enum activity activity);

/* 0 low .. 4 critical, as records have it; of none: normal. */
unsigned workflow_priority(const json_t *event);
/* When it expires: received_ms and workflow_config.timeout, or that many milliseconds where there is none (0: -1,
 * never).
 */
int64_t workflow_deadline_ms(const json_t *event, int64_t received_ms, int64_t otherwise_ms);

#endif
