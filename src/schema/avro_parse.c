/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_parse.c - from JSON to nodes.
 *
 * jansson bounds the depth of the text (2,048) and has the whole of it before the first node is made; here the depth of
 * definitions, the number of nodes and the arena are bounded.  A named type is known from its head on, so that its own
 * fields may speak of it.
 */
#include "base/map.h"
#include "schema/avro_names.h"
#include "schema/avro_private.h"
#include "schema/json_text.h"
#include "schema/why.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define RULE "AVRO_SCHEMA" /* of all that is not well-formed */

struct parser {
    struct avro_schema *schema;
    struct schema_why *why;
    struct map names;                                    /* full name -> struct avro_node; keys are the nodes' */
    const struct avro_node *primitives[AVRO_PRIMITIVES]; /* those that are written as a name */
    const struct place *at;
    struct bytes space; /* the enclosing namespace */
    int depth;
};

/* Says where; what it says ends with a full stop. */
#define refuse(p, ...) (why_set((p)->why, (p)->at, RULE, __VA_ARGS__), ERR_INVALID)

static enum err parse(struct parser *p, const json_t *json, const struct avro_node **out);

/* Zeroed, the schema's. */
static enum err take(struct parser *p, size_t len, void *out)
{
    struct arena *arena = &p->schema->arena;
    void *memory;

    if (len + 16 > arena->limit - arena->used) /* it aligns */
        return refuse(p, "The schema needs more than %zu bytes of memory.", arena->limit);
    if (!(memory = arena_zalloc(arena, len)))
        return ERR_NOMEM;
    memcpy(out, &memory, sizeof memory);
    return OK;
}

static enum err node_new(struct parser *p, enum avro_kind kind, struct avro_node **out)
{
    struct avro_node *n = NULL;
    enum err err;

    if (p->schema->nodes >= AVRO_NODES_MAX)
        return refuse(p, "The schema has more than %d types.", AVRO_NODES_MAX);
    if ((err = take(p, sizeof *n, &n)) != OK)
        return err;
    n->kind = kind;
    n->id = p->schema->nodes++;
    n->name = n->simple = avro_kind_name(kind);
    *out = n;
    return OK;
}

/* What lies at `name` in the walk. */
static enum err parse_inside(struct parser *p, const char *name, const json_t *json, const struct avro_node **out)
{
    const struct place place = {.up = p->at, .name = name};
    enum err err;

    p->at = &place;
    err = parse(p, json, out);
    p->at = place.up;
    return err;
}

/* -- names ----------------------------------------------------------------------------------------------------- */

static enum err full_name(struct parser *p, const char *name, struct bytes space, char *to)
{
    if (!avro_full_name(to, name, space))
        return refuse(p, "A name is longer than %d bytes.", AVRO_NAME_MAX);
    return OK;
}

/* Kept. */
static enum err keep_name(struct parser *p, const char *name, struct bytes space, const char **out)
{
    char full[AVRO_NAME_MAX + 1], *kept = NULL;
    enum err err;

    if ((err = full_name(p, name, space, full)) != OK)
        return err;
    if ((err = take(p, strlen(full) + 1, &kept)) != OK)
        return err;
    *out = strcpy(kept, full);
    return OK;
}

static enum err reference(struct parser *p, const char *name, const struct avro_node **out)
{
    char full[AVRO_NAME_MAX + 1];
    const struct avro_node *n;
    enum err err;

    if ((err = full_name(p, name, p->space, full)) != OK)
        return err;
    n = map_find(&p->names, bytes_of_text(full));
    if (!n)
        n = map_find(&p->names, bytes_of_text(name)); /* as Java: not in the namespace, but in none */
    if (!n)
        return refuse(p, "\"%s\" is neither a type of Avro's nor defined before.", name);
    *out = n;
    return OK;
}

static enum err parse_name(struct parser *p, const char *name, const struct avro_node **out)
{
    enum avro_kind kind = AVRO_NULL;
    struct avro_node *n = NULL;
    enum err err;

    if (!avro_primitive_of_name(&kind, name))
        return reference(p, name, out);
    if (!p->primitives[kind]) {
        if ((err = node_new(p, kind, &n)) != OK)
            return err;
        p->primitives[kind] = n;
    }
    *out = p->primitives[kind];
    return OK;
}

static enum err parse_texts(struct parser *p, const json_t *list, const char *what, struct avro_texts *out)
{
    size_t count = json_array_size(list);
    const char **all = NULL;
    enum err err;

    if (!json_is_array(list))
        return refuse(p, "The %s are not a list.", what);
    if ((err = take(p, (count + 1) * sizeof *all, &all)) != OK)
        return err;
    for (size_t i = 0; i < count; i++)
        if (!(all[i] = json_string_value(json_array_get(list, i))))
            return refuse(p, "One of the %s is not a string.", what);
    *out = (struct avro_texts){.all = all, .count = count};
    return OK;
}

static enum err parse_aliases(struct parser *p, const json_t *json, struct avro_texts *out)
{
    const json_t *list = json_object_get(json, "aliases");

    if (json_array_size(list) > AVRO_ALIASES_MAX)
        return refuse(p, "There are more than %d aliases.", AVRO_ALIASES_MAX);
    return list ? parse_texts(p, list, "aliases", out) : OK;
}

static enum err qualify_aliases(struct parser *p, struct avro_node *n, struct bytes space)
{
    enum err err = parse_aliases(p, n->json, &n->aliases);

    for (size_t i = 0; i < n->aliases.count && err == OK; i++)
        err = keep_name(p, n->aliases.all[i], space, &n->aliases.all[i]);
    return err;
}

/* Gives `n` its name, makes it known, and *space what its inside is in. */
static enum err define(struct parser *p, struct avro_node *n, struct bytes *space)
{
    const char *name = json_string_value(json_object_get(n->json, "name"));
    const char *own = json_string_value(json_object_get(n->json, "namespace"));
    enum avro_kind kind = AVRO_NULL;
    enum err err;

    if (!name)
        return refuse(p, "A type \"%s\" has no name.", avro_kind_name(n->kind));
    if (!avro_name_is_valid(avro_simple_name(name)))
        return refuse(p, "\"%s\" is not a name: a letter or '_', then letters, digits and '_'.", name);
    if ((err = keep_name(p, name, own ? bytes_of_text(own) : p->space, &n->name)) != OK)
        return err;
    n->simple = avro_simple_name(n->name);
    if (avro_primitive_of_name(&kind, n->name))
        return refuse(p, "A type of one's own cannot be called \"%s\", as one of Avro's.", n->name);
    if (map_find(&p->names, bytes_of_text(n->name)))
        return refuse(p, "\"%s\" is defined twice.", n->name);
    *space = avro_namespace_of(n->name);
    if ((err = qualify_aliases(p, n, *space)) != OK)
        return err;
    return map_put(&p->names, bytes_of_text(n->name), n);
}

/* -- records --------------------------------------------------------------------------------------------------- */

static bool order_is_known(const json_t *order)
{
    const char *text = json_string_value(order);

    return !order || (text && (strcasecmp(text, "ascending") == 0 || strcasecmp(text, "descending") == 0 ||
                               strcasecmp(text, "ignore") == 0));
}

static enum err parse_field(struct parser *p, const json_t *json, struct avro_field *f)
{
    const json_t *type = json_object_get(json, "type");
    enum err err;

    f->json = json;
    f->name = json_string_value(json_object_get(json, "name"));
    f->initial = json_object_get(json, "default");
    if (!f->name)
        return refuse(p, "A field has no name.");
    if (!avro_name_is_valid(f->name))
        return refuse(p, "\"%s\" is not a name of a field: a letter or '_', then letters, digits and '_'.", f->name);
    if (!type)
        return refuse(p, "The field \"%s\" has no type.", f->name);
    if (!order_is_known(json_object_get(json, "order")))
        return refuse(p, "The order of the field \"%s\" is none of ascending, descending, ignore.", f->name);
    if ((err = parse_aliases(p, json, &f->aliases)) != OK)
        return err;
    return parse_inside(p, f->name, type, &f->type);
}

static int compare_fields(const void *a, const void *b, void *fields)
{
    const struct avro_field *all = fields;

    return strcmp(all[*(const uint32_t *)a].name, all[*(const uint32_t *)b].name);
}

static enum err index_fields(struct parser *p, struct avro_node *n)
{
    uint32_t *order = NULL;
    enum err err;

    if ((err = take(p, (n->fields.count + 1) * sizeof *order, &order)) != OK)
        return err;
    for (uint32_t i = 0; i < n->fields.count; i++)
        order[i] = i;
    qsort_r(order, n->fields.count, sizeof *order, compare_fields, n->fields.all);
    for (size_t i = 1; i < n->fields.count; i++)
        if (strcmp(n->fields.all[order[i - 1]].name, n->fields.all[order[i]].name) == 0)
            return refuse(p, "The record %s has two fields \"%s\".", n->name, n->fields.all[order[i]].name);
    n->fields.by_name = order;
    return OK;
}

static enum err parse_fields(struct parser *p, struct avro_node *n, const json_t *list)
{
    size_t count = json_array_size(list);
    enum err err;

    if (!json_is_array(list))
        return refuse(p, "The record %s has no list of fields.", n->name);
    if ((err = take(p, (count + 1) * sizeof *n->fields.all, &n->fields.all)) != OK)
        return err;
    for (size_t i = 0; i < count; i++)
        if ((err = parse_field(p, json_array_get(list, i), &n->fields.all[i])) != OK)
            return err;
    n->fields.count = count; /* only now: nobody looks into a record that is being read */
    return index_fields(p, n);
}

static enum err parse_record(struct parser *p, struct avro_node *n)
{
    struct bytes outer = p->space, inner = {0};
    enum err err;

    if ((err = define(p, n, &inner)) != OK)
        return err;
    p->space = inner;
    err = parse_fields(p, n, json_object_get(n->json, "fields"));
    p->space = outer;
    return err;
}

/* -- enums, fixed, arrays, maps, unions -------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err index_symbols(struct parser *p, struct avro_node *n)
{
    size_t count = n->symbols.all.count;
    const char **sorted = NULL;
    enum err err;

    if ((err = take(p, (count + 1) * sizeof *sorted, &sorted)) != OK)
        return err;
    memcpy(sorted, n->symbols.all.all, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (!avro_name_is_valid(sorted[i]))
            return refuse(p, "\"%s\" cannot be a symbol of the enum %s.", sorted[i], n->name);
        if (i > 0 && strcmp(sorted[i - 1], sorted[i]) == 0)
            return refuse(p, "The enum %s has the symbol \"%s\" twice.", n->name, sorted[i]);
    }
    n->symbols.sorted = sorted;
    return OK;
}

static enum err parse_enum(struct parser *p, struct avro_node *n)
{
    struct bytes space = {0};
    enum err err;

    if ((err = define(p, n, &space)) != OK)
        return err;
    if ((err = parse_texts(p, json_object_get(n->json, "symbols"), "symbols", &n->symbols.all)) != OK)
        return err;
    if ((err = index_symbols(p, n)) != OK)
        return err;
    n->symbols.fallback = json_string_value(json_object_get(n->json, "default"));
    if (n->symbols.fallback && !avro_symbol_is_of(n, n->symbols.fallback))
        return refuse(p, "The default \"%s\" is not among the symbols of the enum %s.", n->symbols.fallback, n->name);
    return OK;
}

static enum err parse_fixed(struct parser *p, struct avro_node *n)
{
    const json_t *size = json_object_get(n->json, "size");
    struct bytes space = {0};
    enum err err;

    if ((err = define(p, n, &space)) != OK)
        return err;
    if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > INT32_MAX)
        return refuse(p, "The size of the fixed %s is not a number from 0 to 2147483647.", n->name);
    n->size = (uint32_t)json_integer_value(size);
    return OK;
}

static enum err parse_items(struct parser *p, struct avro_node *n, const char *member, const char *place)
{
    const json_t *items = json_object_get(n->json, member);

    if (!items)
        return refuse(p, "A type \"%s\" has no \"%s\".", n->name, member);
    return parse_inside(p, place, items, &n->items);
}

static enum err check_branch(struct parser *p, const struct avro_node *n, size_t last)
{
    const struct avro_node *new = n->branches.all[last];

    if (new->kind == AVRO_UNION)
        return refuse(p, "A union stands directly in a union.");
    for (size_t i = 0; i < last; i++)
        if (n->branches.all[i] == new || strcmp(n->branches.all[i]->name, new->name) == 0)
            return refuse(p, "A union has the type \"%s\" twice.", new->name);
    return OK;
}

static enum err parse_union(struct parser *p, const json_t *list, const struct avro_node **out)
{
    size_t count = json_array_size(list);
    struct avro_node *n = NULL;
    enum err err;

    if (count > AVRO_BRANCHES_MAX)
        return refuse(p, "A union has more than %d types.", AVRO_BRANCHES_MAX);
    if ((err = node_new(p, AVRO_UNION, &n)) != OK)
        return err;
    if ((err = take(p, (count + 1) * sizeof *n->branches.all, &n->branches.all)) != OK)
        return err;
    for (size_t i = 0; i < count; i++) {
        if ((err = parse(p, json_array_get(list, i), &n->branches.all[i])) != OK)
            return err;
        if ((err = check_branch(p, n, i)) != OK)
            return err;
    }
    n->branches.count = count;
    *out = n;
    return OK;
}

/* -- logical types ----------------------------------------------------------------------------------------------- */

/* Decimal digits that a fixed of this size can hold. */
static double digits_max(const struct avro_node *n)
{
    return n->kind == AVRO_FIXED ? floor(log10(2) * (8.0 * n->size - 1)) : INT32_MAX;
}

/* Of all logical types only a decimal's numbers matter to a reader.  One that is not valid is as if it were not there.
 */
static void note_decimal(struct avro_node *n)
{
    const char *logical = json_string_value(json_object_get(n->json, "logicalType"));
    const json_t *precision = json_object_get(n->json, "precision"), *scale = json_object_get(n->json, "scale");
    json_int_t p = json_integer_value(precision), s = json_integer_value(scale);

    if ((n->kind != AVRO_BYTES && n->kind != AVRO_FIXED) || !logical || strcmp(logical, "decimal") != 0)
        return;
    if (!json_is_integer(precision) || (scale && !json_is_integer(scale)) || p <= 0 || s < 0 || s > p ||
        (double)p > digits_max(n))
        return;
    n->precision = (uint32_t)p;
    n->scale = (uint32_t)s;
}

/* -- any type ---------------------------------------------------------------------------------------------------- */

static bool kind_of_object(enum avro_kind *out, const char *type)
{
    static const enum avro_kind kinds[] = {AVRO_RECORD, AVRO_ENUM, AVRO_FIXED, AVRO_ARRAY, AVRO_MAP};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(type, avro_kind_name(kinds[i])) == 0) {
            *out = kinds[i];
            return true;
        }
    if (strcmp(type, "error") == 0) { /* a record that a protocol throws */
        *out = AVRO_RECORD;
        return true;
    }
    return avro_primitive_of_name(out, type);
}

static enum err parse_body(struct parser *p, struct avro_node *n)
{
    switch (n->kind) {
    case AVRO_RECORD:
        return parse_record(p, n);
    case AVRO_ENUM:
        return parse_enum(p, n);
    case AVRO_FIXED:
        return parse_fixed(p, n);
    case AVRO_ARRAY:
        return parse_items(p, n, "items", PLACE_ITEMS);
    case AVRO_MAP:
        return parse_items(p, n, "values", PLACE_VALUES);
    default:
        return OK;
    }
}

static enum err parse_object(struct parser *p, const json_t *json, const struct avro_node **out)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    enum avro_kind kind = AVRO_NULL;
    struct avro_node *n = NULL;
    enum err err;

    if (!type)
        return refuse(p, "A type is an object without a \"type\" that is a string.");
    if (!kind_of_object(&kind, type))
        return reference(p, type, out);
    if ((err = node_new(p, kind, &n)) != OK)
        return err;
    n->json = json;
    if ((err = parse_body(p, n)) != OK)
        return err;
    note_decimal(n);
    *out = n;
    return OK;
}

static enum err parse(struct parser *p, const json_t *json, const struct avro_node **out)
{
    enum err err;

    if (p->depth >= AVRO_DEPTH_MAX)
        return refuse(p, "Types are defined inside one another more than %d deep.", AVRO_DEPTH_MAX);
    p->depth++;
    if (json_is_string(json))
        err = parse_name(p, json_string_value(json), out);
    else if (json_is_array(json))
        err = parse_union(p, json, out);
    else if (json_is_object(json))
        err = parse_object(p, json, out);
    else
        err = refuse(p, "A type is a name, a list (a union) or an object.");
    p->depth--;
    return err;
}

/* -- the whole --------------------------------------------------------------------------------------------------- */

static enum err load(struct parser *p, struct bytes text)
{
    json_error_t error;
    enum err err;

    if (text.len > SCHEMA_BYTES_MAX)
        return refuse(p, "The schema is longer than %zu bytes.", SCHEMA_BYTES_MAX);
    err = json_text_read(&p->schema->json, text, &error);
    if (err == ERR_INVALID)
        return refuse(p, "The schema is not JSON: line %d, column %d: %s.", error.line, error.column, error.text);
    return err;
}

enum err avro_parse(struct avro_schema **out, struct bytes text, struct schema_why *why)
{
    struct avro_schema *schema = calloc(1, sizeof *schema);
    struct parser p = {.schema = schema, .why = why};
    enum err err;

    if (!schema)
        return ERR_NOMEM;
    arena_init(&schema->arena, AVRO_ARENA_MAX);
    map_init(&p.names, (uint64_t)(uintptr_t)schema);
    if ((err = load(&p, text)) != OK)
        goto out;
    if ((err = parse(&p, schema->json, &schema->root)) != OK)
        goto out;
    *out = schema;
    schema = NULL;
out:
    map_deinit(&p.names);
    avro_free(schema);
    return err;
}
