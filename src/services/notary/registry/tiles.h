/* SPDX-License-Identifier: Apache-2.0
 *
 * tiles.h - how a transparency log lies in files for everybody to read: C2SP's tlog-tiles.
 *
 *     checkpoint                 the signed note
 *     tile/L/N[.p/W]             256 hashes of 32 bytes (W of them): the nodes at level 8 L of the tree, from N * 256
 * on tile/entries/N[.p/W]       256 entries (W of them): each a big-endian u16 length and its bytes
 *
 * N is written in groups of three digits, all but the last with an x before it: 1234067 is x001/x234/067.  A partial
 * tile, with .p/W, is the last of its level; it has 1 to 255, and a whole one is never changed.  Pure.
 */
#ifndef SERVICES_NOTARY_TILES_H
#define SERVICES_NOTARY_TILES_H

#include "base/text.h"
#include "services/notary/documents/merkle.h"

#define TILE_LEAVES     256u
#define TILE_LEVELS     8u          /* of tiles: of 8 levels of the tree each */
#define TILE_ENTRIES    TILE_LEVELS /* in place of a level: the entries themselves */
#define TILE_PATH_SIZE  64
#define TILE_ENTRY_MAX  65535u
#define TILE_BUNDLE_MAX (TILE_LEAVES * (2 + TILE_ENTRY_MAX))

/* `width` 0 (or TILE_LEAVES): whole. */
void tile_path(unsigned level, uint64_t number, unsigned width, char to[TILE_PATH_SIZE]);

/* How many a log of `size` entries has at a level: hashes, or entries. */
static inline uint64_t tile_count(unsigned level, uint64_t size)
{
    return level == TILE_ENTRIES ? size : size >> (8 * level);
}

/* Appends an entry to a bundle; at most TILE_ENTRY_MAX bytes (asserted). */
void tile_entry_add(struct text *bundle, struct bytes entry);

#endif
