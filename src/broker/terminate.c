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
    const struct catalog_row *row = catalog_get(t->broker->store, CATALOG_TOPIC, t->id);
    struct topic_record record;
    uint8_t value[RECORD_MAX];
    enum err err;

    assert(row);
    if ((err = topic_record_decode(&record, row->value)) != OK || record.terminated)
        return err;
    record.terminated = true;
    const struct catalog_row next = {
        .id = t->id,
        .parent = row->parent,
        .name = topic_name_full(&t->name),
        .value = topic_record_encode(&record, value),
    };
    if ((err = catalog_put(t->broker->store, CATALOG_TOPIC, &next)) == OK)
        log_info(t->broker->log, "broker", "%s: terminated after %" PRId64 ":%" PRId64, t->name.text,
                 t->readable_end.ledger, t->readable_end.entry);
    return err;
}

static void wake_subscriptions(struct topic *t)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at)))
        dispatch_wake(s);
}

/* All that was published before has its receipt. */
static void finish(struct topic *t, struct terminate_op *o)
{
    const enum err err = put_flag(t);

    if (err != OK) {
        t->terminated = false;
        (void)refuse(&o->op.why, err, ABOUT_TOPIC, "%s: %s", t->name.text, err_text(err));
        return;
    }
    o->last = t->readable_end;
    access_dismiss(t, ERR_TERMINATED, "it was terminated");
    topic_dismiss_producers(t);
    wake_subscriptions(t);
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

static void durable_step(struct broker_op *op)
{
    if (op->why.err == OK && !op->waited)
        op_wait_durable(op);
    else
        op_finish(op);
}

static void terminate_step(struct broker_op *op)
{
    struct terminate_op *o = op_of(op);
    struct topic *t;

    if (find(o, &t) != OK) {
        op_finish(op);
        return;
    }
    t->terminated = true;
    if (t->pending > 0) {
        op_wait_durable(op); /* behind what is under way */
        return;
    }
    finish(t, o);
    op->waited = false;
    op->step = durable_step;
    durable_step(op);
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
