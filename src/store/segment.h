/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.h - files that entries rest in after a checkpoint has moved them out of the journal.
 *
 * A segment (segments/0000000000000001.segment) is written once, synced, and from then on only read, until no
 * ledger has entries in it any more.  It holds runs: consecutive entries of one ledger, sorted by ledger.  A ledger
 * that brought much has the file for itself, the others share one.  All integers little endian.
 *
 *     file header      0    8  "GMGASEGM"
 *                      8    4  format version: 2 (1: the same, without adopted runs)
 *                     12    4  CRC32C of the 64 bytes with this field 0
 *                     16    8  number of the file
 *                     24    8  number of the journal's batch up to which it took entries
 *                     32   32  0
 *     then             entry records (entry.h), run by run
 *     then per run     its table: the offsets of its records from the run's start, u32 each; of an adopted run the
 *                      offset and the length of each, u32 both, then CRC32C of these u32, 0 u32
 *     then per run     48 bytes of directory: ledger u64, first entry u32, entries u32, offset of the run u64,
 *                      bytes of its records u64, offset of its table u64, number of the journal file u64 (0: this file)
 *     at the end      32 bytes: "GMGASEND", runs u64, offset of the directory u64, CRC32C of the directory u32,
 *                      CRC32C of these 32 bytes with this field 0 u32
 *
 * An adopted run is one whose records stay where they are: in a journal file, which is kept as long as an extent of
 * the index refers to it.  Only its table is in the segment.  Between its records lie batch headers and others'
 * records, so the table has their lengths, too.
 *
 * Readers go by the extents in the catalog index, and check each record's CRC and place; the directory is there for
 * the tools. The writer's calls may wait for the disk: they are made on the background worker, or before the loop runs.
 * May call: entry.h, journal_file.h, base/, sys/disk.h.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "store/entry.h"
#include "sys/disk.h"

#define SEGMENT_DIR          "segments"
#define SEGMENT_VERSION      2u
#define SEGMENT_HEADER_SIZE  64u
#define SEGMENT_RUN_SIZE     48u
#define SEGMENT_TRAILER_SIZE 32u
#define SEGMENT_OFFSET_SIZE  4u /* a row of a run's table */
#define SEGMENT_ADOPTED_SIZE 8u /* of an adopted run's, and of what closes that */
#define SEGMENT_PATH_SIZE    48

/* Where a run of a ledger's entries is: a row's worth of it in the catalog index, and in memory. */
struct extent {
    uint64_t file; /* the segment with the run's table */
    uint32_t first, entries;
    uint64_t offset;       /* of the first record */
    uint64_t len;          /* bytes of all its records; those of an adopted run need not lie side by side */
    uint64_t index_offset; /* of the run's table */
    uint64_t journal;      /* of an adopted run: the journal file that holds the records; else 0 */
};

/* Where files of both kinds are counted, a journal file's number has this bit. */
#define FILE_IS_JOURNAL (UINT64_C(1) << 63)

/* Its journal file, as where files of both kinds are counted; 0: none. */
static inline uint64_t extent_journal_file(const struct extent *e)
{
    return e->journal ? e->journal | FILE_IS_JOURNAL : 0;
}

/* The file that holds its records, likewise. */
static inline uint64_t extent_records_file(const struct extent *e)
{
    return e->journal ? extent_journal_file(e) : e->file;
}

static inline size_t extent_row_size(const struct extent *e)
{
    return e->journal ? SEGMENT_ADOPTED_SIZE : SEGMENT_OFFSET_SIZE;
}

static inline size_t extent_table_size(const struct extent *e)
{
    return e->entries * extent_row_size(e) + (e->journal ? SEGMENT_ADOPTED_SIZE : 0);
}

#define EXTENT_ENCODED   48u
#define EXTENT_ENCODED_1 40u /* in a ledger's row of version 1: without the last field */
void extent_encode(uint8_t to[EXTENT_ENCODED], const struct extent *e);
void extent_decode(struct extent *e, const uint8_t *from, size_t size); /* one of the two */

void segment_path(char to[SEGMENT_PATH_SIZE], uint64_t number);
bool segment_path_parse(const char *name, uint64_t *number);
/* Of a file of either kind, as they are counted together. */
void entry_file_path(char to[SEGMENT_PATH_SIZE], uint64_t file);

/* Writes one file: begin, then for each run a run_begin and its records, then finish; or abort. */
struct segment_writer;
MUST_USE enum err segment_writer_new(struct segment_writer **out, struct disk *disk, uint64_t number, uint64_t batch);
MUST_USE enum err segment_run_begin(struct segment_writer *w, uint64_t ledger, uint32_t first);
/* The next record of the run, as stored in the journal. */
MUST_USE enum err segment_add(struct segment_writer *w, struct bytes record);
/* An adopted run, and its next record: where that lies in the journal file, ascending. */
MUST_USE enum err segment_run_adopt(struct segment_writer *w, uint64_t ledger, uint32_t first, uint32_t journal);
MUST_USE enum err segment_adopt(struct segment_writer *w, uint64_t offset, uint32_t len);
uint64_t segment_writer_bytes(const struct segment_writer *w); /* so far */
/* Writes the rest and syncs the file; the directory's name is the caller's to sync.  extents[i] is that of the i-th
 * run. *sync_failed: the error was a sync's. */
MUST_USE enum err segment_finish(struct segment_writer *w, bool *sync_failed);
const struct extent *segment_writer_extents(const struct segment_writer *w, size_t *count);
/* Closes; NULL is fine.  An unfinished file is unlinked. */
void segment_writer_free(struct segment_writer *w);

/* ---- where the records of a run are ---- */

struct piece {
    uint64_t offset; /* in the file that holds the records */
    uint32_t len;
};
/* Of the run's i-th entry; `rows` is its table from row `from` on, up to the row behind that of the entry, if there is
 * one.  ERR_CORRUPT: the table makes no sense. */
MUST_USE enum err segment_piece(const struct extent *e, const uint8_t *rows, uint32_t from, uint32_t i,
                                struct piece *out);
/* Of up to `max` entries from `first` on; stops before bytes_max is passed (at least one).  `f` is the segment.
 * ERR_CORRUPT as above. */
MUST_USE enum err segment_pieces(struct file *f, const struct extent *e, uint32_t first, size_t max, size_t bytes_max,
                                 struct piece *out, size_t *count);

/* ---- for the tools: a file as it tells of itself ---- */

struct segment_run {
    uint64_t ledger;
    struct extent extent;
};

/* The number of the journal's batch up to which the file took entries.  ERR_CORRUPT: the header is damaged, or another
 * file's; ERR_VERSION. */
MUST_USE enum err segment_header_read(struct file *f, uint64_t number, uint64_t *batch);
/* All runs, to be freed.  ERR_CORRUPT: `*offset` is where of what does not hold, `*what` a sentence about it. */
MUST_USE enum err segment_directory_read(struct file *f, uint64_t number, struct segment_run **runs, size_t *count,
                                         uint64_t *offset, const char **what);

#endif
