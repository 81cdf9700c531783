/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_ring.c - the ring of a host with a disk.
 *
 * A write is done at a time drawn when it was submitted, in no order with others, and told of at a later step.  The
 * seed refuses some, and leaves some undone or cut short.
 */
#include "sys/sim/sim_world.h"

#include <assert.h>

static enum err submit(struct ring *ring, struct ring_write *w)
{
    struct sim_host *h = container_of(ring, struct sim_host, ring);
    struct sim_ring_place *place = NULL;

    if (!sim_disk_is_direct(w->file))
        return ERR_UNSUPPORTED;
    for (size_t i = 0; i < SIM_RING_PLACES && !place; i++)
        place = h->ring_places[i].write ? NULL : &h->ring_places[i];
    if (h->dead || !place || sim_chance(h->sim, 1))
        return ERR_BUSY;
    *place = (struct sim_ring_place){.host = h, .write = w, .when_ns = sim_work_time(h->sim)};
    return OK;
}

static const struct ring_ops ring_ops = {.submit = submit};

void sim_ring_init(struct sim_host *h)
{
    h->ring.ops = &ring_ops;
}

void sim_ring_offer(struct sim_host *h)
{
    for (size_t i = 0; i < SIM_RING_PLACES; i++) {
        struct sim_ring_place *p = &h->ring_places[i];
        if (p->write)
            sim_offer(h->sim, p->when_ns, p->written ? EVENT_RING_DONE : EVENT_RING_WRITE, h->ordinal, p);
    }
}

/* Nothing of it, or some pages, and no sync: as where a kernel was disturbed. */
static enum err cut_short(struct sim_host *h, const struct ring_write *w)
{
    const size_t pages = (size_t)random_below(&h->sim->random, w->len / DISK_ALIGN);
    const struct bytes part = bytes_of(w->data, pages * DISK_ALIGN);
    const enum err err = pages > 0 ? file_write(w->file, w->offset, &part, 1) : OK;

    return err == OK ? ERR_UNSUPPORTED : err;
}

static void write_now(struct sim_ring_place *p)
{
    const struct ring_write *w = p->write;

    p->err = sim_chance(p->host->sim, 1) ? cut_short(p->host, w)
                                         : sim_disk_write_synced(w->file, w->offset, bytes_of(w->data, w->len));
    p->written = true;
    p->when_ns = sim_soon(p->host->sim, 10);
}

void sim_ring_run(const struct event *e)
{
    struct sim_ring_place *p = e->subject;

    if (e->kind == EVENT_RING_WRITE) {
        write_now(p);
        return;
    }
    const struct sim_ring_place ended = *p;
    p->write = NULL;
    ended.write->done(ended.write, ended.err);
}

void sim_ring_crash(struct sim_host *h)
{
    for (size_t i = 0; i < SIM_RING_PLACES; i++)
        h->ring_places[i].write = NULL; /* its owner's, and forgotten */
}
