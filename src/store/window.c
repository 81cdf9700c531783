/* SPDX-License-Identifier: Apache-2.0
 *
 * window.c - see window.h.
 */
#include "store/window.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_BYTES (4u * 1024)

void window_close(struct window *w)
{
    file_close(w->file);
    free(w->bytes);
    *w = (struct window){.max = w->max};
}

enum err window_open(struct window *w, struct disk *disk, const char *path, uint64_t name)
{
    enum err err;

    assert(w->max > 0 && name > 0);
    file_close(w->file);
    w->file = NULL;
    w->name = 0;
    w->len = w->next_len = 0;
    if ((err = disk_open(disk, path, DISK_READ, &w->file)) == OK)
        w->name = name;
    return err;
}

static enum err reserve(struct window *w, size_t len)
{
    if (len <= w->capacity)
        return OK;
    void *grown = realloc(w->bytes, len);
    if (!grown)
        return ERR_NOMEM;
    w->bytes = grown;
    w->capacity = len;
    return OK;
}

/* Less is skipped than was read the last time. */
static bool goes_on(const struct window *w, uint64_t offset)
{
    return w->next_len > 0 && offset >= w->start && offset <= w->start + w->len + w->next_len;
}

static enum err fill(struct window *w, uint64_t offset, size_t len)
{
    size_t wanted = goes_on(w, offset) ? w->next_len * 2 : FIRST_BYTES;
    enum err err;

    if (wanted > w->max)
        wanted = w->max;
    w->next_len = wanted;
    if (wanted < len)
        wanted = len;
    w->len = 0;
    if ((err = reserve(w, wanted)) != OK)
        return err;
    w->start = offset;
    if ((err = file_read(w->file, offset, w->bytes, wanted, &w->len)) != OK)
        return err;
    return w->len >= len ? OK : ERR_CORRUPT;
}

enum err window_get(struct window *w, uint64_t offset, size_t len, struct bytes *out)
{
    enum err err;

    assert(w->file);
    if ((offset < w->start || offset + len > w->start + w->len) && (err = fill(w, offset, len)) != OK)
        return err;
    *out = bytes_of(w->bytes + (offset - w->start), len);
    return OK;
}
