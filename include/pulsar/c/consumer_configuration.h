/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer_configuration.h - the options of a consumer.
 *
 * One thread at a time.  Subscribing copies what it needs.  Not built, and refused when subscribing with it, by
 * pulsar_result_OperationNotSupported: decryption and acknowledging by batch index.  Chunked messages are not put
 * together.
 */
#ifndef PULSAR_C_CONSUMER_CONFIGURATION_H
#define PULSAR_C_CONSUMER_CONFIGURATION_H

#include <pulsar/c/consumer.h>
#include <pulsar/c/producer_configuration.h>
#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_consumer_configuration pulsar_consumer_configuration_t;

typedef enum {
    pulsar_ConsumerExclusive, /* one consumer */
    pulsar_ConsumerShared,    /* messages go round */
    pulsar_ConsumerFailover,  /* one at a time, the others wait */
    pulsar_ConsumerKeyShared  /* messages of one key go to one */
} pulsar_consumer_type;

/* Where a new subscription begins. */
typedef enum { initial_position_latest, initial_position_earliest } initial_position;

typedef enum {
    pulsar_ConsumerFail,
    pulsar_ConsumerDiscard,
    pulsar_ConsumerConsume
} pulsar_consumer_crypto_failure_action;

typedef enum {
    pulsar_consumer_regex_sub_mode_PersistentOnly = 0,
    pulsar_consumer_regex_sub_mode_NonPersistentOnly = 1,
    pulsar_consumer_regex_sub_mode_AllTopics = 2
} pulsar_consumer_regex_subscription_mode;

/* A batch receive completes with whichever comes first; a value <= 0 does not count. */
typedef struct {
    int maxNumMessages;
    long maxNumBytes;
    long timeoutMs;
} pulsar_consumer_batch_receive_policy_t;

/* A message delivered max_redeliver_count + 1 times and still not acknowledged goes to the dead letter topic and is
 * acknowledged (shared and key-shared subscriptions, whose deliveries the broker counts). */
typedef struct {
    const char *dead_letter_topic;         /* NULL: <topic>-<subscription>-DLQ */
    int max_redeliver_count;               /* <= 0: never */
    const char *initial_subscription_name; /* made on the dead letter topic, so that it keeps messages; NULL: none */
} pulsar_consumer_config_dead_letter_policy_t;

/* Called for one message after the other, on the client's listener thread, which may wait and call anything.  `msg`
 * is the listener's to free. */
typedef void (*pulsar_message_listener)(pulsar_consumer_t *consumer, pulsar_message_t *msg, void *ctx);

PULSAR_PUBLIC pulsar_consumer_configuration_t *pulsar_consumer_configuration_create(void);
PULSAR_PUBLIC void pulsar_consumer_configuration_free(pulsar_consumer_configuration_t *consumer_configuration);

/* Exclusive by default. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_consumer_type(pulsar_consumer_configuration_t *consumer_configuration,
                                                pulsar_consumer_type consumerType);
PULSAR_PUBLIC pulsar_consumer_type
pulsar_consumer_configuration_get_consumer_type(pulsar_consumer_configuration_t *consumer_configuration);

/* Told to the broker, which checks it; `properties` may be NULL. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_schema_info(pulsar_consumer_configuration_t *consumer_configuration,
                                              pulsar_schema_type schemaType, const char *name, const char *schema,
                                              pulsar_string_map_t *properties);

PULSAR_PUBLIC void
pulsar_consumer_configuration_set_message_listener(pulsar_consumer_configuration_t *consumer_configuration,
                                                   pulsar_message_listener messageListener, void *ctx);
PULSAR_PUBLIC int
pulsar_consumer_configuration_has_message_listener(pulsar_consumer_configuration_t *consumer_configuration);
/* With 1 a listener gets nothing until resume_message_listener. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_start_paused(pulsar_consumer_configuration_t *consumer_configuration,
                                               int start_paused);
PULSAR_PUBLIC int
pulsar_consumer_configuration_is_start_paused(pulsar_consumer_configuration_t *consumer_configuration);

/* Messages asked for in advance, of one topic or partition and of all partitions together; 1000 and 50000 by default.
 * 0: none, each receive asks for one. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_receiver_queue_size(pulsar_consumer_configuration_t *consumer_configuration,
                                                      int size);
PULSAR_PUBLIC int
pulsar_consumer_configuration_get_receiver_queue_size(pulsar_consumer_configuration_t *consumer_configuration);
PULSAR_PUBLIC void pulsar_consumer_set_max_total_receiver_queue_size_across_partitions(
    pulsar_consumer_configuration_t *consumer_configuration, int maxTotalReceiverQueueSizeAcrossPartitions);
PULSAR_PUBLIC int pulsar_consumer_get_max_total_receiver_queue_size_across_partitions(
    pulsar_consumer_configuration_t *consumer_configuration);

PULSAR_PUBLIC void pulsar_consumer_set_consumer_name(pulsar_consumer_configuration_t *consumer_configuration,
                                                     const char *consumerName);
PULSAR_PUBLIC const char *pulsar_consumer_get_consumer_name(pulsar_consumer_configuration_t *consumer_configuration);

/* A message not acknowledged this long after it was received is asked for again; 0, the default: never. */
PULSAR_PUBLIC void
pulsar_consumer_set_unacked_messages_timeout_ms(pulsar_consumer_configuration_t *consumer_configuration,
                                                const uint64_t milliSeconds);
PULSAR_PUBLIC long
pulsar_consumer_get_unacked_messages_timeout_ms(pulsar_consumer_configuration_t *consumer_configuration);

/* 60000. */
PULSAR_PUBLIC void
pulsar_configure_set_negative_ack_redelivery_delay_ms(pulsar_consumer_configuration_t *consumer_configuration,
                                                      long redeliveryDelayMillis);
PULSAR_PUBLIC long
pulsar_configure_get_negative_ack_redelivery_delay_ms(pulsar_consumer_configuration_t *consumer_configuration);

/* Acknowledgements wait this long (100 ms; 0: not at all), or until there are so many (1000). */
PULSAR_PUBLIC void pulsar_configure_set_ack_grouping_time_ms(pulsar_consumer_configuration_t *consumer_configuration,
                                                             long ackGroupingMillis);
PULSAR_PUBLIC long pulsar_configure_get_ack_grouping_time_ms(pulsar_consumer_configuration_t *consumer_configuration);
PULSAR_PUBLIC void pulsar_configure_set_ack_grouping_max_size(pulsar_consumer_configuration_t *consumer_configuration,
                                                              long maxGroupingSize);
PULSAR_PUBLIC long pulsar_configure_get_ack_grouping_max_size(pulsar_consumer_configuration_t *consumer_configuration);

/* Not built. */
PULSAR_PUBLIC int pulsar_consumer_is_encryption_enabled(pulsar_consumer_configuration_t *consumer_configuration);
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_default_crypto_key_reader(pulsar_consumer_configuration_t *consumer_configuration,
                                                            const char *public_key_path, const char *private_key_path);
PULSAR_PUBLIC pulsar_consumer_crypto_failure_action
pulsar_consumer_configuration_get_crypto_failure_action(pulsar_consumer_configuration_t *consumer_configuration);
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_crypto_failure_action(pulsar_consumer_configuration_t *consumer_configuration,
                                                        pulsar_consumer_crypto_failure_action cryptoFailureAction);

/* Only the last message of each key, as far as the topic was compacted (exclusive and failover). */
PULSAR_PUBLIC int pulsar_consumer_is_read_compacted(pulsar_consumer_configuration_t *consumer_configuration);
PULSAR_PUBLIC void pulsar_consumer_set_read_compacted(pulsar_consumer_configuration_t *consumer_configuration,
                                                      int compacted);

PULSAR_PUBLIC int
pulsar_consumer_get_subscription_initial_position(pulsar_consumer_configuration_t *consumer_configuration);
PULSAR_PUBLIC void
pulsar_consumer_set_subscription_initial_position(pulsar_consumer_configuration_t *consumer_configuration,
                                                  initial_position subscriptionInitialPosition);

/* Shown in the topic's statistics. */
PULSAR_PUBLIC void pulsar_consumer_configuration_set_property(pulsar_consumer_configuration_t *conf, const char *name,
                                                              const char *value);

/* Shared: consumers of a lower number are served first.  0. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_priority_level(pulsar_consumer_configuration_t *consumer_configuration,
                                                 int priority_level);
PULSAR_PUBLIC int
pulsar_consumer_configuration_get_priority_level(pulsar_consumer_configuration_t *consumer_configuration);

/* Kept (10 and 0): chunked messages are not built. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_max_pending_chunked_message(pulsar_consumer_configuration_t *consumer_configuration,
                                                              int max_pending_chunked_message);
PULSAR_PUBLIC int
pulsar_consumer_configuration_get_max_pending_chunked_message(pulsar_consumer_configuration_t *consumer_configuration);
PULSAR_PUBLIC void pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full(
    pulsar_consumer_configuration_t *consumer_configuration, int auto_ack_oldest_chunked_message_on_queue_full);
PULSAR_PUBLIC int pulsar_consumer_configuration_is_auto_ack_oldest_chunked_message_on_queue_full(
    pulsar_consumer_configuration_t *consumer_configuration);

/* Whether a seek by id delivers that message too; 0. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_start_message_id_inclusive(pulsar_consumer_configuration_t *consumer_configuration,
                                                             int start_message_id_inclusive);
PULSAR_PUBLIC int
pulsar_consumer_configuration_is_start_message_id_inclusive(pulsar_consumer_configuration_t *consumer_configuration);

/* Not built. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_batch_index_ack_enabled(pulsar_consumer_configuration_t *consumer_configuration,
                                                          int enabled);
PULSAR_PUBLIC int
pulsar_consumer_configuration_is_batch_index_ack_enabled(pulsar_consumer_configuration_t *consumer_configuration);

/* Kept: subscribing to a pattern is not built. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_regex_subscription_mode(pulsar_consumer_configuration_t *consumer_configuration,
                                                          pulsar_consumer_regex_subscription_mode regex_sub_mode);
PULSAR_PUBLIC pulsar_consumer_regex_subscription_mode
pulsar_consumer_configuration_get_regex_subscription_mode(pulsar_consumer_configuration_t *consumer_configuration);

/* Copied.  0; or -1, changing nothing, when `policy` is NULL or all of it is <= 0.  By default 10 MiB and 100 ms. */
PULSAR_PUBLIC int
pulsar_consumer_configuration_set_batch_receive_policy(pulsar_consumer_configuration_t *consumer_configuration,
                                                       const pulsar_consumer_batch_receive_policy_t *policy);
PULSAR_PUBLIC void
pulsar_consumer_configuration_get_batch_receive_policy(pulsar_consumer_configuration_t *consumer_configuration,
                                                       pulsar_consumer_batch_receive_policy_t *policy);

/* Copied.  Texts that the second one gives are valid until the policy is set again. */
PULSAR_PUBLIC void
pulsar_consumer_configuration_set_dlq_policy(pulsar_consumer_configuration_t *consumer_configuration,
                                             const pulsar_consumer_config_dead_letter_policy_t *dlq_policy);
PULSAR_PUBLIC void
pulsar_consumer_configuration_get_dlq_policy(pulsar_consumer_configuration_t *consumer_configuration,
                                             pulsar_consumer_config_dead_letter_policy_t *dlq_policy);

#ifdef __cplusplus
}
#endif

#endif
