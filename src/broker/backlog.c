/* SPDX-License-Identifier: Apache-2.0
 *
 * backlog.c - see backlog.h.
 */
#include "broker/backlog.h"

#include "broker/core.h"
#include "broker/subscription.h"
#include "store/chain.h"

/* Rounded up: what is there is never nothing. */
static uint64_t share(uint64_t bytes, uint64_t part, uint64_t whole)
{
    const double exact = (double)bytes * (double)part / (double)whole;
    const uint64_t down = (uint64_t)exact;

    return down < bytes && exact > (double)down ? down + 1 : down;
}

struct position backlog_done(const struct topic *t)
{
    struct position least = POSITION_LATEST;
    const struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        if (subscription_durable(s) && position_before(cursor_mark_delete(s->cursor), least))
            least = cursor_mark_delete(s->cursor);
    }
    return least;
}

uint64_t backlog_bytes_after(const struct store *store, uint64_t topic, struct position done)
{
    uint64_t bytes = 0;
    size_t count;
    const struct ledger_info *chain = store_chain(store, topic, &count);

    for (size_t i = 0; i < count; i++) {
        int64_t id = (int64_t)chain[i].id;
        if (id > done.ledger)
            bytes += chain[i].bytes;
        else if (id == done.ledger && done.entry + 1 < (int64_t)chain[i].entries)
            bytes += share(chain[i].bytes, chain[i].entries - (uint64_t)(done.entry + 1), chain[i].entries);
    }
    return bytes;
}

uint64_t backlog_bytes(const struct topic *t)
{
    return backlog_bytes_after(t->broker->store, t->id, backlog_done(t));
}

struct position backlog_position(const struct topic *t, uint64_t bytes)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    for (size_t i = count; i > 0; i--) {
        const struct ledger_info *l = &chain[i - 1];
        if (l->bytes <= bytes) {
            bytes -= l->bytes;
            continue;
        }
        const double kept = (double)bytes * (double)l->entries / (double)l->bytes;
        return (struct position){(int64_t)l->id, (int64_t)l->entries - 1 - (int64_t)kept};
    }
    return POSITION_EARLIEST;
}

bool backlog_oldest(const struct topic *t, struct position *p, const struct subscription **whose)
{
    const struct subscription *s;
    size_t at = 0;
    bool any = false;

    while ((s = map_next(&t->subscriptions, &at))) {
        const struct position next = cursor_next(s->cursor, POSITION_EARLIEST);
        if (!subscription_durable(s) || !topic_readable(t, next) || (any && !position_before(next, *p)))
            continue;
        *p = next;
        *whose = s;
        any = true;
    }
    return any;
}
