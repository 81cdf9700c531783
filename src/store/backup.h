/* SPDX-License-Identifier: Apache-2.0
 *
 * backup.h - a data directory copied whole, and put back.
 *
 * A backup is a directory with the same files, and one more, "backup", which is written last and says what must be
 * there:
 *
 *     "geminga backup 1 1763740800000\n"      made when: ms of the wall clock
 *     "catalog.db 40960 1a2b3c4d\n"           for each file: its path, its length, the CRC32C of all of it
 *     "end 7 5e6f7a8b\n"                      how many files, and the CRC32C of all lines before
 *
 * A restore checks every byte against it while it copies.  The lives that go on from one backup (the original, and each
 * restore) must not give the same id twice: so a restore writes the file "restored", which says from where on ids are
 * given there: the seconds of the wall clock, times 2^20.  That is above what any earlier life can have come to, as
 * long as none gives a million ids a second, and no two restores are made in one.  A clock that stands before the time
 * of the backup is refused.
 *
 *     "geminga restored 1889785610000000 5e6f7a8b\n"     the first id, and the CRC32C of what stands before it
 *
 * Everything is synced before a call says that it is done.  Memory is bounded.  Calls wait for the disk.  May call:
 * small_file.h, base/, sys/disk.h.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "base/err.h"
#include "base/text.h"
#include "sys/disk.h"

#define BACKUP_PATH     "backup"
#define RESTORED_PATH   "restored"
#define BACKUP_TEXT_MAX 300 /* of a message */

struct backup_report {
    uint64_t files, bytes;
};

/* ---- whole ---- */

/* From a data directory that nobody writes to meanwhile (the caller has its lock) into an empty directory.  On an error
 * `message` is the sentence for the user, and what was copied is not a backup. */
MUST_USE enum err backup_copy(struct disk *from, struct disk *to, int64_t wall_ms, struct backup_report *report,
                              char *message, size_t message_size);
/* From a backup into an empty directory.  ERR_CORRUPT: a file of the backup is not what it was. */
MUST_USE enum err backup_restore(struct disk *from, struct disk *to, int64_t wall_ms, struct backup_report *report,
                                 char *message, size_t message_size);

/* The first id that this directory may give; 0: it was never restored. */
MUST_USE enum err backup_first_id(struct disk *disk, uint64_t *id);

/* ---- file by file, piece by piece: for a broker that runs ---- */

struct backup_copier { /* private */
    struct disk *from, *to;
    struct file *in, *out;
    char path[BACKUP_TEXT_MAX];
    uint64_t at, limit; /* in the file under way */
    uint32_t crc;
    uint8_t *memory, *chunk; /* the second: where in it, aligned */
    struct text lines; /* of the file "backup" */
    struct backup_report report;
    char message[BACKUP_TEXT_MAX + 100]; /* why the last call failed */
};

/* ERR_EXISTS: `to` is not empty.  After an error, too, backup_copier_deinit. */
MUST_USE enum err backup_copier_init(struct backup_copier *c, struct disk *from, struct disk *to, int64_t wall_ms);
void backup_copier_deinit(struct backup_copier *c);
/* A file of a data directory, of which the first `limit` bytes are copied, or all there are.  ERR_NOT_FOUND. */
MUST_USE enum err backup_file_begin(struct backup_copier *c, const char *path, uint64_t limit);
/* The next few megabytes, synced; *done: those were the last. */
MUST_USE enum err backup_file_step(struct backup_copier *c, bool *done);
/* Both, to the end of the file. */
MUST_USE enum err backup_file(struct backup_copier *c, const char *path, uint64_t limit);
/* All names are synced, and the list of the files is there: from here on it is a backup. */
MUST_USE enum err backup_finish(struct backup_copier *c);

/* The files of a data directory that are neither in "journal" nor in "segments" and belong to a backup; those that are
 * not there are none.  Ends with NULL. */
extern const char *const backup_own_files[];

#endif
