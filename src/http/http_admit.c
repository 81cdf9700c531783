/* SPDX-License-Identifier: Apache-2.0
 *
 * http_admit.c - whether a request is taken at all, before anybody looks at what it asks for: its address's rate, and
 * for browsers where it comes from (http_origin.h).
 */
#include "http/http_credentials.h"
#include "http/http_private.h"
#include "http/http_query.h"

#include <stdio.h>

#define HEADERS_READ_MAX (4 * HTTP_HEAD_MAX)

static bool is_safe(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0 || lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_OPTIONS_URI) > 0;
}

static bool shows_token(struct lws *wsi, struct arena *arena, bool socket, bool *has)
{
    struct web_request request = {0};
    bool read;

    if (socket)
        read = http_query_copy(wsi, arena, request.parameters, WEB_PARAMETERS_MAX, &request.parameter_count) &&
               http_socket_credentials_read(wsi, arena, &request);
    else
        read = http_credentials_read(wsi, arena, &request.credentials);
    *has = read && http_credentials_have_token(&request.credentials);
    http_socket_credentials_wipe(&request);
    return read;
}

/* False: no memory. */
static bool origin_read(const struct connection *c, struct lws *wsi, bool socket, struct arena *arena,
                        struct http_origin *out)
{
    *out = (struct http_origin){.changes = socket || !is_safe(wsi),
                                .loopback = strncmp(http_peer_address(c->peer), "127.", 4) == 0,
                                .tls = lws_get_ssl(wsi) != NULL};
    return http_header_copy(wsi, WSI_TOKEN_HOST, arena, &out->host) &&
           http_header_copy(wsi, WSI_TOKEN_ORIGIN, arena, &out->origin) &&
           http_header_copy_named(wsi, "sec-fetch-site:", arena, &out->fetch_site) &&
           shows_token(wsi, arena, socket, &out->has_token);
}

static int origin_refuse(const struct http *h, const struct connection *c, struct lws *wsi, bool socket,
                         const char **why)
{
    struct http_origin origin;
    struct arena arena;
    int status = 0;

    arena_init(&arena, HEADERS_READ_MAX);
    if (!origin_read(c, wsi, socket, &arena, &origin)) {
        *why = "out of memory";
        status = 503;
    } else if ((*why = http_origin_refuse(&h->options.sites, &origin))) {
        status = 403;
    }
    arena_deinit(&arena);
    return status;
}

void admission_ask(struct http *h, struct connection *c, struct lws *wsi, bool socket)
{
    struct admission *a = &c->admission;
    const char *why = "";

    if (a->asked)
        return;
    a->asked = true;
    if (http_peers_request(&h->peers, c->peer, (uint64_t)lws_now_usecs())) {
        a->status = origin_refuse(h, c, wsi, socket, &why);
    } else {
        a->status = 429;
        why = "too many requests a second from this address";
    }
    (void)snprintf(a->reason, sizeof a->reason, "%s", why);
}
