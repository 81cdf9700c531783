/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.c - see judge.h.
 *
 * Which type is judged how, as Pulsar 4.0 does with the checkers that it has by default:
 *     AVRO, JSON          Avro's resolution; Jackson's old form: any two, one of which is Avro; or two of the same id
 *     PROTOBUF_NATIVE     the same root message
 *     PROTOBUF, the rest  any two of the same type
 */
#include "schema/judge.h"
#include "schema/avro_resolve.h"
#include "schema/json_form.h"
#include "schema/protobuf_native.h"
#include "schema/why.h"

#include <assert.h>
#include <stdio.h>

static bool is_read_as_avro(enum schema_type type)
{
    return type == SCHEMA_AVRO || type == SCHEMA_JSON || type == SCHEMA_PROTOBUF;
}

static enum err read_definition(const struct schema_info *info, struct definition *out, struct schema_why *why)
{
    char id[JSON_FORM_ID_MAX];
    enum err err = avro_parse(&out->avro, info->data, why), form;

    if (err != ERR_INVALID || info->type != SCHEMA_JSON)
        return err;
    form = json_form_read(info->data, id);
    out->is_old_form = form == OK;
    return form == ERR_INVALID ? err : form; /* what was wrong is what Avro says */
}

static enum err check_avro(const struct schema_info *info, struct schema_why *why)
{
    struct definition definition = {0};
    enum err err = read_definition(info, &definition, why);

    if (err == OK && info->type == SCHEMA_AVRO && avro_root(definition.avro)->kind == AVRO_UNION) {
        why_set(why, NULL, "AVRO_SCHEMA", "An AVRO schema that is a union is not supported.");
        err = ERR_INVALID;
    }
    avro_free(definition.avro);
    return err;
}

enum err judge_definition(const struct schema_info *info, struct schema_why *why)
{
    char name[MESSAGE_NAME_MAX];

    assert(info->type != SCHEMA_KEY_VALUE);
    if (info->type == SCHEMA_PROTOBUF_NATIVE)
        return protobuf_native_root(info->data, name, why);
    return is_read_as_avro(info->type) ? check_avro(info, why) : OK;
}

enum err subject_open(struct subject *s, struct schema_info info, const char *called, const char *part,
                      struct schema_why *why)
{
    *s = (struct subject){.info = info, .called = called, .part = part};
    return is_read_as_avro(info.type) ? read_definition(&info, &s->definition, why) : OK;
}

void subject_close(struct subject *s)
{
    avro_free(s->definition.avro);
    s->definition.avro = NULL;
}

/* -- Avro --------------------------------------------------------------------------------------------------------- */

/* The path within a key or a value begins with that. */
static void full_path(const char *part, const char *path, char *to, size_t size)
{
    if (snprintf(to, size, "%s%s%s", part, *part && *path ? "." : "", path) < 0)
        *to = '\0'; /* cut is fine */
    why_clean(to);
}

static enum err refuse_reading(const struct subject *reader, const struct subject *writer,
                               enum schema_strategy strategy, const struct avro_refusal *refusal,
                               struct schema_why *why)
{
    char path[SCHEMA_PATH_MAX];

    full_path(reader->part, refusal->path, path, sizeof path);
    why_set(why, NULL, refusal->rule, "Incompatible schema: %s must read data of %s (%s), and cannot: %s%s%s%s (%s).",
            reader->called, writer->called, schema_strategy_name(strategy), *path ? "field \"" : "", path,
            *path ? "\": " : "", refusal->text, refusal->rule);
    memcpy(why->path, path, sizeof path);
    return ERR_NOT_ALLOWED;
}

static enum err judge_reading(const struct subject *reader, const struct subject *writer, enum schema_strategy strategy,
                              struct schema_why *why)
{
    struct avro_refusal refusal = {0};
    enum err err = avro_resolve((struct avro_side){reader->definition.avro, reader->called},
                                (struct avro_side){writer->definition.avro, writer->called}, &refusal);

    return err == ERR_NOT_ALLOWED ? refuse_reading(reader, writer, strategy, &refusal, why) : err;
}

static bool asks_candidate_to_read(enum schema_strategy s)
{
    return s == SCHEMA_BACKWARD || s == SCHEMA_BACKWARD_TRANSITIVE || s == SCHEMA_FULL || s == SCHEMA_FULL_TRANSITIVE;
}

static bool asks_existing_to_read(enum schema_strategy s)
{
    return s == SCHEMA_FORWARD || s == SCHEMA_FORWARD_TRANSITIVE || s == SCHEMA_FULL || s == SCHEMA_FULL_TRANSITIVE;
}

static enum err judge_avro(const struct subject *candidate, const struct subject *existing,
                           enum schema_strategy strategy, struct schema_why *why)
{
    enum err err = OK;

    if (asks_candidate_to_read(strategy))
        err = judge_reading(candidate, existing, strategy, why);
    if (err == OK && asks_existing_to_read(strategy))
        err = judge_reading(existing, candidate, strategy, why);
    return err;
}

/* -- the others --------------------------------------------------------------------------------------------------- */

static enum err judge_old_forms(const struct subject *candidate, const struct subject *existing, struct schema_why *why)
{
    char id[JSON_FORM_ID_MAX] = "", before[JSON_FORM_ID_MAX] = "";
    enum err err;

    if ((err = json_form_read(candidate->info.data, id)) != OK)
        return err;
    if ((err = json_form_read(existing->info.data, before)) != OK)
        return err;
    if (*id && strcmp(id, before) == 0)
        return OK;
    why_set(why, NULL, "JSON_SCHEMA_ID", "Incompatible schema: the id is \"%.200s\" in %s and \"%.200s\" in %s.", id,
            candidate->called, before, existing->called);
    return ERR_NOT_ALLOWED;
}

static enum err judge_json(const struct subject *candidate, const struct subject *existing,
                           enum schema_strategy strategy, struct schema_why *why)
{
    if (candidate->definition.is_old_form && existing->definition.is_old_form)
        return judge_old_forms(candidate, existing, why);
    if (candidate->definition.is_old_form || existing->definition.is_old_form)
        return OK;
    return judge_avro(candidate, existing, strategy, why);
}

static enum err judge_protobuf(const struct subject *candidate, const struct subject *existing, struct schema_why *why)
{
    char root[MESSAGE_NAME_MAX] = "", before[MESSAGE_NAME_MAX] = "";
    enum err err;

    if ((err = protobuf_native_root(candidate->info.data, root, why)) != OK)
        return err;
    if ((err = protobuf_native_root(existing->info.data, before, why)) != OK)
        return err;
    if (strcmp(root, before) == 0)
        return OK;
    why_set(why, NULL, "PROTOBUF_ROOT_MESSAGE",
            "Incompatible schema: the root message is \"%.200s\" in %s and \"%.200s\" in %s, and may not change.", root,
            candidate->called, before, existing->called);
    return ERR_NOT_ALLOWED;
}

enum err judge(const struct subject *candidate, const struct subject *existing, enum schema_strategy strategy,
               struct schema_why *why)
{
    assert(candidate->info.type == existing->info.type);
    switch (candidate->info.type) {
    case SCHEMA_AVRO:
        return judge_avro(candidate, existing, strategy, why);
    case SCHEMA_JSON:
        return judge_json(candidate, existing, strategy, why);
    case SCHEMA_PROTOBUF_NATIVE:
        return judge_protobuf(candidate, existing, why);
    default:
        return OK;
    }
}

enum err judge_same(const struct subject *a, const struct subject *b, bool *same)
{
    *same = false;
    if (!a->definition.avro || !b->definition.avro)
        return OK; /* of the old form: by their bytes only */
    return avro_same(a->definition.avro, b->definition.avro, same);
}
