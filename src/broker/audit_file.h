/* SPDX-License-Identifier: Apache-2.0
 *
 * audit_file.h - the files of the audit log: lines are added to one, and when that is large it becomes the first of
 * those that are kept.
 *
 *     audit.log      the newest lines, at the end
 *     audit.log.1    those before, and so on up to audit.log.N: the oldest is removed
 *
 * Nothing is open between two calls, so the files may be moved away or cut by whoever wants to.  Only their owner reads
 * them (0600).  Waits for the disk: for a worker.
 */
#ifndef BROKER_AUDIT_FILE_H
#define BROKER_AUDIT_FILE_H

#include "base/bytes.h"
#include "base/err.h"

struct disk;

#define AUDIT_FILE_NAME_MAX 200
#define AUDIT_FILES_MAX     1000

struct audit_file {
    struct disk *disk;
    const char *name;   /* in the disk's top directory, at most AUDIT_FILE_NAME_MAX bytes */
    uint64_t bytes_max; /* of one file, before it is set aside; one that is given at once is never parted */
    uint32_t kept;      /* of the older ones; at most AUDIT_FILES_MAX */
};

/* Adds whole lines, and returns when they are durable.  What was torn at the end (a process that was killed there)
 * stays a line of its own.  On failure the file is as before, as far as the disk allows: the same lines can be given
 * again. */
MUST_USE enum err audit_file_append(const struct audit_file *f, struct bytes lines);

#endif
