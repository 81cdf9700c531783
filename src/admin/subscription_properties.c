/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription_properties.c - what users keep with a subscription: read, replaced, given with a new one.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/properties_json.h"

#include <jansson.h>

struct properties_change {
    struct subscription_op op;
    struct call *call;
    uint8_t properties[PROPERTIES_BYTES_MAX];
};

/* NULL: the call is finished. */
static struct properties_change *change_new(struct call *call, void (*done)(struct broker_op *op))
{
    struct properties_change *c = call_alloc(call, sizeof *c);

    if (!c || !subscription_named(call, &c->op))
        return NULL;
    c->op.op.done = done;
    c->op.to = c->properties;
    c->op.properties = bytes_of(c->properties, 0);
    c->call = call;
    return c;
}

static void properties_known(struct broker_op *op)
{
    struct properties_change *c = container_of(op, struct properties_change, op.op);
    struct json j = json_to(&c->call->answer.body);

    if (op->why.err != OK) {
        call_refused(c->call, &op->why);
        return;
    }
    properties_write(&j, NULL, c->op.properties);
    call_json(c->call);
}

void subscription_properties_get(struct call *call)
{
    struct properties_change *c = change_new(call, properties_known);

    if (c)
        subscription_properties(call->core->broker, &c->op);
}

/* False: the call is finished. */
static bool object_read(struct call *call, const json_t *object, struct bytes *encoded, uint8_t *to)
{
    char reason[200];

    if (properties_read(object, encoded, to, reason, sizeof reason) == OK)
        return true;
    call_reason(call, 412, "%s", reason);
    return false;
}

static void replaced(struct broker_op *op)
{
    struct call *call = container_of(op, struct properties_change, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

/* {"key":"value",...}: in place of those that were. */
void subscription_properties_put(struct call *call)
{
    struct properties_change *c = change_new(call, replaced);
    const struct bytes body = call->request.body;

    if (!c)
        return;
    json_t *root = json_loadb((const char *)body.data, body.len, 0, NULL);
    if (!json_is_object(root))
        call_reason(call, 412, "the body is not a JSON object");
    else if (object_read(call, root, &c->op.properties, c->properties))
        subscription_set_properties(call->core->broker, &c->op);
    json_decref(root);
}

bool subscription_body_properties(struct call *call, struct bytes *encoded, uint8_t *to)
{
    const struct bytes body = call->request.body;
    json_t *root = body.len > 0 ? json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL) : NULL;

    *encoded = bytes_of(to, 0);
    const bool good = object_read(call, json_object_get(root, "properties"), encoded, to);
    json_decref(root);
    return good;
}
