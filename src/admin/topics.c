/* SPDX-License-Identifier: Apache-2.0
 *
 * topics.c - topics: created, deleted, unloaded; their subscriptions.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/properties_json.h"
#include "broker/partitioned.h"

struct topic_change {
    struct topic_op op;
    struct call *call;
};

static void changed(struct broker_op *op)
{
    struct call *call = container_of(op, struct topic_change, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

/* NULL: the call is finished. */
static struct topic_change *change_new(struct call *call)
{
    struct topic_change *c = call_alloc(call, sizeof *c);

    if (!c || !call_topic(call, 0, &c->op.name))
        return NULL;
    c->op.op.done = changed;
    c->op.force = call_query_true(call, "force");
    c->call = call;
    return c;
}

static void change(struct call *call, void (*start)(struct broker *b, struct topic_op *op))
{
    struct topic_change *c = change_new(call);

    if (c)
        start(call->core->broker, &c->op);
}

void topic_put(struct call *call)
{
    struct topic_change *c = change_new(call);
    uint8_t *to = c ? call_alloc(call, PROPERTIES_BYTES_MAX) : NULL;

    if (!to || !properties_of_body(call, &c->op.properties, to))
        return;

    const struct bytes local = topic_name_local(&c->op.name);
    const size_t suffix = topic_name_full(&c->op.name).len - topic_name_base(&c->op.name).len;
    if (c->op.name.partition != PARTITION_NONE &&
        (uint32_t)c->op.name.partition >= partitions_count(call->core->broker, &c->op.name))
        call_reason(call, 412,
                    "Can't create topic %.*s with \"-partition-\" followed by numeric value if there isn't a "
                    "partitioned topic %.*s created.",
                    (int)local.len, (const char *)local.data, (int)(local.len - suffix), (const char *)local.data);
    else
        topic_create(call->core->broker, &c->op);
}

void topic_remove(struct call *call)
{
    change(call, topic_delete);
}

void topic_unload_put(struct call *call)
{
    change(call, topic_unload);
}

void topic_subscriptions(struct call *call)
{
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct json j = json_to(&call->answer.body);

    if (!topic || !call_topic(call, 0, topic))
        return;
    json_array_begin(&j, NULL);
    if (subscriptions_each(call->core->broker, topic, write_name, &j) != OK) {
        call_reason(call, 404, "Topic %s not found", topic->text);
        return;
    }
    json_array_end(&j);
    call_json(call);
}
