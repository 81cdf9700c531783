/* SPDX-License-Identifier: Apache-2.0
 *
 * tenants.c - tenants: listed, read, made, changed, deleted.
 */
#include "admin/clusters.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/namespace_purge.h"

#include <stdlib.h>

static const struct shape_member shape[] = {
    {"adminRoles", SHAPE_TEXTS, "[]"},
    {"allowedClusters", SHAPE_TEXTS, "[]"},
    {NULL, SHAPE_TEXT, NULL},
};

void tenant_list_get(struct call *call)
{
    struct json j = json_to(&call->answer.body);

    json_array_begin(&j, NULL);
    tenants_each(call->core->broker, write_name, &j);
    json_array_end(&j);
    call_json(call);
}

void tenant_get(struct call *call)
{
    const struct bytes tenant = call->parameters[0];
    struct bytes kept;

    if (!tenant_exists(call->core->broker, tenant)) {
        call_reason(call, 404, "Tenant does not exist");
        return;
    }
    kept = tenant_settings(call->core->broker, tenant);
    if (kept.len == 0) { /* one that came with the first start */
        call_tree(call, json_pack("{s:[],s:[s]}", "adminRoles", "allowedClusters", call->core->cluster));
        return;
    }
    text_add_bytes(&call->answer.body, kept);
    call_json(call);
}

/* NULL: there are some, and all of them are known. */
static const char *clusters_wrong(const struct admin_core *core, const json_t *list)
{
    bool all = true;

    if (json_array_size(list) == 0)
        return "Clusters can not be empty";
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *cluster = json_string_value(json_array_get(list, i));
        if (cluster[strspn(cluster, " \t")] == '\0')
            return "Clusters can not be empty";
        all = all && cluster_exists(core, cluster);
    }
    return all ? NULL : "Clusters do not exist";
}

/* The settings of the body, as text of the caller's to free(); NULL: finished. */
static char *settings_asked(struct call *call)
{
    json_t *settings;
    const char *wrong;
    char *text = NULL;

    if (!call_body_shape(call, shape, &settings))
        return NULL;
    if ((wrong = clusters_wrong(call->core, json_object_get(settings, "allowedClusters"))))
        call_reason(call, 412, "%s", wrong);
    else if (!(text = json_dumps(settings, JSON_COMPACT)))
        call_reason(call, 500, "out of memory");
    json_decref(settings);
    return text;
}

static void keep(struct call *call, const char *settings)
{
    struct refusal why;

    if (tenant_set_settings(call->core->broker, call->parameters[0], bytes_of_text(settings), &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

/* With its settings, or not at all. */
static enum err make(struct broker *b, struct bytes tenant, const char *settings, struct refusal *why)
{
    struct refusal stays;
    enum err err = tenant_create(b, tenant, why);

    if (err != OK || (err = tenant_set_settings(b, tenant, bytes_of_text(settings), why)) == OK)
        return err;
    if (tenant_remove(b, tenant, &stays) != OK)
        *why = stays;
    return err;
}

static bool count_name(void *ctx, struct bytes name)
{
    ++*(uint64_t *)ctx;
    return true;
}

static bool as_many_as_may_be(struct broker *b)
{
    const uint32_t most = broker_options(b)->tenants_max;
    uint64_t count = 0;

    if (most > 0)
        tenants_each(b, count_name, &count);
    return most > 0 && count >= most;
}

void tenant_put(struct call *call)
{
    const struct bytes tenant = call->parameters[0];
    char *settings = settings_asked(call);
    struct refusal why;

    if (!settings)
        return;
    if (!tenant_name_valid(tenant))
        call_reason(call, 412, "Tenant name is not valid");
    else if (tenant_exists(call->core->broker, tenant))
        call_reason(call, 409, "Tenant already exist");
    else if (as_many_as_may_be(call->core->broker))
        call_reason(call, 412, "Exceed the maximum number of tenants");
    else if (make(call->core->broker, tenant, settings, &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
    free(settings);
}

void tenant_post(struct call *call)
{
    const struct bytes tenant = call->parameters[0];
    char *settings = settings_asked(call);

    if (!settings)
        return;
    if (!tenant_exists(call->core->broker, tenant))
        call_reason(call, 404, "Tenant %.*s not found", (int)tenant.len, (const char *)tenant.data);
    else
        keep(call, settings);
    free(settings);
}

/* ---- deleted ---- */

static void remove_empty(struct call *call)
{
    struct refusal why;
    const enum err err = tenant_remove(call->core->broker, call->parameters[0], &why);

    if (err == ERR_NOT_FOUND)
        call_reason(call, 404, "Tenant doesn't exist");
    else if (err == ERR_BUSY)
        call_reason(call, 409, "The tenant still has active namespaces");
    else if (err != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

/* By force: one namespace after the other. */
struct tenant_purge {
    struct namespace_purge purge;
    uint8_t name[NAMESPACE_NAME_MAX + 1];
};

static bool first_name(void *ctx, struct bytes name)
{
    struct tenant_purge *t = ctx;

    memcpy(t->name, name.data, name.len);
    t->purge.namespace_ = bytes_of(t->name, name.len);
    return false;
}

static void purge_next(struct tenant_purge *t);

static void purged(struct namespace_purge *p, const struct refusal *why)
{
    if (why->err == OK)
        purge_next(container_of(p, struct tenant_purge, purge));
    else
        call_refused(p->call, why);
}

static void purge_next(struct tenant_purge *t)
{
    struct call *call = t->purge.call;

    t->purge = (struct namespace_purge){.call = call, .force = true, .done = purged, .walk = t->purge.walk};
    if (namespaces_each(call->core->broker, call->parameters[0], first_name, t) == OK && t->purge.namespace_.len > 0)
        (void)namespace_purge(&t->purge);
    else
        remove_empty(call);
}

void tenant_delete(struct call *call)
{
    struct tenant_purge *t = call_alloc(call, sizeof *t);

    if (!t)
        return;
    if (!call_query_true(call, "force")) {
        remove_empty(call);
        return;
    }
    if (!broker_options(call->core->broker)->force_delete_tenant) {
        call_reason(call, 405, "Broker doesn't allow forced deletion of tenants");
        return;
    }
    t->purge.call = call;
    purge_next(t);
}
