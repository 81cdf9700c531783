/* SPDX-License-Identifier: Apache-2.0
 *
 * health.c - does the broker do its work: a message written through the journal, synced, and read back.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "sys/process.h"

struct check {
    struct health_op op;
    struct call *call;
    void (*answer)(struct call *call, const struct refusal *why);
};

static void checked(struct broker_op *op)
{
    struct check *check = container_of(op, struct check, op.op);

    check->answer(check->call, &op->why);
}

static void start(struct call *call, void (*answer)(struct call *, const struct refusal *))
{
    struct check *check = call_alloc(call, sizeof *check);

    if (!check)
        return;
    check->op.op.done = checked;
    check->call = call;
    check->answer = answer;
    broker_check_health(call->core->broker, &check->op);
}

static void answer_ok(struct call *call, const struct refusal *why)
{
    if (why->err == OK)
        call_text(call, "ok");
    else
        call_refused(call, why);
}

/* Pulsar has two topics to choose from (?topicVersion=V1, V2); here there is one. */
void health_check(struct call *call)
{
    struct bytes version = bytes_of_text("V2");

    (void)call_query(call, "topicVersion", &version);
    if (bytes_equal(version, bytes_of_text("V1")) || bytes_equal(version, bytes_of_text("V2")))
        start(call, answer_ok);
    else
        call_reason(call, 404, "there is no such version of the health check's topic");
}

struct count {
    struct broker *broker;
    uint64_t namespaces;
};

static bool count_one(void *ctx, struct bytes name)
{
    uint64_t *count = ctx;

    ++*count;
    return true;
}

static bool count_tenant(void *ctx, struct bytes tenant)
{
    struct count *count = ctx;

    (void)!namespaces_each(count->broker, tenant, count_one, &count->namespaces);
    return true;
}

/* What is wrong with the disk; the broker serves all else. */
static void answer_disk(struct json *j, struct broker *b)
{
    struct store_stats s;

    store_stats(broker_store(b), &s);
    if (s.disk_nearly_full)
        json_text(j, "disk", s.disk_full ? "full" : "nearly full");
    if (s.quarantined_ledgers > 0)
        json_uint(j, "quarantined_ledgers", s.quarantined_ledgers);
    if (s.corrupt_reads > 0)
        json_uint(j, "corrupt_reads", s.corrupt_reads);
}

static void answer_pulsar(struct call *call, const struct refusal *why)
{
    struct json j = json_to(&call->answer.body);
    struct count count = {.broker = call->core->broker};

    json_object_begin(&j, NULL);
    if (why->err == OK) {
        tenants_each(call->core->broker, count_tenant, &count);
        json_text(&j, "pulsar_broker", "healthy");
        json_text(&j, "admin_api", "healthy");
        json_uint(&j, "namespaces_count", count.namespaces);
    } else {
        json_text(&j, "pulsar_broker", "unhealthy");
        json_text(&j, "error", why->text);
    }
    answer_disk(&j, call->core->broker);
    json_object_end(&j);
    call->answer.content_type = "application/json";
    call->answer.status = why->err == OK ? 200 : 503;
    call_finish(call);
}

void health_pulsar(struct call *call)
{
    start(call, answer_pulsar);
}

/* ---- for those who put brokers behind a balancer, and take them out of it by a file ---- */

/* On the admin thread: the file may be far away. */
static void write_status(struct call *call)
{
    if (call->core->status_file && process_file_exists(call->core->status_file))
        text_add(&call->answer.body, "OK");
    else
        call_write_reason(call, 404, "there is no file to say that this broker shall be used (statusFilePath)");
}

void status_html(struct call *call)
{
    call->write = write_status;
    call->answer.status = 200;
    call->answer.content_type = "text/plain";
    call_finish(call);
}
