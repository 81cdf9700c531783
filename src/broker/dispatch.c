/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch.c - see dispatch.h.
 */
#include "broker/dispatch.h"

#include "broker/chunks.h"
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/delayed.h"
#include "broker/key_shared.h"
#include "broker/reads.h"
#include "broker/terminate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define RETRY_MS    5000 /* before a damaged entry is asked for again */
#define RELEASE_MAX 1000 /* entries in replay: what is due beyond them is found by reading again */
#define SKIPS_MAX   500  /* searches for what is neither acknowledged nor delayed, before others have their turn */

static struct broker *broker_of(const struct subscription *s)
{
    return s->topic->broker;
}

/* ---- pending and replay ---- */

static int pending_compare(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key, container_of_const(node, struct pending, node)->position);
}

static struct pending *pending_at(struct tree_node *node)
{
    return node ? container_of(node, struct pending, node) : NULL;
}

static struct pending *find_in(const struct tree *t, struct position p)
{
    return tree_empty(t) ? NULL : pending_at(tree_find(t, &p));
}

/* For an entry that is about to be pending, or in replay; neither yet.  NULL: memory is short. */
static struct pending *pending_new(struct subscription *s, struct position position, uint32_t messages)
{
    struct broker *b = broker_of(s);
    struct list *node = list_pop_front(&b->pending_pool);
    struct pending *p = node ? container_of(node, struct pending, of) : malloc(sizeof *p);

    if (node)
        b->pending_pool_count--;
    if (!p)
        return NULL;
    p->position = position;
    p->consumer = NULL;
    p->key = NULL;
    p->chunked = NULL;
    p->messages = messages;
    p->owed = 0;
    return p;
}

static void pending_free(struct subscription *s, struct pending *p)
{
    struct broker *b = broker_of(s);

    if (s->dispatcher->forgets)
        s->dispatcher->forgets(s, p);
    chunks_forget(s, p);
    if (b->pending_pool_count == PENDING_POOL_MAX) {
        free(p);
        return;
    }
    list_push_front(&b->pending_pool, &p->of);
    b->pending_pool_count++;
}

/* With the consumer p->consumer, or in replay, from now on. */
static void enter(struct subscription *s, struct pending *p)
{
    struct dispatch *d = &s->dispatch;
    bool fresh = tree_insert(p->consumer ? &d->pending : &d->replay, &p->position, &p->node);

    assert(fresh);
    p->since_ns = loop_now_ns(broker_of(s)->loop);
    if (p->consumer) {
        list_push_back(&p->consumer->pending, &p->of);
        p->consumer->unacked += p->owed;
        d->unacked += p->owed;
    }
    if (s->dispatcher->enters)
        s->dispatcher->enters(s, p);
}

static void leave(struct subscription *s, struct pending *p)
{
    struct dispatch *d = &s->dispatch;

    if (s->dispatcher->leaves)
        s->dispatcher->leaves(s, p);
    tree_remove(p->consumer ? &d->pending : &d->replay, &p->node);
    if (p->consumer) {
        assert(p->consumer->unacked >= p->owed);
        assert(d->unacked >= p->owed);
        list_remove(&p->of);
        p->consumer->unacked -= p->owed;
        d->unacked -= p->owed;
    }
}

/* ---- the limits ---- */

/* Under half of a limit that it was over, a consumer, or all, go on. */
static bool relieved(uint64_t unacked, uint32_t limit)
{
    return limit == 0 || unacked <= limit / 2;
}

static void unblock(struct subscription *s, struct consumer *c)
{
    struct dispatch *d = &s->dispatch;

    if (c->blocked && relieved(c->unacked, s->topic->unacked_per_consumer_max)) {
        c->blocked = false;
        uint32_t saved = c->saved_permits;
        c->saved_permits = 0;
        if (saved > 0)
            consumer_flow(c, saved);
        dispatch_reconsider(c);
        dispatch_wake(s);
    }
    if (d->blocked && relieved(d->unacked, s->topic->unacked_per_subscription_max)) {
        d->blocked = false;
        dispatch_wake(s);
    }
}

void dispatch_limits_changed(struct subscription *s)
{
    list_each (node, &s->consumers)
        unblock(s, consumer_at(node));
}

static void block(struct subscription *s, struct consumer *c)
{
    uint32_t per_consumer = s->topic->unacked_per_consumer_max;
    uint32_t per_subscription = s->topic->unacked_per_subscription_max;
    struct dispatch *d = &s->dispatch;

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
}

/* It is known no more. */
static void pending_drop(struct subscription *s, struct pending *p)
{
    struct consumer *c = p->consumer;

    leave(s, p);
    pending_free(s, p);
    if (c)
        unblock(s, c);
}

/* ---- who is ready ---- */

bool dispatch_can_take(const struct consumer *c)
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

/* Everybody else of its priority comes first now. */
static void end_turn(struct subscription *s, struct consumer *c)
{
    c->turn = ++s->dispatch.turns;
    c->turn_left = s->dispatcher->round_max;
}

void dispatch_reconsider(struct consumer *c)
{
    struct subscription *s = c->subscription;
    bool ready = s->dispatcher->individual && dispatch_can_take(c);

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

struct consumer *dispatch_first_ready(struct subscription *s)
{
    struct tree_node *node;

    while ((node = tree_first(&s->dispatch.ready))) {
        struct consumer *c = container_of(node, struct consumer, ready_node);
        if (dispatch_can_take(c))
            return c;
        dispatch_reconsider(c); /* its connection does not take any more, and will say when it does */
    }
    return NULL;
}

/* It was sent an entry: its permits, and its turn, are less. */
static void served(struct subscription *s, struct consumer *c)
{
    struct dispatch *d = &s->dispatch;

    dispatch_reconsider(c);
    if (!c->ready || s->dispatcher->round_max == 0 || --c->turn_left > 0)
        return;
    tree_remove(&d->ready, &c->ready_node);
    end_turn(s, c);
    bool fresh = tree_insert(&d->ready, c, &c->ready_node);
    assert(fresh);
}

/* ---- sending ---- */

/* An entry is in the way of all. */
void dispatch_stick(struct subscription *s, struct position p, enum err err)
{
    struct dispatch *d = &s->dispatch;

    log_error(broker_of(s)->log, "broker",
              "%s, %s: entry %" PRId64 ":%" PRId64 " cannot be had (%s); asking again in %d s", s->topic->name.text,
              s->name, p.ledger, p.entry, err_text(err), RETRY_MS / 1000);
    d->stuck = true;
    d->stuck_at = p;
    d->stuck_ns = loop_now_ns(broker_of(s)->loop);
    timer_start_ms(&d->retry, RETRY_MS);
}

/* What of an entry is to be sent: which messages of a batch, when it is acknowledged in part. */
struct share {
    uint32_t messages; /* so many */
    uint32_t words;
    uint64_t left[CURSOR_LEFT_WORDS];
};

static void share_of(struct share *share, const struct subscription *s, const struct entry *e)
{
    uint32_t left = 0;

    share->messages = e->header.messages;
    share->words = cursor_left(s->cursor, e->position, share->left);
    for (uint32_t i = 0; i < share->words; i++)
        left += (uint32_t)__builtin_popcountll(share->left[i]);
    if (share->words > 0 && left < share->messages)
        share->messages = left;
}

/* To a consumer that can take it, and into the figures. */
static void deliver(struct subscription *s, struct consumer *c, const struct entry *e, const struct share *share,
                    uint32_t redeliveries)
{
    struct broker *b = broker_of(s);
    uint64_t now_ns = loop_now_ns(b->loop);
    uint32_t messages = share->messages;

    permits_charge(&c->permits, messages);
    const struct delivery delivery = {
        .consumer_id = c->id,
        .entry = e,
        .partition = s->topic->name.partition,
        .redelivery_count = redeliveries,
        .consumer_epoch = c->epoch,
        .left = share->left,
        .left_words = share->words,
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
    if (s->topic->kind->keeps)
        throttle_charge(s, messages, e->bytes.len);
}

bool dispatch_pass(struct subscription *s, const struct entry *e)
{
    const struct dispatcher *kind = s->dispatcher;
    struct consumer *c = NULL;
    struct share share;

    if (kind && !s->seeking)
        c = kind->owner ? kind->owner(s, e) : kind->choose(s, NULL);
    if (!c)
        return false;
    share_of(&share, s, e);
    deliver(s, c, e, &share, 0);
    served(s, c);
    return true;
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

/* What became of an entry that was read. */
enum fate {
    FATE_SENT,  /* to a consumer, or it need not be */
    FATE_LATER, /* read past: when it is due, somebody will tell */
    FATE_WAITS, /* in replay, and those after it may go first */
    FATE_KEPT,  /* likewise, as it was */
    FATE_STAYS, /* where it was: nobody can take any */
    FATE_NOMEM, /* likewise: memory is short */
};

static enum fate send_to_active(struct subscription *s, const struct entry *e)
{
    struct consumer *c = s->dispatcher->choose(s, NULL);
    struct share share;

    if (!c)
        return FATE_STAYS;
    share_of(&share, s, e);
    deliver(s, c, e, &share, 0);
    return FATE_SENT;
}

/* Nobody can have it now. */
static enum fate keep(struct subscription *s, struct pending *p, bool waiting, bool unknown)
{
    if (!s->dispatcher->ahead || !(p->key || p->chunked)) { /* what goes to anybody waits for anybody */
        if (!waiting)
            pending_free(s, p);
        return FATE_STAYS;
    }
    if (!waiting)
        enter(s, p);
    return waiting && !unknown ? FATE_KEPT : FATE_WAITS;
}

/* A kind that shares.  `waiting`: it is in replay; NULL: it was never sent. */
static enum fate send_to_one(struct subscription *s, const struct entry *e, struct pending *waiting)
{
    const struct dispatcher *kind = s->dispatcher;
    struct pending *p = waiting ? waiting : pending_new(s, e->position, e->header.messages);
    const bool unknown = p && kind->identify && !p->key;
    struct consumer *c;
    struct share share;

    if (!p || (unknown && !kind->identify(s, p, e))) {
        if (p && !waiting)
            pending_free(s, p);
        return FATE_NOMEM;
    }
    if (!(c = kind->choose(s, p)))
        return keep(s, p, waiting, unknown);
    if (waiting)
        leave(s, p);
    p->consumer = c;
    p->messages = e->header.messages;
    share_of(&share, s, e);
    p->owed = share.messages;
    enter(s, p);
    block(s, c);
    deliver(s, c, e, &share, cursor_redeliveries(s->cursor, e->position));
    served(s, c);
    return FATE_SENT;
}

/* It lies at the read position, and yet somewhere else, too. */
static bool known(const struct subscription *s, struct position p)
{
    const struct dispatch *d = &s->dispatch;

    return position_before(p, d->again_upto) && (find_in(&d->pending, p) || find_in(&d->replay, p));
}

/* One entry, from replay or at the read position. */
static enum fate send_entry(struct subscription *s, const struct entry *e, struct pending *waiting)
{
    enum delay delay;

    if (filtered(s, e)) {
        if (waiting)
            pending_drop(s, waiting);
        return FATE_SENT;
    }
    if (!waiting && known(s, e->position))
        return FATE_SENT;
    if (!waiting && (delay = delayed_ask(s, e)) != DELAY_NONE)
        return delay == DELAY_WITHHELD ? FATE_LATER : FATE_NOMEM;
    if (s->dispatch.blocked || !throttle_open(s))
        return FATE_STAYS;
    return s->dispatcher->individual ? send_to_one(s, e, waiting) : send_to_active(s, e);
}

/* Sends entries, in order, as long as somebody takes them.  They came from replay (and may have left it meanwhile), or
 * lie at read_position.  True: something moved, so that more may. */
static bool send_entries(struct subscription *s, const struct entry *entries, size_t count, bool replay)
{
    struct dispatch *d = &s->dispatch;
    bool moved = false;

    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];
        struct pending *waiting = replay ? find_in(&d->replay, e->position) : NULL;
        if (replay && !waiting)
            continue;
        enum fate fate = send_entry(s, e, waiting);
        if (!replay)
            d->withheld = fate == FATE_LATER;
        if (fate == FATE_NOMEM)
            dispatch_stick(s, e->position, ERR_NOMEM);
        if (fate == FATE_NOMEM || fate == FATE_STAYS)
            break;
        if (!replay)
            d->read_position = (struct position){e->position.ledger, e->position.entry + 1};
        moved = moved || fate != FATE_KEPT;
    }
    return moved;
}

/* ---- reading ---- */

static void retry_fired(struct timer *timer)
{
    struct subscription *s = container_of(timer, struct subscription, dispatch.retry);

    s->dispatch.stuck = false;
    dispatch_wake(s);
}

static void read_failed(struct subscription *s, const struct store_read *r, enum err err)
{
    struct dispatch *d = &s->dispatch;

    struct pending *waiting = d->read_replay ? find_in(&d->replay, r->from) : NULL;

    if (d->read_replay && !waiting) {
        ; /* nobody wants it any more */
    } else if (err == ERR_NOT_FOUND && waiting) {
        pending_drop(s, waiting); /* trimmed: whoever holds the data let it go */
    } else if (err == ERR_NOT_FOUND && !position_equal(cursor_next(s->cursor, r->from), r->from)) {
        d->read_position = cursor_next(s->cursor, r->from);
    } else if (r->max > 1) { /* one of several: those before it can still be had */
        d->careful = (struct position){r->from.ledger, r->from.entry + (int64_t)r->max};
    } else {
        dispatch_stick(s, r->from, err);
    }
}

static void read_done(struct store_read *r, enum err err)
{
    struct broker_read *read = broker_read_of(r);
    struct subscription *s = read->owner;

    if (s) {
        s->dispatch.read = NULL;
        if (s->dispatch.read_stale || s->consumer_count == 0)
            ; /* what was read is not wanted any more */
        else if (err == OK)
            (void)send_entries(s, r->entries, r->count, s->dispatch.read_replay);
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
        dispatch_stick(s, from, ERR_NOMEM);
        return;
    }
    d->read_ns = loop_now_ns(broker_of(s)->loop);
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
    const struct consumer *active = s->dispatch.active;
    size_t sum = 0;

    if (!s->dispatcher->individual)
        return s->dispatcher->choose(s, NULL) ? (size_t)active->permits.available : 0;
    if (!dispatch_first_ready(s))
        return 0;
    for (struct tree_node *node = tree_first(&s->dispatch.ready); node && sum < DISPATCH_ENTRIES_MAX;
         node = tree_next(node))
        sum += (size_t)container_of(node, struct consumer, ready_node)->permits.available;
    return sum;
}

/* The first entry in replay that can be sent. */
static struct pending *first_due(struct subscription *s)
{
    if (s->dispatcher->due)
        return s->dispatcher->due(s);
    return pending_at(tree_first(&s->dispatch.replay));
}

/* How many stand one after the other in replay from this one on, in its ledger. */
static size_t run_from(struct pending *p, size_t max)
{
    const struct position first = p->position;
    size_t run = 1;

    while (run < max && (p = pending_at(tree_next(&p->node))) && p->position.ledger == first.ledger &&
           p->position.entry == first.entry + (int64_t)run)
        run++;
    return run;
}

/* Moves read_position behind what is acknowledged, or known to be delayed.  False: it takes another turn. */
static bool skip_known(struct subscription *s)
{
    struct dispatch *d = &s->dispatch;

    for (unsigned i = 0; i < SKIPS_MAX; i++) {
        d->read_position = cursor_next(s->cursor, d->read_position);
        const struct position p = delayed_skip(s, d->read_position);
        if (position_equal(p, d->read_position))
            return true;
        d->read_position = p;
    }
    dispatch_wake(s); /* others first */
    return false;
}

/* What to send next: at most *max entries at *from.  False: nothing is there. */
static bool next_run(struct subscription *s, struct position *from, size_t *max, bool *replay)
{
    struct dispatch *d = &s->dispatch;
    struct pending *due = first_due(s);

    *replay = due != NULL;
    if (due) {
        *from = due->position;
        *max = run_from(due, s->dispatcher->due ? DISPATCH_ENTRIES_MAX : *max);
    } else {
        size_t room = s->dispatcher->ahead ? s->dispatcher->ahead(s) : SIZE_MAX;
        if (d->withheld)
            *max = DISPATCH_ENTRIES_MAX;
        *max = room < *max ? room : *max;
        if (compacted_return(s) || !skip_known(s))
            return false;
        *from = d->read_position;
    }
    if (*max > 1 && position_before(*from, d->careful))
        *max = 1;
    return *max > 0 && topic_readable(s->topic, *from);
}

/* True when entries went out, so that more may. */
static bool dispatch_turn(struct subscription *s)
{
    struct entry entries[DISPATCH_ENTRIES_MAX];
    struct dispatch *d = &s->dispatch;
    struct position from;
    size_t max, count;
    bool replay;

    if (!s->dispatcher || s->seeking || d->read || d->blocked || d->stuck)
        return false;
    max = wanted(s);
    max = max < DISPATCH_ENTRIES_MAX ? max : DISPATCH_ENTRIES_MAX;
    if (max == 0 || !throttle_open(s))
        return false;
    max = throttle_room(s, max);
    if (max > 0 && compacted_reading(&s->compacted)) {
        compacted_read(s, max);
        return false; /* a read is under way, or it was the end of the view */
    }
    if (max == 0 || !next_run(s, &from, &max, &replay))
        return compacted_reading(&s->compacted); /* it lies in the view */
    count = ledger_peek(broker_of(s)->store, from, max, DISPATCH_BYTES_MAX, entries);
    if (count == 0) {
        read_from_disk(s, from, max, replay);
        return false;
    }
    bool moved = send_entries(s, entries, count, replay);
    for (size_t i = 0; i < count; i++)
        entry_unref(&entries[i]);
    return moved;
}

static void dispatch_run(struct task *task)
{
    struct subscription *s = container_of(task, struct subscription, dispatch.task);

    for (int turn = 0; turn < DISPATCH_TURNS_MAX; turn++) {
        if (!dispatch_turn(s)) {
            if (s->topic->terminated)
                terminate_tell(s);
            return;
        }
    }
    dispatch_wake(s); /* others first */
}

void dispatch_wake(struct subscription *s)
{
    if (s->consumer_count > 0)
        loop_defer(broker_of(s)->loop, &s->dispatch.task);
}

/* ---- life ---- */

static void throttle_fired(struct timer *timer)
{
    dispatch_wake(container_of(timer, struct subscription, dispatch.throttled));
}

static void takeover_fired(struct timer *timer)
{
    struct subscription *s = container_of(timer, struct subscription, dispatch.takeover);
    dispatch_activate(s);
}

void dispatch_init(struct subscription *s)
{
    struct dispatch *d = &s->dispatch;

    d->task.run = dispatch_run;
    d->read_position = d->careful = d->again_upto = POSITION_EARLIEST;
    tree_init(&d->pending, pending_compare);
    tree_init(&d->replay, pending_compare);
    tree_init(&d->ready, turn_compare);
    map_init(&d->chunked, broker_of(s)->topics.seed);
    timer_init(&d->takeover, broker_of(s)->loop, takeover_fired);
    timer_init(&d->throttled, broker_of(s)->loop, throttle_fired);
    timer_init(&d->retry, broker_of(s)->loop, retry_fired);
}

static void pending_clear(struct subscription *s)
{
    tree_each_safe (node, &s->dispatch.pending)
        pending_drop(s, pending_at(node));
    tree_each_safe (node, &s->dispatch.replay)
        pending_drop(s, pending_at(node));
}

void dispatch_deinit(struct subscription *s)
{
    struct dispatch *d = &s->dispatch;

    pending_clear(s);
    map_deinit(&d->chunked);
    key_shared_free(d->keys);
    d->keys = NULL;
    timer_stop(&d->takeover);
    timer_stop(&d->throttled);
    timer_stop(&d->retry);
    task_cancel(&d->task);
    if (d->read)
        d->read->owner = NULL;
}

void dispatch_rewind(struct subscription *s)
{
    struct dispatch *d = &s->dispatch;

    pending_clear(s);
    d->read_position = cursor_next(s->cursor, topic_after(s->topic, cursor_mark_delete(s->cursor)));
    d->careful = d->again_upto = POSITION_EARLIEST;
    d->stuck = false;
    timer_stop(&d->retry);
    if (d->read)
        d->read_stale = true;
    compacted_rewind(s);
    dispatch_wake(s);
}

/* ---- acknowledgements and redelivery ---- */

void dispatch_forget(struct subscription *s)
{
    assert(tree_empty(&s->dispatch.pending));
    pending_clear(s);
    s->dispatch.read_stale = true;
}

/* An entry that a consumer does not keep: for somebody else, or for itself again. */
static void hand_back(struct subscription *s, struct pending *p)
{
    struct consumer *c = p->consumer;

    leave(s, p);
    p->consumer = NULL;
    enter(s, p);
    unblock(s, c);
}

void dispatch_read_again(struct subscription *s, struct position from)
{
    struct dispatch *d = &s->dispatch;

    dispatch_wake(s);
    if (!position_before(from, d->read_position))
        return;
    if (position_before(d->again_upto, d->read_position))
        d->again_upto = d->read_position;
    d->read_position = from;
    if (d->read && !d->read_replay)
        d->read_stale = true; /* it goes on where reading was */
}

void dispatch_release(struct subscription *s, struct position position)
{
    struct dispatch *d = &s->dispatch;
    struct pending *p;

    if (!position_before(position, d->read_position) || cursor_acked(s->cursor, position) ||
        find_in(&d->pending, position) || find_in(&d->replay, position))
        return;
    if (tree_count(&d->replay) >= RELEASE_MAX || !(p = pending_new(s, position, 0))) {
        dispatch_read_again(s, position);
        return;
    }
    enter(s, p);
    dispatch_wake(s);
}

void dispatch_return(struct subscription *s, struct consumer *c)
{
    list_each_safe (node, &c->pending)
        hand_back(s, container_of(node, struct pending, of));
    c->permits = (struct permits){0};
    dispatch_reconsider(c);
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
    hand_back(s, p);
}

void dispatch_redeliver(struct subscription *s, struct consumer *c, struct position position)
{
    struct pending *p = find_in(&s->dispatch.pending, position);

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
    const struct pending *p = find_in(&s->dispatch.pending, position);

    if (!p)
        p = find_in(&s->dispatch.replay, position);
    return p && p->messages > 0 ? p->messages : MESSAGES_UNKNOWN;
}

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
    struct pending *p = find_in(&s->dispatch.pending, position);

    if (!p)
        p = find_in(&s->dispatch.replay, position);
    if (p)
        forget_acked(s, p);
    if (s->topic->terminated)
        dispatch_wake(s);
}

void dispatch_acked_part(struct subscription *s, struct position position)
{
    struct pending *p = find_in(&s->dispatch.pending, position);
    uint64_t left[CURSOR_LEFT_WORDS];
    uint32_t owed = 0;

    if (!p)
        return;
    for (uint32_t i = cursor_left(s->cursor, position, left); i > 0; i--)
        owed += (uint32_t)__builtin_popcountll(left[i - 1]);
    if (owed == 0 || owed >= p->owed)
        return;
    p->consumer->unacked -= p->owed - owed;
    s->dispatch.unacked -= p->owed - owed;
    p->owed = owed;
    unblock(s, p->consumer);
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

bool dispatch_next(const struct subscription *s, bool fresh, struct position *p)
{
    const struct pending *first = fresh ? NULL : pending_at(tree_first(&s->dispatch.replay));

    if (compacted_reading(&s->compacted)) {
        *p = s->dispatch.read_position;
        return true;
    }
    *p = first ? first->position : cursor_next(s->cursor, s->dispatch.read_position);
    return topic_readable(s->topic, *p);
}

/* ---- checking ---- */

static uint64_t check_pending(const struct subscription *s)
{
    const struct dispatch *d = &s->dispatch;
    uint64_t unacked = 0;

    tree_check(&d->pending);
    tree_check(&d->replay);
    tree_each (node, &d->pending) {
        const struct pending *p = pending_at(node);
        assert(p->consumer->subscription == s);
        assert(!cursor_acked(s->cursor, p->position));
        assert(!find_in(&d->replay, p->position));
        unacked += p->owed;
    }
    tree_each (node, &d->replay) {
        assert(!pending_at(node)->consumer);
        assert(!cursor_acked(s->cursor, pending_at(node)->position));
        assert(position_before(pending_at(node)->position, d->read_position) ||
               position_before(pending_at(node)->position, d->again_upto));
    }
    return unacked;
}

static uint64_t check_consumer(const struct subscription *s, const struct consumer *c)
{
    uint64_t held = 0;

    list_each (node, &c->pending) {
        const struct pending *p = container_of(node, struct pending, of);
        assert(p->consumer == c);
        held += p->owed;
    }
    assert(held == c->unacked);
    assert(c->ready || !s->dispatcher->individual || !dispatch_can_take(c));
    assert(!c->ready || tree_find(&s->dispatch.ready, c) == &c->ready_node);
    return held;
}

void dispatch_check(const struct subscription *s)
{
    uint64_t of_consumers = 0;

    assert(check_pending(s) == s->dispatch.unacked);
    list_each (node, &s->consumers)
        of_consumers += check_consumer(s, container_of(node, struct consumer, node));
    assert(of_consumers == s->dispatch.unacked);
    tree_check(&s->dispatch.ready);
    if (s->dispatcher && s->dispatcher->check)
        s->dispatcher->check(s);
}
