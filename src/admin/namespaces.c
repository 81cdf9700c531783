/* SPDX-License-Identifier: Apache-2.0
 *
 * namespaces.c - namespaces: listed, read, created, deleted; the topics in them.
 */
#include "admin/backlog_quota.h"
#include "admin/bundles.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/kept_policies.h"
#include "admin/namespace_purge.h"
#include "admin/policy_place.h"
#include "admin/policy_table.h"

#include <stdlib.h>

void namespace_list_get(struct call *call)
{
    struct json j = json_to(&call->answer.body);

    json_array_begin(&j, NULL);
    if (namespaces_each(call->core->broker, call->parameters[0], write_name, &j) != OK) {
        call_reason(call, 404, "Tenant not found");
        return;
    }
    json_array_end(&j);
    call_json(call);
}

/* ---- one: what is set for it, as Pulsar's Policies ---- */

/* What Policies says where nothing is set.  The keys are of two kinds in Pulsar, and so they are here. */
static const struct {
    const char *key, *json;
} defaults[] = {
    {"auth_policies", "{\"namespace_auth\":{},\"destination_auth\":{},\"subscription_auth_roles\":{}}"},
    {"allowed_clusters", "[]"},
    {"backlog_quota_map", "{}"},
    {"clusterDispatchRate", "{}"},
    {"topicDispatchRate", "{}"},
    {"subscriptionDispatchRate", "{}"},
    {"replicatorDispatchRate", "{}"},
    {"clusterSubscribeRate", "{}"},
    {"publishMaxMessageRate", "{}"},
    {"latency_stats_sample_rate", "{}"},
    {"deleted", "false"},
    {"encryption_required", "false"},
    {"subscription_auth_mode", "\"None\""},
    {"offload_threshold", "-1"},
    {"offload_threshold_in_seconds", "-1"},
    {"schema_compatibility_strategy", "\"UNDEFINED\""},
    {"schema_validation_enforced", "false"},
    {"is_allow_auto_update_schema", "true"},
    {"subscription_types_enabled", "[]"},
    {"properties", "{}"},
    {"migrated", "false"},
};

static void put_defaults(json_t *policies)
{
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        if (!json_object_get(policies, defaults[i].key))
            json_object_set_new(policies, defaults[i].key, json_loads(defaults[i].json, JSON_DECODE_ANY, NULL));
    }
    /* The older name of the same. */
    json_object_set(policies, "clusterDispatchRate", json_object_get(policies, "topicDispatchRate"));
}

/* Those that are numbers, into `policies`. */
static void put_numbers(const struct admin_core *core, const struct policies *numbers, json_t *policies)
{
    struct text text;
    struct json j = json_to(&text);
    json_t *tree;

    text_init(&text, BODY_MAX);
    json_object_begin(&j, NULL);
    backlog_quotas_write(&j, "backlog_quota_map", numbers);
    policies_write_all(&j, core->cluster, numbers);
    json_object_end(&j);
    if (!text_failed(&text) && (tree = json_loads(text.data, 0, NULL))) {
        json_object_update(policies, tree);
        json_decref(tree);
    }
    text_deinit(&text);
}

void namespace_get(struct call *call)
{
    struct bundles *bundles = call_alloc(call, sizeof *bundles);
    struct policies numbers;
    struct policy_place p;
    json_t *policies, *settings;

    if (!bundles || !policy_place_of_namespace(call, &p) || !policy_place_get(call, &p, &numbers))
        return;
    policies = json_object();
    settings = namespace_settings_tree(call->core, p.namespace_);
    kept_policies_show(call->core, settings, policies);
    json_decref(settings);
    bundles_of_namespace(call->core, p.namespace_, bundles);
    json_object_set_new(policies, "bundles", bundles_tree(bundles));
    put_numbers(call->core, &numbers, policies);
    put_defaults(policies);
    call_tree(call, policies);
}

/* ---- made ---- */

/* The settings that the body asks for, new; NULL: finished. */
static json_t *settings_asked(struct call *call, struct bytes name, const json_t *body)
{
    struct kept_check check = {.core = call->core, .namespace_ = name, .status = 500, .reason = "out of memory"};
    struct bundles *bundles = call_alloc(call, sizeof *bundles);
    const uint32_t missing = broker_options(call->core->broker)->namespace_bundles;
    json_t *settings;

    if (!bundles)
        return NULL;
    if (!(settings = kept_policies_read(&check, body))) {
        call_reason(call, check.status, "%s", check.reason);
        return NULL;
    }
    if (bundles_read(bundles, json_object_get(body, "bundles"), missing, check.reason, sizeof check.reason) != OK) {
        json_decref(settings);
        call_reason(call, 400, "%s", check.reason);
        return NULL;
    }
    json_object_set_new(settings, "bundles", bundles_tree(bundles));
    return settings;
}

static enum err set(struct broker *b, struct bytes name, const struct policies *numbers, const json_t *settings,
                    struct refusal *why)
{
    char *text = json_dumps(settings, JSON_COMPACT);
    enum err err = namespace_set_policies(b, name, numbers, why);

    if (err == OK && !text)
        err = refuse(why, ERR_NOMEM, ABOUT_NAMESPACE, "out of memory");
    if (err == OK)
        err = namespace_set_settings(b, name, bytes_of_text(text), why);
    free(text);
    return err;
}

static void make(struct call *call, struct bytes name, json_t *settings)
{
    struct broker *b = call->core->broker;
    struct policies numbers = {0};
    struct refusal why;
    char reason[200];

    if (policies_read_all(call->request.body, call->core->cluster, &numbers, reason, sizeof reason) != OK ||
        backlog_quotas_read(call->request.body, &numbers, reason, sizeof reason) != OK)
        call_reason(call, 412, "%s", reason);
    else if (policies_check(&numbers, false, &why) != OK || namespace_create(b, name, &why) != OK)
        call_refused(call, &why);
    else if (set(b, name, &numbers, settings, &why) != OK) {
        struct refusal stays;
        if (namespace_remove(b, name, &stays) != OK) /* it was not made */
            why = stays;
        call_refused(call, &why);
    } else
        call_no_content_when_durable(call);
    json_decref(settings);
}

static bool count_name(void *ctx, struct bytes name)
{
    ++*(uint64_t *)ctx;
    return true;
}

static bool as_many_as_may_be(struct broker *b, struct bytes tenant)
{
    const uint32_t most = broker_options(b)->namespaces_per_tenant_max;
    uint64_t count = 0;

    return most > 0 && namespaces_each(b, tenant, count_name, &count) == OK && count >= most;
}

void namespace_put(struct call *call)
{
    struct broker *b = call->core->broker;
    json_t *body, *settings;
    struct bytes name;

    if (!call_namespace(call, 0, &name) || !call_body(call, &body))
        return;
    if (!tenant_exists(b, call->parameters[0]))
        call_reason(call, 404, "Tenant does not exist");
    else if (namespace_exists(b, name))
        call_reason(call, 409, "Namespace already exists");
    else if (as_many_as_may_be(b, call->parameters[0]))
        call_reason(call, 412, "Exceed the maximum number of namespace in tenant :%.*s", (int)call->parameters[0].len,
                    (const char *)call->parameters[0].data);
    else if ((settings = settings_asked(call, name, body)))
        make(call, name, settings);
    json_decref(body);
}

/* ---- deleted ---- */

static void purged(struct namespace_purge *p, const struct refusal *why)
{
    if (why->err == OK)
        call_no_content_when_durable(p->call);
    else
        call_refused(p->call, why);
}

void namespace_delete(struct call *call)
{
    const bool force = call_query_true(call, "force");
    struct broker *b = call->core->broker;
    struct namespace_purge *p = call_alloc(call, sizeof *p);
    struct bytes name;

    if (!p || !call_namespace(call, 0, &name))
        return;
    if (force && !broker_options(b)->force_delete_namespace)
        call_reason(call, 405, "Broker doesn't allow forced deletion of namespaces");
    else if (!namespace_exists(b, name))
        call_reason(call, 404, "Namespace %.*s does not exist.", (int)name.len, (const char *)name.data);
    else if (!force && namespace_has_topics(b, name))
        call_reason(call, 409, "Cannot delete non empty namespace");
    else {
        *p = (struct namespace_purge){.call = call, .namespace_ = name, .force = force, .done = purged};
        (void)namespace_purge(p);
    }
}

/* ---- the topics of a namespace ---- */

enum { TURN = 100 }; /* names listed in one turn; the loop takes dozens of them before it looks at its sockets again */

struct topic_filter {
    bool persistent, non_persistent, system;
};

struct topic_listing {
    struct call *call;
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

static void list_more(struct call *call);

/* A hundred thousand names are not written in one go, so that the core is never kept from its work for long; nor kept
 * in memory for a peer that reads them one by one. */
static void list_turn(struct task *task)
{
    struct topic_listing *l = container_of(task, struct topic_listing, task);
    struct call *call = l->call;

    l->left = TURN;
    const struct bytes after = topic_name_full(&l->last);
    if (l->each_after(call->core->broker, l->namespace_, after, list_topic, l) != OK) {
        call_reason(call, 404, "Namespace does not exist");
    } else if (l->left > 0) {
        json_array_end(&l->json);
        call_json(call);
    } else if (call->answer.body.len < call->core->part_bytes) {
        loop_defer(call->core->loop, &l->task);
    } else {
        call_part(call, list_more);
    }
}

static void list_more(struct call *call)
{
    struct topic_listing *l = call->work;

    list_turn(&l->task);
}

static void answer_names(struct call *call, struct bytes namespace_, struct topic_filter filter,
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

void namespace_topics(struct call *call)
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
static struct topic_filter filter_of(const struct call *call)
{
    const bool persistent = bytes_equal(call->parameters[0], bytes_of_text("persistent"));

    return (struct topic_filter){.persistent = persistent, .non_persistent = !persistent};
}

void topic_list_get(struct call *call)
{
    struct bytes name;

    if (call_namespace(call, 1, &name))
        answer_names(call, name, filter_of(call), topics_each_after);
}

void partitioned_list_get(struct call *call)
{
    struct bytes name;

    if (call_namespace(call, 1, &name))
        answer_names(call, name, filter_of(call), partitioned_each_after);
}
