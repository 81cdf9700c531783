/* SPDX-License-Identifier: Apache-2.0
 *
 * avro.h - an Avro schema, parsed.
 *
 * A schema is a graph of nodes: a name that is used again is the same node, so recursion is a cycle.  All of it lies in
 * the schema's arena, beside the JSON that it was read from, whose texts it borrows; nothing changes after the parse.
 * Rules: Avro 1.11's specification, and where that is silent, what Pulsar's Java library does:
 *   - a name that is not found in the enclosing namespace is looked for in none;
 *   - a name is defined once; defaults are not judged here, but where they are needed (avro_default_fits);
 *   - what a logical type says is ignored unless it is valid.
 * Letters of a name are ASCII's, or any character beyond ASCII (Java asks Unicode, which is nearly that).
 *
 * Bounds: see below; what is beyond is ERR_INVALID with that reason.  May call: base/, jansson.
 */
#ifndef SCHEMA_AVRO_H
#define SCHEMA_AVRO_H

#include "base/arena.h"
#include "schema/schema.h"

#include <jansson.h>

#define AVRO_DEPTH_MAX    128   /* definitions inside one another */
#define AVRO_NODES_MAX    65536 /* types written in one schema */
#define AVRO_BRANCHES_MAX 512   /* of one union */
#define AVRO_ALIASES_MAX  256   /* of one type or field */
#define AVRO_NAME_MAX     512   /* bytes of a full name */
#define AVRO_ARENA_MAX    ((size_t)32 * 1024 * 1024)

enum avro_kind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_RECORD,
    AVRO_ENUM,
    AVRO_FIXED,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION,
};
#define AVRO_PRIMITIVES (AVRO_STRING + 1)

const char *avro_kind_name(enum avro_kind kind); /* "long" */

struct avro_node;

struct avro_texts {
    const char **all;
    size_t count;
};

struct avro_field {
    const char *name;
    struct avro_texts aliases;
    const struct avro_node *type;
    const json_t *initial; /* its "default"; NULL: none */
    const json_t *json;
};

struct avro_node {
    enum avro_kind kind;
    uint32_t id;               /* from 0, in the order of the text */
    const char *name;          /* of records, enums, fixed: the full name; of others their kind's */
    const char *simple;        /* `name` behind its last dot */
    struct avro_texts aliases; /* full names */
    const json_t *json;        /* the object with its other properties; NULL: it was written as a name or a list */
    union {
        struct {
            struct avro_field *all;
            const uint32_t *by_name; /* indexes, in the order of names */
            size_t count;
        } fields;
        struct {
            struct avro_texts all;
            const char **sorted;
            const char *fallback; /* its default symbol; NULL: none */
        } symbols;
        const struct avro_node *items; /* of an array; values of a map */
        struct {
            const struct avro_node **all;
            size_t count;
        } branches;
        uint32_t size; /* of fixed */
    };
    /* Of fixed and bytes, when they hold a valid decimal: precision > 0. */
    uint32_t precision, scale;
};

static inline bool avro_has_name(const struct avro_node *n)
{
    return n->kind == AVRO_RECORD || n->kind == AVRO_ENUM || n->kind == AVRO_FIXED;
}

struct avro_schema;

/* ERR_INVALID: `why` says what is wrong and where; ERR_NOMEM. */
MUST_USE enum err avro_parse(struct avro_schema **out, struct bytes text, struct schema_why *why);
void avro_free(struct avro_schema *schema);
const struct avro_node *avro_root(const struct avro_schema *schema);

const struct avro_field *avro_field_find(const struct avro_node *record, const char *name);
bool avro_symbol_is_of(const struct avro_node *enumeration, const char *symbol);

/* Can this default be a value of that type?  Of a union: of any of its branches (Avro 1.12; Python's schemas need it).
 * Adds to *steps what it took; a value of very many members fits nothing. */
bool avro_default_fits(const struct avro_node *type, const json_t *value, size_t *steps);

/* The same, as Pulsar's registry sees it: names, fields in order, types, defaults, orders and other properties; not
 * aliases and documentation.  An enum's default counts here (Java forgets it), or giving one could not be registered.
 */
MUST_USE enum err avro_same(const struct avro_schema *a, const struct avro_schema *b, bool *same);

#endif
