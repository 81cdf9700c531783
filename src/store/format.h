/* SPDX-License-Identifier: Apache-2.0
 *
 * format.h - which version of the formats a data directory speaks: the file "format".
 *
 *     "geminga store 3\n"
 *
 * A number greater than FORMAT_NOW is refused by who reads it, and nothing is changed.  A smaller one is read, and
 * becomes FORMAT_NOW before the first byte is written that an older program does not know:
 *
 *     1   journals, segments and index of the first issues
 *     2   adopted journal files: extents whose file is one of the journal (segment.h)
 *     3   entries with a time of delivery (entry.h), and what their ledgers' rows say of it (index_batch.c)
 *         partial acknowledgements: in records and rows of cursors (cursor_record.h, cursor_row.c)
 *         ledgers that belong to a subscription: what compaction of its topic made
 *
 * The file is only ever replaced whole: a crash leaves the old one or the new one.  Waits for the disk: before the loop
 * runs.  May call: small_file.h.
 */
#ifndef STORE_FORMAT_H
#define STORE_FORMAT_H

#include "base/err.h"
#include "sys/disk.h"

#define FORMAT_PATH "format"
#define FORMAT_NOW  3u

/* *version 0: there is no such file, or an empty one, as a crash of an older program's first start left it.
 * ERR_CORRUPT: it says nothing that can be understood. */
MUST_USE enum err format_read(struct disk *disk, unsigned *version);
/* Durable on OK; any error leaves the file that was there. */
MUST_USE enum err format_write(struct disk *disk, unsigned version);

#endif
