/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog_tables.h - the catalog in memory: rows by id and by (table, parent, name), and what changed since the last
 * checkpoint.
 *
 * The tables are what catalog_put, _remove, _find, _get and _each of store.h work on; the store journals each change
 * (catalog_change_encode) and, at a checkpoint, takes what changed as an index_batch for the catalog index.
 * A row is one block: about 130 bytes and its name and value.  Belongs to one thread.  May call: base/, index_batch.h.
 *
 * Invariants (catalog_tables_check)
 *  1. A row is in the map of ids and in the tree of names, or in neither; no two rows share an id, or table, parent and
 * name.
 *  2. The row of a subscription or a schema has a topic as its parent as long as that topic's row is there: removing
 *     a topic removes them with it.
 *  3. Every row put or removed since the last take is in the next one, removals first.
 */
#ifndef STORE_CATALOG_TABLES_H
#define STORE_CATALOG_TABLES_H

#include "store/store.h"

struct catalog_tables;
struct index_batch;

#define CATALOG_NAME_MAX  (64u * 1024)
#define CATALOG_VALUE_MAX (1024u * 1024)
#define CATALOG_ROWS_MAX  (16u * 1024 * 1024) /* in all tables; beyond it a put is ERR_FULL */

/* `seed` is for the maps and the tree's balance. */
MUST_USE enum err catalog_tables_new(struct catalog_tables **out, uint64_t seed);
void catalog_tables_free(struct catalog_tables *t);

/* Adds the row or replaces the one with its id; copies.  ERR_EXISTS: the name belongs to another id. ERR_INVALID: an id
 * of 0 or above INT64_MAX, an unknown table, or the id is of a row of another table.  ERR_TOO_LARGE: name or value.
 * ERR_FULL, ERR_NOMEM.  On an error nothing has changed. */
MUST_USE enum err catalog_tables_put(struct catalog_tables *t, enum catalog_table table, const struct catalog_row *row);
/* The same for a row that the catalog index gave back: it is not a change. */
MUST_USE enum err catalog_tables_load(struct catalog_tables *t, enum catalog_table table,
                                      const struct catalog_row *row);

/* Removes the row, and a topic's subscriptions and schemas with it; `removed` (may be NULL) is told of each row,
 * children first, while it is still there to be read.  ERR_NOT_FOUND. */
MUST_USE enum err
catalog_tables_remove(struct catalog_tables *t, enum catalog_table table, uint64_t id,
                      void (*removed)(void *ctx, enum catalog_table table, const struct catalog_row *row), void *ctx);

/* Borrowed until the next change; NULL when absent. */
const struct catalog_row *catalog_tables_find(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                                              struct bytes name);
const struct catalog_row *catalog_tables_get(const struct catalog_tables *t, enum catalog_table table, uint64_t id);
/* All rows of the parent, ordered by name; `each` returns false to stop and changes nothing. */
void catalog_tables_each(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                         bool (*each)(void *ctx, const struct catalog_row *row), void *ctx);
/* The first of them whose name is greater than `after`, or NULL. */
const struct catalog_row *catalog_tables_next(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                                              struct bytes after);
/* The same, of the rows behind the name `after`. */
void catalog_tables_each_after(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                               struct bytes after, bool (*each)(void *ctx, const struct catalog_row *row), void *ctx);
/* How many topics the namespace has; counted as they come and go. */
size_t catalog_tables_topics(const struct catalog_tables *t, uint64_t namespace_);
size_t catalog_tables_count(const struct catalog_tables *t, enum catalog_table table);
/* The memory of the table's rows. */
size_t catalog_tables_bytes(const struct catalog_tables *t, enum catalog_table table);

/* ---- checkpoints ---- */

/* Rows that the next take would hold. */
size_t catalog_tables_dirty(const struct catalog_tables *t);
/* Adds to `batch` what changed since the last take, as it is now, and forgets that it changed.  ERR_NOMEM: the batch
 * holds less than all of it, nothing is forgotten, and the batch is to be thrown away. */
MUST_USE enum err catalog_tables_take(struct catalog_tables *t, struct index_batch *batch);

void catalog_tables_check(const struct catalog_tables *t);

/* ---- one change as the payload of a journal record ---- */

enum catalog_op { CATALOG_PUT = 1, CATALOG_REMOVE = 2 };

struct catalog_change {
    enum catalog_op op;
    enum catalog_table table;
    struct catalog_row row; /* REMOVE: the id only */
};

/* The format is drawn in catalog_tables.c. */
size_t catalog_change_size(const struct catalog_change *c);
void catalog_change_encode(const struct catalog_change *c, uint8_t *to);
/* Borrows name and value from `from`.  ERR_CORRUPT for anything that was not encoded so. */
MUST_USE enum err catalog_change_decode(struct catalog_change *c, struct bytes from);
/* A replayed change.  The removal of a row that is not there is OK: it went with its topic. */
MUST_USE enum err
catalog_tables_apply(struct catalog_tables *t, const struct catalog_change *c,
                     void (*removed)(void *ctx, enum catalog_table table, const struct catalog_row *row), void *ctx);

#endif
