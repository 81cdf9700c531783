/* SPDX-License-Identifier: Apache-2.0
 *
 * messages.c - one message of a topic, to look at: its payload as the body, uncompressed, and what its producer said of
 * it as headers; Pulsar's names.  Of a batch the whole run of messages, which clients take apart.
 *
 * The entry is copied on the core; all the rest is done on the admin thread.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/topic_guard.h"
#include "base/base64.h"
#include "broker/peek.h"
#include "wire/codec.h"
#include "wire/entry_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct peek_call {
    struct peek peek;
    struct call *call;
    struct position position;
    struct bytes entry; /* in the arena */
};

/* ---- headers ---- */

static void header_text(struct call *call, const char *name, const char *value)
{
    if (value)
        call_header(call, name, bytes_of_text(value));
}

static void header_number(struct call *call, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, value);
    header_text(call, name, text);
}

static void header_time(struct call *call, const char *name, uint64_t ms)
{
    struct text out;
    struct json j;

    text_init(&out, 100);
    j = json_to(&out);
    json_time(&j, NULL, (int64_t)ms);
    if (out.len > 2) /* without its quotes */
        call_header(call, name, bytes_of(out.data + 1, out.len - 2));
    text_deinit(&out);
}

static void header_properties(struct call *call, const Wire__MessageMetadata *m)
{
    struct text out;
    struct json j;

    text_init(&out, HEADERS_MAX);
    j = json_to(&out);
    json_object_begin(&j, NULL);
    for (size_t i = 0; i < m->n_properties; i++) {
        json_key(&j, bytes_of_text(m->properties[i]->key));
        json_text(&j, NULL, m->properties[i]->value);
    }
    json_object_end(&j);
    if (!text_failed(&out))
        call_header(call, "X-Pulsar-PROPERTY:", bytes_of(out.data, out.len));
    text_deinit(&out);
}

/* In base64, as they are bytes; at most what a header may have, else it is left out. */
static void header_base64(struct call *call, const char *name, struct bytes value)
{
    struct text text;

    text_init(&text, HEADERS_MAX);
    base64_encode(&text, value);
    if (!text_failed(&text))
        call_header(call, name, bytes_of(text.data, text.len));
    text_deinit(&text);
}

static void header_bool(struct call *call, const char *name, bool value)
{
    header_text(call, name, value ? "true" : "false");
}

/* "a,b" */
static void headers_of_replication(struct call *call, const Wire__MessageMetadata *m)
{
    struct text all;

    header_text(call, "X-Pulsar-replicated-from:", m->replicated_from);
    if (m->n_replicate_to == 0)
        return;
    text_init(&all, HEADERS_MAX);
    for (size_t i = 0; i < m->n_replicate_to; i++) {
        text_add(&all, i > 0 ? "," : "");
        text_add(&all, m->replicate_to[i]);
    }
    if (!text_failed(&all))
        call_header(call, "X-Pulsar-replicated-to:", bytes_of(all.data, all.len));
    text_deinit(&all);
}

/* Nothing is aborted or open here: there are no transactions. */
static void headers_of_transaction(struct call *call, const Wire__MessageMetadata *m)
{
    if (m->has_txnid_least_bits)
        header_number(call, "X-Pulsar-txnid-least-bits:", m->txnid_least_bits);
    if (m->has_txnid_most_bits)
        header_number(call, "X-Pulsar-txnid-most-bits:", m->txnid_most_bits);
    header_bool(call, "X-Pulsar-txn-uncommitted:", false);
}

static void headers_of_chunk(struct call *call, const Wire__MessageMetadata *m)
{
    if (m->uuid)
        header_text(call, "X-Pulsar-uuid:", m->uuid);
    if (!m->has_chunk_id)
        return;
    header_number(call, "X-Pulsar-chunk-id:", (uint64_t)m->chunk_id);
    header_number(call, "X-Pulsar-num-chunks-from-msg:", (uint64_t)m->num_chunks_from_msg);
    header_number(call, "X-Pulsar-total-chunk-msg-size:", (uint64_t)m->total_chunk_msg_size);
}

static void headers_of_key(struct call *call, const Wire__MessageMetadata *m)
{
    header_text(call, "X-Pulsar-partition-key:", m->partition_key);
    if (m->has_partition_key_b64_encoded)
        header_text(call, "X-Pulsar-partition-key-b64-encoded:", m->partition_key_b64_encoded ? "true" : "false");
    if (m->has_ordering_key)
        header_base64(call, "X-Pulsar-Base64-ordering-key:", bytes_of(m->ordering_key.data, m->ordering_key.len));
    if (m->has_null_partition_key)
        header_text(call, "X-Pulsar-null-partition-key:", m->null_partition_key ? "true" : "false");
}

static const char *codec_name(Wire__CompressionType type)
{
    switch (type) {
    case WIRE__COMPRESSION_TYPE__LZ4:
        return "LZ4";
    case WIRE__COMPRESSION_TYPE__ZLIB:
        return "ZLIB";
    case WIRE__COMPRESSION_TYPE__ZSTD:
        return "ZSTD";
    case WIRE__COMPRESSION_TYPE__SNAPPY:
        return "SNAPPY";
    default:
        return "NONE";
    }
}

static void headers_of(struct call *call, struct position position, const Wire__MessageMetadata *m, size_t payload_len)
{
    char id[48];

    snprintf(id, sizeof id, "%" PRId64 ":%" PRId64, position.ledger, position.entry);
    header_text(call, "X-Pulsar-Message-ID:", id);
    header_text(call, "X-Pulsar-producer-name:", m->producer_name);
    header_number(call, "X-Pulsar-sequence-id:", m->sequence_id);
    header_time(call, "X-Pulsar-publish-time:", m->publish_time);
    if (m->event_time)
        header_time(call, "X-Pulsar-event-time:", m->event_time);
    if (m->has_deliver_at_time)
        header_time(call, "X-Pulsar-deliver-at-time:", (uint64_t)m->deliver_at_time);
    if (m->has_num_messages_in_batch) {
        header_number(call, "X-Pulsar-num-batch-message:", (uint64_t)m->num_messages_in_batch);
        header_number(call, "X-Pulsar-batch-size:", payload_len);
    }
    if (m->has_compression)
        header_text(call, "X-Pulsar-compression:", codec_name(m->compression));
    if (m->has_uncompressed_size)
        header_number(call, "X-Pulsar-uncompressed-size:", m->uncompressed_size);
    if (m->has_null_value)
        header_text(call, "X-Pulsar-null-value:", m->null_value ? "true" : "false");
    if (m->has_marker_type)
        header_number(call, "X-Pulsar-marker-type:", (uint64_t)m->marker_type);
    header_text(call, "X-Pulsar-Is-Encrypted:", m->n_encryption_keys ? "true" : "false");
    header_text(call, "X-Pulsar-encryption-algo:", m->encryption_algo);
    if (m->has_schema_version)
        header_base64(call, "X-Pulsar-Base64-schema-version:", bytes_of(m->schema_version.data, m->schema_version.len));
    if (m->has_encryption_param)
        header_base64(call,
                      "X-Pulsar-Base64-encryption-param:", bytes_of(m->encryption_param.data, m->encryption_param.len));
    headers_of_replication(call, m);
    headers_of_transaction(call, m);
    headers_of_key(call, m);
    headers_of_chunk(call, m);
    header_properties(call, m);
}

/* ---- the body ---- */

/* What is encrypted stays as it is. */
static enum err write_payload(struct call *call, const struct entry_view *view)
{
    const struct metadata *m = &view->metadata;
    uint8_t *out;
    enum err err;

    if (m->compression == WIRE__COMPRESSION_TYPE__NONE || m->is_encrypted) {
        text_add_bytes(&call->answer.body, view->payload);
        return OK;
    }
    if (m->uncompressed_size > ANSWER_MAX)
        return ERR_TOO_LARGE;
    if (!codec_plausible((int)m->compression, view->payload.len, m->uncompressed_size))
        return ERR_CORRUPT;
    if (!(out = malloc(m->uncompressed_size + 1)))
        return ERR_NOMEM;
    err = codec_decompress((int)m->compression, view->payload, out, m->uncompressed_size);
    if (err == OK)
        text_add_bytes(&call->answer.body, bytes_of(out, m->uncompressed_size));
    free(out);
    return err;
}

/* On the admin thread. */
static void write_message(struct call *call)
{
    const struct peek_call *p = call->snapshot;
    Wire__MessageMetadata *metadata;
    struct entry_view view;
    enum err err;

    if ((err = entry_view_decode(p->entry, &view)) == OK &&
        (err = metadata_decode(view.metadata_bytes, &call->arena, &metadata)) == OK &&
        (err = write_payload(call, &view)) == OK)
        headers_of(call, p->position, metadata, view.payload.len);
    else
        call_write_reason(call, 500, err_text(err));
}

static void peeked(struct broker_op *op)
{
    struct peek_call *p = container_of(op, struct peek_call, peek.op);
    struct call *call = p->call;
    struct entry entry = p->peek.entry; /* taken: p is the admin thread's when the call is finished */
    const struct bytes bytes = slice_bytes(entry.bytes);
    uint8_t *copy;

    if (op->why.err != OK) {
        call_refused(call, &op->why);
        return;
    }
    if ((copy = call_alloc(call, bytes.len))) {
        memcpy(copy, bytes.data, bytes.len);
        p->entry = bytes_of(copy, bytes.len);
        p->position = entry.position;
        call->snapshot = p;
        call->write = write_message;
        call->answer.status = 200;
        call->answer.content_type = "application/octet-stream";
        call_finish(call);
    }
    entry_unref(&entry);
}

/* ---- the routes ---- */

static const struct topic_guard
    id_guard = {.not_kept = "GetMessageById on a non-persistent topic is not allowed",
                .partitioned = "GetMessageById is not allowed on partitioned-topic"},
    peek_guard = {.not_kept = "Peek messages on a non-persistent topic is not allowed",
                  .partitioned = "Peek messages on a partitioned topic is not allowed"},
    examine_guard = {.not_kept = "Examine messages on a non-persistent topic is not allowed",
                     .partitioned =
                         "Examine messages on a partitioned topic is not allowed, please try examine message "
                         "on specific topic partition"};

static struct peek_call *peek_new(struct call *call, const struct topic_guard *guard)
{
    struct peek_call *p = call_alloc(call, sizeof *p);

    if (!p || !call_guarded_topic(call, guard, &p->peek.name))
        return NULL;
    p->peek.op.done = peeked;
    p->call = call;
    return p;
}

void message_by_id_get(struct call *call)
{
    struct peek_call *p = peek_new(call, &id_guard);
    uint64_t ledger, entry;

    if (!p || !call_number(call, 4, &ledger) || !call_number(call, 5, &entry))
        return;
    p->peek.position = (struct position){(int64_t)ledger, (int64_t)entry};
    topic_peek(call->core->broker, &p->peek);
}

void message_of_subscription_get(struct call *call)
{
    struct peek_call *p = peek_new(call, &peek_guard);
    const struct bytes name = call->parameters[4];

    if (!p || !call_number(call, 5, &p->peek.nth))
        return;
    if (name.len > SUBSCRIPTION_NAME_MAX || !subscription_name_valid(name)) {
        call_reason(call, 412, "the subscription's name is not valid");
        return;
    }
    p->peek.by = PEEK_SUBSCRIPTION;
    memcpy(p->peek.subscription, name.data, name.len);
    topic_peek(call->core->broker, &p->peek);
}

/* ?initialPosition=earliest, or else from the end; ?messagePosition=N of them, 1 by default. */
void message_examine_get(struct call *call)
{
    struct peek_call *p = peek_new(call, &examine_guard);
    struct bytes from = bytes_of_text("latest"), nth = bytes_of_text("1");

    if (!p)
        return;
    (void)call_query(call, "initialPosition", &from);
    (void)call_query(call, "messagePosition", &nth);
    p->peek.by = bytes_equal(from, bytes_of_text("earliest")) ? PEEK_FIRST : PEEK_LAST;
    p->peek.nth = 0;
    for (size_t i = 0; i < nth.len && i < 18; i++)
        p->peek.nth = p->peek.nth * 10 + (nth.data[i] >= '0' && nth.data[i] <= '9' ? (uint64_t)(nth.data[i] - '0') : 0);
    topic_peek(call->core->broker, &p->peek);
}
