/* SPDX-License-Identifier: Apache-2.0
 *
 * request_test.c - what a WebSocket's address may say, and what is refused.
 */
#include "base/base_test.h"
#include "services/websocket/request.h"

#include <geminga/client.h>

/* "PATH?name=value&..." */
static unsigned read_(struct ws_request *r, const char *address, char reason[300])
{
    const char *question = strchr(address, '?');
    struct web_request from = {.path = bytes_of(address, question ? (size_t)(question - address) : strlen(address))};

    for (const char *p = question; p && *p; p = strchr(p + 1, '&')) {
        const char *equals = strchr(p, '='), *end = p + 1 + strcspn(p + 1, "&");
        from.parameters[from.parameter_count++] = (struct web_parameter){
            bytes_of(p + 1, (size_t)(equals - p - 1)), bytes_of(equals + 1, (size_t)(end - equals - 1))};
    }
    reason[0] = '\0';
    return ws_request_read(r, &from, reason, 300);
}

static void expect_refused(const char *address, const char *why)
{
    struct ws_request r;
    char reason[300];

    assert_int_equal(read_(&r, address, reason), 400);
    assert_non_null(strstr(reason, why));
    ws_request_free(&r);
}

static void the_path_names_the_topic_and_the_subscription(void **state)
{
    struct ws_request r;
    char reason[300];

    assert_int_equal(read_(&r, "/ws/v2/producer/persistent/t/n/x", reason), 0);
    assert_int_equal(r.kind, WS_PRODUCER);
    assert_string_equal(r.topic, "persistent://t/n/x");
    ws_request_free(&r);
    assert_int_equal(read_(&r, "/ws/v2/consumer/non-persistent/t/n/x/with/slashes/s", reason), 0);
    assert_string_equal(r.topic, "non-persistent://t/n/x/with/slashes");
    assert_string_equal(r.subscription, "s");
    ws_request_free(&r);
    assert_int_equal(read_(&r, "/ws/v2/reader/persistent/t/n/x/y", reason), 0);
    assert_string_equal(r.topic, "persistent://t/n/x/y");
    ws_request_free(&r);
}

static void a_path_of_another_form_is_refused(void **state)
{
    static const char *const paths[] = {
        "/ws/v2",
        "/ws/v2/producer/persistent/t/n",
        "/ws/v3/producer/persistent/t/n/x",
        "/ws/v2/watcher/persistent/t/n/x",
        "/ws/v2/producer/lasting/t/n/x",
        "/ws/v2/consumer/persistent/t/n/x",
        "/ws/producer/persistent/t/c/n/x",
    };

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        expect_refused(paths[i], "Invalid topic name format");
    expect_refused("/ws/v2/consumer/persistent/t/n/x/", "Empty subscription name");
    expect_refused("/ws/v2/producer/persistent/t/n/////////////////////////////////////////////////////////////////x",
                   "Invalid topic name format");
}

static void parameters_become_the_configuration(void **state)
{
    struct ws_request r;
    char reason[300];

    assert_int_equal(read_(&r,
                           "/ws/v2/consumer/persistent/t/n/x/s?subscriptionType=Key_Shared&receiverQueueSize=7"
                           "&consumerName=me&priorityLevel=3&pullMode=true&unknown=1&ackTimeoutMillis=12000"
                           "&maxRedeliverCount=5&deadLetterTopic=dead&subscriptionInitialPosition=Earliest",
                           reason),
                     0);
    pulsar_consumer_config_dead_letter_policy_t dead;
    pulsar_consumer_configuration_get_dlq_policy(r.consumer, &dead);
    assert_int_equal(dead.max_redeliver_count, 5);
    assert_string_equal(dead.dead_letter_topic, "dead");
    assert_int_equal(pulsar_consumer_configuration_get_consumer_type(r.consumer), pulsar_ConsumerKeyShared);
    assert_string_equal(pulsar_consumer_get_consumer_name(r.consumer), "me");
    assert_int_equal(pulsar_consumer_configuration_get_priority_level(r.consumer), 3);
    assert_int_equal(pulsar_consumer_get_unacked_messages_timeout_ms(r.consumer), 12000);
    assert_int_equal(r.queue, 7);
    assert_true(r.pull);
    ws_request_free(&r);

    assert_int_equal(read_(&r,
                           "/ws/v2/producer/persistent/t/n/x?compressionType=ZSTD&batchingEnabled=TRUE&producerName=p"
                           "&messageRoutingMode=RoundRobinPartition&hashingScheme=Murmur3_32Hash&sendTimeoutMillis=9",
                           reason),
                     0);
    assert_int_equal(pulsar_producer_configuration_get_compression_type(r.producer), pulsar_CompressionZSTD);
    assert_true(pulsar_producer_configuration_get_batching_enabled(r.producer));
    assert_int_equal(pulsar_producer_configuration_get_partitions_routing_mode(r.producer),
                     pulsar_RoundRobinDistribution);
    assert_int_equal(pulsar_producer_configuration_get_send_timeout(r.producer), 9);
    ws_request_free(&r);
}

static void without_parameters_it_is_as_in_pulsar(void **state)
{
    struct ws_request r;
    char reason[300];

    assert_int_equal(read_(&r, "/ws/v2/producer/persistent/t/n/x", reason), 0);
    assert_false(pulsar_producer_configuration_get_batching_enabled(r.producer));
    ws_request_free(&r);
    assert_int_equal(read_(&r, "/ws/v2/reader/persistent/t/n/x", reason), 0);
    assert_ptr_equal(r.start, pulsar_message_id_latest());
    assert_int_equal(r.queue, 1000);
    ws_request_free(&r);
}

static void the_queue_has_bounds(void **state)
{
    struct ws_request r;
    char reason[300];

    assert_int_equal(read_(&r, "/ws/v2/reader/persistent/t/n/x?receiverQueueSize=99999999", reason), 0);
    assert_int_equal(r.queue, WS_QUEUE_MAX);
    ws_request_free(&r);
    assert_int_equal(read_(&r, "/ws/v2/reader/persistent/t/n/x?receiverQueueSize=0", reason), 0);
    assert_int_equal(r.queue, 1);
    ws_request_free(&r);
    expect_refused("/ws/v2/reader/persistent/t/n/x?receiverQueueSize=-1", "needs to be >= 0");
}

static void a_reader_begins_at_an_id(void **state)
{
    struct ws_request r;
    char reason[300];

    assert_int_equal(read_(&r, "/ws/v2/reader/persistent/t/n/x?messageId=CAAQAw==", reason), 0);
    assert_int_equal(geminga_message_id_entry(r.start), 3);
    ws_request_free(&r);
    expect_refused("/ws/v2/reader/persistent/t/n/x?messageId=CAAQ", "Invalid messageId");
    expect_refused("/ws/v2/reader/persistent/t/n/x?messageId=%%%", "Invalid messageId");
}

static void values_that_make_no_sense_are_refused(void **state)
{
    expect_refused("/ws/v2/producer/persistent/t/n/x?sendTimeoutMillis=soon", "For input string");
    expect_refused("/ws/v2/producer/persistent/t/n/x?compressionType=RAR", "Invalid compressionType RAR");
    expect_refused("/ws/v2/producer/persistent/t/n/x?messageRoutingMode=Best", "Invalid messageRoutingMode");
    expect_refused("/ws/v2/producer/persistent/t/n/x?hashingScheme=MD5", "Invalid hashingScheme");
    expect_refused("/ws/v2/producer/persistent/t/n/x?encryptionKeys=k", "encryption is not built");
    expect_refused("/ws/v2/consumer/persistent/t/n/x/s?subscriptionType=shared", "Invalid subscriptionType");
    expect_refused("/ws/v2/consumer/persistent/t/n/x/s?subscriptionMode=NonDurable", "use a reader");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_names_the_topic_and_the_subscription),
        cmocka_unit_test(a_path_of_another_form_is_refused),
        cmocka_unit_test(parameters_become_the_configuration),
        cmocka_unit_test(without_parameters_it_is_as_in_pulsar),
        cmocka_unit_test(the_queue_has_bounds),
        cmocka_unit_test(a_reader_begins_at_an_id),
        cmocka_unit_test(values_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
