/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_ops.c - the operations of broker.h that the admin interface asks for: topics and subscriptions by name.
 */
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/records.h"

#include <string.h>

static struct topic_op *topic_op_of(struct broker_op *op)
{
    return container_of(op, struct topic_op, op);
}

static struct subscription_op *subscription_op_of(struct broker_op *op)
{
    return container_of(op, struct subscription_op, op);
}

/* After a change: a barrier, then done. */
static void durable_step(struct broker_op *op)
{
    if (op->why.err == OK && !op->waited)
        op_wait_durable(op);
    else
        op_finish(op);
}

static void then_durable(struct broker_op *op)
{
    op->step = durable_step;
    durable_step(op);
}

/* ---- topics ---- */

static void create_step(struct broker_op *op)
{
    const struct topic_name *name = &topic_op_of(op)->name;

    if (namespace_admits(op->broker, name, &op->why) != OK)
        ; /* it said why */
    else if (topic_exists(op->broker, name))
        (void)refuse(&op->why, ERR_EXISTS, ABOUT_TOPIC, "%s exists", name->text);
    else if (name->partition != PARTITION_NONE)
        (void)refuse(&op->why, ERR_UNSUPPORTED, ABOUT_TOPIC, "%s is named like a partition, and there is no such topic",
                     name->text);
    else if (topic_kind_of(name)->create(op->broker, name, &op->why) == OK)
        log_debug(op->broker->log, "broker", "%s was asked for by an administrator", name->text);
    then_durable(op);
}

void topic_create(struct broker *b, struct topic_op *op)
{
    op_start(b, &op->op, create_step);
}

static void delete_step(struct broker_op *op)
{
    struct topic_op *delete_ = topic_op_of(op);
    struct topic *t;

    op->step = durable_step;
    if (topic_obtain(op->broker, &delete_->name, false, &t, &op->why) != OK) {
        op_finish(op);
    } else if (!delete_->force && topic_connected(t)) {
        (void)refuse(&op->why, ERR_BUSY, ABOUT_TOPIC, "%s has connected producers or consumers", t->name.text);
        op_finish(op);
    } else {
        topic_close(t, true, op);
    }
}

void topic_delete(struct broker *b, struct topic_op *op)
{
    op_start(b, &op->op, delete_step);
}

static void unload_step(struct broker_op *op)
{
    const struct topic_name *name = &topic_op_of(op)->name;
    struct topic *t = topic_find(op->broker, name);

    op->step = durable_step;
    if (t) {
        topic_close(t, false, op);
        return;
    }
    if (!topic_exists(op->broker, name))
        (void)refuse(&op->why, ERR_NOT_FOUND, ABOUT_TOPIC, "no topic %s", name->text);
    op_finish(op);
}

void topic_unload(struct broker *b, struct topic_op *op)
{
    op_start(b, &op->op, unload_step);
}

/* ---- subscriptions ---- */

/* The topic, and the subscription when it is there. */
static enum err find(struct subscription_op *op, struct topic **t, struct subscription **s)
{
    enum err err = topic_obtain(op->op.broker, &op->name, false, t, &op->op.why);

    if (err == OK)
        *s = subscription_find(*t, bytes_of_text(op->subscription));
    return err;
}

static enum err find_existing(struct subscription_op *op, struct topic **t, struct subscription **s)
{
    enum err err = find(op, t, s);

    if (err == OK && !*s)
        err = refuse(&op->op.why, ERR_NOT_FOUND, ABOUT_SUBSCRIPTION, "no subscription %s", op->subscription);
    return err;
}

static void make_step(struct broker_op *op)
{
    struct subscription_op *make = subscription_op_of(op);
    const struct subscription_spec spec = {
        .name = bytes_of_text(make->subscription),
        .durable = true,
        .next = make->position,
    };
    struct subscription *s;
    struct topic *t;

    if (!subscription_name_valid(spec.name))
        (void)refuse(&op->why, ERR_INVALID, ABOUT_SUBSCRIPTION, "not a subscription's name, or a reserved one");
    else if (find(make, &t, &s) != OK)
        ; /* it said why */
    else if (s)
        (void)refuse(&op->why, ERR_EXISTS, ABOUT_SUBSCRIPTION, "subscription %s exists", make->subscription);
    else if (subscription_make(t, &spec, &s, &op->why) == OK)
        log_debug(op->broker->log, "broker", "%s: %s was asked for by an administrator", t->name.text, s->name);
    then_durable(op);
}

void subscription_create(struct broker *b, struct subscription_op *op)
{
    op_start(b, &op->op, make_step);
}

static void remove_step(struct broker_op *op)
{
    struct subscription_op *remove = subscription_op_of(op);
    struct subscription *s;
    struct topic *t;
    enum err err;

    if (find_existing(remove, &t, &s) != OK) {
        /* it said why */
    } else if ((s->consumer_count > 0 && !remove->force) || s->seeking) {
        (void)refuse(&op->why, ERR_BUSY, ABOUT_SUBSCRIPTION, "subscription %s has consumers", s->name);
    } else {
        s->seeking = true; /* it ends below, and not with its last consumer */
        subscription_close_consumers(s);
        s->seeking = false;
        if ((err = subscription_remove(s)) != OK)
            (void)refuse(&op->why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
    }
    then_durable(op);
}

void subscription_delete(struct broker *b, struct subscription_op *op)
{
    op_start(b, &op->op, remove_step);
}

static void skip_step(struct broker_op *op)
{
    struct subscription *s;
    struct topic *t;
    enum err err;

    if (find_existing(subscription_op_of(op), &t, &s) == OK && !position_equal(t->readable_end, POSITION_EARLIEST)) {
        err = cursor_ack_cumulative(s->cursor, t->readable_end, NEXT_MESSAGE_UNKNOWN, NULL);
        retention_changed(t);
        if (err == OK)
            dispatch_acked_upto(s, cursor_mark_delete(s->cursor));
        else
            (void)refuse(&op->why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
    }
    then_durable(op);
}

void subscription_skip_all(struct broker *b, struct subscription_op *op)
{
    op_start(b, &op->op, skip_step);
}
