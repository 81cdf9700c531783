/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_help.c - the help of `geminga admin`, from its tables.
 */
#include "cli/admin_call.h"

#include <string.h>

static void argument_print(const struct admin_argument *argument, FILE *out)
{
    static const char *const forms[] = {
        [ADMIN_NAMESPACE] = "TENANT/NAMESPACE",
        [ADMIN_TOPIC] = "TOPIC",
        [ADMIN_PERSISTENT] = "TOPIC",
    };

    if (argument->place != ADMIN_NAME) {
        (void)fprintf(out, " %s", forms[argument->place]);
        return;
    }
    (void)fputc(' ', out);
    for (const char *p = argument->name; *p; p++)
        (void)fputc(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p, out);
}

static const char *value_form(const struct admin_option *option)
{
    switch (option->kind) {
    case ADMIN_NUMBER:
    case ADMIN_REAL:
        return " N";
    case ADMIN_SIZE:
    case ADMIN_MEGABYTES:
        return " SIZE";
    case ADMIN_SECONDS:
    case ADMIN_MINUTES:
    case ADMIN_MILLIS:
        return " TIME";
    case ADMIN_LIST:
    case ADMIN_NUMBERS:
        return " A,B,...";
    case ADMIN_PAIRS:
    case ADMIN_PAIRS_LIST:
        return " KEY=VALUE";
    case ADMIN_MESSAGE_ID:
        return " POSITION";
    case ADMIN_FILE:
        return " FILE";
    default:
        return admin_option_alone(option) ? "" : " TEXT";
    }
}

static void spellings_print(const char *names, FILE *out)
{
    for (const char *p = names; *p;) {
        const size_t len = strcspn(p, "|");
        (void)fprintf(out, "%s%.*s", p == names ? "" : ", ", (int)len, p);
        p += len + (p[len] == '|');
    }
}

static void option_print(const struct admin_option *option, FILE *out)
{
    (void)fputs("  ", out);
    spellings_print(option->names, out);
    (void)fprintf(out, "%s\n        %s", value_form(option), option->text);
    if (option->choices)
        (void)fprintf(out, " One of %s.", option->choices);
    if (option->fallback)
        (void)fprintf(out, " Default: %s.", option->fallback);
    (void)fprintf(out, "%s\n", option->required ? " Required." : "");
}

void admin_help_command(const struct admin_group *group, const struct admin_command *command, FILE *out)
{
    bool any = false;

    (void)fprintf(out, "%s\n\nUsage: geminga admin %s%s%s", command->text, group->name, group->alone ? "" : " ",
                  group->alone ? "" : command->name);
    for (size_t i = 0; command->arguments && command->arguments[i].name; i++)
        argument_print(&command->arguments[i], out);
    for (const struct admin_option *o = command->options; o && o->names; o++)
        any = any || !o->hidden;
    (void)fputs(any ? " [OPTION ...]\n\nOptions:\n" : "\n", out);
    for (const struct admin_option *o = command->options; o && o->names; o++) {
        if (!o->hidden)
            option_print(o, out);
    }
}

void admin_help_group(const struct admin_group *group, FILE *out)
{
    struct admin_entry entry;
    const size_t count = admin_command_count(group);

    (void)fprintf(out, "%s\n\n", group->text);
    if (group->refusal) {
        (void)fprintf(out, "%s\n", group->refusal);
        return;
    }
    (void)fprintf(out, "Usage: geminga admin %s COMMAND ...\n\nCommands:\n", group->name);
    for (size_t i = 0; i < count; i++) {
        admin_command_get(group, i, &entry);
        if (!entry.command.hidden)
            (void)fprintf(out, "  %s\n        %s\n", entry.command.name, entry.command.text);
    }
    (void)fprintf(out, "\n`geminga admin %s COMMAND --help` tells a command's options.\n", group->name);
}

void admin_help(FILE *out)
{
    (void)fputs("Administers a broker, Geminga's or Apache Pulsar's, over its HTTP interface.\n\n"
                "Usage: geminga admin [CONF_FILE] [OPTION ...] GROUP COMMAND ... [-o json|table]\n\nGroups:\n",
                out);
    for (size_t i = 0; admin_groups[i]; i++) {
        if (!admin_groups[i]->hidden)
            (void)fprintf(out, "  %-20s %s\n", admin_groups[i]->name, admin_groups[i]->text);
    }
    (void)fputs("\n`geminga admin GROUP` lists a group's commands.\n", out);
}
