/* SPDX-License-Identifier: Apache-2.0
 *
 * analyze.c - see analyze.h.
 */
#include "broker/analyze.h"

#include "broker/core.h"
#include "broker/reads.h"
#include "broker/subscription.h"

#include <inttypes.h>

#define READ_BYTES (1024 * 1024) /* of one read */

static struct analyze_op *analyze_of(struct broker_op *op)
{
    return container_of(op, struct analyze_op, op);
}

/* Both as they are now; false: one is not there, and op->why says which. */
static bool find(struct analyze_op *a, struct topic **t, struct subscription **s)
{
    struct refusal *why = &a->op.why;

    if (topic_obtain(a->op.broker, &a->name, false, t, why) != OK)
        return false;
    *s = subscription_find(*t, bytes_of_text(a->subscription));
    if (!*s)
        (void)refuse(why, ERR_NOT_FOUND, ABOUT_SUBSCRIPTION, "Subscription %s not found for topic %s", a->subscription,
                     a->name.text);
    else if (!(*t)->kind->keeps)
        (void)refuse(why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "Analyze backlog on a non-persistent topic is not allowed");
    return why->err == OK;
}

static void count(struct analyze_op *a, const struct entry *e)
{
    if (a->entries++ == 0)
        a->first = e->position;
    a->last = e->position;
    a->messages += e->header.messages;
    a->markers += e->header.kind == ENTRY_MARKER;
}

/* Alone it was acknowledged, behind the mark-delete position. */
static bool taken_out(const struct subscription *s, struct position p)
{
    return position_before(cursor_mark_delete(s->cursor), p) && cursor_acked(s->cursor, p);
}

static void count_all(struct analyze_op *a, const struct subscription *s, const struct store_read *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct entry *e = &r->entries[i];
        if (a->entries == ANALYZE_ENTRIES_MAX) {
            a->aborted = true;
            return;
        }
        if (!taken_out(s, e->position))
            count(a, e);
        a->at = (struct position){e->position.ledger, e->position.entry + 1};
    }
}

/* What lay there may have been deleted meanwhile: the next look begins where there is something. */
static void read_done(struct store_read *r, enum err err)
{
    struct analyze_op *a = broker_read_of(r)->owner;
    struct subscription *s;
    struct topic *t;

    if (err != OK && err != ERR_NOT_FOUND)
        (void)refuse(&a->op.why, err, ABOUT_TOPIC, "the entries at %" PRId64 ":%" PRId64 " cannot be read: %s",
                     r->from.ledger, r->from.entry, err_text(err));
    else if (err == OK && find(a, &t, &s))
        count_all(a, s, r);
    op_resume(&a->op);
    broker_read_free(broker_read_of(r), err);
}

static void read_next(struct analyze_op *a)
{
    struct broker_read *r = broker_read_new(a->op.broker, a, read_done);

    if (!r) {
        (void)refuse(&a->op.why, ERR_NOMEM, ABOUT_TOPIC, "%s", err_text(ERR_NOMEM));
        op_finish(&a->op);
        return;
    }
    r->read.from = a->at;
    r->read.max = STORE_READ_MAX;
    r->read.bytes_max = READ_BYTES;
    ledger_read(a->op.broker->store, &r->read);
}

static void analyze_step(struct broker_op *op)
{
    struct analyze_op *a = analyze_of(op);
    struct subscription *s;
    struct topic *t;

    if (op->why.err != OK || a->aborted || !find(a, &t, &s)) {
        op_finish(op);
        return;
    }
    if (position_equal(a->at, POSITION_EARLIEST))
        a->at = a->from_given ? a->from : cursor_next(s->cursor, POSITION_EARLIEST);
    a->at = topic_after(t, (struct position){a->at.ledger, a->at.entry - 1});
    if (topic_readable(t, a->at))
        read_next(a);
    else
        op_finish(op);
}

void subscription_analyze(struct broker *b, struct analyze_op *a)
{
    a->entries = a->messages = a->markers = 0;
    a->first = a->last = a->at = POSITION_EARLIEST;
    a->aborted = false;
    op_start(b, &a->op, analyze_step);
}
