/* SPDX-License-Identifier: Apache-2.0
 *
 * fields.h - protobuf by hand: walking the fields of a message where they lie, and writing them.
 *
 * For the busy commands and for scans that need no memory.  The walk is as lenient as protobuf-c's (padded integers,
 * any order, unknown fields), but refuses integers of more than 64 bits and a field numbered 0. Knows no message.  May
 * call: base/.
 */
#ifndef WIRE_FIELDS_H
#define WIRE_FIELDS_H

#include "base/bytes.h"
#include "base/err.h"

/* The protobuf wire types; groups are refused. */
enum field_kind { FIELD_VARINT = 0, FIELD_64 = 1, FIELD_BYTES = 2, FIELD_32 = 5 };

struct field {
    uint32_t number;
    enum field_kind kind;
    uint64_t value;     /* FIELD_VARINT, FIELD_64, FIELD_32 */
    struct bytes bytes; /* FIELD_BYTES */
};

struct fields {
    const uint8_t *at, *end; /* private */
    bool broken;             /* the walk ended at bytes that are no field */
};

static inline struct fields fields_of(struct bytes message)
{
    const uint8_t *end = message.len > 0 ? message.data + message.len : message.data; /* data may be NULL when empty */
    return (struct fields){.at = message.data, .end = end};
}

bool fields_next_any(struct fields *walk, struct field *out); /* private: for fields_next */

/* An integer of at most 8 bytes from 8 that are there: returns how many it takes, or 0. */
static inline unsigned varint_get_8(const uint8_t at[8], uint64_t *out)
{
    const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t v = le64_get(at);
    const uint64_t ends = ~v & tops;

    if (ends == 0)
        return 0;
    v &= (ends ^ (ends - 1)) & ~tops; /* up to the first byte without a top bit; then the sevens are moved together */
    v = (v & UINT64_C(0x7f007f007f007f00)) >> 1 | (v & UINT64_C(0x007f007f007f007f));
    v = (v & UINT64_C(0x3fff00003fff0000)) >> 2 | (v & UINT64_C(0x00003fff00003fff));
    v = (v & UINT64_C(0x0fffffff00000000)) >> 4 | (v & UINT64_C(0x000000000fffffff));
    *out = v;
    return (unsigned)__builtin_ctzll(ends) / 8 + 1;
}

/* False at the end, or where the bytes are broken: look at `broken` after the walk. */
static inline bool fields_next(struct fields *walk, struct field *out)
{
    const uint8_t *p = walk->at;

    /* Nearly all: a tag of one byte, then a number or a length below 128. */
    if (walk->end - p >= 2 && p[0] >= 8 && p[0] < 0x80 && p[1] < 0x80 && !walk->broken) {
        *out = (struct field){.number = p[0] >> 3, .kind = (enum field_kind)(p[0] & 7)};
        if (out->kind == FIELD_VARINT) {
            out->value = p[1];
            walk->at = p + 2;
            return true;
        }
        if (out->kind == FIELD_BYTES && p[1] <= walk->end - p - 2) {
            out->bytes = bytes_of(p + 2, p[1]);
            walk->at = p + 2 + p[1];
            return true;
        }
    } else if (walk->end - p >= 9 && p[0] >= 8 && p[0] < 0x80 && (p[0] & 7) == FIELD_VARINT && !walk->broken) {
        *out = (struct field){.number = p[0] >> 3, .kind = FIELD_VARINT};
        const unsigned len = varint_get_8(p + 1, &out->value);
        walk->at = p + 1 + len;
        if (len > 0)
            return true;
        walk->at = p;
    }
    return fields_next_any(walk, out);
}

/* The one way in which encoders write a BaseCommand: its type, below 128, and the body, of less than 128 bytes, behind
 * it, and nothing else.  False: it is another way, or none. */
static inline bool fields_plain_command(struct bytes command, uint32_t *type, struct bytes *body)
{
    const uint8_t *p = command.data;

    if (command.len < 4 || p[0] != (1 << 3 | FIELD_VARINT) || p[1] < 2 || p[1] >= 0x80)
        return false;
    const unsigned tag = (unsigned)p[1] << 3 | FIELD_BYTES, tag_len = tag < 0x80 ? 1 : 2;
    if (command.len < 3 + tag_len)
        return false;
    if (tag_len == 1 ? p[2] != tag : (p[2] != ((tag & 0x7f) | 0x80) || p[3] != tag >> 7))
        return false;
    p += 2 + tag_len;
    if (*p >= 0x80 || (size_t)*p != command.len - 3 - tag_len)
        return false;
    *type = command.data[1];
    *body = bytes_of(p + 1, *p);
    return true;
}

/* Finds the body of a BaseCommand, which must be of `type` and hold exactly one.  ERR_PROTOCOL. */
MUST_USE enum err fields_body(struct bytes command, uint32_t type, struct bytes *body);

/* A field's value as the type that the message declares; false: it was written as another kind, nothing is set.
 * 32-bit values keep the low half, as protobuf does. */
static inline bool field_u64(const struct field *f, uint64_t *out)
{
    if (f->kind != FIELD_VARINT)
        return false;
    *out = f->value;
    return true;
}

static inline bool field_i64(const struct field *f, int64_t *out)
{
    if (f->kind != FIELD_VARINT)
        return false;
    *out = (int64_t)f->value;
    return true;
}

static inline bool field_u32(const struct field *f, uint32_t *out)
{
    if (f->kind != FIELD_VARINT)
        return false;
    *out = (uint32_t)f->value;
    return true;
}

static inline bool field_i32(const struct field *f, int32_t *out)
{
    if (f->kind != FIELD_VARINT)
        return false;
    *out = (int32_t)(uint32_t)f->value;
    return true;
}

static inline bool field_bool(const struct field *f, bool *out)
{
    if (f->kind != FIELD_VARINT)
        return false;
    *out = f->value != 0;
    return true;
}

static inline bool field_bytes(const struct field *f, struct bytes *out)
{
    if (f->kind != FIELD_BYTES)
        return false;
    *out = f->bytes;
    return true;
}

/* Reads one integer at *at; false: cut short or too long.  Moves *at behind it. */
bool varint_get(const uint8_t **at, const uint8_t *end, uint64_t *out);

enum { VARINT_MAX = 10 };

static inline size_t varint_len(uint64_t v)
{
    return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

static inline uint8_t *varint_put(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

/* Fields with numbers up to 15, which have a tag of one byte; all those of the busy commands. */
static inline uint8_t *field_put_varint(uint8_t *p, unsigned number, uint64_t v)
{
    *p++ = (uint8_t)(number << 3 | FIELD_VARINT);
    return varint_put(p, v);
}

/* The head of a bytes field: the caller writes the bytes. */
static inline uint8_t *field_put_head(uint8_t *p, unsigned number, size_t len)
{
    *p++ = (uint8_t)(number << 3 | FIELD_BYTES);
    return varint_put(p, len);
}

static inline size_t field_varint_len(uint64_t v)
{
    return 1 + varint_len(v);
}

#endif
