/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_pattern_test.c - which names a pattern means.
 */
#include "base/base_test.h"
#include "wire/topic_pattern.h"

#include <string.h>

static struct topic_pattern *pattern(const char *text)
{
    struct topic_pattern *p;
    char message[200];

    assert_int_equal(topic_pattern_new(&p, bytes_of_text(text), message, sizeof message), OK);
    return p;
}

static bool matches(const char *text, const char *name)
{
    struct topic_pattern *p = pattern(text);
    const bool result = topic_pattern_matches(p, bytes_of_text(name));

    topic_pattern_free(p);
    return result;
}

static void a_pattern_is_matched_as_a_whole(void **state)
{
    assert_true(matches("public/default/a.*", "public/default/abc"));
    assert_false(matches("public/default/a", "public/default/abc"));
    assert_false(matches("default/abc", "public/default/abc"));
    assert_true(matches("x|public/default/abc|y", "public/default/abc"));
    assert_true(matches("public/default/[^\\d]+\\d{2}", "public/default/a12"));
}

static void a_domain_in_front_is_cut_off(void **state)
{
    assert_true(matches("persistent://public/default/a.*", "public/default/abc"));
    assert_true(matches("non-persistent://public/default/a.*", "public/default/abc"));
    assert_true(matches("^persistent://public/default/a.*$", "public/default/abc"));
}

static enum err refused(const char *text)
{
    struct topic_pattern *p;
    char message[200] = "";
    const enum err err = topic_pattern_new(&p, bytes_of_text(text), message, sizeof message);

    assert_true(message[0] != '\0');
    return err;
}

static void what_is_no_pattern_is_refused_with_a_reason(void **state)
{
    assert_int_equal(refused("public/default/(a"), ERR_INVALID);
    assert_int_equal(refused("public/default/\\Ca"), ERR_INVALID);
    assert_int_equal(refused("(persistent|non-persistent)://public/d/.*"), ERR_INVALID);
    assert_int_equal(refused("\xff\xfe"), ERR_INVALID);
    assert_int_equal(refused("public/default/0123456789012345678901234567890123456"), ERR_TOO_LARGE);
}

static void a_pattern_made_to_be_slow_is_given_up(void **state)
{
    struct topic_pattern *p = pattern("public/default/(a*)*(a*)*(a*)*b");
    char name[400] = "public/default/";

    memset(name + strlen(name), 'a', 300);
    for (unsigned i = 0; i < 8; i++) {
        assert_false(topic_pattern_given_up(p));
        assert_false(topic_pattern_matches(p, bytes_of_text(name)));
    }
    assert_true(topic_pattern_given_up(p));
    topic_pattern_free(p);
}

static void names_that_are_no_utf_8_match_nothing(void **state)
{
    assert_false(matches("public/default/.*", "public/default/\xff"));
    assert_true(matches("public/default/\xc3\xbc.*", "public/default/\xc3\xbc"
                                                     "ber"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_matched_as_a_whole),
        cmocka_unit_test(a_domain_in_front_is_cut_off),
        cmocka_unit_test(what_is_no_pattern_is_refused_with_a_reason),
        cmocka_unit_test(a_pattern_made_to_be_slow_is_given_up),
        cmocka_unit_test(names_that_are_no_utf_8_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
