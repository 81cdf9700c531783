/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch.c - see dispatch.h.
 */
#include "broker/dispatch.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/reads.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define RETRY_MS 5000 /* before a damaged entry is asked for again */

static struct broker *broker_of(const struct subscription *s)
{
    return s->topic->broker;
}

/* ---- pending ---- */

static int pending_compare(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key, container_of_const(node, struct pending, node)->position);
}

static struct pending *pending_find(struct dispatch *d, struct position p)
{
    struct tree_node *node = tree_find(&d->pending, &p);
    return node ? container_of(node, struct pending, node) : NULL;
}

static struct pending *pending_take(struct broker *b)
{
    struct list *node = list_pop_front(&b->pending_pool);

    if (!node)
        return malloc(sizeof(struct pending));
    b->pending_pool_count--;
    return container_of(node, struct pending, of);
}

static void pending_give(struct broker *b, struct pending *p)
{
    if (b->pending_pool_count == PENDING_POOL_MAX) {
        free(p);
        return;
    }
    list_push_front(&b->pending_pool, &p->of);
    b->pending_pool_count++;
}

/* Under half of a limit that it was over, a consumer, or all, go on. */
static void unblock(struct subscription *s, struct consumer *c)
{
    struct dispatch *d = &s->dispatch;

    if (c->blocked && c->unacked <= s->topic->unacked_per_consumer_max / 2) {
        c->blocked = false;
        uint32_t saved = c->saved_permits;
        c->saved_permits = 0;
        if (saved > 0)
            consumer_flow(c, saved);
        dispatch_wake(s);
    }
    if (d->blocked && d->unacked <= s->topic->unacked_per_subscription_max / 2) {
        d->blocked = false;
        dispatch_wake(s);
    }
}

static void pending_remove(struct subscription *s, struct pending *p)
{
    struct consumer *c = p->consumer;

    assert(c->unacked >= p->messages);
    assert(s->dispatch.unacked >= p->messages);
    c->unacked -= p->messages;
    s->dispatch.unacked -= p->messages;
    tree_remove(&s->dispatch.pending, &p->node);
    list_remove(&p->of);
    pending_give(broker_of(s), p);
    unblock(s, c);
}

static bool pending_add(struct subscription *s, struct consumer *c, const struct entry *e)
{
    struct pending *p = pending_take(broker_of(s));
    struct dispatch *d = &s->dispatch;

    if (!p)
        return false;
    p->position = e->position;
    p->consumer = c;
    p->messages = e->header.messages;
    bool fresh = tree_insert(&d->pending, &p->position, &p->node);
    assert(fresh);
    list_push_back(&c->pending, &p->of);
    c->unacked += p->messages;
    d->unacked += p->messages;

    uint32_t per_consumer = s->topic->unacked_per_consumer_max;
    uint32_t per_subscription = s->topic->unacked_per_subscription_max;
    if (per_consumer > 0 && c->unacked >= per_consumer && !c->blocked) {
        c->blocked = true;
        log_warn(broker_of(s)->log, "broker",
                 "%s, %s: consumer %s has %u messages unacknowledged and gets no more (maxUnackedMessagesPerConsumer)",
                 s->topic->name.text, s->name, c->name, c->unacked);
    }
    if (per_subscription > 0 && d->unacked >= per_subscription && !d->blocked) {
        d->blocked = true;
        log_warn(broker_of(s)->log, "broker",
                 "%s, %s: %" PRIu64
                 " messages are unacknowledged, nobody gets more (maxUnackedMessagesPerSubscription)",
                 s->topic->name.text, s->name, d->unacked);
    }
    return true;
}

/* ---- sending ---- */

bool dispatch_can_take(const struct consumer *c)
{
    return permits_open(&c->permits) && !c->blocked && c->sink->ops->writable(c->sink);
}

/* To a consumer that can take it, and into the figures. */
static void send_entry(struct subscription *s, struct consumer *c, const struct entry *e, uint32_t redeliveries)
{
    struct broker *b = broker_of(s);
    struct dispatch *d = &s->dispatch;
    uint64_t now_ns = loop_now_ns(b->loop);
    uint32_t messages = e->header.messages;

    permits_charge(&c->permits, messages);
    if (d->turn_left > 0)
        d->turn_left--;
    const struct delivery delivery = {
        .consumer_id = c->id,
        .entry = e,
        .partition = s->topic->name.partition,
        .redelivery_count = redeliveries,
        .consumer_epoch = c->epoch,
    };
    c->sink->ops->message(c->sink, &delivery);

    c->last_consumed_ms = loop_wall_ms(b->loop);
    c->messages_out += messages;
    c->bytes_out += e->bytes.len;
    s->moved_ns = now_ns;
    s->messages_out += messages;
    s->bytes_out += e->bytes.len;
    s->topic->messages_out += messages;
    s->topic->bytes_out += e->bytes.len;
    b->counts.messages_out += messages;
    b->counts.bytes_out += e->bytes.len;
    rate_add(&c->rate_out, now_ns, messages, e->bytes.len);
    rate_add(&s->rate_out, now_ns, messages, e->bytes.len);
    rate_add(&s->topic->rate_out, now_ns, messages, e->bytes.len);
}

/* False: memory is short, nothing was sent. */
static bool deliver(struct subscription *s, struct consumer *c, const struct entry *e)
{
    if (s->dispatcher->individual && !pending_add(s, c, e))
        return false;
    send_entry(s, c, e, s->dispatcher->individual ? cursor_redeliveries(s->cursor, e->position) : 0);
    return true;
}

bool dispatch_pass(struct subscription *s, const struct entry *e)
{
    struct consumer *c = s->dispatcher && !s->seeking ? s->dispatcher->pick(s) : NULL;

    if (c)
        send_entry(s, c, e, 0);
    return c != NULL;
}

/* The one filter step: true for what no consumer shall see.  Markers count as acknowledged. */
static bool filtered(struct subscription *s, const struct entry *e)
{
    if (cursor_acked(s->cursor, e->position))
        return true;
    if (e->header.kind == ENTRY_DATA)
        return false;
    if (cursor_ack(s->cursor, e->position, e->header.messages, NULL) != OK)
        log_debug(broker_of(s)->log, "broker", "%s, %s: a marker stays unacknowledged for now", s->topic->name.text,
                  s->name);
    return true;
}

/* Sends entries, in order, as long as somebody takes them.  They came from replay, or lie at read_position. */
static void send_entries(struct subscription *s, const struct entry *entries, size_t count, bool replay)
{
    struct dispatch *d = &s->dispatch;

    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];
        if (!filtered(s, e)) {
            struct consumer *c = d->blocked ? NULL : s->dispatcher->pick(s);
            if (!c || !deliver(s, c, e))
                return;
        }
        if (replay)
            positions_remove(&d->replay, e->position);
        else
            d->read_position = (struct position){e->position.ledger, e->position.entry + 1};
    }
}

/* ---- reading ---- */

static void stick(struct subscription *s, struct position p, enum err err)
{
    struct dispatch *d = &s->dispatch;

    log_error(broker_of(s)->log, "broker",
              "%s, %s: entry %" PRId64 ":%" PRId64 " cannot be read (%s); asking again in %d s", s->topic->name.text,
              s->name, p.ledger, p.entry, err_text(err), RETRY_MS / 1000);
    d->stuck = true;
    timer_start_ms(&d->retry, RETRY_MS);
}

static void retry_fired(struct timer *timer)
{
    struct subscription *s = container_of(timer, struct subscription, dispatch.retry);

    s->dispatch.stuck = false;
    dispatch_wake(s);
}

static void read_failed(struct subscription *s, const struct store_read *r, enum err err)
{
    struct dispatch *d = &s->dispatch;

    if (err == ERR_NOT_FOUND && d->read_replay) {
        positions_remove(&d->replay, r->from); /* trimmed: whoever holds the data let it go */
    } else if (err == ERR_NOT_FOUND && !position_equal(cursor_next(s->cursor, r->from), r->from)) {
        d->read_position = cursor_next(s->cursor, r->from);
    } else if (r->max > 1) { /* one of several: those before it can still be had */
        d->careful = (struct position){r->from.ledger, r->from.entry + (int64_t)r->max};
    } else {
        stick(s, r->from, err);
    }
}

static void read_done(struct store_read *r, enum err err)
{
    struct broker_read *read = broker_read_of(r);
    struct subscription *s = read->owner;

    if (s) {
        s->dispatch.read = NULL;
        if (s->dispatch.read_stale || !s->dispatcher)
            ; /* what was read is not wanted any more */
        else if (err == OK)
            send_entries(s, r->entries, r->count, s->dispatch.read_replay);
        else
            read_failed(s, r, err);
        dispatch_wake(s);
    }
    broker_read_free(read, err);
}

static void read_from_disk(struct subscription *s, struct position from, size_t max, bool replay)
{
    struct dispatch *d = &s->dispatch;

    d->read = broker_read_new(broker_of(s), s, read_done);
    if (!d->read) {
        stick(s, from, ERR_NOMEM);
        return;
    }
    d->read_replay = replay;
    d->read_stale = false;
    d->read->read.from = from;
    d->read->read.max = max;
    d->read->read.bytes_max = DISPATCH_BYTES_MAX;
    ledger_read(broker_of(s)->store, &d->read->read);
}

/* ---- the run ---- */

/* The messages that all who can take any may still get, up to the most of one read. */
static size_t wanted(struct subscription *s)
{
    size_t sum = 0;

    list_each (node, &s->consumers) {
        struct consumer *c = container_of(node, struct consumer, node);
        if (dispatch_can_take(c))
            sum += (size_t)c->permits.available;
        if (sum >= DISPATCH_ENTRIES_MAX)
            return DISPATCH_ENTRIES_MAX;
    }
    return sum;
}

/* What to send next: at most *max entries at *from.  False: nothing is there. */
static bool next_run(struct subscription *s, struct position *from, size_t *max, bool *replay)
{
    struct dispatch *d = &s->dispatch;

    size_t run = positions_first_run(&d->replay, *max, from);
    *replay = run > 0;
    if (*replay) {
        *max = run;
    } else {
        d->read_position = cursor_next(s->cursor, d->read_position);
        *from = d->read_position;
    }
    if (position_before(*from, d->careful))
        *max = 1;
    return topic_readable(s->topic, *from);
}

/* True when entries went out, so that more may. */
static bool dispatch_turn(struct subscription *s)
{
    struct entry entries[DISPATCH_ENTRIES_MAX];
    struct dispatch *d = &s->dispatch;
    struct position from;
    size_t max, count;
    bool replay;

    if (!s->dispatcher || s->seeking || d->read || d->blocked || d->stuck || !s->dispatcher->pick(s))
        return false;
    max = wanted(s);
    if (max == 0 || !next_run(s, &from, &max, &replay))
        return false;
    count = ledger_peek(broker_of(s)->store, from, max, DISPATCH_BYTES_MAX, entries);
    if (count == 0) {
        read_from_disk(s, from, max, replay);
        return false;
    }
    send_entries(s, entries, count, replay);
    for (size_t i = 0; i < count; i++)
        entry_unref(&entries[i]);
    return true;
}

static void dispatch_run(struct task *task)
{
    struct subscription *s = container_of(task, struct subscription, dispatch.task);

    for (int turn = 0; turn < DISPATCH_TURNS_MAX; turn++) {
        if (!dispatch_turn(s))
            return;
    }
    dispatch_wake(s); /* others first */
}

void dispatch_wake(struct subscription *s)
{
    if (s->consumer_count > 0)
        loop_defer(broker_of(s)->loop, &s->dispatch.task);
}

/* ---- life ---- */

static void takeover_fired(struct timer *timer)
{
    struct subscription *s = container_of(timer, struct subscription, dispatch.takeover);
    dispatch_activate(s);
}

void dispatch_init(struct subscription *s)
{
    struct dispatch *d = &s->dispatch;

    d->task.run = dispatch_run;
    d->read_position = d->careful = POSITION_EARLIEST;
    tree_init(&d->pending, pending_compare);
    positions_init(&d->replay, SIZE_MAX); /* entries that were sent: bounded by what may be unacknowledged */
    timer_init(&d->takeover, broker_of(s)->loop, takeover_fired);
    timer_init(&d->retry, broker_of(s)->loop, retry_fired);
}

static void pending_clear(struct subscription *s)
{
    tree_each_safe (node, &s->dispatch.pending)
        pending_remove(s, container_of(node, struct pending, node));
}

void dispatch_deinit(struct subscription *s)
{
    struct dispatch *d = &s->dispatch;

    pending_clear(s);
    positions_clear(&d->replay);
    timer_stop(&d->takeover);
    timer_stop(&d->retry);
    task_cancel(&d->task);
    if (d->read)
        d->read->owner = NULL;
}

void dispatch_rewind(struct subscription *s)
{
    struct dispatch *d = &s->dispatch;

    pending_clear(s);
    positions_clear(&d->replay);
    d->read_position = cursor_next(s->cursor, topic_after(s->topic, cursor_mark_delete(s->cursor)));
    d->careful = POSITION_EARLIEST;
    d->stuck = false;
    timer_stop(&d->retry);
    if (d->read)
        d->read_stale = true;
    dispatch_wake(s);
}

/* ---- acknowledgements and redelivery ---- */

/* Entries that a consumer does not keep: for somebody else, or for itself again. */
static void hand_back(struct subscription *s, struct pending *p)
{
    struct position position = p->position;

    pending_remove(s, p);
    if (!positions_add(&s->dispatch.replay, position))
        log_warn(broker_of(s)->log, "broker", "%s, %s: no memory to send an entry again before the next rewind",
                 s->topic->name.text, s->name);
}

void dispatch_return(struct subscription *s, struct consumer *c)
{
    list_each_safe (node, &c->pending)
        hand_back(s, container_of(node, struct pending, of));
    dispatch_wake(s);
}

static void redeliver(struct subscription *s, struct pending *p)
{
    struct broker *b = broker_of(s);
    struct consumer *c = p->consumer;
    uint64_t now_ns = loop_now_ns(b->loop);

    b->counts.redeliveries += p->messages;
    rate_add(&c->rate_redeliver, now_ns, p->messages, 0);
    rate_add(&s->rate_redeliver, now_ns, p->messages, 0);
    if (cursor_redelivered(s->cursor, p->position) != OK)
        log_debug(b->log, "broker", "%s, %s: a redelivery is not counted", s->topic->name.text, s->name);
    hand_back(s, p);
}

void dispatch_redeliver(struct subscription *s, struct consumer *c, struct position position)
{
    struct pending *p = pending_find(&s->dispatch, position);

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

uint32_t dispatch_messages(const struct subscription *s, struct position p)
{
    struct tree_node *node = tree_empty(&s->dispatch.pending) ? NULL : tree_find(&s->dispatch.pending, &p);
    return node ? container_of(node, struct pending, node)->messages : MESSAGES_UNKNOWN;
}

void dispatch_acked(struct subscription *s, struct position position)
{
    struct pending *p = pending_find(&s->dispatch, position);

    if (p)
        pending_remove(s, p);
    positions_remove(&s->dispatch.replay, position);
}

void dispatch_acked_upto(struct subscription *s, struct position position)
{
    struct dispatch *d = &s->dispatch;
    struct tree_node *node;

    while ((node = tree_first(&d->pending)) &&
           position_compare(container_of(node, struct pending, node)->position, position) <= 0)
        pending_remove(s, container_of(node, struct pending, node));
    positions_remove_upto(&d->replay, position);
    if (position_compare(d->read_position, position) <= 0)
        d->read_position = cursor_next(s->cursor, position);
}

void dispatch_check(const struct subscription *s)
{
    const struct dispatch *d = &s->dispatch;
    uint64_t unacked = 0, of_consumers = 0;
    struct tree_node *at = NULL;
    struct position position;

    tree_check(&d->pending);
    tree_check(&d->replay.tree);
    tree_each (node, &d->pending) {
        const struct pending *p = container_of(node, struct pending, node);
        assert(p->consumer->subscription == s);
        assert(!cursor_acked(s->cursor, p->position));
        assert(positions_get(&d->replay, p->position) == 0);
        unacked += p->messages;
    }
    while (positions_next(&d->replay, &at, &position))
        assert(!cursor_acked(s->cursor, position));
    list_each (node, &s->consumers) {
        const struct consumer *c = container_of(node, struct consumer, node);
        uint64_t held = 0;
        list_each (held_node, &c->pending)
            held += container_of(held_node, struct pending, of)->messages;
        assert(held == c->unacked);
        of_consumers += c->unacked;
    }
    assert(unacked == d->unacked);
    assert(of_consumers == d->unacked);
}
