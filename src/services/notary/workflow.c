/* SPDX-License-Identifier: Apache-2.0
 *
 * workflow.c - a fold with a function for each kind of record, and tables of names.
 */
#include "services/notary/workflow.h"

#include "services/notary/documents/digest.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Of events that say nothing else: the interface's example. */
#define RETRIES_DEFAULT 3
#define INITIAL_S       30.0
#define FACTOR          2.0
#define MAX_S           300.0

/* Whatever an event asks for: after so many attempts, so long between two. */
#define QUICK_ATTEMPTS 10
#define SLOW_MS        30000.0

static const char *const type_names[WORKFLOW_TYPES] = {"simple_sign", "approval_sign", "batch"};
static const char *const outcome_names[OUTCOMES] = {"notarized", "rejected", "expired", "cancelled"};
static const char *const activity_names[ACTIVITIES] = {"handlers", "artifacts", "sign"};
static const char *const priority_names[] = {"low", "normal", "medium", "high", "critical"};

const char *workflow_type_name(enum workflow_type type)
{
    return type_names[type];
}

enum workflow_type workflow_type_of(const char *name)
{
    unsigned type = 0;

    while (type < WORKFLOW_TYPES && (!name || strcmp(type_names[type], name) != 0))
        type++;
    return (enum workflow_type)type;
}

const char *workflow_outcome_name(enum workflow_outcome outcome)
{
    return outcome_names[outcome];
}

const char *activity_name(enum activity activity)
{
    return activity_names[activity];
}

unsigned workflow_priority(const json_t *event)
{
    const char *name = json_string_value(json_object_get(event, "priority"));

    for (unsigned i = 0; name && i < sizeof priority_names / sizeof *priority_names; i++)
        if (strcmp(priority_names[i], name) == 0)
            return i;
    return 1;
}

int64_t workflow_deadline_ms(const json_t *event, int64_t received_ms, int64_t otherwise_ms)
{
    const json_t *timeout = json_object_get(json_object_get(event, "workflow_config"), "timeout");

    if (json_is_number(timeout))
        return received_ms + (int64_t)(json_number_value(timeout) * 1000);
    return otherwise_ms > 0 ? received_ms + otherwise_ms : -1;
}

void workflow_clean(char *text)
{
    struct bytes rest = bytes_of_text(text);

    while (rest.len) {
        size_t len = utf8_sequence(rest);
        if (len == 0)
            text[(size_t)(rest.data - (const uint8_t *)text)] = '?';
        len = len ? len : 1;
        rest = bytes_of(rest.data + len, rest.len - len);
    }
}

/* ---- what `opened` says ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

/* False: it does not fit. */
static bool copy_text(char *to, size_t size, const char *text)
{
    return (size_t)snprintf(to, size, "%s", text) < size;
}

static double number_or(const json_t *object, const char *name, double fallback)
{
    const json_t *value = json_object_get(object, name);

    return json_is_number(value) ? json_number_value(value) : fallback;
}

static void read_retries(struct workflow *w)
{
    const json_t *r = json_object_get(w->config, "retry_config");

    w->retries = (struct workflow_retries){
        .max_retries = (int64_t)number_or(r, "max_retries", RETRIES_DEFAULT),
        .initial_ms = 1000 * number_or(r, "initial_delay", INITIAL_S),
        .factor = number_or(r, "backoff_multiplier", FACTOR),
        .max_ms = 1000 * number_or(r, "max_delay", MAX_S),
    };
}

static bool read_approvers(struct workflow *w)
{
    const json_t *list = json_object_get(w->config, "approvers"), *quorum = json_object_get(w->config, "quorum");

    if (json_array_size(list) > EVENT_APPROVERS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!(w->approvers[w->approvers_count++].name = json_string_value(json_array_get(list, i))))
            return false;
    w->quorum = json_is_integer(quorum) ? (size_t)json_integer_value(quorum) : w->approvers_count;
    return w->type != WORKFLOW_APPROVAL || (w->quorum > 0 && w->quorum <= w->approvers_count);
}

static void read_activities(struct workflow *w, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        for (unsigned a = 0; a < ACTIVITIES; a++)
            if (strcmp(activity_names[a], json_string_value(json_array_get(names, i)) ?: "") == 0)
                w->has[a] = true;
}

static bool read_names(struct workflow *w, const json_t *opened, const json_t *event)
{
    return copy_text(w->event_id, sizeof w->event_id, text_of(opened, "event_id")) &&
           copy_text(w->trace_id, sizeof w->trace_id, text_of(event, "trace_id")) &&
           copy_text(w->span_id, sizeof w->span_id, text_of(event, "span_id")) &&
           copy_text(w->workflow_id, sizeof w->workflow_id, text_of(opened, "workflow_id")) &&
           copy_text(w->event_hash, sizeof w->event_hash, text_of(opened, "event_hash"));
}

static enum err read_opened(struct workflow *w, const json_t *opened)
{
    const json_t *event = json_object_get(opened, "event"), *deadline = json_object_get(opened, "deadline_ms");
    const json_t *notifications;
    char *text;

    w->type = workflow_type_of(text_of(opened, "workflow_type"));
    w->config = json_incref(json_object_get(event, "workflow_config"));
    if (w->type == WORKFLOW_TYPES || !read_names(w, opened, event) || !read_approvers(w))
        return ERR_INVALID;
    read_retries(w);
    read_activities(w, json_object_get(opened, "activities"));
    notifications = json_object_get(w->config, "notifications");
    w->wants_notifications = json_is_true(json_object_get(notifications, "enabled"));
    w->artifacts = json_array_size(json_object_get(event, "artifacts"));
    w->received_ms = json_integer_value(json_object_get(opened, "received_ms"));
    w->deadline_ms = json_is_integer(deadline) ? json_integer_value(deadline) : -1;
    w->priority = (unsigned)json_integer_value(json_object_get(opened, "priority"));
    if (!(text = json_dumps(event, JSON_COMPACT)))
        return ERR_NOMEM;
    w->event = (struct text){.data = text, .len = strlen(text), .capacity = strlen(text) + 1, .limit = SIZE_MAX};
    return OK;
}

enum err workflow_new(struct workflow **out, const json_t *opened)
{
    struct workflow *w;
    enum err err = ERR_NOMEM;

    if (record_kind(opened) != RECORD_OPENED)
        return ERR_INVALID;
    if (!(w = calloc(1, sizeof *w)))
        return ERR_NOMEM;
    if ((w->findings = json_object()) && (w->decisions = json_array()) && (w->retries_seen = json_object()))
        err = read_opened(w, opened);
    if (err != OK) {
        workflow_free(w);
        return err;
    }
    *out = w;
    return OK;
}

void workflow_free(struct workflow *w)
{
    if (!w)
        return;
    json_decref(w->config);
    json_decref(w->findings);
    json_decref(w->decisions);
    json_decref(w->retries_seen);
    free(w->event.data);
    free(w);
}

size_t workflow_bytes(const struct workflow *w)
{
    return sizeof *w + w->event.len + w->noted_bytes;
}

/* ---- the records after it ---- */

static bool same_text(const json_t *object, const char *name, const char *text)
{
    return strcmp(text_of(object, name), text) == 0;
}

struct workflow_approver *workflow_approver(struct workflow *w, const char *name)
{
    for (size_t i = 0; i < w->approvers_count; i++)
        if (strcmp(w->approvers[i].name, name) == 0)
            return &w->approvers[i];
    return NULL;
}

static void set_why(struct workflow *w, const char *begin, const char *text, const char *comment)
{
    snprintf(w->why, sizeof w->why, "%s%s%s%s", begin, text, *comment ? ": " : "", comment);
    workflow_clean(w->why);
}

static enum err apply_finding(struct workflow *w, const json_t *record)
{
    json_t *value = json_object_get(record, "value");

    if (json_object_set(w->findings, text_of(record, "name"), value) != 0)
        return ERR_NOMEM;
    w->noted_bytes += record_size(record);
    if (same_text(value, "verdict", "reject") || same_text(value, "verdict", "ignore"))
        set_why(w, "", text_of(value, "why"), "");
    w->attempts = 0;
    w->not_before_ms = 0;
    return OK;
}

/* An approver decides once; the first decision counts. */
static enum err apply_decision(struct workflow *w, const json_t *record)
{
    struct workflow_approver *approver = workflow_approver(w, text_of(record, "approver"));

    if (!approver || approver->decision)
        return OK;
    if (json_array_append(w->decisions, (json_t *)(uintptr_t)record) != 0)
        return ERR_NOMEM;
    approver->decision = record; /* `decisions` holds a reference */
    w->noted_bytes += record_size(record);
    if (same_text(record, "verdict", "approve")) {
        w->approvals++;
        return OK;
    }
    w->rejections++;
    set_why(w, "rejected by ", approver->name, text_of(record, "comment"));
    return OK;
}

static void apply_attempt(struct workflow *w, const json_t *record)
{
    const json_t *next = json_object_get(record, "next_ms");

    w->attempts = json_integer_value(json_object_get(record, "attempt"));
    w->failed = !json_is_integer(next);
    w->not_before_ms = w->failed ? 0 : json_integer_value(next);
    set_why(w, "", text_of(record, "why"), "");
}

/* Of a JWS, what is before its last dot: a signature may have more than one form. */
static void name_statement(struct bytes statement, char to[DIGEST_HEX_SIZE])
{
    const uint8_t *dot = statement.len ? memrchr(statement.data, '.', statement.len) : NULL;
    struct digest d = digest_of(bytes_of(statement.data, dot ? (size_t)(dot - statement.data) : statement.len));

    digest_hex(&d, to);
}

bool workflow_has_seen_retry(const struct workflow *w, struct bytes statement)
{
    char name[DIGEST_HEX_SIZE];

    name_statement(statement, name);
    return json_object_get(w->retries_seen, name) != NULL;
}

bool workflow_has_seen_enough(const struct workflow *w)
{
    return json_object_size(w->retries_seen) >= WORKFLOW_RETRIES_SEEN_MAX;
}

static enum err note_retry(struct workflow *w, const char *statement)
{
    char name[DIGEST_HEX_SIZE];

    name_statement(bytes_of_text(statement), name);
    return *statement == '\0' || json_object_set_new(w->retries_seen, name, json_true()) == 0 ? OK : ERR_NOMEM;
}

static enum err apply_retry(struct workflow *w, const json_t *record)
{
    if (w->failed) {
        w->failed = false;
        w->attempts = 0;
        w->not_before_ms = 0;
        w->why[0] = '\0';
    }
    return note_retry(w, text_of(record, "statement"));
}

static enum err apply_command(struct workflow *w, const json_t *record)
{
    if (same_text(record, "command", "cancel")) {
        w->cancelled = true;
        set_why(w, "cancelled by ", text_of(record, "by"), text_of(record, "comment"));
        return OK;
    }
    return apply_retry(w, record);
}

void workflow_close(struct workflow *w)
{
    w->closed = true;
}

enum err workflow_apply(struct workflow *w, const json_t *record)
{
    enum workflow_state state = workflow_state(w);
    enum record_kind kind = record_kind(record);

    if (state == WORKFLOW_CLOSED || (state == WORKFLOW_ENDING && kind != RECORD_CLOSED))
        return OK;
    switch (kind) {
    case RECORD_FINDING:
        return apply_finding(w, record);
    case RECORD_DECISION:
        return apply_decision(w, record);
    case RECORD_ATTEMPT:
        apply_attempt(w, record);
        return OK;
    case RECORD_COMMAND:
        return apply_command(w, record);
    case RECORD_CLOSED:
        workflow_close(w);
        return OK;
    case RECORD_OPENED:
    case RECORD_STATUS:
    case RECORD_CHECKPOINT:
    case RECORD_PUBLISHED:
    case RECORD_ANCHORED:
    case RECORD_NOTIFIED:
    case RECORD_KINDS:
        return OK;
    }
    return OK;
}

/* ---- where it stands ---- */

bool workflow_is_approved(const struct workflow *w)
{
    return w->type != WORKFLOW_APPROVAL || w->approvals >= w->quorum;
}

/* Those who have not decided cannot reach the quorum any more. */
static bool is_voted_down(const struct workflow *w)
{
    return w->type == WORKFLOW_APPROVAL && w->approvers_count - w->rejections < w->quorum;
}

/* The verdict of the activities that were done; NULL: none stands in the way. */
static const char *verdict(const struct workflow *w)
{
    for (unsigned a = 0; a < ACTIVITIES; a++) {
        const char *said = text_of(json_object_get(w->findings, activity_names[a]), "verdict");
        if (strcmp(said, "reject") == 0 || strcmp(said, "ignore") == 0)
            return said;
    }
    return NULL;
}

static bool is_pending(const struct workflow *w, enum activity a)
{
    return w->has[a] && !json_object_get(w->findings, activity_names[a]);
}

enum workflow_state workflow_state(const struct workflow *w)
{
    if (w->closed)
        return WORKFLOW_CLOSED;
    if (w->cancelled || verdict(w) || is_voted_down(w))
        return WORKFLOW_ENDING;
    if (w->failed)
        return WORKFLOW_FAILED;
    if (is_pending(w, ACTIVITY_HANDLERS))
        return WORKFLOW_HANDLERS;
    if (is_pending(w, ACTIVITY_ARTIFACTS))
        return WORKFLOW_ARTIFACTS;
    if (!workflow_is_approved(w))
        return WORKFLOW_APPROVALS;
    return w->type == WORKFLOW_BATCH ? WORKFLOW_COLLECTING : WORKFLOW_SIGNING;
}

static enum activity activity_of(const struct workflow *w)
{
    if (is_pending(w, ACTIVITY_HANDLERS))
        return ACTIVITY_HANDLERS;
    if (is_pending(w, ACTIVITY_ARTIFACTS))
        return ACTIVITY_ARTIFACTS;
    return ACTIVITY_SIGN;
}

/* ---- what is next ---- */

int64_t workflow_retry_ms(const struct workflow *w, int64_t attempt, int64_t now_ms)
{
    double delay = w->retries.initial_ms * pow(w->retries.factor, (double)(attempt - 1));

    assert(attempt >= 1);
    if (attempt > w->retries.max_retries)
        return -1;
    delay = fmin(delay, w->retries.max_ms);
    return now_ms + (int64_t)(attempt > QUICK_ATTEMPTS ? fmax(delay, SLOW_MS) : delay);
}

static void close_next(struct workflow_next *out, enum workflow_outcome outcome, const char *why)
{
    out->action = ACTION_CLOSE;
    out->outcome = outcome;
    out->why = why;
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

/* A retry waits for its time; one that is further away than any delay was recorded before the clock was set back. */
static bool must_wait(const struct workflow *w, int64_t now_ms)
{
    double left = (double)(w->not_before_ms - now_ms);

    return left > 0 && left <= fmax(fmax(w->retries.max_ms, w->retries.initial_ms), SLOW_MS);
}

/* Approved in time is in time, however long signing takes. */
int64_t workflow_expiry_ms(const struct workflow *w)
{
    return w->type == WORKFLOW_APPROVAL && workflow_is_approved(w) ? -1 : w->deadline_ms;
}

static bool is_expired(const struct workflow *w, int64_t now_ms)
{
    int64_t expiry_ms = workflow_expiry_ms(w);

    return expiry_ms >= 0 && now_ms >= expiry_ms;
}

static void run_next(const struct workflow *w, int64_t now_ms, struct workflow_next *out)
{
    if (must_wait(w, now_ms)) {
        out->at_ms = earlier(w->not_before_ms, workflow_expiry_ms(w));
        return;
    }
    out->action = ACTION_RUN;
    out->activity = activity_of(w);
    out->attempt = w->attempts + 1;
}

void workflow_next(const struct workflow *w, int64_t now_ms, struct workflow_next *out)
{
    enum workflow_state state = workflow_state(w);

    memset(out, 0, sizeof *out);
    out->action = ACTION_WAIT;
    out->at_ms = -1;
    if (state == WORKFLOW_CLOSED)
        return;
    if (state == WORKFLOW_ENDING)
        close_next(out, w->cancelled || strcmp(verdict(w) ?: "", "ignore") == 0 ? OUTCOME_CANCELLED : OUTCOME_REJECTED,
                   w->why);
    else if (is_expired(w, now_ms))
        close_next(out, OUTCOME_EXPIRED, "the timeout passed");
    else if (state == WORKFLOW_FAILED || state == WORKFLOW_APPROVALS)
        out->at_ms = workflow_expiry_ms(w);
    else
        run_next(w, now_ms, out);
}

/* ---- what is said about it ---- */

static const struct {
    const char *status, *step;
    int done;
} states[WORKFLOW_STATES] = {
    [WORKFLOW_HANDLERS] = {"in_progress", "handlers", 1},
    [WORKFLOW_ARTIFACTS] = {"in_progress", "checking_artifacts", 1},
    [WORKFLOW_APPROVALS] = {"pending_approval", "collecting_approvals", 2},
    [WORKFLOW_COLLECTING] = {"in_progress", "collecting_batch", 2},
    [WORKFLOW_SIGNING] = {"in_progress", "signing", 3},
    [WORKFLOW_ENDING] = {"in_progress", "logging", 3},
    [WORKFLOW_FAILED] = {"failed", NULL, 1},
    [WORKFLOW_CLOSED] = {"completed", "logged", WORKFLOW_STEPS},
};

static const char *const failed_steps[ACTIVITIES] = {"handlers", "checking_artifacts", "signing"};

static void describe(const struct workflow *w, enum workflow_state state, char *to, size_t size)
{
    size_t missing = w->quorum - (w->approvals < w->quorum ? w->approvals : w->quorum);

    if (state == WORKFLOW_FAILED)
        snprintf(to, size, "The activity \"%s\" failed after %" PRId64 " attempts: %s; retry or cancel it",
                 activity_names[activity_of(w)], w->attempts, w->why);
    else if (w->attempts > 0)
        snprintf(to, size, "Attempt %" PRId64 " of \"%s\" failed: %s; it is tried again", w->attempts,
                 activity_names[activity_of(w)], w->why);
    else if (state == WORKFLOW_APPROVALS && w->approvals + w->rejections == 0)
        snprintf(to, size, "Waiting for approvals from %zu approver%s", w->quorum, w->quorum == 1 ? "" : "s");
    else if (state == WORKFLOW_APPROVALS)
        snprintf(to, size, "Waiting for %zu of %zu approvals", missing, w->quorum);
    else
        snprintf(to, size, "%s",
                 state == WORKFLOW_HANDLERS     ? "The event's handlers are asked"
                 : state == WORKFLOW_ARTIFACTS  ? "The artifacts are fetched and compared"
                 : state == WORKFLOW_COLLECTING ? "Waiting for the batch that it is signed with"
                 : state == WORKFLOW_ENDING     ? w->why
                                                : "The evidence package is being signed");
}

void workflow_status(const struct workflow *w, int64_t now_ms, struct workflow_status *out)
{
    enum workflow_state state = workflow_state(w);

    memset(out, 0, sizeof *out);
    out->status = states[state].status;
    out->step = state == WORKFLOW_FAILED ? failed_steps[activity_of(w)] : states[state].step;
    out->steps_done = states[state].done;
    if (state == WORKFLOW_APPROVALS)
        out->eta_seconds = w->deadline_ms > now_ms ? (w->deadline_ms - now_ms + 999) / 1000 : 0;
    else if (w->not_before_ms > now_ms)
        out->eta_seconds = (w->not_before_ms - now_ms + 999) / 1000;
    else
        out->eta_seconds = state == WORKFLOW_CLOSED || state == WORKFLOW_FAILED ? 0 : 1;
    describe(w, state, out->message, sizeof out->message);
    workflow_clean(out->message);
}
