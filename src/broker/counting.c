/* SPDX-License-Identifier: Apache-2.0
 *
 * counting.c - see counting.h.
 *
 * One read at a time; what it brings is told to every cursor of the topic, for subscriptions often stand close
 * together.
 */
#include "broker/counting.h"

#include "broker/core.h"
#include "broker/reads.h"
#include "broker/subscription.h"

#define READS_MAX  4096          /* of one question */
#define READ_BYTES (1024 * 1024) /* of one read */

static struct count_op *count_op_of(struct broker_op *op)
{
    return container_of(op, struct count_op, op);
}

/* Where the next header is that some subscription needs. */
static bool find_unsure(const struct count_op *count, struct topic *t, struct position *p)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        if (s->uncountable != count->number && cursor_unsure(s->cursor, p))
            return true;
    }
    return false;
}

static void learn(struct topic *t, const struct entry *e)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at)))
        cursor_learn(s->cursor, e->position, &e->header);
}

/* The entry cannot be read: who needs it is not asked about again. */
static void give_up(const struct count_op *count, struct topic *t, struct position from)
{
    struct subscription *s;
    struct position p;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        if (cursor_unsure(s->cursor, &p) && position_equal(p, from))
            s->uncountable = count->number;
    }
}

static void read_done(struct store_read *r, enum err err)
{
    struct count_op *count = broker_read_of(r)->owner;
    struct topic *t = topic_find(count->op.broker, &count->name);

    for (size_t i = 0; t && err == OK && i < r->count; i++)
        learn(t, &r->entries[i]);
    if (t && err != OK)
        give_up(count, t, r->from);
    op_resume(&count->op);
    broker_read_free(broker_read_of(r), err);
}

static void count_step(struct broker_op *op)
{
    struct count_op *count = count_op_of(op);
    struct broker_read *r;
    struct position from;
    struct topic *t;

    if (topic_obtain(op->broker, &count->name, false, &t, &op->why) != OK || !find_unsure(count, t, &from) ||
        count->reads++ == READS_MAX || !(r = broker_read_new(op->broker, count, read_done))) {
        op_finish(op);
        return;
    }
    r->read.from = from;
    r->read.max = STORE_READ_MAX;
    r->read.bytes_max = READ_BYTES;
    ledger_read(op->broker->store, &r->read);
}

void topic_count(struct broker *b, struct count_op *count)
{
    count->number = ++b->counts_asked;
    count->reads = 0;
    op_start(b, &count->op, count_step);
}
