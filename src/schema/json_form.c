/* SPDX-License-Identifier: Apache-2.0
 *
 * json_form.c - see json_form.h.
 */
#include "schema/json_form.h"
#include "schema/json_text.h"

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
    json_t *json = NULL;
    const char *text;
    enum err err = json_text_read(&json, data, &error);

    if (err != OK)
        return err;
    text = json_string_value(json_object_get(json, "id"));
    if (is_type(json_string_value(json_object_get(json, "type"))))
        snprintf(id, JSON_FORM_ID_MAX, "%s", text ? text : "");
    else
        err = ERR_INVALID;
    json_decref(json);
    return err;
}
