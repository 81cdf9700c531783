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
    }
    return fields_next_any(walk, out);
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
