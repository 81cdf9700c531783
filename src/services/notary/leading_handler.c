/* SPDX-License-Identifier: Apache-2.0
 *
 * leading_handler.c - asks, then passes on.
 */
#include "services/notary/leading_handler.h"

#include "base/list.h"

#define CHECK_MS 1000

static struct leading_handler *of(struct handler *handler)
{
    return container_of(handler, struct leading_handler, handler);
}

static enum err handle(struct handler *handler, const struct delivery *deliveries, size_t count,
                       struct outcome *outcomes, struct outcome *own)
{
    struct leading_handler *l = of(handler);
    enum err err = notary_journal_check(l->journal);

    l->check_ns = loop_now_ns(l->clocks) + CHECK_MS * NS_PER_MS;
    return err == OK ? l->inner->handle(l->inner, deliveries, count, outcomes, own) : err;
}

static void give_up(struct handler *handler, const struct delivery *delivery, const char *why, struct outcome *outcome)
{
    struct handler *inner = of(handler)->inner;

    inner->give_up(inner, delivery, why, outcome);
}

static void published(struct handler *handler, bool all)
{
    struct handler *inner = of(handler)->inner;

    if (inner->published)
        inner->published(inner, all);
}

static unsigned rank_of(struct handler *handler, const struct delivery *delivery)
{
    struct handler *inner = of(handler)->inner;

    return inner->rank ? inner->rank(inner, delivery) : 0;
}

static int64_t wait_ms(struct handler *handler)
{
    struct leading_handler *l = of(handler);
    uint64_t now_ns = loop_now_ns(l->clocks);
    int64_t own_ms = l->check_ns > now_ns ? (int64_t)((l->check_ns - now_ns) / NS_PER_MS) : 0;
    int64_t ms = l->inner->wait_ms ? l->inner->wait_ms(l->inner) : -1;

    return ms >= 0 && ms < own_ms ? ms : own_ms;
}

static enum err finish(struct handler *handler)
{
    struct handler *inner = of(handler)->inner;

    return inner->finish ? inner->finish(inner) : OK;
}

void leading_handler_init(struct leading_handler *l, struct handler *inner, struct notary_journal *journal,
                          struct loop *clocks)
{
    *l = (struct leading_handler){.handler = {.handle = handle,
                                              .give_up = give_up,
                                              .published = published,
                                              .rank = rank_of,
                                              .wait_ms = wait_ms,
                                              .finish = finish},
                                  .inner = inner,
                                  .journal = journal,
                                  .clocks = clocks};
}
