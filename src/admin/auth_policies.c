/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_policies.c - see auth_policies.h.
 */
#include "admin/auth_policies.h"

#include "broker/permissions.h"

/* The member of an object, an object itself; made when it is missing. */
static json_t *open_member(json_t *object, const char *name)
{
    if (!json_is_object(json_object_get(object, name)))
        json_object_set_new(object, name, json_object());
    return json_object_get(object, name);
}

json_t *auth_section(json_t *settings, const char *name)
{
    return open_member(open_member(settings, "auth_policies"), name);
}

json_t *auth_of_topic(json_t *settings, const char *topic)
{
    return open_member(auth_section(settings, "destination_auth"), topic);
}

static bool is_or_has(const struct topic_name *topic, const char *other)
{
    struct topic_name name;

    return topic_name_parse(&name, bytes_of_text(other)) == OK &&
           (bytes_equal(topic_name_full(topic), topic_name_full(&name)) ||
            bytes_equal(topic_name_full(topic), topic_name_base(&name)));
}

void auth_revoke(json_t *settings, const struct topic_name *topic, const char *role)
{
    json_t *topics = auth_section(settings, "destination_auth"), *roles;
    const char *name;
    void *next;

    json_object_foreach_safe(topics, next, name, roles)
    {
        if (!is_or_has(topic, name))
            continue;
        (void)json_object_del(roles, role);
        if (json_object_size(roles) == 0)
            (void)json_object_del(topics, name);
    }
}

bool auth_are_actions(const json_t *list)
{
    bool good = json_is_array(list);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        good = good && text && action_of_name(text) != 0;
    }
    return good;
}
