/* SPDX-License-Identifier: Apache-2.0
 *
 * toml_test.c - documents in TOML, and what is none.  The public suite (tests/toml-suite.sh) is the longer witness.
 */
#include "base/base_test.h"
#include "base/toml.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct toml *parsed(const char *text)
{
    struct toml *toml = NULL;
    char message[200] = "";
    unsigned line;

    if (toml_parse(&toml, bytes_of_text(text), message, sizeof message, &line) != OK)
        fail_msg("line %u: %s", line, message);
    return toml;
}

static void refused(const char *text, unsigned wanted_line, const char *wanted)
{
    struct toml *toml;
    char message[200] = "";
    unsigned line;

    assert_int_equal(toml_parse(&toml, bytes_of_text(text), message, sizeof message, &line), ERR_INVALID);
    assert_string_equal(message, wanted);
    assert_int_equal(line, wanted_line);
}

static const struct toml_node *at(struct toml *toml, const char *a, const char *b)
{
    const struct toml_node *n = toml_find(toml_root(toml), a);

    assert_non_null(n);
    n = b ? toml_find(n, b) : n;
    assert_non_null(n);
    return n;
}

static void assert_text(const struct toml_node *n, const char *wanted)
{
    assert_int_equal(n->type, TOML_STRING);
    assert_int_equal(n->value.string.len, strlen(wanted));
    assert_memory_equal(n->value.string.data, wanted, strlen(wanted));
}

static void an_empty_document_is_an_empty_table(void **state)
{
    struct toml *t = parsed("# nothing\r\n\n   \t");

    (void)state;
    assert_int_equal(toml_root(t)->type, TOML_TABLE);
    assert_null(toml_root(t)->children);
    toml_free(t);
}

static void keys_stand_in_the_order_of_the_file_with_their_lines(void **state)
{
    struct toml *t = parsed("b = 1\n\na = 2 # two\n[c]\n");
    const struct toml_node *n = toml_root(t)->children;

    (void)state;
    assert_memory_equal(n->key.data, "b", 1);
    assert_int_equal(n->line, 1);
    n = n->next;
    assert_memory_equal(n->key.data, "a", 1);
    assert_int_equal(n->line, 3);
    assert_int_equal(n->next->line, 4);
    toml_free(t);
}

static void strings_of_all_kinds_are_read(void **state)
{
    struct toml *t = parsed("basic = \"a\\t\\u00e9\\U0001F600\\\"\"\n"
                            "literal = 'C:\\x'\n"
                            "long = \"\"\"\none \\\n   two\"\"\"\"\"\n"
                            "raw = '''\n'a'\n'''\n");

    (void)state;
    assert_text(at(t, "basic", NULL), "a\t\xc3\xa9\xf0\x9f\x98\x80\"");
    assert_text(at(t, "literal", NULL), "C:\\x");
    assert_text(at(t, "long", NULL), "one two\"\"");
    assert_text(at(t, "raw", NULL), "'a'\n");
    toml_free(t);
}

static void numbers_of_all_bases_are_read(void **state)
{
    struct toml *t = parsed("a = -9_223_372_036_854_775_808\nb = 0xDEAD_beef\nc = 0o755\nd = 0b101\ne = +0\n");

    (void)state;
    assert_true(at(t, "a", NULL)->value.integer == INT64_MIN);
    assert_int_equal(at(t, "b", NULL)->value.integer, 0xdeadbeef);
    assert_int_equal(at(t, "c", NULL)->value.integer, 493);
    assert_int_equal(at(t, "d", NULL)->value.integer, 5);
    assert_int_equal(at(t, "e", NULL)->value.integer, 0);
    toml_free(t);
}

static void floats_are_read(void **state)
{
    struct toml *t = parsed("a = 6.5e-1_0\nb = -inf\nc = nan\nd = 1e3\n");

    (void)state;
    assert_true(at(t, "a", NULL)->value.number == 6.5e-10);
    assert_true(at(t, "b", NULL)->value.number < 0 && isinf(at(t, "b", NULL)->value.number));
    assert_true(isnan(at(t, "c", NULL)->value.number));
    assert_true(at(t, "d", NULL)->value.number == 1000.0);
    toml_free(t);
}

static void dates_are_kept_as_written(void **state)
{
    struct toml *t = parsed("a = 2024-02-29 07:32:00.5+01:00\nb = 07:32:00\nc = 1979-05-27\n");

    (void)state;
    assert_int_equal(at(t, "a", NULL)->type, TOML_DATETIME);
    assert_memory_equal(at(t, "a", NULL)->value.string.data, "2024-02-29 07:32:00.5+01:00", 27);
    assert_int_equal(at(t, "b", NULL)->type, TOML_DATETIME);
    assert_int_equal(at(t, "c", NULL)->value.string.len, 10);
    toml_free(t);
}

static void dotted_keys_headers_and_inline_tables_make_the_same_tables(void **state)
{
    struct toml *dotted = parsed("a.b = 1"), *header = parsed("[a]\n b = 1"), *braces = parsed("a = { b = 1 }");

    (void)state;
    assert_int_equal(at(dotted, "a", "b")->value.integer, 1);
    assert_int_equal(at(header, "a", "b")->value.integer, 1);
    assert_int_equal(at(braces, "a", "b")->value.integer, 1);
    toml_free(dotted);
    toml_free(header);
    toml_free(braces);
}

static void each_double_header_adds_a_table_to_its_array(void **state)
{
    struct toml *t = parsed("[[a]]\nx = 1\n[[a]]\nx = 2\n[a.sub]\ny = 3\n");
    const struct toml_node *first = at(t, "a", NULL)->children;

    (void)state;
    assert_int_equal(toml_find(first, "x")->value.integer, 1);
    assert_int_equal(toml_find(first->next, "x")->value.integer, 2);
    assert_non_null(toml_find(first->next, "sub"));
    assert_null(toml_find(first, "sub"));
    toml_free(t);
}

static void arrays_may_span_lines_and_mix_types(void **state)
{
    struct toml *t = parsed("a = [ 1, # one\n 'two',\n [3],\n]\nb = true\n");
    const struct toml_node *n = at(t, "a", NULL)->children;

    (void)state;
    assert_int_equal(n->value.integer, 1);
    assert_text(n->next, "two");
    assert_int_equal(n->next->next->children->value.integer, 3);
    assert_int_equal(n->next->line, 2);
    assert_int_equal(at(t, "b", NULL)->line, 5);
    toml_free(t);
}

static void a_fault_is_told_with_its_line(void **state)
{
    (void)state;
    refused("a = 1\nb == 2\n", 2, "expected a value, not `=`");
    refused("a = 1\n\na = 2\n", 3, "`a` is defined twice: first in line 1");
    refused("[a]\n[b]\n[a]\n", 3, "`a` is defined twice: first in line 1");
    refused("a.b = 1\n[a]\n", 2, "`a` is defined twice: first in line 1");
    refused("a = {b = 1}\n[a.c]\n", 2, "`a` is defined twice: first in line 1");
    refused("a = hello\n", 1, "`hello` is no value (a text needs quotes)");
    refused("a = 012\n", 1, "`012` is no value (a text needs quotes)");
    refused("a = 1__0\n", 1, "`1__0` is no value (a text needs quotes)");
    refused("a = 9223372036854775808\n", 1, "`9223372036854775808` is no value (a text needs quotes)");
    refused("a = 2023-02-29\n", 1, "`2023-02-29` is no date or time");
    refused("\na = \"x\n", 2, "a string is not closed");
    refused("a = \"\\q\"\n", 1, "unknown escape in a string");
    refused("a = \"\\ud800\"\n", 1, "an escape names no character: U+D800");
    refused("a = 1 b = 2\n", 1, "expected the end of the line, not `b`");
    refused("a = [1 2]\n", 1, "an array's items are separated by commas");
    refused("a = {b = 1,}\n", 1, "expected a key, not `}`");
    refused("[a\n", 1, "a table's header is not closed");
    refused("a\n", 1, "expected `=` after the key `a`");
    refused("a = \"\xc0\x80\"\n", 1, "not UTF-8");
    refused("a = 1\n# \x01\n", 2, "control character 0x01");
}

static void nesting_is_bounded(void **state)
{
    char text[400] = "a = ";

    (void)state;
    memset(text + 4, '[', 100);
    memset(text + 104, ']', 100);
    refused(text, 1, "nested deeper than 64");
}

static void size_is_bounded(void **state)
{
    size_t len = 1024 * 1024 + 1;
    char *text = malloc(len), message[100];
    struct toml *toml;
    unsigned line;

    (void)state;
    memset(text, '\n', len);
    assert_int_equal(toml_parse(&toml, bytes_of(text, len), message, sizeof message, &line), ERR_INVALID);
    assert_int_equal(toml_parse(&toml, bytes_of(text, len - 1), message, sizeof message, &line), OK);
    toml_free(toml);
    free(text);
}

/* Whatever is cut off the end of a document, the rest is read or refused, and nothing is read beyond it. */
static void every_prefix_of_a_document_is_survived(void **state)
{
    static const char text[] =
        "a = \"x\\u00e9\"\n[b.c]\nd = {e = [1, 2.5], f = 2024-01-01 10:00:00Z}\n[[g]]\nh = '''\n''x'''\n";

    (void)state;
    for (size_t len = 0; len < sizeof text; len++) {
        char *prefix = malloc(len + 1), message[100];
        struct toml *toml = NULL;
        unsigned line;

        memcpy(prefix, text, len);
        enum err err = toml_parse(&toml, bytes_of(prefix, len), message, sizeof message, &line);
        assert_true(err == OK || err == ERR_INVALID);
        toml_free(toml);
        free(prefix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_document_is_an_empty_table),
        cmocka_unit_test(keys_stand_in_the_order_of_the_file_with_their_lines),
        cmocka_unit_test(strings_of_all_kinds_are_read),
        cmocka_unit_test(numbers_of_all_bases_are_read),
        cmocka_unit_test(floats_are_read),
        cmocka_unit_test(dates_are_kept_as_written),
        cmocka_unit_test(dotted_keys_headers_and_inline_tables_make_the_same_tables),
        cmocka_unit_test(each_double_header_adds_a_table_to_its_array),
        cmocka_unit_test(arrays_may_span_lines_and_mix_types),
        cmocka_unit_test(a_fault_is_told_with_its_line),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(every_prefix_of_a_document_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
