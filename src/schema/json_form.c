/* SPDX-License-Identifier: Apache-2.0
 *
 * json_form.c - see json_form.h.
 */
#include "schema/json_form.h"

#include <jansson.h>
#include <stdio.h>

static bool is_type(const char *text)
{
    static const char *const types[] = {"any", "array", "boolean", "integer", "null", "number", "object", "string"};

    for (size_t i = 0; text && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(text, types[i]) == 0)
            return true;
    return false;
}

enum err json_form_read(struct bytes data, char id[JSON_FORM_ID_MAX])
{
    json_error_t error;
    json_t *json = json_loadb((const char *)data.data, data.len, 0, &error);
    const char *text;
    enum err err = ERR_INVALID;

    if (!json)
        return json_error_code(&error) == json_error_out_of_memory ? ERR_NOMEM : ERR_INVALID;
    text = json_string_value(json_object_get(json, "id"));
    if (is_type(json_string_value(json_object_get(json, "type")))) {
        snprintf(id, JSON_FORM_ID_MAX, "%s", text ? text : "");
        err = OK;
    }
    json_decref(json);
    return err;
}
