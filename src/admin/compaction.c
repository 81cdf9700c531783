/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction.c - a topic's compaction: asked for, and how it is.
 */
#include "broker/compaction.h"
#include "admin/core.h"
#include "admin/handlers.h"

struct compaction_call {
    struct topic_op op;
    struct admin_call *call;
};

static void begun(struct broker_op *op)
{
    struct admin_call *call = container_of(op, struct compaction_call, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

void topic_compaction_put(struct admin_call *call)
{
    struct compaction_call *c = call_alloc(call, sizeof *c);

    if (!c || !call_topic(call, 0, &c->op.name))
        return;
    c->op.op.done = begun;
    c->call = call;
    topic_compact(call->core->broker, &c->op);
}

void topic_compaction_get(struct admin_call *call)
{
    static const char *const names[] = {"NOT_RUN", "RUNNING", "SUCCESS", "ERROR"};
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct json j = json_to(&call->answer.body);
    struct compaction_status status;
    struct refusal why;

    if (!topic || !call_topic(call, 0, topic))
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
