/* SPDX-License-Identifier: Apache-2.0
 *
 * delayed.c - see delayed.h.
 *
 * Invariants: everything in the index is later than taken_ms; taken_ms <= due_ms; what lies in the index is before or
 * at horizon_ms; the pass is over all from scan_from to scan_end, and hands over what is due there.
 */
#include "broker/delayed.h"

#include "broker/core.h"
#include "broker/delay_index.h"
#include "broker/dispatcher.h"
#include "broker/reads.h"
#include "broker/subscription.h"
#include "store/chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define TAKE_BLOCKS   64u /* of the index, before others of the loop have their turn */
#define SCAN_BYTES    (1024 * 1024)
#define SCAN_RETRY_MS 1000
#define FORGET_MS     10000

struct delayed {
    struct topic *topic;
    struct delay_index index;
    size_t charged; /* of broker->delayed_bytes */

    int64_t due_ms;     /* what is due until then may go out */
    int64_t taken_ms;   /* ... and of the index was handed over */
    int64_t horizon_ms; /* what is due later is not in the index; INT64_MAX: all of it is */
    struct task cut;    /* takes what is behind it out of the index, from cut_from on */
    struct position cut_from;
    bool cutting;
    struct timer timer;        /* for the next that is due */
    uint64_t forget_ns;        /* when to look next for what nobody needs */
    struct position forgotten; /* up to here entries may be missing in the index since the last pass began */

    struct position scan_from, scan_end;
    int64_t scan_ms; /* all that was due until then had been handed over when the pass began */
    struct task scan;
    struct broker_read *read;
    size_t read_max; /* 1: a damaged entry is near */
    struct timer retry;
};

static struct broker *broker_of(const struct delayed *d)
{
    return d->topic->broker;
}

static int64_t wall_ms(const struct delayed *d)
{
    return loop_wall_ms(broker_of(d)->loop);
}

/* ---- subscriptions ---- */

static bool shares(const struct subscription *s)
{
    return s->dispatcher && s->dispatcher->individual && s->consumer_count > 0;
}

static void hand_over(void *ctx, struct position p)
{
    struct delayed *d = ctx;
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&d->topic->subscriptions, &at))) {
        if (shares(s))
            dispatch_release(s, p);
    }
}

/* What all subscriptions are done with need not be remembered until it is due. */
static void forget(struct delayed *d)
{
    const uint64_t now_ns = loop_now_ns(broker_of(d)->loop);
    struct position upto = POSITION_LATEST;
    const struct subscription *s;
    size_t at = 0;

    if (now_ns < d->forget_ns)
        return;
    d->forget_ns = now_ns + FORGET_MS * NS_PER_MS;
    while ((s = map_next(&d->topic->subscriptions, &at))) {
        if (position_before(cursor_mark_delete(s->cursor), upto))
            upto = cursor_mark_delete(s->cursor);
    }
    delay_index_forget_upto(&d->index, upto);
    if (position_before(d->forgotten, upto))
        d->forgotten = upto;
}

/* ---- the bound ---- */

static void charge(struct delayed *d)
{
    struct broker *b = broker_of(d);

    b->delayed_bytes += delay_index_bytes(&d->index);
    b->delayed_bytes -= d->charged;
    d->charged = delay_index_bytes(&d->index);
}

static void cut_run(struct task *task)
{
    struct delayed *d = container_of(task, struct delayed, cut);

    d->cutting = !delay_index_cut(&d->index, d->horizon_ms + 1, &d->cut_from, TAKE_BLOCKS);
    charge(d);
    if (d->cutting)
        loop_defer(broker_of(d)->loop, &d->cut);
}

/* Over its share of what all may have: the later half goes, in turns of the loop. */
static void keep_bound(struct delayed *d)
{
    struct broker *b = broker_of(d);

    charge(d);
    if (d->cutting || b->delayed_bytes <= b->options.delayed_bytes_max ||
        d->charged <= b->options.delayed_bytes_max / b->delayed_topics)
        return;
    d->horizon_ms = delay_index_median(&d->index) - 1;
    d->cut_from = POSITION_EARLIEST;
    d->cutting = true;
    loop_defer(b->loop, &d->cut);
    log_info(b->log, "broker",
             "%s: of %zu entries that are due later, the index keeps the first half; the others are looked for when "
             "these are through",
             d->topic->name.text, delay_index_count(&d->index));
}

static void cut_stop(struct delayed *d)
{
    task_cancel(&d->cut);
    d->cutting = false;
}

/* ---- time ---- */

static void scan_begin(struct delayed *d);

static void arm(struct delayed *d)
{
    const int64_t earliest = delay_index_earliest(&d->index), now = wall_ms(d);
    const int64_t next = d->horizon_ms < earliest ? d->horizon_ms + 1 : earliest;

    if (next == INT64_MAX)
        timer_stop(&d->timer);
    else if (next <= now)
        timer_start_ms(&d->timer, 0);
    else
        timer_start_ms(&d->timer, next - now < DELAYED_LOOK_MS ? (uint64_t)(next - now) : DELAYED_LOOK_MS);
}

/* Brings due_ms up to the clock.  A clock that was set back lets entries wait again that were due; of one that was set
 * forward the timer knows nothing. */
static void refresh(struct delayed *d)
{
    const int64_t now = wall_ms(d);

    if (now > d->due_ms)
        d->due_ms = now;
    if (now < d->due_ms - DELAYED_JUMP_MS) {
        d->due_ms = d->taken_ms = d->scan_ms = now;
        scan_begin(d);
    }
    if (delay_index_earliest(&d->index) > d->due_ms && d->horizon_ms >= d->due_ms)
        d->taken_ms = d->due_ms;
    else
        timer_start_ms(&d->timer, 0);
}

static void fire(struct timer *timer)
{
    struct delayed *d = container_of(timer, struct delayed, timer);

    refresh(d);
    forget(d);
    if (delay_index_take(&d->index, d->due_ms, TAKE_BLOCKS, hand_over, d)) {
        d->taken_ms = d->due_ms < d->horizon_ms ? d->due_ms : d->horizon_ms;
        if (d->due_ms > d->horizon_ms)
            scan_begin(d); /* the index is empty: what comes next is to be found again */
    }
    charge(d);
    arm(d);
}

/* ---- the pass ---- */

static bool scanning(const struct delayed *d)
{
    return !position_before(d->scan_end, d->scan_from);
}

static void scan_soon(struct delayed *d)
{
    loop_defer(broker_of(d)->loop, &d->scan);
}

/* From the start, with an empty index. */
static void scan_begin(struct delayed *d)
{
    const int64_t known_ms = d->taken_ms < d->horizon_ms ? d->taken_ms : d->horizon_ms;

    if (!scanning(d) || known_ms < d->scan_ms)
        d->scan_ms = known_ms;
    cut_stop(d);
    delay_index_clear(&d->index);
    charge(d);
    d->horizon_ms = INT64_MAX;
    d->forgotten = POSITION_EARLIEST;
    d->scan_from = POSITION_EARLIEST;
    d->scan_end = d->topic->readable_end;
    d->read_max = STORE_READ_MAX;
    if (d->read) { /* of an earlier pass: it goes on alone */
        d->read->owner = NULL;
        d->read = NULL;
    }
    timer_stop(&d->retry);
    scan_soon(d);
}

/* Memory was short for an entry, so the index is not what it should be: again, later. */
static void scan_again(struct delayed *d)
{
    scan_begin(d);
    task_cancel(&d->scan);
    timer_start_ms(&d->retry, SCAN_RETRY_MS);
}

static void retry_fired(struct timer *timer)
{
    scan_soon(container_of(timer, struct delayed, retry));
}

/* False: memory is short, and the pass begins anew. */
static bool note(struct delayed *d, struct position p, int64_t deliver_ms)
{
    if (deliver_ms <= d->due_ms) {
        hand_over(d, p);
    } else if (deliver_ms <= d->horizon_ms) {
        if (delay_index_add(&d->index, p, deliver_ms) != OK) {
            scan_again(d);
            return false;
        }
        keep_bound(d);
    }
    return true;
}

/* Entries from scan_from on. */
static bool note_all(struct delayed *d, const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];
        if (position_before(d->scan_end, e->position))
            break;
        if (e->header.deliver_ms != 0 && !note(d, e->position, e->header.deliver_ms))
            return false;
        d->scan_from = (struct position){e->position.ledger, e->position.entry + 1};
    }
    return true;
}

/* Moves scan_from to where the next delayed entry may be.  False: there is none, the pass is over. */
static bool scan_seek(struct delayed *d)
{
    const struct position from = d->scan_from;
    size_t count;
    const struct ledger_info *chain = store_chain(broker_of(d)->store, d->topic->id, &count);

    for (size_t i = 0; i < count; i++) {
        const struct ledger_info *l = &chain[i];
        struct position p = {(int64_t)l->id, l->delayed_first};
        if (l->deliver_ms_max <= d->scan_ms || position_before((struct position){p.ledger, l->delayed_last}, from))
            continue;
        d->scan_from = position_before(p, from) ? from : p;
        return scanning(d);
    }
    d->scan_from = (struct position){d->scan_end.ledger, d->scan_end.entry + 1};
    return false;
}

static void read_failed(struct delayed *d, enum err err)
{
    if (err == ERR_NOT_FOUND) {
        d->scan_from = (struct position){d->scan_from.ledger + 1, 0}; /* its ledger is gone */
        scan_soon(d);
    } else if (err == ERR_CORRUPT) {
        d->scan_from.entry += d->read_max == 1; /* whoever wants to deliver it will be told */
        d->read_max = 1;
        scan_soon(d);
    } else {
        timer_start_ms(&d->retry, SCAN_RETRY_MS);
    }
}

static void read_done(struct store_read *r, enum err err)
{
    struct broker_read *read = broker_read_of(r);
    struct delayed *d = read->owner;

    if (d) {
        d->read = NULL;
        if (err != OK)
            read_failed(d, err);
        else if (note_all(d, r->entries, r->count))
            scan_soon(d);
        arm(d);
    }
    broker_read_free(read, err);
}

static void scan_read(struct delayed *d)
{
    d->read = broker_read_new(broker_of(d), d, read_done);
    if (!d->read) {
        timer_start_ms(&d->retry, SCAN_RETRY_MS);
        return;
    }
    d->read->read.from = d->scan_from;
    d->read->read.max = d->read_max;
    d->read->read.bytes_max = SCAN_BYTES;
    ledger_read(broker_of(d)->store, &d->read->read);
}

static void scan_run(struct task *task)
{
    struct delayed *d = container_of(task, struct delayed, scan);
    struct entry entries[STORE_READ_MAX];

    if (d->read || timer_running(&d->retry) || !scan_seek(d))
        return;
    const size_t count = ledger_peek(broker_of(d)->store, d->scan_from, d->read_max, SCAN_BYTES, entries);
    if (count == 0) {
        scan_read(d);
        return;
    }
    if (note_all(d, entries, count))
        scan_soon(d);
    for (size_t i = 0; i < count; i++)
        entry_unref(&entries[i]);
    arm(d);
}

/* ---- the topic's ---- */

static struct delayed *delayed_new(struct topic *t)
{
    struct delayed *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->topic = t;
    delay_index_init(&d->index);
    d->scan.run = scan_run;
    d->cut.run = cut_run;
    timer_init(&d->timer, t->broker->loop, fire);
    timer_init(&d->retry, t->broker->loop, retry_fired);
    t->broker->delayed_topics++;
    d->due_ms = d->taken_ms = wall_ms(d);
    d->scan_from = (struct position){0, 0};
    d->scan_end = POSITION_EARLIEST;
    d->horizon_ms = INT64_MAX;
    scan_begin(d);
    return d;
}

void delayed_free(struct topic *t)
{
    struct delayed *d = t->delayed;

    if (!d)
        return;
    timer_stop(&d->timer);
    timer_stop(&d->retry);
    task_cancel(&d->scan);
    cut_stop(d);
    if (d->read)
        d->read->owner = NULL;
    delay_index_clear(&d->index);
    charge(d);
    delay_index_deinit(&d->index);
    t->broker->delayed_topics--;
    t->delayed = NULL;
    free(d);
}

enum delay delayed_ask(struct subscription *s, const struct entry *e)
{
    struct topic *t = s->topic;

    if (e->header.deliver_ms == 0 || !s->dispatcher->individual || !t->delays)
        return DELAY_NONE;
    if (!t->delayed) {
        if (e->header.deliver_ms <= loop_wall_ms(t->broker->loop))
            return DELAY_NONE;
        if (!(t->delayed = delayed_new(t)))
            return DELAY_UNKNOWN;
    }
    refresh(t->delayed);
    if (e->header.deliver_ms <= t->delayed->due_ms)
        return DELAY_NONE;
    if (!position_before(t->delayed->forgotten, e->position))
        scan_begin(t->delayed); /* all had acknowledged it, and one went back to it, or is new */
    return DELAY_WITHHELD;
}

struct position delayed_skip(const struct subscription *s, struct position p)
{
    struct delayed *d = s->topic->delayed;

    if (!d || !s->dispatcher->individual)
        return p;
    refresh(d);
    return delay_index_skip(&d->index, p);
}

void delayed_published(struct topic *t, struct position p, int64_t deliver_ms)
{
    struct delayed *d = t->delayed;

    if (!d)
        return; /* nobody has met any: who does, makes the index */
    refresh(d);
    if (scanning(d))
        d->scan_end = p; /* the pass comes to it: the index takes entries in order */
    else
        (void)note(d, p, deliver_ms);
    arm(d);
}

uint64_t delayed_count(const struct subscription *s)
{
    const struct delayed *d = s->topic->delayed;

    if (!d || !shares(s))
        return 0;
    return delay_index_between(&d->index, cursor_mark_delete(s->cursor), s->dispatch.read_position);
}

bool delayed_all(const struct subscription *s)
{
    return shares(s) && s->topic->delayed && tree_empty(&s->dispatch.replay) && tree_empty(&s->dispatch.pending) &&
           !topic_readable(s->topic, s->dispatch.read_position) && cursor_backlog_entries(s->cursor) > 0;
}

size_t delayed_bytes(const struct topic *t)
{
    return t->delayed ? t->delayed->charged : 0;
}

void delayed_policy_changed(struct topic *t)
{
    struct subscription *s;
    size_t at = 0;

    if (!t->delayed || t->delays)
        return;
    while ((s = map_next(&t->subscriptions, &at))) {
        if (shares(s))
            dispatch_read_again(s, cursor_next(s->cursor, topic_after(t, cursor_mark_delete(s->cursor))));
    }
    delayed_free(t);
}

void delayed_check(const struct topic *t)
{
    const struct delayed *d = t->delayed;

    if (!d)
        return;
    delay_index_check(&d->index);
    assert(d->charged == delay_index_bytes(&d->index));
    assert(d->taken_ms <= d->due_ms);
    assert(delay_index_earliest(&d->index) > d->taken_ms);
    if (delay_index_earliest(&d->index) != INT64_MAX || d->horizon_ms != INT64_MAX)
        assert(timer_running(&d->timer));
    if (scanning(d))
        assert(d->read || d->scan.queued || timer_running(&d->retry));
}
