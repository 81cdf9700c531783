/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_names.c - see avro_names.h.
 */
#include "schema/avro_names.h"

#include <assert.h>
#include <stdio.h>

static const char *const kind_names[] = {
    [AVRO_NULL] = "null",     [AVRO_BOOLEAN] = "boolean", [AVRO_INT] = "int",     [AVRO_LONG] = "long",
    [AVRO_FLOAT] = "float",   [AVRO_DOUBLE] = "double",   [AVRO_BYTES] = "bytes", [AVRO_STRING] = "string",
    [AVRO_RECORD] = "record", [AVRO_ENUM] = "enum",       [AVRO_FIXED] = "fixed", [AVRO_ARRAY] = "array",
    [AVRO_MAP] = "map",       [AVRO_UNION] = "union",
};

const char *avro_kind_name(enum avro_kind kind)
{
    assert((size_t)kind < sizeof kind_names / sizeof kind_names[0]);
    return kind_names[kind];
}

bool avro_primitive_of_name(enum avro_kind *out, const char *name)
{
    for (enum avro_kind kind = AVRO_NULL; kind < AVRO_PRIMITIVES; kind++)
        if (strcmp(kind_names[kind], name) == 0) {
            *out = kind;
            return true;
        }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

bool avro_name_is_valid(const char *name)
{
    if (!is_letter(*name))
        return false;
    while (is_letter(*name) || (*name >= '0' && *name <= '9'))
        name++;
    return *name == '\0';
}

const char *avro_simple_name(const char *full)
{
    const char *dot = strrchr(full, '.');

    return dot ? dot + 1 : full;
}

struct bytes avro_namespace_of(const char *full)
{
    const char *dot = strrchr(full, '.');

    return bytes_of(full, dot ? (size_t)(dot - full) : 0);
}

bool avro_full_name(char *to, const char *name, struct bytes space)
{
    if (*name == '.' && !strchr(name + 1, '.'))
        name++, space.len = 0; /* ".Name": in no namespace */
    if (strchr(name, '.'))
        space.len = 0;
    return snprintf(to, AVRO_NAME_MAX + 1, "%.*s%s%s", (int)space.len, (const char *)space.data,
                    space.len > 0 ? "." : "", name) <= AVRO_NAME_MAX;
}
