/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_completion.c - what could stand next behind `geminga admin`: options, a group, a command, its options and what
 * these and its arguments are about.
 */
#include "cli/admin_call.h"
#include "cli/completion.h"

static void groups_complete(struct completion *c)
{
    for (const struct admin_group *const *group = admin_groups; *group; group++) {
        if (!(*group)->hidden)
            completion_add(c, (*group)->name, (*group)->text);
    }
    if (c->begun[0] != '-')
        return;
    const struct option_table *table = admin_verb.tables[0];
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].flag)
            completion_add_all(c, table->rows[i].flag, table->rows[i].text);
    }
}

static void commands_complete(struct completion *c, const struct admin_group *group)
{
    struct admin_entry entry;

    for (size_t i = 0; i < admin_command_count(group); i++) {
        admin_command_get(group, i, &entry);
        if (!entry.command.hidden)
            completion_add(c, entry.command.name, entry.command.text);
    }
}

static void options_complete(struct completion *c, const struct admin_option *options)
{
    for (; options && options->names; options++) {
        if (!options->hidden)
            completion_add_all(c, options->names, options->text);
    }
    completion_add_all(c, "-o|--output", "json or table");
    completion_add(c, "--help", "tells what the command does");
}

/* The n-th word that stands alone. */
static void argument_complete(struct completion *c, const struct admin_argument *arguments, int n)
{
    for (; arguments && arguments->name && n > 0; n--)
        arguments++;
    if (!arguments || !arguments->name)
        return;
    if (strcmp(arguments->name, "topic") == 0 || arguments->place == ADMIN_TOPIC ||
        arguments->place == ADMIN_PERSISTENT)
        completion_topics(c);
    else if (strcmp(arguments->name, "namespace") == 0 || arguments->place == ADMIN_NAMESPACE)
        completion_namespaces(c);
    else if (strcmp(arguments->name, "tenant") == 0)
        completion_tenants(c);
}

/* Behind the command. */
static void rest_complete(struct completion *c, const struct admin_command *command, int argc, char *const *argv)
{
    int alone = 0;

    for (int i = 0; i < argc - 1; i++) {
        const struct admin_option *option = admin_option_find(command->options, argv[i], strcspn(argv[i], "="));
        const bool output = strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "--output") == 0;
        const bool takes_next = output || (option && !admin_option_alone(option) && !strchr(argv[i], '='));
        if (takes_next && i + 1 == argc - 1) {
            completion_add_all(c, output ? "json|table" : option->choices ? option->choices : "", "");
            return;
        }
        i += takes_next;
        alone += !option && !takes_next;
    }
    if (c->begun[0] == '-')
        options_complete(c, command->options);
    else
        argument_complete(c, command->arguments, alone);
}

void admin_complete(struct completion *c, int argc, char *const *argv)
{
    const struct option_table *table = admin_verb.tables[0];
    const struct options flags = {.table = table->rows, .count = table->count};
    struct admin_entry entry;
    int at = 0, words;

    while (at < argc - 1 && (words = options_flag_words(&flags, argc - at, argv + at)) > 0)
        at += words;
    if (at >= argc)
        return; /* the value of an option */
    if (at == argc - 1) {
        groups_complete(c);
        return;
    }
    const struct admin_group *group = admin_group_find(argv[at]);
    if (!group)
        return;
    if (at + 1 == argc - 1)
        commands_complete(c, group);
    else if (admin_command_find(group, argv[at + 1], &entry))
        rest_complete(c, &entry.command, argc - at - 2, argv + at + 2);
}
