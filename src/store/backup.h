/* SPDX-License-Identifier: Apache-2.0
 *
 * backup.h - a data directory copied whole, and put back.
 *
 * A backup is a directory with the same files, and one more, "backup", which is written last and says what must be
 * there:
 *
 *     "geminga backup 1\n"
 *     "catalog.db 40960 1a2b3c4d\n"           for each file: its path, its length, the CRC32C of all of it
 *     "end 7 5e6f7a8b\n"                      how many files, and the CRC32C of all lines before
 *
 * A restore checks every byte against it while it copies.  The lives that go on from one backup (the original, and each
 * restore) must not give the same id twice: so a restore writes the file "restored", which says from where on ids are
 * given there: the seconds of the wall clock, times 2^20.  That is above what any earlier life can have come to, as
 * long as none gives a million ids a second.
 *
 *     "geminga restored 1889785610000000 5e6f7a8b\n"     the first id, and the CRC32C of what stands before it
 *
 * Everything is synced before the call returns.  Memory is bounded.  May call: base/, sys/disk.h.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "base/err.h"
#include "sys/disk.h"

#include <stdint.h>

#define BACKUP_PATH   "backup"
#define RESTORED_PATH "restored"

struct backup_report {
    uint64_t files, bytes;
};

/* From a data directory that nobody writes to meanwhile (the caller has its lock) into an empty directory.  On an error
 * `message` is the sentence for the user, and what was copied is not a backup. */
MUST_USE enum err backup_copy(struct disk *from, struct disk *to, struct backup_report *report, char *message,
                              size_t message_size);
/* From a backup into an empty directory.  ERR_CORRUPT: a file of the backup is not what it was.  `wall_ms`: now. */
MUST_USE enum err backup_restore(struct disk *from, struct disk *to, int64_t wall_ms, struct backup_report *report,
                                 char *message, size_t message_size);
/* True when there is nothing in it. */
bool backup_is_empty(struct disk *disk);

/* The first id that this directory may give; 0: it was never restored. */
MUST_USE enum err backup_first_id(struct disk *disk, uint64_t *id);

#endif
