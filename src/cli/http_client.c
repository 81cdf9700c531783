/* SPDX-License-Identifier: Apache-2.0
 *
 * http_client.c - see http_client.h.
 *
 * An exchange is a socket, with or without TLS on it, that lives for one request.
 *
 * Whom we trust: the hosts that the user named, with the scheme that the user named, on any port (a cluster's brokers
 * may share a host).  Wherever else a redirect leads, the request goes without credentials; each place of a list is
 * judged by itself.
 */
#include "cli/http_client.h"

#include "base/secret.h"
#include "base/text.h"
#include "security/tls.h"
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REDIRECTS_MAX 5
#define REQUEST_MAX   (64u * 1024 * 1024)
#define READ_SIZE     (64u * 1024)

struct place {
    bool tls;
    char host[256], port[8];
};

struct exchange {
    int fd;
    SSL_CTX *context; /* with TLS */
    SSL *tls;
};

void http_answer_free(struct http_answer *answer)
{
    free(answer->head);
    free(answer->body);
    *answer = (struct http_answer){0};
}

/* ---- where ---- */

/* "host[:port]" up to a comma or the end; a numeric IPv6 address stands in brackets.  *rest is behind it. */
static bool place_read(struct place *place, const char *text, const char **rest)
{
    const bool bracket = text[0] == '[';
    const char *host = text + bracket;
    const size_t len = strcspn(host, bracket ? "]" : ":/,");

    if (len == 0 || len >= sizeof place->host || (bracket && host[len] != ']'))
        return false;
    (void)snprintf(place->host, sizeof place->host, "%.*s", (int)len, host);
    (void)snprintf(place->port, sizeof place->port, "%s", place->tls ? "443" : "80");
    const char *p = host + len + bracket;
    if (*p == ':') {
        const size_t digits = strspn(++p, "0123456789");
        if (digits == 0 || digits > 5)
            return false;
        (void)snprintf(place->port, sizeof place->port, "%.*s", (int)digits, p);
        p += digits;
    }
    *rest = p;
    return *p == '\0' || *p == ',' || *p == '/';
}

/* The scheme; *rest is behind "://". */
static bool scheme_read(const char *url, bool *tls, const char **rest)
{
    *tls = strncasecmp(url, "https://", 8) == 0;
    if (!*tls && strncasecmp(url, "http://", 7) != 0)
        return false;
    *rest = url + (*tls ? 8 : 7);
    return true;
}

/* Whether the user named this host, on any port, with this scheme: it may have the credentials. */
static bool is_named(const struct http_target *target, const struct place *place)
{
    struct place named;
    const char *p;

    if (!scheme_read(target->url, &named.tls, &p) || named.tls != place->tls)
        return false;
    while (place_read(&named, p, &p)) {
        if (strcasecmp(named.host, place->host) == 0)
            return true;
        if (*p++ != ',')
            return false;
    }
    return false;
}

static struct http_target without_credentials(const struct http_target *target)
{
    struct http_target stranger = *target;

    stranger.authorization = stranger.certificate = stranger.key = NULL;
    return stranger;
}

static bool has_credentials(const struct http_target *target)
{
    return target->authorization || (target->certificate && target->key);
}

/* ---- the socket ---- */

static int connect_one(const struct addrinfo *to, int timeout_ms)
{
    const struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    const int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static enum err connect_any(const struct place *place, int timeout_ms, int *to, char *why, size_t why_size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const int error = getaddrinfo(place->host, place->port, &hints, &found);
    int fd = -1;

    if (error != 0) {
        (void)snprintf(why, why_size, "%s: %s", place->host, gai_strerror(error));
        return ERR_IO;
    }
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = connect_one(at, timeout_ms);
    freeaddrinfo(found);
    if (fd < 0) {
        (void)snprintf(why, why_size, "%s:%s: %s", place->host, place->port, strerror(errno));
        return errno == EAGAIN || errno == EINPROGRESS ? ERR_TIMEOUT : ERR_IO;
    }
    *to = fd;
    return OK;
}

/* ---- TLS ---- */

static enum err context_new(SSL_CTX **to, const struct http_target *target, char *why, size_t why_size)
{
    const struct tls_settings settings = {
        .side = TLS_CLIENT,
        .certificate_file = target->certificate,
        .key_file = target->key,
        .trust_file = target->trust_certs,
        .verify_host = target->verify_hostname,
        .allow_insecure = target->allow_insecure,
    };
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char message[400];

    if (!context)
        return ERR_NOMEM;
    const enum err err = tls_configure(context, &settings, message, sizeof message);
    if (err != OK) {
        (void)snprintf(why, why_size, "%s", message);
        SSL_CTX_free(context);
        return err == ERR_NOMEM ? err : ERR_DENIED;
    }
    /* Some close the connection without saying so; whether the answer is whole, its length tells. */
    (void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    *to = context;
    return OK;
}

static enum err tls_begin(struct exchange *x, const struct place *place, const struct http_target *target, char *why,
                          size_t why_size)
{
    const bool verify = target->verify_hostname && !target->allow_insecure;
    char reason[256];
    enum err err = context_new(&x->context, target, why, why_size);

    if (err != OK)
        return err;
    x->tls = SSL_new(x->context);
    if (!x->tls || SSL_set_fd(x->tls, x->fd) != 1)
        return ERR_NOMEM;
    if ((err = tls_expect_host(x->tls, place->host, verify)) != OK)
        return err;
    if (SSL_connect(x->tls) == 1)
        return OK;
    const long verdict = SSL_get_verify_result(x->tls);
    if (verdict != X509_V_OK && !target->allow_insecure) {
        (void)snprintf(why, why_size, "%s: its certificate is not trusted: %s", place->host,
                       X509_verify_cert_error_string(verdict));
        return ERR_DENIED;
    }
    tls_error_text(x->tls, reason, sizeof reason);
    (void)snprintf(why, why_size, "%s: %s", place->host, reason);
    return ERR_DENIED;
}

/* ---- bytes ---- */

static enum err exchange_open(struct exchange *x, const struct place *place, const struct http_target *target,
                              char *why, size_t why_size)
{
    const enum err err = connect_any(place, target->timeout_ms, &x->fd, why, why_size);

    return err == OK && place->tls ? tls_begin(x, place, target, why, why_size) : err;
}

static void exchange_close(struct exchange *x)
{
    SSL_free(x->tls);
    SSL_CTX_free(x->context);
    if (x->fd >= 0)
        close(x->fd);
}

/* How many bytes went; <= 0: none did. */
static ssize_t send_some(struct exchange *x, const char *data, size_t len)
{
    if (!x->tls)
        return send(x->fd, data, len, MSG_NOSIGNAL);
    return SSL_write(x->tls, data, len > READ_SIZE ? (int)READ_SIZE : (int)len);
}

/* How many came; 0: that was all; < 0: something is wrong. */
static ssize_t receive_some(struct exchange *x, char *to, size_t size)
{
    if (!x->tls)
        return recv(x->fd, to, size, 0);
    const int got = SSL_read(x->tls, to, size > READ_SIZE ? (int)READ_SIZE : (int)size);
    if (got > 0)
        return got;
    return SSL_get_error(x->tls, got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static enum err network_said(char *why, size_t why_size)
{
    const bool late = errno == EAGAIN || errno == EWOULDBLOCK;

    (void)snprintf(why, why_size, "%s", late ? "no answer in time" : strerror(errno));
    return late ? ERR_TIMEOUT : ERR_IO;
}

static enum err send_all(struct exchange *x, const char *data, size_t len, char *why, size_t why_size)
{
    while (len > 0) {
        errno = 0;
        const ssize_t sent = send_some(x, data, len);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return network_said(why, why_size);
        data += sent;
        len -= (size_t)sent;
    }
    return OK;
}

static enum err grow(char **data, size_t *capacity)
{
    const size_t more = *capacity == 0 ? READ_SIZE : *capacity * 2;
    char *larger = realloc(*data, more);

    if (!larger)
        return ERR_NOMEM;
    *data = larger;
    *capacity = more;
    return OK;
}

/* All until the end, NUL-terminated; the caller frees. */
static enum err receive_all(struct exchange *x, char **bytes, size_t *bytes_len, char *why, size_t why_size)
{
    char *data = NULL;
    size_t len = 0, capacity = 0;
    enum err err = OK;

    for (;;) {
        if (len + 1 >= capacity && (err = grow(&data, &capacity)) != OK)
            break;
        errno = 0;
        const ssize_t got = receive_some(x, data + len, capacity - 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            err = network_said(why, why_size);
        if (got <= 0)
            break;
        len += (size_t)got;
        data[len] = '\0';
        if (http_answer_ended(data, len))
            break;
        if (len > HTTP_ANSWER_MAX) {
            (void)snprintf(why, why_size, "the answer is longer than %u MB", HTTP_ANSWER_MAX >> 20);
            err = ERR_TOO_LARGE;
            break;
        }
    }
    if (err != OK) {
        free(data);
        return err;
    }
    data[len] = '\0';
    *bytes = data;
    *bytes_len = len;
    return OK;
}

/* ---- HTTP ---- */

bool http_head_find(const char *head, const char *name, char *to, size_t size)
{
    const size_t name_len = strlen(name);

    for (const char *line = head; line && *line;) {
        const size_t len = strcspn(line, "\r\n");
        if (len > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1;
            value += strspn(value, " \t");
            (void)snprintf(to, size, "%.*s", (int)(line + len - value), value);
            return true;
        }
        line += len;
        line += strspn(line, "\r\n");
    }
    return false;
}

static bool is_chunked(const char *head)
{
    char text[32];

    return http_head_find(head, "Transfer-Encoding", text, sizeof text) && strcasecmp(text, "chunked") == 0;
}

static bool has_no_body(int status)
{
    return status == 204 || status == 304;
}

/* The size line at `p`: how many bytes follow, and where; NULL: there is no whole one. */
static const char *chunk_size(const char *p, const char *end, size_t *size)
{
    const char *line_end = memmem(p, (size_t)(end - p), "\r\n", 2);
    char *digits_end;

    if (!line_end || !isxdigit((unsigned char)*p))
        return NULL;
    *size = strtoull(p, &digits_end, 16);
    return *size <= HTTP_ANSWER_MAX ? line_end + 2 : NULL;
}

/* Puts the chunks' bytes together where they are, unless `to` is NULL; false: the last one is missing. */
static bool chunks_join(const char *p, const char *end, char *to, size_t *len)
{
    size_t size;

    *len = 0;
    for (;;) {
        const char *data = chunk_size(p, end, &size);
        if (!data)
            return false;
        if (size == 0)
            return memmem(data - 2, (size_t)(end - data) + 2, "\r\n\r\n", 4) != NULL; /* behind any trailers */
        if ((size_t)(end - data) < size + 2)
            return false;
        if (to)
            memmove(to + *len, data, size);
        *len += size;
        p = data + size + 2;
    }
}

/* "HTTP/1.1 200 OK": the status; -1: it is none. */
static int status_of(const char *bytes)
{
    int status;

    return sscanf(bytes, "HTTP/1.%*1d %3d", &status) == 1 ? status : -1;
}

bool http_answer_ended(const char *bytes, size_t len)
{
    const char *head_end = strstr(bytes, "\r\n\r\n");
    char text[32];
    size_t joined;

    if (!head_end)
        return false;
    const char *body = head_end + 4;
    char *head = strndup(bytes, (size_t)(body - bytes));
    if (!head)
        return false;
    bool ended = has_no_body(status_of(bytes));
    if (!ended && is_chunked(head))
        ended = chunks_join(body, bytes + len, NULL, &joined);
    else if (!ended && http_head_find(head, "Content-Length", text, sizeof text))
        ended = (size_t)(bytes + len - body) >= strtoull(text, NULL, 10);
    free(head);
    return ended;
}

/* Brings the body to the begin of the bytes; false: it is not whole. */
static bool body_take(struct http_answer *answer, char *bytes, size_t body_at, size_t len)
{
    char text[32];

    answer->body = bytes;
    answer->body_len = has_no_body(answer->status) ? 0 : len - body_at;
    if (is_chunked(answer->head) && !has_no_body(answer->status)) {
        if (!chunks_join(bytes + body_at, bytes + len, bytes, &answer->body_len))
            return false;
    } else {
        if (http_head_find(answer->head, "Content-Length", text, sizeof text) && !has_no_body(answer->status) &&
            strtoull(text, NULL, 10) != answer->body_len)
            return false;
        memmove(bytes, bytes + body_at, answer->body_len);
    }
    bytes[answer->body_len] = '\0';
    return true;
}

enum err http_answer_parse(char *bytes, size_t len, struct http_answer *answer)
{
    const char *line_end = strstr(bytes, "\r\n"), *head_end = strstr(bytes, "\r\n\r\n");
    struct http_answer parsed = {.status = status_of(bytes)};

    if (!head_end || parsed.status < 0) {
        free(bytes);
        return ERR_PROTOCOL;
    }
    parsed.head = head_end > line_end ? strndup(line_end + 2, (size_t)(head_end - line_end)) : strdup("");
    if (parsed.head && body_take(&parsed, bytes, (size_t)(head_end + 4 - bytes), len)) {
        *answer = parsed;
        return OK;
    }
    const enum err err = parsed.head ? ERR_PROTOCOL : ERR_NOMEM;
    free(parsed.head);
    free(bytes);
    return err;
}

static enum err request_build(const struct http_target *target, const struct place *place,
                              const struct http_request *request, struct text *out)
{
    const bool bracket = strchr(place->host, ':') != NULL;

    text_printf(out, "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nAccept: */*\r\nConnection: close\r\n", request->method,
                request->path, bracket ? "[" : "", place->host, bracket ? "]" : "", place->port);
    if (target->authorization)
        text_printf(out, "Authorization: %s\r\n", target->authorization);
    if (request->body)
        text_printf(out, "Content-Type: %s\r\n", request->type ? request->type : "application/json");
    text_printf(out, "Content-Length: %zu\r\n\r\n", request->body_len);
    if (request->body)
        text_add_bytes(out, bytes_of(request->body, request->body_len));
    return text_failed(out) ? ERR_TOO_LARGE : OK;
}

static enum err ask_place(const struct http_target *target, const struct place *place,
                          const struct http_request *request, struct http_answer *answer, char *why, size_t why_size)
{
    struct exchange x = {.fd = -1};
    struct text out;
    char *bytes = NULL;
    size_t len = 0;
    enum err err;

    text_init(&out, REQUEST_MAX);
    if ((err = request_build(target, place, request, &out)) != OK)
        goto done;
    if ((err = exchange_open(&x, place, target, why, why_size)) != OK)
        goto done;
    if ((err = send_all(&x, out.data, out.len, why, why_size)) != OK)
        goto done;
    if ((err = receive_all(&x, &bytes, &len, why, why_size)) != OK)
        goto done;
    err = http_answer_parse(bytes, len, answer);
    if (err == ERR_PROTOCOL)
        (void)snprintf(why, why_size, "%s:%s: that is no whole answer of HTTP", place->host, place->port);
done:
    exchange_close(&x);
    if (out.data)
        secret_wipe(out.data, out.len); /* there may be credentials in it */
    text_deinit(&out);
    return err;
}

/* Without the credentials when the user did not name this place; a refusal says so then. */
static enum err ask_judged(const struct http_target *target, const struct place *place,
                           const struct http_request *request, struct http_answer *answer, char *why, size_t why_size)
{
    const struct http_target stranger = without_credentials(target);
    enum err err;

    if (is_named(target, place) || !has_credentials(target))
        return ask_place(target, place, request, answer, why, why_size);
    if ((err = ask_place(&stranger, place, request, answer, why, why_size)) != OK)
        return err;
    if (answer->status != 401 && answer->status != 403)
        return OK;
    (void)snprintf(why, why_size,
                   "%s sends us to %s://%s:%s, which wants credentials: what is meant for one host (and scheme) is not "
                   "shown to another; name that one",
                   target->url, place->tls ? "https" : "http", place->host, place->port);
    http_answer_free(answer);
    return ERR_DENIED;
}

/* The first of the url's hosts that can be reached; all have one scheme. */
static enum err ask_url(const struct http_target *target, const char *url, const struct http_request *request,
                        struct http_answer *answer, char *why, size_t why_size)
{
    struct place place;
    const char *p;
    enum err err = ERR_INVALID;

    if (!scheme_read(url, &place.tls, &p)) {
        (void)snprintf(why, why_size, "`%s` is no http://HOST:PORT or https://HOST:PORT", url);
        return ERR_INVALID;
    }
    for (;;) {
        if (!place_read(&place, p, &p)) {
            (void)snprintf(why, why_size, "`%s` is no http://HOST:PORT or https://HOST:PORT", url);
            return ERR_INVALID;
        }
        err = ask_judged(target, &place, request, answer, why, why_size);
        if (err == OK || *p != ',')
            return err;
        p++;
    }
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 307 || status == 308;
}

static bool is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

enum err http_client_ask(const struct http_target *target, const struct http_request *request,
                         struct http_answer *answer, char *why, size_t why_size)
{
    struct http_request now = *request;
    char url[2048], location[6000], path[6000];
    enum err err;

    *why = '\0';
    (void)snprintf(url, sizeof url, "%s", target->url);
    for (int i = 0;; i++) {
        struct http_answer got = {0};
        if ((err = ask_url(target, url, &now, &got, why, why_size)) != OK)
            break;
        const char *slash = NULL;
        if (is_redirect(got.status) && http_head_find(got.head, "Location", location, sizeof location)) {
            const char *host = strstr(location, "://");
            slash = host ? strchr(host + 3, '/') : NULL;
        }
        if (!slash || (size_t)(slash - location) >= sizeof url) {
            *answer = got;
            return OK;
        }
        http_answer_free(&got);
        if (i == REDIRECTS_MAX) {
            (void)snprintf(why, why_size, "one sends us to another, without an end");
            return ERR_IO;
        }
        if (is_https(url) && !is_https(location)) {
            (void)snprintf(why, why_size, "%.200s sends us to %.200s, without TLS: that is not followed", url,
                           location);
            return ERR_DENIED;
        }
        (void)snprintf(url, sizeof url, "%.*s", (int)(slash - location), location);
        (void)snprintf(path, sizeof path, "%s", slash);
        now.path = path;
    }
    if (!*why)
        (void)snprintf(why, why_size, "%s", err_text(err));
    return err;
}
