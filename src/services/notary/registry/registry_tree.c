/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_tree.c - nodes of the log's tree out of the tables `tile` and `entry`, and roots of what is to come.
 */
#include "base/list.h"
#include "services/notary/registry/registry_private.h"

#include <assert.h>
#include <inttypes.h>

/* The hashes that the table has of a tile: at most LOG_TILE_LEAVES. */
static enum err read_hashes(struct registry_db *d, uint64_t id, struct digest hashes[LOG_TILE_LEAVES], size_t *count)
{
    sqlite3_stmt *s = registry_db_use(d, TILE_GET);
    size_t len;
    enum err err;

    registry_db_bind(s, 1, cell_number(id));
    if ((err = registry_db_step(d, s)) == OK) {
        len = (size_t)sqlite3_column_bytes(s, 0);
        if (len <= LOG_TILE_LEAVES * DIGEST_LEN && len % DIGEST_LEN == 0) {
            memcpy(hashes, sqlite3_column_blob(s, 0), len);
            *count = len / DIGEST_LEN;
        } else {
            err = ERR_NOT_FOUND;
        }
    }
    sqlite3_reset(s);
    return err == ERR_NOT_FOUND ? registry_db_fail(d, ERR_CORRUPT, "tile %" PRIu64 "/%" PRIu64 " is missing", id >> 56,
                                                   id & ((UINT64_C(1) << 56) - 1))
                                : err;
}

enum err registry_read_tile(void *ctx, uint64_t first_index, struct digest leaves[LOG_TILE_LEAVES])
{
    struct registry_db *d = ctx;
    size_t count;
    enum err err = read_hashes(d, tile_id(0, first_index / LOG_TILE_LEAVES), leaves, &count);

    if (err == OK && count != LOG_TILE_LEAVES)
        err = registry_db_fail(d, ERR_CORRUPT, "the tile of entry %" PRIu64 " is not whole", first_index);
    return err;
}

/* ---- without a tree in memory ---- */

/* Of level 0 a tile that is not whole is in no table: its entries are. */
static enum err hash_entries(struct db_tree *t, uint64_t first)
{
    sqlite3_stmt *s = registry_db_use(t->db, ENTRIES_FROM);
    struct cell c[COLUMNS_MAX];
    enum err err;

    registry_db_bind(s, 1, cell_number(first));
    registry_db_bind(s, 2, cell_number(LOG_TILE_LEAVES));
    t->count = 0;
    while ((err = registry_db_step(t->db, s)) == OK) {
        if ((err = registry_row_read(t->db, s, TABLE_ENTRY, c, NULL)) != OK)
            break;
        t->hashes[t->count++] = merkle_leaf(c[ENTRY_LEAF].bytes);
    }
    sqlite3_reset(s);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err db_node(struct merkle_source *source, unsigned level, uint64_t index, struct digest *out)
{
    struct db_tree *t = container_of(source, struct db_tree, source);
    unsigned tile_level = level / LOG_TILE_LEVEL, within = level % LOG_TILE_LEVEL;
    uint64_t first = index << within, tile = first / LOG_TILE_LEAVES, at = first % LOG_TILE_LEAVES;
    uint64_t id = tile_id(tile_level, tile);
    struct merkle_edge edge = {0};
    enum err err = OK;

    if (t->id != id) {
        t->id = UINT64_MAX;
        err = tile_level == 0 && (tile + 1) * LOG_TILE_LEAVES > t->size ? hash_entries(t, tile * LOG_TILE_LEAVES)
                                                                        : read_hashes(t->db, id, t->hashes, &t->count);
        if (err != OK)
            return err;
        t->id = id;
    }
    if (at + (1u << within) > t->count)
        return registry_db_fail(t->db, ERR_CORRUPT, "tile %u/%" PRIu64 " is too short", tile_level, tile);
    for (uint64_t i = 0; i < 1u << within; i++)
        merkle_edge_append(&edge, &t->hashes[at + i], NULL, NULL);
    *out = merkle_edge_root(&edge);
    return OK;
}

void db_tree_init(struct db_tree *t, struct registry_db *db, uint64_t size)
{
    t->source.node = db_node;
    t->db = db;
    t->size = size;
    t->id = UINT64_MAX;
    t->count = 0;
}

/* ---- the tree in memory ---- */

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
