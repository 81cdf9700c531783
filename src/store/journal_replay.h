/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_replay.h - the reading end of the journal: finds the batches after a mark, checks them, and tells their
 * records.
 *
 * Decides what journal_file.h promises: a bad batch with one behind it that proves it is damage, and named; a bad one
 * that nothing proves is a tear, and the end.  A file is read up to the first batch of the generation after it: what
 * lies there beyond was superseded.  Waits for the disk: before the loop runs.  Changes nothing on the disk.
 *
 * Damage ends the replay, unless `damaged` says to go on.  Then the records of a bad batch that hold by themselves are
 * told like others, those that do not are given to `lost`, and the replay goes on with the next good batch.
 * A file whose header is damaged is found by its batches: two that follow each other prove that it was in use.  Gone on
 * with, its batches are believed by their chain and their records' own checksums, for the salt is gone.
 * May call: journal.h (types), journal_file.h, record.h, sys/disk.h.
 */
#ifndef STORE_JOURNAL_REPLAY_H
#define STORE_JOURNAL_REPLAY_H

#include "store/journal.h"
#include "sys/disk.h"

struct log;

enum journal_damage_kind {
    JOURNAL_DAMAGED_BATCHES, /* [first_batch, last_batch] of the file */
    JOURNAL_DAMAGED_HEADER,  /* of the file */
    JOURNAL_MISSING,         /* a file, with the batches */
    JOURNAL_DAMAGED_RECORD,  /* of a batch that holds: the record makes no sense to who was told it */
};

struct journal_damage {
    enum journal_damage_kind kind;
    const char *path; /* JOURNAL_MISSING: of the directory */
    uint64_t file, offset;
    uint64_t first_batch, last_batch;
    struct position entry; /* of the first entry that does not hold, ledger 0: none is known */
    const char *text;      /* one sentence, the path in it */
};

struct journal_replay {
    /* In. */
    struct disk *disk;
    struct log *log;
    uint64_t applied;          /* the last batch that is not wanted */
    uint64_t first_generation; /* files of earlier ones are not wanted */
    /* An error ends the replay and is returned; ERR_CORRUPT is described in the message by place. */
    enum err (*record)(void *ctx, const struct record *r, struct journal_place place);
    /* NULL, or any error: the replay ends with ERR_CORRUPT and d->text as its message, which the callback may have
     * written over.  OK: it goes on behind it. */
    enum err (*damaged)(void *ctx, const struct journal_damage *d);
    /* A record of a damaged batch does not hold; `entry` as in journal_damage.  May be NULL. */
    void (*lost)(void *ctx, struct journal_place place, struct position entry);
    void *ctx;
    char *message; /* why the replay failed, as a sentence */
    size_t message_size;

    /* Out. */
    bool unsynced;       /* durability mode "os": more may have been promised than is there */
    uint64_t last_batch; /* the last good one; `applied` when there is none after it */
    uint64_t next_generation, next_number;
    uint32_t last_crc;           /* of that batch, when it was read */
    struct journal_spare *files; /* all there are; the caller frees, as the next */
    size_t file_count;
    struct journal_kept *kept; /* those that hold batches after `applied`, or shall hold the next; oldest first */
    size_t kept_count;
    uint64_t batches; /* told */
    bool torn;        /* the last write before the crash was cut off */
};

MUST_USE enum err journal_replay(struct journal_replay *r);

#endif
