/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk_files.c - the bytes of the simulated disk's files: as they are now, and as they are on the medium.
 *
 * Between the two lie dirty sectors, of which the seed decides how many a power cut leaves; or, with a plan, the
 * changes since the last sync one by one.  The whole is told in sim_disk.c.
 */
#include "sys/sim/sim_disk_private.h"

#include <assert.h>
#include <stdlib.h>

void *sim_grow(void *at, size_t *capacity, size_t needed, size_t size)
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

bool sim_disk_coin(struct sim_disk *d)
{
    return random_below(d->random, 2) == 0;
}

char *sim_copy_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    assert(!text || copy);
    return copy;
}

/* ---- files as images ---- */

static size_t sectors(size_t len)
{
    return (len + SECTOR - 1) / SECTOR;
}

/* Grown by zeros, or cut. */
void sim_image_resize(struct image *m, size_t len)
{
    m->data = sim_grow(m->data, &m->capacity, len, 1);
    if (len < m->len)
        memset(m->data + len, 0, m->len - len);
    m->len = len;
}

void sim_inode_mark_dirty(struct inode *f, size_t offset, size_t len)
{
    size_t first = offset / SECTOR, end = sectors(offset + len);

    if (end == first)
        return;
    f->dirty = sim_grow(f->dirty, &f->dirty_capacity, end, 1);
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
        sim_image_resize(&f->medium, to);
    memcpy(f->medium.data + from, f->now.data + from, to - from);
}

void sim_inode_sync(struct inode *f)
{
    for (size_t i = 0; i < f->dirty_capacity; i++)
        if (f->dirty[i]) {
            write_back(f, i);
            f->dirty[i] = 0;
        }
    sim_image_resize(&f->medium, f->now.len);
}

/* Whole sectors, which are there. */
void sim_inode_sync_stretch(struct inode *f, size_t offset, size_t len)
{
    assert(offset % SECTOR == 0 && len % SECTOR == 0 && offset + len <= f->now.len);
    for (size_t i = offset / SECTOR; i < (offset + len) / SECTOR; i++) {
        write_back(f, i);
        f->dirty[i] = 0;
    }
}

/* ---- changes one by one, with a plan ---- */

void sim_plan_remember(struct sim_disk *d, struct pending p)
{
    if (!d->planned)
        return;
    p.sequence = ++d->sequence;
    d->pending = sim_grow(d->pending, &d->pending_capacity, d->pending_count + 1, sizeof *d->pending);
    d->pending[d->pending_count++] = p;
}

void sim_plan_remember_write(struct sim_disk *d, struct inode *inode, uint64_t offset, const struct bytes *parts,
                             size_t count, uint64_t limit)
{
    struct pending p = {.inode = inode, .offset = (size_t)offset};

    if (!d->planned || limit == 0)
        return;
    p.data = sim_alloc((size_t)limit);
    for (size_t i = 0; i < count && p.len < limit; i++) {
        size_t left = (size_t)limit - p.len, len = parts[i].len < left ? parts[i].len : left;
        if (len > 0)
            memcpy(p.data + p.len, parts[i].data, len);
        p.len += len;
    }
    sim_plan_remember(d, p);
}

static bool lies_in(const struct pending *p, size_t offset, size_t len)
{
    const bool apart = p->resizes || p->offset + p->len <= offset || p->offset >= offset + len;
    const bool within = p->offset >= offset && p->offset + p->len <= offset + len;

    assert(apart || within); /* of a part of a change it could not be told */
    return !apart;
}

/* All of the file's, or those of a stretch. */
static void forget(struct sim_disk *d, const struct inode *f, bool all, size_t offset, size_t len)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->pending_count; i++) {
        if (d->pending[i].inode == f && (all || lies_in(&d->pending[i], offset, len)))
            free(d->pending[i].data);
        else
            d->pending[kept++] = d->pending[i];
    }
    d->pending_count = kept;
}

void sim_plan_forget_stretch(struct sim_disk *d, const struct inode *f, size_t offset, size_t len)
{
    forget(d, f, false, offset, len);
}

void sim_plan_forget(struct sim_disk *d, const struct inode *f)
{
    forget(d, f, true, 0, 0);
}

static void image_write(struct image *m, size_t offset, const uint8_t *data, size_t len)
{
    if (m->len < offset + len)
        sim_image_resize(m, offset + len);
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
        sim_image_resize(&p->inode->medium, p->offset);
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

bool sim_plan_keeps(const struct sim_cut *plan, size_t number)
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

void sim_plan_apply(const struct sim_disk *d, const struct pending *p, size_t number)
{
    const enum sim_cut_kind kind = d->plan.kind;

    if (sim_plan_keeps(&d->plan, number))
        apply_pending(p);
    else if (number == d->plan.n && kind >= SIM_CUT_TORN_HEAD && kind <= SIM_CUT_TORN_STRIPES)
        apply_torn(p, kind);
}

/* A sync that failed: the first half of the file's changes, or none, or all. */
void sim_inode_sync_planned(struct sim_disk *d, struct inode *f)
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
    sim_plan_forget(d, f);
}

/* What a power cut, or a failed sync, leaves to chance. */
void sim_inode_sync_some(struct sim_disk *d, struct inode *f)
{
    uint64_t share = random_below(d->random, 5); /* of 4: from none to all */
    size_t synced_len = f->medium.len;

    for (size_t i = 0; i < f->dirty_capacity; i++) {
        if (f->dirty[i] && random_below(d->random, 4) < share)
            write_back(f, i);
        f->dirty[i] = 0;
    }
    if (f->now.len != synced_len && sim_disk_coin(d)) /* the length itself was on its way, too */
        sim_image_resize(&f->medium, sim_disk_coin(d) ? f->now.len : synced_len);
}

uint64_t sim_disk_room(const struct sim_disk *d)
{
    return d->used < d->capacity ? d->capacity - d->used : 0;
}

/* Bytes over a sector that was written before and not synced: the machine may have put that on the medium meanwhile. */
void sim_inode_write(struct sim_disk *d, struct inode *f, size_t offset, struct bytes b)
{
    if (b.len == 0)
        return;
    for (size_t i = offset / SECTOR; i < sectors(offset + b.len) && !d->planned; i++)
        if (is_dirty(f, i) && random_below(d->random, 4) == 0)
            write_back(f, i);
    if (offset > f->now.len)
        sim_inode_mark_dirty(f, f->now.len,
                             offset - f->now.len); /* the hole: zeros, over whatever the medium has there */
    if (offset + b.len > f->now.len) {
        d->used += offset + b.len - f->now.len;
        sim_image_resize(&f->now, offset + b.len);
    }
    memcpy(f->now.data + offset, b.data, b.len);
    sim_inode_mark_dirty(f, offset, b.len);
}

struct inode *sim_inode_ref(struct inode *f)
{
    if (f)
        f->refs++;
    return f;
}

void sim_inode_unref(struct sim_disk *d, struct inode *f)
{
    if (!f || --f->refs > 0)
        return;
    sim_plan_forget(d, f);
    d->used -= f->now.len;
    free(f->now.data);
    free(f->medium.data);
    free(f->dirty);
    free(f);
}
