/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog_tables.c - rows, a map of them by id, and one tree per table by parent and name.
 *
 * One change as bytes (little endian), the payload of a journal record:
 *
 *    0  u8  op (1 put, 2 remove)
 *    1  u8  table
 *    2  u16 zero
 *    4  u32 length of the name; 0 in a remove
 *    8  u64 id
 *   here a remove ends
 *   16  u64 parent
 *   24  name, then the value up to the end
 */
#include "store/catalog_tables.h"

#include "base/map.h"
#include "base/tree.h"
#include "store/index_batch.h"

#include <assert.h>
#include <stdlib.h>

#define REMOVE_BYTES 16u
#define PUT_BYTES    24u

struct row {
    struct catalog_row row; /* name and value lie in tail */
    struct tree_node by_name;
    struct list dirty; /* in tables->dirty when changed since the last take; else alone */
    enum catalog_table table;
    uint32_t topics; /* of a namespace: how many rows of topics have it as their parent */
    uint8_t tail[];
};

struct removed {
    uint64_t id;
    enum catalog_table table;
};

struct catalog_tables {
    struct map by_id;
    struct tree by_name[CATALOG_TABLES];
    size_t bytes[CATALOG_TABLES]; /* of the rows */
    struct list dirty;
    size_t dirty_count;
    struct removed *removed; /* since the last take */
    size_t removed_count, removed_capacity;
};

struct name_key {
    uint64_t parent;
    struct bytes name;
};

static struct row *row_of(const struct tree_node *node)
{
    return container_of((uintptr_t)node, struct row, by_name);
}

static int compare_names(const void *key, const struct tree_node *node)
{
    const struct name_key *k = key;
    const struct catalog_row *r = &row_of(node)->row;

    if (k->parent != r->parent)
        return k->parent < r->parent ? -1 : 1;
    return bytes_compare(k->name, r->name);
}

static struct name_key key_of(const struct catalog_row *r)
{
    return (struct name_key){r->parent, r->name};
}

static bool table_known(enum catalog_table table)
{
    return table >= CATALOG_BROKER && table < CATALOG_TABLES;
}

enum err catalog_tables_new(struct catalog_tables **out, uint64_t seed)
{
    struct catalog_tables *t = calloc(1, sizeof *t);

    if (!t)
        return ERR_NOMEM;
    map_init(&t->by_id, seed);
    for (unsigned i = 0; i < CATALOG_TABLES; i++)
        tree_init(&t->by_name[i], compare_names);
    list_init(&t->dirty);
    *out = t;
    return OK;
}

void catalog_tables_free(struct catalog_tables *t)
{
    size_t at = 0;
    struct row *r;

    if (!t)
        return;
    while ((r = map_next(&t->by_id, &at)))
        free(r);
    map_deinit(&t->by_id);
    free(t->removed);
    free(t);
}

/* ---- looking ---- */

const struct catalog_row *catalog_tables_find(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                                              struct bytes name)
{
    struct name_key key = {parent, name};
    struct tree_node *node;

    if (!table_known(table) || !(node = tree_find(&t->by_name[table], &key)))
        return NULL;
    return &row_of(node)->row;
}

const struct catalog_row *catalog_tables_get(const struct catalog_tables *t, enum catalog_table table, uint64_t id)
{
    const struct row *r = map_find_id(&t->by_id, id);

    return r && r->table == table ? &r->row : NULL;
}

/* The first row of a parent, and those after it until NULL. */
static struct row *first_of(const struct catalog_tables *t, enum catalog_table table, uint64_t parent)
{
    struct name_key key = {.parent = parent};
    struct tree_node *node = tree_lower_bound(&t->by_name[table], &key);

    return node && row_of(node)->row.parent == parent ? row_of(node) : NULL;
}

static struct row *next_of(const struct row *r)
{
    struct tree_node *node = tree_next(&r->by_name);

    return node && row_of(node)->row.parent == r->row.parent ? row_of(node) : NULL;
}

void catalog_tables_each(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                         bool (*each)(void *ctx, const struct catalog_row *row), void *ctx)
{
    if (!table_known(table))
        return;
    for (const struct row *r = first_of(t, table, parent); r; r = next_of(r))
        if (!each(ctx, &r->row))
            return;
}

/* The first row of the parent behind a name. */
static const struct row *first_after(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                                     struct bytes after)
{
    const struct name_key key = {.parent = parent, .name = after};
    const struct tree_node *node = table_known(table) ? tree_lower_bound(&t->by_name[table], &key) : NULL;

    if (node && compare_names(&key, node) == 0)
        node = tree_next(node);
    return node && row_of(node)->row.parent == parent ? row_of(node) : NULL;
}

const struct catalog_row *catalog_tables_next(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                                              struct bytes after)
{
    const struct row *r = first_after(t, table, parent, after);

    return r ? &r->row : NULL;
}

void catalog_tables_each_after(const struct catalog_tables *t, enum catalog_table table, uint64_t parent,
                               struct bytes after, bool (*each)(void *ctx, const struct catalog_row *row), void *ctx)
{
    for (const struct row *r = first_after(t, table, parent, after); r; r = next_of(r))
        if (!each(ctx, &r->row))
            return;
}

size_t catalog_tables_topics(const struct catalog_tables *t, uint64_t namespace_)
{
    const struct row *r = map_find_id(&t->by_id, namespace_);

    return r && r->table == CATALOG_NAMESPACE ? r->topics : 0;
}

size_t catalog_tables_count(const struct catalog_tables *t, enum catalog_table table)
{
    return table_known(table) ? tree_count(&t->by_name[table]) : 0;
}

static size_t bytes_of_row(const struct row *r)
{
    return sizeof *r + r->row.name.len + r->row.value.len;
}

size_t catalog_tables_bytes(const struct catalog_tables *t, enum catalog_table table)
{
    return table_known(table) ? t->bytes[table] : 0;
}

/* ---- changing ---- */

static void mark_dirty(struct catalog_tables *t, struct row *r)
{
    list_push_back(&t->dirty, &r->dirty);
    t->dirty_count++;
}

static void mark_clean(struct catalog_tables *t, struct row *r)
{
    if (list_empty(&r->dirty))
        return;
    list_remove(&r->dirty);
    t->dirty_count--;
}

/* A topic came to its namespace, or left it. */
static void count_topic(struct catalog_tables *t, const struct row *topic, bool came)
{
    struct row *parent = topic->table == CATALOG_TOPIC ? map_find_id(&t->by_id, topic->row.parent) : NULL;

    if (parent && parent->table == CATALOG_NAMESPACE)
        parent->topics += came ? 1u : UINT32_MAX;
}

/* A namespace that comes after its topics: only a journal that is replayed over a newer index can have it so. */
static uint32_t topics_of(const struct catalog_tables *t, const struct row *namespace_)
{
    uint32_t count = 0;

    if (namespace_->table == CATALOG_NAMESPACE)
        for (const struct row *r = first_of(t, CATALOG_TOPIC, namespace_->row.id); r; r = next_of(r))
            count++;
    return count;
}

static struct row *row_new(enum catalog_table table, const struct catalog_row *from)
{
    struct row *r = malloc(sizeof *r + from->name.len + from->value.len);

    if (!r)
        return NULL;
    r->row = *from;
    r->table = table;
    r->topics = 0;
    r->row.name.data = r->tail;
    r->row.value.data = r->tail + from->name.len;
    if (from->name.len > 0)
        memcpy(r->tail, from->name.data, from->name.len);
    if (from->value.len > 0)
        memcpy(r->tail + from->name.len, from->value.data, from->value.len);
    list_init(&r->dirty);
    return r;
}

static enum err put_allowed(const struct catalog_tables *t, enum catalog_table table, const struct catalog_row *row,
                            const struct row *old)
{
    const struct catalog_row *named;

    if (!table_known(table) || row->id == 0 || row->id > INT64_MAX || row->parent > INT64_MAX)
        return ERR_INVALID;
    if (old && old->table != table)
        return ERR_INVALID;
    if (row->name.len > CATALOG_NAME_MAX || row->value.len > CATALOG_VALUE_MAX)
        return ERR_TOO_LARGE;
    named = catalog_tables_find(t, table, row->parent, row->name);
    if (named && named->id != row->id)
        return ERR_EXISTS;
    return old || map_count(&t->by_id) < CATALOG_ROWS_MAX ? OK : ERR_FULL;
}

static enum err put(struct catalog_tables *t, enum catalog_table table, const struct catalog_row *row, bool dirty)
{
    struct row *old = map_find_id(&t->by_id, row->id), *r;
    struct name_key key;
    bool inserted;
    enum err err = put_allowed(t, table, row, old);

    if (err != OK)
        return err;
    if (!(r = row_new(table, row)))
        return ERR_NOMEM;
    if ((err = map_put_id(&t->by_id, row->id, r)) != OK) {
        free(r);
        return err;
    }
    r->topics = old ? old->topics : topics_of(t, r);
    if (old) {
        count_topic(t, old, false);
        tree_remove(&t->by_name[table], &old->by_name);
        t->bytes[table] -= bytes_of_row(old);
        mark_clean(t, old);
        free(old);
    }
    count_topic(t, r, true);
    t->bytes[table] += bytes_of_row(r);
    key = key_of(&r->row);
    inserted = tree_insert(&t->by_name[table], &key, &r->by_name);
    assert(inserted);
    if (dirty)
        mark_dirty(t, r);
    return OK;
}

enum err catalog_tables_put(struct catalog_tables *t, enum catalog_table table, const struct catalog_row *row)
{
    return put(t, table, row, true);
}

enum err catalog_tables_load(struct catalog_tables *t, enum catalog_table table, const struct catalog_row *row)
{
    return map_find_id(&t->by_id, row->id) ? ERR_EXISTS : put(t, table, row, false);
}

static enum err reserve_removed(struct catalog_tables *t, size_t more)
{
    size_t capacity = t->removed_capacity ? t->removed_capacity : 8;
    struct removed *removed;

    while (capacity - t->removed_count < more)
        capacity *= 2;
    if (capacity == t->removed_capacity)
        return OK;
    if (!(removed = realloc(t->removed, capacity * sizeof *removed)))
        return ERR_NOMEM;
    t->removed = removed;
    t->removed_capacity = capacity;
    return OK;
}

typedef void removed_fn(void *ctx, enum catalog_table table, const struct catalog_row *row);

static void remove_row(struct catalog_tables *t, struct row *r, removed_fn *removed, void *ctx)
{
    if (removed)
        removed(ctx, r->table, &r->row);
    t->removed[t->removed_count++] = (struct removed){r->row.id, r->table};
    count_topic(t, r, false);
    (void)map_remove_id(&t->by_id, r->row.id);
    tree_remove(&t->by_name[r->table], &r->by_name);
    t->bytes[r->table] -= bytes_of_row(r);
    mark_clean(t, r);
    free(r);
}

static const enum catalog_table below_topic[] = {CATALOG_SUBSCRIPTION, CATALOG_SCHEMA};
#define BELOW_TOPIC (sizeof below_topic / sizeof below_topic[0])

enum err catalog_tables_remove(struct catalog_tables *t, enum catalog_table table, uint64_t id, removed_fn *removed,
                               void *ctx)
{
    struct row *r = map_find_id(&t->by_id, id), *child;
    size_t kinds = table == CATALOG_TOPIC ? BELOW_TOPIC : 0, rows = 1;
    enum err err;

    if (!r || r->table != table)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < kinds; i++)
        for (child = first_of(t, below_topic[i], id); child; child = next_of(child))
            rows++;
    if ((err = reserve_removed(t, rows)) != OK)
        return err;
    for (size_t i = 0; i < kinds; i++)
        while ((child = first_of(t, below_topic[i], id)))
            remove_row(t, child, removed, ctx);
    remove_row(t, r, removed, ctx);
    return OK;
}

/* ---- checkpoints ---- */

size_t catalog_tables_dirty(const struct catalog_tables *t)
{
    return t->dirty_count + t->removed_count;
}

enum err catalog_tables_take(struct catalog_tables *t, struct index_batch *batch)
{
    struct list *node;
    enum err err;

    /* Removals come first: a name that was freed may have been taken by another row, and an id put again. */
    for (size_t i = 0; i < t->removed_count; i++)
        if ((err = index_batch_remove(batch, t->removed[i].table, t->removed[i].id)) != OK)
            return err;
    list_each (at, &t->dirty) {
        const struct row *r = container_of(at, struct row, dirty);
        if ((err = index_batch_put(batch, r->table, &r->row)) != OK)
            return err;
    }
    while ((node = list_pop_front(&t->dirty)))
        t->dirty_count--;
    free(t->removed);
    t->removed = NULL;
    t->removed_count = t->removed_capacity = 0;
    return OK;
}

static size_t rows_check(const struct catalog_tables *t, enum catalog_table table)
{
    const struct row *before = NULL;
    size_t dirty = 0, bytes = 0;

    tree_check(&t->by_name[table]);
    tree_each (node, &t->by_name[table]) {
        const struct row *r = row_of(node);
        assert(r->table == table);
        assert(map_find_id(&t->by_id, r->row.id) == r);
        if (before) {
            struct name_key key = key_of(&before->row);
            assert(compare_names(&key, node) < 0);
        }
        assert(r->topics == topics_of(t, r));
        dirty += !list_empty(&r->dirty);
        bytes += bytes_of_row(r);
        before = r;
    }
    assert(bytes == t->bytes[table]);
    return dirty;
}

void catalog_tables_check(const struct catalog_tables *t)
{
    size_t rows = 0, dirty = 0;

    for (enum catalog_table table = CATALOG_BROKER; table < CATALOG_TABLES; table++) {
        rows += tree_count(&t->by_name[table]);
        dirty += rows_check(t, table);
    }
    assert(rows == map_count(&t->by_id));
    assert(dirty == t->dirty_count);
}

/* ---- one change as bytes ---- */

size_t catalog_change_size(const struct catalog_change *c)
{
    return c->op == CATALOG_REMOVE ? REMOVE_BYTES : PUT_BYTES + c->row.name.len + c->row.value.len;
}

void catalog_change_encode(const struct catalog_change *c, uint8_t *to)
{
    const struct catalog_row *r = &c->row;

    assert(c->op == CATALOG_PUT || c->op == CATALOG_REMOVE);
    assert(table_known(c->table));
    assert(r->name.len <= CATALOG_NAME_MAX && r->value.len <= CATALOG_VALUE_MAX);
    to[0] = (uint8_t)c->op;
    to[1] = (uint8_t)c->table;
    le16_put(to + 2, 0);
    le32_put(to + 4, c->op == CATALOG_PUT ? (uint32_t)r->name.len : 0);
    le64_put(to + 8, r->id);
    if (c->op == CATALOG_REMOVE)
        return;
    le64_put(to + 16, r->parent);
    if (r->name.len > 0)
        memcpy(to + PUT_BYTES, r->name.data, r->name.len);
    if (r->value.len > 0)
        memcpy(to + PUT_BYTES + r->name.len, r->value.data, r->value.len);
}

enum err catalog_change_decode(struct catalog_change *out, struct bytes from)
{
    struct catalog_change c = {0};
    size_t name_len;

    if (from.len < REMOVE_BYTES || le16_get(from.data + 2) != 0)
        return ERR_CORRUPT;
    c.op = (enum catalog_op)from.data[0];
    c.table = (enum catalog_table)from.data[1];
    name_len = le32_get(from.data + 4);
    c.row.id = le64_get(from.data + 8);
    if (!table_known(c.table) || c.row.id == 0 || c.row.id > INT64_MAX)
        return ERR_CORRUPT;
    if (c.op == CATALOG_REMOVE && (from.len != REMOVE_BYTES || name_len != 0))
        return ERR_CORRUPT;
    if (c.op == CATALOG_PUT) {
        if (from.len < PUT_BYTES || name_len > CATALOG_NAME_MAX || from.len - PUT_BYTES < name_len ||
            from.len - PUT_BYTES - name_len > CATALOG_VALUE_MAX)
            return ERR_CORRUPT;
        c.row.parent = le64_get(from.data + 16);
        c.row.name = bytes_of(from.data + PUT_BYTES, name_len);
        c.row.value = bytes_of(from.data + PUT_BYTES + name_len, from.len - PUT_BYTES - name_len);
    }
    if ((c.op != CATALOG_PUT && c.op != CATALOG_REMOVE) || c.row.parent > INT64_MAX)
        return ERR_CORRUPT;
    *out = c;
    return OK;
}

enum err catalog_tables_apply(struct catalog_tables *t, const struct catalog_change *c, removed_fn *removed, void *ctx)
{
    enum err err;

    if (c->op == CATALOG_PUT)
        return catalog_tables_put(t, c->table, &c->row);
    err = catalog_tables_remove(t, c->table, c->row.id, removed, ctx);
    return err == ERR_NOT_FOUND ? OK : err;
}
