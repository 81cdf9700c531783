/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_calls.c - activities of workflows that may wait: signing, handlers, artifacts.
 *
 * A call has a copy of all it needs; when it comes back, it counts if its workflow is still open, by its serial number,
 * and this replica has led all the while, by the term.  A signer that is instant is called here and now.
 */
#include "services/notary/notary_private.h"

#include "services/notary/documents/evidence.h"
#include "services/runtime/trace.h"
#include <stdio.h>
#include <stdlib.h>

struct activity_call {
    struct notary_call call; /* first */
    enum activity activity;
    char event_id[EVENT_ID_MAX + 1];
    uint64_t serial;
    struct text input;   /* the evidence package, or the event */
    json_t *package;     /* of the signature: the owner's thread only */
    struct signed_by by; /* what came back */
    struct text finding;
    enum handler_verdict verdict;
    int64_t begin_ns, end_ns;
};

void notary_call_dropped(struct job *job)
{
    struct notary_call *call = container_of(job, struct notary_call, job);

    call->drop(call);
}

enum err notary_submit(struct notary *n, enum notary_lane lane, struct job *job)
{
    enum err err = n->options.lanes.submit ? n->options.lanes.submit(n->options.lanes.ctx, lane, job) : ERR_UNSUPPORTED;

    return err == ERR_NOMEM ? ERR_BUSY : err; /* no thread could be started: there may be one later */
}

void notary_call_too_large(struct notary_call *call)
{
    call->err = ERR_TOO_LARGE;
    snprintf(call->why, sizeof call->why, "what it came to is more than the broker takes in one message");
}

static void drop(struct notary_call *call)
{
    struct activity_call *c = container_of(call, struct activity_call, call);

    text_deinit(&c->input);
    text_deinit(&c->finding);
    json_decref(c->package);
    free(c);
}

/* ---- on a lane ---- */

static void run(struct job *job)
{
    struct activity_call *c = container_of(job, struct activity_call, call.job);
    const struct notary_options *o = &c->call.notary->options; /* set at creation, and never changed */
    struct bytes input = bytes_of(c->input.data, c->input.len);

    c->begin_ns = trace_now_ns(o->tracer);
    switch (c->activity) {
    case ACTIVITY_SIGN:
        c->call.err = signer_sign(o->signer, input, &c->by, o->call_timeout_ms, c->call.why, sizeof c->call.why);
        break;
    case ACTIVITY_HANDLERS:
        c->call.err = o->ports.handlers_run(o->ports.handlers, input, &c->finding, &c->verdict, o->call_timeout_ms,
                                            c->call.why, sizeof c->call.why);
        break;
    case ACTIVITY_ARTIFACTS:
        c->call.err = o->ports.artifacts_check(o->ports.artifacts, input, &c->finding, o->artifacts_timeout_ms,
                                               c->call.why, sizeof c->call.why);
        break;
    case ACTIVITIES:
        break;
    }
    c->end_ns = trace_now_ns(o->tracer);
}

/* ---- back on the notary's thread ---- */

static void trace(struct notary *n, const struct activity_call *c, const struct workflow *w)
{
    struct span span = {.name = activity_name(c->activity),
                        .kind = SPAN_CLIENT,
                        .event_id = w->event_id,
                        .trace_id = w->trace_id[0] ? w->trace_id : NULL,
                        .span_id = w->span_id[0] ? w->span_id : NULL,
                        .workflow_id = w->workflow_id,
                        .begin_ns = c->begin_ns,
                        .end_ns = c->end_ns,
                        .error = c->call.err == OK ? NULL : c->call.why};

    if (n->options.tracer)
        trace_span(n->options.tracer, &span);
}

/* Takes over what an activity found; `verdict` decides how the workflow goes on. */
static enum err found(struct notary *n, struct open_workflow *o, struct activity_call *c, const char *verdict)
{
    json_t *finding = c->finding.len ? json_loadb(c->finding.data, c->finding.len, 0, NULL) : NULL;
    json_t *value = json_pack("{s:s, s:o, s:s*}", "verdict", verdict, "found", finding ? finding : json_array(), "why",
                              c->call.why[0] ? c->call.why : NULL);

    return notary_record(n, o,
                         json_pack("{s:s, s:s, s:s, s:o}", "kind", "finding", "event_id", o->workflow->event_id, "name",
                                   activity_name(c->activity), "value", value));
}

static enum err succeeded(struct notary *n, struct open_workflow *o, struct activity_call *c)
{
    static const char *const verdicts[] = {
        [HANDLER_ACCEPT] = "accept", [HANDLER_IGNORE] = "ignore", [HANDLER_REJECT] = "reject"};
    struct digest evidence;

    switch (c->activity) {
    case ACTIVITY_SIGN:
        evidence = digest_of(bytes_of(c->input.data, c->input.len));
        return notary_close_notarized(n, o, c->package, &evidence, &c->by);
    case ACTIVITY_HANDLERS:
        return found(n, o, c, verdicts[c->verdict]);
    default:
        return found(n, o, c, "accept");
    }
}

/* Whether the state changed in a way that is to be told. */
static enum err go_on(struct notary *n, struct open_workflow *o, enum workflow_state before)
{
    enum err err = OK;

    if (workflow_state(o->workflow) != before && workflow_state(o->workflow) != WORKFLOW_ENDING)
        err = notary_note_status(n, o, n->own);
    return err == OK ? notary_changed(n, o, before) : err;
}

/* Not what the event says it is: that is an answer, too. */
static bool found_another(const struct activity_call *c)
{
    return c->call.err == ERR_CORRUPT && c->activity == ACTIVITY_ARTIFACTS;
}

static enum err finish(struct notary *n, struct open_workflow *o, struct activity_call *c)
{
    enum workflow_state before = workflow_state(o->workflow);
    enum err err;

    trace(n, c, o->workflow);
    o->running = false;
    if (c->call.err == OK || found_another(c)) {
        err = c->call.err == OK ? succeeded(n, o, c) : found(n, o, c, "reject");
        if (err != ERR_TOO_LARGE)
            return err != OK || c->activity == ACTIVITY_SIGN ? err : go_on(n, o, before);
        notary_call_too_large(&c->call);
    }
    err = notary_attempt_failed(n, o, c->activity, c->call.err, c->call.why);
    return err == OK ? notary_changed(n, o, before) : err;
}

static void done(struct job *job)
{
    struct activity_call *c = container_of(job, struct activity_call, call.job);
    struct notary *n = c->call.notary;
    struct open_workflow *o;

    workflow_clean(c->call.why);
    if (n->own && c->call.term == n->term && n->call_err == OK) {
        o = map_find(&n->open, bytes_of_text(c->event_id));
        if (o && o->serial == c->serial)
            n->call_err = finish(n, o, c);
    }
    drop(&c->call);
}

/* ---- making one ---- */

static enum err fill(struct activity_call *c, const struct open_workflow *o)
{
    const struct workflow *w = o->workflow;

    snprintf(c->event_id, sizeof c->event_id, "%s", w->event_id);
    c->serial = o->serial;
    text_init(&c->input, EVIDENCE_BYTES_MAX);
    text_init(&c->finding, FINDING_BYTES_MAX);
    if (c->activity == ACTIVITY_SIGN)
        return notary_package(w, &c->package, &c->input);
    text_add_bytes(&c->input, bytes_of(w->event.data, w->event.len));
    return text_failed(&c->input) ? ERR_NOMEM : OK;
}

/* The call is taken. */
static enum err start(struct notary *n, struct open_workflow *o, struct activity_call *c)
{
    static const enum notary_lane lanes[ACTIVITIES] = {LANE_HANDLERS, LANE_ARTIFACTS, LANE_SIGNER};
    enum err err;

    if (c->activity == ACTIVITY_SIGN && n->options.signer->ops->instant) {
        run(&c->call.job);
        err = finish(n, o, c);
        drop(&c->call);
        return err;
    }
    if ((err = notary_submit(n, lanes[c->activity], &c->call.job)) != OK) {
        drop(&c->call);
        return err;
    }
    o->running = true;
    notary_schedule(n, o, workflow_expiry_ms(o->workflow));
    return OK;
}

/* What is asked about cannot be put together: this workflow's own affair, unless memory is short. */
static enum err cannot_fill(struct notary *n, struct open_workflow *o, enum activity activity, enum err why)
{
    enum workflow_state before = workflow_state(o->workflow);
    enum err err;

    if (why == ERR_NOMEM)
        return ERR_BUSY;
    err = notary_attempt_failed(n, o, activity, why, "");
    return err == OK ? notary_changed(n, o, before) : err;
}

enum err notary_call(struct notary *n, struct open_workflow *o, enum activity activity)
{
    struct activity_call *c = calloc(1, sizeof *c);
    enum err err;

    if (!c)
        return ERR_BUSY;
    c->call = (struct notary_call){.job = {.run = run, .done = done}, .notary = n, .term = n->term, .drop = drop};
    c->activity = activity;
    if ((err = fill(c, o)) == OK)
        return start(n, o, c);
    drop(&c->call);
    return cannot_fill(n, o, activity, err);
}
