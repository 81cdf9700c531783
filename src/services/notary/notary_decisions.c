/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_decisions.c - a signed decision in (decision.h): may it be made, and what follows.
 *
 * What is decided about a workflow that has ended changes nothing, and is told so.  A decision that comes twice is told
 * where the workflow stands.
 */
#include "services/notary/approvers_source.h"
#include "services/notary/notary_private.h"

#include <inttypes.h>
#include <stdio.h>

static const char *comment_of(const struct decision *d)
{
    return d->comment && *d->comment ? d->comment : NULL;
}

/* A NotaryError about the decision; its sender is told by the event's id, if it names one. */
static void refuse(struct notary *n, struct item *item, const struct decision *d, const char *why)
{
    struct error_facts facts = {.event_id = d->event_id,
                                .error_type = "decision",
                                .message = why,
                                .message_id = item->delivery->message_id,
                                .retry_count = item->delivery->redelivery_count,
                                .now_ms = notary_now_ms(n)};

    if (d->event_id)
        workflow_id_of(d->event_id, item->workflow_id);
    facts.workflow_id = item->workflow_id;
    item->stage = STAGE_ANSWERED;
    item->outcome->refused = true;
    n->counts.refused++;
    if (message_error(&facts, outcome_publish(item->outcome, NOTARY_ERRORS, d->event_id, MESSAGE_BYTES_MAX)) != OK)
        notary_retry(item, "out of memory");
}

/* ---- of a workflow that has ended ---- */

static enum err say_too_late(struct notary *n, struct item *item, const struct decision *d,
                             const struct registry_result *known)
{
    json_t *leaf = json_loadb(known->leaf.data, known->leaf.len, 0, NULL);
    const char *outcome = json_string_value(json_object_get(leaf, "outcome"));
    struct status_facts facts = {.event_id = d->event_id,
                                 .workflow_id = item->workflow_id,
                                 .status = outcome ? outcome : "completed",
                                 .current_step = "logged",
                                 .total_steps = WORKFLOW_STEPS,
                                 .completed_steps = WORKFLOW_STEPS,
                                 .now_ms = notary_now_ms(n)};
    char message[300];
    enum err err;

    snprintf(message, sizeof message,
             "The workflow has ended (%s, log entry %" PRIu64 "); this decision changes nothing",
             outcome ? outcome : "notarized", known->index);
    facts.message = message;
    workflow_id_of(d->event_id, item->workflow_id);
    err = message_status(&facts, outcome_publish(item->outcome, NOTARY_STATUS, d->event_id, MESSAGE_BYTES_MAX));
    json_decref(leaf);
    return err;
}

static enum err decide_closed(struct notary *n, struct item *item, const struct decision *d)
{
    struct registry_result known;
    enum err err;

    if (map_find(&n->round, bytes_of_text(d->event_id))) { /* it ends in this very round: look again in the next */
        notary_hold(n, item);
        return OK;
    }
    err = n->options.book->ops->find(n->options.book, d->event_id, &known);
    if (err == ERR_NOT_FOUND) {
        refuse(n, item, d, "Decision refused: there is no workflow of this event");
        return notary_prove(n);
    }
    if (err != OK)
        return err;
    if (say_too_late(n, item, d, &known) != OK)
        notary_retry(item, "out of memory");
    book_result_deinit(&known);
    return OK;
}

/* ---- of an open one ---- */

static bool is_operator(struct notary *n, const char *name)
{
    struct approvers *approvers = approvers_source_take(n->options.approvers);
    const bool is = approvers && approvers_is_operator(approvers, name);

    approvers_free(approvers);
    return is;
}

/* Who may: an approver of the event to approve and to reject; to cancel and to retry operators too. */
static const char *objection(struct notary *n, struct open_workflow *o, const struct decision *d)
{
    bool approver = workflow_approver(o->workflow, d->approver) != NULL;

    if (strcmp(d->event_hash, o->workflow->event_hash) != 0)
        return "Decision refused: it is about other content of this event";
    if (d->kind == DECISION_APPROVE || d->kind == DECISION_REJECT) {
        if (o->workflow->type != WORKFLOW_APPROVAL)
            return "Decision refused: this workflow needs no approval";
        return approver ? NULL : "Decision refused: who signed it is no approver of this event";
    }
    if (approver || is_operator(n, d->approver))
        return NULL;
    return "Decision refused: only approvers of the event and operators may cancel and retry";
}

static json_t *decision_record(struct notary *n, const struct decision *d)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:s, s:s%}", "kind", "decision", "event_id", d->event_id,
                     "approver", d->approver, "verdict", decision_kind_name(d->kind), "comment", comment_of(d), "at_ms",
                     (json_int_t)notary_now_ms(n), "method", d->method, "statement", d->statement.data,
                     d->statement.len);
}

static json_t *command_record(struct notary *n, const struct decision *d)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:s, s:s%}", "kind", "command", "event_id", d->event_id, "by",
                     d->approver, "command", decision_kind_name(d->kind), "comment", comment_of(d), "at_ms",
                     (json_int_t)notary_now_ms(n), "method", d->method, "statement", d->statement.data,
                     d->statement.len);
}

/* What has no effect now; NULL: it has. */
static const char *no_effect(struct open_workflow *o, const struct decision *d)
{
    if (d->kind == DECISION_RETRY &&
        workflow_has_seen_retry(o->workflow, bytes_of(d->statement.data, d->statement.len)))
        return "This statement asked for a retry before; it does so once";
    if (d->kind == DECISION_RETRY && workflow_has_seen_enough(o->workflow))
        return "Too many statements have asked for a retry: this workflow can only be cancelled";
    if ((d->kind == DECISION_APPROVE || d->kind == DECISION_REJECT) &&
        workflow_approver(o->workflow, d->approver)->decision)
        return "This approver has decided before; the first decision counts";
    return NULL;
}

/* The time that people took, as a span. */
static void trace_approval(struct notary *n, const struct workflow *w)
{
    json_t *event = n->trails.tracer ? json_loadb(w->event.data, w->event.len, 0, NULL) : NULL;
    const struct trail trail = {.event_id = w->event_id, .workflow_id = w->workflow_id, .event = event};

    trails_step(&n->trails, &trail, "approval", w->received_ms * 1000000, NULL, NULL);
    json_decref(event);
}

static enum err apply(struct notary *n, struct item *item, struct open_workflow *o, const struct decision *d)
{
    const char *why = no_effect(o, d);
    bool was_approved, in_vain = d->kind == DECISION_RETRY && workflow_state(o->workflow) != WORKFLOW_FAILED;
    json_t *record;
    enum err err;

    if (why) {
        err = notary_say_status(n, o, item->outcome, why);
        return err == OK && d->kind == DECISION_RETRY ? notary_prove(n) : err;
    }
    was_approved = workflow_is_approved(o->workflow);
    record = d->kind == DECISION_APPROVE || d->kind == DECISION_REJECT ? decision_record(n, d) : command_record(n, d);
    if ((err = notary_record(n, o, record)) == ERR_TOO_LARGE) {
        refuse(n, item, d, "Decision refused: it is more than the broker takes in one message");
        return OK;
    }
    if (err != OK)
        return err;
    if (in_vain) /* and it is spent: nobody can have it count for a failure that comes later */
        return notary_say_status(n, o, item->outcome, "Nothing has failed: there is nothing to retry");
    if ((err = notary_note_status(n, o, item->outcome)) != OK)
        return err;
    if (!was_approved && workflow_is_approved(o->workflow))
        trace_approval(n, o->workflow);
    return notary_advance(n, o);
}

static enum err decide_open(struct notary *n, struct item *item, struct open_workflow *o, const struct decision *d)
{
    const char *why = objection(n, o, d);
    struct workflow_next next;

    if (why) {
        refuse(n, item, d, why);
        return OK;
    }
    workflow_next(o->workflow, notary_now_ms(n), &next);
    if (next.action == ACTION_CLOSE && notary_conducted(n, o, &next))
        return notary_say_status(n, o, item->outcome,
                                 "How this workflow ends is decided, and not in the log yet; this changes nothing");
    if (next.action == ACTION_CLOSE) { /* it has expired, and nobody has said so yet */
        notary_hold(n, item);
        return notary_advance(n, o);
    }
    return apply(n, item, o, d);
}

static enum err decide(struct notary *n, struct item *item, const struct decision *d)
{
    struct open_workflow *o = map_find(&n->open, bytes_of_text(d->event_id));

    return o ? decide_open(n, item, o, d) : decide_closed(n, item, d);
}

enum err notary_decide(struct notary *n, struct item *item)
{
    struct decision d = {0};
    char why[300], message[340];
    struct approvers *approvers = approvers_source_take(n->options.approvers);
    enum err err =
        decision_read(&d, item->delivery->payload, approvers, signer_key(n->options.log_key), why, sizeof why);

    approvers_free(approvers);
    item->stage = STAGE_ANSWERED;
    if (err == ERR_NOMEM) {
        notary_retry(item, "out of memory");
        err = OK;
    } else if (err != OK) {
        snprintf(message, sizeof message, "Decision refused: %s", why);
        workflow_clean(message);
        refuse(n, item, &d, message);
        err = OK;
    } else {
        err = decide(n, item, &d);
    }
    decision_deinit(&d);
    return err;
}
