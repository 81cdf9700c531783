/* SPDX-License-Identifier: Apache-2.0
 *
 * artifact_uri.c - a reader for each scheme.
 *
 * What two readers of URLs could understand differently is refused: users in them, backslashes, blanks, anything
 * but letters, digits, dots and hyphens in a host, dot segments in an object's key (libcurl would take them for steps).
 */
#include "services/notary/artifacts/artifact_uri.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LETTERS    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS     "0123456789"
#define BUCKET_MIN 3
#define BUCKET_MAX 63

static const char *const names[ARTIFACT_SCHEMES] = {"file", "http", "https", "s3"};

const char *artifact_scheme_name(enum artifact_scheme scheme)
{
    return names[scheme];
}

enum artifact_scheme artifact_scheme_of(const char *uri)
{
    size_t len = strcspn(uri, ":");
    size_t i = 0;

    while (i < ARTIFACT_SCHEMES && (strlen(names[i]) != len || strncasecmp(names[i], uri, len) != 0))
        i++;
    return (enum artifact_scheme)i;
}

static enum err refuse(char *why, size_t why_size, const char *what)
{
    (void)snprintf(why, why_size, "%s", what);
    return ERR_INVALID;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- file ---- */

/* file:///PATH and file://localhost/PATH. */
static enum err parse_file(struct artifact_uri *out, const char *rest, char *why, size_t why_size)
{
    size_t len = 0;

    if (strncasecmp(rest, "localhost/", 10) == 0)
        rest += 9;
    if (*rest != '/' || strpbrk(rest, "?#"))
        return refuse(why, why_size, "must be file:///PATH");
    for (; *rest; rest++) {
        int c = (unsigned char)*rest;
        if (c == '%') {
            int high = hex_value(rest[1]), low = high < 0 ? -1 : hex_value(rest[2]);
            if (low < 0 || high * 16 + low == 0)
                return refuse(why, why_size, "has a % that escapes no character");
            c = high * 16 + low;
            rest += 2;
        }
        if (len == sizeof out->path - 1)
            return refuse(why, why_size, "is too long");
        out->path[len++] = (char)c;
    }
    out->path[len] = '\0';
    return OK;
}

/* ---- http, https ---- */

/* The host without its port; false: it makes no sense. */
static bool host_of(const char *authority, size_t len, char to[ARTIFACT_HOST_MAX + 1])
{
    bool bracketed = len > 0 && *authority == '[';
    const char *allowed = bracketed ? DIGITS "abcdefABCDEF:." : DIGITS LETTERS ".-";
    const char *host = authority + bracketed;
    size_t host_len = strspn(host, allowed), used = host_len + 2 * (size_t)bracketed, i;

    if (host_len == 0 || host_len > ARTIFACT_HOST_MAX || used > len || (bracketed && host[host_len] != ']'))
        return false;
    if (used < len && (authority[used] != ':' || used + 1 + strspn(authority + used + 1, DIGITS) < len))
        return false;
    for (i = 0; i < host_len; i++)
        to[i] = (char)tolower((unsigned char)host[i]);
    to[i] = '\0';
    return true;
}

static enum err parse_http(struct artifact_uri *out, const char *rest, char *why, size_t why_size)
{
    size_t len = strcspn(rest, "/?#");

    for (const char *c = rest; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '\\')
            return refuse(why, why_size, "has a character that must be escaped");
    if (memchr(rest, '@', len))
        return refuse(why, why_size, "has a user in it");
    if (!host_of(rest, len, out->host))
        return refuse(why, why_size, "has no host that makes sense");
    return OK;
}

/* ---- s3 ---- */

static bool is_dots(const char *segment, size_t len)
{
    return (len == 1 && segment[0] == '.') || (len == 2 && segment[0] == '.' && segment[1] == '.');
}

/* As AWS signs it: everything but the unreserved characters and the slashes between. */
static enum err escape_key(struct artifact_uri *out, const char *key, char *why, size_t why_size)
{
    size_t len = 0;

    for (const char *at = key; *at; at += strcspn(at, "/"), at += *at == '/')
        if (is_dots(at, strcspn(at, "/")))
            return refuse(why, why_size, "has . or .. as a part of its key");
    out->path[len++] = '/';
    for (; *key; key++) {
        if (len + 4 > sizeof out->path)
            return refuse(why, why_size, "is too long");
        if (strchr(LETTERS DIGITS "-._~/", *key))
            out->path[len++] = *key;
        else
            len += (size_t)snprintf(out->path + len, 4, "%%%02X", (unsigned)(unsigned char)*key);
    }
    out->path[len] = '\0';
    return OK;
}

static enum err parse_s3(struct artifact_uri *out, const char *rest, char *why, size_t why_size)
{
    size_t len = strcspn(rest, "/");

    if (len < BUCKET_MIN || len > BUCKET_MAX || strspn(rest, LETTERS DIGITS ".-_") < len || !rest[len] ||
        !rest[len + 1])
        return refuse(why, why_size, "must be s3://BUCKET/KEY");
    memcpy(out->host, rest, len);
    out->host[len] = '\0';
    return is_dots(out->host, len) ? refuse(why, why_size, "must be s3://BUCKET/KEY")
                                   : escape_key(out, rest + len + 1, why, why_size);
}

enum err artifact_uri_parse(struct artifact_uri *out, const char *uri, char *why, size_t why_size)
{
    const char *rest = uri + strcspn(uri, ":");

    *out = (struct artifact_uri){.scheme = artifact_scheme_of(uri)};
    if (out->scheme == ARTIFACT_SCHEMES || strncmp(rest, "://", 3) != 0)
        return refuse(why, why_size, "must begin with file://, http://, https:// or s3://");
    rest += 3;
    if (out->scheme == ARTIFACT_FILE)
        return parse_file(out, rest, why, why_size);
    if (out->scheme == ARTIFACT_S3)
        return parse_s3(out, rest, why, why_size);
    return parse_http(out, rest, why, why_size);
}
