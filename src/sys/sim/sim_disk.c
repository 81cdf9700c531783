/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk.c - a disk that forgets what it was not told to keep.
 *
 * Each file is two images: `now`, what reads see, and `medium`, what would be there after a power cut, with the
 * sectors marked dirty in which they may differ.  A sync copies the dirty sectors over; a second write to a dirty
 * sector may find that the machine had written the first one back by itself; a crash lets the seed decide for each
 * dirty sector, and for the length.  Names likewise: `now`, `medium`, and the changes between them in order, of which
 * a crash applies any (mostly a first part, as a journalling file system would).
 *
 *     write ---> now ----sync----> medium          open, rename, unlink ---> now ---sync_dir---> medium
 *                 ^                  |                                        ^                    |
 *                 +------ crash -----+                                        +------- crash ------+
 *
 * A failed sync leaves the dirty sectors clean and lets the seed decide which of them reached the medium: as
 * Linux does, so that whoever tries again is told OK and has nothing.
 *
 * With a plan (sim_disk_plan) the seed decides nothing: the changes since the last sync are kept one by one, and a
 * crash puts those on the medium that the plan names.
 *
 * Invariant: outside the dirty sectors that a failed sync has not made clean, now and medium are equal up to the
 * shorter of their lengths.
 */
#include "sys/sim/sim_disk_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct sim_file {
    struct file file;
    struct sim_disk *disk;
    struct inode *inode;
    uint64_t life;
    unsigned flags;
};

/* ---- the power ---- */

/* Files whose directory did not survive go with it. */
static void drop_orphans(struct sim_disk *d, struct names *n)
{
    char parent[PATH_MAX_LEN + 1];

    for (size_t i = 0; i < n->count;) {
        sim_path_parent(n->at[i].path, parent);
        if (sim_names_have_directory(n, parent)) {
            i++;
        } else {
            sim_name_remove(d, n, n->at[i].path);
            i = 0;
        }
    }
}

static void decide_names(struct sim_disk *d)
{
    bool in_order = random_below(d->random, 4) > 0;
    size_t first = random_below(d->random, d->change_count + 1);

    for (size_t i = 0; i < d->change_count; i++) {
        if (in_order ? i < first : sim_disk_coin(d))
            sim_change_apply(d, &d->medium, &d->changes[i]);
        sim_change_drop(d, &d->changes[i]);
    }
    d->change_count = 0;
}

/* All that was not synced, as the plan says, in the order of its making. */
static void decide_by_plan(struct sim_disk *d)
{
    size_t names = 0, files = 0, number = 0;

    if (d->plan.n == SIM_CUT_LAST)
        d->plan.n = d->pending_count + d->change_count;
    for (size_t i = 0; i < d->pending_count; i++)
        sim_inode_ref(d->pending[i].inode); /* none may go while we are at it */
    while (names < d->change_count || files < d->pending_count) {
        struct change *c = names < d->change_count ? &d->changes[names] : NULL;
        const struct pending *p = files < d->pending_count ? &d->pending[files] : NULL;
        number++;
        if (!c || (p && p->sequence < c->sequence)) {
            sim_plan_apply(d, p, number);
            files++;
        } else {
            if (sim_plan_keeps(&d->plan, number))
                sim_change_apply(d, &d->medium, c);
            names++;
        }
    }
    for (size_t i = 0; i < d->change_count; i++)
        sim_change_drop(d, &d->changes[i]);
    d->change_count = 0;
    while (d->pending_count > 0) {
        struct pending p = d->pending[--d->pending_count];
        if (p.inode->dirty_capacity > 0)
            memset(p.inode->dirty, 0, p.inode->dirty_capacity);
        free(p.data);
        sim_inode_unref(d, p.inode);
    }
}

static void names_as_on_medium(struct sim_disk *d)
{
    drop_orphans(d, &d->medium);
    sim_names_clear(d, &d->now);
    for (size_t i = 0; i < d->medium.count; i++)
        sim_name_set(d, &d->now, d->medium.at[i].path, d->medium.at[i].inode);
}

static void bytes_as_on_medium(struct sim_disk *d, struct inode *f)
{
    d->used -= f->now.len;
    d->used += f->medium.len;
    sim_image_resize(&f->now, f->medium.len);
    if (f->medium.len > 0)
        memcpy(f->now.data, f->medium.data, f->medium.len);
}

static void die(struct sim_disk *d)
{
    d->dead = true;
    d->life++;
    free(d->lock_holder);
    d->lock_holder = NULL;
    d->fault = d->crash = (struct fault){0};
}

void sim_disk_crash(struct sim_disk *d)
{
    if (d->dead)
        return;
    die(d);
    if (d->planned)
        decide_by_plan(d);
    else
        decide_names(d);
    names_as_on_medium(d);
    for (size_t i = 0; i < d->now.count; i++) {
        if (!d->planned)
            sim_inode_sync_some(d, d->now.at[i].inode);
        bytes_as_on_medium(d, d->now.at[i].inode);
    }
}

void sim_disk_kill(struct sim_disk *d)
{
    if (!d->dead)
        die(d);
}

void sim_disk_restart(struct sim_disk *d)
{
    assert(d->dead);

    d->dead = false;
}

/* What sim_disk_crash_at or sim_disk_kill_at asked for. */
static void strike_down(struct sim_disk *d)
{
    if (d->crash.kills)
        sim_disk_kill(d);
    else
        sim_disk_crash(d);
}

bool sim_disk_crashed(const struct sim_disk *d)
{
    return d->dead;
}

/* ---- operations, counted and made to fail ---- */

static bool strikes(struct fault *f, unsigned op)
{
    if (!(f->ops & op) || f->n == 0 || --f->n > 0)
        return false;
    f->n = f->stays ? 1 : 0;
    return true;
}

enum verdict { PROCEED, FAIL, CRASH };

/* Counts the operation and says how it goes; *err is what the caller is told but for PROCEED. */
static enum verdict begin(struct sim_disk *d, unsigned op, size_t len, enum err *err)
{
    if (d->watch && !d->dead)
        d->watch->begun(d->watch->ctx, (enum sim_disk_op)op,
                        d->pending_count + d->change_count + (op & SIM_DISK_WRITE ? 1 : 0), len);
    d->counts[__builtin_ctz(op)]++;
    *err = ERR_IO;
    if (d->dead)
        return FAIL;
    if (strikes(&d->crash, op)) {
        d->faults++;
        return CRASH;
    }
    if (!strikes(&d->fault, op))
        return PROCEED;
    d->faults++;
    *err = d->fault.err;
    return FAIL;
}

/* For operations that a failure leaves undone. */
static enum err begin_whole(struct sim_disk *d, unsigned op)
{
    enum err err;

    switch (begin(d, op, 0, &err)) {
    case PROCEED:
        return OK;
    case CRASH:
        strike_down(d);
        break;
    case FAIL:
        break;
    }
    return err;
}

static struct sim_disk *disk_of(struct disk *disk)
{
    return container_of(disk, struct sim_disk, disk);
}

static struct sim_file *file_of(struct file *file)
{
    return container_of(file, struct sim_file, file);
}

static bool stale(const struct sim_file *f)
{
    return f->life != f->disk->life;
}

static struct inode *make_inode(struct sim_disk *d, const char *path, bool directory)
{
    struct inode *f = sim_alloc(sizeof *f);

    assert(d->now.count < FILES_MAX);
    f->directory = directory;
    sim_names_change(d, path, NULL, f);
    return f;
}

static enum err find_or_make(struct sim_disk *d, const char *path, unsigned flags, struct inode **out)
{
    const struct name *name = sim_name_find(&d->now, path);
    char parent[PATH_MAX_LEN + 1];

    sim_path_parent(path, parent);
    if (!sim_names_have_directory(&d->now, parent) || strlen(path) > PATH_MAX_LEN)
        return ERR_NOT_FOUND;
    if (name && (flags & DISK_CREATE) && (flags & DISK_EXCLUSIVE))
        return ERR_EXISTS;
    if (name && name->inode->directory)
        return ERR_INVALID;
    if (!name && !(flags & DISK_CREATE))
        return ERR_NOT_FOUND;
    *out = name ? name->inode : make_inode(d, path, false);
    return OK;
}

static enum err op_open(struct disk *disk, const char *path, unsigned flags, struct file **out)
{
    struct sim_disk *d = disk_of(disk);
    struct inode *inode;
    struct sim_file *f;
    enum err err;

    if ((err = begin_whole(d, SIM_DISK_OP_OPEN)) != OK || (err = find_or_make(d, path, flags, &inode)) != OK)
        return err;
    f = sim_alloc(sizeof *f);
    f->file.disk = disk;
    f->disk = d;
    f->inode = sim_inode_ref(inode);
    f->life = d->life;
    f->flags = flags;
    *out = &f->file;
    return OK;
}

static enum err op_mkdir(struct disk *disk, const char *path)
{
    struct sim_disk *d = disk_of(disk);
    const struct name *name;
    char parent[PATH_MAX_LEN + 1];
    enum err err = begin_whole(d, SIM_DISK_OP_MKDIR);

    if (err != OK)
        return err;
    path = sim_path_plain(path);
    if (sim_names_have_directory(&d->now, path))
        return OK;
    name = sim_name_find(&d->now, path);
    sim_path_parent(path, parent);
    if (name || !sim_names_have_directory(&d->now, parent))
        return name ? ERR_EXISTS : ERR_NOT_FOUND;
    make_inode(d, path, true);
    return OK;
}

static enum err op_rename(struct disk *disk, const char *from, const char *to)
{
    struct sim_disk *d = disk_of(disk);
    const struct name *name;
    char parent[PATH_MAX_LEN + 1];
    enum err err = begin_whole(d, SIM_DISK_OP_RENAME);

    if (err != OK)
        return err;
    name = sim_name_find(&d->now, from);
    sim_path_parent(to, parent);
    if (!name || !sim_names_have_directory(&d->now, parent))
        return ERR_NOT_FOUND;
    assert(!name->inode->directory); /* nobody needs it */
    sim_names_change(d, to, from, name->inode);
    return OK;
}

static enum err op_unlink(struct disk *disk, const char *path)
{
    struct sim_disk *d = disk_of(disk);
    const struct name *name;
    enum err err = begin_whole(d, SIM_DISK_OP_UNLINK);

    if (err != OK)
        return err;
    name = sim_name_find(&d->now, path);
    if (!name)
        return ERR_NOT_FOUND;
    if (name->inode->directory)
        return ERR_INVALID;
    sim_names_change(d, path, NULL, NULL);
    return OK;
}

static enum err op_sync_dir(struct disk *disk, const char *path)
{
    struct sim_disk *d = disk_of(disk);
    enum err err = begin_whole(d, SIM_DISK_OP_SYNC_DIR);

    if (err != OK)
        return err;
    path = sim_path_plain(path);
    if (!sim_names_have_directory(&d->now, path))
        return ERR_NOT_FOUND;
    if (!d->lies)
        sim_names_sync(d, path);
    return OK;
}

static enum err op_list(struct disk *disk, const char *path, void (*each)(void *ctx, const char *name), void *ctx)
{
    struct sim_disk *d = disk_of(disk);
    enum err err = begin_whole(d, SIM_DISK_OP_LIST);

    if (err != OK)
        return err;
    path = sim_path_plain(path);
    if (!sim_names_have_directory(&d->now, path))
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < d->now.count; i++) {
        const char *name = d->now.at[i].path;
        if (sim_path_lies_in(name, path))
            each(ctx, path[0] ? name + strlen(path) + 1 : name);
    }
    return OK;
}

static enum err op_free_bytes(struct disk *disk, uint64_t *out)
{
    const struct sim_disk *d = disk_of(disk);

    if (d->dead)
        return ERR_IO;
    *out = sim_disk_room(d);
    return OK;
}

static enum err op_lock(struct disk *disk, const char *path, const char *holder, char *other, size_t other_size)
{
    struct sim_disk *d = disk_of(disk);
    struct inode *inode;
    enum err err = begin_whole(d, SIM_DISK_OP_LOCK);

    if (err != OK)
        return err;
    if (d->lock_holder) {
        snprintf(other, other_size, "%s", d->lock_holder);
        return ERR_BUSY;
    }
    if ((err = find_or_make(d, path, DISK_CREATE, &inode)) != OK)
        return err;
    const struct bytes text = bytes_of_text(holder);
    sim_plan_remember_write(d, inode, 0, &text, 1, text.len);
    sim_inode_write(d, inode, 0, text);
    d->lock_holder = sim_copy_text(holder);
    return OK;
}

static void op_close(struct file *file)
{
    struct sim_file *f = file_of(file);

    sim_inode_unref(f->disk, f->inode);
    free(f);
}

static enum err op_read(struct file *file, uint64_t offset, void *to, size_t len, size_t *got)
{
    const struct sim_file *f = file_of(file);
    const struct image *now = &f->inode->now;
    enum err err = begin_whole(f->disk, SIM_DISK_OP_READ);

    if (err != OK || stale(f))
        return err != OK ? err : ERR_IO;
    assert(f->flags & DISK_READ);
    *got = offset >= now->len ? 0 : now->len - (size_t)offset < len ? now->len - (size_t)offset : len;
    if (*got > 0)
        memcpy(to, now->data + offset, *got);
    return OK;
}

/* The first `limit` bytes of the parts. */
static void put_parts(struct sim_file *f, uint64_t offset, const struct bytes *parts, size_t count, uint64_t limit)
{
    sim_plan_remember_write(f->disk, f->inode, offset, parts, count, limit);
    for (size_t i = 0; i < count && limit > 0; i++) {
        size_t len = parts[i].len < limit ? parts[i].len : (size_t)limit;
        sim_inode_write(f->disk, f->inode, (size_t)offset, bytes_of(parts[i].data, len));
        offset += len;
        limit -= len;
    }
}

/* How much of a write is there that fails, or in the middle of which the machine or the process dies. */
static uint64_t part_of(struct sim_disk *d, uint64_t total, enum verdict verdict)
{
    if (!d->planned)
        return random_below(d->random, total + 1);
    if (verdict == CRASH && !d->crash.kills)
        return total; /* as a change, of which the plan says what is left */
    return total * d->plan.halves / 2;
}

/* Where there is no room for a write, some of it may be there all the same. */
static uint64_t part_with_room(const struct sim_disk *d, const struct sim_file *f, uint64_t offset, uint64_t total)
{
    const uint64_t fits = f->inode->now.len + sim_disk_room(d);

    if (!d->planned || d->plan.halves < 2 || fits <= offset)
        return 0;
    return fits - offset < total ? fits - offset : total;
}

static enum err op_write(struct file *file, uint64_t offset, const struct bytes *parts, size_t count)
{
    struct sim_file *f = file_of(file);
    struct sim_disk *d = f->disk;
    uint64_t total = 0, end, done;
    enum verdict verdict;
    enum err err;

    for (size_t i = 0; i < count; i++)
        total += parts[i].len;
    verdict = begin(d, SIM_DISK_OP_WRITE, (size_t)total, &err);
    if (d->dead || stale(f))
        return ERR_IO;
    assert(f->flags & DISK_WRITE);
    end = offset + total;
    assert(end <= FILE_MAX);
    if (verdict == PROCEED && end > f->inode->now.len && end - f->inode->now.len > sim_disk_room(d)) {
        verdict = FAIL;
        err = ERR_NOSPACE;
    }
    if (verdict == PROCEED) {
        put_parts(f, offset, parts, count, total);
        return OK;
    }
    if (err != ERR_NOSPACE || end <= f->inode->now.len)
        done = part_of(d, total, verdict);
    else
        done = part_with_room(d, f, offset, total);
    put_parts(f, offset, parts, count, done);
    if (verdict == CRASH)
        strike_down(d);
    return err;
}

/* `done` makes durable what the sync is for. */
static enum err sync_as(struct sim_file *f, void (*done)(struct sim_file *f, uint64_t offset, size_t len),
                        uint64_t offset, size_t len)
{
    enum err err;
    enum verdict verdict = begin(f->disk, SIM_DISK_OP_SYNC, 0, &err);

    if (f->disk->dead || stale(f))
        return ERR_IO;
    if (verdict == PROCEED) {
        if (!f->disk->lies)
            done(f, offset, len);
        return OK;
    }
    if (verdict == CRASH)
        strike_down(f->disk); /* and with it what part of this sync was done */
    else if (f->disk->planned)
        sim_inode_sync_planned(f->disk, f->inode);
    else
        sim_inode_sync_some(f->disk, f->inode);
    return err;
}

static void sync_all(struct sim_file *f, uint64_t offset, size_t len)
{
    (void)offset;
    (void)len;
    sim_inode_sync(f->inode);
    sim_plan_forget(f->disk, f->inode);
}

static enum err op_sync(struct file *file)
{
    return sync_as(file_of(file), sync_all, 0, 0);
}

static void sync_stretch(struct sim_file *f, uint64_t offset, size_t len)
{
    sim_inode_sync_stretch(f->inode, (size_t)offset, len);
    sim_plan_forget_stretch(f->disk, f->inode, (size_t)offset, len);
}

enum err sim_disk_write_synced(struct file *file, uint64_t offset, struct bytes b)
{
    const enum err err = op_write(file, offset, &b, 1);

    return err == OK ? sync_as(file_of(file), sync_stretch, offset, b.len) : err;
}

bool sim_disk_is_direct(const struct file *file)
{
    return container_of_const(file, struct sim_file, file)->flags & DISK_DIRECT;
}

static enum err op_size(struct file *file, uint64_t *out)
{
    const struct sim_file *f = file_of(file);
    enum err err = begin_whole(f->disk, SIM_DISK_OP_SIZE);

    if (err != OK || stale(f))
        return err != OK ? err : ERR_IO;
    *out = f->inode->now.len;
    return OK;
}

static enum err op_truncate(struct file *file, uint64_t len)
{
    const struct sim_file *f = file_of(file);
    struct inode *inode = f->inode;
    struct sim_disk *d = f->disk;
    enum err err = begin_whole(d, SIM_DISK_OP_TRUNCATE);

    if (err != OK || stale(f))
        return err != OK ? err : ERR_IO;
    assert(len <= FILE_MAX);
    if (len > inode->now.len && len - inode->now.len > sim_disk_room(d))
        return ERR_NOSPACE;
    if (len < inode->now.len)
        sim_inode_mark_dirty(inode, (size_t)len, inode->now.len - (size_t)len);
    else
        sim_inode_mark_dirty(inode, inode->now.len, (size_t)len - inode->now.len);
    d->used -= inode->now.len;
    d->used += len;
    sim_image_resize(&inode->now, (size_t)len);
    sim_plan_remember(d, (struct pending){.inode = inode, .resizes = true, .offset = (size_t)len});
    return OK;
}

static enum err op_allocate(struct file *file, uint64_t len)
{
    const struct sim_file *f = file_of(file);

    return len > f->inode->now.len ? op_truncate(file, len) : OK;
}

static const struct disk_ops disk_ops = {
    .open = op_open,
    .mkdir = op_mkdir,
    .rename = op_rename,
    .unlink = op_unlink,
    .sync_dir = op_sync_dir,
    .list = op_list,
    .free_bytes = op_free_bytes,
    .lock = op_lock,
    .close = op_close,
    .read = op_read,
    .write = op_write,
    .sync = op_sync,
    .size = op_size,
    .truncate = op_truncate,
    .allocate = op_allocate,
};

/* ---- the disk ---- */

struct sim_disk *sim_disk_new(struct random *random)
{
    struct sim_disk *d = sim_alloc(sizeof *d);

    d->disk.ops = &disk_ops;
    d->random = random;
    d->capacity = UINT64_MAX / 2;
    return d;
}

void sim_disk_free(struct sim_disk *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->change_count; i++)
        sim_change_drop(d, &d->changes[i]);
    sim_names_clear(d, &d->now);
    sim_names_clear(d, &d->medium);
    assert(d->used == 0); /* all files were closed */
    free(d->pending);
    free(d->changes);
    free(d->now.at);
    free(d->medium.at);
    free(d->lock_holder);
    free(d);
}

struct disk *sim_disk_get(struct sim_disk *d)
{
    return &d->disk;
}

void sim_disk_fail(struct sim_disk *d, unsigned ops, uint64_t n, enum err err)
{
    d->fault = (struct fault){.ops = ops, .n = n, .err = err};
}

void sim_disk_fail_from(struct sim_disk *d, unsigned ops, uint64_t n, enum err err)
{
    d->fault = (struct fault){.ops = ops, .n = n, .err = err, .stays = true};
}

void sim_disk_crash_at(struct sim_disk *d, unsigned ops, uint64_t n)
{
    d->crash = (struct fault){.ops = ops, .n = n};
}

void sim_disk_kill_at(struct sim_disk *d, unsigned ops, uint64_t n)
{
    d->crash = (struct fault){.ops = ops, .n = n, .kills = true};
}

uint64_t sim_disk_faults(const struct sim_disk *d)
{
    return d->faults;
}

uint64_t sim_disk_ops(const struct sim_disk *d, unsigned ops)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < SIM_DISK_OPS; i++)
        sum += ops & (1u << i) ? d->counts[i] : 0;
    return sum;
}

void sim_disk_capacity(struct sim_disk *d, uint64_t bytes)
{
    d->capacity = bytes;
}

uint64_t sim_disk_used(const struct sim_disk *d)
{
    return d->used;
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 0x100000001b3; /* FNV-1a */
    return hash;
}

uint64_t sim_disk_hash(const struct sim_disk *d)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < d->now.count; i++) {
        const struct name *n = &d->now.at[i];
        hash = hash_bytes(hash, n->path, strlen(n->path) + 1);
        hash = hash_bytes(hash, n->inode->now.data, n->inode->now.len);
    }
    return hash;
}

void sim_disk_lie(struct sim_disk *d, bool lies)
{
    d->lies = lies;
}

void sim_disk_plan(struct sim_disk *d, const struct sim_cut *cut)
{
    assert(d->planned || (d->now.count == 0 && d->change_count == 0)); /* so that no change goes unnoticed */
    d->planned = true;
    d->plan = *cut;
}

void sim_disk_watch(struct sim_disk *d, const struct sim_disk_watch *watch)
{
    d->watch = watch;
}

bool sim_disk_flip(struct sim_disk *d, const char *path, uint64_t bit)
{
    struct name *name = sim_name_find(&d->now, path);
    struct inode *f = name ? name->inode : NULL;
    size_t at = (size_t)(bit / 8);
    uint8_t mask = (uint8_t)(1u << (bit % 8));

    if (!f || f->directory || at >= f->now.len)
        return false;
    f->now.data[at] ^= mask;
    if (at < f->medium.len)
        f->medium.data[at] ^= mask;
    return true;
}
