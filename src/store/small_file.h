/* SPDX-License-Identifier: Apache-2.0
 *
 * small_file.h - files that are read whole and written whole: the few lines of "format", "given-up", "restored".
 *
 * Waits for the disk.  May call: base/, sys/disk.h.
 */
#ifndef STORE_SMALL_FILE_H
#define STORE_SMALL_FILE_H

#include "base/bytes.h"
#include "base/err.h"
#include "sys/disk.h"

/* All of it, with a NUL behind the last byte, to be freed.  ERR_NOT_FOUND; ERR_TOO_LARGE: it has more than `max` bytes;
 * ERR_IO, ERR_NOMEM. */
MUST_USE enum err small_file_read(struct disk *disk, const char *path, size_t max, char **out, size_t *len);

/* Made, or written over, and synced; the name is the caller's to sync. */
MUST_USE enum err small_file_write(struct disk *disk, const char *path, struct bytes text);

/* The same by way of another file, which is renamed: a crash leaves what was there, or this.  Durable on OK; an error
 * leaves what was there, unless it was the sync of the name that failed. */
MUST_USE enum err small_file_replace(struct disk *disk, const char *temporary, const char *path, struct bytes text);

#endif
