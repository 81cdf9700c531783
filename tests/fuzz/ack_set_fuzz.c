/* SPDX-License-Identifier: Apache-2.0
 *
 * ack_set_fuzz.c - any bytes as a cursor's snapshot.  The checksum is made right, so that what lies behind it is tried.
 */
#include "fuzz.h"

#include "base/checksum.h"
#include "store/ack_set.h"

#include <string.h>

static void check_round_trip(struct ack_set *s)
{
    size_t size = ack_set_encoded_size(s);
    uint8_t *bytes = malloc(size);
    struct ack_set back;

    HOLDS(bytes != NULL);
    ack_set_encode(s, bytes);
    HOLDS(ack_set_decode(&back, bytes_of(bytes, size)) == OK);
    HOLDS(back.entries == s->entries && back.messages == s->messages && back.ranges == s->ranges);
    HOLDS(position_equal(back.mark_delete, s->mark_delete) && back.next_message == s->next_message);
    ack_set_deinit(&back);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 4);
    struct ack_set s;

    HOLDS(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    le32_put(bytes + size, crc32c(0, bytes_of(data, size)));
    if (ack_set_decode(&s, bytes_of(bytes, size + 4)) == OK) {
        ack_set_check(&s, NULL, 0);
        check_round_trip(&s);
        ack_set_deinit(&s);
    }
    free(bytes);
    return 0;
}
