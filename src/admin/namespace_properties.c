/* SPDX-License-Identifier: Apache-2.0
 *
 * namespace_properties.c - what is said of a namespace by name and value; its resource group, and whether it has moved.
 *
 * All are members of its settings.
 */
#include "admin/clusters.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/kept_policies.h"
#include "admin/policy_place.h"
#include "broker/documents.h"

/* The namespace's settings, new, with an object of properties in them; NULL: finished. */
static json_t *settings_of(struct call *call, struct policy_place *p, json_t **properties)
{
    json_t *settings = policy_place_of_namespace(call, p) ? policy_place_settings(call, p) : NULL;

    if (settings && !json_is_object(json_object_get(settings, "properties")))
        json_object_set_new(settings, "properties", json_object());
    *properties = json_object_get(settings, "properties");
    return settings;
}

void namespace_properties_get(struct call *call)
{
    struct policy_place p;
    json_t *properties, *settings = settings_of(call, &p, &properties);

    if (settings)
        call_tree(call, json_incref(properties));
    json_decref(settings);
}

static bool are_texts(const json_t *object)
{
    static const struct shape_member shape[] = {{"map", SHAPE_MAP, NULL}, {NULL, SHAPE_TEXT, NULL}};
    json_t *outer = json_pack("{s:O}", "map", object), *read = NULL;
    char reason[100];
    const bool good = outer && shape_read(shape, outer, &read, reason, sizeof reason) == OK;

    json_decref(outer);
    json_decref(read);
    return good;
}

void namespace_properties_put(struct call *call)
{
    struct policy_place p;
    json_t *properties, *body, *settings = settings_of(call, &p, &properties);

    if (!settings)
        return;
    if (!call_body(call, &body)) {
        json_decref(settings);
        return;
    }
    if (body && are_texts(body)) {
        json_object_update(properties, body);
        namespace_settings_keep(call, p.namespace_, settings);
    } else {
        json_decref(settings);
        call_reason(call, 400, "an object of texts is wanted");
    }
    json_decref(body);
}

void namespace_properties_delete(struct call *call)
{
    struct policy_place p;
    json_t *properties, *settings = settings_of(call, &p, &properties);

    if (!settings)
        return;
    json_object_clear(properties);
    namespace_settings_keep(call, p.namespace_, settings);
}

/* ---- one ---- */

void namespace_property_put(struct call *call)
{
    const char *key = call_copy(call, call->parameters[2]);
    const struct bytes value = call->parameters[3];
    struct policy_place p;
    json_t *properties, *settings = key ? settings_of(call, &p, &properties) : NULL;

    if (!settings)
        return;
    if (json_object_set_new(properties, key, json_stringn((const char *)value.data, value.len))) {
        json_decref(settings);
        settings = NULL; /* 500 */
    }
    namespace_settings_keep(call, p.namespace_, settings);
}

void namespace_property_get(struct call *call)
{
    const char *key = call_copy(call, call->parameters[2]);
    struct policy_place p;
    json_t *properties, *settings = key ? settings_of(call, &p, &properties) : NULL, *value;

    if (!settings)
        return;
    if ((value = json_object_get(properties, key)))
        call_bare_text(call, json_string_value(value));
    else
        call_no_content(call);
    json_decref(settings);
}

struct removal {
    struct broker_op op;
    struct call *call;
    const char *value;
};

static void removed(struct broker_op *op)
{
    struct removal *r = container_of(op, struct removal, op);

    if (op->why.err != OK)
        call_refused(r->call, &op->why);
    else
        call_bare_text(r->call, r->value);
}

/* Answers with what it said, when it says so no more. */
void namespace_property_delete(struct call *call)
{
    const char *key = call_copy(call, call->parameters[2]);
    struct removal *r = key ? call_alloc(call, sizeof *r) : NULL;
    struct policy_place p;
    struct refusal why;
    json_t *properties, *settings = r ? settings_of(call, &p, &properties) : NULL, *value;
    char *text;

    if (!settings)
        return;
    value = json_incref(json_object_get(properties, key));
    (void)json_object_del(properties, key);
    text = json_dumps(settings, JSON_COMPACT);
    json_decref(settings);
    *r = (struct removal){.op.done = removed, .call = call};
    r->value = value ? arena_text_of(&call->arena, bytes_of_text(json_string_value(value))) : NULL;
    if (!text || (value && !r->value))
        call_reason(call, 500, "out of memory");
    else if (!value)
        call_no_content(call);
    else if (namespace_set_settings(call->core->broker, p.namespace_, bytes_of_text(text), &why) != OK)
        call_refused(call, &why);
    else
        broker_when_durable(call->core->broker, &r->op);
    json_decref(value);
    free(text);
}

/* ---- its resource group ---- */

static void set_member(struct call *call, const char *member, json_t *value)
{
    struct policy_place p;
    json_t *settings = policy_place_of_namespace(call, &p) ? policy_place_settings(call, &p) : NULL;

    if (!settings) {
        json_decref(value);
        return;
    }
    if (value && json_object_set_new(settings, member, value)) {
        json_decref(settings);
        settings = NULL; /* 500 */
    } else if (!value)
        (void)json_object_del(settings, member);
    namespace_settings_keep(call, p.namespace_, settings);
}

void namespace_resource_group_get(struct call *call)
{
    struct policy_place p;
    json_t *settings = policy_place_of_namespace(call, &p) ? policy_place_settings(call, &p) : NULL;
    const char *group = json_string_value(json_object_get(settings, "resource_group_name"));

    if (settings && group)
        call_bare_text(call, group);
    else if (settings)
        call_no_content(call);
    json_decref(settings);
}

void namespace_resource_group_post(struct call *call)
{
    const struct bytes group = call->parameters[2];
    struct bytes kept;

    if (!document_find(call->core->broker, RESOURCE_GROUP_KIND, group, &kept))
        call_reason(call, 412, "ResourceGroup does not exist");
    else
        set_member(call, "resource_group_name", json_stringn((const char *)group.data, group.len));
}

void namespace_resource_group_delete(struct call *call)
{
    set_member(call, "resource_group_name", NULL);
}

void namespace_migration_post(struct call *call)
{
    set_member(call, "migrated", json_boolean(call_query_true(call, "migrated")));
}

/* ---- namespaces that are to be on different brokers ---- */

struct group_search {
    const struct admin_core *core;
    const char *group;
    struct json json;
};

static bool look_at(void *ctx, struct bytes name)
{
    struct group_search *s = ctx;
    json_t *settings = namespace_settings_tree(s->core, name);
    const char *group = json_string_value(json_object_get(settings, "anti_affinity_group"));

    if (group && strcasecmp(group, s->group) == 0)
        json_bytes(&s->json, NULL, name);
    json_decref(settings);
    return true;
}

void anti_affinity_namespaces_get(struct call *call)
{
    const char *cluster = call_copy(call, call->parameters[0]), *group = call_copy(call, call->parameters[1]);
    struct group_search s = {.core = call->core, .group = group, .json = json_to(&call->answer.body)};
    struct bytes tenant;

    if (!cluster || !group)
        return;
    if (!call_query(call, "tenant", &tenant) && !call_query(call, "property", &tenant)) { /* its older name */
        call_reason(call, 400, "Tenant should not be null");
        return;
    }
    if (!call_may(call, OPERATION_READ_NAMESPACE_POLICY, &(struct target){.tenant = tenant, .namespace_ = tenant}))
        return;
    if (!cluster_exists(call->core, cluster)) {
        call_reason(call, 412, "Cluster %s does not exist.", cluster);
        return;
    }
    json_array_begin(&s.json, NULL);
    if (namespaces_each(call->core->broker, tenant, look_at, &s) != OK) {
        call_reason(call, 404, "Tenant not found");
        return;
    }
    json_array_end(&s.json);
    call_json(call);
}

/* Nothing is ever offloaded here. */
void scan_offloaded_get(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_namespace(call, &p))
        call_reason(call, 500, "there is no offloader: nothing was offloaded");
}
