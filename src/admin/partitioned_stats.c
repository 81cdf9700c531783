/* SPDX-License-Identifier: Apache-2.0
 *
 * partitioned_stats.c - the figures of a partitioned topic: the sum, and those of each partition.
 *
 * One partition after the other, each with its turn of the loop: counted, copied, written, added.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/properties_json.h"
#include "admin/topic_stats.h"
#include "broker/counting.h"
#include "broker/oldest.h"
#include "broker/partitioned.h"
#include "broker/records.h"

struct partitioned_stats_call {
    struct count_op count;
    struct oldest_op oldest;
    struct call *call;
    struct topic_name name;
    uint32_t partitions, at;
    bool each, internal, earliest;
    struct topic_stats sum;
    struct json json;
};

static void count_next(struct partitioned_stats_call *s);

static void write_metadata(struct json *j, struct broker *b, const struct topic_name *name)
{
    struct partitioned_record record = {.partitions = 0};

    if (partitioned_find(b, name, &record) != OK)
        record = (struct partitioned_record){.partitions = 0};
    json_object_begin(j, "metadata");
    json_uint(j, "partitions", record.partitions);
    json_bool(j, "deleted", false);
    if (record.properties.len > 0)
        properties_write(j, "properties", record.properties);
    json_object_end(j);
}

static void finish(struct partitioned_stats_call *s)
{
    struct json *j = &s->json;

    json_object_end(j); /* partitions */
    if (!s->internal)
        topic_stats_write_members(j, NULL, &s->sum);
    write_metadata(j, s->call->core->broker, &s->name);
    json_object_end(j);
    call_json(s->call);
}

/* All is known of the partition, or `why` it is not. */
static void add(struct partitioned_stats_call *s, struct refusal *why)
{
    struct call *call = s->call;
    struct topic_stats *part;
    enum err err = why->err;

    if (err == OK)
        err = topic_stats_get(call->core->broker, &s->count.name, &call->arena, &part, why);
    if (err != OK && err != ERR_NOT_FOUND) { /* a partition may be missing */
        call_refused(call, why);
        return;
    }
    if (err == OK)
        topic_stats_leave_out(call, part);
    if (err == OK && (s->each || s->internal)) {
        json_key(&s->json, bytes_of_text(part->name));
        json_object_begin(&s->json, NULL);
        if (s->internal)
            topic_stats_write_internal(&s->json, part, false);
        else
            topic_stats_write_members(&s->json, s->call->core, part);
        json_object_end(&s->json);
    }
    if (err == OK && topic_stats_add(&s->sum, part, &call->arena) != OK)
        call_reason(call, 500, "the answer is too large");
    else
        count_next(s);
}

static void oldest_known(struct broker_op *op)
{
    add(container_of(op, struct partitioned_stats_call, oldest.op), &op->why);
}

static void counted(struct broker_op *op)
{
    struct partitioned_stats_call *s = container_of(op, struct partitioned_stats_call, count.op);

    if (op->why.err != OK || !s->earliest) {
        add(s, &op->why);
        return;
    }
    s->oldest.op.done = oldest_known;
    s->oldest.name = s->count.name;
    topic_oldest(s->call->core->broker, &s->oldest);
}

static void count_next(struct partitioned_stats_call *s)
{
    if (s->at == s->partitions || topic_name_partition(&s->count.name, &s->name, s->at++) != OK)
        finish(s);
    else
        topic_count(s->call->core->broker, &s->count);
}

static void start(struct call *call, bool internal)
{
    struct partitioned_stats_call *s = call_alloc(call, sizeof *s);
    struct bytes each;

    if (!s || !call_topic(call, 0, &s->name))
        return;
    s->partitions = s->name.partition == PARTITION_NONE ? partitions_count(call->core->broker, &s->name) : 0;
    if (s->partitions == 0) {
        call_reason(call, 404, "Partitioned Topic %s not found", s->name.text);
        return;
    }
    s->call = call;
    s->internal = internal;
    s->each = !call_query(call, "perPartition", &each) || bytes_equal(each, bytes_of_text("true"));
    s->earliest = !internal && call_query_true(call, "getEarliestTimeInBacklog");
    s->sum.epoch = -1;
    s->sum.persistent = s->name.domain == DOMAIN_PERSISTENT;
    s->count.op.done = counted;
    s->json = json_to(&call->answer.body);
    json_object_begin(&s->json, NULL);
    json_object_begin(&s->json, "partitions");
    count_next(s);
}

void partitions_stats_get(struct call *call)
{
    start(call, false);
}

void partitions_internal_stats_get(struct call *call)
{
    start(call, true);
}
