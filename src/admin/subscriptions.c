/* SPDX-License-Identifier: Apache-2.0
 *
 * subscriptions.c - subscriptions: created at a message id, deleted, emptied.
 */
#include "admin/core.h"
#include "admin/handlers.h"

#include <jansson.h>

struct subscription_change {
    struct subscription_op op;
    struct admin_call *call;
};

static void changed(struct broker_op *op)
{
    struct admin_call *call = container_of(op, struct subscription_change, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

/* The operation for the route's topic and subscription; NULL: the call is finished. */
static struct subscription_change *change_new(struct admin_call *call)
{
    struct subscription_change *c = call_alloc(call, sizeof *c);
    struct bytes name = call->parameters[4];

    if (!c || !call_topic(call, 0, &c->op.name))
        return NULL;
    if (name.len > SUBSCRIPTION_NAME_MAX || !subscription_name_valid(name)) {
        call_reason(call, 412, "the subscription's name is not valid");
        return NULL;
    }
    memcpy(c->op.subscription, name.data, name.len);
    c->op.op.done = changed;
    c->op.force = call_query_true(call, "force");
    c->call = call;
    return c;
}

static bool integer_get(const json_t *object, const char *member, int64_t *out)
{
    const json_t *value = json_object_get(object, member);

    if (!json_is_integer(value))
        return false;
    *out = json_integer_value(value);
    return true;
}

/* {"ledgerId":L,"entryId":E,...}, the first message to be given; an empty body, or null, is the latest.  False:
 * neither. */
static bool position_read(struct bytes body, struct position *out)
{
    json_t *root;
    bool good;

    *out = POSITION_LATEST;
    if (body.len == 0)
        return true;
    root = json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL);
    good = json_is_null(root) ||
           (integer_get(root, "ledgerId", &out->ledger) && integer_get(root, "entryId", &out->entry));
    json_decref(root);
    return good;
}

void subscription_put(struct admin_call *call)
{
    struct subscription_change *c = change_new(call);

    if (!c)
        return;
    if (!position_read(call->request.body, &c->op.position))
        call_reason(call, 412, "the body is not a message id");
    else
        subscription_create(call->core->broker, &c->op);
}

void subscription_remove_delete(struct admin_call *call)
{
    struct subscription_change *c = change_new(call);

    if (c)
        subscription_delete(call->core->broker, &c->op);
}

void subscription_skip_all_post(struct admin_call *call)
{
    struct subscription_change *c = change_new(call);

    if (c)
        subscription_skip_all(call->core->broker, &c->op);
}
