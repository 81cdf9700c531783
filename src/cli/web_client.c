/* SPDX-License-Identifier: Apache-2.0
 *
 * web_client.c - see web_client.h.
 */
#include "cli/web_client.h"

#include <libwebsockets.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 64 /* messages of one connection before others have their turn */

struct link {
    struct web_client *client;
    size_t index;
    char *path;
    struct lws *wsi;
    struct text in; /* what came of a message */
    bool over;      /* `closed` was called */
};

struct web_client {
    const struct http_target *target;
    const struct web_client_ops *ops;
    void *ctx;
    char *url; /* taken apart into the three below */
    const char *host;
    int port;
    bool tls;
    struct lws_context *context;
    struct link **links;
    size_t count;
    struct text out;
    lws_sorted_usec_list_t clock;
    atomic_bool stopped;
};

/* ---- one connection ---- */

static void link_over(struct link *l, const char *why)
{
    if (l->over)
        return;
    l->over = true;
    l->wsi = NULL;
    l->client->ops->closed(l->client->ctx, l->index, why);
}

/* False: it is too large. */
static bool link_receive(struct link *l, struct lws *wsi, const void *part, size_t len)
{
    text_add_bytes(&l->in, bytes_of(part, len));
    if (text_failed(&l->in))
        return false;
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return true;
    l->client->ops->received(l->client->ctx, l->index, bytes_of(l->in.data, l->in.len));
    l->in.len = 0;
    return true;
}

/* False: the connection is broken. */
static bool link_write(struct link *l, struct lws *wsi)
{
    static const char room[LWS_PRE];
    struct text *out = &l->client->out;

    for (int i = 0; i < AT_ONCE && !lws_send_pipe_choked(wsi); i++) {
        out->len = 0;
        text_add_bytes(out, bytes_of(room, sizeof room)); /* libwebsockets writes its head there */
        if (!l->client->ops->next(l->client->ctx, l->index, out))
            return true;
        if (text_failed(out))
            return false;
        const size_t len = out->len - LWS_PRE;
        if (lws_write(wsi, (unsigned char *)out->data + LWS_PRE, len, LWS_WRITE_TEXT) < (int)len)
            return false;
    }
    lws_callback_on_writable(wsi);
    return true;
}

/* False: there is no room. */
static bool handshake_add(const struct link *l, struct lws *wsi, unsigned char **at, unsigned char *end)
{
    const char *value = l->client->target->authorization;

    return !value || lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, (const unsigned char *)value,
                                                  (int)strlen(value), at, end) == 0;
}

/* A code in two bytes, then why. */
static void link_closed(struct link *l, const uint8_t *said, size_t len)
{
    char why[160];

    (void)snprintf(why, sizeof why, "the server closed the connection: %d %.*s", len > 1 ? said[0] << 8 | said[1] : 0,
                   len > 2 ? (int)(len - 2 < 123 ? len - 2 : 123) : 0, len > 2 ? (const char *)said + 2 : "");
    link_over(l, why);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct link *l = user;

    if (!l)
        return 0; /* of the context */
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return handshake_add(l, wsi, in, *(unsigned char **)in + len) ? 0 : -1;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        l->client->ops->opened(l->client->ctx, l->index);
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return link_receive(l, wsi, in, len) ? 0 : -1;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return link_write(l, wsi) ? 0 : -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        link_over(l, in ? in : "it cannot be reached");
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        link_closed(l, in, len);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        link_over(l, "the server closed the connection");
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {{.name = "pulsar", .callback = on_event, .rx_buffer_size = 65536},
                                                 {.name = NULL}};

static int tls_flags(const struct web_client *c)
{
    int flags = c->tls ? LCCSCF_USE_SSL : 0;

    if (c->target->allow_insecure)
        flags |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
    if (c->target->allow_insecure || !c->target->verify_hostname)
        flags |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
    return flags;
}

static void link_open(struct link *l)
{
    const struct web_client *c = l->client;
    char host[300];
    const struct lws_client_connect_info info = {.context = c->context,
                                                 .address = c->host,
                                                 .port = c->port,
                                                 .ssl_connection = tls_flags(c),
                                                 .path = l->path,
                                                 .host = host,
                                                 .origin = host,
                                                 .ietf_version_or_minus_one = -1,
                                                 .userdata = l,
                                                 .local_protocol_name = protocols[0].name,
                                                 .pwsi = &l->wsi};

    (void)snprintf(host, sizeof host, "%.250s:%d", c->host, c->port);
    if (!lws_client_connect_via_info(&info))
        link_over(l, "it cannot be reached"); /* unless it was told already */
}

/* ---- all of them ---- */

static void on_clock(lws_sorted_usec_list_t *clock)
{
    struct web_client *c = lws_container_of(clock, struct web_client, clock);

    lws_sul_schedule(c->context, 0, &c->clock, on_clock, c->ops->tick(c->ctx));
}

static bool url_read(struct web_client *c, const char *url)
{
    const char *scheme, *path;

    if (!(c->url = strdup(url)) || !strstr(url, "://"))
        return false;
    if (lws_parse_uri(c->url, &scheme, &c->host, &c->port, &path) != 0)
        return false;
    c->tls = strcmp(scheme, "wss") == 0 || strcmp(scheme, "https") == 0;
    return c->tls || strcmp(scheme, "ws") == 0 || strcmp(scheme, "http") == 0;
}

enum err web_client_new(struct web_client **out, const struct http_target *target, const struct web_client_ops *ops,
                        void *ctx, char *why, size_t why_size)
{
    struct web_client *c = calloc(1, sizeof *c);
    const struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                                   .protocols = protocols,
                                                   .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
                                                   .client_ssl_ca_filepath = target->trust_certs,
                                                   .client_ssl_cert_filepath = target->certificate,
                                                   .client_ssl_private_key_filepath = target->key};

    if (!c)
        return ERR_NOMEM;
    c->target = target;
    c->ops = ops;
    c->ctx = ctx;
    text_init(&c->out, SIZE_MAX / 2);
    if (!url_read(c, target->url)) {
        (void)snprintf(why, why_size, "`%.200s` is no address: ws://HOST:PORT/ or wss://HOST:PORT/", target->url);
        web_client_free(c);
        return ERR_INVALID;
    }
    lws_set_log_level(0, NULL);
    if (!(c->context = lws_create_context(&info))) {
        (void)snprintf(why, why_size, "no memory, or the certificates cannot be read");
        web_client_free(c);
        return ERR_NOMEM;
    }
    *out = c;
    return OK;
}

void web_client_free(struct web_client *c)
{
    if (!c)
        return;
    if (c->context) {
        lws_sul_schedule(c->context, 0, &c->clock, on_clock, LWS_SET_TIMER_USEC_CANCEL);
        lws_context_destroy(c->context);
    }
    for (size_t i = 0; i < c->count; i++) {
        text_deinit(&c->links[i]->in);
        free(c->links[i]->path);
        free(c->links[i]);
    }
    free(c->links);
    text_deinit(&c->out);
    free(c->url);
    free(c);
}

enum err web_client_add(struct web_client *c, const char *path)
{
    struct link **links = realloc(c->links, (c->count + 1) * sizeof *links);
    struct link *l = calloc(1, sizeof *l);

    if (links)
        c->links = links;
    if (!links || !l || !(l->path = strdup(path))) {
        free(l);
        return ERR_NOMEM;
    }
    l->client = c;
    l->index = c->count;
    text_init(&l->in, WEB_CLIENT_MESSAGE_MAX);
    c->links[c->count++] = l;
    return OK;
}

void web_client_run(struct web_client *c)
{
    for (size_t i = 0; i < c->count; i++)
        link_open(c->links[i]);
    lws_sul_schedule(c->context, 0, &c->clock, on_clock, 1);
    while (!atomic_load(&c->stopped) && lws_service(c->context, 0) >= 0)
        ;
    for (size_t i = 0; i < c->count; i++)
        c->links[i]->over = true; /* nobody is told any more */
}

void web_client_stop(struct web_client *c)
{
    atomic_store(&c->stopped, true);
    lws_cancel_service(c->context);
}

void web_client_wake(struct web_client *c, size_t link)
{
    if (c->links[link]->wsi && !c->links[link]->over)
        lws_callback_on_writable(c->links[link]->wsi);
}
