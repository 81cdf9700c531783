/* SPDX-License-Identifier: Apache-2.0
 *
 * producer_configuration.h - the options of a producer.
 *
 * One thread at a time.  Creating a producer copies what it needs.  Not built, and refused when a producer is created
 * with it, by pulsar_result_OperationNotSupported: encryption, chunking, lazy start of partitions, the Boost hash.
 */
#ifndef PULSAR_C_PRODUCER_CONFIGURATION_H
#define PULSAR_C_PRODUCER_CONFIGURATION_H

#include <pulsar/c/message_router.h>
#include <pulsar/c/string_map.h>
#include <pulsar/defines.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    pulsar_UseSinglePartition, /* one, chosen at random by the producer; the default */
    pulsar_RoundRobinDistribution,
    pulsar_CustomPartition /* the message router's choice */
} pulsar_partitions_routing_mode;

/* How a message's key becomes a partition (a router chooses for itself).  Murmur3 by default; Apache Pulsar's C++
 * client has Boost's, which differs between versions of Boost and is refused here. */
typedef enum { pulsar_Murmur3_32Hash, pulsar_BoostHash, pulsar_JavaStringHash } pulsar_hashing_scheme;

typedef enum {
    pulsar_CompressionNone = 0,
    pulsar_CompressionLZ4 = 1,
    pulsar_CompressionZLib = 2,
    pulsar_CompressionZSTD = 3,
    pulsar_CompressionSNAPPY = 4
} pulsar_compression_type;

typedef enum {
    pulsar_None = 0,
    pulsar_String = 1,
    pulsar_Json = 2,
    pulsar_Protobuf = 3,
    pulsar_Avro = 4,
    pulsar_Boolean = 5,
    pulsar_Int8 = 6,
    pulsar_Int16 = 7,
    pulsar_Int32 = 8,
    pulsar_Int64 = 9,
    pulsar_Float32 = 10,
    pulsar_Float64 = 11,
    pulsar_KeyValue = 15,
    pulsar_Bytes = -1,
    pulsar_AutoConsume = -3,
    pulsar_AutoPublish = -4
} pulsar_schema_type;

typedef enum { pulsar_ProducerFail, pulsar_ProducerSend } pulsar_producer_crypto_failure_action;

typedef enum {
    pulsar_ProducerAccessModeShared = 0,
    pulsar_ProducerAccessModeExclusive = 1,           /* fails when another producer is there */
    pulsar_ProducerAccessModeWaitForExclusive = 2,    /* creation waits until none is */
    pulsar_ProducerAccessModeExclusiveWithFencing = 3 /* throws the others out */
} pulsar_producer_access_mode;

typedef struct _pulsar_producer_configuration pulsar_producer_configuration_t;
typedef struct _pulsar_crypto_key_reader pulsar_crypto_key_reader;

PULSAR_PUBLIC pulsar_producer_configuration_t *pulsar_producer_configuration_create(void);
PULSAR_PUBLIC void pulsar_producer_configuration_free(pulsar_producer_configuration_t *conf);

/* Without one the broker chooses. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_producer_name(pulsar_producer_configuration_t *conf,
                                                                   const char *producerName);
PULSAR_PUBLIC const char *pulsar_producer_configuration_get_producer_name(pulsar_producer_configuration_t *conf);

/* Milliseconds until a message without receipt fails with pulsar_result_Timeout; 30000; 0: never. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_send_timeout(pulsar_producer_configuration_t *conf,
                                                                  int sendTimeoutMs);
PULSAR_PUBLIC int pulsar_producer_configuration_get_send_timeout(pulsar_producer_configuration_t *conf);

/* The first message gets the one after it.  -1: as the broker says, which is 0 for a new producer. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_initial_sequence_id(pulsar_producer_configuration_t *conf,
                                                                         int64_t initialSequenceId);
PULSAR_PUBLIC int64_t pulsar_producer_configuration_get_initial_sequence_id(pulsar_producer_configuration_t *conf);

PULSAR_PUBLIC void pulsar_producer_configuration_set_compression_type(pulsar_producer_configuration_t *conf,
                                                                      pulsar_compression_type compressionType);
PULSAR_PUBLIC pulsar_compression_type
pulsar_producer_configuration_get_compression_type(pulsar_producer_configuration_t *conf);

/* Told to the broker, which checks it; payloads are not. `properties` may be NULL. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_schema_info(pulsar_producer_configuration_t *conf,
                                                                 pulsar_schema_type schemaType, const char *name,
                                                                 const char *schema, pulsar_string_map_t *properties);

/* Messages sent and not yet answered, of this producer (of one partition) and of all partitions together; 1000 and
 * 50000 by default; 0: no limit.  At the limit a send fails with pulsar_result_ProducerQueueIsFull, or waits. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_max_pending_messages(pulsar_producer_configuration_t *conf,
                                                                          int maxPendingMessages);
PULSAR_PUBLIC int pulsar_producer_configuration_get_max_pending_messages(pulsar_producer_configuration_t *conf);
PULSAR_PUBLIC void
pulsar_producer_configuration_set_max_pending_messages_across_partitions(pulsar_producer_configuration_t *conf,
                                                                         int maxPendingMessagesAcrossPartitions);
PULSAR_PUBLIC int
pulsar_producer_configuration_get_max_pending_messages_across_partitions(pulsar_producer_configuration_t *conf);
/* Whether a send waits at a limit; 0 by default. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_block_if_queue_full(pulsar_producer_configuration_t *conf,
                                                                         int blockIfQueueFull);
PULSAR_PUBLIC int pulsar_producer_configuration_get_block_if_queue_full(pulsar_producer_configuration_t *conf);

PULSAR_PUBLIC void pulsar_producer_configuration_set_partitions_routing_mode(pulsar_producer_configuration_t *conf,
                                                                             pulsar_partitions_routing_mode mode);
PULSAR_PUBLIC pulsar_partitions_routing_mode
pulsar_producer_configuration_get_partitions_routing_mode(pulsar_producer_configuration_t *conf);
/* Also selects pulsar_CustomPartition. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_message_router(pulsar_producer_configuration_t *conf,
                                                                    pulsar_message_router router, void *ctx);
PULSAR_PUBLIC void pulsar_producer_configuration_set_hashing_scheme(pulsar_producer_configuration_t *conf,
                                                                    pulsar_hashing_scheme scheme);
PULSAR_PUBLIC pulsar_hashing_scheme
pulsar_producer_configuration_get_hashing_scheme(pulsar_producer_configuration_t *conf);
PULSAR_PUBLIC void
pulsar_producer_configuration_set_lazy_start_partitioned_producers(pulsar_producer_configuration_t *conf,
                                                                   int useLazyStartPartitionedProducers);
PULSAR_PUBLIC int
pulsar_producer_configuration_get_lazy_start_partitioned_producers(pulsar_producer_configuration_t *conf);

/* On by default.  A batch is sent when it has 1000 messages or 131072 bytes, or is 10 ms old.  A batch has the key of
 * its first message, and goes to one consumer: producers for key-shared subscriptions turn batching off. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_batching_enabled(pulsar_producer_configuration_t *conf,
                                                                      int batchingEnabled);
PULSAR_PUBLIC int pulsar_producer_configuration_get_batching_enabled(pulsar_producer_configuration_t *conf);
PULSAR_PUBLIC void pulsar_producer_configuration_set_batching_max_messages(pulsar_producer_configuration_t *conf,
                                                                           unsigned int batchingMaxMessages);
PULSAR_PUBLIC unsigned int
pulsar_producer_configuration_get_batching_max_messages(pulsar_producer_configuration_t *conf);
PULSAR_PUBLIC void
pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(pulsar_producer_configuration_t *conf,
                                                                     unsigned long batchingMaxAllowedSizeInBytes);
PULSAR_PUBLIC unsigned long
pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes(pulsar_producer_configuration_t *conf);
PULSAR_PUBLIC void
pulsar_producer_configuration_set_batching_max_publish_delay_ms(pulsar_producer_configuration_t *conf,
                                                                unsigned long batchingMaxPublishDelayMs);
PULSAR_PUBLIC unsigned long
pulsar_producer_configuration_get_batching_max_publish_delay_ms(pulsar_producer_configuration_t *conf);

/* Shown in the topic's statistics. */
PULSAR_PUBLIC void pulsar_producer_configuration_set_property(pulsar_producer_configuration_t *conf, const char *name,
                                                              const char *value);

/* Not built. */
PULSAR_PUBLIC int pulsar_producer_is_encryption_enabled(pulsar_producer_configuration_t *conf);
PULSAR_PUBLIC void pulsar_producer_configuration_set_default_crypto_key_reader(pulsar_producer_configuration_t *conf,
                                                                               const char *public_key_path,
                                                                               const char *private_key_path);
PULSAR_PUBLIC pulsar_producer_crypto_failure_action
pulsar_producer_configuration_get_crypto_failure_action(pulsar_producer_configuration_t *conf);
PULSAR_PUBLIC void
pulsar_producer_configuration_set_crypto_failure_action(pulsar_producer_configuration_t *conf,
                                                        pulsar_producer_crypto_failure_action cryptoFailureAction);
PULSAR_PUBLIC void pulsar_producer_configuration_set_encryption_key(pulsar_producer_configuration_t *conf,
                                                                    const char *key);
PULSAR_PUBLIC void pulsar_producer_configuration_set_chunking_enabled(pulsar_producer_configuration_t *conf,
                                                                      int chunkingEnabled);
PULSAR_PUBLIC int pulsar_producer_configuration_is_chunking_enabled(pulsar_producer_configuration_t *conf);

PULSAR_PUBLIC void pulsar_producer_configuration_set_access_mode(pulsar_producer_configuration_t *conf,
                                                                 pulsar_producer_access_mode accessMode);
PULSAR_PUBLIC pulsar_producer_access_mode
pulsar_producer_configuration_get_access_mode(pulsar_producer_configuration_t *conf);

#ifdef __cplusplus
}
#endif

#endif
