/* SPDX-License-Identifier: Apache-2.0
 *
 * blocked.c - see blocked.h.
 */
#include "broker/blocked.h"

#include "broker/chunks.h"
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/delayed.h"
#include "broker/dispatcher.h"
#include "broker/pending.h"
#include "broker/reads.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static int64_t since(const struct subscription *s, uint64_t ns)
{
    return (int64_t)((loop_now_ns(s->topic->broker->loop) - ns) / NS_PER_MS);
}

/* Since it last got something, or came. */
static int64_t since_served(const struct consumer *c)
{
    const int64_t last_ms = c->last_consumed_ms ? c->last_consumed_ms : c->connected_ms;
    const int64_t ms = loop_wall_ms(c->subscription->topic->broker->loop) - last_ms;

    return ms > 0 ? ms : 0; /* the clock may have been put back */
}

/* An entry that a consumer holds is in the way. */
static void held(const struct subscription *s, const struct pending *p, struct blocked *b)
{
    b->message = p->position;
    b->for_ms = since(s, p->since_ns);
    b->consumer = p->consumer ? p->consumer->name : NULL;
}

/* ---- the ways, each: does it hold?  `c` is NULL when it is asked for the subscription ---- */

static bool by_seek(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    return s->seeking;
}

static bool by_damage(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    if (!s->dispatch.stuck)
        return false;
    b->message = s->dispatch.stuck_at;
    b->for_ms = since(s, s->dispatch.stuck_ns);
    return true;
}

static bool by_unacked_of_subscription(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    const struct pending *first = pending_at(tree_first(&s->dispatch.pending));

    if (s->dispatch.blocked && first)
        held(s, first, b);
    return s->dispatch.blocked;
}

static bool by_unacked_of_consumer(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    if (!c || !c->blocked)
        return false;
    if (!list_empty(&c->pending))
        held(s, container_of(c->pending.next, struct pending, of), b);
    return true;
}

static bool by_another_active(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    if (!c || s->dispatcher->individual || s->dispatch.active == c)
        return false;
    b->consumer = s->dispatch.active ? s->dispatch.active->name : NULL;
    return true;
}

static bool by_takeover(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    return timer_running(&s->dispatch.takeover);
}

static bool by_permits(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    if (!c || permits_open(&c->permits))
        return false;
    b->for_ms = since_served(c);
    return true;
}

static bool by_connection(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    if (!c || c->sink->ops->writable(c->sink))
        return false;
    b->for_ms = since_served(c);
    return true;
}

static bool by_topic_rate(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    return throttle_by_topic(s);
}

static bool by_subscription_rate(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    return throttle_by_itself(s);
}

static bool by_draining(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    const struct key_slot *slot = c && c->keys ? key_shared_draining(c) : NULL;

    if (!slot || !tree_empty(&c->keys->open))
        return false;
    held(s, key_slot_held(slot), b);
    b->hash = slot->hash;
    b->for_ms = since(s, slot->drains_since_ns);
    return true;
}

static bool by_orphan(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    const struct key_slot *slot = c ? NULL : key_shared_orphan(s);

    if (!slot)
        return false;
    b->message = slot->first;
    b->hash = slot->hash;
    b->for_ms = since(s, container_of(tree_first(&slot->waiting), struct pending, waits)->since_ns);
    return true;
}

/* Nothing of its own waits, and what comes after what waits for others may not be read. */
static bool by_waiting(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    const struct dispatch *d = &s->dispatch;
    const struct pending *p = pending_at(tree_first(&d->replay));

    if (!c || !c->keys || !p || tree_count(&d->replay) < key_shared_ahead_max(s) || !tree_empty(&c->keys->open))
        return false;
    held(s, p, b);
    if (p->key) {
        b->hash = p->key->hash;
        b->consumer = p->key->owner ? p->key->owner->consumer->name : NULL;
    }
    return true;
}

/* All that waits are chunks of messages that others hold, and no more may wait. */
static bool by_chunks(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    const struct pending *p = pending_at(tree_first(&s->dispatch.replay));

    if (!c || !p || !chunks_holder(p) || chunks_holder(p) == c || tree_count(&s->dispatch.replay) < CHUNKS_WAIT_MAX)
        return false;
    held(s, p, b);
    b->consumer = chunks_holder(p)->name;
    return true;
}

static bool by_disk(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    if (!s->dispatch.read)
        return false;
    b->message = s->dispatch.read->read.from;
    b->for_ms = since(s, s->dispatch.read_ns);
    return true;
}

static bool by_delay(const struct subscription *s, const struct consumer *c, struct blocked *b)
{
    return delayed_all(s);
}

/* ---- the table ---- */

static const struct {
    enum blocked_by by;
    const char *text;
    bool always; /* asked even when dispatch has nothing that it could send */
    bool (*holds)(const struct subscription *s, const struct consumer *c, struct blocked *b);
} table[] = {
    {BLOCKED_BY_SEEK, "a seek is under way", false, by_seek},
    {BLOCKED_BY_DAMAGE, "an entry cannot be read", false, by_damage},
    {BLOCKED_BY_UNACKED_OF_SUBSCRIPTION, "maxUnackedMessagesPerSubscription", false, by_unacked_of_subscription},
    {BLOCKED_BY_UNACKED_OF_CONSUMER, "maxUnackedMessagesPerConsumer", false, by_unacked_of_consumer},
    {BLOCKED_BY_ANOTHER_ACTIVE, "another consumer is active", false, by_another_active},
    {BLOCKED_BY_TAKEOVER, "the pause before another consumer becomes active", false, by_takeover},
    {BLOCKED_BY_PERMITS, "no permits", false, by_permits},
    {BLOCKED_BY_CONNECTION, "its connection does not read", false, by_connection},
    {BLOCKED_BY_TOPIC_RATE, "dispatchRate", false, by_topic_rate},
    {BLOCKED_BY_SUBSCRIPTION_RATE, "subscriptionDispatchRate", false, by_subscription_rate},
    {BLOCKED_BY_DRAINING, "its keys drain", false, by_draining},
    {BLOCKED_BY_ORPHAN, "no consumer has this key", false, by_orphan},
    {BLOCKED_BY_WAITING, "keySharedLookAheadMsgInReplayThreshold", false, by_waiting},
    {BLOCKED_BY_CHUNKS, "chunks wait for who has the others of their messages", false, by_chunks},
    {BLOCKED_BY_DISK, "a read from the disk", false, by_disk},
    {BLOCKED_BY_DELAY, "all that is left is delayed", true, by_delay},
};

/* The next entry that the consumer, or any, could get.  False: there is none. */
static bool next_for(const struct subscription *s, const struct consumer *c, struct position *p)
{
    return (c && c->keys && key_shared_next(c, p)) || dispatch_next(s, c && c->keys, p);
}

static struct blocked find(const struct subscription *s, const struct consumer *c)
{
    struct blocked b = {.by = BLOCKED_BY_NOTHING, .for_ms = -1};
    const bool next = next_for(s, c, &b.message);

    if (!next)
        b.message = POSITION_EARLIEST;
    for (size_t i = 0; i < sizeof table / sizeof table[0] && s->dispatcher; i++) {
        if ((next || table[i].always) && table[i].holds(s, c, &b)) {
            b.by = table[i].by;
            break;
        }
    }
    return b;
}

struct blocked consumer_blocked(const struct consumer *c)
{
    return find(c->subscription, c);
}

struct blocked subscription_blocked(const struct subscription *s)
{
    return find(s, NULL);
}

/* Appends ", ..." when there is room. */
static void PRINTF_LIKE(3, 4) add(char to[BLOCKED_TEXT_MAX], size_t *len, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(to + *len, BLOCKED_TEXT_MAX - *len, format, args);
    va_end(args);
    *len += (size_t)n;
    if (*len >= BLOCKED_TEXT_MAX)
        *len = BLOCKED_TEXT_MAX - 1;
}

const char *blocked_text(const struct blocked *b, char to[BLOCKED_TEXT_MAX])
{
    size_t len = 0, i = 0;

    if (b->by == BLOCKED_BY_NOTHING)
        return NULL;
    while (table[i].by != b->by)
        i++;
    add(to, &len, "%s", table[i].text);
    if (b->hash)
        add(to, &len, ", hash %u", b->hash);
    if (b->consumer)
        add(to, &len, ", with consumer %.200s", b->consumer);
    if (!position_equal(b->message, POSITION_EARLIEST))
        add(to, &len, ", message %" PRId64 ":%" PRId64, b->message.ledger, b->message.entry);
    if (b->for_ms >= 0)
        add(to, &len, ", for %" PRId64 " ms", b->for_ms);
    return to;
}
