/* SPDX-License-Identifier: Apache-2.0
 *
 * ack_set_fuzz.c - any bytes as a cursor's row, of either version.  The checksum is made right, so that what lies
 * behind it is tried.
 */
#include "fuzz.h"

#include "base/checksum.h"
#include "store/cursor_row.h"

#include <string.h>

static void check_round_trip(struct ack_set *s, struct redeliveries *r)
{
    struct cursor_row row;
    struct ack_set back;
    struct redeliveries r_back;

    HOLDS(cursor_row_take(&row, s, r) == OK);
    size_t size = cursor_row_size(&row);
    uint8_t *bytes = malloc(size);
    HOLDS(bytes != NULL);
    cursor_row_encode(&row, bytes);
    cursor_row_release(&row);
    HOLDS(cursor_row_decode(bytes_of(bytes, size), &back, &r_back) == OK);
    HOLDS(back.entries == s->entries && back.messages == s->messages && back.ranges == s->ranges);
    HOLDS(position_equal(back.mark_delete, s->mark_delete) && back.next_message == s->next_message);
    HOLDS(r_back.entries == r->entries);
    ack_set_deinit(&back);
    redeliveries_deinit(&r_back);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 4);
    struct redeliveries r;
    struct ack_set s;

    HOLDS(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    le32_put(bytes + size, crc32c(0, bytes_of(data, size)));
    if (cursor_row_decode(bytes_of(bytes, size + 4), &s, &r) == OK) {
        ack_set_check(&s, NULL, 0);
        redeliveries_check(&r);
        check_round_trip(&s, &r);
        ack_set_deinit(&s);
        redeliveries_deinit(&r);
    }
    free(bytes);
    return 0;
}
