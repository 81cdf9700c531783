/* SPDX-License-Identifier: Apache-2.0
 *
 * disk.h - the files of one data directory, as a table of functions.
 *
 * Paths are relative to that directory ("journal/000001.j").  All calls may wait, so they are made on
 * worker threads (sys/loop.h), or before the loop runs.  A struct disk may be used from several threads, one file from
 * one thread at a time, but for writes of different stretches and syncs: of those any number may be under way.
 * Production: sys/disk_posix.h.  Simulation: sys/sim/sim_disk.h, which tears, reorders and loses what was not synced.
 *
 * What survives a crash: bytes after `sync` of their file returned OK, names after `sync_dir` of their
 * directory did.  A failed sync is never retried: the caller stops the process.
 */
#ifndef SYS_DISK_H
#define SYS_DISK_H

#include "base/bytes.h"
#include "base/err.h"

enum disk_open_flags {
    DISK_READ = 1,
    DISK_WRITE = 2,
    DISK_CREATE = 4,    /* make it when absent */
    DISK_EXCLUSIVE = 8, /* with CREATE: ERR_EXISTS when there */
    DISK_DIRECT = 16,   /* a hint: large aligned stretches need not go through the page cache; see DISK_ALIGN */
    DISK_PRIVATE = 32,  /* with CREATE: for the owner of the process only (mode 0600) */
};

/* A read of a DISK_DIRECT file whose offset, length and memory are multiples of this goes past the page cache, unless
 * most of it is there: neither the processor nor what others have there pays for it.  So does a write of one part to
 * such a file; it is no more durable than another before the sync.  Two of those need not wait for each other, other
 * writes of one file do. */
#define DISK_ALIGN 4096u

/* The first place in memory from `at` on that is a multiple of DISK_ALIGN. */
static inline uint8_t *disk_align(uint8_t *at)
{
    return at + (DISK_ALIGN - (uintptr_t)at % DISK_ALIGN) % DISK_ALIGN;
}

/* What a reader or a writer knows and the kernel cannot. */
enum file_advice {
    FILE_PASSED,  /* was read, and will not be again soon: need not push out what others use */
    FILE_WANTED,  /* will be read soon */
    FILE_WRITTEN, /* was written: may go to the disk now, so that the sync has less to wait for; it proves nothing */
};

struct disk;
struct file;

struct disk_ops {
    enum err (*open)(struct disk *disk, const char *path, unsigned flags, struct file **out);
    enum err (*mkdir)(struct disk *disk, const char *path); /* OK when it is there */
    enum err (*rename)(struct disk *disk, const char *from, const char *to);
    /* ERR_NOT_FOUND.  The name is gone at once, the space of a large file piece by piece, so that syncs of other files
     * hardly wait for it: this takes its time.  Who has it open may find it shorter. */
    enum err (*unlink)(struct disk *disk, const char *path);
    enum err (*sync_dir)(struct disk *disk, const char *path);
    /* Calls `each` with every name in the directory, in no order; not "." and "..". */
    enum err (*list)(struct disk *disk, const char *path, void (*each)(void *ctx, const char *name), void *ctx);
    enum err (*free_bytes)(struct disk *disk, uint64_t *out);
    /* Takes the directory for this process and writes `holder` into the lock file; ERR_BUSY: another has it,
     * and what it wrote is copied to `other` (NUL-terminated).  Held until the disk is freed. */
    enum err (*lock)(struct disk *disk, const char *path, const char *holder, char *other, size_t other_size);

    void (*close)(struct file *file); /* NULL is fine */
    /* *got < len only at the end of the file. */
    enum err (*read)(struct file *file, uint64_t offset, void *to, size_t len, size_t *got);
    /* All parts, one after the other, or an error (and then any part of them may be there).  Extends the file. */
    enum err (*write)(struct file *file, uint64_t offset, const struct bytes *parts, size_t count);
    enum err (*sync)(struct file *file); /* the data, and what is needed to read it back (fdatasync) */
    enum err (*size)(struct file *file, uint64_t *out);
    enum err (*truncate)(struct file *file, uint64_t len);
    /* Takes space for the file's bytes up to `len`, and extends it so far; what was not written reads as zeros. Cheaper
     * than writing zeros, and leaves the later writes dearer.  ERR_NOSPACE; ERR_UNSUPPORTED: this disk cannot. */
    enum err (*allocate)(struct file *file, uint64_t len);
    /* A hint, never an error; NULL: hints are nothing to this disk. */
    void (*advise)(struct file *file, uint64_t offset, uint64_t len, enum file_advice advice);
};

/* Embedded at the start of an implementation. */
struct disk {
    const struct disk_ops *ops;
};

/* Likewise; `disk` lets disk_close and the rest find the table. */
struct file {
    struct disk *disk;
};

static inline MUST_USE enum err disk_open(struct disk *d, const char *path, unsigned flags, struct file **out)
{
    return d->ops->open(d, path, flags, out);
}

static inline MUST_USE enum err file_read(struct file *f, uint64_t offset, void *to, size_t len, size_t *got)
{
    return f->disk->ops->read(f, offset, to, len, got);
}

static inline MUST_USE enum err file_write(struct file *f, uint64_t offset, const struct bytes *parts, size_t count)
{
    return f->disk->ops->write(f, offset, parts, count);
}

static inline MUST_USE enum err file_sync(struct file *f)
{
    return f->disk->ops->sync(f);
}

static inline MUST_USE enum err file_size(struct file *f, uint64_t *out)
{
    return f->disk->ops->size(f, out);
}

static inline MUST_USE enum err file_truncate(struct file *f, uint64_t len)
{
    return f->disk->ops->truncate(f, len);
}

static inline MUST_USE enum err file_allocate(struct file *f, uint64_t len)
{
    return f->disk->ops->allocate(f, len);
}

static inline void file_advise(struct file *f, uint64_t offset, uint64_t len, enum file_advice advice)
{
    if (f->disk->ops->advise && len > 0)
        f->disk->ops->advise(f, offset, len, advice);
}

static inline void file_close(struct file *f)
{
    if (f)
        f->disk->ops->close(f);
}

#endif
