/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_vfs.c - sqlite3_vfs and sqlite3_io_methods over struct disk.
 *
 * Methods of version 1: without shared memory SQLite keeps the index of its log on the heap, which it allows in
 * exclusive locking mode only.  No temporary files: the database is opened with temp_store = MEMORY.
 *
 * A name survives a crash after a sync of its directory, so the first sync of each file that was opened for
 * writing syncs the directory too, whether this process made the file or one that was killed before it could.
 */
#include "store/sqlite_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES_MAX 256
#define SECTOR_BYTES   4096

struct sqlite_vfs {
    sqlite3_vfs base;
    char name[48];
    struct disk *disk;
    size_t open_files;
    uint64_t written;
    enum err error;   /* the last, until taken */
    bool sync_failed; /* for good; nothing is written after it */
    bool read_only;
};

struct vfs_file {
    sqlite3_file base;
    struct sqlite_vfs *vfs;
    struct file *file; /* NULL: absent, and read only: as if empty */
    bool name_unsynced;
    char directory[PATH_BYTES_MAX];
};

static struct sqlite_vfs *vfs_of(sqlite3_vfs *base)
{
    return base->pAppData;
}

static struct vfs_file *file_of(sqlite3_file *base)
{
    return (struct vfs_file *)base;
}

/* What SQLite is told for `err`, which is kept for sqlite_vfs_take_error. */
static int failed(struct sqlite_vfs *v, enum err err, int code)
{
    if (err == OK)
        return SQLITE_OK;
    v->error = err;
    if (err == ERR_NOSPACE)
        return SQLITE_FULL;
    return err == ERR_NOMEM ? SQLITE_IOERR_NOMEM : code;
}

static int failed_sync(struct sqlite_vfs *v, enum err err, int code)
{
    if (err != OK)
        v->sync_failed = true;
    v->error = err != OK ? err : v->error;
    return err == OK ? SQLITE_OK : code;
}

static void directory_of(const char *path, char to[PATH_BYTES_MAX])
{
    const char *slash = strrchr(path, '/');

    if (slash)
        snprintf(to, PATH_BYTES_MAX, "%.*s", (int)(slash - path), path);
    else
        snprintf(to, PATH_BYTES_MAX, ".");
}

/* ---- files ---- */

static int file_close_vfs(sqlite3_file *base)
{
    struct vfs_file *f = file_of(base);

    file_close(f->file);
    f->vfs->open_files--;
    return SQLITE_OK;
}

static int file_read_vfs(sqlite3_file *base, void *to, int len, sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(base);
    size_t got = 0;
    enum err err = f->file ? file_read(f->file, (uint64_t)offset, to, (size_t)len, &got) : OK;

    if (err != OK)
        return failed(f->vfs, err, SQLITE_IOERR_READ);
    if (got == (size_t)len)
        return SQLITE_OK;
    memset((uint8_t *)to + got, 0, (size_t)len - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write_vfs(sqlite3_file *base, const void *from, int len, sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(base);
    struct bytes part = bytes_of(from, (size_t)len);

    if (f->vfs->sync_failed || f->vfs->read_only)
        return SQLITE_IOERR_WRITE;
    f->vfs->written += part.len;
    return failed(f->vfs, file_write(f->file, (uint64_t)offset, &part, 1), SQLITE_IOERR_WRITE);
}

static int file_truncate_vfs(sqlite3_file *base, sqlite3_int64 len)
{
    struct vfs_file *f = file_of(base);

    if (f->vfs->sync_failed || f->vfs->read_only)
        return SQLITE_IOERR_TRUNCATE;
    return failed(f->vfs, file_truncate(f->file, (uint64_t)len), SQLITE_IOERR_TRUNCATE);
}

static int file_sync_vfs(sqlite3_file *base, int flags)
{
    struct vfs_file *f = file_of(base);
    enum err err;

    if (f->vfs->sync_failed || f->vfs->read_only)
        return SQLITE_IOERR_FSYNC;
    err = file_sync(f->file);
    if (err == OK && f->name_unsynced)
        err = f->vfs->disk->ops->sync_dir(f->vfs->disk, f->directory);
    if (err == OK)
        f->name_unsynced = false;
    return failed_sync(f->vfs, err, SQLITE_IOERR_FSYNC);
}

static int file_size_vfs(sqlite3_file *base, sqlite3_int64 *out)
{
    struct vfs_file *f = file_of(base);
    uint64_t size = 0;
    enum err err = f->file ? file_size(f->file, &size) : OK;

    if (err == OK)
        *out = (sqlite3_int64)size;
    return failed(f->vfs, err, SQLITE_IOERR_FSTAT);
}

/* The data directory is locked as a whole; nobody else is here. */
static int file_lock_vfs(sqlite3_file *base, int level)
{
    return SQLITE_OK;
}

static int file_reserved_vfs(sqlite3_file *base, int *out)
{
    *out = 0;
    return SQLITE_OK;
}

static int file_control_vfs(sqlite3_file *base, int op, void *arg)
{
    return SQLITE_NOTFOUND;
}

static int file_sector_vfs(sqlite3_file *base)
{
    return SECTOR_BYTES;
}

/* No promise: not even that a torn write leaves the rest of its sector alone. */
static int file_characteristics_vfs(sqlite3_file *base)
{
    return 0;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close_vfs,
    .xRead = file_read_vfs,
    .xWrite = file_write_vfs,
    .xTruncate = file_truncate_vfs,
    .xSync = file_sync_vfs,
    .xFileSize = file_size_vfs,
    .xLock = file_lock_vfs,
    .xUnlock = file_lock_vfs,
    .xCheckReservedLock = file_reserved_vfs,
    .xFileControl = file_control_vfs,
    .xSectorSize = file_sector_vfs,
    .xDeviceCharacteristics = file_characteristics_vfs,
};

/* ---- names ---- */

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *to, int flags, int *out_flags)
{
    struct sqlite_vfs *v = vfs_of(base);
    struct vfs_file *f = file_of(to);
    bool writes = flags & SQLITE_OPEN_READWRITE && !v->read_only;
    unsigned how = DISK_READ | (writes ? DISK_WRITE : 0u) | (writes && flags & SQLITE_OPEN_CREATE ? DISK_CREATE : 0u) |
                   (writes && flags & SQLITE_OPEN_EXCLUSIVE ? DISK_EXCLUSIVE : 0u);
    enum err err;

    *f = (struct vfs_file){.vfs = v, .name_unsynced = writes};
    if (!path || flags & SQLITE_OPEN_DELETEONCLOSE)
        return SQLITE_CANTOPEN;
    err = disk_open(v->disk, path, how, &f->file);
    if (err != OK && !(err == ERR_NOT_FOUND && v->read_only && flags & SQLITE_OPEN_WAL))
        return failed(v, err, SQLITE_CANTOPEN);
    directory_of(path, f->directory);
    f->base.pMethods = &file_methods;
    v->open_files++;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_directory)
{
    struct sqlite_vfs *v = vfs_of(base);
    char directory[PATH_BYTES_MAX];

    if (v->read_only)
        return SQLITE_IOERR_DELETE;
    enum err err = v->disk->ops->unlink(v->disk, path);
    if (err == ERR_NOT_FOUND)
        return SQLITE_IOERR_DELETE_NOENT;
    if (err != OK || !sync_directory)
        return failed(v, err, SQLITE_IOERR_DELETE);
    directory_of(path, directory);
    return failed_sync(v, v->disk->ops->sync_dir(v->disk, directory), SQLITE_IOERR_DIR_FSYNC);
}

static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *out)
{
    struct sqlite_vfs *v = vfs_of(base);
    struct file *file = NULL;
    enum err err = disk_open(v->disk, path, DISK_READ, &file);

    file_close(file);
    *out = err == OK;
    return err == ERR_NOT_FOUND ? SQLITE_OK : failed(v, err, SQLITE_IOERR_ACCESS);
}

static int vfs_full_path(sqlite3_vfs *base, const char *path, int room, char *to)
{
    return snprintf(to, (size_t)room, "%s", path) < room ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* SQLite seeds itself from its default VFS, not from this one. */
static int vfs_randomness(sqlite3_vfs *base, int len, char *to)
{
    memset(to, 0, (size_t)len);
    return len;
}

/* Only called to wait for locks, of which there are none. */
static int vfs_sleep(sqlite3_vfs *base, int microseconds)
{
    return microseconds;
}

/* No statement of ours asks for the time. */
static int vfs_time(sqlite3_vfs *base, double *julian_day)
{
    *julian_day = 2440587.5; /* 1970 */
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *base, int room, char *to)
{
    return 0;
}

enum err sqlite_vfs_new(struct sqlite_vfs **out, struct disk *disk)
{
    struct sqlite_vfs *v = calloc(1, sizeof *v);

    if (!v)
        return ERR_NOMEM;
    snprintf(v->name, sizeof v->name, "geminga-%p", (void *)v);
    v->disk = disk;
    v->base = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = PATH_BYTES_MAX - 1,
        .zName = v->name,
        .pAppData = v,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    if (sqlite3_vfs_register(&v->base, 0) != SQLITE_OK) {
        free(v);
        return ERR_NOMEM;
    }
    *out = v;
    return OK;
}

void sqlite_vfs_read_only(struct sqlite_vfs *v)
{
    v->read_only = true;
}

void sqlite_vfs_free(struct sqlite_vfs *v)
{
    if (!v)
        return;
    assert(v->open_files == 0);
    sqlite3_vfs_unregister(&v->base);
    free(v);
}

const char *sqlite_vfs_name(const struct sqlite_vfs *v)
{
    return v->name;
}

enum err sqlite_vfs_take_error(struct sqlite_vfs *v)
{
    enum err err = v->error;

    v->error = OK;
    return err;
}

uint64_t sqlite_vfs_written(const struct sqlite_vfs *v)
{
    return v->written;
}

bool sqlite_vfs_sync_failed(const struct sqlite_vfs *v)
{
    return v->sync_failed;
}
