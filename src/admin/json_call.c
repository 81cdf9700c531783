/* SPDX-License-Identifier: Apache-2.0
 *
 * json_call.c - see json_call.h.
 */
#include "admin/json_call.h"

#include "broker/documents.h"

#include <stdlib.h>

bool call_body(struct call *call, json_t **out)
{
    const struct bytes body = call->request.body;
    json_error_t error;

    *out = NULL;
    if (body.len == 0)
        return true;
    *out = json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, &error);
    if (!*out) {
        call_reason(call, 400, "the body is not JSON: line %d: %s", error.line, error.text);
        return false;
    }
    if (json_is_null(*out))
        *out = NULL; /* it is nobody's: json_null() is not counted */
    return true;
}

bool call_body_shape(struct call *call, const struct shape_member *shape, json_t **out)
{
    json_t *body;
    char reason[200];
    enum err err;

    if (!call_body(call, &body))
        return false;
    err = shape_read(shape, body, out, reason, sizeof reason);
    json_decref(body);
    if (err != OK)
        call_reason(call, err == ERR_INVALID ? 400 : 500, "%s", reason);
    return err == OK;
}

void call_tree(struct call *call, json_t *tree)
{
    char *text = tree ? json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    json_decref(tree);
    if (text)
        text_add(&call->answer.body, text);
    free(text);
    if (text)
        call_json(call);
    else
        call_reason(call, 500, "out of memory");
}

void call_bare_text(struct call *call, const char *text)
{
    text_add(&call->answer.body, text);
    call_json(call);
}

struct durable_wait {
    struct broker_op op;
    struct call *call;
};

static void durable(struct broker_op *op)
{
    struct call *call = container_of(op, struct durable_wait, op)->call;

    if (op->why.err != OK) {
        call_refused(call, &op->why);
        return;
    }
    call->answer.status = 200;
    call_finish(call);
}

void call_ok_when_durable(struct call *call)
{
    struct durable_wait *wait = call_alloc(call, sizeof *wait);

    if (!wait)
        return;
    *wait = (struct durable_wait){.op.done = durable, .call = call};
    broker_when_durable(call->core->broker, &wait->op);
}

const char *call_copy(struct call *call, struct bytes b)
{
    char *copy = call_alloc(call, b.len + 1);

    if (copy && b.len > 0)
        memcpy(copy, b.data, b.len);
    return copy;
}

struct bytes call_joined(struct call *call, struct bytes a, struct bytes b)
{
    uint8_t *to = call_alloc(call, a.len + 1 + b.len);

    if (!to)
        return bytes_of(NULL, 0);
    if (a.len > 0)
        memcpy(to, a.data, a.len);
    to[a.len] = '/';
    if (b.len > 0)
        memcpy(to + a.len + 1, b.data, b.len);
    return bytes_of(to, a.len + 1 + b.len);
}

bool document_tree(struct call *call, const char *kind, struct bytes name, json_t **out)
{
    struct bytes value;

    *out = NULL;
    if (!document_find(call->core->broker, kind, name, &value))
        return true;
    *out = json_loadb((const char *)value.data, value.len, JSON_DECODE_ANY, NULL);
    if (!*out)
        call_reason(call, 500, "what is kept of this cannot be read");
    return *out != NULL;
}

struct name_found {
    uint8_t text[DOCUMENT_NAME_MAX];
    size_t len;
};

/* Appends it to what is there. */
static bool first_name(void *ctx, struct bytes name, struct bytes value)
{
    struct name_found *found = ctx;

    (void)value;
    if (name.len > 0)
        memcpy(found->text + found->len, name.data, name.len);
    found->len += name.len;
    return false;
}

/* One at a time: a visitor changes nothing. */
enum err documents_forget(struct broker *b, const char *kind, struct bytes prefix, struct refusal *why)
{
    struct name_found found;
    enum err err = OK;

    if (prefix.len >= sizeof found.text)
        return OK; /* nothing has such a name */
    memcpy(found.text, prefix.data, prefix.len);
    do {
        found.len = prefix.len;
        documents_each(b, kind, prefix, first_name, &found);
        if (found.len > prefix.len)
            err = document_remove(b, kind, bytes_of(found.text, found.len), why);
    } while (err == OK && found.len > prefix.len);
    return err;
}

bool document_keep_first(struct call *call, const char *kind, struct bytes name, json_t *tree)
{
    char *text = tree ? json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    struct refusal why;
    enum err err;

    json_decref(tree);
    if (!text) {
        call_reason(call, 500, "out of memory");
        return false;
    }
    err = document_put(call->core->broker, kind, name, bytes_of_text(text), &why);
    free(text);
    if (err != OK)
        call_refused(call, &why);
    return err == OK;
}

void document_keep(struct call *call, const char *kind, struct bytes name, json_t *tree)
{
    if (document_keep_first(call, kind, name, tree))
        call_no_content_when_durable(call);
}
