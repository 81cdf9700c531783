/* SPDX-License-Identifier: Apache-2.0
 *
 * disk_posix.h - struct disk over a directory of the kernel's.
 *
 * Owns a descriptor of the directory, and of the lock file once the lock is taken.  Every path is resolved from that
 * descriptor, so a later chdir of the process changes nothing.  May call: base/, the kernel.
 */
#ifndef SYS_DISK_POSIX_H
#define SYS_DISK_POSIX_H

#include "sys/disk.h"

/* The directory and its parents are made when absent.  ERR_DENIED, ERR_IO, ERR_NOSPACE, ERR_NOMEM. */
MUST_USE enum err disk_posix_new(struct disk **out, const char *directory);

/* The descriptor that writes to a DISK_DIRECT file past the page cache, and with RWF_DSYNC syncs what it wrote; -1: this
 * file has none, or its file system is not known to keep that promise. */
int disk_posix_direct(const struct file *file);

/* After every file is closed; gives the lock back.  NULL is fine. */
void disk_posix_free(struct disk *disk);

#endif
