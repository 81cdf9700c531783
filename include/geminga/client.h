/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - what the client library adds to the C API of Apache Pulsar.
 */
#ifndef GEMINGA_CLIENT_H
#define GEMINGA_CLIENT_H

#include <pulsar/c/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this library: "0.1.0".  Static. */
PULSAR_PUBLIC const char *geminga_version(void);

/* 1 when the same call may succeed later without anything being changed: the broker or the network was in the way. */
PULSAR_PUBLIC int geminga_result_retryable(pulsar_result result);

/* One sentence on what a result means, for people.  Static. */
PULSAR_PUBLIC const char *geminga_result_text(pulsar_result result);

/* What is wrong with it, a sentence without secrets, or NULL: what is not built, or parameters that make no sense.  What
 * is done with it fails then (OperationNotSupported, InvalidConfiguration).  Valid as long as it is. */
PULSAR_PUBLIC const char *geminga_authentication_refusal(const pulsar_authentication_t *authentication);

/* How long a connection may take to come about, TLS not counted; 10,000 by default.  0 changes nothing. */
PULSAR_PUBLIC void geminga_client_configuration_set_connection_timeout_ms(pulsar_client_configuration_t *conf,
                                                                          unsigned int timeout_ms);

/* Acknowledges all of them, in one command where possible. */
PULSAR_PUBLIC pulsar_result geminga_consumer_acknowledge_list(pulsar_consumer_t *consumer,
                                                              pulsar_message_id_t *const *ids, size_t count);

/* Reads the next message without waiting: as pulsar_consumer_receive_async. */
PULSAR_PUBLIC void geminga_reader_read_next_async(pulsar_reader_t *reader, pulsar_receive_callback callback, void *ctx);

/* 1 when the broker has said that all its topics are terminated and nothing is left to receive from it; what the
 * client holds already still comes. */
PULSAR_PUBLIC int geminga_consumer_has_reached_end(pulsar_consumer_t *consumer);
PULSAR_PUBLIC int geminga_reader_has_reached_end(pulsar_reader_t *reader);

/* The parts of an id; batch index and partition are -1 when there are none. */
PULSAR_PUBLIC int64_t geminga_message_id_ledger(const pulsar_message_id_t *id);
PULSAR_PUBLIC int64_t geminga_message_id_entry(const pulsar_message_id_t *id);
PULSAR_PUBLIC int geminga_message_id_partition(const pulsar_message_id_t *id);
PULSAR_PUBLIC int geminga_message_id_batch_index(const pulsar_message_id_t *id);

#ifdef __cplusplus
}
#endif

#endif
