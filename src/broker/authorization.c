/* SPDX-License-Identifier: Apache-2.0
 *
 * authorization.c - see authorization.h.
 *
 *     who, operation, target -> each role of who: super user? admin of the tenant? has one of the operation's actions?
 */
#include "broker/authorization.h"

#include "base/commas.h"
#include "base/log.h"
#include "base/map.h"
#include "broker/broker.h"
#include "broker/namespaces.h"
#include "broker/permissions.h"

#include <assert.h>
#include <stdlib.h>

/* Permissions of one tenant or namespace. */
struct kept {
    struct list node; /* authorization.recent */
    struct permissions *permissions;
    size_t len;
    char name[]; /* "t", "t/n" */
};

struct authorization {
    struct broker *broker;
    struct log *log;
    bool wildcards;
    char *super_users; /* with commas */
    struct map by_name;
    struct list recent; /* struct kept, the last used one first */
    size_t bytes;       /* of all of them */
    struct settings_observer settings;
    struct list observers; /* struct authorization_observer */
    bool audited;          /* there is a topic of the audit log: */
    struct topic_name audit;
};

static void tell(struct authorization *a)
{
    list_each (node, &a->observers) {
        struct authorization_observer *o = container_of(node, struct authorization_observer, node);
        o->changed(o);
    }
}

/* ---- permissions that are kept ---- */

static size_t kept_bytes(const struct kept *k)
{
    return sizeof *k + k->len + permissions_bytes(k->permissions);
}

static void forget(struct authorization *a, struct kept *k)
{
    (void)map_remove(&a->by_name, bytes_of(k->name, k->len));
    list_remove(&k->node);
    a->bytes -= kept_bytes(k);
    permissions_free(k->permissions);
    free(k);
}

static void settings_changed(struct settings_observer *o, struct bytes name)
{
    struct authorization *a = container_of(o, struct authorization, settings);
    struct kept *k = map_find(&a->by_name, name);

    if (k)
        forget(a, k);
    tell(a);
}

static void make_room(struct authorization *a)
{
    while (map_count(&a->by_name) > 1 &&
           (map_count(&a->by_name) > PERMISSIONS_KEPT || a->bytes > PERMISSIONS_KEPT_BYTES))
        forget(a, container_of(a->recent.prev, struct kept, node));
}

/* NULL: memory is short. */
static struct kept *keep(struct authorization *a, struct bytes name, struct bytes settings)
{
    struct kept *k = calloc(1, sizeof *k + name.len);

    if (!k)
        return NULL;
    memcpy(k->name, name.data, name.len);
    k->len = name.len;
    if (permissions_new(&k->permissions, settings) != OK || map_put(&a->by_name, bytes_of(k->name, k->len), k) != OK) {
        permissions_free(k->permissions);
        free(k);
        return NULL;
    }
    list_push_front(&a->recent, &k->node);
    a->bytes += kept_bytes(k);
    make_room(a);
    return k;
}

/* NULL: there is no such tenant or namespace; or memory is short, and nobody has a right. */
static const struct permissions *permissions_of(struct authorization *a, struct bytes name, bool is_tenant)
{
    struct kept *k = map_find(&a->by_name, name);

    if (k) {
        list_remove(&k->node);
        list_push_front(&a->recent, &k->node);
        return k->permissions;
    }
    if (is_tenant ? !tenant_exists(a->broker, name) : !namespace_exists(a->broker, name))
        return NULL;
    k = keep(a, name, is_tenant ? tenant_settings(a->broker, name) : namespace_settings(a->broker, name));
    return k ? k->permissions : NULL;
}

/* ---- who may ---- */

static bool list_has(const char *list, const char *role)
{
    for (struct bytes name; commas_next(&list, &name);) {
        if (bytes_equal(name, bytes_of_text(role)))
            return true;
    }
    return false;
}

bool authorization_is_super_user(const struct authorization *a, const char *role)
{
    return role && list_has(a->super_users, role);
}

static struct bytes namespace_of(const struct target *on)
{
    return on->topic ? topic_name_namespace(on->topic) : on->namespace_;
}

static struct bytes tenant_of(const struct target *on)
{
    struct bytes tenant = on->tenant;

    if (tenant.len > 0)
        return tenant;
    if (on->topic)
        return topic_name_tenant(on->topic);
    return namespace_name_parse(on->namespace_, &tenant, NULL) ? tenant : bytes_of(NULL, 0);
}

static bool is_admin(struct authorization *a, const char *role, const struct target *on)
{
    const struct bytes tenant = tenant_of(on);
    const struct permissions *p = tenant.len ? permissions_of(a, tenant, true) : NULL;

    return p && permissions_admin(p, bytes_of_text(role));
}

/* By the permissions of the namespace. */
static enum err check_actions(struct authorization *a, const char *role, const struct operation_info *op,
                              const struct target *on, struct refusal *why)
{
    const struct permissions *p = permissions_of(a, namespace_of(on), false);
    const struct bytes name = bytes_of_text(role);

    why->err = OK;
    if (!p)
        return ERR_DENIED;
    if (op->kind != KIND_TOPIC)
        return permissions_in_namespace(p, name, a->wildcards) & op->actions ? OK : ERR_DENIED;
    if (!(permissions_on_topic(p, on->topic, name, a->wildcards) & op->actions))
        return ERR_DENIED;
    if (on->subscription.len == 0 || !(op->actions & ACTION_CONSUME))
        return OK;
    switch (permissions_on_subscription(p, on->subscription, name)) {
    case SUBSCRIPTION_FREE:
        return OK;
    case SUBSCRIPTION_NOT_PREFIXED:
        return refuse(why, ERR_DENIED, ABOUT_SUBSCRIPTION,
                      "Failed to create consumer - The subscription name needs to be prefixed by the authentication "
                      "role, like %s-xxxx for topic: %s",
                      role, on->topic->text);
    case SUBSCRIPTION_OF_OTHERS:
        break;
    }
    return ERR_DENIED;
}

/* Who did what is for super users, and so is the namespace that it is in: what is done to a namespace is done to all
 * its topics. */
static bool is_of_audit(const struct authorization *a, enum operation op, const struct target *on)
{
    if (!a->audited)
        return false;
    if (op == OPERATION_DELETE_TENANT) /* with its namespaces */
        return bytes_equal(tenant_of(on), topic_name_tenant(&a->audit));
    return bytes_equal(namespace_of(on), topic_name_namespace(&a->audit));
}

/* ERR_DENIED; why->err says whether there is a sentence already. */
static enum err check_role(struct authorization *a, const char *role, enum operation op, const struct target *on,
                           struct refusal *why)
{
    const struct operation_info *info = operation_info(op);

    why->err = OK;
    if (authorization_is_super_user(a, role))
        return OK;
    if (info->kind == KIND_BROKER || is_of_audit(a, op, on))
        return ERR_DENIED;
    /* What the broker writes for itself nobody forges, admins of tenants included. */
    if (op == OPERATION_PRODUCE && topic_name_is_system(on->topic))
        return ERR_DENIED;
    if (is_admin(a, role, on))
        return OK;
    return info->actions ? check_actions(a, role, info, on, why) : ERR_DENIED;
}

#define TEXT(b) (int)(b).len, (const char *)(b).data /* for "%.*s" */

static enum err refuse_kind(const struct authorization *a, const struct operation_info *op, const struct subject *who,
                            const struct target *on, struct refusal *why)
{
    const char *role = who->role ? who->role : "null", *original = who->original ? who->original : "null";
    const struct bytes tenant = tenant_of(on), namespace_ = namespace_of(on);
    const struct bytes policy = on->policy.len ? on->policy : bytes_of_text("ALL");

    switch (op->kind) {
    case KIND_NONE:
        return refuse(why, ERR_DENIED, ABOUT_BROKER, "Need to authenticate to perform the request");
    case KIND_BROKER:
        return refuse(why, ERR_DENIED, ABOUT_BROKER, "This operation requires super-user access");
    case KIND_OF_TENANTS:
        return refuse(why, ERR_DENIED, ABOUT_TENANT,
                      "Unauthorized to validateBothTenantOperationAndSuperUser for originalPrincipal [%s] and "
                      "clientAppId [%s] about operation [%s] on tenant [%.*s]",
                      original, role, op->name, TEXT(tenant));
    case KIND_TENANT:
        return refuse(why, ERR_DENIED, ABOUT_TENANT,
                      "Unauthorized to validateTenantOperation for originalPrincipal [%s] and clientAppId [%s] about "
                      "operation [%s] on tenant [%.*s]",
                      original, role, op->name, TEXT(tenant));
    case KIND_ADMIN:
        return refuse(why, ERR_DENIED, ABOUT_TENANT, "Don't have permission to administrate resources on this tenant");
    case KIND_NAMESPACE:
        return refuse(why, ERR_DENIED, ABOUT_NAMESPACE,
                      "Unauthorized to validateNamespaceOperation for operation [%s] on namespace [%.*s]", op->name,
                      TEXT(namespace_));
    case KIND_NAMESPACE_POLICY:
        if (!tenant_exists(a->broker, tenant)) /* as Pulsar, and its Go client's tests */
            return refuse(why, ERR_NOT_FOUND, ABOUT_TENANT, "Tenant does not exist");
        return refuse(why, ERR_DENIED, ABOUT_POLICY,
                      "Unauthorized to validateNamespacePolicyOperation for operation [%s] on namespace [%.*s] on "
                      "policy [%.*s]",
                      op->name, TEXT(namespace_), TEXT(policy));
    case KIND_TOPIC:
        return refuse(why, ERR_DENIED, ABOUT_TOPIC,
                      "Unauthorized to validateTopicOperation for operation [%s] on topic [%s]", op->name,
                      on->topic->text);
    case KIND_TOPIC_POLICY:
        break;
    }
    return refuse(why, ERR_DENIED, ABOUT_POLICY,
                  "Unauthorized to validateTopicPolicyOperation for operation [%s] on topic [%s] on policy [%.*s]",
                  op->name, on->topic->text, TEXT(policy));
}

static bool target_said(enum operation_kind kind, const struct target *on)
{
    switch (kind) {
    case KIND_NONE:
    case KIND_BROKER:
    case KIND_OF_TENANTS: /* all of them, or one that is not there yet */
        return true;
    case KIND_TENANT:
    case KIND_ADMIN:
        return on->tenant.len || on->namespace_.len || on->topic;
    case KIND_NAMESPACE:
    case KIND_NAMESPACE_POLICY:
        return on->namespace_.len || on->topic;
    case KIND_TOPIC:
    case KIND_TOPIC_POLICY:
        break;
    }
    return on->topic;
}

enum err authorization_check(struct authorization *a, const struct subject *who, enum operation op,
                             const struct target *on, struct refusal *why)
{
    const struct operation_info *info = operation_info(op);

    assert(target_said(info->kind, on));
    if (!a || op == OPERATION_OPEN)
        return OK;
    if (who->role && *who->role && info->kind == KIND_NONE)
        return OK;
    if (who->role && *who->role && check_role(a, who->role, op, on, why) == OK &&
        (!who->original || check_role(a, who->original, op, on, why) == OK))
        return OK;
    if (who->role && *who->role && why->err != OK)
        return why->err;
    return refuse_kind(a, info, who, on, why);
}

/* ---- life ---- */

void authorization_observe(struct authorization *a, struct authorization_observer *o)
{
    list_init(&o->node);
    if (a)
        list_push_back(&a->observers, &o->node);
}

void authorization_observe_end(struct authorization_observer *o)
{
    list_remove(&o->node);
}

size_t authorization_kept(const struct authorization *a)
{
    return map_count(&a->by_name);
}

enum err authorization_set_super_users(struct authorization *a, const char *super_users)
{
    char *copy = strdup(super_users ? super_users : "");

    if (!copy)
        return ERR_NOMEM;
    free(a->super_users);
    a->super_users = copy;
    tell(a);
    return OK;
}

enum err authorization_new(struct authorization **out, struct broker *broker,
                           const struct authorization_options *options)
{
    struct authorization *a = calloc(1, sizeof *a);

    if (!a)
        return ERR_NOMEM;
    a->broker = broker;
    a->log = options->log;
    a->wildcards = options->wildcards;
    const char *audit = broker_options(broker)->audit_topic;
    a->audited = audit && topic_name_parse(&a->audit, bytes_of_text(audit)) == OK;
    map_init(&a->by_name, 0);
    list_init(&a->recent);
    list_init(&a->observers);
    a->settings.changed = settings_changed;
    settings_observe(broker, &a->settings);
    if (authorization_set_super_users(a, options->super_users) != OK) {
        authorization_free(a);
        return ERR_NOMEM;
    }
    *out = a;
    return OK;
}

void authorization_free(struct authorization *a)
{
    if (!a)
        return;
    assert(list_empty(&a->observers));
    settings_observe_end(&a->settings);
    list_each_safe (node, &a->recent)
        forget(a, container_of(node, struct kept, node));
    map_deinit(&a->by_name);
    free(a->super_users);
    free(a);
}
