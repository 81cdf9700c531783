/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.h - every byte that matters of a stopped broker's data directory, read and checked.
 *
 * The rows of the index with their checksums and sums; the journal behind the index's mark, batch by batch and record
 * by record; of each segment the header, the trailer, the directory, and all records of living ledgers with their
 * places and offsets; and that these agree: what a ledger's row says with what the files hold, ledgers and cursors with
 * the topics and subscriptions they belong to.  Bytes that nobody will ever read (padding, what an earlier life left,
 * deleted ledgers, free pages) do not matter. Changes nothing but the holder in the lock file.  Waits for the disk. May
 * call: store_private.h, damage.h.
 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "store/damage.h"
#include "store/store.h"

struct verify_report {
    unsigned format;
    uint64_t rows, batches, records;
    uint64_t segment_files, runs, entries, entry_bytes;
    uint64_t unowned_files; /* segments in which nobody has entries: the next start removes them */
    uint64_t damages;       /* told */
    bool torn;              /* the journal ends with a write that a crash cut off; nobody was promised anything in it */
};

/* OK: all was looked at; sound if report->damages is 0.  Else `message` is the whole sentence: ERR_BUSY (who has the
 * directory), ERR_NOT_FOUND (no data), ERR_VERSION, ERR_IO ... */
MUST_USE enum err store_verify(const struct store_options *options, const struct sys *sys, struct damage_sink *sink,
                               struct verify_report *report, char *message, size_t message_size);

#endif
