/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack.c - checksum, compression, batches.
 *
 * One block (client_content) has the uncompressed payload, behind it the texts that all messages of the entry share,
 * and behind these the messages' bodies, which point into it.
 */
#include "client/unpack.h"

#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/command.h"
#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>

#define BODIES_MAX 4096u /* that are given memory with their entry */

/* ---- what the messages share ---- */

static const char *text_put(uint8_t **at, struct bytes text)
{
    char *start = (char *)*at;

    if (text.len)
        memcpy(start, text.data, text.len);
    start[text.len] = '\0';
    *at += text.len + 1;
    return start;
}

/* What an entry says of itself is believed within reason.  The bodies of more messages have memory of their own: who
 * keeps one message keeps its whole entry, and that is to be about its payload, not a lot of bodies of small messages. */
static uint32_t bodies_likely(const struct metadata *m, size_t payload_len)
{
    const size_t fit = payload_len / sizeof(struct client_body), most = fit < BODIES_MAX ? fit : BODIES_MAX;

    if (!m->is_batch)
        return 1;
    return m->messages < most ? m->messages : (uint32_t)most;
}

static struct client_content *content_new(const struct client_unpack *how, const struct metadata *m, size_t payload_len)
{
    struct bytes topic = bytes_of_text(how->topic);
    const uint32_t bodies = bodies_likely(m, payload_len);
    struct client_content *c = client_content_new(payload_len + topic.len + m->producer_name.len +
                                                  m->replicated_from.len + m->schema_version.len + 4 +
                                                  alignof(struct client_body) + bodies * sizeof(struct client_body));
    uint8_t *at;

    if (!c)
        return NULL;
    at = c->data + payload_len;
    c->topic = text_put(&at, topic);
    c->producer_name = text_put(&at, m->producer_name);
    c->replicated_from = text_put(&at, m->replicated_from);
    c->schema_version = text_put(&at, m->schema_version);
    c->schema_version_len = m->schema_version.len;
    at += (size_t)(-(uintptr_t)at % alignof(struct client_body));
    c->room = (struct client_body *)(void *)at;
    c->room_left = bodies;
    c->publish_time = m->publish_time;
    c->len = payload_len;
    return c;
}

static enum err content_read(struct client_content **out, const struct client_unpack *how,
                             const struct entry_view *view)
{
    const struct metadata *m = &view->metadata;
    int codec = (int)m->compression;
    size_t len = codec == CODEC_NONE ? view->payload.len : m->uncompressed_size;
    struct client_content *c;
    enum err err;

    if (len > CLIENT_UNCOMPRESSED_MAX)
        return ERR_TOO_LARGE;
    if (!codec_plausible(codec, view->payload.len, len))
        return ERR_CORRUPT;
    if (!(c = content_new(how, m, len)))
        return ERR_NOMEM;
    if ((err = codec_decompress(codec, view->payload, c->data, len)) != OK) {
        client_content_unref(c);
        return err;
    }
    *out = c;
    return OK;
}

/* ---- one message ---- */

static bool bytes_set(char **to, struct bytes from)
{
    char *text = malloc(from.len + 1);

    if (!text)
        return false;
    if (from.len)
        memcpy(text, from.data, from.len);
    text[from.len] = '\0';
    free(*to);
    *to = text;
    return true;
}

static enum err properties_set(struct client_body *b, Wire__KeyValue *const *list, size_t count)
{
    enum err err;

    for (size_t i = 0; i < count; i++) {
        err = client_map_put(&b->properties, bytes_of_text(list[i]->key), bytes_of_text(list[i]->value));
        if (err != OK)
            return err;
    }
    return OK;
}

static struct client_body *body_new(const struct client_unpack *how, const struct message_command *message,
                                    struct client_content *content)
{
    struct client_body *b = client_body_new_in(content);

    if (!b)
        return NULL;
    b->id.ledger = message->id.ledger;
    b->id.entry = message->id.entry;
    b->id.partition = how->partition;
    b->id.source = how->source;
    return b;
}

static enum err keys_set(struct client_body *b, bool has_key, struct bytes key, bool base64, bool has_ordering_key,
                         struct bytes ordering_key)
{
    b->key_is_base64 = base64;
    b->ordering_key_len = ordering_key.len;
    if ((has_key && !bytes_set(&b->key, key)) || (has_ordering_key && !bytes_set(&b->ordering_key, ordering_key)))
        return ERR_NOMEM;
    return OK;
}

static enum err plain_fill(struct client_body *b, const struct entry_view *view, struct arena *arena)
{
    const struct metadata *m = &view->metadata;
    Wire__MessageMetadata *all;
    enum err err;

    b->data = b->content->data;
    b->len = b->content->len;
    b->event_time = m->event_time;
    b->sequence_id = (int64_t)m->sequence_id;
    b->null_value = m->null_value;
    if ((err = keys_set(b, m->has_partition_key, m->partition_key, m->partition_key_is_base64, m->has_ordering_key,
                        m->ordering_key)) != OK ||
        !m->has_properties)
        return err;
    if ((err = metadata_decode(view->metadata_bytes, arena, &all)) != OK)
        return err;
    return properties_set(b, all->properties, all->n_properties);
}

static enum err single_fill(struct client_body *b, const struct batch_message *m, struct arena *arena)
{
    Wire__SingleMessageMetadata *all;
    enum err err;

    b->data = m->payload.data;
    b->len = m->payload.len;
    b->event_time = m->event_time;
    b->sequence_id = m->has_sequence_id ? (int64_t)m->sequence_id : -1;
    b->null_value = m->null_value;
    if ((err = keys_set(b, m->has_partition_key, m->partition_key, m->partition_key_is_base64, m->has_ordering_key,
                        m->ordering_key)) != OK ||
        !m->has_properties)
        return err;
    if ((err = batch_metadata_decode(m->metadata, arena, &all)) != OK)
        return err;
    return properties_set(b, all->properties, all->n_properties);
}

/* ---- which messages are given out ---- */

/* Whether the one with this index (-1: a plain message) is before where we start. */
static bool before_start(const struct client_unpack *how, const struct message_command *message, int32_t index)
{
    const struct _pulsar_message_id *start = how->start;

    if (!start || start->ledger != message->id.ledger || start->entry != message->id.entry)
        return false;
    if (index < 0 || start->batch_index < 0)
        return !how->start_inclusive;
    return how->start_inclusive ? index < start->batch_index : index <= start->batch_index;
}

static bool acked_before(const struct message_id *id, uint32_t index)
{
    uint32_t word = index / 64;

    return id->ack_set_words > 0 && (word >= id->ack_set_words || !(id->ack_set[word] >> (index % 64) & 1));
}

static void unpacked_add(struct client_unpacked *out, struct client_body *b)
{
    list_push_back(&out->bodies, &b->node);
    out->count++;
}

static enum err plain_unpack(const struct client_unpack *how, const struct message_command *message,
                             const struct entry_view *view, struct arena *arena, struct client_content *content,
                             struct client_unpacked *out)
{
    struct client_body *b;
    enum err err;

    if (before_start(how, message, -1)) {
        out->all_acked = true;
        return OK;
    }
    if (!(b = body_new(how, message, content)))
        return ERR_NOMEM;
    if ((err = plain_fill(b, view, arena)) != OK) {
        client_body_unref(b);
        return err;
    }
    unpacked_add(out, b);
    return OK;
}

static enum err single_unpack(const struct client_unpack *how, const struct message_command *message,
                              const struct batch_message *single, struct arena *arena, struct client_content *content,
                              struct client_unpacked *out)
{
    struct client_body *b;
    enum err err;

    if (acked_before(&message->id, single->index) || single->compacted_out ||
        before_start(how, message, (int32_t)single->index)) {
        out->messages -= acked_before(&message->id, single->index);
        out->all_acked = client_batch_state_ack(out->batch, single->index);
        return OK;
    }
    if (!(b = body_new(how, message, content)))
        return ERR_NOMEM;
    b->id.batch_index = (int32_t)single->index;
    b->id.batch_size = (int32_t)out->batch->size;
    b->id.batch = client_batch_state_ref(out->batch);
    if ((err = single_fill(b, single, arena)) != OK) {
        client_body_unref(b);
        return err;
    }
    unpacked_add(out, b);
    return OK;
}

static enum err batch_unpack(const struct client_unpack *how, const struct message_command *message,
                             const struct entry_view *view, struct arena *arena, struct client_content *content,
                             struct client_unpacked *out)
{
    struct batch_reader reader;
    struct batch_message single;
    enum err err;

    if (!(out->batch = client_batch_state_new(view->metadata.messages)))
        return ERR_NOMEM;
    batch_reader_init(&reader, bytes_of(content->data, content->len), view->metadata.messages);
    while (!batch_reader_done(&reader)) {
        if ((err = batch_next(&reader, &single)) != OK ||
            (err = single_unpack(how, message, &single, arena, content, out)) != OK)
            return err;
    }
    return OK;
}

static void unpacked_drop(struct client_unpacked *out)
{
    client_bodies_unref(&out->bodies);
    client_batch_state_unref(out->batch);
    out->batch = NULL;
    out->count = 0;
}

enum err client_unpack(const struct client_unpack *how, const struct message_command *message, struct bytes entry,
                       struct arena *arena, struct client_unpacked *out)
{
    struct client_content *content;
    struct entry_view view;
    enum err err;

    *out = (struct client_unpacked){.messages = 1};
    list_init(&out->bodies);
    if ((err = entry_view_decode(entry, &view)) != OK)
        return err;
    out->messages = view.metadata.messages;
    if ((err = entry_view_verify(&view)) != OK)
        return err;
    if (view.metadata.is_encrypted || (view.metadata.is_chunk && view.metadata.chunks > 1))
        return ERR_UNSUPPORTED;
    if ((err = content_read(&content, how, &view)) != OK)
        return err;
    content->redelivery_count = message->redelivery_count;
    err = view.metadata.is_batch ? batch_unpack(how, message, &view, arena, content, out)
                                 : plain_unpack(how, message, &view, arena, content, out);
    client_content_unref(content);
    if (err != OK)
        unpacked_drop(out);
    client_batch_state_unref(out->batch); /* the messages have their own references */
    out->batch = NULL;
    return err;
}
