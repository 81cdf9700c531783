/* SPDX-License-Identifier: Apache-2.0
 *
 * resource_groups.c - resource groups, and quotas of bundles.
 *
 * In a cluster they say how much of the machines a set of namespaces, or a bundle, may use.  Both are kept and shown;
 * what limits a topic here is its publish rate and its dispatch rates.
 */
#include "admin/bundles.h"
#include "admin/clusters.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/policy_place.h"
#include "broker/documents.h"

/* ---- groups ---- */

static const struct shape_member group_shape[] = {
    {"publishRateInMsgs", SHAPE_INTEGER, NULL},
    {"publishRateInBytes", SHAPE_INTEGER, NULL},
    {"dispatchRateInMsgs", SHAPE_INTEGER, NULL},
    {"dispatchRateInBytes", SHAPE_INTEGER, NULL},
    {"replicationDispatchRateInMsgs", SHAPE_INTEGER, NULL},
    {"replicationDispatchRateInBytes", SHAPE_INTEGER, NULL},
    {NULL, SHAPE_TEXT, NULL},
};

static bool list_one(void *ctx, struct bytes name, struct bytes value)
{
    (void)value;
    json_bytes(ctx, NULL, name);
    return true;
}

void resource_groups_get(struct call *call)
{
    struct json j = json_to(&call->answer.body);

    json_array_begin(&j, NULL);
    documents_each(call->core->broker, RESOURCE_GROUP_KIND, bytes_of(NULL, 0), list_one, &j);
    json_array_end(&j);
    call_json(call);
}

void resource_group_get(struct call *call)
{
    json_t *group;

    if (!document_tree(call, RESOURCE_GROUP_KIND, call->parameters[0], &group))
        return;
    if (group)
        call_tree(call, group);
    else
        call_reason(call, 404, "ResourceGroup does not exist");
}

/* What is not given stays as it was; a new group has no limits. */
void resource_group_put(struct call *call)
{
    json_t *group, *given;

    if (!call_body_shape(call, group_shape, &given))
        return;
    if (!document_tree(call, RESOURCE_GROUP_KIND, call->parameters[0], &group)) {
        json_decref(given);
        return;
    }
    if (!group)
        group = json_pack("{s:i,s:i,s:i,s:i}", "publishRateInMsgs", -1, "publishRateInBytes", -1, "dispatchRateInMsgs",
                          -1, "dispatchRateInBytes", -1);
    if (group)
        json_object_update(group, given);
    json_decref(given);
    document_keep(call, RESOURCE_GROUP_KIND, call->parameters[0], group);
}

struct use {
    struct broker *broker;
    struct bytes tenant, group;
    bool found;
};

static bool namespace_uses(void *ctx, struct bytes name)
{
    static const char member[] = "\"resource_group_name\"";
    struct use *u = ctx;
    const struct bytes kept = namespace_settings(u->broker, name);
    json_t *settings;
    const char *group;

    if (kept.len == 0 || !memmem(kept.data, kept.len, member, sizeof member - 1))
        return true; /* nearly all of them, and they need not be read */
    settings = json_loadb((const char *)kept.data, kept.len, 0, NULL);
    group = json_string_value(json_object_get(settings, "resource_group_name"));
    u->found = group && bytes_equal(bytes_of_text(group), u->group);
    json_decref(settings);
    return !u->found;
}

static bool tenant_uses(void *ctx, struct bytes name)
{
    struct use *u = ctx;

    return namespaces_each(u->broker, name, namespace_uses, u) == OK && !u->found;
}

void resource_group_delete(struct call *call)
{
    struct use u = {.broker = call->core->broker, .group = call->parameters[0]};
    struct refusal why;

    tenants_each(u.broker, tenant_uses, &u);
    if (u.found)
        call_reason(call, 412, "ResourceGroup is in use");
    else if (document_remove(u.broker, RESOURCE_GROUP_KIND, u.group, &why) != OK)
        call_reason(call, 404, "ResourceGroup does not exist");
    else
        call_no_content_when_durable(call);
}

/* ---- quotas ---- */

static const struct shape_member quota_shape[] = {
    {"msgRateIn", SHAPE_NUMBER, "0"},   {"msgRateOut", SHAPE_NUMBER, "0"},
    {"bandwidthIn", SHAPE_NUMBER, "0"}, {"bandwidthOut", SHAPE_NUMBER, "0"},
    {"memory", SHAPE_NUMBER, "0"},      {"dynamic", SHAPE_BOOL, "true"},
    {NULL, SHAPE_TEXT, NULL},
};

/* Finishes the call. */
static void answer_default_quota(struct call *call)
{
    json_t *quota;

    if (!document_tree(call, QUOTA_KIND, bytes_of_text("default"), &quota))
        return;
    if (!quota)
        quota = json_pack("{s:f,s:f,s:f,s:f,s:f,s:b}", "msgRateIn", 40.0, "msgRateOut", 120.0, "bandwidthIn", 100000.0,
                          "bandwidthOut", 300000.0, "memory", 80.0, "dynamic", 1);
    call_tree(call, quota);
}

void resource_quota_default_get(struct call *call)
{
    answer_default_quota(call);
}

void resource_quota_default_post(struct call *call)
{
    json_t *quota;

    if (call_body_shape(call, quota_shape, &quota))
        document_keep(call, QUOTA_KIND, bytes_of_text("default"), quota);
}

/* The name of the quota of the route's bundle; empty: finished. */
static struct bytes quota_name(struct call *call)
{
    struct bundles *all = call_alloc(call, sizeof *all);
    struct bundle_range range;
    struct policy_place p;
    const char *reason;

    if (!all || !policy_place_of_namespace(call, &p))
        return bytes_of(NULL, 0);
    bundles_of_namespace(call->core, p.namespace_, all);
    if (bundle_find(all, call->parameters[2], &range, &reason))
        return call_joined(call, p.namespace_, call->parameters[2]);
    call_reason(call, 412, "%s", reason);
    return bytes_of(NULL, 0);
}

void resource_quota_get(struct call *call)
{
    const struct bytes name = quota_name(call);
    json_t *quota;

    if (name.len == 0 || !document_tree(call, QUOTA_KIND, name, &quota))
        return;
    if (quota)
        call_tree(call, quota);
    else
        answer_default_quota(call);
}

void resource_quota_post(struct call *call)
{
    const struct bytes name = quota_name(call);
    json_t *quota;

    if (name.len > 0 && call_body_shape(call, quota_shape, &quota))
        document_keep(call, QUOTA_KIND, name, quota);
}

void resource_quota_delete(struct call *call)
{
    const struct bytes name = quota_name(call);
    struct refusal why;

    if (name.len == 0)
        return;
    if (document_forget(call->core->broker, QUOTA_KIND, name, &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}
