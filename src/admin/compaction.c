/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction.c - a topic's compaction: asked for, and how it is.
 */
#include "broker/compaction.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/topic_guard.h"
#include "broker/partitioned.h"

static const struct topic_guard guard = {.not_kept = "Compaction on a non-persistent topic is not allowed"};

struct compaction_call {
    struct topic_op op;
    struct call *call;
    struct topic_name whole; /* all partitions of it, one after the other */
    uint32_t partitions, at;
};

static void begun(struct broker_op *op)
{
    struct call *call = container_of(op, struct compaction_call, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

static void begin_next(struct compaction_call *c)
{
    if (c->at == c->partitions || topic_name_partition(&c->op.name, &c->whole, c->at) != OK)
        call_no_content(c->call);
    else
        topic_compact(c->call->core->broker, &c->op);
}

/* One that is missing has nothing to compact. */
static void partition_begun(struct broker_op *op)
{
    struct compaction_call *c = container_of(op, struct compaction_call, op.op);

    if (op->why.err != OK && op->why.err != ERR_NOT_FOUND) {
        call_refused(c->call, &op->why);
        return;
    }
    c->at++;
    begin_next(c);
}

void topic_compaction_put(struct call *call)
{
    struct compaction_call *c = call_alloc(call, sizeof *c);
    struct broker *b = call->core->broker;

    if (!c || !call_guarded_topic(call, &guard, &c->whole))
        return;
    c->call = call;
    c->op.name = c->whole;
    c->partitions = c->whole.partition == PARTITION_NONE ? partitions_count(b, &c->whole) : 0;
    c->op.op.done = c->partitions > 0 ? partition_begun : begun;
    if (c->partitions > 0)
        begin_next(c);
    else
        topic_compact(b, &c->op);
}

void topic_compaction_get(struct call *call)
{
    static const char *const names[] = {"NOT_RUN", "RUNNING", "SUCCESS", "ERROR"};
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct json j = json_to(&call->answer.body);
    struct compaction_status status;
    struct refusal why;

    if (!topic || !call_guarded_topic(call, &guard, topic))
        return;
    if (topic_compaction(call->core->broker, topic, &status, &why) != OK) {
        call_refused(call, &why);
        return;
    }
    json_object_begin(&j, NULL);
    json_text(&j, "status", names[status.state]);
    json_text(&j, "lastError", status.failure);
    json_object_end(&j);
    call_json(call);
}
