/* SPDX-License-Identifier: Apache-2.0
 *
 * message_id.c - ids, their bytes, and the state of batches.
 */
#include "client/message_id.h"

#include "base/bytes.h"

#include <assert.h>
#include <geminga/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct _pulsar_message_id earliest = {
    .ledger = -1, .entry = -1, .partition = -1, .batch_index = -1, .source = -1};
static const struct _pulsar_message_id latest = {
    .ledger = INT64_MAX, .entry = INT64_MAX, .partition = -1, .batch_index = -1, .source = -1};

struct client_batch_state *client_batch_state_new(uint32_t size)
{
    size_t words = ((size_t)size + 63) / 64;
    struct client_batch_state *s = malloc(sizeof *s + words * sizeof s->bits[0]);

    assert(size > 0);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->size = s->left = size;
    s->previous_acked = false;
    memset(s->bits, 0xff, words * sizeof s->bits[0]);
    return s;
}

struct client_batch_state *client_batch_state_ref(struct client_batch_state *s)
{
    if (s)
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void client_batch_state_unref(struct client_batch_state *s)
{
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        free(s);
}

bool client_batch_state_ack(struct client_batch_state *s, uint32_t index)
{
    uint64_t bit = 1ull << (index % 64);

    if (index >= s->size || !(s->bits[index / 64] & bit))
        return false;
    s->bits[index / 64] &= ~bit;
    return --s->left == 0;
}

bool client_batch_state_is_acked(const struct client_batch_state *s, uint32_t index)
{
    return index >= s->size || !(s->bits[index / 64] >> (index % 64) & 1);
}

bool client_batch_state_ack_until(struct client_batch_state *s, uint32_t index)
{
    bool last = false;

    for (uint32_t i = 0; i <= index && i < s->size; i++)
        last |= client_batch_state_ack(s, i);
    return last;
}

struct _pulsar_message_id client_message_id_ref(const struct _pulsar_message_id *id)
{
    struct _pulsar_message_id copy = *id;

    client_batch_state_ref(copy.batch);
    return copy;
}

void client_message_id_unref(struct _pulsar_message_id *id)
{
    client_batch_state_unref(id->batch);
    id->batch = NULL;
}

struct _pulsar_message_id *client_message_id_new(const struct _pulsar_message_id *id)
{
    struct _pulsar_message_id *copy = malloc(sizeof *copy);

    if (copy)
        *copy = client_message_id_ref(id);
    return copy;
}

int client_message_id_compare(const struct _pulsar_message_id *a, const struct _pulsar_message_id *b)
{
    if (a->ledger != b->ledger)
        return a->ledger < b->ledger ? -1 : 1;
    if (a->entry != b->entry)
        return a->entry < b->entry ? -1 : 1;
    return (a->batch_index > b->batch_index) - (a->batch_index < b->batch_index);
}

bool client_message_id_same_entry(const struct _pulsar_message_id *a, const struct _pulsar_message_id *b)
{
    return a->ledger == b->ledger && a->entry == b->entry;
}

struct message_id client_message_id_wire(const struct _pulsar_message_id *id)
{
    struct message_id wire = MESSAGE_ID_OF(id->ledger, id->entry);

    wire.partition = id->partition;
    return wire;
}

const pulsar_message_id_t *pulsar_message_id_earliest(void)
{
    return &earliest;
}

const pulsar_message_id_t *pulsar_message_id_latest(void)
{
    return &latest;
}

void *pulsar_message_id_serialize(pulsar_message_id_t *messageId, int *len)
{
    Wire__MessageIdData data = WIRE__MESSAGE_ID_DATA__INIT;
    size_t size;
    uint8_t *bytes;

    data.ledger_id = (uint64_t)messageId->ledger;
    data.entry_id = (uint64_t)messageId->entry;
    data.has_partition = messageId->partition >= 0;
    data.partition = messageId->partition;
    data.has_batch_index = messageId->batch_index >= 0;
    data.batch_index = messageId->batch_index;
    data.has_batch_size = messageId->batch_size > 0;
    data.batch_size = messageId->batch_size;
    size = wire__message_id_data__get_packed_size(&data);
    if (!(bytes = malloc(size)))
        return NULL;
    wire__message_id_data__pack(&data, bytes);
    *len = (int)size;
    return bytes;
}

pulsar_message_id_t *pulsar_message_id_deserialize(const void *buffer, uint32_t len)
{
    Wire__MessageIdData *data = wire__message_id_data__unpack(NULL, len, buffer);
    struct _pulsar_message_id id = CLIENT_MESSAGE_ID_NONE;

    if (!data)
        return NULL;
    id.ledger = (int64_t)data->ledger_id;
    id.entry = (int64_t)data->entry_id;
    id.partition = data->partition;
    id.batch_index = data->batch_index;
    id.batch_size = data->batch_size;
    wire__message_id_data__free_unpacked(data, NULL);
    return client_message_id_new(&id);
}

char *pulsar_message_id_str(pulsar_message_id_t *messageId)
{
    char *text;
    int n = asprintf(&text, "(%" PRId64 ",%" PRId64 ",%d,%d)", messageId->ledger, messageId->entry,
                     messageId->partition, messageId->batch_index);

    return n < 0 ? NULL : text;
}

void pulsar_message_id_free(pulsar_message_id_t *messageId)
{
    if (!messageId || messageId == &earliest || messageId == &latest)
        return;
    client_message_id_unref(messageId);
    free(messageId);
}

int64_t geminga_message_id_ledger(const pulsar_message_id_t *id)
{
    return id->ledger;
}

int64_t geminga_message_id_entry(const pulsar_message_id_t *id)
{
    return id->entry;
}

int geminga_message_id_partition(const pulsar_message_id_t *id)
{
    return id->partition;
}

int geminga_message_id_batch_index(const pulsar_message_id_t *id)
{
    return id->batch_index;
}
