/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer_acks.c - acknowledgements of a consumer: see consumer.h.
 *
 * Of a batch single messages may be acknowledged when the broker's options say so (batch_index_acks).  Else a client
 * that has such a mind keeps count itself, and acknowledges the whole batch in the end.
 */
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/dispatcher.h"

static struct broker *broker_of(const struct consumer *c)
{
    return c->subscription->topic->broker;
}

static void count_acked(struct consumer *c, uint32_t messages)
{
    struct subscription *s = c->subscription;
    struct broker *b = broker_of(c);
    uint64_t now_ns = loop_event_ns(b->loop);

    s->moved_ns = now_ns;
    c->last_acked_ms = s->last_acked_ms = loop_event_wall_ms(b->loop);
    if (!position_equal(s->mark_delete_seen, cursor_mark_delete(s->cursor))) {
        s->mark_delete_seen = cursor_mark_delete(s->cursor);
        s->last_mark_delete_ms = s->last_acked_ms;
    }
    b->counts.acks++;
    rate_add(&c->rate_ack, now_ns, messages, 0);
    rate_add(&s->rate_ack, now_ns, messages, 0);
}

static enum err ack_part(struct subscription *s, struct position p, const struct ack_left *left, uint32_t *acked)
{
    enum err err = cursor_ack_partial(s->cursor, p, dispatch_messages(s, p), left->words, left->count, acked);

    if (err != OK)
        return err;
    if (cursor_acked(s->cursor, p))
        dispatch_acked(s, p);
    else
        dispatch_acked_part(s, p);
    return OK;
}

enum err consumer_ack(struct consumer *c, struct position p, const struct ack_left *left)
{
    struct subscription *s = c->subscription;
    uint32_t messages;
    enum err err;

    if (left && !broker_of(c)->options.batch_index_acks)
        return OK;
    if (!left && compacted_acked(s, p, false))
        return OK;
    if (left) {
        if ((err = ack_part(s, p, left, &messages)) != OK)
            return err;
    } else {
        messages = dispatch_messages(s, p);
        if ((err = cursor_ack(s->cursor, p, messages, NULL)) != OK)
            return err;
        dispatch_acked(s, p);
    }
    retention_changed(s->topic);
    count_acked(c, messages == MESSAGES_UNKNOWN ? 1 : messages);
    return OK;
}

enum err consumer_ack_cumulative(struct consumer *c, struct position p, const struct ack_left *left)
{
    struct subscription *s = c->subscription;
    const struct position upto = {p.ledger, left && p.entry >= 0 ? p.entry - 1 : p.entry}; /* any number may come */
    uint32_t acked;
    enum err err;

    if (s->dispatcher->individual || compacted_acked(s, upto, true))
        return OK;
    if ((err = cursor_ack_cumulative(s->cursor, upto, NEXT_MESSAGE_UNKNOWN, NULL)) != OK)
        return err;
    dispatch_acked_upto(s, cursor_mark_delete(s->cursor));
    if (left && broker_of(c)->options.batch_index_acks)
        err = ack_part(s, p, left, &acked);
    retention_changed(s->topic);
    count_acked(c, 1);
    return err;
}
