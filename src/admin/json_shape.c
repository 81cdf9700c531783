/* SPDX-License-Identifier: Apache-2.0
 *
 * json_shape.c - see json_shape.h.
 */
#include "admin/json_shape.h"

#include <stdio.h>
#include <string.h>

bool json_is_shallow(struct bytes text)
{
    unsigned depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
            return false;
        else if (!quoted && (c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return true;
}

bool texts_have(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one && strcmp(one, text) == 0)
            return true;
    }
    return false;
}

json_t *texts_read(const json_t *from)
{
    json_t *list = json_is_array(from) && json_array_size(from) <= TEXTS_MAX ? json_array() : NULL;

    for (size_t i = 0; list && i < json_array_size(from); i++) {
        json_t *text = json_array_get(from, i);
        if (!json_is_string(text) || (!texts_have(list, json_string_value(text)) && json_array_append(list, text))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool is_map_of_texts(const json_t *value)
{
    for (void *at = json_object_iter((json_t *)(uintptr_t)value); at;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        if (!json_is_string(json_object_iter_value(at)))
            return false;
    }
    return json_is_object(value);
}

/* A new reference; NULL: it is of another type. */
static json_t *value_read(enum shape_type type, json_t *value)
{
    bool good = false;

    switch (type) {
    case SHAPE_TEXT:
        good = json_is_string(value);
        break;
    case SHAPE_BOOL:
        good = json_is_boolean(value);
        break;
    case SHAPE_INTEGER:
        good = json_is_integer(value);
        break;
    case SHAPE_NUMBER:
        good = json_is_number(value);
        break;
    case SHAPE_MAP:
        good = is_map_of_texts(value);
        break;
    case SHAPE_OBJECT:
        good = json_is_object(value);
        break;
    case SHAPE_TEXTS:
        return texts_read(value);
    }
    return good ? json_incref(value) : NULL;
}

static const char *const type_names[] = {[SHAPE_TEXT] = "a text",
                                         [SHAPE_BOOL] = "true or false",
                                         [SHAPE_INTEGER] = "a whole number",
                                         [SHAPE_NUMBER] = "a number",
                                         [SHAPE_TEXTS] = "a list of at most 1,000 texts",
                                         [SHAPE_MAP] = "an object of texts",
                                         [SHAPE_OBJECT] = "an object"};

static enum err member_read(const struct shape_member *m, const json_t *from, json_t *to, char *reason,
                            size_t reason_size)
{
    json_t *given = json_object_get(from, m->name), *value;

    if (given && !json_is_null(given))
        value = value_read(m->type, given);
    else if (m->missing)
        value = json_loads(m->missing, JSON_DECODE_ANY, NULL);
    else
        return OK;
    if (!value) {
        snprintf(reason, reason_size, "%s is %s", m->name, type_names[m->type]);
        return ERR_INVALID;
    }
    return json_object_set_new(to, m->name, value) ? ERR_NOMEM : OK;
}

enum err shape_read(const struct shape_member *shape, const json_t *from, json_t **out, char *reason,
                    size_t reason_size)
{
    json_t *to;
    enum err err = OK;

    if (from && !json_is_null(from) && !json_is_object(from)) {
        snprintf(reason, reason_size, "a JSON object is wanted");
        return ERR_INVALID;
    }
    snprintf(reason, reason_size, "out of memory");
    if (!(to = json_object()))
        return ERR_NOMEM;
    for (const struct shape_member *m = shape; m->name && err == OK; m++)
        err = member_read(m, from, to, reason, reason_size);
    if (err == OK)
        *out = to;
    else
        json_decref(to);
    return err;
}
