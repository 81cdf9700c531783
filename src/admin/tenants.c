/* SPDX-License-Identifier: Apache-2.0
 *
 * tenants.c - tenants: listed, read, created, deleted.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/settings.h"

void tenant_list_get(struct admin_call *call)
{
    struct json j = json_to(&call->answer.body);

    json_array_begin(&j, NULL);
    tenants_each(call->core->broker, write_name, &j);
    json_array_end(&j);
    call_json(call);
}

static bool must_exist(struct admin_call *call, struct bytes tenant)
{
    if (tenant_exists(call->core->broker, tenant))
        return true;
    call_reason(call, 404, "Tenant does not exist");
    return false;
}

void tenant_get(struct admin_call *call)
{
    struct bytes tenant = call->parameters[0];
    const char *cluster = call->core->cluster;
    char reason[200];

    if (!must_exist(call, tenant))
        return;
    struct bytes kept = tenant_settings(call->core->broker, tenant);
    if (kept.len > 0)
        text_add_bytes(&call->answer.body, kept);
    else if (tenant_settings_read(kept, cluster, &call->answer.body, reason, sizeof reason) != OK) {
        call_reason(call, 500, "out of memory");
        return;
    }
    call_json(call);
}

void tenant_put(struct admin_call *call)
{
    struct broker *b = call->core->broker;
    struct bytes tenant = call->parameters[0];
    struct text settings;
    struct refusal why;
    char reason[200];

    text_init(&settings, BODY_MAX);
    if (tenant_settings_read(call->request.body, call->core->cluster, &settings, reason, sizeof reason) != OK)
        call_reason(call, 412, "%s", reason);
    else if (tenant_create(b, tenant, &why) != OK ||
             tenant_set_settings(b, tenant, bytes_of(settings.data, settings.len), &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
    text_deinit(&settings);
}

void tenant_delete(struct admin_call *call)
{
    struct refusal why;

    if (tenant_remove(call->core->broker, call->parameters[0], &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}
