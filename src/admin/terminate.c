/* SPDX-License-Identifier: Apache-2.0
 *
 * terminate.c - the end of a topic, or of every partition of one.
 */
#include "broker/terminate.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "broker/partitioned.h"

#include <inttypes.h>
#include <stdio.h>

struct terminate_call {
    struct terminate_op op;
    struct call *call;
    struct topic_name whole; /* all partitions of it, one after the other */
    uint32_t partitions, at;
    struct json json;
};

static void write_id(struct json *j, struct position p, int32_t partition)
{
    json_object_begin(j, NULL);
    json_int(j, "ledgerId", p.ledger);
    json_int(j, "entryId", p.entry);
    json_int(j, "partitionIndex", partition);
    json_int(j, "batchIndex", -1);
    json_int(j, "batchSize", 0);
    json_object_end(j);
}

static void terminated(struct broker_op *op)
{
    struct terminate_call *c = container_of(op, struct terminate_call, op.op);
    struct json j = json_to(&c->call->answer.body);

    if (op->why.err != OK) {
        call_refused(c->call, &op->why);
        return;
    }
    write_id(&j, c->op.last, c->op.name.partition);
    call_json(c->call);
}

void topic_terminate_post(struct call *call)
{
    struct terminate_call *c = call_alloc(call, sizeof *c);

    if (!c || !call_topic(call, 0, &c->op.name))
        return;
    if (c->op.name.domain != DOMAIN_PERSISTENT) {
        call_reason(call, 406, "Need to provide a persistent topic name");
        return;
    }
    if (call_partitions(call, &c->op.name) > 0) {
        call_reason(call, 405, "Termination of a partitioned topic is not allowed");
        return;
    }
    c->op.op.done = terminated;
    c->call = call;
    topic_terminate(call->core->broker, &c->op);
}

static void terminate_next(struct terminate_call *c)
{
    if (c->at == c->partitions || topic_name_partition(&c->op.name, &c->whole, c->at) != OK) {
        json_object_end(&c->json);
        call_json(c->call);
        return;
    }
    topic_terminate(c->call->core->broker, &c->op);
}

static void partition_terminated(struct broker_op *op)
{
    struct terminate_call *c = container_of(op, struct terminate_call, op.op);
    char key[16];

    if (op->why.err != OK) {
        call_refused(c->call, &op->why);
        return;
    }
    (void)snprintf(key, sizeof key, "%" PRIu32, c->at++);
    json_key(&c->json, bytes_of_text(key));
    write_id(&c->json, c->op.last, c->op.name.partition);
    terminate_next(c);
}

void partitions_terminate_post(struct call *call)
{
    struct terminate_call *c = call_alloc(call, sizeof *c);
    struct broker *b = call->core->broker;

    if (!c || !call_topic(call, 0, &c->whole))
        return;
    c->partitions = c->whole.partition == PARTITION_NONE ? partitions_count(b, &c->whole) : 0;
    if (c->partitions == 0) {
        if (topic_exists(b, &c->whole))
            call_reason(call, 405,
                        "Termination of a non-partitioned topic is not allowed using partitioned-terminate, please use "
                        "terminate commands");
        else
            call_reason(call, 404, "Topic %s not found", c->whole.text);
        return;
    }
    c->op.op.done = partition_terminated;
    c->call = call;
    c->json = json_to(&call->answer.body);
    json_object_begin(&c->json, NULL);
    terminate_next(c);
}
