/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.h - the messages of a batched entry, walked where they lie; and written.
 *
 *   for each message, in the entry's payload once it is decrypted and uncompressed:
 *   size  meaning
 *      4  S, big endian
 *      S  SingleMessageMetadata, protobuf
 *      P  payload; P is the metadata's payload_size
 *
 * Pure: what a reader gives borrows the payload's bytes.  May call: base/, command.h.
 */
#ifndef WIRE_BATCH_H
#define WIRE_BATCH_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "pulsar.pb-c.h"

struct batch_reader {
    struct bytes rest; /* private */
    uint32_t messages; /* as the entry's metadata says */
    uint32_t next;     /* index of the message that batch_next gives next */
};

struct batch_message {
    uint32_t index;
    struct bytes metadata; /* for batch_metadata_decode */
    struct bytes payload;

    bool has_sequence_id, has_partition_key, has_ordering_key;
    bool partition_key_is_base64, null_partition_key, null_value;
    bool compacted_out;  /* compaction removed it; its payload is empty */
    bool has_properties; /* which batch_metadata_decode gives */
    uint64_t sequence_id;
    uint64_t event_time; /* 0: not said */
    struct bytes partition_key;
    struct bytes ordering_key;
};

void batch_reader_init(struct batch_reader *reader, struct bytes payload, uint32_t messages);

static inline bool batch_reader_done(const struct batch_reader *reader)
{
    return reader->next == reader->messages;
}

/* The next message; only while not batch_reader_done (asserted).  ERR_PROTOCOL: the payload is no batch of so many
 * messages; the reader then stays where it is. */
MUST_USE enum err batch_next(struct batch_reader *reader, struct batch_message *out);

/* All of one message's metadata (its properties), in the arena.  Errors as command_decode's. */
MUST_USE enum err batch_metadata_decode(struct bytes metadata, struct arena *arena, Wire__SingleMessageMetadata **out);

/* Bytes that one message adds to a batch.  Sets metadata->payload_size. */
size_t batch_message_len(Wire__SingleMessageMetadata *metadata, size_t payload_len);

/* Writes one message; asserts that it fits into `size`.  Sets metadata->payload_size.  Returns its length. */
size_t batch_message_encode(uint8_t *out, size_t size, Wire__SingleMessageMetadata *metadata, struct bytes payload);

/* The same two of a message that has nothing but a sequence id: the bytes that they make, without protobuf-c. */
size_t batch_plain_len(uint64_t sequence_id, size_t payload_len);
size_t batch_plain_encode(uint8_t *out, size_t size, uint64_t sequence_id, struct bytes payload);

#endif
