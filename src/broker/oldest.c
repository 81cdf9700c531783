/* SPDX-License-Identifier: Apache-2.0
 *
 * oldest.c - see oldest.h.
 *
 * One read at a time; what it brings is told to every subscription that stands at the same entry.
 */
#include "broker/oldest.h"

#include "broker/core.h"
#include "broker/reads.h"
#include "broker/subscription.h"

#define READS_MAX 4096 /* of one question */

static struct oldest_op *oldest_op_of(struct broker_op *op)
{
    return container_of(op, struct oldest_op, op);
}

/* The first entry of its backlog, which nobody has asked about; false: it has none, or that is known. */
static bool unknown(const struct topic *t, const struct subscription *s, struct position *p)
{
    *p = cursor_next(s->cursor, POSITION_EARLIEST);
    return topic_readable(t, *p) && !position_equal(*p, s->oldest);
}

static bool find_unknown(struct topic *t, struct position *p)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        if (unknown(t, s, p))
            return true;
    }
    return false;
}

/* `publish_ms` 0: it cannot be read. */
static void learn(struct topic *t, struct position p, int64_t publish_ms)
{
    struct subscription *s;
    struct position first;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        if (!unknown(t, s, &first) || !position_equal(first, p))
            continue;
        s->oldest = p;
        s->oldest_ms = publish_ms;
    }
}

static void read_done(struct store_read *r, enum err err)
{
    struct oldest_op *oldest = broker_read_of(r)->owner;
    struct topic *t = topic_find(oldest->op.broker, &oldest->name);

    if (t)
        learn(t, r->from, err == OK ? r->entries[0].header.publish_ms : 0);
    op_resume(&oldest->op);
    broker_read_free(broker_read_of(r), err);
}

static void oldest_step(struct broker_op *op)
{
    struct oldest_op *oldest = oldest_op_of(op);
    struct broker_read *r;
    struct position from;
    struct topic *t;

    if (topic_obtain(op->broker, &oldest->name, false, &t, &op->why) != OK || !t->kind->keeps ||
        !find_unknown(t, &from) || oldest->reads++ == READS_MAX ||
        !(r = broker_read_new(op->broker, oldest, read_done))) {
        op_finish(op);
        return;
    }
    r->read.from = from;
    r->read.max = 1;
    r->read.bytes_max = 1;
    ledger_read(op->broker->store, &r->read);
}

void topic_oldest(struct broker *b, struct oldest_op *oldest)
{
    oldest->reads = 0;
    op_start(b, &oldest->op, oldest_step);
}
