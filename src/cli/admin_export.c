/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_export.c - `geminga admin export`: what is there, as `apply` takes it.
 *
 * A policy that is as it would be without anybody saying so is left out, and so are the broker's own topics.
 */
#include "cli/admin_apply.h"

#include "cli/admin_declared.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct export
{
    struct admin_call *call;
    json_t *out; /* clusters, tenants, namespaces, topics */
    int status;
};

/* What the path answers, for json_decref; NULL: nothing is there, or it cannot be asked (then status is set). */
static json_t *get(struct export *x, const char *format, ...) PRINTF_LIKE(2, 3);

static json_t *get(struct export *x, const char *format, ...)
{
    char path[ADMIN_PATH_MAX], reason[ADMIN_MESSAGE_MAX] = "";
    json_t *json = NULL;
    int status = 0;
    va_list args;

    va_start(args, format);
    const int len = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    if (x->status != 0 || len < 0 || (size_t)len >= sizeof path)
        return NULL;
    x->status = admin_probe(x->call, "GET", path, NULL, &status, &json, reason, sizeof reason);
    if (x->status == 0 && (status == 401 || status == 403 || status >= 500))
        x->status = admin_fail(x->call, "GET %s: %d: %s", path, status, reason);
    return json;
}

static bool is_empty(const json_t *value)
{
    return !value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* Takes the value over. */
static void keep(json_t *to, const char *key, json_t *value)
{
    if (is_empty(value))
        json_decref(value);
    else
        (void)json_object_set_new(to, key, value);
}

static json_t *section(struct export *x, const char *name)
{
    return json_object_get(x->out, name);
}

/* ---- policies ---- */

static bool goes_without_saying(const struct declared_policy *p, const json_t *value)
{
    json_t *unset = p->unset ? json_loads(p->unset, JSON_DECODE_ANY, NULL) : NULL;
    const bool same = unset && json_equal(unset, value);

    json_decref(unset);
    return same;
}

static void export_policies(struct export *x, json_t *to, const char *base, bool of_topic)
{
    for (const struct declared_policy *p = declared_policies; p->name && x->status == 0; p++) {
        const char *segment = declared_policy_path(p, of_topic);
        const bool quota = strcmp(segment, "backlogQuota") == 0;
        if (!*segment || (!of_topic && p->topics_only))
            continue;
        json_t *value = get(x, "%s/%s", base, quota ? "backlogQuotaMap" : segment);
        if (value && goes_without_saying(p, value)) {
            json_decref(value);
            value = NULL;
        }
        keep(to, segment, value);
    }
}

/* ---- topics ---- */

static void export_schema(struct export *x, json_t *to, const char *path)
{
    json_t *schema = get(x, "/admin/v2/schemas/%s/schema", strchr(path, '/') + 1);

    if (schema)
        keep(to, "schema",
             json_pack("{s:O?,s:O?}", "type", json_object_get(schema, "type"), "schema",
                       json_object_get(schema, "data")));
    json_decref(schema);
}

static void export_topic(struct export *x, const char *name, bool partitioned)
{
    struct admin_topic topic;
    char base[ADMIN_PATH_MAX], why[ADMIN_MESSAGE_MAX];
    json_t *to = json_object(), *partitions;

    if (admin_topic_read(&topic, name, why, sizeof why) != OK) {
        json_decref(to);
        return;
    }
    (void)snprintf(base, sizeof base, "/admin/v2/%s", topic.path);
    if (partitioned && (partitions = get(x, "%s/partitions", base))) {
        keep(to, "partitions", json_incref(json_object_get(partitions, "partitions")));
        json_decref(partitions);
    }
    if (topic.persistent) {
        keep(to, "properties", get(x, "%s/properties", base));
        export_policies(x, to, base, true);
    }
    export_schema(x, to, topic.path);
    (void)json_object_set_new(section(x, "topics"), topic.full, to);
}

/* Of the broker's own making, or a partition of another. */
static bool is_left_out(const char *name)
{
    struct admin_topic topic;
    char why[ADMIN_MESSAGE_MAX];
    const char *last = strrchr(name, '/');

    return admin_topic_read(&topic, name, why, sizeof why) != OK || topic.partition >= 0 ||
           (last && strncmp(last, "/__", 3) == 0);
}

static void export_topics(struct export *x, const char *domain, const char *namespace_)
{
    json_t *partitioned = get(x, "/admin/v2/%s/%s/partitioned", domain, namespace_),
           *single = get(x, "/admin/v2/%s/%s", domain, namespace_), *name;
    size_t i;

    json_array_foreach(partitioned, i, name)
    {
        if (json_is_string(name) && !is_left_out(json_string_value(name)))
            export_topic(x, json_string_value(name), true);
    }
    json_array_foreach(single, i, name)
    {
        if (json_is_string(name) && !is_left_out(json_string_value(name)))
            export_topic(x, json_string_value(name), false);
    }
    json_decref(partitioned);
    json_decref(single);
}

/* ---- the rest ---- */

static void export_namespace(struct export *x, const char *name)
{
    char base[ADMIN_PATH_MAX];
    json_t *to = json_object();

    if (strlen(name) < ADMIN_PATH_MAX / 2) {
        (void)snprintf(base, sizeof base, "/admin/v2/namespaces/%s", name);
        export_policies(x, to, base, false);
        keep(to, "properties", get(x, "%s/properties", base));
        keep(to, "permissions", get(x, "%s/permissions", base));
        (void)json_object_set(section(x, "namespaces"), name, to);
        export_topics(x, "persistent", name);
        export_topics(x, "non-persistent", name);
    }
    json_decref(to);
}

static void export_tenant(struct export *x, const char *tenant)
{
    char encoded[ADMIN_PATH_MAX / 2];
    json_t *namespaces, *name;
    size_t i;

    if (!admin_encode(tenant, encoded, sizeof encoded))
        return;
    json_t *is = get(x, "/admin/v2/tenants/%s", encoded);
    if (!is) {
        if (x->status == 0)
            x->status = admin_fail(x->call, "there is no tenant %s", tenant);
        return;
    }
    (void)json_object_set_new(section(x, "tenants"), tenant, is);
    namespaces = get(x, "/admin/v2/namespaces/%s", encoded);
    json_array_foreach(namespaces, i, name)
    {
        if (json_is_string(name))
            export_namespace(x, json_string_value(name));
    }
    json_decref(namespaces);
}

static void export_all(struct export *x)
{
    json_t *clusters = get(x, "/admin/v2/clusters"), *tenants = get(x, "/admin/v2/tenants"), *name;
    size_t i;

    json_array_foreach(clusters, i, name)
    {
        json_t *is = get(x, "/admin/v2/clusters/%s", json_string_value(name));
        if (is)
            (void)json_object_set_new(section(x, "clusters"), json_string_value(name), is);
    }
    json_array_foreach(tenants, i, name)
    {
        if (json_is_string(name) && strcmp(json_string_value(name), "pulsar") != 0) /* the broker's own */
            export_tenant(x, json_string_value(name));
    }
    json_decref(clusters);
    json_decref(tenants);
}

int admin_export_run(struct admin_call *call)
{
    struct export x = {.call = call,
                       .out = json_pack("{s:{},s:{},s:{},s:{}}", "clusters", "tenants", "namespaces", "topics")};
    const char *tenant = admin_text(call, "tenant");
    char *toml = NULL;

    if (tenant)
        export_tenant(&x, tenant);
    else
        export_all(&x);
    if (x.status == 0 && call->output == ADMIN_AS_JSON)
        admin_print_json(x.out, call->out);
    else if (x.status == 0 && (toml = declared_write(x.out)))
        (void)fputs(toml, call->out);
    else if (x.status == 0)
        x.status = admin_fail(call, "no memory, or more than 64 MiB: export one tenant at a time");
    free(toml);
    json_decref(x.out);
    return x.status;
}
