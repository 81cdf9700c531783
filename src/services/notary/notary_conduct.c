/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_conduct.c - open workflows that a conductor (conductor.h) runs, too.
 *
 * It is told how each begins and each time that its state changes.  Signing and ending wait for its task.  What a task
 * says is a hint: what is brought about is what the journal's records say.  The exceptions are what the conductor is
 * for, that the deadline has passed, and a cancellation by who may do so there, which becomes a record.
 *
 * Nothing of this is in the journal.  Who takes over tells of all open workflows once more, and a task that was given
 * to the leader before comes again when its time is up; if its workflow has been closed, the answer is the book's
 * result.
 */
#include "services/notary/notary_private.h"

#include "services/notary/temporal/temporal_workflow.h"
#include <stdio.h>
#include <stdlib.h>

#define AGAIN_MIN_MS  1000
#define AGAIN_MAX_MS  60000
#define CHECK_MS      60000 /* no word for this long: it may have lost the workflow */
#define TELL_TEXT_MAX (1u << 20)
#define TOKEN_MAX     (64u << 10)

enum poll { POLL_WORK, POLL_TASK, POLLS };

static int64_t again_after_ms(unsigned failures)
{
    int64_t ms = AGAIN_MIN_MS << (failures < 7 ? failures : 7);

    return ms < AGAIN_MAX_MS ? ms : AGAIN_MAX_MS;
}

/* Never 0; grows with the records. */
static unsigned version_of(const struct open_workflow *o)
{
    return 1 + 2 * (unsigned)json_array_size(o->workflow->decisions) + (workflow_state(o->workflow) == WORKFLOW_ENDING);
}

static struct open_workflow *find(struct notary *n, const char *event_id)
{
    return map_find(&n->open, bytes_of_text(event_id));
}

/* ---- telling ---- */

struct tell_call {
    struct notary_call call; /* first */
    struct conductor_telling telling;
    char event_id[EVENT_ID_MAX + 1];
    uint64_t serial;
};

static void tell_drop(struct notary_call *call)
{
    struct tell_call *c = container_of(call, struct tell_call, call);

    text_deinit(&c->telling.input);
    text_deinit(&c->telling.state);
    free(c);
}

static void tell_run(struct job *job)
{
    struct tell_call *c = container_of(job, struct tell_call, call.job);
    struct conductor *conductor = c->call.notary->options.conductor;

    c->call.err = conductor->ops->tell(conductor, &c->telling, c->call.why, sizeof c->call.why);
}

/* Once for each time that it does not answer; and once when it does again. */
static enum err note_silence(struct notary *n, struct open_workflow *o, const char *why)
{
    struct workflow_status s;
    char message[700];
    enum err err;

    workflow_status(o->workflow, notary_now_ms(n), &s);
    snprintf(message, sizeof message, "Waits for the workflow engine, which is asked again: %s", why);
    workflow_clean(message);
    err = notary_record(n, o,
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I}", "kind", "status", "event_id",
                                  o->workflow->event_id, "status", s.status, "message", message, "step", s.step,
                                  "steps_done", s.steps_done, "steps_total", WORKFLOW_STEPS, "at_ms",
                                  (json_int_t)notary_now_ms(n)));
    return err == OK ? notary_say_status(n, o, n->own, message) : err;
}

static enum err told(struct notary *n, struct open_workflow *o, const struct tell_call *c)
{
    bool was_silent = o->conducted.failures > 0;
    enum err err = OK;

    o->conducted.telling = false;
    if (c->call.err == OK) {
        o->conducted.told = c->telling.version;
        o->conducted.failures = 0;
        if (was_silent)
            err = notary_note_status(n, o, n->own);
    } else {
        o->conducted.again_ms = notary_now_ms(n) + again_after_ms(o->conducted.failures++);
        if (!was_silent)
            err = note_silence(n, o, c->call.why);
    }
    return err == OK ? notary_advance(n, o) : err;
}

static void tell_done(struct job *job)
{
    struct tell_call *c = container_of(job, struct tell_call, call.job);
    struct notary *n = c->call.notary;
    struct open_workflow *o;

    if (n->own && c->call.term == n->term && n->call_err == OK) {
        o = find(n, c->event_id);
        if (o && o->serial == c->serial)
            n->call_err = told(n, o, c);
    }
    tell_drop(&c->call);
}

static enum err tell_fill(struct tell_call *c, const struct open_workflow *o)
{
    const struct workflow *w = o->workflow;
    enum err err;

    snprintf(c->event_id, sizeof c->event_id, "%s", w->event_id);
    snprintf(c->telling.workflow_id, sizeof c->telling.workflow_id, "%s", w->workflow_id);
    c->serial = o->serial;
    c->telling.version = version_of(o);
    text_init(&c->telling.input, TELL_TEXT_MAX);
    text_init(&c->telling.state, TELL_TEXT_MAX);
    if ((err = temporal_write_input(w, &c->telling.input)) != OK || c->telling.version == 1)
        return err;
    return temporal_write_state(w, &c->telling.state);
}

static enum err tell(struct notary *n, struct open_workflow *o)
{
    struct tell_call *c = calloc(1, sizeof *c);
    enum err err;

    if (!c)
        return ERR_NOMEM;
    c->call = (struct notary_call){
        .job = {.run = tell_run, .done = tell_done}, .notary = n, .term = n->term, .drop = tell_drop};
    if ((err = tell_fill(c, o)) == OK && (err = notary_submit(n, LANE_CONDUCTOR, &c->call.job)) == OK) {
        o->conducted.telling = true;
        return OK;
    }
    tell_drop(&c->call);
    if (err != ERR_BUSY)
        return err;
    o->conducted.again_ms = notary_now_ms(n) + BUSY_MS;
    return OK;
}

enum err notary_conduct(struct notary *n, struct open_workflow *o)
{
    struct conducted *c = &o->conducted;
    int64_t now = notary_now_ms(n);

    if (!n->options.conductor)
        return OK;
    if (c->check_ms && now >= c->check_ms) {
        c->check_ms = now + CHECK_MS;
        c->told = 0;
    }
    if (c->telling || c->told == version_of(o) || now < c->again_ms)
        return OK;
    return tell(n, o);
}

/* ---- waiting for its word ---- */

bool notary_conducted(const struct notary *n, const struct open_workflow *o, const struct workflow_next *next)
{
    if (!n->options.conductor || o->conducted.released)
        return false;
    return next->action == ACTION_CLOSE || (next->action == ACTION_RUN && next->activity == ACTIVITY_SIGN);
}

void notary_conduct_wait(struct notary *n, struct open_workflow *o)
{
    if (!o->conducted.check_ms)
        o->conducted.check_ms = notary_now_ms(n) + CHECK_MS;
    notary_schedule(n, o, o->conducted.check_ms);
}

void notary_conduct_schedule(struct notary *n, struct open_workflow *o)
{
    const struct conducted *c = &o->conducted;

    if (!n->options.conductor || c->telling || c->told == version_of(o))
        return;
    if (o->heap_at == NOT_IN_HEAP || o->due_ms > c->again_ms)
        notary_schedule(n, o, c->again_ms);
}

/* Whose deadline the conductor keeps, it has passed when the conductor says so. */
int64_t notary_conduct_now_ms(const struct notary *n, const struct open_workflow *o)
{
    int64_t now = notary_now_ms(n);

    return o->conducted.expired && now < o->workflow->deadline_ms ? o->workflow->deadline_ms : now;
}

/* ---- answering ---- */

struct answer_call {
    struct notary_call call; /* first */
    struct conductor_answer answer;
};

static void answer_drop(struct notary_call *call)
{
    struct answer_call *c = container_of(call, struct answer_call, call);

    text_deinit(&c->answer.token);
    text_deinit(&c->answer.result);
    free(c);
}

static void answer_run(struct job *job)
{
    struct answer_call *c = container_of(job, struct answer_call, call.job);
    struct conductor *conductor = c->call.notary->options.conductor;

    c->call.err = conductor->ops->answer(conductor, &c->answer, c->call.why, sizeof c->call.why);
}

/* An answer that did not arrive is asked for again, by the same task. */
static void answer_done(struct job *job)
{
    struct answer_call *c = container_of(job, struct answer_call, call.job);

    if (c->call.err != OK && c->call.err != ERR_NOT_FOUND)
        log_warn(c->call.notary->options.log, "conductor", "%s; the task will come again", c->call.why);
    answer_drop(&c->call);
}

/* Takes the token and, where there is one, the result. */
static enum err answer(struct notary *n, struct text *token, struct text *result, bool hopeless, const char *why)
{
    struct answer_call *c = calloc(1, sizeof *c);
    enum err err;

    if (!c)
        return ERR_NOMEM;
    c->call = (struct notary_call){
        .job = {.run = answer_run, .done = answer_done}, .notary = n, .term = n->term, .drop = answer_drop};
    c->answer.token = *token;
    text_init(token, TOKEN_MAX);
    if (result)
        c->answer.result = *result;
    c->answer.hopeless = hopeless;
    snprintf(c->answer.why, sizeof c->answer.why, "%s", why);
    if ((err = notary_submit(n, LANE_CONDUCTOR, &c->call.job)) != OK)
        answer_drop(&c->call);
    return err == ERR_BUSY ? OK : err;
}

static enum err answer_result(struct notary *n, struct text *token, const struct registry_result *known)
{
    struct text result;
    enum err err = notary_write_result(n, known, &result);

    if (err == OK)
        return answer(n, token, &result, false, "");
    text_deinit(&result);
    return err;
}

enum err notary_conduct_closed(struct notary *n, struct open_workflow *o, const struct registry_result *known)
{
    return o->conducted.token.len > 0 ? answer_result(n, &o->conducted.token, known) : OK;
}

/* ---- tasks ---- */

/* Somebody who may, by the conductor's own rules, cancelled it there. */
static enum err cancel(struct notary *n, struct open_workflow *o, const char *why)
{
    enum err err;

    if (workflow_state(o->workflow) == WORKFLOW_ENDING)
        return OK;
    err = notary_record(n, o,
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:n}", "kind", "command", "event_id",
                                  o->workflow->event_id, "by", n->options.conductor->ops->name, "command", "cancel",
                                  "comment", why, "at_ms", (json_int_t)notary_now_ms(n), "method", "conductor",
                                  "statement"));
    return err == OK ? notary_note_status(n, o, n->own) : err;
}

/* The records do not say that it ends, whatever the conductor was told. */
static enum err not_yet(struct notary *n, struct open_workflow *o)
{
    o->conducted.released = o->conducted.expired = false;
    return answer(n, &o->conducted.token, NULL, false, "the journal does not say that this workflow ends");
}

static void keep_token(struct open_workflow *o, struct text *token)
{
    text_deinit(&o->conducted.token);
    o->conducted.token = *token;
    text_init(token, TOKEN_MAX);
}

static enum err release(struct notary *n, struct open_workflow *o, struct conductor_task *task)
{
    enum err err = OK;

    keep_token(o, &task->token);
    o->conducted.released = true;
    o->conducted.expired = task->outcome == OUTCOME_EXPIRED;
    o->conducted.check_ms = 0;
    if (task->outcome == OUTCOME_CANCELLED)
        err = cancel(n, o, task->why);
    if (err == OK)
        err = notary_advance(n, o);
    if (err == OK && workflow_state(o->workflow) == WORKFLOW_APPROVALS)
        err = not_yet(n, o);
    return err;
}

static enum err release_closed(struct notary *n, struct conductor_task *task)
{
    struct open_workflow *closing = map_find(&n->round, bytes_of_text(task->event_id));
    struct registry_result known;
    enum err err;

    if (closing) {
        keep_token(closing, &task->token);
        return OK;
    }
    err = n->options.book->ops->find(n->options.book, task->event_id, &known);
    if (err == ERR_NOT_FOUND)
        return answer(n, &task->token, NULL, true, "the journal has no such workflow");
    if (err != OK)
        return err;
    err = answer_result(n, &task->token, &known);
    book_result_deinit(&known);
    return err;
}

/* ---- asking for work ---- */

struct poll_call {
    struct notary_call call; /* first */
    enum poll poll;
    struct conductor_task task;
};

static void poll_drop(struct notary_call *call)
{
    struct poll_call *c = container_of(call, struct poll_call, call);

    text_deinit(&c->task.token);
    free(c);
}

static void poll_run(struct job *job)
{
    struct poll_call *c = container_of(job, struct poll_call, call.job);
    struct conductor *conductor = c->call.notary->options.conductor;

    c->call.err = c->poll == POLL_WORK ? conductor->ops->work(conductor, c->call.why, sizeof c->call.why)
                                       : conductor->ops->take(conductor, &c->task, c->call.why, sizeof c->call.why);
}

static enum err polled(struct notary *n, struct poll_call *c)
{
    struct open_workflow *o;
    unsigned *failures = &n->polls[c->poll].failures;

    n->polls[c->poll].running = false;
    if (c->call.err != OK) {
        if ((*failures)++ == 0)
            log_warn(n->options.log, "conductor", "%s; it is asked again", c->call.why);
        n->polls[c->poll].again_ms = notary_now_ms(n) + again_after_ms(*failures - 1);
        return OK;
    }
    if (*failures > 0)
        log_info(n->options.log, "conductor", "%s answers again", n->options.conductor->ops->name);
    *failures = 0;
    if (c->task.token.len == 0)
        return OK;
    o = find(n, c->task.event_id);
    return o ? release(n, o, &c->task) : release_closed(n, &c->task);
}

static void poll_done(struct job *job)
{
    struct poll_call *c = container_of(job, struct poll_call, call.job);
    struct notary *n = c->call.notary;

    workflow_clean(c->call.why);
    if (n->own && c->call.term == n->term && n->call_err == OK)
        n->call_err = polled(n, c);
    poll_drop(&c->call);
}

static enum err poll_start(struct notary *n, enum poll poll)
{
    struct poll_call *c = calloc(1, sizeof *c);
    enum err err;

    if (!c)
        return ERR_NOMEM;
    c->call = (struct notary_call){
        .job = {.run = poll_run, .done = poll_done}, .notary = n, .term = n->term, .drop = poll_drop};
    c->poll = poll;
    text_init(&c->task.token, TOKEN_MAX);
    if ((err = notary_submit(n, LANE_TASKS, &c->call.job)) == OK) {
        n->polls[poll].running = true;
        return OK;
    }
    poll_drop(&c->call);
    n->polls[poll].again_ms = notary_now_ms(n) + BUSY_MS;
    return err == ERR_BUSY ? OK : err;
}

/* A workflow that is closed here may not be there yet: so always, while this replica leads. */
enum err notary_conduct_poll(struct notary *n)
{
    enum err err = OK;

    for (unsigned i = 0; n->options.conductor && i < POLLS && err == OK; i++)
        if (!n->polls[i].running && notary_now_ms(n) >= n->polls[i].again_ms)
            err = poll_start(n, (enum poll)i);
    return err;
}

int64_t notary_conduct_due_ms(const struct notary *n)
{
    int64_t due_ms = -1;

    for (unsigned i = 0; n->options.conductor && i < POLLS; i++)
        if (!n->polls[i].running && (due_ms < 0 || n->polls[i].again_ms < due_ms))
            due_ms = n->polls[i].again_ms;
    return due_ms;
}
