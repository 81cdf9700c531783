/* SPDX-License-Identifier: Apache-2.0
 *
 * bookies.c - where copies of the data would be: there is one store, in this process, and no copies.
 *
 * The map of racks, {GROUP: {BOOKIE: {"rack": R, "hostname": H}}}, is one document: kept and shown.
 */
#include "admin/handlers.h"
#include "admin/json_call.h"

#include <stdio.h>

#define KIND "bookies"

static const struct shape_member shape[] = {
    {"rack", SHAPE_TEXT, NULL},
    {"hostname", SHAPE_TEXT, NULL},
    {NULL, SHAPE_TEXT, NULL},
};

/* New; NULL: the call is finished. */
static json_t *racks(struct call *call)
{
    json_t *map;

    if (!document_tree(call, KIND, bytes_of_text("racks"), &map))
        return NULL;
    if (!map && !(map = json_object()))
        call_reason(call, 500, "out of memory");
    return map;
}

void bookies_get(struct call *call)
{
    char id[300];

    snprintf(id, sizeof id, "%s:3181", call->core->http_host);
    call_tree(call, json_pack("{s:[{s:s}]}", "bookies", "bookieId", id));
}

void bookies_racks_get(struct call *call)
{
    json_t *map = racks(call);

    if (map)
        call_tree(call, map);
}

void bookie_rack_get(struct call *call)
{
    const char *bookie = call_copy(call, call->parameters[0]), *group;
    json_t *map = bookie ? racks(call) : NULL, *members, *found = NULL;

    if (!map)
        return;
    json_object_foreach(map, group, members)
    {
        if (!found)
            found = json_incref(json_object_get(members, bookie));
    }
    json_decref(map);
    if (found)
        call_tree(call, found);
    else
        call_reason(call, 404, "Bookie rack placement configuration not found: %s", bookie);
}

/* It is in one group only; a group without bookies is none. */
static bool remove_bookie(json_t *map, const char *bookie)
{
    json_t *members;
    const char *group;
    void *next;
    bool there = false;

    json_object_foreach_safe(map, next, group, members)
    {
        there = json_object_del(members, bookie) == 0 || there;
        if (json_object_size(members) == 0)
            json_object_del(map, group);
    }
    return there;
}

void bookie_rack_post(struct call *call)
{
    struct bytes group_name = bytes_of(NULL, 0);
    const char *bookie = call_copy(call, call->parameters[0]), *group;
    json_t *map, *info;

    (void)call_query(call, "group", &group_name);
    if (!bookie || !(group = call_copy(call, group_name)) || !call_body_shape(call, shape, &info))
        return;
    if (group_name.len == 0 || !json_object_get(info, "rack")) {
        json_decref(info);
        call_reason(call, 412, "Bookie 'group' and 'rack' parameters must be specified");
        return;
    }
    if (!(map = racks(call))) {
        json_decref(info);
        return;
    }
    (void)remove_bookie(map, bookie);
    if (!json_is_object(json_object_get(map, group)))
        (void)json_object_set_new(map, group, json_object());
    if (json_object_set_new(json_object_get(map, group), bookie, info)) { /* also when the group could not be made */
        json_decref(map);
        map = NULL;
    }
    document_keep(call, KIND, bytes_of_text("racks"), map);
}

void bookie_rack_delete(struct call *call)
{
    const char *bookie = call_copy(call, call->parameters[0]);
    json_t *map = bookie ? racks(call) : NULL;

    if (!map)
        return;
    if (remove_bookie(map, bookie)) {
        document_keep(call, KIND, bytes_of_text("racks"), map);
        return;
    }
    json_decref(map);
    call_reason(call, 404, "Bookie address not found: %s", bookie);
}
