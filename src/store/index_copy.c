/* SPDX-License-Identifier: Apache-2.0
 *
 * index_copy.c - see index_copy.h.
 *
 * SQLite finds a database's log by its name, and takes what holds of it for the database's own.  So the log of a file
 * that is removed, or renamed, goes after it, and is gone durably before another file gets its name.
 */
#include "store/index_copy.h"

#include "base/log.h"
#include "sys/disk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (256u * 1024)

PRINTF_LIKE(3, 4) static enum err fail(struct index_copy *c, enum err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(c->failure, sizeof c->failure, format, args);
    va_end(args);
    return err;
}

/* ---- files ---- */

/* 0 when it is not there. */
static enum err size_of(struct disk *disk, const char *path, uint64_t *out)
{
    struct file *f = NULL;
    enum err err = disk_open(disk, path, DISK_READ, &f);

    *out = 0;
    if (err == OK)
        err = file_size(f, out);
    file_close(f);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* *gone becomes true when it was there. */
static enum err unlink_if_there(struct disk *disk, const char *path, bool *gone)
{
    enum err err = disk->ops->unlink(disk, path);

    *gone |= err == OK;
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err rename_if_there(struct disk *disk, const char *from, const char *to)
{
    enum err err = disk->ops->rename(disk, from, to);

    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err copy_bytes(struct file *from, struct file *to, uint8_t *chunk)
{
    size_t got = CHUNK;
    enum err err = OK;

    for (uint64_t at = 0; err == OK && got == CHUNK; at += got) {
        if ((err = file_read(from, at, chunk, CHUNK, &got)) == OK && got > 0) {
            const struct bytes part = bytes_of(chunk, got);
            err = file_write(to, at, &part, 1);
        }
    }
    return err;
}

/* *sync_failed: that was it, and it is not to be tried again. */
static enum err copy_file(struct disk *disk, const char *from, const char *to, bool *sync_failed)
{
    struct file *in = NULL, *out = NULL;
    uint8_t *chunk = malloc(CHUNK);
    enum err err = chunk ? OK : ERR_NOMEM;

    *sync_failed = false;
    if (err == OK && (err = disk_open(disk, from, DISK_READ, &in)) == OK &&
        (err = disk_open(disk, to, DISK_READ | DISK_WRITE | DISK_CREATE, &out)) == OK &&
        (err = file_truncate(out, 0)) == OK && (err = copy_bytes(in, out, chunk)) == OK && (err = file_sync(out)) != OK)
        *sync_failed = true;
    file_close(in);
    file_close(out);
    free(chunk);
    return err;
}

/* ---- whole or not ---- */

struct check {
    char *what;
    size_t size, prefix;
    bool damaged;
};

static enum err pass_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    (void)ctx;
    (void)table;
    (void)row;
    return OK;
}

static void note_first(void *ctx, const char *what)
{
    struct check *k = ctx;

    if (!k->damaged)
        snprintf(k->what + k->prefix, k->size - k->prefix, "%s", what);
    k->damaged = true;
}

static enum err survey(struct catalog_index *x, const char *path, char *what, size_t what_size)
{
    struct check k = {.what = what, .size = what_size};
    enum err err;

    k.prefix = (size_t)snprintf(what, what_size, "%s: ", path);
    err = catalog_index_survey(x, pass_row, note_first, &k);
    return err == OK && k.damaged ? ERR_CORRUPT : err;
}

enum err index_check(struct disk *disk, const char *path, char *what, size_t what_size)
{
    struct catalog_index *x = NULL;
    enum err err = catalog_index_look(&x, disk, path, what, what_size);

    if (err == OK)
        err = survey(x, path, what, what_size);
    catalog_index_close(x);
    return err;
}

bool index_went_missing(struct disk *disk)
{
    uint64_t first, copy;

    return size_of(disk, CATALOG_PATH, &first) == OK && first == 0 && size_of(disk, CATALOG_COPY_PATH, &copy) == OK &&
           copy > 0;
}

/* ---- its life ---- */

void index_copy_init(struct index_copy *c, struct disk *disk, struct log *log)
{
    *c = (struct index_copy){.disk = disk, .log = log};
}

static void close_index(struct index_copy *c)
{
    if (c->index)
        c->written += catalog_index_written(c->index);
    catalog_index_close(c->index);
    c->index = NULL;
}

void index_copy_deinit(struct index_copy *c)
{
    close_index(c);
}

uint64_t index_copy_written(const struct index_copy *c)
{
    return c->written + (c->index ? catalog_index_written(c->index) : 0);
}

/* The file first, durably: without its log it may be older than it was, and nobody may go on from that. */
static enum err remove_copy(struct index_copy *c)
{
    struct disk *disk = c->disk;
    bool first = false, rest = false;
    enum err err;

    c->cleared = false;
    close_index(c);
    err = unlink_if_there(disk, CATALOG_COPY_PATH, &first);
    if (err == OK && first)
        err = disk->ops->sync_dir(disk, ".");
    if (err == OK)
        err = unlink_if_there(disk, CATALOG_COPY_PATH "-wal", &rest);
    if (err == OK)
        err = unlink_if_there(disk, CATALOG_NEW_PATH, &rest);
    if (err == OK && rest)
        err = disk->ops->sync_dir(disk, ".");
    if (err != OK)
        return fail(c, err, "%s cannot be removed: %s", CATALOG_COPY_PATH, err_text(err));
    c->cleared = true;
    return OK;
}

/* ---- a start ---- */

static enum err take(struct index_copy *c, const struct catalog_index *first)
{
    enum err err;

    err = catalog_index_open(&c->index, c->disk, CATALOG_COPY_PATH, c->failure, sizeof c->failure);
    if (err == OK)
        err = survey(c->index, CATALOG_COPY_PATH, c->failure, sizeof c->failure);
    if (err == OK && !catalog_index_equal(c->index, first))
        err = fail(c, ERR_CORRUPT, "%s does not stand where %s does", CATALOG_COPY_PATH, CATALOG_PATH);
    return err;
}

enum err index_copy_open(struct index_copy *c, const struct catalog_index *first)
{
    struct disk *disk = c->disk;
    bool left = false;
    uint64_t size;
    enum err err = size_of(disk, CATALOG_COPY_PATH, &size);

    if (err == OK && size == 0)
        return remove_copy(c);
    if (err == OK)
        err = take(c, first);
    if (err == OK && (err = unlink_if_there(disk, CATALOG_NEW_PATH, &left)) != OK)
        return fail(c, err, "%s cannot be removed: %s", CATALOG_NEW_PATH, err_text(err));
    if (err == OK)
        return OK;
    if (err == ERR_NOMEM)
        return fail(c, err, "%s: %s", CATALOG_COPY_PATH, err_text(err));
    log_warn(c->log, "store", "the second copy of the index is removed, the next checkpoint makes another: %s",
             c->failure);
    return remove_copy(c);
}

/* ---- checkpoints ---- */

/* A copy may take half of what is free. */
static enum err check_room(struct index_copy *c)
{
    uint64_t size, log, left;
    enum err err = size_of(c->disk, CATALOG_PATH, &size);

    if (err == OK)
        err = size_of(c->disk, CATALOG_PATH "-wal", &log);
    if (err == OK)
        err = c->disk->ops->free_bytes(c->disk, &left);
    if (err != OK)
        return err;
    /* A log that holds something could not be moved into the database, for the same reason. */
    return log > 0 || size > left / 2 ? ERR_NOSPACE : OK;
}

/* What was read is proved before it gets the name. */
static enum err prove(struct index_copy *c, const struct catalog_index *first)
{
    struct catalog_index *x = NULL;
    enum err err = catalog_index_look(&x, c->disk, CATALOG_NEW_PATH, c->failure, sizeof c->failure);

    if (err == OK)
        err = survey(x, CATALOG_NEW_PATH, c->failure, sizeof c->failure);
    if (err == OK && !catalog_index_equal(x, first))
        err = fail(c, ERR_CORRUPT, "what was read of %s is not what was written", CATALOG_PATH);
    catalog_index_close(x);
    return err;
}

/* *fatal: a sync failed. */
static enum err make(struct index_copy *c, const struct catalog_index *first, bool *fatal)
{
    struct disk *disk = c->disk;
    uint64_t size = 0;
    enum err err;

    *fatal = false;
    if ((err = check_room(c)) != OK)
        return fail(c, err, "%s", err_text(err));
    err = copy_file(disk, CATALOG_PATH, CATALOG_NEW_PATH, fatal);
    if (size_of(disk, CATALOG_NEW_PATH, &size) == OK)
        c->written += size;
    c->cleared = false;
    if (err != OK)
        return fail(c, err, "%s", err_text(err));
    if ((err = prove(c, first)) != OK)
        return err;
    if ((err = disk->ops->rename(disk, CATALOG_NEW_PATH, CATALOG_COPY_PATH)) != OK)
        return fail(c, err, "it cannot be renamed: %s", err_text(err));
    if ((err = disk->ops->sync_dir(disk, ".")) != OK) {
        *fatal = true;
        return fail(c, err, "the name of %s cannot be synced: %s", CATALOG_COPY_PATH, err_text(err));
    }
    return catalog_index_open(&c->index, disk, CATALOG_COPY_PATH, c->failure, sizeof c->failure);
}

static enum err make_or_go_without(struct index_copy *c, const struct catalog_index *first)
{
    bool fatal;
    enum err err;

    if (!c->cleared && (err = remove_copy(c)) != OK)
        return err;
    err = make(c, first, &fatal);
    if (fatal)
        return err;
    if (err != OK && !c->told)
        log_warn(c->log, "store", "there is no second copy of the index; each checkpoint tries to make one: %s",
                 c->failure);
    c->told = err != OK;
    return err == OK || c->cleared ? OK : remove_copy(c);
}

enum err index_copy_apply(struct index_copy *c, const struct catalog_index *first, const struct index_batch *batch,
                          const struct index_mark *mark)
{
    enum err err;

    if (!c->index)
        return make_or_go_without(c, first);
    if ((err = catalog_index_apply(c->index, batch, mark)) == OK)
        return OK;
    if (catalog_index_sync_failed(c->index))
        return fail(c, ERR_IO, "%s", catalog_index_failure(c->index));
    log_warn(c->log, "store", "the second copy of the index is removed, a later checkpoint makes another: %s",
             catalog_index_failure(c->index));
    return remove_copy(c);
}

/* ---- going on from it ---- */

/* Its log is moved into it: it is one file then, and whole. */
static enum err gather(struct disk *disk, char *message, size_t message_size)
{
    struct catalog_index *x = NULL;
    uint64_t log = 0;
    enum err err;

    if ((err = index_check(disk, CATALOG_COPY_PATH, message, message_size)) != OK)
        return err;
    err = catalog_index_open(&x, disk, CATALOG_COPY_PATH, message, message_size);
    if (err == OK && ((err = size_of(disk, CATALOG_COPY_PATH "-wal", &log)) != OK || log > 0)) {
        err = err == OK ? ERR_NOSPACE : err;
        snprintf(message, message_size, "%s: its log cannot be moved into it: %s", CATALOG_COPY_PATH, err_text(err));
    }
    catalog_index_close(x);
    return err;
}

/* In the place of what was kept before. */
static enum err keep_file(struct disk *disk)
{
    bool gone = false;
    uint64_t size;
    enum err err = size_of(disk, CATALOG_PATH, &size);

    if (err != OK || size == 0) /* it was done, by a start that was cut off; or there is nothing to keep */
        return err;
    if ((err = unlink_if_there(disk, CATALOG_KEPT_PATH "-wal", &gone)) != OK ||
        (err = disk->ops->rename(disk, CATALOG_PATH, CATALOG_KEPT_PATH)) != OK)
        return err;
    return disk->ops->sync_dir(disk, ".");
}

static enum err keep_aside(struct disk *disk)
{
    bool gone = false;
    enum err err = keep_file(disk);

    if (err != OK)
        return err;
    if ((err = rename_if_there(disk, CATALOG_PATH "-wal", CATALOG_KEPT_PATH "-wal")) != OK ||
        (err = unlink_if_there(disk, CATALOG_PATH "-journal", &gone)) != OK)
        return err;
    return disk->ops->sync_dir(disk, ".");
}

enum err index_copy_take_place(struct disk *disk, char *message, size_t message_size)
{
    bool sync_failed;
    enum err err = gather(disk, message, message_size);

    if (err != OK)
        return err;
    if ((err = copy_file(disk, CATALOG_COPY_PATH, CATALOG_NEW_PATH, &sync_failed)) != OK) {
        snprintf(message, message_size, "%s cannot be copied: %s", CATALOG_COPY_PATH, err_text(err));
        return err == ERR_NOT_FOUND || err == ERR_CORRUPT ? ERR_IO : err;
    }
    if ((err = keep_aside(disk)) != OK) {
        snprintf(message, message_size, "%s cannot be kept as %s: %s", CATALOG_PATH, CATALOG_KEPT_PATH, err_text(err));
        return err == ERR_NOT_FOUND ? ERR_IO : err;
    }
    if ((err = disk->ops->rename(disk, CATALOG_NEW_PATH, CATALOG_PATH)) != OK ||
        (err = disk->ops->sync_dir(disk, ".")) != OK)
        snprintf(message, message_size, "%s cannot take the place of %s: %s", CATALOG_COPY_PATH, CATALOG_PATH,
                 err_text(err));
    return err == ERR_NOT_FOUND ? ERR_IO : err;
}
