/* SPDX-License-Identifier: Apache-2.0
 *
 * namespaces.c - namespaces: listed, read, created, deleted; the topics in them.
 */
#include "admin/backlog_quota.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/policy_table.h"
#include "admin/settings.h"
#include "broker/partitioned.h"
#include "broker/policies.h"

void namespace_list_get(struct admin_call *call)
{
    struct json j = json_to(&call->answer.body);

    json_array_begin(&j, NULL);
    if (namespaces_each(call->core->broker, call->parameters[0], write_name, &j) != OK) {
        call_reason(call, 404, "Tenant does not exist");
        return;
    }
    json_array_end(&j);
    call_json(call);
}

static bool must_exist(struct admin_call *call, struct bytes name)
{
    if (namespace_exists(call->core->broker, name))
        return true;
    call_reason(call, 404, "Namespace does not exist");
    return false;
}

/* There is one bundle: the whole range of hashes. */
static void write_bundles(struct json *j, const char *key)
{
    json_object_begin(j, key);
    json_array_begin(j, "boundaries");
    json_text(j, NULL, "0x00000000");
    json_text(j, NULL, "0xffffffff");
    json_array_end(j);
    json_uint(j, "numBundles", 1);
    json_object_end(j);
}

void namespace_bundles(struct admin_call *call)
{
    struct json j = json_to(&call->answer.body);
    struct bytes name;

    if (!call_namespace(call, 0, &name) || !must_exist(call, name))
        return;
    write_bundles(&j, NULL);
    call_json(call);
}

/* What is kept, an object, continued with what holds for every namespace. */
void namespace_get(struct admin_call *call)
{
    struct text *body = &call->answer.body;
    struct json j = json_to(body);
    struct bytes name, kept;
    struct policies policies;
    struct refusal why;
    char reason[200];

    if (!call_namespace(call, 0, &name) || !must_exist(call, name))
        return;
    if (namespace_policies(call->core->broker, name, &policies, &why) != OK) {
        call_refused(call, &why);
        return;
    }
    kept = namespace_settings(call->core->broker, name);
    if (kept.len > 0)
        text_add_bytes(body, kept);
    else if (namespace_settings_read(kept, call->core->cluster, body, reason, sizeof reason) != OK) {
        call_reason(call, 500, "out of memory");
        return;
    }
    if (!text_failed(body))
        body->len--; /* the closing brace; there is at least replication_clusters before it */
    j.comma = true;
    j.depth = 1;
    write_bundles(&j, "bundles");
    backlog_quotas_write(&j, "backlog_quota_map", &policies);
    policies_write_all(&j, call->core->cluster, &policies);
    json_bool(&j, "deleted", false);
    json_object_end(&j);
    call_json(call);
}

void namespace_put(struct admin_call *call)
{
    const struct bytes body = call->request.body;
    const char *cluster = call->core->cluster;
    struct broker *b = call->core->broker;
    struct policies policies = {0};
    struct text settings;
    struct refusal why;
    struct bytes name;
    char reason[200];

    if (!call_namespace(call, 0, &name))
        return;
    text_init(&settings, BODY_MAX);
    if (namespace_settings_read(body, cluster, &settings, reason, sizeof reason) != OK ||
        policies_read_all(body, cluster, &policies, reason, sizeof reason) != OK ||
        backlog_quotas_read(body, &policies, reason, sizeof reason) != OK)
        call_reason(call, 412, "%s", reason);
    else if (policies_check(&policies, false, &why) != OK || namespace_create(b, name, &why) != OK ||
             namespace_set_settings(b, name, bytes_of(settings.data, settings.len), &why) != OK ||
             namespace_set_policies(b, name, &policies, &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
    text_deinit(&settings);
}

void namespace_delete(struct admin_call *call)
{
    struct refusal why;
    struct bytes name;

    if (!call_namespace(call, 0, &name))
        return;
    if (namespace_remove(call->core->broker, name, &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

/* ---- the topics of a namespace ---- */

enum { TURN = 100 }; /* names listed in one turn; the loop takes dozens of them before it looks at its sockets again */

struct topic_filter {
    bool persistent, non_persistent, system;
};

struct topic_listing {
    struct admin_call *call;
    struct task task;
    enum err (*each_after)(struct broker *b, struct bytes namespace_, struct bytes after, name_visitor *each,
                           void *ctx); /* of which kind of topics */
    struct bytes namespace_;
    struct topic_filter filter;
    struct json json;
    struct topic_name last; /* listed or left out */
    size_t left;            /* in this turn */
};

static bool passes(const struct topic_filter *filter, const struct topic_name *topic)
{
    if (topic->domain == DOMAIN_PERSISTENT ? !filter->persistent : !filter->non_persistent)
        return false;
    return filter->system || !topic_name_is_system(topic);
}

static bool list_topic(void *ctx, struct bytes name)
{
    struct topic_listing *l = ctx;

    if (topic_name_parse(&l->last, name) != OK)
        return true;
    if (passes(&l->filter, &l->last) && !write_name(&l->json, name))
        return false;
    return --l->left > 0;
}

static void list_more(struct admin_call *call);

/* A hundred thousand names are not written in one go, so that the core is never kept from its work for long; nor kept
 * in memory for a peer that reads them one by one. */
static void list_turn(struct task *task)
{
    struct topic_listing *l = container_of(task, struct topic_listing, task);
    struct admin_call *call = l->call;

    l->left = TURN;
    const struct bytes after = topic_name_full(&l->last);
    if (l->each_after(call->core->broker, l->namespace_, after, list_topic, l) != OK) {
        call_reason(call, 404, "Namespace does not exist");
    } else if (l->left > 0) {
        json_array_end(&l->json);
        call_json(call);
    } else if (call->answer.body.len < call->core->part_bytes) {
        loop_defer(call->core->loop, &l->task);
    } else if (call->request.whole) {
        call_reason(call, 505, "the list is long and comes in chunks: ask for it with HTTP/1.1");
    } else {
        call_part(call, list_more);
    }
}

static void list_more(struct admin_call *call)
{
    struct topic_listing *l = call->work;

    list_turn(&l->task);
}

static void answer_names(struct admin_call *call, struct bytes namespace_, struct topic_filter filter,
                         enum err (*each_after)(struct broker *b, struct bytes namespace_, struct bytes after,
                                                name_visitor *each, void *ctx))
{
    struct topic_listing *l = call_alloc(call, sizeof *l);

    if (!l)
        return;
    *l = (struct topic_listing){
        .call = call,
        .task.run = list_turn,
        .each_after = each_after,
        .namespace_ = namespace_,
        .filter = filter,
    };
    call->work = l;
    l->filter.system = call_query_true(call, "includeSystemTopic");
    l->json = json_to(&call->answer.body);
    json_array_begin(&l->json, NULL);
    list_turn(&l->task);
}

void namespace_topics(struct admin_call *call)
{
    struct topic_filter filter = {.persistent = true};
    struct bytes name, mode = bytes_of_text("PERSISTENT");

    (void)call_query(call, "mode", &mode);
    if (bytes_equal(mode, bytes_of_text("ALL"))) {
        filter.non_persistent = true;
    } else if (bytes_equal(mode, bytes_of_text("NON_PERSISTENT"))) {
        filter = (struct topic_filter){.non_persistent = true};
    } else if (!bytes_equal(mode, bytes_of_text("PERSISTENT"))) {
        call_reason(call, 412, "mode is PERSISTENT, NON_PERSISTENT or ALL");
        return;
    }
    if (call_namespace(call, 0, &name))
        answer_names(call, name, filter, topics_each_after);
}

/* Those of the route's domain. */
static struct topic_filter filter_of(const struct admin_call *call)
{
    const bool persistent = bytes_equal(call->parameters[0], bytes_of_text("persistent"));

    return (struct topic_filter){.persistent = persistent, .non_persistent = !persistent};
}

void topic_list_get(struct admin_call *call)
{
    struct bytes name;

    if (call_namespace(call, 1, &name))
        answer_names(call, name, filter_of(call), topics_each_after);
}

void partitioned_list_get(struct admin_call *call)
{
    struct bytes name;

    if (call_namespace(call, 1, &name))
        answer_names(call, name, filter_of(call), partitioned_each_after);
}
