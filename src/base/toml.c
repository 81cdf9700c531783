/* SPDX-License-Identifier: Apache-2.0
 *
 * toml.c - the shape of a TOML document: tables, arrays of tables, dotted keys; words are toml_scan.c's.
 *
 * What may be said of a table depends on how it came to be:
 *
 *     made by               [header] of it     [header] through it   dotted key through it   key = value in it
 *     HEADER  [a]           defined twice      yes                   no                      while it is current
 *     IMPLIED a in [a.b]    once: now HEADER   yes                   no                      -
 *     DOTTED  a in a.b = 1  defined twice      yes                   yes                     -
 *     INLINE  a = {...}     no                 no                    no                      inside the braces
 *
 * An array made by [[header]] is gone through by its last item; one written as a value is closed.
 *
 * Every child of a table is also in `index`, by the table's address and the key, so that a large table costs no search.
 */
#include "base/toml.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/toml_scan.h"
#include <stdlib.h>

#define TOML_BYTES_MAX (1024u * 1024)
#define TOML_DEPTH_MAX 64u
#define TOML_ARENA_MAX (256u * 1024 * 1024) /* the text, and at most some 200 bytes of nodes for each byte of it */

enum made_by { MADE_HEADER, MADE_IMPLIED, MADE_DOTTED, MADE_INLINE };

struct node {
    struct toml_node node;
    struct node *last_child;
    unsigned depth;
    enum made_by made_by; /* of tables; of arrays MADE_HEADER or MADE_INLINE */
};

struct toml {
    struct arena arena;
    struct node root;
};

struct parser {
    struct toml_scan scan;
    struct toml *doc;
    struct map index; /* address of the table and key -> node */
};

/* ---- nodes ---- */

static enum err node_new(struct parser *p, struct node *parent, enum toml_type type, struct node **out)
{
    if (parent->depth + 1 > TOML_DEPTH_MAX)
        return toml_scan_fail(&p->scan, "nested deeper than %u", TOML_DEPTH_MAX);
    struct node *n = arena_zalloc(&p->doc->arena, sizeof *n);
    if (!n)
        return ERR_NOMEM;
    n->node.type = type;
    n->node.line = p->scan.line;
    n->node.parent = &parent->node;
    n->depth = parent->depth + 1;
    *out = n;
    return OK;
}

static void node_append(struct node *parent, struct node *child)
{
    if (parent->last_child)
        parent->last_child->node.next = &child->node;
    else
        parent->node.children = &child->node;
    parent->last_child = child;
}

/* The index's key of a child, in the arena: an address, then the child's key. */
static struct bytes index_key(struct parser *p, const struct node *table, struct bytes key)
{
    uint8_t *at = arena_alloc(&p->doc->arena, sizeof table + key.len);

    if (!at)
        return bytes_of(NULL, 0);
    memcpy(at, &table, sizeof table);
    if (key.len > 0)
        memcpy(at + sizeof table, key.data, key.len);
    return bytes_of(at, sizeof table + key.len);
}

/* Finds the table's child, or makes one of type `type`; *made tells which. */
static enum err child_take(struct parser *p, struct node *table, struct bytes key, enum toml_type type,
                           struct node **out, bool *made)
{
    struct bytes path = index_key(p, table, key);
    if (!path.data)
        return ERR_NOMEM;
    struct node *child = map_find(&p->index, path);
    *made = !child;
    if (!child) {
        enum err err = node_new(p, table, type, &child);
        if (err != OK)
            return err;
        child->node.key = bytes_of(path.data + sizeof table, key.len);
        if ((err = map_put(&p->index, path, child)) != OK)
            return err;
        node_append(table, child);
    }
    *out = child;
    return OK;
}

static enum err fail_twice(struct parser *p, const struct node *n)
{
    return toml_scan_fail(&p->scan, "`%.*s` is defined twice: first in line %u", (int)n->node.key.len,
                          (const char *)n->node.key.data, n->node.line);
}

/* ---- values ---- */

static enum err value_read(struct parser *p, struct node *n);
static enum err pair_read(struct parser *p, struct node *table);

static enum err array_read(struct parser *p, struct node *array)
{
    enum err err;
    struct node *item = NULL;

    array->node.type = TOML_ARRAY;
    array->made_by = MADE_INLINE;
    for (;;) {
        toml_scan_space(&p->scan);
        if (toml_scan_take(&p->scan, ']'))
            return OK;
        if ((err = node_new(p, array, TOML_BOOL, &item)) != OK)
            return err;
        if ((err = value_read(p, item)) != OK)
            return err;
        node_append(array, item);
        toml_scan_space(&p->scan);
        if (toml_scan_take(&p->scan, ']'))
            return OK;
        if (!toml_scan_take(&p->scan, ','))
            return toml_scan_fail(&p->scan, "an array's items are separated by commas");
    }
}

static enum err inline_table_read(struct parser *p, struct node *table)
{
    enum err err;

    table->node.type = TOML_TABLE;
    table->made_by = MADE_INLINE;
    toml_scan_blanks(&p->scan);
    if (toml_scan_take(&p->scan, '}'))
        return OK;
    for (;;) {
        if ((err = pair_read(p, table)) != OK)
            return err;
        toml_scan_blanks(&p->scan);
        if (toml_scan_take(&p->scan, '}'))
            return OK;
        if (!toml_scan_take(&p->scan, ','))
            return toml_scan_fail(&p->scan, "an inline table is one line of pairs, separated by commas");
        toml_scan_blanks(&p->scan);
    }
}

static enum err value_read(struct parser *p, struct node *n)
{
    int c = toml_scan_peek(&p->scan);

    if (c == '"' || c == '\'') {
        n->node.type = TOML_STRING;
        return toml_scan_string(&p->scan, &n->node.value.string);
    }
    if (toml_scan_take(&p->scan, '['))
        return array_read(p, n);
    if (toml_scan_take(&p->scan, '{'))
        return inline_table_read(p, n);
    return toml_scan_word(&p->scan, &n->node);
}

/* ---- pairs ---- */

/* Goes one part of a dotted key down. */
static enum err dotted_enter(struct parser *p, struct node **table, struct bytes key)
{
    struct node *child;
    bool made;
    enum err err = child_take(p, *table, key, TOML_TABLE, &child, &made);

    if (err != OK)
        return err;
    if (made)
        child->made_by = MADE_DOTTED;
    else if (child->node.type != TOML_TABLE || child->made_by != MADE_DOTTED)
        return fail_twice(p, child);
    *table = child;
    return OK;
}

/* Reads `key = value`, dotted or not, into the table. */
static enum err pair_read(struct parser *p, struct node *table)
{
    struct bytes key;
    struct node *child;
    bool made;
    enum err err;

    for (;;) {
        if ((err = toml_scan_key(&p->scan, &key)) != OK)
            return err;
        toml_scan_blanks(&p->scan);
        if (!toml_scan_take(&p->scan, '.'))
            break;
        if ((err = dotted_enter(p, &table, key)) != OK)
            return err;
        toml_scan_blanks(&p->scan);
    }
    if (!toml_scan_take(&p->scan, '='))
        return toml_scan_fail(&p->scan, "expected `=` after the key `%.*s`", (int)key.len, (const char *)key.data);
    toml_scan_blanks(&p->scan);
    if ((err = child_take(p, table, key, TOML_BOOL, &child, &made)) != OK)
        return err;
    if (!made)
        return fail_twice(p, child);
    return value_read(p, child);
}

/* ---- headers ---- */

/* Goes one part of a header down: through a table, or the last table of an array of them. */
static enum err header_enter(struct parser *p, struct node **table, struct bytes key)
{
    struct node *child;
    bool made;
    enum err err = child_take(p, *table, key, TOML_TABLE, &child, &made);

    if (err != OK)
        return err;
    if (made)
        child->made_by = MADE_IMPLIED;
    else if ((child->node.type != TOML_TABLE && child->node.type != TOML_ARRAY) || child->made_by == MADE_INLINE)
        return fail_twice(p, child);
    *table = child->node.type == TOML_ARRAY ? child->last_child : child;
    return OK;
}

static enum err table_define(struct parser *p, struct node **table, struct bytes key)
{
    struct node *child;
    bool made;
    enum err err = child_take(p, *table, key, TOML_TABLE, &child, &made);

    if (err != OK)
        return err;
    if (!made && (child->node.type != TOML_TABLE || child->made_by != MADE_IMPLIED))
        return fail_twice(p, child);
    child->made_by = MADE_HEADER;
    child->node.line = p->scan.line;
    *table = child;
    return OK;
}

static enum err array_extend(struct parser *p, struct node **table, struct bytes key)
{
    struct node *array, *item = NULL;
    bool made;
    enum err err = child_take(p, *table, key, TOML_ARRAY, &array, &made);

    if (err != OK)
        return err;
    if (!made && (array->node.type != TOML_ARRAY || array->made_by != MADE_HEADER))
        return fail_twice(p, array);
    array->made_by = MADE_HEADER;
    if ((err = node_new(p, array, TOML_TABLE, &item)) != OK)
        return err;
    item->made_by = MADE_HEADER;
    node_append(array, item);
    *table = item;
    return OK;
}

/* After the first bracket: *table becomes what the pairs that follow belong to. */
static enum err header_read(struct parser *p, struct node **table)
{
    bool array = toml_scan_take(&p->scan, '[');
    struct node *at = &p->doc->root;
    struct bytes key;
    enum err err;

    for (;;) {
        toml_scan_blanks(&p->scan);
        if ((err = toml_scan_key(&p->scan, &key)) != OK)
            return err;
        toml_scan_blanks(&p->scan);
        if (!toml_scan_take(&p->scan, '.'))
            break;
        if ((err = header_enter(p, &at, key)) != OK)
            return err;
    }
    if (!toml_scan_take(&p->scan, ']') || (array && !toml_scan_take(&p->scan, ']')))
        return toml_scan_fail(&p->scan, "a table's header is not closed");
    if ((err = array ? array_extend(p, &at, key) : table_define(p, &at, key)) != OK)
        return err;
    *table = at;
    return OK;
}

/* ---- documents ---- */

static enum err document_read(struct parser *p)
{
    struct node *table = &p->doc->root;
    enum err err;

    for (;;) {
        toml_scan_space(&p->scan);
        if (toml_scan_peek(&p->scan) < 0)
            return OK;
        if ((err = toml_scan_take(&p->scan, '[') ? header_read(p, &table) : pair_read(p, table)) != OK)
            return err;
        if ((err = toml_scan_line_end(&p->scan)) != OK)
            return err;
    }
}

static enum err parser_run(struct parser *p, struct bytes text, char *message, size_t message_size)
{
    uint8_t *copy = arena_alloc(&p->doc->arena, text.len + 1);
    enum err err;

    if (!copy)
        return ERR_NOMEM;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    if ((err = toml_scan_init(&p->scan, copy, text.len, message, message_size)) != OK)
        return err;
    map_init(&p->index, (uint64_t)(uintptr_t)copy);
    err = document_read(p);
    map_deinit(&p->index);
    return err;
}

enum err toml_parse(struct toml **out, struct bytes text, char *message, size_t message_size, unsigned *line)
{
    struct parser p = {.scan = {.line = 1, .message = message, .message_size = message_size}};

    *line = 1;
    if (text.len > TOML_BYTES_MAX)
        return toml_scan_fail(&p.scan, "larger than %u bytes", TOML_BYTES_MAX);
    if (!(p.doc = calloc(1, sizeof *p.doc)))
        return ERR_NOMEM;
    arena_init(&p.doc->arena, TOML_ARENA_MAX);
    p.doc->root.node.type = TOML_TABLE;
    p.doc->root.node.line = 1;
    enum err err = parser_run(&p, text, message, message_size);
    *line = p.scan.line;
    if (err != OK) {
        toml_free(p.doc);
        return err;
    }
    *out = p.doc;
    return OK;
}

void toml_free(struct toml *t)
{
    if (!t)
        return;
    arena_deinit(&t->arena);
    free(t);
}

const struct toml_node *toml_root(const struct toml *t)
{
    return &t->root.node;
}

const struct toml_node *toml_find(const struct toml_node *table, const char *key)
{
    struct bytes wanted = bytes_of_text(key);

    for (const struct toml_node *n = table->children; n; n = n->next) {
        if (bytes_equal(n->key, wanted))
            return n;
    }
    return NULL;
}
