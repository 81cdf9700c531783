/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch.c - see dispatch.h.
 */
#include "broker/dispatch.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/delayed.h"
#include "broker/delivery.h"
#include "broker/dispatcher.h"
#include "broker/pending.h"
#include "broker/readiness.h"
#include "broker/reads.h"
#include "broker/terminate.h"

#include <assert.h>
#include <inttypes.h>

#define RETRY_MS    5000 /* before a damaged entry is asked for again */
#define RELEASE_MAX 1000 /* entries in replay: what is due beyond them is found by reading again */
#define SKIPS_MAX   500  /* searches for what is neither acknowledged nor delayed, before others have their turn */

static struct broker *broker_of(const struct subscription *s)
{
    return s->topic->broker;
}

/* ---- reads from the disk ---- */

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

static void retry_fired(struct timer *timer)
{
    struct subscription *s = container_of(timer, struct subscription, dispatch.retry);

    s->dispatch.stuck = false;
    dispatch_wake(s);
}

static void read_failed(struct subscription *s, const struct store_read *r, enum err err)
{
    struct dispatch *d = &s->dispatch;

    struct pending *waiting = d->read_replay ? pending_waiting(s, r->from) : NULL;

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
            (void)delivery_send(s, r->entries, r->count, s->dispatch.read_replay);
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

/* The first entry in replay that can be sent. */
static struct pending *first_due(struct subscription *s)
{
    if (s->dispatcher->due)
        return s->dispatcher->due(s);
    return pending_at(tree_first(&s->dispatch.replay));
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
        *max = pending_run(due, s->dispatcher->due ? DISPATCH_ENTRIES_MAX : *max);
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
    max = readiness_wanted(s);
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
    bool moved = delivery_send(s, entries, count, replay);
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

/* ---- where reading goes on ---- */

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

void dispatch_forget(struct subscription *s)
{
    assert(tree_empty(&s->dispatch.pending));
    pending_clear(s);
    s->dispatch.read_stale = true;
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

    if (!position_before(position, d->read_position) || cursor_acked(s->cursor, position) || pending_find(s, position))
        return;
    if (tree_count(&d->replay) >= RELEASE_MAX || !(p = pending_new(s, position, 0))) {
        dispatch_read_again(s, position);
        return;
    }
    pending_enter(s, p);
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
    pending_init(s);
    readiness_init(s);
    map_init(&d->chunked, broker_of(s)->topics.seed);
    timer_init(&d->takeover, broker_of(s)->loop, takeover_fired);
    timer_init(&d->throttled, broker_of(s)->loop, throttle_fired);
    timer_init(&d->retry, broker_of(s)->loop, retry_fired);
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

void dispatch_check(const struct subscription *s)
{
    pending_check(s);
    readiness_check(s);
    if (s->dispatcher && s->dispatcher->check)
        s->dispatcher->check(s);
}
