/* SPDX-License-Identifier: Apache-2.0
 *
 * http_chunks.h - a request's body that comes in chunks (RFC 9112, 7.1): which of its bytes are the body's.
 *
 *     size in hexadecimal [";" extension] CRLF   so many bytes   CRLF      again and again; the last one has size 0,
 *     and behind it come trailers, lines like those of a head, and an empty line.
 *
 * Extensions and trailers are passed over.  A line is bounded, and so are all trailers together; the body's length is
 * the caller's to bound.  A bare LF ends no line: what readers of one message disagree about can be two messages.
 * Pure: bytes come in any pieces.  May call: base/.
 */
#ifndef HTTP_HTTP_CHUNKS_H
#define HTTP_HTTP_CHUNKS_H

#include "base/bytes.h"

#define CHUNKS_LINE_MAX 4096 /* a size and its extension; or all trailers */

enum chunks_state { CHUNKS_SIZE, CHUNKS_EXTENSION, CHUNKS_SIZE_LF, CHUNKS_DATA, CHUNKS_CR, CHUNKS_LF, CHUNKS_TRAILER };

struct chunks { /* zeroed at first; private */
    enum chunks_state state;
    uint64_t left;  /* of the chunk; or its size so far */
    size_t line;    /* bytes of this line; of all trailers */
    unsigned ended; /* in the trailers: how much of CR LF CR LF was there */
};

enum chunks_result { CHUNKS_MORE, CHUNKS_END, CHUNKS_BAD };

/* Takes from the beginning of *in, which moves on, up to a piece of the body (*data, which lies in it, or is empty), or
 * to its end.  CHUNKS_MORE: call it again, unless *in is empty. */
enum chunks_result chunks_take(struct chunks *c, struct bytes *in, struct bytes *data);

#endif
