/* SPDX-License-Identifier: Apache-2.0
 *
 * shared.c - a subscription whose entries go to whoever can take them: those with the least priority number first, and
 * among them in turns.
 *
 * The chunks of one message go to one consumer (chunks.h).  Whose turn it is is the order of dispatch.ready;
 * readiness.c ends a turn after DISPATCH_ROUND_MAX entries, or when the consumer can take no more.
 */
#include "broker/chunks.h"
#include "broker/consumer.h"
#include "broker/dispatcher.h"
#include "broker/pending.h"
#include "broker/readiness.h"

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
    struct consumer *holder = p ? chunks_holder(p) : NULL; /* NULL: of an entry that is not kept */

    if (!holder)
        return readiness_first(s);
    readiness_reconsider(holder);
    return holder->ready ? holder : NULL;
}

static size_t shared_ahead(const struct subscription *s)
{
    const size_t waiting = tree_count(&s->dispatch.replay);

    return waiting < CHUNKS_WAIT_MAX ? CHUNKS_WAIT_MAX - waiting : 0;
}

static struct pending *shared_due(struct subscription *s)
{
    tree_each (node, &s->dispatch.replay) {
        struct pending *p = pending_at(node);
        const struct consumer *holder = chunks_holder(p);
        if (!holder || readiness_can_take(holder))
            return p;
    }
    return NULL;
}

const struct dispatcher dispatcher_shared = {
    .name = "Shared",
    .individual = true,
    .round_max = DISPATCH_ROUND_MAX,
    .admit = shared_admit,
    .joined = shared_joined,
    .left = shared_left,
    .choose = shared_choose,
    .ahead = shared_ahead,
    .due = shared_due,
    .identify = chunks_identify,
    .enters = chunks_enters,
    .leaves = chunks_leaves,
    .check = chunks_check,
};
