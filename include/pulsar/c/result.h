/* SPDX-License-Identifier: Apache-2.0
 *
 * result.h - how an operation ended.
 *
 * Whether trying again can help is told by geminga_result_retryable() (geminga/client.h).
 */
#ifndef PULSAR_C_RESULT_H
#define PULSAR_C_RESULT_H

#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    pulsar_result_Ok,
    pulsar_result_UnknownError,
    pulsar_result_InvalidConfiguration, /* also: a call that waits, made on the client's own thread (client.h) */

    pulsar_result_Timeout,
    pulsar_result_LookupError,
    pulsar_result_ConnectError,
    pulsar_result_ReadError,

    pulsar_result_AuthenticationError, /* who we are was not believed */
    pulsar_result_AuthorizationError,  /* who we are may not do this */
    pulsar_result_ErrorGettingAuthenticationData,

    pulsar_result_BrokerMetadataError,
    pulsar_result_BrokerPersistenceError,
    pulsar_result_ChecksumError,

    pulsar_result_ConsumerBusy, /* the subscription is taken, or is of another type */
    pulsar_result_NotConnected,
    pulsar_result_AlreadyClosed,

    pulsar_result_InvalidMessage,

    pulsar_result_ConsumerNotInitialized,
    pulsar_result_ProducerNotInitialized,
    pulsar_result_ProducerBusy, /* a producer of this name is connected */
    pulsar_result_TooManyLookupRequestException,

    pulsar_result_InvalidTopicName,
    pulsar_result_InvalidUrl,
    pulsar_result_ServiceUnitNotReady,
    pulsar_result_OperationNotSupported, /* by this library or by the broker */
    pulsar_result_ProducerBlockedQuotaExceededError,
    pulsar_result_ProducerBlockedQuotaExceededException,
    pulsar_result_ProducerQueueIsFull,
    pulsar_result_MessageTooBig,
    pulsar_result_TopicNotFound,
    pulsar_result_SubscriptionNotFound,
    pulsar_result_ConsumerNotFound,
    pulsar_result_UnsupportedVersionError,
    pulsar_result_TopicTerminated,
    pulsar_result_CryptoError,

    pulsar_result_IncompatibleSchema,
    pulsar_result_ConsumerAssignError,
    pulsar_result_CumulativeAcknowledgementNotAllowedError, /* on shared and key-shared subscriptions */
    pulsar_result_TransactionCoordinatorNotFoundError,
    pulsar_result_InvalidTxnStatusError,
    pulsar_result_NotAllowedError,
    pulsar_result_TransactionConflict,
    pulsar_result_TransactionNotFound,
    pulsar_result_ProducerFenced,

    pulsar_result_MemoryBufferIsFull, /* the client's memory limit is reached */
    pulsar_result_Interrupted,
    pulsar_result_Disconnected
} pulsar_result;

/* The name, without the prefix: "Ok", "TopicNotFound".  Static. */
PULSAR_PUBLIC const char *pulsar_result_str(pulsar_result result);

#ifdef __cplusplus
}
#endif

#endif
