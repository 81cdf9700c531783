/* SPDX-License-Identifier: Apache-2.0
 *
 * unlinking.h - files that no living ledger rests in any more: gone, but not before the record of it is durable.
 *
 *     released -> (what was changed so far is synced) -> segment: now -> unlinked        journal file: given back
 *                                                                kept until a backup is over -> now
 *
 * Segments are unlinked by one job of the background worker at a time, which is one file: its queue stays short however
 * much is deleted, and a checkpoint waits for no more than that.
 * What is forgotten on the way, short of memory or in a crash, is an orphan that the next start removes.
 * Core thread, but for the job.  May call: store_private.h.
 */
#ifndef STORE_UNLINKING_H
#define STORE_UNLINKING_H

#include "base/list.h"
#include "store/file_numbers.h"
#include "sys/loop.h"

struct disk;
struct store;

/* Embedded in the store; private. */
struct unlinking {
    struct list releases; /* struct release, not durable yet */
    struct work work;
    struct disk *disk;
    struct file_numbers now, next; /* the worker's, one after the other; those after it */
    size_t gone;                   /* of those of now */
    bool running;
    struct file_numbers kept; /* until a backup is over */
    bool hurry;               /* their room is wanted: it is had for certain when the directory is synced */
    enum err err;
};

void unlinking_init(struct store *s);
void unlinking_deinit(struct store *s);

/* What segment_table_release told: segment files are unlinked, journal files given back, when all that was changed so
 * far is durable.  Takes the list. */
void unlinking_release(struct store *s, struct file_numbers *files);
/* A backup keeps nothing any more. */
void unlinking_backup_ended(struct store *s);

#endif
