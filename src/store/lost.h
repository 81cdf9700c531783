/* SPDX-License-Identifier: Apache-2.0
 *
 * lost.h - what was given up, remembered: the file "given-up".
 *
 * Entries that were given up are replaced by markers, which no consumer is sent, so nothing but people needs to know
 * them: the broker tells how many ledgers miss some, the tools which.  A file of lines, written whole and renamed:
 *
 *     "geminga given-up 1\n"
 *     "ledger 12 entries 5 9 crc 1a2b3c4d\n"       the CRC32C is of the line up to " crc"
 *
 * A line that does not match its checksum is left out, and told as damage by `geminga store verify`.
 * Waits for the disk: before the loop runs.  May call: small_file.h, base/.
 */
#ifndef STORE_LOST_H
#define STORE_LOST_H

#include "base/err.h"
#include "sys/disk.h"

#define LOST_PATH "given-up"

struct lost_range {
    uint64_t ledger;
    uint32_t first, last;
};

struct lost {
    struct lost_range *list;
    size_t count, capacity;
    bool changed; /* since it was read or written */
};

/* No file is none.  *bad_line: the first line that does not hold, 0: all do. */
MUST_USE enum err lost_read(struct lost *l, struct disk *disk, unsigned *bad_line);
/* Adds to it; what is there already is not added again. */
MUST_USE enum err lost_add(struct lost *l, uint64_t ledger, uint32_t first, uint32_t last);
/* In the order of ledgers and entries; durable on OK. */
MUST_USE enum err lost_write(struct lost *l, struct disk *disk);
void lost_deinit(struct lost *l);

#endif
