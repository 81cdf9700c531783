/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h - the unit on the wire: a command, and with SEND and MESSAGE an entry behind it.
 *
 *   offset  size  meaning (integers are big endian)
 *        0     4  T: bytes that follow
 *        4     4  C: bytes of the command; C <= T - 4
 *        8     C  the command: a BaseCommand in protobuf
 *      8+C     *  T - 4 - C bytes: the entry (see entry_view.h); none with other commands
 *
 * Finds frames in a buffer that is still filling, with every size checked before anybody allocates for it.
 * Pure: owns nothing, borrows the caller's bytes.  May call: base/.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/bytes.h"
#include "base/err.h"

enum {
    FRAME_HEAD_SIZE = 8,                      /* both sizes */
    FRAME_PADDING = 10 * 1024,                /* room for the command and metadata beside the largest message */
    FRAME_MESSAGE_SIZE_MAX = 5 * 1024 * 1024, /* the protocol's default for max_message_size */
};

/* The largest T that a side with this max_message_size accepts. */
static inline size_t frame_limit(size_t max_message_size)
{
    return max_message_size + FRAME_PADDING;
}

struct frame {
    struct bytes command;
    struct bytes entry; /* empty: none */
};

/* How many bytes, from the start of `received`, the frame that begins there takes: more than received.len means read
 * on. While less than 4 bytes are there the answer is FRAME_HEAD_SIZE. ERR_TOO_LARGE: T is beyond `limit`.
 * ERR_PROTOCOL: the sizes contradict each other.  Either ends the connection. */
MUST_USE enum err frame_peek(struct bytes received, size_t limit, size_t *need);

/* Splits one whole frame, as measured by frame_peek.  ERR_PROTOCOL: it is none.  Borrows from `whole`. */
MUST_USE enum err frame_decode(struct bytes whole, struct frame *out);

/* Writes the head of a frame whose command has command_len bytes and whose entry has entry_len; the caller puts both
 * behind it.  Their sum is what we made, so it is asserted to fit 31 bits. */
void frame_head_encode(uint8_t out[FRAME_HEAD_SIZE], size_t command_len, size_t entry_len);

#endif
