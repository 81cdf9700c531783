/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_steps.c - open workflows: beginning, going on, waiting for a time, being taken up by a new leader.
 *
 * The workflow says what is next (workflow.h); here it is done, or put on its lane, or waited for.
 */
#include "services/notary/notary_private.h"

#include "services/notary/documents/batch.h"
#include <assert.h>
#include <stdlib.h>

/* ---- what is said ---- */

static void fill_status(const struct workflow *w, const struct workflow_status *s, struct status_facts *facts)
{
    *facts = (struct status_facts){.event_id = w->event_id,
                                   .workflow_id = w->workflow_id,
                                   .trace_id = w->trace_id[0] ? w->trace_id : NULL,
                                   .status = s->status,
                                   .message = s->message,
                                   .current_step = s->step,
                                   .total_steps = WORKFLOW_STEPS,
                                   .completed_steps = s->steps_done,
                                   .eta_seconds = s->eta_seconds};
}

enum err notary_say_status(struct notary *n, struct open_workflow *o, struct outcome *outcome, const char *message)
{
    struct workflow_status status;
    struct status_facts facts;

    workflow_status(o->workflow, notary_now_ms(n), &status);
    fill_status(o->workflow, &status, &facts);
    facts.now_ms = notary_now_ms(n);
    facts.message = message ? message : status.message;
    return message_status(&facts, outcome_publish(outcome, NOTARY_STATUS, o->workflow->event_id, MESSAGE_BYTES_MAX));
}

enum err notary_note_status(struct notary *n, struct open_workflow *o, struct outcome *outcome)
{
    struct workflow_status s;
    enum err err;

    workflow_status(o->workflow, notary_now_ms(n), &s);
    err = notary_record(n, o,
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I}", "kind", "status", "event_id",
                                  o->workflow->event_id, "status", s.status, "message", s.message, "step", s.step,
                                  "steps_done", s.steps_done, "steps_total", WORKFLOW_STEPS, "at_ms",
                                  (json_int_t)notary_now_ms(n)));
    return err == OK ? notary_say_status(n, o, outcome, NULL) : err;
}

/* ---- the table of open workflows ---- */

void notary_schedule(struct notary *n, struct open_workflow *o, int64_t at_ms)
{
    if (o->heap_at != NOT_IN_HEAP)
        heap_remove(&n->due, o->heap_at);
    o->heap_at = NOT_IN_HEAP;
    if (at_ms < 0)
        return;
    o->due_ms = at_ms;
    if (heap_push(&n->due, o) != OK) /* there is room: it was reserved when the workflow was opened */
        abort();
}

/* An approval is counted for its source. */
static enum err take_share(struct notary *n, struct open_workflow *o, const json_t *opened)
{
    const json_t *source = json_object_get(json_object_get(opened, "event"), "source");

    if (o->workflow->type != WORKFLOW_APPROVAL)
        return OK;
    return shares_take(&n->shares, bytes_of(json_string_value(source), json_string_length(source)),
                       workflow_bytes(o->workflow), &o->share);
}

static void give_share(struct notary *n, struct open_workflow *o)
{
    if (o->share)
        shares_give(&n->shares, o->share, workflow_bytes(o->workflow));
    o->share = NULL;
}

static enum err put(struct notary *n, struct open_workflow *o)
{
    enum err err;

    if ((err = heap_reserve(&n->due, map_count(&n->open) + 1)) != OK)
        return err;
    if ((err = map_put(&n->open, bytes_of_text(o->workflow->event_id), o)) != OK)
        return err;
    n->open_bytes += workflow_bytes(o->workflow);
    return OK;
}

static enum err open_new(struct notary *n, const json_t *record, struct open_workflow **out)
{
    struct open_workflow *o = calloc(1, sizeof *o);
    enum err err = ERR_NOMEM;

    if (!o)
        return ERR_NOMEM;
    o->heap_at = NOT_IN_HEAP;
    o->serial = ++n->serials;
    list_init(&o->node);
    if ((err = workflow_new(&o->workflow, record)) != OK || (err = take_share(n, o, record)) != OK ||
        (err = put(n, o)) != OK) {
        give_share(n, o);
        workflow_free(o->workflow);
        free(o);
        return err;
    }
    *out = o;
    return OK;
}

void notary_free_workflow(struct open_workflow *o)
{
    text_deinit(&o->conducted.token);
    workflow_free(o->workflow);
    free(o->leaves);
    free(o);
}

/* Out of the tables; the caller has it. */
void notary_forget(struct notary *n, struct open_workflow *o)
{
    notary_schedule(n, o, -1);
    notary_uncollect(n, o);
    give_share(n, o);
    map_remove(&n->open, bytes_of_text(o->workflow->event_id));
    n->open_bytes -= workflow_bytes(o->workflow);
}

void notary_forget_all(struct notary *n)
{
    struct open_workflow *o;
    size_t at = 0;

    while ((o = map_next(&n->open, &at))) {
        notary_schedule(n, o, -1);
        notary_uncollect(n, o);
        give_share(n, o);
        notary_free_workflow(o);
    }
    map_deinit(&n->open); /* its keys are gone: nothing is looked up in it any more */
    map_init(&n->open, n->options.seed);
    n->open_bytes = 0;
}

/* ---- beginning ---- */

static json_t *activities_of(const struct notary *n, const json_t *event)
{
    const struct notary_ports *p = &n->options.ports;
    json_t *names = json_array();

    if (names && p->handlers && p->handlers_wanted(p->handlers, event))
        json_array_append_new(names, json_string(activity_name(ACTIVITY_HANDLERS)));
    if (names && p->artifacts && p->artifacts_wanted(p->artifacts, event))
        json_array_append_new(names, json_string(activity_name(ACTIVITY_ARTIFACTS)));
    return names;
}

static json_t *opened_record(const struct notary *n, const struct item *item)
{
    const struct event *e = &item->event;
    bool approval = workflow_type_of(e->workflow_type) == WORKFLOW_APPROVAL;
    int64_t received_ms = item->delivery->received_ms;
    int64_t deadline_ms = workflow_deadline_ms(e->json, received_ms, approval ? n->options.approval_timeout_ms : 0);
    char hash[RECEIPT_HASH_SIZE];

    receipt_hash_text(&item->evidence, hash);
    return json_pack("{s:s, s:s, s:s, s:s, s:O, s:s, s:I, s:o, s:i, s:s, s:o}", "kind", "opened", "event_id",
                     e->event_id, "workflow_id", item->workflow_id, "workflow_type", e->workflow_type, "event", e->json,
                     "event_hash", hash, "received_ms", (json_int_t)received_ms, "deadline_ms",
                     deadline_ms < 0 ? json_null() : json_integer(deadline_ms), "priority",
                     (int)workflow_priority(e->json), "message_id", item->delivery->message_id, "activities",
                     activities_of(n, e->json));
}

/* Takes the record. */
static enum err open_with(struct notary *n, struct item *item, json_t *record, struct open_workflow **out)
{
    enum err err = draft_fits(&n->draft, record) ? open_new(n, record, out) : ERR_TOO_LARGE;

    if (err != OK) {
        json_decref(record);
        return err;
    }
    return draft_add(&n->draft, record);
}

/* Of a member of a batch, while the event is at hand; without memory it is read once more when the batch is made. */
static void note_leaves(struct open_workflow *o, const struct item *item)
{
    struct digest *leaves;

    if (o->workflow->type != WORKFLOW_BATCH || !(leaves = calloc(1 + item->event.artifacts, sizeof *leaves)))
        return;
    if (batch_leaves(&item->event, item->package, leaves) == OK)
        o->leaves = leaves;
    else
        free(leaves);
}

/* That it is collected needs no record of its own: `opened` of a batch without activities says so. */
static enum err say_opened(struct notary *n, struct open_workflow *o, struct outcome *outcome)
{
    return workflow_state(o->workflow) == WORKFLOW_COLLECTING ? notary_say_status(n, o, outcome, NULL)
                                                              : notary_note_status(n, o, outcome);
}

enum err notary_open(struct notary *n, struct item *item)
{
    struct open_workflow *o;
    json_t *record;
    enum err err;

    if (map_count(&n->open) >= n->options.open_max || n->open_bytes + item->delivery->payload.len > OPEN_BYTES_MAX)
        return ERR_FULL;
    if (!(record = opened_record(n, item)))
        return ERR_NOMEM;
    if ((err = open_with(n, item, record, &o)) != OK ||
        (err = notary_notice(n, o->workflow, NOTICE_STARTED, NULL)) != OK)
        return err;
    note_leaves(o, item);
    if ((err = say_opened(n, o, item->outcome)) != OK)
        return err;
    if (workflow_state(o->workflow) == WORKFLOW_APPROVALS &&
        (err = notary_notice(n, o->workflow, NOTICE_APPROVAL_REQUIRED, NULL)) != OK)
        return err;
    return notary_advance(n, o);
}

/* All that a former leader left open is looked at in the first rounds, and where it stands is said once more. */
enum err notary_take_up(struct notary *n, const json_t *records)
{
    struct open_workflow *o;
    enum err err = open_new(n, json_array_get(records, 0), &o);

    for (size_t i = 1; err == OK && i < json_array_size(records); i++)
        err = notary_fold(n, o, json_array_get(records, i));
    if (err != OK)
        return err == ERR_INVALID ? ERR_CORRUPT : err;
    o->taken_up = true;
    notary_schedule(n, o, 0);
    return OK;
}

/* ---- going on ---- */

enum err notary_attempt_failed(struct notary *n, struct open_workflow *o, enum activity activity, enum err why,
                               const char *sentence)
{
    bool hopeless = why == ERR_DENIED || why == ERR_INVALID || why == ERR_UNSUPPORTED || why == ERR_TOO_LARGE ||
                    why == ERR_NOT_FOUND;
    struct workflow *w = o->workflow;
    int64_t attempt = w->attempts + 1, next_ms = hopeless ? -1 : workflow_retry_ms(w, attempt, notary_now_ms(n));
    enum err err;

    err = notary_record(n, o,
                        json_pack("{s:s, s:s, s:s, s:I, s:s, s:o}", "kind", "attempt", "event_id", w->event_id,
                                  "activity", activity_name(activity), "attempt", (json_int_t)attempt, "why",
                                  *sentence ? sentence : err_text(why), "next_ms",
                                  next_ms < 0 ? json_null() : json_integer(next_ms)));
    if (err == OK)
        err = notary_note_status(n, o, n->own);
    return err;
}

/* A workflow that has failed for good: people are told, by an error and by a notice. */
static enum err say_failed(struct notary *n, struct open_workflow *o)
{
    struct workflow_status s;
    struct error_facts facts = {.event_id = o->workflow->event_id,
                                .workflow_id = o->workflow->workflow_id,
                                .trace_id = o->workflow->trace_id[0] ? o->workflow->trace_id : NULL,
                                .error_type = "processing",
                                .retry_count = o->workflow->attempts > 0 ? (uint32_t)o->workflow->attempts - 1 : 0,
                                .now_ms = notary_now_ms(n)};
    enum err err;

    workflow_status(o->workflow, notary_now_ms(n), &s);
    facts.message = s.message;
    err = message_error(&facts, outcome_publish(n->own, NOTARY_ERRORS, facts.event_id, MESSAGE_BYTES_MAX));
    return err == OK ? notary_notice(n, o->workflow, NOTICE_FAILED, o->workflow->why) : err;
}

static enum err run(struct notary *n, struct open_workflow *o, enum activity activity)
{
    enum err err;

    if (o->running) {
        notary_schedule(n, o, workflow_expiry_ms(o->workflow));
        return OK;
    }
    if (activity == ACTIVITY_SIGN && o->workflow->type == WORKFLOW_BATCH)
        return notary_collect(n, o);
    err = notary_call(n, o, activity);
    if (err == ERR_BUSY) {
        notary_schedule(n, o, notary_now_ms(n) + BUSY_MS);
        return OK;
    }
    return err;
}

/* One step; *again: there may be more to do. */
static enum err step(struct notary *n, struct open_workflow *o)
{
    struct workflow_next next;

    workflow_next(o->workflow, notary_conduct_now_ms(n, o), &next);
    if (notary_conducted(n, o, &next)) {
        notary_conduct_wait(n, o);
        return OK;
    }
    switch (next.action) {
    case ACTION_CLOSE:
        return notary_close_refused(n, o, next.outcome, next.why);
    case ACTION_RUN:
        return run(n, o, next.activity);
    case ACTION_WAIT:
        break;
    }
    notary_uncollect(n, o);
    notary_schedule(n, o, next.at_ms);
    return OK;
}

/* When a workflow arrives where approvals are waited for, or fails, people are told. */
static enum err say_arrived(struct notary *n, struct open_workflow *o, enum workflow_state before)
{
    enum workflow_state state = workflow_state(o->workflow);

    if (state == before)
        return OK;
    if (state == WORKFLOW_FAILED)
        return say_failed(n, o);
    if (state == WORKFLOW_APPROVALS)
        return notary_notice(n, o->workflow, NOTICE_APPROVAL_REQUIRED, NULL);
    return OK;
}

enum err notary_advance(struct notary *n, struct open_workflow *o)
{
    enum err err = step(n, o);

    if (err != OK || workflow_state(o->workflow) == WORKFLOW_CLOSED || (err = notary_conduct(n, o)) != OK)
        return err;
    notary_conduct_schedule(n, o);
    return OK;
}

enum err notary_changed(struct notary *n, struct open_workflow *o, enum workflow_state before)
{
    enum err err = say_arrived(n, o, before);

    return err == OK ? notary_advance(n, o) : err;
}

/* Those that are in the heap wait for a time; the workflow knows which of its times a clock that was ahead has set. */
void notary_look_anew(struct notary *n)
{
    struct open_workflow *o;
    size_t at = 0;

    while ((o = map_next(&n->open, &at)))
        if (o->heap_at != NOT_IN_HEAP)
            notary_schedule(n, o, 0);
}

enum err notary_timers(struct notary *n)
{
    int64_t now = notary_now_ms(n);
    enum err err = OK;

    for (int i = 0; i < TELL_AGAIN_MAX && err == OK; i++) {
        struct open_workflow *o = heap_peek(&n->due);
        if (!o || o->due_ms > now)
            break;
        notary_schedule(n, o, -1);
        if (o->taken_up)
            err = notary_say_status(n, o, n->own, NULL);
        o->taken_up = false;
        if (err == OK)
            err = notary_advance(n, o);
    }
    return err;
}
