/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.c - see admin.h: the two threads, and the way between them.
 *
 * A request becomes a struct call on the admin thread, which finds its route, and posts it to the core's loop as
 * a task. The core runs the handler.  Its end (call->finished) is http.c's, which brings the call back.
 */
#include "admin/admin.h"

#include "admin/configuration.h"
#include "admin/core.h"
#include "admin/routes.h"
#include "admin/socket_gate.h"
#include "base/log.h"
#include "http/http.h"
#include "sys/loop.h"
#include "sys/tls_renewal.h"
#include "sys/uv_sys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 300 };

struct admin {
    struct admin_core core;
    struct http *http;
    struct socket_gate gate;
    struct uv_thread *thread; /* NULL once stopped */
    struct log *log;
    struct tls_renewal *renewal; /* NULL: no TLS */
    char host[256], url[URL_MAX], tls_url[URL_MAX];
};

void admin_options_init(struct admin_options *o)
{
    *o = (struct admin_options){.bind = "0.0.0.0",
                                .port = 8080,
                                .version = "",
                                .tls_check_ms = 300000,
                                .connections_max = 100,
                                .metrics = {.topics = true, .rows_max = METRICS_ROWS_MAX}};
}

/* On the core thread. */
static void handle_task(struct task *task)
{
    admin_handle(container_of(task, struct call, task));
}

static void to_core(struct admin *a, struct call *call)
{
    call->task.run = handle_task;
    if (!loop_post(a->core.loop, &call->task))
        call_reason(call, 503, "the broker is stopping");
}

/* On the admin thread. */
static void on_request(void *ctx, struct call *call)
{
    struct admin *a = ctx;
    struct bytes path = call->request.path;
    char allowed[ROUTES_ALLOWED_MAX];

    if (call->more) {
        to_core(a, call);
        return;
    }
    call->core = &a->core;
    switch (routes_find(call)) {
    case ROUTE_NO_PATH:
        call_reason(call, 404, "there is nothing at %.*s", (int)path.len, (const char *)path.data);
        return;
    case ROUTE_NO_METHOD:
        routes_allowed(call, allowed);
        call_not_allowed(call, allowed);
        return;
    case ROUTE_NO_MEMORY:
        call_reason(call, 500, "out of memory");
        return;
    case ROUTE_FOUND:
        break;
    }
    to_core(a, call);
}

static void thread_run(void *ctx)
{
    struct admin *a = ctx;

    http_run(a->http);
}

static void core_init(struct admin *a, const struct admin_options *o, const struct sys *core, struct broker *broker,
                      const struct server *server)
{
    const char *host = o->advertised_address ? o->advertised_address : o->bind;

    if (strcmp(host, "0.0.0.0") == 0)
        host = "localhost";
    snprintf(a->host, sizeof a->host, "%s", host);
    a->core = (struct admin_core){.broker = broker,
                                  .audit = o->audit,
                                  .authorization = o->authorization,
                                  .authenticator = o->authenticator,
                                  .authenticate_metrics = o->authenticate_metrics,
                                  .server = server,
                                  .loop = core->loop,
                                  .version = o->version,
                                  .cluster = broker_options(broker)->cluster,
                                  .configuration = o->configuration,
                                  .shutdown = o->shutdown,
                                  .shutdown_ctx = o->shutdown_ctx,
                                  .http_host = a->host,
                                  .started_ms = loop_wall_ms(core->loop),
                                  .budgets = o->budgets,
                                  .budget_count = o->budget_count,
                                  .metrics = o->metrics,
                                  .status_file = o->status_file,
                                  .metrics_part_bytes = PART_BYTES,
                                  .part_bytes = PART_BYTES};
}

static void url_set(const struct admin *a, const char *scheme, uint16_t port, char url[URL_MAX])
{
    if (port > 0)
        (void)snprintf(url, URL_MAX, "%s://%s:%u", scheme, a->host, port);
}

/* When it is known on which ports it listens. */
static void urls_set(struct admin *a)
{
    url_set(a, "http", admin_port(a), a->url);
    url_set(a, "https", admin_tls_port(a), a->tls_url);
    a->core.http_url = a->url;
    a->core.https_url = a->tls_url;
    a->core.http_port = admin_port(a) > 0 ? admin_port(a) : admin_tls_port(a);
}

/* ---- certificates ---- */

/* On the core thread. */
static void on_renewed(void *ctx, struct tls_context *context)
{
    http_replace_tls(((struct admin *)ctx)->http, tls_context_ssl(context));
}

static enum err renewal_begin(struct admin *a, const struct admin_options *o, struct loop *loop, char *message,
                              size_t message_size)
{
    const struct tls_renewal_options renewal = {
        .loop = loop, .log = o->log, .settings = o->tls, .check_ms = o->tls_check_ms, .renewed = on_renewed, .ctx = a};
    struct tls_context *first;
    const enum err err = tls_renewal_new(&a->renewal, &renewal, &first, message, message_size);

    if (err == OK) {
        on_renewed(a, first); /* what it has read; the files may have changed since they were read for the server */
        tls_context_unref(first);
    }
    return err;
}

enum err admin_start(struct admin **out, const struct admin_options *options, const struct sys *core,
                     struct broker *broker, const struct server *server, char *message, size_t message_size)
{
    struct admin *a = calloc(1, sizeof *a);
    struct http_options http = {.bind = options->bind,
                                .port = options->port,
                                .tls_only = options->tls_only,
                                .tls = options->tls,
                                .tls_port = options->tls_port,
                                .connections_max = options->connections_max,
                                .connections_per_address_max = options->connections_per_address_max,
                                .requests_per_s = options->requests_per_s,
                                .head_bytes_max = options->head_bytes_max,
                                .sites = {.own = options->advertised_address,
                                          .trusted = options->trusted_sites,
                                          .authenticated = options->authenticator != NULL},
                                .on_request = on_request,
                                .ctx = a,
                                .sockets = options->sockets,
                                .gate = &a->gate.gate,
                                .log = options->log};
    enum err err = ERR_NOMEM;

    snprintf(message, message_size, "the admin interface cannot start: out of memory");
    if (!a)
        return ERR_NOMEM;
    a->log = options->log;
    core_init(a, options, core, broker, server);
    socket_gate_init(&a->gate, &a->core);
    configuration_restore(&a->core, a->log);
    if ((err = http_open(&a->http, &http, message, message_size)) != OK)
        goto failed;
    urls_set(a);
    if (options->tls && (err = renewal_begin(a, options, core->loop, message, message_size)) != OK)
        goto failed;
    if ((err = uv_thread_run(&a->thread, "admin", thread_run, a)) != OK) {
        snprintf(message, message_size, "the admin thread cannot start: %s", err_text(err));
        goto failed;
    }
    if (admin_port(a))
        log_info(a->log, "admin", "HTTP on %s:%u", options->bind, admin_port(a));
    if (admin_tls_port(a))
        log_info(a->log, "admin", "HTTPS on %s:%u", options->bind, admin_tls_port(a));
    *out = a;
    return OK;
failed:
    admin_free(a);
    return err;
}

uint16_t admin_port(const struct admin *a)
{
    return http_port(a->http);
}

uint16_t admin_tls_port(const struct admin *a)
{
    return http_tls_port(a->http);
}

bool admin_renew(struct admin *a)
{
    if (a->renewal)
        tls_renewal_check(a->renewal);
    return a->renewal != NULL;
}

void admin_stop(struct admin *a)
{
    assert(a->thread);
    http_stop(a->http);
    uv_thread_finish(a->thread);
    a->thread = NULL;
    if (a->renewal)
        tls_renewal_stop(a->renewal);
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    assert(!a->thread);
    http_close(a->http);
    tls_renewal_free(a->renewal);
    socket_gate_deinit(&a->gate);
    free(a);
}
