/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_table.h - which files hold entries of living ledgers, how much of them lives, and whose it is.
 *
 * Segment files by their number, adopted journal files by theirs with FILE_IS_JOURNAL.  An adopted run is in two
 * files: its table in a segment, its records in a journal file.
 * Derived from the ledgers' extents alone: nobody asks the disk.  A run takes its records and their offsets (the few
 * bytes of directory are not counted).  The offsets lie behind all records of a file, so the end of the farthest
 * known ones tells how large the file is; after a restart, when the dead runs are not known any more, up to
 * the offsets of those behind the last living run.
 * A file whose last run is released can be unlinked.  One that holds more dead bytes than living ones is sparse:
 * compaction.h chooses among these; it leaves alone for a while one in which something has died lately, for the rest
 * may be about to.  Core thread.  May call: base/.
 *
 * Invariants (segment_table_check)
 *  1. bytes, dead and reclaimable are the sums over the files, over all, and over the sparse ones.
 *  2. A file is in the list of the sparse ones exactly when it is sparse and not barred.
 *  3. Each ledger with a run in a file is among its ledgers; so may be others, which have none there any more.
 */
#ifndef STORE_SEGMENT_TABLE_H
#define STORE_SEGMENT_TABLE_H

#include "base/list.h"
#include "base/map.h"
#include "store/segment.h"

struct segment_use { /* read by whoever asked the table for it */
    uint64_t number;
    uint64_t runs;
    uint64_t living; /* bytes that the runs take */
    uint64_t taken;  /* bytes that all runs took, as far as is known */
    bool barred;
    uint64_t stirred_ns; /* when something in it died last, since the start; else 0 */
    uint64_t *ledgers;   /* may name one twice, and some that are gone: at most as many as the file ever had runs */
    size_t ledger_count, ledger_capacity;
    struct list sparse_node;
};

struct segment_table { /* private */
    struct map files;
    size_t journals; /* of them, adopted files of the journal */
    struct list sparse;
    size_t sparse_count;
    uint64_t bytes, dead, reclaimable;
};

void segment_table_init(struct segment_table *t, uint64_t seed);
void segment_table_deinit(struct segment_table *t);

/* One more run of the ledger is in use. ERR_NOMEM changes nothing. */
MUST_USE enum err segment_table_hold(struct segment_table *t, uint64_t ledger, const struct extent *e);
/* What the run leaves behind, for unlinking_release: its segment if it was the last run of it; its journal file in
 * any case, for the journal counts the runs it must keep.  Returns how many. */
#define EXTENT_FILES_MAX 2u
MUST_USE size_t segment_table_release(struct segment_table *t, const struct extent *e, uint64_t now_ns,
                                      uint64_t left[EXTENT_FILES_MAX]);
/* The file is known to be so large: what no run takes of it is dead. */
void segment_table_reach(struct segment_table *t, uint64_t file, uint64_t size);
/* The file cannot be copied from: it is not to be chosen again. */
void segment_table_bar(struct segment_table *t, uint64_t file);

bool segment_table_has(const struct segment_table *t, uint64_t file);
static inline size_t segment_table_segments(const struct segment_table *t)
{
    return map_count(&t->files) - t->journals;
}
static inline size_t segment_table_journals(const struct segment_table *t)
{
    return t->journals;
}
/* Of living runs' records. */
static inline uint64_t segment_table_bytes(const struct segment_table *t)
{
    return t->bytes;
}
/* Of runs that nobody owns, in files that others use. */
static inline uint64_t segment_table_dead(const struct segment_table *t)
{
    return t->dead;
}
/* Those of them in sparse files. */
static inline uint64_t segment_table_reclaimable(const struct segment_table *t)
{
    return t->reclaimable;
}
/* Walks the numbers of all files: *at starts at 0; false at the end. */
bool segment_table_next(const struct segment_table *t, size_t *at, uint64_t *file);

static inline size_t segment_table_sparse_count(const struct segment_table *t)
{
    return t->sparse_count;
}
/* Walks the sparse files: `after` is NULL at first; NULL at the end.  Not across changes of the table. */
const struct segment_use *segment_table_sparse_next(const struct segment_table *t, const struct segment_use *after);
const struct segment_use *segment_table_find(const struct segment_table *t, uint64_t file);

static inline uint64_t segment_use_dead(const struct segment_use *use)
{
    return use->taken > use->living ? use->taken - use->living : 0;
}

void segment_table_check(const struct segment_table *t);
/* As above, and both tables tell the same of what lives. */
void segment_table_compare(const struct segment_table *t, const struct segment_table *expected);

#endif
