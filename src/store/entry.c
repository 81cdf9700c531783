/* SPDX-License-Identifier: Apache-2.0
 *
 * entry.c - stored entries to bytes and back; the layout is drawn in entry.h.
 */
#include "store/entry.h"

#include <assert.h>

static_assert(ENTRY_HEADER_SIZE == 56, "the layout is on disks");

enum { FLAGS_KNOWN = ENTRY_BATCHED | ENTRY_ENCRYPTED | ENTRY_TRANSACTION | ENTRY_REPLICATED | ENTRY_CHUNK };

size_t entry_header_size(const struct entry_header *h)
{
    return h->deliver_ms != 0 ? ENTRY_DELIVER_AT + 8 : ENTRY_HEADER_SIZE;
}

void entry_header_encode(uint8_t *to, struct position p, const struct entry_header *h, size_t len)
{
    assert(p.ledger > 0 && p.entry >= 0 && p.entry < (int64_t)ENTRIES_MAX);
    assert(len <= ENTRY_BYTES_MAX);
    assert((h->flags & ~FLAGS_KNOWN) == 0);
    assert(h->kind == ENTRY_DATA || h->kind == ENTRY_MARKER);

    const size_t size = entry_header_size(h);

    record_begin(to, RECORD_ENTRY, size + len);
    le16_put(to + 10, (uint16_t)size);
    le32_put(to + 12, (uint32_t)p.entry);
    le64_put(to + 16, (uint64_t)p.ledger);
    le64_put(to + 24, h->first_message);
    le64_put(to + 32, (uint64_t)h->broker_ms);
    le64_put(to + 40, (uint64_t)h->publish_ms);
    le32_put(to + 48, h->messages);
    le16_put(to + 52, h->flags);
    to[54] = (uint8_t)h->kind;
    to[55] = 0;
    if (h->deliver_ms != 0)
        le64_put(to + ENTRY_DELIVER_AT, (uint64_t)h->deliver_ms);
}

void entry_header_peek(const uint8_t *from, struct position *p, struct entry_header *h)
{
    *p = (struct position){.ledger = (int64_t)le64_get(from + 16), .entry = le32_get(from + 12)};
    *h = (struct entry_header){
        .kind = (enum entry_kind)from[54],
        .flags = le16_get(from + 52),
        .messages = le32_get(from + 48),
        .first_message = le64_get(from + 24),
        .broker_ms = (int64_t)le64_get(from + 32),
        .publish_ms = (int64_t)le64_get(from + 40),
        .deliver_ms = le16_get(from + 10) >= ENTRY_DELIVER_AT + 8 ? (int64_t)le64_get(from + ENTRY_DELIVER_AT) : 0,
    };
}

enum err entry_decode(struct stored_entry *out, const struct record *r)
{
    const uint8_t *p = r->whole.data;
    if (r->kind != RECORD_ENTRY || r->whole.len < ENTRY_HEADER_SIZE)
        return ERR_CORRUPT;
    size_t header_len = le16_get(p + 10);
    if (header_len < ENTRY_HEADER_SIZE || header_len > r->whole.len)
        return ERR_CORRUPT;
    uint64_t ledger = le64_get(p + 16);
    uint32_t id = le32_get(p + 12);
    if (ledger == 0 || ledger > INT64_MAX || id >= ENTRIES_MAX || p[54] > ENTRY_MARKER)
        return ERR_CORRUPT;

    entry_header_peek(p, &out->position, &out->header);
    out->bytes = bytes_of(p + header_len, r->whole.len - header_len);
    out->size = r->whole.len;
    return OK;
}

enum err entry_decode_at(struct stored_entry *out, struct bytes from, struct position p)
{
    struct record record;
    struct stored_entry found;
    enum err err;

    if ((err = record_decode(&record, from)) != OK)
        return err;
    if ((err = entry_decode(&found, &record)) != OK)
        return err;
    if (!position_equal(found.position, p))
        return ERR_CORRUPT;
    *out = found;
    return OK;
}
