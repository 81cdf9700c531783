/* SPDX-License-Identifier: Apache-2.0
 *
 * status_http.c - two routes on libwebsockets.
 *
 * An answer is made whole when its request comes, kept with the connection, and written when the socket takes it.
 */
#include "services/runtime/status_http.h"

#include "sys/uv_sys.h"
#include <libwebsockets.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX        (256u << 10)
#define HEADERS_MAX     1024
#define CONNECTIONS_MAX 64
#define KEEP_ALIVE_S    10

struct status_http {
    struct status_source source;
    struct lws_context *context;
    struct uv_thread *thread;
    atomic_bool stopping;
};

/* Of one connection; zeroed by the library. */
struct exchange {
    struct text body; /* LWS_PRE bytes for the library, then ours */
};

static const char blank[LWS_PRE];

/* The body of this path, its type, and the status. */
static unsigned answer(const struct status_http *h, const char *path, struct text *body, const char **type)
{
    *type = "application/json";
    if (strcmp(path, "/health/pulsar") == 0)
        return h->source.health(h->source.ctx, body) ? HTTP_STATUS_OK : HTTP_STATUS_SERVICE_UNAVAILABLE;
    if (strcmp(path, "/metrics") == 0) {
        *type = "text/plain; version=0.0.4";
        h->source.metrics(h->source.ctx, body);
        return HTTP_STATUS_OK;
    }
    text_add(body, "{\"reason\":\"there is /health/pulsar and /metrics\"}");
    return HTTP_STATUS_NOT_FOUND;
}

static int on_request(const struct status_http *h, struct lws *wsi, struct exchange *x, const char *path)
{
    uint8_t headers[LWS_PRE + HEADERS_MAX], *p = headers + LWS_PRE, *end = headers + sizeof headers;
    const char *type;
    unsigned status;

    text_deinit(&x->body); /* of an earlier request on this connection */
    text_init(&x->body, BODY_MAX);
    text_add_bytes(&x->body, bytes_of(blank, sizeof blank));
    status = answer(h, path, &x->body, &type);
    if (text_failed(&x->body) || lws_add_http_common_headers(wsi, status, type, x->body.len - LWS_PRE, &p, end) != 0 ||
        lws_finalize_write_http_header(wsi, headers + LWS_PRE, &p, end) != 0)
        return -1;
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_writable(struct lws *wsi, struct exchange *x)
{
    size_t len = x->body.len - LWS_PRE;

    if (!x->body.data)
        return 0;
    if (lws_write(wsi, (uint8_t *)x->body.data + LWS_PRE, len, LWS_WRITE_HTTP_FINAL) < (int)len)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    const struct status_http *h = lws_context_user(lws_get_context(wsi));

    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return on_request(h, wsi, user, in);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(wsi, user);
    case LWS_CALLBACK_CLOSED_HTTP:
        if (user)
            text_deinit(&((struct exchange *)user)->body);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = callback, .per_session_data_size = sizeof(struct exchange)},
    {0},
};

static void serve(void *ctx)
{
    struct status_http *h = ctx;

    while (!atomic_load(&h->stopping) && lws_service(h->context, 0) >= 0)
        ;
}

/* The library would choose port 0 to mean "none"; it is left to the kernel by a vhost of its own. */
static struct lws_vhost *listen_on(struct status_http *h, const char *bind, uint16_t port)
{
    struct lws_context_creation_info info = {0};

    info.port = port;
    info.iface = bind;
    info.protocols = protocols;
    info.keepalive_timeout = KEEP_ALIVE_S;
    info.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    return lws_create_vhost(h->context, &info);
}

static enum err open_context(struct status_http *h)
{
    struct lws_context_creation_info info = {0};

    lws_set_log_level(0, NULL); /* what matters is returned */
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info.fd_limit_per_thread = CONNECTIONS_MAX;
    info.user = h;
    h->context = lws_create_context(&info);
    return h->context ? OK : ERR_NOMEM;
}

enum err status_http_start(struct status_http **out, const char *bind, uint16_t port, struct status_source source,
                           struct log *log, char *message, size_t message_size)
{
    struct status_http *h = calloc(1, sizeof *h);
    struct lws_vhost *vhost = NULL;
    enum err err = ERR_NOMEM;

    if (!h || (err = open_context(h)) != OK) {
        snprintf(message, message_size, "cannot serve HTTP: %s", err_text(ERR_NOMEM));
        free(h);
        return err;
    }
    h->source = source;
    vhost = listen_on(h, bind, port);
    if (!vhost) {
        snprintf(message, message_size, "cannot serve HTTP on %s:%u: the port is taken, or the address is not ours",
                 bind, port);
        status_http_stop(h);
        return ERR_BUSY;
    }
    if ((err = uv_thread_run(&h->thread, "notary-http", serve, h)) != OK) {
        snprintf(message, message_size, "cannot serve HTTP: %s", err_text(err));
        status_http_stop(h);
        return err;
    }
    log_info(log, "http", "serving /health/pulsar and /metrics on %s:%d", bind, lws_get_vhost_listen_port(vhost));
    *out = h;
    return OK;
}

void status_http_stop(struct status_http *h)
{
    if (!h)
        return;
    atomic_store(&h->stopping, true);
    lws_cancel_service(h->context);
    uv_thread_finish(h->thread);
    lws_context_destroy(h->context);
    free(h);
}
