/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - a table of options: defaults, the environment, flags, help.  Files are options_file.c's.
 *
 * Invariant: after options_init every option has an origin, and its value is the default's or what was set last.
 */
#include "base/options.h"

#include "base/option_value.h"
#include "base/text.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX 2048 /* keys, aliases or flags among which the nearest is looked for */

/* ---- setting ---- */

enum err options_assign(struct options *o, size_t i, const char *text, const char *origin, char *message,
                        size_t message_size)
{
    const struct option *option = &o->table[i];
    char reason[200];
    char *noted = strdup(origin);
    if (!noted)
        return ERR_NOMEM;

    enum err err = option_value_set(option, o->values, text, reason, sizeof reason);
    if (err != OK) {
        free(noted);
        if (err == ERR_INVALID)
            (void)snprintf(message, message_size, "%s: `%s` expects %s%s%s%s", origin, option->key, reason,
                           option->secret ? "" : ", not `", option->secret ? "" : text, option->secret ? "" : "`");
        return err;
    }
    free(o->origin[i]);
    o->origin[i] = noted;
    return OK;
}

static bool is_named(const struct option *option, const char *name)
{
    return strcmp(option->key, name) == 0 || (option->alias && strcmp(option->alias, name) == 0);
}

static const char *nearest_name(const struct options *o, const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = o->foreign ? foreign_key_names(o->foreign, names, NAMES_MAX) : 0;

    for (; o; o = o->next) {
        for (size_t i = 0; i < o->count && count + 2 <= NAMES_MAX; i++) {
            names[count++] = o->table[i].key;
            if (o->table[i].alias)
                names[count++] = o->table[i].alias;
        }
    }
    return nearest_word(name, names, count);
}

bool options_find(struct options **o, size_t *i, const char *name)
{
    for (struct options *at = *o; at; at = at->next) {
        for (size_t k = 0; k < at->count; k++) {
            if (is_named(&at->table[k], name)) {
                *o = at;
                *i = k;
                return true;
            }
        }
    }
    return false;
}

void options_unknown(const struct options *o, const char *name, const char *origin, char *message, size_t message_size)
{
    const char *nearest = nearest_name(o, name);

    (void)snprintf(message, message_size, "%s: unknown key `%s`%s%s%s", origin, name, nearest ? "; did you mean `" : "",
                   nearest ? nearest : "", nearest ? "`?" : "");
}

enum err options_lookup(struct options **o, size_t *i, const char *name, const char *origin, char *message,
                        size_t message_size)
{
    if (options_find(o, i, name))
        return OK;
    options_unknown(*o, name, origin, message, message_size);
    return ERR_NOT_FOUND;
}

enum err options_set(struct options *o, const char *key, const char *value, const char *origin, char *message,
                     size_t message_size)
{
    size_t i;
    enum err err = options_lookup(&o, &i, key, origin, message, message_size);

    return err == OK ? options_assign(o, i, value, origin, message, message_size) : err;
}

static bool is_said(const struct options *o, size_t i)
{
    return strcmp(o->origin[i], "default") != 0;
}

enum err options_set_default(struct options *o, const char *key, const char *value, const char *origin, char *message,
                             size_t message_size)
{
    size_t i;
    enum err err = options_lookup(&o, &i, key, origin, message, message_size);

    return err == OK && !is_said(o, i) ? options_assign(o, i, value, origin, message, message_size) : err;
}

/* ---- beginning and end ---- */

enum err options_init(struct options *o, const struct option *table, size_t count, void *values)
{
    char message[300];

    *o = (struct options){.table = table, .count = count, .values = values};
    if (!(o->origin = calloc(count ? count : 1, sizeof *o->origin)))
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        enum err err = OK;
        if (table[i].fallback)
            err = options_assign(o, i, table[i].fallback, "default", message, sizeof message);
        assert(err != ERR_INVALID); /* our own table contradicts itself */
        if (err == OK && !o->origin[i] && !(o->origin[i] = strdup("default")))
            err = ERR_NOMEM;
        if (err != OK) {
            options_deinit(o);
            return err;
        }
    }
    return OK;
}

void options_deinit(struct options *o)
{
    for (size_t i = 0; o->origin && i < o->count; i++) {
        option_value_free(&o->table[i], o->values);
        free(o->origin[i]);
    }
    free(o->origin);
    o->origin = NULL;
    passed_over_deinit(&o->passed);
}

/* ---- the environment ---- */

#define PULSAR_PREFIX "PULSAR_PREFIX_"

/* The variable that gives the option, in `name`; NULL: none does. */
static const char *env_value(const struct option *option, bool bare, const char *(*get)(const char *name, void *ctx),
                             void *ctx, char *name, size_t size)
{
    const struct {
        const char *prefix, *rest;
    } names[] = {{"", option->env}, {PULSAR_PREFIX, option->alias}, {"", bare ? option->alias : NULL}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(name, size, "%s%s", names[i].prefix, names[i].rest ? names[i].rest : "");
        const char *value = names[i].rest ? get(name, ctx) : NULL;
        if (value && *value)
            return value;
    }
    return NULL;
}

enum err options_env(struct options *o, const char *(*get)(const char *name, void *ctx), void *ctx, char *message,
                     size_t message_size)
{
    const bool bare = o->foreign != NULL;

    for (; o; o = o->next) {
        for (size_t i = 0; i < o->count; i++) {
            char name[128];
            const char *value = env_value(&o->table[i], bare, get, ctx, name, sizeof name);
            enum err err = value ? options_assign(o, i, value, name, message, message_size) : OK;
            if (err != OK)
                return err;
        }
    }
    return OK;
}

static bool is_alias(const struct options *o, const char *name)
{
    for (; o; o = o->next) {
        for (size_t i = 0; i < o->count; i++) {
            if (o->table[i].alias && strcmp(o->table[i].alias, name) == 0)
                return true;
        }
    }
    return false;
}

/* "NAME=value" that no option has taken. */
static enum err variable_check(struct options *o, const char *variable, char *message, size_t message_size)
{
    const bool prefixed = strncmp(variable, PULSAR_PREFIX, strlen(PULSAR_PREFIX)) == 0;
    const char *value = strchr(variable, '=');
    char name[128];

    if (!value || (size_t)(value - variable) >= sizeof name)
        return OK;
    (void)snprintf(name, sizeof name, "%.*s", (int)(value - variable), variable);
    const char *key = name + (prefixed ? strlen(PULSAR_PREFIX) : 0);
    if (!prefixed && !foreign_key_matters(o->foreign, key))
        return OK;
    if (value[1] == '\0' || is_alias(o, key))
        return OK;
    enum err err = foreign_key_check(o->foreign, key, value + 1, name, message, message_size);
    if (err == ERR_INVALID || foreign_key_matters(o->foreign, key))
        return err;
    return passed_over_add(&o->passed, name); /* also what nobody knows: Pulsar's images take any */
}

enum err options_env_foreign(struct options *o, char *const *environment, char *message, size_t message_size)
{
    enum err err = OK;

    for (; o->foreign && err == OK && *environment; environment++)
        err = variable_check(o, *environment, message, message_size);
    return err;
}

/* ---- flags ---- */

/* The spellings of a flag, one after the other: *at starts at the whole, and is NULL after the last. */
static struct bytes spelling_next(const char **at)
{
    size_t len = strcspn(*at, "|");
    struct bytes spelling = bytes_of(*at, len);

    *at = (*at)[len] == '|' ? *at + len + 1 : NULL;
    return spelling;
}

/* True if the word is the flag, alone or with "=value": then *value is that, or NULL. */
static bool flag_matches(const struct option *option, const char *word, const char **value)
{
    struct bytes name = bytes_of(word, strcspn(word, "="));

    for (const char *at = option->flag; at;) {
        if (bytes_equal(spelling_next(&at), name)) {
            *value = word[name.len] == '=' ? word + name.len + 1 : NULL;
            return true;
        }
    }
    return false;
}

static bool flag_find(struct options **o, size_t *i, const char *word, const char **value)
{
    if (word[0] != '-')
        return false;
    for (struct options *at = *o; at; at = at->next) {
        for (size_t k = 0; k < at->count; k++) {
            if (flag_matches(&at->table[k], word, value)) {
                *o = at;
                *i = k;
                return true;
            }
        }
    }
    return false;
}

/* One of the other software's; its value is of no interest. */
static enum err foreign_flag_take(struct options *o, int count, char **words, int *used, char *message,
                                  size_t message_size)
{
    const struct foreign_flag *flag = o->foreign ? foreign_flag_find(o->foreign, words[0]) : NULL;
    char name[64];

    if (!flag)
        return OK;
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(words[0], "="), words[0]);
    if (flag->why) {
        (void)snprintf(message, message_size, "`%s` cannot be: %s", name, flag->why);
        return ERR_INVALID;
    }
    *used = flag->takes_value && !strchr(words[0], '=') && count > 1 ? 2 : 1;
    return passed_over_add(&o->passed, name);
}

/* Takes the flag at `from`, and its value; *used: how many words that are.  0: no flag of ours. */
static enum err flag_take(struct options *o, int count, char **words, int *used, char *message, size_t message_size)
{
    const char *value;
    char name[64];
    size_t i;

    *used = 0;
    if (!flag_find(&o, &i, words[0], &value))
        return foreign_flag_take(o, count, words, used, message, message_size);
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(words[0], "="), words[0]);
    *used = 1;
    if (!value && o->table[i].type == OPTION_BOOL)
        value = "true";
    if (!value && count > 1) {
        value = words[1];
        *used = 2;
    }
    if (!value) {
        (void)snprintf(message, message_size, "%s needs a value: %s", name, o->table[i].text);
        return ERR_INVALID;
    }
    return options_assign(o, i, value, name, message, message_size);
}

const struct option *options_flag(const struct options *o, const char *word, const char **value)
{
    struct options *at = (struct options *)(uintptr_t)o; /* only looked at */
    size_t i;

    return flag_find(&at, &i, word, value) ? &at->table[i] : NULL;
}

int options_flag_words(const struct options *o, int count, char *const *words)
{
    const char *value;
    const struct option *option = count > 0 ? options_flag(o, words[0], &value) : NULL;

    if (!option)
        return 0;
    return value || option->type == OPTION_BOOL || count == 1 ? 1 : 2;
}

enum err options_flags(struct options *o, int *argc, char **argv, char *message, size_t message_size)
{
    int kept = 0, at = 0, used;

    while (at < *argc && strcmp(argv[at], "--") != 0) {
        enum err err = flag_take(o, *argc - at, argv + at, &used, message, message_size);
        if (err != OK)
            return err;
        if (used == 0)
            argv[kept++] = argv[at++];
        at += used;
    }
    while (at < *argc)
        argv[kept++] = argv[at++];
    if (kept < *argc)
        argv[kept] = NULL;
    *argc = kept;
    return OK;
}

const char *options_nearest_flag(const struct options *o, const char *word, char *to, size_t size)
{
    char name[64], spellings[NAMES_MAX][32];
    const char *names[NAMES_MAX];
    size_t count = 0;

    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (; o; o = o->next) {
        for (size_t i = 0; i < o->count; i++) {
            for (const char *at = o->table[i].flag; at && count < NAMES_MAX;) {
                struct bytes spelling = spelling_next(&at);
                (void)snprintf(spellings[count], sizeof spellings[0], "%.*s", (int)spelling.len,
                               (const char *)spelling.data);
                names[count] = spellings[count];
                count++;
            }
        }
    }
    const char *nearest = nearest_word(name, names, count);
    if (!nearest)
        return NULL;
    (void)snprintf(to, size, "%s", nearest);
    return to;
}

/* ---- showing ---- */

static bool is_shown(const struct options *o, size_t i, bool all)
{
    return all || is_said(o, i);
}

void options_show(const struct options *o, bool all, struct text *out)
{
    for (; o; o = o->next) {
        for (size_t i = 0; i < o->count; i++) {
            size_t before;
            if (!is_shown(o, i, all))
                continue;
            text_printf(out, "%s = ", o->table[i].key);
            before = out->len;
            option_value_write(&o->table[i], o->values, out);
            if (out->len == before)
                text_add(out, "\"\"");
            text_printf(out, "  # %s\n", o->origin[i]);
        }
    }
}

/* A value as it is written in our file is JSON already, but for none at all. */
void options_show_json(const struct options *o, bool all, struct text *out)
{
    const char *between = "";

    text_add(out, "{");
    for (; o; o = o->next) {
        for (size_t i = 0; i < o->count; i++) {
            size_t before;
            if (!is_shown(o, i, all))
                continue;
            text_printf(out, "%s\n  ", between);
            between = ",";
            text_add_json(out, bytes_of_text(o->table[i].key));
            text_add(out, ": {\"value\": ");
            before = out->len;
            option_value_write(&o->table[i], o->values, out);
            if (out->len == before)
                text_add(out, "null");
            text_add(out, ", \"origin\": ");
            text_add_json(out, bytes_of_text(o->origin[i]));
            text_add(out, "}");
        }
    }
    text_add(out, "\n}\n");
}

static void flag_write(const struct option *option, struct text *out)
{
    text_add(out, "  ");
    for (const char *at = option->flag; at;) {
        struct bytes spelling = spelling_next(&at);
        text_printf(out, "%.*s%s", (int)spelling.len, (const char *)spelling.data, at ? ", " : "");
    }
    if (option->type == OPTION_CHOICE) {
        for (const char *const *choice = option->choices; *choice; choice++)
            text_printf(out, "%s%s", choice == option->choices ? " " : "|", *choice);
    } else if (option->type != OPTION_BOOL) {
        text_printf(out, " %s", option_value_name(option));
    }
    text_add(out, "\n");
}

/* True if a table earlier in the chain has the flag, and so gets what is said with it. */
static bool flag_is_taken(const struct options *o, const struct options *end, const struct option *option)
{
    for (; o != end; o = o->next) {
        for (size_t i = 0; i < o->count; i++) {
            if (o->table[i].flag && strcmp(o->table[i].flag, option->flag) == 0)
                return true;
        }
    }
    return false;
}

static void text_write(const struct option *option, struct text *out)
{
    text_printf(out, "        %s", option->text);
    if (option->fallback && *option->fallback && (option->type != OPTION_BOOL || !option->flag))
        text_printf(out, "  Default: %s.", option->fallback);
    text_add(out, "\n");
}

/* One without a flag: by which names a file and the environment know it. */
static void key_write(const struct option *option, struct text *out)
{
    text_printf(out, "  %s %s", option->key, option->type == OPTION_BOOL ? "true|false" : option_value_name(option));
    if (option->alias)
        text_printf(out, ", %s", option->alias);
    if (option->env)
        text_printf(out, ", %s", option->env);
    text_add(out, "\n");
}

static void keys_write(const struct options *o, struct text *out)
{
    bool any = false;

    for (; o; o = o->next) {
        const char *group = NULL;
        for (size_t i = 0; i < o->count; i++) {
            if (o->table[i].group)
                group = o->table[i].group;
            if (o->table[i].flag)
                continue;
            if (!any)
                text_add(out, "\nOnly in a file (its key, Pulsar's key) or the environment:\n");
            any = true;
            if (group)
                text_printf(out, "\n %s\n", group);
            group = NULL;
            key_write(&o->table[i], out);
            text_write(&o->table[i], out);
        }
    }
}

void options_help(const struct options *o, struct text *out)
{
    const struct options *whole = o;

    for (; o; o = o->next) {
        for (size_t i = 0; i < o->count; i++) {
            const struct option *option = &o->table[i];
            if (!option->flag || flag_is_taken(whole, o, option))
                continue;
            flag_write(option, out);
            text_write(option, out);
        }
    }
    keys_write(whole, out);
}
