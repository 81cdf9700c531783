/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - see http.h.
 *
 * One exchange is one request and its answer:
 *
 *     READING  its body comes in          -> LENT
 *     LENT     the handler has the call   -> ANSWER, by way of `finished` and the event pipe
 *     ANSWER   head, then body in parts   -> LENT again, if the handler has more (call_part);
 *                                            else freed, and the connection takes the next request
 *
 * The length of an answer in parts is not known, so that it goes in chunks; one that breaks off has no last chunk.
 *
 * A connection that goes while its exchange is LENT leaves it behind: it is freed when the handler is done.
 * Exchanges belong to the server's thread; only the stack of finished ones is shared, and it is lock-free.
 */
#include "admin/http.h"

#include "admin/http_socket.h"
#include "base/list.h"

#include <assert.h>
#include <errno.h>
#include <libwebsockets.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SERVICE_BUFFER = 4096,
    HEADER_MAX = 8192,             /* bytes of a request's head */
    HEAD_TIMEOUT_S = 10,           /* for a request's head, and for all that libwebsockets waits for by itself */
    IDLE_TIMEOUT_S = 30,           /* a connection between requests */
    HANDLER_TIMEOUT_S = 60,        /* then the connection is closed */
    WRITE_TIMEOUT_S = 30,          /* for each part of an answer */
    PART = 16 * 1024,              /* of an answer, written at once */
    CHUNK_HEAD_MAX = 16,           /* the size, in front of a chunk */
    BODIES_MAX = 16 * 1024 * 1024, /* bytes of request bodies held at a time */
    LEFT_BEHIND_MAX = 100          /* handlers at work for connections that are gone */
};

enum exchange_state { READING, LENT, ANSWER };

struct exchange {
    struct admin_call call; /* first: finished() is given this */
    struct http *http;
    struct list node; /* http->exchanges */
    struct lws *wsi;  /* NULL: the connection is gone */
    enum exchange_state state;
    size_t body_size, body_got;
    uint8_t *body; /* in the call's arena */
    bool close;    /* the connection cannot be used again */
    bool head_sent;
    bool chunked, last_sent;        /* an answer in parts; its last chunk is gone */
    size_t sent;                    /* of the answer's body */
    struct exchange *next_finished; /* the stack's */
};

/* What libwebsockets keeps with a connection. */
struct connection {
    struct exchange *exchange;
    struct http_socket *socket; /* NULL: it is plain HTTP */
};

struct http {
    struct http_options options;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];

    struct http_sockets sockets;
    struct list exchanges; /* the server's thread */
    size_t exchange_count, body_bytes;

    _Atomic(struct exchange *) finished; /* any thread pushes, the server's takes all */
    atomic_bool stopping;
};

static void exchange_free(struct exchange *e)
{
    list_remove(&e->node);
    e->http->exchange_count--;
    e->http->body_bytes -= e->body_size;
    call_deinit(&e->call);
    free(e);
}

static void exchange_finished(struct admin_call *call)
{
    struct exchange *e = (struct exchange *)(void *)call;
    struct http *h = e->http;

    e->next_finished = atomic_load(&h->finished);
    while (!atomic_compare_exchange_weak(&h->finished, &e->next_finished, e))
        ;
    lws_cancel_service(h->context); /* wakes the server's thread */
}

/* On the server's thread: those whose handlers are done. */
static void take_finished(struct http *h)
{
    struct exchange *e = atomic_exchange(&h->finished, NULL);

    while (e) {
        struct exchange *next = e->next_finished;
        e->state = ANSWER;
        if (e->wsi) {
            call_write(&e->call);
            lws_callback_on_writable(e->wsi);
        } else {
            exchange_free(e);
        }
        e = next;
    }
}

static struct exchange *exchange_new(struct http *h, struct lws *wsi)
{
    struct exchange *e;

    if (h->exchange_count >= h->options.connections_max + LEFT_BEHIND_MAX)
        return NULL;
    if (!(e = calloc(1, sizeof *e)))
        return NULL;
    e->http = h;
    e->wsi = wsi;
    call_init(&e->call);
    e->call.finished = exchange_finished;
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
    lws_set_timeout(e->wsi, PENDING_TIMEOUT_HTTP_CONTENT, HANDLER_TIMEOUT_S);
    e->http->options.on_request(e->http->options.ctx, &e->call);
}

static void refuse_request(struct exchange *e, int status, const char *reason)
{
    e->close = true; /* its body, if any, is still on the way */
    e->state = LENT;
    call_reason(&e->call, status, "%s", reason);
}

/* ---- a request's head ---- */

static bool method_of(struct lws *wsi, struct http_request *r)
{
    static const struct {
        enum lws_token_indexes token;
        enum http_method method;
    } methods[] = {{WSI_TOKEN_GET_URI, HTTP_GET},
                   {WSI_TOKEN_PUT_URI, HTTP_PUT},
                   {WSI_TOKEN_POST_URI, HTTP_POST},
                   {WSI_TOKEN_DELETE_URI, HTTP_DELETE},
                   {WSI_TOKEN_HEAD_URI, HTTP_GET}};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
            r->method = methods[i].method;
            r->head = methods[i].token == WSI_TOKEN_HEAD_URI;
            return true;
        }
    return false;
}

static bool copy_bytes(struct arena *arena, const void *data, size_t len, struct bytes *out)
{
    uint8_t *copy = arena_alloc(arena, len + 1);

    if (!copy)
        return false;
    memcpy(copy, data, len);
    *out = bytes_of(copy, len);
    return true;
}

/* "name=value", or "name" alone. */
static struct http_parameter parameter_of(struct bytes fragment)
{
    const uint8_t *equals = fragment.len > 0 ? memchr(fragment.data, '=', fragment.len) : NULL;
    struct http_parameter p = {.name = fragment, .value = bytes_of("", 0)};

    if (equals) {
        p.name.len = (size_t)(equals - fragment.data);
        p.value = bytes_of(equals + 1, fragment.len - p.name.len - 1);
    }
    return p;
}

static bool query_read(struct lws *wsi, struct admin_call *call)
{
    struct http_request *r = &call->request;
    char text[HEADER_MAX];
    struct bytes fragment;
    int len;

    for (int i = 0; i < QUERY_MAX; i++) {
        if ((len = lws_hdr_copy_fragment(wsi, text, sizeof text, WSI_TOKEN_HTTP_URI_ARGS, i)) < 0)
            break;
        if (!copy_bytes(&call->arena, text, (size_t)len, &fragment))
            return false;
        r->query[r->query_count++] = parameter_of(fragment);
    }
    return true;
}

static bool listener_read(struct lws *wsi, struct admin_call *call)
{
    static const char name[] = "x-pulsar-listenername:";
    char text[256];
    int len = lws_hdr_custom_copy(wsi, text, sizeof text, name, sizeof name - 1);

    return len <= 0 || copy_bytes(&call->arena, text, (size_t)len, &call->request.listener);
}

static bool is_http_1_0(struct lws *wsi)
{
    char text[16];

    return lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP) > 0 && strcmp(text, "HTTP/1.0") == 0;
}

/* The size that the head gives; -1: not a number. */
static long long content_length(struct lws *wsi)
{
    char text[24], *end;

    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
        return 0;
    if (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0)
        return -1;
    errno = 0;
    long long size = strtoll(text, &end, 10);
    return errno != 0 || end == text || *end ? -1 : size;
}

static void body_begin(struct exchange *e, size_t size)
{
    if (e->http->body_bytes + size > BODIES_MAX || !(e->body = arena_alloc(&e->call.arena, size))) {
        refuse_request(e, 503, "too many requests at a time");
        return;
    }
    e->body_size = size;
    e->http->body_bytes += size;
    lws_set_timeout(e->wsi, PENDING_TIMEOUT_HTTP_CONTENT, WRITE_TIMEOUT_S);
}

/* Where messages would go both ways: either the service refused it, or no upgrade was asked for. */
static void refuse_socket(struct exchange *e)
{
    char reason[300];
    const unsigned status = http_sockets_refuse(&e->http->sockets, e->wsi, reason, sizeof reason);

    if (status == 0)
        refuse_request(e, 426, "this is a WebSocket's address: ask for an upgrade");
    else
        refuse_request(e, (int)status, reason);
}

/* LWS_CALLBACK_HTTP: the head is there, with the decoded path. */
static int on_head(struct http *h, struct connection *c, struct lws *wsi, const char *path, size_t len)
{
    struct exchange *e;
    long long size = content_length(wsi);

    connection_forget(c);
    if (!(e = c->exchange = exchange_new(h, wsi)))
        return -1;
    e->call.request.whole = is_http_1_0(wsi);
    if (!method_of(wsi, &e->call.request))
        refuse_request(e, 405, "only GET, HEAD, PUT, POST and DELETE");
    else if (!copy_bytes(&e->call.arena, path, len, &e->call.request.path) || !query_read(wsi, &e->call) ||
             !listener_read(wsi, &e->call))
        refuse_request(e, 503, "out of memory");
    else if (http_sockets_is_path(&h->sockets, e->call.request.path))
        refuse_socket(e);
    else if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        refuse_request(e, 411, "give the body's length: chunked bodies are not taken");
    else if (size < 0)
        refuse_request(e, 400, "Content-Length is not a number");
    else if (size > BODY_MAX)
        refuse_request(e, 413, "the body is larger than 1 MiB");
    else if (size > 0)
        body_begin(e, (size_t)size);
    else
        lend(e);
    return 0;
}

static int on_body(struct exchange *e, const uint8_t *data, size_t len)
{
    if (!e || e->state != READING)
        return 0; /* refused already; the rest is thrown away */
    if (len > e->body_size - e->body_got)
        return -1;
    memcpy(e->body + e->body_got, data, len);
    e->body_got += len;
    return 0;
}

static int on_body_end(struct exchange *e)
{
    if (!e || e->state != READING)
        return 0;
    if (e->body_got < e->body_size)
        return -1;
    e->call.request.body = bytes_of(e->body, e->body_got);
    lend(e);
    return 0;
}

/* ---- the answer ---- */

/* libwebsockets would close the connection behind an answer without a length. */
static int add_chunked_headers(struct exchange *e, uint8_t **p, uint8_t *end)
{
    static const char chunked[] = "chunked";
    const char *type = e->call.answer.content_type;

    e->chunked = true;
    return lws_add_http_header_status(e->wsi, (unsigned)e->call.answer.status, p, end) ||
           lws_add_http_header_by_token(e->wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, (const uint8_t *)type, (int)strlen(type),
                                        p, end) ||
           lws_add_http_header_by_token(e->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING, (const uint8_t *)chunked,
                                        (int)strlen(chunked), p, end);
}

static int add_special_headers(struct exchange *e, uint8_t **p, uint8_t *end)
{
    for (const struct http_header *h = e->call.answer.headers; h; h = h->next) {
        if (lws_add_http_header_by_name(e->wsi, (const uint8_t *)h->name, h->value.data, (int)h->value.len, p, end))
            return 1;
    }
    return 0;
}

static bool write_head(struct exchange *e)
{
    const struct http_answer *a = &e->call.answer;
    const size_t size = LWS_PRE + 1024 + a->headers_len;
    uint8_t *buffer = arena_alloc(&e->call.arena, size), *p, *end;
    int failed;

    if (!buffer)
        return false;
    p = buffer + LWS_PRE;
    end = buffer + size;

    if (e->call.more || e->call.unwritten)
        failed = add_chunked_headers(e, &p, end);
    else if (a->content_type)
        failed = lws_add_http_common_headers(e->wsi, (unsigned)a->status, a->content_type, a->body.len, &p, end);
    else
        failed = lws_add_http_header_status(e->wsi, (unsigned)a->status, &p, end);
    failed = failed || add_special_headers(e, &p, end);
    if (failed || lws_finalize_write_http_header(e->wsi, buffer + LWS_PRE, &p, end))
        return false;
    e->head_sent = true;
    return true;
}

static bool write_part(struct exchange *e)
{
    const struct text *body = &e->call.answer.body;
    uint8_t buffer[LWS_PRE + PART];
    size_t len = body->len - e->sent < PART ? body->len - e->sent : PART;
    bool last = e->sent + len == body->len;

    memcpy(buffer + LWS_PRE, body->data + e->sent, len);
    e->sent += len;
    return lws_write(e->wsi, buffer + LWS_PRE, len, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) >= (int)len;
}

/* What is there of the body, as a chunk; behind the answer's last byte the chunk that says so. */
static bool write_chunk(struct exchange *e)
{
    const struct text *body = &e->call.answer.body;
    uint8_t buffer[LWS_PRE + CHUNK_HEAD_MAX + PART + 8], *p = buffer + LWS_PRE;
    size_t len = body->len - e->sent < PART ? body->len - e->sent : PART;

    if (len > 0) {
        p += snprintf((char *)p, CHUNK_HEAD_MAX, "%zx\r\n", len);
        memcpy(p, body->data + e->sent, len);
        memcpy(p + len, "\r\n", 2);
        p += len + 2;
        e->sent += len;
    }
    if (e->sent == body->len && !e->call.more && !e->call.unwritten) {
        memcpy(p, "0\r\n\r\n", 5);
        p += 5;
        e->last_sent = true;
    }
    len = (size_t)(p - (buffer + LWS_PRE));
    return lws_write(e->wsi, buffer + LWS_PRE, len, e->last_sent ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) >= (int)len;
}

static bool write_next(struct exchange *e)
{
    if (e->call.broken)
        return false;
    if (!e->head_sent)
        return write_head(e);
    return e->chunked ? write_chunk(e) : write_part(e);
}

static bool answer_complete(const struct exchange *e)
{
    const struct http_answer *a = &e->call.answer;

    if (!e->head_sent)
        return false;
    if (!a->content_type || e->call.request.head)
        return true;
    return e->chunked ? e->last_sent : e->sent == a->body.len;
}

/* The peer has taken all there was: the handler makes more, or its writer does, here. */
static void make_more(struct exchange *e)
{
    e->call.answer.body.len = 0;
    e->sent = 0;
    if (e->call.unwritten) {
        call_write(&e->call);
        lws_callback_on_writable(e->wsi);
    } else {
        lend(e);
    }
}

/* LWS_CALLBACK_HTTP_WRITEABLE */
static int on_writable(struct connection *c, struct lws *wsi)
{
    struct exchange *e = c->exchange;

    if (!e || e->state != ANSWER)
        return 0;
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WRITE_TIMEOUT_S);
    if (!write_next(e))
        return -1;
    if (!answer_complete(e)) {
        if ((e->call.more || e->call.unwritten) && e->sent == e->call.answer.body.len)
            make_more(e);
        else
            lws_callback_on_writable(wsi);
        return 0;
    }
    bool close = e->close;
    c->exchange = NULL;
    exchange_free(e);
    return close || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* ---- the server ---- */

/* HTTP/2 is offered by clients that like it, and need not be taken; but libwebsockets takes it, and then loses the
 * request's body.  So it does not see the offer: `to` lies in its own copy of the head.  Likewise with a WebSocket that
 * is refused: on_head answers it. */
static int on_upgrade(struct http *h, struct lws *wsi, char *to)
{
    char reason[300];
    const bool refused = strcasecmp(to, "h2c") == 0 || (strcasecmp(to, "websocket") == 0 &&
                                                        http_sockets_refuse(&h->sockets, wsi, reason, sizeof reason));

    if (refused)
        memset(to, '-', strlen(to));
    return 0;
}

/* LWS_CALLBACK_ESTABLISHED, after an upgrade. */
static int on_socket(struct http *h, struct connection *c, struct lws *wsi)
{
    connection_forget(c);
    return (c->socket = http_socket_open(&h->sockets, wsi)) ? 0 : -1;
}

static int on_socket_closed(struct connection *c)
{
    if (c && c->socket)
        http_socket_closed(c->socket);
    if (c)
        c->socket = NULL;
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct connection *c = user;
    struct http *h = lws_context_user(lws_get_context(wsi));

    switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        take_finished(h);
        http_sockets_run(&h->sockets);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(h, wsi, in);
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
        return on_body(c->exchange, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_end(c->exchange);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(c, wsi);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (c)
            connection_forget(c);
        return 0;
    default:
        return 0;
    }
}

static struct lws_context_creation_info creation_info(struct http *h)
{
    struct lws_context_creation_info info = {0};

    info.port = h->options.port;
    info.iface = strcmp(h->options.bind, "0.0.0.0") == 0 ? NULL : h->options.bind;
    info.protocols = h->protocols;
    info.user = h;
    /* No TLS set-up: it costs a megabyte that a plain listener does not need. */
    info.options =
        LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    info.fd_limit_per_thread = h->options.connections_max + 3; /* the listener, the pipe, and one to refuse with */
    info.max_http_header_pool = (unsigned short)h->options.connections_max;
    info.max_http_header_data = HEADER_MAX;
    info.pt_serv_buf_size = SERVICE_BUFFER;
    info.timeout_secs = HEAD_TIMEOUT_S;
    info.keepalive_timeout = IDLE_TIMEOUT_S;
    info.server_string = "Geminga";
    info.gid = -1;
    info.uid = -1;
    return info;
}

static enum err listen_on(struct http *h, char *message, size_t message_size)
{
    struct lws_context_creation_info info = creation_info(h);

    lws_set_log_level(0, NULL); /* what it has to say it says to peers; what concerns the user is in `message` */
    errno = 0;
    if (!(h->context = lws_create_context(&info))) {
        snprintf(message, message_size, "the HTTP server cannot start: out of memory or of file descriptors");
        return ERR_IO;
    }
    h->sockets.context = h->context;
    errno = 0;
    if ((h->vhost = lws_create_vhost(h->context, &info)))
        return OK;
    bool taken = errno == EADDRINUSE;
    if (taken)
        snprintf(message, message_size, "port %u of %s, for HTTP, is taken: stop who has it, or choose another",
                 h->options.port, h->options.bind);
    else
        snprintf(message, message_size,
                 "cannot listen on port %u of %s for HTTP: is it an address of this machine, and is the port allowed?",
                 h->options.port, h->options.bind);
    return taken ? ERR_BUSY : ERR_IO;
}

enum err http_open(struct http **out, const struct http_options *options, char *message, size_t message_size)
{
    struct http *h = calloc(1, sizeof *h);
    enum err err;

    assert(options->connections_max > 0 && options->connections_max <= 10000);

    if (!h) {
        snprintf(message, message_size, "the HTTP server cannot start: out of memory");
        return ERR_NOMEM;
    }
    h->options = *options;
    http_sockets_init(&h->sockets, options->sockets);
    h->protocols[0] = (struct lws_protocols){
        .name = "http", .callback = on_event, .per_session_data_size = sizeof(struct connection)};
    list_init(&h->exchanges);
    if ((err = listen_on(h, message, message_size)) != OK) {
        http_close(h);
        return err;
    }
    *out = h;
    return OK;
}

uint16_t http_port(const struct http *h)
{
    return (uint16_t)lws_get_vhost_listen_port(h->vhost);
}

void http_run(struct http *h)
{
    while (!atomic_load(&h->stopping) && lws_service(h->context, 0) >= 0)
        ;
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
    free(h);
}
