/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_find.c - what the thread that applies asks: results with their proofs, open workflows, entries.
 */
#include "services/notary/registry/registry_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- results ---- */

void registry_result_deinit(struct registry_result *result)
{
    text_deinit(&result->leaf);
    text_deinit(&result->rest);
    text_deinit(&result->path);
    text_deinit(&result->event_hash);
    text_deinit(&result->checkpoint);
}

static void result_init(struct registry_result *out)
{
    memset(out, 0, sizeof *out);
    text_init(&out->leaf, REGISTRY_TEXT_MAX);
    text_init(&out->rest, REGISTRY_TEXT_MAX);
    text_init(&out->path, REGISTRY_TEXT_MAX);
    text_init(&out->event_hash, REGISTRY_TEXT_MAX);
    text_init(&out->checkpoint, REGISTRY_TEXT_MAX);
}

/* What refers to a row relies on it. */
static enum err must_be(struct registry_db *d, enum err err, const char *what, uint64_t id)
{
    return err == ERR_NOT_FOUND ? registry_db_fail(d, ERR_CORRUPT, "%s %" PRIu64 " is missing", what, id) : err;
}

static enum err read_result_row(struct registry_db *d, uint64_t number, struct registry_result *out)
{
    struct cell c[COLUMNS_MAX];
    struct digest hash;
    char hex[DIGEST_HEX_SIZE];
    enum err err = registry_row_get(d, TABLE_RESULT, number, c);

    if (err != OK)
        return err;
    if (c[RESULT_EVENT_HASH].bytes.len != DIGEST_LEN)
        return registry_db_fail(d, ERR_CORRUPT, "result %" PRIu64 " has no hash", number);
    memcpy(hash.bytes, c[RESULT_EVENT_HASH].bytes.data, DIGEST_LEN);
    digest_hex(&hash, hex);
    out->number = number;
    out->index = (uint64_t)c[RESULT_ENTRY].number;
    text_add_bytes(&out->rest, c[RESULT_REST].bytes);
    text_add_bytes(&out->path, c[RESULT_PATH].bytes);
    text_printf(&out->event_hash, "sha256:%s", hex);
    return OK;
}

enum err registry_checkpoint_of(struct registry_db *d, uint64_t index, struct text *note, uint64_t *size)
{
    sqlite3_stmt *s = registry_db_use(d, CHECKPOINT_ABOVE);
    struct cell c[COLUMNS_MAX];
    enum err err;

    registry_db_bind(s, 1, cell_number(index));
    if ((err = must_be(d, registry_db_step(d, s), "the checkpoint over entry", index)) != OK ||
        (err = registry_row_read(d, s, TABLE_CHECKPOINT, c, NULL)) != OK)
        return err;
    text_add_bytes(note, c[CHECKPOINT_NOTE].bytes);
    *size = (uint64_t)c[CHECKPOINT_ID].number;
    return OK;
}

enum err registry_result_read(struct registry_db *d, struct merkle_source *tree, uint64_t number,
                              struct registry_result *out)
{
    struct cell c[COLUMNS_MAX];
    uint64_t size;
    enum err err;

    result_init(out);
    if ((err = read_result_row(d, number, out)) != OK ||
        (err = must_be(d, registry_row_get(d, TABLE_ENTRY, out->index, c), "entry", out->index)) != OK)
        goto out;
    text_add_bytes(&out->leaf, c[ENTRY_LEAF].bytes);
    if ((err = registry_checkpoint_of(d, out->index, &out->checkpoint, &size)) != OK ||
        (err = merkle_inclusion(tree, out->index, size, &out->proof)) != OK)
        goto out;
    if (text_failed(&out->leaf) || text_failed(&out->rest) || text_failed(&out->path) ||
        text_failed(&out->event_hash) || text_failed(&out->checkpoint))
        err = ERR_NOMEM;
out:
    if (err != OK)
        registry_result_deinit(out);
    return err;
}

enum err registry_result_at(struct registry *r, uint64_t number, struct registry_result *out)
{
    enum err err = registry_result_read(&r->db, &r->tree.source, number, out);

    registry_db_rest(&r->db);
    return err;
}

enum err registry_find(struct registry *r, const char *event_id, struct registry_result *out)
{
    struct workflow_row row;
    enum err err = registry_workflow_find(&r->db, bytes_of_text(event_id), &row);

    if (err != OK)
        return err;
    if (row.cells[WORKFLOW_NUMBER].kind == CELL_NULL)
        return ERR_NOT_FOUND; /* it is open */
    return registry_result_at(r, (uint64_t)row.cells[WORKFLOW_NUMBER].number, out);
}

uint64_t registry_published(const struct registry *r)
{
    return r->state.published;
}

uint64_t registry_result_count(const struct registry *r)
{
    return state_results(&r->state);
}

/* ---- open workflows ---- */

enum err registry_steps_read(struct registry_db *d, uint64_t workflow, json_t *array)
{
    sqlite3_stmt *s = registry_db_use(d, STEPS_OF);
    struct cell c[COLUMNS_MAX];
    enum err err;

    registry_db_bind(s, 1, cell_number(workflow));
    while ((err = registry_db_step(d, s)) == OK) {
        json_t *record;
        if ((err = registry_row_read(d, s, TABLE_STEP, c, NULL)) != OK)
            return err;
        record = json_loadb((const char *)c[STEP_RECORD].bytes.data, c[STEP_RECORD].bytes.len, JSON_ALLOW_NUL, NULL);
        if (json_array_append_new(array, record) != 0)
            return ERR_NOMEM;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err visit_one(struct registry *r, const struct cell *workflow,
                          bool (*visit)(void *ctx, const char *event_id, const json_t *records), void *ctx, bool *go_on)
{
    struct bytes id = workflow[WORKFLOW_EVENT_ID].bytes;
    char event_id[RECORD_NAME_MAX + 1] = "";
    json_t *records = json_array();
    enum err err = ERR_NOMEM;

    if (id.len < sizeof event_id)
        memcpy(event_id, id.data, id.len);
    if (records && (err = registry_steps_read(&r->db, (uint64_t)workflow[WORKFLOW_ID].number, records)) == OK)
        *go_on = visit(ctx, event_id, records);
    json_decref(records);
    return err;
}

/* `visit` may ask the registry no more than what memory has. */
enum err registry_open_workflows(struct registry *r,
                                 bool (*visit)(void *ctx, const char *event_id, const json_t *records), void *ctx)
{
    sqlite3_stmt *s = registry_db_use(&r->db, WORKFLOWS_OPEN);
    struct cell c[COLUMNS_MAX];
    bool go_on = true;
    enum err err = OK;

    while (go_on && (err = registry_db_step(&r->db, s)) == OK)
        if ((err = registry_row_read(&r->db, s, TABLE_WORKFLOW, c, NULL)) != OK ||
            (err = visit_one(r, c, visit, ctx, &go_on)) != OK)
            break;
    registry_db_rest(&r->db);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- entries ---- */

/* What is known of an anchor; NULL: nothing is remembered of it. */
static struct anchor_mark *anchor_mark(struct registry *r, const char *anchor)
{
    for (struct anchor_mark *m = r->anchors; m < r->anchors + ANCHORS_MAX; m++) {
        if (strcmp(m->name, anchor) == 0)
            return m;
        if (m->name[0] == '\0' && strlen(anchor) < sizeof m->name) {
            memcpy(m->name, anchor, strlen(anchor) + 1);
            return m;
        }
    }
    return NULL;
}

enum err registry_unanchored(struct registry *r, const char *anchor, uint64_t *indexes, size_t max, size_t *count)
{
    sqlite3_stmt *s = registry_db_use(&r->db, UNANCHORED);
    struct anchor_mark *mark = anchor_mark(r, anchor);
    size_t n = 0;
    enum err err = OK;

    registry_db_bind(s, 1, cell_number(mark ? mark->below : 0));
    registry_db_bind(s, 2, cell_text(bytes_of_text(anchor)));
    registry_db_bind(s, 3, cell_number(max));
    while (n < max && (err = registry_db_step(&r->db, s)) == OK)
        indexes[n++] = (uint64_t)sqlite3_column_int64(s, 0);
    registry_db_rest(&r->db);
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    if (mark && max > 0)
        mark->below = n > 0 ? indexes[0] : log_tree_size(&r->tree);
    *count = n;
    return OK;
}

static enum err event_of_result(struct registry_db *d, uint64_t number, struct text *event_id)
{
    struct cell c[COLUMNS_MAX];
    uint64_t workflow;
    enum err err = must_be(d, registry_row_get(d, TABLE_RESULT, number, c), "result", number);

    if (err != OK)
        return err;
    workflow = (uint64_t)c[RESULT_WORKFLOW].number;
    if ((err = must_be(d, registry_row_get(d, TABLE_WORKFLOW, workflow, c), "workflow", workflow)) == OK)
        text_add_bytes(event_id, c[WORKFLOW_EVENT_ID].bytes);
    return err;
}

enum err registry_entry(struct registry *r, uint64_t index, struct text *leaf, struct text *event_id)
{
    struct cell c[COLUMNS_MAX];
    uint64_t first;
    enum err err = registry_row_get(&r->db, TABLE_ENTRY, index, c);

    if (err == OK) {
        text_add_bytes(leaf, c[ENTRY_LEAF].bytes);
        first = (uint64_t)c[ENTRY_FIRST].number;
        err = event_of_result(&r->db, first, event_id);
    }
    registry_db_rest(&r->db);
    if (err == OK && (text_failed(leaf) || text_failed(event_id)))
        err = ERR_NOMEM;
    return err;
}
