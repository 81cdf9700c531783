/* SPDX-License-Identifier: Apache-2.0
 *
 * shared.c - a subscription whose entries go to whoever can take them: those with the least priority number first, and
 * among them in turns.
 *
 * Whose turn it is is the order of dispatch.ready; dispatch.c ends a turn after DISPATCH_ROUND_MAX entries, or when the
 * consumer can take no more.
 */
#include "broker/consumer.h"

static enum err shared_admit(struct subscription *s, const struct consumer_open *open, struct consumer **rival,
                             struct refusal *why)
{
    return OK;
}

static void shared_joined(struct subscription *s, struct consumer *c)
{
    bool alone = list_empty(&s->consumers);

    list_push_back(&s->consumers, &c->node);
    if (alone)
        dispatch_rewind(s);
}

static void shared_left(struct subscription *s, struct consumer *c)
{
}

static struct consumer *shared_choose(struct subscription *s, const struct pending *p)
{
    return dispatch_first_ready(s);
}

const struct dispatcher dispatcher_shared = {
    .name = "Shared",
    .individual = true,
    .round_max = DISPATCH_ROUND_MAX,
    .admit = shared_admit,
    .joined = shared_joined,
    .left = shared_left,
    .choose = shared_choose,
};
