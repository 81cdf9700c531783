/* SPDX-License-Identifier: Apache-2.0
 *
 * topic.c - takes names and addresses apart, and completes them.
 */
#include "client/topic.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME     "pulsar://"
#define SCHEME_TLS "pulsar+ssl://"
#define PORT       6650
#define PORT_TLS   6651
#define PARTITION  "-partition-"

static enum err text_new(char **out, const char *format, ...) PRINTF_LIKE(2, 3);

static enum err text_new(char **out, const char *format, ...)
{
    va_list args;
    char *text;
    int n;

    va_start(args, format);
    n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0)
        return ERR_NOMEM;
    *out = text;
    return OK;
}

static bool parts_valid(const char *tenant)
{
    unsigned slashes = 0;
    const char *start = tenant, *p = tenant;

    for (; *p; p++) {
        if ((unsigned char)*p < 0x20)
            return false;
        if (*p != '/' || slashes >= 2)
            continue;
        if (p == start)
            return false;
        start = p + 1;
        slashes++;
    }
    return slashes == 2 && *start != '\0';
}

static bool full_valid(const char *name)
{
    if (strncmp(name, "persistent://", 13) == 0)
        return parts_valid(name + 13);
    if (strncmp(name, "non-persistent://", 17) == 0)
        return parts_valid(name + 17);
    return false;
}

static enum err complete(const char *name, char **out)
{
    unsigned slashes = 0;

    if (strstr(name, "://"))
        return text_new(out, "%s", name);
    for (const char *p = name; *p; p++)
        slashes += *p == '/';
    if (slashes == 0)
        return text_new(out, "persistent://public/default/%s", name);
    return slashes == 2 ? text_new(out, "persistent://%s", name) : ERR_INVALID;
}

enum err client_topic_complete(const char *name, char **out)
{
    char *full;
    enum err err;

    if (!name || strlen(name) > CLIENT_TOPIC_MAX)
        return ERR_INVALID;
    if ((err = complete(name, &full)) != OK)
        return err;
    if (!full_valid(full) || strlen(full) > CLIENT_TOPIC_MAX) {
        free(full);
        return ERR_INVALID;
    }
    *out = full;
    return OK;
}

enum err client_topic_partition(const char *topic, uint32_t partition, char **out)
{
    return text_new(out, "%s" PARTITION "%u", topic, partition);
}

int32_t client_topic_partition_of(const char *topic)
{
    const char *found = NULL, *digits;
    unsigned long n;
    char *end;

    for (const char *p = topic; (p = strstr(p, PARTITION)); p++)
        found = p;
    if (!found)
        return -1;
    digits = found + strlen(PARTITION);
    if (!isdigit((unsigned char)*digits) || (*digits == '0' && digits[1]))
        return -1;
    n = strtoul(digits, &end, 10);
    return *end || n > INT32_MAX ? -1 : (int32_t)n;
}

static enum err port_parse(const char *text, size_t len, uint16_t *out)
{
    unsigned port = 0;

    if (len == 0 || len > 5)
        return ERR_INVALID;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return ERR_INVALID;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    if (port == 0 || port > 65535)
        return ERR_INVALID;
    *out = (uint16_t)port;
    return OK;
}

/* "host", "host:port", "[v6]", "[v6]:port"; without a port out->port stays. */
static enum err host_parse(const char *text, size_t len, struct client_address *out)
{
    const char *host = text, *end = memchr(text, ':', len), *port;
    size_t host_len;

    if (len > 0 && *text == '[') {
        host++;
        end = memchr(text, ']', len);
        if (!end)
            return ERR_INVALID;
    }
    host_len = (size_t)((end ? end : text + len) - host);
    if (host_len == 0 || host_len > CLIENT_HOST_MAX)
        return ERR_INVALID;
    memcpy(out->host, host, host_len);
    out->host[host_len] = '\0';
    port = end && *end == ']' ? end + 1 : end;
    if (!port || port == text + len)
        return OK;
    return *port == ':' ? port_parse(port + 1, (size_t)(text + len - port - 1), &out->port) : ERR_INVALID;
}

enum err client_address_parse(const char *url, struct client_address *out, size_t *count, bool *tls)
{
    size_t n = 0, len;
    enum err err;
    bool secure;

    if (!url)
        return ERR_INVALID;
    secure = strncmp(url, SCHEME_TLS, strlen(SCHEME_TLS)) == 0;
    if (!secure && strncmp(url, SCHEME, strlen(SCHEME)) != 0)
        return ERR_INVALID;
    for (url = client_url_host(url);; url += len + 1) {
        len = strcspn(url, ",/");
        if (n == CLIENT_HOSTS_MAX)
            return ERR_INVALID;
        out[n].port = secure ? PORT_TLS : PORT;
        if ((err = host_parse(url, len, &out[n])) != OK)
            return err;
        n++;
        if (url[len] != ',')
            break;
    }
    *count = n;
    *tls = secure;
    return OK;
}

void client_address_url(const struct client_address *a, bool tls, char *to, size_t size)
{
    const bool bracket = strchr(a->host, ':') != NULL;
    const int n = snprintf(to, size, "%s%s%s%s:%u", tls ? SCHEME_TLS : SCHEME, bracket ? "[" : "", a->host,
                           bracket ? "]" : "", a->port);

    assert(n > 0 && (size_t)n < size);
}

const char *client_url_host(const char *url)
{
    return strstr(url, "://") + strlen("://");
}
