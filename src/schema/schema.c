/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.c - which versions a schema is judged against, and of which parts it is made.  See schema.h.
 */
#include "schema/judge.h"
#include "schema/key_value.h"
#include "schema/why.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define NEW_SCHEMA       "the new schema"
#define VERSION_NAME_MAX 32

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

static enum err check_one(const struct schema_info *info, struct schema_why *why)
{
    switch (info->type) {
    case SCHEMA_AUTO:
    case SCHEMA_AUTO_CONSUME:
    case SCHEMA_AUTO_PUBLISH:
        why_set(why, NULL, "SCHEMA_TYPE", "Schema %s is a client-side schema type.", schema_type_name(info->type));
        return ERR_INVALID;
    case SCHEMA_NONE:
    case SCHEMA_BYTES:
        return OK; /* never stored */
    case SCHEMA_AVRO:
    case SCHEMA_JSON:
    case SCHEMA_PROTOBUF:
    case SCHEMA_PROTOBUF_NATIVE:
        return judge_definition(info, why);
    case SCHEMA_STRING:
        if (bytes_equal(info->data, bytes_of_text("null"))) /* Python writes that */
            return OK;
        break;
    default:
        break;
    }
    return info->data.len == 0 ? OK : refuse_data(why, info, "has no data");
}

enum err schema_check(const struct schema_info *info, struct schema_why *why)
{
    struct key_value both = {0};
    enum err err;

    if (info->data.len > SCHEMA_BYTES_MAX)
        return refuse_data(why, info, "has at most 1048576 bytes of data");
    if (info->type != SCHEMA_KEY_VALUE)
        return check_one(info, why);
    if ((err = key_value_decode(info, &both, why)) != OK)
        return err;
    if ((err = check_one(&both.key, why)) != OK)
        return err;
    return check_one(&both.value, why);
}

/* -- a candidate, its parts and the versions before ---------------------------------------------------------------- */

/* A schema that is judged, in its parts: one, or the key and the value. */
struct parts {
    struct subject all[2];
    size_t count;
};

static void parts_close(struct parts *p)
{
    while (p->count > 0)
        subject_close(&p->all[--p->count]);
}

static enum err parts_add(struct parts *p, struct schema_info info, const char *called, const char *part,
                          struct schema_why *why)
{
    enum err err = subject_open(&p->all[p->count], info, called, part, why);

    p->count += err == OK;
    return err;
}

/* Then parts_close, on failure too. */
static enum err parts_open(struct parts *p, const struct schema_info *info, const char *called, struct schema_why *why)
{
    struct key_value both = {0};
    enum err err;

    p->count = 0;
    if (info->type != SCHEMA_KEY_VALUE)
        return parts_add(p, *info, called, "", why);
    if ((err = key_value_decode(info, &both, why)) != OK)
        return err;
    if ((err = parts_add(p, both.key, called, "key", why)) != OK)
        return err;
    return parts_add(p, both.value, called, "value", why);
}

/* What cannot be read cannot be compatible; `why` says what is wrong in it, and now also in which. */
static enum err unreadable(enum err err, const char *called, struct schema_why *why)
{
    struct schema_why inner;

    if (err != ERR_INVALID)
        return err;
    inner = *why;
    why_set(why, NULL, inner.rule, "Incompatible schema: %s is not well-formed: %s%s%s%s", called,
            *inner.path ? "field \"" : "", inner.path, *inner.path ? "\": " : "", inner.sentence);
    memcpy(why->path, inner.path, sizeof why->path);
    return ERR_NOT_ALLOWED;
}

static bool same_property(const struct schema_info *a, const struct schema_info *b, const char *name)
{
    return bytes_equal(schema_info_property(a, name), schema_info_property(b, name));
}

/* A KEY_VALUE's types are not among its bytes (Pulsar takes one of other types, without definitions, for the same). */
static bool same_bytes(const struct schema_info *a, const struct schema_info *b)
{
    if (a->type != b->type || !bytes_equal(a->data, b->data))
        return false;
    return a->type != SCHEMA_KEY_VALUE ||
           (same_property(a, b, "key.schema.type") && same_property(a, b, "value.schema.type"));
}

static enum err judge_type(const struct subject *candidate, const struct subject *existing, struct schema_why *why)
{
    bool part = *candidate->part != '\0';

    if (candidate->info.type == existing->info.type)
        return OK;
    why_set(why, NULL, "SCHEMA_TYPE", "Incompatible schema: %s%s%s is of type %s, that of %s of type %s.",
            candidate->called, part ? "'s " : "", candidate->part, schema_type_name(candidate->info.type),
            existing->called, schema_type_name(existing->info.type));
    snprintf(why->path, sizeof why->path, "%s", candidate->part);
    return ERR_NOT_ALLOWED;
}

static enum err judge_parts(const struct parts *candidate, const struct parts *existing, enum schema_strategy strategy,
                            struct schema_why *why)
{
    enum err err = OK;

    assert(candidate->count == existing->count);
    for (size_t i = 0; i < candidate->count && err == OK; i++)
        err = judge_type(&candidate->all[i], &existing->all[i], why);
    for (size_t i = 0; i < candidate->count && err == OK; i++)
        err = judge(&candidate->all[i], &existing->all[i], strategy, why);
    return err;
}

static enum err judge_data(const struct parts *candidate, const struct schema_version *existing, const char *called,
                           enum schema_strategy strategy, struct schema_why *why)
{
    struct parts parts;
    enum err err = unreadable(parts_open(&parts, &existing->info, called, why), called, why);

    if (err == OK)
        err = judge_parts(candidate, &parts, strategy, why);
    parts_close(&parts);
    return err;
}

static enum err refuse_type(const struct schema_info *candidate, const struct schema_version *existing,
                            struct schema_why *why)
{
    why_set(why, NULL, "SCHEMA_TYPE",
            "Incompatible schema: the new schema is of type %s, version %" PRId64 " of type %s.",
            schema_type_name(candidate->type), existing->version, schema_type_name(existing->info.type));
    return ERR_NOT_ALLOWED;
}

static enum err refuse_any(const struct schema_version *existing, struct schema_why *why)
{
    why_set(why, NULL, "ALWAYS_INCOMPATIBLE",
            "Incompatible schema: there is version %" PRId64
            " already, and with the strategy ALWAYS_INCOMPATIBLE nothing goes beside it.",
            existing->version);
    return ERR_NOT_ALLOWED;
}

static enum err refuse_version(struct schema_why *why, const struct schema_version *existing)
{
    enum err err = refuse_any(existing, why);

    why->version = existing->version;
    return err;
}

static enum err judge_version(const struct schema_info *info, const struct parts *candidate,
                              const struct schema_version *existing, enum schema_strategy strategy,
                              struct schema_why *why)
{
    char called[VERSION_NAME_MAX];
    enum err err;

    snprintf(called, sizeof called, "version %" PRId64, existing->version);
    if (info->type != existing->info.type)
        err = refuse_type(info, existing, why);
    else if (same_bytes(info, &existing->info))
        err = OK;
    else if (strategy == SCHEMA_ALWAYS_INCOMPATIBLE)
        err = refuse_any(existing, why);
    else
        err = judge_data(candidate, existing, called, strategy, why);
    if (err == ERR_NOT_ALLOWED)
        why->version = existing->version;
    return err;
}

/* The newest first: it is what most ask about. */
static enum err judge_versions(const struct schema_info *info, const struct schema_version *existing, size_t count,
                               enum schema_strategy strategy, struct schema_why *why)
{
    struct parts candidate;
    enum err err = unreadable(parts_open(&candidate, info, NEW_SCHEMA, why), NEW_SCHEMA, why);

    for (size_t i = count; i > 0 && err == OK; i--)
        err = judge_version(info, &candidate, &existing[i - 1], strategy, why);
    parts_close(&candidate);
    return err;
}

enum err schema_compatible(const struct schema_info *candidate, const struct schema_version *existing, size_t count,
                           enum schema_strategy strategy, struct schema_why *why)
{
    assert(strategy != SCHEMA_UNDEFINED);
    if (count == 0 || strategy == SCHEMA_ALWAYS_COMPATIBLE)
        return OK;
    if (schema_strategy_is_transitive(strategy))
        return judge_versions(candidate, existing, count, strategy, why);
    return judge_versions(candidate, &existing[count - 1], 1, strategy, why);
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
    case SCHEMA_ALWAYS_INCOMPATIBLE: /* Pulsar compares nothing then, not even what is the same */
        return count == 0 ? OK : refuse_version(why, &existing[count - 1]);
    default:
        return schema_compatible(consumer, existing, count, strategy, why);
    }
}

/* -- is it there already? ------------------------------------------------------------------------------------------ */

static bool is_compared_parsed(enum schema_type type)
{
    return type == SCHEMA_AVRO || type == SCHEMA_JSON || type == SCHEMA_PROTOBUF;
}

/* What is not well-formed is the same as nothing, but for its bytes. */
static enum err same_parsed(const struct subject *a, const struct schema_info *b, bool *same)
{
    struct schema_why ignored;
    struct subject other;
    enum err err = subject_open(&other, *b, "", "", &ignored);

    if (err == OK)
        err = judge_same(a, &other, same);
    subject_close(&other);
    return err == ERR_INVALID ? OK : err;
}

static enum err find_parsed(const struct schema_info *candidate, const struct schema_version *existing, size_t count,
                            size_t *index)
{
    struct schema_why ignored;
    struct subject s;
    enum err err = subject_open(&s, *candidate, "", "", &ignored);
    bool same = false;

    for (size_t i = 0; i < count && err == OK && !same; i++) {
        same = same_bytes(candidate, &existing[i].info);
        if (!same && candidate->type == existing[i].info.type)
            err = same_parsed(&s, &existing[i].info, &same);
        if (same)
            *index = i;
    }
    subject_close(&s);
    return err == OK && !same ? ERR_NOT_FOUND : err;
}

enum err schema_find(const struct schema_info *candidate, const struct schema_version *existing, size_t count,
                     size_t *index)
{
    enum err err = ERR_INVALID;

    if (is_compared_parsed(candidate->type))
        err = find_parsed(candidate, existing, count, index);
    if (err != ERR_INVALID)
        return err;
    for (size_t i = 0; i < count; i++)
        if (same_bytes(candidate, &existing[i].info)) {
            *index = i;
            return OK;
        }
    return ERR_NOT_FOUND;
}

enum err schema_same(const struct schema_info *a, const struct schema_info *b, bool *same)
{
    struct schema_version only = {.info = *b};
    size_t index;
    enum err err = schema_find(a, &only, 1, &index);

    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    *same = err == OK;
    return OK;
}
