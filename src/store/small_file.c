/* SPDX-License-Identifier: Apache-2.0
 *
 * small_file.c - see small_file.h.
 */
#include "store/small_file.h"

#include <stdlib.h>

static enum err read_all(struct file *f, size_t max, char **out, size_t *len)
{
    uint64_t size;
    enum err err;

    if ((err = file_size(f, &size)) != OK)
        return err;
    if (size > max)
        return ERR_TOO_LARGE;
    char *text = malloc((size_t)size + 1);
    if (!text)
        return ERR_NOMEM;
    if ((err = file_read(f, 0, text, (size_t)size, len)) != OK) {
        free(text);
        return err;
    }
    text[*len] = '\0';
    *out = text;
    return OK;
}

enum err small_file_read(struct disk *disk, const char *path, size_t max, char **out, size_t *len)
{
    struct file *f = NULL;
    enum err err = disk_open(disk, path, DISK_READ, &f);

    if (err == OK)
        err = read_all(f, max, out, len);
    file_close(f);
    return err;
}

enum err small_file_write(struct disk *disk, const char *path, struct bytes text)
{
    struct file *f = NULL;
    enum err err = disk_open(disk, path, DISK_WRITE | DISK_CREATE, &f);

    if (err == OK && (err = file_truncate(f, 0)) == OK && (err = file_write(f, 0, &text, 1)) == OK)
        err = file_sync(f);
    file_close(f);
    return err;
}

enum err small_file_replace(struct disk *disk, const char *temporary, const char *path, struct bytes text)
{
    enum err err = small_file_write(disk, temporary, text);

    if (err == OK)
        err = disk->ops->rename(disk, temporary, path);
    if (err != OK) {
        (void)disk->ops->unlink(disk, temporary);
        return err;
    }
    return disk->ops->sync_dir(disk, ".");
}
