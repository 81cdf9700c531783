/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_fuzz.c - one byte for the type, then two schemas with a zero byte between them, judged against each other.
 */
#include "fuzz.h"

#include "base/text.h"
#include "schema/key_value.h"

#include <string.h>

static void is_readable(const struct schema_why *why)
{
    HOLDS(strlen(why->sentence) > 0 && strlen(why->sentence) < sizeof why->sentence);
    HOLDS(strlen(why->rule) > 0);
    for (struct bytes rest = bytes_of_text(why->sentence); rest.len > 0;) {
        size_t sequence = utf8_sequence(rest);
        HOLDS(sequence > 0);
        rest = bytes_of(rest.data + sequence, rest.len - sequence);
    }
}

static bool is_well_formed(const struct schema_info *info)
{
    struct schema_why why;
    enum err err = schema_check(info, &why);

    if (err == OK)
        return true;
    HOLDS(err == ERR_INVALID || err == ERR_NOMEM);
    if (err == ERR_INVALID)
        is_readable(&why);
    return false;
}

static bool may_follow(const struct schema_info *a, const struct schema_info *b, enum schema_strategy strategy,
                       struct schema_why *why)
{
    struct schema_version before = {.version = 3, .info = *b};
    enum err err = schema_compatible(a, &before, 1, strategy, why);

    HOLDS(err == OK || err == ERR_NOT_ALLOWED || err == ERR_NOMEM);
    if (err == ERR_NOT_ALLOWED) {
        is_readable(why);
        HOLDS(why->version == 3);
    }
    return err == OK;
}

/* Two that are the same read each other; only aliases, which do not count for that, may say otherwise. */
static void same_ones_are_compatible(const struct schema_info *a, const struct schema_info *b)
{
    bool same = false, other_way = false;
    struct schema_why why;

    if (schema_same(a, b, &same) != OK || schema_same(b, a, &other_way) != OK)
        return;
    HOLDS(same == other_way);
    if (same && !may_follow(a, b, SCHEMA_FULL, &why))
        HOLDS(strcmp(why.rule, "AMBIGUOUS_ALIAS") == 0 || strcmp(why.rule, "TOO_COMPLEX") == 0);
}

static void judge(const struct schema_info *a, const struct schema_info *b)
{
    struct schema_why why;
    bool backward = may_follow(a, b, SCHEMA_BACKWARD, &why), forward = may_follow(a, b, SCHEMA_FORWARD, &why);

    HOLDS(may_follow(a, b, SCHEMA_FULL, &why) == (backward && forward));
    HOLDS(may_follow(a, b, SCHEMA_FULL_TRANSITIVE, &why) == (backward && forward));
    HOLDS(may_follow(b, a, SCHEMA_FORWARD, &why) == backward);
    HOLDS(may_follow(a, b, SCHEMA_ALWAYS_COMPATIBLE, &why));
    HOLDS(may_follow(a, a, SCHEMA_FULL, &why));
    same_ones_are_compatible(a, b);
}

static void as_json(const struct schema_info *info)
{
    struct schema_why why;
    uint8_t *data = NULL;
    struct text out;
    size_t len = 0;

    text_init(&out, 1 << 20);
    if (key_value_to_json(info->data, &out) == OK && !text_failed(&out) &&
        key_value_from_json(bytes_of(out.data, out.len), &data, &len, &why) == OK)
        free(data);
    text_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum schema_type types[] = {SCHEMA_AVRO, SCHEMA_JSON, SCHEMA_PROTOBUF_NATIVE, SCHEMA_KEY_VALUE,
                                             SCHEMA_STRING};
    static const struct schema_property properties[] = {
        {{(const uint8_t *)"key.schema.type", 15}, {(const uint8_t *)"AVRO", 4}},
        {{(const uint8_t *)"value.schema.type", 17}, {(const uint8_t *)"JSON", 4}},
    };
    struct schema_info a = {.properties = properties, .property_count = 2}, b = a;
    const uint8_t *between;

    if (size == 0)
        return 0;
    a.type = b.type = types[data[0] % (sizeof types / sizeof types[0])];
    a.data = bytes_of(data + 1, size - 1);
    if (a.type == SCHEMA_KEY_VALUE)
        as_json(&a);
    if (a.type != SCHEMA_KEY_VALUE && (between = memchr(a.data.data, 0, a.data.len))) {
        b.data = bytes_of(between + 1, (size_t)(data + size - between - 1));
        a.data.len = (size_t)(between - a.data.data);
    } else {
        b.data = a.data;
    }
    if (is_well_formed(&a) && is_well_formed(&b))
        judge(&a, &b);
    return 0;
}
