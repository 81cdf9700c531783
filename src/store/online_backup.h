/* SPDX-License-Identifier: Apache-2.0
 *
 * online_backup.h - a backup of a store that goes on meanwhile.
 *
 *     idle -> opening -> (no checkpoint is under way) waiting -> cut -> (it is synced) index -> files -> idle
 *
 * The state that is copied is the one after a batch that is closed when the backup begins, so all that was acknowledged
 * before is in it:
 *  - the index, as the last checkpoint left it.  It is copied by the background worker, which alone changes it, and no
 *    checkpoint begins between the cut and that job, so that what the core knows of files is what the index says;
 *  - the journal files with batches behind the index's mark, each up to where it ended when the cut was synced;
 *  - the segments and adopted journal files in which the ledgers' entries rest at the cut.
 * Until a file is copied it is leased: journal files are pinned, and segments that are released are unlinked only when
 * the backup is over (store.c asks online_backup_keeps).  So the journal is held back only while it is copied, which
 * comes first, and the rest costs the space of what is deleted meanwhile.  A disk that gets full ends the lease: the
 * backup fails, for what it holds is needed.
 *
 * The index is copied by the background worker, all else by a worker of our own, some megabytes a job.  One backup at a
 * time.  The directory to write to is named by the file "backup-to" in the data directory: who asks must be able to
 * write there, whatever way the asking comes.  Core thread, but for the jobs.  May call: store_private.h, backup.h.
 */
#ifndef STORE_ONLINE_BACKUP_H
#define STORE_ONLINE_BACKUP_H

#include "store/backup.h"
#include "store/journal.h"
#include "store/store.h"
#include "sys/loop.h"

#define BACKUP_REQUEST_PATH "backup-to"

enum online_backup_step {
    BACKUP_IDLE,
    BACKUP_OPENING, /* the request is read, the directory opened */
    BACKUP_WAITING, /* for a checkpoint to end */
    BACKUP_CUT,     /* for the batch to be synced; no checkpoint begins */
    BACKUP_INDEX,
    BACKUP_FILES,
    BACKUP_FINISHING
};

/* A segment, or with FILE_IS_JOURNAL a journal file, which is pinned until it is copied. */
struct backup_item {
    uint64_t number;
    uint64_t limit; /* so many bytes of it */
};

struct online_backup {
    enum online_backup_step step;
    struct executor *worker; /* made for the first backup */
    struct work work;
    struct store_op cut_synced;
    bool cancelled; /* the store closes */

    struct backup_item *items;
    size_t item_count, item_capacity;
    size_t copied;         /* of them, and unpinned */
    uint64_t next_segment; /* numbers from here on were not there at the cut */

    /* The job's, while one is under way. */
    struct store *store; /* set at creation; the job reads its disk and options */
    struct disk *to;
    struct backup_copier copier;
    bool copier_used;
    int64_t wall_ms;
    char directory[BACKUP_TEXT_MAX];
    size_t next; /* item */
    enum err err;
    char failure[BACKUP_TEXT_MAX + 160];

    struct store_backup_status status;
};

void online_backup_init(struct store *s);
void online_backup_deinit(struct store *s);
/* The store closes: what is under way fails soon; then close_step is called by store_backup_ended. */
void online_backup_cancel(struct store *s);
static inline bool online_backup_idle(const struct online_backup *b)
{
    return b->step == BACKUP_IDLE;
}
/* No checkpoint may begin. */
static inline bool online_backup_bars(const struct online_backup *b)
{
    return b->step == BACKUP_CUT;
}
/* The segment is not to be unlinked yet. */
static inline bool online_backup_keeps(const struct online_backup *b, uint64_t segment)
{
    return b->step >= BACKUP_CUT && segment < b->next_segment;
}
/* A checkpoint came to its end, or is put off. */
void online_backup_checkpoint_stopped(struct store *s);

#endif
