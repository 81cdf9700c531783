/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_write.h - what the journal's workers do: one batch to the disk, synced.
 *
 * Two jobs of plain data, filled by the core, run one after the other on a worker, read by the core again: the first
 * computes checksums and gathers, and when it is done the next batch may follow on another worker, which needs this
 * one's checksum; the second writes and syncs.  For a small batch the second does all.  May call: journal_batch.h,
 * sys/disk.h.
 */
#ifndef STORE_JOURNAL_WRITE_H
#define STORE_JOURNAL_WRITE_H

#include "store/journal_batch.h"
#include "sys/disk.h"

#define JOURNAL_PREFIX (256u * 1024) /* zero-written at the start of a file that is made in haste */

enum write_stage {
    WRITE_STAGE_PREPARE, /* failed before anything of the batch was written */
    WRITE_STAGE_WRITE,   /* failed while writing: any of it may be there */
    WRITE_STAGE_SYNC,    /* failed at a sync: the end */
    WRITE_STAGE_DONE,
};

/* Where all of them write. */
struct journal_target {
    struct disk *disk;
    struct file *file; /* NULL before the first; changed by a job that is alone under way */
};

struct journal_write {
    struct journal_target *target;
    /* The worker's own, from job to job: whole batches are gathered there. */
    uint8_t *memory;
    size_t capacity;

    /* In. */
    const struct batch *batch;
    bool switch_file; /* close the file, open `number` */
    bool create;      /* which does not exist: make it, with a zero-written prefix */
    uint64_t useless; /* bytes that it has from its life before: they need not stay in the page cache */
    uint64_t prefix;
    uint64_t number;
    bool with_header; /* the first batch of the file: its header goes along */
    struct journal_file_header file_header;
    uint64_t offset; /* of the batch */
    uint64_t span;   /* of the batch, `pad` with it */
    bool whole;      /* ends with its page: is gathered, and written past the page cache if it begins with one, too */
    uint32_t pad;    /* of a whole batch, to the end of its last page */
    uint64_t fill;   /* zero bytes to the end of a small batch's last page: else the kernel would read the rest of it */
    uint64_t zeros;  /* zero bytes to extend the file by, behind the batch */
    uint64_t room;   /* or space to take for the file up to here; 0: none */
    uint32_t previous_crc;
    uint32_t unsynced; /* batches right before this one that may not be durable; a file that is left is synced first */
    bool sync;
    bool prepared; /* by a job of its own; the core begins with false */

    /* Out of journal_write_prepare. */
    uint32_t crc;                            /* of the batch */
    uint8_t head[JOURNAL_BATCH_HEADER_SIZE]; /* of the batch */
    uint8_t *image; /* file header, if it goes along, and batch, in memory; NULL: records lie where they were added */

    /* Out. */
    enum write_stage stage;
    enum err err;
    bool switched; /* the new file is the one being written, whatever came after */
    bool extended; /* the zeros were written, the space was had */
};

/* On the worker. */
void journal_write_prepare(struct journal_write *w);
void journal_write_run(struct journal_write *w);
/* It was written by a ring, prepared and with an image, and that ended so. */
void journal_write_ended(struct journal_write *w, enum err err);
/* Gives the memory back.  While none of its jobs is under way. */
void journal_write_rest(struct journal_write *w);

/* Makes journal/`number`, zero-written and synced up to `len`, its name too.  ERR_IO from a sync sets *sync_failed. */
MUST_USE enum err journal_file_make(struct disk *disk, uint64_t number, uint64_t len, bool *sync_failed);
/* `len` zero bytes from `offset` on. */
MUST_USE enum err journal_write_zeros(struct file *f, uint64_t offset, uint64_t len);

#endif
