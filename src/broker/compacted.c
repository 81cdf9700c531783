/* SPDX-License-Identifier: Apache-2.0
 *
 * compacted.c - see compacted.h.
 */
#include "broker/compacted.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/delivery.h"
#include "broker/reads.h"
#include "store/chain.h"

#include <assert.h>

static struct position next_of(struct position p)
{
    return (struct position){p.ledger, p.entry < INT64_MAX ? p.entry + 1 : p.entry}; /* a client may name any */
}

bool compacted_wanted(const struct subscription *s)
{
    return s->dispatch.active && s->dispatch.active->read_compacted;
}

void compacted_init(struct subscription *s)
{
    positions_init(&s->compacted.sent, COMPACTED_SENT_MAX);
}

static void put_away(struct compacted *c)
{
    compacted_view_unref(c->view);
    c->view = NULL;
}

void compacted_deinit(struct subscription *s)
{
    put_away(&s->compacted);
    positions_clear(&s->compacted.sent);
}

void compacted_begin(struct subscription *s, struct position next)
{
    s->compacted.start = next;
    s->compacted.started = true;
}

/* ---- into the view, and out of it ---- */

static struct position start_of(const struct subscription *s)
{
    const struct position mark = cursor_mark_delete(s->cursor);

    if (s->compacted.started)
        return s->compacted.start;
    return position_equal(mark, POSITION_EARLIEST) ? mark : next_of(mark);
}

/* The entry of the view at the read position is to be found. */
static void look_for(struct compacted *c)
{
    c->found = false;
    c->next = 0;
    c->high = (int64_t)c->view->entries;
}

/* True when there is a view in which `from` lies. */
static bool enter(struct subscription *s, struct position from)
{
    struct compacted *c = &s->compacted;
    struct compacted_view *view = s->topic->compaction.view;

    if (!view || position_before(view->horizon, from))
        return false;
    c->view = compacted_view_ref(view);
    c->passed = from.ledger < 0 ? (struct position){0, 0} : from;
    s->dispatch.read_position = c->passed;
    look_for(c);
    return true;
}

/* The log goes on behind the horizon. */
static void leave(struct subscription *s)
{
    struct compacted *c = &s->compacted;
    const struct position behind = next_of(c->view->horizon);

    if (position_before(s->dispatch.read_position, behind))
        s->dispatch.read_position = behind;
    c->passed = s->dispatch.read_position;
    put_away(c);
}

void compacted_rewind(struct subscription *s)
{
    struct compacted *c = &s->compacted;

    put_away(c);
    positions_clear(&c->sent);
    if (!compacted_wanted(s))
        return;
    if (!c->started)
        compacted_begin(s, start_of(s));
    (void)enter(s, c->start);
}

void compacted_rest(struct subscription *s)
{
    put_away(&s->compacted);
}

bool compacted_return(struct subscription *s)
{
    const struct position from = s->dispatch.read_position;

    return compacted_wanted(s) && position_before(from, topic_after(s->topic, POSITION_EARLIEST)) && enter(s, from);
}

/* ---- reading the view ---- */

/* Of one entry of the view; true: it is dealt with, and the next one is its turn. */
static bool send(struct subscription *s, const struct entry *e, const struct compacted_head *head)
{
    struct compacted *c = &s->compacted;
    struct entry original = *e;

    original.position = head->original;
    original.bytes.data += COMPACTED_HEAD;
    original.bytes.len -= COMPACTED_HEAD;
    const bool in_log = position_before(topic_after(s->topic, POSITION_EARLIEST), next_of(head->original));
    if (!in_log || !cursor_acked(s->cursor, head->original)) {
        if (!delivery_pass(s, &original))
            return false;
        if (subscription_durable(s))
            (void)positions_add(&c->sent, head->original); /* beyond its limit: see COMPACTED_SENT_MAX */
    }
    s->dispatch.read_position = c->passed = next_of(head->original);
    return true;
}

static void send_all(struct subscription *s, const struct store_read *r)
{
    struct compacted *c = &s->compacted;
    struct compacted_head head;

    for (size_t i = 0; i < r->count; i++) {
        const struct entry *e = &r->entries[i];
        if (e->header.kind == ENTRY_DATA && compacted_head_decode(&head, e) == OK && !send(s, e, &head))
            return;
        c->next++; /* what is damaged, or was given up, is passed over: it is not in the log either */
    }
}

/* The first entry at or after the read position lies in [next, high). */
static void narrow(struct subscription *s, const struct store_read *r)
{
    struct compacted *c = &s->compacted;
    struct compacted_head head;
    const int64_t middle = r->from.entry;

    if (compacted_head_decode(&head, &r->entries[0]) != OK || position_before(head.original, s->dispatch.read_position))
        c->next = middle + 1;
    else
        c->high = middle;
}

static void read_done(struct store_read *r, enum err err)
{
    struct broker_read *read = broker_read_of(r);
    struct subscription *s = read->owner;
    struct compacted *c = s ? &s->compacted : NULL;

    if (s) {
        s->dispatch.read = NULL;
        if (s->dispatch.read_stale || !c->view || !s->dispatcher)
            ; /* what was read is not wanted any more */
        else if (err == ERR_NOT_FOUND)
            leave(s); /* __compaction was removed, and the view with it */
        else if (err != OK)
            dispatch_stick(s, r->from, err);
        else if (c->found)
            send_all(s, r);
        else
            narrow(s, r);
        dispatch_wake(s);
    }
    broker_read_free(read, err);
}

void compacted_read(struct subscription *s, size_t max)
{
    struct compacted *c = &s->compacted;
    struct broker *b = s->topic->broker;
    struct broker_read *r;

    if (position_equal(s->dispatch.read_position, (struct position){0, 0}))
        c->high = c->next; /* from the beginning */
    c->found = c->found || c->next == c->high;
    if (c->found && c->next == (int64_t)c->view->entries) {
        leave(s);
        dispatch_wake(s);
        return;
    }
    const int64_t at = c->found ? c->next : c->next + (c->high - c->next) / 2;
    if (!(r = broker_read_new(b, s, read_done))) {
        dispatch_stick(s, s->dispatch.read_position, ERR_NOMEM);
        return;
    }
    s->dispatch.read = r;
    s->dispatch.read_replay = s->dispatch.read_stale = false;
    r->read.from = (struct position){(int64_t)c->view->ledger, at};
    r->read.max = c->found ? max : 1;
    r->read.bytes_max = c->found ? DISPATCH_BYTES_MAX : 1;
    ledger_read(b->store, &r->read);
}

/* ---- acknowledgements ---- */

/* All before `upto` is acknowledged, or was left out. */
static void pass(struct subscription *s, struct position upto)
{
    struct topic *t = s->topic;
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);
    const struct position last = chain_floor(chain, count, (struct position){upto.ledger, upto.entry - 1});

    if (position_before(s->compacted.start, upto))
        s->compacted.start = upto;
    if (position_before(cursor_mark_delete(s->cursor), last) &&
        cursor_ack_cumulative(s->cursor, last, NEXT_MESSAGE_UNKNOWN, NULL) != OK)
        log_debug(t->broker->log, "broker", "%s, %s: what compaction left out stays unacknowledged for now",
                  t->name.text, s->name);
}

bool compacted_acked(struct subscription *s, struct position p, bool cumulative)
{
    struct compacted *c = &s->compacted;
    struct position first;

    if (!compacted_wanted(s))
        return false;
    if (cumulative) {
        positions_remove_upto(&c->sent, p);
        if (position_before(c->start, next_of(p)))
            c->start = next_of(p);
    } else if (positions_get(&c->sent, p) > 0) {
        positions_remove(&c->sent, p);
        pass(s, positions_first_run(&c->sent, 1, &first) > 0 ? first : c->passed);
    }
    if (!c->view && subscription_durable(s) && positions_count(&c->sent) == 0 &&
        position_before(c->start, cursor_mark_delete(s->cursor)))
        c->start = next_of(cursor_mark_delete(s->cursor)); /* in the log the cursor knows */
    return position_before(p, topic_after(s->topic, POSITION_EARLIEST));
}

void compacted_skip(struct subscription *s, struct position upto)
{
    struct compacted *c = &s->compacted;
    struct dispatch *d = &s->dispatch;
    const struct position next = next_of(upto);

    if (c->started && position_before(c->start, next))
        c->start = next;
    if (!c->view || !position_before(d->read_position, next))
        return;
    d->read_position = c->passed = next;
    look_for(c);
    if (d->read)
        d->read_stale = true;
    dispatch_wake(s);
}

/* ---- the last message id ---- */

static void last_id_read(struct store_read *r, enum err err)
{
    struct consumer_last_id *last = broker_read_of(r)->owner;
    struct compacted_head head = {0};

    if (err == OK)
        err = compacted_head_decode(&head, &r->entries[0]);
    if (err == OK) {
        last->last = head.original;
        last->batch_index = r->entries[0].header.flags & ENTRY_BATCHED ? (int32_t)head.last : -1;
    } else {
        (void)refuse(&last->op.why, err, ABOUT_TOPIC, "the last entry cannot be read: %s", err_text(err));
    }
    op_resume(&last->op);
    broker_read_free(broker_read_of(r), err == ERR_CORRUPT ? OK : err);
}

bool compacted_last_id(struct consumer *c, struct consumer_last_id *last)
{
    struct topic *t = c->subscription->topic;
    const struct compacted_view *view = t->compaction.view;
    struct broker_read *r;

    if (!c->read_compacted || !view || position_before(view->horizon, t->readable_end))
        return false;
    last->last = POSITION_EARLIEST;
    last->batch_index = -1;
    if (view->entries == 0) {
        op_resume(&last->op);
        return true;
    }
    if (!(r = broker_read_new(t->broker, last, last_id_read))) {
        (void)refuse(&last->op.why, ERR_NOMEM, ABOUT_TOPIC, "%s", err_text(ERR_NOMEM));
        op_resume(&last->op);
        return true;
    }
    r->read.from = (struct position){(int64_t)view->ledger, (int64_t)view->entries - 1};
    r->read.max = 1;
    r->read.bytes_max = 1;
    ledger_read(t->broker->store, &r->read);
    return true;
}
