/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_tree.c - nodes of the log's tree out of the table `tile`, and roots of what is to come.
 */
#include "services/notary/registry_private.h"

#include <inttypes.h>

enum err registry_read_tile(void *ctx, uint64_t offset, uint64_t first_index, struct digest leaves[LOG_TILE_LEAVES])
{
    struct registry_db *d = ctx;
    sqlite3_stmt *s = registry_db_use(d, TILE_GET);
    uint64_t tile = first_index / LOG_TILE_LEAVES;
    enum err err;

    registry_db_bind(s, 1, cell_number(tile_id(0, tile)));
    if ((err = registry_db_step(d, s)) == OK) {
        if (sqlite3_column_bytes(s, 0) == LOG_TILE_LEAVES * DIGEST_LEN)
            memcpy(leaves, sqlite3_column_blob(s, 0), LOG_TILE_LEAVES * DIGEST_LEN);
        else
            err = ERR_NOT_FOUND;
    }
    sqlite3_reset(s);
    return err == ERR_NOT_FOUND ? registry_db_fail(d, ERR_CORRUPT, "tile %" PRIu64 " is missing", tile) : err;
}

uint64_t registry_log_size(const struct registry *r)
{
    return log_tree_size(&r->tree);
}

struct digest registry_log_root(const struct registry *r)
{
    return merkle_edge_root(&r->tree.edge);
}

struct digest registry_root_with(const struct registry *r, const struct bytes *leaves, size_t count)
{
    struct merkle_edge edge = r->tree.edge;

    for (size_t i = 0; i < count; i++) {
        struct digest leaf = merkle_leaf(leaves[i]);
        merkle_edge_append(&edge, &leaf, NULL, NULL);
    }
    return merkle_edge_root(&edge);
}
