/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_encode.c - a value in Avro's JSON encoding, to Avro's binary one.
 */
#include "cli/avro_encode.h"

#include <stdio.h>

#define DEPTH_MAX 256 /* of values: a recursive type has no end of its own */
#define PATH_SIZE 200

struct encoding {
    struct text *out;
    char *why;
    size_t why_size;
    char path[PATH_SIZE];
    unsigned depth;
};

static enum err encode(struct encoding *e, const struct avro_node *type, const json_t *value);

static enum err refuse(struct encoding *e, const char *expected)
{
    (void)snprintf(e->why, e->why_size, "%s%sexpected %s", e->path, *e->path ? ": " : "", expected);
    return ERR_INVALID;
}

/* ---- scalars ---- */

/* Zigzag, then seven bits a byte. */
static void long_put(struct encoding *e, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    uint8_t bytes[10];
    size_t len = 0;

    for (; rest >= 0x80; rest >>= 7)
        bytes[len++] = (uint8_t)(rest | 0x80);
    bytes[len++] = (uint8_t)rest;
    text_add_bytes(e->out, bytes_of(bytes, len));
}

static enum err integer_put(struct encoding *e, const json_t *value, bool is_int)
{
    const int64_t number = json_integer_value(value);

    if (!json_is_integer(value) || (is_int && (number < INT32_MIN || number > INT32_MAX)))
        return refuse(e, is_int ? "an int" : "a long");
    long_put(e, number);
    return OK;
}

static enum err real_put(struct encoding *e, const json_t *value, bool is_float)
{
    const double number = json_number_value(value);
    const float narrow = (float)number;

    if (!json_is_number(value))
        return refuse(e, is_float ? "a float" : "a double");
    text_add_bytes(e->out, is_float ? bytes_of(&narrow, sizeof narrow) : bytes_of(&number, sizeof number));
    return OK;
}

static enum err string_put(struct encoding *e, const json_t *value)
{
    if (!json_is_string(value))
        return refuse(e, "a string");
    long_put(e, (int64_t)json_string_length(value));
    text_add_bytes(e->out, bytes_of(json_string_value(value), json_string_length(value)));
    return OK;
}

/* A character of UTF-8 for each byte; `size` SIZE_MAX: any number, which goes before them. */
static enum err bytes_put(struct encoding *e, const json_t *value, size_t size)
{
    const uint8_t *at = (const uint8_t *)json_string_value(value);
    const uint8_t *end = at ? at + json_string_length(value) : NULL;
    struct text bytes;
    enum err err = OK;

    text_init(&bytes, json_string_length(value) + 1);
    while (at < end && err == OK) {
        uint8_t byte = *at;
        if (byte >= 0x80 && (byte & 0xfc) == 0xc0) /* two bytes, up to U+00FF */
            byte = (uint8_t)(byte << 6 | (*++at & 0x3f));
        else if (byte >= 0x80)
            err = ERR_INVALID;
        text_add_bytes(&bytes, bytes_of(&byte, 1));
        at++;
    }
    if (!json_is_string(value) || err != OK || (size != SIZE_MAX && bytes.len != size)) {
        text_deinit(&bytes);
        return refuse(e, size == SIZE_MAX ? "a text of characters up to U+00FF, for bytes" : "such a text of its size");
    }
    if (size == SIZE_MAX)
        long_put(e, (int64_t)bytes.len);
    text_add_bytes(e->out, bytes_of(bytes.data, bytes.len));
    text_deinit(&bytes);
    return OK;
}

static enum err symbol_put(struct encoding *e, const struct avro_node *type, const json_t *value)
{
    for (size_t i = 0; json_is_string(value) && i < type->symbols.all.count; i++) {
        if (strcmp(type->symbols.all.all[i], json_string_value(value)) == 0) {
            long_put(e, (int64_t)i);
            return OK;
        }
    }
    return refuse(e, "one of the enum's symbols");
}

/* ---- what holds others ---- */

/* With the path longer by the name. */
static enum err encode_in(struct encoding *e, const char *name, const struct avro_node *type, const json_t *value)
{
    const size_t len = strlen(e->path);

    (void)snprintf(e->path + len, sizeof e->path - len, "%s%s", len > 0 ? "." : "", name);
    enum err err = encode(e, type, value);
    e->path[len] = '\0';
    return err;
}

static enum err record_put(struct encoding *e, const struct avro_node *type, const json_t *value)
{
    const char *name;
    json_t *member;

    if (!json_is_object(value))
        return refuse(e, "an object, for a record");
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        if (!avro_field_find(type, name))
            return encode_in(e, name, NULL, NULL);
    }
    for (size_t i = 0; i < type->fields.count; i++) {
        const struct avro_field *field = &type->fields.all[i];
        enum err err = encode_in(e, field->name, field->type, json_object_get(value, field->name));
        if (err != OK)
            return err;
    }
    return OK;
}

static enum err array_put(struct encoding *e, const struct avro_node *type, const json_t *value)
{
    if (!json_is_array(value))
        return refuse(e, "an array");
    if (json_array_size(value) > 0)
        long_put(e, (int64_t)json_array_size(value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        enum err err = encode(e, type->items, json_array_get(value, i));
        if (err != OK)
            return err;
    }
    long_put(e, 0);
    return OK;
}

static enum err map_put(struct encoding *e, const struct avro_node *type, const json_t *value)
{
    const char *name;
    json_t *member;

    if (!json_is_object(value))
        return refuse(e, "an object, for a map");
    if (json_object_size(value) > 0)
        long_put(e, (int64_t)json_object_size(value));
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        long_put(e, (int64_t)strlen(name));
        text_add(e->out, name);
        enum err err = encode_in(e, name, type->items, member);
        if (err != OK)
            return err;
    }
    long_put(e, 0);
    return OK;
}

static enum err union_put(struct encoding *e, const struct avro_node *type, const json_t *value)
{
    const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)value));

    for (size_t i = 0; i < type->branches.count; i++) {
        const struct avro_node *branch = type->branches.all[i];
        if (branch->kind == AVRO_NULL ? !json_is_null(value)
                                      : json_object_size(value) != 1 || strcmp(branch->name, name) != 0)
            continue;
        long_put(e, (int64_t)i);
        return branch->kind == AVRO_NULL ? OK : encode(e, branch, json_object_get(value, name));
    }
    return refuse(e, "null or {\"BRANCH\": value}, for a union");
}

static enum err encode_known(struct encoding *e, const struct avro_node *type, const json_t *value)
{
    const uint8_t flag = json_is_true(value) ? 1 : 0;

    switch (type->kind) {
    case AVRO_NULL:
        return json_is_null(value) ? OK : refuse(e, "null");
    case AVRO_BOOLEAN:
        text_add_bytes(e->out, bytes_of(&flag, 1));
        return json_is_boolean(value) ? OK : refuse(e, "true or false");
    case AVRO_INT:
    case AVRO_LONG:
        return integer_put(e, value, type->kind == AVRO_INT);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return real_put(e, value, type->kind == AVRO_FLOAT);
    case AVRO_BYTES:
        return bytes_put(e, value, SIZE_MAX);
    case AVRO_STRING:
        return string_put(e, value);
    case AVRO_RECORD:
        return record_put(e, type, value);
    case AVRO_ENUM:
        return symbol_put(e, type, value);
    case AVRO_FIXED:
        return bytes_put(e, value, type->size);
    case AVRO_ARRAY:
        return array_put(e, type, value);
    case AVRO_MAP:
        return map_put(e, type, value);
    case AVRO_UNION:
        return union_put(e, type, value);
    }
    return ERR_INVALID;
}

static enum err encode(struct encoding *e, const struct avro_node *type, const json_t *value)
{
    if (!type)
        return refuse(e, "no such field");
    if (!value)
        return refuse(e, "a value");
    if (e->depth == DEPTH_MAX)
        return refuse(e, "less depth");
    e->depth++;
    enum err err = encode_known(e, type, value);
    e->depth--;
    return err;
}

enum err avro_encode(const struct avro_node *type, const json_t *value, struct text *out, char *why, size_t why_size)
{
    struct encoding e = {.out = out, .why = why, .why_size = why_size};
    enum err err = encode(&e, type, value);

    return err == OK && text_failed(out) ? ERR_NOMEM : err;
}
