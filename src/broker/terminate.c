/* SPDX-License-Identifier: Apache-2.0
 *
 * terminate.c - see terminate.h.
 */
#include "broker/terminate.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/partitioned.h"
#include "broker/producer.h"
#include "broker/records.h"

#include <assert.h>
#include <inttypes.h>

static struct terminate_op *op_of(struct broker_op *op)
{
    return container_of(op, struct terminate_op, op);
}

static enum err put_flag(struct topic *t)
{
    struct topic_record record;
    enum err err;

    if ((err = topic_record_read(t, &record)) != OK || record.terminated)
        return err;
    record.terminated = true;
    if ((err = topic_record_write(t, &record)) == OK)
        log_info(t->broker->log, "broker", "%s: terminated after %" PRId64 ":%" PRId64, t->name.text,
                 t->readable_end.ledger, t->readable_end.entry);
    return err;
}

static enum err find(struct terminate_op *o, struct topic **t)
{
    struct broker *b = o->op.broker;
    enum err err;

    if (o->name.partition == PARTITION_NONE && partitions_count(b, &o->name) > 0)
        return refuse(&o->op.why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "%s has partitions: they are terminated", o->name.text);
    if ((err = topic_obtain(b, &o->name, false, t, &o->op.why)) != OK)
        return err;
    if (!(*t)->kind->keeps)
        return refuse(&o->op.why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "%s keeps nothing: it cannot be terminated",
                      o->name.text);
    return OK;
}

/* It is the end, or it is not: either way its producers shall look up again. */
static void decided(struct store_op *barrier, enum err err)
{
    struct terminate_op *o = op_of(container_of(barrier, struct broker_op, barrier));
    struct topic *t = topic_find(o->op.broker, &o->name);

    if (err != OK)
        (void)refuse(&o->op.why, ERR_IO, ABOUT_BROKER, "the change could not be stored: %s", err_text(err));
    if (t) {
        t->ending = false;
        t->terminated = t->terminated || err == OK;
        access_dismiss(t, err == OK ? ERR_TERMINATED : ERR_AGAIN, "it was terminated, or nearly");
        topic_dismiss_producers(t);
        topic_wake(t);
    }
    op_finish(&o->op);
}

static void terminate_step(struct broker_op *op)
{
    struct terminate_op *o = op_of(op);
    struct topic *t;

    if (find(o, &t) != OK) {
        op_finish(op);
        return;
    }
    t->ending = true;
    if (t->pending > 0) {
        op_wait_durable(op); /* behind what is under way */
        return;
    }
    const enum err err = put_flag(t);
    o->last = t->readable_end;
    op->barrier.done = decided;
    if (err == OK)
        store_barrier(op->broker->store, &op->barrier);
    else
        decided(&op->barrier, err);
}

void topic_terminate(struct broker *b, struct terminate_op *o)
{
    op_start(b, &o->op, terminate_step);
}

void terminate_tell(struct subscription *s)
{
    assert(s->topic->terminated);
    if (s->topic->pending > 0 || s->seeking || cursor_backlog_entries(s->cursor) > 0 ||
        compacted_reading(&s->compacted))
        return;
    list_each (node, &s->consumers) {
        struct consumer *c = consumer_at(node);
        if (!c->told_end)
            c->sink->ops->end_of_topic(c->sink, c->id);
        c->told_end = true;
    }
}
