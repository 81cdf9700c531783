/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_default.c - can a field's default be a value of its type?
 *
 * Recursion follows the value, whose depth jansson bounds, but for members of records that are left to the defaults of
 * their fields: those may go in circles, so they are bounded by DEPTH_MAX, and the steps of one question by STEPS_MAX.
 */
#include "schema/avro.h"

#define DEPTH_MAX 256
#define STEPS_MAX 100000

struct question {
    int depth, steps;
};

static bool fits(struct question *q, const struct avro_node *type, const json_t *value);

static bool fits_items(struct question *q, const struct avro_node *items, const json_t *value)
{
    size_t i;
    json_t *item;

    json_array_foreach(value, i, item) if (!fits(q, items, item)) return false;
    return json_is_array(value);
}

static bool fits_values(struct question *q, const struct avro_node *values, const json_t *value)
{
    json_t *object = (json_t *)(uintptr_t)value, *member; /* jansson's iteration is not const; it changes nothing */
    const char *key;

    json_object_foreach(object, key, member) if (!fits(q, values, member)) return false;
    return json_is_object(value);
}

static bool fits_fields(struct question *q, const struct avro_node *record, const json_t *value)
{
    if (!json_is_object(value))
        return false;
    for (size_t i = 0; i < record->fields.count; i++) {
        const struct avro_field *f = &record->fields.all[i];
        const json_t *member = json_object_get(value, f->name);

        if (!fits(q, f->type, member ? member : f->initial))
            return false;
    }
    return true;
}

static bool fits_branches(struct question *q, const struct avro_node *type, const json_t *value)
{
    for (size_t i = 0; i < type->branches.count; i++)
        if (fits(q, type->branches.all[i], value))
            return true;
    return false;
}

static bool is_integer_within(const json_t *value, json_int_t low, json_int_t high)
{
    return json_is_integer(value) && json_integer_value(value) >= low && json_integer_value(value) <= high;
}

/* Java writes what JSON cannot: "NaN", "Infinity". */
static bool is_float(const json_t *value)
{
    const char *text = json_string_value(value);

    return json_is_number(value) ||
           (text && (strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0));
}

/* Bytes are written as a string whose characters are U+0000 to U+00FF: *count of them.  False: others are in it. */
static bool bytes_of_default(const json_t *value, size_t *count)
{
    const unsigned char *text = (const unsigned char *)json_string_value(value);

    if (!text)
        return false;
    *count = 0;
    for (size_t i = 0; i < json_string_length(value); i++) {
        if (text[i] > 0xc3)
            return false;
        *count += (text[i] & 0xc0) != 0x80;
    }
    return true;
}

static bool fits_type(struct question *q, const struct avro_node *type, const json_t *value)
{
    size_t count = 0;

    switch (type->kind) {
    case AVRO_NULL:
        return json_is_null(value);
    case AVRO_BOOLEAN:
        return json_is_boolean(value);
    case AVRO_INT:
        return is_integer_within(value, INT32_MIN, INT32_MAX);
    case AVRO_LONG:
        return is_integer_within(value, INT64_MIN, INT64_MAX);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return is_float(value);
    case AVRO_BYTES:
        return bytes_of_default(value, &count);
    case AVRO_FIXED:
        return bytes_of_default(value, &count) && count == type->size;
    case AVRO_STRING:
        return json_is_string(value);
    case AVRO_ENUM:
        return json_is_string(value) && avro_symbol_is_of(type, json_string_value(value));
    case AVRO_ARRAY:
        return fits_items(q, type->items, value);
    case AVRO_MAP:
        return fits_values(q, type->items, value);
    case AVRO_RECORD:
        return fits_fields(q, type, value);
    case AVRO_UNION:
        return fits_branches(q, type, value);
    }
    return false;
}

static bool fits(struct question *q, const struct avro_node *type, const json_t *value)
{
    bool yes;

    if (!value || q->depth >= DEPTH_MAX || q->steps >= STEPS_MAX)
        return false;
    q->depth++;
    q->steps++;
    yes = fits_type(q, type, value);
    q->depth--;
    return yes;
}

bool avro_default_fits(const struct avro_node *type, const json_t *value, size_t *steps)
{
    struct question q = {0};
    bool yes = fits(&q, type, value);

    *steps += (size_t)q.steps;
    return yes;
}
