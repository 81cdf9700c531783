/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_ops_test.c - what is asked of a topic now and then: places in it, its messages, its truncation, permissions.
 */
#include "admin/admin_world.h"

#include <stdio.h>
#include <stdlib.h>

#define X      "/admin/v2/persistent/public/default/x"
#define PARTED "/admin/v2/persistent/public/default/parted"
#define NP     "/admin/v2/non-persistent/public/default/x"
#define NOPE   "/admin/v2/persistent/public/default/nope"

/* The topic x with a subscription and `count` messages "0", "1", ...; gives the id of its ledger. */
static int topic_with(struct admin_world *w, struct admin_client *client, unsigned count)
{
    char text[2] = "0";

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    client_publish(w, client, "persistent://public/default/x", 0);
    for (unsigned i = 0; i < count; i++, text[0]++)
        client_publish_text(w, client, text, false);
    assert_int_equal(ask(w, HTTP_GET, X "/lastMessageId"), 200);
    json_t *last = answer_json(w);
    const int ledger = (int)number(last, "ledgerId");
    json_decref(last);
    return ledger;
}

static void end(struct admin_client *client)
{
    producer_detach(client->open.producer);
}

static void examine(struct admin_world *w, const char *query, const char *wanted)
{
    assert_int_equal(ask_query(w, HTTP_GET, X "/examinemessage", query, ""), 200);
    assert_string_equal(answer(w), wanted);
}

static void a_message_is_examined_from_either_end(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};

    topic_with(w, &client, 5);
    examine(w, "initialPosition=earliest&messagePosition=1", "0");
    examine(w, "initialPosition=earliest&messagePosition=3", "2");
    examine(w, "initialPosition=earliest&messagePosition=0", "0");
    examine(w, "initialPosition=earliest&messagePosition=100", "4");
    examine(w, "initialPosition=latest&messagePosition=1", "4");
    examine(w, "initialPosition=latest&messagePosition=2", "3");
    examine(w, "initialPosition=latest&messagePosition=100", "0");
    examine(w, "messagePosition=2", "3");
    examine(w, "a=b", "4");
    assert_non_null(answer_header(w, "X-Pulsar-Message-ID:"));
    assert_string_equal(answer_header(w, "X-Pulsar-txn-uncommitted:"), "false");
    end(&client);
}

static void a_message_is_examined_over_several_ledgers(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};

    topic_with(w, &client, 2);
    end(&client);
    assert_int_equal(ask(w, HTTP_PUT, X "/unload"), 204); /* that closes the ledger */
    client = (struct admin_client){0};
    client_publish(w, &client, "persistent://public/default/x", 0);
    client_publish_text(w, &client, "2", false);
    examine(w, "initialPosition=earliest&messagePosition=3", "2");
    examine(w, "initialPosition=latest&messagePosition=2", "1");
    examine(w, "initialPosition=latest&messagePosition=3", "0");
    end(&client);
}

static void what_cannot_be_examined_is_refused(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_refused(w, ask(w, HTTP_GET, X "/examinemessage"), 412,
                   "Could not examine messages due to the total message is zero");
    assert_refused(w, ask(w, HTTP_GET, NOPE "/examinemessage"), 404,
                   "Topic persistent://public/default/nope not found");
    assert_refused(w, ask(w, HTTP_GET, NP "/examinemessage"), 405,
                   "Examine messages on a non-persistent topic is not allowed");
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 204);
    assert_refused(w, ask(w, HTTP_GET, PARTED "/examinemessage"), 405,
                   "Examine messages on a partitioned topic is not allowed, please try examine message on specific "
                   "topic partition");
}

static void the_last_message_has_its_id(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    char wanted[200];

    const int ledger = topic_with(w, &client, 3);
    snprintf(wanted, sizeof wanted,
             "{\"ledgerId\":%d,\"entryId\":2,\"partitionIndex\":-1,\"batchIndex\":-1,\"batchSize\":0}", ledger);
    assert_get(w, X "/lastMessageId", wanted);
    end(&client);
    assert_int_equal(ask(w, HTTP_PUT, NP), 204);
    assert_refused(w, ask(w, HTTP_GET, NP "/lastMessageId"), 405,
                   "GetLastMessageId on a non-persistent topic is not allowed");
    assert_int_equal(ask(w, HTTP_GET, NOPE "/lastMessageId"), 404);
}

static void a_message_is_found_by_its_index(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    char wanted[200];

    const int ledger = topic_with(w, &client, 3);
    snprintf(wanted, sizeof wanted,
             "{\"ledgerId\":%d,\"entryId\":1,\"partitionIndex\":-1,\"batchIndex\":-1,\"batchSize\":0}", ledger);
    assert_int_equal(ask_query(w, HTTP_GET, X "/getMessageIdByIndex", "index=1", ""), 200);
    assert_string_equal(answer(w), wanted);
    assert_refused(w, ask_query(w, HTTP_GET, X "/getMessageIdByIndex", "index=3", ""), 404, "Message not found");
    assert_int_equal(ask_query(w, HTTP_GET, X "/getMessageIdByIndex", "index=-3", ""), 412);
    assert_int_equal(ask(w, HTTP_GET, X "/getMessageIdByIndex"), 412);
    end(&client);
}

static void how_much_lies_behind_a_message_is_told(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    char id[100], size[40];

    const int ledger = topic_with(w, &client, 4);
    assert_int_equal(ask_body(w, HTTP_PUT, X "/backlogSize", "{\"ledgerId\":0,\"entryId\":0}"), 200);
    const int all = atoi(answer(w));
    assert_true(all > 0);
    for (int entry = -1; entry < 6; entry++) {
        snprintf(id, sizeof id, "{\"ledgerId\":%d,\"entryId\":%d,\"partitionIndex\":-1}", ledger, entry);
        snprintf(size, sizeof size, "%d", entry < 3 ? all / 4 * (3 - entry) : 0);
        assert_int_equal(ask_body(w, HTTP_PUT, X "/backlogSize", id), 200);
        assert_string_equal(answer(w), size);
    }
    assert_int_equal(ask_body(w, HTTP_PUT, X "/backlogSize", ""), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, NOPE "/backlogSize", id), 404);
    end(&client);
}

static void a_backlog_is_analyzed_from_the_first_that_is_not_acknowledged(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    char wanted[100], from[100];

    const int ledger = topic_with(w, &client, 5);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip/3"), 204);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/analyzeBacklog"), 200);
    json_t *found = answer_json(w);
    assert_int_equal(number(found, "entries"), 2);
    assert_int_equal(number(found, "messages"), 2);
    assert_int_equal(number(found, "filterAcceptedMessages"), 2);
    assert_true(json_is_false(json_object_get(found, "aborted")));
    snprintf(wanted, sizeof wanted, "%d:3", ledger);
    assert_string_equal(json_string_value(json_object_get(found, "firstMessageId")), wanted);
    json_decref(found);

    snprintf(from, sizeof from, "{\"ledgerId\":%d,\"entryId\":1}", ledger);
    assert_int_equal(ask_body(w, HTTP_POST, X "/subscription/s/analyzeBacklog", from), 200);
    found = answer_json(w);
    assert_int_equal(number(found, "entries"), 4);
    json_decref(found);
    assert_refused(w, ask(w, HTTP_POST, X "/subscription/none/analyzeBacklog"), 404,
                   "Subscription none not found for topic persistent://public/default/x");
    end(&client);
}

static void positions_before_all_entries_are_no_positions(void **state)
{
    struct admin_world *w = *state;
    static const char least[] = "{\"ledgerId\":1,\"entryId\":-9223372036854775808,\"isExcluded\":true}";
    struct admin_client c = {0};

    client_publish(w, &c, "public/default/x", 3);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, X "/subscription/s/analyzeBacklog", least), 200); /* from the first */
    assert_int_equal(ask_body(w, HTTP_POST, X "/subscription/s/expireMessages", least), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, X "/subscription/other", least), 412);
    producer_detach(c.open.producer);
}

static void an_empty_backlog_has_nothing_to_analyze(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/analyzeBacklog"), 200);
    json_t *found = answer_json(w);
    assert_int_equal(number(found, "entries"), 0);
    assert_null(json_object_get(found, "firstMessageId"));
    json_decref(found);
}

static void a_truncated_topic_has_nothing_left_and_goes_on(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};

    topic_with(w, &client, 4);
    assert_int_equal(ask_body(w, HTTP_POST, X "/retention", "{\"retentionTimeInMinutes\":-1,\"retentionSizeInMB\":-1}"),
                     204);
    assert_int_equal(ask(w, HTTP_DELETE, X "/truncate"), 204);
    assert_int_equal(ask(w, HTTP_GET, X "/stats"), 200);
    json_t *stats = answer_json(w);
    assert_int_equal(number(stats, "storageSize"), 0);
    assert_int_equal(number(json_object_get(json_object_get(stats, "subscriptions"), "s"), "msgBacklog"), 0);
    json_decref(stats);
    client_publish_text(w, &client, "next", false);
    assert_get(w, X "/subscription/s/position/1", "next");
    assert_int_equal(ask(w, HTTP_DELETE, NOPE "/truncate"), 404);
    assert_refused(w, ask(w, HTTP_DELETE, NP "/truncate"), 412, "unsupport truncate");
    end(&client);
}

static void all_partitions_of_a_topic_are_truncated(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "3"), 204);
    assert_int_equal(ask(w, HTTP_PUT, PARTED "/subscription/s"), 204);
    client_publish(w, &client, "persistent://public/default/parted-partition-2", 5);
    assert_int_equal(ask(w, HTTP_DELETE, PARTED "/truncate"), 204);
    assert_int_equal(ask(w, HTTP_GET, PARTED "/partitioned-stats"), 200);
    json_t *stats = answer_json(w);
    assert_int_equal(number(stats, "storageSize"), 0);
    json_decref(stats);
    end(&client);
}

static void nothing_is_offloaded_and_no_shadow_is_made(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_GET, X "/offload"), 200);
    assert_non_null(strstr(answer(w), "\"status\":\"NOT_RUN\""));
    assert_refused(w, ask_body(w, HTTP_PUT, X "/offload", "{\"ledgerId\":1,\"entryId\":0}"), 405,
                   "Offload is not possible: there is no offload driver");
    assert_int_equal(ask(w, HTTP_GET, X "/shadowTopics"), 204);
    assert_refused(w, ask_body(w, HTTP_PUT, X "/shadowTopics", "[\"persistent://public/default/y\"]"), 405,
                   "Shadow topics are not supported");
    assert_int_equal(ask(w, HTTP_GET, NOPE "/offload"), 404);
}

static void permissions_are_granted_shown_and_revoked(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_get(w, X "/permissions", "{}");
    assert_int_equal(ask_body(w, HTTP_POST, X "/permissions/r1", "[\"consume\",\"produce\"]"), 204);
    assert_get(w, X "/permissions", "{\"r1\":[\"produce\",\"consume\"]}");
    assert_int_equal(ask_body(w, HTTP_POST, X "/permissions/r1", "[\"fly\"]"), 412);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/default"), 200);
    assert_non_null(strstr(answer(w), "\"destination_auth\":{\"persistent://public/default/x\":{\"r1\":"));
    assert_int_equal(ask(w, HTTP_DELETE, X "/permissions/r1"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, X "/permissions/nobody"), 204);
    assert_get(w, X "/permissions", "{}");
    assert_refused(w, ask_body(w, HTTP_POST, NOPE "/permissions/r1", "[\"consume\"]"), 404,
                   "Topic persistent://public/default/nope not found");
}

static void what_the_namespace_grants_holds_for_its_topics(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/namespaces/public/two",
                              "{\"auth_policies\":{\"namespace_auth\":{\"r\":[\"produce\"]}}}"),
                     204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/two/x"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, "/admin/v2/persistent/public/two/x/permissions/r", "[\"consume\"]"), 204);
    assert_get(w, "/admin/v2/persistent/public/two/x/permissions", "{\"r\":[\"produce\",\"consume\"]}");
}

static void a_subscription_is_replicated_or_not(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    assert_get(w, X "/subscription/s/replicatedSubscriptionStatus", "{\"persistent://public/default/x\":false}");
    assert_int_equal(ask_body(w, HTTP_POST, X "/subscription/s/replicatedSubscriptionStatus", "true"), 204);
    assert_get(w, X "/subscription/s/replicatedSubscriptionStatus", "{\"persistent://public/default/x\":true}");
    assert_refused(w, ask(w, HTTP_GET, X "/subscription/n/replicatedSubscriptionStatus"), 404,
                   "Subscription n not found for topic persistent://public/default/x");
    assert_int_equal(ask_body(w, HTTP_POST, X "/subscription/s/replicatedSubscriptionStatus", "yes"), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 204);
    assert_int_equal(ask(w, HTTP_PUT, PARTED "/subscription/s"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/subscription/s/replicatedSubscriptionStatus", "true"), 204);
    assert_get(w, PARTED "/subscription/s/replicatedSubscriptionStatus",
               "{\"persistent://public/default/parted-partition-0\":true,"
               "\"persistent://public/default/parted-partition-1\":true}");
    assert_int_equal(ask(w, HTTP_GET, NP "/subscription/s/replicatedSubscriptionStatus"), 405);
}

static void what_is_kept_of_a_topic_is_shown(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};

    topic_with(w, &client, 3);
    assert_int_equal(ask(w, HTTP_GET, X "/internal-info"), 200);
    json_t *info = answer_json(w);
    assert_int_equal(json_array_size(json_object_get(info, "ledgers")), 1);
    assert_non_null(json_object_get(json_object_get(json_object_get(info, "cursors"), "s"), "markDelete"));
    json_decref(info);
    assert_int_equal(ask(w, HTTP_GET, X "/backlog"), 200);
    json_t *backlog = answer_json(w);
    assert_int_equal(number(backlog, "totalMessages"), 3);
    assert_int_equal(number(backlog, "messageBacklog"), 3);
    assert_string_equal(json_string_value(json_object_get(backlog, "topicName")), "public/default/persistent/x");
    json_decref(backlog);
    end(&client);
    assert_int_equal(ask(w, HTTP_GET, NOPE "/backlog"), 200); /* zeros, as in Pulsar */
    assert_int_equal(ask(w, HTTP_GET, NOPE "/internal-info"), 404);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 204);
    assert_int_equal(ask(w, HTTP_GET, PARTED "/internal-info"), 200);
    info = answer_json(w);
    assert_int_equal(json_object_size(json_object_get(info, "partitions")), 2);
    json_decref(info);
}

static void what_needs_storage_is_refused_where_nothing_is_kept(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
    } asked[] = {
        {HTTP_GET, NP "/lastMessageId"},
        {HTTP_GET, NP "/messageid/0"},
        {HTTP_GET, NP "/getMessageIdByIndex"},
        {HTTP_GET, NP "/ledger/1/entry/0"},
        {HTTP_GET, NP "/subscription/s/position/1"},
        {HTTP_GET, NP "/examinemessage"},
        {HTTP_GET, NP "/internal-info"},
        {HTTP_GET, NP "/offload"},
        {HTTP_PUT, NP "/offload"},
        {HTTP_GET, NP "/compaction"},
        {HTTP_PUT, NP "/compaction"},
        {HTTP_PUT, NP "/backlogSize"},
        {HTTP_POST, NP "/trim"},
        {HTTP_POST, NP "/subscription/s/analyzeBacklog"},
        {HTTP_POST, NP "/subscription/s/skip/1"},
        {HTTP_POST, NP "/subscription/s/skip_all"},
        {HTTP_POST, NP "/subscription/s/resetcursor"},
        {HTTP_POST, NP "/subscription/s/resetcursor/1"},
        {HTTP_POST, NP "/subscription/s/expireMessages/1"},
        {HTTP_POST, NP "/subscription/s/expireMessages"},
        {HTTP_POST, NP "/all_subscription/expireMessages/1"},
        {HTTP_POST, NP "/subscription/s/replicatedSubscriptionStatus"},
    };
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, NP), 204);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(ask(w, asked[i].method, asked[i].path), 405);
    assert_int_equal(ask(w, HTTP_POST, NP "/terminate"), 406);
    assert_int_equal(ask(w, HTTP_PUT, NP "/subscription/s"), 400);
}

static void what_is_done_to_one_partition_only_is_refused_of_the_whole(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
    } asked[] = {
        {HTTP_GET, PARTED "/lastMessageId"},
        {HTTP_GET, PARTED "/messageid/0"},
        {HTTP_GET, PARTED "/getMessageIdByIndex"},
        {HTTP_GET, PARTED "/ledger/1/entry/0"},
        {HTTP_GET, PARTED "/subscription/s/position/1"},
        {HTTP_GET, PARTED "/examinemessage"},
        {HTTP_PUT, PARTED "/backlogSize"},
        {HTTP_POST, PARTED "/terminate"},
        {HTTP_POST, PARTED "/subscription/s/analyzeBacklog"},
        {HTTP_POST, PARTED "/subscription/s/skip/1"},
        {HTTP_POST, PARTED "/subscription/s/resetcursor"},
        {HTTP_POST, PARTED "/subscription/s/expireMessages"},
    };
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 204);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(ask(w, asked[i].method, asked[i].path), 405);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(a_message_is_examined_from_either_end),
        ADMIN_TEST(a_message_is_examined_over_several_ledgers),
        ADMIN_TEST(what_cannot_be_examined_is_refused),
        ADMIN_TEST(the_last_message_has_its_id),
        ADMIN_TEST(a_message_is_found_by_its_index),
        ADMIN_TEST(how_much_lies_behind_a_message_is_told),
        ADMIN_TEST(a_backlog_is_analyzed_from_the_first_that_is_not_acknowledged),
        ADMIN_TEST(positions_before_all_entries_are_no_positions),
        ADMIN_TEST(an_empty_backlog_has_nothing_to_analyze),
        ADMIN_TEST(a_truncated_topic_has_nothing_left_and_goes_on),
        ADMIN_TEST(all_partitions_of_a_topic_are_truncated),
        ADMIN_TEST(nothing_is_offloaded_and_no_shadow_is_made),
        ADMIN_TEST(permissions_are_granted_shown_and_revoked),
        ADMIN_TEST(what_the_namespace_grants_holds_for_its_topics),
        ADMIN_TEST(a_subscription_is_replicated_or_not),
        ADMIN_TEST(what_is_kept_of_a_topic_is_shown),
        ADMIN_TEST(what_needs_storage_is_refused_where_nothing_is_kept),
        ADMIN_TEST(what_is_done_to_one_partition_only_is_refused_of_the_whole),
    };
    return cmocka_run_group_tests_name("admin: operations of topics", tests, NULL, NULL);
}
