/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.h - reads a topic from where it is told, without a subscription that lasts.
 *
 * Thread-safe; threads and ownership as in consumer.h.  What was read is acknowledged by itself.
 */
#ifndef PULSAR_C_READER_H
#define PULSAR_C_READER_H

#include <pulsar/c/message.h>
#include <pulsar/c/result.h>
#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_reader pulsar_reader_t;

typedef void (*pulsar_result_callback)(pulsar_result, void *);

PULSAR_PUBLIC const char *pulsar_reader_get_topic(pulsar_reader_t *reader);

/* As pulsar_consumer_receive and pulsar_consumer_receive_with_timeout. */
PULSAR_PUBLIC pulsar_result pulsar_reader_read_next(pulsar_reader_t *reader, pulsar_message_t **msg);
PULSAR_PUBLIC pulsar_result pulsar_reader_read_next_with_timeout(pulsar_reader_t *reader, pulsar_message_t **msg,
                                                                 int timeoutMs);

/* The next message read is the one after this id, or the first published at or after that time. */
PULSAR_PUBLIC pulsar_result pulsar_reader_seek(pulsar_reader_t *reader, pulsar_message_id_t *messageId);
PULSAR_PUBLIC void pulsar_reader_seek_async(pulsar_reader_t *reader, pulsar_message_id_t *messageId,
                                            pulsar_result_callback callback, void *ctx);
PULSAR_PUBLIC pulsar_result pulsar_reader_seek_by_timestamp(pulsar_reader_t *reader, uint64_t timestamp);
PULSAR_PUBLIC void pulsar_reader_seek_by_timestamp_async(pulsar_reader_t *reader, uint64_t timestamp,
                                                         pulsar_result_callback callback, void *ctx);

PULSAR_PUBLIC pulsar_result pulsar_reader_close(pulsar_reader_t *reader);
PULSAR_PUBLIC void pulsar_reader_close_async(pulsar_reader_t *reader, pulsar_result_callback callback, void *ctx);
PULSAR_PUBLIC void pulsar_reader_free(pulsar_reader_t *reader);

/* *available becomes 1 when the topic has a message after the last one read, else 0; asks the broker. */
PULSAR_PUBLIC pulsar_result pulsar_reader_has_message_available(pulsar_reader_t *reader, int *available);

PULSAR_PUBLIC int pulsar_reader_is_connected(pulsar_reader_t *reader);

#ifdef __cplusplus
}
#endif

#endif
