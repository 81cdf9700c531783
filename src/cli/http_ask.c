/* SPDX-License-Identifier: Apache-2.0
 *
 * http_ask.c - see http_ask.h.
 *
 * HTTP/1.0: the answer ends with the connection, and is never in chunks.
 */
#include "cli/http_ask.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WAIT_MS  60000
#define HEAD_MAX 1024
#define SCHEME   "http://"

struct address {
    char host[256], port[8];
};

/* "http://host[:port][/]"; a numeric IPv6 address stands in brackets. */
static enum err url_parse(const char *url, struct address *a)
{
    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
        return ERR_INVALID;
    const char *host = url + strlen(SCHEME);
    const bool bracket = host[0] == '[';
    host += bracket;
    const size_t len = strcspn(host, bracket ? "]" : ":/");
    if (len == 0 || len >= sizeof a->host || (bracket && host[len] != ']'))
        return ERR_INVALID;
    snprintf(a->host, sizeof a->host, "%.*s", (int)len, host);
    snprintf(a->port, sizeof a->port, "80");
    const char *rest = host + len + bracket;
    if (*rest == ':') {
        const size_t digits = strspn(++rest, "0123456789");
        if (digits == 0 || digits > 5)
            return ERR_INVALID;
        snprintf(a->port, sizeof a->port, "%.*s", (int)digits, rest);
        rest += digits;
    }
    return *rest == '\0' || strcmp(rest, "/") == 0 ? OK : ERR_INVALID;
}

static int connect_one(const struct addrinfo *to, unsigned wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd;
    close(fd);
    return -1;
}

static int connect_any(const struct address *a, unsigned wait_ms)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int fd = -1;

    if (getaddrinfo(a->host, a->port, &hints, &found) != 0)
        return -1;
    for (const struct addrinfo *to = found; to && fd < 0; to = to->ai_next)
        fd = connect_one(to, wait_ms);
    freeaddrinfo(found);
    return fd;
}

static enum err send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        const ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return ERR_IO;
        text += sent;
        len -= (size_t)sent;
    }
    return OK;
}

static enum err receive_all(int fd, char *to, size_t size)
{
    size_t len = 0;

    for (;;) {
        const ssize_t got = recv(fd, to + len, size - 1 - len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_TIMEOUT : ERR_IO;
        if (got == 0)
            break;
        len += (size_t)got;
        if (len == size - 1)
            return ERR_TOO_LARGE;
    }
    to[len] = '\0';
    return OK;
}

static enum err answer_parse(const char *answer, struct http_told *told)
{
    const char *body = strstr(answer, "\r\n\r\n");

    if (!body || sscanf(answer, "HTTP/1.%*1d %d", &told->status) != 1)
        return ERR_IO;
    snprintf(told->body, sizeof told->body, "%s", body + 4);
    return OK;
}

enum err http_ask(const char *url, const char *method, const char *path, struct http_told *told)
{
    return http_ask_within(url, method, path, WAIT_MS, told);
}

enum err http_ask_within(const char *url, const char *method, const char *path, unsigned wait_ms,
                         struct http_told *told)
{
    char request[HEAD_MAX];
    struct address a;
    enum err err = url_parse(url, &a);

    if (err != OK)
        return err;
    const int len = snprintf(request, sizeof request,
                             "%s %s HTTP/1.0\r\nHost: %s:%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method,
                             path, a.host, a.port);
    if (len >= (int)sizeof request)
        return ERR_INVALID;
    char *answer = malloc(HTTP_ANSWER_MAX + HEAD_MAX);
    if (!answer)
        return ERR_NOMEM;
    const int fd = connect_any(&a, wait_ms);
    err = fd < 0 ? ERR_IO : send_all(fd, request, (size_t)len);
    if (err == OK)
        err = receive_all(fd, answer, HTTP_ANSWER_MAX + HEAD_MAX);
    if (err == OK)
        err = answer_parse(answer, told);
    if (fd >= 0)
        close(fd);
    free(answer);
    return err;
}
