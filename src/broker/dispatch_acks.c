/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch_acks.c - what becomes of entries that were sent: acknowledged, handed back, asked for again; see dispatch.h.
 */
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/dispatch.h"
#include "broker/pending.h"
#include "broker/readiness.h"

static struct broker *broker_of(const struct subscription *s)
{
    return s->topic->broker;
}

/* ---- redelivery ---- */

void dispatch_return(struct subscription *s, struct consumer *c)
{
    list_each_safe (node, &c->pending)
        pending_hand_back(s, container_of(node, struct pending, of));
    c->permits = (struct permits){0};
    readiness_reconsider(c);
    dispatch_wake(s);
}

static void redeliver(struct subscription *s, struct pending *p)
{
    struct broker *b = broker_of(s);
    struct consumer *c = p->consumer;
    uint64_t now_ns = loop_now_ns(b->loop);

    b->counts.redeliveries += p->owed;
    rate_add(&c->rate_redeliver, now_ns, p->owed, 0);
    rate_add(&s->rate_redeliver, now_ns, p->owed, 0);
    if (cursor_redelivered(s->cursor, p->position) != OK)
        log_debug(b->log, "broker", "%s, %s: a redelivery is not counted", s->topic->name.text, s->name);
    pending_hand_back(s, p);
}

void dispatch_redeliver(struct subscription *s, struct consumer *c, struct position position)
{
    struct pending *p = pending_held(s, position);

    if (p && p->consumer == c) {
        redeliver(s, p);
        dispatch_wake(s);
    }
}

void dispatch_redeliver_all(struct subscription *s, struct consumer *c)
{
    list_each_safe (node, &c->pending)
        redeliver(s, container_of(node, struct pending, of));
    dispatch_wake(s);
}

uint32_t dispatch_messages(const struct subscription *s, struct position position)
{
    const struct pending *p = pending_find(s, position);

    return p && p->messages > 0 ? p->messages : MESSAGES_UNKNOWN;
}

/* ---- acknowledgements ---- */

/* What waited for it, or for room in replay, may go. */
static void forget_acked(struct subscription *s, struct pending *p)
{
    bool others_wait = !tree_empty(&s->dispatch.replay);

    pending_drop(s, p);
    if (others_wait)
        dispatch_wake(s);
}

void dispatch_acked(struct subscription *s, struct position position)
{
    struct pending *p = pending_find(s, position);

    if (p)
        forget_acked(s, p);
    if (s->topic->terminated)
        dispatch_wake(s);
}

void dispatch_acked_part(struct subscription *s, struct position position)
{
    struct pending *p = pending_held(s, position);
    uint64_t left[CURSOR_LEFT_WORDS];
    uint32_t owed = 0;

    if (!p)
        return;
    for (uint32_t i = cursor_left(s->cursor, position, left); i > 0; i--)
        owed += (uint32_t)__builtin_popcountll(left[i - 1]);
    if (owed > 0 && owed < p->owed)
        pending_owe(s, p, owed);
}

static void acked_upto(struct subscription *s, struct tree *t, struct position position)
{
    struct pending *p;

    while ((p = pending_at(tree_first(t))) && position_compare(p->position, position) <= 0)
        forget_acked(s, p);
}

void dispatch_acked_upto(struct subscription *s, struct position position)
{
    struct dispatch *d = &s->dispatch;

    acked_upto(s, &d->pending, position);
    acked_upto(s, &d->replay, position);
    /* What is gone from the log may be in the view; what is acknowledged is passed over when it is read. */
    if (position_compare(d->read_position, position) <= 0 && !compacted_wanted(s))
        d->read_position = cursor_next(s->cursor, position);
    if (s->topic->terminated)
        dispatch_wake(s);
}
