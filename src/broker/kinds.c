/* SPDX-License-Identifier: Apache-2.0
 *
 * kinds.c - the kinds of subscription: see struct dispatcher in dispatch.h.
 *
 * Exclusive and failover serve one active consumer, with all entries from the mark-delete position on.  Shared serves
 * all: those with the least priority number that can take entries, in rounds.
 */
#include "base/checksum.h"
#include "broker/consumer.h"
#include "broker/core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define RING_POINTS 100 /* of each consumer, on the ring that chooses the active one */

static struct consumer *consumer_at(struct list *node)
{
    return container_of(node, struct consumer, node);
}

/* Keeps the list in order of priority, and of arrival within one. */
static void insert_by_priority(struct subscription *s, struct consumer *c)
{
    struct list *at = s->consumers.prev;

    while (at != &s->consumers && consumer_at(at)->priority > c->priority)
        at = at->prev;
    list_insert_after(at, &c->node);
}

static void insert_by_name(struct subscription *s, struct consumer *c)
{
    struct list *at = s->consumers.prev;

    while (at != &s->consumers &&
           (consumer_at(at)->priority > c->priority ||
            (consumer_at(at)->priority == c->priority && strcmp(consumer_at(at)->name, c->name) > 0)))
        at = at->prev;
    list_insert_after(at, &c->node);
}

static struct consumer *pick_active(struct subscription *s)
{
    struct consumer *c = s->dispatch.active;
    return c && !timer_running(&s->dispatch.takeover) && dispatch_can_take(c) ? c : NULL;
}

/* ---- exclusive ---- */

static enum err exclusive_admit(struct subscription *s, struct consumer **rival, struct refusal *why)
{
    if (list_empty(&s->consumers))
        return OK;
    *rival = consumer_at(s->consumers.next);
    return refuse(why, ERR_BUSY, ABOUT_CONSUMER, "exclusive consumer is already connected");
}

static void exclusive_joined(struct subscription *s, struct consumer *c)
{
    list_push_back(&s->consumers, &c->node);
    s->dispatch.active = c;
    dispatch_rewind(s);
}

static void exclusive_left(struct subscription *s, struct consumer *c)
{
    assert(s->dispatch.active == c);
    s->dispatch.active = NULL;
}

const struct dispatcher dispatcher_exclusive = {
    .name = "Exclusive",
    .admit = exclusive_admit,
    .joined = exclusive_joined,
    .left = exclusive_left,
    .pick = pick_active,
};

/* ---- failover ---- */

static enum err everybody_welcome(struct subscription *s, struct consumer **rival, struct refusal *why)
{
    return OK;
}

/* The topic's place on a ring of the consumers' names: who is there, or the first one after it. */
static struct consumer *choose_by_ring(struct subscription *s, size_t eligible)
{
    uint32_t topic = murmur3_32(topic_name_full(&s->topic->name), 0) & INT32_MAX;
    struct consumer *after = NULL, *first = NULL;
    uint32_t after_hash = UINT32_MAX, first_hash = UINT32_MAX;
    struct list *node = s->consumers.next;

    for (size_t i = 0; i < eligible; i++, node = node->next) {
        for (int point = 0; point < RING_POINTS; point++) {
            char key[1200];
            int len = snprintf(key, sizeof key, "%.1100s%d", consumer_at(node)->name, point);
            uint32_t hash = murmur3_32(bytes_of(key, (size_t)len), 0) & INT32_MAX;
            if (hash >= topic && hash <= after_hash) { /* of two at one place, the later wins */
                after = consumer_at(node);
                after_hash = hash;
            }
            if (hash <= first_hash) {
                first = consumer_at(node);
                first_hash = hash;
            }
        }
    }
    return after ? after : first;
}

/* Among those of the best priority: by the partition's number, or by the ring. */
static struct consumer *choose_active(struct subscription *s)
{
    struct list *node = s->consumers.next;
    size_t eligible = 0;

    list_each (each, &s->consumers)
        eligible += consumer_at(each)->priority == consumer_at(s->consumers.next)->priority;
    if (s->topic->name.partition == PARTITION_NONE)
        return choose_by_ring(s, eligible);
    for (size_t i = (size_t)s->topic->name.partition % eligible; i > 0; i--)
        node = node->next;
    return consumer_at(node);
}

static void tell_active(struct subscription *s, struct consumer *c)
{
    c->sink->ops->active_changed(c->sink, c->id, c == s->dispatch.active);
}

void dispatch_activate(struct subscription *s)
{
    if (!s->dispatch.active)
        return;
    dispatch_rewind(s);
    list_each (node, &s->consumers)
        tell_active(s, consumer_at(node));
}

/* Another consumer is served after a pause for messages in flight; at once where nothing is read again. */
static void take_over(struct subscription *s)
{
    const uint32_t ms = s->topic->kind->takeover_ms;

    if (ms == 0)
        dispatch_activate(s);
    else if (!timer_running(&s->dispatch.takeover))
        timer_start_ms(&s->dispatch.takeover, ms);
}

static void failover_joined(struct subscription *s, struct consumer *c)
{
    struct dispatch *d = &s->dispatch;
    bool alone = list_empty(&s->consumers);

    insert_by_name(s, c);
    struct consumer *chosen = choose_active(s);
    if (chosen == d->active) {
        tell_active(s, c);
        return;
    }
    d->active = chosen;
    if (alone)
        dispatch_activate(s); /* nobody has messages in flight */
    else
        take_over(s);
}

static void failover_left(struct subscription *s, struct consumer *c)
{
    struct dispatch *d = &s->dispatch;

    if (d->active != c)
        return;
    d->active = list_empty(&s->consumers) ? NULL : choose_active(s);
    if (!d->active)
        timer_stop(&d->takeover);
    else
        take_over(s);
}

const struct dispatcher dispatcher_failover = {
    .name = "Failover",
    .admit = everybody_welcome,
    .joined = failover_joined,
    .left = failover_left,
    .pick = pick_active,
};

/* ---- shared ---- */

static void shared_joined(struct subscription *s, struct consumer *c)
{
    bool alone = list_empty(&s->consumers);

    insert_by_priority(s, c);
    if (alone)
        dispatch_rewind(s);
}

static void shared_left(struct subscription *s, struct consumer *c)
{
    if (s->dispatch.turn == c) {
        s->dispatch.turn = NULL;
        s->dispatch.turn_left = 0;
    }
}

/* The next in the list after `from` (NULL: from the start), around, of those with the best priority that can take. */
static struct consumer *next_in_turn(struct subscription *s, struct consumer *from)
{
    struct list *start = from ? &from->node : &s->consumers;
    struct consumer *best = NULL;
    struct list *node = start;

    do {
        node = node->next;
        if (node == &s->consumers)
            continue;
        struct consumer *c = consumer_at(node);
        if ((!best || c->priority < best->priority) && dispatch_can_take(c))
            best = c;
    } while (node != start);
    return best;
}

static struct consumer *shared_pick(struct subscription *s)
{
    struct dispatch *d = &s->dispatch;

    if (d->turn && d->turn_left > 0 && dispatch_can_take(d->turn))
        return d->turn;
    struct consumer *next = next_in_turn(s, d->turn);
    if (next) {
        d->turn = next;
        d->turn_left = s->dispatcher->round_max;
    }
    return next;
}

const struct dispatcher dispatcher_shared = {
    .name = "Shared",
    .individual = true,
    .round_max = DISPATCH_ROUND_MAX,
    .admit = everybody_welcome,
    .joined = shared_joined,
    .left = shared_left,
    .pick = shared_pick,
};
