/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_workflows.c - what is asked about workflows and only read: lists, one, its receipt, proofs of its artifacts.
 */
#include "services/notary/notary_rest_private.h"

#include "services/notary/canonical.h"

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
