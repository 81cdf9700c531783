/* SPDX-License-Identifier: Apache-2.0
 *
 * metadata.c - see metadata.h.
 */
#include "wire/metadata.h"

#include "wire/command.h"
#include "wire/fields.h"

#include <assert.h>

/* Field numbers of MessageMetadata. */
enum {
    PRODUCER_NAME = 1,
    SEQUENCE_ID = 2,
    PUBLISH_TIME = 3,
    PROPERTIES = 4,
    REPLICATED_FROM = 5,
    PARTITION_KEY = 6,
    REPLICATE_TO = 7,
    COMPRESSION = 8,
    UNCOMPRESSED_SIZE = 9,
    NUM_MESSAGES_IN_BATCH = 11,
    EVENT_TIME = 12,
    ENCRYPTION_KEYS = 13,
    SCHEMA_VERSION = 16,
    PARTITION_KEY_B64_ENCODED = 17,
    ORDERING_KEY = 18,
    DELIVER_AT_TIME = 19,
    MARKER_TYPE = 20,
    TXNID_LEAST_BITS = 22,
    TXNID_MOST_BITS = 23,
    HIGHEST_SEQUENCE_ID = 24,
    NULL_VALUE = 25,
    UUID = 26,
    NUM_CHUNKS_FROM_MSG = 27,
    TOTAL_CHUNK_MSG_SIZE = 28,
    CHUNK_ID = 29,
    NULL_PARTITION_KEY = 30,
    NUMBER_MAX = 30
};

static const uint32_t required = 1u << PRODUCER_NAME | 1u << SEQUENCE_ID | 1u << PUBLISH_TIME;
static const uint32_t transaction = 1u << TXNID_LEAST_BITS | 1u << TXNID_MOST_BITS;

struct scan {
    struct metadata *metadata;
    int32_t messages;
    int32_t compression;
};

/* One field; false: it is of the wrong kind. */
static bool scan_field(struct scan *s, const struct field *f)
{
    struct metadata *m = s->metadata;
    struct bytes skipped;

    switch (f->number) {
    case PRODUCER_NAME:
        return field_bytes(f, &m->producer_name);
    case SEQUENCE_ID:
        return field_u64(f, &m->sequence_id);
    case PUBLISH_TIME:
        return field_u64(f, &m->publish_time);
    case REPLICATED_FROM:
        return field_bytes(f, &m->replicated_from);
    case PARTITION_KEY:
        return field_bytes(f, &m->partition_key);
    case REPLICATE_TO:
    case ENCRYPTION_KEYS:
        return field_bytes(f, &skipped);
    case COMPRESSION:
        return field_i32(f, &s->compression);
    case UNCOMPRESSED_SIZE:
        return field_u32(f, &m->uncompressed_size);
    case NUM_MESSAGES_IN_BATCH:
        return field_i32(f, &s->messages);
    case EVENT_TIME:
        return field_u64(f, &m->event_time);
    case SCHEMA_VERSION:
        return field_bytes(f, &m->schema_version);
    case PARTITION_KEY_B64_ENCODED:
        return field_bool(f, &m->partition_key_is_base64);
    case ORDERING_KEY:
        return field_bytes(f, &m->ordering_key);
    case DELIVER_AT_TIME:
        return field_i64(f, &m->deliver_at_time);
    case MARKER_TYPE:
        return field_i32(f, &m->marker_type);
    case TXNID_LEAST_BITS:
        return field_u64(f, &m->transaction_least);
    case TXNID_MOST_BITS:
        return field_u64(f, &m->transaction_most);
    case HIGHEST_SEQUENCE_ID:
        return field_u64(f, &m->highest_sequence_id);
    case NULL_VALUE:
        return field_bool(f, &m->null_value);
    case UUID:
        return field_bytes(f, &m->chunk_uuid);
    case NUM_CHUNKS_FROM_MSG:
        return field_i32(f, &m->chunks);
    case TOTAL_CHUNK_MSG_SIZE:
        return field_i32(f, &m->chunked_size);
    case CHUNK_ID:
        return field_i32(f, &m->chunk_id);
    case NULL_PARTITION_KEY:
        return field_bool(f, &m->null_partition_key);
    default:
        return true;
    }
}

/* What is told by a field's being there. */
static void note_presence(struct metadata *m, uint32_t seen)
{
    m->is_batch = seen & 1u << NUM_MESSAGES_IN_BATCH;
    m->has_partition_key = seen & 1u << PARTITION_KEY;
    m->has_ordering_key = seen & 1u << ORDERING_KEY;
    m->has_deliver_at = seen & 1u << DELIVER_AT_TIME;
    m->is_marker = seen & 1u << MARKER_TYPE;
    m->is_replicated = seen & 1u << REPLICATED_FROM;
    m->has_replicate_to = seen & 1u << REPLICATE_TO;
    m->has_properties = seen & 1u << PROPERTIES;
    m->is_encrypted = seen & 1u << ENCRYPTION_KEYS;
    m->in_transaction = (seen & transaction) == transaction;
    m->has_schema_version = seen & 1u << SCHEMA_VERSION;
    m->is_chunk = m->chunks > 1;
}

enum err metadata_scan(struct bytes bytes, struct metadata *out)
{
    struct metadata m = {0};
    struct scan scan = {.metadata = &m, .messages = 1};
    struct fields walk = fields_of(bytes);
    struct field f;
    uint32_t seen = 0;

    while (fields_next(&walk, &f)) {
        if (!scan_field(&scan, &f))
            return ERR_PROTOCOL;
        if (f.number <= NUMBER_MAX)
            seen |= 1u << f.number;
    }
    if (walk.broken || (seen & required) != required)
        return ERR_PROTOCOL;
    if (scan.messages < 1 || scan.messages > BATCH_MESSAGES_MAX)
        return ERR_PROTOCOL;
    m.messages = (uint32_t)scan.messages;
    m.compression = (Wire__CompressionType)scan.compression;
    note_presence(&m, seen);
    *out = m;
    return OK;
}

enum err metadata_decode(struct bytes bytes, struct arena *arena, Wire__MessageMetadata **out)
{
    ProtobufCMessage *message;
    enum err err = wire_decode(&wire__message_metadata__descriptor, bytes, arena, &message);

    if (err == OK)
        *out = (Wire__MessageMetadata *)message;
    return err;
}

/* The value of a KeyValue, when that is its key. */
static struct bytes value_of(struct bytes property, struct bytes name)
{
    struct fields walk = fields_of(property);
    struct bytes key = {0}, value = {0};
    struct field f;

    while (fields_next(&walk, &f)) {
        if ((f.number == 1 && !field_bytes(&f, &key)) || (f.number == 2 && !field_bytes(&f, &value)))
            return (struct bytes){0};
    }
    return !walk.broken && key.data && bytes_equal(key, name) ? value : (struct bytes){0};
}

struct bytes metadata_property(struct bytes metadata, struct bytes name)
{
    struct fields walk = fields_of(metadata);
    struct bytes property, value;
    struct field f;

    while (fields_next(&walk, &f)) {
        if (f.number != PROPERTIES || !field_bytes(&f, &property))
            continue;
        value = value_of(property, name);
        if (value.data)
            return value;
    }
    return (struct bytes){0};
}

struct bytes metadata_key(const struct metadata *m)
{
    if (m->has_ordering_key)
        return m->ordering_key;
    return m->has_partition_key ? m->partition_key : bytes_of(NULL, 0);
}

size_t metadata_plain_encode(uint8_t *out, const struct metadata *m)
{
    uint8_t *p = field_put_head(out, PRODUCER_NAME, m->producer_name.len);

    if (m->producer_name.len > 0)
        memcpy(p, m->producer_name.data, m->producer_name.len);
    p = field_put_varint(p + m->producer_name.len, SEQUENCE_ID, m->sequence_id);
    p = field_put_varint(p, PUBLISH_TIME, m->publish_time);
    if (m->compression != WIRE__COMPRESSION_TYPE__NONE)
        p = field_put_varint(p, COMPRESSION, (uint64_t)m->compression);
    p = field_put_varint(p, UNCOMPRESSED_SIZE, m->uncompressed_size);
    assert(p <= out + METADATA_PLAIN_MAX + m->producer_name.len);
    return (size_t)(p - out);
}
