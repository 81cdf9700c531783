/* SPDX-License-Identifier: Apache-2.0
 *
 * posted.c - see posted.h.
 */
#include "schema/posted.h"
#include "schema/json_text.h"
#include "schema/key_value.h"
#include "schema/why.h"

#include <stdlib.h>

#define RULE      "SCHEMA_FILE"
#define ARENA_MAX (8 * SCHEMA_BYTES_MAX)

#define refuse(why, ...) (why_set(why, NULL, RULE, __VA_ARGS__), ERR_INVALID)

static enum err keep(struct posted *p, struct bytes bytes, struct bytes *out)
{
    char *kept = arena_text_of(&p->arena, bytes);

    if (!kept)
        return ERR_NOMEM;
    *out = bytes_of(kept, bytes.len);
    return OK;
}

static enum err keep_key_value(struct posted *p, struct bytes definition, struct schema_why *why)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum err err = key_value_from_json(definition, &data, &len, why);

    if (err == OK)
        err = keep(p, bytes_of(data, len), &p->info.data);
    free(data);
    return err;
}

static enum err keep_definition(struct posted *p, struct bytes definition, struct schema_why *why)
{
    if (definition.len > SCHEMA_BYTES_MAX)
        return refuse(why, "The schema is longer than %zu bytes.", SCHEMA_BYTES_MAX);
    if (p->info.type == SCHEMA_KEY_VALUE)
        return keep_key_value(p, definition, why);
    return keep(p, definition, &p->info.data);
}

static enum err keep_property(struct posted *p, struct schema_property *to, const char *name, const json_t *value)
{
    char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    enum err err = keep(p, bytes_of_text(name), &to->name);

    if (err == OK && !text && !json_is_string(value))
        err = ERR_NOMEM;
    if (err == OK)
        err = keep(p, bytes_of_text(text ? text : json_string_value(value)), &to->value);
    free(text);
    return err;
}

static enum err keep_properties(struct posted *p, json_t *properties)
{
    struct schema_property *all =
        arena_zalloc(&p->arena, (json_object_size(properties) + 1) * sizeof(struct schema_property));
    const char *name;
    json_t *value;
    enum err err;

    if (!all)
        return ERR_NOMEM;
    p->info.properties = all;
    json_object_foreach(properties, name, value)
    {
        if ((err = keep_property(p, &all[p->info.property_count], name, value)) != OK)
            return err;
        p->info.property_count++;
    }
    return OK;
}

/* NULL: `json` is a definition. */
static const json_t *envelope_content(const json_t *json, enum schema_type *type)
{
    const char *name = json_string_value(json_object_get(json, "type"));
    const json_t *schema = json_object_get(json, "schema"), *data = json_object_get(json, "data");

    if (!name || (!schema && !data) || !schema_type_of_name(type, bytes_of_text(name)))
        return NULL;
    return schema ? schema : data;
}

static enum err keep_content(struct posted *p, const json_t *content, struct schema_why *why)
{
    char *text;
    enum err err;

    if (json_is_string(content))
        return keep_definition(p, bytes_of_text(json_string_value(content)), why);
    text = json_dumps(content, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        return ERR_NOMEM;
    err = keep_definition(p, bytes_of_text(text), why);
    free(text);
    return err;
}

static enum err read_posted(struct posted *p, json_t *json, struct bytes text, struct schema_why *why)
{
    const json_t *content = envelope_content(json, &p->info.type);
    enum err err;

    if (!content)
        return keep_definition(p, text, why);
    if ((err = keep_content(p, content, why)) != OK)
        return err;
    return keep_properties(p, json_object_get(json, "properties"));
}

enum err posted_init(struct posted *p, struct bytes text, enum schema_type type, struct schema_why *why)
{
    json_error_t error;
    json_t *json = NULL;
    enum err err;

    if (text.len > 2 * SCHEMA_BYTES_MAX)
        return refuse(why, "It is longer than %zu bytes.", 2 * SCHEMA_BYTES_MAX);
    *p = (struct posted){.info = {.type = type}};
    arena_init(&p->arena, ARENA_MAX);
    err = json_text_read(&json, text, &error);
    if (err != ERR_NOMEM) /* what is no JSON may still be a definition, which schema_check then refuses */
        err = read_posted(p, json, text, why);
    json_decref(json);
    if (err != OK)
        posted_deinit(p);
    return err;
}

void posted_deinit(struct posted *p)
{
    arena_deinit(&p->arena);
}
