/* SPDX-License-Identifier: Apache-2.0
 *
 * index_copy.h - a second copy of the catalog index, for the day on which a bit of the first one is wrong.
 *
 * catalog.copy has the format of catalog.db and is written by the same code: each transaction is applied to catalog.db,
 * synced, and then to the copy, synced; only then the journal is trimmed, and what the transaction frees is deleted or
 * used again.  So wherever a crash comes, from either of them and the journal all that was promised is had.
 *
 * Invariant: a file of the name catalog.copy can be gone on from at any time.  A copy that could not be applied to is
 * therefore removed, durably, before the checkpoint is done; a new one is made under another name, checked, synced, and
 * renamed.  At a start, with catalog.db found whole, a copy that is damaged, or stands elsewhere, is removed likewise.
 * The store goes on without a copy when there is no room for one, and tries again with the next checkpoint.
 *
 * Belongs to whoever owns the catalog index: the background worker, and recovery before the loop runs.  Calls wait for
 * the disk; memory is bounded.  May call: catalog_index.h, sys/disk.h.
 */
#ifndef STORE_INDEX_COPY_H
#define STORE_INDEX_COPY_H

#include "store/catalog_index.h"

#define CATALOG_COPY_PATH "catalog.copy"
#define CATALOG_NEW_PATH  "catalog.new"     /* either of them, while it is made */
#define CATALOG_KEPT_PATH "catalog.damaged" /* the catalog.db that was gone on without; one only */

#define INDEX_COPY_TEXT 256

struct log;

struct index_copy { /* private */
    struct disk *disk;
    struct log *log;
    struct catalog_index *index; /* NULL: there is none */
    bool cleared;                /* then nothing of an earlier one is left on the disk */
    bool told;                   /* that it cannot be made */
    uint64_t written;            /* bytes, by those that were closed, and by making them */
    char failure[INDEX_COPY_TEXT];
};

void index_copy_init(struct index_copy *c, struct disk *disk, struct log *log);
/* What was applied is durable without it. */
void index_copy_deinit(struct index_copy *c);

/* At a start: `first` was loaded and is whole.  Takes the copy that is there, or removes what cannot be used; on OK
 * either is durable.  ERR_NOMEM, or an error of the disk. */
MUST_USE enum err index_copy_open(struct index_copy *c, const struct catalog_index *first);

/* The transaction that `first` has just applied.  OK: the copy stands where `first` does, or there is none, durably.
 * Without one, one is made.  ERR_NOSPACE, ERR_NOMEM: may be tried again; any other error is the end. */
MUST_USE enum err index_copy_apply(struct index_copy *c, const struct catalog_index *first,
                                   const struct index_batch *batch, const struct index_mark *mark);

static inline bool index_copy_is_there(const struct index_copy *c)
{
    return c->index != NULL;
}

uint64_t index_copy_written(const struct index_copy *c);

/* Reads all of an index that nobody has open, and changes nothing.  ERR_NOT_FOUND, ERR_NOMEM; any other error: it is
 * not whole, and `what` names the first thing wrong with it, beginning with the file's name. */
MUST_USE enum err index_check(struct disk *disk, const char *path, char *what, size_t what_size);

/* catalog.db is missing, or empty, beside a copy. */
bool index_went_missing(struct disk *disk);

/* catalog.db is kept aside, and the copy's bytes take its place, durably.  Interrupted anywhere it can be called again.
 * ERR_CORRUPT, ERR_NOT_FOUND: there is no whole copy, and nothing was changed.  `message` is a sentence. */
MUST_USE enum err index_copy_take_place(struct disk *disk, char *message, size_t message_size);

#endif
