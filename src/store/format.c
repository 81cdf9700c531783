/* SPDX-License-Identifier: Apache-2.0
 *
 * format.c - see format.h.
 */
#include "store/format.h"

#include <stdio.h>

#define FORMAT_NEW  "format.new"
#define FORMAT_TEXT "geminga store %u\n"

static enum err read_text(struct disk *disk, char *text, size_t size)
{
    struct file *f = NULL;
    size_t got = 0;
    enum err err;

    if ((err = disk_open(disk, FORMAT_PATH, DISK_READ, &f)) != OK)
        return err == ERR_NOT_FOUND ? OK : err;
    err = file_read(f, 0, text, size - 1, &got);
    text[err == OK ? got : 0] = '\0';
    file_close(f);
    return err;
}

enum err format_read(struct disk *disk, unsigned *version)
{
    char text[64] = "";
    unsigned number;
    enum err err;

    if ((err = read_text(disk, text, sizeof text)) != OK)
        return err;
    if (text[0] == '\0')
        number = 0;
    else if (sscanf(text, FORMAT_TEXT, &number) != 1 || number == 0)
        return ERR_CORRUPT;
    *version = number;
    return OK;
}

static enum err write_new(struct disk *disk, struct bytes text)
{
    struct file *f = NULL;
    enum err err;

    if ((err = disk_open(disk, FORMAT_NEW, DISK_WRITE | DISK_CREATE, &f)) != OK)
        return err;
    if ((err = file_truncate(f, 0)) == OK && (err = file_write(f, 0, &text, 1)) == OK)
        err = file_sync(f);
    file_close(f);
    return err;
}

enum err format_write(struct disk *disk, unsigned version)
{
    char text[64];
    enum err err;

    snprintf(text, sizeof text, FORMAT_TEXT, version);
    if ((err = write_new(disk, bytes_of_text(text))) == OK)
        err = disk->ops->rename(disk, FORMAT_NEW, FORMAT_PATH);
    if (err != OK) {
        (void)disk->ops->unlink(disk, FORMAT_NEW);
        return err;
    }
    return disk->ops->sync_dir(disk, ".");
}
