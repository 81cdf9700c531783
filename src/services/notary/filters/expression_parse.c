/* SPDX-License-Identifier: Apache-2.0
 *
 * expression_parse.c - an expression's text as a tree: a function for each rule of the grammar (expression.h).
 *
 * The first error is kept with its place, and everything above returns NULL.  Bounds: the text, the nodes (steps of
 * paths and items of lists count), the depth.
 */
#include "services/notary/filters/expression_private.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKEN_MAX 64 /* of a number, an operator, a keyword */

struct parser {
    struct expression *e;
    struct bytes text;
    size_t at;
    size_t nodes, depth;
    enum err err;
    char *why;
    size_t why_size;
};

static struct node *parse_condition(struct parser *p);
static json_t *parse_literal(struct parser *p);

/* ---- words ---- */

static void *fail_at(struct parser *p, size_t at, const char *what)
{
    if (p->err == OK) {
        p->err = ERR_INVALID;
        (void)snprintf(p->why, p->why_size, "at %zu: %s", at + 1, what);
    }
    return NULL;
}

static void *fail(struct parser *p, const char *what)
{
    return fail_at(p, p->at, what);
}

static void *fail_memory(struct parser *p)
{
    if (p->err == OK) {
        p->err = ERR_NOMEM;
        (void)snprintf(p->why, p->why_size, "%s", err_text(ERR_NOMEM));
    }
    return NULL;
}

static int peek(const struct parser *p)
{
    return p->at < p->text.len ? p->text.data[p->at] : -1;
}

static void skip_blanks(struct parser *p)
{
    while (peek(p) >= 0 && strchr(" \t\r\n", peek(p)))
        p->at++;
}

static bool is_name(int c)
{
    return c >= 0 && (isalnum(c) || c == '_' || c == '-');
}

/* A sign, or a keyword that does not go on. */
static bool take(struct parser *p, const char *word)
{
    size_t len = strlen(word);

    skip_blanks(p);
    if (p->text.len - p->at < len || memcmp(p->text.data + p->at, word, len) != 0)
        return false;
    if (is_name(word[0]) && p->at + len < p->text.len && is_name(p->text.data[p->at + len]))
        return false;
    p->at += len;
    return true;
}

static bool enter(struct parser *p)
{
    if (p->depth == EXPRESSION_DEPTH_MAX)
        return fail(p, "it is nested too deep") != NULL;
    p->depth++;
    return true;
}

static bool count_one(struct parser *p)
{
    if (p->nodes == EXPRESSION_NODES_MAX)
        return fail(p, "it has too many parts") != NULL;
    p->nodes++;
    return true;
}

static struct node *node_new(struct parser *p, enum node_kind kind)
{
    struct node *node = count_one(p) ? arena_zalloc(&p->e->arena, sizeof *node) : NULL;

    if (!node)
        return fail_memory(p);
    node->kind = kind;
    node->made_before = p->e->last_made;
    p->e->last_made = node;
    return node;
}

/* ---- literals ---- */

static char unescape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

/* A text in quotes, the first of which is next: in the arena, NUL-terminated. */
static const char *parse_text(struct parser *p, size_t *len)
{
    size_t from = p->at;
    char quote = (char)peek(p), *to = arena_alloc(&p->e->arena, p->text.len - from);

    if (!to)
        return fail_memory(p);
    p->at++;
    for (*len = 0; peek(p) != quote; (*len)++) {
        char c = (char)peek(p);
        if (peek(p) <= 0)
            return fail_at(p, from, "this text does not end");
        p->at++;
        if (c == '\\' && peek(p) > 0 && strchr("\"'\\nt", peek(p))) {
            c = unescape((char)peek(p));
            p->at++;
        }
        to[*len] = c;
    }
    p->at++;
    to[*len] = '\0';
    return to;
}

static json_t *literal_text(struct parser *p)
{
    size_t len, from = p->at;
    const char *text = parse_text(p, &len);
    json_t *literal = text ? json_stringn(text, len) : NULL;

    return literal ? literal : fail_at(p, from, "this text is not UTF-8");
}

static json_t *literal_number(struct parser *p)
{
    char word[TOKEN_MAX + 1], *end;
    size_t len = 0, from = p->at;
    double number;

    while (peek(p) >= 0 && len < TOKEN_MAX && (isalnum(peek(p)) || strchr("+-.", peek(p))))
        word[len++] = (char)p->text.data[p->at++];
    word[len] = '\0';
    if (strspn(word, "+-.0123456789eE") != len)
        return fail_at(p, from, "this is no number");
    errno = 0;
    long long integer = strtoll(word, &end, 10);
    if (*end == '\0' && errno == 0)
        return json_integer(integer);
    number = strtod(word, &end);
    if (*end != '\0' || end == word || !isfinite(number))
        return fail_at(p, from, "this is no number");
    return json_real(number);
}

static json_t *list_item(struct parser *p, bool first)
{
    if (!first && !take(p, ","))
        return fail(p, "`,` or `]` is missing");
    return count_one(p) ? parse_literal(p) : NULL;
}

static json_t *literal_list(struct parser *p)
{
    json_t *list = enter(p) ? json_array() : NULL;

    while (list && !take(p, "]")) {
        json_t *item = list_item(p, json_array_size(list) == 0);
        if (!item || json_array_append_new(list, item) != 0) {
            json_decref(list);
            return fail_memory(p);
        }
    }
    p->depth--;
    return list;
}

static bool begins_number(int c)
{
    return c >= 0 && (isdigit(c) || c == '-');
}

/* A new reference; NULL: what follows is no literal, which is an error of the place. */
static json_t *parse_literal(struct parser *p)
{
    json_t *literal = NULL;

    skip_blanks(p);
    if (take(p, "true"))
        literal = json_true();
    else if (take(p, "false"))
        literal = json_false();
    else if (take(p, "null"))
        literal = json_null();
    else if (take(p, "["))
        literal = literal_list(p);
    else if (peek(p) == '"' || peek(p) == '\'')
        literal = literal_text(p);
    else if (begins_number(peek(p)))
        literal = literal_number(p);
    else
        return fail(p, "a value is missing: event.NAME, a number, a text in quotes, true, false, null or a list");
    return literal ? literal : fail_memory(p);
}

/* ---- paths ---- */

static bool step_index(struct parser *p, struct path_step *step)
{
    size_t from = p->at;

    for (step->index = 0; peek(p) >= 0 && isdigit(peek(p)); p->at++) {
        if (p->at - from >= 9)
            return fail_at(p, from, "this index is too large") != NULL;
        step->index = step->index * 10 + (size_t)(peek(p) - '0');
    }
    return p->at > from || fail(p, "an index or a name in quotes is missing") != NULL;
}

static bool step_in_brackets(struct parser *p, struct path_step *step)
{
    size_t len;

    skip_blanks(p);
    if (peek(p) == '"' || peek(p) == '\'')
        step->name = parse_text(p, &len);
    else if (!step_index(p, step))
        return false;
    if (p->err != OK)
        return false;
    return take(p, "]") || fail(p, "`]` is missing") != NULL;
}

static bool step_by_name(struct parser *p, struct path_step *step)
{
    size_t from = p->at;

    while (is_name(peek(p)))
        p->at++;
    if (p->at == from)
        return fail(p, "a member's name is missing") != NULL;
    step->name = arena_text_of(&p->e->arena, bytes_of(p->text.data + from, p->at - from));
    return step->name || fail_memory(p) != NULL;
}

static struct node *parse_path(struct parser *p)
{
    struct node *node = node_new(p, NODE_PATH);
    struct path_step **last = node ? &node->path : NULL;

    while (node && (peek(p) == '.' || peek(p) == '[')) {
        bool by_name = p->text.data[p->at++] == '.';
        struct path_step *step = count_one(p) ? arena_zalloc(&p->e->arena, sizeof *step) : NULL;
        if (!step)
            return fail_memory(p);
        if (!(by_name ? step_by_name(p, step) : step_in_brackets(p, step)))
            return NULL;
        *last = step;
        last = &step->next;
    }
    return node;
}

/* ---- conditions ---- */

static struct node *parse_value(struct parser *p)
{
    struct node *node;

    if (take(p, "(")) {
        if (!enter(p) || !(node = parse_condition(p)))
            return NULL;
        p->depth--;
        return take(p, ")") ? node : fail(p, "`)` is missing");
    }
    if (take(p, "event"))
        return parse_path(p);
    if ((node = node_new(p, NODE_LITERAL)))
        node->literal = parse_literal(p);
    return node && node->literal ? node : NULL;
}

static bool compile(struct parser *p, struct node *node, const char *text, size_t len, size_t from)
{
    PCRE2_SIZE at;
    PCRE2_UCHAR why[120] = "";
    char message[200];
    int code;

    node->pattern = pcre2_compile((PCRE2_SPTR)text, len, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (node->pattern)
        return true;
    (void)pcre2_get_error_message(code, why, sizeof why);
    (void)snprintf(message, sizeof message, "this pattern, at %zu: %s", (size_t)at + 1, (const char *)why);
    return fail_at(p, from, message) != NULL;
}

static struct node *parse_pattern(struct parser *p, struct node *node)
{
    size_t len, from;
    const char *text;

    skip_blanks(p);
    from = p->at;
    if (peek(p) != '"' && peek(p) != '\'')
        return fail(p, "a pattern in quotes is missing");
    text = parse_text(p, &len);
    return text && compile(p, node, text, len, from) ? node : NULL;
}

/* The longer signs before those that they begin with. */
static const struct {
    const char *sign;
    enum node_kind kind;
} comparisons[] = {
    {"==", NODE_EQUAL}, {"!=", NODE_UNEQUAL}, {"<=", NODE_AT_MOST},        {">=", NODE_AT_LEAST},     {"<", NODE_LESS},
    {">", NODE_MORE},   {"in", NODE_IN},      {"contains", NODE_CONTAINS}, {"matches", NODE_MATCHES},
};

static struct node *parse_comparison(struct parser *p)
{
    struct node *left = parse_value(p), *node;

    for (size_t i = 0; left && i < sizeof comparisons / sizeof *comparisons; i++) {
        if (!take(p, comparisons[i].sign))
            continue;
        if (!(node = node_new(p, comparisons[i].kind)))
            return NULL;
        node->left = left;
        if (node->kind == NODE_MATCHES)
            return parse_pattern(p, node);
        node->right = parse_value(p);
        return node->right ? node : NULL;
    }
    return left;
}

static struct node *parse_factor(struct parser *p)
{
    struct node *node;

    if (!take(p, "not"))
        return parse_comparison(p);
    if (!enter(p) || !(node = node_new(p, NODE_NOT)) || !(node->left = parse_factor(p)))
        return NULL;
    p->depth--;
    return node;
}

static struct node *parse_chain(struct parser *p, const char *word, enum node_kind kind,
                                struct node *(*parse_part)(struct parser *p))
{
    struct node *left = parse_part(p);

    while (left && take(p, word)) {
        struct node *node = node_new(p, kind);
        if (!node || !(node->right = parse_part(p)))
            return NULL;
        node->left = left;
        left = node;
    }
    return left;
}

static struct node *parse_term(struct parser *p)
{
    return parse_chain(p, "and", NODE_AND, parse_factor);
}

static struct node *parse_condition(struct parser *p)
{
    return parse_chain(p, "or", NODE_OR, parse_term);
}

enum err expression_read(struct expression *e, struct bytes text, char *why, size_t why_size)
{
    struct parser p = {.e = e, .text = text, .why = why, .why_size = why_size};
    struct node *root;

    if (text.len > EXPRESSION_BYTES_MAX) {
        (void)snprintf(why, why_size, "it is longer than %d bytes", EXPRESSION_BYTES_MAX);
        return ERR_INVALID;
    }
    root = parse_condition(&p);
    skip_blanks(&p);
    if (root && p.at < text.len)
        (void)fail(&p, "it ought to end here, or go on with `and`, `or` or a comparison");
    if (p.err == OK)
        e->root = root;
    return p.err;
}
