/* SPDX-License-Identifier: Apache-2.0
 *
 * parcel.c - encodes entries.
 *
 * The frame is one buffer: room for the head, the metadata, the payload.  The head's length is known last (it has the
 * lengths of the others, as varints), so it is written against the metadata and the frame starts where it begins.
 */
#include "client/parcel.h"

#include "base/sanitized.h"
#include "wire/batch.h"
#include "wire/command.h"
#include "wire/frame.h"
#include "wire/metadata.h"
#include "wire/publish.h"
#include <assert.h>
#include <stdlib.h>

#define KEPT_FRAME_MAX  (16u * 1024)
#define KEPT_BYTES_MAX  (SANITIZED ? 0 : 2u * 1024 * 1024)
#define FRAME_SIZE_STEP 256u /* so that the next frame, which is about as large, fits where this one was */

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
    b->charge += s->charge;
}

bool client_send_shares(const struct client_send *s)
{
    return s->deliver_at == 0 && s->body->replicate_to_count == 0 && !s->body->schema_version &&
           !s->body->in_transaction;
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
    m->has_txnid_most_bits = m->has_txnid_least_bits = b->in_transaction;
    m->txnid_most_bits = b->transaction_most;
    m->txnid_least_bits = b->transaction_least;
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

/* It says nothing that only protobuf-c writes. */
static bool body_is_plain(const struct client_body *b)
{
    return !b->key && !b->ordering_key && !b->null_value && b->properties.count == 0 && b->event_time == 0;
}

/* Nor does the entry of this one message. */
static bool single_is_plain(const struct client_batch *batch, const struct client_parcel_common *common)
{
    const struct client_send *s = first_send(&batch->sends);

    return batch->count == 1 && body_is_plain(s->body) && client_send_shares(s) && common->schema_version.len == 0;
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

static enum err message_len(const struct client_send *s, size_t *len)
{
    Wire__SingleMessageMetadata m;

    if (body_is_plain(s->body)) {
        *len = batch_plain_len(s->sequence_id, s->body->len);
        return OK;
    }
    if (single_fill(&m, s) != OK)
        return ERR_NOMEM;
    *len = batch_message_len(&m, s->body->len);
    free(m.properties);
    return OK;
}

static enum err message_write(const struct client_send *s, uint8_t *to, size_t size, size_t *len)
{
    const struct bytes payload = bytes_of(s->body->data, s->body->len);
    Wire__SingleMessageMetadata m;

    if (body_is_plain(s->body)) {
        *len = batch_plain_encode(to, size, s->sequence_id, payload);
        return OK;
    }
    if (single_fill(&m, s) != OK)
        return ERR_NOMEM;
    *len = batch_message_encode(to, size, &m, payload);
    free(m.properties);
    return OK;
}

/* Of the payload before compression. */
static enum err raw_len(const struct client_batch *batch, size_t *out)
{
    size_t len = 0, each;

    if (batch->count == 1) {
        *out = first_send(&batch->sends)->body->len;
        return OK;
    }
    list_each (node, &batch->sends) {
        if (message_len(container_of(node, struct client_send, node), &each) != OK)
            return ERR_NOMEM;
        len += each;
    }
    *out = len;
    return OK;
}

static enum err batch_write(const struct client_batch *batch, uint8_t *to, size_t size)
{
    size_t at = 0, len;

    list_each (node, &batch->sends) {
        if (message_write(container_of(node, struct client_send, node), to + at, size - at, &len) != OK)
            return ERR_NOMEM;
        at += len;
    }
    assert(at == size);
    return OK;
}

/* A batch that is compressed is written elsewhere first. */
static enum err batch_compress(const struct client_batch *batch, enum codec codec, size_t raw, uint8_t *to, size_t size,
                               size_t *len)
{
    uint8_t *scratch = malloc(raw);
    enum err err = scratch ? batch_write(batch, scratch, raw) : ERR_NOMEM;

    if (err == OK)
        err = codec_compress(codec, bytes_of(scratch, raw), to, size, len);
    free(scratch);
    return err;
}

static enum err payload_write(const struct client_batch *batch, enum codec codec, size_t raw, uint8_t *to, size_t size,
                              size_t *len)
{
    const struct client_body *first = first_send(&batch->sends)->body;

    if (batch->count == 1)
        return codec_compress(codec, bytes_of(first->data, first->len), to, size, len);
    if (codec != CODEC_NONE)
        return batch_compress(batch, codec, raw, to, size, len);
    *len = raw;
    return batch_write(batch, to, raw);
}

/* ---- the frame ---- */

static struct send send_of(const struct client_batch *batch, const struct client_parcel_common *common)
{
    const struct client_send *first = first_send(&batch->sends);
    const struct client_send *last = container_of(batch->sends.prev, struct client_send, node);

    return (struct send){
        .producer_id = common->producer_id,
        .sequence_id = first->sequence_id,
        .highest_sequence_id = batch->count > 1 ? last->sequence_id : 0,
        .messages = (int32_t)batch->count,
        .in_transaction = first->body->in_transaction,
        .transaction_most = first->body->transaction_most,
        .transaction_least = first->body->transaction_least,
    };
}

/* *buffer, or another one when that is none or too small.  False: memory is short. */
static bool buffer_fit(struct buffer **buffer, size_t capacity)
{
    if (*buffer && (*buffer)->capacity >= capacity)
        return true;
    buffer_unref(*buffer);
    *buffer = buffer_new((capacity + FRAME_SIZE_STEP - 1) / FRAME_SIZE_STEP * FRAME_SIZE_STEP, NULL);
    return *buffer != NULL;
}

/* Room for the frame, in *out if it is there, and its metadata, which begins at SEND_HEAD_MAX. */
static enum err frame_open(struct buffer **out, size_t *metadata_len, const struct client_batch *batch,
                           const struct client_parcel_common *common, size_t raw, size_t bound)
{
    const struct bytes name = bytes_of_text(common->producer_name);
    const bool plain = single_is_plain(batch, common);
    Wire__MessageMetadata m = {0};
    size_t max = METADATA_PLAIN_MAX + name.len;

    if (!plain && metadata_fill(&m, batch, common, raw) != OK)
        return ERR_NOMEM;
    if (!plain)
        max = wire__message_metadata__get_packed_size(&m);
    const bool fits = buffer_fit(out, SEND_HEAD_MAX + max + bound);
    if (fits && plain)
        *metadata_len = metadata_plain_encode((*out)->data + SEND_HEAD_MAX,
                                              &(struct metadata){.producer_name = name,
                                                                 .sequence_id = first_send(&batch->sends)->sequence_id,
                                                                 .publish_time = common->publish_time_ms,
                                                                 .compression = (Wire__CompressionType)common->codec,
                                                                 .uncompressed_size = (uint32_t)raw});
    else if (fits)
        *metadata_len = wire__message_metadata__pack(&m, (*out)->data + SEND_HEAD_MAX);
    free(m.properties);
    return fits ? OK : ERR_NOMEM;
}

/* Takes over the buffer that *out may have; without one unless OK. */
static enum err frame_encode(struct slice *out, const struct client_batch *batch,
                             const struct client_parcel_common *common)
{
    const struct send send = send_of(batch, common);
    uint8_t head[SEND_HEAD_MAX], *metadata, *payload;
    size_t raw, bound, metadata_len, payload_len, head_len;
    struct buffer *buffer = out->buffer;
    enum err err;

    *out = (struct slice){0};
    if ((err = raw_len(batch, &raw)) != OK)
        goto out;
    err = ERR_TOO_LARGE;
    if (raw > INT32_MAX / 2)
        goto out;
    bound = codec_bound(common->codec, raw);
    if ((err = frame_open(&buffer, &metadata_len, batch, common, raw, bound)) != OK)
        goto out;
    metadata = buffer->data + SEND_HEAD_MAX;
    payload = metadata + metadata_len;
    if ((err = payload_write(batch, common->codec, raw, payload, bound, &payload_len)) != OK)
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

/* ---- parcels ---- */

void client_parcel_pool_init(struct client_parcel_pool *pool)
{
    *pool = (struct client_parcel_pool){0};
    list_init(&pool->free);
}

static void parcel_free(struct client_parcel *p)
{
    slice_unref(&p->frame);
    free(p);
}

void client_parcel_pool_deinit(struct client_parcel_pool *pool)
{
    struct list *node;

    while ((node = list_pop_front(&pool->free)))
        parcel_free(container_of(node, struct client_parcel, node));
}

/* Its frame may have a buffer. */
static struct client_parcel *parcel_take(struct client_parcel_pool *pool)
{
    struct list *node = list_pop_front(&pool->free);

    if (!node)
        return calloc(1, sizeof(struct client_parcel));
    struct client_parcel *p = container_of(node, struct client_parcel, node);
    pool->bytes -= p->frame.buffer->capacity;
    return p;
}

static void parcel_give(struct client_parcel *p)
{
    struct client_parcel_pool *pool = p->pool;
    const struct buffer *b = p->frame.buffer;

    if (b->refs > 1 || b->capacity > KEPT_FRAME_MAX || pool->bytes + b->capacity > KEPT_BYTES_MAX) {
        parcel_free(p);
        return;
    }
    pool->bytes += b->capacity;
    list_push_front(&pool->free, &p->node); /* the next one finds it in the processor's cache */
}

enum err client_parcel_new(struct client_parcel **out, struct client_batch *batch,
                           const struct client_parcel_common *common)
{
    struct client_parcel *p = parcel_take(common->pool);
    enum err err;

    assert(batch->count > 0);
    if (!p)
        return ERR_NOMEM;
    if ((err = frame_encode(&p->frame, batch, common)) != OK) {
        free(p);
        return err;
    }
    p->pool = common->pool;
    list_init(&p->node);
    p->count = batch->count;
    p->charge = batch->charge;
    p->sequence_id = first_send(&batch->sends)->sequence_id;
    p->deadline_ns = first_send(&batch->sends)->deadline_ns;
    list_move(&p->sends, &batch->sends);
    client_batch_init(batch);
    *out = p;
    return OK;
}

void client_parcel_finish(struct client_parcel *p, pulsar_result result, const struct message_id *entry)
{
    struct _pulsar_message_id id = CLIENT_MESSAGE_ID_NONE;

    if (entry) {
        id.ledger = entry->ledger;
        id.entry = entry->entry;
        id.partition = entry->partition;
        id.batch_size = p->count > 1 ? (int32_t)p->count : 0;
    }
    /* They are not taken off the list one by one: that would write to the next one, which is in no cache. */
    struct list *node = p->sends.next;
    for (int32_t i = 0; node != &p->sends; i++) {
        struct client_send *s = container_of(node, struct client_send, node);

        node = node->next;
        __builtin_prefetch(node);
        id.batch_index = p->count > 1 ? i : -1;
        s->done(s, result, result == pulsar_result_Ok ? &id : NULL);
    }
    parcel_give(p);
}

bool client_parcel_intact(const struct client_parcel *p)
{
    struct entry_view view;
    struct frame frame;

    return frame_decode(slice_bytes(p->frame), &frame) == OK && entry_view_decode(frame.entry, &view) == OK &&
           entry_view_verify(&view) == OK;
}
