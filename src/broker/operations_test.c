/* SPDX-License-Identifier: Apache-2.0
 *
 * operations_test.c - docs/authorization.md, the first argument, has the table of operations.  With -p it is printed.
 */
#include "base/base_test.h"

#include "base/text.h"
#include "broker/operations.h"
#include "broker/permissions.h"

#include <stdio.h>
#include <stdlib.h>

static const char *document;

static const char *on_what(enum operation_kind kind)
{
    return kind == KIND_TOPIC ? "on the topic" : "in the namespace";
}

static void write_who(enum operation op, struct text *to)
{
    const struct operation_info *info = operation_info(op);
    bool any = false;

    if (op == OPERATION_OPEN)
        text_add(to, "anybody, also without credentials");
    else if (op == OPERATION_KNOWN || op == OPERATION_OPENED)
        text_add(to, op == OPERATION_KNOWN ? "anybody with a role" : "who opened it");
    else if (op == OPERATION_IN_BODY)
        text_add(to, "who may each of these");
    else if (info->kind == KIND_BROKER || op == OPERATION_LIST_TENANTS || op == OPERATION_CREATE_TENANT)
        text_add(to, "super users");
    else
        text_add(to, "admins");
    for (size_t i = 0; i < ACTIONS; i++) {
        if (info->actions & 1u << i) {
            text_printf(to, "%s`%s`", any ? " or " : ", and who may ", action_names[i]);
            any = true;
        }
    }
    if (any)
        text_printf(to, " %s", on_what(info->kind));
}

static void write_row(enum operation op, struct text *to)
{
    static const char *const of[] = {
        [KIND_NAMESPACE_POLICY] = " a namespace's policies", [KIND_TOPIC_POLICY] = " a topic's policies"};
    const struct operation_info *info = operation_info(op);
    const bool policy = info->kind == KIND_NAMESPACE_POLICY || info->kind == KIND_TOPIC_POLICY;

    text_printf(to, "| `%s`%s | ", info->name, policy ? of[info->kind] : "");
    write_who(op, to);
    text_printf(to, " | %s |\n", info->help);
}

static void write_table(struct text *to)
{
    for (enum operation op = OPERATION_UNDECLARED + 1; op < OPERATIONS; op++)
        write_row(op, to);
}

static void the_document_has_the_table_of_operations(void **state)
{
    static char bytes[128 * 1024];
    FILE *file = fopen(document, "r");
    struct text table;

    assert_non_null(file);
    const size_t len = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    bytes[len] = '\0';
    text_init(&table, 64 * 1024);
    write_table(&table);
    const char *there = strstr(bytes, "| --- | --- | --- |\n");
    assert_non_null(there);
    assert_string_equal(there + strlen("| --- | --- | --- |\n"), table.data);
    text_deinit(&table);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_document_has_the_table_of_operations)};

    if (argc > 1 && strcmp(argv[1], "-p") == 0) {
        struct text table;
        text_init(&table, 64 * 1024);
        write_table(&table);
        (void)fputs(table.data, stdout);
        text_deinit(&table);
        return 0;
    }
    document = argc > 1 ? argv[1] : "docs/authorization.md";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
