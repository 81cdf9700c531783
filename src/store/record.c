/* SPDX-License-Identifier: Apache-2.0
 *
 * record.c - records to bytes and back; the layouts are drawn in record.h.
 *
 * Encoders write what we made; decoders believe nothing beyond the checksum, which says only that the bytes are those
 * that somebody wrote.
 */
#include "store/record.h"

#include <assert.h>

static_assert(RECORD_LEDGER_CREATE_SIZE == 44 && RECORD_LEDGER_CLOSE_SIZE == 28 && RECORD_LEDGER_DELETE_SIZE == 20,
              "the layouts are on disks");
static_assert(RECORD_CURSOR_SIZE == 52 && RECORD_RUN_SIZE == 24, "the layouts are on disks");

static void position_put(uint8_t *to, struct position p)
{
    le64_put(to, (uint64_t)p.ledger);
    le64_put(to + 8, (uint64_t)p.entry);
}

static struct position position_get(const uint8_t *from)
{
    return (struct position){.ledger = (int64_t)le64_get(from), .entry = (int64_t)le64_get(from + 8)};
}

void record_begin(uint8_t *to, enum record_kind kind, size_t len)
{
    assert(len >= RECORD_HEADER_SIZE && len <= RECORD_SIZE_MAX);

    le32_put(to, (uint32_t)len);
    le32_put(to + 4, 0);
    to[8] = (uint8_t)kind;
    to[9] = RECORD_VERSION;
    le16_put(to + 10, RECORD_HEADER_SIZE);
}

uint32_t record_seal(uint8_t *head, size_t head_len, struct bytes rest)
{
    return record_seal_known(head, head_len, rest, (struct crc32c_tail){0});
}

uint32_t record_seal_known(uint8_t *head, size_t head_len, struct bytes rest, struct crc32c_tail known)
{
    assert(head_len >= RECORD_HEADER_SIZE && le32_get(head) == head_len + rest.len);
    assert(known.len <= (rest.len > 0 ? rest.len : head_len - RECORD_HEADER_SIZE));

    const size_t joined = known.len < crc32c_join_least() ? 0 : known.len, of_rest = rest.len > 0 ? joined : 0;
    uint32_t crc = crc32c(0, bytes_of(head + 8, head_len - 8 - (joined - of_rest)));

    crc = crc32c(crc, bytes_of(rest.data, rest.len - of_rest));
    if (joined > 0)
        crc = crc32c_join(crc, known.crc, joined);
    le32_put(head + 4, crc);
    return crc;
}

void record_ledger_create_encode(uint8_t *to, const struct record_ledger_create *r)
{
    record_begin(to, RECORD_LEDGER_CREATE, RECORD_LEDGER_CREATE_SIZE);
    le64_put(to + 12, r->ledger);
    le64_put(to + 20, r->topic);
    le64_put(to + 28, (uint64_t)r->created_ms);
    le64_put(to + 36, r->first_message);
}

void record_ledger_close_encode(uint8_t *to, const struct record_ledger_close *r)
{
    record_begin(to, RECORD_LEDGER_CLOSE, RECORD_LEDGER_CLOSE_SIZE);
    le64_put(to + 12, r->ledger);
    le64_put(to + 20, (uint64_t)r->closed_ms);
}

void record_ledger_delete_encode(uint8_t *to, uint64_t ledger)
{
    record_begin(to, RECORD_LEDGER_DELETE, RECORD_LEDGER_DELETE_SIZE);
    le64_put(to + 12, ledger);
}

void record_cursor_encode(uint8_t *to, enum record_kind kind, const struct record_cursor *r)
{
    assert(kind == RECORD_CURSOR_CREATE || kind == RECORD_CURSOR_RESET);

    record_begin(to, kind, RECORD_CURSOR_SIZE);
    le64_put(to + 12, r->subscription);
    le64_put(to + 20, kind == RECORD_CURSOR_CREATE ? r->topic : 0);
    position_put(to + 28, r->mark_delete);
    le64_put(to + 44, r->next_message);
}

static bool kind_known(unsigned kind)
{
    return (kind >= RECORD_ENTRY && kind <= RECORD_CURSOR_ACKS) || kind == RECORD_CURSOR_CHANGES_2 ||
           kind == RECORD_CURSOR_CHANGES;
}

enum err record_decode(struct record *out, struct bytes from)
{
    if (from.len < RECORD_HEADER_SIZE)
        return ERR_CORRUPT;
    size_t len = le32_get(from.data);
    if (len < RECORD_HEADER_SIZE || len > from.len || len > RECORD_SIZE_MAX)
        return ERR_CORRUPT;
    if (crc32c(0, bytes_of(from.data + 8, len - 8)) != le32_get(from.data + 4))
        return ERR_CORRUPT;
    unsigned kind = from.data[8];
    if (!kind_known(kind) || from.data[9] != RECORD_VERSION)
        return ERR_VERSION;
    if (kind != RECORD_ENTRY && le16_get(from.data + 10) != RECORD_HEADER_SIZE)
        return ERR_CORRUPT;

    out->kind = (enum record_kind)kind;
    out->whole = bytes_of(from.data, len);
    out->body = bytes_of(from.data + RECORD_HEADER_SIZE, len - RECORD_HEADER_SIZE);
    return OK;
}

static bool record_is(const struct record *r, enum record_kind kind, size_t size)
{
    return r->kind == kind && r->whole.len == size;
}

/* Of ledgers, topics, subscriptions.  Zero is no id, and in memory that of cursors that are not kept. */
static bool id_valid(uint64_t id)
{
    return id > 0 && id <= INT64_MAX;
}

enum err record_ledger_create_decode(struct record_ledger_create *out, const struct record *r)
{
    if (!record_is(r, RECORD_LEDGER_CREATE, RECORD_LEDGER_CREATE_SIZE) || !id_valid(le64_get(r->body.data)) ||
        !id_valid(le64_get(r->body.data + 8)))
        return ERR_CORRUPT;
    out->ledger = le64_get(r->body.data);
    out->topic = le64_get(r->body.data + 8);
    out->created_ms = (int64_t)le64_get(r->body.data + 16);
    out->first_message = le64_get(r->body.data + 24);
    return OK;
}

enum err record_ledger_close_decode(struct record_ledger_close *out, const struct record *r)
{
    if (!record_is(r, RECORD_LEDGER_CLOSE, RECORD_LEDGER_CLOSE_SIZE) || !id_valid(le64_get(r->body.data)))
        return ERR_CORRUPT;
    out->ledger = le64_get(r->body.data);
    out->closed_ms = (int64_t)le64_get(r->body.data + 8);
    return OK;
}

enum err record_ledger_delete_decode(uint64_t *ledger, const struct record *r)
{
    if (!record_is(r, RECORD_LEDGER_DELETE, RECORD_LEDGER_DELETE_SIZE) || !id_valid(le64_get(r->body.data)))
        return ERR_CORRUPT;
    *ledger = le64_get(r->body.data);
    return OK;
}

enum err record_cursor_decode(struct record_cursor *out, const struct record *r)
{
    if (r->kind != RECORD_CURSOR_CREATE && r->kind != RECORD_CURSOR_RESET && r->kind != RECORD_CURSOR_ACKS)
        return ERR_CORRUPT;
    if (r->whole.len < RECORD_CURSOR_SIZE)
        return ERR_CORRUPT;
    size_t runs = r->whole.len - RECORD_CURSOR_SIZE;
    if (!id_valid(le64_get(r->body.data)) || le64_get(r->body.data + 8) > INT64_MAX)
        return ERR_CORRUPT;
    if (runs % RECORD_RUN_SIZE != 0 || (runs > 0 && r->kind != RECORD_CURSOR_ACKS))
        return ERR_CORRUPT;
    if (!position_keepable(position_get(r->body.data + 16)))
        return ERR_CORRUPT;

    out->subscription = le64_get(r->body.data);
    out->topic = le64_get(r->body.data + 8);
    out->mark_delete = position_get(r->body.data + 16);
    out->next_message = le64_get(r->body.data + 32);
    out->runs = bytes_of(r->body.data + 40, runs);
    return OK;
}

enum err record_run_decode(struct record_run *out, struct bytes *runs)
{
    if (runs->len < RECORD_RUN_SIZE)
        return ERR_NOT_FOUND;
    const struct record_run run = {
        .ledger = le64_get(runs->data),
        .first = le32_get(runs->data + 8),
        .last = le32_get(runs->data + 12),
        .messages = le32_get(runs->data + 16),
    };
    if (run.first > run.last)
        return ERR_CORRUPT;
    *out = run;
    *runs = bytes_of(runs->data + RECORD_RUN_SIZE, runs->len - RECORD_RUN_SIZE);
    return OK;
}
