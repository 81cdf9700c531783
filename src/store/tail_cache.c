/* SPDX-License-Identifier: Apache-2.0
 *
 * tail_cache.c - the newest entries in memory; see tail_cache.h.
 */
#include "store/tail_cache.h"

#include <assert.h>
#include <stdlib.h>

struct cached_entry {
    struct list order; /* of the cache */
    struct tail_run *run;
    struct entry entry; /* holds a reference */
    size_t charge;
};

#define RING_FIRST 8u

void tail_cache_init(struct tail_cache *c, size_t bytes)
{
    *c = (struct tail_cache){.entries = 0};
    list_init(&c->order);
    c->budget = (struct budget){.name = "tail_cache", .limit = bytes};
}

void tail_cache_deinit(struct tail_cache *c)
{
    assert(list_empty(&c->order) && c->budget.used == 0);
}

void tail_run_init(struct tail_run *r)
{
    *r = (struct tail_run){0};
}

/* The oldest entry of the run goes. */
static void run_pop(struct tail_cache *c, struct tail_run *r)
{
    assert(r->count > 0);

    struct cached_entry *e = r->ring[r->head];
    assert(e->entry.position.entry == r->first);
    r->head = (r->head + 1) & (r->capacity - 1);
    r->first++;
    if (--r->count == 0) { /* an idle ledger keeps no ring */
        free(r->ring);
        tail_run_init(r);
    }
    c->budget.used -= e->charge;
    c->entries--;
    list_remove(&e->order);
    slice_unref(&e->entry.bytes);
    free(e);
}

void tail_run_deinit(struct tail_cache *c, struct tail_run *r)
{
    while (r->count > 0)
        run_pop(c, r);
    free(r->ring); /* which is there, empty, when memory failed for its first entry */
    tail_run_init(r);
}

static enum err run_grow(struct tail_run *r)
{
    if (r->count < r->capacity)
        return OK;
    const uint32_t capacity = r->capacity ? r->capacity * 2 : RING_FIRST;
    struct cached_entry **ring = malloc(capacity * sizeof *ring);
    if (!ring)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < r->count; i++)
        ring[i] = r->ring[(r->head + i) & (r->capacity - 1)];
    free(r->ring);
    r->ring = ring;
    r->capacity = capacity;
    r->head = 0;
    return OK;
}

/* What the cache keeps is the cache's to account for; the sockets' budget must not run dry of it. */
static enum err keep_bytes(struct slice *out, struct slice bytes, bool gathered)
{
    enum err err = OK;

    if (gathered)
        *out = slice_ref(bytes);
    else
        err = slice_keep(out, bytes);
    if (err == OK && out->buffer)
        buffer_charge(out->buffer, NULL);
    return err;
}

static struct cached_entry *cached_new(struct slice bytes, bool gathered)
{
    struct cached_entry *e = malloc(sizeof *e);
    if (!e)
        return NULL;
    if (keep_bytes(&e->entry.bytes, bytes, gathered) != OK) {
        free(e);
        return NULL;
    }
    list_init(&e->order);
    e->charge = sizeof *e + (gathered || !e->entry.bytes.buffer ? bytes.len : e->entry.bytes.buffer->capacity);
    return e;
}

static void evict(struct tail_cache *c)
{
    for (; c->budget.used > c->budget.limit && !list_empty(&c->order); c->evictions++)
        run_pop(c, container_of(c->order.next, struct cached_entry, order)->run);
}

void tail_cache_add(struct tail_cache *c, struct tail_run *r, uint64_t ledger, uint32_t id,
                    const struct entry_header *h, struct slice bytes, bool gathered)
{
    assert(r->count == 0 || id == r->first + r->count);

    struct cached_entry *e = run_grow(r) == OK ? cached_new(bytes, gathered) : NULL;
    if (!e) {
        tail_run_deinit(c, r);
        return;
    }
    e->run = r;
    e->entry.position = (struct position){.ledger = (int64_t)ledger, .entry = id};
    e->entry.header = *h;
    if (r->count == 0)
        r->first = id;
    r->ring[(r->head + r->count++) & (r->capacity - 1)] = e;
    list_push_back(&c->order, &e->order);
    c->budget.used += e->charge;
    c->entries++;
    evict(c);
}

const struct entry *tail_run_find(const struct tail_run *r, uint32_t id)
{
    if (id < r->first || id - r->first >= r->count)
        return NULL;
    return &r->ring[(r->head + (id - r->first)) & (r->capacity - 1)]->entry;
}
