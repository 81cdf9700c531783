/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction.h - what of the segment files is worth writing anew, and the copying of it.
 *
 * Two things get worse with time, and a checkpoint, which writes a shared segment file and a row of each ledger that
 * changed anyway, repairs both along the way:
 *  - Deleted ledgers leave dead bytes in the files that they shared.  A file with more dead than living bytes is
 *    emptied: its living runs are copied, then it is unlinked.  Copied bytes are at most the bytes that come free.
 *  - A ledger that grows a little between two checkpoints collects extents.  They are merged like the runs of a
 *    log-structured tree: `fan` of one tier (sizes within a factor of `fan`) become one of a higher tier.  So a
 *    ledger of n bytes has O(log n) extents, and each byte is copied O(log n) times.  From `settled` bytes on an extent
 *    is left alone: for a busy ledger nothing is ever copied.
 * Records are copied as they are, byte for byte.
 * Choosing is pure.  The copier is the background worker's.  May call: segment.h, window.h, base/.
 */
#ifndef STORE_COMPACTION_H
#define STORE_COMPACTION_H

#include "store/segment.h"
#include "store/window.h"

struct log;

/* ---- choosing files ---- */

#define COMPACTION_RUN_COST 4096u /* of the index, where a row changes: a page */

struct compaction_file {
    uint64_t number;
    uint64_t living, dead, runs;
};

/* What copying it writes. */
uint64_t compaction_cost(const struct compaction_file *f);

/* What may be copied of a disk with so much free: half of it, but for a reserve. */
uint64_t compaction_limit(uint64_t free_bytes, uint64_t reserve);

/* Puts those to be emptied first, worst of all first, and tells how many.  Together they cost at most `budget`; but one
 * that costs more is taken alone.  Never more than `limit`, for which there is room. */
size_t compaction_choose_files(struct compaction_file *files, size_t count, uint64_t budget, uint64_t limit);

/* ---- choosing extents ---- */

#define COMPACTION_FAN 16u

/* A ledger gets a new run of `added` bytes (0: none) behind its extents.  The extents from the index returned on should
 * become one with it; `count`: none.  `fan` is at least 2. */
size_t compaction_merge_from(const struct extent *extents, size_t count, uint64_t added, unsigned fan,
                             uint64_t settled);

struct compaction_merge {
    size_t ledger; /* the caller's */
    size_t from;   /* the ledger's extents from here on */
    size_t extents;
    uint64_t bytes;
};

/* Puts those to be made first, of the most extents first, and tells how many: together at most `budget` bytes. */
size_t compaction_choose_merges(struct compaction_merge *merges, size_t count, uint64_t budget);

/* ---- copying ---- */

#define COMPACTION_SOURCES 32u /* files open at a time, each with two windows of */
#define COMPACTION_WINDOW  (64u * 1024)

/* The files that are copied from.  Ledgers come in the same order everywhere, so each is read forward. */
struct compaction_source {
    struct window records, offsets;
    uint64_t used; /* when, by the copier's count */
};

struct compaction_copier {
    struct disk *disk;
    struct log *log;
    struct compaction_source sources[COMPACTION_SOURCES];
    uint64_t uses;
    uint64_t bad_file; /* after an error: the one that could not be read; 0: it was not that */
};

void compaction_copier_init(struct compaction_copier *c, struct disk *disk, struct log *log);
void compaction_copier_deinit(struct compaction_copier *c);

/* Adds the extent's records to the run that `to` has begun.  A record that does not match its checksum or its place is
 * copied like any other, for its reads to fail as they did, and told to the log.  ERR_CORRUPT, ERR_NOT_FOUND, ERR_IO
 * with bad_file set: the file makes no sense, or cannot be read; else `to` failed, or memory is short. */
MUST_USE enum err compaction_copy(struct compaction_copier *c, uint64_t ledger, uint64_t topic, const struct extent *e,
                                  struct segment_writer *to);

/* Of an adopted extent: its records' places are added to the adopted run that `to` has begun. */
MUST_USE enum err compaction_copy_table(struct compaction_copier *c, const struct extent *e, struct segment_writer *to);

#endif
