/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h - the unit that journal batches and segment files are made of.
 *
 * Every record begins with the same twelve bytes; what follows depends on its kind.  All integers little endian.
 *
 *     offset size
 *          0    4  length of the whole record, these twelve bytes included
 *          4    4  CRC32C of the record's bytes from offset 8 on
 *          8    1  kind (enum record_kind)
 *          9    1  version of the kind's layout: 1
 *         10    2  entries: where the client's bytes begin; others: 12
 *         12       the body
 *
 *     kind            body
 *     ENTRY           see entry.h; in journal batches and in segment files, byte for byte the same
 *     LEDGER_CREATE   ledger u64, topic u64, created_ms i64, first_message u64
 *     LEDGER_CLOSE    ledger u64, closed_ms i64
 *     LEDGER_DELETE   ledger u64
 *     CATALOG         a catalog_change (catalog_tables.h)
 *     CURSOR_CREATE   subscription u64, topic u64, mark_delete (ledger i64, entry i64), next_message u64
 *     CURSOR_RESET    subscription u64, 0 u64, mark_delete, next_message u64
 *     CURSOR_ACKS     subscription u64, 0 u64, mark_delete, next_message u64, then for each run of entries acknowledged
 *                     beyond it: ledger u64, first u32, last u32, messages of each u32, 0 u32.  Of format 1: it is
 *                     read, and not written any more
 *     CURSOR_CHANGES_2, CURSOR_CHANGES
 *                     see cursor_record.h; the former of format 2, as above
 *
 * Records name ids only, and one that names a ledger or a subscription which is gone is skipped: it was deleted later.
 * An unknown kind or version is ERR_VERSION: a newer program wrote it.
 * Pure functions.  May call: base/, position.h.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/err.h"
#include "store/position.h"

enum record_kind {
    RECORD_ENTRY = 1,
    RECORD_LEDGER_CREATE = 2,
    RECORD_LEDGER_CLOSE = 3,
    RECORD_LEDGER_DELETE = 4,
    RECORD_CATALOG = 5,
    RECORD_CURSOR_CREATE = 6,
    RECORD_CURSOR_RESET = 7,
    RECORD_CURSOR_ACKS = 8,
    RECORD_CURSOR_CHANGES_2 = 12, /* 9 to 11 are left to ledgers */
    RECORD_CURSOR_CHANGES = 13,
};

#define RECORD_KINDS       14 /* one above the greatest */
#define RECORD_VERSION     1
#define RECORD_HEADER_SIZE 12u
#define RECORD_SIZE_MAX    (80u * 1024 * 1024) /* what a reader believes of a length */

struct record_ledger_create {
    uint64_t ledger, topic;
    int64_t created_ms;
    uint64_t first_message;
};

struct record_ledger_close {
    uint64_t ledger;
    int64_t closed_ms;
};

/* Of CURSOR_CREATE, CURSOR_RESET and CURSOR_ACKS. */
struct record_cursor {
    uint64_t subscription, topic;
    struct position mark_delete;
    uint64_t next_message;
    struct bytes runs; /* when decoded, of CURSOR_ACKS: what record_run_decode takes */
};

struct record_run {
    uint64_t ledger;
    uint32_t first, last;
    uint32_t messages; /* of each entry */
};

#define RECORD_LEDGER_CREATE_SIZE (RECORD_HEADER_SIZE + 32u)
#define RECORD_LEDGER_CLOSE_SIZE  (RECORD_HEADER_SIZE + 16u)
#define RECORD_LEDGER_DELETE_SIZE (RECORD_HEADER_SIZE + 8u)
#define RECORD_CURSOR_SIZE        (RECORD_HEADER_SIZE + 40u) /* and the runs of CURSOR_ACKS */
#define RECORD_RUN_SIZE           24u

/* The first twelve bytes, the checksum left 0: the journal's worker sets it (record_seal) when all bytes are in
 * place. */
void record_begin(uint8_t *to, enum record_kind kind, size_t len);
/* Computes, stores and returns the checksum, which is of all but the first 8 bytes; `head` starts with the record's
 * header, `rest` (may be empty) follows it. */
uint32_t record_seal(uint8_t *head, size_t head_len, struct bytes rest);
/* The same where the checksum of the last bytes is known: of `rest`, or of the head when there is no rest. */
uint32_t record_seal_known(uint8_t *head, size_t head_len, struct bytes rest, struct crc32c_tail known);

/* Each writes a whole record of the size above. */
void record_ledger_create_encode(uint8_t *to, const struct record_ledger_create *r);
void record_ledger_close_encode(uint8_t *to, const struct record_ledger_close *r);
void record_ledger_delete_encode(uint8_t *to, uint64_t ledger);
/* CURSOR_CREATE or CURSOR_RESET. */
void record_cursor_encode(uint8_t *to, enum record_kind kind, const struct record_cursor *r);

struct record {
    enum record_kind kind;
    struct bytes whole; /* borrowed */
    struct bytes body;  /* for an entry: from offset 12 */
};

/* The record at the start of `from`.  ERR_CORRUPT: lengths or checksum do not hold; ERR_VERSION. */
MUST_USE enum err record_decode(struct record *out, struct bytes from);

/* ERR_CORRUPT when the body has another size. */
MUST_USE enum err record_ledger_create_decode(struct record_ledger_create *out, const struct record *r);
MUST_USE enum err record_ledger_close_decode(struct record_ledger_close *out, const struct record *r);
MUST_USE enum err record_ledger_delete_decode(uint64_t *ledger, const struct record *r);
MUST_USE enum err record_cursor_decode(struct record_cursor *out, const struct record *r);
/* Takes the next run off `runs`; ERR_NOT_FOUND at the end. */
MUST_USE enum err record_run_decode(struct record_run *out, struct bytes *runs);

#endif
