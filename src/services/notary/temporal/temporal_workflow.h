/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal_workflow.h - the code of the workflow that Temporal keeps: what its history means, and what is to follow.
 *
 *     started -> deadline's timer | decisions as signals | cancelled there -> outcome -> activity `notarize` ->
 * completed
 *
 * A pure function of the history, without a memory of its own: whatever process runs it comes to the same commands, and
 * a command that is in the history already is not given again.  The first outcome that the history shows stays.
 *
 * Input of the workflow (JSON; the same whenever it is told):
 *
 *     {"approvers": [NAME...], "deadline_ms": n or null, "event_hash": "sha256:HEX", "event_id": "...",
 *      "format": "geminga/notary/temporal/v1", "quorum": n, "workflow_id": "wf-...", "workflow_type": "approval_sign"}
 *
 * Signal "state": all that is known, so one that is lost or comes twice does no harm:
 *
 *     {"decisions": [{"approver": "...", "verdict": "approve" or "reject"}...],
 *      "ended": null or {"outcome": "rejected" or "cancelled", "why": "..."}}
 *
 * Input of `notarize`: {"event_id": "...", "outcome": "...", "why": "...", "workflow_id": "..."}; its result, and the
 * workflow's, is the NotaryResult.  Query "status": {"approvals": n, "approvers": n, "deadline_ms": n or null,
 * "decisions": {NAME: VERDICT...}, "outcome": null or "...", "quorum": n, "rejections": n, "state": "..."}.
 *
 * Pure; may call: base/, jansson's values, workflow.h's names.
 */
#ifndef SERVICES_NOTARY_TEMPORAL_TEMPORAL_WORKFLOW_H
#define SERVICES_NOTARY_TEMPORAL_TEMPORAL_WORKFLOW_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/workflow.h"

#define TEMPORAL_FORMAT   "geminga/notary/temporal/v1"
#define TEMPORAL_TYPE     "afdp_notary"
#define TEMPORAL_ACTIVITY "notarize"
#define TEMPORAL_TIMER    "deadline"
#define TEMPORAL_SIGNAL   "state"
#define TEMPORAL_QUERY    "status"

/* The events of a history that matter here. */
enum temporal_fact_kind {
    FACT_STARTED,            /* payload: the input */
    FACT_SIGNALED,           /* payload; `name` */
    FACT_CANCEL_REQUESTED,   /* `name`: why, or who, or NULL */
    FACT_TIMER_STARTED,      /* `name`: its id */
    FACT_TIMER_FIRED,        /* the same */
    FACT_ACTIVITY_SCHEDULED, /* the same */
    FACT_ACTIVITY_COMPLETED, /* payload */
    FACT_ACTIVITY_FAILED,    /* for good; `name`: why */
};

struct temporal_fact {
    enum temporal_fact_kind kind;
    int64_t at_ms;
    const char *name;
    struct bytes payload;
};

enum temporal_command { COMMAND_TIMER, COMMAND_NOTARIZE, COMMAND_COMPLETE, COMMAND_FAIL };

#define TEMPORAL_COMMANDS_MAX 2

struct temporal_plan {
    struct {
        enum temporal_command kind;
        int64_t after_ms; /* of the timer; at least 1 */
    } commands[TEMPORAL_COMMANDS_MAX];
    size_t count;
    struct text payload; /* of the command that has one: `notarize`'s input, the result, the failure's sentence */
    struct text status;  /* the answer to the query */
};

/* ERR_CORRUPT: no history of such a workflow (`why` says what is wrong); ERR_NOMEM.  temporal_plan_deinit after any
 * result. */
MUST_USE enum err temporal_plan_make(struct temporal_plan *out, const struct temporal_fact *facts, size_t count,
                                     char *why, size_t why_size);
void temporal_plan_deinit(struct temporal_plan *p);

/* What is told of a workflow.  ERR_NOMEM, ERR_TOO_LARGE. */
MUST_USE enum err temporal_write_input(const struct workflow *w, struct text *out);
MUST_USE enum err temporal_write_state(const struct workflow *w, struct text *out);

/* The input of `notarize`, read.  ERR_INVALID. */
struct conductor_task;
MUST_USE enum err temporal_read_task(struct bytes input, struct conductor_task *out);

#endif
