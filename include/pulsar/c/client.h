/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - the connections to one Pulsar service, and what is made on them.
 *
 * A client has one thread of its own, on which all its network work is done and all callbacks run (what is refused
 * without asking anybody calls back on the caller's thread, before the call returns), and one more for listeners once
 * there is one.  Every function here is thread-safe.  A call that waits (all that have an _async
 * twin, and receive) must not be made in a callback: it would wait for itself, so it returns
 * pulsar_result_InvalidConfiguration at once and an error is logged.  Acknowledging does not wait and is
 * fine there; listeners may call anything but what would wait for their own end (closing the client, unsubscribing
 * their own consumer).
 *
 * fork: a child of the process has none of the client's threads.  It must not call the client, not even to free
 * it; make clients after the fork.
 *
 * Not built: subscribing to a pattern, table views, transactions.
 */
#ifndef PULSAR_C_CLIENT_H
#define PULSAR_C_CLIENT_H

#include <pulsar/c/client_configuration.h>
#include <pulsar/c/consumer.h>
#include <pulsar/c/consumer_configuration.h>
#include <pulsar/c/message.h>
#include <pulsar/c/message_id.h>
#include <pulsar/c/producer.h>
#include <pulsar/c/producer_configuration.h>
#include <pulsar/c/reader.h>
#include <pulsar/c/reader_configuration.h>
#include <pulsar/c/result.h>
#include <pulsar/c/string_list.h>
#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_client pulsar_client_t;

/* The object is NULL unless the result is Ok; it is the callback's. */
typedef void (*pulsar_create_producer_callback)(pulsar_result result, pulsar_producer_t *producer, void *ctx);
typedef void (*pulsar_subscribe_callback)(pulsar_result result, pulsar_consumer_t *consumer, void *ctx);
typedef void (*pulsar_reader_callback)(pulsar_result result, pulsar_reader_t *reader, void *ctx);
typedef void (*pulsar_get_partitions_callback)(pulsar_result result, pulsar_string_list_t *partitions, void *ctx);
typedef void (*pulsar_close_callback)(pulsar_result result, void *ctx);

/* `serviceUrl` is "pulsar://host:port", or several hosts separated by commas, which are tried in turn; the port is
 * 6650 when left out.  "pulsar+ssl://host:port" is with TLS, and its port 6651.  Nothing is connected yet: a wrong
 * address fails the first operation, with pulsar_result_InvalidUrl.  `clientConfiguration` may be NULL.  NULL when
 * memory or threads are short. */
PULSAR_PUBLIC pulsar_client_t *pulsar_client_create(const char *serviceUrl,
                                                    const pulsar_client_configuration_t *clientConfiguration);

/* Topics are named "name", "tenant/namespace/name" or "persistent://tenant/namespace/name".  `conf` may be NULL in
 * all of these; *producer, *consumer and *reader are written on Ok only. */
PULSAR_PUBLIC pulsar_result pulsar_client_create_producer(pulsar_client_t *client, const char *topic,
                                                          const pulsar_producer_configuration_t *conf,
                                                          pulsar_producer_t **producer);
PULSAR_PUBLIC void pulsar_client_create_producer_async(pulsar_client_t *client, const char *topic,
                                                       const pulsar_producer_configuration_t *conf,
                                                       pulsar_create_producer_callback callback, void *ctx);

PULSAR_PUBLIC pulsar_result pulsar_client_subscribe(pulsar_client_t *client, const char *topic,
                                                    const char *subscriptionName,
                                                    const pulsar_consumer_configuration_t *conf,
                                                    pulsar_consumer_t **consumer);
PULSAR_PUBLIC void pulsar_client_subscribe_async(pulsar_client_t *client, const char *topic,
                                                 const char *subscriptionName,
                                                 const pulsar_consumer_configuration_t *conf,
                                                 pulsar_subscribe_callback callback, void *ctx);

/* One consumer of several topics. */
PULSAR_PUBLIC pulsar_result pulsar_client_subscribe_multi_topics(pulsar_client_t *client, const char **topics,
                                                                 int topicsCount, const char *subscriptionName,
                                                                 const pulsar_consumer_configuration_t *conf,
                                                                 pulsar_consumer_t **consumer);
PULSAR_PUBLIC void pulsar_client_subscribe_multi_topics_async(pulsar_client_t *client, const char **topics,
                                                              int topicsCount, const char *subscriptionName,
                                                              const pulsar_consumer_configuration_t *conf,
                                                              pulsar_subscribe_callback callback, void *ctx);

/* The first message read is the one after `startMessageId`, which may be earliest or latest.  Not for partitioned
 * topics: pulsar_result_OperationNotSupported. */
PULSAR_PUBLIC pulsar_result pulsar_client_create_reader(pulsar_client_t *client, const char *topic,
                                                        const pulsar_message_id_t *startMessageId,
                                                        pulsar_reader_configuration_t *conf, pulsar_reader_t **reader);
PULSAR_PUBLIC void pulsar_client_create_reader_async(pulsar_client_t *client, const char *topic,
                                                     const pulsar_message_id_t *startMessageId,
                                                     pulsar_reader_configuration_t *conf,
                                                     pulsar_reader_callback callback, void *ctx);

/* The names of the topic's partitions, or its own when it has none; pulsar_string_list_free. */
PULSAR_PUBLIC pulsar_result pulsar_client_get_topic_partitions(pulsar_client_t *client, const char *topic,
                                                               pulsar_string_list_t **partitions);
PULSAR_PUBLIC void pulsar_client_get_topic_partitions_async(pulsar_client_t *client, const char *topic,
                                                            pulsar_get_partitions_callback callback, void *ctx);

/* Closes all producers, consumers and readers that are open, then the connections.  No callback runs after it.  Not
 * from a callback or a listener: pulsar_result_InvalidConfiguration. */
PULSAR_PUBLIC pulsar_result pulsar_client_close(pulsar_client_t *client);
PULSAR_PUBLIC void pulsar_client_close_async(pulsar_client_t *client, pulsar_close_callback callback, void *ctx);

/* Closes it if that was not done, without waiting for the broker.  What was made on it can still be freed after it, and
 * does nothing else.  Not from a callback or a listener. */
PULSAR_PUBLIC void pulsar_client_free(pulsar_client_t *client);

#ifdef __cplusplus
}
#endif

#endif
