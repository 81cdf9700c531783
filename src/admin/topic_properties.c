/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_properties.c - what users say of a topic: read, added, removed.
 */
#include "broker/topic_properties.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/properties_json.h"

#include <jansson.h>

void topic_properties_get(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    struct json j = json_to(&call->answer.body);
    struct refusal why;
    struct bytes all;

    if (!name || !call_topic(call, 0, name))
        return;
    if (topic_properties(call->core->broker, name, &all, &why) != OK) {
        call_refused(call, &why);
        return;
    }
    properties_write(&j, NULL, all);
    call_json(call);
}

/* The topic, and its properties in `to`, of PROPERTIES_BYTES_MAX, to be changed.  False: the call is finished. */
static bool begin(struct call *call, struct topic_name *name, uint8_t *to, struct bytes *all)
{
    struct refusal why;
    struct bytes now;

    if (!call_topic(call, 0, name))
        return false;
    if (topic_properties(call->core->broker, name, &now, &why) != OK) {
        call_refused(call, &why);
        return false;
    }
    if (now.len)
        memcpy(to, now.data, now.len);
    *all = bytes_of(to, now.len);
    return true;
}

static void end(struct call *call, const struct topic_name *name, struct bytes all)
{
    struct refusal why;

    if (topic_set_properties(call->core->broker, name, all, &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

bool properties_of_body(struct call *call, struct bytes *all, uint8_t *to)
{
    const struct bytes body = call->request.body;
    json_t *root = body.len ? json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL) : json_null();
    char reason[200] = "the body is no JSON";
    const bool good = root && properties_read(root, all, to, reason, sizeof reason) == OK;

    json_decref(root);
    if (!good)
        call_reason(call, 412, "%s", reason);
    return good;
}

void topic_properties_put(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    uint8_t to[PROPERTIES_BYTES_MAX];
    struct bytes all;

    if (name && begin(call, name, to, &all) && properties_of_body(call, &all, to))
        end(call, name, all);
}

void topic_properties_delete(struct call *call)
{
    struct topic_name *name = call_alloc(call, sizeof *name);
    uint8_t to[PROPERTIES_BYTES_MAX];
    struct bytes all, key;

    if (!name || !begin(call, name, to, &all))
        return;
    if (!call_query(call, "key", &key)) {
        call_reason(call, 412, "?key= says which");
        return;
    }
    properties_remove(&all, to, key);
    end(call, name, all);
}
