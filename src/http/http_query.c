/* SPDX-License-Identifier: Apache-2.0
 *
 * http_query.c - see http_query.h.
 *
 * libwebsockets writes a NUL behind what it copies, so there is room for one.
 */
#include "http/http_query.h"

#include <string.h>

static char *room_for(struct arena *arena, int len)
{
    return arena_alloc(arena, (size_t)len + 1);
}

bool http_header_copy(struct lws *wsi, enum lws_token_indexes token, struct arena *arena, struct bytes *out)
{
    const int len = lws_hdr_total_length(wsi, token);
    char *to;

    *out = bytes_of("", 0);
    if (len <= 0)
        return true;
    if (!(to = room_for(arena, len)))
        return false;
    const int copied = lws_hdr_copy(wsi, to, len + 1, token);
    *out = bytes_of(to, copied > 0 ? (size_t)copied : 0);
    return true;
}

bool http_header_copy_named(struct lws *wsi, const char *name, struct arena *arena, struct bytes *out)
{
    const int name_len = (int)strlen(name), len = lws_hdr_custom_length(wsi, name, name_len);
    char *to;

    *out = bytes_of("", 0);
    if (len <= 0)
        return true;
    if (!(to = room_for(arena, len)))
        return false;
    const int copied = lws_hdr_custom_copy(wsi, to, len + 1, name, name_len);
    *out = bytes_of(to, copied > 0 ? (size_t)copied : 0);
    return true;
}

/* "name=value", or "name" alone. */
static struct web_parameter parameter_of(struct bytes fragment)
{
    const uint8_t *equals = fragment.len > 0 ? memchr(fragment.data, '=', fragment.len) : NULL;
    struct web_parameter p = {.name = fragment, .value = bytes_of("", 0)};

    if (equals) {
        p.name.len = (size_t)(equals - fragment.data);
        p.value = bytes_of(equals + 1, fragment.len - p.name.len - 1);
    }
    return p;
}

bool http_query_copy(struct lws *wsi, struct arena *arena, struct web_parameter *to, size_t max, size_t *count)
{
    for (*count = 0; *count < max; (*count)++) {
        const int len = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, (int)*count);
        char *text;
        if (len < 0 || (len == 0 && lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) == 0))
            return true;
        if (!(text = room_for(arena, len)))
            return false;
        const int copied = lws_hdr_copy_fragment(wsi, text, len + 1, WSI_TOKEN_HTTP_URI_ARGS, (int)*count);
        if (copied < 0)
            return true;
        to[*count] = parameter_of(bytes_of(text, (size_t)copied));
    }
    return true;
}
