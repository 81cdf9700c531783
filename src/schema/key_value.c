/* SPDX-License-Identifier: Apache-2.0
 *
 * key_value.c - see key_value.h.
 */
#include "schema/key_value.h"
#include "schema/json_text.h"
#include "schema/why.h"

#include <stdlib.h>

#define RULE "KEY_VALUE_SCHEMA"
#define NONE UINT32_MAX /* the length of nothing */

#define refuse(why, ...) (why_set(why, NULL, RULE, __VA_ARGS__), ERR_INVALID)

/* Takes one run of bytes from the front of *rest. */
static bool take_run(struct bytes *rest, struct bytes *run)
{
    uint32_t len;

    if (rest->len < 4)
        return false;
    len = be32_get(rest->data);
    if (len == NONE)
        len = 0;
    if (len > rest->len - 4)
        return false;
    *run = bytes_of(rest->data + 4, len);
    *rest = bytes_of(rest->data + 4 + len, rest->len - 4 - len);
    return true;
}

static enum err take_type(const struct schema_info *info, const char *property, enum schema_type *out,
                          struct schema_why *why)
{
    struct bytes name = schema_info_property(info, property);

    *out = SCHEMA_BYTES;
    if (!name.data || schema_type_of_name(out, name))
        return *out != SCHEMA_KEY_VALUE ? OK
                                        : refuse(why, "The property %s is KEY_VALUE, inside a KEY_VALUE.", property);
    return refuse(why, "The property %s of a KEY_VALUE schema is \"%.*s\", which is no type of schema.", property,
                  (int)(name.len < 64 ? name.len : 64), (const char *)name.data);
}

static bool take_both(struct bytes data, struct bytes *key, struct bytes *value)
{
    return take_run(&data, key) && take_run(&data, value) && data.len == 0;
}

enum err key_value_decode(const struct schema_info *info, struct key_value *out, struct schema_why *why)
{
    struct key_value both = {0};
    enum err err;

    if (!take_both(info->data, &both.key.data, &both.value.data))
        return refuse(why, "The data of a KEY_VALUE schema is not two schemas, each behind its length.");
    if ((err = take_type(info, "key.schema.type", &both.key.type, why)) != OK)
        return err;
    if ((err = take_type(info, "value.schema.type", &both.value.type, why)) != OK)
        return err;
    *out = both;
    return OK;
}

static enum err add_definition(struct text *out, struct bytes definition)
{
    json_error_t error;
    json_t *json = NULL;
    char *compact;
    enum err err = definition.len > 0 ? json_text_read(&json, definition, &error) : ERR_INVALID;

    if (err == ERR_INVALID)
        text_add_json(out, definition);
    if (err != OK)
        return err == ERR_INVALID ? OK : err;
    compact = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
    if (!compact)
        return ERR_NOMEM;
    text_add(out, compact);
    free(compact);
    return OK;
}

enum err key_value_to_json(struct bytes data, struct text *out)
{
    struct bytes key, value;
    enum err err;

    if (!take_both(data, &key, &value))
        return ERR_INVALID;
    text_add(out, "{\"key\":");
    if ((err = add_definition(out, key)) != OK)
        return err;
    text_add(out, ",\"value\":");
    if ((err = add_definition(out, value)) != OK)
        return err;
    text_add(out, "}");
    return OK;
}

/* The definition as text, "" for none; to be freed. */
static char *compact_of(const json_t *definition)
{
    if (json_is_string(definition) && json_string_length(definition) == 0)
        return strdup("");
    return json_dumps(definition, JSON_COMPACT | JSON_ENCODE_ANY);
}

static uint8_t *put_run(uint8_t *to, const char *run)
{
    size_t len = strlen(run);

    be32_put(to, (uint32_t)len);
    memcpy(to + 4, run, len);
    return to + 4 + len;
}

static enum err encode(const char *key, const char *value, uint8_t **out, size_t *len)
{
    uint8_t *data;

    if (!key || !value)
        return ERR_NOMEM;
    *len = 8 + strlen(key) + strlen(value);
    if (!(data = malloc(*len)))
        return ERR_NOMEM;
    put_run(put_run(data, key), value);
    *out = data;
    return OK;
}

enum err key_value_from_json(struct bytes json, uint8_t **out, size_t *len, struct schema_why *why)
{
    const json_t *key, *value;
    char *key_text, *value_text;
    json_error_t error;
    json_t *both = NULL;
    enum err err;

    if (json.len > SCHEMA_BYTES_MAX)
        return refuse(why, "The schema is longer than %zu bytes.", SCHEMA_BYTES_MAX);
    if (json_text_read(&both, json, &error) == ERR_NOMEM)
        return ERR_NOMEM;
    key = json_object_get(both, "key");
    value = json_object_get(both, "value");
    if (!key || !value) {
        json_decref(both);
        return refuse(why, "A KEY_VALUE schema is an object with the members \"key\" and \"value\".");
    }
    key_text = compact_of(key);
    value_text = compact_of(value);
    err = encode(key_text, value_text, out, len);
    free(key_text);
    free(value_text);
    json_decref(both);
    return err;
}
