/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_check.c - everything read and checked at the start, and the tree made meanwhile.
 *
 * Each row has its checksum, its id follows on the one before, and the rows of a table sum up to what the state says.
 * Entries, results and checkpoints are read side by side: each entry is hashed and compared with its tile, each result
 * belongs to its entry, each checkpoint has the root of the entries before it and the key's signature.  An index has
 * what its table has, in order: otherwise an event that is there might not be found, and be notarized again.
 */
#include "services/notary/documents/checkpoint.h"
#include "services/notary/registry/registry_private.h"

#include "base/checksum.h"
#include <inttypes.h>
#include <stdio.h>

/* A table while it is read from its first row to its last. */
struct scan {
    sqlite3_stmt *statement;
    enum registry_table table;
    struct cell row[COLUMNS_MAX];
    bool there; /* `row` is one that nobody took yet */
    struct table_sum sum;
};

struct check {
    struct registry *r;
    struct scan entries, results, checkpoints;
    struct tile_files *files;                            /* NULL: not compared */
    struct digest leaves[LOG_TILE_LEAVES];               /* of the tile at hand */
    struct text bundle;                                  /* its entries, for the files */
    size_t ends[LOG_TILE_LEAVES];                        /* where each of them ends */
    struct table_sum keys, open, status, steps, anchors; /* what the indexes must have */
    char *message;
    size_t size;
};

#define refuse(c, ...) err_because(ERR_CORRUPT, (c)->message, (c)->size, REGISTRY_FILE ": " __VA_ARGS__)

/* ---- scans ---- */

/* The next row.  *end: there is none. */
static enum err scan_next(struct check *c, struct scan *s)
{
    struct registry_db *d = &c->r->db;
    uint32_t crc;
    enum err err = registry_db_step(d, s->statement);

    s->there = err == OK;
    if (err == ERR_NOT_FOUND)
        return OK;
    if (err == ERR_CORRUPT)
        return refuse(c, "the %s after %" PRIu64 " others cannot be read: %s", registry_table_names[s->table],
                      s->sum.rows, d->failure);
    if (err != OK || (err = registry_row_read(d, s->statement, s->table, s->row, &crc)) != OK)
        return err;
    s->sum.rows++;
    s->sum.sum += crc;
    return OK;
}

static enum err scan_begin(struct check *c, struct scan *s, enum registry_table table)
{
    *s = (struct scan){.table = table, .statement = registry_db_use(&c->r->db, (enum statement)(SCAN_FIRST + table))};
    return scan_next(c, s);
}

static enum err scan_end(struct check *c, const struct scan *s)
{
    const struct table_sum *want = &c->r->state.sums[s->table];

    if (s->sum.rows != want->rows)
        return refuse(c, "%" PRIu64 " rows of table %s are there, and there were %" PRIu64, s->sum.rows,
                      registry_table_names[s->table], want->rows);
    if (s->sum.sum != want->sum)
        return refuse(c, "a row of table %s was changed: the sum over all does not match",
                      registry_table_names[s->table]);
    return OK;
}

/* Rows of a table are numbered without a gap, from `base`. */
static enum err check_id(struct check *c, const struct scan *s, uint64_t base)
{
    uint64_t id = base + s->sum.rows - 1;

    if ((uint64_t)s->row[0].number == id)
        return OK;
    return refuse(c, "%s %" PRIu64 " is missing", registry_table_names[s->table], id);
}

/* ---- entries, with their results and checkpoints ---- */

/* A leaf ends in the hash of its result's rest; one of a batch does not. */
static bool rest_fits(struct bytes leaf, struct bytes rest)
{
    static const char name[] = "\"result_hash\":\"sha256:";
    const size_t tail = sizeof name - 1 + DIGEST_HEX_LEN + 2; /* and "} */
    char hex[DIGEST_HEX_SIZE];
    struct digest d;

    if (leaf.len < tail || memcmp(leaf.data + leaf.len - tail, name, sizeof name - 1) != 0)
        return true;
    d = digest_of(rest);
    digest_hex(&d, hex);
    return memcmp(leaf.data + leaf.len - DIGEST_HEX_LEN - 2, hex, DIGEST_HEX_LEN) == 0;
}

static enum err check_result(struct check *c, uint64_t index)
{
    struct scan *s = &c->results;
    uint64_t workflow = (uint64_t)s->row[RESULT_WORKFLOW].number;
    struct cell w[COLUMNS_MAX];
    enum err err = check_id(c, s, 1);

    if (err != OK || (err = registry_row_get(&c->r->db, TABLE_WORKFLOW, workflow, w)) == ERR_NOT_FOUND)
        return err == OK ? err : refuse(c, "the workflow of entry %" PRIu64 " is missing", index);
    if (err != OK)
        return err;
    if (w[WORKFLOW_NUMBER].kind == CELL_NULL || w[WORKFLOW_NUMBER].number != s->row[RESULT_ID].number)
        return refuse(c, "entry %" PRIu64 " and its workflow do not belong together", index);
    if (s->row[RESULT_EVENT_HASH].bytes.len != DIGEST_LEN)
        return refuse(c, "the result of entry %" PRIu64 " was changed: it has no hash of an event", index);
    return OK;
}

static enum err check_results(struct check *c, uint64_t index)
{
    struct bytes leaf = c->entries.row[ENTRY_LEAF].bytes;
    uint64_t count = 0;
    enum err err;

    if (!c->results.there || c->results.row[RESULT_ID].number != c->entries.row[ENTRY_FIRST].number)
        return refuse(c, "the results of entry %" PRIu64 " are not where they were", index);
    for (; c->results.there && (uint64_t)c->results.row[RESULT_ENTRY].number == index; count++) {
        if ((err = check_result(c, index)) != OK)
            return err;
        if (count == 0 && !rest_fits(leaf, c->results.row[RESULT_REST].bytes))
            return refuse(c, "entry %" PRIu64 " was changed: it is not about its result", index);
        if ((err = scan_next(c, &c->results)) != OK)
            return err;
    }
    return count > 0 ? OK : refuse(c, "entry %" PRIu64 " has no result", index);
}

/* A whole tile: what the table has of it are the hashes of its entries. */
static enum err check_leaf_tile(struct check *c, uint64_t tile)
{
    struct digest have[LOG_TILE_LEAVES];
    enum err err = registry_read_tile(&c->r->db, tile * LOG_TILE_LEAVES, have);

    if (err != OK)
        return err;
    for (uint64_t i = 0; i < LOG_TILE_LEAVES; i++)
        if (!digest_equal(&have[i], &c->leaves[i]))
            return refuse(c, "entry %" PRIu64 " was changed: its hash is not the one in the tree",
                          tile * LOG_TILE_LEAVES + i);
    return OK;
}

/* The files of the tile at hand, which has `count` entries. */
static enum err check_leaf_files(struct check *c, uint64_t tile, size_t count)
{
    struct tile_content hashes = {
        .level = 0, .number = tile, .count = count, .bytes = bytes_of(c->leaves, count * DIGEST_LEN)};
    struct tile_content entries = {.level = TILE_ENTRIES,
                                   .number = tile,
                                   .count = count,
                                   .bytes = bytes_of(c->bundle.data, c->bundle.len),
                                   .ends = c->ends};
    enum err err;

    if (!c->files)
        return OK;
    if (text_failed(&c->bundle))
        return ERR_NOMEM;
    if ((err = tile_files_check(c->files, &entries)) == OK)
        err = tile_files_check(c->files, &hashes);
    c->bundle.len = 0;
    return err;
}

static enum err check_checkpoint(struct check *c)
{
    const struct registry_owner *owner = &c->r->owner;
    struct digest root = merkle_edge_root(&c->r->tree.edge);
    uint64_t size = log_tree_size(&c->r->tree);
    struct checkpoint read;
    struct signature signature;

    if (checkpoint_read(&read, &signature, c->checkpoints.row[CHECKPOINT_NOTE].bytes, owner->origin, &owner->key) !=
            OK ||
        read.size != size)
        return refuse(c, "the checkpoint behind entry %" PRIu64 " was changed", size - 1);
    if (!digest_equal(&read.root, &root))
        return refuse(c,
                      "entry %" PRIu64 " or one before it, back to the last checkpoint, was changed: they do not "
                      "give the root that was signed",
                      size - 1);
    if (!checkpoint_is_signed(&read, owner->origin, &owner->key, &signature))
        return refuse(c, "the checkpoint behind entry %" PRIu64 " is not signed by the log's key", size - 1);
    return scan_next(c, &c->checkpoints);
}

/* The entry joins its bundle; a whole one is compared, and so is the root of the checkpoint on the disk. */
static enum err check_entry_file(struct check *c, uint64_t index)
{
    struct digest root;
    enum err err;

    tile_entry_add(&c->bundle, c->entries.row[ENTRY_LEAF].bytes);
    c->ends[index % LOG_TILE_LEAVES] = c->bundle.len;
    if ((index + 1) % LOG_TILE_LEAVES == 0 &&
        (err = check_leaf_files(c, index / LOG_TILE_LEAVES, LOG_TILE_LEAVES)) != OK)
        return err;
    if (index + 1 != c->files->found.size)
        return OK;
    root = merkle_edge_root(&c->r->tree.edge);
    return tile_files_check_root(c->files, &root);
}

static enum err check_entry(struct check *c)
{
    struct log_tree *t = &c->r->tree;
    uint64_t index = log_tree_size(t);
    struct digest *leaf = &c->leaves[index % LOG_TILE_LEAVES];
    enum err err = check_id(c, &c->entries, 0);

    if (err != OK || (err = check_results(c, index)) != OK || (err = log_tree_reserve(t, 1)) != OK)
        return err;
    if (c->entries.row[ENTRY_LEAF].bytes.len > TILE_ENTRY_MAX)
        return refuse(c, "entry %" PRIu64 " was changed: it is too long", index);
    *leaf = merkle_leaf(c->entries.row[ENTRY_LEAF].bytes);
    log_tree_append(t, leaf);
    if ((index + 1) % LOG_TILE_LEAVES == 0 && (err = check_leaf_tile(c, index / LOG_TILE_LEAVES)) != OK)
        return err;
    if (c->checkpoints.there && (uint64_t)c->checkpoints.row[CHECKPOINT_ID].number == index + 1 &&
        (err = check_checkpoint(c)) != OK)
        return err;
    return c->files ? check_entry_file(c, index) : OK;
}

static enum err check_log(struct check *c)
{
    struct registry *r = c->r;
    enum err err;

    if ((err = scan_begin(c, &c->results, TABLE_RESULT)) != OK ||
        (err = scan_begin(c, &c->checkpoints, TABLE_CHECKPOINT)) != OK ||
        (err = scan_begin(c, &c->entries, TABLE_ENTRY)) != OK)
        return err;
    while (c->entries.there)
        if ((err = check_entry(c)) != OK || (err = scan_next(c, &c->entries)) != OK)
            return err;
    if (c->results.there || c->checkpoints.there)
        return refuse(c, "entry %" PRIu64 " is missing", log_tree_size(&r->tree));
    if ((err = check_leaf_files(c, log_tree_size(&r->tree) / LOG_TILE_LEAVES,
                                log_tree_size(&r->tree) % LOG_TILE_LEAVES)) != OK)
        return err;
    if ((err = scan_end(c, &c->entries)) != OK || (err = scan_end(c, &c->results)) != OK)
        return err;
    return scan_end(c, &c->checkpoints);
}

/* ---- the upper rows of `tile` ---- */

static enum err check_tile(struct check *c, unsigned level, uint64_t tile, struct bytes hashes)
{
    struct log_tree *t = &c->r->tree;
    uint64_t nodes = log_tree_size(t) >> (level * LOG_TILE_LEVEL), first = tile * LOG_TILE_LEAVES;
    uint64_t count = nodes - first < LOG_TILE_LEAVES ? nodes - first : LOG_TILE_LEAVES;
    struct digest node;
    enum err err;

    if (hashes.len != count * DIGEST_LEN)
        return refuse(c, "tile %u/%" PRIu64 " was changed: it has another size", level, tile);
    for (uint64_t i = 0; level > 0 && i < count; i++) {
        if ((err = t->source.node(&t->source, level * LOG_TILE_LEVEL, first + i, &node)) != OK)
            return err;
        if (memcmp(hashes.data + i * DIGEST_LEN, node.bytes, DIGEST_LEN) != 0)
            return refuse(c, "tile %u/%" PRIu64 " was changed: a hash in it is not that of its entries", level, tile);
    }
    if (level == 0 || !c->files)
        return OK;
    return tile_files_check(
        c->files, &(struct tile_content){.level = level, .number = tile, .count = (size_t)count, .bytes = hashes});
}

/* How many rows a level has: of level 0 whole tiles only. */
static uint64_t tiles_of(const struct registry *r, unsigned level)
{
    uint64_t nodes = log_tree_size(&r->tree) >> (level * LOG_TILE_LEVEL);

    return (level == 0 ? nodes : nodes + LOG_TILE_LEAVES - 1) / LOG_TILE_LEAVES;
}

static enum err check_tiles(struct check *c)
{
    struct registry_db *d = &c->r->db;
    sqlite3_stmt *s = registry_db_use(d, TILE_SCAN);
    enum err err;

    for (unsigned level = 0; tiles_of(c->r, level) > 0; level++)
        for (uint64_t tile = 0; tile < tiles_of(c->r, level); tile++) {
            struct bytes hashes;
            if ((err = registry_db_step(d, s)) != OK && err != ERR_NOT_FOUND)
                return err;
            if (err == ERR_NOT_FOUND || (uint64_t)sqlite3_column_int64(s, 0) != tile_id(level, tile))
                return refuse(c, "tile %u/%" PRIu64 " is missing", level, tile);
            hashes = bytes_of(sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
            if ((err = check_tile(c, level, tile, hashes)) != OK)
                return err;
        }
    err = registry_db_step(d, s);
    return err == ERR_NOT_FOUND ? OK : err == OK ? refuse(c, "there is a tile that nobody wrote") : err;
}

/* ---- the other tables, and the indexes ---- */

/* What an index has of a row, as a number: added up on both sides. */
static void add_indexed(struct table_sum *sum, struct cell a, struct cell b, uint64_t id)
{
    uint8_t numbers[24];
    uint32_t crc;

    le64_put(numbers, (uint64_t)a.number);
    le64_put(numbers + 8, (uint64_t)b.number);
    le64_put(numbers + 16, id);
    crc = crc32c(0, bytes_of(numbers, sizeof numbers));
    sum->rows++;
    sum->sum += crc32c(crc32c(crc, a.bytes), b.bytes);
}

static enum err check_workflow(struct check *c, const struct scan *s)
{
    const struct cell *row = s->row, none = {0};
    uint64_t id = (uint64_t)row[WORKFLOW_ID].number;
    enum err err = check_id(c, s, 1);

    if (err != OK)
        return err;
    if ((uint64_t)row[WORKFLOW_KEY].number != registry_key(row[WORKFLOW_EVENT_ID].bytes))
        return refuse(c, "workflow %" PRIu64 " was changed: its key is not its event's", id);
    add_indexed(&c->keys, row[WORKFLOW_KEY], none, id);
    if (row[WORKFLOW_NUMBER].kind == CELL_NULL)
        add_indexed(&c->open, none, none, id);
    if (!bytes_equal(row[WORKFLOW_STATUS].bytes, bytes_of_text("notarized")))
        add_indexed(&c->status, row[WORKFLOW_STATUS], none, id);
    return OK;
}

static enum err check_step(struct check *c, const struct scan *s)
{
    uint64_t workflow = (uint64_t)s->row[STEP_WORKFLOW].number;
    enum err err = check_id(c, s, 1);

    if (err != OK)
        return err;
    if (workflow == 0 || workflow > c->r->state.sums[TABLE_WORKFLOW].rows)
        return refuse(c, "step %" PRId64 " was changed: it has no workflow", s->row[STEP_ID].number);
    add_indexed(&c->steps, s->row[STEP_WORKFLOW], (struct cell){0}, (uint64_t)s->row[STEP_ID].number);
    return OK;
}

static enum err check_anchor(struct check *c, const struct scan *s)
{
    enum err err = check_id(c, s, 1);

    if (err != OK)
        return err;
    if ((uint64_t)s->row[ANCHOR_ENTRY].number >= log_tree_size(&c->r->tree))
        return refuse(c, "anchor %" PRId64 " was changed: it has no entry", s->row[ANCHOR_ID].number);
    add_indexed(&c->anchors, s->row[ANCHOR_ENTRY], s->row[ANCHOR_NAME], (uint64_t)s->row[ANCHOR_ID].number);
    return OK;
}

static enum err check_table(struct check *c, enum registry_table table,
                            enum err (*check_row)(struct check *c, const struct scan *s))
{
    struct scan s;
    enum err err = scan_begin(c, &s, table);

    for (; err == OK && s.there; err = err == OK ? scan_next(c, &s) : err)
        err = check_row(c, &s);
    return err == OK ? scan_end(c, &s) : err;
}

static struct cell index_cell(sqlite3_stmt *s, int at)
{
    struct cell cell = {0};

    if (sqlite3_column_type(s, at) == SQLITE_TEXT)
        cell.bytes = bytes_of(sqlite3_column_text(s, at), (size_t)sqlite3_column_bytes(s, at));
    else
        cell.number = sqlite3_column_int64(s, at);
    return cell;
}

/* What an index has, in its own order: out of order, what is there is not found.  Its columns, then the row's id. */
static enum err add_index(struct check *c, enum statement which, struct table_sum *have, bool *ordered)
{
    struct registry_db *d = &c->r->db;
    sqlite3_stmt *s = registry_db_use(d, which);
    int64_t before = INT64_MIN;
    enum err err;

    while ((err = registry_db_step(d, s)) == OK) {
        int ids = sqlite3_column_count(s) - 1;
        struct cell a = index_cell(s, 0), b = ids > 1 ? index_cell(s, 1) : (struct cell){0};
        add_indexed(have, a, b, (uint64_t)sqlite3_column_int64(s, ids));
        *ordered = *ordered && a.number >= before;
        before = a.number;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err compare_index(struct check *c, const char *name, const struct table_sum *have, bool ordered,
                              const struct table_sum *want)
{
    if (ordered && have->rows == want->rows && have->sum == want->sum)
        return OK;
    return refuse(c, "the index %s was changed", name);
}

static enum err check_index(struct check *c, enum statement which, const char *name, const struct table_sum *want)
{
    struct table_sum have = {0};
    bool ordered = true;
    enum err err = add_index(c, which, &have, &ordered);

    return err == OK ? compare_index(c, name, &have, ordered, want) : err;
}

/* The keys are in two tables. */
static enum err check_keys(struct check *c)
{
    struct table_sum have = {0};
    bool ordered = true;
    enum err err;

    if ((err = add_index(c, INDEX_FRESH_KEY, &have, &ordered)) != OK ||
        (err = add_index(c, INDEX_KNOWN_KEY, &have, &ordered)) != OK)
        return err;
    return compare_index(c, "of events by their ids", &have, ordered, &c->keys);
}

static enum err check_indexes(struct check *c)
{
    enum err err;

    if ((err = check_keys(c)) != OK || (err = check_index(c, INDEX_OPEN, "workflow_open", &c->open)) != OK ||
        (err = check_index(c, INDEX_STATUS, "workflow_status", &c->status)) != OK ||
        (err = check_index(c, INDEX_STEP, "step_workflow", &c->steps)) != OK)
        return err;
    return check_index(c, INDEX_ANCHOR, "anchor_entry", &c->anchors);
}

static enum err check_everything(struct check *c)
{
    const struct registry_state *state = &c->r->state;
    enum err err;

    if ((sqlite3_get_autocommit(c->r->db.db) && (err = registry_db_do(&c->r->db, BEGIN_READ)) != OK) ||
        (err = check_log(c)) != OK || (err = check_tiles(c)) != OK ||
        (err = check_table(c, TABLE_WORKFLOW, check_workflow)) != OK ||
        (err = check_table(c, TABLE_STEP, check_step)) != OK ||
        (err = check_table(c, TABLE_ANCHOR, check_anchor)) != OK || (err = check_indexes(c)) != OK)
        return err;
    if (state->published > state_results(state))
        return refuse(c, "the state was changed: more results are published than there are");
    registry_db_rest(&c->r->db);
    return registry_db_do(&c->r->db, COMMIT);
}

enum err registry_check_all(struct registry *r, struct tile_files *files, char *message, size_t size)
{
    struct check c = {.r = r, .files = files, .message = message, .size = size};
    enum err err;

    text_init(&c.bundle, TILE_BUNDLE_MAX);
    err = check_everything(&c);
    text_deinit(&c.bundle);

    if (err != OK)
        registry_db_rollback(&r->db);
    return err;
}
