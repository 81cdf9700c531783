/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.c - dispatch to verbs, help, and the options of a verb.
 */
#include "cli/cli.h"

#include "base/text.h"
#include "cli/completion.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HELP_MAX     (64u * 1024)
#define CONFIG_MAX   (1024u * 1024)
#define MESSAGE_SIZE 600
#define VERBS_OF_ANY 32

/* ---- messages ---- */

void cli_error(const struct invocation *inv, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    (void)fprintf(stderr, "%s: %s\n", inv->path, message);
}

int cli_usage_error(const struct invocation *inv, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    const char *rest = inv->path + strcspn(inv->path, " ");
    (void)fprintf(stderr, "%s: %s\nTry `geminga help%s`.\n", inv->path, message, rest);
    return CLI_USAGE;
}

/* ---- help ---- */

static void verbs_write(const struct verb *const *verbs, struct text *out)
{
    for (; *verbs; verbs++)
        text_printf(out, "  %-12s %s\n", (*verbs)->name, (*verbs)->text);
}

static void options_write(const struct verb *verb, struct text *out)
{
    struct options sets[VERB_TABLES_MAX] = {0};

    if (!verb->tables[0])
        return;
    for (size_t i = 0; i < VERB_TABLES_MAX && verb->tables[i]; i++) {
        sets[i].table = verb->tables[i]->rows;
        sets[i].count = verb->tables[i]->count;
        if (i > 0)
            sets[i - 1].next = &sets[i];
    }
    text_add(out,
             "\nOptions:\n  --config FILE\n        A file with any of them, in TOML, or key=value as Pulsar's when "
             "it is named *.conf; of several the later goes over the earlier.\n");
    options_help(&sets[0], out);
}

static void verb_write(const struct invocation *inv, struct text *out)
{
    const struct verb *verb = inv->verb;

    text_printf(out, "%s\n\nUsage: %s %s\n", verb->text, inv->path, verb->verbs ? "VERB ..." : verb->arguments);
    if (verb->verbs) {
        text_add(out, "\nVerbs:\n");
        verbs_write(verb->verbs, out);
    }
    options_write(verb, out);
    if (verb->example)
        text_printf(out, "\nExample:\n%s", verb->example);
}

/* A verb that is a program of its own tells its usage, example and all, itself. */
static int help_of_program(const struct verb *verb)
{
    char name[32], flag[] = "--help";
    char *argv[] = {name, flag, NULL};

    (void)snprintf(name, sizeof name, "%s", verb->name);
    return verb->main(2, argv);
}

static int help_print(const struct invocation *inv)
{
    struct text out;

    if (inv->verb->main)
        return help_of_program(inv->verb);

    text_init(&out, HELP_MAX);
    verb_write(inv, &out);
    if (!text_failed(&out))
        (void)fputs(out.data, stdout);
    text_deinit(&out);
    return CLI_OK;
}

static void overview_print(const struct verb *const *verbs, FILE *to)
{
    struct text out;

    text_init(&out, HELP_MAX);
    text_add(&out,
             "Geminga: an event backbone that speaks Apache Pulsar's protocol.\n\nUsage: geminga VERB ...\n\nVerbs:\n");
    verbs_write(verbs, &out);
    text_add(&out, "\n`geminga help VERB` tells a verb's options and shows an example.\n");
    if (!text_failed(&out))
        (void)fputs(out.data, to);
    text_deinit(&out);
}

/* ---- dispatch ---- */

const struct verb *cli_verb_find(const struct verb *const *verbs, const char *name)
{
    for (; *verbs; verbs++) {
        if (strcmp((*verbs)->name, name) == 0)
            return *verbs;
    }
    return NULL;
}

static int verb_unknown(const struct verb *const *verbs, const struct invocation *inv, const char *name)
{
    const char *names[VERBS_OF_ANY];
    size_t count = 0;

    for (; *verbs && count < VERBS_OF_ANY; verbs++)
        names[count++] = (*verbs)->name;
    const char *nearest = nearest_word(name, names, count);
    if (nearest)
        return cli_usage_error(inv, "there is no verb `%s`; did you mean `%s`?", name, nearest);
    return cli_usage_error(inv, "there is no verb `%s`", name);
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* How many words are --config and its file: 0, 1 or 2. */
static int config_words(int count, char *const *words)
{
    if (count >= 2 && strcmp(words[0], "--config") == 0)
        return 2;
    return count >= 1 && strncmp(words[0], "--config=", strlen("--config=")) == 0 ? 1 : 0;
}

/* Flags of the verbs that stand before the verb, as in `client --url U produce`, go behind it. */
static void leading_flags_move(struct invocation *inv)
{
    const struct option_table *table = inv->verb->leading;
    const struct options flags = {.table = table ? table->rows : NULL, .count = table ? table->count : 0};
    int count = 0, words;

    while ((words = options_flag_words(&flags, inv->argc - count, inv->argv + count)) > 0 ||
           (table && (words = config_words(inv->argc - count, inv->argv + count)) > 0))
        count += words;
    if (count == 0 || count >= inv->argc)
        return;
    char *verb = inv->argv[count];
    memmove(inv->argv + 1, inv->argv, (size_t)count * sizeof *inv->argv);
    inv->argv[0] = verb;
}

/* Goes down to the verb that argv names; its own words are what is left then. */
static int verb_enter(const struct verb *const *verbs, struct invocation *inv)
{
    while (verbs && inv->argc > 0 && !asks_for_help(inv->argv[0])) {
        const struct verb *verb = cli_verb_find(verbs, inv->argv[0]);
        if (!verb)
            return verb_unknown(verbs, inv, inv->argv[0]);
        size_t len = strlen(inv->path);
        (void)snprintf(inv->path + len, sizeof inv->path - len, " %s", verb->name);
        inv->verb = verb;
        inv->argc--;
        inv->argv++;
        leading_flags_move(inv);
        verbs = verb->verbs;
    }
    return CLI_OK;
}

static bool help_is_wanted(const struct invocation *inv)
{
    for (int i = 0; i < inv->argc && strcmp(inv->argv[i], "--") != 0; i++) {
        if (asks_for_help(inv->argv[i]))
            return true;
    }
    return false;
}

int cli_dispatch(const struct verb *const *verbs, struct invocation *inv)
{
    int status = verb_enter(verbs, inv);

    if (status != CLI_OK)
        return status;
    if (!inv->verb) {
        overview_print(verbs, inv->argc > 0 ? stdout : stderr);
        return inv->argc > 0 ? CLI_OK : CLI_USAGE;
    }
    if (inv->verb->main)
        return inv->verb->main(inv->argc + 1, inv->argv - 1); /* it answers --help */
    if (help_is_wanted(inv))
        return help_print(inv);
    if (!inv->verb->run)
        return cli_usage_error(inv, "which verb?");
    return inv->verb->run(inv);
}

static int help_run(struct invocation *inv)
{
    struct invocation asked = {.path = "geminga", .argc = inv->argc, .argv = inv->argv};
    int status = verb_enter(cli_verbs, &asked);

    if (status != CLI_OK)
        return status;
    if (asked.verb)
        return help_print(&asked);
    overview_print(cli_verbs, stdout);
    return CLI_OK;
}

static void help_complete(struct completion *c, int argc, char *const *argv)
{
    completion_words(c, cli_verbs, argc, argv);
}

const struct verb help_verb = {
    .name = "help",
    .complete = help_complete,
    .arguments = "[VERB ...]",
    .text = "Tells what the verbs do.",
    .example = "  geminga help standalone\n",
    .run = help_run,
};

/* ---- options ---- */

static int file_apply(const struct invocation *inv, struct options *sets, const char *path)
{
    char message[MESSAGE_SIZE];
    struct bytes text;
    enum err err = cli_file_read(path, CONFIG_MAX, &text);

    if (err != OK) {
        cli_error(inv, "cannot read %s: %s", path, err_text(err));
        return CLI_FAILED;
    }
    err = options_read(sets, path, text, message, sizeof message);
    free((void *)(uintptr_t)text.data);
    if (err != OK) {
        cli_error(inv, "%s", err == ERR_INVALID ? message : err_text(err));
        return CLI_USAGE;
    }
    return CLI_OK;
}

static const char *env_get(const char *name, void *ctx)
{
    (void)ctx;
    return getenv(name);
}

static int flag_unknown(const struct invocation *inv, const struct options *sets, const char *word)
{
    char nearest[64];
    int len = (int)strcspn(word, "=");

    if (options_nearest_flag(sets, word, nearest, sizeof nearest))
        return cli_usage_error(inv, "there is no option `%.*s`; did you mean `%s`?", len, word, nearest);
    return cli_usage_error(inv, "there is no option `%.*s`", len, word);
}

/* True if the word is --config, alone or with "=FILE": then *value is that, or NULL. */
static bool is_config_flag(const struct invocation *inv, const char *word, const char **value)
{
    const size_t len = strcspn(word, "=");
    const bool is_long = len == strlen("--config") && strncmp(word, "--config", len) == 0;
    const bool is_short = inv->verb->short_config && len == 2 && strncmp(word, "-c", len) == 0;

    *value = word[len] == '=' ? word + len + 1 : NULL;
    return is_long || is_short;
}

/* Takes each "--config FILE" out of argv, and applies the files in their order: they go before the other flags. */
static int config_files_apply(struct invocation *inv, struct options *sets)
{
    int at = 0, kept = 0, status = CLI_OK;
    const char *path;

    while (at < inv->argc && status == CLI_OK && strcmp(inv->argv[at], "--") != 0) {
        if (!is_config_flag(inv, inv->argv[at], &path)) {
            inv->argv[kept++] = inv->argv[at++];
            continue;
        }
        if (!path && ++at < inv->argc)
            path = inv->argv[at];
        if (!path)
            return cli_usage_error(inv, "--config needs a value: a file in TOML, or key=value as Pulsar's");
        at++;
        status = file_apply(inv, sets, path);
    }
    while (at < inv->argc)
        inv->argv[kept++] = inv->argv[at++];
    inv->argc = kept;
    return status;
}

static int flags_refuse(const struct invocation *inv, const struct options *sets)
{
    for (int i = 0; i < inv->argc; i++) {
        if (strcmp(inv->argv[i], "--") == 0)
            break;
        if (inv->argv[i][0] == '-' && inv->argv[i][1] != '\0')
            return flag_unknown(inv, sets, inv->argv[i]);
    }
    return CLI_OK;
}

static int sets_fill(struct invocation *inv, struct options *sets)
{
    char message[MESSAGE_SIZE] = "no memory";
    int status = config_files_apply(inv, sets);

    if (status != CLI_OK)
        return status;
    if (options_env(sets, env_get, NULL, message, sizeof message) != OK ||
        options_env_foreign(sets, environ, message, sizeof message) != OK ||
        options_flags(sets, &inv->argc, inv->argv, message, sizeof message) != OK)
        return cli_usage_error(inv, "%s", message);
    return flags_refuse(inv, sets);
}

int cli_configure(struct invocation *inv, struct options *sets, void *const *values)
{
    const struct option_table *const *tables = inv->verb->tables;

    memset(sets, 0, VERB_TABLES_MAX * sizeof *sets);
    for (size_t i = 0; i < VERB_TABLES_MAX && tables[i]; i++) {
        if (options_init(&sets[i], tables[i]->rows, tables[i]->count, values[i]) != OK) {
            cli_error(inv, "no memory");
            return CLI_FAILED;
        }
        if (i > 0)
            sets[i - 1].next = &sets[i];
    }
    sets[0].foreign = inv->verb->foreign;
    return sets_fill(inv, sets);
}

void cli_deconfigure(const struct invocation *inv, struct options *sets)
{
    for (size_t i = 0; i < VERB_TABLES_MAX && inv->verb->tables[i]; i++)
        options_deinit(&sets[i]);
}
