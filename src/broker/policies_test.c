/* SPDX-License-Identifier: Apache-2.0
 *
 * policies_test.c - policies and properties, and the rows that hold them: what is written is read, what is damaged is
 * told, what earlier versions wrote is understood.
 */
#include "broker/policies.h"

#include "broker/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct bytes text(const char *t)
{
    return bytes_of_text(t);
}

static struct policies some(void)
{
    struct policies p = {0};

    policies_put(&p, POLICY_RETENTION_MINUTES, -1);
    policies_put(&p, POLICY_RETENTION_MB, INT64_C(1) << 40);
    policies_put(&p, POLICY_MESSAGE_BYTES_MAX, 4711);
    return p;
}

static void every_policy_has_a_name_and_a_value_within_its_bounds(void **state)
{
    struct policies all;
    struct refusal why;

    policies_init(&all);
    for (unsigned which = 1; which < POLICY_END; which++) {
        assert_non_null(policy_info(which)->name);
        assert_true(policies_has(&all, which));
    }
    assert_int_equal(policies_check(&all, false, &why), OK);
}

static void a_policy_out_of_its_bounds_or_on_the_wrong_level_is_refused_by_name(void **state)
{
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_DEDUPLICATION, 2);
    assert_int_equal(policies_check(&p, true, &why), ERR_INVALID);
    assert_string_equal(why.text, "deduplicationEnabled must be 1 or less");
    policies_remove(&p, POLICY_DEDUPLICATION);
    policies_put(&p, POLICY_TOPICS_MAX, 5);
    assert_int_equal(policies_check(&p, false, &why), OK);
    assert_int_equal(policies_check(&p, true, &why), ERR_INVALID);
}

static void damaged_policies_are_told_from_good_ones(void **state)
{
    const struct policies p = some();
    uint8_t encoded[POLICIES_BYTES_MAX];
    const size_t len = policies_encode(&p, encoded);
    struct policies back;
    struct bytes from;

    for (size_t cut = 0; cut < len; cut++) {
        from = bytes_of(encoded, cut);
        assert_int_equal(policies_decode(&back, &from), ERR_CORRUPT);
    }
    from = bytes_of(encoded, len);
    assert_int_equal(policies_decode(&back, &from), OK);
    assert_int_equal(from.len, 0);
    assert_memory_equal(&back, &p, sizeof p);
    encoded[1] = 99;
    from = bytes_of(encoded, len);
    assert_int_equal(policies_decode(&back, &from), ERR_VERSION);
}

static void a_row_of_version_2_is_understood(void **state)
{
    static const uint8_t topic[] = {2, 1,  0,    0,    0,    0,    0, 0, 0, 7, 0, 0, 0, 0,
                                    0, 0,  0,                                              /* created 1, epoch 7 */
                                    2,                                                     /* policies */
                                    1, 12, 0xff, 0xff, 0xff, 0xff, 8, 0, 0, 0, 0, 0, 0, 0, /* retention -1, 8 MB */
                                    2, 4,  60,   0,    0,    0};                           /* TTL */
    struct topic_record r;

    assert_int_equal(topic_record_decode(&r, bytes_of(topic, sizeof topic)), OK);
    assert_int_equal(r.epoch, 7);
    assert_int_equal(r.policies.value[POLICY_RETENTION_MINUTES], -1);
    assert_int_equal(r.policies.value[POLICY_RETENTION_MB], 8);
    assert_int_equal(r.policies.value[POLICY_TTL_S], 60);
    assert_int_equal(r.properties.len, 0);
}

static void rows_hold_what_was_put_into_them(void **state)
{
    uint8_t held[PROPERTIES_BYTES_MAX], value[RECORD_MAX];
    struct bytes properties = bytes_of(NULL, 0), encoded;
    struct topic_record topic;
    struct partitioned_record partitioned;
    struct subscription_record subscription;

    assert_int_equal(properties_put(&properties, held, (struct property){text("k"), text("v")}), OK);
    encoded = topic_record_encode(
        &(struct topic_record){.epoch = 3, .terminated = true, .policies = some(), .properties = properties}, value);
    assert_int_equal(topic_record_decode(&topic, encoded), OK);
    assert_true(topic.terminated);
    assert_int_equal(topic.policies.value[POLICY_MESSAGE_BYTES_MAX], 4711);
    assert_true(bytes_equal(topic.properties, properties));
    for (size_t cut = 0; cut < encoded.len; cut++)
        assert_int_equal(topic_record_decode(&topic, bytes_of(value, cut)), ERR_CORRUPT);

    encoded = partitioned_record_encode(&(struct partitioned_record){.partitions = 5, .properties = properties}, value);
    assert_int_equal(partitioned_record_decode(&partitioned, encoded), OK);
    assert_int_equal(partitioned.partitions, 5);
    assert_true(bytes_equal(partitioned.properties, properties));

    encoded =
        subscription_record_encode(&(struct subscription_record){.replicated = true, .properties = properties}, value);
    assert_int_equal(subscription_record_decode(&subscription, encoded), OK);
    assert_true(subscription.replicated);
    assert_true(bytes_equal(properties_find(subscription.properties, text("k")), text("v")));
}

static struct bytes two_subscriptions(uint8_t *to)
{
    struct bytes all = bytes_of(to, 0);
    struct subscription_policies s = {.name = text("s1")};

    policies_put(&s.policies, POLICY_SUBSCRIPTION_RATE_MESSAGES, 10);
    assert_int_equal(subscription_policies_put(&all, to, &s), OK);
    s.name = text("s2");
    policies_put(&s.policies, POLICY_SUBSCRIPTION_RATE_MESSAGES, 20);
    assert_int_equal(subscription_policies_put(&all, to, &s), OK);
    return all;
}

static void rows_of_topics_hold_what_few_topics_have(void **state)
{
    static uint8_t held[SUBSCRIPTION_POLICIES_BYTES_MAX], value[RECORD_MAX];
    const struct record_more more = {
        .everywhere = some(), .subscriptions = two_subscriptions(held), .settings = text("{\"a\":1}")};
    struct bytes encoded = topic_record_encode(&(struct topic_record){.epoch = 3, .more = more}, value);
    struct partitioned_record partitioned;
    struct topic_record topic;

    assert_int_equal(value[0], 4);
    assert_int_equal(topic_record_decode(&topic, encoded), OK);
    assert_int_equal(topic.epoch, 3);
    assert_int_equal(topic.more.everywhere.value[POLICY_MESSAGE_BYTES_MAX], 4711);
    assert_true(bytes_equal(topic.more.subscriptions, more.subscriptions));
    assert_true(bytes_equal(topic.more.settings, more.settings));
    for (size_t cut = 0; cut < encoded.len - more.settings.len; cut++)
        assert_int_equal(topic_record_decode(&topic, bytes_of(value, cut)), ERR_CORRUPT);
    assert_int_equal(topic_record_decode(&topic, bytes_of(value, encoded.len - 1)), OK); /* settings are opaque */

    encoded = partitioned_record_encode(&(struct partitioned_record){.partitions = 5, .more = more}, value);
    assert_int_equal(partitioned_record_decode(&partitioned, encoded), OK);
    assert_true(bytes_equal(partitioned.more.settings, more.settings));
    encoded = partitioned_record_encode(&(struct partitioned_record){.partitions = 5}, value);
    assert_int_equal(value[0], 3); /* what an earlier build can read */
}

static void a_subscriptions_policies_are_replaced_and_removed_by_its_name(void **state)
{
    static uint8_t held[SUBSCRIPTION_POLICIES_BYTES_MAX];
    struct bytes all = two_subscriptions(held);
    struct subscription_policies s = {.name = text("s1")}, found;
    size_t at = 0;

    policies_put(&s.policies, POLICY_SUBSCRIPTION_RATE_MESSAGES, 11);
    policies_put(&s.policies, POLICY_SUBSCRIPTION_RATE_BYTES, 12);
    assert_int_equal(subscription_policies_put(&all, held, &s), OK);
    assert_true(subscription_policies_next(all, &at, &found));
    assert_int_equal(found.policies.value[POLICY_SUBSCRIPTION_RATE_BYTES], 12);
    assert_true(subscription_policies_next(all, &at, &found));
    assert_true(bytes_equal(found.name, text("s2")));
    assert_false(subscription_policies_next(all, &at, &found));
    s.policies = (struct policies){0};
    assert_int_equal(subscription_policies_put(&all, held, &s), OK);
    at = 0;
    assert_true(subscription_policies_next(all, &at, &found));
    assert_true(bytes_equal(found.name, text("s2")));
    assert_int_equal(at, all.len);
}

static void properties_are_kept_in_order_and_each_key_once(void **state)
{
    static const char *const order[] = {"a", "b", "c"};
    uint8_t held[PROPERTIES_BYTES_MAX];
    struct bytes p = bytes_of(NULL, 0);
    struct property one;
    size_t at = 0;

    assert_int_equal(properties_put(&p, held, (struct property){text("c"), text("3")}), OK);
    assert_int_equal(properties_put(&p, held, (struct property){text("a"), text("")}), OK);
    assert_int_equal(properties_put(&p, held, (struct property){text("b"), text("2")}), OK);
    assert_int_equal(properties_put(&p, held, (struct property){text("a"), text("long")}), OK);
    for (size_t i = 0; i < 3; i++) {
        assert_true(properties_next(p, &at, &one));
        assert_true(bytes_equal(one.key, text(order[i])));
    }
    assert_false(properties_next(p, &at, &one));
    assert_true(bytes_equal(properties_find(p, text("a")), text("long")));
    properties_remove(&p, held, text("b"));
    properties_remove(&p, held, text("b"));
    assert_null(properties_find(p, text("b")).data);
    properties_remove(&p, held, text("a"));
    properties_remove(&p, held, text("c"));
    assert_int_equal(p.len, 0);
}

static void properties_beyond_their_bound_change_nothing(void **state)
{
    static char much[PROPERTIES_BYTES_MAX];
    uint8_t held[PROPERTIES_BYTES_MAX];
    struct bytes p = bytes_of(NULL, 0);

    memset(much, 'x', sizeof much);
    assert_int_equal(properties_put(&p, held, (struct property){text("k"), text("v")}), OK);
    assert_int_equal(properties_put(&p, held, (struct property){text("m"), bytes_of(much, sizeof much - 10)}),
                     ERR_TOO_LARGE);
    assert_int_equal(properties_put(&p, held, (struct property){text(""), text("v")}), ERR_INVALID);
    assert_int_equal(p.len, 2 + 4 + 2);
    assert_int_equal(properties_put(&p, held, (struct property){text("k"), bytes_of(much, sizeof much - 7)}), OK);
    assert_int_equal(p.len, PROPERTIES_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_policy_has_a_name_and_a_value_within_its_bounds),
        cmocka_unit_test(a_policy_out_of_its_bounds_or_on_the_wrong_level_is_refused_by_name),
        cmocka_unit_test(damaged_policies_are_told_from_good_ones),
        cmocka_unit_test(a_row_of_version_2_is_understood),
        cmocka_unit_test(rows_hold_what_was_put_into_them),
        cmocka_unit_test(rows_of_topics_hold_what_few_topics_have),
        cmocka_unit_test(a_subscriptions_policies_are_replaced_and_removed_by_its_name),
        cmocka_unit_test(properties_are_kept_in_order_and_each_key_once),
        cmocka_unit_test(properties_beyond_their_bound_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
