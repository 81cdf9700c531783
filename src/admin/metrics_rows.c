/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_rows.c - see metrics_rows.h.
 */
#include "admin/metrics_rows.h"

#include <assert.h>
#include <string.h>

enum {
    HEAD_BYTES = 13,
    VALUE_BYTES = 9,
    ROW_BYTES_MAX = HEAD_BYTES + ROW_TEXT_MAX + ROW_FIGURES_MAX * VALUE_BYTES,
    CHUNK_BYTES = 64 * 1024
};

struct rows_chunk {
    struct rows_chunk *next;
    size_t used;
    uint8_t data[CHUNK_BYTES];
};

static_assert(ROW_BYTES_MAX <= UINT16_MAX, "a row's length is two bytes");

void rows_init(struct rows *r, struct arena *arena)
{
    *r = (struct rows){.arena = arena};
}

static bool is_whole(double value)
{
    return value > -0x1p52 && value < 0x1p52 && value == (double)(int64_t)value;
}

static uint8_t *value_encode(uint8_t *to, double value)
{
    if (!is_whole(value)) {
        *to = 1;
        memcpy(to + 1, &value, sizeof value);
        return to + 1 + sizeof value;
    }
    const int64_t whole = (int64_t)value;
    uint64_t rest = (((uint64_t)whole << 1) ^ (uint64_t)(whole >> 63)) << 1;
    for (; rest >= 0x80; rest >>= 7)
        *to++ = (uint8_t)(rest | 0x80);
    *to++ = (uint8_t)rest;
    return to;
}

static const uint8_t *value_decode(const uint8_t *from, double *value)
{
    uint64_t doubled = 0;

    if (*from == 1) {
        memcpy(value, from + 1, sizeof *value);
        return from + 1 + sizeof *value;
    }
    for (unsigned shift = 0;; shift += 7) {
        doubled |= (uint64_t)(*from & 0x7f) << shift;
        if (!(*from++ & 0x80))
            break;
    }
    const uint64_t zigzag = doubled >> 1;
    *value = (double)((int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1));
    return from;
}

static uint8_t *row_encode(uint8_t *to, unsigned kind, struct bytes text, const double *figures, unsigned count)
{
    const uint16_t text_len = (uint16_t)text.len;
    uint8_t *p = to + HEAD_BYTES;
    uint64_t mask = 0;

    memcpy(p, text.data, text.len);
    p += text.len;
    for (unsigned i = 0; i < count; i++) {
        if (figures[i] == 0)
            continue;
        mask |= UINT64_C(1) << i;
        p = value_encode(p, figures[i]);
    }
    const uint16_t len = (uint16_t)(p - to);
    memcpy(to, &len, 2);
    to[2] = (uint8_t)kind;
    memcpy(to + 3, &mask, 8);
    memcpy(to + 11, &text_len, 2);
    return p;
}

bool rows_add(struct rows *r, unsigned kind, struct bytes text, const double *figures, unsigned count)
{
    const size_t most = HEAD_BYTES + text.len + count * VALUE_BYTES;

    assert(text.len <= ROW_TEXT_MAX);
    assert(count <= ROW_FIGURES_MAX);
    if (!r->last || CHUNK_BYTES - r->last->used < most) {
        struct rows_chunk *chunk = arena_alloc(r->arena, sizeof *chunk);
        if (!chunk)
            return false;
        chunk->next = NULL;
        chunk->used = 0;
        if (r->last)
            r->last->next = chunk;
        else
            r->first = chunk;
        r->last = chunk;
    }
    uint8_t *const at = r->last->data + r->last->used;
    r->last->used += (size_t)(row_encode(at, kind, text, figures, count) - at);
    r->count++;
    return true;
}

void rows_read(struct rows_reader *reader, const struct rows *r)
{
    *reader = (struct rows_reader){.chunk = r->first};
}

bool rows_next(struct rows_reader *reader, struct row *out)
{
    uint16_t len, text_len;

    if (reader->chunk && reader->at == reader->chunk->used) /* none is empty */
        *reader = (struct rows_reader){.chunk = reader->chunk->next};
    if (!reader->chunk)
        return false;
    const uint8_t *const from = reader->chunk->data + reader->at;
    memcpy(&len, from, 2);
    memcpy(&out->mask, from + 3, 8);
    memcpy(&text_len, from + 11, 2);
    out->kind = from[2];
    out->text = bytes_of(from + HEAD_BYTES, text_len);
    out->values = from + HEAD_BYTES + text_len;
    reader->at += len;
    return true;
}

double row_figure(const struct row *row, unsigned index)
{
    const uint64_t bit = UINT64_C(1) << index;
    const uint8_t *from = row->values;
    double value = 0;

    if (!(row->mask & bit))
        return 0;
    for (int skip = __builtin_popcountll(row->mask & (bit - 1)); skip >= 0; skip--)
        from = value_decode(from, &value);
    return value;
}
