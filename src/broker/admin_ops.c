/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_ops.c - the operations of broker.h that the admin interface asks for: topics and subscriptions by name.
 */
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/partitioned.h"
#include "broker/records.h"
#include "broker/topic_properties.h"

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

/* ---- one topic, or all its partitions ---- */

#define WALK_TURN 64 /* partitions in one turn of the loop */

/* walk->name becomes the next; false: there is no more. */
static bool walk_next(struct broker *b, struct topic_walk *w, const struct topic_name *name)
{
    if (w->next == 0) {
        *w = (struct topic_walk){.passed = {.err = OK}};
        w->partitions = name->partition == PARTITION_NONE ? partitions_count(b, name) : 0;
    }
    if (w->next > 0 && w->next >= w->partitions)
        return false;
    if (w->partitions == 0)
        w->name = *name;
    else if (topic_name_partition(&w->name, name, w->next) != OK)
        return false;
    w->next++;
    return true;
}

/* What op->why says about one partition: true, and the walk goes on, when it was done there, or when `forgiven` is why
 * it was not. */
static bool walk_on(struct broker_op *op, struct topic_walk *w, enum err forgiven)
{
    if (op->why.err == OK) {
        w->any = true;
        return true;
    }
    if (op->why.err != forgiven || w->partitions == 0)
        return false;
    if (w->passed.err == OK)
        w->passed = op->why;
    op->why.err = OK;
    return true;
}

/* All were looked at. */
static void walk_end(struct broker_op *op, const struct topic_walk *w)
{
    if (op->why.err == OK && !w->any && w->passed.err != OK)
        op->why = w->passed;
    then_durable(op);
}

/* ---- topics ---- */

static void create_step(struct broker_op *op)
{
    const struct topic_op *create = topic_op_of(op);
    const struct topic_kind *kind = topic_kind_of(&create->name);
    enum err err = topic_creatable(op->broker, &create->name, &op->why);

    if (err == OK)
        err = kind->create(op->broker, &create->name, &op->why);
    if (err == OK && create->properties.len > 0 && kind->keeps)
        err = topic_set_properties(op->broker, &create->name, create->properties, &op->why);
    if (err == OK)
        log_debug(op->broker->log, "broker", "%s was asked for by an administrator", create->name.text);
    then_durable(op);
}

void topic_create(struct broker *b, struct topic_op *op)
{
    op_start(b, &op->op, create_step);
}

static size_t connected_count(const struct topic *t)
{
    size_t count = map_count(&t->producers), at = 0;
    struct subscription *s;

    while ((s = map_next(&t->subscriptions, &at)))
        count += s->consumer_count;
    return count;
}

static void delete_step(struct broker_op *op)
{
    struct topic_op *delete_ = topic_op_of(op);
    struct topic *t;

    op->step = durable_step;
    if (delete_->name.partition == PARTITION_NONE && partitions_count(op->broker, &delete_->name) > 0) {
        (void)refuse(
            &op->why, ERR_EXISTS, ABOUT_TOPIC,
            "%s is a partitioned topic, instead of calling delete topic, please call delete-partitioned-topic.",
            delete_->name.text);
        op_finish(op);
    } else if (topic_obtain(op->broker, &delete_->name, false, &t, &op->why) != OK) {
        op_finish(op);
    } else if (!delete_->force && topic_connected(t)) {
        (void)refuse(&op->why, ERR_BUSY, ABOUT_TOPIC, "Topic has %zu connected producers/consumers",
                     connected_count(t));
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
    struct topic_op *unload = topic_op_of(op);
    struct topic_walk *w = &unload->walk;

    while (op->why.err == OK && walk_next(op->broker, w, &unload->name)) {
        struct topic *t = topic_find(op->broker, &w->name);
        if (t) {
            topic_close(t, false, op); /* and the step comes again */
            return;
        }
        if (w->partitions == 0 && !topic_exists(op->broker, &w->name))
            (void)refuse(&op->why, ERR_NOT_FOUND, ABOUT_TOPIC, "Topic %s not found", w->name.text);
    }
    walk_end(op, w);
}

void topic_unload(struct broker *b, struct topic_op *op)
{
    op->walk.next = 0;
    op_start(b, &op->op, unload_step);
}

/* ---- subscriptions ---- */

/* Does for each topic of the walk what `act` does for one, which says in op->why how it went. */
static void each_topic(struct broker_op *op, enum err forgiven, void (*act)(struct subscription_op *op))
{
    struct subscription_op *o = subscription_op_of(op);
    struct topic_walk *w = &o->walk;

    for (unsigned turn = 0; walk_next(op->broker, w, &o->name); turn++) {
        act(o);
        if (!walk_on(op, w, forgiven))
            break;
        if (turn == WALK_TURN) {
            op_resume(op);
            return;
        }
    }
    walk_end(op, w);
}

static void start(struct broker *b, struct subscription_op *op, void (*step)(struct broker_op *op))
{
    op->walk.next = 0;
    op_start(b, &op->op, step);
}

void op_each_topic(struct broker_op *op, enum err forgiven, void (*act)(struct subscription_op *op))
{
    each_topic(op, forgiven, act);
}

void op_start_walk(struct broker *b, struct subscription_op *op, void (*step)(struct broker_op *op))
{
    start(b, op, step);
}

/* The topic, and the subscription when it is there. */
static enum err find(struct subscription_op *op, bool make_partition, struct topic **t, struct subscription **s)
{
    const bool create = make_partition && op->walk.partitions > 0;
    enum err err = topic_obtain(op->op.broker, &op->walk.name, create, t, &op->op.why);

    if (err == OK)
        *s = subscription_find(*t, bytes_of_text(op->subscription));
    return err;
}

static enum err find_existing(struct subscription_op *op, struct topic **t, struct subscription **s)
{
    enum err err = find(op, false, t, s);

    if (err == OK && !*s)
        err = refuse(&op->op.why, ERR_NOT_FOUND, ABOUT_SUBSCRIPTION, "Subscription %s not found for topic %s",
                     op->subscription, op->walk.name.text);
    return err;
}

static void make(struct subscription_op *op)
{
    const struct subscription_spec spec = {
        .name = bytes_of_text(op->subscription),
        .durable = true,
        .next = op->position,
        .replicated = op->replicated,
        .properties = op->properties,
    };
    struct refusal *why = &op->op.why;
    struct subscription *s;
    struct topic *t;

    if (!subscription_name_valid(spec.name))
        (void)refuse(why, ERR_INVALID, ABOUT_SUBSCRIPTION, "not a subscription's name, or a reserved one");
    else if (find(op, true, &t, &s) != OK)
        ; /* it said why */
    else if (s)
        (void)refuse(why, ERR_EXISTS, ABOUT_SUBSCRIPTION, "Subscription already exists for topic");
    else if (subscription_make(t, &spec, &s, why) == OK)
        log_debug(op->op.broker->log, "broker", "%s: %s was asked for by an administrator", t->name.text, s->name);
}

static void make_step(struct broker_op *op)
{
    each_topic(op, ERR_EXISTS, make);
}

void subscription_create(struct broker *b, struct subscription_op *op)
{
    start(b, op, make_step);
}

static void remove_one(struct subscription_op *op)
{
    struct refusal *why = &op->op.why;
    struct subscription *s;
    struct topic *t;
    enum err err;

    if (find_existing(op, &t, &s) != OK) {
        /* it said why */
    } else if ((s->consumer_count > 0 && !op->force) || s->seeking) {
        (void)refuse(why, ERR_BUSY, ABOUT_SUBSCRIPTION, "Subscription has active connected consumers");
    } else {
        s->seeking = true; /* it ends below, and not with its last consumer */
        subscription_close_consumers(s);
        s->seeking = false;
        if ((err = subscription_remove(s)) != OK)
            (void)refuse(why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
    }
}

static void remove_step(struct broker_op *op)
{
    each_topic(op, ERR_NOT_FOUND, remove_one);
}

void subscription_delete(struct broker *b, struct subscription_op *op)
{
    start(b, op, remove_step);
}

/* Everything up to `end` counts as acknowledged. */
static void skip_to(struct subscription_op *op, struct subscription *s, struct position end)
{
    enum err err;

    if (strcmp(s->name, COMPACTION_SUBSCRIPTION) == 0) {
        (void)refuse(&op->op.why, ERR_UNSUPPORTED, ABOUT_SUBSCRIPTION,
                     "what " COMPACTION_SUBSCRIPTION " has not read would be missing in the compacted view");
        return;
    }
    err = cursor_ack_cumulative(s->cursor, end, NEXT_MESSAGE_UNKNOWN, NULL);
    retention_changed(s->topic);
    if (err != OK) {
        (void)refuse(&op->op.why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
        return;
    }
    dispatch_acked_upto(s, cursor_mark_delete(s->cursor));
    compacted_skip(s, end);
}

static void skip(struct subscription_op *op)
{
    struct subscription *s;
    struct topic *t;

    if (find_existing(op, &t, &s) == OK && !position_equal(t->readable_end, POSITION_EARLIEST))
        skip_to(op, s, t->readable_end);
}

static void skip_some(struct subscription_op *op)
{
    struct position end = POSITION_EARLIEST, next;
    struct subscription *s;
    struct topic *t;

    if (op->entries > SKIP_MAX)
        (void)refuse(&op->op.why, ERR_INVALID, ABOUT_SUBSCRIPTION, "no more than %d entries are skipped at once",
                     SKIP_MAX);
    if (op->op.why.err != OK || find_existing(op, &t, &s) != OK)
        return;
    next = cursor_next(s->cursor, POSITION_EARLIEST);
    for (uint64_t i = 0; i < op->entries && !position_before(t->readable_end, next); i++) {
        end = next;
        next = cursor_next(s->cursor, (struct position){next.ledger, next.entry + 1});
    }
    if (!position_equal(end, POSITION_EARLIEST))
        skip_to(op, s, end);
}

static void skip_some_step(struct broker_op *op)
{
    each_topic(op, ERR_NOT_FOUND, skip_some);
}

void subscription_skip(struct broker *b, struct subscription_op *op)
{
    start(b, op, skip_some_step);
}

static void skip_step(struct broker_op *op)
{
    each_topic(op, ERR_NOT_FOUND, skip);
}

void subscription_skip_all(struct broker *b, struct subscription_op *op)
{
    start(b, op, skip_step);
}

static void set_properties(struct subscription_op *op)
{
    struct subscription_record record = {.created_ms = 0};
    struct subscription *s;
    struct topic *t;
    enum err err;

    if (find_existing(op, &t, &s) != OK)
        return;
    if ((err = subscription_record_get(s, &record)) == OK) {
        record.properties = op->properties;
        err = subscription_record_set(s, &record);
    }
    if (err != OK)
        (void)refuse(&op->op.why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
}

static void set_properties_step(struct broker_op *op)
{
    each_topic(op, ERR_NOT_FOUND, set_properties);
}

void subscription_set_properties(struct broker *b, struct subscription_op *op)
{
    start(b, op, set_properties_step);
}

static void read_properties(struct subscription_op *op)
{
    struct subscription_record record;
    struct subscription *s;
    struct topic *t;

    if (find_existing(op, &t, &s) != OK || subscription_record_get(s, &record) != OK)
        return;
    if (record.properties.len)
        memcpy(op->to, record.properties.data, record.properties.len);
    op->properties = bytes_of(op->to, record.properties.len);
}

static void properties_step(struct broker_op *op)
{
    each_topic(op, ERR_NOT_FOUND, read_properties);
}

void subscription_properties(struct broker *b, struct subscription_op *op)
{
    op->properties = bytes_of(op->to, 0);
    start(b, op, properties_step);
}

/* ---- replicated or not ---- */

static void set_replicated(struct subscription_op *op)
{
    struct subscription_record record = {.created_ms = 0};
    struct subscription *s;
    struct topic *t;
    enum err err;

    if (find_existing(op, &t, &s) != OK)
        return;
    if ((err = subscription_record_get(s, &record)) == OK && record.replicated != op->replicated) {
        record.replicated = op->replicated;
        err = subscription_record_set(s, &record);
    }
    if (err != OK)
        (void)refuse(&op->op.why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
}

static void set_replicated_step(struct broker_op *op)
{
    each_topic(op, ERR_NOT_FOUND, set_replicated);
}

void subscription_set_replicated(struct broker *b, struct subscription_op *op)
{
    start(b, op, set_replicated_step);
}

enum err subscription_replicated(struct broker *b, const struct topic_name *name, struct bytes subscription, bool *out,
                                 struct refusal *why)
{
    const struct catalog_row *topic = topic_row_find(b, name), *row;
    struct subscription_record record;
    enum err err;

    if (!topic)
        return refuse(why, ERR_NOT_FOUND, ABOUT_TOPIC, "Topic %s not found", name->text);
    if (!(row = catalog_find(b->store, CATALOG_SUBSCRIPTION, topic->id, subscription)))
        return refuse(why, ERR_NOT_FOUND, ABOUT_SUBSCRIPTION, "Subscription %.*s not found for topic %s",
                      (int)subscription.len, (const char *)subscription.data, name->text);
    if ((err = subscription_record_decode(&record, row->value)) != OK)
        return refuse(why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
    *out = record.replicated;
    return OK;
}
