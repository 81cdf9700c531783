/* SPDX-License-Identifier: Apache-2.0
 *
 * properties_json.c - see properties_json.h.
 */
#include "admin/properties_json.h"

#include <jansson.h>
#include <stdio.h>

void properties_write(struct json *j, const char *key, struct bytes encoded)
{
    struct property p;
    size_t at = 0;

    json_object_begin(j, key);
    while (properties_next(encoded, &at, &p)) {
        json_key(j, p.key);
        json_bytes(j, NULL, p.value);
    }
    json_object_end(j);
}

static enum err read_one(const char *key, const json_t *value, struct bytes *encoded, uint8_t *to, char *reason,
                         size_t reason_size)
{
    enum err err;

    if (!json_is_string(value)) {
        snprintf(reason, reason_size, "property %.100s is not a text", key);
        return ERR_INVALID;
    }
    const struct property p = {
        .key = bytes_of_text(key),
        .value = bytes_of(json_string_value(value), json_string_length(value)),
    };
    if ((err = properties_put(encoded, to, p)) != OK)
        snprintf(reason, reason_size, "property %.100s: %s", key, err_text(err));
    return err;
}

enum err properties_read(const struct json_t *object, struct bytes *encoded, uint8_t *to, char *reason,
                         size_t reason_size)
{
    json_t *all = (json_t *)(uintptr_t)object; /* jansson's iterators are not const */
    const char *key;
    json_t *value;
    enum err err = OK;

    if (!object || json_is_null(object))
        return OK;
    if (!json_is_object(object)) {
        snprintf(reason, reason_size, "properties are not an object");
        return ERR_INVALID;
    }
    json_object_foreach(all, key, value) if (err == OK) err = read_one(key, value, encoded, to, reason, reason_size);
    return err;
}
