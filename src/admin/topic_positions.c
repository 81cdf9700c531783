/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_positions.c - places in a topic: its last message's, that of a time or an index; and how much lies behind one.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/topic_guard.h"
#include "broker/analyze.h"
#include "broker/backlog.h"
#include "broker/peek.h"
#include "broker/topic.h"

#include <inttypes.h>
#include <stdio.h>

/* As Pulsar's message ids are written; `batch` -1: of no batch. */
static void write_id(struct json *j, struct position p, int32_t partition, int64_t batch, int64_t batch_size)
{
    json_object_begin(j, NULL);
    json_int(j, "ledgerId", p.ledger);
    json_int(j, "entryId", p.entry);
    json_int(j, "partitionIndex", partition);
    json_int(j, "batchIndex", batch);
    json_int(j, "batchSize", batch_size);
    json_object_end(j);
}

/* ---- the last message ---- */

static const struct topic_guard last_guard = {.not_kept = "GetLastMessageId on a non-persistent topic is not allowed",
                                              .partitioned = "GetLastMessageId is not allowed on partitioned-topic"};

struct last_call {
    struct peek peek;
    struct call *call;
};

static void last_found(struct broker_op *op)
{
    struct last_call *l = container_of(op, struct last_call, peek.op);
    const int32_t partition = l->peek.name.partition;
    struct json j = json_to(&l->call->answer.body);

    if (op->why.err == ERR_INVALID) { /* no entry yet */
        write_id(&j, POSITION_EARLIEST, partition, -1, 0);
        call_json(l->call);
        return;
    }
    if (op->why.err != OK) {
        call_refused(l->call, &op->why);
        return;
    }
    const struct entry_header *h = &l->peek.entry.header;
    const bool batched = h->flags & ENTRY_BATCHED;
    write_id(&j, l->peek.entry.position, partition, batched ? (int64_t)h->messages - 1 : -1, batched ? h->messages : 0);
    entry_unref(&l->peek.entry);
    call_json(l->call);
}

void message_last_id_get(struct call *call)
{
    struct last_call *l = call_alloc(call, sizeof *l);

    if (!l || !call_guarded_topic(call, &last_guard, &l->peek.name))
        return;
    l->peek.op.done = last_found;
    l->peek.by = PEEK_LAST;
    l->peek.nth = 1;
    l->call = call;
    topic_peek(call->core->broker, &l->peek);
}

/* ---- the first message of a time ---- */

static const struct topic_guard time_guard = {
    .not_kept = "Get message ID by timestamp on a non-persistent topic is not allowed",
    .partitioned =
        "Get message ID by timestamp on a partitioned topic is not allowed, please try do it on specific topic "
        "partition"};

struct time_call {
    struct peek_time peek;
    struct call *call;
};

static void time_found(struct broker_op *op)
{
    struct time_call *t = container_of(op, struct time_call, peek.op);
    struct json j = json_to(&t->call->answer.body);

    if (op->why.err != OK) {
        call_refused(t->call, &op->why);
        return;
    }
    write_id(&j, t->peek.position, t->peek.name.partition, -1, 0);
    call_json(t->call);
}

void message_id_by_time_get(struct call *call)
{
    struct time_call *t = call_alloc(call, sizeof *t);
    uint64_t ms;

    if (!t || !call_guarded_topic(call, &time_guard, &t->peek.name) || !call_number(call, 4, &ms))
        return;
    t->peek.op.done = time_found;
    t->peek.publish_ms = (int64_t)ms;
    t->call = call;
    topic_peek_time(call->core->broker, &t->peek);
}

/* ---- the message of an index ---- */

static const struct topic_guard index_guard = {
    .not_kept = "GetMessageIdByIndex on a non-persistent topic is not allowed",
    .partitioned = "GetMessageIdByIndex is not allowed on partitioned-topic"};

struct index_call {
    struct peek_index peek;
    struct call *call;
};

static void index_found(struct broker_op *op)
{
    struct index_call *i = container_of(op, struct index_call, peek.op);
    struct json j = json_to(&i->call->answer.body);

    if (op->why.err != OK) {
        call_refused(i->call, &op->why);
        return;
    }
    write_id(&j, i->peek.position, i->peek.name.partition, -1, 0);
    call_json(i->call);
}

/* A whole number that is not negative. */
static bool number_of(struct bytes text, uint64_t *out)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (i == 18 || text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = number;
    return text.len > 0;
}

/* Pulsar knows indexes when its broker entry metadata are switched on; here each entry has its own. */
void message_id_by_index_get(struct call *call)
{
    struct index_call *i = call_alloc(call, sizeof *i);
    struct bytes text;

    if (!i || !call_guarded_topic(call, &index_guard, &i->peek.name))
        return;
    if (!call_query(call, "index", &text) || !number_of(text, &i->peek.index)) {
        call_reason(call, 412, "index should be a number that is not negative");
        return;
    }
    i->peek.op.done = index_found;
    i->call = call;
    topic_peek_index(call->core->broker, &i->peek);
}

/* ---- how much lies behind a message ---- */

static const struct topic_guard size_guard = {.not_kept = "Get backlog size on a non-persistent topic is not allowed",
                                              .partitioned =
                                                  "calculate backlog size is not allowed for partitioned-topic"};

void topic_backlog_size_put(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    struct json j = json_to(&call->answer.body);
    struct position p;
    struct refusal why;
    struct topic *t;

    if (!name || !call_guarded_topic(call, &size_guard, name))
        return;
    if (topic_obtain(call->core->broker, name, false, &t, &why) != OK) {
        call_refused(call, &why);
    } else if (!position_of_body(call, &p)) {
        call_reason(call, 412, "the body is not a message id");
    } else {
        json_uint(&j, NULL, backlog_bytes_after(broker_store(call->core->broker), t->id, p));
        call_json(call);
    }
}

/* ---- what a subscription's backlog consists of ---- */

static const struct topic_guard analyze_guard = {
    .not_kept = "Analyze backlog on a non-persistent topic is not allowed",
    .partitioned =
        "Analyze backlog on a partitioned topic is not allowed, please try do it on specific topic partition"};

struct analyze_call {
    struct analyze_op op;
    struct call *call;
};

static void write_place(struct json *j, const char *key, struct position p)
{
    char text[48];

    snprintf(text, sizeof text, "%" PRId64 ":%" PRId64, p.ledger, p.entry);
    json_text(j, key, text);
}

/* There are no filters: all of it would be accepted. */
static void write_analysis(struct json *j, const struct analyze_op *a)
{
    json_object_begin(j, NULL);
    json_uint(j, "entries", a->entries);
    json_uint(j, "messages", a->messages);
    json_uint(j, "markerMessages", a->markers);
    json_uint(j, "filterRejectedEntries", 0);
    json_uint(j, "filterAcceptedEntries", a->entries);
    json_uint(j, "filterRescheduledEntries", 0);
    json_uint(j, "filterRejectedMessages", 0);
    json_uint(j, "filterAcceptedMessages", a->messages);
    json_uint(j, "filterRescheduledMessages", 0);
    json_bool(j, "aborted", a->aborted);
    if (a->entries > 0) {
        write_place(j, "firstMessageId", a->first);
        write_place(j, "lastMessageId", a->last);
    }
    json_object_end(j);
}

static void analyzed(struct broker_op *op)
{
    struct analyze_call *a = container_of(op, struct analyze_call, op.op);
    struct json j = json_to(&a->call->answer.body);

    if (op->why.err != OK) {
        call_refused(a->call, &op->why);
        return;
    }
    write_analysis(&j, &a->op);
    call_json(a->call);
}

void subscription_analyze_post(struct call *call)
{
    struct analyze_call *a = call_alloc(call, sizeof *a);
    const struct bytes name = call->parameters[4];

    if (!a || !call_guarded_topic(call, &analyze_guard, &a->op.name))
        return;
    if (name.len > SUBSCRIPTION_NAME_MAX) {
        call_reason(call, 404, "the subscription's name is too long for any");
        return;
    }
    memcpy(a->op.subscription, name.data, name.len);
    a->op.from_given = position_of_body(call, &a->op.from);
    a->op.op.done = analyzed;
    a->call = call;
    subscription_analyze(call->core->broker, &a->op);
}
