/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_resolve.c - a walk over two schemas at once.  See avro_resolve.h.
 *
 * A pair of records is judged once (pairs.h); all recursion goes through records.  Of several ways through a union one
 * is chosen before it is gone; those that are only tried write no refusal.  Whatever fails last, outside of a trial, is
 * what the walk failed for.
 */
#include "schema/avro_resolve.h"
#include "schema/pairs.h"
#include "schema/why.h"

#include <stdarg.h>
#include <stdio.h>

struct walk {
    struct pairs pairs;
    struct avro_refusal *refusal;
    const char *reader, *writer; /* what they are called */
    const struct place *at;
    int depth, trials;
    size_t work; /* steps so far */
};

static enum err resolve(struct walk *w, const struct avro_node *reader, const struct avro_node *writer);

static enum err refuse(struct walk *w, const char *rule, const char *format, ...) PRINTF_LIKE(3, 4);

static enum err refuse(struct walk *w, const char *rule, const char *format, ...)
{
    va_list args;

    w->refusal->rule = rule;
    if (w->trials > 0)
        return ERR_NOT_ALLOWED; /* nobody reads it */
    place_text(w->at, w->refusal->path, sizeof w->refusal->path);
    va_start(args, format);
    vsnprintf(w->refusal->text, sizeof w->refusal->text, format, args);
    va_end(args);
    return ERR_NOT_ALLOWED;
}

/* Ends the walk, trials included. */
static enum err too_complex(struct walk *w)
{
    w->trials = 0;
    refuse(w, "TOO_COMPLEX", "the schemas are too complex to be compared");
    return ERR_TOO_LARGE;
}

static enum err resolve_inside(struct walk *w, const char *name, const struct avro_node *reader,
                               const struct avro_node *writer)
{
    const struct place place = {.up = w->at, .name = name};
    enum err err;

    w->at = &place;
    err = resolve(w, reader, writer);
    w->at = place.up;
    return err;
}

/* -- names ------------------------------------------------------------------------------------------------------- */

static bool is_called_the_same(const struct avro_node *reader, const struct avro_node *writer)
{
    return strcmp(reader->name, writer->name) == 0;
}

static bool is_same_type(const struct avro_node *reader, const struct avro_node *writer)
{
    if (is_called_the_same(reader, writer))
        return true;
    for (size_t i = 0; i < reader->aliases.count; i++)
        if (strcmp(reader->aliases.all[i], writer->name) == 0)
            return true;
    return false;
}

/* Without namespaces, as the specification has it. */
static bool is_alike(const struct avro_node *reader, const struct avro_node *writer)
{
    return is_same_type(reader, writer) || strcmp(reader->simple, writer->simple) == 0;
}

static enum err check_names(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    if (is_alike(reader, writer))
        return OK;
    return refuse(w, "NAME_MISMATCH", "the %s is called \"%s\" in %s and \"%s\" in %s, and no alias leads there",
                  avro_kind_name(reader->kind), reader->name, w->reader, writer->name, w->writer);
}

/* -- primitives -------------------------------------------------------------------------------------------------- */

static bool is_promoted(enum avro_kind reader, enum avro_kind writer)
{
    switch (reader) {
    case AVRO_LONG:
        return writer == AVRO_INT;
    case AVRO_FLOAT:
        return writer == AVRO_INT || writer == AVRO_LONG;
    case AVRO_DOUBLE:
        return writer == AVRO_INT || writer == AVRO_LONG || writer == AVRO_FLOAT;
    case AVRO_BYTES:
        return writer == AVRO_STRING;
    case AVRO_STRING:
        return writer == AVRO_BYTES;
    default:
        return false;
    }
}

static enum err check_promotion(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    if (is_promoted(reader->kind, writer->kind))
        return OK;
    return refuse(w, "TYPE_MISMATCH", "%s has the type \"%s\" there, which cannot read the \"%s\" of %s", w->reader,
                  reader->name, writer->name, w->writer);
}

static enum err check_decimal(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    if (reader->precision == 0 || writer->precision == 0 ||
        (reader->precision == writer->precision && reader->scale == writer->scale))
        return OK;
    return refuse(w, "DECIMAL_MISMATCH", "it is decimal(%u, %u) in %s and decimal(%u, %u) in %s", reader->precision,
                  reader->scale, w->reader, writer->precision, writer->scale, w->writer);
}

/* -- fixed, enums ------------------------------------------------------------------------------------------------ */

static enum err resolve_fixed(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    enum err err = check_names(w, reader, writer);

    if (err != OK)
        return err;
    if (reader->size != writer->size)
        return refuse(w, "FIXED_SIZE_MISMATCH", "the fixed \"%s\" has %u bytes in %s and %u in %s", reader->name,
                      reader->size, w->reader, writer->size, w->writer);
    return check_decimal(w, reader, writer);
}

static enum err resolve_enum(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    enum err err = check_names(w, reader, writer);

    if (err != OK || reader->symbols.fallback)
        return err;
    w->work += writer->symbols.all.count;
    for (size_t i = 0; i < writer->symbols.all.count; i++)
        if (!avro_symbol_is_of(reader, writer->symbols.all.all[i]))
            return refuse(
                w, "MISSING_ENUM_SYMBOLS",
                "%s has the symbol \"%s\" in the enum \"%s\", which %s neither has nor has a default symbol for",
                w->writer, writer->symbols.all.all[i], writer->name, w->reader);
    return OK;
}

/* -- records ----------------------------------------------------------------------------------------------------- */

/* By its name or its aliases.  *found NULL: none. */
static enum err find_written(struct walk *w, const struct avro_field *f, const struct avro_node *writer,
                             const struct avro_field **found)
{
    *found = avro_field_find(writer, f->name);
    w->work += f->aliases.count;
    for (size_t i = 0; i < f->aliases.count; i++) {
        const struct avro_field *other = avro_field_find(writer, f->aliases.all[i]);

        if (other && *found && other != *found)
            return refuse(w, "AMBIGUOUS_ALIAS", "its names in %s lead to two fields of %s, \"%s\" and \"%s\"",
                          w->reader, w->writer, (*found)->name, other->name);
        if (other)
            *found = other;
    }
    return OK;
}

static enum err check_default(struct walk *w, const struct avro_field *f)
{
    if (!f->initial)
        return refuse(w, "READER_FIELD_MISSING_DEFAULT_VALUE",
                      "%s has no default value for the field, and %s does not have it", w->reader, w->writer);
    if (!avro_default_fits(f->type, f->initial, &w->work))
        return refuse(w, "INVALID_DEFAULT_VALUE",
                      "%s does not have the field, and its default value in %s is none of its type \"%s\"", w->writer,
                      w->reader, f->type->name);
    return OK;
}

static enum err resolve_field(struct walk *w, const struct avro_field *f, const struct avro_node *writer)
{
    const struct place place = {.up = w->at, .name = f->name};
    const struct avro_field *written = NULL;
    enum err err;

    w->at = &place;
    err = find_written(w, f, writer, &written);
    if (err == OK)
        err = written ? resolve(w, f->type, written->type) : check_default(w, f);
    w->at = place.up;
    return err;
}

static enum err resolve_fields(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    enum err err = OK;

    for (size_t i = 0; i < reader->fields.count && err == OK; i++)
        err = resolve_field(w, &reader->fields.all[i], writer);
    return err;
}

static enum err resolve_record(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    enum pair_state state = PAIR_OPEN;
    const char *rule = NULL;
    size_t number = 0;
    enum err err = pairs_open(&w->pairs, reader, writer, &state, &rule, &number);

    if (err != OK)
        return err == ERR_TOO_LARGE ? too_complex(w) : err;
    if (state == PAIR_GOOD)
        return OK;
    if (state == PAIR_BAD)
        return refuse(w, rule, "the record \"%s\" of %s cannot read \"%s\" of %s", reader->name, w->reader,
                      writer->name, w->writer);
    err = resolve_fields(w, reader, writer);
    if (err == OK || err == ERR_NOT_ALLOWED)
        pairs_settle(&w->pairs, number, err == OK ? NULL : w->refusal->rule);
    return err;
}

/* -- unions ------------------------------------------------------------------------------------------------------ */

static enum err try_record(struct walk *w, const struct avro_node *reader, const struct avro_node *writer, bool *reads)
{
    enum err err;

    w->trials++;
    err = resolve_record(w, reader, writer);
    if (err != OK && err != ERR_NOT_ALLOWED)
        return err;
    w->trials--;
    *reads = err == OK;
    return OK;
}

/* The record that is structured so that it reads the writer's: the first, or the last of those called alike. */
static enum err choose_by_structure(struct walk *w, const struct avro_node *branches, const struct avro_node *writer,
                                    const struct avro_node **chosen)
{
    for (size_t i = 0; i < branches->branches.count; i++) {
        const struct avro_node *b = branches->branches.all[i];
        bool reads = false;
        enum err err;

        if (b->kind != AVRO_RECORD || (*chosen && !is_alike(b, writer)))
            continue;
        if ((err = try_record(w, b, writer, &reads)) != OK)
            return err;
        if (reads)
            *chosen = b;
    }
    return OK;
}

static const struct avro_node *choose_by_name(const struct avro_node *branches, const struct avro_node *writer,
                                              bool (*matches)(const struct avro_node *, const struct avro_node *))
{
    for (size_t i = 0; i < branches->branches.count; i++) {
        const struct avro_node *b = branches->branches.all[i];

        if (b->kind == writer->kind && (!avro_has_name(b) || matches(b, writer)))
            return b;
    }
    return NULL;
}

static const struct avro_node *choose_promotion(const struct avro_node *branches, const struct avro_node *writer)
{
    for (size_t i = 0; i < branches->branches.count; i++)
        if (is_promoted(branches->branches.all[i]->kind, writer->kind))
            return branches->branches.all[i];
    return NULL;
}

static enum err choose(struct walk *w, const struct avro_node *branches, const struct avro_node *writer,
                       const struct avro_node **chosen)
{
    enum err err;

    w->work += branches->branches.count;
    if ((*chosen = choose_by_name(branches, writer, is_called_the_same)))
        return OK;
    if ((*chosen = choose_by_name(branches, writer, is_same_type)))
        return OK;
    if (writer->kind == AVRO_RECORD && (err = choose_by_structure(w, branches, writer, chosen)) != OK)
        return err;
    if (!*chosen && avro_has_name(writer))
        *chosen = choose_by_name(branches, writer, is_alike);
    if (!*chosen)
        *chosen = choose_promotion(branches, writer);
    return OK;
}

static enum err resolve_in_union(struct walk *w, const struct avro_node *branches, const struct avro_node *writer)
{
    const struct avro_node *chosen = NULL;
    enum err err = choose(w, branches, writer, &chosen);

    if (err != OK)
        return err;
    if (chosen)
        return resolve(w, chosen, writer);
    return refuse(w, "MISSING_UNION_BRANCH", "no type of the union in %s reads the \"%s\" of %s", w->reader,
                  writer->name, w->writer);
}

static enum err resolve_each_written(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    enum err err = OK;

    for (size_t i = 0; i < writer->branches.count && err == OK; i++)
        err = resolve(w, reader, writer->branches.all[i]);
    return err;
}

/* -- any type ---------------------------------------------------------------------------------------------------- */

static enum err resolve_kind(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    if (writer->kind == AVRO_UNION)
        return resolve_each_written(w, reader, writer);
    if (reader->kind == AVRO_UNION)
        return resolve_in_union(w, reader, writer);
    if (reader->kind != writer->kind)
        return check_promotion(w, reader, writer);
    switch (reader->kind) {
    case AVRO_RECORD:
        return resolve_record(w, reader, writer);
    case AVRO_ENUM:
        return resolve_enum(w, reader, writer);
    case AVRO_FIXED:
        return resolve_fixed(w, reader, writer);
    case AVRO_ARRAY:
        return resolve_inside(w, PLACE_ITEMS, reader->items, writer->items);
    case AVRO_MAP:
        return resolve_inside(w, PLACE_VALUES, reader->items, writer->items);
    case AVRO_BYTES:
        return check_decimal(w, reader, writer);
    default:
        return OK;
    }
}

static enum err resolve(struct walk *w, const struct avro_node *reader, const struct avro_node *writer)
{
    enum err err;

    if (w->depth >= AVRO_RESOLVE_DEPTH_MAX || ++w->work > AVRO_RESOLVE_WORK_MAX)
        return too_complex(w);
    w->depth++;
    err = resolve_kind(w, reader, writer);
    w->depth--;
    return err;
}

enum err avro_resolve(struct avro_side reader, struct avro_side writer, struct avro_refusal *refusal)
{
    struct walk w = {.refusal = refusal, .reader = reader.called, .writer = writer.called};
    enum err err;

    pairs_init(&w.pairs);
    err = resolve(&w, avro_root(reader.schema), avro_root(writer.schema));
    pairs_deinit(&w.pairs);
    return err == ERR_TOO_LARGE ? ERR_NOT_ALLOWED : err;
}
