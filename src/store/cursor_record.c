/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_record.c - see cursor_record.h.
 */
#include "store/cursor_record.h"

#include "store/partial_acks.h"
#include "store/varint.h"

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
    w->len += varint_put(w->to ? w->to + w->len : NULL, value);
}

static void put_bytes(struct writer *w, struct bytes bytes)
{
    if (w->to)
        memcpy(w->to + w->len, bytes.data, bytes.len);
    w->len += bytes.len;
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

static void put_mark(struct writer *w, const struct cursor_mark *m)
{
    put_position(w, m->position);
    put(w, m->count);
    put(w, m->left.len);
    if (m->left.len > 0) {
        put(w, m->messages);
        put_bytes(w, m->left);
    }
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
    for (size_t i = 0; i < c->mark_count; i++)
        put_mark(w, &c->marks[i]);
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

    assert(c->run_count <= UINT32_MAX && c->mark_count <= UINT32_MAX);
    put_all(&w, c);
    record_begin(to, RECORD_CURSOR_CHANGES, w.len);
    le64_put(to + 12, c->subscription);
    le32_put(to + 20, (uint32_t)c->run_count);
    le32_put(to + 24, (uint32_t)c->mark_count);
    le64_put(to + 28, (uint64_t)c->mark_delete.ledger);
    le64_put(to + 36, (uint64_t)c->mark_delete.entry);
    le64_put(to + 44, c->next_message);
}

/* ---- reading ---- */

enum err cursor_changes_decode(struct cursor_changes_reader *out, const struct record *r)
{
    const uint8_t *from = r->whole.data;

    if ((r->kind != RECORD_CURSOR_CHANGES && r->kind != RECORD_CURSOR_CHANGES_2) || r->whole.len < FIXED_BYTES)
        return ERR_CORRUPT;
    *out = (struct cursor_changes_reader){
        .subscription = le64_get(from + 12),
        .mark_delete = {.ledger = (int64_t)le64_get(from + 28), .entry = (int64_t)le64_get(from + 36)},
        .next_message = le64_get(from + 44),
        .rest = bytes_of(from + FIXED_BYTES, r->whole.len - FIXED_BYTES),
        .runs = le32_get(from + 20),
        .marks = le32_get(from + 24),
        .partial = r->kind == RECORD_CURSOR_CHANGES,
    };
    out->at = (struct position){out->mark_delete.ledger, 0};
    return out->subscription > 0 && out->subscription <= INT64_MAX && position_keepable(out->mark_delete) ? OK
                                                                                                          : ERR_CORRUPT;
}

static bool take_difference(struct cursor_changes_reader *c, int64_t from, int64_t *out)
{
    uint64_t zigzag;

    if (!varint_take(&c->rest, &zigzag))
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
    if (!take_position(c, &first) || !varint_take_u32(&c->rest, &more) || !varint_take_u32(&c->rest, &messages))
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

static bool take_left(struct cursor_changes_reader *c, struct cursor_mark *out)
{
    uint32_t len;

    if (!varint_take_u32(&c->rest, &len))
        return false;
    if (len == 0)
        return out->count > 0;
    if (!varint_take_u32(&c->rest, &out->messages) || len > c->rest.len)
        return false;
    out->left = bytes_of(c->rest.data, len);
    c->rest = bytes_of(c->rest.data + len, c->rest.len - len);
    return partial_left_valid(out->left, out->messages);
}

enum err cursor_changes_mark(struct cursor_changes_reader *c, struct cursor_mark *out)
{
    struct cursor_mark mark = {.left = bytes_of(NULL, 0)};

    assert(c->runs == 0);
    if (c->marks == 0)
        return c->rest.len == 0 ? ERR_NOT_FOUND : ERR_CORRUPT;
    if (!take_position(c, &mark.position) || !varint_take_u32(&c->rest, &mark.count))
        return ERR_CORRUPT;
    if (c->partial ? !take_left(c, &mark) : mark.count == 0)
        return ERR_CORRUPT;
    c->marks--;
    *out = mark;
    return OK;
}
