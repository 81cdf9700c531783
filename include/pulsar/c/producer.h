/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.h - publishes messages to one topic.
 *
 * Thread-safe; messages sent from one thread are published in that order, through any reconnect.  Callbacks run on
 * the client's thread and must not wait (client.h says what happens if they try); a send that is refused at once
 * (closed, full, too big) calls back on the caller's thread, before it returns.  Callbacks may be NULL.
 */
#ifndef PULSAR_C_PRODUCER_H
#define PULSAR_C_PRODUCER_H

#include <pulsar/c/message.h>
#include <pulsar/c/result.h>
#include <pulsar/defines.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_producer pulsar_producer_t;

/* `msgId` is NULL unless the result is Ok; it is the callback's, to be freed with pulsar_message_id_free. */
typedef void (*pulsar_send_callback)(pulsar_result, pulsar_message_id_t *msgId, void *ctx);
typedef void (*pulsar_close_callback)(pulsar_result, void *ctx);
typedef void (*pulsar_flush_callback)(pulsar_result, void *ctx);

/* The full name.  Valid until the producer is freed. */
PULSAR_PUBLIC const char *pulsar_producer_get_topic(pulsar_producer_t *producer);
PULSAR_PUBLIC const char *pulsar_producer_get_producer_name(pulsar_producer_t *producer);

/* Waits for the broker's receipt: Ok means that the message is durable, and it then has its id. */
PULSAR_PUBLIC pulsar_result pulsar_producer_send(pulsar_producer_t *producer, pulsar_message_t *msg);

/* `msg` may be changed or freed as soon as this returns (a borrowed content apart).  Waits only where the producer was
 * configured to block when full. */
PULSAR_PUBLIC void pulsar_producer_send_async(pulsar_producer_t *producer, pulsar_message_t *msg,
                                              pulsar_send_callback callback, void *ctx);

/* Of the last message acknowledged by the broker, in this session or (deduplication) one before; -1: none. */
PULSAR_PUBLIC int64_t pulsar_producer_get_last_sequence_id(pulsar_producer_t *producer);

/* Sends the open batch, waits until what is pending is persisted (or refused, or the connection breaks, or the
 * operation timeout passes), and leaves the topic.  No callback runs after it. */
PULSAR_PUBLIC pulsar_result pulsar_producer_close(pulsar_producer_t *producer);
PULSAR_PUBLIC void pulsar_producer_close_async(pulsar_producer_t *producer, pulsar_close_callback callback, void *ctx);

/* Sends the open batch and completes when all sends made before it have. */
PULSAR_PUBLIC pulsar_result pulsar_producer_flush(pulsar_producer_t *producer);
PULSAR_PUBLIC void pulsar_producer_flush_async(pulsar_producer_t *producer, pulsar_flush_callback callback, void *ctx);

/* Closes it in the background if that was not done; what is pending then fails. */
PULSAR_PUBLIC void pulsar_producer_free(pulsar_producer_t *producer);

/* Whether the broker knows us just now: 1 or 0. */
PULSAR_PUBLIC int pulsar_producer_is_connected(pulsar_producer_t *producer);

#ifdef __cplusplus
}
#endif

#endif
