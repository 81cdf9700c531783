/* SPDX-License-Identifier: Apache-2.0
 *
 * http_answer.c - from a struct call that is finished to what the peer reads.
 *
 * An answer of which all is there has its length in its head.  One in parts goes in chunks, and one that breaks off has
 * no last chunk; to a peer of HTTP/1.0, which knows no chunks, it goes as it is, and ends with the connection.
 * One that says that it may be long is compressed, for peers that take gzip.
 */
#include "http/http_private.h"

#include <stdio.h>

enum {
    PART = 16 * 1024,    /* of an answer, written at once */
    CHUNK_HEAD_MAX = 16, /* the size, in front of a chunk */
    HEAD_ROOM = 1024,    /* what is in every head */
    PACKED_ENOUGH = 8192 /* compressed bytes that are worth writing */
};

static bool has_more(const struct exchange *e)
{
    return e->call.more || e->call.unwritten;
}

/* What is to be sent. */
static const struct text *out_of(const struct exchange *e)
{
    return e->gzip ? &e->packed : &e->call.answer.body;
}

/* ---- the head ---- */

static int add_header(struct exchange *e, enum lws_token_indexes token, const char *value, uint8_t **p, uint8_t *end)
{
    return lws_add_http_header_by_token(e->wsi, token, (const uint8_t *)value, (int)strlen(value), p, end);
}

static int add_special_headers(struct exchange *e, uint8_t **p, uint8_t *end)
{
    for (const struct http_header *h = e->call.answer.headers; h; h = h->next) {
        if (lws_add_http_header_by_name(e->wsi, (const uint8_t *)h->name, h->value.data, (int)h->value.len, p, end))
            return 1;
    }
    return 0;
}

static int add_length(struct exchange *e, uint8_t **p, uint8_t *end)
{
    char text[24];

    if (e->parts)
        return e->old ? 0 : add_header(e, WSI_TOKEN_HTTP_TRANSFER_ENCODING, "chunked", p, end);
    snprintf(text, sizeof text, "%zu", e->call.answer.content_type ? e->call.answer.body.len : 0);
    return e->call.answer.status == 204 ? 0 : add_header(e, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, p, end);
}

/* For browsers: they do not guess what an answer is, and nobody keeps one. */
static int add_caution(struct exchange *e, uint8_t **p, uint8_t *end)
{
    return add_header(e, WSI_TOKEN_HTTP_CACHE_CONTROL, "no-store", p, end) ||
           lws_add_http_header_by_name(e->wsi, (const uint8_t *)"X-Content-Type-Options:", (const uint8_t *)"nosniff",
                                       7, p, end);
}

static int add_headers(struct exchange *e, uint8_t **p, uint8_t *end)
{
    const struct http_answer *a = &e->call.answer;
    int failed = lws_add_http_header_status(e->wsi, (unsigned)a->status, p, end);

    if (a->content_type)
        failed = failed || add_header(e, WSI_TOKEN_HTTP_CONTENT_TYPE, a->content_type, p, end);
    failed = failed || add_length(e, p, end) || add_caution(e, p, end);
    if (e->gzip)
        failed = failed || add_header(e, WSI_TOKEN_HTTP_CONTENT_ENCODING, "gzip", p, end);
    if (a->may_be_long)
        failed = failed || add_header(e, WSI_TOKEN_HTTP_VARY, "Accept-Encoding", p, end);
    if (e->close)
        failed = failed || add_header(e, WSI_TOKEN_CONNECTION, "close", p, end);
    return failed || add_special_headers(e, p, end);
}

/* What is known only now that the answer is there. */
static void answer_begin(struct exchange *e)
{
    const struct http_answer *a = &e->call.answer;

    if (a->may_be_long && a->status == 200 && e->takes_gzip && !e->call.request.head)
        e->gzip = gzip_new(); /* NULL: it goes as it is */
    e->parts = has_more(e) || e->gzip;
    e->close = e->close || (e->parts && e->old);
}

static bool write_head(struct exchange *e)
{
    const size_t size = LWS_PRE + HEAD_ROOM + e->call.answer.headers_len;
    uint8_t *buffer = arena_alloc(&e->call.arena, size), *p, *end;

    if (!buffer)
        return false;
    p = buffer + LWS_PRE;
    end = buffer + size;
    answer_begin(e);
    if (add_headers(e, &p, end) || lws_finalize_write_http_header(e->wsi, buffer + LWS_PRE, &p, end))
        return false;
    e->head_sent = true;
    return true;
}

/* ---- the body ---- */

/* Takes the body into `packed`; parts that the writer can make here are made until there is enough. */
static bool pack(struct exchange *e)
{
    struct text *const body = &e->call.answer.body;

    if (e->packed_last || e->sent < e->packed.len)
        return true;
    e->packed.len = e->sent = 0;
    for (;;) {
        e->packed_last = !has_more(e);
        if (gzip_add(e->gzip, bytes_of(body->data, body->len), e->packed_last, &e->packed) != OK)
            return false;
        body->len = 0;
        if (!e->call.unwritten || e->packed.len >= PACKED_ENOUGH)
            return true;
        call_write(&e->call);
        if (e->call.broken)
            return false;
    }
}

static bool write_bytes(struct exchange *e, uint8_t *from, size_t len, bool last)
{
    return lws_write(e->wsi, from, len, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) >= (int)len;
}

/* As it is.  The last write of all, if there is nothing behind it. */
static bool write_plain(struct exchange *e)
{
    const struct text *out = out_of(e);
    uint8_t buffer[LWS_PRE + PART];
    const size_t len = out->len - e->sent < PART ? out->len - e->sent : PART;

    if (len > 0)
        memcpy(buffer + LWS_PRE, out->data + e->sent, len);
    e->sent += len;
    e->last_sent = e->sent == out->len && !has_more(e);
    return len == 0 || write_bytes(e, buffer + LWS_PRE, len, e->last_sent && !e->parts);
}

/* What is there of the body, as a chunk; behind the answer's last byte the chunk that says so. */
static bool write_chunk(struct exchange *e)
{
    const struct text *out = out_of(e);
    uint8_t buffer[LWS_PRE + CHUNK_HEAD_MAX + PART + 8], *p = buffer + LWS_PRE;
    size_t len = out->len - e->sent < PART ? out->len - e->sent : PART;

    if (len > 0) {
        p += snprintf((char *)p, CHUNK_HEAD_MAX, "%zx\r\n", len);
        memcpy(p, out->data + e->sent, len);
        memcpy(p + len, "\r\n", 2);
        p += len + 2;
        e->sent += len;
    }
    if (e->sent == out->len && !has_more(e)) {
        memcpy(p, "0\r\n\r\n", 5);
        p += 5;
        e->last_sent = true;
    }
    len = (size_t)(p - (buffer + LWS_PRE));
    return len == 0 || write_bytes(e, buffer + LWS_PRE, len, e->last_sent);
}

bool answer_write(struct exchange *e)
{
    if (e->call.broken)
        return false;
    if (!e->head_sent)
        return write_head(e);
    if (e->gzip && !pack(e))
        return false;
    return e->parts && !e->old ? write_chunk(e) : write_plain(e);
}

bool answer_taken(const struct exchange *e)
{
    return e->head_sent && e->sent == out_of(e)->len && (!e->gzip || e->call.answer.body.len == 0);
}

bool answer_complete(const struct exchange *e)
{
    const struct http_answer *a = &e->call.answer;

    if (!e->head_sent)
        return false;
    if (!a->content_type || e->call.request.head)
        return true;
    return e->last_sent || (!e->parts && a->body.len == 0);
}

void answer_at_once(struct lws *wsi, int status, const char *text, const char *reason)
{
    char answer[LWS_PRE + 500];
    const int body = (int)strlen("{\"reason\":\"\"}") + (int)strlen(reason);
    const int len = snprintf(answer + LWS_PRE, sizeof answer - LWS_PRE,
                             "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                             "Connection: close\r\n\r\n{\"reason\":\"%s\"}",
                             status, text, body, reason);

    (void)lws_write(wsi, (uint8_t *)answer + LWS_PRE, (size_t)len, LWS_WRITE_HTTP);
}
