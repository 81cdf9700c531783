/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_view.h - the parts of an entry, found in its bytes.
 *
 *   size  meaning (integers are big endian)
 *      2  0x0e02                            } broker entry metadata: only from
 *      4  B                                 } a broker to a client that asked
 *      B  BrokerEntryMetadata, protobuf     } for it; never stored
 *      2  0x0e01                            } checksum; very old producers
 *      4  CRC32C of all that follows        } leave it out
 *      4  M
 *      M  MessageMetadata, protobuf
 *      *  payload: as long as the rest
 *
 * The bytes from 0x0e01 on are the producer's: the broker stores and forwards them untouched.
 * Pure: a view borrows the entry's bytes.  May call: base/, metadata.h.
 */
#ifndef WIRE_ENTRY_VIEW_H
#define WIRE_ENTRY_VIEW_H

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/err.h"
#include "wire/metadata.h"

enum {
    ENTRY_MAGIC_CHECKSUM = 0x0e01,
    ENTRY_MAGIC_BROKER = 0x0e02,
    ENTRY_HEAD_SIZE = 2 + 4 + 4,        /* checksum magic, checksum, M */
    ENTRY_BROKER_HEAD_MAX = 2 + 4 + 22, /* with broker entry metadata of two full integers */
};

struct entry_view {
    struct bytes entry; /* without broker entry metadata: what the producer sent */

    bool has_broker_timestamp, has_broker_index;
    uint64_t broker_timestamp, broker_index;

    bool has_checksum;
    uint32_t checksum;
    struct bytes covered; /* what the checksum is of */

    struct bytes metadata_bytes;
    struct metadata metadata;
    struct bytes payload; /* compressed and encrypted as the metadata says */
};

/* Finds the parts; does not compute the checksum.  ERR_PROTOCOL: not an entry. */
MUST_USE enum err entry_view_decode(struct bytes entry, struct entry_view *out);

/* ERR_CHECKSUM when there is a checksum and it is not that of the bytes. */
MUST_USE enum err entry_view_verify(const struct entry_view *view);
/* The same when the checksum of the last bytes was computed already, as they came. */
MUST_USE enum err entry_view_verify_known(const struct entry_view *view, struct crc32c_tail known);
/* Where in a frame those bytes begin that its entry's checksum is of: an offset from its first byte.  0: it has no
 * checksum, or `frame`, its beginning, does not reach as far. */
size_t entry_covered_offset(struct bytes frame);
/* What that has shown of the end of view->entry. */
struct crc32c_tail entry_view_known(const struct entry_view *view);

/* Writes what stands before the metadata: 0x0e01, CRC32C over M, metadata and payload, M.  The caller puts
 * `metadata` and `payload` behind it: three parts, nothing copied. */
void entry_head_encode(uint8_t out[ENTRY_HEAD_SIZE], struct bytes metadata, struct bytes payload);

/* Writes broker entry metadata to go before an entry; returns its length. */
size_t entry_broker_head_encode(uint8_t out[ENTRY_BROKER_HEAD_MAX], uint64_t timestamp_ms, uint64_t index);

#endif
