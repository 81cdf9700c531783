/* SPDX-License-Identifier: Apache-2.0
 *
 * rest.c - see rest.h: from a call of the HTTP server to a handler, here or on a lane.
 *
 * The server's thread owns the lanes.  It has no use for being told when a job has run, for the call is finished by
 * then: jobs that have are freed when the next request comes, so their number is bounded by that of running ones.
 */
#include "services/runtime/rest.h"

#include "http/http.h"
#include "services/runtime/lanes.h"
#include "sys/uv_sys.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CONNECTIONS_MAX = 64,
    READERS = 2,
    WAITERS = 8,
    QUEUE_MAX = 64,
    HANDLER_MS = (REST_WAIT_MAX_S + 30) * 1000,
};

static const char challenge[] = "Bearer realm=\"Geminga notary\"";

struct rest {
    /* set at the start */
    struct rest_options options;
    struct http *http;
    struct uv_thread *thread;
    /* the server's thread's */
    struct lanes *lanes;
    unsigned readers, waiters;
};

/* A request on its way through a lane.  It outlives the call, which is over when `run` returns. */
struct errand {
    struct job job; /* first */
    struct rest *rest;
    struct call *call;
    const struct rest_route *route;
    struct bytes parameters[REST_PARAMETERS_MAX];
};

/* ---- who asks ---- */

static void refuse_stranger(struct rest *r, struct call *call, const char *why)
{
    log_info(r->options.log, "http", "refused %.*s of %s: %s", (int)call->request.path.len,
             (const char *)call->request.path.data, call->peer ? call->peer : "a peer that has gone", why);
    call_unauthorized(call, challenge, "Authentication required");
}

/* False: the call is finished. */
static bool identify(struct rest *r, enum rest_access access, struct rest_call *c)
{
    const struct web_credentials *shown = &c->call->request.credentials;
    const struct credentials credentials = {
        .data = shown->authorization, .certificate_name = shown->certificate_name, .http = true};
    const bool shows = shown->authorization.len > 0 || shown->certificate_name;
    struct identity identity = {0};
    struct verdict verdict;
    enum err err;

    if (access == REST_OPEN || !r->options.authentication || (access == REST_NAMED && !shows))
        return true;
    err = authentication_check(r->options.authentication, &credentials, loop_wall_ms(r->options.clocks) / 1000,
                               &identity, &verdict);
    if (err == OK) {
        c->who = arena_text(&c->call->arena, identity.role);
        c->method = identity.method;
        c->expires_s = identity.expires_s;
        identity_deinit(&identity);
    }
    if (err == ERR_DENIED)
        refuse_stranger(r, c->call, verdict.why);
    else if (err != OK || !c->who)
        call_reason(c->call, 503, "out of memory");
    return err == OK && c->who;
}

/* ---- to the handler ---- */

/* Copies with a NUL behind them; libwebsockets lets none inside through.  False: the call is finished. */
static bool copy_parameters(struct rest_call *c, const struct bytes parameters[REST_PARAMETERS_MAX])
{
    for (size_t i = 0; i < REST_PARAMETERS_MAX && parameters[i].data; i++)
        if (!(c->parameters[i] = arena_text_of(&c->call->arena, parameters[i]))) {
            call_reason(c->call, 503, "out of memory");
            return false;
        }
    return true;
}

static void handle(struct rest *r, const struct rest_route *route, struct call *call,
                   const struct bytes parameters[REST_PARAMETERS_MAX])
{
    struct rest_call c = {.call = call, .rest = r};

    if (copy_parameters(&c, parameters) && identify(r, route->access, &c))
        route->handle(r->options.ctx, &c);
}

static void errand_run(struct job *job)
{
    struct errand *e = (struct errand *)(void *)job;

    handle(e->rest, e->route, e->call, e->parameters);
}

static void errand_free(struct job *job)
{
    free(job);
}

static void send_errand(struct rest *r, const struct rest_route *route, struct call *call,
                        const struct bytes parameters[REST_PARAMETERS_MAX])
{
    struct errand *e = calloc(1, sizeof *e);

    (void)lanes_collect(r->lanes);
    if (e) {
        *e = (struct errand){.job = {.run = errand_run, .done = errand_free}, .rest = r, .call = call, .route = route};
        memcpy(e->parameters, parameters, sizeof e->parameters);
        if (lanes_submit(r->lanes, route->pace == REST_READS ? r->readers : r->waiters, &e->job) == OK)
            return;
    }
    free(e);
    call_header(call, "Retry-After:", bytes_of_text("1"));
    call_reason(call, 503, "too many requests at a time");
}

static void on_request(void *ctx, struct call *call)
{
    struct rest *r = ctx;
    const struct rest_route *route;
    struct bytes parameters[REST_PARAMETERS_MAX] = {0};
    char allowed[REST_ALLOWED_MAX];
    enum rest_match match = rest_find(r->options.routes, r->options.count, call->request.method, call->request.path,
                                      &route, parameters, allowed);

    if (match == REST_NO_PATH)
        call_reason(call, 404, "there is nothing at this path: GET /openapi.json lists what there is");
    else if (match == REST_NO_METHOD)
        call_not_allowed(call, allowed);
    else if (route->pace == REST_AT_ONCE)
        handle(r, route, call, parameters);
    else
        send_errand(r, route, call, parameters);
}

/* ---- what handlers ask ---- */

bool rest_authenticates(const struct rest *r)
{
    return r->options.authentication != NULL;
}

const char *rest_query(const struct rest_call *c, const char *name)
{
    struct bytes value;

    return call_query(c->call, name, &value) ? arena_text_of(&c->call->arena, value) : NULL;
}

bool rest_query_number(const struct rest_call *c, const char *name, int64_t min, int64_t max, int64_t fallback,
                       int64_t *out)
{
    const char *text = rest_query(c, name);
    char *end = NULL;
    intmax_t value;

    *out = fallback;
    if (!text || !*text)
        return true;
    value = strtoimax(text, &end, 10);
    if (*end || value < min || value > max) {
        call_reason(c->call, 400, "%s must be a number from %" PRId64 " to %" PRId64, name, min, max);
        return false;
    }
    *out = value;
    return true;
}

/* ---- the life of the server ---- */

static void no_news(void *ctx)
{
}

static void serve(void *ctx)
{
    http_run(ctx);
}

static enum err make_lanes(struct rest *r)
{
    enum err err = lanes_new(&r->lanes, no_news, NULL);

    if (err == OK)
        err = lanes_add(r->lanes, "http-reader", READERS, QUEUE_MAX, &r->readers);
    if (err == OK)
        err = lanes_add(r->lanes, "http-waiter", WAITERS, QUEUE_MAX, &r->waiters);
    return err;
}

static enum err listen_at(struct rest *r, char *message, size_t message_size)
{
    const struct rest_options *o = &r->options;
    const struct http_options options = {.bind = o->bind,
                                         .port = o->port,
                                         .tls_only = o->tls != NULL,
                                         .tls = o->tls,
                                         .tls_port = o->port,
                                         .connections_max = CONNECTIONS_MAX,
                                         .sites = {.authenticated = o->authentication != NULL},
                                         .handler_ms = HANDLER_MS,
                                         .log = o->log,
                                         .on_request = on_request,
                                         .ctx = r};

    return http_open(&r->http, &options, message, message_size);
}

enum err rest_start(struct rest **out, const struct rest_options *options, char *message, size_t message_size)
{
    struct rest *r = calloc(1, sizeof *r);
    enum err err = ERR_NOMEM;

    message[0] = '\0';
    if (r) {
        r->options = *options;
        if (r->options.authentication)
            authentication_ref(r->options.authentication);
        err = make_lanes(r);
    }
    if (err == OK)
        err = listen_at(r, message, message_size);
    if (err == OK)
        err = uv_thread_run(&r->thread, "http", serve, r->http);
    if (err != OK) {
        if (!message[0])
            snprintf(message, message_size, "cannot serve HTTP: %s", err_text(err));
        rest_stop(r);
        return err;
    }
    r->options.tls = NULL; /* was borrowed */
    log_info(options->log, "http", "serving %s on %s:%u", options->tls ? "HTTPS" : "HTTP", options->bind, rest_port(r));
    *out = r;
    return OK;
}

uint16_t rest_port(const struct rest *r)
{
    return http_tls_port(r->http) ? http_tls_port(r->http) : http_port(r->http);
}

void rest_replace_tls(struct rest *r, struct tls_context *context)
{
    http_replace_tls(r->http, tls_context_ssl(context));
}

void rest_stop(struct rest *r)
{
    if (!r)
        return;
    if (r->thread) {
        http_stop(r->http);
        uv_thread_finish(r->thread);
    }
    lanes_free(r->lanes, errand_free);
    http_close(r->http);
    authentication_unref(r->options.authentication);
    free(r);
}
