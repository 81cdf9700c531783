/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_row.c - a cursor's row: little endian.
 *
 *     version 3                                       version 1 (format 1 of the data directory): read, not written
 *    0  u8   version, 3; then 3 bytes of zero            0  u8  version, 1; then 3 bytes of zero
 *    4  u32  ledgers n with acknowledged entries         4  u32 ledgers n
 *    8  i64  mark-delete: ledger                         8  the same
 *   16  i64  mark-delete: entry
 *   24  u64  next_message; 2^64-1: not known
 *   32  u32  ledgers m with redelivery counts           32  n sets of acknowledged entries, without flags
 *   36  u32  pages p of partial acknowledgements       end  u32 CRC32C of all before
 *   40  n sets: acknowledged entries beyond mark-delete, numbered with the messages in each (2^31+1: not known)
 *       m sets: entries asked for again, numbered with how often
 *       p pages: entries of which some messages are acknowledged
 *  end  u32  CRC32C of all before
 *
 * Version 2 (format 2): as version 3, with p = 0; read, not written.
 * Sets are drawn in entry_set.c, pages in partial_acks.h; each group ascends.
 */
#include "store/cursor_row.h"

#include "base/checksum.h"

#include <assert.h>
#include <stdlib.h>

#define VERSION        3u
#define HEADER_1_BYTES 32u
#define HEADER_BYTES   40u
#define CRC_BYTES      4u

static enum err copy_pages(struct cursor_row *row, const struct partial_acks *partial)
{
    if (!partial || partial->count == 0)
        return OK;
    row->pages_len = partial_acks_encoded_size(partial);
    if (!(row->pages = malloc(row->pages_len)))
        return ERR_NOMEM;
    row->page_count = partial->count;
    (void)partial_acks_encode(partial, row->pages);
    return OK;
}

enum err cursor_row_take(struct cursor_row *row, struct ack_set *acks, struct redeliveries *redelivered,
                         const struct partial_acks *partial)
{
    enum err err;

    *row = (struct cursor_row){.mark_delete = acks->mark_delete, .next_message = acks->next_message};
    if ((err = entry_sets_share(&acks->sets, &row->acks)) != OK)
        return err;
    err = entry_sets_share(&redelivered->sets, &row->redelivered);
    if (err == OK)
        err = copy_pages(row, partial);
    if (err != OK)
        cursor_row_release(row);
    return err;
}

void cursor_row_release(struct cursor_row *row)
{
    entry_sets_deinit(&row->acks);
    entry_sets_deinit(&row->redelivered);
    free(row->pages);
    row->pages = NULL;
}

size_t cursor_row_size(const struct cursor_row *row)
{
    return HEADER_BYTES + entry_sets_encoded_size(&row->acks) + entry_sets_encoded_size(&row->redelivered) +
           row->pages_len + CRC_BYTES;
}

void cursor_row_encode(const struct cursor_row *row, uint8_t *to)
{
    le32_put(to, VERSION);
    le32_put(to + 4, row->acks.count);
    le64_put(to + 8, (uint64_t)row->mark_delete.ledger);
    le64_put(to + 16, (uint64_t)row->mark_delete.entry);
    le64_put(to + 24, row->next_message);
    le32_put(to + 32, row->redelivered.count);
    le32_put(to + 36, row->page_count);
    uint8_t *end = entry_sets_encode(&row->acks, to + HEADER_BYTES);
    end = entry_sets_encode(&row->redelivered, end);
    if (row->pages_len > 0)
        memcpy(end, row->pages, row->pages_len);
    end += row->pages_len;
    le32_put(end, crc32c(0, bytes_of(to, (size_t)(end - to))));
}

/* What a row says before its sets. */
struct header {
    uint32_t ledgers, redelivered, pages;
    enum entry_set_heads heads;
    struct position mark_delete;
    uint64_t next_message;
};

static enum err header_decode(struct header *h, struct bytes *from)
{
    const uint8_t *at = from->data;

    if (from->len < HEADER_1_BYTES + CRC_BYTES ||
        le32_get(at + from->len - CRC_BYTES) != crc32c(0, bytes_of(at, from->len - CRC_BYTES)))
        return ERR_CORRUPT;
    const uint32_t version = le32_get(at);
    const size_t size = version == 1 ? HEADER_1_BYTES : HEADER_BYTES;
    if (version > VERSION)
        return ERR_VERSION;
    if (version == 0 || from->len < size + CRC_BYTES)
        return ERR_CORRUPT;
    *h = (struct header){
        .ledgers = le32_get(at + 4),
        .heads = version == 1 ? ENTRY_SET_HEADS_1 : ENTRY_SET_HEADS_2,
        .mark_delete = {.ledger = (int64_t)le64_get(at + 8), .entry = (int64_t)le64_get(at + 16)},
        .next_message = le64_get(at + 24),
    };
    if (version > 1) {
        h->redelivered = le32_get(at + 32);
        h->pages = le32_get(at + 36);
        if (version == 2 && h->pages != 0)
            return ERR_CORRUPT;
    }
    if (!position_keepable(h->mark_delete))
        return ERR_CORRUPT;
    *from = bytes_of(at + size, from->len - size - CRC_BYTES);
    return OK;
}

void cursor_state_deinit(struct cursor_state *s)
{
    ack_set_deinit(&s->acks);
    redeliveries_deinit(&s->redelivered);
    partial_acks_deinit(&s->partial);
}

enum err cursor_row_decode(struct cursor_state *out, struct bytes from)
{
    struct entry_sets acked = {0}, counted = {0};
    struct cursor_state s = {0};
    struct header h;
    enum err err;

    if ((err = header_decode(&h, &from)) != OK)
        return err;
    ack_set_init(&s.acks, h.mark_delete, h.next_message);
    if ((err = entry_sets_decode(&acked, &from, h.ledgers, h.heads)) != OK)
        goto out;
    if ((err = entry_sets_decode(&counted, &from, h.redelivered, h.heads)) != OK)
        goto out;
    if ((err = partial_acks_decode(&s.partial, &from, h.pages)) != OK)
        goto out;
    err = from.len > 0 ? ERR_CORRUPT : ack_set_load(&s.acks, &acked);
    if (err == OK)
        err = redeliveries_load(&s.redelivered, &counted);
    if (err == OK) {
        *out = s;
        return OK;
    }
out:
    entry_sets_deinit(&acked);
    entry_sets_deinit(&counted);
    cursor_state_deinit(&s);
    return err;
}
