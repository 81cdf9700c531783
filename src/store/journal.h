/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.h - the writing end of the one log that everything goes through.
 *
 * Records are added on the core in order.  They gather in a batch while the batches before are being written and
 * synced by the journal's workers, each by one of its own, or, small ones, by the ring, if there is one; few are in
 * flight, and no timer delays a lone record that asked for a flush.  Owns the files under journal/ and the queue
 * before them.  Knows records as bytes, entries by ledger and id; knows neither ledgers nor cursors.  Core thread, but
 * for its workers' jobs.  May call: journal_file.h, record.h, entry.h, sys/.
 *
 * Invariants
 *  1. Batches are numbered without gaps, and done in that order.  At most JOURNAL_FLIGHTS are in flight; each says how
 *     many before it were not durable when it took off.  One that changes more than its own bytes of a file that
 *     others were written to is alone in flight: the first of a file, one that takes more space, a seal, one that
 *     is written anew after a failure; so is a small one, and each in durability mode "os".
 *  2. An entry's callback comes after the sync of its bytes, entries in the order of their adding; a barrier's after
 *     all records added before it.  In durability mode "os" read "written" for "synced" in both, but for seals, sync
 *     barriers, the first batch of a file, one that is written anew after a failure, and one each second.
 *  3. The bytes of queued entries are never copied but for small ones, which are gathered; each is referenced until
 *     its callback has returned.
 *  4. A journal file is reused only when journal_trim has passed its last batch, no run of entries was adopted in it,
 *     and nobody pins it.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "store/entry.h"
#include "store/journal_file.h"
#include "sys/sys.h"

struct journal;

#define JOURNAL_FLIGHTS 4u

/* Where a record is in the journal. */
struct journal_place {
    uint64_t offset;
    uint32_t file; /* pins and paths go by it: journal_pin */
    uint32_t len;
};

/* An entry on its way, as its owner gets it back. */
struct journal_entry {
    uint64_t ledger;
    uint32_t id;
    struct entry_header header;
    struct slice bytes;    /* borrowed for the call; of the caller's buffer, or of a gathering one: */
    bool gathered;         /* set by the journal */
    struct append *append; /* may be NULL */
};

struct journal_owner {
    void *ctx;
    /* The entry is synced.  `place` is where it lies. */
    void (*entry_synced)(void *ctx, const struct journal_entry *e, struct journal_place place);
    /* A write failed: the entries of these ledgers that are queued will fail.  Called at once, so that no more
     * follow them. */
    void (*ledger_failed)(void *ctx, uint64_t ledger);
    /* The entry will never be readable: the batch that held it has been overwritten, durably.  In order, after all
     * that were synced before. */
    void (*entry_failed)(void *ctx, const struct journal_entry *e, enum err err);
    /* A batch is about to be closed: the last chance to add records to it (cursor changes that ride along). */
    void (*closing)(void *ctx);
    /* A batch waits for room on the disk, even what is written ahead for those without entries is used up. */
    void (*starved)(void *ctx);
    /* The batch is done, its callbacks were made. */
    void (*batch_done)(void *ctx);
    void (*fatal)(void *ctx, enum err err, const char *what);
};

struct journal_spare {
    uint64_t number;
    uint64_t size; /* zero-written, or written over, up to here */
};

/* A file of an earlier life whose batches are still needed: the disk had no room for the checkpoint that ends a
 * recovery. */
struct journal_kept {
    uint64_t number;
    uint64_t size;
    struct journal_file_header header;
    uint64_t end; /* of its last batch */
    uint64_t last_batch;
};

/* A file that runs of entries rest in: extents of the index refer to it. */
struct journal_adopted {
    uint64_t number;
    uint64_t size;
    unsigned runs;
};

/* Where recovery, or a fresh directory, lets the journal begin. */
struct journal_start {
    uint64_t next_batch;          /* 1 in a fresh directory */
    uint32_t previous_crc;        /* of the batch before it */
    uint64_t next_generation;     /* beyond any seen */
    uint64_t next_number;         /* for file names */
    uint64_t trimmed;             /* batches up to here are stored elsewhere */
    struct journal_spare *spares; /* files that hold nothing needed any more */
    size_t spare_count;
    struct journal_kept *kept; /* those that do, oldest first */
    size_t kept_count;
    struct journal_adopted *adopted; /* may be among the kept ones, too; not among the spares */
    size_t adopted_count;
};

struct journal_options {
    uint64_t file_bytes;  /* of one file at full size */
    size_t pending_bytes; /* of records queued and in flight; beyond it entries are refused */
    enum durability durability;
    struct log *log;
    struct executor *const *workers; /* JOURNAL_FLIGHTS, which write and sync batches; nobody else's */
    struct executor *background;     /* prepares files ahead; may be busy for long */
};

/* Makes the directory and the first file when there is no spare: waits for the disk, before the loop runs. */
MUST_USE enum err journal_open(struct journal **out, const struct journal_options *options, const struct sys *sys,
                               const struct journal_owner *owner, const struct journal_start *start);
/* Drops what is queued, without a callback.  After journal_stop's op, or when the loop runs no more. */
void journal_free(struct journal *j);

/* A whole record of `len` bytes is reserved in the forming batch, for the caller to fill before it returns to the loop.
 * NULL: ERR_NOMEM.  Does not ask for a flush. */
uint8_t *journal_reserve(struct journal *j, size_t len);
/* References e->bytes.  ERR_FULL: beyond options.pending_bytes.  ERR_NOSPACE: a batch waits for room on the disk.  Asks
 * for a flush. */
MUST_USE enum err journal_add_entry(struct journal *j, const struct journal_entry *e);

uint64_t journal_pending_bytes(const struct journal *j); /* queued and in flight */
/* What the batches in flight may hold, at present: beyond it who comes next waits for more than these. */
size_t journal_room_bytes(const struct journal *j);
const struct budget *journal_budget(const struct journal *j);
/* Entries were written a moment ago, and more will come, perhaps. */
bool journal_publishing(const struct journal *j);

/* What the disk may be asked for at once beside it: all, while nobody publishes; as much as the last batch was, where
 * those who fill the journal wait for themselves only; else nothing that anybody would notice. */
size_t journal_beside_bytes(const struct journal *j);

/* What was added is written within `ms`, unless something else causes it earlier. */
void journal_flush_within(struct journal *j, uint32_t ms);
void journal_barrier(struct journal *j, struct store_op *op);
/* The same, and what was added is synced in any durability mode: for what a power cut must find done. */
void journal_sync_barrier(struct journal *j, struct store_op *op);
/* Closes the forming batch: what was added so far is in batches up to the number returned, what follows is not. */
uint64_t journal_cut(struct journal *j);

/* The last batch that was closed. */
uint64_t journal_last_batch(const struct journal *j);
/* The generation of the file that holds the batch after the last one done. */
uint64_t journal_generation(const struct journal *j);
/* One beyond any in use. */
uint64_t journal_next_generation(const struct journal *j);

/* All records in batches up to `batch` are stored elsewhere, durably. */
void journal_trim(struct journal *j, uint64_t batch);
/* Bytes in batches that were not trimmed yet. */
uint64_t journal_untrimmed_bytes(const struct journal *j);

/* Walks the files that hold batches which were not trimmed: zeroed at first; false at the end. */
struct journal_part {
    uint32_t file;
    uint64_t end;  /* of its last batch that is done */
    size_t walked; /* files, private */
};
bool journal_part_next(const struct journal *j, struct journal_part *part);

/* While pinned, the file keeps what it holds.  `path` is filled. */
void journal_pin(struct journal *j, uint32_t file, char path[JOURNAL_PATH_SIZE]);
void journal_unpin(struct journal *j, uint32_t file);

/* One more run of entries rests in the file from now on: it keeps what it holds.  One less: when none is left, the file
 * is free to be used again. */
void journal_adopt(struct journal *j, uint32_t file);
/* `bytes` that were written to it were not copied, but adopted.  They count until it is used again, released or not. */
void journal_count_adopted(struct journal *j, uint32_t file, uint64_t bytes);
uint64_t journal_adopted_bytes(const struct journal *j, uint32_t file);
void journal_release(struct journal *j, uint32_t file);
bool journal_is_adopted(const struct journal *j, uint32_t file);
/* Full, and trimmed: adopted runs alone keep it. */
bool journal_is_done_with(const struct journal *j, uint32_t file);
/* Files without such runs, in use or not.  One must be left: on a full disk the next start writes to it. */
size_t journal_unadopted_files(const struct journal *j);

/* The process is about to end: from now on a batch that finds no room on the disk is fatal instead of waiting for it.
 */
void journal_end(struct journal *j);
/* Room is wanted on the disk: of the files kept to be written again one is left.  Until told otherwise. */
void journal_yield(struct journal *j, bool yields);
/* A batch waits for room on the disk. */
bool journal_starved(const struct journal *j);
/* Writes out all, then a seal; then op->done.  Nothing may be added after it.  After journal_end. */
void journal_stop(struct journal *j, struct store_op *op);

struct journal_stats {
    uint64_t syncs, bytes, files, file_bytes; /* the last: that the files take on the disk */
    uint64_t beside;                          /* batches that took off while others were in flight */
    uint64_t ringed;                          /* batches that no worker wrote: sys/ring.h */
    uint64_t zeros;                           /* written ahead */
};
void journal_stats(const struct journal *j, struct journal_stats *out);

#endif
