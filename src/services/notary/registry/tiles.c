/* SPDX-License-Identifier: Apache-2.0
 *
 * tiles.c - names of tiles, and entries in a row.
 */
#include "services/notary/registry/tiles.h"

#include <assert.h>
#include <stdio.h>

/* "x001/x234/067": the groups above the last, then the last. */
static int add_number(uint64_t number, char *to, size_t size)
{
    int len = 0;

    for (uint64_t unit = 1000000000000000000u; unit >= 1000; unit /= 1000)
        if (number >= unit)
            len += snprintf(to + len, size - (size_t)len, "x%03u/", (unsigned)(number / unit % 1000));
    return len + snprintf(to + len, size - (size_t)len, "%03u", (unsigned)(number % 1000));
}

void tile_path(unsigned level, uint64_t number, unsigned width, char to[TILE_PATH_SIZE])
{
    int len;

    assert(level <= TILE_ENTRIES);
    assert(width <= TILE_LEAVES);
    len = level == TILE_ENTRIES ? snprintf(to, TILE_PATH_SIZE, "tile/entries/")
                                : snprintf(to, TILE_PATH_SIZE, "tile/%u/", level);
    len += add_number(number, to + len, TILE_PATH_SIZE - (size_t)len);
    if (width > 0 && width < TILE_LEAVES)
        len += snprintf(to + len, TILE_PATH_SIZE - (size_t)len, ".p/%u", width);
    assert(len < TILE_PATH_SIZE);
}

void tile_entry_add(struct text *bundle, struct bytes entry)
{
    uint8_t len[2];

    assert(entry.len <= TILE_ENTRY_MAX);
    be16_put(len, (uint16_t)entry.len);
    text_add_bytes(bundle, bytes_of(len, sizeof len));
    text_add_bytes(bundle, entry);
}
