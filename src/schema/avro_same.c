/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_same.c - are two schemas the same when parsed?
 *
 * A walk over both at once.  A pair of records is looked at once: met again, it is the same unless something else is
 * different, and then the whole is.  What is too deep or too large to be compared is not the same.
 */
#include "schema/avro.h"
#include "schema/pairs.h"

#include <strings.h>

#define DEPTH_MAX 512
#define WORK_MAX  2000000 /* types and symbols looked at */

struct walk {
    struct pairs pairs;
    int depth;
    size_t work;
    bool starved; /* memory was short: no answer */
};

static bool same(struct walk *w, const struct avro_node *a, const struct avro_node *b);

/* Those that the walk compares itself, or that do not count; the other members are "properties". */
static const char *const type_members[] = {"type",  "name",   "namespace", "aliases", "doc", "fields",
                                           "items", "values", "size",      "symbols", NULL};
static const char *const enum_members[] = {"type",  "name",   "namespace", "aliases", "doc",     "fields",
                                           "items", "values", "size",      "symbols", "default", NULL};
static const char *const field_members[] = {"type", "name", "aliases", "doc", "default", "order", NULL};

static bool is_one_of(const char *key, const char *const *members)
{
    for (; *members; members++)
        if (strcmp(key, *members) == 0)
            return true;
    return false;
}

/* Each property of `a` is in `b`, and the same. */
static bool has_properties(const json_t *a, const json_t *b, const char *const *members)
{
    json_t *object = (json_t *)(uintptr_t)a, *value; /* jansson's iteration is not const; it changes nothing */
    const char *key;

    json_object_foreach(object, key, value)
    {
        json_t *other = json_object_get(b, key);

        if (!is_one_of(key, members) && (!other || !json_equal(value, other)))
            return false;
    }
    return true;
}

static bool same_properties(const json_t *a, const json_t *b, const char *const *members)
{
    return has_properties(a, b, members) && has_properties(b, a, members);
}

static const char *order_of(const struct avro_field *f)
{
    const char *order = json_string_value(json_object_get(f->json, "order"));

    return order ? order : "ascending";
}

static bool same_default(const json_t *a, const json_t *b)
{
    return a == b || (a && b && json_equal(a, b));
}

static bool same_field(struct walk *w, const struct avro_field *a, const struct avro_field *b)
{
    return strcmp(a->name, b->name) == 0 && same_default(a->initial, b->initial) &&
           strcasecmp(order_of(a), order_of(b)) == 0 && same_properties(a->json, b->json, field_members) &&
           same(w, a->type, b->type);
}

static bool same_fields(struct walk *w, const struct avro_node *a, const struct avro_node *b)
{
    if (a->fields.count != b->fields.count)
        return false;
    for (size_t i = 0; i < a->fields.count; i++)
        if (!same_field(w, &a->fields.all[i], &b->fields.all[i]))
            return false;
    return true;
}

/* How many values there are in it. */
static size_t tree_size(json_t *value, unsigned depth)
{
    size_t count = 1, i;
    const char *key;
    json_t *member;

    if (depth >= DEPTH_MAX)
        return count;
    json_object_foreach(value, key, member) count += tree_size(member, depth + 1);
    json_array_foreach(value, i, member) count += tree_size(member, depth + 1);
    return count;
}

static bool same_record(struct walk *w, const struct avro_node *a, const struct avro_node *b)
{
    enum pair_state state = PAIR_OPEN;
    const char *rule = NULL;
    size_t number = 0;

    enum err err = pairs_open(&w->pairs, a, b, &state, &rule, &number);

    w->starved |= err == ERR_NOMEM;
    if (err != OK)
        return false;
    if (state != PAIR_OPEN)
        return state == PAIR_GOOD;
    if (!same_fields(w, a, b))
        return false; /* and so is the whole: nothing is to be settled */
    pairs_settle(&w->pairs, number, NULL);
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_symbols(struct walk *w, const struct avro_node *a, const struct avro_node *b)
{
    w->work += a->symbols.all.count;
    if (a->symbols.all.count != b->symbols.all.count || !same_text(a->symbols.fallback, b->symbols.fallback))
        return false;
    for (size_t i = 0; i < a->symbols.all.count; i++)
        if (strcmp(a->symbols.all.all[i], b->symbols.all.all[i]) != 0)
            return false;
    return true;
}

static bool same_branches(struct walk *w, const struct avro_node *a, const struct avro_node *b)
{
    if (a->branches.count != b->branches.count)
        return false;
    for (size_t i = 0; i < a->branches.count; i++)
        if (!same(w, a->branches.all[i], b->branches.all[i]))
            return false;
    return true;
}

/* Beside what the walk knows by itself; each costs a step, for a type may be named by many fields. */
static bool same_others(struct walk *w, const struct avro_node *a, const struct avro_node *b)
{
    w->work += json_object_size(a->json) +
               (a->kind == AVRO_ENUM || a->kind == AVRO_FIXED ? tree_size((json_t *)(uintptr_t)a->json, 0) : 0);
    return w->work <= WORK_MAX && same_properties(a->json, b->json, a->kind == AVRO_ENUM ? enum_members : type_members);
}

static bool same_inside(struct walk *w, const struct avro_node *a, const struct avro_node *b)
{
    switch (a->kind) {
    case AVRO_RECORD:
        return same_record(w, a, b);
    case AVRO_ENUM:
        return same_symbols(w, a, b);
    case AVRO_FIXED:
        return a->size == b->size;
    case AVRO_ARRAY:
    case AVRO_MAP:
        return same(w, a->items, b->items);
    case AVRO_UNION:
        return same_branches(w, a, b);
    default:
        return true;
    }
}

static bool same(struct walk *w, const struct avro_node *a, const struct avro_node *b)
{
    bool yes;

    if (w->depth >= DEPTH_MAX || ++w->work > WORK_MAX || a->kind != b->kind || strcmp(a->name, b->name) != 0 ||
        !same_others(w, a, b))
        return false;
    w->depth++;
    yes = same_inside(w, a, b);
    w->depth--;
    return yes;
}

enum err avro_same(const struct avro_schema *a, const struct avro_schema *b, bool *out)
{
    struct walk w = {0};
    bool yes;

    pairs_init(&w.pairs);
    yes = same(&w, avro_root(a), avro_root(b));
    pairs_deinit(&w.pairs);
    if (w.starved)
        return ERR_NOMEM;
    *out = yes;
    return OK;
}
