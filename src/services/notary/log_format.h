/* SPDX-License-Identifier: Apache-2.0
 *
 * log_format.h - the bytes of the embedded transparency log's file, version 1.  All integers little endian.
 *
 * File header, 64 bytes, written once:
 *
 *     0   8  "GEMNLOG" and a NUL
 *     8   4  version, 1
 *    12   4  zero
 *    16  32  log id: SHA-256 of the public key that signs the checkpoints
 *    48  12  zero
 *    60   4  CRC32C of bytes 0 to 59
 *
 * Then records, each a header of 32 bytes and its payload:
 *
 *     0   4  "GNR1"
 *     4   1  kind: 1 entry, 2 checkpoint, 3 seal
 *     5   3  zero
 *     8   8  batch, from 1
 *    16   8  entry: its log index; checkpoint and seal: the size of the tree so far
 *    24   4  length of the payload
 *    28   4  CRC32C of bytes 0 to 27 and the payload
 *
 *     entry       u32 length of key, u32 length of leaf, key, leaf, rest
 *     checkpoint  the signed note (checkpoint.h)
 *     seal        nothing
 *
 * One append is a batch: its entries and then a checkpoint over all of the tree, one write and one sync.  After the
 * sync a seal with the batch's number is written and not synced.  So a valid seal of batch n, or any record of a
 * batch after n, proves that n was synced.  Where a record is not valid and nothing behind it proves that its batch
 * was synced, the batch is a torn tail and is cut off; else it is damage, and the log is refused.  The one undecidable
 * case is damage to the last batch that takes its seal as well, together with a loss of power.
 */
#ifndef SERVICES_NOTARY_LOG_FORMAT_H
#define SERVICES_NOTARY_LOG_FORMAT_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/digest.h"
#include "services/notary/ports.h"

#define LOG_FILE_HEADER_LEN   64
#define LOG_RECORD_HEADER_LEN 32
#define LOG_PAYLOAD_MAX       (256u << 10)

enum log_record_kind { LOG_ENTRY = 1, LOG_CHECKPOINT = 2, LOG_SEAL = 3 };

struct log_record_header {
    enum log_record_kind kind;
    uint64_t batch;
    uint64_t position;
    uint32_t payload_len;
    uint32_t crc;
};

void log_file_header_encode(uint8_t to[LOG_FILE_HEADER_LEN], const struct digest *log_id);
/* ERR_CORRUPT; ERR_VERSION: a later format. */
MUST_USE enum err log_file_header_decode(const uint8_t from[LOG_FILE_HEADER_LEN], struct digest *log_id);

/* Appends a record. */
void log_entry_encode(struct text *out, uint64_t batch, uint64_t index, const struct log_record *record);
void log_checkpoint_encode(struct text *out, uint64_t batch, uint64_t size, struct bytes note);
void log_seal_encode(struct text *out, uint64_t batch, uint64_t size);

/* False when these bytes begin no record; the CRC is for log_record_is_whole to check. */
bool log_record_header_decode(struct log_record_header *out, const uint8_t from[LOG_RECORD_HEADER_LEN]);
/* `header` and payload as they lie in the file. */
bool log_record_is_whole(const struct log_record_header *h, const uint8_t header[LOG_RECORD_HEADER_LEN],
                         struct bytes payload);
/* The parts of an entry's payload, borrowed.  False when its lengths do not add up. */
bool log_entry_decode(struct log_record *out, struct bytes payload);

#endif
