/* SPDX-License-Identifier: Apache-2.0
 *
 * exclusive.c - a subscription with one consumer, which gets all entries from the mark-delete position on.
 */
#include "broker/consumer.h"
#include "broker/dispatcher.h"
#include "broker/readiness.h"

#include <assert.h>

static enum err exclusive_admit(struct subscription *s, const struct consumer_open *open, struct consumer **rival,
                                struct refusal *why)
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

static struct consumer *exclusive_choose(struct subscription *s, const struct pending *p)
{
    struct consumer *c = s->dispatch.active;
    return c && readiness_can_take(c) ? c : NULL;
}

const struct dispatcher dispatcher_exclusive = {
    .name = "Exclusive",
    .admit = exclusive_admit,
    .joined = exclusive_joined,
    .left = exclusive_left,
    .choose = exclusive_choose,
};
