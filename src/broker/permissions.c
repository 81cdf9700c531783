/* SPDX-License-Identifier: Apache-2.0
 *
 * permissions.c - see permissions.h.
 *
 * Everything lies in one arena, and each list is sorted by its key, which stands first in its elements.
 */
#include "broker/permissions.h"

#include "base/arena.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#define BYTES_MAX (4u * 1024 * 1024) /* of what settings of 64 KiB can become: less than 1 MiB */

const char *const action_names[ACTIONS] = {"produce", "consume", "functions", "sources", "sinks", "packages"};

struct grant {
    struct bytes role;
    unsigned actions;
};

struct list_of {
    void *at;
    size_t count;
};

struct topic_grants {
    struct bytes topic;
    struct list_of grants; /* struct grant */
};

struct subscription_roles {
    struct bytes subscription;
    struct list_of roles; /* struct bytes */
};

struct permissions {
    struct arena arena;
    struct list_of admins;        /* struct bytes */
    struct list_of grants;        /* struct grant, of the namespace */
    struct list_of topics;        /* struct topic_grants */
    struct list_of subscriptions; /* struct subscription_roles */
    bool prefixed;                /* subscription_auth_mode is Prefix */
};

unsigned action_of_name(const char *name)
{
    for (unsigned i = 0; i < ACTIONS; i++) {
        if (strcmp(action_names[i], name) == 0)
            return 1u << i;
    }
    return 0;
}

/* ---- lists by key ---- */

static int by_key(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static void *find(const struct list_of *list, size_t size, struct bytes key)
{
    return list->count ? bsearch(&key, list->at, list->count, size, by_key) : NULL;
}

static void sort(struct list_of *list, size_t size)
{
    if (list->count)
        qsort(list->at, list->count, size, by_key);
}

/* Room for `count`; false: memory is short. */
static bool make_room(struct permissions *p, struct list_of *list, size_t count, size_t size)
{
    *list = (struct list_of){.at = count ? arena_zalloc(&p->arena, count * size) : NULL};
    return count == 0 || list->at;
}

static bool keep_text(struct permissions *p, const char *text, struct bytes *out)
{
    const char *copy = arena_text(&p->arena, text);

    *out = copy ? bytes_of_text(copy) : bytes_of(NULL, 0);
    return copy;
}

/* ---- from JSON ---- */

static bool take_roles(struct permissions *p, const json_t *from, struct list_of *to)
{
    if (!make_room(p, to, json_array_size(from), sizeof(struct bytes)))
        return false;
    struct bytes *roles = to->at;
    for (size_t i = 0; i < json_array_size(from); i++) {
        const char *role = json_string_value(json_array_get(from, i));
        if (role && *role && !keep_text(p, role, &roles[to->count++]))
            return false;
    }
    sort(to, sizeof *roles);
    return true;
}

static unsigned actions_of(const json_t *list)
{
    unsigned actions = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        actions |= name ? action_of_name(name) : 0;
    }
    return actions;
}

static bool take_grants(struct permissions *p, json_t *from, struct list_of *to)
{
    const char *role;
    json_t *list;

    if (!make_room(p, to, json_object_size(from), sizeof(struct grant)))
        return false;
    struct grant *grants = to->at;
    json_object_foreach(from, role, list)
    {
        if (!*role)
            continue;
        grants[to->count].actions = actions_of(list);
        if (!keep_text(p, role, &grants[to->count++].role))
            return false;
    }
    sort(to, sizeof *grants);
    return true;
}

static bool take_topics(struct permissions *p, json_t *from)
{
    const char *topic;
    json_t *roles;

    if (!make_room(p, &p->topics, json_object_size(from), sizeof(struct topic_grants)))
        return false;
    struct topic_grants *topics = p->topics.at;
    json_object_foreach(from, topic, roles)
    {
        struct topic_grants *t = &topics[p->topics.count++];
        if (!keep_text(p, topic, &t->topic) || !take_grants(p, roles, &t->grants))
            return false;
    }
    sort(&p->topics, sizeof *topics);
    return true;
}

static bool take_subscriptions(struct permissions *p, json_t *from)
{
    const char *subscription;
    json_t *roles;

    if (!make_room(p, &p->subscriptions, json_object_size(from), sizeof(struct subscription_roles)))
        return false;
    struct subscription_roles *subscriptions = p->subscriptions.at;
    json_object_foreach(from, subscription, roles)
    {
        struct subscription_roles *s = &subscriptions[p->subscriptions.count++];
        if (!keep_text(p, subscription, &s->subscription) || !take_roles(p, roles, &s->roles))
            return false;
    }
    sort(&p->subscriptions, sizeof *subscriptions);
    return true;
}

static bool take_all(struct permissions *p, const json_t *settings)
{
    const json_t *auth = json_object_get(settings, "auth_policies");
    const char *mode = json_string_value(json_object_get(settings, "subscription_auth_mode"));

    p->prefixed = mode && strcmp(mode, "Prefix") == 0;
    return take_roles(p, json_object_get(settings, "adminRoles"), &p->admins) &&
           take_grants(p, json_object_get(auth, "namespace_auth"), &p->grants) &&
           take_topics(p, json_object_get(auth, "destination_auth")) &&
           take_subscriptions(p, json_object_get(auth, "subscription_auth_roles"));
}

static json_t *settings_load(struct bytes settings)
{
    return settings.len ? json_loadb((const char *)settings.data, settings.len, 0, NULL) : NULL;
}

enum err permissions_new(struct permissions **out, struct bytes settings)
{
    struct permissions *p = calloc(1, sizeof *p);
    json_t *root = settings_load(settings);

    if (!p) {
        json_decref(root);
        return ERR_NOMEM;
    }
    arena_init(&p->arena, BYTES_MAX);
    const bool taken = take_all(p, root);
    json_decref(root);
    if (!taken) {
        permissions_free(p);
        return ERR_NOMEM;
    }
    *out = p;
    return OK;
}

void permissions_free(struct permissions *p)
{
    if (!p)
        return;
    arena_deinit(&p->arena);
    free(p);
}

size_t permissions_bytes(const struct permissions *p)
{
    return sizeof *p + p->arena.used;
}

/* ---- asked ---- */

bool permissions_admin(const struct permissions *p, struct bytes role)
{
    return role.len > 0 && find(&p->admins, sizeof(struct bytes), role);
}

static bool begins(struct bytes text, struct bytes with)
{
    return text.len >= with.len && (with.len == 0 || memcmp(text.data, with.data, with.len) == 0);
}

static bool ends(struct bytes text, struct bytes with)
{
    return text.len >= with.len && (with.len == 0 || memcmp(text.data + text.len - with.len, with.data, with.len) == 0);
}

static bool stands_for(struct bytes pattern, struct bytes role)
{
    assert(pattern.len > 0);
    if (pattern.data[pattern.len - 1] == '*' && begins(role, bytes_of(pattern.data, pattern.len - 1)))
        return true;
    return pattern.data[0] == '*' && ends(role, bytes_of(pattern.data + 1, pattern.len - 1));
}

static unsigned granted(const struct list_of *grants, struct bytes role, bool wildcards)
{
    const struct grant *own = find(grants, sizeof *own, role), *all = grants->at;
    unsigned actions = own ? own->actions : 0;

    for (size_t i = 0; wildcards && i < grants->count; i++)
        actions |= stands_for(all[i].role, role) ? all[i].actions : 0;
    return actions;
}

unsigned permissions_in_namespace(const struct permissions *p, struct bytes role, bool wildcards)
{
    return role.len > 0 ? granted(&p->grants, role, wildcards) : 0;
}

static unsigned granted_on(const struct permissions *p, struct bytes topic, struct bytes role, bool wildcards)
{
    const struct topic_grants *t = find(&p->topics, sizeof *t, topic);

    return t ? granted(&t->grants, role, wildcards) : 0;
}

unsigned permissions_on_topic(const struct permissions *p, const struct topic_name *topic, struct bytes role,
                              bool wildcards)
{
    unsigned actions = permissions_in_namespace(p, role, wildcards);

    if (role.len == 0 || p->topics.count == 0)
        return actions;
    actions |= granted_on(p, topic_name_full(topic), role, wildcards);
    if (topic->partition != PARTITION_NONE)
        actions |= granted_on(p, topic_name_base(topic), role, wildcards);
    return actions;
}

enum subscription_right permissions_on_subscription(const struct permissions *p, struct bytes subscription,
                                                    struct bytes role)
{
    const struct subscription_roles *s = find(&p->subscriptions, sizeof *s, subscription);

    if (s && s->roles.count > 0 && !find(&s->roles, sizeof(struct bytes), role))
        return SUBSCRIPTION_OF_OTHERS;
    return p->prefixed && !begins(subscription, role) ? SUBSCRIPTION_NOT_PREFIXED : SUBSCRIPTION_FREE;
}

/* ---- a topic goes ---- */

/* A name that stands in JSON as it is. */
static bool is_plain(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < ' ' || name.data[i] >= 0x7f || name.data[i] == '"' || name.data[i] == '\\')
            return false;
    }
    return true;
}

static bool may_name(struct bytes settings, struct bytes topic)
{
    return settings.len > 0 && (!is_plain(topic) || memmem(settings.data, settings.len, topic.data, topic.len));
}

enum err permissions_without_topic(struct bytes settings, const struct topic_name *topic, char **out)
{
    enum err err = OK;

    *out = NULL;
    if (!may_name(settings, topic_name_full(topic)))
        return OK;
    json_t *root = settings_load(settings);
    json_t *topics = json_object_get(json_object_get(root, "auth_policies"), "destination_auth");
    if (json_object_del(topics, topic->text) == 0 && !(*out = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS)))
        err = ERR_NOMEM;
    json_decref(root);
    return err;
}
