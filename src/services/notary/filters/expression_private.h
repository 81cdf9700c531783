/* SPDX-License-Identifier: Apache-2.0
 *
 * expression_private.h - the tree of an expression: made by expression_parse.c, asked by expression.c.
 */
#ifndef SERVICES_NOTARY_FILTERS_EXPRESSION_PRIVATE_H
#define SERVICES_NOTARY_FILTERS_EXPRESSION_PRIVATE_H

#include "services/notary/filters/expression.h"

#include "base/arena.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum node_kind {
    NODE_OR,
    NODE_AND,
    NODE_NOT,
    NODE_EQUAL,
    NODE_UNEQUAL,
    NODE_LESS,
    NODE_AT_MOST,
    NODE_MORE,
    NODE_AT_LEAST,
    NODE_IN,
    NODE_CONTAINS,
    NODE_MATCHES, /* left, and a pattern instead of right */
    NODE_LITERAL,
    NODE_PATH,
};

/* One step of a path, from the event downwards. */
struct path_step {
    const char *name; /* NULL: an index */
    size_t index;
    struct path_step *next;
};

struct node {
    enum node_kind kind;
    struct node *left, *right;
    json_t *literal;          /* owned */
    pcre2_code *pattern;      /* owned */
    struct path_step *path;   /* NULL: the event itself */
    struct node *made_before; /* all of them, for expression_free */
};

struct expression {
    struct arena arena; /* nodes, steps, names */
    struct node *root, *last_made;
    pcre2_match_context *limits;
};

/* Parses the whole text into `e`, whose arena is there and whose root is not.  As expression_parse. */
MUST_USE enum err expression_read(struct expression *e, struct bytes text, char *why, size_t why_size);

#endif
