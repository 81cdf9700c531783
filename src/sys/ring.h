/* SPDX-License-Identifier: Apache-2.0
 *
 * ring.h - writes that are synced, and that no thread waits for: the loop's own thread hands them to the kernel.
 *
 * For what is small and alone: a worker would have to be woken for it, and the loop's thread again when it is done.
 * A write past the page cache and its sync are one: how it ended is told once, of both.  Production: sys/uv_ring.h.
 * Simulation: sys/sim/sim_ring.c.  A struct sys may have none, and any write may be refused: whoever writes has
 * another way, too.
 */
#ifndef SYS_RING_H
#define SYS_RING_H

#include "sys/disk.h"
#include <assert.h>

struct ring;

/* Embedded by its owner.  The file, the bytes and this are the ring's until `done`; what fails them is the process's
 * end alone, and then the kernel holds the bytes' memory itself. */
struct ring_write {
    struct file *file; /* opened with DISK_DIRECT */
    uint64_t offset;   /* these three are multiples of DISK_ALIGN, data in its place in memory */
    const uint8_t *data;
    size_t len;
    /* On the loop, exactly once, after ring_submit has returned; in no order among several.
     * OK              written, and synced: these bytes, and what is needed to read them back, nothing else.
     * ERR_NOSPACE     no room; any part may be there.
     * ERR_UNSUPPORTED not done, or not all of it, and nothing is lost: it can be written in another way.
     * any other       as of a sync that failed. */
    void (*done)(struct ring_write *w, enum err err);
};

struct ring_ops {
    enum err (*submit)(struct ring *ring, struct ring_write *w);
};

/* Embedded at the start of an implementation. */
struct ring {
    const struct ring_ops *ops;
};

/* From the loop's thread.  Does not wait.  Nothing was done, and `done` will not be called: ERR_BUSY, because others are
 * under way; ERR_UNSUPPORTED, and need not be asked again for files of this directory. */
static inline MUST_USE enum err ring_submit(struct ring *r, struct ring_write *w)
{
    assert(w->offset % DISK_ALIGN == 0 && w->len % DISK_ALIGN == 0 && (uintptr_t)w->data % DISK_ALIGN == 0);
    assert(w->len > 0);
    return r->ops->submit(r, w);
}

#endif
