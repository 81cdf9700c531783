/* SPDX-License-Identifier: Apache-2.0
 *
 * log_format.c - records to bytes and back.
 */
#include "services/notary/log_format.h"

#include "base/checksum.h"
#include <assert.h>

static const uint8_t file_magic[8] = "GEMNLOG";
static const uint8_t record_magic[4] = {'G', 'N', 'R', '1'};
#define VERSION 1

void log_file_header_encode(uint8_t to[LOG_FILE_HEADER_LEN], const struct digest *log_id)
{
    memset(to, 0, LOG_FILE_HEADER_LEN);
    memcpy(to, file_magic, sizeof file_magic);
    le32_put(to + 8, VERSION);
    memcpy(to + 16, log_id->bytes, DIGEST_LEN);
    le32_put(to + 60, crc32c(0, bytes_of(to, 60)));
}

enum err log_file_header_decode(const uint8_t from[LOG_FILE_HEADER_LEN], struct digest *log_id)
{
    if (memcmp(from, file_magic, sizeof file_magic) != 0 || le32_get(from + 60) != crc32c(0, bytes_of(from, 60)))
        return ERR_CORRUPT;
    if (le32_get(from + 8) > VERSION)
        return ERR_VERSION;
    memcpy(log_id->bytes, from + 16, DIGEST_LEN);
    return OK;
}

/* The header before the payload's parts, with the CRC over all of it. */
static void record_encode(struct text *out, enum log_record_kind kind, uint64_t batch, uint64_t position,
                          const struct bytes *parts, size_t count)
{
    uint8_t header[LOG_RECORD_HEADER_LEN] = {0};
    size_t len = 0;
    uint32_t crc;

    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    assert(len <= LOG_PAYLOAD_MAX);
    memcpy(header, record_magic, sizeof record_magic);
    header[4] = (uint8_t)kind;
    le64_put(header + 8, batch);
    le64_put(header + 16, position);
    le32_put(header + 24, (uint32_t)len);
    crc = crc32c(0, bytes_of(header, 28));
    for (size_t i = 0; i < count; i++)
        crc = crc32c(crc, parts[i]);
    le32_put(header + 28, crc);
    text_add_bytes(out, bytes_of(header, sizeof header));
    for (size_t i = 0; i < count; i++)
        text_add_bytes(out, parts[i]);
}

void log_entry_encode(struct text *out, uint64_t batch, uint64_t index, const struct log_record *record)
{
    uint8_t lengths[8];
    struct bytes parts[] = {bytes_of(lengths, sizeof lengths), record->key, record->leaf, record->rest};

    le32_put(lengths, (uint32_t)record->key.len);
    le32_put(lengths + 4, (uint32_t)record->leaf.len);
    record_encode(out, LOG_ENTRY, batch, index, parts, 4);
}

void log_checkpoint_encode(struct text *out, uint64_t batch, uint64_t size, struct bytes note)
{
    record_encode(out, LOG_CHECKPOINT, batch, size, &note, 1);
}

void log_seal_encode(struct text *out, uint64_t batch, uint64_t size)
{
    record_encode(out, LOG_SEAL, batch, size, NULL, 0);
}

bool log_record_header_decode(struct log_record_header *out, const uint8_t from[LOG_RECORD_HEADER_LEN])
{
    if (memcmp(from, record_magic, sizeof record_magic) != 0)
        return false;
    out->kind = (enum log_record_kind)from[4];
    out->batch = le64_get(from + 8);
    out->position = le64_get(from + 16);
    out->payload_len = le32_get(from + 24);
    out->crc = le32_get(from + 28);
    return from[4] >= LOG_ENTRY && from[4] <= LOG_SEAL && out->payload_len <= LOG_PAYLOAD_MAX;
}

bool log_record_is_whole(const struct log_record_header *h, const uint8_t header[LOG_RECORD_HEADER_LEN],
                         struct bytes payload)
{
    return payload.len == h->payload_len && crc32c(crc32c(0, bytes_of(header, 28)), payload) == h->crc;
}

bool log_entry_decode(struct log_record *out, struct bytes payload)
{
    uint32_t key_len, leaf_len;

    if (payload.len < 8)
        return false;
    key_len = le32_get(payload.data);
    leaf_len = le32_get(payload.data + 4);
    payload = bytes_of(payload.data + 8, payload.len - 8);
    if (key_len > payload.len || leaf_len > payload.len - key_len)
        return false;
    out->key = bytes_of(payload.data, key_len);
    out->leaf = bytes_of(payload.data + key_len, leaf_len);
    out->rest = bytes_of(payload.data + key_len + leaf_len, payload.len - key_len - leaf_len);
    return true;
}
