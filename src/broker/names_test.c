/* SPDX-License-Identifier: Apache-2.0
 *
 * names_test.c - names.h in use.
 */
#include "base/base_test.h"
#include "broker/names.h"

static void expect_full(const char *text, const char *full)
{
    struct topic_name n;

    assert_int_equal(topic_name_parse(&n, bytes_of_text(text)), OK);
    assert_string_equal(n.text, full);
}

static void expect_invalid(const char *text)
{
    struct topic_name n;

    assert_int_equal(topic_name_parse(&n, bytes_of_text(text)), ERR_INVALID);
}

static void expect_text(struct bytes b, const char *text)
{
    assert_true(bytes_equal(b, bytes_of_text(text)));
}

static void a_bare_name_is_in_public_default(void **state)
{
    expect_full("x", "persistent://public/default/x");
}

static void three_parts_name_a_persistent_topic(void **state)
{
    expect_full("t/n/x", "persistent://t/n/x");
}

static void a_full_name_stays_as_it_is(void **state)
{
    expect_full("persistent://t/n/x", "persistent://t/n/x");
    expect_full("non-persistent://t/n/x", "non-persistent://t/n/x");
}

static void other_numbers_of_parts_are_invalid(void **state)
{
    expect_invalid("n/x");
    expect_invalid("a/b/c/d");
    expect_invalid("persistent://x");
    expect_invalid("persistent://n/x");
}

static void an_unknown_scheme_is_invalid(void **state)
{
    expect_invalid("http://t/n/x");
    expect_invalid("topic://t/n/x");
    expect_invalid("http://x");
}

static void empty_and_blank_parts_are_invalid(void **state)
{
    expect_invalid("");
    expect_invalid("  ");
    expect_invalid("persistent://t/n/");
    expect_invalid("persistent:///n/x");
    expect_invalid("persistent://t//x");
}

static void tenants_and_namespaces_are_words_and_topics_free_text(void **state)
{
    expect_invalid("persistent://t t/n/x");
    expect_invalid("persistent://t/n$/x");
    expect_full("persistent://t-=:._1/n/x y!", "persistent://t-=:._1/n/x y!");
    expect_invalid("persistent://t/n/x\ny");
}

static void the_old_form_has_a_cluster_and_may_have_slashes(void **state)
{
    struct topic_name n;

    assert_int_equal(topic_name_parse(&n, bytes_of_text("persistent://t/c/n/a/b")), OK);
    expect_text(topic_name_tenant(&n), "t");
    expect_text(topic_name_namespace(&n), "t/c/n");
    expect_text(topic_name_namespace_local(&n), "c/n");
    expect_text(topic_name_local(&n), "a/b");
}

static void the_parts_of_a_name_can_be_asked_for(void **state)
{
    struct topic_name n;

    assert_int_equal(topic_name_parse(&n, bytes_of_text("persistent://t/n/x-partition-12")), OK);
    expect_text(topic_name_full(&n), "persistent://t/n/x-partition-12");
    expect_text(topic_name_base(&n), "persistent://t/n/x");
    expect_text(topic_name_namespace(&n), "t/n");
    expect_text(topic_name_namespace_local(&n), "n");
    expect_text(topic_name_local(&n), "x-partition-12");
    assert_int_equal(n.partition, 12);
}

static void only_canonical_numbers_make_a_partition(void **state)
{
    assert_int_equal(partition_of(bytes_of_text("x-partition-0"), NULL), 0);
    assert_int_equal(partition_of(bytes_of_text("x-partition-2147483647"), NULL), INT32_MAX);
    assert_int_equal(partition_of(bytes_of_text("x-partition-2147483648"), NULL), PARTITION_NONE);
    assert_int_equal(partition_of(bytes_of_text("x-partition-99999999999"), NULL), PARTITION_NONE);
    assert_int_equal(partition_of(bytes_of_text("x-partition-01"), NULL), PARTITION_NONE);
    assert_int_equal(partition_of(bytes_of_text("x-partition-"), NULL), PARTITION_NONE);
    assert_int_equal(partition_of(bytes_of_text("x-partition--1"), NULL), PARTITION_NONE);
    assert_int_equal(partition_of(bytes_of_text("-partition-1"), NULL), PARTITION_NONE);
    assert_int_equal(partition_of(bytes_of_text("7"), NULL), PARTITION_NONE);
    assert_int_equal(partition_of(bytes_of_text(""), NULL), PARTITION_NONE);
}

static void a_name_at_the_bound_is_taken_and_one_beyond_it_not(void **state)
{
    char text[TOPIC_NAME_MAX + 2];
    struct topic_name n;
    size_t most = TOPIC_NAME_MAX - strlen("persistent://public/default/");

    memset(text, 'x', sizeof text);
    assert_int_equal(topic_name_parse(&n, bytes_of(text, most)), OK);
    assert_int_equal(n.len, TOPIC_NAME_MAX);
    assert_int_equal(topic_name_parse(&n, bytes_of(text, most + 1)), ERR_INVALID);
}

static void the_full_name_of_a_topic_is_taken_where_its_short_one_is(void **state)
{
    char text[TOPIC_NAME_MAX + 2] = "t/n/";
    const size_t most = TOPIC_NAME_MAX - strlen("persistent://");
    struct topic_name n, again;

    memset(text + 4, 'x', sizeof text - 4);
    assert_int_equal(topic_name_parse(&n, bytes_of(text, most)), OK);
    assert_int_equal(n.len, TOPIC_NAME_MAX);
    assert_int_equal(topic_name_parse(&again, topic_name_full(&n)), OK);
    assert_true(bytes_equal(topic_name_full(&again), topic_name_full(&n)));
    assert_int_equal(topic_name_parse(&n, bytes_of(text, most + 1)), ERR_INVALID);
}

static void system_topics_are_known_by_their_names(void **state)
{
    struct topic_name n;

    assert_int_equal(topic_name_parse(&n, bytes_of_text("t/n/__change_events")), OK);
    assert_true(topic_name_is_system(&n));
    assert_int_equal(topic_name_parse(&n, bytes_of_text("t/n/x-s__transaction_pending_ack")), OK);
    assert_true(topic_name_is_system(&n));
    assert_int_equal(topic_name_parse(&n, bytes_of_text("t/n/change_events")), OK);
    assert_false(topic_name_is_system(&n));
}

static void namespaces_have_a_tenant_and_a_name(void **state)
{
    struct bytes tenant, local;

    assert_true(namespace_name_parse(bytes_of_text("t/n"), &tenant, &local));
    expect_text(tenant, "t");
    expect_text(local, "n");
    assert_true(namespace_name_parse(bytes_of_text("t/c/n"), &tenant, &local));
    expect_text(local, "c/n");
    assert_false(namespace_name_parse(bytes_of_text("t"), NULL, NULL));
    assert_false(namespace_name_parse(bytes_of_text("t/"), NULL, NULL));
    assert_false(namespace_name_parse(bytes_of_text("/n"), NULL, NULL));
    assert_false(namespace_name_parse(bytes_of_text("t/n/"), NULL, NULL));
    assert_false(namespace_name_parse(bytes_of_text("t/c/n/x"), NULL, NULL));
    assert_false(namespace_name_parse(bytes_of_text("t/n n"), NULL, NULL));
}

static void reserved_and_blank_subscription_names_are_refused(void **state)
{
    assert_true(subscription_name_valid(bytes_of_text("my sub")));
    assert_false(subscription_name_valid(bytes_of_text("")));
    assert_false(subscription_name_valid(bytes_of_text(" ")));
    assert_false(subscription_name_valid(bytes_of_text("pulsar.dedup")));
    assert_false(subscription_name_valid(bytes_of_text("pulsar.repl.east")));
    assert_false(subscription_name_valid(bytes_of_text("__compaction")));
}

static void names_that_are_not_utf_8_or_have_control_characters_are_refused(void **state)
{
    static const char *const wrong[] = {"\xff", "cut\xe2\x82", "over\xc0\xaflong", "line\nbreak", "\x7f"};
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text("gr\xc3\xbc\xc3\x9f")), OK);
    assert_true(subscription_name_valid(bytes_of_text("gr\xc3\xbc\xc3\x9f")));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(topic_name_parse(&name, bytes_of_text(wrong[i])), ERR_INVALID);
        assert_false(subscription_name_valid(bytes_of_text(wrong[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_name_is_in_public_default),
        cmocka_unit_test(three_parts_name_a_persistent_topic),
        cmocka_unit_test(a_full_name_stays_as_it_is),
        cmocka_unit_test(other_numbers_of_parts_are_invalid),
        cmocka_unit_test(an_unknown_scheme_is_invalid),
        cmocka_unit_test(empty_and_blank_parts_are_invalid),
        cmocka_unit_test(tenants_and_namespaces_are_words_and_topics_free_text),
        cmocka_unit_test(the_old_form_has_a_cluster_and_may_have_slashes),
        cmocka_unit_test(the_parts_of_a_name_can_be_asked_for),
        cmocka_unit_test(only_canonical_numbers_make_a_partition),
        cmocka_unit_test(a_name_at_the_bound_is_taken_and_one_beyond_it_not),
        cmocka_unit_test(the_full_name_of_a_topic_is_taken_where_its_short_one_is),
        cmocka_unit_test(system_topics_are_known_by_their_names),
        cmocka_unit_test(namespaces_have_a_tenant_and_a_name),
        cmocka_unit_test(reserved_and_blank_subscription_names_are_refused),
        cmocka_unit_test(names_that_are_not_utf_8_or_have_control_characters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
