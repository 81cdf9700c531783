/* SPDX-License-Identifier: Apache-2.0
 *
 * beneath.h - reads a file whose name somebody else chose: a plain one, below a directory, and nowhere else.
 *
 * The kernel resolves the name and refuses what leads out of the directory, by a link or by "..", also while somebody
 * changes links (openat2, RESOLVE_BENEATH).  A kernel or a sandbox without it: then no part of the name may be a link.
 * May take as long as the disk takes.
 */
#ifndef SYS_BENEATH_H
#define SYS_BENEATH_H

#include "base/err.h"
#include <stddef.h>

/* `path` is relative to `root`.  ERR_NOT_FOUND; ERR_DENIED: it leads out, or the kernel does not let us; ERR_INVALID:
 * it is no plain file; ERR_IO. */
MUST_USE enum err beneath_open(const char *root, const char *path, int *fd);

/* At most `size` bytes; *len is 0 at the end.  ERR_IO. */
MUST_USE enum err beneath_read(int fd, void *to, size_t size, size_t *len);

void beneath_close(int fd);

#endif
