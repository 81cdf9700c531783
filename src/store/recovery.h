/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery.h - from a data directory, in whatever state, to a store that may promise again.
 *
 *  1. Take the lock.  Read the format file; a newer format is refused untouched.
 *  2. Load the catalog index: rows, ledgers with their extents, cursors, and the mark of the batch it stands at.
 *  3. Replay the journal after that batch, on what was loaded.  A tear at the end is cut; damage is named, and the
 *     start refused.
 *  4. Close the ledgers that were open.  Look for the segment files of all that live.  An older format is the
 *     present one from here on.
 *  5. An ordinary checkpoint: all that was replayed goes into segments and the index, synced.  What follows is
 *     promised on it. Has the disk no room for that, the journal files are written over themselves, with the same
 *     bytes, and synced; the journal goes on where it ends, and the checkpoint is tried again while the broker serves.
 *  6. Remove segment files that nobody owns.  The journal begins a new file with the next batch.
 *
 * Interrupted anywhere, it begins anew: until the index transaction of step 5 nothing that was there has been changed.
 * Waits for the disk: before the loop runs.  May call: store_private.h, journal_replay.h.
 */
#ifndef STORE_RECOVERY_H
#define STORE_RECOVERY_H

#include "store/catalog_index.h"
#include "store/journal.h"
#include "store/ledger.h"

struct damage_sink;
struct store;

/* Fills the store; `start` is for journal_open, and freed by recovery_start_deinit. */
MUST_USE enum err recovery_run(struct store *s, struct journal_start *start, char *message, size_t message_size);
void recovery_start_deinit(struct journal_start *start);

/*
 * For the tools: steps 1 to 4 with not a byte changed but the holder in the lock file.  Damage is told to the sink and
 * passed over; the store then is what recovery would make of what holds, and can be looked at, but not served from.
 */
struct recovery_look {
    struct damage_sink *sink; /* in */

    unsigned format;
    bool index_damaged; /* the journal was checked by itself, and the store's ledgers are not complete */
    struct index_mark mark;
    uint64_t rows[INDEX_TABLES];    /* in the index, that hold */
    uint64_t records[RECORD_KINDS]; /* in the journal behind the mark, by kind */
    uint64_t batches, last_batch, journal_bytes;
    bool torn;
    struct journal_spare *journal_files;
    size_t journal_file_count;
    struct file_numbers segments; /* on the disk, ascending */
};

MUST_USE enum err recovery_look(struct store *s, struct recovery_look *look, char *message, size_t message_size);
void recovery_look_deinit(struct recovery_look *look);

#endif
