/* SPDX-License-Identifier: Apache-2.0
 *
 * permissions.c - who may do what in a namespace, with its subscriptions, and with many topics: kept with its settings.
 */
#include "admin/auth_policies.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/kept_policies.h"
#include "admin/policy_place.h"

/* The route's namespace and its settings, new; NULL: finished. */
static json_t *settings_of(struct call *call, struct policy_place *p)
{
    return policy_place_of_namespace(call, p) ? policy_place_settings(call, p) : NULL;
}

static void answer_section(struct call *call, const char *name)
{
    struct policy_place p;
    json_t *settings = settings_of(call, &p);

    if (settings)
        call_tree(call, json_incref(auth_section(settings, name)));
    json_decref(settings);
}

/* A list of actions, or (for subscriptions) of roles; NULL: finished. */
static json_t *body_list(struct call *call, bool of_actions)
{
    json_t *body, *list;

    if (!call_body(call, &body))
        return NULL;
    list = texts_read(body);
    json_decref(body);
    if (of_actions && list && !auth_are_actions(list)) {
        json_decref(list);
        call_reason(call, 400, "an action is " ACTIONS_TEXT);
        return NULL;
    }
    if (!list)
        call_reason(call, 400, "a list of texts is wanted");
    return list;
}

static void grant(struct call *call, const char *name, struct bytes key, bool of_actions)
{
    const char *key_text = call_copy(call, key);
    struct policy_place p;
    json_t *settings = key_text ? settings_of(call, &p) : NULL, *list = settings ? body_list(call, of_actions) : NULL;

    if (!list) {
        json_decref(settings);
        return;
    }
    if (json_object_set_new(auth_section(settings, name), key_text, list)) {
        json_decref(settings);
        settings = NULL; /* 500 */
    }
    namespace_settings_keep(call, p.namespace_, settings);
}

void namespace_permissions_get(struct call *call)
{
    answer_section(call, "namespace_auth");
}

void namespace_permission_post(struct call *call)
{
    grant(call, "namespace_auth", call->parameters[2], true);
}

void namespace_permission_delete(struct call *call)
{
    const char *role = call_copy(call, call->parameters[2]);
    struct policy_place p;
    json_t *settings = role ? settings_of(call, &p) : NULL;

    if (!settings)
        return;
    (void)json_object_del(auth_section(settings, "namespace_auth"), role);
    namespace_settings_keep(call, p.namespace_, settings);
}

void subscription_permissions_get(struct call *call)
{
    answer_section(call, "subscription_auth_roles");
}

void subscription_permission_post(struct call *call)
{
    grant(call, "subscription_auth_roles", call->parameters[2], false);
}

static void remove_text(json_t *list, const char *text)
{
    for (size_t i = json_array_size(list); i > 0; i--) {
        const char *one = json_string_value(json_array_get(list, i - 1)); /* NULL in rows of an earlier version */
        if (one && strcmp(one, text) == 0)
            json_array_remove(list, i - 1);
    }
}

void subscription_permission_delete(struct call *call)
{
    const char *subscription = call_copy(call, call->parameters[2]), *role = call_copy(call, call->parameters[3]);
    struct policy_place p;
    json_t *settings = subscription && role ? settings_of(call, &p) : NULL, *roles;

    if (!settings)
        return;
    if ((roles = json_object_get(auth_section(settings, "subscription_auth_roles"), subscription)))
        remove_text(roles, role);
    namespace_settings_keep(call, p.namespace_, settings);
}

/* ---- of topics, many in one request ---- */

struct topic_grants {
    struct call *call;
    json_t *body;
};

static bool topic_of(const json_t *one, struct topic_name *topic)
{
    const char *text = json_string_value(json_object_get(one, "topic"));

    return text && json_is_string(json_object_get(one, "role")) && topic_name_parse(topic, bytes_of_text(text)) == OK;
}

/* A topic of an administrator's, in the same namespace as the first, which is there, and so is the topic.  False: the
 * call is finished. */
static bool grant_good(struct call *call, const struct topic_name *topic, const struct topic_name *first)
{
    struct broker *b = call->core->broker;

    if (!call_may(call, OPERATION_ADMINISTRATE, &(struct target){.topic = topic}))
        return false;
    if (!bytes_equal(topic_name_namespace(topic), topic_name_namespace(first)))
        call_reason(call, 400, "The namespace should be the same");
    else if (!namespace_exists(b, topic_name_namespace(first)))
        call_reason(call, 404, "Topic's namespace does not exist");
    else if (!topic_exists(b, topic) && call_partitions(call, topic) == 0)
        call_reason(call, 404, "Topic not found");
    else
        return true;
    return false;
}

static bool grants_good(struct topic_grants *g, struct topic_name *first)
{
    struct topic_name topic;

    for (size_t i = 0; i < json_array_size(g->body); i++) {
        if (!topic_of(json_array_get(g->body, i), &topic)) {
            call_reason(g->call, 400, "a list of objects with topic and role is wanted");
            return false;
        }
        if (i == 0)
            *first = topic;
        if (!grant_good(g->call, &topic, first))
            return false;
    }
    if (json_array_size(g->body) == 0)
        call_reason(g->call, 400, "The namespace should be the same");
    return json_array_size(g->body) > 0;
}

static bool grant_one(json_t *settings, const json_t *one, bool revoke)
{
    const char *text = json_string_value(json_object_get(one, "topic"));
    const char *role = json_string_value(json_object_get(one, "role"));
    json_t *list = json_object_get(one, "actions");
    struct topic_name topic;

    if (topic_name_parse(&topic, bytes_of_text(text)) != OK)
        return false;
    if (revoke)
        auth_revoke(settings, &topic, role);
    return revoke || (auth_are_actions(list) && json_object_set(auth_of_topic(settings, topic.text), role, list) == 0);
}

static void change_topics(struct call *call, bool revoke)
{
    struct topic_grants g = {.call = call};
    struct topic_name *first = call_alloc(call, sizeof *first);
    json_t *settings = NULL;

    if (!first || !call_body(call, &g.body))
        return;
    if (!grants_good(&g, first))
        goto done;
    settings = namespace_settings_tree(call->core, topic_name_namespace(first));
    if (!settings) {
        call_reason(call, 500, "out of memory");
        goto done;
    }
    for (size_t i = 0; i < json_array_size(g.body); i++) {
        if (!grant_one(settings, json_array_get(g.body, i), revoke)) {
            call_reason(call, 400, "actions is a list of " ACTIONS_TEXT);
            goto done;
        }
    }
    namespace_settings_keep(call, topic_name_namespace(first), json_incref(settings));
done:
    json_decref(settings);
    json_decref(g.body);
}

void topics_permissions_grant(struct call *call)
{
    change_topics(call, false);
}

void topics_permissions_revoke(struct call *call)
{
    change_topics(call, true);
}
