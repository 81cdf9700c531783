/* SPDX-License-Identifier: Apache-2.0
 *
 * sent.c - see sent.h.
 */
#include "broker/sent.h"

#include "base/base_test.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <assert.h>
#include <string.h>

static int32_t batch_of(const struct sent *m)
{
    return m->batch > 0 || m->last <= m->first ? m->batch : (int32_t)(m->last - m->first + 1);
}

static struct slice with_payload(const Wire__MessageMetadata *metadata)
{
    uint8_t bytes[ENTRY_HEAD_SIZE + 1600];
    uint8_t *const packed = bytes + ENTRY_HEAD_SIZE;
    struct slice entry;

    assert_true(wire__message_metadata__get_packed_size(metadata) < 1600);
    const size_t len = wire__message_metadata__pack(metadata, packed);
    packed[len] = 'x';
    entry_head_encode(bytes, bytes_of(packed, len), bytes_of(packed + len, 1));
    enum err err = slice_copy(&entry, bytes_of(bytes, ENTRY_HEAD_SIZE + len + 1), NULL);
    assert_int_equal(err, OK);
    return entry;
}

static struct slice entry_of(const struct sent *m)
{
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    Wire__KeyValue kind = WIRE__KEY_VALUE__INIT, id = WIRE__KEY_VALUE__INIT, *properties[] = {&kind, &id};

    kind.key = wire_text("kind");
    kind.value = wire_text("event_id");
    id.key = wire_text("event_id");
    id.value = wire_text(m->event ? m->event : "");
    metadata.properties = properties;
    metadata.n_properties = m->event ? 2 : 1;
    metadata.producer_name = wire_text(m->name);
    metadata.sequence_id = m->first;
    metadata.has_highest_sequence_id = m->last > m->first;
    metadata.highest_sequence_id = m->last;
    metadata.has_num_messages_in_batch = batch_of(m) > 0;
    metadata.num_messages_in_batch = batch_of(m);
    metadata.has_chunk_id = metadata.has_num_chunks_from_msg = m->chunks > 0;
    metadata.chunk_id = m->chunk;
    metadata.num_chunks_from_msg = m->chunks;
    return with_payload(&metadata);
}

void peer_send(struct peer *p, uint64_t producer, const struct sent *m)
{
    struct slice bytes = entry_of(m);
    struct entry_view view;

    enum err err = entry_view_decode(bytes_of(bytes.data, bytes.len), &view);
    assert_int_equal(err, OK);
    const struct publish publish = {
        .sequence_id = m->first,
        .highest_sequence_id = m->last,
        .sequence = publish_sequence_of(&view.metadata),
        .messages = view.metadata.messages,
        .flags = (uint16_t)(m->flags | (batch_of(m) > 0 ? ENTRY_BATCHED : 0)),
        .marker = m->marker,
        .metadata = view.metadata_bytes,
        .bytes = bytes,
    };
    producer_publish(p->producers[producer], &publish);
    slice_unref(&bytes);
}

const struct published *peer_answer(struct peer *p)
{
    world_settle(p->world);
    assert_true(p->published_count > 0);
    return &p->published[p->published_count - 1];
}

void expect_stored(struct peer *p)
{
    assert_int_equal(peer_answer(p)->err, OK);
    assert_true(peer_answer(p)->position.entry >= 0);
}

void expect_duplicate(struct peer *p)
{
    assert_int_equal(peer_answer(p)->err, OK);
    assert_true(position_equal(peer_answer(p)->position, POSITION_EARLIEST));
}

uint64_t world_entries(struct world *w, const char *topic)
{
    size_t count;
    uint64_t sum = 0;
    const struct ledger_info *chain = store_chain(w->store, world_topic(w, topic)->id, &count);

    for (size_t i = 0; i < count; i++)
        sum += chain[i].entries;
    return sum;
}

struct read_one {
    struct store_read read;
    bool done;
    enum err err;
};

static void read_one_done(struct store_read *read, enum err err)
{
    struct read_one *r = container_of(read, struct read_one, read);

    r->done = true;
    r->err = err;
}

struct entry world_read(struct world *w, struct position p)
{
    struct read_one r = {.read = {.done = read_one_done, .from = p, .max = 1, .bytes_max = 1}};

    ledger_read(w->store, &r.read);
    assert_true(world_until(w, &r.done));
    assert_int_equal(r.err, OK);
    return r.read.entries[0];
}
