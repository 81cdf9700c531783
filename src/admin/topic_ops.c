/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_ops.c - what is done to a topic now and then: truncated, offloaded, its policies forgotten; and whether its
 * subscriptions are kept in step in other clusters.
 *
 * There is no second tier of storage and no shadow topic here: they are refused, with the reason, so that nobody
 * believes in copies that are not made.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/policy_place.h"
#include "admin/topic_guard.h"
#include "broker/partitioned.h"
#include "broker/policies.h"

#include <jansson.h>

/* It, or all of its partitions; false: the call is finished. */
static bool topic_is_there(struct call *call, const struct topic_name *name)
{
    if (topic_exists(call->core->broker, name) || call_partitions(call, name) > 0)
        return true;
    call_reason(call, 404, "Topic %s not found", name->text);
    return false;
}

/* ---- truncate ---- */

struct truncate_call {
    struct topic_op op;
    struct call *call;
};

static void truncated(struct broker_op *op)
{
    struct call *call = container_of(op, struct truncate_call, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

void topic_truncate_delete(struct call *call)
{
    struct truncate_call *t = call_alloc(call, sizeof *t);

    if (!t || !call_topic(call, 0, &t->op.name))
        return;
    if (t->op.name.domain != DOMAIN_PERSISTENT) {
        call_reason(call, 412, "unsupport truncate");
        return;
    }
    t->op.op.done = truncated;
    t->call = call;
    topic_truncate(call->core->broker, &t->op);
}

/* ---- offload ---- */

static const struct topic_guard offload_guard = {.not_kept = "Offload on a non-persistent topic is not allowed"};

void topic_offload_get(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);

    if (!name || !call_guarded_topic(call, &offload_guard, name) || !topic_is_there(call, name))
        return;
    text_add(&call->answer.body, "{\"status\":\"NOT_RUN\",\"lastError\":\"\",\"firstUnoffloadedMessage\":"
                                 "{\"ledgerId\":-1,\"entryId\":-1,\"partitionIndex\":-1,\"batchIndex\":-1,"
                                 "\"batchSize\":0}}");
    call_json(call);
}

void topic_offload_put(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);

    if (name && call_guarded_topic(call, &offload_guard, name) && topic_is_there(call, name))
        call_reason(call, 405, "Offload is not possible: there is no offload driver");
}

/* ---- shadow topics ---- */

void shadow_topics_get(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);

    if (name && call_topic(call, 0, name) && topic_is_there(call, name))
        call_no_content(call);
}

void shadow_topics_put(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);

    if (name && call_topic(call, 0, name) && topic_is_there(call, name))
        call_reason(call, 405, "Shadow topics are not supported");
}

/* ---- policies ---- */

void topic_policies_delete(struct call *call)
{
    struct policy_place p;
    struct refusal why;

    if (!policy_place_of_topic(call, &p))
        return;
    if (topic_forget_policies(call->core->broker, &p.topic, &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

/* ---- replicated subscriptions ---- */

static const struct topic_guard
    replicated_get_guard = {.not_kept = "Cannot get replicated subscriptions on non-persistent topics"},
    replicated_set_guard = {.not_kept = "Cannot enable/disable replicated subscriptions on non-persistent topics"};

/* Of the topic, or of each partition that has it; ERR_NOT_FOUND: none has. */
static enum err write_replicated(struct json *j, struct broker *b, const struct topic_name *name,
                                 struct bytes subscription, struct refusal *why)
{
    const uint32_t partitions = name->partition == PARTITION_NONE ? partitions_count(b, name) : 0;
    struct topic_name one = *name;
    enum err err = OK;
    bool any = false, replicated;

    for (uint32_t i = 0; i == 0 || i < partitions; i++) {
        if (partitions > 0 && topic_name_partition(&one, name, i) != OK)
            break;
        err = subscription_replicated(b, &one, subscription, &replicated, why);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != OK)
            return err;
        json_key(j, topic_name_full(&one));
        json_bool(j, NULL, replicated);
        any = true;
    }
    return any ? OK : err;
}

void subscription_replicated_get(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    struct json j = json_to(&call->answer.body);
    struct refusal why;

    if (!name || !call_guarded_topic(call, &replicated_get_guard, name))
        return;
    json_object_begin(&j, NULL);
    if (write_replicated(&j, call->core->broker, name, call->parameters[4], &why) != OK) {
        call_refused(call, &why);
        return;
    }
    json_object_end(&j);
    call_json(call);
}

struct replicated_call {
    struct subscription_op op;
    struct call *call;
};

static void replicated_set(struct broker_op *op)
{
    struct call *call = container_of(op, struct replicated_call, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

/* The body is true or false. */
void subscription_replicated_post(struct call *call)
{
    struct replicated_call *r = call_alloc(call, sizeof *r);
    const struct bytes body = call->request.body;

    if (!r || !subscription_named(call, &r->op) || !topic_guard_admits(call, &replicated_set_guard, &r->op.name))
        return;
    json_t *value = body.len ? json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL) : NULL;
    const bool good = json_is_boolean(value);
    r->op.replicated = json_is_true(value);
    json_decref(value);
    if (!good) {
        call_reason(call, 412, "the body is true or false");
        return;
    }
    r->op.op.done = replicated_set;
    r->call = call;
    subscription_set_replicated(call->core->broker, &r->op);
}
