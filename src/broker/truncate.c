/* SPDX-License-Identifier: Apache-2.0
 *
 * truncate.c - a topic loses all its data: see topic_truncate in broker.h.
 *
 * The cursors go to the end, the open ledger is closed, and what is closed is deleted as if no policy kept it: some
 * ledgers in each turn of the loop.
 */
#include "broker/core.h"
#include "broker/partitioned.h"
#include "broker/policies.h"
#include "broker/publish.h"
#include "broker/subscription.h"
#include "broker/trim.h"

#include <string.h>

static struct topic_op *truncate_of(struct broker_op *op)
{
    return container_of(op, struct topic_op, op);
}

/* What is not acknowledged for want of memory stays, and its ledgers do. */
static void acknowledge_all(struct topic *t)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        if (strcmp(s->name, COMPACTION_SUBSCRIPTION) == 0 ||
            cursor_ack_cumulative(s->cursor, t->readable_end, NEXT_MESSAGE_UNKNOWN, NULL) != OK)
            continue;
        dispatch_acked_upto(s, cursor_mark_delete(s->cursor));
        compacted_skip(s, t->readable_end);
    }
}

static size_t ledgers(const struct topic *t)
{
    size_t count;

    (void)store_chain(t->broker->store, t->id, &count);
    return count;
}

/* True: there may be more to delete. */
static bool truncate_some(struct topic *t)
{
    struct policies p = policies_resolve(t->broker, t->id);
    const size_t before = ledgers(t);

    p.value[POLICY_RETENTION_MINUTES] = p.value[POLICY_RETENTION_MB] = p.value[POLICY_DEDUPLICATION_WINDOW_S] = 0;
    (void)trim_ledgers(t->broker, t->id, t, &p);
    return ledgers(t) < before;
}

/* The topic, or the partition whose turn it is; false: there is none of it, which op->why may tell. */
static bool obtain(struct topic_op *o, struct topic **t)
{
    struct refusal *why = &o->op.why;
    const enum err err = topic_obtain(o->op.broker, &o->walk.name, false, t, why);

    if (err == OK && !(*t)->kind->keeps)
        (void)refuse(why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "unsupport truncate");
    if (err == ERR_NOT_FOUND && o->walk.partitions > 0)
        why->err = OK; /* a partition may be missing */
    return err == OK && why->err == OK;
}

static void durable_step(struct broker_op *op)
{
    if (op->why.err == OK && !op->waited)
        op_wait_durable(op);
    else
        op_finish(op);
}

/* walk.name becomes that of the next; false: there is no more. */
static bool next(struct topic_op *o)
{
    struct topic_walk *w = &o->walk;

    w->name = o->name;
    if (w->partitions > 0 && (w->next == w->partitions || topic_name_partition(&w->name, &o->name, w->next) != OK))
        return false;
    return w->next++ < (w->partitions > 0 ? w->partitions : 1);
}

static void truncate_step(struct broker_op *op)
{
    struct topic_op *o = truncate_of(op);
    struct topic *t;

    if (o->walk.any) { /* in the midst of one */
        if (obtain(o, &t) && truncate_some(t)) {
            op_resume(op);
            return;
        }
        o->walk.any = false;
    } else if (op->why.err == OK && next(o)) {
        if (obtain(o, &t)) {
            acknowledge_all(t);
            topic_close_ledger(t);
            o->walk.any = true;
        }
    } else {
        op->step = durable_step;
    }
    op_resume(op);
}

void topic_truncate(struct broker *b, struct topic_op *o)
{
    o->walk = (struct topic_walk){.next = 0};
    o->walk.partitions = o->name.partition == PARTITION_NONE ? partitions_count(b, &o->name) : 0;
    op_start(b, &o->op, truncate_step);
}
