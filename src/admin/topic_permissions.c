/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_permissions.c - who may do what with a topic: kept with its namespace's settings, as in Pulsar
 * (auth_policies.destination_auth, by the topic's name), and shown.
 *
 * Nobody is refused anything by them yet.  A partition has its own, apart from those of its topic.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "broker/namespaces.h"

#include <jansson.h>
#include <stdlib.h>

static const char *const actions[] = {"produce", "consume", "functions", "sources", "sinks", "packages"};

/* The topic of the route, and its namespace's settings, which the caller owns; NULL: the call is finished. */
static json_t *settings_of(struct admin_call *call, struct topic_name *name)
{
    struct broker *b = call->core->broker;

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
    const struct bytes kept = namespace_settings(b, topic_name_namespace(name));
    json_t *root = kept.len ? json_loadb((const char *)kept.data, kept.len, 0, NULL) : json_object();
    if (!root)
        call_reason(call, 500, "the namespace's settings cannot be read");
    return root;
}

/* A member that is an object, made when it is not; borrowed. */
static json_t *object_in(json_t *of, const char *member)
{
    json_t *there = json_object_get(of, member);

    if (json_is_object(there))
        return there;
    return json_object_set_new(of, member, json_object()) == 0 ? json_object_get(of, member) : NULL;
}

static json_t *roles_of(json_t *root, const struct topic_name *name)
{
    json_t *auth = object_in(root, "auth_policies"), *topics = auth ? object_in(auth, "destination_auth") : NULL;

    return topics ? object_in(topics, name->text) : NULL;
}

static void keep(struct admin_call *call, const struct topic_name *name, json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    struct refusal why;

    if (!text)
        call_reason(call, 500, "out of memory");
    else if (namespace_set_settings(call->core->broker, topic_name_namespace(name), bytes_of_text(text), &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
    free(text);
}

/* ---- read ---- */

static void write_actions(struct json *j, const json_t *first, const json_t *second)
{
    json_array_begin(j, NULL);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        const json_t *const lists[] = {first, second};
        bool has = false;
        for (size_t l = 0; l < 2; l++) {
            for (size_t k = 0; k < json_array_size(lists[l]); k++) {
                const char *text = json_string_value(json_array_get(lists[l], k));
                has = has || (text && strcmp(text, actions[i]) == 0);
            }
        }
        if (has)
            json_text(j, NULL, actions[i]);
    }
    json_array_end(j);
}

/* Those of the namespace, and what the topic adds to them. */
static void write_roles(struct json *j, json_t *of_namespace, json_t *of_topic)
{
    const char *role;
    json_t *list;

    json_object_begin(j, NULL);
    json_object_foreach(of_namespace, role, list)
    {
        json_key(j, bytes_of_text(role));
        write_actions(j, list, json_object_get(of_topic, role));
    }
    json_object_foreach(of_topic, role, list)
    {
        if (json_object_get(of_namespace, role))
            continue;
        json_key(j, bytes_of_text(role));
        write_actions(j, list, NULL);
    }
    json_object_end(j);
}

void topic_permissions_get(struct admin_call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    json_t *root = name ? settings_of(call, name) : NULL;
    struct json j = json_to(&call->answer.body);

    if (!root)
        return;
    json_t *auth = json_object_get(root, "auth_policies");
    write_roles(&j, json_object_get(auth, "namespace_auth"),
                json_object_get(json_object_get(auth, "destination_auth"), name->text));
    json_decref(root);
    call_json(call);
}

/* ---- changed ---- */

static bool is_action(const char *text)
{
    for (size_t i = 0; text && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(text, actions[i]) == 0)
            return true;
    }
    return false;
}

/* A list of actions; NULL: it is none. */
static json_t *actions_read(struct bytes body)
{
    json_t *list = body.len ? json_loadb((const char *)body.data, body.len, 0, NULL) : NULL;
    bool good = json_is_array(list);

    for (size_t i = 0; i < json_array_size(list); i++)
        good = good && is_action(json_string_value(json_array_get(list, i)));
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* The route's role, as a text in the arena; NULL: the call is finished. */
static const char *role_of(struct admin_call *call)
{
    const struct bytes role = call->parameters[4];
    char *text = call_alloc(call, role.len + 1);

    if (text)
        memcpy(text, role.data, role.len);
    return text;
}

void topic_permissions_post(struct admin_call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    const char *role = name ? role_of(call) : NULL;
    json_t *root = role ? settings_of(call, name) : NULL;
    json_t *roles = root ? roles_of(root, name) : NULL, *list = NULL;

    if (!root)
        return;
    if (!(list = actions_read(call->request.body)))
        call_reason(call, 412, "a list of produce, consume, functions, sources, sinks, packages is wanted");
    else if (!roles || json_object_set(roles, role, list) != 0)
        call_reason(call, 500, "the role's name is no text, or memory is short");
    else
        keep(call, name, root);
    json_decref(list);
    json_decref(root);
}

void topic_permissions_delete(struct admin_call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    const char *role = name ? role_of(call) : NULL;
    json_t *root = role ? settings_of(call, name) : NULL;
    json_t *roles = root ? roles_of(root, name) : NULL;

    if (!root)
        return;
    (void)json_object_del(roles, role);
    if (json_object_size(roles) == 0)
        (void)json_object_del(json_object_get(json_object_get(root, "auth_policies"), "destination_auth"), name->text);
    keep(call, name, root);
    json_decref(root);
}
