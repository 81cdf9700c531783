/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - a call's fields as libcurl's options, and its answer taken within bounds.
 *
 * libcurl hands over the header lines of every part of an answer (an interim 100, the answer, its trailers): those of
 * an interim one are forgotten when the next status line comes.
 */
#include "services/runtime/http.h"

#include "services/runtime/curl.h"
#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define HEADERS_MAX (64u << 10)

struct exchange {
    const struct http_call *call;
    struct http_reply *reply;
    size_t taken;
    bool address_refused; /* one of them */
    enum err err;         /* why we ended it */
};

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    struct bytes piece = bytes_of(data, size * count);

    if (piece.len > x->call->answer_max - x->taken) {
        x->err = ERR_TOO_LARGE;
        return CURL_WRITEFUNC_ERROR;
    }
    x->taken += piece.len;
    if (x->call->take) {
        x->err = x->call->take(x->call->ctx, piece) ? OK : ERR_CANCELLED;
    } else {
        text_add_bytes(&x->reply->body, piece);
        x->err = text_failed(&x->reply->body) ? ERR_NOMEM : OK;
    }
    return x->err == OK ? piece.len : CURL_WRITEFUNC_ERROR;
}

/* libcurl's way to make a socket, with a question before it: of an address, not of a name. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *x = ctx;

    (void)purpose;
    if (x->call->may_connect(x->call->ctx, &address->addr))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    x->address_refused = true;
    return CURL_SOCKET_BAD;
}

static void lower(char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        name[i] = (char)tolower((unsigned char)name[i]);
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    struct text *headers = &x->reply->headers;
    size_t len = size * count, start = headers->len;
    const char *colon = memchr(data, ':', len);

    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        text_deinit(headers);
        return len;
    }
    if (!colon) /* the empty line */
        return len;
    text_add_bytes(headers, bytes_of(data, len));
    if (text_failed(headers)) {
        x->err = ERR_TOO_LARGE;
        return 0;
    }
    lower(headers->data + start, (size_t)(colon - data));
    return len;
}

static bool has_header(const struct http_call *call, const char *name)
{
    size_t len = strlen(name);

    for (const char *const *h = call->headers; h && *h; h++)
        if (strncasecmp(*h, name, len) == 0 && (*h)[len] == ':')
            return true;
    return false;
}

static bool append(const struct curl_transfer *t, struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = t->curl->slist_append(*list, line);

    if (longer)
        *list = longer;
    return longer != NULL;
}

/* The caller's lines, and two of libcurl's own ideas taken back: it would wait for a "100 Continue", and call any body
 * a form.  (What has no body it does not call anything, and a signature would be of the lines that take back, too.) */
static enum err set_headers(struct curl_transfer *t, const struct http_call *call, struct curl_slist **list)
{
    bool signed_get = call->sigv4 && call->body.len == 0;
    bool there = signed_get || append(t, list, "Expect:");

    if (there && !signed_get && !has_header(call, "content-type"))
        there = append(t, list, "Content-Type:");
    for (const char *const *h = call->headers; there && h && *h; h++) {
        if (strpbrk(*h, "\r\n"))
            return ERR_INVALID;
        there = append(t, list, *h);
    }
    if (!there)
        return ERR_NOMEM;
    CURL_SET(t, CURLOPT_HTTPHEADER, *list);
    return OK;
}

static void set_method(struct curl_transfer *t, const struct http_call *call)
{
    const char *method = call->method ? call->method : call->body.len > 0 ? "POST" : "GET";

    if (call->body.len > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
        CURL_SET(t, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        CURL_SET(t, CURLOPT_POSTFIELDS, call->body.len > 0 ? (const char *)call->body.data : "");
    } else if (strcmp(method, "HEAD") == 0) {
        CURL_SET(t, CURLOPT_NOBODY, 1L);
    }
    CURL_SET(t, CURLOPT_CUSTOMREQUEST, method);
}

static void set_identity(struct curl_transfer *t, const struct http_call *call)
{
    t->trust_certs = call->trust_certs;
    t->certificate = call->certificate;
    t->key = call->key;
    if (call->user)
        CURL_SET(t, CURLOPT_USERPWD, call->user);
    if (call->sigv4)
        CURL_SET(t, CURLOPT_AWS_SIGV4, call->sigv4);
    if (call->http2_prior_knowledge)
        CURL_SET(t, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
}

static void set_answer(struct curl_transfer *t, struct exchange *x)
{
    CURL_SET(t, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)x->call->answer_max);
    CURL_SET(t, CURLOPT_WRITEFUNCTION, on_body);
    CURL_SET(t, CURLOPT_WRITEDATA, x);
    CURL_SET(t, CURLOPT_HEADERFUNCTION, on_header);
    CURL_SET(t, CURLOPT_HEADERDATA, x);
    if (x->call->may_connect) {
        CURL_SET(t, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        CURL_SET(t, CURLOPT_OPENSOCKETDATA, x);
    }
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct exchange *x = ctx;

    (void)down_total, (void)down, (void)up_total, (void)up;
    if (!x->call->cancelled(x->call->ctx))
        return 0;
    x->err = ERR_CANCELLED;
    return 1;
}

static void set_cancelling(struct curl_transfer *t, struct exchange *x)
{
    if (!x->call->cancelled)
        return;
    CURL_SET(t, CURLOPT_NOPROGRESS, 0L);
    CURL_SET(t, CURLOPT_XFERINFOFUNCTION, on_progress);
    CURL_SET(t, CURLOPT_XFERINFODATA, x);
}

static enum err explain_own(const struct exchange *x, char *why, size_t why_size)
{
    char origin[256];

    curl_url_origin(x->call->url, origin, sizeof origin);
    if (x->err == ERR_TOO_LARGE)
        (void)snprintf(why, why_size, "%s: the answer is longer than %zu bytes", origin, x->call->answer_max);
    else if (x->address_refused)
        (void)snprintf(why, why_size, "%s: its address is one that may not be connected to", origin);
    else
        (void)snprintf(why, why_size, "%s: %s", origin, err_text(x->err));
    return x->err;
}

static int64_t elapsed_ms(const struct curl_transfer *t)
{
    curl_off_t us = 0;

    (void)t->curl->getinfo(t->handle, CURLINFO_TOTAL_TIME_T, &us);
    return us / 1000;
}

static enum err perform(struct curl_transfer *t, struct exchange *x, struct curl_slist **list, char *why,
                        size_t why_size)
{
    enum err err = set_headers(t, x->call, list);

    if (err != OK) {
        (void)snprintf(why, why_size, err == ERR_INVALID ? "a header has a line end in it" : "there is no memory");
        return err;
    }
    set_method(t, x->call);
    set_identity(t, x->call);
    set_answer(t, x);
    set_cancelling(t, x);
    err = curl_transfer_run(t, x->call->url, why, why_size);
    x->reply->elapsed_ms = elapsed_ms(t);
    if (err == ERR_IO && x->address_refused)
        x->err = ERR_DENIED;
    if (x->err != OK)
        return explain_own(x, why, why_size);
    if (err == OK && t->curl->getinfo(t->handle, CURLINFO_RESPONSE_CODE, &x->reply->status) != CURLE_OK)
        err = ERR_IO;
    return err;
}

/* ---- connections that stay ---- */

struct http_connections {
    pthread_mutex_t lock;
    CURL *idle[HTTP_CONNECTIONS_MAX];
    size_t count;
};

enum err http_connections_new(struct http_connections **out)
{
    struct http_connections *c = calloc(1, sizeof *c);

    if (!c)
        return ERR_NOMEM;
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return OK;
}

static CURL *connections_take(struct http_connections *c)
{
    CURL *handle;

    if (!c)
        return NULL;
    pthread_mutex_lock(&c->lock);
    handle = c->count > 0 ? c->idle[--c->count] : NULL;
    pthread_mutex_unlock(&c->lock);
    return handle;
}

/* What does not fit stays with the transfer, and ends with it. */
static void connections_give(struct http_connections *c, struct curl_transfer *t)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    if (c->count < HTTP_CONNECTIONS_MAX)
        c->idle[c->count++] = curl_transfer_take_handle(t);
    pthread_mutex_unlock(&c->lock);
}

void http_connections_free(struct http_connections *c)
{
    char why[256];
    const struct curl_functions *curl = c && c->count > 0 ? curl_functions_get(why, sizeof why) : NULL;

    if (!c)
        return;
    while (c->count > 0)
        curl->easy_cleanup(c->idle[--c->count]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* libcurl (7.88) fails the second request of a connection that HTTP/2 was spoken on without asking. */
static struct http_connections *connections_of(const struct http_call *call)
{
    return call->http2_prior_knowledge ? NULL : call->connections;
}

enum err http_perform(const struct http_call *call, struct http_reply *out, char *why, size_t why_size)
{
    struct exchange x = {.call = call, .reply = out};
    struct curl_slist *list = NULL;
    struct curl_transfer t;
    enum err err;

    *out = (struct http_reply){0};
    text_init(&out->body, call->answer_max);
    text_init(&out->headers, HEADERS_MAX);
    err = curl_transfer_init(&t, connections_take(connections_of(call)), "http,https", call->url, call->timeout_ms, why,
                             why_size);
    if (err == OK)
        err = perform(&t, &x, &list, why, why_size);
    if (err == OK)
        connections_give(connections_of(call), &t);
    if (list)
        t.curl->slist_free_all(list);
    curl_transfer_deinit(&t);
    return err;
}

void http_reply_deinit(struct http_reply *reply)
{
    text_deinit(&reply->body);
    text_deinit(&reply->headers);
}

static void trim(const char **value, size_t *len)
{
    while (*len > 0 && strchr(" \t", **value))
        (*value)++, (*len)--;
    while (*len > 0 && strchr(" \t\r\n", (*value)[*len - 1]))
        (*len)--;
}

bool http_reply_header(const struct http_reply *reply, const char *name, char *to, size_t size)
{
    const char *line = reply->headers.data, *end = line + reply->headers.len;
    size_t name_len = strlen(name), line_len;

    for (; line && line < end; line += line_len) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *value = line + name_len + 1;

        line_len = (size_t)((newline ? newline + 1 : end) - line);
        if (line_len <= name_len || memcmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        size_t len = line_len - name_len - 1;
        trim(&value, &len);
        if (len >= size)
            return false;
        memcpy(to, value, len);
        to[len] = '\0';
        return true;
    }
    return false;
}
