/* SPDX-License-Identifier: Apache-2.0
 *
 * receive.h - the bytes that came in on one connection and are not yet frames.
 *
 * One counted buffer at a time: frames are sliced out of it, and whoever keeps a slice keeps the buffer.  Small while
 * little comes, larger when much does, and of a frame's own size for a large frame; none at all while the connection is
 * idle, or the budget is needed by others.  Buffers are charged to the budget as long as anybody holds a slice of them
 * (or until the tail cache takes them over); when it is spent, a connection gets a small buffer and no other.
 *
 * The checksum of a large frame's entry is computed piece by piece as it comes, while the processor has the bytes at
 * hand.  May call: base/, wire/.
 *
 * Invariant: start <= end <= buffer->capacity; [start, end) is what was received and not yet taken.
 */
#ifndef SESSION_RECEIVE_H
#define SESSION_RECEIVE_H

#include "base/buffer.h"
#include "base/checksum.h"
#include "base/err.h"

struct receive {
    struct buffer *buffer; /* or NULL */
    size_t start, end;
    size_t need;    /* bytes of the frame at start, as far as it is known; 0: not looked at */
    size_t summed;  /* bytes of it that are in `crc`, or before what that is of; 0: none yet */
    size_t covered; /* where in it the bytes begin that `crc` is of */
    uint32_t crc;
    size_t next;        /* capacity of the next buffer */
    size_t frame_limit; /* see frame_peek */
    struct budget *budget;
    struct buffer_pool *pool;
};

/* Buffers are of `pool`, which outlives all slices of them. */
void receive_init(struct receive *r, size_t frame_limit, struct budget *budget, struct buffer_pool *pool);
void receive_deinit(struct receive *r);

/* Where the next bytes go.  ERR_FULL: the frame at hand does not fit a small buffer, and the budget is spent; ask again
 * when others have given back.  ERR_NOMEM. */
MUST_USE enum err receive_space(struct receive *r, uint8_t **data, size_t *len);
/* So many bytes came there. */
void receive_got(struct receive *r, size_t len);

/* Takes the next whole frame: bytes in r->buffer, valid until the next receive_space.  `known`: the checksum of its
 * end, as far as that was computed.  ERR_AGAIN: not yet.  ERR_TOO_LARGE, ERR_PROTOCOL: the connection is of no more
 * use. */
MUST_USE enum err receive_take(struct receive *r, struct bytes *frame, struct crc32c_tail *known);

/* From now on with another limit, charged to another budget: what is held, too. */
void receive_move(struct receive *r, size_t frame_limit, struct budget *budget);
/* A place was made for a frame that does not fit a small buffer, and it is not all there. */
bool receive_holds_large(const struct receive *r);

/* Lets go of a buffer in which nothing is. */
void receive_relax(struct receive *r);
/* The same, but only of one that says nothing of what comes next: of a connection that says little, while nobody holds
 * a slice; and of one that is half used up, for the tail cache may take it over, as its own to charge and to drop. */
void receive_rest(struct receive *r);

#endif
