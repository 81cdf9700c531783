/* SPDX-License-Identifier: Apache-2.0
 *
 * sorted_reads.h - records of many ledgers out of journal files: wanted ledger by ledger, read in the order in which
 * they lie.
 *
 * In the journal the entries of many topics lie in turn.  Who read them ledger by ledger would go through all of it
 * once for each.  So what is wanted next is told in advance, up to some megabytes, sorted by place, and read in
 * stretches of which at least half is wanted.
 * Of a file of which most will be wanted sooner or later, what lies ahead is asked of the disk in the background, in
 * order: small reads with gaps between them would each wait for a block of it.
 * A worker's: its calls wait for the disk.  May call: journal_file.h, base/, sys/disk.h.
 *
 *     add, add, ... (until it is full), load, find, find, ... in the order of the adds; and so on
 */
#ifndef STORE_SORTED_READS_H
#define STORE_SORTED_READS_H

#include "store/journal.h"
#include "sys/disk.h"

#define SORTED_READS_BYTES (4u * 1024 * 1024) /* wanted at a time; with what lies between, at most twice as much */
#define SORTED_READS_MAX   16384u             /* records at a time */
#define SORTED_READS_FILES 8u                 /* open at a time */

struct sorted_reads {
    /* Set at creation. */
    struct disk *disk;
    bool (*mostly)(void *ctx, uint32_t file); /* whether most of the file will be wanted */
    void *ctx;

    struct wanted *list; /* malloc'd, SORTED_READS_MAX of them, as they were added */
    struct lying *order; /* likewise, as they lie */
    size_t count;
    size_t next;  /* the one that is probably asked for */
    size_t bytes; /* of all of them */
    uint8_t *memory;
    size_t capacity;
    struct {
        struct file *file;
        uint32_t number; /* 0: none */
        bool mostly;
        uint64_t ahead; /* so far the disk was asked for it; 0: not yet */
    } files[SORTED_READS_FILES];
    size_t oldest; /* of those */
};

void sorted_reads_init(struct sorted_reads *r, struct disk *disk, bool (*mostly)(void *ctx, uint32_t file), void *ctx);
void sorted_reads_deinit(struct sorted_reads *r);

/* Nothing is wanted any more.  ERR_NOMEM. */
MUST_USE enum err sorted_reads_begin(struct sorted_reads *r);
/* `place` is what it is asked for by later: it stays where it is.  False: it is full; the first one always fits. */
bool sorted_reads_add(struct sorted_reads *r, const struct journal_place *place);
/* Reads what was added.  ERR_CORRUPT: a file ends before; after any error nothing is found. */
MUST_USE enum err sorted_reads_load(struct sorted_reads *r);
/* The record, borrowed until the next begin; false: it was not loaded.  To be asked for in the order of the adds; the
 * one before may be asked for again. */
bool sorted_reads_find(struct sorted_reads *r, const struct journal_place *place, struct bytes *out);

#endif
