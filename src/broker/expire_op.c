/* SPDX-License-Identifier: Apache-2.0
 *
 * expire_op.c - an administrator lets messages expire: of one subscription or of all, by age or up to a position.
 *
 * See broker.h.  By age it is expiry.h's work, which goes on after the answer, as in Pulsar.
 */
#include "broker/core.h"
#include "broker/expiry.h"
#include "broker/subscription.h"

static void expired(struct broker *b, uint64_t topic, int64_t oldest_ms)
{
    retention_look_at(b, topic); /* what nobody needs any more may go */
}

static enum err expire_upto(struct subscription *s, struct position p)
{
    const uint64_t before = cursor_backlog_entries(s->cursor);
    enum err err;

    if ((err = cursor_ack_cumulative(s->cursor, p, NEXT_MESSAGE_UNKNOWN, NULL)) != OK)
        return err;
    s->last_expire_ms = loop_wall_ms(s->topic->broker->loop);
    s->entries_expired += before - cursor_backlog_entries(s->cursor);
    dispatch_acked_upto(s, cursor_mark_delete(s->cursor));
    retention_changed(s->topic);
    return OK;
}

static enum err expire_one(struct subscription *s, const struct expire_op *e)
{
    struct broker *b = s->topic->broker;

    if (cursor_backlog_entries(s->cursor) == 0)
        return ERR_BUSY;
    if (e->by_position)
        return expire_upto(s, e->of.position);
    return expiry_start(b, s->topic->id, s->id, loop_wall_ms(b->loop) - e->older_than_ms, expired);
}

static void expire_all(struct topic *t, const struct expire_op *e)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        if (subscription_durable(s) && expire_one(s, e) == ERR_NOMEM)
            log_warn(t->broker->log, "broker", "%s, %s: no memory to let messages expire", t->name.text, s->name);
    }
}

static void expire(struct subscription_op *op)
{
    const struct expire_op *e = container_of(op, struct expire_op, of);
    struct refusal *why = &op->op.why;
    struct subscription *s;
    struct topic *t;
    enum err err;

    if (topic_obtain(op->op.broker, &op->walk.name, false, &t, why) != OK) {
        if (op->walk.partitions > 0 && why->err == ERR_NOT_FOUND)
            why->err = ERR_BUSY; /* a partition that was never used has nothing to expire */
    } else if (op->subscription[0] == '\0') {
        expire_all(t, e);
    } else if (!(s = subscription_find(t, bytes_of_text(op->subscription))) || !subscription_durable(s)) {
        (void)refuse(why, ERR_NOT_FOUND, ABOUT_SUBSCRIPTION, "Subscription %s not found for topic %s", op->subscription,
                     op->walk.name.text);
    } else if ((err = expire_one(s, e)) != OK) {
        (void)refuse(why, err, ABOUT_SUBSCRIPTION, "%s",
                     err == ERR_BUSY ? "the subscription has nothing to expire: it is caught up" : err_text(err));
    }
}

static void expire_step(struct broker_op *op)
{
    op_each_topic(op, ERR_BUSY, expire);
}

void subscription_expire(struct broker *b, struct expire_op *op)
{
    op_start_walk(b, &op->of, expire_step);
}
