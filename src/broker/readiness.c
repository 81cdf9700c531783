/* SPDX-License-Identifier: Apache-2.0
 *
 * readiness.c - see readiness.h.
 */
#include "broker/readiness.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/dispatcher.h"

#include <assert.h>
#include <inttypes.h>

/* ---- whose turn it is ---- */

bool readiness_can_take(const struct consumer *c)
{
    return permits_open(&c->permits) && !c->blocked && c->sink->ops->writable(c->sink);
}

static int turn_compare(const void *key, const struct tree_node *node)
{
    const struct consumer *a = key, *b = container_of_const(node, struct consumer, ready_node);

    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return (a->turn > b->turn) - (a->turn < b->turn);
}

void readiness_init(struct subscription *s)
{
    tree_init(&s->dispatch.ready, turn_compare);
}

/* Everybody else of its priority comes first now. */
static void end_turn(struct subscription *s, struct consumer *c)
{
    c->turn = ++s->dispatch.turns;
    c->turn_left = s->dispatcher->round_max;
}

void readiness_reconsider(struct consumer *c)
{
    struct subscription *s = c->subscription;
    bool ready = s->dispatcher->individual && readiness_can_take(c);

    if (ready == c->ready)
        return;
    c->ready = ready;
    if (ready) {
        bool fresh = tree_insert(&s->dispatch.ready, c, &c->ready_node);
        assert(fresh);
    } else {
        tree_remove(&s->dispatch.ready, &c->ready_node);
        end_turn(s, c);
    }
    if (s->dispatcher->ready)
        s->dispatcher->ready(s, c);
}

struct consumer *readiness_first(struct subscription *s)
{
    struct tree_node *node;

    while ((node = tree_first(&s->dispatch.ready))) {
        struct consumer *c = container_of(node, struct consumer, ready_node);
        if (readiness_can_take(c))
            return c;
        readiness_reconsider(c); /* its connection does not take any more, and will say when it does */
    }
    return NULL;
}

size_t readiness_wanted(struct subscription *s)
{
    const struct consumer *active = s->dispatch.active;
    size_t sum = 0;

    if (!s->dispatcher->individual)
        return s->dispatcher->choose(s, NULL) ? (size_t)active->permits.available : 0;
    if (!readiness_first(s))
        return 0;
    for (struct tree_node *node = tree_first(&s->dispatch.ready); node && sum < DISPATCH_ENTRIES_MAX;
         node = tree_next(node))
        sum += (size_t)container_of(node, struct consumer, ready_node)->permits.available;
    return sum;
}

void readiness_served(struct subscription *s, struct consumer *c)
{
    struct dispatch *d = &s->dispatch;

    readiness_reconsider(c);
    if (!c->ready || s->dispatcher->round_max == 0 || --c->turn_left > 0)
        return;
    tree_remove(&d->ready, &c->ready_node);
    end_turn(s, c);
    bool fresh = tree_insert(&d->ready, c, &c->ready_node);
    assert(fresh);
}

/* ---- the limits ---- */

static bool relieved(uint64_t unacked, uint32_t limit)
{
    return limit == 0 || unacked <= limit / 2;
}

void readiness_relieve(struct subscription *s, struct consumer *c)
{
    struct dispatch *d = &s->dispatch;

    if (s->topic->broker->gone)
        return; /* and so is the connection */
    if (c->blocked && relieved(c->unacked, s->topic->unacked_per_consumer_max)) {
        c->blocked = false;
        uint32_t saved = c->saved_permits;
        c->saved_permits = 0;
        if (saved > 0)
            consumer_flow(c, saved);
        readiness_reconsider(c);
        dispatch_wake(s);
    }
    if (d->blocked && relieved(d->unacked, s->topic->unacked_per_subscription_max)) {
        d->blocked = false;
        dispatch_wake(s);
    }
}

void readiness_limits_changed(struct subscription *s)
{
    list_each (node, &s->consumers)
        readiness_relieve(s, consumer_at(node));
}

void readiness_limit(struct subscription *s, struct consumer *c)
{
    uint32_t per_consumer = s->topic->unacked_per_consumer_max;
    uint32_t per_subscription = s->topic->unacked_per_subscription_max;
    struct dispatch *d = &s->dispatch;

    if (per_consumer > 0 && c->unacked >= per_consumer && !c->blocked) {
        c->blocked = true;
        log_warn(s->topic->broker->log, "broker",
                 "%s, %s: consumer %s has %u messages unacknowledged and gets no more (maxUnackedMessagesPerConsumer)",
                 s->topic->name.text, s->name, c->name, c->unacked);
    }
    if (per_subscription > 0 && d->unacked >= per_subscription && !d->blocked) {
        d->blocked = true;
        log_warn(s->topic->broker->log, "broker",
                 "%s, %s: %" PRIu64
                 " messages are unacknowledged, nobody gets more (maxUnackedMessagesPerSubscription)",
                 s->topic->name.text, s->name, d->unacked);
    }
}

/* ---- checking ---- */

void readiness_check(const struct subscription *s)
{
    tree_check(&s->dispatch.ready);
    list_each (node, &s->consumers) {
        const struct consumer *c = container_of(node, struct consumer, node);
        assert(c->ready || !s->dispatcher->individual || !readiness_can_take(c));
        assert(!c->ready || tree_find(&s->dispatch.ready, c) == &c->ready_node);
    }
}
