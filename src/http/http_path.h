/* SPDX-License-Identifier: Apache-2.0
 *
 * http_path.h - the parts of a path: "/a/b/" has "a", "b" and "".
 *
 * Borrows; pure.  Whoever matches paths against patterns cuts both with it.
 */
#ifndef HTTP_HTTP_PATH_H
#define HTTP_HTTP_PATH_H

#include "base/bytes.h"

/* Cuts the part before the next slash off `rest`, which begins with a slash; false at the end, or where it does not. */
static inline bool http_part_take(struct bytes *rest, struct bytes *part)
{
    if (rest->len == 0 || rest->data[0] != '/')
        return false;
    const struct bytes body = bytes_of(rest->data + 1, rest->len - 1);
    const uint8_t *slash = body.len > 0 ? memchr(body.data, '/', body.len) : NULL;
    const size_t len = slash ? (size_t)(slash - body.data) : body.len;
    *part = bytes_of(body.data, len);
    *rest = bytes_of(body.data + len, body.len - len);
    return true;
}

static inline size_t http_part_count(struct bytes path)
{
    struct bytes part;
    size_t count = 0;

    while (http_part_take(&path, &part))
        count++;
    return count;
}

#endif
