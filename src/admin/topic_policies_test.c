/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_policies_test.c - policies of topics over HTTP: for one cluster and for all, of one subscription, those that
 * are only kept.
 */
#include "admin/admin_world.h"
#include "broker/policies.h"

#include <stdio.h>

#define X      "/admin/v2/persistent/public/default/x"
#define NOPE   "/admin/v2/persistent/public/default/nope"
#define PARTED "/admin/v2/persistent/public/default/parted"

static void expect(struct admin_world *w, const char *path, const char *query, int status, const char *body)
{
    assert_int_equal(ask_query(w, HTTP_GET, path, query, ""), status);
    if (status == 200)
        assert_string_equal(answer(w), body);
}

static void a_policy_for_all_clusters_stands_below_the_topics_own(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask_query(w, HTTP_POST, X "/maxProducers", "isGlobal=true", "5"), 204);
    expect(w, X "/maxProducers", "a=b", 204, "");
    expect(w, X "/maxProducers", "isGlobal=true", 200, "5");
    expect(w, X "/maxProducers", "applied=true", 200, "5");
    assert_int_equal(ask_body(w, HTTP_POST, X "/maxProducers", "15"), 204);
    expect(w, X "/maxProducers", "a=b", 200, "15");
    expect(w, X "/maxProducers", "applied=true", 200, "15");
    expect(w, X "/maxProducers", "isGlobal=true", 200, "5");
    assert_int_equal(ask(w, HTTP_DELETE, X "/maxProducers"), 204);
    expect(w, X "/maxProducers", "applied=true", 200, "5");
    assert_int_equal(ask_query(w, HTTP_DELETE, X "/maxProducers", "isGlobal=true", ""), 204);
    expect(w, X "/maxProducers", "applied=true", 200, "0");
}

static void policies_outlive_a_kill(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask_query(w, HTTP_POST, X "/maxProducers", "isGlobal=true", "5"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, X "/s/dispatchRate", "{\"dispatchThrottlingRateInMsg\":7}"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, X "/replication", "[\"standalone\"]"), 204);
    admin_world_restart(w);
    expect(w, X "/maxProducers", "isGlobal=true", 200, "5");
    expect(w, X "/replication", "a=b", 200, "[\"standalone\"]");
    assert_int_equal(ask(w, HTTP_GET, X "/s/dispatchRate"), 200);
}

static void one_subscription_has_a_dispatch_rate_of_its_own(void **state)
{
    static const char rate[] = "{\"dispatchThrottlingRateInMsg\":7,\"dispatchThrottlingRateInByte\":-1,"
                               "\"relativeToPublishRate\":false,\"ratePeriodInSecond\":1}";
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    expect(w, X "/s/dispatchRate", "a=b", 204, "");
    assert_int_equal(ask_body(w, HTTP_POST, X "/s/dispatchRate", "{\"dispatchThrottlingRateInMsg\":7}"), 204);
    expect(w, X "/s/dispatchRate", "a=b", 200, rate);
    expect(w, X "/other/dispatchRate", "a=b", 204, "");
    assert_int_equal(ask_body(w, HTTP_POST, X "/subscriptionDispatchRate", "{\"dispatchThrottlingRateInMsg\":9}"), 204);
    assert_int_equal(ask_query(w, HTTP_GET, X "/other/dispatchRate", "applied=true", ""), 200);
    assert_non_null(strstr(answer(w), "\"dispatchThrottlingRateInMsg\":9"));
    assert_int_equal(ask(w, HTTP_DELETE, X "/s/dispatchRate"), 204);
    expect(w, X "/s/dispatchRate", "a=b", 204, "");
    assert_int_equal(ask_body(w, HTTP_POST, X "/s/dispatchRate", "[]"), 412);
    assert_int_equal(ask(w, HTTP_GET, NOPE "/s/dispatchRate"), 404);
}

static void what_is_only_kept_is_kept_for_a_topic_too(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    expect(w, X "/replication", "a=b", 204, "");
    expect(w, X "/replication", "applied=true", 200, "[\"standalone\"]");
    expect(w, X "/dispatcherPauseOnAckStatePersistent", "a=b", 200, "false");
    assert_int_equal(ask(w, HTTP_POST, X "/dispatcherPauseOnAckStatePersistent"), 204);
    expect(w, X "/dispatcherPauseOnAckStatePersistent", "a=b", 200, "true");
    assert_int_equal(ask_body(w, HTTP_POST, X "/replicatorDispatchRate", "{\"dispatchThrottlingRateInMsg\":9}"), 204);
    assert_int_equal(ask(w, HTTP_GET, X "/replicatorDispatchRate"), 200);
    assert_non_null(strstr(answer(w), "\"dispatchThrottlingRateInMsg\":9"));
    assert_int_equal(ask_body(w, HTTP_POST, X "/offloadPolicies",
                              "{\"managedLedgerOffloadDriver\":\"aws-s3\",\"managedLedgerOffloadBucket\":\"b\"}"),
                     204);
    assert_int_equal(ask_body(w, HTTP_POST, X "/offloadPolicies", "{\"managedLedgerOffloadDriver\":\"tape\"}"), 412);
    assert_int_equal(ask(w, HTTP_GET, X "/offloadPolicies"), 200);
    assert_int_equal(ask(w, HTTP_DELETE, X "/offloadPolicies"), 204);
    expect(w, X "/offloadPolicies", "a=b", 204, "");
    assert_int_equal(ask_query(w, HTTP_POST, X "/replication", "isGlobal=true", "[\"standalone\"]"), 204);
    expect(w, X "/replication", "a=b", 204, "");
    expect(w, X "/replication", "isGlobal=true", 200, "[\"standalone\"]");
    assert_int_equal(ask(w, HTTP_GET, NOPE "/replication"), 404);
}

static void a_partition_has_no_policies_of_its_own(void **state)
{
    static const char reason[] = "Not allowed to set/get topic policy for a partition";
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 204);
    assert_refused(w, ask(w, HTTP_GET, PARTED "-partition-0/maxProducers"), 412, reason);
    assert_refused(w, ask_body(w, HTTP_POST, PARTED "-partition-0/maxProducers", "1"), 412, reason);
    assert_refused(w, ask(w, HTTP_DELETE, PARTED "-partition-9/maxProducers"), 412, reason);
    assert_refused(w, ask(w, HTTP_GET, PARTED "-partition-0/replication"), 412, reason);
    assert_refused(w, ask(w, HTTP_GET, PARTED "-partition-0/s/dispatchRate"), 412, reason);
    assert_refused(w, ask(w, HTTP_DELETE, PARTED "-partition-0/policies"), 412, reason);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/maxProducers", "1"), 204);
}

static void all_that_is_set_is_forgotten_at_once(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask_body(w, HTTP_POST, X "/maxProducers", "1"), 204);
    assert_int_equal(ask_query(w, HTTP_POST, X "/maxConsumers", "isGlobal=true", "2"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, X "/replication", "[\"standalone\"]"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, X "/policies"), 204);
    expect(w, X "/maxProducers", "a=b", 204, "");
    expect(w, X "/maxConsumers", "isGlobal=true", 204, "");
    expect(w, X "/replication", "a=b", 204, "");
    assert_int_equal(ask(w, HTTP_DELETE, NOPE "/policies"), 404);
}

static void where_topics_have_no_policies_they_are_refused_and_not_heeded(void **state)
{
    static const char reason[] = "Topic level policies is disabled, to enable the topic level policy and retry.";
    struct admin_world *w = *state;
    struct topic_name name;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask_body(w, HTTP_POST, X "/maxProducers", "1"), 204);
    w->options.topic_policies = false;
    admin_world_restart(w);
    assert_refused(w, ask(w, HTTP_GET, X "/maxProducers"), 405, reason);
    assert_refused(w, ask_body(w, HTTP_POST, X "/maxProducers", "1"), 405, reason);
    assert_refused(w, ask(w, HTTP_GET, X "/entryFilters"), 405, reason);
    assert_int_equal(topic_name_parse(&name, bytes_of_text("persistent://public/default/x")), OK);
    assert_int_equal(policy_of(w->broker, topic_id(w->broker, &name), POLICY_PRODUCERS_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(a_policy_for_all_clusters_stands_below_the_topics_own),
        ADMIN_TEST(policies_outlive_a_kill),
        ADMIN_TEST(one_subscription_has_a_dispatch_rate_of_its_own),
        ADMIN_TEST(what_is_only_kept_is_kept_for_a_topic_too),
        ADMIN_TEST(a_partition_has_no_policies_of_its_own),
        ADMIN_TEST(all_that_is_set_is_forgotten_at_once),
        ADMIN_TEST(where_topics_have_no_policies_they_are_refused_and_not_heeded),
    };
    return cmocka_run_group_tests_name("admin: policies of topics", tests, NULL, NULL);
}
