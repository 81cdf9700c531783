/* SPDX-License-Identifier: Apache-2.0
 *
 * types.c - names and numbers of schema types and strategies.
 */
#include "schema/schema.h"

#include <assert.h>
#include <strings.h>

#define WIRE_AUTO_CONSUME 21 /* on the wire only: Pulsar's own number of it is negative */

struct type_name {
    enum schema_type type;
    const char *name;
};

static const struct type_name type_names[] = {
    {SCHEMA_AUTO_PUBLISH, "AUTO_PUBLISH"},
    {SCHEMA_AUTO_CONSUME, "AUTO_CONSUME"},
    {SCHEMA_AUTO, "AUTO"},
    {SCHEMA_BYTES, "BYTES"},
    {SCHEMA_NONE, "NONE"},
    {SCHEMA_STRING, "STRING"},
    {SCHEMA_JSON, "JSON"},
    {SCHEMA_PROTOBUF, "PROTOBUF"},
    {SCHEMA_AVRO, "AVRO"},
    {SCHEMA_BOOLEAN, "BOOLEAN"},
    {SCHEMA_INT8, "INT8"},
    {SCHEMA_INT16, "INT16"},
    {SCHEMA_INT32, "INT32"},
    {SCHEMA_INT64, "INT64"},
    {SCHEMA_FLOAT, "FLOAT"},
    {SCHEMA_DOUBLE, "DOUBLE"},
    {SCHEMA_DATE, "DATE"},
    {SCHEMA_TIME, "TIME"},
    {SCHEMA_TIMESTAMP, "TIMESTAMP"},
    {SCHEMA_KEY_VALUE, "KEY_VALUE"},
    {SCHEMA_INSTANT, "INSTANT"},
    {SCHEMA_LOCAL_DATE, "LOCAL_DATE"},
    {SCHEMA_LOCAL_TIME, "LOCAL_TIME"},
    {SCHEMA_LOCAL_DATE_TIME, "LOCAL_DATE_TIME"},
    {SCHEMA_PROTOBUF_NATIVE, "PROTOBUF_NATIVE"},
};

#define TYPES (sizeof type_names / sizeof type_names[0])

const char *schema_type_name(enum schema_type type)
{
    size_t i = (size_t)(type - SCHEMA_AUTO_PUBLISH);

    assert(i < TYPES);
    assert(type_names[i].type == type);
    return type_names[i].name;
}

static bool same_letters(struct bytes text, const char *name)
{
    return text.len == strlen(name) && strncasecmp((const char *)text.data, name, text.len) == 0;
}

bool schema_type_of_name(enum schema_type *out, struct bytes name)
{
    if (name.len == 0)
        return false;
    for (size_t i = 0; i < TYPES; i++)
        if (same_letters(name, type_names[i].name)) {
            *out = type_names[i].type;
            return true;
        }
    return false;
}

bool schema_type_of_wire(enum schema_type *out, int number)
{
    if (number == WIRE_AUTO_CONSUME) {
        *out = SCHEMA_AUTO_CONSUME;
        return true;
    }
    if (number < SCHEMA_NONE || number > SCHEMA_PROTOBUF_NATIVE)
        return false;
    *out = (enum schema_type)number;
    return true;
}

static const char *const strategy_names[SCHEMA_STRATEGIES] = {
    [SCHEMA_UNDEFINED] = "UNDEFINED",
    [SCHEMA_ALWAYS_INCOMPATIBLE] = "ALWAYS_INCOMPATIBLE",
    [SCHEMA_ALWAYS_COMPATIBLE] = "ALWAYS_COMPATIBLE",
    [SCHEMA_BACKWARD] = "BACKWARD",
    [SCHEMA_FORWARD] = "FORWARD",
    [SCHEMA_FULL] = "FULL",
    [SCHEMA_BACKWARD_TRANSITIVE] = "BACKWARD_TRANSITIVE",
    [SCHEMA_FORWARD_TRANSITIVE] = "FORWARD_TRANSITIVE",
    [SCHEMA_FULL_TRANSITIVE] = "FULL_TRANSITIVE",
};

const char *schema_strategy_name(enum schema_strategy strategy)
{
    assert((size_t)strategy < SCHEMA_STRATEGIES);
    return strategy_names[strategy];
}

bool schema_strategy_of_name(enum schema_strategy *out, struct bytes name)
{
    for (size_t i = 0; i < SCHEMA_STRATEGIES; i++)
        if (bytes_equal(name, bytes_of_text(strategy_names[i]))) {
            *out = (enum schema_strategy)i;
            return true;
        }
    return false;
}

bool schema_strategy_is_transitive(enum schema_strategy strategy)
{
    return strategy >= SCHEMA_BACKWARD_TRANSITIVE;
}
