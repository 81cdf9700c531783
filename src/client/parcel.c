/* SPDX-License-Identifier: Apache-2.0
 *
 * parcel.c - encodes entries.
 *
 * The frame is one buffer: room for the head, the metadata, the payload.  The head's length is known last (it has the
 * lengths of the others, as varints), so it is written against the metadata and the frame starts where it begins.
 */
#include "client/parcel.h"

#include "wire/batch.h"
#include "wire/command.h"
#include "wire/frame.h"
#include "wire/publish.h"
#include <assert.h>
#include <stdlib.h>

void client_batch_init(struct client_batch *b)
{
    *b = (struct client_batch){0};
    list_init(&b->sends);
}

void client_batch_add(struct client_batch *b, struct client_send *s)
{
    list_push_back(&b->sends, &s->node);
    b->count++;
    b->bytes += client_send_size(s);
}

bool client_send_shares(const struct client_send *s)
{
    return s->deliver_at == 0 && s->body->replicate_to_count == 0 && !s->body->schema_version;
}

size_t client_send_size(const struct client_send *s)
{
    const struct client_body *b = s->body;
    size_t size = b->len + (b->key ? strlen(b->key) : 0) + b->ordering_key_len + 16;

    for (int i = 0; i < b->properties.count; i++)
        size += strlen(b->properties.pairs[i].key) + strlen(b->properties.pairs[i].value) + 6;
    return size;
}

static struct client_send *first_send(const struct list *sends)
{
    return container_of(sends->next, struct client_send, node);
}

/* ---- metadata ---- */

/* What an entry of one message says of it. */
static enum err metadata_of_single(Wire__MessageMetadata *m, const struct client_send *s)
{
    const struct client_body *b = s->body;

    m->n_properties = (size_t)b->properties.count;
    m->partition_key = b->key;
    m->has_partition_key_b64_encoded = m->partition_key_b64_encoded = b->key_is_base64;
    m->has_ordering_key = b->ordering_key != NULL;
    m->ordering_key = wire_binary(bytes_of(b->ordering_key, b->ordering_key_len));
    m->has_event_time = b->event_time > 0;
    m->event_time = b->event_time;
    m->has_null_value = m->null_value = b->null_value;
    m->has_deliver_at_time = s->deliver_at > 0;
    m->deliver_at_time = s->deliver_at;
    m->n_replicate_to = b->replicate_to_count;
    m->replicate_to = b->replicate_to;
    if (b->schema_version) {
        m->has_schema_version = true;
        m->schema_version = wire_binary(bytes_of_text(b->schema_version));
    }
    return client_map_wire(&b->properties, &m->properties);
}

/* A batch has the keys of its first message: what key-shared dispatch goes by. */
static void metadata_of_batch(Wire__MessageMetadata *m, const struct client_batch *batch)
{
    const struct client_body *first = first_send(&batch->sends)->body;
    const struct client_send *last = container_of(batch->sends.prev, struct client_send, node);

    m->has_num_messages_in_batch = true;
    m->num_messages_in_batch = (int32_t)batch->count;
    m->has_highest_sequence_id = true;
    m->highest_sequence_id = last->sequence_id;
    m->partition_key = first->key;
    m->has_partition_key_b64_encoded = m->partition_key_b64_encoded = first->key_is_base64;
    m->has_ordering_key = first->ordering_key != NULL;
    m->ordering_key = wire_binary(bytes_of(first->ordering_key, first->ordering_key_len));
}

static enum err metadata_fill(Wire__MessageMetadata *m, const struct client_batch *batch,
                              const struct client_parcel_common *common, size_t raw_len)
{
    const struct client_send *first = first_send(&batch->sends);

    wire__message_metadata__init(m);
    m->producer_name = wire_text(common->producer_name);
    m->sequence_id = first->sequence_id;
    m->publish_time = common->publish_time_ms;
    m->has_compression = common->codec != CODEC_NONE;
    m->compression = (Wire__CompressionType)common->codec;
    m->has_uncompressed_size = true;
    m->uncompressed_size = (uint32_t)raw_len;
    m->has_schema_version = common->schema_version.len > 0;
    m->schema_version = wire_binary(common->schema_version);
    if (batch->count == 1)
        return metadata_of_single(m, first);
    metadata_of_batch(m, batch);
    return OK;
}

/* ---- the payload of a batch ---- */

static enum err single_fill(Wire__SingleMessageMetadata *m, const struct client_send *s)
{
    const struct client_body *b = s->body;

    wire__single_message_metadata__init(m);
    m->n_properties = (size_t)b->properties.count;
    m->partition_key = b->key;
    m->has_partition_key_b64_encoded = m->partition_key_b64_encoded = b->key_is_base64;
    m->has_ordering_key = b->ordering_key != NULL;
    m->ordering_key = wire_binary(bytes_of(b->ordering_key, b->ordering_key_len));
    m->has_event_time = b->event_time > 0;
    m->event_time = b->event_time;
    m->has_sequence_id = true;
    m->sequence_id = s->sequence_id;
    m->has_null_value = m->null_value = b->null_value;
    return client_map_wire(&b->properties, &m->properties);
}

static enum err batch_len(const struct client_batch *batch, size_t *out)
{
    Wire__SingleMessageMetadata m;
    size_t len = 0;

    list_each (node, &batch->sends) {
        const struct client_send *s = container_of(node, struct client_send, node);

        if (single_fill(&m, s) != OK)
            return ERR_NOMEM;
        len += batch_message_len(&m, s->body->len);
        free(m.properties);
    }
    *out = len;
    return OK;
}

static enum err batch_write(const struct client_batch *batch, uint8_t *to, size_t size)
{
    Wire__SingleMessageMetadata m;
    size_t at = 0;

    list_each (node, &batch->sends) {
        const struct client_send *s = container_of(node, struct client_send, node);

        if (single_fill(&m, s) != OK)
            return ERR_NOMEM;
        at += batch_message_encode(to + at, size - at, &m, bytes_of(s->body->data, s->body->len));
        free(m.properties);
    }
    assert(at == size);
    return OK;
}

/* The payload before compression: the message's own bytes, or *scratch, to be freed by the caller. */
static enum err raw_payload(const struct client_batch *batch, struct bytes *raw, uint8_t **scratch)
{
    const struct client_body *first = first_send(&batch->sends)->body;
    size_t len;
    enum err err;

    *scratch = NULL;
    if (batch->count == 1) {
        *raw = bytes_of(first->data, first->len);
        return OK;
    }
    if ((err = batch_len(batch, &len)) != OK)
        return err;
    if (!(*scratch = malloc(len)))
        return ERR_NOMEM;
    *raw = bytes_of(*scratch, len);
    return batch_write(batch, *scratch, len);
}

/* ---- the frame ---- */

static struct send send_of(const struct client_batch *batch, const struct client_parcel_common *common)
{
    const struct client_send *last = container_of(batch->sends.prev, struct client_send, node);

    return (struct send){
        .producer_id = common->producer_id,
        .sequence_id = first_send(&batch->sends)->sequence_id,
        .highest_sequence_id = batch->count > 1 ? last->sequence_id : 0,
        .messages = (int32_t)batch->count,
    };
}

static enum err frame_write(struct slice *out, const struct client_batch *batch,
                            const struct client_parcel_common *common, const Wire__MessageMetadata *m, struct bytes raw)
{
    size_t metadata_len = wire__message_metadata__get_packed_size(m), payload_len, head_len;
    size_t bound = codec_bound(common->codec, raw.len);
    struct buffer *buffer = buffer_new(SEND_HEAD_MAX + metadata_len + bound, NULL);
    struct send send = send_of(batch, common);
    uint8_t head[SEND_HEAD_MAX], *metadata, *payload;
    enum err err;

    if (!buffer)
        return ERR_NOMEM;
    metadata = buffer->data + SEND_HEAD_MAX;
    payload = metadata + metadata_len;
    wire__message_metadata__pack(m, metadata);
    if ((err = codec_compress(common->codec, raw, payload, bound, &payload_len)) != OK)
        goto out;
    if (payload_len > common->payload_max) {
        err = ERR_TOO_LARGE;
        goto out;
    }
    head_len = send_head_encode(head, &send, bytes_of(metadata, metadata_len), bytes_of(payload, payload_len));
    memcpy(metadata - head_len, head, head_len);
    *out = slice_of(buffer, SEND_HEAD_MAX - head_len, head_len + metadata_len + payload_len);
out:
    buffer_unref(buffer);
    return err;
}

static enum err frame_encode(struct slice *out, const struct client_batch *batch,
                             const struct client_parcel_common *common)
{
    Wire__MessageMetadata metadata;
    struct bytes raw;
    uint8_t *scratch;
    enum err err;

    if ((err = raw_payload(batch, &raw, &scratch)) != OK)
        goto out;
    if (raw.len > INT32_MAX / 2) {
        err = ERR_TOO_LARGE;
        goto out;
    }
    if ((err = metadata_fill(&metadata, batch, common, raw.len)) != OK)
        goto out;
    err = frame_write(out, batch, common, &metadata, raw);
    free(metadata.properties);
out:
    free(scratch);
    return err;
}

static void sends_move(struct list *to, struct list *from)
{
    struct list *node;

    list_init(to);
    while ((node = list_pop_front(from)))
        list_push_back(to, node);
}

enum err client_parcel_new(struct client_parcel **out, struct client_batch *batch,
                           const struct client_parcel_common *common)
{
    struct client_parcel *p = calloc(1, sizeof *p);
    enum err err;

    assert(batch->count > 0);
    if (!p)
        return ERR_NOMEM;
    if ((err = frame_encode(&p->frame, batch, common)) != OK) {
        free(p);
        return err;
    }
    list_init(&p->node);
    p->count = batch->count;
    p->sequence_id = first_send(&batch->sends)->sequence_id;
    p->deadline_ns = first_send(&batch->sends)->deadline_ns;
    sends_move(&p->sends, &batch->sends);
    client_batch_init(batch);
    *out = p;
    return OK;
}

void client_parcel_finish(struct client_parcel *p, pulsar_result result, const struct message_id *entry)
{
    struct _pulsar_message_id id = CLIENT_MESSAGE_ID_NONE;
    struct list *node;

    if (entry) {
        id.ledger = entry->ledger;
        id.entry = entry->entry;
        id.partition = entry->partition;
        id.batch_size = p->count > 1 ? (int32_t)p->count : 0;
    }
    for (int32_t i = 0; (node = list_pop_front(&p->sends)); i++) {
        struct client_send *s = container_of(node, struct client_send, node);

        id.batch_index = p->count > 1 ? i : -1;
        s->done(s, result, result == pulsar_result_Ok ? &id : NULL);
    }
    slice_unref(&p->frame);
    free(p);
}

bool client_parcel_intact(const struct client_parcel *p)
{
    struct entry_view view;
    struct frame frame;

    return frame_decode(slice_bytes(p->frame), &frame) == OK && entry_view_decode(frame.entry, &view) == OK &&
           entry_view_verify(&view) == OK;
}
