/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.c - order of byte runs; and the one assumption about the host that bytes.h makes.
 */
#include "base/bytes.h"

#include <assert.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes.h takes the host to be little endian");

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0)
        return order;
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}
