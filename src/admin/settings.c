/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c - see settings.h.
 */
#include "admin/settings.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct reader {
    json_t *root;
    const char *cluster;
    char *reason;
    size_t reason_size;
};

static enum err fault(struct reader *r, const char *what)
{
    snprintf(r->reason, r->reason_size, "%s", what);
    return ERR_INVALID;
}

/* An empty body, and null, are an empty object. */
static enum err parse(struct reader *r, struct bytes body)
{
    json_error_t error;

    if (body.len == 0) {
        r->root = json_object();
        return r->root ? OK : ERR_NOMEM;
    }
    r->root = json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, &error);
    if (!r->root) {
        snprintf(r->reason, r->reason_size, "the body is not JSON: line %d: %s", error.line, error.text);
        return ERR_INVALID;
    }
    if (json_is_null(r->root)) {
        json_decref(r->root);
        r->root = json_object();
        return r->root ? OK : ERR_NOMEM;
    }
    return json_is_object(r->root) ? OK : fault(r, "the body is not a JSON object");
}

/* A borrowed list of texts; NULL when the member is absent or null. */
static enum err texts_get(struct reader *r, const char *member, json_t **out)
{
    json_t *list = json_object_get(r->root, member), *text;
    size_t i;

    *out = NULL;
    if (!list || json_is_null(list))
        return OK;
    if (!json_is_array(list))
        return fault(r, "a list of texts is wanted");
    json_array_foreach(list, i, text) if (!json_is_string(text)) return fault(r, "a list of texts is wanted");
    *out = list;
    return OK;
}

static enum err clusters_check(struct reader *r, const json_t *list)
{
    json_t *text;
    size_t i;

    if (!list)
        return OK;
    if (json_array_size(list) == 0)
        return fault(r, "clusters can not be empty");
    json_array_foreach(list, i, text) if (strcmp(json_string_value(text), r->cluster) != 0)
    {
        snprintf(r->reason, r->reason_size, "cluster %.100s does not exist", json_string_value(text));
        return ERR_INVALID;
    }
    return OK;
}

/* `value`, or when it is NULL a list of `only` (NULL: none), as member `name`. */
static int put(json_t *object, const char *name, json_t *value, const char *only)
{
    if (value)
        return json_object_set(object, name, value);
    json_t *list = json_array();
    if (list && only)
        json_array_append_new(list, json_string(only));
    return json_object_set_new(object, name, list);
}

static enum err dump(json_t *object, struct text *out)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);

    if (!text)
        return ERR_NOMEM;
    text_add(out, text);
    free(text);
    return text_failed(out) ? ERR_NOMEM : OK;
}

enum err tenant_settings_read(struct bytes body, const char *cluster, struct text *out, char *reason,
                              size_t reason_size)
{
    struct reader r = {.cluster = cluster, .reason = reason, .reason_size = reason_size};
    json_t *roles, *clusters, *kept = NULL;
    enum err err;

    if ((err = parse(&r, body)) != OK || (err = texts_get(&r, "adminRoles", &roles)) != OK ||
        (err = texts_get(&r, "allowedClusters", &clusters)) != OK || (err = clusters_check(&r, clusters)) != OK)
        goto done;
    err = ERR_NOMEM;
    if (!(kept = json_object()) || put(kept, "adminRoles", roles, NULL) ||
        put(kept, "allowedClusters", clusters, cluster))
        goto done;
    err = dump(kept, out);
done:
    json_decref(kept);
    json_decref(r.root);
    return err;
}

enum err namespace_settings_read(struct bytes body, const char *cluster, struct text *out, char *reason,
                                 size_t reason_size)
{
    struct reader r = {.cluster = cluster, .reason = reason, .reason_size = reason_size};
    json_t *clusters, *permissions, *kept = NULL;
    enum err err;

    if ((err = parse(&r, body)) != OK || (err = texts_get(&r, "replication_clusters", &clusters)) != OK ||
        (err = clusters_check(&r, clusters)) != OK)
        goto done;
    permissions = json_object_get(r.root, "auth_policies");
    if (permissions && !json_is_null(permissions) && !json_is_object(permissions)) {
        err = fault(&r, "auth_policies is not an object");
        goto done;
    }
    err = ERR_NOMEM;
    if (!(kept = json_object()) || put(kept, "replication_clusters", clusters, cluster))
        goto done;
    if (json_is_object(permissions) && json_object_set(kept, "auth_policies", permissions))
        goto done;
    err = dump(kept, out);
done:
    json_decref(kept);
    json_decref(r.root);
    return err;
}
