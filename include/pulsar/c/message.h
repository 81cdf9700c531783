/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h - one message: to be sent, or received.
 *
 * One thread at a time.  Texts returned are valid until the message is changed or freed; a text that was not set
 * is "" and never NULL.
 */
#ifndef PULSAR_C_MESSAGE_H
#define PULSAR_C_MESSAGE_H

#include <pulsar/c/string_map.h>
#include <pulsar/defines.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_message pulsar_message_t;
typedef struct _pulsar_message_id pulsar_message_id_t;

PULSAR_PUBLIC pulsar_message_t *pulsar_message_create(void);

/* Makes `to` a second handle on what `from` holds; the payload is shared, not copied. */
PULSAR_PUBLIC void pulsar_message_copy(const pulsar_message_t *from, pulsar_message_t *to);
PULSAR_PUBLIC void pulsar_message_free(pulsar_message_t *message);

/* Copies `size` bytes. */
PULSAR_PUBLIC void pulsar_message_set_content(pulsar_message_t *message, const void *data, size_t size);

/* Borrows them: they must stay as they are until the send has completed. */
PULSAR_PUBLIC void pulsar_message_set_allocated_content(pulsar_message_t *message, void *data, size_t size);

/* A message without a value, which compaction takes as the deletion of its key. */
PULSAR_PUBLIC void pulsar_message_set_null_value(pulsar_message_t *message);

PULSAR_PUBLIC void pulsar_message_set_property(pulsar_message_t *message, const char *name, const char *value);

/* Chooses the partition, and the consumer of a key-shared subscription. */
PULSAR_PUBLIC void pulsar_message_set_partition_key(pulsar_message_t *message, const char *partitionKey);

/* Chooses the consumer of a key-shared subscription, before the partition key. */
PULSAR_PUBLIC void pulsar_message_set_ordering_key(pulsar_message_t *message, const char *orderingKey);

PULSAR_PUBLIC void pulsar_message_set_event_timestamp(pulsar_message_t *message, uint64_t eventTimestamp);

/* Not below zero, and above those of the messages sent before; without it the producer counts. */
PULSAR_PUBLIC void pulsar_message_set_sequence_id(pulsar_message_t *message, int64_t sequenceId);

/* Delays delivery on shared subscriptions: by so much from the send on, or until a time since the epoch, in ms. */
PULSAR_PUBLIC void pulsar_message_set_deliver_after(pulsar_message_t *message, uint64_t delayMillis);
PULSAR_PUBLIC void pulsar_message_set_deliver_at(pulsar_message_t *message, uint64_t deliveryTimestampMillis);

/* Instead of the namespace's replication clusters; an empty list: as the namespace says. */
PULSAR_PUBLIC void pulsar_message_set_replication_clusters(pulsar_message_t *message, const char **clusters,
                                                           size_t size);
PULSAR_PUBLIC void pulsar_message_disable_replication(pulsar_message_t *message, int flag);

/* A copy, to be freed with pulsar_string_map_free. */
PULSAR_PUBLIC pulsar_string_map_t *pulsar_message_get_properties(pulsar_message_t *message);
PULSAR_PUBLIC int pulsar_message_has_property(pulsar_message_t *message, const char *name);
PULSAR_PUBLIC const char *pulsar_message_get_property(pulsar_message_t *message, const char *name);

PULSAR_PUBLIC const void *pulsar_message_get_data(pulsar_message_t *message);
PULSAR_PUBLIC uint32_t pulsar_message_get_length(pulsar_message_t *message);
PULSAR_PUBLIC int pulsar_message_has_null_value(pulsar_message_t *message);

/* A copy, to be freed with pulsar_message_id_free.  Received messages have one, and sent ones after
 * pulsar_producer_send. */
PULSAR_PUBLIC pulsar_message_id_t *pulsar_message_get_message_id(pulsar_message_t *message);

PULSAR_PUBLIC const char *pulsar_message_get_partitionKey(pulsar_message_t *message);
PULSAR_PUBLIC int pulsar_message_has_partition_key(pulsar_message_t *message);
PULSAR_PUBLIC const char *pulsar_message_get_orderingKey(pulsar_message_t *message);
PULSAR_PUBLIC int pulsar_message_has_ordering_key(pulsar_message_t *message);

/* Milliseconds since the epoch: when the producer sent it; what the sender set, or 0. */
PULSAR_PUBLIC uint64_t pulsar_message_get_publish_timestamp(pulsar_message_t *message);
PULSAR_PUBLIC uint64_t pulsar_message_get_event_timestamp(pulsar_message_t *message);

PULSAR_PUBLIC const char *pulsar_message_get_topic_name(pulsar_message_t *message);
PULSAR_PUBLIC const char *pulsar_message_get_producer_name(pulsar_message_t *message);
/* The cluster that it was first published in, when it was replicated from there. */
PULSAR_PUBLIC const char *pulsar_message_get_replicated_from(pulsar_message_t *message);

/* How often it was delivered before, as far as the broker says (shared subscriptions). */
PULSAR_PUBLIC int pulsar_message_get_redelivery_count(pulsar_message_t *message);

/* The version's bytes, which the broker gave out. */
PULSAR_PUBLIC int pulsar_message_has_schema_version(pulsar_message_t *message);
PULSAR_PUBLIC const char *pulsar_message_get_schemaVersion(pulsar_message_t *message);
PULSAR_PUBLIC void pulsar_message_set_schema_version(pulsar_message_t *message, const char *schemaVersion);

#ifdef __cplusplus
}
#endif

#endif
