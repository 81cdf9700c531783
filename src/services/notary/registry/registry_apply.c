/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_apply.c - one document of the journal, taken over in one transaction.
 *
 * A struct change is what the document makes of the state and the tree.  It is written first and committed; only then
 * do the registry's state and tree in memory follow, which cannot fail (room was made before).  So any error leaves
 * the registry as it was, and the document can be applied again.
 */
#include "services/notary/documents/checkpoint.h"
#include "services/notary/journal/records.h"
#include "services/notary/registry/registry_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Nodes of one tile level that are complete now and were not before. */
struct new_nodes {
    struct digest *items;
    size_t count, capacity;
};

struct change {
    struct registry *r;
    struct registry_state state; /* as it will be */
    struct merkle_edge edge;     /* likewise */
    struct new_nodes nodes[TILE_LEVELS];
    bool no_memory;
    size_t record; /* the one at hand, from 0 */
    char *message;
    size_t message_size;
};

PRINTF_LIKE(2, 3) static enum err refuse(struct change *c, const char *format, ...)
{
    va_list args;
    int len = snprintf(c->message, c->message_size, "record %zu: ", c->record + 1);

    if (len >= 0 && (size_t)len < c->message_size) {
        va_start(args, format);
        vsnprintf(c->message + len, c->message_size - (size_t)len, format, args);
        va_end(args);
    }
    return ERR_CORRUPT;
}

static struct bytes member(const json_t *record, const char *name)
{
    const json_t *value = json_object_get(record, name);

    return bytes_of(json_string_value(value), json_string_length(value));
}

static uint64_t number(const json_t *record, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(record, name));
}

static struct cell number_or_null(const json_t *record, const char *name)
{
    const json_t *value = json_object_get(record, name);

    return json_is_integer(value) ? cell_number((uint64_t)json_integer_value(value)) : (struct cell){0};
}

/* ---- workflows ---- */

/* Adds the record to the workflow's steps, as it is. */
static enum err add_step(struct change *c, uint64_t workflow, const json_t *record)
{
    char *text = json_dumps(record, JSON_COMPACT);
    struct cell cells[STEP_COLUMNS];
    enum err err;

    if (!text)
        return ERR_NOMEM;
    cells[STEP_ID] = cell_number(c->state.sums[TABLE_STEP].rows + 1);
    cells[STEP_WORKFLOW] = cell_number(workflow);
    cells[STEP_RECORD] = cell_text(bytes_of_text(text));
    err = registry_row_put(&c->r->db, &c->state, TABLE_STEP, cells);
    free(text);
    return err;
}

/* Of a batch without activities no status record follows: it is collected. */
static const char *status_opened(const json_t *record)
{
    const char *type = json_string_value(json_object_get(record, "workflow_type"));
    bool collects = strcmp(type, "batch") == 0 && json_array_size(json_object_get(record, "activities")) == 0;

    return collects ? "in_progress" : "opened";
}

static enum err apply_opened(struct change *c, const json_t *record)
{
    struct bytes event_id = member(record, "event_id");
    uint64_t id = c->state.sums[TABLE_WORKFLOW].rows + 1;
    struct cell cells[COLUMNS_MAX] = {[WORKFLOW_ID] = cell_number(id),
                                      [WORKFLOW_KEY] = cell_number(registry_key(event_id)),
                                      [WORKFLOW_EVENT_ID] = cell_text(event_id),
                                      [WORKFLOW_WORKFLOW_ID] = cell_text(member(record, "workflow_id")),
                                      [WORKFLOW_TYPE] = cell_text(member(record, "workflow_type")),
                                      [WORKFLOW_STATUS] = cell_text(bytes_of_text(status_opened(record))),
                                      [WORKFLOW_PRIORITY] = cell_number(number(record, "priority")),
                                      [WORKFLOW_RECEIVED] = cell_number(number(record, "received_ms")),
                                      [WORKFLOW_DEADLINE] = number_or_null(record, "deadline_ms")};
    struct workflow_row there;
    enum err err = registry_workflow_find(&c->r->db, event_id, &there);

    if (err == OK)
        return refuse(c, "event %s has a workflow already", (const char *)event_id.data);
    if (err != ERR_NOT_FOUND || (err = registry_workflow_put(&c->r->db, &c->state, cells)) != OK)
        return err;
    return add_step(c, id, record);
}

/* The workflow that the record is about.  ERR_CORRUPT, said: there is none. */
static enum err find_workflow(struct change *c, const json_t *record, struct workflow_row *row)
{
    struct bytes event_id = member(record, "event_id");
    enum err err = registry_workflow_find(&c->r->db, event_id, row);

    return err == ERR_NOT_FOUND ? refuse(c, "event %s has no workflow", (const char *)event_id.data) : err;
}

/* A step of a workflow that is open; a notice may come later. */
static enum err apply_step(struct change *c, enum record_kind kind, const json_t *record)
{
    struct workflow_row row;
    uint64_t id;
    enum err err = find_workflow(c, record, &row);

    if (err != OK)
        return err;
    if (row.cells[WORKFLOW_NUMBER].kind != CELL_NULL && kind != RECORD_NOTIFIED)
        return refuse(c, "the workflow of event %s is closed", (const char *)member(record, "event_id").data);
    id = (uint64_t)row.cells[WORKFLOW_ID].number;
    if (kind == RECORD_STATUS) {
        row.cells[WORKFLOW_STATUS] = cell_text(member(record, "status"));
        if ((err = registry_row_replace(&c->r->db, &c->state, TABLE_WORKFLOW, row.cells, row.crc)) != OK)
            return err;
    }
    return add_step(c, id, record);
}

/* ---- the log ---- */

static void completed(void *ctx, unsigned level, uint64_t index, const struct digest *node)
{
    struct change *c = ctx;
    struct new_nodes *n = &c->nodes[level / LOG_TILE_LEVEL];

    if (level % LOG_TILE_LEVEL != 0)
        return;
    if (n->count == n->capacity) {
        size_t capacity = n->capacity ? 2 * n->capacity : 64;
        struct digest *items = reallocarray(n->items, capacity, sizeof *items);
        if (!items) {
            c->no_memory = true;
            return;
        }
        n->items = items;
        n->capacity = capacity;
    }
    n->items[n->count++] = *node;
}

/* The workflow of a result gets its number: one that is open is closed, one that nobody heard of begins and ends. */
static enum err close_workflow(struct change *c, const json_t *result, struct bytes outcome, uint64_t *id)
{
    struct bytes event_id = member(result, "event_id");
    struct workflow_row row;
    struct cell *cells = row.cells;
    enum err err = registry_workflow_find(&c->r->db, event_id, &row);

    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    if (err == OK && cells[WORKFLOW_NUMBER].kind != CELL_NULL)
        return refuse(c, "event %s is in the log already", (const char *)event_id.data);
    if (err == ERR_NOT_FOUND) {
        memset(cells, 0, sizeof row.cells);
        cells[WORKFLOW_ID] = cell_number(c->state.sums[TABLE_WORKFLOW].rows + 1);
        cells[WORKFLOW_KEY] = cell_number(registry_key(event_id));
        cells[WORKFLOW_EVENT_ID] = cell_text(event_id);
        cells[WORKFLOW_WORKFLOW_ID] = cell_text(member(result, "workflow_id"));
        cells[WORKFLOW_TYPE] = cell_text(member(result, "workflow_type"));
    }
    cells[WORKFLOW_STATUS] = cell_text(outcome);
    cells[WORKFLOW_NUMBER] = cell_number(state_results(&c->state) + 1);
    *id = (uint64_t)cells[WORKFLOW_ID].number;
    return err == OK ? registry_row_replace(&c->r->db, &c->state, TABLE_WORKFLOW, cells, row.crc)
                     : registry_workflow_put(&c->r->db, &c->state, cells);
}

static enum err add_result(struct change *c, const json_t *result, struct bytes outcome)
{
    const json_t *path = json_object_get(result, "path");
    char *path_text = NULL;
    struct digest hash = {0};
    struct cell cells[RESULT_COLUMNS] = {[RESULT_ID] = cell_number(state_results(&c->state) + 1),
                                         [RESULT_ENTRY] = cell_number(state_size(&c->state)),
                                         [RESULT_EVENT_HASH] = cell_blob(bytes_of(hash.bytes, DIGEST_LEN)),
                                         [RESULT_REST] = cell_text(member(result, "rest"))};
    uint64_t workflow = 0;
    enum err err = close_workflow(c, result, outcome, &workflow);

    if (err != OK)
        return err;
    if (path && !json_is_null(path)) {
        if (!(path_text = json_dumps(path, JSON_COMPACT | JSON_ENCODE_ANY)))
            return ERR_NOMEM;
        cells[RESULT_PATH] = cell_text(bytes_of_text(path_text));
    }
    digest_from_hex(&hash, bytes_of(member(result, "event_hash").data + 7, DIGEST_HEX_LEN));
    cells[RESULT_WORKFLOW] = cell_number(workflow);
    err = registry_row_put(&c->r->db, &c->state, TABLE_RESULT, cells);
    free(path_text);
    return err;
}

static enum err apply_closed(struct change *c, const json_t *record)
{
    const json_t *results = json_object_get(record, "results");
    struct bytes leaf = member(record, "leaf"), outcome = member(record, "outcome");
    struct cell cells[ENTRY_COLUMNS] = {[ENTRY_ID] = cell_number(state_size(&c->state)),
                                        [ENTRY_FIRST] = cell_number(state_results(&c->state) + 1),
                                        [ENTRY_LEAF] = cell_text(leaf)};
    struct digest hash = merkle_leaf(leaf);
    enum err err = OK;

    for (size_t i = 0; err == OK && i < json_array_size(results); i++)
        err = add_result(c, json_array_get(results, i), outcome);
    if (err != OK || (err = registry_row_put(&c->r->db, &c->state, TABLE_ENTRY, cells)) != OK)
        return err;
    merkle_edge_append(&c->edge, &hash, completed, c);
    return c->no_memory ? ERR_NOMEM : OK;
}

static enum err apply_checkpoint(struct change *c, const json_t *record)
{
    const struct registry_owner *owner = &c->r->owner;
    struct bytes note = member(record, "note");
    struct cell cells[CHECKPOINT_COLUMNS] = {
        [CHECKPOINT_ID] = cell_number(c->edge.size), [CHECKPOINT_NOTE] = cell_text(note)};
    struct digest root = merkle_edge_root(&c->edge);
    struct checkpoint read;
    struct signature signature;

    if (c->edge.size == state_size(&c->r->state))
        return refuse(c, "a checkpoint, and the log did not grow");
    if (checkpoint_read(&read, &signature, note, owner->origin, &owner->key) != OK)
        return refuse(c, "this is no checkpoint of the log %s", owner->origin);
    if (read.size != c->edge.size || read.size != number(record, "size"))
        return refuse(c, "a checkpoint of %" PRIu64 " entries, and the log has %" PRIu64, read.size, c->edge.size);
    if (!digest_equal(&read.root, &root))
        return refuse(c, "the checkpoint of %" PRIu64 " entries has another root than they have", read.size);
    if (!checkpoint_is_signed(&read, owner->origin, &owner->key, &signature))
        return refuse(c, "the checkpoint of %" PRIu64 " entries is not signed by the log's key", read.size);
    return registry_row_put(&c->r->db, &c->state, TABLE_CHECKPOINT, cells);
}

/* ---- the rest ---- */

static enum err apply_published(struct change *c, const json_t *record)
{
    uint64_t through = number(record, "through");

    if (through < c->state.published || through > state_results(&c->state))
        return refuse(c, "results are published up to %" PRIu64 " of %" PRIu64 ", not %" PRIu64, c->state.published,
                      state_results(&c->state), through);
    c->state.published = through;
    return OK;
}

/* A receipt that is there already stays: anchoring may happen twice when a leader is replaced. */
static enum err apply_anchored(struct change *c, const json_t *record)
{
    uint64_t index = number(record, "index");
    sqlite3_stmt *s = registry_db_use(&c->r->db, ANCHOR_OF);
    struct cell cells[ANCHOR_COLUMNS];
    char *receipt;
    enum err err;

    if (index >= state_size(&c->state))
        return refuse(c, "a receipt of entry %" PRIu64 ", and the log has %" PRIu64, index, state_size(&c->state));
    registry_db_bind(s, 1, cell_number(index));
    registry_db_bind(s, 2, cell_text(member(record, "anchor")));
    err = registry_db_step(&c->r->db, s);
    sqlite3_reset(s);
    if (err != ERR_NOT_FOUND)
        return err;
    if (!(receipt = json_dumps(json_object_get(record, "receipt"), JSON_COMPACT)))
        return ERR_NOMEM;
    cells[ANCHOR_ID] = cell_number(c->state.sums[TABLE_ANCHOR].rows + 1);
    cells[ANCHOR_ENTRY] = cell_number(index);
    cells[ANCHOR_NAME] = cell_text(member(record, "anchor"));
    cells[ANCHOR_RECEIPT] = cell_text(bytes_of_text(receipt));
    err = registry_row_put(&c->r->db, &c->state, TABLE_ANCHOR, cells);
    free(receipt);
    return err;
}

static enum err apply_record(struct change *c, const json_t *record, bool last)
{
    enum record_kind kind = record_kind(record);

    switch (kind) {
    case RECORD_OPENED:
        return apply_opened(c, record);
    case RECORD_STATUS:
    case RECORD_FINDING:
    case RECORD_DECISION:
    case RECORD_ATTEMPT:
    case RECORD_COMMAND:
    case RECORD_NOTIFIED:
        return apply_step(c, kind, record);
    case RECORD_CLOSED:
        return apply_closed(c, record);
    case RECORD_CHECKPOINT:
        return last ? apply_checkpoint(c, record) : refuse(c, "a checkpoint that is not the document's last record");
    case RECORD_PUBLISHED:
        return apply_published(c, record);
    case RECORD_ANCHORED:
        return apply_anchored(c, record);
    case RECORD_KINDS:
        break;
    }
    return refuse(c, "this is no record, or not with the members of its kind");
}

static enum err apply_records(struct change *c, const json_t *records)
{
    size_t count = json_array_size(records);
    uint64_t checkpoints = c->state.sums[TABLE_CHECKPOINT].rows;
    enum err err;

    for (c->record = 0; c->record < count; c->record++)
        if ((err = apply_record(c, json_array_get(records, c->record), c->record + 1 == count)) != OK)
            return err;
    if (c->edge.size > state_size(&c->r->state) && c->state.sums[TABLE_CHECKPOINT].rows == checkpoints)
        return refuse(c, "the log grew, and no checkpoint follows");
    return OK;
}

/* ---- rows of `tile` ---- */

/* A complete node at a level of tiles: an old one, or a new one. */
static enum err tile_node(struct change *c, unsigned level, uint64_t index, struct digest *out)
{
    struct log_tree *t = &c->r->tree;
    uint64_t old = log_tree_size(t) >> (level * LOG_TILE_LEVEL);

    if (index < old)
        return t->source.node(&t->source, level * LOG_TILE_LEVEL, index, out);
    *out = c->nodes[level].items[index - old];
    return OK;
}

static enum err write_tile(struct change *c, unsigned level, uint64_t tile, uint64_t end)
{
    struct digest hashes[LOG_TILE_LEAVES];
    uint64_t first = tile * LOG_TILE_LEAVES;
    size_t count = end - first < LOG_TILE_LEAVES ? (size_t)(end - first) : LOG_TILE_LEAVES;
    sqlite3_stmt *s = registry_db_use(&c->r->db, TILE_PUT);
    enum err err;

    for (size_t i = 0; i < count; i++)
        if ((err = tile_node(c, level, first + i, &hashes[i])) != OK)
            return err;
    registry_db_bind(s, 1, cell_number(tile_id(level, tile)));
    registry_db_bind(s, 2, cell_blob(bytes_of(hashes, count * DIGEST_LEN)));
    return registry_db_run(&c->r->db, s);
}

/* Tiles of level 0 when they are whole, those above as far as they go. */
static enum err write_tiles(struct change *c)
{
    for (unsigned level = 0; level < TILE_LEVELS && c->nodes[level].count > 0; level++) {
        uint64_t begin = log_tree_size(&c->r->tree) >> (level * LOG_TILE_LEVEL);
        uint64_t end = begin + c->nodes[level].count;
        uint64_t stop = level == 0 ? end / LOG_TILE_LEAVES : (end + LOG_TILE_LEAVES - 1) / LOG_TILE_LEAVES;
        enum err err;
        for (uint64_t tile = begin / LOG_TILE_LEAVES; tile < stop; tile++)
            if ((err = write_tile(c, level, tile, end)) != OK)
                return err;
    }
    return OK;
}

/* ---- the document ---- */

static enum err take_place(struct change *c, uint64_t sequence, const json_t *document, struct bytes body,
                           const char *place)
{
    const json_t *term = json_object_get(document, "term");
    struct digest d;

    if (!json_is_integer(term) || json_integer_value(term) < 0 || strlen(place) > REGISTRY_PLACE_MAX)
        return refuse(c, "its document has no term, or its place is too long");
    c->state.term = number(document, "term");
    snprintf(c->state.place, sizeof c->state.place, "%s", place);
    if (json_is_true(json_object_get(document, "begins")))
        return OK; /* beginnings are not numbered */
    d = digest_of(body);
    memcpy(c->state.previous, "sha256:", 7);
    digest_hex(&d, c->state.previous + 7);
    c->state.sequence = sequence;
    return OK;
}

/* What it is all written with, and then memory follows. */
static enum err commit(struct change *c)
{
    struct registry *r = c->r;
    enum err err;

    if ((err = write_tiles(c)) != OK || (err = registry_state_write(&r->db, &r->owner, &c->state)) != OK ||
        (err = log_tree_reserve(&r->tree, c->nodes[0].count)) != OK)
        return err;
    registry_db_rest(&r->db);
    if ((err = registry_db_do(&r->db, COMMIT)) != OK)
        return err;
    for (size_t i = 0; i < c->nodes[0].count; i++)
        log_tree_append(&r->tree, &c->nodes[0].items[i]);
    r->state = c->state;
    if (r->tiles && c->nodes[0].count > 0)
        registry_tiles_wake(r->tiles);
    return OK;
}

static bool follows(const struct registry *r, uint64_t sequence, const json_t *document)
{
    const char *previous = json_string_value(json_object_get(document, "previous"));

    if (json_is_true(json_object_get(document, "begins")))
        return true;
    return sequence == r->state.sequence + 1 && previous && strcmp(previous, r->state.previous) == 0;
}

static enum err apply(struct change *c, uint64_t sequence, const json_t *document, struct bytes body, const char *place)
{
    struct registry *r = c->r;
    enum err err = r->tiles ? registry_tiles_state(r->tiles, c->message, c->message_size) : OK;

    if (err != OK)
        return err;
    if (!follows(r, sequence, document))
        return refuse(c, "document %" PRIu64 " does not follow document %" PRIu64, sequence, r->state.sequence);
    if ((err = registry_db_do(&r->db, BEGIN_WRITE)) != OK ||
        (err = apply_records(c, json_object_get(document, "records"))) != OK ||
        (err = take_place(c, sequence, document, body, place)) != OK)
        return err;
    return commit(c);
}

enum err registry_apply(struct registry *r, uint64_t sequence, const json_t *document, struct bytes body,
                        const char *place, char *message, size_t message_size)
{
    struct change *c = calloc(1, sizeof *c);
    enum err err = ERR_NOMEM;

    message[0] = '\0';
    if (c) {
        *c = (struct change){
            .r = r, .state = r->state, .edge = r->tree.edge, .message = message, .message_size = message_size};
        if ((err = apply(c, sequence, document, body, place)) != OK)
            registry_db_rollback(&r->db);
        for (size_t i = 0; i < TILE_LEVELS; i++)
            free(c->nodes[i].items);
        free(c);
    }
    if (err != OK && !message[0])
        snprintf(message, message_size, "%s: %s", REGISTRY_FILE, r->db.failure[0] ? r->db.failure : err_text(err));
    return err;
}
