/* SPDX-License-Identifier: Apache-2.0
 *
 * pending.c - see pending.h.
 */
#include "broker/pending.h"

#include "broker/chunks.h"
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/dispatcher.h"
#include "broker/readiness.h"

#include <assert.h>
#include <stdlib.h>

static struct broker *broker_of(const struct subscription *s)
{
    return s->topic->broker;
}

static int pending_compare(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key, container_of_const(node, struct pending, node)->position);
}

void pending_init(struct subscription *s)
{
    tree_init(&s->dispatch.pending, pending_compare);
    tree_init(&s->dispatch.replay, pending_compare);
}

struct pending *pending_new(struct subscription *s, struct position position, uint32_t messages)
{
    struct broker *b = broker_of(s);
    struct list *node = list_pop_front(&b->pending_pool);
    struct pending *p = node ? container_of(node, struct pending, of) : malloc(sizeof *p);

    if (node)
        b->pending_pool_count--;
    if (!p)
        return NULL;
    p->position = position;
    p->consumer = NULL;
    p->key = NULL;
    p->chunked = NULL;
    p->messages = messages;
    p->owed = 0;
    return p;
}

void pending_free(struct subscription *s, struct pending *p)
{
    struct broker *b = broker_of(s);

    if (s->dispatcher->forgets)
        s->dispatcher->forgets(s, p);
    chunks_forget(s, p);
    if (b->pending_pool_count == PENDING_POOL_MAX) {
        free(p);
        return;
    }
    list_push_front(&b->pending_pool, &p->of);
    b->pending_pool_count++;
}

void pending_enter(struct subscription *s, struct pending *p)
{
    struct dispatch *d = &s->dispatch;
    bool fresh = tree_insert(p->consumer ? &d->pending : &d->replay, &p->position, &p->node);

    assert(fresh);
    p->since_ns = loop_now_ns(broker_of(s)->loop);
    if (p->consumer) {
        list_push_back(&p->consumer->pending, &p->of);
        p->consumer->unacked += p->owed;
        d->unacked += p->owed;
    }
    if (s->dispatcher->enters)
        s->dispatcher->enters(s, p);
}

void pending_leave(struct subscription *s, struct pending *p)
{
    struct dispatch *d = &s->dispatch;

    if (s->dispatcher->leaves)
        s->dispatcher->leaves(s, p);
    tree_remove(p->consumer ? &d->pending : &d->replay, &p->node);
    if (p->consumer) {
        assert(p->consumer->unacked >= p->owed);
        assert(d->unacked >= p->owed);
        list_remove(&p->of);
        p->consumer->unacked -= p->owed;
        d->unacked -= p->owed;
    }
}

void pending_drop(struct subscription *s, struct pending *p)
{
    struct consumer *c = p->consumer;

    pending_leave(s, p);
    pending_free(s, p);
    if (c)
        readiness_relieve(s, c);
}

void pending_clear(struct subscription *s)
{
    tree_each_safe (node, &s->dispatch.pending)
        pending_drop(s, pending_at(node));
    tree_each_safe (node, &s->dispatch.replay)
        pending_drop(s, pending_at(node));
}

void pending_hand_back(struct subscription *s, struct pending *p)
{
    struct consumer *c = p->consumer;

    pending_leave(s, p);
    p->consumer = NULL;
    pending_enter(s, p);
    readiness_relieve(s, c);
}

void pending_owe(struct subscription *s, struct pending *p, uint32_t owed)
{
    assert(p->consumer);
    assert(owed < p->owed);
    p->consumer->unacked -= p->owed - owed;
    s->dispatch.unacked -= p->owed - owed;
    p->owed = owed;
    readiness_relieve(s, p->consumer);
}

static struct pending *find_in(const struct tree *t, struct position p)
{
    return tree_empty(t) ? NULL : pending_at(tree_find(t, &p));
}

struct pending *pending_held(const struct subscription *s, struct position p)
{
    return find_in(&s->dispatch.pending, p);
}

struct pending *pending_waiting(const struct subscription *s, struct position p)
{
    return find_in(&s->dispatch.replay, p);
}

struct pending *pending_find(const struct subscription *s, struct position position)
{
    struct pending *p = pending_held(s, position);

    return p ? p : pending_waiting(s, position);
}

size_t pending_run(struct pending *p, size_t max)
{
    const struct position first = p->position;
    size_t run = 1;

    while (run < max && (p = pending_at(tree_next(&p->node))) && p->position.ledger == first.ledger &&
           p->position.entry == first.entry + (int64_t)run)
        run++;
    return run;
}

void pending_pool_free(struct broker *b)
{
    list_each_safe (node, &b->pending_pool)
        free(container_of(node, struct pending, of));
}

/* ---- checking ---- */

static uint64_t check_trees(const struct subscription *s)
{
    const struct dispatch *d = &s->dispatch;
    uint64_t unacked = 0;

    tree_check(&d->pending);
    tree_check(&d->replay);
    tree_each (node, &d->pending) {
        const struct pending *p = pending_at(node);
        assert(p->consumer->subscription == s);
        assert(!cursor_acked(s->cursor, p->position));
        assert(!pending_waiting(s, p->position));
        unacked += p->owed;
    }
    tree_each (node, &d->replay) {
        assert(!pending_at(node)->consumer);
        assert(!cursor_acked(s->cursor, pending_at(node)->position));
        assert(position_before(pending_at(node)->position, d->read_position) ||
               position_before(pending_at(node)->position, d->again_upto));
    }
    return unacked;
}

static uint64_t check_held(const struct consumer *c)
{
    uint64_t held = 0;

    list_each (node, &c->pending) {
        const struct pending *p = container_of(node, struct pending, of);
        assert(p->consumer == c);
        held += p->owed;
    }
    assert(held == c->unacked);
    return held;
}

void pending_check(const struct subscription *s)
{
    uint64_t of_consumers = 0;

    assert(check_trees(s) == s->dispatch.unacked);
    list_each (node, &s->consumers)
        of_consumers += check_held(container_of(node, struct consumer, node));
    assert(of_consumers == s->dispatch.unacked);
}
