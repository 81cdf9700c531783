/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_view.c - see entry_view.h, which draws the format.
 */
#include "wire/entry_view.h"

#include "wire/fields.h"
#include "wire/frame.h"

#include <assert.h>

enum { MAGIC_SIZE = 2, SIZE_FIELD = 4, CHECKSUM_SIZE = 4 };

static bool starts_with_magic(struct bytes b, uint16_t magic)
{
    return b.len >= MAGIC_SIZE && be16_get(b.data) == magic;
}

static struct bytes after(struct bytes b, size_t len)
{
    return bytes_of(b.data + len, b.len - len);
}

static enum err broker_metadata_scan(struct bytes bytes, struct entry_view *v)
{
    struct fields walk = fields_of(bytes);
    struct field f;

    while (fields_next(&walk, &f)) {
        if (f.number == 1 && !(v->has_broker_timestamp = field_u64(&f, &v->broker_timestamp)))
            return ERR_PROTOCOL;
        if (f.number == 2 && !(v->has_broker_index = field_u64(&f, &v->broker_index)))
            return ERR_PROTOCOL;
    }
    return walk.broken ? ERR_PROTOCOL : OK;
}

/* A size and that many bytes; *rest moves behind them. */
static bool take_sized(struct bytes *rest, struct bytes *out)
{
    if (rest->len < SIZE_FIELD)
        return false;
    uint32_t size = be32_get(rest->data);
    if (size > rest->len - SIZE_FIELD)
        return false;
    *out = bytes_of(rest->data + SIZE_FIELD, size);
    *rest = after(*rest, SIZE_FIELD + (size_t)size);
    return true;
}

enum err entry_view_decode(struct bytes entry, struct entry_view *out)
{
    struct entry_view v = {0};
    struct bytes rest = entry;
    enum err err;

    if (starts_with_magic(rest, ENTRY_MAGIC_BROKER)) {
        struct bytes broker;
        rest = after(rest, MAGIC_SIZE);
        if (!take_sized(&rest, &broker))
            return ERR_PROTOCOL;
        if ((err = broker_metadata_scan(broker, &v)) != OK)
            return err;
    }
    v.entry = rest;
    if (starts_with_magic(rest, ENTRY_MAGIC_CHECKSUM)) {
        if (rest.len < MAGIC_SIZE + CHECKSUM_SIZE)
            return ERR_PROTOCOL;
        v.has_checksum = true;
        v.checksum = be32_get(rest.data + MAGIC_SIZE);
        rest = after(rest, MAGIC_SIZE + CHECKSUM_SIZE);
    }
    v.covered = rest;
    if (!take_sized(&rest, &v.metadata_bytes))
        return ERR_PROTOCOL;
    if ((err = metadata_scan(v.metadata_bytes, &v.metadata)) != OK)
        return err;
    v.payload = rest;
    *out = v;
    return OK;
}

enum err entry_view_verify(const struct entry_view *view)
{
    if (view->has_checksum && crc32c(0, view->covered) != view->checksum)
        return ERR_CHECKSUM;
    return OK;
}

enum err entry_view_verify_known(const struct entry_view *view, struct crc32c_tail known)
{
    if (!view->has_checksum || known.len == 0 || known.len != view->covered.len)
        return entry_view_verify(view);
    return known.crc == view->checksum ? OK : ERR_CHECKSUM;
}

size_t entry_covered_offset(struct bytes frame)
{
    if (frame.len < FRAME_HEAD_SIZE)
        return 0;
    const size_t entry = FRAME_HEAD_SIZE + (size_t)be32_get(frame.data + SIZE_FIELD);
    if (frame.len < entry + MAGIC_SIZE + CHECKSUM_SIZE || !starts_with_magic(after(frame, entry), ENTRY_MAGIC_CHECKSUM))
        return 0;
    return entry + MAGIC_SIZE + CHECKSUM_SIZE;
}

struct crc32c_tail entry_view_known(const struct entry_view *view)
{
    const bool known = view->has_checksum && view->covered.len <= UINT32_MAX;

    return (struct crc32c_tail){.len = known ? (uint32_t)view->covered.len : 0, .crc = view->checksum};
}

void entry_head_encode(uint8_t out[ENTRY_HEAD_SIZE], struct bytes metadata, struct bytes payload)
{
    uint8_t *metadata_size = out + MAGIC_SIZE + CHECKSUM_SIZE;
    uint32_t crc;

    assert(metadata.len <= INT32_MAX);

    be32_put(metadata_size, (uint32_t)metadata.len);
    crc = crc32c(0, bytes_of(metadata_size, SIZE_FIELD));
    crc = crc32c(crc, metadata);
    crc = crc32c(crc, payload);
    be16_put(out, ENTRY_MAGIC_CHECKSUM);
    be32_put(out + MAGIC_SIZE, crc);
}

size_t entry_broker_head_encode(uint8_t out[ENTRY_BROKER_HEAD_MAX], uint64_t timestamp_ms, uint64_t index)
{
    uint8_t *body = out + MAGIC_SIZE + SIZE_FIELD;
    uint8_t *p = body;

    p = field_put_varint(p, 1, timestamp_ms);
    p = field_put_varint(p, 2, index);
    be16_put(out, ENTRY_MAGIC_BROKER);
    be32_put(out + MAGIC_SIZE, (uint32_t)(p - body));
    return (size_t)(p - out);
}
