/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c - `geminga config show`: what a broker with these files, this environment and these flags would go by, and
 * who said so; `geminga config keys`: every key that it knows, Pulsar's included, and what becomes of each.
 *
 * Both come from the tables: docs/configuration.md is the second as Markdown, and a test holds them equal.
 */
#include "base/text.h"
#include "cli/broker_config.h"
#include "cli/cli.h"
#include "cli/pulsar_keys.h"
#include "services/notary/notary_service.h"
#include "sys/process.h"

#include <stdio.h>

#define SHOWN_MAX (1024u * 1024)

static int text_print(const struct invocation *inv, struct text *out)
{
    bool good = !text_failed(out) && fwrite(out->data ? out->data : "", 1, out->len, stdout) == out->len;

    if (!good)
        cli_error(inv, "cannot write to standard output");
    text_deinit(out);
    return good ? CLI_OK : CLI_FAILED;
}

/* ---- show ---- */

struct show_config {
    bool effective;
    char *output;
};

static const char *const show_outputs[] = {"text", "json", NULL};

static const struct option show_options[] = {
    {.key = "show.effective",
     .flag = "--effective",
     .type = OPTION_BOOL,
     .fallback = "false",
     .offset = offsetof(struct show_config, effective),
     .text = "All that holds, defaults included; else only what was set."},
    {.key = "show.output",
     .flag = "-o|--output",
     .type = OPTION_CHOICE,
     .fallback = "text",
     .choices = show_outputs,
     .offset = offsetof(struct show_config, output),
     .text = "How it is printed."},
};

static void shown_as_text(const struct options *first, const struct options *shown, bool all, struct text *out)
{
    options_show(shown, all, out);
    for (size_t i = 0; i < first->passed.count; i++)
        text_printf(out, "# passed over: %s\n", first->passed.names[i]);
}

static void shown_as_json(const struct options *first, const struct options *shown, bool all, struct text *out)
{
    text_add(out, "{\"settings\": ");
    options_show_json(shown, all, out);
    text_add(out, ", \"passedOver\": [");
    for (size_t i = 0; i < first->passed.count; i++) {
        text_add(out, i > 0 ? ", " : "");
        text_add_json(out, bytes_of_text(first->passed.names[i]));
    }
    text_add(out, "]}\n");
}

static int show_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct show_config own = {0};
    struct broker_config config = {0};
    struct notary_settings settings = {0};
    void *values[VERB_TABLES_MAX] = {&own, &config};
    struct text out;
    int status;

    notary_settings_values(&settings, values + 2);
    status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc > 0)
        status = cli_usage_error(inv, "what is `%s`?", inv->argv[0]);
    if (status == CLI_OK && broker_config_fit(&sets[1], process_memory_limit()) != OK)
        status = CLI_FAILED;
    if (status == CLI_OK) {
        text_init(&out, SHOWN_MAX);
        (strcmp(own.output, "json") == 0 ? shown_as_json : shown_as_text)(&sets[0], &sets[1], own.effective, &out);
        status = text_print(inv, &out);
    }
    cli_deconfigure(inv, sets);
    return status;
}

/* The notary's are there for files of `geminga up`. */
static const struct verb show_verb = {
    .name = "show",
    .arguments = "[--effective] [-c FILE]... [-o json] [any option of a broker]",
    .text = "Shows what a broker would go by with these files, this environment and these flags, and who says so.",
    .example = "  geminga config show --effective -c config/geminga.toml\n",
    .tables = {VERB_TABLE(show_options), &broker_option_table, NOTARY_TABLE_LIST},
    .foreign = &pulsar_keys,
    .short_config = true,
    .run = show_run,
};

/* ---- keys ---- */

struct keys_config {
    char *output;
};

static const char *const keys_outputs[] = {"text", "json", "markdown", NULL};

static const struct option keys_options[] = {
    {.key = "keys.output",
     .flag = "-o|--output",
     .type = OPTION_CHOICE,
     .fallback = "text",
     .choices = keys_outputs,
     .offset = offsetof(struct keys_config, output),
     .text = "How they are printed."},
};

/* How one key of Pulsar's is told: obeyed as `ours`; or harmless with the values `harmless` only, because of `why`; or
 * passed over, because of `why`. */
typedef void (*key_teller)(struct text *out, const char *name, const char *ours, const char *harmless, const char *why);

static bool is_option(const char *name)
{
    for (size_t i = 0; i < broker_option_table.count; i++) {
        const char *alias = broker_option_table.rows[i].alias;
        if (alias && strcmp(alias, name) == 0)
            return true;
    }
    return false;
}

static void keys_tell(struct text *out, key_teller tell)
{
    const struct foreign_keys *f = &pulsar_keys;

    for (size_t i = 0; i < broker_option_table.count; i++) {
        if (broker_option_table.rows[i].alias)
            tell(out, broker_option_table.rows[i].alias, broker_option_table.rows[i].key, NULL, NULL);
    }
    for (size_t i = 0; i < f->key_count; i++) {
        if (!is_option(f->keys[i].name))
            tell(out, f->keys[i].name, NULL, f->keys[i].harmless, f->keys[i].why);
    }
    for (size_t i = 0; i < f->group_count; i++) {
        for (const char *const *name = f->groups[i].names; *name; name++) {
            if (!is_option(*name))
                tell(out, *name, NULL, NULL, f->groups[i].about);
        }
    }
}

static void key_as_text(struct text *out, const char *name, const char *ours, const char *harmless, const char *why)
{
    if (ours)
        text_printf(out, "%-55s obeyed: %s\n", name, ours);
    else if (harmless)
        text_printf(out, "%-55s only %s%s: %s\n", name, *harmless ? harmless : "empty", *harmless ? " or empty" : "",
                    why);
    else if (why)
        text_printf(out, "%-55s passed over: %s\n", name, why);
}

static void key_as_json(struct text *out, const char *name, const char *ours, const char *harmless, const char *why)
{
    text_printf(out, "%s  {\"key\": ", out->len > 2 ? ",\n" : "");
    text_add_json(out, bytes_of_text(name));
    text_printf(out, ", \"becomes\": \"%s\"", ours ? "obeyed" : harmless ? "restricted" : "passedOver");
    if (ours) {
        text_add(out, ", \"option\": ");
        text_add_json(out, bytes_of_text(ours));
    }
    if (harmless) {
        text_add(out, ", \"accepted\": ");
        text_add_json(out, bytes_of_text(harmless));
    }
    if (why) {
        text_add(out, ", \"why\": ");
        text_add_json(out, bytes_of_text(why));
    }
    text_add(out, "}");
}

/* ---- keys, as the documentation has them ---- */

static void options_as_markdown(struct text *out)
{
    const struct option *rows = broker_option_table.rows;

    for (size_t i = 0; i < broker_option_table.count; i++) {
        const struct option *o = &rows[i];
        if (o->group)
            text_printf(out, "%s### %s\n\n| key | Pulsar's | flag | default | |\n| --- | --- | --- | --- | --- |\n",
                        i > 0 ? "\n" : "", o->group);
        text_printf(out, "| `%s` | %s | ", o->key, o->alias ? o->alias : "");
        for (const char *at = o->flag; at && *at; at += strcspn(at, "|"), at += *at == '|')
            text_printf(out, "%s`%.*s`", at == o->flag ? "" : " ", (int)strcspn(at, "|"), at);
        text_printf(out, " | %s | %s |\n", o->fallback ? o->fallback : "", o->text);
    }
}

static void restricted_as_markdown(struct text *out)
{
    text_add(out, "| key | accepted, besides nothing | because |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < pulsar_keys.key_count; i++) {
        const struct foreign_key *k = &pulsar_keys.keys[i];
        if (!is_option(k->name))
            text_printf(out, "| %s | %.*s | %s |\n", k->name, (int)strcspn(k->harmless, "|"), k->harmless, k->why);
    }
}

static void groups_as_markdown(struct text *out)
{
    for (size_t i = 0; i < pulsar_keys.group_count; i++) {
        const struct foreign_group *g = &pulsar_keys.groups[i];
        text_printf(out, "**%s.**", g->about);
        for (const char *const *name = g->names; *name; name++) {
            if (!is_option(*name))
                text_printf(out, " `%s`", *name);
        }
        text_add(out, "\n\n");
    }
}

static void flags_as_markdown(struct text *out)
{
    for (size_t i = 0; i < pulsar_keys.flag_count; i++) {
        const struct foreign_flag *f = &pulsar_keys.flags[i];
        text_printf(out, "- `%s`: %s%s\n", f->spellings, f->why ? "refused: " : "passed over", f->why ? f->why : "");
    }
}

static void keys_as_markdown(struct text *out)
{
    text_add(out, "## Options\n\n");
    options_as_markdown(out);
    text_add(out, "\n## Pulsar's keys that may not ask for anything\n\n");
    restricted_as_markdown(out);
    text_add(out, "\n## Pulsar's keys that are passed over\n\n");
    groups_as_markdown(out);
    text_add(out, "## Flags of `pulsar standalone`\n\n");
    flags_as_markdown(out);
}

static int keys_print(struct invocation *inv, const char *output)
{
    struct text out;

    text_init(&out, SHOWN_MAX);
    if (strcmp(output, "text") == 0) {
        keys_tell(&out, key_as_text);
    } else if (strcmp(output, "markdown") == 0) {
        keys_as_markdown(&out);
    } else {
        text_add(&out, "[\n");
        keys_tell(&out, key_as_json);
        text_add(&out, "\n]\n");
    }
    return text_print(inv, &out);
}

static int keys_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct keys_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc > 0)
        status = cli_usage_error(inv, "what is `%s`?", inv->argv[0]);
    if (status == CLI_OK)
        status = keys_print(inv, config.output);
    cli_deconfigure(inv, sets);
    return status;
}

static const struct verb keys_verb = {
    .name = "keys",
    .arguments = "[-o text|json|markdown]",
    .text = "Lists the keys of Pulsar's broker.conf and standalone.conf, and what becomes of each.",
    .example = "  geminga config keys | grep -i quota\n",
    .tables = {VERB_TABLE(keys_options)},
    .run = keys_run,
};

static const struct verb *const config_verbs[] = {&show_verb, &keys_verb, NULL};

const struct verb config_verb = {
    .name = "config",
    .text = "Shows the configuration of a broker, and the keys that it may have.",
    .example = "  geminga config show --effective -c standalone.conf\n",
    .verbs = config_verbs,
};
