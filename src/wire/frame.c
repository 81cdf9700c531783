/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c - see frame.h, which draws the format.
 */
#include "wire/frame.h"

#include <assert.h>

enum { SIZE_FIELD = 4 };

static bool sizes_agree(uint32_t total, uint32_t command)
{
    return command <= total - SIZE_FIELD;
}

enum err frame_peek(struct bytes received, size_t limit, size_t *need)
{
    if (received.len < SIZE_FIELD) {
        *need = FRAME_HEAD_SIZE;
        return OK;
    }
    uint32_t total = be32_get(received.data);
    if (total > limit)
        return ERR_TOO_LARGE;
    if (total < SIZE_FIELD)
        return ERR_PROTOCOL;
    if (received.len >= FRAME_HEAD_SIZE && !sizes_agree(total, be32_get(received.data + SIZE_FIELD)))
        return ERR_PROTOCOL;
    *need = SIZE_FIELD + (size_t)total;
    return OK;
}

enum err frame_decode(struct bytes whole, struct frame *out)
{
    if (whole.len < FRAME_HEAD_SIZE)
        return ERR_PROTOCOL;
    uint32_t total = be32_get(whole.data);
    uint32_t command = be32_get(whole.data + SIZE_FIELD);
    if (total != whole.len - SIZE_FIELD || !sizes_agree(total, command))
        return ERR_PROTOCOL;
    out->command = bytes_of(whole.data + FRAME_HEAD_SIZE, command);
    out->entry = bytes_of(whole.data + FRAME_HEAD_SIZE + command, total - SIZE_FIELD - command);
    return OK;
}

void frame_head_encode(uint8_t out[FRAME_HEAD_SIZE], size_t command_len, size_t entry_len)
{
    assert(command_len <= INT32_MAX - SIZE_FIELD);
    assert(entry_len <= INT32_MAX - SIZE_FIELD - command_len);

    be32_put(out, (uint32_t)(SIZE_FIELD + command_len + entry_len));
    be32_put(out + SIZE_FIELD, (uint32_t)command_len);
}
