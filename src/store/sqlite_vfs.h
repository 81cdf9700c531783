/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_vfs.h - SQLite's files on a struct disk, so that what SQLite does can be crashed in simulation like the rest.
 *
 * One VFS per open database, registered under a name of its own.  No shared memory and no file locks: the database is
 * opened in exclusive locking mode and the data directory is locked as a whole.  The first failure of a sync is
 * remembered for good (sqlite_vfs_sync_failed): SQLite may go on after it, the store may not. One thread at a time. May
 * call: sys/disk.h, SQLite.
 */
#ifndef STORE_SQLITE_VFS_H
#define STORE_SQLITE_VFS_H

#include "sys/disk.h"

struct sqlite_vfs;

/* `disk` outlives it.  Each database is opened with the flag for a VFS by name: sqlite_vfs_name. */
MUST_USE enum err sqlite_vfs_new(struct sqlite_vfs **out, struct disk *disk);
/* From here on it only reads: an absent log is an empty one, and no file is made, written or deleted. */
void sqlite_vfs_read_only(struct sqlite_vfs *v);
/* After every database on it is closed (asserted). */
void sqlite_vfs_free(struct sqlite_vfs *v);

const char *sqlite_vfs_name(const struct sqlite_vfs *v);
/* The last error of the disk that SQLite was told of, OK when there was none; reading it forgets it. */
enum err sqlite_vfs_take_error(struct sqlite_vfs *v);
/* Bytes that SQLite wrote. */
uint64_t sqlite_vfs_written(const struct sqlite_vfs *v);
bool sqlite_vfs_sync_failed(const struct sqlite_vfs *v);

#endif
