/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_options_test.c - every command of the official pulsar-admin 4.0.8, hidden ones too, with every spelling of
 * every option is known to `geminga admin`, and takes a value where the official one does.
 *
 * tests/cli/pulsar-admin-4.0.8-options.txt was written from the tool's own description of itself:
 *   GROUP COMMAND ARGUMENTS OPTION...   where an option is "-t|--time", "=" if it takes a value, "!" if it is required
 */
#include "cli/admin_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *directory;

/* What is not known here, and why: a group, or a command of one. */
static const struct absent {
    const char *group, *command;
    const char *why;
} absences[] = {
    {"functions", NULL, "refused: uploads"},
    {"sources", NULL, "refused: uploads"},
    {"sinks", NULL, "refused: uploads"},
    {"packages", NULL, "refused: uploads"},
    {"documents", NULL, "writes the official tool's own documentation"},
    {"namespaces", "list-cluster", "namespaces with a cluster in their names, which 4.0 has no more"},
};

/* Required there, and not here: a value has a default, or what is missing is said by a rule. */
static bool may_be_optional(const char *group, const char *command)
{
    return strcmp(group, "schemas") == 0 && strcmp(command, "extract") == 0;
}

static bool is_absent(const char *group, const char *command)
{
    for (size_t i = 0; i < sizeof absences / sizeof *absences; i++) {
        if (strcmp(absences[i].group, group) == 0 &&
            (!absences[i].command || strcmp(absences[i].command, command) == 0))
            return true;
    }
    return false;
}

static int complain(const char *group, const char *command, const char *what, const char *of)
{
    print_error("%s %s: %s %s\n", group, command, what, of);
    return 1;
}

/* "-h|--help" and "-v|--version" stand alone and are known to every command. */
static bool is_everywhere(const char *names)
{
    return strcmp(names, "-h|--help") == 0 || strcmp(names, "-v|--version") == 0;
}

static int option_check(const char *group, const struct admin_command *command, char *word)
{
    size_t len = strcspn(word, "=!");
    const bool value = word[len] == '=', required = strchr(word + len, '!') != NULL;
    const struct admin_option *found = NULL;
    int wrong = 0;

    word[len] = '\0';
    if (!value && is_everywhere(word))
        return 0;
    for (const char *p = word; *p;) {
        const size_t name_len = strcspn(p, "|");
        const struct admin_option *option = admin_option_find(command->options, p, name_len);
        if (!option || (found && option != found))
            wrong += complain(group, command->name, "does not know as one option", word);
        found = option;
        p += name_len + (p[name_len] == '|');
    }
    if (found && admin_option_alone(found) == value)
        wrong += complain(group, command->name, "has otherwise with or without a value", word);
    if (found && required && !found->required && !may_be_optional(group, command->name))
        wrong += complain(group, command->name, "does not require", word);
    return wrong;
}

static int line_check(char *line)
{
    char *save = NULL;
    const char *group_name = strtok_r(line, " \n", &save), *name = strtok_r(NULL, " \n", &save);
    const size_t arguments = strtoul(strtok_r(NULL, " \n", &save), NULL, 10);
    const struct admin_group *group = admin_group_find(group_name);
    struct admin_entry entry;
    size_t count = 0;
    int wrong = 0;

    if (!group || !admin_command_find(group, name, &entry))
        return is_absent(group_name, name) ? 0 : complain(group_name, name, "is not there", "");
    if (is_absent(group_name, name))
        return complain(group_name, name, "is there", "after all");
    while (entry.command.arguments && entry.command.arguments[count].name)
        count++;
    if (count != arguments)
        wrong += complain(group_name, name, "has other", "arguments");
    for (char *word = strtok_r(NULL, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
        wrong += option_check(group_name, &entry.command, word);
    return wrong;
}

static void every_option_of_the_official_tool_is_known(void **state)
{
    char path[500], *line = NULL;
    size_t size = 0;
    int lines = 0, wrong = 0;

    (void)snprintf(path, sizeof path, "%s/pulsar-admin-4.0.8-options.txt", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (getline(&line, &size, file) > 0) {
        wrong += line_check(line);
        lines++;
    }
    free(line);
    (void)fclose(file);
    assert_true(lines > 500);
    assert_int_equal(wrong, 0);
}

/* The table itself: names are unique, spellings are unique within a command, texts are sentences. */
static void no_name_is_there_twice_and_all_have_a_sentence(void **state)
{
    for (size_t g = 0; admin_groups[g]; g++) {
        const struct admin_group *group = admin_groups[g];
        assert_true(admin_group_find(group->name) == group);
        for (size_t i = 0; i < admin_command_count(group); i++) {
            struct admin_entry entry, found;
            admin_command_get(group, i, &entry);
            assert_true(admin_command_find(group, entry.command.name, &found));
            assert_string_equal(entry.command.text, found.command.text);
            assert_int_equal(entry.command.text[strlen(entry.command.text) - 1], '.');
            assert_true(entry.command.method || entry.command.run);
            for (const struct admin_option *o = entry.command.options; o && o->names; o++) {
                for (const char *p = o->names; *p;) {
                    const size_t len = strcspn(p, "|");
                    if (admin_option_find(entry.command.options, p, len) != o)
                        fail_msg("%s %s: %.*s is there twice", group->name, entry.command.name, (int)len, p);
                    p += len + (p[len] == '|');
                }
                assert_int_equal(o->text[strlen(o->text) - 1], '.');
            }
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_of_the_official_tool_is_known),
        cmocka_unit_test(no_name_is_there_twice_and_all_have_a_sentence),
    };

    if (argc < 2) {
        (void)fputs("usage: admin_options_test DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
