/* SPDX-License-Identifier: Apache-2.0
 *
 * full_disk.h - that the disk is full, and when it is full no more.
 *
 * From the first append that found no room, appends are refused before anything is tried, so that what is written ahead
 * is left for acknowledgements and deletions, and producers do not come and go with every kilobyte.  The same when
 * checkpoints fail, for whatever reason, and are so far behind that the journal may not grow: then nobody knows how
 * long it will take, and whoever waited for it without reading might wait for what only reading brings. Every second a
 * job of the background worker asks the disk how much is free.  It is over when there is as much as FULL_DISK_ROOM
 * says, the journal does not wait for room and checkpoints keep up; a disk that is not asked right (a quota) is tried
 * all the same after FULL_DISK_TRY_MS.  Meanwhile the journal gives back the files it keeps for later. Before that
 * comes "nearly full": the last checkpoint, or look, found less than FULL_DISK_NEAR free.  Nothing is refused then; who
 * deletes what is needed no more does it sooner. Owns a timer, which runs while the disk is full only, and one job.
 * Core thread.
 */
#ifndef STORE_FULL_DISK_H
#define STORE_FULL_DISK_H

#include "sys/disk.h"
#include "sys/loop.h"

#define FULL_DISK_LOOK_MS 1000
#define FULL_DISK_TRY_MS  30000
/* The journal and the index can take so much between two checkpoints. */
#define FULL_DISK_NEAR(journal_file_bytes) (4 * (journal_file_bytes))
/* Of a journal file of full size; at most 16 MiB. */
#define FULL_DISK_ROOM(journal_file_bytes)                                                                             \
    ((journal_file_bytes) / 4 < (16u << 20) ? (journal_file_bytes) / 4 : (uint64_t)(16u << 20))

struct store;

struct full_disk {
    bool full, nearly;
    uint64_t last_free; /* bytes, when somebody last looked; UINT64_MAX: not known */
    uint64_t since_ns;  /* the last append that found no room */
    struct timer look;
    struct work work;
    bool working;
    struct disk *disk; /* the worker's, like what it answers: */
    enum err err;
    uint64_t free_bytes;
};

void full_disk_init(struct store *s);
void full_disk_deinit(struct store *s); /* also of a store whose opening failed */
/* An append found no room, or could find none. */
void full_disk_found(struct store *s);
/* Finds it when checkpoints fail and do not keep up.  After each that failed, and each batch. */
void full_disk_if_stuck(struct store *s);
/* Somebody looked: so much is free, UINT64_MAX: the disk does not say. */
void full_disk_looked(struct store *s, uint64_t free_bytes);
/* The store is closing: it looks no more. */
void full_disk_rest(struct store *s);

#endif
