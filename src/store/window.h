/* SPDX-License-Identifier: Apache-2.0
 *
 * window.h - a part of a file in memory, for who reads small pieces of it more or less forward.
 *
 * Grows while pieces are wanted one behind the other, and begins small again after a jump: so a file of which little is
 * wanted is read little.  Workers' and recovery's: its calls wait for the disk.  May call: base/, sys/disk.h.
 */
#ifndef STORE_WINDOW_H
#define STORE_WINDOW_H

#include "sys/disk.h"

struct window {
    struct file *file;
    uint64_t name; /* the owner's: which file this is; 0: none */
    size_t max;    /* it reads no more at once, but for a larger piece */
    uint8_t *bytes;
    size_t capacity, len, next_len;
    uint64_t start;
};

/* A zeroed window with its `max` set, or one that was used before.  On an error it has no file. */
MUST_USE enum err window_open(struct window *w, struct disk *disk, const char *path, uint64_t name);
/* Borrowed until the next call.  ERR_CORRUPT: the file ends before. */
MUST_USE enum err window_get(struct window *w, uint64_t offset, size_t len, struct bytes *out);
/* Closes the file and frees the memory; the window may be opened again. */
void window_close(struct window *w);

#endif
