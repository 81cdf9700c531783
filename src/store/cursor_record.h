/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_record.h - the journal record of what changed of a cursor since its last one.
 *
 * The record tells results, not requests, so that replaying it on a state that has it already changes nothing: the
 * mark-delete position as it came to be, entries acknowledged beyond it, and of entries that are not the redelivery
 * counts, and which of their messages are left, as they came to be.
 *
 *     offset size  CURSOR_CHANGES
 *         12    8  subscription
 *         20    4  runs n
 *         24    4  marks m
 *         28   16  mark-delete position (ledger i64, entry i64)
 *         44    8  next_message
 *         52       n runs:  ledger ~, first entry ~, entries - 1, messages of each
 *                  m marks: ledger ~, entry ~, count, b; if b > 0: messages (0: not known), b bytes of what is left, as
 *                           in partial_acks.h
 *
 * Behind offset 52 all but those bytes are varints (varint.h).  ~ is a difference, zigzag ((d << 1) ^ (d >> 63)): of a
 * ledger to the one named before it (first to mark-delete's), of an entry to the last entry named in the same ledger
 * just before, else to 0.  So an acknowledgement costs about four bytes, in whatever order they come; one of a part of
 * a batch of ten about eight.
 *
 * CURSOR_CHANGES_2, of format 2: marks without b and what follows it; it is read, and not written any more.
 * Pure functions.  May call: record.h, partial_acks.h, varint.h.
 */
#ifndef STORE_CURSOR_RECORD_H
#define STORE_CURSOR_RECORD_H

#include "store/record.h"

/* What is told of an entry that is not acknowledged. */
struct cursor_mark {
    struct position position;
    uint32_t count;    /* how often it was asked for again */
    uint32_t messages; /* in it; 0: not known */
    struct bytes left; /* of them; empty: no part of it is acknowledged.  Borrowed */
};

struct cursor_changes {
    uint64_t subscription;
    struct position mark_delete;
    uint64_t next_message;
    const struct record_run *runs;
    size_t run_count;
    const struct cursor_mark *marks;
    size_t mark_count;
};

size_t cursor_changes_size(const struct cursor_changes *c);
/* Writes exactly cursor_changes_size bytes, a whole record but for its checksum. */
void cursor_changes_encode(const struct cursor_changes *c, uint8_t *to);

/* A record being read. */
struct cursor_changes_reader {
    uint64_t subscription;
    struct position mark_delete;
    uint64_t next_message;
    struct bytes rest; /* private, as all below */
    uint32_t runs, marks;
    bool partial; /* marks tell what is left */
    struct position at;
};

MUST_USE enum err cursor_changes_decode(struct cursor_changes_reader *out, const struct record *r);
/* The next run, then, when there is none left, the next mark; ERR_NOT_FOUND at the end of each; ERR_CORRUPT. */
MUST_USE enum err cursor_changes_run(struct cursor_changes_reader *c, struct record_run *out);
/* out->left is borrowed from the record. */
MUST_USE enum err cursor_changes_mark(struct cursor_changes_reader *c, struct cursor_mark *out);

#endif
