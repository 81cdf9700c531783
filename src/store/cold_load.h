/* SPDX-License-Identifier: Apache-2.0
 *
 * cold_load.h - the reader worker's half of cold reads: one stretch of consecutive entries, from a file into memory.
 *
 * Planned on the core (which file, from which entry, how many bytes), run on the worker: finds where the records lie,
 * reads those that lie close together in one go, checks each one's CRC and place, and keeps those before the first that
 * does not hold.  Large stretches are read past the page cache, straight into the buffer.  Segment files stay open
 * between loads, a few of them; journal files do not.  May call: segment.h, entry.h, sys/disk.h.
 */
#ifndef STORE_COLD_LOAD_H
#define STORE_COLD_LOAD_H

#include "base/buffer.h"
#include "store/journal_file.h"
#include "store/segment.h"
#include "sys/loop.h"

#define COLD_FILES_MAX   8u    /* open at once */
#define COLD_ENTRIES_MAX 4096u /* of one load */

/* A worker's open segment files, the least recently used one first to go. */
struct cold_files {
    struct disk *disk;
    struct {
        uint64_t number; /* of the segment; 0: free */
        struct file *file;
        uint64_t used;
    } slots[COLD_FILES_MAX];
    uint64_t clock;
};
void cold_files_init(struct cold_files *f, struct disk *disk);
void cold_files_close(struct cold_files *f); /* all of them; it can be used on */

struct cold_load {
    /* In. */
    struct cold_files *files;
    struct position from;
    size_t max;                      /* entries */
    size_t bytes;                    /* of records: stops before passing them, after at least one entry */
    bool passing;                    /* one of a sequence: the page cache need not keep it */
    size_t at_once;                  /* bytes that it asks the disk for at once, a multiple of DISK_ALIGN */
    bool in_journal;                 /* no extent: the pieces are planned */
    uint32_t journal_file;           /* in_journal, or of an adopted extent: pinned; else 0 */
    char journal[JOURNAL_PATH_SIZE]; /* its path */
    struct extent extent;
    struct piece *pieces;  /* malloc'd.  In: where in the file (in_journal).  Out: where in the buffer */
    size_t count;          /* of pieces.  Out: entries that hold */
    struct buffer *buffer; /* uncharged; the core's to count.  In: NULL, or one to be used if it is large enough */
    /* Out. */
    size_t len;   /* bytes of the file that it took */
    enum err err; /* of the first entry; OK: count >= 1 */
};

void cold_load_run(struct cold_load *l);
void cold_load_deinit(struct cold_load *l);

/* What of a load that went well is held in memory. */
size_t cold_load_memory(const struct cold_load *l);
/* The i-th entry, its bytes borrowed from the buffer. */
void cold_load_peek(const struct cold_load *l, size_t i, struct entry *out);

#endif
