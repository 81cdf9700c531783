/* SPDX-License-Identifier: Apache-2.0
 *
 * http_tls.c - see http_tls.h.
 *
 * libwebsockets owns the SSL_CTX that it makes connections from, and has no call that replaces all that is in it.  So
 * when a handshake begins (its first message is there, nothing of it was answered) the connection is moved to the
 * newest context, with its certificate, key and trust; what else is in a context is the same in all of them.
 */
#include "http/http_tls.h"

#include <openssl/ssl.h>
#include <stdio.h>

void http_tls_init(struct http_tls *t, size_t handshakes_max)
{
    *t = (struct http_tls){.max = handshakes_max};
    list_init(&t->handshakes);
}

void http_tls_deinit(struct http_tls *t)
{
    SSL_CTX *next = atomic_exchange(&t->next, NULL);

    if (next)
        SSL_CTX_free(next);
    if (t->current)
        SSL_CTX_free(t->current);
    t->current = NULL;
}

/* ---- contexts ---- */

static int on_hello(SSL *ssl, int *alert, void *ctx)
{
    struct http_tls *t = ctx;
    SSL_CTX *next = atomic_exchange(&t->next, NULL);

    if (next) {
        if (t->current)
            SSL_CTX_free(t->current);
        t->current = next;
    }
    if (!t->current || SSL_set_SSL_CTX(ssl, t->current))
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

/* libwebsockets looks for another server by the name that the client gives; there is one, and it does not know the
 * context that the connection may have been moved to. */
int http_tls_configure(struct http_tls *t, SSL_CTX *ctx)
{
    SSL_CTX_set_tlsext_servername_callback(ctx, NULL);
    SSL_CTX_set_client_hello_cb(ctx, on_hello, t);
    return tls_configure(ctx, t->settings, t->message, t->message_size) == OK ? 0 : -1;
}

void http_tls_replace(struct http_tls *t, SSL_CTX *ctx)
{
    if (SSL_CTX_up_ref(ctx) != 1)
        return;
    SSL_CTX *never_used = atomic_exchange(&t->next, ctx);
    if (never_used)
        SSL_CTX_free(never_used);
}

/* A peer that speaks plainly is told so (on_garbage), and not served. */
bool http_tls_listen(struct http_tls *t, struct lws_context *context, struct lws_context_creation_info *info,
                     const struct tls_settings *settings, uint16_t port, char *message, size_t message_size)
{
    message[0] = '\0';
    t->settings = settings;
    t->message = message;
    t->message_size = message_size;
    info->port = port;
    info->vhost_name = "tls";
    info->alpn = "http/1.1";
    info->options |= LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX | LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT;
    t->vhost = lws_create_vhost(context, info);
    t->settings = NULL;
    t->message = NULL;
    return t->vhost != NULL;
}

/* ---- handshakes ---- */

bool http_tls_is_shaking(struct lws *wsi)
{
    const SSL *ssl = lws_get_ssl(wsi);

    return ssl && !SSL_is_init_finished(ssl);
}

static void forget(struct http_tls *t, struct http_handshake *h)
{
    list_remove(&h->node);
    t->count--;
}

/* Those that are through are no concern any more; of the others the oldest goes. */
static void make_room(struct http_tls *t)
{
    while (t->count > t->max) {
        struct http_handshake *oldest = container_of(t->handshakes.next, struct http_handshake, node);
        forget(t, oldest);
        if (http_tls_is_shaking(oldest->wsi)) {
            lws_set_timeout(oldest->wsi, PENDING_TIMEOUT_SSL_ACCEPT, LWS_TO_KILL_ASYNC);
            oldest->dropped = true;
            t->dropped++;
        }
    }
}

void http_tls_came(struct http_tls *t, struct http_handshake *h, struct lws *wsi)
{
    h->wsi = wsi;
    list_init(&h->node);
    if (!t->vhost || lws_get_vhost(wsi) != t->vhost)
        return;
    list_push_back(&t->handshakes, &h->node);
    t->count++;
    make_room(t);
}

void http_tls_left(struct http_tls *t, struct http_handshake *h)
{
    if (!list_empty(&h->node))
        forget(t, h);
    t->dropped -= h->dropped;
}

char *http_tls_peer_name(struct lws *wsi)
{
    SSL *ssl = lws_get_ssl(wsi);

    return ssl ? tls_peer_name(ssl) : NULL;
}
