/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - see http.h: the server, the life of an exchange, and the deadlines.
 *
 * One exchange is one request and its answer:
 *
 *     READING  its body comes in          -> LENT
 *     LENT     the handler has the call   -> ANSWER, by way of `finished` and the event pipe
 *     ANSWER   head, then body in parts   -> LENT again, if the handler has more (call_part);
 *                                            else freed, and the connection takes the next request
 *
 * Each state has a deadline, counted from its beginning, whatever trickles in meanwhile: who is too slow with a head or
 * a body gets 408, who waits too long for the core 503, and who is too slow with reading loses the connection.
 * libwebsockets' own timeouts are longer; they are for what it waits for by itself.
 *
 * A connection that goes while its exchange is LENT leaves it behind: it is freed when the handler is done.
 * Exchanges belong to the server's thread; only the stack of finished ones is shared, and it is lock-free.
 */
#include "http/http_credentials.h"
#include "http/http_memory.h"
#include "http/http_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    SERVICE_BUFFER = 4096,
    SILENCE_TIMEOUT_S = 60, /* for all that libwebsockets waits for by itself */
    PART_TIMEOUT_S = 30,    /* for each part of an answer that the peer does not take */
    ONE_MORE_MAX = 64,      /* connections that are told that there are too many */
    LEFT_BEHIND_MAX = 100   /* handlers at work for connections that are gone */
};

static void exchange_free(struct exchange *e)
{
    list_remove(&e->node);
    e->http->exchange_count--;
    e->http->body_bytes -= e->charged;
    text_deinit(&e->body);
    text_deinit(&e->packed);
    gzip_free(e->gzip);
    http_credentials_wipe(&e->call.request.credentials);
    call_deinit(&e->call);
    free(e);
}

static void exchange_finished(struct call *call)
{
    struct exchange *e = (struct exchange *)(void *)call;
    struct http *h = e->http;

    e->next_finished = atomic_load(&h->finished);
    while (!atomic_compare_exchange_weak(&h->finished, &e->next_finished, e))
        ;
    lws_cancel_service(h->context); /* wakes the server's thread */
}

void exchange_deadline(struct exchange *e, uint32_t ms)
{
    lws_set_timer_usecs(e->wsi, (lws_usec_t)ms * 1000);
}

static void answer_start(struct exchange *e)
{
    e->state = ANSWER;
    call_write(&e->call);
    if (!e->head_sent) /* the deadline is that of all parts together */
        exchange_deadline(e, e->http->options.answer_ms);
    lws_callback_on_writable(e->wsi);
}

/* On the server's thread: those whose handlers are done. */
static void take_finished(struct http *h)
{
    struct exchange *e = atomic_exchange(&h->finished, NULL);

    while (e) {
        struct exchange *next = e->next_finished;
        if (e->wsi) {
            answer_start(e);
        } else {
            e->state = ANSWER;
            exchange_free(e);
        }
        e = next;
    }
}

static struct exchange *exchange_new(struct http *h, struct lws *wsi)
{
    struct exchange *e;

    if (h->exchange_count >= h->options.connections_max + ONE_MORE_MAX + LEFT_BEHIND_MAX)
        return NULL;
    if (!(e = calloc(1, sizeof *e)))
        return NULL;
    e->http = h;
    e->wsi = wsi;
    call_init(&e->call);
    e->call.finished = exchange_finished;
    text_init(&e->body, BODY_MAX + 1);
    text_init(&e->packed, ANSWER_MAX);
    list_push_back(&h->exchanges, &e->node);
    h->exchange_count++;
    return e;
}

/* The connection goes, or takes its next request. */
static void connection_forget(struct connection *c)
{
    struct exchange *e = c->exchange;

    c->exchange = NULL;
    if (!e)
        return;
    e->wsi = NULL;
    if (e->state != LENT)
        exchange_free(e);
}

static void lend(struct exchange *e)
{
    e->state = LENT;
    lws_set_timeout(e->wsi, PENDING_TIMEOUT_HTTP_CONTENT, SILENCE_TIMEOUT_S + (int)e->http->options.handler_ms / 1000);
    e->http->options.on_request(e->http->options.ctx, &e->call);
}

void exchange_lend(struct exchange *e)
{
    exchange_deadline(e, e->http->options.handler_ms);
    lend(e);
}

void exchange_refuse(struct exchange *e, int status, const char *reason)
{
    e->close = e->linger = true; /* its body, if any, is still on the way */
    e->state = LENT;
    call_reason(&e->call, status, "%s", reason);
}

/* ---- events of a connection ---- */

/* "10.0.0.7:50122"; empty: it is gone already. */
static void peer_write(struct lws *wsi, char *to, size_t size)
{
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    char address[INET_ADDRSTRLEN];

    if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&at, &len) == 0 && at.sin_family == AF_INET &&
        inet_ntop(AF_INET, &at.sin_addr, address, sizeof address))
        (void)snprintf(to, size, "%s:%u", address, ntohs(at.sin_port));
}

/* One that is one too many can be told only when it has asked: until then it is one of a few that wait. */
static int on_new(struct http *h, struct lws *wsi)
{
    struct connection *c = calloc(1, sizeof *c);
    char address[64] = "";

    lws_get_peer_simple(wsi, address, sizeof address);
    if (!c || !(c->peer = http_peers_enter(&h->peers, address))) {
        free(c);
        return -1;
    }
    lws_set_opaque_user_data(wsi, c);
    peer_write(wsi, c->peer_text, sizeof c->peer_text);
    http_tls_came(&h->tls, &c->handshake, wsi);
    if (++h->connections - h->tls.dropped > h->options.connections_max)
        c->one_more = "too many connections at a time";
    else if (http_peers_crowded(&h->peers, c->peer))
        c->one_more = "too many connections at a time from this address";
    lws_set_timer_usecs(wsi, (lws_usec_t)h->options.head_ms * 1000);
    return 0;
}

static int on_gone(struct http *h, struct connection *c, struct lws *wsi)
{
    connection_forget(c);
    http_tls_left(&h->tls, &c->handshake);
    http_peers_leave(&h->peers, c->peer);
    free(c);
    lws_set_opaque_user_data(wsi, NULL);
    h->connections--;
    return 0;
}

/* LWS_CALLBACK_HTTP: the head is there, with the decoded path. */
static int on_head(struct http *h, struct connection *c, struct lws *wsi, const char *path, size_t len)
{
    connection_forget(c);
    c->served = true;
    if (!(c->exchange = exchange_new(h, wsi))) {
        answer_at_once(wsi, 503, "Service Unavailable", "too many requests at a time");
        return -1;
    }
    if (!c->one_more)
        return request_head(c->exchange, c, path, len);
    exchange_refuse(c->exchange, 503, c->one_more);
    return 0;
}

/* The peer has taken all there was: the handler makes more, or its writer does, here. */
static void make_more(struct exchange *e)
{
    e->call.answer.body.len = 0;
    e->packed.len = 0;
    e->sent = 0;
    if (e->call.unwritten) {
        call_write(&e->call);
        lws_callback_on_writable(e->wsi);
    } else {
        lend(e);
    }
}

/* The answer is out.  What the peer still sends of a body that was refused is read and thrown away for a while: closed
 * at once, the connection would take the refusal with it. */
static int on_answered(struct http *h, struct connection *c, struct lws *wsi)
{
    const bool close = c->exchange->close;

    c->lingering = c->exchange->linger;
    exchange_free(c->exchange);
    c->exchange = NULL;
    if (c->lingering) {
        lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, SILENCE_TIMEOUT_S);
        lws_set_timer_usecs(wsi, (lws_usec_t)h->options.linger_ms * 1000);
        return 0;
    }
    if (close || lws_http_transaction_completed(wsi))
        return -1;
    lws_set_timer_usecs(wsi, (lws_usec_t)h->options.idle_ms * 1000);
    return 0;
}

/* LWS_CALLBACK_HTTP_WRITEABLE */
static int on_writable(struct http *h, struct connection *c, struct lws *wsi)
{
    struct exchange *e = c->exchange;

    if (!e || e->state != ANSWER)
        return 0;
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, PART_TIMEOUT_S);
    if (!answer_write(e))
        return -1;
    if (answer_complete(e))
        return on_answered(h, c, wsi);
    if (answer_taken(e) && (e->call.more || e->call.unwritten))
        make_more(e);
    else
        lws_callback_on_writable(wsi);
    return 0;
}

/* A deadline has passed. */
static int on_timer(struct connection *c, struct lws *wsi)
{
    struct exchange *e = c->exchange;

    if (c->socket) /* they are a request's; and libwebsockets 4.1 lets a timer that is cancelled pass at once */
        return 0;
    if (http_tls_is_shaking(wsi))
        return -1;
    if (e && e->state == READING) {
        exchange_refuse(e, 408, "the body did not come in time");
        return 0;
    }
    if (e && e->state == LENT && !e->head_sent)
        answer_at_once(wsi, 503, "Service Unavailable", "the broker did not answer in time");
    else if (!c->served)
        answer_at_once(wsi, 408, "Request Timeout", "the request did not come in time");
    connection_forget(c); /* libwebsockets tries for a while yet to send what it has */
    return -1;
}

static int socket_ask(struct http *h, struct connection *c, struct lws *wsi)
{
    struct admission *a = &c->upgrade;

    a->asked = true;
    a->status = (int)http_sockets_refuse(&h->sockets, wsi, c->peer_text, a->reason, sizeof a->reason);
    return a->status;
}

/* HTTP/2 is offered by clients that like it, and need not be taken; but libwebsockets takes it, and then loses the
 * request's body.  So it does not see the offer: `to` lies in its own copy of the head.  Likewise with a WebSocket that
 * is refused: request_head answers it. */
static int on_upgrade(struct http *h, struct connection *c, struct lws *wsi, char *to)
{
    bool refused = c->one_more != NULL || strcasecmp(to, "h2c") == 0;

    if (!refused && strcasecmp(to, "websocket") == 0) {
        admission_ask(h, c, wsi, true);
        refused = c->admission.status != 0 || socket_ask(h, c, wsi) != 0;
        if (!refused)
            c->admission.asked = false; /* there is no other request on this connection */
    }
    if (refused)
        memset(to, '-', strlen(to));
    return 0;
}

/* LWS_CALLBACK_ESTABLISHED, after an upgrade. */
static int on_socket(struct http *h, struct connection *c, struct lws *wsi)
{
    connection_forget(c);
    lws_set_timer_usecs(wsi, LWS_SET_TIMER_USEC_CANCEL);
    return (c->socket = http_socket_open(&h->sockets, wsi)) ? 0 : -1;
}

static int on_socket_closed(struct connection *c)
{
    if (c->socket)
        http_socket_closed(c->socket);
    c->socket = NULL;
    return 0;
}

/* What came is no request, or one in plain text where TLS is spoken: libwebsockets gives it as it is. */
static int on_garbage(struct http *h, struct lws *wsi)
{
    if (h->tls.vhost && lws_get_vhost(wsi) == h->tls.vhost && !lws_get_ssl(wsi))
        answer_at_once(wsi, 400, "Bad Request", "this port speaks TLS: ask with https");
    else
        answer_at_once(wsi, 400, "Bad Request", "this is no HTTP request, or one of an unknown method");
    return -1;
}

static int on_connection_event(struct http *h, struct connection *c, struct lws *wsi, enum lws_callback_reasons reason,
                               void *in, size_t len)
{
    switch (reason) {
    case LWS_CALLBACK_TIMER:
        return on_timer(c, wsi);
    case LWS_CALLBACK_RAW_RX:
        return on_garbage(h, wsi);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(h, c, wsi, in);
    case LWS_CALLBACK_ESTABLISHED:
        return on_socket(h, c, wsi);
    case LWS_CALLBACK_RECEIVE:
        return c->socket ? http_socket_received(c->socket, in, len) : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return c->socket ? http_socket_writable(c->socket) : -1;
    case LWS_CALLBACK_CLOSED:
        return on_socket_closed(c);
    case LWS_CALLBACK_HTTP:
        return on_head(h, c, wsi, in, len);
    case LWS_CALLBACK_HTTP_BODY:
        return c->exchange ? request_body(c->exchange, in, len) : 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return c->exchange ? request_body_end(c->exchange) : c->lingering ? -1 : 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(h, c, wsi);
    case LWS_CALLBACK_CLOSED_HTTP:
        connection_forget(c);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        return on_gone(h, c, wsi);
    default:
        return 0;
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct http *h = lws_context_user(lws_get_context(wsi));
    struct connection *c;

    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        take_finished(h);
        http_sockets_run(&h->sockets);
    }
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS)
        return http_tls_configure(&h->tls, user); /* there is no connection yet */
    if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED)
        return on_new(h, wsi);
    c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    return c ? on_connection_event(h, c, wsi, reason, in, len) : 0;
}

static struct lws_context_creation_info creation_info(struct http *h)
{
    struct lws_context_creation_info info = {0};

    info.iface = strcmp(h->options.bind, "0.0.0.0") == 0 ? NULL : h->options.bind;
    info.protocols = h->protocols;
    info.user = h;
    /* TLS is not set up for nothing: it costs a megabyte that a plain listener does not need. */
    info.options = (h->options.tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0) | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   LWS_SERVER_OPTION_FALLBACK_TO_APPLY_LISTEN_ACCEPT_CONFIG;
    info.listen_accept_role = "raw-skt"; /* what is no HTTP: on_garbage */
    info.listen_accept_protocol = "http";
    info.fd_limit_per_thread =
        h->options.connections_max + ONE_MORE_MAX + 4; /* the listeners, the pipe, one to spare */
    info.max_http_header_pool = (unsigned short)(h->options.connections_max + ONE_MORE_MAX);
    info.max_http_header_data = (unsigned short)h->options.head_bytes_max;
    info.pt_serv_buf_size = SERVICE_BUFFER;
    info.timeout_secs = SILENCE_TIMEOUT_S;
    info.timeout_secs_ah_idle = SILENCE_TIMEOUT_S; /* a head that does not end */
    info.keepalive_timeout = SILENCE_TIMEOUT_S;
    info.server_string = "Geminga";
    info.gid = -1;
    info.uid = -1;
    return info;
}

/* Why, as far as errno says it. */
static enum err cannot_listen(const struct http *h, const char *what, uint16_t port, char *message, size_t message_size)
{
    const bool taken = errno == EADDRINUSE;

    if (taken)
        snprintf(message, message_size, "port %u of %s, for %s, is taken: stop who has it, or choose another", port,
                 h->options.bind, what);
    else
        snprintf(message, message_size,
                 "cannot listen on port %u of %s for %s: is it an address of this machine, and is the port allowed?",
                 port, h->options.bind, what);
    return taken ? ERR_BUSY : ERR_IO;
}

static enum err listen_on(struct http *h, char *message, size_t message_size)
{
    struct lws_context_creation_info info = creation_info(h);

    http_memory_use();
    lws_set_log_level(0, NULL); /* what it has to say it says to peers; what concerns the user is in `message` */
    errno = 0;
    if (!(h->context = lws_create_context(&info))) {
        snprintf(message, message_size, "the HTTP server cannot start: out of memory or of file descriptors");
        return ERR_IO;
    }
    h->sockets.context = h->context;
    errno = 0;
    info.port = h->options.port;
    if (!h->options.tls_only && !(h->vhost = lws_create_vhost(h->context, &info)))
        return cannot_listen(h, "HTTP", h->options.port, message, message_size);
    errno = 0;
    if (!h->options.tls ||
        http_tls_listen(&h->tls, h->context, &info, h->options.tls, h->options.tls_port, message, message_size))
        return OK;
    return message[0] ? ERR_INVALID : cannot_listen(h, "HTTPS", h->options.tls_port, message, message_size);
}

static void set_default(uint32_t *ms, uint32_t fallback)
{
    *ms = *ms > 0 ? *ms : fallback;
}

static void options_default(struct http_options *o)
{
    set_default(&o->head_ms, 10 * 1000);
    set_default(&o->body_ms, 30 * 1000);
    set_default(&o->handler_ms, 60 * 1000);
    set_default(&o->answer_ms, 120 * 1000);
    set_default(&o->idle_ms, 30 * 1000);
    set_default(&o->linger_ms, 10 * 1000);
    set_default(&o->head_bytes_max, 8192);
}

enum err http_open(struct http **out, const struct http_options *options, char *message, size_t message_size)
{
    struct http *h = calloc(1, sizeof *h);
    uint64_t seed = 0;
    enum err err;

    assert(options->connections_max > 0 && options->connections_max <= 10000);
    assert(options->head_bytes_max <= HTTP_HEAD_MAX);
    assert(options->tls || !options->tls_only);

    if (!h) {
        snprintf(message, message_size, "the HTTP server cannot start: out of memory");
        return ERR_NOMEM;
    }
    h->options = *options;
    options_default(&h->options);
    http_sockets_init(&h->sockets, options->sockets, options->gate);
    h->protocols[0] = (struct lws_protocols){.name = "http", .callback = on_event};
    list_init(&h->exchanges);
    http_tls_init(&h->tls, options->connections_max / 2 + 1);
    if ((err = listen_on(h, message, message_size)) != OK) {
        http_close(h);
        return err;
    }
    lws_get_random(h->context, &seed, sizeof seed);
    http_peers_init(&h->peers, options->connections_per_address_max, options->requests_per_s, seed);
    *out = h;
    return OK;
}

uint16_t http_port(const struct http *h)
{
    return h->vhost ? (uint16_t)lws_get_vhost_listen_port(h->vhost) : 0;
}

uint16_t http_tls_port(const struct http *h)
{
    return h->tls.vhost ? (uint16_t)lws_get_vhost_listen_port(h->tls.vhost) : 0;
}

void http_replace_tls(struct http *h, SSL_CTX *ctx)
{
    http_tls_replace(&h->tls, ctx);
}

void http_run(struct http *h)
{
    struct http_memory memory = {0};

    http_memory_begin(&memory);
    while (!atomic_load(&h->stopping) && lws_service(h->context, 0) >= 0) {
        http_memory_turn(&memory);
        h->turns++;
    }
    http_memory_end(&memory);
}

void http_stop(struct http *h)
{
    atomic_store(&h->stopping, true);
    lws_cancel_service(h->context);
}

void http_close(struct http *h)
{
    if (!h)
        return;
    if (h->context)
        lws_context_destroy(h->context); /* closes connections, which forget their exchanges */
    h->sockets.context = NULL;
    http_sockets_run(&h->sockets);
    while (!list_empty(&h->exchanges))
        exchange_free(container_of(h->exchanges.next, struct exchange, node));
    http_tls_deinit(&h->tls);
    http_peers_deinit(&h->peers);
    free(h);
}
