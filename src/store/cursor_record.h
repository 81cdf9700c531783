/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_record.h - the journal record of what changed of a cursor since its last one.
 *
 * The record tells results, not requests, so that replaying it on a state that has it already changes nothing: the
 * mark-delete position as it came to be, entries acknowledged beyond it, and redelivery counts as they came to be.
 *
 *     offset size  CURSOR_CHANGES
 *         12    8  subscription
 *         20    4  runs n
 *         24    4  counts m
 *         28   16  mark-delete position (ledger i64, entry i64)
 *         44    8  next_message
 *         52       n runs:   ledger ~, first entry ~, entries - 1, messages of each
 *                  m counts: ledger ~, entry ~, count
 *
 * Behind offset 52 all are varints: seven bits a byte, the lowest first, the high bit set in all but the last.  ~ is a
 * difference, zigzag ((d << 1) ^ (d >> 63)): of a ledger to the one named before it (first to mark-delete's), of an
 * entry to the last entry named in the same ledger just before, else to 0.  So an acknowledgement costs about four
 * bytes, in whatever order they come.
 * Pure functions.  May call: record.h.
 */
#ifndef STORE_CURSOR_RECORD_H
#define STORE_CURSOR_RECORD_H

#include "store/record.h"

struct redelivery_count {
    struct position position;
    uint32_t count;
};

struct cursor_changes {
    uint64_t subscription;
    struct position mark_delete;
    uint64_t next_message;
    const struct record_run *runs;
    size_t run_count;
    const struct redelivery_count *counts;
    size_t count_count;
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
    uint32_t runs, counts;
    struct position at;
};

MUST_USE enum err cursor_changes_decode(struct cursor_changes_reader *out, const struct record *r);
/* The next run, then, when there is none left, the next count; ERR_NOT_FOUND at the end of each; ERR_CORRUPT. */
MUST_USE enum err cursor_changes_run(struct cursor_changes_reader *c, struct record_run *out);
MUST_USE enum err cursor_changes_count(struct cursor_changes_reader *c, struct redelivery_count *out);

#endif
