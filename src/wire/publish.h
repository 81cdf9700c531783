/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.h - the commands of publishing: SEND and SEND_RECEIPT, by hand and without memory.
 *
 * Equal to protobuf-c's coding of the same commands (differential test and fuzzer), but that a decoder refuses
 * what no encoder makes: a body given twice.  It does not look at fields that it does not need.
 * Pure.  May call: base/, frame.h, message_id.h, entry_view.h.
 */
#ifndef WIRE_PUBLISH_H
#define WIRE_PUBLISH_H

#include "base/bytes.h"
#include "base/err.h"
#include "wire/entry_view.h"
#include "wire/frame.h"
#include "wire/message_id.h"

struct send {
    uint64_t producer_id;
    uint64_t sequence_id;
    uint64_t highest_sequence_id; /* 0: not said */
    int32_t messages;             /* what the client says; 1 when it does not.  Unchecked: the metadata decides */
    bool is_chunk;
    bool is_marker;
    bool in_transaction; /* both halves of the id are set */
    uint64_t transaction_most, transaction_least;
};

/* `command` is a frame's command of type SEND.  ERR_PROTOCOL. */
MUST_USE enum err send_decode(struct bytes command, struct send *out);

/* The most that send_head_encode writes. */
enum { SEND_HEAD_MAX = FRAME_HEAD_SIZE + 96 + ENTRY_HEAD_SIZE };

/* Writes all of a SEND frame that stands before the metadata, with sizes and checksum; returns its length.  The caller
 * sends it, then `metadata`, then `payload`. */
size_t send_head_encode(uint8_t out[SEND_HEAD_MAX], const struct send *send, struct bytes metadata,
                        struct bytes payload);

struct send_receipt {
    uint64_t producer_id;
    uint64_t sequence_id;
    uint64_t highest_sequence_id; /* 0: not said */
    struct message_id id;         /* ledger, entry and partition travel; -1:-1 tells a duplicate */
};

enum { SEND_RECEIPT_MAX = FRAME_HEAD_SIZE + 96 };

/* Writes the whole frame; returns its length. */
size_t send_receipt_encode(uint8_t out[SEND_RECEIPT_MAX], const struct send_receipt *receipt);

/* ERR_PROTOCOL; also when it names no message id. */
MUST_USE enum err send_receipt_decode(struct bytes command, struct send_receipt *out);

#endif
