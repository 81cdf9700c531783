/* SPDX-License-Identifier: Apache-2.0
 *
 * expiry.c - messages that an administrator lets expire.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/topic_guard.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct topic_guard
    one_guard = {.not_kept = "Expire messages on a non-persistent topic is not allowed"},
    all_guard = {.not_kept = "Expire messages for all subscriptions on a non-persistent topic is not allowed"},
    position_guard = {.not_kept = "Expire messages on a non-persistent topic is not allowed",
                      .partitioned = "Expire message at position is not supported for partitioned-topic"};

struct expire_call {
    struct expire_op op;
    struct call *call;
};

static void done(struct broker_op *op)
{
    struct call *call = container_of(op, struct expire_call, op.of.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else if (op->why.err == ERR_BUSY)
        call_reason(call, 409, "%s", op->why.text);
    else
        call_refused(call, &op->why);
}

/* For the route's topic; `name` is the subscription's, or empty: all of them.  NULL: the call is finished. */
static struct expire_call *expire_new(struct call *call, struct bytes name)
{
    struct expire_call *e = call_alloc(call, sizeof *e);

    if (!e || !call_topic(call, 0, &e->op.of.name))
        return NULL;
    if (name.len > 0 && (name.len > SUBSCRIPTION_NAME_MAX || !subscription_name_valid(name))) {
        call_reason(call, 412, "the subscription's name is not valid");
        return NULL;
    }
    if (name.len > 0)
        memcpy(e->op.of.subscription, name.data, name.len);
    e->op.of.op.done = done;
    e->call = call;
    return e;
}

/* False: it is no number of seconds, and the call is finished. */
static bool seconds_get(struct call *call, struct bytes text, int64_t *ms)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < text.len && i < 10; i++)
        seconds = text.data[i] >= '0' && text.data[i] <= '9' && seconds >= 0 ? seconds * 10 + text.data[i] - '0' : -1;
    if (text.len == 0 || text.len > 10 || seconds < 0 || seconds > INT32_MAX) {
        call_reason(call, 412, "the time is not a number of seconds");
        return false;
    }
    *ms = seconds * 1000;
    return true;
}

void subscription_expire_post(struct call *call)
{
    struct expire_call *e = expire_new(call, call->parameters[4]);

    if (e && topic_guard_admits(call, &one_guard, &e->op.of.name) &&
        seconds_get(call, call->parameters[5], &e->op.older_than_ms))
        subscription_expire(call->core->broker, &e->op);
}

void subscriptions_expire_post(struct call *call)
{
    struct expire_call *e = expire_new(call, bytes_of(NULL, 0));

    if (e && topic_guard_admits(call, &all_guard, &e->op.of.name) &&
        seconds_get(call, call->parameters[4], &e->op.older_than_ms))
        subscription_expire(call->core->broker, &e->op);
}

/* {"ledgerId":L,"entryId":E,"excluded":false}: everything up to there. */
void subscription_expire_position_post(struct call *call)
{
    struct expire_call *e = expire_new(call, call->parameters[4]);
    const struct bytes body = call->request.body;

    if (!e || !topic_guard_admits(call, &position_guard, &e->op.of.name))
        return;
    json_t *root = json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL);
    const json_t *ledger = json_object_get(root, "ledgerId"), *entry = json_object_get(root, "entryId");
    const bool good = json_is_integer(ledger) && json_is_integer(entry) && json_integer_value(entry) >= -1;
    if (good) {
        e->op.by_position = true;
        e->op.of.position = (struct position){json_integer_value(ledger), json_integer_value(entry)};
        e->op.of.position.entry -= position_is_excluded(root);
    }
    json_decref(root);
    if (!good)
        call_reason(call, 412, "the body is not a message id");
    else
        subscription_expire(call->core->broker, &e->op);
}
