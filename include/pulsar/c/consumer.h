/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer.h - receives the messages of one subscription, and acknowledges them.
 *
 * Thread-safe.  Callbacks run on the client's thread and must not wait (client.h says what happens if they try);
 * they may be NULL.  A callback owns the message or messages it gets.  A message given by receive, by a listener or
 * by a callback is the receiver's, to be freed with pulsar_message_free.
 *
 * Acknowledgements are grouped (consumer_configuration.h): Ok, or the callback, says that one was noted, and it is
 * sent within the grouping time and before the consumer closes.  One message of a batch acknowledges nothing by
 * itself: the batch is acknowledged when all its messages were.
 */
#ifndef PULSAR_C_CONSUMER_H
#define PULSAR_C_CONSUMER_H

#include <pulsar/c/message.h>
#include <pulsar/c/messages.h>
#include <pulsar/c/result.h>
#include <pulsar/defines.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_consumer pulsar_consumer_t;

typedef void (*pulsar_result_callback)(pulsar_result, void *);

/* `msg` is NULL unless the result is Ok. */
typedef void (*pulsar_receive_callback)(pulsar_result result, pulsar_message_t *msg, void *ctx);

/* `msgs` is NULL unless the result is Ok; pulsar_messages_free. */
typedef void (*pulsar_batch_receive_callback)(pulsar_result result, pulsar_messages_t *msgs, void *ctx);

/* Valid until the consumer is freed. */
PULSAR_PUBLIC const char *pulsar_consumer_get_topic(pulsar_consumer_t *consumer);
PULSAR_PUBLIC const char *pulsar_consumer_get_subscription_name(pulsar_consumer_t *consumer);

/* Ends the subscription at the broker, if this is its only consumer, and closes the consumer. */
PULSAR_PUBLIC pulsar_result pulsar_consumer_unsubscribe(pulsar_consumer_t *consumer);
PULSAR_PUBLIC void pulsar_consumer_unsubscribe_async(pulsar_consumer_t *consumer, pulsar_result_callback callback,
                                                     void *ctx);

/* Waits for a message.  pulsar_result_InvalidConfiguration where a listener takes them, pulsar_result_AlreadyClosed
 * when the consumer is or gets closed. */
PULSAR_PUBLIC pulsar_result pulsar_consumer_receive(pulsar_consumer_t *consumer, pulsar_message_t **msg);
/* pulsar_result_Timeout when none came. */
PULSAR_PUBLIC pulsar_result pulsar_consumer_receive_with_timeout(pulsar_consumer_t *consumer, pulsar_message_t **msg,
                                                                 int timeoutMs);
PULSAR_PUBLIC void pulsar_consumer_receive_async(pulsar_consumer_t *consumer, pulsar_receive_callback callback,
                                                 void *ctx);

/* As many messages as the batch receive policy says; after its timeout those that are there, which may be none. */
PULSAR_PUBLIC pulsar_result pulsar_consumer_batch_receive(pulsar_consumer_t *consumer, pulsar_messages_t **msgs);
PULSAR_PUBLIC void pulsar_consumer_batch_receive_async(pulsar_consumer_t *consumer,
                                                       pulsar_batch_receive_callback callback, void *ctx);

PULSAR_PUBLIC pulsar_result pulsar_consumer_acknowledge(pulsar_consumer_t *consumer, pulsar_message_t *message);
PULSAR_PUBLIC pulsar_result pulsar_consumer_acknowledge_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId);
PULSAR_PUBLIC void pulsar_consumer_acknowledge_async(pulsar_consumer_t *consumer, pulsar_message_t *message,
                                                     pulsar_result_callback callback, void *ctx);
PULSAR_PUBLIC void pulsar_consumer_acknowledge_async_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId,
                                                        pulsar_result_callback callback, void *ctx);

/* This message and all before it.  Not on shared and key-shared subscriptions:
 * pulsar_result_CumulativeAcknowledgementNotAllowedError. */
PULSAR_PUBLIC pulsar_result pulsar_consumer_acknowledge_cumulative(pulsar_consumer_t *consumer,
                                                                   pulsar_message_t *message);
PULSAR_PUBLIC pulsar_result pulsar_consumer_acknowledge_cumulative_id(pulsar_consumer_t *consumer,
                                                                      pulsar_message_id_t *messageId);
PULSAR_PUBLIC void pulsar_consumer_acknowledge_cumulative_async(pulsar_consumer_t *consumer, pulsar_message_t *message,
                                                                pulsar_result_callback callback, void *ctx);
PULSAR_PUBLIC void pulsar_consumer_acknowledge_cumulative_async_id(pulsar_consumer_t *consumer,
                                                                   pulsar_message_id_t *messageId,
                                                                   pulsar_result_callback callback, void *ctx);

/* Asks for the message again, after the redelivery delay; with a dead letter policy, the last time it goes there
 * instead. */
PULSAR_PUBLIC void pulsar_consumer_negative_acknowledge(pulsar_consumer_t *consumer, pulsar_message_t *message);
PULSAR_PUBLIC void pulsar_consumer_negative_acknowledge_id(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId);

/* Waits for the listener call that is running, sends what was acknowledged, leaves the subscription.  Messages received
 * and not acknowledged go to others, or come again.  No callback and no listener call runs after it; called from the
 * listener itself it returns at once, and the consumer is closed when the listener has returned. */
PULSAR_PUBLIC pulsar_result pulsar_consumer_close(pulsar_consumer_t *consumer);
PULSAR_PUBLIC void pulsar_consumer_close_async(pulsar_consumer_t *consumer, pulsar_result_callback callback, void *ctx);

/* Closes it in the background if that was not done.  Not from its own listener. */
PULSAR_PUBLIC void pulsar_consumer_free(pulsar_consumer_t *consumer);

PULSAR_PUBLIC pulsar_result pulsar_consumer_pause_message_listener(pulsar_consumer_t *consumer);
PULSAR_PUBLIC pulsar_result resume_message_listener(pulsar_consumer_t *consumer);

/* Asks for all that was received and not acknowledged, at once. */
PULSAR_PUBLIC void pulsar_consumer_redeliver_unacknowledged_messages(pulsar_consumer_t *consumer);

/* Moves the subscription: to the message after this one (the one itself where start_message_id_inclusive is set), or to
 * the first published at or after a time in milliseconds since the epoch.  What is in the receive queue is dropped. */
PULSAR_PUBLIC pulsar_result pulsar_consumer_seek(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId);
PULSAR_PUBLIC void pulsar_consumer_seek_async(pulsar_consumer_t *consumer, pulsar_message_id_t *messageId,
                                              pulsar_result_callback callback, void *ctx);
PULSAR_PUBLIC pulsar_result pulsar_consumer_seek_by_timestamp(pulsar_consumer_t *consumer, uint64_t timestamp);
PULSAR_PUBLIC void pulsar_consumer_seek_by_timestamp_async(pulsar_consumer_t *consumer, uint64_t timestamp,
                                                           pulsar_result_callback callback, void *ctx);

PULSAR_PUBLIC int pulsar_consumer_is_connected(pulsar_consumer_t *consumer);

/* Overwrites *messageId, which the caller made (by pulsar_message_get_message_id or pulsar_message_id_deserialize). */
PULSAR_PUBLIC pulsar_result pulsar_consumer_get_last_message_id(pulsar_consumer_t *consumer,
                                                                pulsar_message_id_t *messageId);

#ifdef __cplusplus
}
#endif

#endif
