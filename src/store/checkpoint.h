/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.h - moves what the journal holds to where it rests: entries to segment files, rows to the catalog index.
 *
 *     idle -> (cut the journal, copy what is dirty) waiting -> (the cut is synced: list the entries) working -> idle
 *                                                                   ^                                   |
 *                                                                   +---- after a while <- no space ----+
 *
 * The copies are made in the same turn of the loop as the cut, so that the index stands exactly after one batch: a
 * later change is never durable without an earlier one.  Entries of ledgers deleted meanwhile are moved all the
 * same: the deletion is a later change, and may not survive.
 * Order on the disk: segments written and synced, their names synced, the index transaction; then the journal is
 * trimmed. An attempt that finds no space leaves nothing behind and is made again; a failed sync ends the process.
 * Core thread, but for checkpoint_run, which the background worker (or recovery, before the loop runs) calls.
 * May call: store_private.h.
 */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "store/catalog_index.h"
#include "store/index_batch.h"
#include "store/ledger.h"
#include "store/segment.h"
#include "sys/loop.h"

struct store;

/* A ledger that the checkpoint writes a row for, and the entries it moves. */
struct moved_ledger {
    struct ledger_info info; /* as it was at the cut */
    struct ledger *ledger;   /* held */
    uint32_t first, count;   /* entries to move */
    struct journal_place *places;
    uint64_t bytes;         /* of their records */
    struct extent *extents; /* all there will be, the new one last */
    size_t extent_count;
};

enum checkpoint_state { CHECKPOINT_IDLE, CHECKPOINT_WAITING, CHECKPOINT_WORKING, CHECKPOINT_RETRY };

struct checkpoint {
    enum checkpoint_state state;
    bool wanted; /* another one after this */
    struct store_op cut_synced;
    struct work work;
    struct timer retry;
    uint32_t retry_ms;

    /* The job: the core's, then the worker's, then the core's. */
    struct disk *disk;
    struct catalog_index *index;
    struct log *log;
    uint64_t own_bytes;
    uint64_t first_segment; /* numbers [first_segment, mark.next_segment) are for this attempt's files */
    struct index_mark mark;
    struct index_batch rows;
    struct moved_ledger *ledgers;
    size_t count;
    bool rows_complete; /* the ledgers' rows are in `rows`, their segments durable */
    enum err err;
    bool fatal;
    char failure[160];

    uint64_t done_count;
};

void checkpoint_init(struct store *s);
void checkpoint_deinit(struct store *s);

/* Begins one, or remembers to. */
void checkpoint_want(struct store *s);
static inline bool checkpoint_idle(const struct checkpoint *c)
{
    return c->state == CHECKPOINT_IDLE;
}

/* The steps, for recovery: there is no cut to wait for.  `collect` copies what is dirty (ERR_NOMEM: nothing was
 * forgotten), `list` the entries of it, `run` does the work (c->err), `finish` makes the result true in memory. */
MUST_USE enum err checkpoint_collect(struct store *s);
MUST_USE enum err checkpoint_list(struct store *s);
void checkpoint_run(struct checkpoint *c);
void checkpoint_finish(struct store *s);
/* Recovery's own attempt found no space: it is made again when the loop runs. */
void checkpoint_put_off(struct store *s);

#endif
