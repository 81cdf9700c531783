/* SPDX-License-Identifier: Apache-2.0
 *
 * ack_set_fuzz.c - any bytes as a cursor's row, of any version.  The checksum is made right, so that what lies
 * behind it is tried.
 */
#include "fuzz.h"

#include "base/checksum.h"
#include "store/cursor_row.h"

#include <string.h>

static void check_round_trip(struct cursor_state *s)
{
    struct cursor_state back;
    struct cursor_row row;

    HOLDS(cursor_row_take(&row, &s->acks, &s->redelivered, &s->partial) == OK);
    size_t size = cursor_row_size(&row);
    uint8_t *bytes = malloc(size);
    HOLDS(bytes != NULL);
    cursor_row_encode(&row, bytes);
    cursor_row_release(&row);
    HOLDS(cursor_row_decode(&back, bytes_of(bytes, size)) == OK);
    HOLDS(back.acks.entries == s->acks.entries && back.acks.messages == s->acks.messages &&
          back.acks.ranges == s->acks.ranges);
    HOLDS(position_equal(back.acks.mark_delete, s->acks.mark_delete) && back.acks.next_message == s->acks.next_message);
    HOLDS(back.redelivered.entries == s->redelivered.entries);
    HOLDS(back.partial.entries == s->partial.entries && back.partial.acked == s->partial.acked);
    cursor_state_deinit(&back);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 4);
    struct cursor_state s;

    HOLDS(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    le32_put(bytes + size, crc32c(0, bytes_of(data, size)));
    if (cursor_row_decode(&s, bytes_of(bytes, size + 4)) == OK) {
        ack_set_check(&s.acks, NULL, 0);
        redeliveries_check(&s.redelivered);
        partial_acks_check(&s.partial);
        check_round_trip(&s);
        cursor_state_deinit(&s);
    }
    free(bytes);
    return 0;
}
