/* SPDX-License-Identifier: Apache-2.0
 *
 * disk_posix.c - struct disk over a directory of the kernel's.
 *
 * Plain calls that wait: pread, pwritev, fdatasync.  Nothing is kept between them but descriptors, so any number of
 * threads may use one disk.  A call that a signal interrupts is made again; a sync that fails never is.
 */
#include "sys/disk_posix.h"

#include "base/list.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define DIRECTORY_MODE 0750
#define FILE_MODE      0640
#define PRIVATE_MODE   0600
#define PARTS_AT_ONCE  64
#define CACHED_MAX     (2u << 20) /* of a read that is looked for in the page cache */
#define FREED_AT_ONCE  (1 << 20)  /* of a file that is unlinked */
#define FREE_PAUSE_NS  4000000    /* at most, between two such pieces */

struct posix_disk {
    struct disk disk;
    int directory; /* descriptor */
    int lock;      /* descriptor; -1: not taken */
    bool syncs_direct;
};

struct posix_file {
    struct file file;
    int fd;
    int direct; /* of a DISK_DIRECT file: the same, past the page cache; -1: none, this file system has no such */
    atomic_bool refused; /* it has, and will not write so */
};

static struct posix_disk *posix_disk_of(struct disk *disk)
{
    return container_of(disk, struct posix_disk, disk);
}

static struct posix_file *posix_file_of(struct file *file)
{
    return container_of(file, struct posix_file, file);
}

static enum err err_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return ERR_NOSPACE;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ENOMEM:
        return ERR_NOMEM;
    case EFBIG:
        return ERR_TOO_LARGE;
    default:
        return ERR_IO;
    }
}

static int open_retrying(int directory, const char *path, int flags, mode_t mode)
{
    int fd;

    do
        fd = openat(directory, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* ---- files ---- */

static int kernel_flags(unsigned flags)
{
    int wanted = (flags & DISK_WRITE) ? ((flags & DISK_READ) ? O_RDWR : O_WRONLY) : O_RDONLY;

    if (flags & DISK_CREATE)
        wanted |= O_CREAT;
    if (flags & DISK_EXCLUSIVE)
        wanted |= O_EXCL;
    return wanted;
}

static enum err posix_open(struct disk *disk, const char *path, unsigned flags, struct file **out)
{
    const int directory = posix_disk_of(disk)->directory;

    assert(path[0] != '/');
    assert(flags & (DISK_READ | DISK_WRITE));
    assert(!(flags & DISK_EXCLUSIVE) || (flags & DISK_CREATE));

    struct posix_file *f = malloc(sizeof *f);
    if (!f)
        return ERR_NOMEM;
    f->file.disk = disk;
    f->fd = open_retrying(directory, path, kernel_flags(flags), (flags & DISK_PRIVATE) ? PRIVATE_MODE : FILE_MODE);
    if (f->fd < 0) {
        enum err err = err_of_errno(errno);
        free(f);
        return err;
    }
    f->direct =
        (flags & DISK_DIRECT) ? open_retrying(directory, path, (kernel_flags(flags) & O_ACCMODE) | O_DIRECT, 0) : -1;
    atomic_init(&f->refused, false);
    *out = &f->file;
    return OK;
}

static void posix_close(struct file *file)
{
    struct posix_file *f = posix_file_of(file);

    if (f->direct >= 0)
        close(f->direct);
    close(f->fd); /* what matters was synced, so an error here changes nothing */
    free(f);
}

static bool is_aligned(uint64_t offset, const void *memory, size_t len)
{
    return offset % DISK_ALIGN == 0 && len % DISK_ALIGN == 0 && (uintptr_t)memory % DISK_ALIGN == 0;
}

/* Most of it is in the page cache: written a moment ago, or read by others.  What cannot be told is not. */
static bool is_cached(int fd, uint64_t offset, size_t len)
{
    static const size_t page = DISK_ALIGN; /* larger ones fill fewer places of `there` */
    unsigned char there[CACHED_MAX / DISK_ALIGN] = {0};
    size_t count = 0;

    len = len < CACHED_MAX ? len : CACHED_MAX;
    void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    if (map == MAP_FAILED)
        return false;
    const bool told = mincore(map, len, there) == 0;
    (void)munmap(map, len);
    for (size_t i = 0; told && i < len / page; i++)
        count += there[i] & 1;
    return count * page > len / 2;
}

/* How much of the beginning came past the page cache; what is left is to be read the ordinary way. */
static size_t read_direct(const struct posix_file *f, uint64_t offset, void *to, size_t len)
{
    size_t done = 0;

    if (f->direct < 0 || !is_aligned(offset, to, len) || is_cached(f->fd, offset, len))
        return 0;
    while (done < len && done % DISK_ALIGN == 0) { /* else the file ends there */
        ssize_t n = pread(f->direct, (uint8_t *)to + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* the ordinary way tells why */
            break;
        done += (size_t)n;
    }
    return done;
}

static enum err posix_read(struct file *file, uint64_t offset, void *to, size_t len, size_t *got)
{
    struct posix_file *f = posix_file_of(file);
    size_t done = read_direct(f, offset, to, len);

    while (done < len) {
        ssize_t n = pread(f->fd, (uint8_t *)to + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_of_errno(errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *got = done;
    return OK;
}

/* Fills `vector` with what of `parts` lies after the first `skip` bytes; returns how many places it took. */
static int vector_fill(struct iovec *vector, const struct bytes *parts, size_t count, size_t skip)
{
    int places = 0;

    for (size_t i = 0; i < count && places < PARTS_AT_ONCE; i++) {
        if (skip >= parts[i].len) {
            skip -= parts[i].len;
            continue;
        }
        vector[places].iov_base = (void *)(uintptr_t)(parts[i].data + skip);
        vector[places].iov_len = parts[i].len - skip;
        skip = 0;
        places++;
    }
    return places;
}

/* What is left of a write: its parts, of the first without what is written already. */
struct remainder {
    const struct bytes *parts;
    size_t count, skip;
};

static void remainder_pass(struct remainder *r, size_t len)
{
    r->skip += len;
    while (r->count > 0 && r->skip >= r->parts->len) {
        r->skip -= r->parts->len;
        r->parts++;
        r->count--;
    }
}

static bool can_write_direct(const struct posix_file *f, uint64_t offset, const struct bytes *parts, size_t count)
{
    return f->direct >= 0 && !f->refused && count == 1 && is_aligned(offset, parts[0].data, parts[0].len);
}

/* Past the page cache, as far as that goes: a file system that will not is asked once.  The rest, and what an error is
 * about, is for the ordinary way.  Returns how much was written. */
static size_t write_direct(struct posix_file *f, uint64_t offset, struct bytes part)
{
    size_t done = 0;

    while (done < part.len && done % DISK_ALIGN == 0) {
        ssize_t n = pwrite(f->direct, part.data + done, part.len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EINVAL)
            f->refused = true;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

static enum err posix_write(struct file *file, uint64_t offset, const struct bytes *parts, size_t count)
{
    struct posix_file *f = posix_file_of(file);
    struct remainder r = {parts, count, 0};

    remainder_pass(&r, 0);
    if (can_write_direct(f, offset, parts, count)) {
        const size_t done = write_direct(f, offset, parts[0]);
        offset += done;
        remainder_pass(&r, done);
    }
    while (r.count > 0) {
        struct iovec vector[PARTS_AT_ONCE];
        int places = vector_fill(vector, r.parts, r.count, r.skip);
        ssize_t n = pwritev(f->fd, vector, places, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_of_errno(errno);
        if (n == 0)
            return ERR_IO; /* a kernel that takes nothing and names no reason */
        offset += (uint64_t)n;
        remainder_pass(&r, (size_t)n);
    }
    return OK;
}

static enum err posix_sync(struct file *file)
{
    struct posix_file *f = posix_file_of(file);

    if (fdatasync(f->fd) != 0)
        return err_of_errno(errno);
    return OK;
}

static enum err posix_size(struct file *file, uint64_t *out)
{
    struct stat stat;

    if (fstat(posix_file_of(file)->fd, &stat) != 0)
        return err_of_errno(errno);
    *out = (uint64_t)stat.st_size;
    return OK;
}

static enum err posix_truncate(struct file *file, uint64_t len)
{
    int result;

    do
        result = ftruncate(posix_file_of(file)->fd, (off_t)len);
    while (result != 0 && errno == EINTR);
    return result == 0 ? OK : err_of_errno(errno);
}

static void posix_advise(struct file *file, uint64_t offset, uint64_t len, enum file_advice advice)
{
    const int fd = posix_file_of(file)->fd;

    if (advice == FILE_WRITTEN)
        (void)sync_file_range(fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE); /* the sync tells errors */
    else
        (void)posix_fadvise(fd, (off_t)offset, (off_t)len,
                            advice == FILE_WANTED ? POSIX_FADV_WILLNEED : POSIX_FADV_DONTNEED);
}

static enum err posix_allocate(struct file *file, uint64_t len)
{
    int result;

    do
        result = fallocate(posix_file_of(file)->fd, 0, 0, (off_t)len);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return OK;
    return errno == EOPNOTSUPP || errno == ENOSYS ? ERR_UNSUPPORTED : err_of_errno(errno);
}

/* ---- names ---- */

static enum err posix_mkdir(struct disk *disk, const char *path)
{
    if (mkdirat(posix_disk_of(disk)->directory, path, DIRECTORY_MODE) == 0 || errno == EEXIST)
        return OK;
    return err_of_errno(errno);
}

static enum err posix_rename(struct disk *disk, const char *from, const char *to)
{
    int directory = posix_disk_of(disk)->directory;

    return renameat(directory, from, directory, to) == 0 ? OK : err_of_errno(errno);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Twice as long as the piece took, so that two thirds of the disk's time are others'. */
static void free_pause(int64_t took_ns)
{
    const struct timespec pause = {.tv_nsec = 2 * took_ns < FREE_PAUSE_NS ? 2 * took_ns : FREE_PAUSE_NS};

    (void)nanosleep(&pause, NULL);
}

/* Piece by piece from the end on: a file system that tells the disk what is free (`discard`) does so while syncs wait. */
static void free_slowly(int fd)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0 || stat.st_nlink > 0) /* somebody has it under another name, as a copy of his */
        return;
    for (off_t len = stat.st_size - FREED_AT_ONCE; len > 0; len -= FREED_AT_ONCE) {
        const int64_t began = now_ns();
        if (ftruncate(fd, len) != 0)
            return; /* the rest goes with the descriptor */
        free_pause(now_ns() - began);
    }
}

static enum err posix_unlink(struct disk *disk, const char *path)
{
    const int directory = posix_disk_of(disk)->directory;
    const int fd = open_retrying(directory, path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    enum err err = unlinkat(directory, path, 0) == 0 ? OK : err_of_errno(errno);

    if (fd < 0)
        return err;
    if (err == OK)
        free_slowly(fd);
    close(fd);
    return err;
}

static enum err posix_sync_dir(struct disk *disk, const char *path)
{
    int fd = open_retrying(posix_disk_of(disk)->directory, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return err_of_errno(errno);
    enum err err = fsync(fd) == 0 ? OK : err_of_errno(errno);
    close(fd);
    return err;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum err posix_list(struct disk *disk, const char *path, void (*each)(void *ctx, const char *name), void *ctx)
{
    int fd = open_retrying(posix_disk_of(disk)->directory, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return err_of_errno(errno);
    DIR *stream = fdopendir(fd);
    if (!stream) {
        enum err err = err_of_errno(errno);
        close(fd);
        return err;
    }
    errno = 0;
    for (struct dirent *entry; (entry = readdir(stream)); errno = 0) {
        if (!is_dots(entry->d_name))
            each(ctx, entry->d_name);
    }
    enum err err = errno == 0 ? OK : err_of_errno(errno);
    closedir(stream);
    return err;
}

static enum err posix_free_bytes(struct disk *disk, uint64_t *out)
{
    struct statvfs stat;

    if (fstatvfs(posix_disk_of(disk)->directory, &stat) != 0)
        return err_of_errno(errno);
    *out = (uint64_t)stat.f_bavail * stat.f_frsize;
    return OK;
}

/* ---- the lock ---- */

static void holder_read(int fd, char *other, size_t other_size)
{
    if (other_size == 0)
        return;
    ssize_t n = pread(fd, other, other_size - 1, 0);
    other[n > 0 ? n : 0] = '\0';
}

static enum err holder_write(int fd, const char *holder)
{
    size_t len = strlen(holder);

    if (ftruncate(fd, 0) != 0)
        return err_of_errno(errno);
    return pwrite(fd, holder, len, 0) == (ssize_t)len ? OK : ERR_IO;
}

static enum err posix_lock(struct disk *disk, const char *path, const char *holder, char *other, size_t other_size)
{
    struct posix_disk *d = posix_disk_of(disk);
    enum err err;
    assert(d->lock < 0); /* taken once */

    int fd = open_retrying(d->directory, path, O_RDWR | O_CREAT, FILE_MODE);
    if (fd < 0)
        return err_of_errno(errno);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? ERR_BUSY : err_of_errno(errno);
        if (err == ERR_BUSY)
            holder_read(fd, other, other_size);
        goto fail;
    }
    if ((err = holder_write(fd, holder)) != OK)
        goto fail;
    d->lock = fd;
    return OK;
fail:
    close(fd);
    return err;
}

/* ---- the disk ---- */

static const struct disk_ops posix_ops = {
    .open = posix_open,
    .mkdir = posix_mkdir,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .sync_dir = posix_sync_dir,
    .list = posix_list,
    .free_bytes = posix_free_bytes,
    .lock = posix_lock,
    .close = posix_close,
    .read = posix_read,
    .write = posix_write,
    .sync = posix_sync,
    .size = posix_size,
    .truncate = posix_truncate,
    .allocate = posix_allocate,
    .advise = posix_advise,
};

/* Makes the directory and every parent that is missing. */
static enum err directories_make(const char *directory)
{
    char path[PATH_MAX];
    size_t len = strlen(directory);

    if (len == 0 || len >= sizeof path)
        return ERR_INVALID;
    memcpy(path, directory, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        path[i] = '\0';
        if (mkdir(path, DIRECTORY_MODE) != 0 && errno != EEXIST)
            return err_of_errno(errno);
        path[i] = directory[i];
    }
    return OK;
}

int disk_posix_direct(const struct file *file)
{
    const struct posix_file *f = container_of_const(file, struct posix_file, file);

    return f->refused || !container_of_const(f->file.disk, struct posix_disk, disk)->syncs_direct ? -1 : f->direct;
}

/* 9p, SMB and FUSE write past the cache without a look at RWF_DSYNC: there fdatasync alone reaches the other side. */
static bool syncs_direct(int directory)
{
    struct statfs stat;

    if (fstatfs(directory, &stat) != 0)
        return false;
    switch ((uint32_t)stat.f_type) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
        return true;
    default:
        return false;
    }
}

enum err disk_posix_new(struct disk **out, const char *directory)
{
    enum err err = directories_make(directory);
    if (err != OK)
        return err;
    struct posix_disk *d = malloc(sizeof *d);
    if (!d)
        return ERR_NOMEM;
    d->disk.ops = &posix_ops;
    d->lock = -1;
    d->directory = open_retrying(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
    if (d->directory < 0) {
        err = err_of_errno(errno);
        free(d);
        return err;
    }
    d->syncs_direct = syncs_direct(d->directory);
    *out = &d->disk;
    return OK;
}

void disk_posix_free(struct disk *disk)
{
    if (!disk)
        return;
    struct posix_disk *d = posix_disk_of(disk);
    if (d->lock >= 0)
        close(d->lock);
    close(d->directory);
    free(d);
}
