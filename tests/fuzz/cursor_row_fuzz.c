/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_row_fuzz.c - any bytes as what the catalog keeps of a cursor.  Its checksum, the last four bytes, is made
 * right when the first byte is odd.
 */
#include "fuzz.h"

#include "base/checksum.h"
#include "store/cursor_row.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor_state state;
    uint8_t *copy;

    if (size < 1)
        return 0;
    const size_t len = size - 1;
    copy = malloc(len + 1);
    HOLDS(copy != NULL);
    memcpy(copy, data + 1, len);
    if ((data[0] & 1) && len >= 4)
        le32_put(copy + len - 4, crc32c(0, bytes_of(copy, len - 4)));
    if (cursor_row_decode(&state, bytes_of(copy, len)) == OK)
        cursor_state_deinit(&state);
    free(copy);
    return 0;
}
