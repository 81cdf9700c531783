/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_decide.c - POST /v1/workflows/{event_id}/approve and its like: from who asks to a signed statement on its topic.
 *
 *     who asks, or who signed the statement -> known workflow, open? -> may he, and does it change anything?
 *     -> a statement of ours, if none was given -> topic -> 202; with ?wait= until the registry has it -> 200
 *
 * What is checked here is checked again by who leads: here for an answer that says why, there for the truth.
 */
#include "services/notary/rest/notary_rest_private.h"
#include "services/notary/verbs/port_client.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_TEXT_MAX 4096
#define LOOK_MS       50 /* between looks at the registry, while somebody waits */

/* One decision on its way.  Texts lie in the call's arena, in `workflow` or in `given`. */
struct deciding {
    struct notary_rest *rest;
    struct rest_call *call;
    struct approvers *approvers; /* that count now; NULL: there is no such file */
    enum decision_kind kind;
    int64_t wait_s;
    const char *event_id;
    json_t *workflow;      /* as the registry shows it */
    const char *approver;  /* in whose name */
    const char *comment;   /* NULL: none */
    struct decision given; /* of a statement that came ready */
    struct text statement;
};

/* ---- what is asked ---- */

/* {"comment": TEXT}, {"statement": JWS}, a JWS by itself, or nothing.  False: answered. */
static bool read_body(struct deciding *d)
{
    const struct bytes body = d->call->call->request.body;
    json_t *json = NULL;
    const char *statement = NULL, *comment = NULL;
    bool fits = true;

    if (body.len == 0)
        return true;
    if (body.data[0] != '{') {
        text_add_bytes(&d->statement, body);
    } else if ((json = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL))) {
        fits = json_unpack(json, "{s?s,s?s!}", "comment", &comment, "statement", &statement) == 0 &&
               !(comment && statement);
        text_add(&d->statement, fits && statement ? statement : "");
        d->comment = fits && comment ? arena_text(&d->call->call->arena, comment) : NULL;
    } else {
        fits = false;
    }
    json_decref(json);
    if (!fits || text_failed(&d->statement))
        call_reason(d->call->call, 400, "the body is {\"comment\": TEXT}, {\"statement\": JWS}, or a JWS by itself");
    else if (d->comment && !decision_comment_fits(d->comment))
        call_reason(d->call->call, 400,
                    "a comment has at most %d bytes, and no control characters but line ends and tabs",
                    DECISION_COMMENT_MAX);
    else
        return true;
    return false;
}

static const char *text_of(const struct deciding *d, const char *member)
{
    const char *text = json_string_value(json_object_get(d->workflow, member));

    return text ? text : "";
}

/* False: answered. */
static bool find_workflow(struct deciding *d)
{
    enum err err = notary_rest_workflow(d->rest, d->event_id, &d->workflow);

    if (err != OK) {
        notary_rest_fail(d->call, err);
        return false;
    }
    if (json_is_true(json_object_get(d->workflow, "open")))
        return true;
    text_add(&d->call->call->answer.body, "{\"reason\":\"the workflow is closed\",\"outcome\":");
    text_add_json(&d->call->call->answer.body, bytes_of_text(text_of(d, "status")));
    text_add(&d->call->call->answer.body, "}");
    call_json_status(d->call->call, 409);
    return false;
}

/* ---- a statement ---- */

/* One that came ready: signed.  False: answered. */
static bool take_statement(struct deciding *d)
{
    char why[300];
    enum err err = decision_read(&d->given, bytes_of(d->statement.data, d->statement.len), d->approvers,
                                 signer_key(d->rest->log_key), why, sizeof why);

    if (err == ERR_DENIED)
        call_reason(d->call->call, 403, "%s", why);
    else if (err != OK)
        call_reason(d->call->call, err == ERR_INVALID ? 400 : 503, "%s", why);
    else
        d->approver = d->given.approver;
    return d->approver != NULL;
}

/* It is of this workflow and of this decision.  False: answered. */
static bool statement_fits(struct deciding *d)
{
    if (d->statement.len == 0)
        return true;
    if (strcmp(d->given.event_id, d->event_id) != 0 || d->given.kind != d->kind)
        call_reason(d->call->call, 400, "the statement says %s of %s", decision_kind_name(d->given.kind),
                    d->given.event_id);
    else if (strcmp(d->given.event_hash, text_of(d, "event_hash")) != 0)
        call_reason(d->call->call, 409, "the statement is about other content of this event: %s, and here it is %s",
                    d->given.event_hash, text_of(d, "event_hash"));
    else
        return true;
    return false;
}

/* How who asks was known: "token", "mtls". */
static const char *method_shown(const struct deciding *d)
{
    return strcmp(d->call->method, "tls") == 0 ? "mtls" : d->call->method;
}

static bool sign_statement(struct deciding *d, int64_t now_ms)
{
    uint8_t random[16];
    char jti[2 * sizeof random + 1];
    struct decision_facts facts = {.event_id = d->event_id,
                                   .event_hash = text_of(d, "event_hash"),
                                   .approver = d->approver,
                                   .method = method_shown(d),
                                   .comment = d->comment,
                                   .subject = d->call->who,
                                   .jti = jti,
                                   .kind = d->kind,
                                   .at_ms = now_ms};

    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(jti + 2 * i, 3, "%02x", random[i]);
    return decision_make(&facts, d->rest->log_key, &d->statement) == OK;
}

/* A token that was lost decides no longer than its time.  False: answered. */
static bool token_ends_soon(const struct deciding *d)
{
    const int64_t max_s = d->rest->settings->approvals.token_lifetime_max_ms / 1000;
    const int64_t now_s = loop_wall_ms(notary_clocks(d->rest->service)) / 1000;

    if (max_s == 0 || strcmp(d->call->method, "token") != 0)
        return true;
    if (d->call->expires_s == 0)
        call_reason(d->call->call, 403, "a token that decides must expire (claim exp), within %" PRId64 " s from now",
                    max_s);
    else if (d->call->expires_s - now_s > max_s)
        call_reason(d->call->call, 403,
                    "the token is good for %" PRId64 " s from now: one that decides for %" PRId64
                    " at most (notary.approvals.token_lifetime_max)",
                    d->call->expires_s - now_s, max_s);
    else
        return true;
    return false;
}

/* Who signs his decisions himself is not spoken for by whoever has a token in his name.  False: answered. */
static bool method_may(const struct deciding *d)
{
    const enum approver_method method = strcmp(d->call->method, "tls") == 0 ? APPROVER_TLS : APPROVER_TOKEN;

    if (approvers_allow(d->approvers, d->approver, method))
        return true;
    call_reason(d->call->call, 403, DECISION_METHOD_REFUSED, d->approver, method_shown(d));
    return false;
}

/* False: answered. */
static bool have_statement(struct deciding *d)
{
    if (d->statement.len > 0)
        return take_statement(d);
    if (!d->call->who) {
        call_reason(d->call->call, 401,
                    rest_authenticates(d->call->rest)
                        ? "show a token or a certificate, or send a statement that you signed (--approver-key)"
                        : "nobody can be known here: send a statement that you signed (--approver-key), or give the "
                          "notary keys of tokens (notary.http.token_public_key) or certificates");
        return false;
    }
    d->approver = d->call->who;
    return token_ends_soon(d) && method_may(d);
}

/* ---- who may ---- */

static bool is_approver(const struct deciding *d)
{
    json_t *approvers = json_object_get(d->workflow, "approvers"), *name;
    size_t i;

    json_array_foreach(approvers, i, name) if (json_string_value(name) &&
                                               strcmp(json_string_value(name), d->approver) == 0) return true;
    return false;
}

/* Operators cancel and retry; they do not approve for others.  False: answered. */
static bool may(const struct deciding *d)
{
    const bool repairs = d->kind == DECISION_CANCEL || d->kind == DECISION_RETRY;

    if (is_approver(d) || (repairs && d->approvers && approvers_is_operator(d->approvers, d->approver)))
        return true;
    call_reason(d->call->call, 403,
                repairs ? "%s is neither an approver of this event nor an operator"
                        : "%s is not among the approvers of this event",
                d->approver);
    return false;
}

/* ---- what is answered ---- */

/* {"event_id", "decision", "approver", "state", "look_at"}, and the workflow's status where it is known. */
static void answer_briefly(struct deciding *d, int status, const char *state, const char *now)
{
    struct text *body = &d->call->call->answer.body;
    struct text path;

    text_init(&path, PATH_TEXT_MAX);
    port_workflow_path(d->event_id, &path);
    text_add(body, "{\"event_id\":");
    text_add_json(body, bytes_of_text(d->event_id));
    text_printf(body, ",\"decision\":\"%s\",\"approver\":", decision_kind_name(d->kind));
    text_add_json(body, bytes_of_text(d->approver));
    text_printf(body, ",\"state\":\"%s\",\"look_at\":", state);
    text_add_json(body, bytes_of(path.data, path.len));
    if (now) {
        text_add(body, ",\"status\":");
        text_add_json(body, bytes_of_text(now));
    }
    text_add(body, "}");
    text_deinit(&path);
    call_json_status(d->call->call, status);
}

/* The decision is there.  A statement lies on a topic and, later, in a receipt, for many to copy: who shows nothing
 * else is told what became of it, and nothing that only who is known may read. */
static void answer_shown(struct deciding *d)
{
    json_t *workflow = NULL;

    if (d->call->who || !rest_authenticates(d->call->rest)) {
        rest_workflow_show(d->rest, d->call);
    } else if (notary_rest_workflow(d->rest, d->event_id, &workflow) == OK) {
        answer_briefly(d, 200, "counted", json_string_value(json_object_get(workflow, "status")));
        json_decref(workflow);
    } else {
        answer_briefly(d, 200, "counted", NULL);
    }
}

/* ---- whether it would change anything ---- */

/* The record of the approver's decision; NULL: there is none yet. */
static const json_t *earlier(const struct deciding *d)
{
    json_t *steps = json_object_get(d->workflow, "steps"), *step;
    const char *kind, *approver;
    size_t i;

    json_array_foreach(steps, i, step)
    {
        kind = json_string_value(json_object_get(step, "kind"));
        approver = json_string_value(json_object_get(step, "approver"));
        if (kind && approver && strcmp(kind, "decision") == 0 && strcmp(approver, d->approver) == 0)
            return step;
    }
    return NULL;
}

/* False: answered.  Somebody's first decision counts; the same once more is answered as the first was. */
static bool changes_verdict(struct deciding *d)
{
    const json_t *first = earlier(d);
    const char *verdict = json_string_value(json_object_get(first, "verdict"));

    if (strcmp(text_of(d, "workflow_type"), "approval_sign") != 0)
        call_reason(d->call->call, 409, "this workflow needs no approval: it is %s", text_of(d, "workflow_type"));
    else if (!first)
        return true;
    else if (verdict && strcmp(verdict, decision_kind_name(d->kind)) == 0)
        answer_shown(d);
    else
        call_reason(d->call->call, 409, "%s has decided before (%s): the first decision counts", d->approver,
                    verdict ? verdict : "");
    return false;
}

/* False: answered. */
static bool changes_something(struct deciding *d)
{
    if (d->kind == DECISION_APPROVE || d->kind == DECISION_REJECT)
        return changes_verdict(d);
    if (d->kind == DECISION_CANCEL || strcmp(text_of(d, "status"), "failed") == 0)
        return true;
    call_reason(d->call->call, 409, "there is nothing to retry: the workflow is %s", text_of(d, "status"));
    return false;
}

/* ---- what becomes of it ---- */

/* The registry has it: a record with this statement, or the workflow is closed. */
static bool has_effect(const struct deciding *d, const json_t *workflow)
{
    json_t *steps = json_object_get(workflow, "steps"), *step;
    const char *statement;
    size_t i;

    json_array_foreach(steps, i, step)
    {
        statement = json_string_value(json_object_get(step, "statement"));
        if (statement && strcmp(statement, d->statement.data) == 0)
            return true;
    }
    return !json_is_true(json_object_get(workflow, "open"));
}

static bool looks_done(struct deciding *d)
{
    json_t *workflow;
    bool done;

    if (notary_rest_workflow(d->rest, d->event_id, &workflow) != OK)
        return false;
    done = has_effect(d, workflow);
    json_decref(workflow);
    return done;
}

/* True: the registry shows it within the time that the caller gives. */
static bool wait_for_effect(struct deciding *d)
{
    bool done = d->wait_s > 0 && looks_done(d);

    for (int64_t left_ms = d->wait_s * 1000; !done && left_ms > 0; left_ms -= LOOK_MS) {
        if (uv_event_wait(d->rest->stopping, LOOK_MS))
            return false;
        done = looks_done(d);
    }
    return done;
}

static void write_and_answer(struct deciding *d)
{
    char why[600];
    enum err err =
        approvals_write(d->rest->writer, d->event_id, bytes_of(d->statement.data, d->statement.len), why, sizeof why);

    if (err != OK) {
        call_reason(d->call->call, 503, "%s", why);
        return;
    }
    log_info(d->rest->log, "http", "%s: %s by %s, written", d->event_id, decision_kind_name(d->kind), d->approver);
    if (wait_for_effect(d))
        answer_shown(d);
    else
        answer_briefly(d, 202, "written", NULL);
}

/* ---- all of it ---- */

static void decide(struct deciding *d)
{
    int64_t now_ms;

    if (!notary_http_decides(&d->rest->settings->http)) {
        call_reason(d->call->call, 403,
                    "decisions are not taken on this address without keys of tokens or certificates: set "
                    "notary.http.token_public_key or notary.http.tls_client_ca_path");
        return;
    }
    if (!rest_query_number(d->call, "wait", 0, REST_WAIT_MAX_S, 0, &d->wait_s) || !read_body(d) || !have_statement(d) ||
        !find_workflow(d) || !statement_fits(d) || !may(d) || !changes_something(d))
        return;
    now_ms = loop_wall_ms(notary_clocks(d->rest->service));
    if (d->statement.len > 0 || sign_statement(d, now_ms))
        write_and_answer(d);
    else
        call_reason(d->call->call, 503, "the statement could not be signed");
}

static void decide_on(struct notary_rest *r, struct rest_call *c, enum decision_kind kind)
{
    struct deciding d = {.rest = r, .call = c, .kind = kind, .event_id = c->parameters[0]};

    d.approvers = approvers_source_take(notary_approvers(r->service));
    text_init(&d.statement, DECISION_BYTES_MAX);
    decide(&d);
    json_decref(d.workflow);
    decision_deinit(&d.given);
    approvers_free(d.approvers);
    text_deinit(&d.statement);
}

void rest_approve(void *ctx, struct rest_call *c)
{
    decide_on(ctx, c, DECISION_APPROVE);
}

void rest_reject(void *ctx, struct rest_call *c)
{
    decide_on(ctx, c, DECISION_REJECT);
}

void rest_cancel(void *ctx, struct rest_call *c)
{
    decide_on(ctx, c, DECISION_CANCEL);
}

void rest_retry(void *ctx, struct rest_call *c)
{
    decide_on(ctx, c, DECISION_RETRY);
}
