/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.c - see batch.h, which draws the format.
 */
#include "wire/batch.h"

#include "wire/command.h"
#include "wire/fields.h"

#include <assert.h>

enum { SIZE_FIELD = 4 };

/* Field numbers of SingleMessageMetadata. */
enum {
    PROPERTIES = 1,
    PARTITION_KEY = 2,
    PAYLOAD_SIZE = 3,
    COMPACTED_OUT = 4,
    EVENT_TIME = 5,
    PARTITION_KEY_B64_ENCODED = 6,
    ORDERING_KEY = 7,
    SEQUENCE_ID = 8,
    NULL_VALUE = 9,
    NULL_PARTITION_KEY = 10
};

void batch_reader_init(struct batch_reader *reader, struct bytes payload, uint32_t messages)
{
    *reader = (struct batch_reader){.rest = payload, .messages = messages};
}

static bool single_field(struct batch_message *m, const struct field *f, int32_t *payload_size)
{
    switch (f->number) {
    case PROPERTIES:
        m->has_properties = true;
        return true;
    case PARTITION_KEY:
        m->has_partition_key = true;
        return field_bytes(f, &m->partition_key);
    case PAYLOAD_SIZE:
        return field_i32(f, payload_size);
    case COMPACTED_OUT:
        return field_bool(f, &m->compacted_out);
    case EVENT_TIME:
        return field_u64(f, &m->event_time);
    case PARTITION_KEY_B64_ENCODED:
        return field_bool(f, &m->partition_key_is_base64);
    case ORDERING_KEY:
        m->has_ordering_key = true;
        return field_bytes(f, &m->ordering_key);
    case SEQUENCE_ID:
        m->has_sequence_id = true;
        return field_u64(f, &m->sequence_id);
    case NULL_VALUE:
        return field_bool(f, &m->null_value);
    case NULL_PARTITION_KEY:
        return field_bool(f, &m->null_partition_key);
    default:
        return true;
    }
}

/* Reads the metadata in m->metadata; *payload_size stays negative when it says none. */
static enum err single_scan(struct batch_message *m, int32_t *payload_size)
{
    struct fields walk = fields_of(m->metadata);
    struct field f;

    *payload_size = -1;
    while (fields_next(&walk, &f))
        if (!single_field(m, &f, payload_size))
            return ERR_PROTOCOL;
    return walk.broken || *payload_size < 0 ? ERR_PROTOCOL : OK;
}

enum err batch_next(struct batch_reader *reader, struct batch_message *out)
{
    struct batch_message m = {.index = reader->next};
    const uint8_t *at = reader->rest.data;
    size_t left = reader->rest.len;
    int32_t payload_size;
    enum err err;

    assert(!batch_reader_done(reader));

    if (left < SIZE_FIELD || be32_get(at) > left - SIZE_FIELD)
        return ERR_PROTOCOL;
    m.metadata = bytes_of(at + SIZE_FIELD, be32_get(at));
    at += SIZE_FIELD + m.metadata.len;
    left -= SIZE_FIELD + m.metadata.len;
    if ((err = single_scan(&m, &payload_size)) != OK)
        return err;
    if ((size_t)payload_size > left)
        return ERR_PROTOCOL;
    m.payload = bytes_of(at, (size_t)payload_size);
    reader->rest = bytes_of(at + m.payload.len, left - m.payload.len);
    reader->next++;
    *out = m;
    return OK;
}

enum err batch_metadata_decode(struct bytes metadata, struct arena *arena, Wire__SingleMessageMetadata **out)
{
    ProtobufCMessage *message;
    enum err err = wire_decode(&wire__single_message_metadata__descriptor, metadata, arena, &message);

    if (err == OK)
        *out = (Wire__SingleMessageMetadata *)message;
    return err;
}

size_t batch_message_len(Wire__SingleMessageMetadata *metadata, size_t payload_len)
{
    assert(payload_len <= INT32_MAX);

    metadata->payload_size = (int32_t)payload_len;
    return SIZE_FIELD + wire__single_message_metadata__get_packed_size(metadata) + payload_len;
}

size_t batch_message_encode(uint8_t *out, size_t size, Wire__SingleMessageMetadata *metadata, struct bytes payload)
{
    size_t len = batch_message_len(metadata, payload.len);

    assert(len <= size);

    be32_put(out, (uint32_t)(len - SIZE_FIELD - payload.len));
    wire__single_message_metadata__pack(metadata, out + SIZE_FIELD);
    if (payload.len > 0)
        memcpy(out + len - payload.len, payload.data, payload.len);
    return len;
}

static size_t plain_metadata_len(uint64_t sequence_id, size_t payload_len)
{
    return field_varint_len(payload_len) + field_varint_len(sequence_id);
}

size_t batch_plain_len(uint64_t sequence_id, size_t payload_len)
{
    assert(payload_len <= INT32_MAX);

    return SIZE_FIELD + plain_metadata_len(sequence_id, payload_len) + payload_len;
}

size_t batch_plain_encode(uint8_t *out, size_t size, uint64_t sequence_id, struct bytes payload)
{
    const size_t len = batch_plain_len(sequence_id, payload.len);
    uint8_t *p = out + SIZE_FIELD;

    assert(len <= size);

    be32_put(out, (uint32_t)plain_metadata_len(sequence_id, payload.len));
    p = field_put_varint(p, PAYLOAD_SIZE, payload.len);
    p = field_put_varint(p, SEQUENCE_ID, sequence_id);
    if (payload.len > 0)
        memcpy(p, payload.data, payload.len);
    assert(p + payload.len == out + len);
    return len;
}
