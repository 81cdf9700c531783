/* SPDX-License-Identifier: Apache-2.0
 *
 * expression.c - asking the tree: every node has a value, conditions have JSON's true or false.
 *
 * Values are borrowed: of the event, of the tree, or one of jansson's singletons; so nothing here allocates but the
 * few bytes that PCRE2 wants for a match.
 */
#include "services/notary/filters/expression_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX        (256u * 1024)
#define MATCH_STEPS_MAX  100000
#define MATCH_DEPTH_MAX  1000
#define MATCH_MEMORY_KIB 1024

/* One question. */
struct asking {
    const struct expression *expression;
    const json_t *event;
    bool unsure; /* a match reached its limits, or memory was short */
};

static const json_t *value_of(struct asking *a, const struct node *node);

static bool is_true(struct asking *a, const struct node *node)
{
    return json_is_true(value_of(a, node));
}

/* ---- values ---- */

static const json_t *follow(const struct path_step *step, const json_t *value)
{
    for (; step && value; step = step->next)
        value = step->name ? json_object_get(value, step->name) : json_array_get(value, step->index);
    return value ? value : json_null();
}

/* <0, 0, >0; false: these two have no order. */
static bool compare(const json_t *a, const json_t *b, int *order)
{
    if (json_is_integer(a) && json_is_integer(b))
        *order = (json_integer_value(a) > json_integer_value(b)) - (json_integer_value(a) < json_integer_value(b));
    else if (json_is_number(a) && json_is_number(b))
        *order = (json_number_value(a) > json_number_value(b)) - (json_number_value(a) < json_number_value(b));
    else if (json_is_string(a) && json_is_string(b))
        *order = bytes_compare(bytes_of(json_string_value(a), json_string_length(a)),
                               bytes_of(json_string_value(b), json_string_length(b)));
    else
        return false;
    return true;
}

static bool equal(const json_t *a, const json_t *b)
{
    int order;

    return compare(a, b, &order) ? order == 0 : json_equal(a, b) == 1;
}

static bool ordered(enum node_kind kind, const json_t *a, const json_t *b)
{
    int order;

    if (!compare(a, b, &order))
        return false;
    switch (kind) {
    case NODE_LESS:
        return order < 0;
    case NODE_AT_MOST:
        return order <= 0;
    case NODE_MORE:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool has_item(const json_t *list, const json_t *item)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (equal(json_array_get(list, i), item))
            return true;
    return false;
}

static bool contains(const json_t *whole, const json_t *part)
{
    if (json_is_array(whole))
        return has_item(whole, part);
    if (!json_is_string(part))
        return false;
    if (json_is_object(whole))
        return json_object_get(whole, json_string_value(part)) != NULL;
    return json_is_string(whole) && memmem(json_string_value(whole), json_string_length(whole), json_string_value(part),
                                           json_string_length(part)) != NULL;
}

static bool matches(struct asking *a, const struct node *node, const json_t *subject)
{
    pcre2_match_data *data;
    int found;

    if (!json_is_string(subject))
        return false;
    data = pcre2_match_data_create(1, NULL);
    /* 0: a match with more groups than there is room for */
    found = data ? pcre2_match(node->pattern, (PCRE2_SPTR)json_string_value(subject), json_string_length(subject), 0, 0,
                               data, a->expression->limits)
                 : PCRE2_ERROR_NOMEMORY;
    pcre2_match_data_free(data);
    a->unsure = a->unsure || (found < 0 && found != PCRE2_ERROR_NOMATCH);
    return found >= 0;
}

static bool compares(struct asking *a, const struct node *node)
{
    const json_t *left = value_of(a, node->left);
    const json_t *right = node->right ? value_of(a, node->right) : NULL;

    switch (node->kind) {
    case NODE_EQUAL:
        return equal(left, right);
    case NODE_UNEQUAL:
        return !equal(left, right);
    case NODE_IN:
        return has_item(right, left);
    case NODE_CONTAINS:
        return contains(left, right);
    case NODE_MATCHES:
        return matches(a, node, left);
    default:
        return ordered(node->kind, left, right);
    }
}

static const json_t *value_of(struct asking *a, const struct node *node)
{
    switch (node->kind) {
    case NODE_LITERAL:
        return node->literal;
    case NODE_PATH:
        return follow(node->path, a->event);
    case NODE_OR:
        return json_boolean(is_true(a, node->left) || is_true(a, node->right));
    case NODE_AND:
        return json_boolean(is_true(a, node->left) && is_true(a, node->right));
    case NODE_NOT:
        return json_boolean(!is_true(a, node->left));
    default:
        return json_boolean(compares(a, node));
    }
}

bool expression_holds(const struct expression *e, const json_t *event)
{
    struct asking a = {.expression = e, .event = event};
    const bool holds = is_true(&a, e->root);

    return holds || a.unsure;
}

/* ---- the tree's life ---- */

static enum err set_limits(struct expression *e)
{
    e->limits = pcre2_match_context_create(NULL);
    if (!e->limits)
        return ERR_NOMEM;
    pcre2_set_match_limit(e->limits, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(e->limits, MATCH_DEPTH_MAX);
    pcre2_set_heap_limit(e->limits, MATCH_MEMORY_KIB);
    return OK;
}

enum err expression_parse(struct expression **out, struct bytes text, char *why, size_t why_size)
{
    struct expression *e = calloc(1, sizeof *e);
    enum err err;

    (void)snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
    if (!e)
        return ERR_NOMEM;
    arena_init(&e->arena, ARENA_MAX);
    if ((err = set_limits(e)) != OK || (err = expression_read(e, text, why, why_size)) != OK) {
        expression_free(e);
        return err;
    }
    assert(e->root);
    *out = e;
    return OK;
}

void expression_free(struct expression *e)
{
    if (!e)
        return;
    for (struct node *node = e->last_made; node; node = node->made_before) {
        json_decref(node->literal);
        pcre2_code_free(node->pattern);
    }
    pcre2_match_context_free(e->limits);
    arena_deinit(&e->arena);
    free(e);
}
