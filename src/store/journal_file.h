/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_file.h - how a journal file looks: its header, its batches, and what is believed of them.
 *
 * A file (journal/00000001.journal) is 4,096 bytes of header, then batches, each beginning at a multiple of 512
 * bytes so that no sector holds bytes of two.  A large batch ends with a page of 4,096, so that what follows large
 * ones begins with one: aligned batches can be written past the page cache.  Files are recycled: bytes of an earlier
 * life may follow the last batch, and are told apart by the generation and the salt.  All integers little endian.
 *
 *     file header      0    8  "GMGAJRNL"
 *                      8    4  format version: 1
 *                     12    4  CRC32C of the 64 bytes with this field 0
 *                     16    8  generation: grows by one with every file taken into use, never reused
 *                     24    8  number of the first batch in it
 *                     32    4  CRC of the batch before that
 *                     36    4  0
 *                     40    8  salt: random, of this generation
 *                     48    4  1: written in durability mode "os", see below; else 0
 *                     52   12  0
 *
 *     batch header     0    4  "BTCH"
 *                      4    4  CRC32C of salt (8 bytes), the header with this field 0, and the payload
 *                      8    8  number: the one before plus one
 *                     16    8  generation of the file
 *                     24    4  length of the payload; padding to 512 follows it
 *                     28    4  CRC of the batch before
 *                     32    4  number of records
 *                     36    4  kind: 0 records, 1 seal (no payload)
 *                     40    4  how many of the batches right before it were not known to be durable when it was
 *                              written
 *                     44    4  zero bytes behind the padding, up to the end of the page: 0, or 512 times 1 to 7
 *                     48       the payload: records (record.h), one after the other
 *
 * A batch is valid when its CRC, generation, number and the CRC of the one before hold.  A few may be on their way to
 * the disk at the same time, and a crash may keep any of them: a bad one in the middle, valid ones behind it.  So each
 * says how far back it proves nothing: all before these were durable when it was written.  Where a batch is bad, a
 * valid one behind it that proves it, or a file header with a greater number, means damage: it was whole once.  A
 * bad batch that none behind it proves is where the log ends, whatever follows: a tear, writes that a crash
 * interrupted, never acknowledged.  The undecidable case: damage to the very last batches, before a seal was written
 * behind them, looks like a tear; an idle or stopping broker writes a seal, a batch without records, to close it.
 *
 * The first batch of a file is alone on its way: all before it are durable, its file's header goes along, and both are
 * synced before the next one is written.  So a header proves all files before it, and a second batch the header.  A
 * seal, too, is alone.
 *
 * In durability mode "os" most batches are written and not synced, so that many more are not proved.  There, too, a
 * file is synced before the next one is begun, and its header and first batch are; so are seals, and what checkpoints
 * and the unlinking of files lean on.
 *
 * Pure functions.  May call: base/.
 */
#ifndef STORE_JOURNAL_FILE_H
#define STORE_JOURNAL_FILE_H

#include "base/bytes.h"
#include "base/err.h"

#define JOURNAL_DIR               "journal"
#define JOURNAL_VERSION           1u
#define JOURNAL_HEADER_SIZE       4096u /* of which 64 are used */
#define JOURNAL_BATCH_HEADER_SIZE 48u
#define JOURNAL_ALIGN             512u
#define JOURNAL_PAGE              4096u
#define JOURNAL_PATH_SIZE         40
/* A batch takes no further record beyond this; a larger record travels alone. */
#define JOURNAL_BATCH_BYTES (4u * 1024 * 1024)
#define JOURNAL_PAYLOAD_MAX (96u * 1024 * 1024) /* what a reader believes of a length */

struct journal_file_header {
    uint64_t generation;
    uint64_t first_batch;
    uint32_t previous_crc;
    uint64_t salt;
    bool unsynced; /* batches in it need not be durable: mode "os" */
};

enum batch_kind { BATCH_RECORDS = 0, BATCH_SEAL = 1 };

struct batch_header {
    uint32_t crc; /* set by batch_header_end, read by _decode */
    uint64_t number;
    uint64_t generation;
    uint32_t payload_len;
    uint32_t previous_crc;
    uint32_t records;
    enum batch_kind kind;
    uint32_t unsynced; /* batches right before it that need not be durable */
    uint32_t pad;      /* zero bytes from the end of its span to that of the page, which are its own, too */
};

/* "journal/0000000n.journal" */
void journal_path(char to[JOURNAL_PATH_SIZE], uint64_t number);
/* False for a name in the directory that is not ours. */
bool journal_path_parse(const char *name, uint64_t *number);

/* JOURNAL_HEADER_SIZE bytes. */
void journal_file_header_encode(uint8_t *to, const struct journal_file_header *h);
/* ERR_CORRUPT: never in use, or damaged; ERR_VERSION. */
MUST_USE enum err journal_file_header_decode(struct journal_file_header *out, struct bytes from);

/* The header without its CRC.  Returns that of salt and header, for the caller to continue over the payload. */
MUST_USE uint32_t batch_header_begin(uint8_t to[JOURNAL_BATCH_HEADER_SIZE], const struct batch_header *h,
                                     uint64_t salt);
/* ... and its CRC, which is remembered in h->crc. */
void batch_header_end(uint8_t to[JOURNAL_BATCH_HEADER_SIZE], struct batch_header *h, uint32_t crc);
/* The fields, believed only so far as bounds go; ERR_CORRUPT when it cannot be a batch header. */
MUST_USE enum err batch_header_decode(struct batch_header *out, const uint8_t from[JOURNAL_BATCH_HEADER_SIZE]);
/* The CRC that a batch should have; `header` as stored. */
uint32_t batch_crc(const uint8_t header[JOURNAL_BATCH_HEADER_SIZE], uint64_t salt, struct bytes payload);

/* Header, payload and padding. */
static inline uint64_t batch_span(uint64_t payload_len)
{
    return (JOURNAL_BATCH_HEADER_SIZE + payload_len + JOURNAL_ALIGN - 1) / JOURNAL_ALIGN * JOURNAL_ALIGN;
}

/* From its first byte to where the next one begins. */
static inline uint64_t batch_whole(const struct batch_header *h)
{
    return batch_span(h->payload_len) + h->pad;
}

#endif
