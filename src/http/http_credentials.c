/* SPDX-License-Identifier: Apache-2.0
 *
 * http_credentials.c - see http_credentials.h.
 */
#include "http/http_credentials.h"

#include "http/http_query.h"
#include "http/http_tls.h"

#include <stdlib.h>

#define BEARER "Bearer "

static bool certificate_read(struct lws *wsi, struct arena *arena, struct web_credentials *out)
{
    char *name = http_tls_peer_name(wsi);
    const bool there = name != NULL;

    if (there)
        out->certificate_name = arena_text(arena, name);
    free(name);
    return !there || out->certificate_name != NULL;
}

bool http_credentials_read(struct lws *wsi, struct arena *arena, struct web_credentials *out)
{
    *out = (struct web_credentials){0};
    return http_header_copy(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, arena, &out->authorization) &&
           http_header_copy_named(wsi, "x-pulsar-auth-method-name:", arena, &out->method) &&
           http_header_copy_named(wsi, "x-original-principal:", arena, &out->original) &&
           certificate_read(wsi, arena, out);
}

static struct web_parameter *token_parameter(struct web_request *r, size_t from)
{
    for (size_t i = from; i < r->parameter_count; i++)
        if (bytes_equal(r->parameters[i].name, bytes_of_text("token")))
            return &r->parameters[i];
    return NULL;
}

static bool has_bearer(struct bytes b)
{
    return b.len > strlen(BEARER) && memcmp(b.data, BEARER, strlen(BEARER)) == 0;
}

/* "Bearer " may stand in the parameter, too. */
bool http_socket_credentials_read(struct lws *wsi, struct arena *arena, struct web_request *r)
{
    const struct web_parameter *given = token_parameter(r, 0);
    char *to;

    if (!http_credentials_read(wsi, arena, &r->credentials))
        return false;
    if (r->credentials.authorization.len > 0 || !given || given->value.len == 0)
        return true;
    const char *before = has_bearer(given->value) ? "" : BEARER;
    const size_t before_len = strlen(before), len = before_len + given->value.len;
    if (!(to = arena_alloc(arena, len)))
        return false;
    memcpy(to, before, before_len);
    memcpy(to + before_len, given->value.data, given->value.len);
    r->credentials.authorization = bytes_of(to, len);
    return true;
}

/* Both were copied for us, into an arena of ours. */
static void wipe(struct bytes *secret)
{
    if (secret->len > 0)
        explicit_bzero((void *)(uintptr_t)secret->data, secret->len);
    secret->len = 0;
}

void http_credentials_wipe(struct web_credentials *c)
{
    wipe(&c->authorization);
}

void http_socket_credentials_wipe(struct web_request *r)
{
    struct web_parameter *p = r->parameters;

    http_credentials_wipe(&r->credentials);
    while ((p = token_parameter(r, (size_t)(p - r->parameters))))
        wipe(&(p++)->value);
}

bool http_credentials_have_token(const struct web_credentials *c)
{
    return has_bearer(c->authorization);
}
