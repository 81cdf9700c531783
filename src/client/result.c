/* SPDX-License-Identifier: Apache-2.0
 *
 * result.c - the table of results: name, whether trying again may help, a sentence.
 *
 * Which of the broker's refusals are worth another try is what the official clients do (they give up on the rest).
 */
#include "client/result.h"

#include <geminga/client.h>
#include <stdbool.h>
#include <stddef.h>

struct result_row {
    const char *name;
    bool retryable;
    const char *text;
};

static const struct result_row rows[] = {
    [pulsar_result_Ok] = {"Ok", false, "it worked"},
    [pulsar_result_UnknownError] = {"UnknownError", true, "the broker did not say what went wrong"},
    [pulsar_result_InvalidConfiguration] = {"InvalidConfiguration", false,
                                            "the options contradict this call, or it would wait in a callback"},
    [pulsar_result_Timeout] = {"TimeOut", true, "there was no answer in time"},
    [pulsar_result_LookupError] = {"LookupError", true, "the broker of the topic could not be found"},
    [pulsar_result_ConnectError] = {"ConnectError", true, "no connection to the broker could be made"},
    [pulsar_result_ReadError] = {"ReadError", true, "reading from the connection failed"},
    [pulsar_result_AuthenticationError] = {"AuthenticationError", false, "the broker does not believe who we are"},
    [pulsar_result_AuthorizationError] = {"AuthorizationError", false, "we are not allowed to do this"},
    [pulsar_result_ErrorGettingAuthenticationData] = {"ErrorGettingAuthenticationData", false,
                                                      "there is no token to show"},
    [pulsar_result_BrokerMetadataError] = {"BrokerMetadataError", true, "the broker's metadata was in the way"},
    [pulsar_result_BrokerPersistenceError] = {"BrokerPersistenceError", true, "the broker could not store it"},
    [pulsar_result_ChecksumError] = {"ChecksumError", false, "the message was damaged"},
    [pulsar_result_ConsumerBusy] = {"ConsumerBusy", false,
                                    "the subscription has a consumer already, or is of another type"},
    [pulsar_result_NotConnected] = {"NotConnected", true, "there is no connection just now"},
    [pulsar_result_AlreadyClosed] = {"AlreadyClosed", false, "it was closed"},
    [pulsar_result_InvalidMessage] = {"InvalidMessage", false, "the message cannot be used"},
    [pulsar_result_ConsumerNotInitialized] = {"ConsumerNotInitialized", false, "there is no consumer"},
    [pulsar_result_ProducerNotInitialized] = {"ProducerNotInitialized", false, "there is no producer"},
    [pulsar_result_ProducerBusy] = {"ProducerBusy", false, "a producer of this name is connected"},
    [pulsar_result_TooManyLookupRequestException] = {"TooManyLookupRequestException", true,
                                                     "too many lookups are under way"},
    [pulsar_result_InvalidTopicName] = {"InvalidTopicName", false, "this is not the name of a topic"},
    [pulsar_result_InvalidUrl] = {"InvalidUrl", false, "this is not the address of a service"},
    [pulsar_result_ServiceUnitNotReady] = {"ServiceUnitNotReady", true, "the topic is moving, or being loaded"},
    [pulsar_result_OperationNotSupported] = {"OperationNotSupported", false, "this is not built"},
    [pulsar_result_ProducerBlockedQuotaExceededError] = {"ProducerBlockedQuotaExceededError", true,
                                                         "the topic's backlog is full; waiting may help"},
    [pulsar_result_ProducerBlockedQuotaExceededException] = {"ProducerBlockedQuotaExceededException", true,
                                                             "the topic's backlog is full"},
    [pulsar_result_ProducerQueueIsFull] = {"ProducerQueueIsFull", true, "too many messages are pending"},
    [pulsar_result_MessageTooBig] = {"MessageTooBig", false, "the message is larger than the broker takes"},
    [pulsar_result_TopicNotFound] = {"TopicNotFound", false, "there is no such topic or namespace"},
    [pulsar_result_SubscriptionNotFound] = {"SubscriptionNotFound", false, "there is no such subscription"},
    [pulsar_result_ConsumerNotFound] = {"ConsumerNotFound", false, "the broker does not know the consumer"},
    [pulsar_result_UnsupportedVersionError] = {"UnsupportedVersionError", false, "the other side is too old for this"},
    [pulsar_result_TopicTerminated] = {"TopicTerminated", false, "the topic takes no more messages"},
    [pulsar_result_CryptoError] = {"CryptoError", false, "encryption or decryption failed"},
    [pulsar_result_IncompatibleSchema] = {"IncompatibleSchema", false, "the topic's schema does not allow this one"},
    [pulsar_result_ConsumerAssignError] = {"ConsumerAssignError", true, "no keys could be given to the consumer"},
    [pulsar_result_CumulativeAcknowledgementNotAllowedError] =
        {"CumulativeAcknowledgementNotAllowedError", false, "shared subscriptions take no cumulative acknowledgements"},
    [pulsar_result_TransactionCoordinatorNotFoundError] = {"TransactionCoordinatorNotFoundError", true,
                                                           "the transaction coordinator is not there"},
    [pulsar_result_InvalidTxnStatusError] = {"InvalidTxnStatusError", false, "the transaction's state forbids it"},
    [pulsar_result_NotAllowedError] = {"NotAllowedError", false, "the broker's rules forbid it"},
    [pulsar_result_TransactionConflict] = {"TransactionConflict", false, "another transaction holds the message"},
    [pulsar_result_TransactionNotFound] = {"TransactionNotFound", false, "there is no such transaction"},
    [pulsar_result_ProducerFenced] = {"ProducerFenced", false, "another producer took the topic for itself"},
    [pulsar_result_MemoryBufferIsFull] = {"MemoryBufferIsFull", true, "the client's memory limit is reached"},
    [pulsar_result_Interrupted] = {"Interrupted", true, "waiting was interrupted"},
    [pulsar_result_Disconnected] = {"Disconnected", true, "the connection broke"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct result_row *row_of(pulsar_result result)
{
    size_t at = (size_t)result;

    return &rows[at < ROW_COUNT ? at : (size_t)pulsar_result_UnknownError];
}

const char *pulsar_result_str(pulsar_result result)
{
    return row_of(result)->name;
}

int geminga_result_retryable(pulsar_result result)
{
    return row_of(result)->retryable;
}

const char *geminga_result_text(pulsar_result result)
{
    return row_of(result)->text;
}

static const pulsar_result of_server[] = {
    [WIRE__SERVER_ERROR__UnknownError] = pulsar_result_UnknownError,
    [WIRE__SERVER_ERROR__MetadataError] = pulsar_result_BrokerMetadataError,
    [WIRE__SERVER_ERROR__PersistenceError] = pulsar_result_BrokerPersistenceError,
    [WIRE__SERVER_ERROR__AuthenticationError] = pulsar_result_AuthenticationError,
    [WIRE__SERVER_ERROR__AuthorizationError] = pulsar_result_AuthorizationError,
    [WIRE__SERVER_ERROR__ConsumerBusy] = pulsar_result_ConsumerBusy,
    [WIRE__SERVER_ERROR__ServiceNotReady] = pulsar_result_ServiceUnitNotReady,
    [WIRE__SERVER_ERROR__ProducerBlockedQuotaExceededError] = pulsar_result_ProducerBlockedQuotaExceededError,
    [WIRE__SERVER_ERROR__ProducerBlockedQuotaExceededException] = pulsar_result_ProducerBlockedQuotaExceededException,
    [WIRE__SERVER_ERROR__ChecksumError] = pulsar_result_ChecksumError,
    [WIRE__SERVER_ERROR__UnsupportedVersionError] = pulsar_result_UnsupportedVersionError,
    [WIRE__SERVER_ERROR__TopicNotFound] = pulsar_result_TopicNotFound,
    [WIRE__SERVER_ERROR__SubscriptionNotFound] = pulsar_result_SubscriptionNotFound,
    [WIRE__SERVER_ERROR__ConsumerNotFound] = pulsar_result_ConsumerNotFound,
    [WIRE__SERVER_ERROR__TooManyRequests] = pulsar_result_TooManyLookupRequestException,
    [WIRE__SERVER_ERROR__TopicTerminatedError] = pulsar_result_TopicTerminated,
    [WIRE__SERVER_ERROR__ProducerBusy] = pulsar_result_ProducerBusy,
    [WIRE__SERVER_ERROR__InvalidTopicName] = pulsar_result_InvalidTopicName,
    [WIRE__SERVER_ERROR__IncompatibleSchema] = pulsar_result_IncompatibleSchema,
    [WIRE__SERVER_ERROR__ConsumerAssignError] = pulsar_result_ConsumerAssignError,
    [WIRE__SERVER_ERROR__TransactionCoordinatorNotFound] = pulsar_result_TransactionCoordinatorNotFoundError,
    [WIRE__SERVER_ERROR__InvalidTxnStatus] = pulsar_result_InvalidTxnStatusError,
    [WIRE__SERVER_ERROR__NotAllowedError] = pulsar_result_NotAllowedError,
    [WIRE__SERVER_ERROR__TransactionConflict] = pulsar_result_TransactionConflict,
    [WIRE__SERVER_ERROR__TransactionNotFound] = pulsar_result_TransactionNotFound,
    [WIRE__SERVER_ERROR__ProducerFenced] = pulsar_result_ProducerFenced,
};

pulsar_result client_result_of(Wire__ServerError error)
{
    size_t at = (size_t)error;

    return at < sizeof of_server / sizeof of_server[0] ? of_server[at] : pulsar_result_UnknownError;
}

pulsar_result client_result_of_err(enum err err)
{
    switch (err) {
    case OK:
        return pulsar_result_Ok;
    case ERR_NOMEM:
        return pulsar_result_MemoryBufferIsFull;
    case ERR_TIMEOUT:
        return pulsar_result_Timeout;
    case ERR_UNSUPPORTED:
        return pulsar_result_OperationNotSupported;
    case ERR_CLOSED:
        return pulsar_result_AlreadyClosed;
    case ERR_IO:
    case ERR_NOT_FOUND:
        return pulsar_result_ConnectError;
    case ERR_PROTOCOL:
        return pulsar_result_ReadError;
    case ERR_CHECKSUM:
        return pulsar_result_ChecksumError;
    case ERR_TOO_LARGE:
        return pulsar_result_MessageTooBig;
    case ERR_INVALID:
        return pulsar_result_InvalidConfiguration;
    case ERR_FULL:
        return pulsar_result_ProducerQueueIsFull;
    default:
        return pulsar_result_UnknownError;
    }
}
