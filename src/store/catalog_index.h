/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog_index.h - SQLite as the index that is applied behind the journal.
 *
 * Each apply is one transaction: the rows of a batch, the mark up to which the journal is in the index, and the sums
 * that prove that no row was lost or changed.  After a crash the index stands at one mark, never between two.
 * Every row carries a CRC32C over its table, id, parent, name and value; each table the count and the sum of them.
 * Owns one file, catalog.db or its copy (and its -wal), in a struct disk, through sqlite_vfs.h.  Calls may wait for the
 * disk: they are made by the catalog's worker, and before the loop runs.  One thread at a time.  May call: base/,
 * sys/disk.h, index_batch.h, sqlite_vfs.h.
 *
 * What a crash leaves may have been read from a page cache that never reached the disk, so catalog_index_open writes
 * and syncs all of it again before it returns.
 */
#ifndef STORE_CATALOG_INDEX_H
#define STORE_CATALOG_INDEX_H

#include "store/index_batch.h"
#include "sys/disk.h"

struct catalog_index;

/* Where the journal stands that the rows were taken from.  The index only keeps these. */
struct index_mark {
    uint64_t batch;        /* the last journal batch whose changes are all in the rows; 0: none */
    uint64_t journal_file; /* the first journal file that recovery still needs */
    uint64_t next_id;      /* store_id_new gave no id at or above it */
    uint64_t next_segment; /* likewise, for segment files */
};

#define CATALOG_PATH "catalog.db" /* in the data directory */

/* Opens or makes `path`.  A fresh one has a mark of zeros.  ERR_CORRUPT, ERR_VERSION (a newer program's
 * file, left untouched), ERR_IO, ERR_NOSPACE: `message` says what and where. */
MUST_USE enum err catalog_index_open(struct catalog_index **out, struct disk *disk, const char *path, char *message,
                                     size_t message_size);
/* To look at it: opens what is there and changes not a byte of it; only mark, survey and close may be called.
 * ERR_NOT_FOUND: there is none. */
MUST_USE enum err catalog_index_look(struct catalog_index **out, struct disk *disk, const char *path, char *message,
                                     size_t message_size);
/* NULL is fine.  What was applied is durable without it. */
void catalog_index_close(struct catalog_index *x);

/* Of the last apply. */
struct index_mark catalog_index_mark(const struct catalog_index *x);

/* Calls back every row, table by table, ids ascending; the row is borrowed for the call.  ERR_CORRUPT, with the table
 * and the row in `message`, when a row's CRC or a table's sum does not match: what was given by then is not to be used.
 * An error of `each` ends it and is returned. */
MUST_USE enum err catalog_index_load(struct catalog_index *x,
                                     enum err (*each)(void *ctx, unsigned table, const struct catalog_row *row),
                                     void *ctx, char *message, size_t message_size);

/* Like load, but damage does not end it: each is told to `damaged` as a sentence without the file's name, and what
 * holds goes on being given.  Returns the first error of `each` or ERR_NOMEM. */
MUST_USE enum err catalog_index_survey(struct catalog_index *x,
                                       enum err (*each)(void *ctx, unsigned table, const struct catalog_row *row),
                                       void (*damaged)(void *ctx, const char *what), void *ctx);
const char *catalog_index_table_name(unsigned table);

/* One transaction, durable on OK.  ERR_NOSPACE, ERR_NOMEM: nothing has changed, may be tried again; but after a
 * crash it may turn out to be applied all the same (its frames were written, and what failed came behind them), so
 * all that it says must be true already.  Any other error is the end: a sync failed (ERR_IO) or the file is damaged
 * (ERR_CORRUPT), and the store stops. */
MUST_USE enum err catalog_index_apply(struct catalog_index *x, const struct index_batch *batch,
                                      const struct index_mark *mark);

/* They stand at the same mark, with the same rows (by their sums). */
bool catalog_index_equal(const struct catalog_index *x, const struct catalog_index *other);

/* For good, and then nothing is written any more. */
bool catalog_index_sync_failed(const struct catalog_index *x);

/* Bytes written to its files since it was opened. */
uint64_t catalog_index_written(const struct catalog_index *x);

/* The last failure as one sentence, for the log. */
const char *catalog_index_failure(const struct catalog_index *x);

#endif
