/* SPDX-License-Identifier: Apache-2.0
 *
 * log_tree.c - complete nodes looked up in memory from the tiles' roots upward, put together below.
 */
#include "services/notary/registry/log_tree.h"

#include "base/list.h"
#include <assert.h>
#include <stdlib.h>

/* The node over leaves[0 .. 1 << level). */
static struct digest subtree_root(const struct digest *leaves, unsigned level)
{
    struct merkle_edge edge = {0};

    for (uint64_t i = 0; i < 1ull << level; i++)
        merkle_edge_append(&edge, &leaves[i], NULL, NULL);
    return merkle_edge_root(&edge);
}

/* Reads a full tile unless it is the one kept. */
static enum err keep_tile(struct log_tree *t, uint64_t tile)
{
    struct digest root;
    enum err err;

    if (t->kept && t->kept_tile == tile)
        return OK;
    if (!t->kept && !(t->kept = calloc(LOG_TILE_LEAVES, sizeof *t->kept)))
        return ERR_NOMEM;
    t->kept_tile = UINT64_MAX;
    if ((err = t->read_tile(t->ctx, tile * LOG_TILE_LEAVES, t->kept)) != OK)
        return err;
    root = subtree_root(t->kept, LOG_TILE_LEVEL);
    if (!digest_equal(&root, &t->levels[0].nodes[tile]))
        return ERR_CORRUPT;
    t->kept_tile = tile;
    return OK;
}

static enum err node(struct merkle_source *source, unsigned level, uint64_t index, struct digest *out)
{
    struct log_tree *t = container_of(source, struct log_tree, source);
    uint64_t first = index << level, tile = first / LOG_TILE_LEAVES;
    const struct digest *leaves;
    enum err err;

    assert(first + (1ull << level) <= t->edge.size);
    if (level >= LOG_TILE_LEVEL) {
        *out = t->levels[level - LOG_TILE_LEVEL].nodes[index];
        return OK;
    }
    leaves = t->open_tile;
    if (tile != t->edge.size / LOG_TILE_LEAVES) {
        if ((err = keep_tile(t, tile)) != OK)
            return err;
        leaves = t->kept;
    }
    *out = subtree_root(leaves + first % LOG_TILE_LEAVES, level);
    return OK;
}

void log_tree_init(struct log_tree *t,
                   enum err (*read_tile)(void *ctx, uint64_t first_index, struct digest leaves[LOG_TILE_LEAVES]),
                   void *ctx)
{
    memset(t, 0, sizeof *t);
    t->source.node = node;
    t->read_tile = read_tile;
    t->ctx = ctx;
    t->kept_tile = UINT64_MAX;
}

void log_tree_deinit(struct log_tree *t)
{
    for (size_t i = 0; i < sizeof t->levels / sizeof *t->levels; i++)
        free(t->levels[i].nodes);
    free(t->kept);
    memset(t, 0, sizeof *t);
}

/* Makes *items hold at least `wanted`. */
static enum err grow(void **items, size_t *capacity, size_t wanted, size_t item_size)
{
    size_t room = *capacity ? *capacity : 16;
    void *more;

    if (wanted <= *capacity)
        return OK;
    while (room < wanted)
        room *= 2;
    if (!(more = reallocarray(*items, room, item_size)))
        return ERR_NOMEM;
    *items = more;
    *capacity = room;
    return OK;
}

enum err log_tree_reserve(struct log_tree *t, size_t more)
{
    uint64_t leaves = t->edge.size + more;
    enum err err = OK;

    for (unsigned level = LOG_TILE_LEVEL; err == OK && leaves >> level > 0; level++) {
        struct log_tree_level *l = &t->levels[level - LOG_TILE_LEVEL];
        void *nodes = l->nodes;
        err = grow(&nodes, &l->capacity, leaves >> level, sizeof *l->nodes);
        l->nodes = nodes;
    }
    return err;
}

static void store_completed(void *ctx, unsigned level, uint64_t index, const struct digest *completed)
{
    struct log_tree *t = ctx;
    struct log_tree_level *l;

    if (level == 0)
        t->open_tile[index % LOG_TILE_LEAVES] = *completed;
    if (level < LOG_TILE_LEVEL)
        return;
    l = &t->levels[level - LOG_TILE_LEVEL];
    assert(index == l->count);
    assert(l->count < l->capacity);
    l->nodes[l->count++] = *completed;
}

void log_tree_append(struct log_tree *t, const struct digest *leaf)
{
    merkle_edge_append(&t->edge, leaf, store_completed, t);
}
