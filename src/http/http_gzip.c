/* SPDX-License-Identifier: Apache-2.0
 *
 * http_gzip.c - see http_gzip.h.
 */
#include "http/http_gzip.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

enum {
    LEVEL = 1,             /* metrics are the same words again and again: more brings little, and takes longer */
    WINDOW_BITS = 15 + 16, /* 16: with the head and the sum of a gzip file */
    MEMORY_LEVEL = 8,
    OUT = 4096
};

struct gzip {
    z_stream stream;
};

struct gzip *gzip_new(void)
{
    struct gzip *g = calloc(1, sizeof *g);

    if (g && deflateInit2(&g->stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(g);
        return NULL;
    }
    return g;
}

void gzip_free(struct gzip *g)
{
    if (g)
        (void)deflateEnd(&g->stream);
    free(g);
}

enum err gzip_add(struct gzip *g, struct bytes in, bool last, struct text *out)
{
    uint8_t buffer[OUT];

    g->stream.next_in = (Bytef *)(uintptr_t)in.data; /* zlib's type; it only reads */
    g->stream.avail_in = (uInt)in.len;
    do {
        g->stream.next_out = buffer;
        g->stream.avail_out = sizeof buffer;
        if (deflate(&g->stream, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
            return ERR_NOMEM;
        text_add_bytes(out, bytes_of(buffer, sizeof buffer - g->stream.avail_out));
    } while (g->stream.avail_out == 0);
    return text_failed(out) ? ERR_NOMEM : OK;
}

/* "gzip", "gzip;q=0.5"; not "gzip;q=0". */
static bool takes_gzip(const char *item, size_t len)
{
    const char *q = memchr(item, '=', len);

    if (len < 4 || strncasecmp(item, "gzip", 4) != 0 || (len > 4 && item[4] != ';' && item[4] != ' '))
        return false;
    return !q || strtod(q + 1, NULL) > 0;
}

bool gzip_accepted(struct bytes header)
{
    char text[256];
    const char *at = text;

    if (header.len >= sizeof text)
        return false;
    memcpy(text, header.data, header.len);
    text[header.len] = '\0';
    for (;;) {
        at += strspn(at, " \t");
        const size_t len = strcspn(at, ",");
        if (takes_gzip(at, len))
            return true;
        if (!at[len])
            return false;
        at += len + 1;
    }
}
