/* SPDX-License-Identifier: Apache-2.0
 *
 * audit_file.c - see audit_file.h.
 */
#include "broker/audit_file.h"

#include "sys/disk.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DIRECTORY "."
#define NAME_SIZE (AUDIT_FILE_NAME_MAX + 8)

/* ---- setting files aside ---- */

static const char *name_of(const struct audit_file *f, uint32_t age, char to[NAME_SIZE])
{
    if (age == 0)
        return f->name;
    (void)snprintf(to, NAME_SIZE, "%s.%u", f->name, age);
    return to;
}

/* Each becomes the next older one; a gap is nothing bad. */
static enum err rotate(const struct audit_file *f)
{
    char from[NAME_SIZE], to[NAME_SIZE];
    enum err err = OK;

    if (f->kept == 0)
        err = f->disk->ops->unlink(f->disk, f->name);
    for (uint32_t age = f->kept; err == OK && age > 0; age--) {
        err = f->disk->ops->rename(f->disk, name_of(f, age - 1, from), name_of(f, age, to));
        err = err == ERR_NOT_FOUND ? OK : err;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- adding ---- */

static enum err open_end(const struct audit_file *f, struct file **file, uint64_t *size)
{
    enum err err = disk_open(f->disk, f->name, DISK_READ | DISK_WRITE | DISK_CREATE | DISK_PRIVATE, file);

    if (err != OK)
        return err;
    if ((err = file_size(*file, size)) != OK) {
        file_close(*file);
        *file = NULL;
    }
    return err;
}

/* The one to add to: as it is, or a new one, when `more` bytes make it too large. */
static enum err open_with_room(const struct audit_file *f, size_t more, struct file **file, uint64_t *size)
{
    enum err err = open_end(f, file, size);

    if (err != OK || *size == 0 || *size + more <= f->bytes_max)
        return err;
    file_close(*file);
    *file = NULL;
    if ((err = rotate(f)) != OK)
        return err;
    return open_end(f, file, size);
}

/* The last line has no end: whoever wrote it was killed. */
static enum err is_torn(struct file *file, uint64_t size, bool *torn)
{
    char last = '\n';
    size_t got = 1;
    enum err err = size > 0 ? file_read(file, size - 1, &last, 1, &got) : OK;

    *torn = got == 1 && last != '\n';
    return err;
}

static enum err add(struct file *file, uint64_t size, struct bytes lines)
{
    bool torn;
    enum err err = is_torn(file, size, &torn);

    if (err != OK)
        return err;
    const struct bytes parts[] = {bytes_of("\n", torn), lines};
    if ((err = file_write(file, size, parts, 2)) == OK && (err = file_sync(file)) == OK)
        return OK;
    const enum err unused = file_truncate(file, size);
    (void)unused; /* it may be the disk that does nothing any more */
    return err;
}

enum err audit_file_append(const struct audit_file *f, struct bytes lines)
{
    struct file *file = NULL;
    uint64_t size = 0;

    assert(strlen(f->name) <= AUDIT_FILE_NAME_MAX);
    assert(f->kept <= AUDIT_FILES_MAX);
    assert(lines.len > 0 && lines.data[lines.len - 1] == '\n');

    enum err err = open_with_room(f, lines.len, &file, &size);
    if (err == OK)
        err = add(file, size, lines);
    if (err == OK && size == 0) /* its name shall survive, and those that were set aside */
        err = f->disk->ops->sync_dir(f->disk, DIRECTORY);
    file_close(file);
    return err;
}
