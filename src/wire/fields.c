/* SPDX-License-Identifier: Apache-2.0
 *
 * fields.c - see fields.h.
 *
 * A field is a tag (number << 3 | kind) as a varint, then by kind: a varint, 8 or 4 little-endian bytes, or a varint
 * length and that many bytes.  A varint has 7 bits a byte, lowest first; the top bit says that another byte follows.
 */
#include "wire/fields.h"

enum { TAG_MAX = 5, LENGTH_MAX = 5 }; /* bytes of a varint that holds 32 bits */

/* One of more than a byte. */
static bool varint_get_long(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    uint64_t value = 0;
    unsigned shift = 0;

    for (const uint8_t *p = *at; p < end && shift < 64; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *at = p;
            *out = value;
            return true;
        }
    }
    return false;
}

/* Most are of one byte: tags, lengths, small numbers. */
static inline bool varint_take(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    if (*at == end || **at >= 0x80)
        return varint_get_long(at, end, out);
    *out = *(*at)++;
    return true;
}

bool varint_get(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    return varint_take(at, end, out);
}

static bool varint_get_short(struct fields *walk, ptrdiff_t size_max, uint64_t *out)
{
    const uint8_t *end = walk->end - walk->at > size_max ? walk->at + size_max : walk->end;

    return varint_take(&walk->at, end, out);
}

/* `len` is as it was written: it may be more than a size_t has room for. */
static bool take_bytes(struct fields *walk, uint64_t len, struct bytes *out)
{
    if (len > (uint64_t)(walk->end - walk->at))
        return false;
    *out = bytes_of(walk->at, (size_t)len);
    walk->at += len;
    return true;
}

static bool take_value(struct fields *walk, struct field *f)
{
    struct bytes fixed;
    uint64_t len;

    switch (f->kind) {
    case FIELD_VARINT:
        return varint_take(&walk->at, walk->end, &f->value);
    case FIELD_64:
        if (!take_bytes(walk, 8, &fixed))
            return false;
        f->value = le64_get(fixed.data);
        return true;
    case FIELD_BYTES:
        return varint_get_short(walk, LENGTH_MAX, &len) && take_bytes(walk, len, &f->bytes);
    case FIELD_32:
        if (!take_bytes(walk, 4, &fixed))
            return false;
        f->value = le32_get(fixed.data);
        return true;
    }
    return false;
}

bool fields_next_any(struct fields *walk, struct field *out)
{
    uint64_t tag;

    if (walk->at == walk->end || walk->broken)
        return false;
    *out = (struct field){0};
    if (varint_get_short(walk, TAG_MAX, &tag)) {
        out->number = (uint32_t)(tag >> 3);
        out->kind = (enum field_kind)(tag & 7);
        if (out->number != 0 && take_value(walk, out))
            return true;
    }
    walk->broken = true;
    return false;
}

enum err fields_body(struct bytes command, uint32_t type, struct bytes *body)
{
    struct fields walk = fields_of(command);
    struct field f;
    uint64_t said = 0;
    unsigned bodies = 0;
    struct bytes found = {0};
    uint32_t plain;

    if (fields_plain_command(command, &plain, &found) && plain == type) {
        *body = found;
        return OK;
    }
    while (fields_next(&walk, &f)) {
        if (f.number == 1 && !field_u64(&f, &said))
            return ERR_PROTOCOL;
        if (f.number == type) {
            if (!field_bytes(&f, &found))
                return ERR_PROTOCOL;
            bodies++;
        }
    }
    if (walk.broken || said != type || bodies != 1)
        return ERR_PROTOCOL;
    *body = found;
    return OK;
}
