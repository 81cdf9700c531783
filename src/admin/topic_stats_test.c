/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_stats_test.c - statistics of topics: every member that Pulsar's have, and what the real ones say.
 */
#include "admin/admin_world.h"

#include "broker/consumer.h"

#define X      "/admin/v2/persistent/public/default/x"
#define PARTED "/admin/v2/persistent/public/default/parted"

static const char *const of_topic[] = {"msgRateIn",
                                       "msgThroughputIn",
                                       "msgRateOut",
                                       "msgThroughputOut",
                                       "bytesInCounter",
                                       "msgInCounter",
                                       "systemTopicBytesInCounter",
                                       "bytesOutCounter",
                                       "msgOutCounter",
                                       "bytesOutInternalCounter",
                                       "averageMsgSize",
                                       "msgChunkPublished",
                                       "storageSize",
                                       "backlogSize",
                                       "backlogQuotaLimitSize",
                                       "backlogQuotaLimitTime",
                                       "oldestBacklogMessageAgeSeconds",
                                       "publishRateLimitedTimes",
                                       "earliestMsgPublishTimeInBacklogs",
                                       "offloadedStorageSize",
                                       "lastOffloadLedgerId",
                                       "lastOffloadSuccessTimeStamp",
                                       "lastOffloadFailureTimeStamp",
                                       "ongoingTxnCount",
                                       "abortedTxnCount",
                                       "committedTxnCount",
                                       "publishers",
                                       "waitingPublishers",
                                       "subscriptions",
                                       "replication",
                                       "deduplicationStatus",
                                       "nonContiguousDeletedMessagesRanges",
                                       "nonContiguousDeletedMessagesRangesSerializedSize",
                                       "delayedMessageIndexSizeInBytes",
                                       "compaction",
                                       "ownerBroker",
                                       "topicCreationTimeStamp",
                                       "lastPublishTimeStamp",
                                       NULL};
static const char *const of_producer[] = {"accessMode",
                                          "msgRateIn",
                                          "msgThroughputIn",
                                          "averageMsgSize",
                                          "chunkedMessageRate",
                                          "producerId",
                                          "producerName",
                                          "address",
                                          "connectedSince",
                                          "clientVersion",
                                          "metadata",
                                          "supportsPartialProducer",
                                          NULL};
static const char *const of_subscription[] = {"msgRateOut",
                                              "msgThroughputOut",
                                              "bytesOutCounter",
                                              "msgOutCounter",
                                              "msgRateRedeliver",
                                              "messageAckRate",
                                              "chunkedMessageRate",
                                              "msgBacklog",
                                              "backlogSize",
                                              "earliestMsgPublishTimeInBacklog",
                                              "msgBacklogNoDelayed",
                                              "blockedSubscriptionOnUnackedMsgs",
                                              "msgDelayed",
                                              "msgInReplay",
                                              "unackedMessages",
                                              "type",
                                              "msgRateExpired",
                                              "msgExpired",
                                              "totalMsgExpired",
                                              "lastExpireTimestamp",
                                              "lastConsumedFlowTimestamp",
                                              "lastConsumedTimestamp",
                                              "lastAckedTimestamp",
                                              "lastMarkDeleteAdvancedTimestamp",
                                              "consumers",
                                              "isDurable",
                                              "isReplicated",
                                              "durable",
                                              "replicated",
                                              "allowOutOfOrderDelivery",
                                              "consumersAfterMarkDeletePosition",
                                              "drainingHashesCount",
                                              "drainingHashesClearedTotal",
                                              "drainingHashesUnackedMessages",
                                              "nonContiguousDeletedMessagesRanges",
                                              "nonContiguousDeletedMessagesRangesSerializedSize",
                                              "delayedMessageIndexSizeInBytes",
                                              "subscriptionProperties",
                                              "filterProcessedMsgCount",
                                              "filterAcceptedMsgCount",
                                              "filterRejectedMsgCount",
                                              "filterRescheduledMsgCount",
                                              "dispatchThrottledMsgEventsBySubscriptionLimit",
                                              "dispatchThrottledBytesEventsBySubscriptionLimit",
                                              "dispatchThrottledMsgEventsByTopicLimit",
                                              "dispatchThrottledBytesEventsByTopicLimit",
                                              "dispatchThrottledMsgEventsByBrokerLimit",
                                              "dispatchThrottledBytesEventsByBrokerLimit",
                                              NULL};
static const char *const of_consumer[] = {"msgRateOut",
                                          "msgThroughputOut",
                                          "bytesOutCounter",
                                          "msgOutCounter",
                                          "msgRateRedeliver",
                                          "messageAckRate",
                                          "chunkedMessageRate",
                                          "consumerName",
                                          "availablePermits",
                                          "unackedMessages",
                                          "avgMessagesPerEntry",
                                          "blockedConsumerOnUnackedMsgs",
                                          "drainingHashesCount",
                                          "drainingHashesClearedTotal",
                                          "drainingHashesUnackedMessages",
                                          "address",
                                          "connectedSince",
                                          "clientVersion",
                                          "lastAckedTimestamp",
                                          "lastConsumedTimestamp",
                                          "firstMessagesSentTimestamp",
                                          "firstConsumedFlowTimestamp",
                                          "lastConsumedFlowTimestamp",
                                          "metadata",
                                          NULL};
static const char *const of_log[] = {"entriesAddedCounter",
                                     "numberOfEntries",
                                     "totalSize",
                                     "currentLedgerEntries",
                                     "currentLedgerSize",
                                     "lastLedgerCreatedTimestamp",
                                     "waitingCursorsCount",
                                     "pendingAddEntriesCount",
                                     "lastConfirmedEntry",
                                     "state",
                                     "ledgers",
                                     "cursors",
                                     "properties",
                                     "schemaLedgers",
                                     "compactedLedger",
                                     NULL};
static const char *const of_cursor[] = {"markDeletePosition",
                                        "readPosition",
                                        "waitingReadOp",
                                        "pendingReadOps",
                                        "messagesConsumedCounter",
                                        "cursorLedger",
                                        "cursorLedgerLastEntry",
                                        "individuallyDeletedMessages",
                                        "lastLedgerSwitchTimestamp",
                                        "state",
                                        "active",
                                        "numberOfEntriesSinceFirstNotAckedMessage",
                                        "totalNonContiguousDeletedMessagesRange",
                                        "subscriptionHavePendingRead",
                                        "subscriptionHavePendingReplayRead",
                                        "properties",
                                        NULL};

static void assert_has_all(const json_t *object, const char *const *members)
{
    for (; *members; members++) {
        if (!json_object_get(object, *members))
            print_error("no %s\n", *members);
        assert_non_null(json_object_get(object, *members));
    }
}

/* ---- a consumer ---- */

struct reader {
    struct admin_client client;
    struct consumer_open open;
    bool done;
};

static void joined(struct broker_op *op)
{
    assert_int_equal(op->why.err, OK);
    container_of(op, struct reader, open.op)->done = true;
}

/* On the sink of `producer`, whose calls do nothing. */
static void join(struct admin_world *w, struct reader *r, struct admin_client *producer)
{
    r->open = (struct consumer_open){.op.done = joined,
                                     .sink = &producer->sink,
                                     .consumer_id = 1,
                                     .subscription = bytes_of_text("s"),
                                     .name = "c",
                                     .type = TYPE_SHARED,
                                     .durable = true,
                                     .epoch = -1,
                                     .initial = INITIAL_EARLIEST};
    assert_int_equal(topic_name_parse(&r->open.topic, bytes_of_text("persistent://public/default/x")), OK);
    consumer_open(w->broker, &r->open);
    while (!r->done)
        assert_true(sim_step(w->sim));
    consumer_flow(r->open.consumer, 100);
}

static json_t *stats_of(struct admin_world *w, const char *query)
{
    assert_int_equal(ask_query(w, HTTP_GET, X "/stats", query, ""), 200);
    return answer_json(w);
}

static json_t *subscription_of(const json_t *stats)
{
    return json_object_get(json_object_get(stats, "subscriptions"), "s");
}

static const json_t *consumer_of(const json_t *stats)
{
    return json_array_get(json_object_get(subscription_of(stats), "consumers"), 0);
}

/* Ten messages of one byte, of which the consumer has all. */
static void begin(struct admin_world *w, struct admin_client *client, struct reader *r)
{
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 404);
    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    client_publish(w, client, "persistent://public/default/x", 0);
    join(w, r, client);
    for (char text[] = "0"; text[0] <= '9'; text[0]++)
        client_publish_text(w, client, text, false);
    json_decref(stats_of(w, "a=b")); /* and it was sent */
}

static void end(struct admin_client *client, struct reader *r)
{
    consumer_detach(r->open.consumer);
    producer_detach(client->open.producer);
}

/* ---- tests ---- */

static void statistics_have_every_member_that_pulsars_have(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    struct reader r = {0};

    begin(w, &client, &r);
    json_t *stats = stats_of(w, "a=b");
    assert_has_all(stats, of_topic);
    assert_has_all(json_array_get(json_object_get(stats, "publishers"), 0), of_producer);
    assert_has_all(subscription_of(stats), of_subscription);
    assert_has_all(consumer_of(stats), of_consumer);
    json_decref(stats);
    end(&client, &r);
}

static void internal_statistics_have_every_member_that_pulsars_have(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    struct reader r = {0};

    begin(w, &client, &r);
    assert_int_equal(ask_query(w, HTTP_GET, X "/internalStats", "metadata=true", ""), 200);
    json_t *stats = answer_json(w);
    assert_has_all(stats, of_log);
    assert_has_all(json_object_get(json_object_get(stats, "cursors"), "s"), of_cursor);
    const json_t *ledger = json_array_get(json_object_get(stats, "ledgers"), 0);
    assert_int_equal(number(ledger, "entries"), 0); /* the open one's are beside */
    assert_int_equal(number(stats, "currentLedgerEntries"), 10);
    assert_non_null(json_object_get(ledger, "metadata"));
    assert_true(json_is_true(json_object_get(json_object_get(json_object_get(stats, "cursors"), "s"), "active")));
    json_decref(stats);
    end(&client, &r);
}

static void ack(struct admin_world *w, struct reader *r, int64_t ledger, int64_t entry)
{
    assert_int_equal(consumer_ack(r->open.consumer, (struct position){ledger, entry}, NULL), OK);
}

static void what_was_acknowledged_out_of_order_is_shown(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    struct reader r = {0};
    char wanted[100];

    begin(w, &client, &r);
    assert_int_equal(ask(w, HTTP_GET, X "/lastMessageId"), 200);
    json_t *last = answer_json(w);
    const int64_t ledger = number(last, "ledgerId");
    json_decref(last);
    ack(w, &r, ledger, 1);
    ack(w, &r, ledger, 2);
    ack(w, &r, ledger, 5);
    assert_int_equal(ask(w, HTTP_GET, X "/internalStats"), 200);
    json_t *stats = answer_json(w);
    const json_t *cursor = json_object_get(json_object_get(stats, "cursors"), "s");
    snprintf(wanted, sizeof wanted, "[(%d:0..%d:2],(%d:4..%d:5]]", (int)ledger, (int)ledger, (int)ledger, (int)ledger);
    assert_string_equal(json_string_value(json_object_get(cursor, "individuallyDeletedMessages")), wanted);
    assert_int_equal(number(cursor, "totalNonContiguousDeletedMessagesRange"), 2);
    assert_int_equal(number(cursor, "numberOfEntriesSinceFirstNotAckedMessage"), 10);
    json_decref(stats);
    stats = stats_of(w, "a=b");
    assert_int_equal(number(subscription_of(stats), "lastMarkDeleteAdvancedTimestamp"), 0);
    ack(w, &r, ledger, 0);
    json_decref(stats);
    stats = stats_of(w, "a=b");
    assert_true(number(subscription_of(stats), "lastMarkDeleteAdvancedTimestamp") > 0);
    assert_true(number(subscription_of(stats), "lastAckedTimestamp") > 0);
    assert_true(number(subscription_of(stats), "nonContiguousDeletedMessagesRangesSerializedSize") > 0);
    json_decref(stats);
    end(&client, &r);
}

static void the_backlog_in_bytes_and_its_first_time_are_told_when_asked_for(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    struct reader r = {0};

    begin(w, &client, &r);
    json_t *stats = stats_of(w, "getEarliestTimeInBacklog=true&getPreciseBacklog=true");
    assert_true(number(subscription_of(stats), "earliestMsgPublishTimeInBacklog") == INT64_C(1700000000000));
    assert_true(number(stats, "earliestMsgPublishTimeInBacklogs") == INT64_C(1700000000000));
    assert_int_equal(number(subscription_of(stats), "backlogSize"), number(stats, "storageSize"));
    json_decref(stats);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip/4"), 204);
    stats = stats_of(w, "getEarliestTimeInBacklog=true");
    assert_true(number(stats, "earliestMsgPublishTimeInBacklogs") == INT64_C(1700000000004));
    json_decref(stats);
    stats = stats_of(w, "subscriptionBacklogSize=false");
    assert_int_equal(number(subscription_of(stats), "earliestMsgPublishTimeInBacklog"), 0);
    assert_int_equal(number(subscription_of(stats), "backlogSize"), -1);
    json_decref(stats);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip_all"), 204);
    stats = stats_of(w, "getEarliestTimeInBacklog=true");
    assert_int_equal(number(stats, "earliestMsgPublishTimeInBacklogs"), 0);
    json_decref(stats);
    end(&client, &r);
}

static void publishers_and_consumers_are_left_out_when_nobody_wants_them(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    struct reader r = {0};

    begin(w, &client, &r);
    json_t *stats = stats_of(w, "excludePublishers=true&excludeConsumers=true");
    assert_int_equal(json_array_size(json_object_get(stats, "publishers")), 0);
    assert_int_equal(json_array_size(json_object_get(subscription_of(stats), "consumers")), 0);
    assert_string_equal(json_string_value(json_object_get(subscription_of(stats), "type")), "Shared");
    json_decref(stats);
    end(&client, &r);
}

static void counters_and_rates_are_those_of_what_went_in_and_out(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    struct reader r = {0};

    begin(w, &client, &r);
    json_t *stats = stats_of(w, "a=b");
    assert_int_equal(number(stats, "msgInCounter"), 10);
    assert_int_equal(number(stats, "msgOutCounter"), 10);
    assert_true(json_real_value(json_object_get(stats, "msgRateIn")) > 0 ||
                json_is_integer(json_object_get(stats, "msgRateIn")));
    assert_int_equal(number(consumer_of(stats), "msgOutCounter"), 10);
    assert_int_equal(number(consumer_of(stats), "avgMessagesPerEntry"), 1);
    assert_int_equal(number(consumer_of(stats), "unackedMessages"), 10);
    assert_true(number(consumer_of(stats), "firstMessagesSentTimestamp") > 0);
    assert_true(number(subscription_of(stats), "lastConsumedFlowTimestamp") > 0);
    json_decref(stats);
    end(&client, &r);
}

static void the_statistics_of_a_partitioned_topic_are_the_sums(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 204);
    assert_int_equal(ask(w, HTTP_PUT, PARTED "/subscription/s"), 204);
    client_publish(w, &client, "persistent://public/default/parted-partition-1", 0);
    client_publish_text(w, &client, "0", false);
    assert_int_equal(ask_query(w, HTTP_GET, PARTED "/partitioned-stats", "getEarliestTimeInBacklog=true", ""), 200);
    json_t *stats = answer_json(w);
    assert_int_equal(number(subscription_of(stats), "backlogSize"), number(stats, "storageSize"));
    assert_true(number(stats, "earliestMsgPublishTimeInBacklogs") == INT64_C(1700000000000));
    assert_string_equal(json_string_value(json_object_get(subscription_of(stats), "type")), "None");
    assert_int_equal(json_object_size(json_object_get(stats, "partitions")), 2);
    assert_int_equal(number(json_object_get(stats, "metadata"), "partitions"), 2);
    json_decref(stats);
    producer_detach(client.open.producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(statistics_have_every_member_that_pulsars_have),
        ADMIN_TEST(internal_statistics_have_every_member_that_pulsars_have),
        ADMIN_TEST(what_was_acknowledged_out_of_order_is_shown),
        ADMIN_TEST(the_backlog_in_bytes_and_its_first_time_are_told_when_asked_for),
        ADMIN_TEST(publishers_and_consumers_are_left_out_when_nobody_wants_them),
        ADMIN_TEST(counters_and_rates_are_those_of_what_went_in_and_out),
        ADMIN_TEST(the_statistics_of_a_partitioned_topic_are_the_sums),
    };
    return cmocka_run_group_tests_name("admin: statistics of topics", tests, NULL, NULL);
}
