/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_private.h - what the files of the registry share: the struct, and what one calls of the other.
 *
 * registry.c opens, registry_check.c reads all of it at that, registry_apply.c takes documents, registry_find.c answers
 * the thread that applies, registry_view.c others, registry_tiles.c writes
 * DIR/log, registry_tile_files.c compares it.
 */
#ifndef SERVICES_NOTARY_REGISTRY_PRIVATE_H
#define SERVICES_NOTARY_REGISTRY_PRIVATE_H

#include "services/notary/registry/log_tree.h"
#include "services/notary/registry/registry.h"
#include "services/notary/registry/registry_db.h"
#include "services/notary/registry/registry_tiles.h"

#define REGISTRY_TEXT_MAX (64u << 20) /* of what is read into memory: a receipt, the records of one workflow */

#define ANCHORS_MAX 8 /* that are remembered; of more, each call looks at all entries */

struct registry {
    struct log *log;
    struct registry_db db;
    struct registry_owner owner;
    struct registry_state state;  /* as committed */
    struct log_tree tree;         /* likewise */
    struct registry_tiles *tiles; /* NULL: in memory, or only read */
    struct anchor_mark {
        char name[RECORD_NAME_MAX + 1];
        uint64_t below; /* all entries before this one have a receipt of the anchor */
    } anchors[ANCHORS_MAX];
};

static inline uint64_t state_size(const struct registry_state *s)
{
    return s->sums[TABLE_ENTRY].rows;
}

static inline uint64_t state_results(const struct registry_state *s)
{
    return s->sums[TABLE_RESULT].rows;
}

/* The id of a row of `tile`. */
static inline uint64_t tile_id(unsigned level, uint64_t number)
{
    return (uint64_t)level << 56 | number;
}

/* registry_tree.c: the log's tree without one in memory: who looks at the file alone makes proofs with it.  The last
 * tile read is kept. */
struct db_tree {
    struct merkle_source source;
    struct registry_db *db;
    uint64_t size;
    uint64_t id; /* of the tile kept; UINT64_MAX: none */
    struct digest hashes[LOG_TILE_LEAVES];
    size_t count; /* of them */
};
void db_tree_init(struct db_tree *t, struct registry_db *db, uint64_t size);

/* registry_tree.c: log_tree's read_tile over the table `tile`; `ctx` is a struct registry_db. */
enum err registry_read_tile(void *ctx, uint64_t first_index, struct digest leaves[LOG_TILE_LEAVES]);

/* registry_find.c: as registry_result_at, over any connection and source of nodes; what was read is lent until
 * registry_db_rest. */
MUST_USE enum err registry_result_read(struct registry_db *d, struct merkle_source *tree, uint64_t number,
                                       struct registry_result *out);
/* Appends the first checkpoint that covers entry `index`; its size. */
MUST_USE enum err registry_checkpoint_of(struct registry_db *d, uint64_t index, struct text *note, uint64_t *size);
/* Appends the records of a workflow. */
MUST_USE enum err registry_steps_read(struct registry_db *d, uint64_t workflow, json_t *array);

/* registry_view.c: a read transaction, to be ended by registry_db_rollback after any result. */
MUST_USE enum err registry_view_begin(struct registry_view *v, struct registry_db **db,
                                      const struct registry_state **state);

/* registry_check.c: reads and checks all rows, and the files (NULL: none) against them; grows the tree. */
MUST_USE enum err registry_check_all(struct registry *r, struct tile_files *files, char *message, size_t size);

#endif
