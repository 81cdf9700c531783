/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.h - reads of entries that are not in the tail cache.
 *
 * What is read from a file is read in windows (cold_windows.h), larger than what was asked for, and held for those who
 * read on.  A window that is being read through has the next one loaded behind it, twice as large, so that the disk and
 * the consumer work at the same time.  A load is planned on the core (which file, where), done by one of the reader's
 * workers (cold_load.h), checked there record by record; entries are handed out as slices of its buffer.
 * Each worker has a load and the one it goes on with, so that neither the disk nor a worker waits for the core; those
 * that somebody waits for go before those made ahead, each in the order of their asking, and nobody has more than one of the first: so many
 * slow readers are served in turn.  While entries are being published one worker rests, and the other reads in small
 * pieces: a sync waits for what the disk was asked for before it.  A journal file is pinned while a load from it is
 * under way; a segment file may be unlinked meanwhile: its entries were moved, and the load is planned again, or their
 * ledger was deleted, and the read finds nothing. Core thread, but for the jobs. May call: cold_windows.h, ledger.h,
 * journal.h, sys/.
 */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "base/list.h"
#include "store/cold_windows.h"
#include "store/ledger.h"
#include "sys/loop.h"
#include "sys/sys.h"

#define READER_WORKERS 2u

struct log;

struct reader_worker {
    struct executor *executor;
    unsigned loads; /* that it has: one under way, and one behind it */
    struct cold_files files; /* the worker's */
    struct work close_files;
    bool files_open, closing_files;
    struct reader *reader;
};

struct reader {
    struct sys sys;
    struct log *log;
    struct ledgers *ledgers;
    struct journal *journal;

    struct cold_windows windows;
    struct list asked, ahead; /* COLD_WAITING, by `order`: those that reads wait for, and the others */
    struct reader_worker workers[READER_WORKERS];
    struct timer age; /* runs while there are windows */

    struct task answer; /* of reads that needed no load */
    struct store_read *answered, **answered_end;
    void (*idle)(void *ctx); /* called when the last read is answered */
    void *ctx;
    uint64_t corrupt_reads;                                 /* loads that found other bytes than were written */
    uint64_t cold_reads, cold_bytes, cold_hits, cache_hits; /* loads, bytes they brought, entries handed out */
    uint64_t cache_hit_bytes;
};

void reader_init(struct reader *r, const struct sys *sys, struct log *log,
                 struct executor *const workers[READER_WORKERS], struct ledgers *ledgers, struct journal *journal,
                 size_t cold_bytes);
/* Reads that are answered and not told yet let go of their entries; their memory is their owners' again. */
void reader_drop(struct reader *r);
/* Jobs under way will never come back: the loop runs no more. */
void reader_deinit(struct reader *r);
void reader_read(struct reader *r, struct store_read *read);
size_t reader_peek(struct reader *r, struct position from, size_t max, size_t bytes_max, struct entry *out);
/* Segment files were unlinked: none of them stays open. */
void reader_close_files(struct reader *r);
/* Nothing waits or is under way. */
bool reader_idle(const struct reader *r);

#endif
