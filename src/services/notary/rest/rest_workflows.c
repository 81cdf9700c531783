/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_workflows.c - what is asked about workflows and only read: lists, one, its receipt, proofs of its artifacts.
 */
#include "services/notary/rest/notary_rest_private.h"

#include "services/notary/documents/batch.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/documents/event.h"
#include "services/notary/documents/evidence.h"
#include <stdlib.h>

#define LIST_LIMIT     100
#define LIST_LIMIT_MAX 1000

static enum err list_ask(struct registry_view *v, const void *about, struct text *to)
{
    return registry_view_list(v, about, to);
}

void rest_workflows_list(void *ctx, struct rest_call *c)
{
    struct registry_filter filter = {
        .status = rest_query(c, "status"), .workflow_type = rest_query(c, "type"), .after = rest_query(c, "after")};
    int64_t limit;

    if (!rest_query_number(c, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT, &limit))
        return;
    filter.limit = (size_t)limit;
    notary_rest_answer(ctx, c, list_ask, &filter);
}

static enum err show_ask(struct registry_view *v, const void *about, struct text *to)
{
    return registry_view_show(v, about, to);
}

void rest_workflow_show(void *ctx, struct rest_call *c)
{
    notary_rest_answer(ctx, c, show_ask, c->parameters[0]);
}

enum err notary_rest_workflow(struct notary_rest *r, const char *event_id, json_t **out)
{
    struct text text;
    enum err err;

    text_init(&text, REST_TEXT_MAX);
    err = notary_rest_ask(r, show_ask, event_id, &text);
    if (err == OK && !(*out = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL)))
        err = ERR_NOMEM;
    text_deinit(&text);
    return err;
}

/* The result as it was published, byte for byte: canonical. */
void rest_workflow_receipt(void *ctx, struct rest_call *c)
{
    json_t *workflow, *result;
    enum err err = notary_rest_workflow(ctx, c->parameters[0], &workflow);

    if (err != OK) {
        notary_rest_fail(c, err);
        return;
    }
    result = json_object_get(workflow, "result");
    if (!json_is_object(result))
        call_reason(c->call, 404, "the workflow has no result yet: it is %s",
                    json_string_value(json_object_get(workflow, "status")));
    else if (canonical_json(result, &c->call->answer.body) != OK)
        call_reason(c->call, 503, "out of memory");
    else
        call_json(c->call);
    json_decref(workflow);
}

/* ---- artifacts of a batch ---- */

static enum err entry_ask(struct registry_view *v, const void *about, struct text *to)
{
    return registry_view_entry(v, *(const uint64_t *)about, to);
}

/* The ids of the events that share a log entry, in their order. */
static enum err events_of(struct notary_rest *r, uint64_t index, json_t **out)
{
    struct text text;
    json_t *entry = NULL;
    enum err err;

    text_init(&text, REST_TEXT_MAX);
    err = notary_rest_ask(r, entry_ask, &index, &text);
    if (err == OK && !(entry = json_loadb(text.data, text.len, 0, NULL)))
        err = ERR_NOMEM;
    if (err == OK)
        *out = json_incref(json_object_get(entry, "event_ids"));
    json_decref(entry);
    text_deinit(&text);
    return err;
}

static enum err add_event(struct batch *b, json_t *json)
{
    struct text bytes;
    struct faults faults;
    struct event event;
    struct digest unused;
    enum err err = faults_init(&faults);

    if (err != OK)
        return err;
    text_init(&bytes, EVIDENCE_BYTES_MAX);
    if ((err = canonical_json(json, &bytes)) == OK) {
        err = event_parse(&event, bytes_of(bytes.data, bytes.len), &faults);
        if (err == OK)
            err = batch_add(b, &event, &unused);
        event_deinit(&event);
    }
    text_deinit(&bytes);
    faults_deinit(&faults);
    return err;
}

/* The batch as it was, made again of its events; `at` is where this one is in it. */
static enum err fill_batch(struct notary_rest *r, struct batch *b, const json_t *ids, const char *event_id, size_t *at)
{
    enum err err = OK;
    json_t *id;
    size_t i;

    json_array_foreach(ids, i, id)
    {
        json_t *workflow = NULL;

        err = notary_rest_workflow(r, json_string_value(id), &workflow);
        if (err == OK)
            err = add_event(b, json_object_get(workflow, "event"));
        json_decref(workflow);
        if (err != OK)
            break;
        if (strcmp(json_string_value(id), event_id) == 0)
            *at = i;
    }
    return err;
}

/* Compared with the receipt's, so that a path that leads elsewhere is never given away. */
static enum err artifact_path(struct batch *b, size_t at, size_t n, const char *root, struct text *out)
{
    struct text statement;
    json_t *path = NULL;
    enum err err = OK;

    text_init(&statement, REST_TEXT_MAX);
    if ((err = batch_statement(b, &statement)) == OK && (err = batch_artifact_path(b, at, n, out)) == OK) {
        path = json_loadb(out->data, out->len, 0, NULL);
        const char *found = json_string_value(json_object_get(path, "root"));
        if (!found || strcmp(found, root) != 0)
            err = ERR_CORRUPT;
    }
    json_decref(path);
    text_deinit(&statement);
    return err;
}

static enum err prove_artifact(struct notary_rest *r, const json_t *receipt, const char *event_id, size_t n,
                               struct text *out)
{
    const uint64_t index = (uint64_t)json_integer_value(json_object_get(receipt, "log_index"));
    const char *root = json_string_value(json_object_get(json_object_get(receipt, "batch"), "root"));
    struct batch *b = NULL;
    json_t *ids = NULL;
    size_t at = 0;
    enum err err = root ? notary_batch_new(&b) : ERR_NOT_FOUND;

    if (err == OK && (err = events_of(r, index, &ids)) == OK && (err = fill_batch(r, b, ids, event_id, &at)) == OK)
        err = artifact_path(b, at, n, root, out);
    notary_batch_free(b);
    json_decref(ids);
    return err;
}

void rest_workflow_artifact(void *ctx, struct rest_call *c)
{
    json_t *workflow;
    char *end;
    unsigned long n = strtoul(c->parameters[1], &end, 10);
    enum err err = notary_rest_workflow(ctx, c->parameters[0], &workflow);

    if (err != OK) {
        notary_rest_fail(c, err);
        return;
    }
    err = *end || c->parameters[1][0] < '0' || c->parameters[1][0] > '9' || strlen(c->parameters[1]) > 6
              ? ERR_NOT_FOUND
              : prove_artifact(ctx, json_object_get(json_object_get(workflow, "result"), "receipt"), c->parameters[0],
                               n, &c->call->answer.body);
    json_decref(workflow);
    if (err == OK)
        call_json(c->call);
    else if (err == ERR_NOT_FOUND)
        call_reason(c->call, 404, "this event was not part of a batch, or has no such artifact (they count from 0)");
    else
        notary_rest_fail(c, err);
}
