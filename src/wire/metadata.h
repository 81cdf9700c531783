/* SPDX-License-Identifier: Apache-2.0
 *
 * metadata.h - what a producer says of an entry: MessageMetadata.
 *
 * Two ways in.  metadata_scan reads what brokers and dispatchers need, without memory, borrowing from the bytes.
 * metadata_decode gives everything (properties, encryption keys) in an arena.  Whatever metadata_decode accepts,
 * metadata_scan accepts with equal values; the scan does not look inside properties and keys.
 *
 * Writing is protobuf-c's: wire__message_metadata__get_packed_size and __pack; but for what is plain.
 * Pure.  May call: base/, command.h.
 */
#ifndef WIRE_METADATA_H
#define WIRE_METADATA_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "pulsar.pb-c.h"

/* More messages than this in one entry are refused by the scan: counts of messages never overflow 32 bits. */
enum { BATCH_MESSAGES_MAX = 1 << 24 };

struct metadata {
    struct bytes producer_name;
    uint64_t sequence_id;
    uint64_t highest_sequence_id; /* 0: not said; sequence_id then */
    uint64_t publish_time;        /* ms since 1970 */
    uint64_t event_time;          /* 0: not said */

    bool is_batch;     /* the payload is a run of single messages (batch.h), even if of one */
    uint32_t messages; /* 1 .. BATCH_MESSAGES_MAX; 1 when not a batch */

    Wire__CompressionType compression; /* maybe one that we do not know */
    uint32_t uncompressed_size;

    bool has_partition_key, partition_key_is_base64, has_ordering_key;
    bool null_partition_key, null_value;
    struct bytes partition_key;
    struct bytes ordering_key;

    bool has_deliver_at;
    int64_t deliver_at_time; /* ms since 1970 */

    bool is_marker;
    int32_t marker_type;

    bool is_replicated;           /* replicated_from is set */
    struct bytes replicated_from; /* name of the cluster of origin */
    bool has_replicate_to;

    bool has_properties; /* which metadata_decode gives */
    bool is_encrypted;   /* it names encryption keys */

    bool in_transaction; /* both halves of the id are set */
    uint64_t transaction_most, transaction_least;

    bool is_chunk;
    struct bytes chunk_uuid;
    int32_t chunk_id, chunks, chunked_size;

    bool has_schema_version;
    struct bytes schema_version;
};

/* ERR_PROTOCOL: not a MessageMetadata, or messages out of bounds. */
MUST_USE enum err metadata_scan(struct bytes bytes, struct metadata *out);

/* Everything, in the arena.  Errors as command_decode's. */
MUST_USE enum err metadata_decode(struct bytes bytes, struct arena *arena, Wire__MessageMetadata **out);

/* The value of the first property with this name, borrowed from the bytes of a MessageMetadata; no data: there is none.
 */
struct bytes metadata_property(struct bytes metadata, struct bytes name);

/* What key-shared dispatch and compaction go by: the ordering key if there is one, else the partition key (as written:
 * base64 if partition_key_is_base64), else nothing. */
struct bytes metadata_key(const struct metadata *m);

enum { METADATA_PLAIN_MAX = 48 }; /* bytes beside the name of the producer */

/* Writes what an entry of one message without key, properties or times has: producer_name, sequence_id, publish_time,
 * compression if it is not NONE, and uncompressed_size: the bytes that protobuf-c makes.  Returns their number. */
size_t metadata_plain_encode(uint8_t *out, const struct metadata *m);

#endif
