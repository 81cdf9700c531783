/* SPDX-License-Identifier: Apache-2.0
 *
 * facts_test.c - our .proto files agree with the protocol as others have it.
 *
 * The tables were taken from the descriptor of an independent implementation (the Go client's), apart from the fields
 * that are newer than it.  One field is its number, a letter for its type, and ! required, ? optional, * repeated.
 */
#include "markers.pb-c.h"
#include "pulsar.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fact {
    const char *message;
    const char *fields;
};

static const struct fact facts[] = {
    {"AuthData", "1s? 2y?"},
    {"BaseCommand", "1e! 2m? 3m? 4m? 5m? 6m? 7m? 8m? 9m? 10m? 11m? 12m? 13m? 14m? 15m? 16m? 17m? 18m? "
                    "19m? 20m? 21m? 22m? 23m? 24m? 25m? 26m? 27m? 28m? 29m? 30m? 31m? 32m? 33m? 34m? 35m? "
                    "36m? 37m? 38m? 39m? 40m? 50m? 51m? 52m? 53m? 54m? 55m? 56m? 57m? 58m? 59m? 60m? 61m? "
                    "62m? 63m? 64m? 65m? 66m? 67m? 68m?"},
    {"BrokerEntryMetadata", "1u? 2u?"},
    {"CommandAck", "1u! 2e! 3m* 4e? 5m* 6u? 7u? 8u?"},
    {"CommandAckResponse", "1u! 2u? 3u? 4e? 5s? 6u?"},
    {"CommandActiveConsumerChange", "1u! 2b?"},
    {"CommandAddPartitionToTxn", "1u! 2u? 3u? 4s*"},
    {"CommandAddPartitionToTxnResponse", "1u! 2u? 3u? 4e? 5s?"},
    {"CommandAddSubscriptionToTxn", "1u! 2u? 3u? 4m*"},
    {"CommandAddSubscriptionToTxnResponse", "1u! 2u? 3u? 4e? 5s?"},
    {"CommandAuthChallenge", "1s? 2m? 3i?"},
    {"CommandAuthResponse", "1s? 2m? 3i?"},
    {"CommandCloseConsumer", "1u! 2u! 3s? 4s?"},
    {"CommandCloseProducer", "1u! 2u! 3s? 4s?"},
    {"CommandConnect", "1s! 2e? 3y? 4i? 5s? 6s? 7s? 8s? 9s? 10m? 11s?"},
    {"CommandConnected", "1s! 2i? 3i? 4m?"},
    {"CommandConsumerStats", "1u! 4u!"},
    {"CommandConsumerStatsResponse", "1u! 2e? 3s? 4d? 5d? 6d? 7s? 8u? 9u? 10b? 11s? 12s? 13s? 14d? 15u? 16d?"},
    {"CommandEndTxn", "1u! 2u? 3u? 4e?"},
    {"CommandEndTxnOnPartition", "1u! 2u? 3u? 4s? 5e? 6u?"},
    {"CommandEndTxnOnPartitionResponse", "1u! 2u? 3u? 4e? 5s?"},
    {"CommandEndTxnOnSubscription", "1u! 2u? 3u? 4m? 5e? 6u?"},
    {"CommandEndTxnOnSubscriptionResponse", "1u! 2u? 3u? 4e? 5s?"},
    {"CommandEndTxnResponse", "1u! 2u? 3u? 4e? 5s?"},
    {"CommandError", "1u! 2e! 3s!"},
    {"CommandFlow", "1u! 2w!"},
    {"CommandGetLastMessageId", "1u! 2u!"},
    {"CommandGetLastMessageIdResponse", "1m! 2u! 3m?"},
    {"CommandGetOrCreateSchema", "1u! 2s! 3m!"},
    {"CommandGetOrCreateSchemaResponse", "1u! 2e? 3s? 4y?"},
    {"CommandGetSchema", "1u! 2s! 3y?"},
    {"CommandGetSchemaResponse", "1u! 2e? 3s? 4m? 5y?"},
    {"CommandGetTopicsOfNamespace", "1u! 2s! 3e? 4s? 5s?"},
    {"CommandGetTopicsOfNamespaceResponse", "1u! 2s* 3b? 4s? 5b?"},
    {"CommandLookupTopic", "1s! 2u! 3b? 4s? 5s? 6s? 7s? 8m*"},
    {"CommandLookupTopicResponse", "1s? 2s? 3e? 4u! 5b? 6e? 7s? 8b?"},
    {"CommandMessage", "1u! 2m! 3w? 4l* 5u?"},
    {"CommandNewTxn", "1u! 2u? 3u?"},
    {"CommandNewTxnResponse", "1u! 2u? 3u? 4e? 5s?"},
    {"CommandPartitionedTopicMetadata", "1s! 2u! 3s? 4s? 5s? 6b?"},
    {"CommandPartitionedTopicMetadataResponse", "1w? 2u! 3e? 4e? 5s?"},
    {"CommandPing", ""},
    {"CommandPong", ""},
    {"CommandProducer", "1s! 2u! 3u! 4s? 5b? 6m* 7m? 8u? 9b? 10e? 11u? 12b? 13s?"},
    {"CommandProducerSuccess", "1u! 2s! 3l? 4y? 5u? 6b?"},
    {"CommandReachedEndOfTopic", "1u!"},
    {"CommandRedeliverUnacknowledgedMessages", "1u! 2m* 3u?"},
    {"CommandSeek", "1u! 2u! 3m? 4u?"},
    {"CommandSend", "1u! 2u! 3i? 4u? 5u? 6u? 7b? 8b? 9m?"},
    {"CommandSendError", "1u! 2u! 3e! 4s!"},
    {"CommandSendReceipt", "1u! 2u! 3m? 4u?"},
    {"CommandSubscribe", "1s! 2s! 3e! 4u! 5u! 6s? 7i? 8b? 9m? 10m* 11b? 12m? 13e? 14b? 15b? 16u? 17m? 18m* "
                         "19u?"},
    {"CommandSuccess", "1u! 2m?"},
    {"CommandTcClientConnectRequest", "1u! 2u!"},
    {"CommandTcClientConnectResponse", "1u! 2e? 3s?"},
    {"CommandTopicMigrated", "1u! 2e! 3s? 4s?"},
    {"CommandUnsubscribe", "1u! 2u! 3b?"},
    {"CommandWatchTopicList", "1u! 2u! 3s! 4s! 5s?"},
    {"CommandWatchTopicListClose", "1u! 2u!"},
    {"CommandWatchTopicListSuccess", "1u! 2u! 3s* 4s!"},
    {"CommandWatchTopicUpdate", "1u! 2s* 3s* 4s!"},
    {"EncryptionKeys", "1s! 2y! 3m*"},
    {"FeatureFlags", "1b? 2b? 3b? 4b? 5b? 6b?"},
    {"IntRange", "1i! 2i!"},
    {"KeyLongValue", "1s! 2u!"},
    {"KeySharedMeta", "1e! 3m* 4b?"},
    {"KeyValue", "1s! 2s!"},
    {"MessageIdData", "1u! 2u! 3i? 4i? 5l* 6i? 7m?"},
    {"MessageMetadata", "1s! 2u! 3u! 4m* 5s? 6s? 7s* 8e? 9w? 11i? 12u? 13m* 14s? 15y? 16y? 17b? 18y? 19l? "
                        "20i? 22u? 23u? 24u? 25b? 26s? 27i? 28i? 29i? 30b? 31i*"},
    {"Schema", "1s! 3y! 4e! 5m*"},
    {"SingleMessageMetadata", "1m* 2s? 3i! 4b? 5u? 6b? 7y? 8u? 9b? 10b?"},
    {"Subscription", "1s! 2s!"},
    {"MarkersMessageIdData", "1u! 2u!"},
    {"ClusterMessageId", "1s! 2m!"},
    {"ReplicatedSubscriptionsSnapshotRequest", "1s! 2s?"},
    {"ReplicatedSubscriptionsSnapshotResponse", "1s! 2m?"},
    {"ReplicatedSubscriptionsSnapshot", "1s! 2m? 3m*"},
    {"ReplicatedSubscriptionsUpdate", "1s! 2m*"},
};

struct command_fact {
    unsigned number;
    const char *type;
    const char *message;
};

static const struct command_fact commands[] = {
    {2, "CONNECT", "CommandConnect"},
    {3, "CONNECTED", "CommandConnected"},
    {4, "SUBSCRIBE", "CommandSubscribe"},
    {5, "PRODUCER", "CommandProducer"},
    {6, "SEND", "CommandSend"},
    {7, "SEND_RECEIPT", "CommandSendReceipt"},
    {8, "SEND_ERROR", "CommandSendError"},
    {9, "MESSAGE", "CommandMessage"},
    {10, "ACK", "CommandAck"},
    {11, "FLOW", "CommandFlow"},
    {12, "UNSUBSCRIBE", "CommandUnsubscribe"},
    {13, "SUCCESS", "CommandSuccess"},
    {14, "ERROR", "CommandError"},
    {15, "CLOSE_PRODUCER", "CommandCloseProducer"},
    {16, "CLOSE_CONSUMER", "CommandCloseConsumer"},
    {17, "PRODUCER_SUCCESS", "CommandProducerSuccess"},
    {18, "PING", "CommandPing"},
    {19, "PONG", "CommandPong"},
    {20, "REDELIVER_UNACKNOWLEDGED_MESSAGES", "CommandRedeliverUnacknowledgedMessages"},
    {21, "PARTITIONED_METADATA", "CommandPartitionedTopicMetadata"},
    {22, "PARTITIONED_METADATA_RESPONSE", "CommandPartitionedTopicMetadataResponse"},
    {23, "LOOKUP", "CommandLookupTopic"},
    {24, "LOOKUP_RESPONSE", "CommandLookupTopicResponse"},
    {25, "CONSUMER_STATS", "CommandConsumerStats"},
    {26, "CONSUMER_STATS_RESPONSE", "CommandConsumerStatsResponse"},
    {27, "REACHED_END_OF_TOPIC", "CommandReachedEndOfTopic"},
    {28, "SEEK", "CommandSeek"},
    {29, "GET_LAST_MESSAGE_ID", "CommandGetLastMessageId"},
    {30, "GET_LAST_MESSAGE_ID_RESPONSE", "CommandGetLastMessageIdResponse"},
    {31, "ACTIVE_CONSUMER_CHANGE", "CommandActiveConsumerChange"},
    {32, "GET_TOPICS_OF_NAMESPACE", "CommandGetTopicsOfNamespace"},
    {33, "GET_TOPICS_OF_NAMESPACE_RESPONSE", "CommandGetTopicsOfNamespaceResponse"},
    {34, "GET_SCHEMA", "CommandGetSchema"},
    {35, "GET_SCHEMA_RESPONSE", "CommandGetSchemaResponse"},
    {36, "AUTH_CHALLENGE", "CommandAuthChallenge"},
    {37, "AUTH_RESPONSE", "CommandAuthResponse"},
    {38, "ACK_RESPONSE", "CommandAckResponse"},
    {39, "GET_OR_CREATE_SCHEMA", "CommandGetOrCreateSchema"},
    {40, "GET_OR_CREATE_SCHEMA_RESPONSE", "CommandGetOrCreateSchemaResponse"},
    {50, "NEW_TXN", "CommandNewTxn"},
    {51, "NEW_TXN_RESPONSE", "CommandNewTxnResponse"},
    {52, "ADD_PARTITION_TO_TXN", "CommandAddPartitionToTxn"},
    {53, "ADD_PARTITION_TO_TXN_RESPONSE", "CommandAddPartitionToTxnResponse"},
    {54, "ADD_SUBSCRIPTION_TO_TXN", "CommandAddSubscriptionToTxn"},
    {55, "ADD_SUBSCRIPTION_TO_TXN_RESPONSE", "CommandAddSubscriptionToTxnResponse"},
    {56, "END_TXN", "CommandEndTxn"},
    {57, "END_TXN_RESPONSE", "CommandEndTxnResponse"},
    {58, "END_TXN_ON_PARTITION", "CommandEndTxnOnPartition"},
    {59, "END_TXN_ON_PARTITION_RESPONSE", "CommandEndTxnOnPartitionResponse"},
    {60, "END_TXN_ON_SUBSCRIPTION", "CommandEndTxnOnSubscription"},
    {61, "END_TXN_ON_SUBSCRIPTION_RESPONSE", "CommandEndTxnOnSubscriptionResponse"},
    {62, "TC_CLIENT_CONNECT_REQUEST", "CommandTcClientConnectRequest"},
    {63, "TC_CLIENT_CONNECT_RESPONSE", "CommandTcClientConnectResponse"},
    {64, "WATCH_TOPIC_LIST", "CommandWatchTopicList"},
    {65, "WATCH_TOPIC_LIST_SUCCESS", "CommandWatchTopicListSuccess"},
    {66, "WATCH_TOPIC_UPDATE", "CommandWatchTopicUpdate"},
    {67, "WATCH_TOPIC_LIST_CLOSE", "CommandWatchTopicListClose"},
    {68, "TOPIC_MIGRATED", "CommandTopicMigrated"},
};

static const char *const server_errors[] = {
    "UnknownError",
    "MetadataError",
    "PersistenceError",
    "AuthenticationError",
    "AuthorizationError",
    "ConsumerBusy",
    "ServiceNotReady",
    "ProducerBlockedQuotaExceededError",
    "ProducerBlockedQuotaExceededException",
    "ChecksumError",
    "UnsupportedVersionError",
    "TopicNotFound",
    "SubscriptionNotFound",
    "ConsumerNotFound",
    "TooManyRequests",
    "TopicTerminatedError",
    "ProducerBusy",
    "InvalidTopicName",
    "IncompatibleSchema",
    "ConsumerAssignError",
    "TransactionCoordinatorNotFound",
    "InvalidTxnStatus",
    "NotAllowedError",
    "TransactionConflict",
    "TransactionNotFound",
    "ProducerFenced",
};

/* Every message can be reached from one of these. */
static const ProtobufCMessageDescriptor *const roots[] = {
    &wire__base_command__descriptor,
    &wire__message_metadata__descriptor,
    &wire__single_message_metadata__descriptor,
    &wire__broker_entry_metadata__descriptor,
    &wire__replicated_subscriptions_snapshot_request__descriptor,
    &wire__replicated_subscriptions_snapshot_response__descriptor,
    &wire__replicated_subscriptions_snapshot__descriptor,
    &wire__replicated_subscriptions_update__descriptor,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct seen {
    const ProtobufCMessageDescriptor *messages[128];
    size_t count;
};

static void reach(struct seen *seen, const ProtobufCMessageDescriptor *message)
{
    for (size_t i = 0; i < seen->count; i++)
        if (seen->messages[i] == message)
            return;
    assert_true(seen->count < COUNT(seen->messages));
    seen->messages[seen->count++] = message;
    for (unsigned i = 0; i < message->n_fields; i++)
        if (message->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            reach(seen, message->fields[i].descriptor);
}

static char type_letter(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_UINT64:
        return 'u';
    case PROTOBUF_C_TYPE_INT64:
        return 'l';
    case PROTOBUF_C_TYPE_UINT32:
        return 'w';
    case PROTOBUF_C_TYPE_INT32:
        return 'i';
    case PROTOBUF_C_TYPE_BOOL:
        return 'b';
    case PROTOBUF_C_TYPE_ENUM:
        return 'e';
    case PROTOBUF_C_TYPE_DOUBLE:
        return 'd';
    case PROTOBUF_C_TYPE_STRING:
        return 's';
    case PROTOBUF_C_TYPE_BYTES:
        return 'y';
    case PROTOBUF_C_TYPE_MESSAGE:
        return 'm';
    default:
        return '-';
    }
}

static void describe(const ProtobufCMessageDescriptor *message, char *out, size_t size)
{
    size_t len = 0;

    out[0] = 0;
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &message->fields[i];
        char label = f->label == PROTOBUF_C_LABEL_REQUIRED ? '!' : f->label == PROTOBUF_C_LABEL_REPEATED ? '*' : '?';
        len += (size_t)snprintf(out + len, size - len, "%s%u%c%c", i ? " " : "", f->id, type_letter(f->type), label);
        assert_true(len < size);
    }
}

static const char *fact_of(const char *message)
{
    for (size_t i = 0; i < COUNT(facts); i++)
        if (strcmp(facts[i].message, message) == 0)
            return facts[i].fields;
    fail_msg("no fact about %s", message);
    return NULL;
}

static void every_message_has_the_protocols_fields(void **state)
{
    struct seen seen = {.count = 0};
    char ours[1024];

    for (size_t i = 0; i < COUNT(roots); i++)
        reach(&seen, roots[i]);
    for (size_t i = 0; i < seen.count; i++) {
        describe(seen.messages[i], ours, sizeof ours);
        assert_string_equal(ours, fact_of(seen.messages[i]->short_name));
    }
    assert_int_equal(seen.count, COUNT(facts));
}

static void every_command_has_the_protocols_number_and_body(void **state)
{
    assert_int_equal(wire__base_command__type__descriptor.n_values, COUNT(commands));
    for (size_t i = 0; i < COUNT(commands); i++) {
        const ProtobufCEnumValue *type =
            protobuf_c_enum_descriptor_get_value(&wire__base_command__type__descriptor, (int)commands[i].number);
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(&wire__base_command__descriptor, commands[i].number);
        const ProtobufCMessageDescriptor *body = field->descriptor;
        assert_string_equal(type->name, commands[i].type);
        assert_string_equal(body->short_name, commands[i].message);
    }
}

static void every_server_error_has_the_protocols_number(void **state)
{
    assert_int_equal(wire__server_error__descriptor.n_values, COUNT(server_errors));
    for (size_t i = 0; i < COUNT(server_errors); i++)
        assert_string_equal(protobuf_c_enum_descriptor_get_value(&wire__server_error__descriptor, (int)i)->name,
                            server_errors[i]);
}

static void absent_fields_have_the_protocols_defaults(void **state)
{
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT;
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    Wire__CommandSubscribe subscribe = WIRE__COMMAND_SUBSCRIBE__INIT;
    Wire__CommandProducer producer = WIRE__COMMAND_PRODUCER__INIT;
    Wire__CommandProducerSuccess success = WIRE__COMMAND_PRODUCER_SUCCESS__INIT;
    Wire__CommandPartitionedTopicMetadata partitioned = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA__INIT;
    Wire__CommandGetTopicsOfNamespaceResponse topics = WIRE__COMMAND_GET_TOPICS_OF_NAMESPACE_RESPONSE__INIT;
    Wire__CommandSend send = WIRE__COMMAND_SEND__INIT;

    assert_int_equal(id.partition, -1);
    assert_int_equal(id.batch_index, -1);
    assert_int_equal(metadata.num_messages_in_batch, 1);
    assert_true(subscribe.durable);
    assert_true(subscribe.force_topic_creation);
    assert_true(producer.user_provided_producer_name);
    assert_int_equal(success.last_sequence_id, -1);
    assert_true(success.producer_ready);
    assert_true(partitioned.metadata_auto_creation_enabled);
    assert_true(topics.changed);
    assert_int_equal(send.num_messages, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_has_the_protocols_fields),
        cmocka_unit_test(every_command_has_the_protocols_number_and_body),
        cmocka_unit_test(every_server_error_has_the_protocols_number),
        cmocka_unit_test(absent_fields_have_the_protocols_defaults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
