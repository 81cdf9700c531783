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
    if (p->by == PEEK_FIRST || p->by == PEEK_LAST)
        (void)refuse(&p->op.why, ERR_INVALID, ABOUT_TOPIC,
                     "Could not examine messages due to the total message is zero");
    else
        (void)refuse(&p->op.why, ERR_NOT_FOUND, ABOUT_TOPIC, "Message not found");
}

static void nothing_kept(struct broker_op *op)
{
    (void)refuse(&op->why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "a non-persistent topic keeps nothing to look at");
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

/* How many entries of a ledger are readable. */
static uint64_t readable(const struct topic *t, const struct ledger_info *l)
{
    return (uint64_t)(ledger_synced_end(t->broker->store, l->id) + 1);
}

/* The nth of all, from the start or the end; the last one there is, where there are fewer.  False: there is none. */
static bool nth_of_all(const struct topic *t, bool from_end, uint64_t nth, struct position *out)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);
    uint64_t left = nth > 0 ? nth : 1;
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        const struct ledger_info *l = &chain[from_end ? count - 1 - i : i];
        const uint64_t here = readable(t, l), at = left <= here ? left : here;
        if (here == 0)
            continue;
        *out = (struct position){(int64_t)l->id, (int64_t)(from_end ? here - at : at - 1)};
        any = true;
        if (left <= here)
            break;
        left -= here;
    }
    return any;
}

static bool is_there(const struct topic *t, struct position at)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    return chain_has(chain, count, at) && !position_before(t->readable_end, at);
}

/* Where it is; false: there is no such entry. */
static bool find(struct peek *p, struct topic *t)
{
    switch (p->by) {
    case PEEK_SUBSCRIPTION:
        return nth_position(t, subscription_find(t, bytes_of_text(p->subscription)), p->nth, &p->position);
    case PEEK_FIRST:
    case PEEK_LAST:
        return nth_of_all(t, p->by == PEEK_LAST, p->nth, &p->position);
    default:
        return is_there(t, p->position);
    }
}

static void peek_step(struct broker_op *op)
{
    struct peek *p = peek_of(op);
    struct topic *t;

    if (topic_obtain(op->broker, &p->name, false, &t, &op->why) != OK)
        ; /* it said why */
    else if (!t->kind->keeps)
        nothing_kept(op);
    else if (find(p, t))
        entry_read(p);
    else
        nothing_there(p);
    if (op->why.err != OK)
        op_finish(op);
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

/* ---- the entry of an index ---- */

static struct peek_index *index_of(struct broker_op *op)
{
    return container_of(op, struct peek_index, op);
}

static void index_end(struct peek_index *p)
{
    p->position = p->search.found;
    if (p->search.err != OK)
        (void)refuse(&p->op.why, p->search.err, ABOUT_TOPIC, "%s", err_text(p->search.err));
    else if (position_equal(p->position, POSITION_LATEST))
        (void)refuse(&p->op.why, ERR_NOT_FOUND, ABOUT_TOPIC, "Message not found");
    op_finish(&p->op);
}

static void index_found(struct search *search)
{
    index_end(container_of(search, struct peek_index, search));
}

/* Whether it was there, and is gone: then the first entry that is left is not it. */
static bool is_gone(const struct topic *t, uint64_t index)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    return count > 0 && index < chain[0].first_message;
}

static void index_step(struct broker_op *op)
{
    struct peek_index *p = index_of(op);
    struct topic *t;

    if (topic_obtain(op->broker, &p->name, false, &t, &op->why) != OK)
        ; /* it said why */
    else if (!t->kind->keeps)
        nothing_kept(op);
    else if (is_gone(t, p->index))
        (void)refuse(&op->why, ERR_NOT_FOUND, ABOUT_TOPIC, "Message not found");
    if (op->why.err != OK) {
        op_finish(op);
        return;
    }
    p->search =
        (struct search){.broker = op->broker, .topic = t->id, .by_index = true, .index = p->index, .done = index_found};
    if (search_start(&p->search))
        index_end(p);
}

void topic_peek_index(struct broker *b, struct peek_index *op)
{
    op_start(b, &op->op, index_step);
}
