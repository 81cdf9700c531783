/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_rest.c - the table of routes, and the life of the port.
 */
#include "services/notary/rest/notary_rest_private.h"

#include "services/notary/files.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what machines ask that look whether somebody lives ---- */

static void health(void *ctx, struct rest_call *c)
{
    const struct notary_rest *r = ctx;

    notary_health(r->service, &c->call->answer.body);
    call_json_status(c->call, notary_is_ready(r->service) ? 200 : 503);
}

static void ready(void *ctx, struct rest_call *c)
{
    const struct notary_rest *r = ctx;
    const bool is = notary_is_ready(r->service);

    text_printf(&c->call->answer.body, "{\"ready\":%s}", is ? "true" : "false");
    call_json_status(c->call, is ? 200 : 503);
}

static void metrics(void *ctx, struct rest_call *c)
{
    const struct notary_rest *r = ctx;

    notary_metrics(r->service, &c->call->answer.body);
    c->call->answer.content_type = "text/plain; version=0.0.4";
    c->call->answer.may_be_long = true;
    c->call->answer.status = 200;
    call_finish(c->call);
}

static void openapi(void *ctx, struct rest_call *c)
{
    size_t count;
    const struct rest_route *routes = notary_rest_routes(&count);

    rest_openapi(routes, count, "Geminga notary", rest_authenticates(c->rest), &c->call->answer.body);
    call_json(c->call);
}

/* ---- the table ---- */

#define JSON_TYPE "application/json"

static const struct rest_answer living[] = {
    {200, JSON_TYPE, "It is connected and subscribed."}, {503, JSON_TYPE, "It is not."}, {0}};
static const struct rest_answer plain[] = {{200, "text/plain", "Prometheus' text format."}, {0}};
static const struct rest_answer json[] = {{200, JSON_TYPE, "What was asked for."},
                                          {400, JSON_TYPE, "It was asked wrongly."},
                                          {401, JSON_TYPE, "Nobody knows who asks."},
                                          {404, JSON_TYPE, "There is none."},
                                          {503, JSON_TYPE, "Not now."},
                                          {0}};
static const struct rest_answer pem[] = {{200, "application/x-pem-file", "PEM."}, {0}};
static const struct rest_answer file[] = {{200, "application/octet-stream", "The file; a checkpoint is text/plain."},
                                          {404, JSON_TYPE, "The log has no such file."},
                                          {0}};
static const struct rest_answer decided[] = {
    {200, JSON_TYPE, "The workflow as it is with this decision (with ?wait=)."},
    {202, JSON_TYPE, "The decision is written and will be judged; look_at tells where to see."},
    {400, JSON_TYPE, "It was asked wrongly."},
    {401, JSON_TYPE, "Nobody knows who asks."},
    {403, JSON_TYPE, "It is not for who asks to decide, or not on this address."},
    {404, JSON_TYPE, "There is no such workflow."},
    {409, JSON_TYPE,
     "The workflow is closed, with its outcome; or it would change nothing; or the statement is about other content."},
    {503, JSON_TYPE, "Not now: the broker cannot be reached."},
    {0}};

static const struct rest_parameter list_query[] = {
    {"status", "string", "open, or one status: pending_approval, failed, notarized, rejected, expired, cancelled."},
    {"type", "string", "Of this workflow_type only."},
    {"after", "string", "Goes on behind this event id: `next` of the page before."},
    {"limit", "integer", "At most so many, 100 by default, up to 1000."},
    {0}};
static const struct rest_parameter sizes_query[] = {
    {"from", "integer", "The smaller size."}, {"to", "integer", "The larger one."}, {0}};
static const struct rest_parameter wait_query[] = {
    {"wait", "integer", "Seconds to wait until this replica shows the decision, up to 30."}, {0}};
static const char *const decision_bodies[] = {JSON_TYPE, "application/jose", NULL};

static const struct rest_route routes[] = {
    {HTTP_GET, "/health/pulsar", REST_OPEN, REST_AT_ONCE, health, "health", "Whether it works.", .answers = living},
    {HTTP_GET, "/ready", REST_OPEN, REST_AT_ONCE, ready, "ready", "Whether it could work at once.", .answers = living},
    {HTTP_GET, "/metrics", REST_OPEN, REST_AT_ONCE, metrics, "metrics", "What it counts.", .answers = plain},
    {HTTP_GET, "/openapi.json", REST_OPEN, REST_AT_ONCE, openapi, "openapi", "This document.", .answers = json},
    {HTTP_GET, "/v1/workflows", REST_KNOWN, REST_READS, rest_workflows_list, "listWorkflows",
     "Workflows, the newest first.", .query = list_query, .answers = json},
    {HTTP_GET, "/v1/workflows/{event_id+}/receipt", REST_KNOWN, REST_READS, rest_workflow_receipt, "receipt",
     "Its NotaryResult, as it was published.", .answers = json},
    {HTTP_GET, "/v1/workflows/{event_id+}/artifacts/{n}", REST_KNOWN, REST_READS, rest_workflow_artifact, "artifact",
     "The path of one artifact (from 0) to the root of its event's batch.", .answers = json},
    {HTTP_GET, "/v1/workflows/{event_id+}", REST_KNOWN, REST_READS, rest_workflow_show, "showWorkflow",
     "One workflow, with its steps and its result.", .answers = json},
    {HTTP_POST, "/v1/workflows/{event_id+}/approve", REST_NAMED, REST_WAITS, rest_approve, "approve",
     "Approves it, as an approver of its event.", .query = wait_query, .bodies = decision_bodies, .answers = decided},
    {HTTP_POST, "/v1/workflows/{event_id+}/reject", REST_NAMED, REST_WAITS, rest_reject, "reject",
     "Rejects it, as an approver of its event.", .query = wait_query, .bodies = decision_bodies, .answers = decided},
    {HTTP_POST, "/v1/workflows/{event_id+}/cancel", REST_NAMED, REST_WAITS, rest_cancel, "cancel",
     "Ends it without a receipt, as an approver of its event or an operator.", .query = wait_query,
     .bodies = decision_bodies, .answers = decided},
    {HTTP_POST, "/v1/workflows/{event_id+}/retry", REST_NAMED, REST_WAITS, rest_retry, "retry",
     "Tries again what has failed, as an approver of its event or an operator.", .query = wait_query,
     .bodies = decision_bodies, .answers = decided},
    {HTTP_GET, "/v1/log", REST_OPEN, REST_READS, rest_log_show, "log", "The log's size, root and checkpoint.",
     .answers = json},
    {HTTP_GET, "/v1/log/entries/{index}", REST_OPEN, REST_READS, rest_log_entry, "logEntry",
     "One entry of the log with its proof of inclusion.", .answers = json},
    {HTTP_GET, "/v1/log/consistency", REST_OPEN, REST_READS, rest_log_consistency, "logConsistency",
     "The proof that the log of one size is the beginning of that of another.", .query = sizes_query, .answers = json},
    {HTTP_GET, "/v1/log/key", REST_OPEN, REST_AT_ONCE, rest_log_key, "logKey", "The public key of its checkpoints.",
     .answers = pem},
    {HTTP_GET, "/log/{path+}", REST_OPEN, REST_READS, rest_log_file, "logFile",
     "The log's files as C2SP's tlog-tiles has them: checkpoint, tile/L/N, tile/entries/N.", .answers = file},
};

const struct rest_route *notary_rest_routes(size_t *count)
{
    *count = sizeof routes / sizeof *routes;
    return routes;
}

/* ---- the registry ---- */

enum err notary_rest_ask(struct notary_rest *r, rest_question question, const void *about, struct text *to)
{
    enum err err = OK;

    pthread_mutex_lock(&r->lock);
    if (!r->view)
        err = registry_view_open(&r->view, r->settings->own.data_dir);
    if (err == OK) {
        err = question(r->view, about, to);
        if (err == OK && text_failed(to))
            err = ERR_TOO_LARGE;
        if (err == ERR_IO || err == ERR_CORRUPT) { /* a file that was made again, perhaps */
            registry_view_close(r->view);
            r->view = NULL;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return err;
}

void notary_rest_fail(struct rest_call *c, enum err err)
{
    if (err == ERR_NOT_FOUND)
        call_reason(c->call, 404,
                    "there is nothing of this name here (a replica knows what it has read of the "
                    "journal)");
    else if (err == ERR_INVALID)
        call_reason(c->call, 400, "the log does not have this");
    else
        call_reason(c->call, 503, "the registry cannot be read: %s", err_text(err));
}

void notary_rest_answer(struct notary_rest *r, struct rest_call *c, rest_question question, const void *about)
{
    enum err err = notary_rest_ask(r, question, about, &c->call->answer.body);

    c->call->answer.may_be_long = true;
    if (err == OK)
        call_json(c->call);
    else
        notary_rest_fail(c, err);
}

/* ---- who is known ---- */

static enum err read_key(const char *name, const char *text, bool secret, struct jws_key **out, char *message,
                         size_t message_size)
{
    const char *path;
    struct bytes bytes = {0};
    struct text content;
    enum err err = token_key_text(text, &bytes, &path);

    text_init(&content, 64u << 10);
    if (err == ERR_UNSUPPORTED)
        err = file_read_whole(path, &content);
    if (err == OK) {
        const struct bytes key = bytes.data ? bytes : bytes_of(content.data, content.len);
        err = secret ? jws_key_from_secret(out, key) : jws_key_from_public(out, key);
    }
    if (err != OK)
        snprintf(message, message_size, "notary.http.%s cannot be used: %s", name, err_text(err));
    if (bytes.data)
        jws_bytes_free(bytes);
    if (content.data)
        OPENSSL_cleanse(content.data, content.len);
    text_deinit(&content);
    return err;
}

/* NULL in *out, and OK: nobody can be known. */
static enum err make_authentication(const struct notary_http_settings *s, struct authentication **out, char *message,
                                    size_t message_size)
{
    struct authentication_settings a = {0};
    const bool secret = s->token_secret_key != NULL;
    enum err err = OK;

    *out = NULL;
    if (!notary_http_authenticates(s))
        return OK;
    if (s->token_secret_key || s->token_public_key) {
        err = read_key(secret ? "token_secret_key" : "token_public_key",
                       secret ? s->token_secret_key : s->token_public_key, secret, &a.token_key, message, message_size);
        a.providers[a.provider_count++] = PROVIDER_TOKEN;
        a.audience_claim = s->token_audience ? "aud" : NULL;
        a.audience = s->token_audience;
    }
    if (s->tls_client_ca_path)
        a.providers[a.provider_count++] = PROVIDER_TLS;
    if (err == OK && (err = authentication_new(out, &a)) != OK)
        jws_key_free(a.token_key);
    return err;
}

/* ---- the life of it ---- */

void notary_rest_tls(const struct notary_http_settings *s, struct tls_settings *out)
{
    *out = (struct tls_settings){.side = TLS_SERVER,
                                 .certificate_file = s->tls_cert_path,
                                 .key_file = s->tls_key_path,
                                 .trust_file = s->tls_client_ca_path,
                                 .client_certificates =
                                     s->tls_client_ca_path ? TLS_CERTIFICATE_OPTIONAL : TLS_CERTIFICATE_NONE};
}

static enum err listen_at(struct notary_rest *r, char *message, size_t message_size)
{
    const struct notary_http_settings *s = &r->settings->http;
    struct tls_settings tls;
    struct rest_options options = {.bind = s->bind,
                                   .port = (uint16_t)s->port,
                                   .tls = s->tls_cert_path ? &tls : NULL,
                                   .routes = routes,
                                   .count = sizeof routes / sizeof *routes,
                                   .ctx = r,
                                   .clocks = notary_clocks(r->service),
                                   .log = r->log};
    enum err err;

    notary_rest_tls(s, &tls);
    err = make_authentication(s, &options.authentication, message, message_size);

    if (err == OK)
        err = rest_start(&r->rest, &options, message, message_size);
    authentication_unref(options.authentication);
    return err;
}

enum err notary_rest_start(struct notary_rest **out, const struct notary_settings *settings,
                           struct notary_service *service, struct log *log, char *message, size_t message_size)
{
    struct notary_rest *r;
    enum err err = ERR_NOMEM;

    *out = NULL;
    if (!settings->http.enabled)
        return OK;
    message[0] = '\0';
    if ((r = calloc(1, sizeof *r))) {
        r->settings = settings;
        r->service = service;
        r->log = log;
        r->log_key = notary_log_key(service);
        pthread_mutex_init(&r->lock, NULL);
        if ((err = uv_event_new(&r->stopping)) == OK && (err = approvals_writer_new(&r->writer, settings, log)) == OK)
            err = listen_at(r, message, message_size);
    }
    if (err != OK) {
        if (!message[0])
            snprintf(message, message_size, "cannot serve HTTP: %s", err_text(err));
        notary_rest_stop(r);
        return err;
    }
    if (!notary_http_decides(&settings->http))
        log_warn(
            log, "http",
            "nobody can be known on %s: decisions are not taken there, and whoever reaches it may read all workflows",
            settings->http.bind);
    *out = r;
    return OK;
}

void notary_rest_replace_tls(struct notary_rest *r, struct tls_context *context)
{
    rest_replace_tls(r->rest, context);
}

void notary_rest_stop(struct notary_rest *r)
{
    if (!r)
        return;
    if (r->stopping)
        uv_event_set(r->stopping);
    rest_stop(r->rest);
    approvals_writer_free(r->writer);
    registry_view_close(r->view);
    if (r->stopping)
        uv_event_free(r->stopping);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
