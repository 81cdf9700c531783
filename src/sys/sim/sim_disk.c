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
#include "sys/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SECTOR       512u
#define FILES_MAX    65536u
#define FILE_MAX     (1ull << 32)
#define PATH_MAX_LEN 255u

struct image {
    uint8_t *data;
    size_t len, capacity; /* bytes [len, capacity) are zero */
};

struct inode {
    uint32_t refs; /* names, changes of names, open files */
    bool directory;
    struct image now, medium;
    uint8_t *dirty; /* one per sector of now's capacity */
    size_t dirty_capacity;
};

struct name {
    char *path;
    struct inode *inode;
};

struct names {
    struct name *at;
    size_t count, capacity;
};

/* A change of names not yet on the medium: `path` becomes `inode`'s (NULL: nobody's), `from` nobody's if it was. */
struct change {
    char *path, *from; /* from: NULL but for a rename */
    struct inode *inode;
    uint64_t sequence;
};

/* A change of a file not yet on the medium; kept with a plan only. */
struct pending {
    struct inode *inode; /* not counted: its end takes these with it */
    uint64_t sequence;   /* shared with changes of names */
    bool resizes;        /* to `offset`; else it writes */
    size_t offset, len;
    uint8_t *data;
};

struct fault {
    unsigned ops;
    uint64_t n; /* operations of these kinds until it strikes; 0: none */
    enum err err;
    bool kills; /* of crash: the process only */
    bool stays; /* strikes again at every later one */
};

struct sim_disk {
    struct disk disk;
    struct random *random;
    struct names now, medium;
    struct change *changes;
    size_t change_count, change_capacity;
    uint64_t life; /* which incarnation; open files remember theirs */
    bool dead, lies;
    char *lock_holder; /* NULL: free */
    uint64_t capacity, used;
    uint64_t counts[SIM_DISK_OPS]; /* by bit of enum sim_disk_op */
    struct fault fault, crash;
    uint64_t faults; /* that struck */
    bool planned;
    struct sim_cut plan;
    struct pending *pending; /* in order */
    size_t pending_count, pending_capacity;
    uint64_t sequence;
    const struct sim_disk_watch *watch; /* may be NULL */
};

struct sim_file {
    struct file file;
    struct sim_disk *disk;
    struct inode *inode;
    uint64_t life;
    unsigned flags;
};

static void *alloc(size_t len)
{
    void *at = calloc(1, len);

    assert(at); /* the simulator is a test */
    return at;
}

static void *grow(void *at, size_t *capacity, size_t needed, size_t size)
{
    size_t next = *capacity ? *capacity : 16;

    if (needed <= *capacity)
        return at;
    while (next < needed)
        next *= 2;
    at = realloc(at, next * size);
    assert(at);
    memset((uint8_t *)at + *capacity * size, 0, (next - *capacity) * size);
    *capacity = next;
    return at;
}

static bool coin(struct sim_disk *d)
{
    return random_below(d->random, 2) == 0;
}

/* ---- files as images ---- */

static size_t sectors(size_t len)
{
    return (len + SECTOR - 1) / SECTOR;
}

/* Grown by zeros, or cut. */
static void image_resize(struct image *m, size_t len)
{
    m->data = grow(m->data, &m->capacity, len, 1);
    if (len < m->len)
        memset(m->data + len, 0, m->len - len);
    m->len = len;
}

static void mark_dirty(struct inode *f, size_t offset, size_t len)
{
    size_t first = offset / SECTOR, end = sectors(offset + len);

    if (end == first)
        return;
    f->dirty = grow(f->dirty, &f->dirty_capacity, end, 1);
    memset(f->dirty + first, 1, end - first);
}

static bool is_dirty(const struct inode *f, size_t sector)
{
    return sector < f->dirty_capacity && f->dirty[sector];
}

/* Puts one sector as it is now on the medium, as far as both reach. */
static void write_back(struct inode *f, size_t sector)
{
    size_t from = sector * SECTOR, to = from + SECTOR;

    if (from >= f->now.len)
        return;
    to = to < f->now.len ? to : f->now.len;
    if (f->medium.len < to)
        image_resize(&f->medium, to);
    memcpy(f->medium.data + from, f->now.data + from, to - from);
}

static void sync_all(struct inode *f)
{
    for (size_t i = 0; i < f->dirty_capacity; i++)
        if (f->dirty[i]) {
            write_back(f, i);
            f->dirty[i] = 0;
        }
    image_resize(&f->medium, f->now.len);
}

/* ---- changes one by one, with a plan ---- */

static void remember(struct sim_disk *d, struct pending p)
{
    if (!d->planned)
        return;
    p.sequence = ++d->sequence;
    d->pending = grow(d->pending, &d->pending_capacity, d->pending_count + 1, sizeof *d->pending);
    d->pending[d->pending_count++] = p;
}

static void remember_write(struct sim_disk *d, struct inode *inode, uint64_t offset, const struct bytes *parts,
                           size_t count, uint64_t limit)
{
    struct pending p = {.inode = inode, .offset = (size_t)offset};

    if (!d->planned || limit == 0)
        return;
    p.data = alloc((size_t)limit);
    for (size_t i = 0; i < count && p.len < limit; i++) {
        size_t left = (size_t)limit - p.len, len = parts[i].len < left ? parts[i].len : left;
        if (len > 0)
            memcpy(p.data + p.len, parts[i].data, len);
        p.len += len;
    }
    remember(d, p);
}

static void forget_changes(struct sim_disk *d, const struct inode *f)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->pending_count; i++) {
        if (d->pending[i].inode == f)
            free(d->pending[i].data);
        else
            d->pending[kept++] = d->pending[i];
    }
    d->pending_count = kept;
}

static void image_write(struct image *m, size_t offset, const uint8_t *data, size_t len)
{
    if (m->len < offset + len)
        image_resize(m, offset + len);
    memcpy(m->data + offset, data, len);
}

/* The part of a write that lies in sector `nth` of those it touches. */
static void write_sector(const struct pending *p, size_t nth)
{
    const size_t first = p->offset / SECTOR;
    size_t from = (first + nth) * SECTOR, to = from + SECTOR;

    from = from < p->offset ? p->offset : from;
    to = to > p->offset + p->len ? p->offset + p->len : to;
    image_write(&p->inode->medium, from, p->data + (from - p->offset), to - from);
}

static void apply_pending(const struct pending *p)
{
    if (p->resizes)
        image_resize(&p->inode->medium, p->offset);
    else
        image_write(&p->inode->medium, p->offset, p->data, p->len);
}

/* A write of one sector is there or not: here it is not. */
static void apply_torn(const struct pending *p, enum sim_cut_kind kind)
{
    const size_t count = p->len > 0 ? sectors(p->offset + p->len) - p->offset / SECTOR : 0;

    for (size_t i = 0; i < count && !p->resizes; i++) {
        if (kind == SIM_CUT_TORN_HEAD ? i < count / 2 : kind == SIM_CUT_TORN_TAIL ? i >= (count + 1) / 2 : i % 2)
            write_sector(p, i);
    }
}

static bool plan_keeps(const struct sim_cut *plan, size_t number)
{
    switch (plan->kind) {
    case SIM_CUT_PREFIX:
        return number <= plan->n;
    case SIM_CUT_TORN_HEAD:
    case SIM_CUT_TORN_TAIL:
    case SIM_CUT_TORN_STRIPES:
        return number < plan->n;
    case SIM_CUT_WITHOUT:
        return number != plan->n;
    case SIM_CUT_ONLY:
        return number == plan->n;
    }
    return false;
}

static void apply_by_plan(const struct sim_disk *d, const struct pending *p, size_t number)
{
    const enum sim_cut_kind kind = d->plan.kind;

    if (plan_keeps(&d->plan, number))
        apply_pending(p);
    else if (number == d->plan.n && kind >= SIM_CUT_TORN_HEAD && kind <= SIM_CUT_TORN_STRIPES)
        apply_torn(p, kind);
}

/* A sync that failed: the first half of the file's changes, or none, or all. */
static void sync_by_plan(struct sim_disk *d, struct inode *f)
{
    size_t count = 0, at = 0;

    for (size_t i = 0; i < d->pending_count; i++)
        count += d->pending[i].inode == f;
    for (size_t i = 0; i < d->pending_count; i++) {
        if (d->pending[i].inode == f && at++ < count * d->plan.halves / 2)
            apply_pending(&d->pending[i]);
    }
    if (f->dirty_capacity > 0)
        memset(f->dirty, 0, f->dirty_capacity);
    forget_changes(d, f);
}

/* What a power cut, or a failed sync, leaves to chance. */
static void sync_some(struct sim_disk *d, struct inode *f)
{
    uint64_t share = random_below(d->random, 5); /* of 4: from none to all */
    size_t synced_len = f->medium.len;

    for (size_t i = 0; i < f->dirty_capacity; i++) {
        if (f->dirty[i] && random_below(d->random, 4) < share)
            write_back(f, i);
        f->dirty[i] = 0;
    }
    if (f->now.len != synced_len && coin(d)) /* the length itself was on its way, too */
        image_resize(&f->medium, coin(d) ? f->now.len : synced_len);
}

static uint64_t room(const struct sim_disk *d)
{
    return d->used < d->capacity ? d->capacity - d->used : 0;
}

/* Bytes over a sector that was written before and not synced: the machine may have put that on the medium meanwhile. */
static void put_bytes(struct sim_disk *d, struct inode *f, size_t offset, struct bytes b)
{
    if (b.len == 0)
        return;
    for (size_t i = offset / SECTOR; i < sectors(offset + b.len) && !d->planned; i++)
        if (is_dirty(f, i) && random_below(d->random, 4) == 0)
            write_back(f, i);
    if (offset > f->now.len)
        mark_dirty(f, f->now.len, offset - f->now.len); /* the hole: zeros, over whatever the medium has there */
    if (offset + b.len > f->now.len) {
        d->used += offset + b.len - f->now.len;
        image_resize(&f->now, offset + b.len);
    }
    memcpy(f->now.data + offset, b.data, b.len);
    mark_dirty(f, offset, b.len);
}

static struct inode *inode_ref(struct inode *f)
{
    if (f)
        f->refs++;
    return f;
}

static void inode_unref(struct sim_disk *d, struct inode *f)
{
    if (!f || --f->refs > 0)
        return;
    forget_changes(d, f);
    d->used -= f->now.len;
    free(f->now.data);
    free(f->medium.data);
    free(f->dirty);
    free(f);
}

/* ---- names ---- */

static char *copy_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    assert(!text || copy);
    return copy;
}

static struct name *name_find(const struct names *n, const char *path)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->at[i].path, path) == 0)
            return &n->at[i];
    return NULL;
}

static void name_remove(struct sim_disk *d, struct names *n, const char *path)
{
    struct name *name = name_find(n, path);

    if (!name)
        return;
    free(name->path);
    inode_unref(d, name->inode);
    memmove(name, name + 1, (size_t)(&n->at[n->count] - (name + 1)) * sizeof *name);
    n->count--;
}

static void name_set(struct sim_disk *d, struct names *n, const char *path, struct inode *inode)
{
    inode_ref(inode);
    name_remove(d, n, path);
    if (!inode)
        return;
    n->at = grow(n->at, &n->capacity, n->count + 1, sizeof *n->at);
    n->at[n->count++] = (struct name){.path = copy_text(path), .inode = inode};
}

static void names_clear(struct sim_disk *d, struct names *n)
{
    while (n->count > 0)
        name_remove(d, n, n->at[n->count - 1].path);
}

/* The directory of a path, "" for the top. */
static void parent_of(const char *path, char to[PATH_MAX_LEN + 1])
{
    const char *slash = strrchr(path, '/');

    snprintf(to, PATH_MAX_LEN + 1, "%.*s", slash ? (int)(slash - path) : 0, path);
}

static bool lies_in(const char *path, const char *directory)
{
    char parent[PATH_MAX_LEN + 1];

    parent_of(path, parent);
    return strcmp(parent, directory) == 0;
}

static bool directory_is(const struct names *n, const char *path)
{
    const struct name *name = path[0] == '\0' ? NULL : name_find(n, path);

    return path[0] == '\0' || (name && name->inode->directory);
}

/* "." and "" are the top; no other form of a path is taken. */
static const char *plain(const char *path)
{
    return strcmp(path, ".") == 0 ? "" : path;
}

static void change_apply(struct sim_disk *d, struct names *n, const struct change *c)
{
    const struct name *from = c->from ? name_find(n, c->from) : NULL;

    if (from && from->inode == c->inode)
        name_remove(d, n, c->from);
    name_set(d, n, c->path, c->inode);
}

static void change_drop(struct sim_disk *d, struct change *c)
{
    free(c->path);
    free(c->from);
    inode_unref(d, c->inode);
}

/* Does it, and remembers that the medium does not know. */
static void change_names(struct sim_disk *d, const char *path, const char *from, struct inode *inode)
{
    struct change *c;

    d->changes = grow(d->changes, &d->change_capacity, d->change_count + 1, sizeof *d->changes);
    c = &d->changes[d->change_count++];
    *c = (struct change){
        .path = copy_text(path), .from = copy_text(from), .inode = inode_ref(inode), .sequence = ++d->sequence};
    change_apply(d, &d->now, c);
}

static void sync_names(struct sim_disk *d, const char *directory)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->change_count; i++) {
        struct change c = d->changes[i];
        if (lies_in(c.path, directory) || (c.from && lies_in(c.from, directory))) {
            change_apply(d, &d->medium, &c);
            change_drop(d, &c);
        } else {
            d->changes[kept++] = c;
        }
    }
    d->change_count = kept;
}

/* ---- the power ---- */

/* Files whose directory did not survive go with it. */
static void drop_orphans(struct sim_disk *d, struct names *n)
{
    char parent[PATH_MAX_LEN + 1];

    for (size_t i = 0; i < n->count;) {
        parent_of(n->at[i].path, parent);
        if (directory_is(n, parent)) {
            i++;
        } else {
            name_remove(d, n, n->at[i].path);
            i = 0;
        }
    }
}

static void decide_names(struct sim_disk *d)
{
    bool in_order = random_below(d->random, 4) > 0;
    size_t first = random_below(d->random, d->change_count + 1);

    for (size_t i = 0; i < d->change_count; i++) {
        if (in_order ? i < first : coin(d))
            change_apply(d, &d->medium, &d->changes[i]);
        change_drop(d, &d->changes[i]);
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
        inode_ref(d->pending[i].inode); /* none may go while we are at it */
    while (names < d->change_count || files < d->pending_count) {
        struct change *c = names < d->change_count ? &d->changes[names] : NULL;
        const struct pending *p = files < d->pending_count ? &d->pending[files] : NULL;
        number++;
        if (!c || (p && p->sequence < c->sequence)) {
            apply_by_plan(d, p, number);
            files++;
        } else {
            if (plan_keeps(&d->plan, number))
                change_apply(d, &d->medium, c);
            names++;
        }
    }
    for (size_t i = 0; i < d->change_count; i++)
        change_drop(d, &d->changes[i]);
    d->change_count = 0;
    while (d->pending_count > 0) {
        struct pending p = d->pending[--d->pending_count];
        if (p.inode->dirty_capacity > 0)
            memset(p.inode->dirty, 0, p.inode->dirty_capacity);
        free(p.data);
        inode_unref(d, p.inode);
    }
}

static void names_as_on_medium(struct sim_disk *d)
{
    drop_orphans(d, &d->medium);
    names_clear(d, &d->now);
    for (size_t i = 0; i < d->medium.count; i++)
        name_set(d, &d->now, d->medium.at[i].path, d->medium.at[i].inode);
}

static void bytes_as_on_medium(struct sim_disk *d, struct inode *f)
{
    d->used -= f->now.len;
    d->used += f->medium.len;
    image_resize(&f->now, f->medium.len);
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
            sync_some(d, d->now.at[i].inode);
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
    struct inode *f = alloc(sizeof *f);

    assert(d->now.count < FILES_MAX);
    f->directory = directory;
    change_names(d, path, NULL, f);
    return f;
}

static enum err find_or_make(struct sim_disk *d, const char *path, unsigned flags, struct inode **out)
{
    const struct name *name = name_find(&d->now, path);
    char parent[PATH_MAX_LEN + 1];

    parent_of(path, parent);
    if (!directory_is(&d->now, parent) || strlen(path) > PATH_MAX_LEN)
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
    f = alloc(sizeof *f);
    f->file.disk = disk;
    f->disk = d;
    f->inode = inode_ref(inode);
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
    path = plain(path);
    if (directory_is(&d->now, path))
        return OK;
    name = name_find(&d->now, path);
    parent_of(path, parent);
    if (name || !directory_is(&d->now, parent))
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
    name = name_find(&d->now, from);
    parent_of(to, parent);
    if (!name || !directory_is(&d->now, parent))
        return ERR_NOT_FOUND;
    assert(!name->inode->directory); /* nobody needs it */
    change_names(d, to, from, name->inode);
    return OK;
}

static enum err op_unlink(struct disk *disk, const char *path)
{
    struct sim_disk *d = disk_of(disk);
    const struct name *name;
    enum err err = begin_whole(d, SIM_DISK_OP_UNLINK);

    if (err != OK)
        return err;
    name = name_find(&d->now, path);
    if (!name)
        return ERR_NOT_FOUND;
    if (name->inode->directory)
        return ERR_INVALID;
    change_names(d, path, NULL, NULL);
    return OK;
}

static enum err op_sync_dir(struct disk *disk, const char *path)
{
    struct sim_disk *d = disk_of(disk);
    enum err err = begin_whole(d, SIM_DISK_OP_SYNC_DIR);

    if (err != OK)
        return err;
    path = plain(path);
    if (!directory_is(&d->now, path))
        return ERR_NOT_FOUND;
    if (!d->lies)
        sync_names(d, path);
    return OK;
}

static enum err op_list(struct disk *disk, const char *path, void (*each)(void *ctx, const char *name), void *ctx)
{
    struct sim_disk *d = disk_of(disk);
    enum err err = begin_whole(d, SIM_DISK_OP_LIST);

    if (err != OK)
        return err;
    path = plain(path);
    if (!directory_is(&d->now, path))
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < d->now.count; i++) {
        const char *name = d->now.at[i].path;
        if (lies_in(name, path))
            each(ctx, path[0] ? name + strlen(path) + 1 : name);
    }
    return OK;
}

static enum err op_free_bytes(struct disk *disk, uint64_t *out)
{
    const struct sim_disk *d = disk_of(disk);

    if (d->dead)
        return ERR_IO;
    *out = room(d);
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
    remember_write(d, inode, 0, &text, 1, text.len);
    put_bytes(d, inode, 0, text);
    d->lock_holder = copy_text(holder);
    return OK;
}

static void op_close(struct file *file)
{
    struct sim_file *f = file_of(file);

    inode_unref(f->disk, f->inode);
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
    remember_write(f->disk, f->inode, offset, parts, count, limit);
    for (size_t i = 0; i < count && limit > 0; i++) {
        size_t len = parts[i].len < limit ? parts[i].len : (size_t)limit;
        put_bytes(f->disk, f->inode, (size_t)offset, bytes_of(parts[i].data, len));
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
    const uint64_t fits = f->inode->now.len + room(d);

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
    if (verdict == PROCEED && end > f->inode->now.len && end - f->inode->now.len > room(d)) {
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

static enum err op_sync(struct file *file)
{
    struct sim_file *f = file_of(file);
    enum err err;
    enum verdict verdict = begin(f->disk, SIM_DISK_OP_SYNC, 0, &err);

    if (f->disk->dead || stale(f))
        return ERR_IO;
    if (verdict == PROCEED) {
        if (!f->disk->lies) {
            sync_all(f->inode);
            forget_changes(f->disk, f->inode);
        }
        return OK;
    }
    if (verdict == CRASH)
        strike_down(f->disk); /* and with it what part of this sync was done */
    else if (f->disk->planned)
        sync_by_plan(f->disk, f->inode);
    else
        sync_some(f->disk, f->inode);
    return err;
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
    if (len > inode->now.len && len - inode->now.len > room(d))
        return ERR_NOSPACE;
    if (len < inode->now.len)
        mark_dirty(inode, (size_t)len, inode->now.len - (size_t)len);
    else
        mark_dirty(inode, inode->now.len, (size_t)len - inode->now.len);
    d->used -= inode->now.len;
    d->used += len;
    image_resize(&inode->now, (size_t)len);
    remember(d, (struct pending){.inode = inode, .resizes = true, .offset = (size_t)len});
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
    struct sim_disk *d = alloc(sizeof *d);

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
        change_drop(d, &d->changes[i]);
    names_clear(d, &d->now);
    names_clear(d, &d->medium);
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
    struct name *name = name_find(&d->now, path);
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
