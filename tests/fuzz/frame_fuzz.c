/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_fuzz.c - a stream of frames as it fills a receive buffer.
 */
#include "fuzz.h"

#include "wire/command.h"
#include "wire/frame.h"

enum { LIMIT = 4096 };

static void check_frame(struct bytes whole, const struct frame *frame)
{
    uint8_t head[FRAME_HEAD_SIZE];
    int type;

    HOLDS(FRAME_HEAD_SIZE + frame->command.len + frame->entry.len == whole.len);
    frame_head_encode(head, frame->command.len, frame->entry.len);
    HOLDS(memcmp(head, whole.data, sizeof head) == 0);
    if (command_type(frame->command, &type) == OK)
        HOLDS(command_name(type) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size);
    size_t need;

    while (frame_peek(rest, LIMIT, &need) == OK) {
        struct frame frame;
        HOLDS(need >= FRAME_HEAD_SIZE && need <= LIMIT + 4);
        if (need > rest.len)
            break;
        if (frame_decode(bytes_of(rest.data, need), &frame) != OK)
            abort(); /* what frame_peek has measured is a frame */
        check_frame(bytes_of(rest.data, need), &frame);
        rest = bytes_of(rest.data + need, rest.len - need);
    }
    return 0;
}
