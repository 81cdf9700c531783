/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_apply.c - see admin_apply.h: what is declared is compared with what is there, which makes a list of changes.
 *
 * All is looked at before anything is changed.  What is not there yet has nothing: so a namespace's policies are
 * changes when the namespace itself is one.
 */
#include "cli/admin_apply.h"

#include "base/list.h"
#include "cli/admin_declared.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct change {
    struct list node;
    char *line; /* "+ tenant acme" */
    const char *method;
    char *path;
    json_t *body; /* NULL: none */
};

struct plan {
    struct admin_call *call;
    struct list changes;
    size_t count;
    json_t *seen; /* what was asked for, by path; null: it is not there */
    int status;   /* not 0: it cannot be made, which was said */
};

/* ---- what is there ---- */

/* Borrowed; NULL: it is not there, or not set, or the plan has failed. */
static const json_t *now(struct plan *p, const char *path)
{
    json_t *value = json_object_get(p->seen, path);
    char reason[ADMIN_MESSAGE_MAX];
    int status;

    if (p->status != 0)
        return NULL;
    if (!value) {
        p->status = admin_probe(p->call, "GET", path, NULL, &status, &value, reason, sizeof reason);
        if (p->status != 0)
            return NULL;
        if (status >= 300 && status != 404)
            p->status = admin_fail(p->call, "GET %s: %d: %s", path, status, reason);
        (void)json_object_set_new(p->seen, path, value ? value : json_null());
        value = json_object_get(p->seen, path);
    }
    return json_is_null(value) ? NULL : value;
}

/* ---- the plan ---- */

static void change_free(struct change *c)
{
    free(c->line);
    free(c->path);
    json_decref(c->body);
    free(c);
}

static char *format_of(const char *format, va_list args) PRINTF_LIKE(1, 0);

static char *format_of(const char *format, va_list args)
{
    char *text;

    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

/* Takes the body over.  The line says what is to be, and is the diff's. */
static void change(struct plan *p, const char *method, const char *path, json_t *body, const char *format, ...)
    PRINTF_LIKE(5, 6);

static void change(struct plan *p, const char *method, const char *path, json_t *body, const char *format, ...)
{
    struct change *c = p->status == 0 ? calloc(1, sizeof *c) : NULL;
    va_list args;

    if (!c) {
        json_decref(body);
        p->status = p->status ? p->status : admin_fail(p->call, "no memory");
        return;
    }
    va_start(args, format);
    c->line = format_of(format, args);
    va_end(args);
    c->method = method;
    c->path = strdup(path);
    c->body = body;
    list_init(&c->node);
    list_push_back(&p->changes, &c->node);
    p->count++;
}

/* "path" of a pattern, whose names are encoded; false: too long, said. */
static bool path_of(struct plan *p, char to[ADMIN_PATH_MAX], const char *format, ...) PRINTF_LIKE(3, 4);

static bool path_of(struct plan *p, char to[ADMIN_PATH_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int len = vsnprintf(to, ADMIN_PATH_MAX, format, args);
    va_end(args);
    if (len >= 0 && len < ADMIN_PATH_MAX)
        return true;
    p->status = admin_fail(p->call, "a name is too long");
    return false;
}

static bool encode(struct plan *p, const char *name, char *to, size_t size)
{
    if (admin_encode(name, to, size))
        return true;
    p->status = admin_fail(p->call, "the name %.100s is too long", name);
    return false;
}

/* JSON in a line of the diff. */
static char *shown(const json_t *value)
{
    return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("not set");
}

static void change_value(struct plan *p, const char *method, const char *path, const char *what, const char *name,
                         const char *key, const json_t *wanted, const json_t *was)
{
    char *from = shown(was), *to = shown(wanted);

    change(p, method, path, json_deep_copy(wanted), "~ %s %s: %s: %s -> %s", what, name, key, from ? from : "?",
           to ? to : "?");
    free(from);
    free(to);
}

/* ---- clusters, tenants ---- */

static void plan_cluster(struct plan *p, const char *name, const json_t *wanted)
{
    char path[ADMIN_PATH_MAX], encoded[ADMIN_PATH_MAX / 2];

    if (!encode(p, name, encoded, sizeof encoded) || !path_of(p, path, "/admin/v2/clusters/%s", encoded))
        return;
    const json_t *is = now(p, path);
    if (!is)
        change(p, "PUT", path, json_deep_copy(wanted), "+ cluster %s", name);
    else if (!declared_holds(wanted, is))
        change_value(p, "POST", path, "cluster", name, "settings", wanted, is);
}

static void plan_tenant(struct plan *p, const char *name, const json_t *wanted)
{
    char path[ADMIN_PATH_MAX], encoded[ADMIN_PATH_MAX / 2];

    if (!encode(p, name, encoded, sizeof encoded) || !path_of(p, path, "/admin/v2/tenants/%s", encoded))
        return;
    const json_t *is = now(p, path), *clusters = is ? NULL : now(p, "/admin/v2/clusters");
    json_t *body = is ? json_deep_copy(is) : json_pack("{s:[],s:O?}", "adminRoles", "allowedClusters", clusters);
    (void)json_object_update(body, (json_t *)(uintptr_t)wanted); /* what is not declared stays as it is */
    if (!is) {
        change(p, "PUT", path, body, "+ tenant %s", name);
    } else if (!declared_holds(wanted, is)) {
        change_value(p, "POST", path, "tenant", name, "settings", body, is);
        json_decref(body);
    } else {
        json_decref(body);
    }
}

/* ---- what namespaces and topics have in common ---- */

struct place {
    const char *what, *name; /* "namespace", "acme/orders" */
    char base[ADMIN_PATH_MAX];
    bool of_topic;
    bool is_new;
};

static void plan_quota(struct plan *p, const struct place *at, const json_t *wanted)
{
    char path[ADMIN_PATH_MAX];
    const char *type;
    json_t *quota;

    if (!path_of(p, path, "%s/backlogQuotaMap", at->base))
        return;
    const json_t *is = at->is_new ? NULL : now(p, path);
    json_object_foreach((json_t *)(uintptr_t)wanted, type, quota)
    {
        const json_t *was = json_object_get(is, type);
        if (!declared_holds(quota, was) && path_of(p, path, "%s/backlogQuota?backlogQuotaType=%s", at->base, type))
            change_value(p, "POST", path, at->what, at->name, "backlogQuota", quota, was);
    }
}

static void plan_policy(struct plan *p, const struct place *at, const char *name, const json_t *wanted)
{
    const struct declared_policy *policy = declared_policy_find(name, at->of_topic);
    const char *segment = declared_policy_path(policy, at->of_topic);
    char path[ADMIN_PATH_MAX];

    if (strcmp(segment, "backlogQuota") == 0) {
        plan_quota(p, at, wanted);
        return;
    }
    if (!path_of(p, path, "%s/%s", at->base, segment))
        return;
    const json_t *is = at->is_new ? NULL : now(p, path);
    if (is && declared_holds(wanted, is))
        return;
    const bool put = policy->put && (!at->of_topic || policy->put_of_topic);
    if (at->of_topic && strcmp(segment, "messageTTL") == 0 &&
        !path_of(p, path, "%s/messageTTL?messageTTL=%lld", at->base, (long long)json_integer_value(wanted)))
        return;
    change_value(p, put ? "PUT" : "POST", path, at->what, at->name, segment, wanted, is);
}

static void plan_role(struct plan *p, const struct place *at, const char *role, const json_t *actions,
                      const json_t *was)
{
    char path[ADMIN_PATH_MAX], encoded[ADMIN_PATH_MAX / 4], key[200];

    if ((was && declared_holds(actions, was)) || !encode(p, role, encoded, sizeof encoded) ||
        !path_of(p, path, "%s/permissions/%s", at->base, encoded))
        return;
    (void)snprintf(key, sizeof key, "permissions of %.100s", role);
    change_value(p, "POST", path, at->what, at->name, key, actions, was);
}

static void plan_permissions(struct plan *p, const struct place *at, const json_t *wanted)
{
    char path[ADMIN_PATH_MAX];
    const char *role;
    json_t *actions;

    if (!path_of(p, path, "%s/permissions", at->base))
        return;
    const json_t *is = at->is_new ? NULL : now(p, path);
    json_object_foreach((json_t *)(uintptr_t)wanted, role, actions)
        plan_role(p, at, role, actions, json_object_get(is, role));
}

/* Those that are declared, beside those that are there. */
static void plan_properties(struct plan *p, const struct place *at, const json_t *wanted)
{
    char path[ADMIN_PATH_MAX];

    if (!path_of(p, path, "%s/properties", at->base))
        return;
    const json_t *is = at->is_new ? NULL : now(p, path);
    if (!declared_holds(wanted, is))
        change_value(p, "PUT", path, at->what, at->name, "properties", wanted, is);
}

/* What is a policy, or of both. */
static void plan_settings(struct plan *p, const struct place *at, const json_t *wanted)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
    {
        if (strcmp(key, "permissions") == 0)
            plan_permissions(p, at, value);
        else if (declared_policy_find(key, at->of_topic))
            plan_policy(p, at, key, value);
    }
}

/* ---- namespaces ---- */

static void plan_namespace(struct plan *p, const char *name, const json_t *wanted)
{
    struct place at = {.what = "namespace", .name = name};
    const json_t *bundles = json_object_get(wanted, "bundles"), *properties = json_object_get(wanted, "properties");

    if (!admin_namespace_ok(name)) {
        p->status = admin_fail(p->call, "%s is not a namespace: TENANT/NAMESPACE", name);
        return;
    }
    if (!path_of(p, at.base, "/admin/v2/namespaces/%s", name))
        return;
    at.is_new = !now(p, at.base);
    if (at.is_new) {
        json_t *body = bundles ? json_pack("{s:{s:O}}", "bundles", "numBundles", bundles) : json_object();
        change(p, "PUT", at.base, body, "+ namespace %s", name);
    }
    plan_settings(p, &at, wanted);
    if (properties)
        plan_properties(p, &at, properties);
}

/* ---- topics ---- */

static bool list_names(const json_t *list, const char *name)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), name) == 0)
            return true;
    }
    return false;
}

/* How many partitions it has; -1: it is not there. */
static json_int_t partitions_now(struct plan *p, const struct admin_topic *topic)
{
    const char *domain = topic->persistent ? "persistent" : "non-persistent";
    char path[ADMIN_PATH_MAX];

    if (!path_of(p, path, "/admin/v2/%s/%s/partitioned", domain, topic->namespace_))
        return -1;
    if (list_names(now(p, path), topic->full) && path_of(p, path, "/admin/v2/%s/partitions", topic->path))
        return json_integer_value(json_object_get(now(p, path), "partitions"));
    if (!path_of(p, path, "/admin/v2/%s/%s", domain, topic->namespace_))
        return -1;
    return list_names(now(p, path), topic->full) ? 0 : -1;
}

static void plan_topic_itself(struct plan *p, const struct admin_topic *topic, struct place *at, json_int_t wanted)
{
    const json_int_t is = partitions_now(p, topic);
    char path[ADMIN_PATH_MAX];

    at->is_new = is < 0;
    if (p->status != 0 || !path_of(p, path, "%s/partitions", at->base))
        return;
    if (is < 0 && wanted > 0)
        change(p, "PUT", path, json_integer(wanted), "+ topic %s, with %lld partitions", at->name, (long long)wanted);
    else if (is < 0)
        change(p, "PUT", at->base, NULL, "+ topic %s", at->name);
    else if (wanted > is && is > 0)
        change(p, "POST", path, json_integer(wanted), "~ topic %s: partitions: %lld -> %lld", at->name, (long long)is,
               (long long)wanted);
    else if (wanted != is)
        p->status = admin_fail(p->call, "%s has %lld partitions and cannot have %lld: they only grow, from one on",
                               at->name, (long long)is, (long long)wanted);
}

/* The same definition, however it is written. */
static bool same_schema(const json_t *wanted, const json_t *is)
{
    const char *type = json_string_value(json_object_get(wanted, "type")),
               *is_type = json_string_value(json_object_get(is, "type")),
               *text = json_string_value(json_object_get(wanted, "schema")),
               *is_text = json_string_value(json_object_get(is, "data"));

    if (!is_type || strcmp(type ? type : "AVRO", is_type) != 0 || !text || !is_text)
        return false;
    json_t *a = json_loads(text, JSON_DECODE_ANY, NULL), *b = json_loads(is_text, JSON_DECODE_ANY, NULL);
    const bool same = a && b ? json_equal(a, b) : strcmp(text, is_text) == 0;
    json_decref(a);
    json_decref(b);
    return same;
}

static void plan_schema(struct plan *p, const struct admin_topic *topic, const struct place *at, const json_t *wanted)
{
    const char *type = json_string_value(json_object_get(wanted, "type")), *of = strchr(topic->path, '/') + 1;
    const json_t *properties = json_object_get(wanted, "properties");
    char path[ADMIN_PATH_MAX];

    if (!path_of(p, path, "/admin/v2/schemas/%s/schema", of))
        return;
    const json_t *is = at->is_new ? NULL : now(p, path);
    if (same_schema(wanted, is))
        return;
    json_t *body = json_pack("{s:s,s:O,s:o}", "type", type ? type : "AVRO", "schema", json_object_get(wanted, "schema"),
                             "properties", properties ? json_deep_copy(properties) : json_object());
    if (!body)
        p->status =
            admin_fail(p->call, "topic %s: a schema has a type, and a definition in `schema` or a `file`", at->name);
    else if (is)
        change(p, "POST", path, body, "~ topic %s: schema: a version after %lld", at->name,
               (long long)json_integer_value(json_object_get(is, "version")));
    else
        change(p, "POST", path, body, "+ topic %s: schema, %s", at->name, type ? type : "AVRO");
}

static void plan_subscriptions(struct plan *p, const struct place *at, const json_t *wanted)
{
    char path[ADMIN_PATH_MAX], encoded[ADMIN_PATH_MAX / 4];
    const char *name;
    json_t *position;

    if (!path_of(p, path, "%s/subscriptions", at->base))
        return;
    const json_t *is = at->is_new ? NULL : now(p, path);
    json_object_foreach((json_t *)(uintptr_t)wanted, name, position)
    {
        json_t *body;
        const char *from = json_string_value(position);
        if (list_names(is, name))
            continue;
        if (!(body = admin_message_id(from ? from : "latest"))) {
            p->status = admin_fail(p->call, "topic %s: subscription %s begins at earliest or latest", at->name, name);
            return;
        }
        if (encode(p, name, encoded, sizeof encoded) && path_of(p, path, "%s/subscription/%s", at->base, encoded))
            change(p, "PUT", path, body, "+ topic %s: subscription %s, at %s", at->name, name, from ? from : "latest");
        else
            json_decref(body);
    }
}

static void plan_topic(struct plan *p, const char *name, const json_t *wanted)
{
    struct place at = {.what = "topic", .of_topic = true};
    struct admin_topic topic;
    char why[ADMIN_MESSAGE_MAX];
    const json_t *part;

    if (admin_topic_read(&topic, name, why, sizeof why) != OK) {
        p->status = admin_fail(p->call, "%s", why);
        return;
    }
    at.name = topic.full;
    if (!path_of(p, at.base, "/admin/v2/%s", topic.path))
        return;
    plan_topic_itself(p, &topic, &at, json_integer_value(json_object_get(wanted, "partitions")));
    if (p->status == 0)
        plan_settings(p, &at, wanted);
    if (p->status == 0 && (part = json_object_get(wanted, "properties")))
        plan_properties(p, &at, part);
    if (p->status == 0 && (part = json_object_get(wanted, "schema")))
        plan_schema(p, &topic, &at, part);
    if (p->status == 0 && (part = json_object_get(wanted, "subscriptions")))
        plan_subscriptions(p, &at, part);
}

/* ---- all of it ---- */

static void plan_each(struct plan *p, const json_t *things,
                      void (*plan_one)(struct plan *p, const char *name, const json_t *wanted))
{
    const char *name;
    json_t *wanted;

    json_object_foreach((json_t *)(uintptr_t)things, name, wanted)
    {
        if (p->status == 0)
            plan_one(p, name, wanted);
    }
}

static void plan_make(struct plan *p, const json_t *declared)
{
    plan_each(p, json_object_get(declared, "clusters"), plan_cluster);
    plan_each(p, json_object_get(declared, "tenants"), plan_tenant);
    plan_each(p, json_object_get(declared, "namespaces"), plan_namespace);
    plan_each(p, json_object_get(declared, "topics"), plan_topic);
}

static void plan_show(const struct plan *p)
{
    list_each (node, &p->changes) {
        const struct change *c = container_of_const(node, struct change, node);
        (void)fprintf(p->call->out, "%s\n", c->line ? c->line : c->path);
    }
    if (p->count == 0)
        (void)fputs("Nothing to change.\n", p->call->out);
    (void)fflush(p->call->out);
}

static void plan_carry_out(struct plan *p)
{
    size_t done = 0;

    list_each (node, &p->changes) {
        const struct change *c = container_of_const(node, struct change, node);
        char reason[ADMIN_MESSAGE_MAX] = "";
        int status = 0;

        if (p->status == 0)
            p->status = admin_probe(p->call, c->method, c->path, c->body, &status, NULL, reason, sizeof reason);
        if (p->status == 0 && status >= 300)
            p->status = admin_fail(p->call, "%s: %d: %s", c->line, status, reason);
        if (p->status != 0)
            break;
        done++;
    }
    if (p->count > 0)
        (void)fprintf(p->call->out, "%zu of %zu changes made.\n", done, p->count);
}

int admin_apply_run(struct admin_call *call)
{
    struct plan p = {.call = call, .seen = json_object()};
    const json_t *given = admin_value(call, "file");
    const char *files[64];
    char why[ADMIN_MESSAGE_MAX];
    json_t *declared;
    size_t count = 0;

    for (; count < json_array_size(given) && count < sizeof files / sizeof files[0]; count++)
        files[count] = json_string_value(json_array_get(given, count));
    if (declared_read(files, count, &declared, why, sizeof why) != OK) {
        json_decref(p.seen);
        return admin_refuse(call, "%s", why);
    }
    list_init(&p.changes);
    plan_make(&p, declared);
    if (p.status == 0)
        plan_show(&p);
    if (p.status == 0 && !admin_given(call, "dry-run"))
        plan_carry_out(&p);
    list_each_safe (node, &p.changes)
        change_free(container_of(node, struct change, node));
    json_decref(p.seen);
    json_decref(declared);
    return p.status;
}
