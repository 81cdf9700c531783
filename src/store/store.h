/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - what the broker keeps: ledgers of entries, cursors over them, and a catalog of what is named.
 *
 * Everything below is called on the core thread and returns at once; what must reach the disk does so in the order of
 * the calls, as records of one shared journal.  So of two changes the later is never durable without the earlier,
 * and one barrier (store_barrier) tells when all changes before it are safe.  What is read back is
 * what was changed, durable or not: only promises to the outside wait for the disk.
 *
 * Owns the data directory.  May call: base/, sys/.  A second backend (BookKeeper) can implement the same calls.
 *
 * Rules
 *  1. A receipt (append done, barrier done) is given only after the sync of its bytes returned OK (in the weaker
 *     durability mode, which is asked for by name, after their write did).
 *  2. A failed sync ends the process (on_fatal); a failed write before a sync fails the appends in it and those queued
 *     behind it, in order, and their ledgers take no more (ERR_FENCED): the owner closes them and opens others.
 *  3. After recovery nothing is served, receipted or trusted before it was written and synced again.
 *  4. Completions run from the loop, never before the call that started them has returned, each exactly once.
 *  5. Wrong bytes are never served: what fails its checksum fails that read with ERR_CORRUPT.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/err.h"
#include "store/position.h"
#include "sys/sys.h"
#include <stdint.h>

struct log;
struct store;
struct text;

/* ---- opening ---- */

/* What a receipt, and any other promise of this header, waits for.  What is promised in each is told in
 * docs/storage.md. */
enum durability {
    DURABILITY_SYNC, /* the sync of its bytes: neither a kill nor a power cut takes it back */
    DURABILITY_OS,   /* their write: a power cut may take back the newest, all from some point on */
};

struct store_options {
    uint64_t journal_file_bytes; /* a journal file at full size, zero-written once and recycled; 0: 64 MiB */
    uint64_t checkpoint_bytes;   /* journal bytes that start a checkpoint; 0: as journal_file_bytes */
    uint64_t own_segment_bytes;  /* a ledger with more than this in one checkpoint gets a file of its own; 0: 1 MiB */
    unsigned adopt_percent;    /* a journal file of whose entries so much belongs to such ledgers becomes theirs; 0: 75,
                                * over 100: none does */
    uint64_t compaction_bytes; /* a checkpoint copies at most so much to empty files, and as much to merge extents;
                                * 0: 64 MiB */
    uint64_t compaction_dead_bytes; /* so much dead in files to be emptied starts a checkpoint; 0: 32 MiB */
    uint32_t compaction_quiet_ms;   /* nothing has died for so long in a file to be emptied; 0: 10 s */
    uint32_t compaction_fan;        /* extents of about one size that become one, at least 2; 0: 16 */
    size_t tail_cache_bytes;        /* budget of synced entries kept in memory, of topics with cursors; 0: 64 MiB */
    size_t journal_pending_bytes;   /* budget of what waits for the journal; 0: 32 MiB */
    size_t cold_read_bytes;         /* budget of older ones read from files, ahead of who reads them; 0: 32 MiB */
    enum durability durability;     /* SYNC unless told otherwise */
    uint32_t ack_delay_ms;          /* a cursor change waits at most so long for a batch to ride on; 0: 1000 */
    const char *give_up;            /* what may be lost (give_up.h), for a start behind damage; NULL: nothing */
    const char *holder;             /* written to the lock file: "geminga pid 123" */
    struct log *log;
    /* The store cannot go on (a sync failed): end the process; on restart recovery decides. `what` is for the log. */
    void (*on_fatal)(void *ctx, enum err err, const char *what);
    /* A directory beside the data directory, made if absent, for backups; waits, on a worker.  NULL: none are made. */
    enum err (*directory_open)(void *ctx, const char *path, struct disk **out);
    void (*directory_close)(struct disk *directory);
    void *ctx;
};

/* In the data directory: held (flock) by who works on it, and naming them. */
#define STORE_LOCK_PATH "lock"

/* Recovers and opens; waits for the disk, so it is called before the loop runs.  On failure `message` is the whole
 * sentence for the user: what is damaged (file, offset, topic, ledger, entry), or who holds the lock. */
MUST_USE enum err store_open(struct store **out, const struct store_options *options, const struct sys *sys,
                             char *message, size_t message_size);

/* Writes out everything, closes the open ledgers, seals the journal, then calls done (from the loop).  No call in
 * between. */
void store_close(struct store *s, void (*done)(void *ctx), void *ctx);
/* After close's done; or instead of store_close, to drop everything as a crash does (tests). */
void store_free(struct store *s);

/* ---- barriers ---- */

struct store_op {
    void (*done)(struct store_op *op, enum err err); /* container_of finds the owner */
    struct store_op *next;                           /* the store's */
};

/* done(OK) when every change made before this call is durable. Starts a sync if none is due. */
void store_barrier(struct store *s, struct store_op *op);

/* ---- catalog: rows by table ---- */

enum catalog_table {
    CATALOG_BROKER = 1,       /* settings of the instance itself: cluster name, boot counter */
    CATALOG_TENANT = 2,       /* parent 0 */
    CATALOG_NAMESPACE = 3,    /* parent: its tenant */
    CATALOG_TOPIC = 4,        /* parent: its namespace; name: "persistent://t/n/x" */
    CATALOG_SUBSCRIPTION = 5, /* parent: its topic; its cursor has the same id, and so has a chain of its own ledgers */
    CATALOG_SCHEMA = 6,       /* parent: its namespace (or a topic: then it goes with that) */
    CATALOG_PARTITIONED = 7,  /* parent: its namespace; a partitioned topic's metadata */
    CATALOG_TABLES = 8
};

struct catalog_row {
    uint64_t id; /* from store_id_new; unique over all tables */
    uint64_t parent;
    struct bytes name;  /* unique within table and parent */
    struct bytes value; /* the owner's encoding; at most 1 MiB */
};

/* A fresh positive id, never given before, not even in an earlier life of this directory (unless nothing durable
 * mentioned it). */
uint64_t store_id_new(struct store *s);

/* Adds the row or replaces the one with its id.  ERR_EXISTS: the name belongs to another id. Copies. */
MUST_USE enum err catalog_put(struct store *s, enum catalog_table table, const struct catalog_row *row);
/* Removes the row; ERR_NOT_FOUND.  Removing a topic removes its ledgers, subscriptions, cursors and schemas with it,
 * a subscription its cursor and its own ledgers, in one record. */
MUST_USE enum err catalog_remove(struct store *s, enum catalog_table table, uint64_t id);

/* Borrowed until the next change of the catalog; NULL when absent. */
const struct catalog_row *catalog_find(const struct store *s, enum catalog_table table, uint64_t parent,
                                       struct bytes name);
const struct catalog_row *catalog_get(const struct store *s, enum catalog_table table, uint64_t id);
/* All rows of the parent, in the order of their names; `each` returns false to stop and changes nothing. */
void catalog_each(const struct store *s, enum catalog_table table, uint64_t parent,
                  bool (*each)(void *ctx, const struct catalog_row *row), void *ctx);
/* catalog_each behind the name `after`, which need not be there any more: for a listing in turns of the loop. */
void catalog_each_after(const struct store *s, enum catalog_table table, uint64_t parent, struct bytes after,
                        bool (*each)(void *ctx, const struct catalog_row *row), void *ctx);
/* The first of these; NULL: none. */
const struct catalog_row *catalog_next(const struct store *s, enum catalog_table table, uint64_t parent,
                                       struct bytes after);
/* How many topics have this namespace as their parent. */
size_t catalog_topics(const struct store *s, uint64_t namespace_);
/* The memory that the rows of a table have: names, values, and what goes with each. */
size_t catalog_bytes(const struct store *s, enum catalog_table table);

/* ---- ledgers and entries ---- */

enum entry_kind { ENTRY_DATA = 0, ENTRY_MARKER = 1 };
enum entry_flags {
    ENTRY_BATCHED = 1,
    ENTRY_ENCRYPTED = 2,
    ENTRY_TRANSACTION = 4,
    ENTRY_REPLICATED = 8,
    ENTRY_CHUNK = 16
};

/* Kept before the client's bytes, versioned: see entry.h for its encoding. */
struct entry_header {
    enum entry_kind kind;
    uint16_t flags;         /* enum entry_flags */
    uint32_t messages;      /* in this entry; 0 only for markers */
    uint64_t first_message; /* the index in its topic of the entry's first message; ledger_append sets it */
    int64_t broker_ms;      /* wall clock at the append */
    int64_t publish_ms;     /* from the message metadata */
    int64_t deliver_ms;     /* not to be delivered before, by consumers that share; 0: at once */
};

struct entry {
    struct position position;
    struct entry_header header;
    struct slice bytes; /* as the producer sent them: checksum, metadata, payload.  A reference of the holder's */
};

void entry_unref(struct entry *e);

struct ledger_info {
    uint64_t id, topic;
    uint64_t entries, bytes;              /* appended so far, synced or not; bytes without headers */
    uint64_t first_message, messages;     /* topic index of its first message, and how many it has */
    int64_t created_ms, closed_ms;        /* closed_ms 0 while open */
    int64_t publish_ms_max;               /* newest publish time in it; for seek by time */
    int64_t deliver_ms_max;               /* latest deliver_ms in it; 0: no entry has one */
    uint32_t delayed_first, delayed_last; /* entries with a deliver_ms lie between these, if any does */
    bool open;                            /* takes appends; only ever the last of its topic */
};

/* The topic's ledgers, oldest first; borrowed until the next change of the chain.  After a recovery all are closed.
 * Helpers over it are in chain.h. */
const struct ledger_info *store_chain(const struct store *s, uint64_t topic, size_t *count);

/* Opens a new ledger at the end of the topic's chain; the one before must be closed.  Durable with its first append.
 * `topic` may be the row of a subscription: then the ledger is one of its own, beside the topic (what compaction made
 * for it), in a chain that goes with the row.  All calls that name a topic's chain take such an id too. */
MUST_USE enum err ledger_create(struct store *s, uint64_t topic, uint64_t *id);
/* No more appends; those under way complete.  An empty ledger may be closed too. OK for one that is closed. */
void ledger_close(struct store *s, uint64_t id);
/* Gone, its space soon after: only a closed ledger, only the first of its chain or any of a topic without cursors
 * behind it: the caller's duty.  A topic that lives on keeps its last ledger: it knows how far the index of messages
 * is. */
void ledger_delete(struct store *s, uint64_t id);

struct append {
    /* err OK: entry is synced and readable.  Else nothing of it will ever be readable (ERR_CLOSED: its topic was
     * removed). */
    void (*done)(struct append *a, enum err err);
    struct crc32c_tail known; /* of the entry's bytes, which the caller has read just now: the store need not, then */
    struct position position; /* set by ledger_append */
    struct append *next;      /* the store's */
};

/* Takes a reference of `bytes`.  The entry's id and header.first_message are assigned now (a->position), dones of
 * one ledger come in order.  ERR_FENCED: the ledger failed before, is closed, or is full (2^31 entries, 8192
 * extents): close it and create another.  ERR_TOO_LARGE: over 64 MiB.  ERR_FULL: the journal's queue, or the journal
 * itself, is beyond its bound, and the caller should stop reading until store_on_room.  ERR_NOSPACE: the
 * disk is full (store_full), and it may take long: the caller should go on reading, for what makes room may come.
 * ERR_NOMEM; ERR_CLOSED: the store is closing or dead.  On an error done is not called. */
MUST_USE enum err ledger_append(struct store *s, uint64_t ledger, const struct entry_header *header, struct slice bytes,
                                struct append *a);
/* True while the queue before the journal is under store_room_bytes, and checkpoints keep up.  `room` (may be NULL) is
 * called when it is true again after this, or an append, found it false; and whenever store_full has changed. */
bool store_has_room(struct store *s);
/* The disk is full: appends are refused with ERR_NOSPACE, all else goes on.  Becomes false by itself. */
bool store_full(const struct store *s);
/* It is, or will be soon: what is needed no more should go now. */
bool store_nearly_full(const struct store *s);
/* True while the queue is under seven eighths, and checkpoints keep up: for those who have little in it, when others
 * have filled their half.  `room` as above. */
bool store_has_reserve(struct store *s);
/* The bytes at which store_has_room becomes false: half the bound, or what the batches in flight hold, if that is less;
 * so that whoever comes then waits for these and little else. */
size_t store_room_bytes(const struct store *s);
void store_on_room(struct store *s, void (*room)(void *ctx), void *ctx);

/* Synced entries [from, ...) of one ledger that are in memory: up to `max` of them into `out`, each with a reference
 * for the caller, stopping before `bytes_max` is passed (at least one).  Returns how many; 0: not in memory, or at
 * the end.  Whoever goes through older entries finds them here as long as the disk keeps up: they are read ahead. */
size_t ledger_peek(struct store *s, struct position from, size_t max, size_t bytes_max, struct entry *out);

#define STORE_READ_MAX 128

struct store_read {
    /* OK: count >= 1.  ERR_NOT_FOUND: trimmed, or not there yet.  ERR_CORRUPT; ERR_IO, ERR_NOMEM: may be tried
     * again. */
    void (*done)(struct store_read *r, enum err err);
    struct position from;
    size_t max;                           /* <= STORE_READ_MAX */
    size_t bytes_max;                     /* stops before passing it; at least one entry */
    struct entry entries[STORE_READ_MAX]; /* the reader's references, on OK */
    size_t count;
    struct store_read *next; /* the store's, like err */
    enum err err;
};

/* The same from wherever it is; `r` is the store's until done.  Only synced entries.  The store copes with any
 * number of reads under way; each is bounded by bytes_max. */
void ledger_read(struct store *s, struct store_read *r);
/* The owner of reads goes without waiting for them, and before store_free: as a crash does (tests).  The loop does not
 * run any more. */
void store_drop_reads(struct store *s);

/* A write of its entries failed: the appends under way in it will be told so. */
bool ledger_has_failed(const struct store *s, uint64_t ledger);
/* The end of what is synced in a ledger: the id of its last synced entry, -1 when none. */
int64_t ledger_synced_end(const struct store *s, uint64_t ledger);

/* ---- backup ---- */

#define STORE_BACKUP_TEXT 300

struct store_backup_status { /* of the backup under way, or the last one */
    bool running;
    int64_t started_ms, ended_ms;          /* 0: none, since the store was opened */
    char directory[STORE_BACKUP_TEXT];     /* where to, once it is known */
    uint64_t files, bytes;                 /* written so far */
    uint64_t files_total;                  /* once it is known; a few more with those of the index */
    char failure[STORE_BACKUP_TEXT + 160]; /* "": it is whole, or running */
    uint64_t done_count, failed_count;     /* since the store was opened */
    int64_t done_ms;                       /* the last one that is whole ended then; 0: none */
};

/* Begins to copy all that is durable now, and perhaps some of what comes after it, into the empty or new directory that
 * the file "backup-to" in the data directory names.  Everything goes on meanwhile; what is deleted gives its space back
 * when the backup is over.  ERR_BUSY: one is under way; ERR_CLOSED; ERR_NOMEM.  All else is told by the status. */
MUST_USE enum err store_backup_start(struct store *s);
/* Borrowed until the store goes. */
const struct store_backup_status *store_backup_status(const struct store *s);

/* ---- figures ---- */

/* The store's parts of the process's memory_limit; they live as long as the store. */
#define STORE_BUDGETS 3
void store_budgets(const struct store *s, const struct budget *out[STORE_BUDGETS]);

/* What bytes are written for. */
enum store_cause {
    CAUSE_JOURNAL,    /* records, once */
    CAUSE_ZEROS,      /* files of the journal, ahead of the records */
    CAUSE_CHECKPOINT, /* records moved to segments, and tables of those that stay in the journal's files */
    CAUSE_COMPACTION, /* records of segments, again */
    CAUSE_INDEX,
    STORE_CAUSES
};

struct store_stats {
    enum durability durability;
    uint64_t appended_entries, appended_bytes;         /* synced, since open */
    uint64_t syncs, journal_bytes;                     /* since open */
    uint64_t ring_batches;                             /* of the journal, that no worker wrote; since open */
    uint64_t checkpoints, cold_reads, cold_read_bytes; /* reads of files, and what they brought */
    uint64_t cache_hits, cold_hits;                    /* entries handed out: from the tail cache, from cold reads */
    uint64_t cache_hit_bytes, cache_evictions;         /* of the tail cache, since open */
    uint64_t cache_entries;                            /* now */
    uint64_t journal_pending_bytes, tail_cache_bytes, cold_bytes; /* now */
    uint64_t segment_files, segment_bytes, journal_files;
    uint64_t disk_bytes;                     /* that journal and segment files take, dead and spare ones included */
    unsigned index_copies;                   /* of the index, with itself: 2, or 1 for want of room */
    bool disk_full, disk_nearly_full;        /* store_full, store_nearly_full */
    uint64_t disk_free_bytes;                /* when a checkpoint last looked; UINT64_MAX: not known */
    uint64_t adopted_files;                  /* of the journal files: entries of living ledgers rest in them */
    uint64_t dead_bytes;                     /* of deleted ledgers, in segment files that others use, now */
    uint64_t written_bytes[STORE_CAUSES];    /* to the disk, by what for; since open */
    uint64_t adopted_bytes;                  /* of entries that stayed where they were written; since open */
    uint64_t compactions, compacted_bytes;   /* checkpoints that copied, and what; since open */
    uint64_t recovered_entries, recovery_ms; /* of this start */
    uint64_t ledgers;                        /* of all topics, now */
    uint64_t quarantined_ledgers;            /* that live, and miss entries which were given up */
    uint64_t quarantined_entries;            /* those entries */
    bool backup_running;
    uint64_t backups, backups_failed; /* since open */
    int64_t backup_ms;                /* when the last whole one ended; 0: none */
    uint64_t corrupt_reads;           /* that failed because what was read is not what was written */
};
void store_stats(const struct store *s, struct store_stats *out);

#endif
