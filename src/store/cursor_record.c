/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_record.c - see cursor_record.h.
 */
#include "store/cursor_record.h"

#include <assert.h>

#define FIXED_BYTES 52u

/* ---- writing ---- */

/* With `to` NULL it only counts. */
struct writer {
    uint8_t *to;
    size_t len;
    struct position at; /* named last */
};

static void put(struct writer *w, uint64_t value)
{
    do {
        const uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        if (w->to)
            w->to[w->len] = byte;
        w->len++;
        value >>= 7;
    } while (value > 0);
}

static void put_difference(struct writer *w, int64_t from, int64_t to)
{
    const uint64_t d = (uint64_t)to - (uint64_t)from;

    put(w, (d << 1) ^ (0 - (d >> 63)));
}

static void put_position(struct writer *w, struct position p)
{
    put_difference(w, w->at.ledger, p.ledger);
    put_difference(w, w->at.ledger == p.ledger ? w->at.entry : 0, p.entry);
    w->at = p;
}

static void put_all(struct writer *w, const struct cursor_changes *c)
{
    w->at = (struct position){c->mark_delete.ledger, 0};
    for (size_t i = 0; i < c->run_count; i++) {
        const struct record_run *r = &c->runs[i];
        put_position(w, (struct position){(int64_t)r->ledger, r->first});
        put(w, r->last - r->first);
        put(w, r->messages);
        w->at.entry = r->last;
    }
    for (size_t i = 0; i < c->count_count; i++) {
        put_position(w, c->counts[i].position);
        put(w, c->counts[i].count);
    }
}

size_t cursor_changes_size(const struct cursor_changes *c)
{
    struct writer w = {.len = FIXED_BYTES};

    put_all(&w, c);
    return w.len;
}

void cursor_changes_encode(const struct cursor_changes *c, uint8_t *to)
{
    struct writer w = {.to = to, .len = FIXED_BYTES};

    assert(c->run_count <= UINT32_MAX && c->count_count <= UINT32_MAX);
    put_all(&w, c);
    record_begin(to, RECORD_CURSOR_CHANGES, w.len);
    le64_put(to + 12, c->subscription);
    le32_put(to + 20, (uint32_t)c->run_count);
    le32_put(to + 24, (uint32_t)c->count_count);
    le64_put(to + 28, (uint64_t)c->mark_delete.ledger);
    le64_put(to + 36, (uint64_t)c->mark_delete.entry);
    le64_put(to + 44, c->next_message);
}

/* ---- reading ---- */

enum err cursor_changes_decode(struct cursor_changes_reader *out, const struct record *r)
{
    const uint8_t *from = r->whole.data;

    if (r->kind != RECORD_CURSOR_CHANGES || r->whole.len < FIXED_BYTES)
        return ERR_CORRUPT;
    *out = (struct cursor_changes_reader){
        .subscription = le64_get(from + 12),
        .mark_delete = {.ledger = (int64_t)le64_get(from + 28), .entry = (int64_t)le64_get(from + 36)},
        .next_message = le64_get(from + 44),
        .rest = bytes_of(from + FIXED_BYTES, r->whole.len - FIXED_BYTES),
        .runs = le32_get(from + 20),
        .counts = le32_get(from + 24),
    };
    out->at = (struct position){out->mark_delete.ledger, 0};
    return OK;
}

static bool take(struct cursor_changes_reader *c, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && c->rest.len > 0; shift += 7) {
        const uint8_t byte = c->rest.data[0];
        c->rest = bytes_of(c->rest.data + 1, c->rest.len - 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool take_u32(struct cursor_changes_reader *c, uint32_t *out)
{
    uint64_t value;

    if (!take(c, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool take_difference(struct cursor_changes_reader *c, int64_t from, int64_t *out)
{
    uint64_t zigzag;

    if (!take(c, &zigzag))
        return false;
    *out = (int64_t)((uint64_t)from + ((zigzag >> 1) ^ (0 - (zigzag & 1))));
    return true;
}

static bool take_position(struct cursor_changes_reader *c, struct position *out)
{
    struct position p;

    if (!take_difference(c, c->at.ledger, &p.ledger) ||
        !take_difference(c, c->at.ledger == p.ledger ? c->at.entry : 0, &p.entry))
        return false;
    if (p.ledger < 0 || p.entry < 0 || p.entry > UINT32_MAX)
        return false;
    c->at = *out = p;
    return true;
}

enum err cursor_changes_run(struct cursor_changes_reader *c, struct record_run *out)
{
    struct position first;
    uint32_t more, messages;

    if (c->runs == 0)
        return ERR_NOT_FOUND;
    if (!take_position(c, &first) || !take_u32(c, &more) || !take_u32(c, &messages))
        return ERR_CORRUPT;
    if (more > UINT32_MAX - (uint64_t)first.entry)
        return ERR_CORRUPT;
    c->runs--;
    *out = (struct record_run){
        .ledger = (uint64_t)first.ledger,
        .first = (uint32_t)first.entry,
        .last = (uint32_t)first.entry + more,
        .messages = messages,
    };
    c->at.entry = out->last;
    return OK;
}

enum err cursor_changes_count(struct cursor_changes_reader *c, struct redelivery_count *out)
{
    assert(c->runs == 0);
    if (c->counts == 0)
        return c->rest.len == 0 ? ERR_NOT_FOUND : ERR_CORRUPT;
    if (!take_position(c, &out->position) || !take_u32(c, &out->count) || out->count == 0)
        return ERR_CORRUPT;
    c->counts--;
    return OK;
}
