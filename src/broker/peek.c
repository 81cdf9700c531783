/* SPDX-License-Identifier: Apache-2.0
 *
 * peek.c - see peek.h.
 */
#include "broker/peek.h"

#include "broker/core.h"
#include "broker/reads.h"
#include "broker/subscription.h"
#include "store/chain.h"

static struct peek *peek_of(struct broker_op *op)
{
    return container_of(op, struct peek, op);
}

static void nothing_there(struct peek *p)
{
    (void)refuse(&p->op.why, ERR_NOT_FOUND, ABOUT_TOPIC, "Message not found");
    op_finish(&p->op);
}

static void peeked(struct store_read *r, enum err err)
{
    struct peek *p = broker_read_of(r)->owner;

    if (err == OK) {
        p->entry = r->entries[0];
        p->entry.bytes = slice_ref(r->entries[0].bytes);
    } else if (err == ERR_NOT_FOUND) {
        (void)refuse(&p->op.why, err, ABOUT_TOPIC, "Message not found");
    } else {
        (void)refuse(&p->op.why, err, ABOUT_TOPIC, "the entry cannot be read: %s", err_text(err));
    }
    broker_read_free(broker_read_of(r), err);
    op_resume(&p->op);
}

static void entry_read(struct peek *p)
{
    struct broker_read *r = broker_read_new(p->op.broker, p, peeked);

    p->op.step = op_finish;
    if (!r) {
        (void)refuse(&p->op.why, ERR_NOMEM, ABOUT_TOPIC, "%s", err_text(ERR_NOMEM));
        op_finish(&p->op);
        return;
    }
    r->read.from = p->position;
    r->read.max = 1;
    r->read.bytes_max = 1;
    ledger_read(p->op.broker->store, &r->read);
}

/* The nth position that is not acknowledged; false: the topic ends before it. */
static bool nth_position(const struct topic *t, const struct subscription *s, uint64_t nth, struct position *out)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);
    struct position at = s ? cursor_mark_delete(s->cursor) : POSITION_EARLIEST;

    if (nth == 0 || nth > PEEK_NTH_MAX)
        return false;
    for (; nth > 0; nth--) {
        at = chain_after(chain, count, at);
        at = s ? cursor_next(s->cursor, at) : at;
        if (position_before(t->readable_end, at))
            return false;
    }
    *out = at;
    return true;
}

static bool is_there(const struct topic *t, struct position at)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    return chain_has(chain, count, at) && !position_before(t->readable_end, at);
}

static void peek_step(struct broker_op *op)
{
    struct peek *p = peek_of(op);
    struct subscription *s;
    struct topic *t;

    if (topic_obtain(op->broker, &p->name, false, &t, &op->why) != OK) {
        op_finish(op);
        return;
    }
    s = p->subscription[0] ? subscription_find(t, bytes_of_text(p->subscription)) : NULL;
    if (!t->kind->keeps) {
        (void)refuse(&op->why, ERR_UNSUPPORTED, ABOUT_TOPIC, "a non-persistent topic keeps nothing to look at");
        op_finish(op);
    } else if (p->subscription[0] ? !nth_position(t, s, p->nth, &p->position) : !is_there(t, p->position)) {
        nothing_there(p);
    } else {
        entry_read(p);
    }
}

void topic_peek(struct broker *b, struct peek *op)
{
    op_start(b, &op->op, peek_step);
}

/* ---- the first message of a time ---- */

static struct peek_time *time_of(struct broker_op *op)
{
    return container_of(op, struct peek_time, op);
}

/* Behind the last entry there is the place of the next one. */
static void time_end(struct peek_time *p)
{
    struct topic *t = topic_find(p->op.broker, &p->name);

    p->position = p->search.found;
    if (p->search.err != OK) {
        (void)refuse(&p->op.why, p->search.err, ABOUT_TOPIC, "%s", err_text(p->search.err));
    } else if (position_equal(p->position, POSITION_LATEST) && t) {
        size_t count;
        const struct ledger_info *chain = store_chain(p->op.broker->store, t->id, &count);
        p->position = chain_after(chain, count, t->readable_end);
    }
    op_finish(&p->op);
}

static void time_found(struct search *search)
{
    time_end(container_of(search, struct peek_time, search));
}

static void time_step(struct broker_op *op)
{
    struct peek_time *p = time_of(op);
    struct topic *t;

    if (topic_obtain(op->broker, &p->name, false, &t, &op->why) != OK) {
        op_finish(op);
        return;
    }
    p->search = (struct search){.broker = op->broker, .topic = t->id, .publish_ms = p->publish_ms, .done = time_found};
    if (search_start(&p->search))
        time_end(p);
}

void topic_peek_time(struct broker *b, struct peek_time *op)
{
    op_start(b, &op->op, time_step);
}
