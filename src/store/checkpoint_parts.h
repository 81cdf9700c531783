/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint_parts.h - private to the files of the checkpoint: what each does for the others.
 *
 *     checkpoint.c              the steps; afterwards
 *     checkpoint_cut.c          copies of what is dirty
 *     checkpoint_compaction.c   what is copied along the way
 *     checkpoint_adoption.c     which journal files are adopted
 *     checkpoint_runs.c         the entries to move, and where to
 *     checkpoint_segments.c     the worker: segment files
 *     checkpoint_index.c        the worker: rows, and the index transaction, twice
 */
#ifndef STORE_CHECKPOINT_PARTS_H
#define STORE_CHECKPOINT_PARTS_H

#include "store/checkpoint.h"

/* ---- the core ---- */

/* Frees the job: what it holds of ledgers and cursors, and its pins. */
void checkpoint_drop(struct store *s);
void checkpoint_unpin(struct store *s);
/* What the cut covers is synced by now, or failed: the counts are final. */
void checkpoint_settle(struct checkpoint *c);

/* c->victims: files to be emptied.  Short of memory, or of space, fewer, or none. */
void checkpoint_choose_victims(struct store *s);
void checkpoint_ripen_fire(struct timer *timer);
bool checkpoint_is_victim(const struct checkpoint *c, uint64_t file);
/* merge_from of ledgers that have got into too many pieces; short of memory, none are. */
void checkpoint_choose_merges(struct store *s);

/* c->adoptions. Short of memory, none. */
void checkpoint_choose_adoptions(struct store *s);
bool checkpoint_adopts(const struct checkpoint *c, uint32_t journal);
/* The file that an entry to be moved stays in; 0: it is copied. */
uint32_t checkpoint_stays_in(const struct checkpoint *c, const struct moved_ledger *m, const struct journal_place *p);

/* ---- both ---- */

/* To a file of the ledger's own, or to the one that is shared. */
static inline bool checkpoint_goes_into(const struct checkpoint *c, const struct moved_ledger *m, bool alone)
{
    return m->run_count > 0 && (m->bytes > c->own_bytes) == alone;
}

/* ---- the worker ---- */

MUST_USE enum err checkpoint_write_segments(struct checkpoint *c);
/* What a failed attempt left. */
void checkpoint_unlink_segments(struct checkpoint *c);

#endif
