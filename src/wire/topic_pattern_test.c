/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_pattern_test.c - which names a pattern means.
 */
#include "base/base_test.h"
#include "wire/topic_pattern.h"

#include <string.h>
#include <time.h>

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

/* A step of such an expression walks through all of its code: by steps alone it would take a hundred times as long. */
static void a_pattern_whose_steps_are_long_gets_fewer_of_them(void **state)
{
    struct topic_pattern *p = pattern("public/default/(?:(?:(?:a?){9}){9}){9}b");
    const clock_t before = clock();

    for (unsigned i = 0; i < 20; i++)
        assert_false(
            topic_pattern_matches(p, bytes_of_text("public/default/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")));
    assert_true(topic_pattern_given_up(p));
    assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 1); /* 5 ms, on an idle machine; it would be a quarter */
    topic_pattern_free(p);
}

/* No single name is too much. */
static void a_pattern_that_is_costly_for_very_many_names_is_given_up_for_this_time(void **state)
{
    struct topic_pattern *p = pattern("(.*)(.*)(.*)d");
    unsigned names = 0;

    for (; names < 10000 && !topic_pattern_given_up(p); names++)
        (void)topic_pattern_matches(p, bytes_of_text("public/default/orders-of-1997"));
    assert_in_range(names, 10, 5000);
    topic_pattern_renew(p);
    assert_false(topic_pattern_given_up(p));
    assert_true(topic_pattern_matches(p, bytes_of_text("public/default/d")));
    topic_pattern_free(p);
}

static void patterns_as_people_write_them_do_for_any_number_of_names(void **state)
{
    static const char *const texts[] = {"public/default/.*", "public/default/orders-[a-z]+-\\d+",
                                        "public/default/(a|b|c).*-v[0-9]+", "public/default/.*orders.*"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct topic_pattern *p = pattern(texts[i]);
        for (unsigned names = 0; names < 1000; names++)
            (void)topic_pattern_matches(p, bytes_of_text("public/default/a-long-name-of-orders-from-the-west-v12"));
        assert_false(topic_pattern_given_up(p));
        topic_pattern_free(p);
    }
}

static void expressions_that_blow_up_when_compiled_are_refused(void **state)
{
    assert_int_equal(refused("(((((((a{9}){9}){9}){9}){9}){9}){9})"), ERR_INVALID);
    assert_int_equal(refused("((((a{999}){999}){999}){999})"), ERR_INVALID);
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
        cmocka_unit_test(a_pattern_whose_steps_are_long_gets_fewer_of_them),
        cmocka_unit_test(a_pattern_that_is_costly_for_very_many_names_is_given_up_for_this_time),
        cmocka_unit_test(patterns_as_people_write_them_do_for_any_number_of_names),
        cmocka_unit_test(expressions_that_blow_up_when_compiled_are_refused),
        cmocka_unit_test(names_that_are_no_utf_8_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
