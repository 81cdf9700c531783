/* SPDX-License-Identifier: Apache-2.0
 *
 * log_tree.h - the log's hash tree in little memory: a quarter of a byte an entry.
 *
 * Leaves are grouped in tiles of 256.  The tree keeps the nodes from the tiles' roots upward and the leaf hashes of the
 * open tile; those of a full tile are read back from where the log is stored when a proof needs them, and the last tile
 * read is kept.  Belongs to one thread.  May call: base/, merkle.h.
 *
 * Invariant: the root of a tile read back is the one kept in memory; otherwise the store was changed (ERR_CORRUPT).
 */
#ifndef SERVICES_NOTARY_LOG_TREE_H
#define SERVICES_NOTARY_LOG_TREE_H

#include "services/notary/documents/merkle.h"

#define LOG_TILE_LEVEL  8
#define LOG_TILE_LEAVES 256

/* Nodes of one level, all that are complete. */
struct log_tree_level {
    struct digest *nodes;
    size_t count, capacity;
};

struct log_tree {
    struct merkle_source source; /* first: the tree is a source of its own complete nodes */
    struct merkle_edge edge;
    struct log_tree_level levels[MERKLE_LEVELS_MAX - LOG_TILE_LEVEL]; /* [0] is the tiles' roots */
    struct digest open_tile[LOG_TILE_LEAVES];                         /* edge.size % LOG_TILE_LEAVES of them */
    /* Reads the leaf hashes of a full tile. */
    enum err (*read_tile)(void *ctx, uint64_t first_index, struct digest leaves[LOG_TILE_LEAVES]);
    void *ctx;
    struct digest *kept; /* LOG_TILE_LEAVES hashes of the tile kept_tile, or NULL */
    uint64_t kept_tile;
};

void log_tree_init(struct log_tree *t,
                   enum err (*read_tile)(void *ctx, uint64_t first_index, struct digest leaves[LOG_TILE_LEAVES]),
                   void *ctx);
void log_tree_deinit(struct log_tree *t);

/* Room for `more` appends, so that they cannot fail.  ERR_NOMEM. */
MUST_USE enum err log_tree_reserve(struct log_tree *t, size_t more);
/* Room was reserved (asserted). */
void log_tree_append(struct log_tree *t, const struct digest *leaf);

static inline uint64_t log_tree_size(const struct log_tree *t)
{
    return t->edge.size;
}

#endif
