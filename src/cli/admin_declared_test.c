/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_declared_test.c - declarations: read from files, written as TOML, compared with what is there.
 */
#include "base/base_test.h"
#include "cli/admin_declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/geminga-declared-XXXXXX";

static int set_up(void **state)
{
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    return rmdir(directory);
}

static enum err read_text(const char *name, const char *text, json_t **out, char why[400])
{
    char path[300];
    const char *files[] = {path};

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    (void)fclose(file);
    enum err err = declared_read(files, 1, out, why, 400);
    (void)unlink(path);
    return err;
}

static json_t *json_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(value);
    return value;
}

static void toml_and_json_say_the_same(void **state)
{
    json_t *a, *b;
    char why[400];

    assert_int_equal(read_text("a.toml",
                               "[namespaces.\"t/n\"]\nretention = {retentionSizeInMB = -1}\ndeduplication = true\n"
                               "subscriptionTypesEnabled = [\"Shared\"]\n",
                               &a, why),
                     OK);
    assert_int_equal(read_text("a.json",
                               "{\"namespaces\":{\"t/n\":{\"retention\":{\"retentionSizeInMB\":-1},"
                               "\"deduplication\":true,\"subscriptionTypesEnabled\":[\"Shared\"]}}}",
                               &b, why),
                     OK);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}

static void what_is_written_is_read_as_the_same(void **state)
{
    static const char text[] =
        "{\"tenants\":{\"a b\":{\"adminRoles\":[\"x\\\"y\",\"\\u00fc\"]}},\"topics\":{\"persistent://t/n/x\":"
        "{\"partitions\":3,\"schema\":{\"type\":\"JSON\",\"schema\":\"{\\n}\"},\"properties\":{\"k.k\":\"v\"}}}}";
    json_t *first, *again;
    char why[400];

    assert_int_equal(read_text("a.json", text, &first, why), OK);
    char *toml = declared_write(first);
    assert_non_null(toml);
    assert_int_equal(read_text("b.toml", toml, &again, why), OK);
    assert_true(json_equal(first, again));
    free(toml);
    json_decref(first);
    json_decref(again);
}

static void a_mistake_is_told_with_its_place(void **state)
{
    static const struct {
        const char *name, *text, *why;
    } rows[] = {
        {"a.toml", "\n[tenants.a]\nadminRoles = [\n", "a.toml:"},
        {"a.json", "{\n\n\"tenants\": 3,}", "a.json:3:"},
        {"a.json", "[]", "an object is expected"},
        {"a.toml", "[topic.x]\n", "no `topic`"},
        {"a.toml", "[topics.x]\nretention_policy = 3\n", "no `retention_policy`"},
        {"a.toml", "[tenants.x]\nmessageTTL = 3\n", "no `messageTTL`"},
        {"a.toml", "[topics.x]\nmaxTopicsPerNamespace = 3\n", "no `maxTopicsPerNamespace`"},
    };
    json_t *out;
    char why[400];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(read_text(rows[i].name, rows[i].text, &out, why), ERR_INVALID);
        assert_non_null(strstr(why, rows[i].why));
    }
}

static void a_policy_has_its_name_for_namespaces_and_for_topics(void **state)
{
    assert_string_equal(declared_policy_path(declared_policy_find("deduplication", true), true),
                        "deduplicationEnabled");
    assert_string_equal(declared_policy_path(declared_policy_find("maxProducers", true), true), "maxProducers");
    assert_null(declared_policy_find("maxProducers", false));
    assert_null(declared_policy_find("encryptionRequired", true));
    assert_null(declared_policy_find("maxMessageSize", false));
}

static void what_is_there_may_have_more_than_is_wanted(void **state)
{
    static const struct {
        const char *wanted, *now;
        bool holds;
    } rows[] = {
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", true},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
        {"[1,2]", "[2,1]", true},
        {"[1]", "[1,2]", false},
        {"3", "3.0", true},
        {"{\"a\":{\"b\":[]}}", "{\"a\":{\"b\":[],\"c\":0}}", true},
        {"true", "false", false},
        {"\"3\"", "3", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *wanted = json_of(rows[i].wanted), *now = json_of(rows[i].now);
        assert_int_equal(declared_holds(wanted, now), rows[i].holds);
        json_decref(wanted);
        json_decref(now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toml_and_json_say_the_same),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
        cmocka_unit_test(a_mistake_is_told_with_its_place),
        cmocka_unit_test(a_policy_has_its_name_for_namespaces_and_for_topics),
        cmocka_unit_test(what_is_there_may_have_more_than_is_wanted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
