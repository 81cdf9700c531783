/* SPDX-License-Identifier: Apache-2.0
 *
 * entry.h - an entry as it is stored: our header, then the client's bytes untouched.
 *
 * A record (record.h) of kind ENTRY; the same bytes in the journal and in a segment file, so that one function reads
 * both.  The checksum covers the place too: an entry found where another belongs is not mistaken for it.
 *
 *     offset size
 *          0   12  the record's header; at 10 the offset of the client's bytes: 56, or 64 with the field at 56, more
 *                  in later versions that add fields this version may skip
 *         12    4  entry id
 *         16    8  ledger id
 *         24    8  first_message
 *         32    8  broker_ms
 *         40    8  publish_ms
 *         48    4  messages
 *         52    2  flags
 *         54    1  kind (enum entry_kind)
 *         55    1  0
 *         56    8  deliver_ms, where it is not 0 (format 3)
 *    56 or 64       the client's bytes
 *
 * Pure functions.  May call: record.h, store.h.
 */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include "store/record.h"
#include "store/store.h"

#define ENTRY_HEADER_SIZE 56u
#define ENTRY_DELIVER_AT  56u
#define ENTRY_BYTES_MAX   (64u * 1024 * 1024) /* of the client's */
#define ENTRIES_MAX       (UINT32_C(1) << 31) /* in one ledger */

/* How long this one is as bytes; ENTRY_HEADER_SIZE, but of an entry with a deliver_ms. */
size_t entry_header_size(const struct entry_header *h);

/* entry_header_size bytes, for `len` client bytes that will follow; the checksum is set by record_seal. */
void entry_header_encode(uint8_t *to, struct position p, const struct entry_header *h, size_t len);

/* What entry_header_encode wrote, back from our own memory: nothing is checked. */
void entry_header_peek(const uint8_t *from, struct position *p, struct entry_header *h);

struct stored_entry {
    struct position position;
    struct entry_header header;
    struct bytes bytes; /* borrowed, of the client */
    size_t size;        /* of the whole record */
};

/* Of a record that record_decode accepted.  ERR_CORRUPT: not an entry, or its fields make no sense. */
MUST_USE enum err entry_decode(struct stored_entry *out, const struct record *r);
/* Record and entry in one, which must be the one at `p`: for reads. */
MUST_USE enum err entry_decode_at(struct stored_entry *out, struct bytes from, struct position p);

#endif
