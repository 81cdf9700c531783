/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_permissions.c - who may do what with a topic: kept with its namespace's settings, as in Pulsar
 * (auth_policies.destination_auth, by the topic's name), and shown.
 *
 * What is granted on a topic holds for its partitions, and what is revoked from it is from them; a partition may have
 * more.
 */
#include "admin/auth_policies.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/kept_policies.h"
#include "broker/permissions.h"

/* The topic of the route, and its namespace's settings, which the caller owns; NULL: the call is finished. */
static json_t *settings_of(struct call *call, struct topic_name *name)
{
    struct broker *b = call->core->broker;
    json_t *settings;

    if (!call_topic(call, 0, name))
        return NULL;
    if (!namespace_exists(b, topic_name_namespace(name))) {
        call_reason(call, 404, "Namespace does not exist");
        return NULL;
    }
    if (!topic_exists(b, name) && call_partitions(call, name) == 0) {
        call_reason(call, 404, "Topic %s not found", name->text);
        return NULL;
    }
    if (!(settings = namespace_settings_tree(call->core, topic_name_namespace(name))))
        call_reason(call, 500, "the namespace's settings cannot be read");
    return settings;
}

/* ---- read ---- */

#define LEVELS 3 /* the namespace, the topic, and the partition */

static void write_actions(struct json *j, json_t *const levels[LEVELS], const char *role)
{
    unsigned actions = 0;

    for (size_t l = 0; l < LEVELS; l++) {
        const json_t *list = json_object_get(levels[l], role);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *name = json_string_value(json_array_get(list, i));
            actions |= name ? action_of_name(name) : 0;
        }
    }
    json_array_begin(j, NULL);
    for (size_t i = 0; i < ACTIONS; i++) {
        if (actions & 1u << i)
            json_text(j, NULL, action_names[i]);
    }
    json_array_end(j);
}

/* Each role once, with what it has at all levels. */
static void write_roles(struct json *j, json_t *const levels[LEVELS])
{
    const char *role;
    json_t *list;

    json_object_begin(j, NULL);
    for (size_t l = 0; l < LEVELS; l++) {
        json_object_foreach(levels[l], role, list)
        {
            if ((l > 0 && json_object_get(levels[0], role)) || (l > 1 && json_object_get(levels[1], role)))
                continue;
            json_key(j, bytes_of_text(role));
            write_actions(j, levels, role);
        }
    }
    json_object_end(j);
}

void topic_permissions_get(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    json_t *root = name ? settings_of(call, name) : NULL;
    struct json j = json_to(&call->answer.body);

    if (!root)
        return;
    const char *base = call_copy(call, topic_name_base(name));
    json_t *auth = json_object_get(root, "auth_policies"), *topics = json_object_get(auth, "destination_auth");
    if (base)
        write_roles(&j, (json_t *const[LEVELS]){
                            json_object_get(auth, "namespace_auth"), json_object_get(topics, base),
                            name->partition == PARTITION_NONE ? NULL : json_object_get(topics, name->text)});
    json_decref(root);
    if (base)
        call_json(call);
}

/* ---- changed ---- */

/* A list of actions; NULL: it is none. */
static json_t *actions_read(struct bytes body)
{
    json_t *list = body.len ? json_loadb((const char *)body.data, body.len, 0, NULL) : NULL;

    if (auth_are_actions(list))
        return list;
    json_decref(list);
    return NULL;
}

void topic_permissions_post(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    const char *role = name ? call_copy(call, call->parameters[4]) : NULL;
    json_t *root = role ? settings_of(call, name) : NULL, *list;

    if (!root)
        return;
    if (!(list = actions_read(call->request.body))) {
        call_reason(call, 412, "a list of produce, consume, functions, sources, sinks, packages is wanted");
        json_decref(root);
        return;
    }
    if (json_object_set_new(auth_of_topic(root, name->text), role, list) != 0) {
        json_decref(root);
        root = NULL; /* 500 */
    }
    namespace_settings_keep(call, topic_name_namespace(name), root);
}

void topic_permissions_delete(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    const char *role = name ? call_copy(call, call->parameters[4]) : NULL;
    json_t *root = role ? settings_of(call, name) : NULL;

    if (!root)
        return;
    auth_revoke(root, name, role);
    namespace_settings_keep(call, topic_name_namespace(name), root);
}
