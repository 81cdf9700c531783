/* SPDX-License-Identifier: Apache-2.0
 *
 * options_file.c - options from files: TOML, and key=value as Pulsar has it.
 *
 * A TOML leaf is handed on as text, after a look at its type, so that there is one parser of values.
 */
#include "base/option_value.h"
#include "base/toml.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_SIZE   256
#define ORIGIN_SIZE 300

struct reading {
    struct options *options;
    const char *name;
    char *message;
    size_t message_size;
};

/* ---- TOML ---- */

/* What the option expects, when the type in the file is another; else NULL. */
static const char *toml_refuse(const struct option *option, const struct toml_node *n)
{
    enum toml_type type = n->type;

    if (type == TOML_STRING && memchr(n->value.string.data, '\0', n->value.string.len))
        return "a text without the character NUL";
    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_TEXTS:
    case OPTION_CHOICE:
        return type == TOML_STRING ? NULL : "a text in quotes";
    case OPTION_BOOL:
        return type == TOML_BOOL ? NULL : "true or false, without quotes";
    case OPTION_INTEGER:
        return type == TOML_INTEGER ? NULL : "a whole number, without quotes";
    case OPTION_BYTES:
        return type == TOML_INTEGER || type == TOML_STRING ? NULL : "a size such as \"64MB\"";
    case OPTION_DURATION:
        return type == TOML_INTEGER || type == TOML_STRING ? NULL : "a time such as \"30s\"";
    }
    return NULL;
}

/* The value as text, to be freed; "" for types that no option has. */
static char *toml_text(const struct toml_node *n)
{
    char number[24] = "";

    if (n->type == TOML_STRING)
        return strndup((const char *)n->value.string.data, n->value.string.len);
    if (n->type == TOML_INTEGER)
        (void)snprintf(number, sizeof number, "%" PRId64, n->value.integer);
    else if (n->type == TOML_BOOL)
        (void)snprintf(number, sizeof number, "%s", n->value.boolean ? "true" : "false");
    return strdup(number);
}

/* Sets what is named in the file; unknown is as bad as wrong. */
static enum err toml_set(const struct reading *r, const struct toml_node *n, const char *path, const char *value)
{
    struct options *o = r->options;
    char origin[ORIGIN_SIZE];
    size_t i;

    (void)snprintf(origin, sizeof origin, "%s:%u", r->name, n->line);
    if (options_lookup(&o, &i, path, origin, r->message, r->message_size) != OK)
        return ERR_INVALID;
    const char *expected = toml_refuse(&o->table[i], n);
    if (expected) {
        (void)snprintf(r->message, r->message_size, "%s: `%s` expects %s", origin, path, expected);
        return ERR_INVALID;
    }
    return options_assign(o, i, value, origin, r->message, r->message_size);
}

static enum err toml_leaf(const struct reading *r, const struct toml_node *n, const char *path)
{
    char *value = toml_text(n);
    if (!value)
        return ERR_NOMEM;
    enum err err = toml_set(r, n, path, value);
    free(value);
    return err;
}

/* Depth is bounded by the reader of TOML, and paths that do not fit are of unknown keys. */
static enum err toml_table(const struct reading *r, const struct toml_node *table, const char *prefix)
{
    for (const struct toml_node *n = table->children; n; n = n->next) {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s%s%.*s", prefix, *prefix ? "." : "", (int)n->key.len,
                       (const char *)n->key.data);
        enum err err = n->type == TOML_TABLE ? toml_table(r, n, path) : toml_leaf(r, n, path);
        if (err != OK)
            return err;
    }
    return OK;
}

static enum err toml_read(const struct reading *r, struct bytes text)
{
    struct toml *toml;
    char reason[300];
    unsigned line;
    enum err err = toml_parse(&toml, text, reason, sizeof reason, &line);

    if (err != OK) {
        (void)snprintf(r->message, r->message_size, "%s:%u: %s", r->name, line,
                       err == ERR_INVALID ? reason : err_text(err));
        return err;
    }
    err = toml_table(r, toml_root(toml), "");
    toml_free(toml);
    return err;
}

/* ---- key=value ---- */

static char *trimmed(char *text)
{
    size_t len;

    text += strspn(text, " \t\r\f");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\f", text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* Without a value, Pulsar's way to say "the default", the key must be one all the same. */
static enum err pair_set(const struct reading *r, unsigned number, const char *name, const char *value)
{
    struct options *o = r->options;
    char origin[ORIGIN_SIZE];
    size_t i;

    (void)snprintf(origin, sizeof origin, "%s:%u", r->name, number);
    const struct foreign_keys *foreign = o->foreign;
    if (options_find(&o, &i, name)) {
        if (!*value)
            value = o->table[i].empty;
        return value ? options_assign(o, i, value, origin, r->message, r->message_size) : OK;
    }
    enum err err =
        foreign ? foreign_key_check(foreign, name, value, origin, r->message, r->message_size) : ERR_NOT_FOUND;
    if (err == OK && *value && !foreign_key_matters(foreign, name))
        return passed_over_add(&r->options->passed, name);
    if (err != ERR_NOT_FOUND)
        return err;
    options_unknown(o, name, origin, r->message, r->message_size);
    return ERR_INVALID;
}

static enum err pair_line(const struct reading *r, unsigned number, char *line)
{
    line = trimmed(line);
    if (*line == '\0' || *line == '#' || *line == '!')
        return OK;
    char *equals = strchr(line, '=');
    if (!equals) {
        (void)snprintf(r->message, r->message_size, "%s:%u: expected key=value", r->name, number);
        return ERR_INVALID;
    }
    *equals = '\0';
    return pair_set(r, number, trimmed(line), trimmed(equals + 1));
}

static enum err pairs_read(const struct reading *r, struct bytes text)
{
    char *copy = strndup((const char *)text.data, text.len), *rest = copy, *line;
    enum err err = copy ? OK : ERR_NOMEM;

    for (unsigned number = 1; err == OK && (line = strsep(&rest, "\n")); number++)
        err = pair_line(r, number, line);
    free(copy);
    return err;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

enum err options_read(struct options *o, const char *name, struct bytes text, char *message, size_t message_size)
{
    struct reading r = {.options = o, .name = name, .message = message, .message_size = message_size};

    if (ends_with(name, ".conf") || ends_with(name, ".properties"))
        return pairs_read(&r, text);
    return toml_read(&r, text);
}
