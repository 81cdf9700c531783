/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_file.c - each [[handler]] is a table of options of its own, filled in and checked as every other.
 */
#include "services/notary/handlers/handler_file.h"

#include "base/toml.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ORIGIN_SIZE 300
#define KEY_SIZE    64
#define NAME_CHARS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

#define AT(member) .offset = offsetof(struct handler_spec, member)
#define TEXT(key_, member)                                                                                             \
    {                                                                                                                  \
        .key = key_, .type = OPTION_TEXT, AT(member)                                                                   \
    }

static const char *const kinds[] = {"shared_object", "command", "http", NULL}; /* in the order of enum handler_kind */
static const char *const sandboxes[] = {"true", "calls", "false", NULL};
static const char *const priorities[] = {"low", "normal", "medium", "high", "critical", NULL};

static const struct option rows[] = {
    TEXT("name", name),
    {.key = "kind", .type = OPTION_CHOICE, .choices = kinds, AT(kind_name)},
    TEXT("path", path),
    {.key = "config", .type = OPTION_TEXT, .fallback = "", AT(config)},
    {.key = "sandbox", .type = OPTION_CHOICE, .choices = sandboxes, .fallback = "true", AT(sandbox)},
    {.key = "readable", .type = OPTION_TEXTS, AT(readable)},
    {.key = "command", .type = OPTION_TEXTS, AT(command)},
    TEXT("url", url),
    {.key = "token", .type = OPTION_TEXT, .secret = true, AT(token)},
    TEXT("trust_certs", trust_certs),
    TEXT("types", types),
    TEXT("sources", sources),
    {.key = "minimum_priority", .type = OPTION_CHOICE, .choices = priorities, AT(minimum_priority)},
    TEXT("filter", filter),
    {.key = "timeout", .type = OPTION_DURATION, .fallback = "5s", .min = 1, .max = 3600000, AT(timeout_ms)},
    {.key = "memory", .type = OPTION_BYTES, .fallback = "512MB", .min = 0, .max = INT64_C(1) << 40, AT(memory_max)},
    {.key = "cpu", .type = OPTION_DURATION, .fallback = "0", .min = 0, .max = 86400000, AT(cpu_ms)},
    {.key = "processes",
     .type = OPTION_INTEGER,
     .fallback = "2",
     .min = 1,
     .max = HANDLER_PROCESSES_MAX,
     AT(processes)},
    {.key = "events_per_process",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .min = 0,
     .max = 1000000000,
     AT(events_per_process)},
    {.key = "retries", .type = OPTION_INTEGER, .fallback = "1", .min = 0, .max = 10, AT(retries)},
    {.key = "environment", .type = OPTION_TEXTS, AT(environment)},
};

struct reading {
    struct handler_file *file;
    const char *name; /* of the file */
    char *why;
    size_t why_size;
};

static enum err refuse(const struct reading *r, unsigned line, const char *what)
{
    (void)snprintf(r->why, r->why_size, "%s:%u: %s", r->name, line, what);
    return ERR_INVALID;
}

/* ---- values ---- */

static enum err set_text(const struct reading *r, struct handler_spec *spec, const char *key, const char *value,
                         unsigned line)
{
    char origin[ORIGIN_SIZE];
    enum err err;

    (void)snprintf(origin, sizeof origin, "%s:%u", r->name, line);
    err = options_set(&spec->options, key, value, origin, r->why, r->why_size);
    return err == ERR_NOT_FOUND ? ERR_INVALID : err;
}

static enum err set_leaf(const struct reading *r, struct handler_spec *spec, const char *key, const struct toml_node *n)
{
    char number[24], *text;
    enum err err;

    if (n->type == TOML_INTEGER || n->type == TOML_BOOL) {
        if (n->type == TOML_INTEGER)
            (void)snprintf(number, sizeof number, "%" PRId64, n->value.integer);
        return set_text(r, spec, key, n->type == TOML_INTEGER ? number : n->value.boolean ? "true" : "false", n->line);
    }
    if (n->type != TOML_STRING || memchr(n->value.string.data, '\0', n->value.string.len))
        return refuse(r, n->line, "a text, a whole number, true or false is expected");
    if (!(text = strndup((const char *)n->value.string.data, n->value.string.len)))
        return ERR_NOMEM;
    err = set_text(r, spec, key, text, n->line);
    free(text);
    return err;
}

static bool takes_list(const char *key)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].key, key) == 0)
            return rows[i].type == OPTION_TEXTS;
    return false;
}

static enum err set_value(const struct reading *r, struct handler_spec *spec, const struct toml_node *n)
{
    char key[KEY_SIZE];
    enum err err = OK;

    (void)snprintf(key, sizeof key, "%.*s", (int)n->key.len, (const char *)n->key.data);
    if (n->type == TOML_ARRAY && takes_list(key)) {
        for (const struct toml_node *item = n->children; item && err == OK; item = item->next)
            err = set_leaf(r, spec, key, item);
        return err;
    }
    return set_leaf(r, spec, key, n);
}

/* ---- an entry ---- */

static bool name_is_taken(const struct handler_file *f, const struct handler_spec *spec)
{
    for (const struct handler_spec *other = f->specs; other < spec; other++)
        if (strcmp(other->name, spec->name) == 0)
            return true;
    return false;
}

static const char *missing(const struct handler_spec *spec)
{
    switch (spec->kind) {
    case HANDLER_SHARED_OBJECT:
        return spec->path && spec->path[0] == '/' ? NULL : "a shared_object needs its `path`, from the root on";
    case HANDLER_COMMAND:
        return spec->command && spec->command[0][0] ? NULL : "a command needs `command`, a list of words";
    case HANDLER_HTTP:
        return spec->url && (strncmp(spec->url, "http://", 7) == 0 || strncmp(spec->url, "https://", 8) == 0)
                   ? NULL
                   : "an http handler needs its `url`, http:// or https://";
    }
    return NULL;
}

static bool are_paths(char *const *names)
{
    for (size_t i = 0; names && names[i]; i++)
        if (names[i][0] != '/')
            return false;
    return true;
}

static enum err check_entry(const struct reading *r, struct handler_spec *spec, unsigned line)
{
    const char *lacks;
    size_t len = spec->name ? strlen(spec->name) : 0;

    if (len == 0 || len > HANDLER_NAME_MAX || strspn(spec->name, NAME_CHARS) != len)
        return refuse(r, line, "a handler needs a `name` of letters, digits, - and _");
    if (name_is_taken(r->file, spec))
        return refuse(r, line, "there is another handler of this name");
    if (!spec->kind_name)
        return refuse(r, line, "a handler needs its `kind`: shared_object, command or http");
    while (strcmp(kinds[spec->kind], spec->kind_name) != 0)
        spec->kind++;
    if ((lacks = missing(spec)))
        return refuse(r, line, lacks);
    if (!are_paths(spec->readable))
        return refuse(r, line, "`readable` is a list of paths, from the root on");
    if (spec->events_per_process == 0)
        spec->events_per_process = spec->kind == HANDLER_COMMAND ? 1 : 1000;
    return OK;
}

static enum err read_entry(const struct reading *r, const struct toml_node *table)
{
    struct handler_spec *spec = &r->file->specs[r->file->count];
    enum err err;

    if (table->type != TOML_TABLE)
        return refuse(r, table->line, "only [[handler]] tables are expected");
    if (r->file->count == HANDLERS_MAX)
        return refuse(r, table->line, "there are too many handlers");
    r->file->count++;
    err = options_init(&spec->options, rows, sizeof rows / sizeof *rows, spec);
    for (const struct toml_node *n = table->children; n && err == OK; n = n->next)
        err = set_value(r, spec, n);
    return err == OK ? check_entry(r, spec, table->line) : err;
}

static enum err read_root(const struct reading *r, const struct toml_node *root)
{
    enum err err = OK;

    for (const struct toml_node *n = root->children; n && err == OK; n = n->next) {
        if (!bytes_equal(n->key, bytes_of_text("handler")) || n->type != TOML_ARRAY)
            return refuse(r, n->line, "only [[handler]] tables are expected");
        for (const struct toml_node *table = n->children; table && err == OK; table = table->next)
            err = read_entry(r, table);
    }
    return err;
}

enum err handler_file_read(struct handler_file *out, const char *name, struct bytes text, char *why, size_t why_size)
{
    const struct reading r = {out, name, why, why_size};
    struct toml *toml;
    char reason[300];
    unsigned line = 0;
    enum err err;

    memset(out, 0, sizeof *out);
    (void)snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
    if ((err = toml_parse(&toml, text, reason, sizeof reason, &line)) != OK)
        return err == ERR_NOMEM ? err : refuse(&r, line, err == ERR_INVALID ? reason : err_text(err));
    err = read_root(&r, toml_root(toml));
    toml_free(toml);
    return err;
}

void handler_file_deinit(struct handler_file *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->specs[i].options.table)
            options_deinit(&f->specs[i].options);
    f->count = 0;
}
