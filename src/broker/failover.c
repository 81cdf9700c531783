/* SPDX-License-Identifier: Apache-2.0
 *
 * failover.c - a subscription with several consumers, of which one is active: it gets all entries from the mark-delete
 * position on.
 *
 * Which one is a matter of priorities, names, and the topic's number (of a partition) or name alone: so partitions are
 * spread evenly over the same consumers, and the choice is the same after a restart, as it is Pulsar's.  When another
 * one becomes active it is served after a pause, in which what is in flight may still be acknowledged.
 *
 * Invariant: the list of consumers is in order of priority, and of names within one.
 */
#include "base/checksum.h"
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/dispatcher.h"
#include "broker/readiness.h"

#include <stdio.h>
#include <string.h>

#define RING_POINTS 100 /* of each consumer, on the ring that chooses the active one */

static int by_priority_and_name(const struct consumer *a, const struct consumer *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void insert_in_order(struct subscription *s, struct consumer *c)
{
    struct list *at = s->consumers.prev;

    while (at != &s->consumers && by_priority_and_name(consumer_at(at), c) > 0)
        at = at->prev;
    list_insert_after(at, &c->node);
}

/* On a ring of hashes: how far from the topic's place the consumer's nearest point is, going up. */
static uint32_t ring_distance(const struct subscription *s, const struct consumer *c)
{
    const uint32_t topic = murmur3_32(topic_name_full(&s->topic->name), 0);
    uint32_t least = UINT32_MAX;

    for (int point = 0; point < RING_POINTS; point++) {
        char key[1200];
        int len = snprintf(key, sizeof key, "%.1100s%d", c->name, point);
        uint32_t distance = (murmur3_32(bytes_of(key, (size_t)len), 0) - topic) & INT32_MAX;
        least = distance < least ? distance : least;
    }
    return least;
}

/* Among those of the best priority: by the partition's number, or by the ring. */
static struct consumer *choose_active(struct subscription *s)
{
    struct consumer *first = consumer_at(s->consumers.next), *nearest = first;
    size_t eligible = 0, nth;

    list_each (node, &s->consumers) {
        struct consumer *c = consumer_at(node);
        if (c->priority != first->priority)
            break;
        eligible++;
        if (c->ring_distance <= nearest->ring_distance) /* of two at one place, the later wins */
            nearest = c;
    }
    if (s->topic->name.partition == PARTITION_NONE)
        return nearest;
    struct list *node = &first->node;
    for (nth = (size_t)s->topic->name.partition % eligible; nth > 0; nth--)
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

/* After a pause for what is in flight; at once where nothing is read again. */
static void take_over(struct subscription *s)
{
    const uint32_t pause_ms = s->topic->kind->keeps ? s->topic->broker->options.failover_delay_ms : 0;

    if (pause_ms == 0)
        dispatch_activate(s);
    else if (!timer_running(&s->dispatch.takeover))
        timer_start_ms(&s->dispatch.takeover, pause_ms);
}

static enum err failover_admit(struct subscription *s, const struct consumer_open *open, struct consumer **rival,
                               struct refusal *why)
{
    return OK;
}

static void failover_joined(struct subscription *s, struct consumer *c)
{
    struct dispatch *d = &s->dispatch;
    bool alone = list_empty(&s->consumers);

    c->ring_distance = ring_distance(s, c);
    insert_in_order(s, c);
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
    if (d->active)
        take_over(s);
    else
        timer_stop(&d->takeover);
}

static struct consumer *failover_choose(struct subscription *s, const struct pending *p)
{
    struct consumer *c = s->dispatch.active;
    return c && !timer_running(&s->dispatch.takeover) && readiness_can_take(c) ? c : NULL;
}

const struct dispatcher dispatcher_failover = {
    .name = "Failover",
    .admit = failover_admit,
    .joined = failover_joined,
    .left = failover_left,
    .choose = failover_choose,
};
