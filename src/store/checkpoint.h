/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.h - moves what the journal holds to where it rests: entries to segment files, rows to the catalog index.
 *
 *     idle -> (cut the journal, copy what is dirty) waiting -> (the cut is synced: list the entries) working -> idle
 *                                                                   ^                                   |
 *                                                                   +---- after a while <- no space ----+
 *
 * The copies (of cursors: references) are made in the same turn of the loop as the cut, so that the index stands
 * exactly after one batch: a later change is never durable without an earlier one.  Entries of ledgers deleted
 * meanwhile are moved all the same: the deletion is a later change, and may not survive. Order on the disk: segments
 * written and synced, their names synced, the index transaction, the same in its copy; then the journal is trimmed. An
 * attempt that finds no space leaves nothing behind and is made again; a failed sync ends the process.
 *
 * Adoption: a journal file that holds little but entries of ledgers that bring much is not copied from; those entries
 * rest where they are, and only a table of them is written to the ledger's segment (segment.h).  So a busy topic's
 * bytes are written once.  The file need not be full: later batches go behind them.  The journal keeps it from the
 * moment on in which it would trim it, until the last run in it is released; nothing else about it changes on the disk,
 * so the index transaction alone decides whether it is adopted.  What a recovery read back is copied always: it was not
 * proved to be durable.
 *
 * Compaction (compaction.h) rides along: ledgers with runs in the files to be emptied get a row as well, and runs are
 * copied into the files that the checkpoint writes.  The old runs are released when the index knows the new ones; a
 * file that nobody uses then is unlinked like any other.  Why nothing can go wrong with it:
 *  - A ledger's extents change here only, so the worker may read them; a ledger deleted meanwhile keeps its memory
 *    until the job lets go, and its old file until the deletion is durable.
 *  - Ledgers that grow meanwhile do so behind the cut; the extents of the copied part do not depend on that.
 *  - A read under way that no longer finds its file is planned anew (reader.c): file numbers are never used twice.
 *  - An adopted journal file that is copied from is pinned.
 *  - A file is emptied when nothing has died in it for a while, for what lives in it may be about to die, too (a
 *    busy topic's next ledger); an adopted journal file not before it is full and trimmed, else it would not come free.
 *  - It takes no more than half of the space that is free.  When it fails the segments of the attempt are removed, and
 * the same checkpoint is made without it; it is asked for again by itself only when more has died.
 *
 * Core thread, but for checkpoint_run, which the background worker (or recovery, before the loop runs) calls.
 * May call: store_private.h.
 */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "store/catalog_index.h"
#include "store/cursor_row.h"
#include "store/index_batch.h"
#include "store/index_copy.h"
#include "store/ledger.h"
#include "store/segment.h"
#include "sys/loop.h"

struct store;

/* What becomes one extent: some of the ledger's, and perhaps new entries behind them; or what stays where it is. */
struct moved_run {
    size_t from, to;       /* the ledger's extents [from, to) */
    uint32_t place, added; /* new entries: those at moved_ledger's places [place, place + added) */
    uint32_t journal;      /* adopted: the one extent, or all places, are in this file and stay there; else 0 */
    struct extent extent;
};

/* A journal file that holds entries to move. */
struct adoption {
    uint32_t file;
    bool adopt;
    uint64_t busy, all; /* bytes of such entries: of ledgers that bring much; of all */
    uint64_t end;       /* of the last such entry */
};

/* A ledger that the checkpoint writes a row for, the entries it moves, and the extents it copies. */
struct moved_ledger {
    struct ledger_info info; /* as it was at the cut */
    struct ledger *ledger;   /* held; the worker reads its extents */
    uint32_t first, count;   /* entries to move */
    struct journal_place *places;
    size_t merge_from; /* its extents from here on become one */
    struct moved_run *runs;
    size_t run_count;
    uint64_t bytes;         /* of their records */
    bool busy;              /* these entries alone are enough for a file of its own */
    struct extent *extents; /* all there will be; the worker fills them in */
    size_t extent_count;
};

/* A cursor that the checkpoint writes a row for: its sets are shared, not copied, and encoded by the worker. */
struct moved_cursor {
    uint64_t id, topic;
    struct cursor_row row;
};

enum checkpoint_state { CHECKPOINT_IDLE, CHECKPOINT_WAITING, CHECKPOINT_WORKING, CHECKPOINT_RETRY };

struct checkpoint {
    enum checkpoint_state state;
    bool wanted; /* another one after this */
    struct store_op cut_synced;
    struct work work;
    struct timer retry;
    uint32_t retry_ms;
    struct timer ripen; /* runs while much is dead in files that may yet lose more */
    bool emptied;       /* the last one emptied files: there may be more to do */

    /* The job: the core's, then the worker's, then the core's. */
    struct disk *disk;
    struct catalog_index *index;
    struct index_copy *copy;
    struct log *log;
    uint64_t own_bytes;
    uint64_t first_segment; /* numbers [first_segment, mark.next_segment) are for this attempt's files */
    struct index_mark mark;
    struct index_batch rows;
    struct moved_ledger *ledgers;
    size_t count;
    bool compacting;             /* this attempt copies what is worth it */
    struct file_numbers victims; /* files to be emptied, ascending; chosen with the cut */
    uint64_t copied;             /* bytes that the attempt copies */
    uint64_t cost;               /* and what that may take of the disk */
    bool no_room;                /* it was not tried for want of room */
    uint64_t bad_file;           /* one that could not be copied from */
    struct adoption *adoptions;
    size_t adoption_count, adoption_capacity;
    struct file_numbers pinned; /* adopted journal files that are copied from */
    struct moved_cursor *cursors;
    size_t cursor_count;
    bool rows_complete; /* the ledgers' and cursors' rows are in `rows`, their segments durable */
    enum err err;
    bool fatal;
    char failure[160];
    uint64_t written; /* bytes of segments, by all jobs so far */

    uint64_t free_bytes; /* of the disk, when the worker last looked */
    uint64_t hopeless;   /* so many reclaimable bytes could not be had: more must die before that alone is a reason */
    uint64_t done_count, compactions, compacted_bytes, adopted_bytes;
    uint64_t segment_bytes, index_bytes; /* written, as the last job told */
    unsigned index_copies;               /* of the index, with it: 1 or 2; likewise */
};

void checkpoint_init(struct store *s);
void checkpoint_deinit(struct store *s);
/* There is room on the disk again: one that was put off is tried now.  False when none was. */
bool checkpoint_hasten(struct store *s);

/* Begins one, or remembers to. */
void checkpoint_want(struct store *s);
static inline bool checkpoint_idle(const struct checkpoint *c)
{
    return c->state == CHECKPOINT_IDLE;
}

/* Is so much dead in sparse files that a checkpoint is worth making for it, then one begins once they have been quiet
 * for a while. */
void checkpoint_watch_dead(struct store *s);

/* The steps, for recovery: there is no cut to wait for.  `collect` copies what is dirty (ERR_NOMEM: nothing was
 * forgotten), `list` the entries of it, `run` does the work (c->err), `finish` makes the result true in memory. */
MUST_USE enum err checkpoint_collect(struct store *s);
MUST_USE enum err checkpoint_list(struct store *s);
void checkpoint_run(struct checkpoint *c);
void checkpoint_finish(struct store *s);
/* Of `run`, on its thread: the transaction, in the index and then in its copy.  An error: c->failure says what,
 * c->fatal whether it is the end. */
MUST_USE enum err checkpoint_apply(struct checkpoint *c);
/* Recovery's own attempt found no space: it is made again when the loop runs. */
void checkpoint_put_off(struct store *s);

#endif
