/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_files.h - which journal files there are, what each still holds, and which one comes next.
 *
 *     spare -> taken (a job is about to write to it) -> current -> full -> (trimmed, no adopted run in it, not pinned)
 *     -> spare, or doomed: unlinked
 *
 * A file's first life begins zero-written: a short prefix in haste, or all of it ahead of time by the background
 * worker. Files grow from start to start of a file (1 MiB, 4 MiB, ... file_bytes), so that a broker that is hardly
 * used keeps a small directory.  Where batches are large, zeros ahead would double what is written: there space is only
 * taken for a file. Best is a file that was written before: of those a busy journal keeps as many as it has lately
 * written bytes, up to JOURNAL_POOL_MAX. Behind the batches some of a file is kept written ahead for batches without
 * entries (acknowledgements, deletions): on a full disk they must still find room. Owns the table and one job of the
 * background worker at a time; the writing itself is journal_write.h's. Core thread.  May call: journal_write.h, sys/.
 */
#ifndef STORE_JOURNAL_FILES_H
#define STORE_JOURNAL_FILES_H

#include "store/journal.h"
#include "store/journal_write.h"
#include "sys/loop.h"

#define JOURNAL_SPARES_MAX 2u /* of a quiet journal */
#define JOURNAL_POOL_MAX   (UINT64_C(1024) * 1024 * 1024)

enum journal_file_state { FILE_SPARE, FILE_TAKEN, FILE_CURRENT, FILE_FULL, FILE_DOOMED };

struct journal_file {
    struct list node;
    uint64_t number;
    uint64_t prepared; /* bytes that exist on the disk: writing there changes no metadata */
    uint64_t end;      /* where the next batch goes; 0 while its header is not written */
    uint64_t last_batch;
    struct journal_file_header header;
    unsigned pins;
    unsigned runs;    /* adopted ones, that rest in it */
    uint64_t adopted; /* bytes of all that did since it was taken into use, and this process began */
    bool fresh;       /* space was taken for it, and nothing written: the first sync of a place costs more */
    enum journal_file_state state;
};

/* The background worker's job: make a file ahead, or unlink one that is not needed. */
struct journal_chore {
    struct work work;
    struct disk *disk;
    uint64_t number;
    uint64_t len, from; /* make: the length wanted, and how far it is */
    uint64_t zeros;     /* that the last job wrote */
    bool allocate;      /* make: without zeros */
    bool unlink;
    bool hurry; /* unlink: its room is wanted */
    bool sync_failed;
    enum err err;
    bool running;
};

/* Up to here the core prepares a batch itself, for the ring: to copy so much takes it some microseconds, to wake a
 * worker and be woken by it took tens. */
#define JOURNAL_RING_BYTES (32u * 1024)

struct journal_files {
    struct list all; /* oldest use first */
    struct journal_file *current;
    uint64_t next_number, next_generation;
    uint64_t file_bytes;
    uint64_t trimmed; /* batches up to here are not needed */
    size_t count;
    uint64_t lately, lately_ns; /* bytes written, of which half is forgotten every few seconds; counted until then */
    uint64_t span_mean;         /* of batches */
    uint64_t zeros;             /* bytes of them written */
    struct timer shrink;        /* runs while there are more spares than a quiet journal has */
    struct sys sys;
    struct executor *background;
    struct journal_chore chore;
    void (*fatal)(void *ctx, enum err err, const char *what);
    void *ctx;
    bool paged;        /* small batches, too, end with their page where there is room: the next begins with one */
    bool unsynced;     /* files taken into use from now on may have batches that were not synced */
    bool stopping;     /* no more chores */
    bool yields;       /* others want the room: one spare is enough */
    bool chore_failed; /* no space for a file ahead: not tried again before the next one is full */
};

/* Makes a first spare when there is none: waits for the disk. */
MUST_USE enum err journal_files_init(struct journal_files *f, const struct journal_options *options,
                                     const struct sys *sys, const struct journal_start *start);
void journal_files_deinit(struct journal_files *f);

/* Decides where w->batch goes and fills the job's fields about files, offset, span and zeros. */
MUST_USE enum err journal_files_place(struct journal_files *f, struct journal_write *w, uint32_t previous_crc);
/* The same behind `before`, a batch that may still be under way: only where that leaves the file as it is, but for the
 * batch's own bytes.  False: it has to be alone under way. */
bool journal_files_place_beside(const struct journal_files *f, struct journal_write *w,
                                const struct journal_write *before);
/* One that others may fly beside although it is not beside others. */
bool journal_files_is_large(const struct journal_files *f, const struct batch *batch);
/* Placed so, or as if. */
bool journal_files_placed_apart(const struct journal_write *w);
/* The job came back: what it says about the files becomes true here. */
void journal_files_placed(struct journal_files *f, const struct journal_write *w);

/* Frees what is not needed any more, prepares what soon will be. */
void journal_files_tend(struct journal_files *f);

size_t journal_files_unadopted(const struct journal_files *f);
struct journal_file *journal_files_find(const struct journal_files *f, uint64_t number);

#endif
