/* SPDX-License-Identifier: Apache-2.0
 *
 * http_request.c - from what libwebsockets read of a request to a struct call.
 *
 * What two readers could understand in two ways is refused (RFC 9112, 6.3): a length that is no plain number, a length
 * and chunks at once.  libwebsockets gives the bytes of a body in chunks as they are, and takes all that comes behind a
 * PUT or POST without a length for its body: so the connection ends with the answer, which says so.
 */
#include "http/http_credentials.h"
#include "http/http_private.h"
#include "http/http_query.h"

static void method_of(struct lws *wsi, struct http_request *r)
{
    static const struct {
        enum lws_token_indexes token;
        enum http_method method;
    } methods[] = {
        {WSI_TOKEN_GET_URI, HTTP_GET},       {WSI_TOKEN_PUT_URI, HTTP_PUT},  {WSI_TOKEN_POST_URI, HTTP_POST},
        {WSI_TOKEN_DELETE_URI, HTTP_DELETE}, {WSI_TOKEN_HEAD_URI, HTTP_GET}, {WSI_TOKEN_OPTIONS_URI, HTTP_OPTIONS},
    };

    r->method = HTTP_OTHER;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
            r->method = methods[i].method;
            r->head = methods[i].token == WSI_TOKEN_HEAD_URI;
            return;
        }
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

/* What handlers may ask for, beside the body.  False: no memory. */
static bool head_copy(struct lws *wsi, struct call *call, const char *path, size_t len)
{
    struct http_request *r = &call->request;

    return copy_bytes(&call->arena, path, len, &r->path) &&
           http_query_copy(wsi, &call->arena, r->query, QUERY_MAX, &r->query_count) &&
           http_header_copy_named(wsi, "x-pulsar-listenername:", &call->arena, &r->listener) &&
           http_credentials_read(wsi, &call->arena, &r->credentials);
}

static bool is_old(struct lws *wsi)
{
    char text[16];

    return lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP) > 0 && strcmp(text, "HTTP/1.0") == 0;
}

static bool takes_gzip(struct lws *wsi)
{
    char text[256];
    const int len = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_ACCEPT_ENCODING);

    return len > 0 && gzip_accepted(bytes_of(text, (size_t)len));
}

/* ---- the body ---- */

static bool has(struct lws *wsi, enum lws_token_indexes token)
{
    return lws_hdr_total_length(wsi, token) > 0;
}

/* The size that the head gives; false: it is not digits alone.  One that is too large for a number is too large. */
static bool content_length(struct lws *wsi, size_t *size)
{
    char text[24];
    const int len = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH);

    *size = 0;
    if (!has(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        return true;
    for (int i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (*size <= BODY_MAX)
            *size = *size * 10 + (size_t)(text[i] - '0');
    }
    return len > 0;
}

static bool is_chunked(struct lws *wsi)
{
    char text[32];

    return lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 &&
           strcasecmp(text, "chunked") == 0;
}

/* A peer that asks first whether its body is welcome (RFC 9110, 10.1.1).  It sends it at last even when it is told
 * nothing. */
static void welcome_body(struct exchange *e)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uint8_t buffer[LWS_PRE + sizeof go_on];
    char text[32];

    if (e->old || lws_hdr_copy(e->wsi, text, sizeof text, WSI_TOKEN_HTTP_EXPECT) <= 0 ||
        strcasecmp(text, "100-continue") != 0)
        return;
    memcpy(buffer + LWS_PRE, go_on, sizeof go_on - 1);
    (void)lws_write(e->wsi, buffer + LWS_PRE, sizeof go_on - 1, LWS_WRITE_HTTP_HEADERS);
}

static void body_wait(struct exchange *e)
{
    welcome_body(e);
    exchange_deadline(e, e->http->options.body_ms);
}

/* True: there is none, and the request is whole. */
static bool body_begin(struct exchange *e)
{
    const bool chunked = has(e->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING);
    const enum http_method method = e->call.request.method;

    e->close = !has(e->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) &&
               (method == HTTP_PUT || method == HTTP_POST || method == HTTP_OTHER);
    if (!content_length(e->wsi, &e->body_size)) {
        exchange_refuse(e, 400, "Content-Length is not a number");
    } else if (chunked && (e->old || has(e->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH))) {
        exchange_refuse(e, 400, "a body has a Content-Length, or comes in chunks");
    } else if (chunked && !is_chunked(e->wsi)) {
        exchange_refuse(e, 501, "the only transfer encoding that is taken is chunked");
    } else if (chunked && method != HTTP_PUT && method != HTTP_POST) {
        exchange_refuse(e, 411, "give the body's length: chunks are taken with PUT and POST only");
    } else if (e->body_size > BODY_MAX) {
        exchange_refuse(e, 413, "the body is larger than 1 MiB");
    } else if (chunked || e->body_size > 0) {
        e->chunked_body = chunked;
        body_wait(e);
    } else {
        return true;
    }
    return false;
}

/* Where messages would go both ways: either that was refused, or no upgrade was asked for. */
static void refuse_socket(struct exchange *e, struct admission *upgrade)
{
    if (upgrade->asked)
        exchange_refuse(e, upgrade->status, upgrade->reason);
    else
        exchange_refuse(e, 426, "this is a WebSocket's address: ask for an upgrade");
}

/* Nothing follows the head of a request for an upgrade that was refused, and libwebsockets does not look whether its
 * peer has gone. */
static void linger_not(struct exchange *e)
{
    if (lws_hdr_total_length(e->wsi, WSI_TOKEN_UPGRADE) > 0 && e->call.request.method == HTTP_GET)
        e->linger = false;
}

int request_head(struct exchange *e, struct connection *c, const char *path, size_t len)
{
    struct call *call = &e->call;
    const struct admission *admission = &c->admission;

    call->peer = c->peer_text[0] ? arena_text(&call->arena, c->peer_text) : NULL;
    admission_ask(e->http, c, e->wsi, false);
    c->admission.asked = false;

    e->old = is_old(e->wsi);
    e->takes_gzip = takes_gzip(e->wsi);
    method_of(e->wsi, &call->request);
    if (!head_copy(e->wsi, call, path, len))
        exchange_refuse(e, 503, "out of memory");
    else if (admission->status != 0)
        exchange_refuse(e, admission->status, admission->reason);
    else if (http_sockets_is_path(&e->http->sockets, call->request.path))
        refuse_socket(e, &c->upgrade);
    else if (body_begin(e))
        exchange_lend(e);
    linger_not(e);
    c->upgrade.asked = false;
    return 0;
}

/* False: it is refused. */
static bool body_add(struct exchange *e, struct bytes data)
{
    struct http *const h = e->http;

    if (e->body.len + data.len > BODY_MAX) {
        exchange_refuse(e, 413, "the body is larger than 1 MiB");
        return false;
    }
    text_add_bytes(&e->body, data);
    if (text_failed(&e->body) || h->body_bytes + data.len > HTTP_BODIES_MAX) {
        exchange_refuse(e, 503, "too many requests at a time");
        return false;
    }
    h->body_bytes += data.len;
    e->charged += data.len;
    return true;
}

static void body_lend(struct exchange *e)
{
    e->call.request.body = bytes_of(e->body.data, e->body.len);
    exchange_lend(e);
}

static void chunks_read(struct exchange *e, struct bytes in)
{
    enum chunks_result result = CHUNKS_MORE;
    struct bytes data;

    while (in.len > 0 && result == CHUNKS_MORE) {
        result = chunks_take(&e->chunks, &in, &data);
        if (data.len > 0 && !body_add(e, data))
            return;
    }
    if (result == CHUNKS_BAD) {
        exchange_refuse(e, 400, "the body's chunks are not well-formed");
    } else if (result == CHUNKS_END) {
        body_lend(e);
    }
}

/* libwebsockets 4.1 gives the head of a request that was sent before the answer to the one before as its body: as much
 * of it as the body is long.  So a body of "PU" cannot be told from it, and is not taken from a PUT either: the
 * connection ends, and a body of JSON never begins so. */
static bool is_own_head(const struct exchange *e, struct bytes data)
{
    static const char *const starts[] = {[HTTP_PUT] = "PUT /", [HTTP_POST] = "POST /", [HTTP_DELETE] = "DELETE /"};
    const enum http_method method = e->call.request.method;
    const char *start = method == HTTP_PUT || method == HTTP_POST || method == HTTP_DELETE ? starts[method] : "GET /";
    const size_t len = data.len < strlen(start) ? data.len : strlen(start);

    return e->body.len == 0 && len > 0 && memcmp(data.data, start, len) == 0;
}

int request_body(struct exchange *e, const uint8_t *data, size_t len)
{
    if (e->state != READING)
        return 0; /* it is refused, or it is the next request that libwebsockets takes for a body */
    if (is_own_head(e, bytes_of(data, len)))
        return -1;
    if (e->chunked_body) {
        chunks_read(e, bytes_of(data, len));
        return 0;
    }
    if (len > e->body_size - e->body.len)
        return -1;
    (void)body_add(e, bytes_of(data, len));
    return 0;
}

/* libwebsockets 4.1 tells a body's end again and again while it has more of the peer's bytes (requests that were sent
 * one behind the other), and in one place it does so for ever, without looking at anything else: then the connection is
 * given up. */
static bool is_spinning(struct exchange *e)
{
    if (e->end_turn != e->http->turns) {
        e->end_turn = e->http->turns;
        e->end_repeats = 0;
    }
    return ++e->end_repeats > 100;
}

int request_body_end(struct exchange *e)
{
    if (is_spinning(e))
        return -1;
    if (e->state != READING || e->chunked_body)
        return 0;
    if (e->body.len < e->body_size)
        return -1;
    body_lend(e);
    return 0;
}
