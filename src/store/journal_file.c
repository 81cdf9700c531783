/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_file.c - journal files and batches as bytes; the layouts are drawn in journal_file.h.
 */
#include "store/journal_file.h"

#include "base/checksum.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static_assert(JOURNAL_HEADER_SIZE == 4096 && JOURNAL_BATCH_HEADER_SIZE == 48 && JOURNAL_ALIGN == 512,
              "the layouts are on disks");

#define FILE_MAGIC       "GMGAJRNL"
#define BATCH_MAGIC      "BTCH"
#define FILE_HEADER_USED 64u
#define NAME_FORMAT      "%08" PRIx64 ".journal"

void journal_path(char to[JOURNAL_PATH_SIZE], uint64_t number)
{
    int len = snprintf(to, JOURNAL_PATH_SIZE, JOURNAL_DIR "/" NAME_FORMAT, number);
    assert(len > 0 && len < JOURNAL_PATH_SIZE);
}

bool journal_path_parse(const char *name, uint64_t *number)
{
    char whole[JOURNAL_PATH_SIZE];
    uint64_t n;
    int end = 0;

    if (sscanf(name, "%" SCNx64 "%n", &n, &end) != 1 || n > UINT32_MAX)
        return false;
    journal_path(whole, n);
    if (strcmp(whole + strlen(JOURNAL_DIR "/"), name) != 0) /* one spelling only */
        return false;
    *number = n;
    return true;
}

void journal_file_header_encode(uint8_t *to, const struct journal_file_header *h)
{
    memset(to, 0, JOURNAL_HEADER_SIZE);
    memcpy(to, FILE_MAGIC, 8);
    le32_put(to + 8, JOURNAL_VERSION);
    le64_put(to + 16, h->generation);
    le64_put(to + 24, h->first_batch);
    le32_put(to + 32, h->previous_crc);
    le64_put(to + 40, h->salt);
    le32_put(to + 48, h->unsynced);
    le32_put(to + 12, crc32c(0, bytes_of(to, FILE_HEADER_USED)));
}

enum err journal_file_header_decode(struct journal_file_header *out, struct bytes from)
{
    uint8_t copy[FILE_HEADER_USED];

    if (from.len < FILE_HEADER_USED || memcmp(from.data, FILE_MAGIC, 8) != 0)
        return ERR_CORRUPT;
    memcpy(copy, from.data, sizeof copy);
    le32_put(copy + 12, 0);
    if (crc32c(0, bytes_of(copy, sizeof copy)) != le32_get(from.data + 12))
        return ERR_CORRUPT;
    if (le32_get(copy + 8) != JOURNAL_VERSION)
        return ERR_VERSION;

    out->generation = le64_get(copy + 16);
    out->first_batch = le64_get(copy + 24);
    out->previous_crc = le32_get(copy + 32);
    out->salt = le64_get(copy + 40);
    out->unsynced = le32_get(copy + 48) != 0;
    return OK;
}

static uint32_t salted_header_crc(const uint8_t header[JOURNAL_BATCH_HEADER_SIZE], uint64_t salt)
{
    uint8_t salted[8 + JOURNAL_BATCH_HEADER_SIZE];

    le64_put(salted, salt);
    memcpy(salted + 8, header, JOURNAL_BATCH_HEADER_SIZE);
    le32_put(salted + 8 + 4, 0);
    return crc32c(0, bytes_of(salted, sizeof salted));
}

uint32_t batch_header_begin(uint8_t to[JOURNAL_BATCH_HEADER_SIZE], const struct batch_header *h, uint64_t salt)
{
    memset(to, 0, JOURNAL_BATCH_HEADER_SIZE);
    memcpy(to, BATCH_MAGIC, 4);
    le64_put(to + 8, h->number);
    le64_put(to + 16, h->generation);
    le32_put(to + 24, h->payload_len);
    le32_put(to + 28, h->previous_crc);
    le32_put(to + 32, h->records);
    le32_put(to + 36, (uint32_t)h->kind);
    le32_put(to + 40, h->unsynced);
    le32_put(to + 44, h->pad);
    return salted_header_crc(to, salt);
}

void batch_header_end(uint8_t to[JOURNAL_BATCH_HEADER_SIZE], struct batch_header *h, uint32_t crc)
{
    le32_put(to + 4, crc);
    h->crc = crc;
}

enum err batch_header_decode(struct batch_header *out, const uint8_t from[JOURNAL_BATCH_HEADER_SIZE])
{
    if (memcmp(from, BATCH_MAGIC, 4) != 0)
        return ERR_CORRUPT;
    uint32_t payload_len = le32_get(from + 24);
    uint32_t kind = le32_get(from + 36);
    uint32_t pad = le32_get(from + 44);
    if (payload_len > JOURNAL_PAYLOAD_MAX || kind > BATCH_SEAL || pad >= JOURNAL_PAGE || pad % JOURNAL_ALIGN != 0)
        return ERR_CORRUPT;

    out->crc = le32_get(from + 4);
    out->number = le64_get(from + 8);
    out->generation = le64_get(from + 16);
    out->payload_len = payload_len;
    out->previous_crc = le32_get(from + 28);
    out->records = le32_get(from + 32);
    out->kind = (enum batch_kind)kind;
    out->unsynced = le32_get(from + 40);
    out->pad = pad;
    return OK;
}

uint32_t batch_crc(const uint8_t header[JOURNAL_BATCH_HEADER_SIZE], uint64_t salt, struct bytes payload)
{
    return crc32c(salted_header_crc(header, salt), payload);
}
