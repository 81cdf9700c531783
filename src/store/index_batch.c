/* SPDX-License-Identifier: Apache-2.0
 *
 * index_batch.c - copies of rows on their way to the catalog index.
 *
 * The value of a ledger's row, 64 or 80 bytes, little endian:
 *
 *    0  u32 version: 2; 3 with the fields behind 64; 1: the extents behind it are of the shorter kind (segment.h)
 *    4  u32 zero
 *    8  u64 entries        16  u64 bytes
 *   24  u64 first_message  32  u64 messages
 *   40  i64 created_ms     48  i64 closed_ms (0: open when it was written)
 *   56  i64 publish_ms_max
 *   64  i64 deliver_ms_max, where it is not 0
 *   72  u32 delayed_first  76  u32 delayed_last
 */
#include "store/index_batch.h"

#include <assert.h>
#include <stdlib.h>

#define LEDGER_VERSION         2u
#define LEDGER_VERSION_DELAYED 3u
#define ENTRIES_MAX            ((uint64_t)UINT32_MAX + 1)

void index_batch_init(struct index_batch *b)
{
    *b = (struct index_batch){.last = &b->first};
    arena_init(&b->arena, SIZE_MAX); /* bounded by what is dirty: checkpoint.h */
}

void index_batch_deinit(struct index_batch *b)
{
    arena_deinit(&b->arena);
    index_batch_init(b);
}

static enum err add(struct index_batch *b, unsigned table, bool removed, const struct catalog_row *row,
                    size_t value_len, uint8_t **value)
{
    size_t size = sizeof(struct index_change) + row->name.len + value_len;
    struct index_change *c;
    uint8_t *tail;

    assert(table > 0 && table < INDEX_TABLES);
    assert(row->id > 0 && row->id <= INT64_MAX && row->parent <= INT64_MAX);
    assert(row->name.len <= INDEX_VALUE_MAX && value_len <= INDEX_VALUE_MAX);
    if (!(c = arena_alloc(&b->arena, size)))
        return ERR_NOMEM;
    tail = (uint8_t *)(c + 1);
    if (row->name.len > 0)
        memcpy(tail, row->name.data, row->name.len);
    *value = tail + row->name.len;
    *c = (struct index_change){.table = table, .removed = removed, .row = *row};
    c->row.name.data = tail;
    c->row.value = bytes_of(*value, value_len);
    *b->last = c;
    b->last = &c->next;
    b->count++;
    b->bytes += size;
    return OK;
}

enum err index_batch_put_space(struct index_batch *b, unsigned table, const struct catalog_row *row, size_t value_len,
                               uint8_t **value)
{
    return add(b, table, false, row, value_len, value);
}

enum err index_batch_put(struct index_batch *b, unsigned table, const struct catalog_row *row)
{
    uint8_t *value;
    enum err err = add(b, table, false, row, row->value.len, &value);

    if (err == OK && row->value.len > 0)
        memcpy(value, row->value.data, row->value.len);
    return err;
}

enum err index_batch_remove(struct index_batch *b, unsigned table, uint64_t id)
{
    struct catalog_row row = {.id = id};
    uint8_t *value;

    return add(b, table, true, &row, 0, &value);
}

size_t ledger_info_size(const struct ledger_info *l)
{
    return l->deliver_ms_max != 0 ? LEDGER_INFO_DELAYED : LEDGER_INFO_ENCODED;
}

void ledger_info_encode(const struct ledger_info *l, uint8_t *to)
{
    le32_put(to, l->deliver_ms_max != 0 ? LEDGER_VERSION_DELAYED : LEDGER_VERSION);
    le32_put(to + 4, 0);
    le64_put(to + 8, l->entries);
    le64_put(to + 16, l->bytes);
    le64_put(to + 24, l->first_message);
    le64_put(to + 32, l->messages);
    le64_put(to + 40, (uint64_t)l->created_ms);
    le64_put(to + 48, (uint64_t)l->closed_ms);
    le64_put(to + 56, (uint64_t)l->publish_ms_max);
    if (l->deliver_ms_max == 0)
        return;
    le64_put(to + 64, (uint64_t)l->deliver_ms_max);
    le32_put(to + 72, l->delayed_first);
    le32_put(to + 76, l->delayed_last);
}

size_t ledger_info_prefix(struct bytes value)
{
    const size_t size =
        value.len >= 4 && le32_get(value.data) == LEDGER_VERSION_DELAYED ? LEDGER_INFO_DELAYED : LEDGER_INFO_ENCODED;

    return value.len >= size ? size : 0;
}

enum err ledger_info_decode(struct ledger_info *out, const struct catalog_row *row)
{
    const uint8_t *from = row->value.data;
    struct ledger_info l = {.id = row->id, .topic = row->parent};

    if (row->value.len < 4)
        return ERR_CORRUPT;
    if (le32_get(from) > LEDGER_VERSION_DELAYED)
        return ERR_VERSION;
    if (le32_get(from) < LEDGER_INFO_VERSION_1 || row->value.len != ledger_info_prefix(row->value))
        return ERR_CORRUPT;
    l.entries = le64_get(from + 8);
    l.bytes = le64_get(from + 16);
    l.first_message = le64_get(from + 24);
    l.messages = le64_get(from + 32);
    l.created_ms = (int64_t)le64_get(from + 40);
    l.closed_ms = (int64_t)le64_get(from + 48);
    l.publish_ms_max = (int64_t)le64_get(from + 56);
    if (row->value.len == LEDGER_INFO_DELAYED) {
        l.deliver_ms_max = (int64_t)le64_get(from + 64);
        l.delayed_first = le32_get(from + 72);
        l.delayed_last = le32_get(from + 76);
    }
    if (l.id == 0 || l.id > INT64_MAX || l.entries > ENTRIES_MAX)
        return ERR_CORRUPT;
    *out = l;
    return OK;
}
