/* SPDX-License-Identifier: Apache-2.0
 *
 * namespaces.c - see namespaces.h.
 */
#include "broker/namespaces.h"

#include "broker/core.h"
#include "broker/non_persistent.h"
#include "broker/partitioned.h"
#include "broker/permissions.h"
#include "broker/policies.h"
#include "broker/policy_log.h"
#include "broker/records.h"
#include "broker/retention.h"
#include "broker/schemas.h"
#include "broker/topic.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define TEXT(b) (int)(b).len, (const char *)(b).data /* for "%.*s" */

uint64_t tenant_id(struct broker *b, struct bytes name)
{
    const struct catalog_row *row = catalog_find(b->store, CATALOG_TENANT, 0, name);
    return row ? row->id : 0;
}

static const struct catalog_row *namespace_row(struct broker *b, struct bytes name)
{
    struct bytes tenant, local;

    if (!namespace_name_parse(name, &tenant, &local))
        return NULL;
    uint64_t parent = tenant_id(b, tenant);
    return parent ? catalog_find(b->store, CATALOG_NAMESPACE, parent, local) : NULL;
}

uint64_t namespace_id(struct broker *b, struct bytes name)
{
    const struct catalog_row *row = namespace_row(b, name);
    return row ? row->id : 0;
}

bool tenant_exists(struct broker *b, struct bytes name)
{
    return tenant_id(b, name) != 0;
}

bool namespace_exists(struct broker *b, struct bytes name)
{
    return namespace_id(b, name) != 0;
}

/* `id` 0 makes a new one. */
static enum err put(struct broker *b, enum catalog_table table, uint64_t id, uint64_t parent, struct bytes name,
                    const struct namespace_record *record, struct refusal *why)
{
    uint8_t value[1 + POLICIES_BYTES_MAX + SETTINGS_BYTES_MAX];
    enum about about = table == CATALOG_TENANT ? ABOUT_TENANT : ABOUT_NAMESPACE;
    enum err err;

    if (record->settings.len > SETTINGS_BYTES_MAX)
        return refuse(why, ERR_TOO_LARGE, about, "settings of more than %d bytes", SETTINGS_BYTES_MAX);
    const struct catalog_row row = {
        .id = id ? id : store_id_new(b->store),
        .parent = parent,
        .name = name,
        .value = namespace_record_encode(record, value),
    };
    if ((err = catalog_put(b->store, table, &row)) != OK)
        return refuse(why, err, about, "the catalog: %s", err_text(err));
    return OK;
}

static const struct namespace_record nothing = {.settings = {.len = 0}};

enum err tenant_create(struct broker *b, struct bytes name, struct refusal *why)
{
    if (!tenant_name_valid(name))
        return refuse(why, ERR_INVALID, ABOUT_TENANT, "not a tenant's name: %.*s", TEXT(name));
    if (tenant_exists(b, name))
        return refuse(why, ERR_EXISTS, ABOUT_TENANT, "tenant %.*s exists", TEXT(name));
    return put(b, CATALOG_TENANT, 0, 0, name, &nothing, why);
}

static bool stop_at_first(void *ctx, const struct catalog_row *row)
{
    *(bool *)ctx = true;
    return false;
}

static bool has_children(struct broker *b, enum catalog_table table, uint64_t parent)
{
    bool any = false;
    catalog_each(b->store, table, parent, stop_at_first, &any);
    return any;
}

static enum err remove_row(struct broker *b, enum catalog_table table, uint64_t id, enum about about,
                           struct refusal *why)
{
    enum err err = catalog_remove(b->store, table, id);
    return err == OK ? OK : refuse(why, err, about, "the catalog: %s", err_text(err));
}

static void settings_changed(struct broker *b, struct bytes name)
{
    list_each (node, &b->settings_observers) {
        struct settings_observer *o = container_of(node, struct settings_observer, node);
        o->changed(o, name);
    }
}

enum err tenant_remove(struct broker *b, struct bytes name, struct refusal *why)
{
    uint64_t id = tenant_id(b, name);
    enum err err;

    if (!id)
        return refuse(why, ERR_NOT_FOUND, ABOUT_TENANT, "no tenant %.*s", TEXT(name));
    if (has_children(b, CATALOG_NAMESPACE, id))
        return refuse(why, ERR_BUSY, ABOUT_TENANT, "tenant %.*s has namespaces", TEXT(name));
    if ((err = remove_row(b, CATALOG_TENANT, id, ABOUT_TENANT, why)) == OK)
        settings_changed(b, name);
    return err;
}

enum err namespace_create(struct broker *b, struct bytes name, struct refusal *why)
{
    struct bytes tenant, local;

    if (!namespace_name_parse(name, &tenant, &local))
        return refuse(why, ERR_INVALID, ABOUT_NAMESPACE, "not a namespace's name: %.*s", TEXT(name));
    uint64_t parent = tenant_id(b, tenant);
    if (!parent)
        return refuse(why, ERR_NOT_FOUND, ABOUT_TENANT, "no tenant %.*s", TEXT(tenant));
    if (catalog_find(b->store, CATALOG_NAMESPACE, parent, local))
        return refuse(why, ERR_EXISTS, ABOUT_NAMESPACE, "namespace %.*s exists", TEXT(name));
    return put(b, CATALOG_NAMESPACE, 0, parent, local, &nothing, why);
}

enum err namespace_remove(struct broker *b, struct bytes name, struct refusal *why)
{
    uint64_t id = namespace_id(b, name);
    enum err err;

    if (!id)
        return refuse(why, ERR_NOT_FOUND, ABOUT_NAMESPACE, "no namespace %.*s", TEXT(name));
    if (has_children(b, CATALOG_TOPIC, id) || has_children(b, CATALOG_PARTITIONED, id) ||
        non_persistent_count(b, name) > 0)
        return refuse(why, ERR_BUSY, ABOUT_NAMESPACE, "namespace %.*s has topics", TEXT(name));
    schemas_forget_all(b, id); /* of topics that never came to be */
    if ((err = remove_row(b, CATALOG_NAMESPACE, id, ABOUT_NAMESPACE, why)) == OK)
        settings_changed(b, name);
    return err;
}

enum err namespace_ensure(struct broker *b, struct bytes name, struct refusal *why)
{
    struct bytes tenant;
    enum err err;

    if (!namespace_name_parse(name, &tenant, NULL))
        return refuse(why, ERR_INVALID, ABOUT_NAMESPACE, "not a namespace's name: %.*s", TEXT(name));
    if (!tenant_exists(b, tenant) && (err = tenant_create(b, tenant, why)) != OK)
        return err;
    return namespace_exists(b, name) ? OK : namespace_create(b, name, why);
}

/* ---- settings ---- */

static struct bytes settings_of(const struct catalog_row *row)
{
    struct namespace_record record;

    return row && namespace_record_decode(&record, row->value) == OK ? record.settings : bytes_of(NULL, 0);
}

struct bytes tenant_settings(struct broker *b, struct bytes name)
{
    return settings_of(catalog_find(b->store, CATALOG_TENANT, 0, name));
}

struct bytes namespace_settings(struct broker *b, struct bytes name)
{
    return settings_of(namespace_row(b, name));
}

enum err tenant_set_settings(struct broker *b, struct bytes name, struct bytes settings, struct refusal *why)
{
    const struct namespace_record record = {.settings = settings};
    uint64_t id = tenant_id(b, name);
    enum err err;

    if (!id)
        return refuse(why, ERR_NOT_FOUND, ABOUT_TENANT, "no tenant %.*s", TEXT(name));
    if ((err = put(b, CATALOG_TENANT, id, 0, name, &record, why)) == OK)
        settings_changed(b, name);
    return err;
}

/* The namespace's row and what it holds. */
static enum err find_record(struct broker *b, struct bytes name, const struct catalog_row **row,
                            struct namespace_record *record, struct refusal *why)
{
    enum err err;

    if (!(*row = namespace_row(b, name)))
        return refuse(why, ERR_NOT_FOUND, ABOUT_NAMESPACE, "no namespace %.*s", TEXT(name));
    if ((err = namespace_record_decode(record, (*row)->value)) != OK)
        return refuse(why, err, ABOUT_NAMESPACE, "namespace %.*s: %s", TEXT(name), err_text(err));
    return OK;
}

enum err namespace_set_settings(struct broker *b, struct bytes name, struct bytes settings, struct refusal *why)
{
    const struct catalog_row *row;
    struct bytes local;
    struct namespace_record record;
    enum err err;

    if ((err = find_record(b, name, &row, &record, why)) != OK)
        return err;
    (void)namespace_name_parse(name, NULL, &local);
    record.settings = settings;
    if ((err = put(b, CATALOG_NAMESPACE, row->id, row->parent, local, &record, why)) == OK)
        settings_changed(b, name);
    return err;
}

void settings_observe(struct broker *b, struct settings_observer *o)
{
    list_push_back(&b->settings_observers, &o->node);
}

void settings_observe_end(struct settings_observer *o)
{
    list_remove(&o->node);
}

void topic_forget_permissions(struct broker *b, const struct topic_name *name)
{
    const struct bytes namespace_ = topic_name_namespace(name);
    struct refusal why = {.err = OK};
    char *left = NULL;

    if (permissions_without_topic(namespace_settings(b, namespace_), name, &left) != OK)
        why.err = ERR_NOMEM;
    if (left)
        why.err = namespace_set_settings(b, namespace_, bytes_of_text(left), &why);
    free(left);
    if (why.err != OK)
        log_warn(b->log, "broker", "%s goes, and what was granted on it stays: %s", name->text, err_text(why.err));
}

/* ---- policies ---- */

const struct catalog_row *topic_row_find(struct broker *b, const struct topic_name *name)
{
    uint64_t parent = namespace_id(b, topic_name_namespace(name));
    return parent ? catalog_find(b->store, CATALOG_TOPIC, parent, topic_name_full(name)) : NULL;
}

enum err namespace_policies(struct broker *b, struct bytes name, struct policies *out, struct refusal *why)
{
    const struct catalog_row *row;
    struct namespace_record record;
    enum err err;

    if ((err = find_record(b, name, &row, &record, why)) == OK)
        *out = record.policies;
    return err;
}

enum err namespace_set_policies(struct broker *b, struct bytes name, const struct policies *policies,
                                struct refusal *why)
{
    const struct catalog_row *row;
    struct bytes local;
    struct namespace_record record;
    enum err err;

    if ((err = find_record(b, name, &row, &record, why)) != OK || (err = policies_check(policies, false, why)) != OK)
        return err;
    (void)namespace_name_parse(name, NULL, &local);
    record.policies = *policies;
    if ((err = put(b, CATALOG_NAMESPACE, row->id, row->parent, local, &record, why)) != OK)
        return err;
    retention_look_at_all(b);
    topics_policies_changed(b, name);
    return OK;
}

/* ---- listing ---- */

struct visit {
    name_visitor *each;
    void *ctx;
    struct bytes tenant; /* set before the name and a slash, when there is one */
};

static bool visit_row(void *ctx, const struct catalog_row *row)
{
    struct visit *v = ctx;
    char name[NAMESPACE_NAME_MAX + 1];

    if (v->tenant.len == 0)
        return v->each(v->ctx, row->name);
    size_t len = v->tenant.len + 1 + row->name.len;
    assert(len <= sizeof name); /* checked when it was made */
    memcpy(name, v->tenant.data, v->tenant.len);
    name[v->tenant.len] = '/';
    memcpy(name + v->tenant.len + 1, row->name.data, row->name.len);
    return v->each(v->ctx, bytes_of(name, len));
}

void tenants_each(struct broker *b, name_visitor *each, void *ctx)
{
    struct visit v = {.each = each, .ctx = ctx};
    catalog_each(b->store, CATALOG_TENANT, 0, visit_row, &v);
}

enum err namespaces_each(struct broker *b, struct bytes tenant, name_visitor *each, void *ctx)
{
    struct visit v = {.each = each, .ctx = ctx, .tenant = tenant};
    uint64_t id = tenant_id(b, tenant);

    if (!id)
        return ERR_NOT_FOUND;
    catalog_each(b->store, CATALOG_NAMESPACE, id, visit_row, &v);
    return OK;
}

enum err topics_each(struct broker *b, struct bytes namespace_, name_visitor *each, void *ctx)
{
    return topics_each_after(b, namespace_, bytes_of(NULL, 0), each, ctx);
}

size_t topics_count(struct broker *b, struct bytes namespace_)
{
    return catalog_topics(b->store, namespace_id(b, namespace_)) + non_persistent_count(b, namespace_);
}

enum err topics_each_after(struct broker *b, struct bytes namespace_, struct bytes after, name_visitor *each, void *ctx)
{
    struct visit v = {.each = each, .ctx = ctx};
    uint64_t id = namespace_id(b, namespace_);

    if (!id)
        return ERR_NOT_FOUND;
    if (non_persistent_each_after(b, namespace_, after, each, ctx)) /* their names come first */
        catalog_each_after(b->store, CATALOG_TOPIC, id, after, visit_row, &v);
    return OK;
}

struct union_visit {
    struct visit visit;
    struct map seen; /* names; the catalog's or the subscriptions', which stand still meanwhile */
    bool stopped;
    enum err err;
};

static bool visit_new(void *ctx, struct bytes name)
{
    struct union_visit *u = ctx;

    if (map_find(&u->seen, name))
        return true;
    u->err = map_put(&u->seen, name, u);
    u->stopped = u->err != OK || !u->visit.each(u->visit.ctx, name);
    return !u->stopped;
}

/* Those of all partitions, each once. */
static enum err partitions_subscriptions_each(struct broker *b, const struct topic_name *topic, uint32_t partitions,
                                              name_visitor *each, void *ctx)
{
    struct union_visit u = {.visit = {.each = each, .ctx = ctx}, .err = OK};
    struct topic_name name;

    map_init(&u.seen, b->topics.seed);
    for (uint32_t i = 0; i < partitions && !u.stopped; i++) {
        if (topic_name_partition(&name, topic, i) == OK && subscriptions_each(b, &name, visit_new, &u) != OK)
            continue; /* a partition that is missing has none */
    }
    map_deinit(&u.seen);
    return u.err;
}

static bool visit_subscription(void *ctx, const struct catalog_row *row)
{
    return subscription_name_is_internal(row->name) || visit_row(ctx, row);
}

enum err subscriptions_each(struct broker *b, const struct topic_name *topic, name_visitor *each, void *ctx)
{
    struct visit v = {.each = each, .ctx = ctx};
    const struct catalog_row *row = topic_row_find(b, topic);
    const uint32_t partitions = topic->partition == PARTITION_NONE ? partitions_count(b, topic) : 0;

    if (partitions > 0)
        return partitions_subscriptions_each(b, topic, partitions, each, ctx);
    if (topic->domain == DOMAIN_NON_PERSISTENT)
        return non_persistent_subscriptions(b, topic, each, ctx);
    if (!row)
        return ERR_NOT_FOUND;
    catalog_each(b->store, CATALOG_SUBSCRIPTION, row->id, visit_subscription, &v);
    return OK;
}

bool topic_has_row(struct broker *b, const struct topic_name *name)
{
    return topic_row_find(b, name) != NULL;
}

bool topic_exists(struct broker *b, const struct topic_name *name)
{
    return topic_kind_of(name)->exists(b, name);
}

/* ---- observers ---- */

void topics_observe(struct broker *b, struct topics_observer *o)
{
    list_push_back(&b->observers, &o->node);
}

void topics_observe_end(struct topics_observer *o)
{
    list_remove(&o->node);
}

void topics_changed(struct broker *b, const struct topic_name *name, bool there)
{
    list_each (node, &b->observers) {
        struct topics_observer *o = container_of(node, struct topics_observer, node);
        o->changed(o, name, there);
    }
}

/* ---- admission ---- */

enum err namespace_admits(struct broker *b, const struct topic_name *name, struct refusal *why)
{
    if (!namespace_exists(b, topic_name_namespace(name)))
        return refuse(why, ERR_NOT_FOUND, ABOUT_NAMESPACE, "Namespace not found");
    return OK;
}

/* What a topic may be called, that is not there: not like a partition of nothing, nor like a partitioned topic. */
static enum err name_consistent(struct broker *b, const struct topic_name *name, struct refusal *why)
{
    const uint32_t partitions = partitions_count(b, name);

    if (partitions_vanishing(b, name))
        return refuse(why, ERR_AGAIN, ABOUT_TOPIC, "%s is being deleted", name->text);
    if (name->partition == PARTITION_NONE && partitions > 0)
        return refuse(why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "%s has %u partitions: they are to be used, and not the whole",
                      name->text, partitions);
    if (name->partition != PARTITION_NONE && partitions == 0)
        return refuse(why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "%s is named like a partition, and there is no such topic",
                      name->text);
    if (name->partition != PARTITION_NONE && (uint32_t)name->partition >= partitions)
        return refuse(why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "%s: there are %u partitions only", name->text, partitions);
    return OK;
}

/* The broker's own topic does not count. */
static uint64_t has_policy_log(struct broker *b, const struct topic_name *beside)
{
    struct topic_name log;

    return policy_log_name(&log, beside) == OK && topic_has_row(b, &log);
}

enum err namespace_has_room(struct broker *b, const struct topic_name *name, uint64_t more, struct refusal *why)
{
    const struct bytes namespace_ = topic_name_namespace(name);
    const int64_t most = policy_of_namespace(b, namespace_, POLICY_TOPICS_MAX);

    if (most <= 0 || topic_name_is_system(name))
        return OK;
    if (catalog_topics(b->store, namespace_id(b, namespace_)) + more <= (uint64_t)most + has_policy_log(b, name))
        return OK;
    return refuse(why, ERR_INVALID, ABOUT_NAMESPACE, "%.*s may have %" PRId64 " topics, and not %" PRIu64 " more",
                  (int)namespace_.len, (const char *)namespace_.data, most, more);
}

enum err topic_admissible(struct broker *b, const struct topic_name *name, bool create, struct refusal *why)
{
    enum err err = namespace_admits(b, name, why);
    if (err != OK)
        return err;
    if (topic_exists(b, name))
        return OK;
    if (!create && !topic_name_is_system(name))
        return refuse(why, ERR_NOT_FOUND, ABOUT_TOPIC, "Topic %s not found", name->text);
    if ((err = name_consistent(b, name, why)) != OK || name->partition != PARTITION_NONE)
        return err;
    if (!topic_name_is_system(name) && !policy_of_namespace(b, topic_name_namespace(name), POLICY_TOPIC_CREATION))
        return refuse(why, ERR_NOT_FOUND, ABOUT_TOPIC, "Topic %s not found", name->text);
    return OK;
}

enum err topic_creatable(struct broker *b, const struct topic_name *name, struct refusal *why)
{
    enum err err = namespace_admits(b, name, why);
    if (err != OK)
        return err;
    if (topic_exists(b, name) || (name->partition == PARTITION_NONE && partitions_count(b, name) > 0))
        return refuse(why, ERR_EXISTS, ABOUT_TOPIC, "This topic already exists");
    return name_consistent(b, name, why);
}
