/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal_workflow.c - a fold of the history, then what is missing in it.
 */
#include "services/notary/temporal/temporal_workflow.h"

#include "services/notary/conductor.h"
#include <stdio.h>
#include <string.h>

#define TEXT_MAX   (512u << 10)
#define RESULT_MAX (4u << 20) /* a NotaryResult, as Temporal gives it back */

/* Where the workflow stands by the history so far. */
struct standing {
    json_t *input;   /* NULL: the history has no beginning */
    json_t *decided; /* approver -> verdict */
    size_t approvals, rejections, approvers, quorum;
    int64_t started_ms, deadline_ms;
    enum workflow_outcome outcome; /* OUTCOMES: none yet */
    char why[512];
    bool timer, scheduled;
    const struct temporal_fact *done; /* how the activity ended; NULL: it has not */
};

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name)) ?: "";
}

static void decide(struct standing *s, enum workflow_outcome outcome, const char *why)
{
    if (s->outcome != OUTCOMES)
        return;
    s->outcome = outcome;
    snprintf(s->why, sizeof s->why, "%s", why);
    workflow_clean(s->why);
}

static bool is_approver(const struct standing *s, const char *name)
{
    const json_t *names = json_object_get(s->input, "approvers");

    for (size_t i = 0; i < json_array_size(names); i++)
        if (strcmp(json_string_value(json_array_get(names, i)) ?: "", name) == 0)
            return true;
    return false;
}

static void weigh(struct standing *s)
{
    if (s->approvals >= s->quorum)
        decide(s, OUTCOME_NOTARIZED, "");
    else if (s->approvers - s->rejections < s->quorum)
        decide(s, OUTCOME_REJECTED, "the quorum cannot be reached");
}

/* ---- the events ---- */

static enum err on_started(struct standing *s, const struct temporal_fact *f)
{
    const json_t *deadline;

    if (s->input || !(s->input = json_loadb((const char *)f->payload.data, f->payload.len, 0, NULL)))
        return ERR_CORRUPT;
    deadline = json_object_get(s->input, "deadline_ms");
    s->approvers = json_array_size(json_object_get(s->input, "approvers"));
    s->quorum = (size_t)json_integer_value(json_object_get(s->input, "quorum"));
    s->started_ms = f->at_ms;
    s->deadline_ms = json_is_integer(deadline) ? json_integer_value(deadline) : -1;
    if (strcmp(text_of(s->input, "format"), TEMPORAL_FORMAT) != 0 || !*text_of(s->input, "event_id") ||
        s->quorum > s->approvers)
        return ERR_CORRUPT;
    weigh(s);
    return OK;
}

/* The first decision of an approver counts. */
static enum err take_decision(struct standing *s, const json_t *decision)
{
    const char *approver = text_of(decision, "approver"), *verdict = text_of(decision, "verdict");
    bool approved = strcmp(verdict, "approve") == 0;

    if (!is_approver(s, approver) || json_object_get(s->decided, approver) ||
        (!approved && strcmp(verdict, "reject") != 0))
        return OK;
    if (json_object_set_new(s->decided, approver, json_string(verdict)) != 0)
        return ERR_NOMEM;
    s->approvals += approved;
    s->rejections += !approved;
    weigh(s);
    return OK;
}

static void take_end(struct standing *s, const json_t *ended)
{
    if (strcmp(text_of(ended, "outcome"), "rejected") == 0)
        decide(s, OUTCOME_REJECTED, text_of(ended, "why"));
    else if (strcmp(text_of(ended, "outcome"), "cancelled") == 0)
        decide(s, OUTCOME_CANCELLED, text_of(ended, "why"));
}

/* Anybody whom Temporal lets may signal: what makes no sense is passed over. */
static enum err on_signaled(struct standing *s, const struct temporal_fact *f)
{
    json_t *state, *decisions;
    enum err err = OK;

    if (!f->name || strcmp(f->name, TEMPORAL_SIGNAL) != 0 ||
        !(state = json_loadb((const char *)f->payload.data, f->payload.len, 0, NULL)))
        return OK;
    decisions = json_object_get(state, "decisions");
    for (size_t i = 0; i < json_array_size(decisions) && err == OK; i++)
        err = take_decision(s, json_array_get(decisions, i));
    take_end(s, json_object_get(state, "ended"));
    json_decref(state);
    return err;
}

static bool is_named(const struct temporal_fact *f, const char *name)
{
    return f->name && strcmp(f->name, name) == 0;
}

static enum err fold(struct standing *s, const struct temporal_fact *f)
{
    if (!s->input && f->kind != FACT_STARTED)
        return ERR_CORRUPT;
    switch (f->kind) {
    case FACT_STARTED:
        return on_started(s, f);
    case FACT_SIGNALED:
        return on_signaled(s, f);
    case FACT_CANCEL_REQUESTED:
        decide(s, OUTCOME_CANCELLED, f->name && *f->name ? f->name : "cancelled in Temporal");
        break;
    case FACT_TIMER_STARTED:
        s->timer |= is_named(f, TEMPORAL_TIMER);
        break;
    case FACT_TIMER_FIRED:
        if (is_named(f, TEMPORAL_TIMER))
            decide(s, OUTCOME_EXPIRED, "the timeout passed");
        break;
    case FACT_ACTIVITY_SCHEDULED:
        s->scheduled |= is_named(f, TEMPORAL_ACTIVITY);
        break;
    case FACT_ACTIVITY_COMPLETED:
    case FACT_ACTIVITY_FAILED:
        s->done = f;
        break;
    }
    return OK;
}

/* ---- what is to follow ---- */

static enum err dump(json_t *value, struct text *out)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    json_decref(value);
    if (!text)
        return ERR_NOMEM;
    text_add(out, text);
    free(text);
    return text_failed(out) ? ERR_TOO_LARGE : OK;
}

static void add(struct temporal_plan *p, enum temporal_command kind, int64_t after_ms)
{
    p->commands[p->count].kind = kind;
    p->commands[p->count].after_ms = after_ms;
    p->count++;
}

static enum err plan_end(const struct standing *s, struct temporal_plan *p)
{
    bool completed = s->done->kind == FACT_ACTIVITY_COMPLETED;

    add(p, completed ? COMMAND_COMPLETE : COMMAND_FAIL, 0);
    if (completed)
        text_add_bytes(&p->payload, s->done->payload);
    else
        text_add(&p->payload,
                 s->done->name && *s->done->name ? s->done->name : "the notary could not end the workflow");
    return text_failed(&p->payload) ? ERR_TOO_LARGE : OK;
}

static enum err plan(const struct standing *s, struct temporal_plan *p)
{
    int64_t left_ms = s->deadline_ms - s->started_ms;

    if (s->done)
        return plan_end(s, p);
    if (s->outcome == OUTCOMES && s->deadline_ms >= 0 && !s->timer)
        add(p, COMMAND_TIMER, left_ms > 0 ? left_ms : 1);
    if (s->outcome == OUTCOMES || s->scheduled)
        return OK;
    add(p, COMMAND_NOTARIZE, 0);
    return dump(json_pack("{s:O, s:s, s:s, s:O}", "event_id", json_object_get(s->input, "event_id"), "outcome",
                          workflow_outcome_name(s->outcome), "why", s->why, "workflow_id",
                          json_object_get(s->input, "workflow_id")),
                &p->payload);
}

static const char *state_name(const struct standing *s)
{
    if (s->done)
        return s->done->kind == FACT_ACTIVITY_COMPLETED ? "completed" : "failed";
    return s->outcome == OUTCOMES ? "collecting_approvals" : "notarizing";
}

static enum err describe(const struct standing *s, struct text *out)
{
    return dump(json_pack("{s:I, s:I, s:o, s:O, s:s?, s:I, s:I, s:s}", "approvals", (json_int_t)s->approvals,
                          "approvers", (json_int_t)s->approvers, "deadline_ms",
                          s->deadline_ms < 0 ? json_null() : json_integer(s->deadline_ms), "decisions", s->decided,
                          "outcome", s->outcome == OUTCOMES ? NULL : workflow_outcome_name(s->outcome), "quorum",
                          (json_int_t)s->quorum, "rejections", (json_int_t)s->rejections, "state", state_name(s)),
                out);
}

enum err temporal_plan_make(struct temporal_plan *out, const struct temporal_fact *facts, size_t count, char *why,
                            size_t why_size)
{
    struct standing s = {.outcome = OUTCOMES, .deadline_ms = -1, .decided = json_object()};
    enum err err = s.decided ? OK : ERR_NOMEM;

    memset(out, 0, sizeof *out);
    text_init(&out->payload, RESULT_MAX);
    text_init(&out->status, TEXT_MAX);
    for (size_t i = 0; i < count && err == OK; i++)
        err = fold(&s, &facts[i]);
    if (err == OK && !s.input)
        err = ERR_CORRUPT;
    if (err == OK && (err = plan(&s, out)) == OK)
        err = describe(&s, &out->status);
    if (err != OK)
        snprintf(why, why_size, "this is no history of a notary's workflow: %s", err_text(err));
    json_decref(s.input);
    json_decref(s.decided);
    return err;
}

void temporal_plan_deinit(struct temporal_plan *p)
{
    text_deinit(&p->payload);
    text_deinit(&p->status);
}

/* ---- what is told ---- */

/* Who decides nothing is asked nothing: of other types no approvers, no quorum, and the deadline is the notary's. */
enum err temporal_write_input(const struct workflow *w, struct text *out)
{
    bool approval = w->type == WORKFLOW_APPROVAL;
    json_t *names = json_array();

    for (size_t i = 0; names && approval && i < w->approvers_count; i++)
        json_array_append_new(names, json_string(w->approvers[i].name));
    if (!names)
        return ERR_NOMEM;
    return dump(json_pack("{s:o, s:o, s:s, s:s, s:s, s:I, s:s, s:s}", "approvers", names, "deadline_ms",
                          approval && w->deadline_ms >= 0 ? json_integer(w->deadline_ms) : json_null(), "event_hash",
                          w->event_hash, "event_id", w->event_id, "format", TEMPORAL_FORMAT, "quorum",
                          (json_int_t)(approval ? w->quorum : 0), "workflow_id", w->workflow_id, "workflow_type",
                          workflow_type_name(w->type)),
                out);
}

static json_t *decisions_of(const struct workflow *w)
{
    json_t *all = json_array();

    for (size_t i = 0; all && i < json_array_size(w->decisions); i++) {
        const json_t *d = json_array_get(w->decisions, i);
        json_array_append_new(all, json_pack("{s:O, s:O}", "approver", json_object_get(d, "approver"), "verdict",
                                             json_object_get(d, "verdict")));
    }
    return all;
}

enum err temporal_write_state(const struct workflow *w, struct text *out)
{
    struct workflow_next next;
    json_t *ended = json_null();

    if (workflow_state(w) == WORKFLOW_ENDING) {
        workflow_next(w, 0, &next);
        ended = json_pack("{s:s, s:s}", "outcome", workflow_outcome_name(next.outcome), "why", next.why);
    }
    return dump(json_pack("{s:o, s:o}", "decisions", decisions_of(w), "ended", ended), out);
}

enum err temporal_read_task(struct bytes input, struct conductor_task *out)
{
    json_t *task = json_loadb((const char *)input.data, input.len, 0, NULL);
    const char *event_id = text_of(task, "event_id"), *outcome = text_of(task, "outcome");
    unsigned i = 0;

    while (i < OUTCOMES && strcmp(workflow_outcome_name((enum workflow_outcome)i), outcome) != 0)
        i++;
    out->outcome = (enum workflow_outcome)i;
    snprintf(out->event_id, sizeof out->event_id, "%s", event_id);
    snprintf(out->why, sizeof out->why, "%s", text_of(task, "why"));
    workflow_clean(out->why);
    bool valid = i < OUTCOMES && *event_id && strlen(event_id) < sizeof out->event_id;
    json_decref(task);
    return valid ? OK : ERR_INVALID;
}
