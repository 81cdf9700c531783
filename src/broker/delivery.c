/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery.c - see delivery.h.
 */
#include "broker/delivery.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/delayed.h"
#include "broker/dispatcher.h"
#include "broker/pending.h"
#include "broker/readiness.h"

static struct broker *broker_of(const struct subscription *s)
{
    return s->topic->broker;
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
    uint64_t now_ns = loop_event_ns(b->loop);
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

    c->last_consumed_ms = s->last_consumed_ms = loop_event_wall_ms(b->loop);
    if (c->first_sent_ms == 0)
        c->first_sent_ms = c->last_consumed_ms;
    c->entries_out++;
    c->messages_out += messages;
    c->bytes_out += e->bytes.len;
    s->moved_ns = now_ns;
    s->messages_out += messages;
    s->bytes_out += e->bytes.len;
    s->topic->messages_out += messages;
    s->topic->bytes_out += e->bytes.len;
    b->counts.messages_out += messages;
    b->counts.bytes_out += e->bytes.len;
    b->counts.system_bytes_out += s->topic->system ? e->bytes.len : 0;
    rate_add(&c->rate_out, now_ns, messages, e->bytes.len);
    rate_add(&s->rate_out, now_ns, messages, e->bytes.len);
    rate_add(&s->topic->rate_out, now_ns, messages, e->bytes.len);
    rate_add(&s->topic->rate_read, now_ns, 1, e->bytes.len);
    if (e->header.flags & ENTRY_CHUNK) {
        rate_add(&c->rate_chunk, now_ns, messages, 0);
        rate_add(&s->rate_chunk, now_ns, messages, 0);
    }
    if (s->topic->kind->keeps)
        throttle_charge(s, messages, e->bytes.len);
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
        pending_enter(s, p);
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
        pending_leave(s, p);
    p->consumer = c;
    p->messages = e->header.messages;
    share_of(&share, s, e);
    p->owed = share.messages;
    pending_enter(s, p);
    readiness_limit(s, c);
    deliver(s, c, e, &share, cursor_redeliveries(s->cursor, e->position));
    readiness_served(s, c);
    return FATE_SENT;
}

/* It lies at the read position, and yet somewhere else, too. */
static bool known(const struct subscription *s, struct position p)
{
    const struct dispatch *d = &s->dispatch;

    return position_before(p, d->again_upto) && pending_find(s, p);
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

bool delivery_send(struct subscription *s, const struct entry *entries, size_t count, bool replay)
{
    struct dispatch *d = &s->dispatch;
    bool moved = false;

    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];
        struct pending *waiting = replay ? pending_waiting(s, e->position) : NULL;
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

bool delivery_pass(struct subscription *s, const struct entry *e)
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
    readiness_served(s, c);
    return true;
}
