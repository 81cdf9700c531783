/* SPDX-License-Identifier: Apache-2.0
 *
 * chunks.c - see chunks.h.
 */
#include "broker/chunks.h"

#include "broker/pending.h"
#include "broker/subscription.h"
#include "wire/entry_view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct bytes name_of(const struct chunked *c)
{
    return bytes_of(c->name, c->name_len);
}

/* "name uuid", with a NUL between them. */
static struct chunked *chunked_new(const struct metadata *m)
{
    const size_t len = m->producer_name.len + 1 + m->chunk_uuid.len;
    struct chunked *c = malloc(sizeof *c + len);

    if (!c)
        return NULL;
    *c = (struct chunked){.name_len = len};
    memcpy(c->name, m->producer_name.data, m->producer_name.len);
    c->name[m->producer_name.len] = '\0';
    if (m->chunk_uuid.len)
        memcpy(c->name + m->producer_name.len + 1, m->chunk_uuid.data, m->chunk_uuid.len);
    return c;
}

/* The message, as others know it already, or as a new one. */
static struct chunked *chunked_obtain(struct map *all, const struct metadata *m)
{
    struct chunked *fresh = chunked_new(m), *known;

    if (!fresh)
        return NULL;
    if ((known = map_find(all, name_of(fresh)))) {
        free(fresh);
        return known;
    }
    if (map_put(all, name_of(fresh), fresh) == OK)
        return fresh;
    free(fresh);
    return NULL;
}

bool chunks_identify(struct subscription *s, struct pending *p, const struct entry *e)
{
    struct entry_view view;

    if (p->chunked || !(e->header.flags & ENTRY_CHUNK) ||
        entry_view_decode(bytes_of(e->bytes.data, e->bytes.len), &view) != OK)
        return true;
    if (view.metadata.producer_name.len + 1 + view.metadata.chunk_uuid.len > CHUNKED_NAME_MAX)
        return true;
    if (!(p->chunked = chunked_obtain(&s->dispatch.chunked, &view.metadata)))
        return false;
    p->chunked->known++;
    return true;
}

void chunks_enters(struct subscription *s, struct pending *p)
{
    struct chunked *c = p->chunked;

    if (!c || !p->consumer)
        return;
    assert(!c->holder || c->holder == p->consumer);
    c->holder = p->consumer;
    c->held++;
}

void chunks_leaves(struct subscription *s, struct pending *p)
{
    struct chunked *c = p->chunked;

    if (!c || !p->consumer)
        return;
    assert(c->held > 0);
    if (--c->held == 0)
        c->holder = NULL;
}

void chunks_forget(struct subscription *s, struct pending *p)
{
    struct chunked *c = p->chunked;

    p->chunked = NULL;
    if (!c || --c->known > 0)
        return;
    (void)map_remove(&s->dispatch.chunked, name_of(c));
    free(c);
}

struct consumer *chunks_holder(const struct pending *p)
{
    return p->chunked ? p->chunked->holder : NULL;
}

void chunks_check(const struct subscription *s)
{
    const struct chunked *c;
    size_t at = 0, known = 0, found = 0;

    while ((c = map_next(&s->dispatch.chunked, &at))) {
        assert(c->known > 0);
        assert((c->held > 0) == (c->holder != NULL));
        known += c->known;
    }
    tree_each (node, &s->dispatch.pending)
        found += container_of_const(node, struct pending, node)->chunked != NULL;
    tree_each (node, &s->dispatch.replay)
        found += container_of_const(node, struct pending, node)->chunked != NULL;
    assert(known == found);
}
