/* SPDX-License-Identifier: Apache-2.0
 *
 * http_gzip.h - a long answer, compressed part by part (RFC 1952), for peers that say they can read it.
 *
 * About 260 KB while it is there.  On one thread.  May call: base/, zlib.
 */
#ifndef HTTP_HTTP_GZIP_H
#define HTTP_HTTP_GZIP_H

#include "base/text.h"

struct gzip;

/* NULL: memory is short. */
struct gzip *gzip_new(void);
void gzip_free(struct gzip *g); /* NULL is fine */

/* Adds what comes out to `out`: often nothing, until there is enough, or it was the last. */
MUST_USE enum err gzip_add(struct gzip *g, struct bytes in, bool last, struct text *out);

/* Of a header Accept-Encoding: gzip may be used. */
bool gzip_accepted(struct bytes header);

#endif
