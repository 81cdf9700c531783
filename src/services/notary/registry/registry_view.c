/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_view.c - what others than the applying thread ask: lists, one workflow, the log, as JSON.
 *
 * A connection of its own, which only reads.  Each call is one read transaction, so that what it says belongs together,
 * and holds none when it returns, so that SQLite can take its log down.
 */
#include "base/timestamp.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/registry/registry_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES      4200
#define VIEW_LIMIT_MAX  1000
#define PUBLIC_PEM_MAX  4096
#define DOCUMENT_FORMAT JSON_COMPACT

struct registry_view {
    struct registry_db db;
    struct registry_owner owner; /* as of the call under way, as all here */
    struct registry_state state;
    struct db_tree tree;
};

enum err registry_view_open(struct registry_view **out, const char *directory)
{
    struct registry_view *v = calloc(1, sizeof *v);
    char path[PATH_BYTES];
    enum err err = ERR_NOMEM;

    if (!v)
        return err;
    if ((size_t)snprintf(path, sizeof path, "%s/" REGISTRY_FILE, directory) >= sizeof path)
        err = ERR_INVALID;
    else
        err = registry_db_open(&v->db, path, true);
    if (err == OK)
        *out = v;
    else
        free(v);
    return err;
}

void registry_view_close(struct registry_view *v)
{
    if (!v)
        return;
    registry_db_close(&v->db);
    free(v);
}

/* ---- one call ---- */

static enum err begin(struct registry_view *v)
{
    enum err err;

    if ((err = registry_db_do(&v->db, BEGIN_READ)) != OK)
        return err;
    if ((err = registry_state_read(&v->db, &v->owner, &v->state)) == OK)
        db_tree_init(&v->tree, &v->db, state_size(&v->state));
    return err;
}

enum err registry_view_begin(struct registry_view *v, struct registry_db **db, const struct registry_state **state)
{
    *db = &v->db;
    *state = &v->state;
    return begin(v);
}

/* Ends the call, and appends the answer (taken, also on an error). */
static enum err finish(struct registry_view *v, enum err err, json_t *answer, struct text *out)
{
    char *text = err == OK ? json_dumps(answer, DOCUMENT_FORMAT) : NULL;

    registry_db_rollback(&v->db);
    json_decref(answer);
    if (err == OK && !text)
        err = ERR_NOMEM;
    if (err == OK) {
        text_add(out, text);
        err = text_failed(out) ? ERR_NOMEM : OK;
    }
    free(text);
    return err;
}

static json_t *json_of(struct bytes b)
{
    return json_stringn_nocheck((const char *)b.data, b.len);
}

/* A text that is JSON; NULL: it is not, or memory is short. */
static json_t *parsed(struct bytes b)
{
    return json_loadb((const char *)b.data, b.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
}

static json_t *hex_of(const struct digest *d)
{
    char hex[DIGEST_HEX_SIZE];

    digest_hex(d, hex);
    return json_string(hex);
}

/* ---- workflows ---- */

static json_t *time_of(const struct cell *c)
{
    char text[TIMESTAMP_SIZE];

    if (c->kind == CELL_NULL || c->number < 0 || c->number > TIMESTAMP_MS_MAX)
        return json_null();
    timestamp_format(c->number, text);
    return json_string(text);
}

static json_t *priority_of(const struct cell *c)
{
    static const char *const names[] = {"low", "normal", "medium", "high", "critical"};

    if (c->kind == CELL_NULL || c->number < 0 || (size_t)c->number >= sizeof names / sizeof *names)
        return json_null();
    return json_string(names[c->number]);
}

/* What the row alone says. */
static json_t *describe(const struct cell *w)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "event_id", json_of(w[WORKFLOW_EVENT_ID].bytes),
                     "workflow_id", json_of(w[WORKFLOW_WORKFLOW_ID].bytes), "workflow_type",
                     json_of(w[WORKFLOW_TYPE].bytes), "open", w[WORKFLOW_NUMBER].kind == CELL_NULL, "status",
                     json_of(w[WORKFLOW_STATUS].bytes), "priority", priority_of(&w[WORKFLOW_PRIORITY]), "received_at",
                     time_of(&w[WORKFLOW_RECEIVED]), "deadline", time_of(&w[WORKFLOW_DEADLINE]));
}

static const json_t *record_of_kind(const json_t *steps, const char *kind)
{
    const json_t *record;
    size_t i;

    json_array_foreach(steps, i, record)
    {
        const char *name = json_string_value(json_object_get(record, "kind"));
        if (name && strcmp(name, kind) == 0)
            return record;
    }
    return NULL;
}

static json_int_t count_approvals(const json_t *steps)
{
    const json_t *record;
    json_int_t count = 0;
    size_t i;

    json_array_foreach(steps, i, record)
    {
        const char *verdict = json_string_value(json_object_get(record, "verdict"));
        count += verdict && strcmp(verdict, "approve") == 0;
    }
    return count;
}

/* Adds who is asked, how many of them must approve, and how many did. */
static bool add_approvals(json_t *to, const json_t *steps)
{
    const json_t *event = json_object_get(record_of_kind(steps, "opened"), "event");
    const json_t *config = json_object_get(event, "workflow_config");
    json_t *approvers = json_object_get(config, "approvers"), *quorum = json_object_get(config, "quorum");

    approvers = json_is_array(approvers) ? json_incref(approvers) : json_array();
    quorum = json_is_integer(quorum) ? json_incref(quorum) : json_integer((json_int_t)json_array_size(approvers));
    return json_object_set_new(to, "approvers", approvers) == 0 && json_object_set_new(to, "quorum", quorum) == 0 &&
           json_object_set_new(to, "approvals", json_integer(count_approvals(steps))) == 0;
}

static enum err read_steps(struct registry_view *v, uint64_t workflow, json_t **out)
{
    json_t *steps = json_array();
    enum err err = steps ? registry_steps_read(&v->db, workflow, steps) : ERR_NOMEM;

    if (err == OK)
        *out = steps;
    else
        json_decref(steps);
    return err;
}

/* ---- the list ---- */

/* Which rows may be asked of; "notarized" ones are most of all. */
static sqlite3_stmt *list_statement(struct registry_view *v, const char *status, uint64_t before)
{
    bool open = status && strcmp(status, "open") == 0;
    bool any = !status || strcmp(status, "notarized") == 0;
    sqlite3_stmt *s = registry_db_use(&v->db, open  ? WORKFLOWS_OPEN_NEWEST
                                              : any ? WORKFLOWS_NEWEST
                                                    : WORKFLOWS_OF_STATUS);

    registry_db_bind(s, 1, cell_number(before));
    if (!open && !any)
        registry_db_bind(s, 2, cell_text(bytes_of_text(status)));
    return s;
}

static bool is_asked_for(const struct registry_filter *filter, const struct cell *w)
{
    if (filter->workflow_type && !bytes_equal(w[WORKFLOW_TYPE].bytes, bytes_of_text(filter->workflow_type)))
        return false;
    return !filter->status || strcmp(filter->status, "open") == 0 ||
           bytes_equal(w[WORKFLOW_STATUS].bytes, bytes_of_text(filter->status));
}

static enum err list_one(struct registry_view *v, const struct cell *w, json_t *list)
{
    json_t *item = describe(w), *steps = NULL;
    enum err err = read_steps(v, (uint64_t)w[WORKFLOW_ID].number, &steps);

    if (err == OK && (!item || !add_approvals(item, steps) || json_array_append(list, item) != 0))
        err = ERR_NOMEM;
    json_decref(item);
    json_decref(steps);
    return err;
}

/* `next` becomes the last one listed when there are more. */
static enum err list(struct registry_view *v, const struct registry_filter *filter, uint64_t before, json_t *items,
                     json_t **next)
{
    sqlite3_stmt *s = list_statement(v, filter->status, before);
    struct cell w[COLUMNS_MAX];
    enum err err;

    while ((err = registry_db_step(&v->db, s)) == OK) {
        if ((err = registry_row_read(&v->db, s, TABLE_WORKFLOW, w, NULL)) != OK)
            return err;
        if (!is_asked_for(filter, w))
            continue;
        if (json_array_size(items) == filter->limit) {
            *next = json_incref(json_object_get(json_array_get(items, filter->limit - 1), "event_id"));
            return OK;
        }
        if ((err = list_one(v, w, items)) != OK)
            return err;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err registry_view_list(struct registry_view *v, const struct registry_filter *filter, struct text *json)
{
    json_t *items = json_array(), *next = NULL;
    uint64_t before = INT64_MAX;
    struct workflow_row after;
    enum err err = items ? begin(v) : ERR_NOMEM;

    if (err == OK && (filter->limit == 0 || filter->limit > VIEW_LIMIT_MAX))
        err = ERR_INVALID;
    if (err == OK && filter->after &&
        (err = registry_workflow_find(&v->db, bytes_of_text(filter->after), &after)) == OK)
        before = (uint64_t)after.cells[WORKFLOW_ID].number;
    if (err == OK)
        err = list(v, filter, before, items, &next);
    return finish(v, err, json_pack("{s:o, s:o}", "workflows", items, "next", next ? next : json_null()), json);
}

/* ---- one workflow ---- */

/* The NotaryResult, as it is published. */
static enum err read_result(struct registry_view *v, uint64_t number, json_t **result, uint64_t *index,
                            json_t **event_hash)
{
    struct registry_result r;
    struct text text;
    enum err err = registry_result_read(&v->db, &v->tree.source, number, &r);

    if (err != OK)
        return err;
    text_init(&text, REGISTRY_TEXT_MAX);
    err = receipt_result(&(struct receipt_entry){.leaf = bytes_of(r.leaf.data, r.leaf.len),
                                                 .rest = bytes_of(r.rest.data, r.rest.len),
                                                 .path = bytes_of(r.path.data, r.path.len),
                                                 .event_hash = r.event_hash.data,
                                                 .log_index = r.index,
                                                 .log_key = &v->owner.key,
                                                 .proof = &r.proof,
                                                 .checkpoint = bytes_of(r.checkpoint.data, r.checkpoint.len)},
                         &text);
    if (err == OK) {
        *result = parsed(bytes_of(text.data, text.len));
        *event_hash = json_string(r.event_hash.data);
        *index = r.index;
        err = *result && *event_hash ? OK : ERR_NOMEM;
    }
    text_deinit(&text);
    registry_result_deinit(&r);
    return err;
}

static enum err read_anchors(struct registry_view *v, uint64_t index, json_t *to)
{
    sqlite3_stmt *s = registry_db_use(&v->db, ANCHORS_OF);
    struct cell c[COLUMNS_MAX];
    enum err err;

    registry_db_bind(s, 1, cell_number(index));
    while ((err = registry_db_step(&v->db, s)) == OK) {
        if ((err = registry_row_read(&v->db, s, TABLE_ANCHOR, c, NULL)) != OK)
            return err;
        if (json_array_append_new(to, json_pack("{s:o, s:o}", "anchor", json_of(c[ANCHOR_NAME].bytes), "receipt",
                                                parsed(c[ANCHOR_RECEIPT].bytes))) != 0)
            return ERR_NOMEM;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

static json_t *or_null(json_t *value)
{
    return value ? json_incref(value) : json_null();
}

/* What is borrowed of a workflow while its answer is made. */
struct shown {
    json_t *steps, *result, *event_hash, *anchors;
};

static json_t *compose_shown(const struct cell *w, const struct shown *s)
{
    const json_t *opened = record_of_kind(s->steps, "opened");
    json_t *hash = s->event_hash ? s->event_hash : json_object_get(opened, "event_hash");
    json_t *answer = describe(w);

    if (answer && add_approvals(answer, s->steps) && json_object_set_new(answer, "event_hash", or_null(hash)) == 0 &&
        json_object_set_new(answer, "event", or_null(json_object_get(opened, "event"))) == 0 &&
        json_object_set(answer, "steps", s->steps) == 0 &&
        json_object_set_new(answer, "result", or_null(s->result)) == 0 &&
        json_object_set(answer, "anchors", s->anchors) == 0)
        return answer;
    json_decref(answer);
    return NULL;
}

static enum err show(struct registry_view *v, const char *event_id, json_t **answer)
{
    struct shown s = {.anchors = json_array()};
    struct workflow_row row;
    const struct cell *number = &row.cells[WORKFLOW_NUMBER];
    uint64_t index = 0;
    enum err err = registry_workflow_find(&v->db, bytes_of_text(event_id), &row);

    if (err == OK)
        err = read_steps(v, (uint64_t)row.cells[WORKFLOW_ID].number, &s.steps);
    if (err == OK && number->kind != CELL_NULL &&
        (err = read_result(v, (uint64_t)number->number, &s.result, &index, &s.event_hash)) == OK)
        err = read_anchors(v, index, s.anchors);
    if (err == OK && !(*answer = compose_shown(row.cells, &s)))
        err = ERR_NOMEM;
    json_decref(s.steps);
    json_decref(s.result);
    json_decref(s.event_hash);
    json_decref(s.anchors);
    return err;
}

enum err registry_view_show(struct registry_view *v, const char *event_id, struct text *json)
{
    json_t *answer = NULL;
    enum err err = begin(v);

    if (err == OK)
        err = show(v, event_id, &answer);
    return finish(v, err, answer, json);
}

/* ---- the log ---- */

static enum err last_checkpoint(struct registry_view *v, json_t **note)
{
    sqlite3_stmt *s = registry_db_use(&v->db, CHECKPOINT_LAST);
    struct cell c[COLUMNS_MAX];
    enum err err = registry_db_step(&v->db, s);

    if (err == OK && (err = registry_row_read(&v->db, s, TABLE_CHECKPOINT, c, NULL)) == OK)
        *note = json_of(c[CHECKPOINT_NOTE].bytes);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err registry_view_log(struct registry_view *v, struct text *json)
{
    json_t *answer = NULL, *note = NULL;
    struct digest root;
    struct text pem;
    enum err err;

    text_init(&pem, PUBLIC_PEM_MAX);
    if ((err = begin(v)) == OK && (err = last_checkpoint(v, &note)) == OK &&
        (err = merkle_root(&v->tree.source, v->tree.size, &root)) == OK) {
        public_key_to_pem(&v->owner.key, &pem);
        answer = json_pack("{s:I, s:o, s:s, s:s, s:O}", "size", (json_int_t)v->tree.size, "root", hex_of(&root),
                           "origin", v->owner.origin, "key", pem.data, "checkpoint", note ? note : json_null());
    }
    text_deinit(&pem);
    json_decref(note);
    return finish(v, err, answer, json);
}

enum err registry_view_consistency(struct registry_view *v, uint64_t from, uint64_t to, struct text *json)
{
    struct digest from_root, to_root;
    struct merkle_proof proof;
    json_t *answer = NULL;
    enum err err = begin(v);

    if (err == OK && to == 0)
        to = v->tree.size;
    if (err == OK && (from == 0 || from > to || to > v->tree.size))
        err = ERR_INVALID;
    if (err == OK && (err = merkle_root(&v->tree.source, from, &from_root)) == OK &&
        (err = merkle_root(&v->tree.source, to, &to_root)) == OK &&
        (err = merkle_consistency(&v->tree.source, from, to, &proof)) == OK)
        answer = json_pack("{s:I, s:o, s:I, s:o, s:o}", "from", (json_int_t)from, "from_root", hex_of(&from_root), "to",
                           (json_int_t)to, "to_root", hex_of(&to_root), "hashes", receipt_hashes(&proof));
    return finish(v, err, answer, json);
}

/* The events of an entry: its results lie side by side. */
static enum err read_event_ids(struct registry_view *v, uint64_t first, uint64_t index, json_t *to)
{
    struct cell c[COLUMNS_MAX];
    enum err err;

    for (uint64_t number = first; (err = registry_row_get(&v->db, TABLE_RESULT, number, c)) == OK; number++) {
        if ((uint64_t)c[RESULT_ENTRY].number != index)
            return OK;
        if ((err = registry_row_get(&v->db, TABLE_WORKFLOW, (uint64_t)c[RESULT_WORKFLOW].number, c)) != OK)
            return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
        if (json_array_append_new(to, json_of(c[WORKFLOW_EVENT_ID].bytes)) != 0)
            return ERR_NOMEM;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err read_inclusion(struct registry_view *v, uint64_t index, json_t **out)
{
    struct merkle_proof proof;
    struct text note;
    uint64_t size;
    enum err err;

    text_init(&note, CHECKPOINT_BYTES_MAX);
    if ((err = registry_checkpoint_of(&v->db, index, &note, &size)) == OK &&
        (err = merkle_inclusion(&v->tree.source, index, size, &proof)) == OK)
        *out = json_pack("{s:s, s:o}", "checkpoint", note.data, "hashes", receipt_hashes(&proof));
    text_deinit(&note);
    return err;
}

static enum err read_entry(struct registry_view *v, uint64_t index, json_t **answer)
{
    json_t *events = json_array(), *anchors = json_array(), *inclusion = NULL, *leaf = NULL;
    struct cell c[COLUMNS_MAX];
    struct digest hash = {0};
    uint64_t first = 0;
    enum err err = registry_row_get(&v->db, TABLE_ENTRY, index, c);

    if (err == OK) {
        hash = merkle_leaf(c[ENTRY_LEAF].bytes);
        leaf = json_of(c[ENTRY_LEAF].bytes);
        first = (uint64_t)c[ENTRY_FIRST].number;
    }
    if (err == OK && (err = read_event_ids(v, first, index, events)) == OK &&
        (err = read_anchors(v, index, anchors)) == OK)
        err = read_inclusion(v, index, &inclusion);
    if (err == OK)
        *answer = json_pack("{s:I, s:O, s:o, s:O, s:O, s:O}", "index", (json_int_t)index, "leaf", leaf, "leaf_hash",
                            hex_of(&hash), "event_ids", events, "anchors", anchors, "inclusion", inclusion);
    json_decref(events);
    json_decref(anchors);
    json_decref(inclusion);
    json_decref(leaf);
    return err;
}

enum err registry_view_entry(struct registry_view *v, uint64_t index, struct text *json)
{
    json_t *answer = NULL;
    enum err err = begin(v);

    if (err == OK)
        err = read_entry(v, index, &answer);
    return finish(v, err, answer, json);
}
