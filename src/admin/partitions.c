/* SPDX-License-Identifier: Apache-2.0
 *
 * partitions.c - partitioned topics: created, grown, deleted, listed; how many partitions one has.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/properties_json.h"
#include "broker/partitioned.h"
#include "broker/records.h"

#include <jansson.h>
#include <stdio.h>

struct partitioned_change {
    struct partitioned_op op;
    struct call *call;
    uint8_t properties[PROPERTIES_BYTES_MAX];
};

static void changed(struct broker_op *op)
{
    struct call *call = container_of(op, struct partitioned_change, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

/* The operation for the route's topic; NULL: the call is finished. */
static struct partitioned_change *change_new(struct call *call)
{
    struct partitioned_change *c = call_alloc(call, sizeof *c);

    if (!c || !call_topic(call, 0, &c->op.name))
        return NULL;
    if (c->op.name.partition != PARTITION_NONE) {
        call_reason(call, 412, "Partitioned Topic Name should not contain '-partition-'");
        return NULL;
    }
    c->op.op.done = changed;
    c->op.force = call_query_true(call, "force");
    c->call = call;
    return c;
}

/* A number, or a text that is one: it may be out of bounds, which the broker says.  False: neither. */
static bool number_read(const json_t *value, uint32_t *out)
{
    long long n;
    int end = 0;

    if (json_is_integer(value))
        n = json_integer_value(value);
    else if (!json_is_string(value) || sscanf(json_string_value(value), "%9lld%n", &n, &end) != 1 ||
             json_string_value(value)[end] != '\0')
        return false;
    *out = n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    return true;
}

/* 4, "4", or {"partitions":4,"properties":{...}}.  False: the call is finished. */
static bool body_read(struct call *call, struct partitioned_change *c)
{
    const struct bytes body = call->request.body;
    json_t *root = json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL);
    const json_t *number = json_is_object(root) ? json_object_get(root, "partitions") : root;
    char reason[200] = "the body is not a number of partitions";
    bool good = number_read(number, &c->op.partitions);

    if (good && json_is_object(root))
        good = properties_read(json_object_get(root, "properties"), &c->op.properties, c->properties, reason,
                               sizeof reason) == OK;
    json_decref(root);
    if (!good)
        call_reason(call, 412, "%s", reason);
    return good;
}

void partitions_put(struct call *call)
{
    struct partitioned_change *c = change_new(call);

    if (c && body_read(call, c))
        partitioned_create(call->core->broker, &c->op);
}

/* A number that it cannot become is another error than one that it cannot begin with. */
static void grown(struct broker_op *op)
{
    if (op->why.err == ERR_INVALID && op->why.about == ABOUT_PARTITIONS)
        call_reason(container_of(op, struct partitioned_change, op.op)->call, 422, "%s", op->why.text);
    else
        changed(op);
}

void partitions_post(struct call *call)
{
    struct partitioned_change *c = change_new(call);

    if (!c || !body_read(call, c))
        return;
    c->op.op.done = grown;
    if (c->op.partitions == 0)
        call_reason(call, 422, "Number of partitions should be more than 0");
    else
        partitioned_grow(call->core->broker, &c->op);
}

void partitions_missed_post(struct call *call)
{
    struct partitioned_change *c = change_new(call);

    if (!c)
        return;
    if (partitions_count(call->core->broker, &c->op.name) == 0)
        call_reason(call, 404, "Topic %s does not exist", c->op.name.text);
    else
        partitioned_grow(call->core->broker, &c->op);
}

void partitions_delete(struct call *call)
{
    struct partitioned_change *c = change_new(call);

    if (c)
        partitioned_delete(call->core->broker, &c->op);
}

/* ---- how many ---- */

static void answer_metadata(struct call *call, const struct topic_name *name)
{
    struct partitioned_record record = {.partitions = 0};
    struct json j = json_to(&call->answer.body);

    if (partitioned_find(call->core->broker, name, &record) != OK || name->partition != PARTITION_NONE)
        record = (struct partitioned_record){.partitions = 0};
    json_object_begin(&j, NULL);
    json_uint(&j, "partitions", record.partitions);
    json_bool(&j, "deleted", false);
    if (record.properties.len > 0)
        properties_write(&j, "properties", record.properties);
    json_object_end(&j);
    call_json(call);
}

/* Made because of this question, or by somebody else meanwhile. */
static void made(struct broker_op *op)
{
    struct partitioned_change *c = container_of(op, struct partitioned_change, op.op);

    if (op->why.err == OK || op->why.err == ERR_EXISTS)
        answer_metadata(c->call, &c->op.name);
    else
        call_refused(c->call, &op->why);
}

void partitions_get(struct call *call)
{
    struct partitioned_change *c = call_alloc(call, sizeof *c);
    const bool create = call_query_true(call, "checkAllowAutoCreation");
    struct broker *b = call->core->broker;
    uint32_t partitions, make;
    struct refusal why;

    if (!c || !call_topic(call, 0, &c->op.name))
        return;
    if (partitions_asked(b, &c->op.name, create, &partitions, &make, &why) != OK) {
        call_refused(call, &why);
    } else if (make > 0) {
        c->op.op.done = made;
        c->op.partitions = make;
        c->call = call;
        partitioned_create(b, &c->op);
    } else {
        answer_metadata(call, &c->op.name);
    }
}
