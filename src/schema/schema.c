/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.c - which judge a type has, and which versions it is asked about.  See schema.h.
 */
#include "schema/schema.h"
#include "schema/why.h"

#include <assert.h>
#include <inttypes.h>

struct bytes schema_info_property(const struct schema_info *info, const char *name)
{
    for (size_t i = 0; i < info->property_count; i++)
        if (bytes_equal(info->properties[i].name, bytes_of_text(name)))
            return info->properties[i].value;
    return bytes_of(NULL, 0);
}

static enum err refuse_data(struct schema_why *why, const struct schema_info *info, const char *must)
{
    why_set(why, NULL, "SCHEMA_DATA", "A schema of type %s %s; %zu bytes are given.", schema_type_name(info->type),
            must, info->data.len);
    return ERR_INVALID;
}

enum err schema_check(const struct schema_info *info, struct schema_why *why)
{
    if (info->data.len > SCHEMA_BYTES_MAX)
        return refuse_data(why, info, "has at most 1048576 bytes of data");
    switch (info->type) {
    case SCHEMA_AUTO:
    case SCHEMA_AUTO_CONSUME:
    case SCHEMA_AUTO_PUBLISH:
        why_set(why, NULL, "SCHEMA_TYPE", "Schema %s is a client-side schema type.", schema_type_name(info->type));
        return ERR_INVALID;
    case SCHEMA_NONE:
    case SCHEMA_BYTES:
        return OK; /* never stored */
    case SCHEMA_STRING:
        if (info->data.len > 0 && !bytes_equal(info->data, bytes_of_text("null"))) /* Python writes that */
            return refuse_data(why, info, "has no data");
        return OK;
    case SCHEMA_AVRO:
    case SCHEMA_JSON:
    case SCHEMA_PROTOBUF:
    case SCHEMA_PROTOBUF_NATIVE:
    case SCHEMA_KEY_VALUE:
        return info->data.len > 0 ? OK : refuse_data(why, info, "has a definition as its data");
    default:
        return info->data.len > 0 ? refuse_data(why, info, "has no data") : OK;
    }
}

static bool same_bytes(const struct schema_info *a, const struct schema_info *b)
{
    return a->type == b->type && bytes_equal(a->data, b->data);
}

enum err schema_same(const struct schema_info *a, const struct schema_info *b, bool *same)
{
    *same = same_bytes(a, b);
    return OK;
}

enum err schema_find(const struct schema_info *candidate, const struct schema_version *existing, size_t count,
                     size_t *index)
{
    for (size_t i = 0; i < count; i++)
        if (same_bytes(candidate, &existing[i].info)) {
            *index = i;
            return OK;
        }
    return ERR_NOT_FOUND;
}

static enum err judge_type(const struct schema_info *candidate, const struct schema_version *existing,
                           struct schema_why *why)
{
    if (candidate->type == existing->info.type)
        return OK;
    why_set(why, NULL, "SCHEMA_TYPE", "Incompatible schema: version %" PRId64 " is of type %s, the new one of type %s.",
            existing->version, schema_type_name(existing->info.type), schema_type_name(candidate->type));
    why->version = existing->version;
    return ERR_NOT_ALLOWED;
}

static bool has_definition(enum schema_type type)
{
    return type == SCHEMA_AVRO || type == SCHEMA_JSON || type == SCHEMA_PROTOBUF || type == SCHEMA_PROTOBUF_NATIVE ||
           type == SCHEMA_KEY_VALUE;
}

static enum err judge(const struct schema_info *candidate, const struct schema_version *existing,
                      enum schema_strategy strategy, struct schema_why *why)
{
    enum err err = judge_type(candidate, existing, why);

    if (err != OK || same_bytes(candidate, &existing->info))
        return err;
    if (strategy != SCHEMA_ALWAYS_INCOMPATIBLE && !has_definition(candidate->type))
        return OK;
    why_set(why, NULL, "SCHEMA_STRATEGY",
            "Incompatible schema: the new one differs from version %" PRId64 " (strategy %s).", existing->version,
            schema_strategy_name(strategy));
    why->version = existing->version;
    return ERR_NOT_ALLOWED;
}

enum err schema_compatible(const struct schema_info *candidate, const struct schema_version *existing, size_t count,
                           enum schema_strategy strategy, struct schema_why *why)
{
    size_t first = schema_strategy_is_transitive(strategy) || count == 0 ? 0 : count - 1;
    enum err err = OK;

    assert(strategy != SCHEMA_UNDEFINED);
    if (strategy == SCHEMA_ALWAYS_COMPATIBLE)
        return OK;
    for (size_t i = count; i > first && err == OK; i--)
        err = judge(candidate, &existing[i - 1], strategy, why);
    return err;
}

enum err schema_readable(const struct schema_info *consumer, const struct schema_version *existing, size_t count,
                         enum schema_strategy strategy, struct schema_why *why)
{
    switch (strategy) {
    case SCHEMA_BACKWARD:
    case SCHEMA_FORWARD:
    case SCHEMA_FORWARD_TRANSITIVE:
    case SCHEMA_FULL:
        return schema_compatible(consumer, existing, count, SCHEMA_BACKWARD, why);
    default:
        return schema_compatible(consumer, existing, count, strategy, why);
    }
}
