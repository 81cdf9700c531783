/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer.c - see consumer.h.
 */
#include "broker/consumer.h"

#include "broker/admission.h"
#include "broker/core.h"
#include "broker/dispatcher.h"
#include "broker/lapse.h"
#include "broker/properties.h"
#include "broker/readiness.h"
#include "broker/reads.h"
#include "broker/records.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct broker *broker_of(const struct consumer *c)
{
    return c->subscription->topic->broker;
}

/* ---- opening ---- */

static const struct dispatcher *dispatcher_of(enum subscription_type type)
{
    switch (type) {
    case TYPE_EXCLUSIVE:
        return &dispatcher_exclusive;
    case TYPE_SHARED:
        return &dispatcher_shared;
    case TYPE_FAILOVER:
        return &dispatcher_failover;
    case TYPE_KEY_SHARED:
        return &dispatcher_key_shared;
    }
    return NULL;
}

static enum err refuse_early(struct consumer_open *open)
{
    struct refusal *why = &open->op.why;

    if (!subscription_name_valid(open->subscription))
        return refuse(why, ERR_INVALID, ABOUT_SUBSCRIPTION, "not a subscription's name, or a reserved one");
    if (!dispatcher_of(open->type))
        return refuse(why, ERR_UNSUPPORTED, ABOUT_CONSUMER, "there is no such type of subscription");
    if (open->read_compacted && !topic_kind_of(&open->topic)->keeps)
        return refuse(why, ERR_UNSUPPORTED, ABOUT_CONSUMER, "readCompacted only valid on persistent topics");
    if (open->read_compacted && open->type != TYPE_EXCLUSIVE && open->type != TYPE_FAILOVER)
        return refuse(why, ERR_UNSUPPORTED, ABOUT_CONSUMER,
                      "readCompacted only allowed on failover or exclusive subscriptions");
    return OK;
}

/* Where a subscription that this consumer makes begins. */
static struct position beginning(const struct consumer_open *open)
{
    if (open->start_given)
        return open->start;
    return open->initial == INITIAL_EARLIEST ? POSITION_EARLIEST : POSITION_LATEST;
}

static void search_done(struct search *search)
{
    struct consumer_open *open = container_of(search, struct consumer_open, search);

    if (search->err != OK) {
        (void)refuse(&open->op.why, search->err, ABOUT_SUBSCRIPTION, "searching the start: %s", err_text(search->err));
        op_finish(&open->op);
        return;
    }
    open->found_back = true;
    open->op.step(&open->op);
}

/* Where rollback_s goes to is known.  False: the step comes again when it is. */
static bool look_back(struct consumer_open *open, struct topic *t)
{
    struct broker *b = open->op.broker;
    uint64_t back_ms = open->rollback_s > INT64_MAX / 2000 ? INT64_MAX / 2 : open->rollback_s * 1000;

    if (open->rollback_s == 0 || open->found_back)
        return true;
    open->search = (struct search){
        .broker = b,
        .topic = t->id,
        .publish_ms = loop_wall_ms(b->loop) - (int64_t)back_ms,
        .done = search_done,
    };
    open->found_back = search_start(&open->search);
    return open->found_back;
}

/* It has a cursor that is to go back first: as by a seek. */
static enum err move_back(struct consumer_open *open, struct subscription *s)
{
    enum err err;

    if (open->rollback_s == 0 || !s->topic->kind->keeps)
        return OK;
    open->rollback_s = 0;
    subscription_close_consumers(s);
    s->settled = false;
    if ((err = subscription_reset(s, open->search.found)) != OK)
        return refuse(&open->op.why, err, ABOUT_SUBSCRIPTION, "the cursor could not be moved: %s", err_text(err));
    return OK;
}

/* A client that wants it kept in step in other clusters turns that on for good. */
static enum err note_replicated(struct consumer_open *open, struct subscription *s)
{
    struct subscription_record record;
    enum err err;

    if (!open->replicated || (err = subscription_record_get(s, &record)) == ERR_NOT_FOUND)
        return OK;
    if (err == OK && record.replicated)
        return OK;
    record.replicated = true;
    if (err == OK)
        err = subscription_record_set(s, &record);
    return err == OK ? OK : refuse(&open->op.why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
}

static enum err use_subscription(struct consumer_open *open, struct subscription *s)
{
    struct refusal *why = &open->op.why;
    enum err err;

    if (subscription_durable(s) != open->durable && s->topic->kind->keeps)
        return refuse(why, ERR_UNSUPPORTED, ABOUT_SUBSCRIPTION, "there is a %s subscription of the same name",
                      open->durable ? "non-durable" : "durable");
    if (s->seeking)
        return refuse(why, ERR_AGAIN, ABOUT_SUBSCRIPTION, "the subscription is being moved");
    if ((err = note_replicated(open, s)) != OK)
        return err;
    return move_back(open, s);
}

static enum err make_subscription(struct consumer_open *open, struct topic *t, struct subscription **out)
{
    struct refusal *why = &open->op.why;

    if (open->durable && !policy_of(t->broker, t->id, POLICY_SUBSCRIPTION_CREATION) && t->kind->keeps)
        return refuse(why, ERR_NOT_FOUND, ABOUT_SUBSCRIPTION, "no such subscription, and it may not be created");
    const struct subscription_spec spec = {
        .name = open->subscription,
        .durable = open->durable,
        .next = open->rollback_s > 0 ? open->search.found : beginning(open),
        .replicated = open->replicated,
        .properties = open->properties,
    };
    open->rollback_s = 0;
    return subscription_make(t, &spec, out, why);
}

/* Finds the subscription or makes it.  ERR_AGAIN with *waits set: the step comes again. */
static enum err obtain_subscription(struct consumer_open *open, struct topic *t, struct subscription **out, bool *waits)
{
    *waits = !look_back(open, t);
    if (*waits)
        return ERR_AGAIN;
    *out = subscription_find(t, open->subscription);
    return *out ? use_subscription(open, *out) : make_subscription(open, t, out);
}

/* What exists because of this operation, or was found in the making, shall be durable before anybody is told. */
static bool settled(struct consumer_open *open, struct subscription *s)
{
    struct topic *t = s->topic;

    if (open->op.waited)
        t->settled = s->settled = true;
    return schemas_settled(t->broker, &open->chosen, &open->op) && t->settled &&
           (s->settled || !subscription_durable(s));
}

/* May the consumer join?  ERR_AGAIN with *waits set: its rival's connection is being asked. */
static enum err admit(struct consumer_open *open, struct subscription *s, bool *waits)
{
    const struct dispatcher *kind = dispatcher_of(open->type);
    struct consumer *rival = NULL;
    enum err err;

    if (!(policy_of(s->topic->broker, s->topic->id, POLICY_SUBSCRIPTION_TYPES) >> open->type & 1))
        return refuse(&open->op.why, ERR_UNSUPPORTED, ABOUT_CONSUMER, "subscriptions of type %s are not allowed here",
                      kind->name);
    if (s->consumer_count > 0 && s->dispatcher != kind)
        return refuse(&open->op.why, ERR_BUSY, ABOUT_CONSUMER, "the subscription is of different type: %s",
                      s->dispatcher->name);
    err = kind->admit(s, open, &rival, &open->op.why);
    if (err != OK && rival && rival->sink != open->sink) {
        *waits = true;
        op_probe(&open->op, rival->sink);
    }
    return err == OK ? admission_of_consumer(s, open->sink, &open->op.why) : err;
}

static enum err consumer_new(struct consumer_open *open, struct subscription *s)
{
    struct broker *b = s->topic->broker;
    char given[NAME_GIVEN_MAX];
    const char *name = open->name;
    struct consumer *c = calloc(1, sizeof *c);

    if (!name) {
        broker_give_name(b, given);
        name = given;
    }
    if (!c || !(c->name = strdup(name)) || properties_copy(&c->metadata, open->metadata) != OK) {
        if (c)
            free(c->name);
        free(c);
        return refuse(&open->op.why, ERR_NOMEM, ABOUT_CONSUMER, "%s", err_text(ERR_NOMEM));
    }
    c->metadata_len = open->metadata.len;
    c->subscription = s;
    list_init(&c->node);
    c->sink = open->sink;
    c->id = open->consumer_id;
    c->type = open->type;
    c->priority = open->priority;
    c->epoch = open->epoch;
    c->read_compacted = open->read_compacted;
    c->any_schema = open->schema && open->schema->type == SCHEMA_AUTO_CONSUME;
    list_init(&c->pending);
    c->connected_ms = loop_wall_ms(b->loop);
    c->turn = ++s->dispatch.turns;
    c->turn_left = dispatcher_of(open->type)->round_max;
    if (dispatcher_of(open->type)->prepare) {
        enum err err = dispatcher_of(open->type)->prepare(s, c, open, &open->op.why);
        if (err != OK) {
            free(c->name);
            free(c->metadata);
            free(c);
            return err;
        }
    }

    b->counts.consumers++;
    s->dispatcher = dispatcher_of(open->type);
    if (++s->consumer_count == 1)
        lapse_joined(s);
    s->moved_ns = loop_now_ns(b->loop);
    s->dispatcher->joined(s, c);
    topic_touch(s->topic);
    if (s->topic->terminated)
        dispatch_wake(s); /* it may be at the end already: to be told behind its success */
    open->consumer = c;
    return OK;
}

/* The topic, if the consumer may come at all; counted once, however many steps it takes. */
static enum err enter_topic(struct consumer_open *open, struct topic **out)
{
    struct refusal *why = &open->op.why;
    enum err err;

    if ((err = refuse_early(open)) != OK ||
        (err = topic_obtain(open->op.broker, &open->topic, open->create_topic, out, why)) != OK)
        return err;
    if (!open->counted)
        err = admission_by_rate(*out, open->sink, open->consumer_id, open->name, why);
    open->counted = true;
    return err;
}

/* Its schema fits, or it brings the topic's first, which makes the step one to be waited for.  Asked once. */
static enum err admit_schema(struct consumer_open *open, struct topic *t)
{
    enum err err;

    if (open->schema_admitted)
        return OK;
    if ((err = schemas_of_consumer(t, open->schema, &open->chosen, &open->op.why)) != OK)
        return err;
    open->schema_admitted = true;
    open->op.waited = open->op.waited && !open->chosen.id;
    return OK;
}

static void open_step(struct broker_op *op)
{
    struct consumer_open *open = container_of(op, struct consumer_open, op);
    struct subscription *s;
    struct topic *t;
    bool waits = false;

    if (enter_topic(open, &t) != OK || admit_schema(open, t) != OK) {
        op_finish(op);
        return;
    }
    if (obtain_subscription(open, t, &s, &waits) == OK) {
        if (!settled(open, s)) {
            op_wait_durable(op);
            return;
        }
        if (admit(open, s, &waits) == OK)
            (void)consumer_new(open, s);
    }
    if (!waits)
        op_finish(op);
}

void consumer_open(struct broker *b, struct consumer_open *open)
{
    open->consumer = NULL;
    open->counted = open->found_back = open->schema_admitted = false;
    open->chosen.id = 0;
    if (open->name && open->name[0] == '\0')
        open->name = NULL;
    op_start(b, &open->op, open_step);
}

/* ---- leaving ---- */

void consumer_free(struct consumer *c)
{
    broker_of(c)->counts.consumers--;
    list_remove(&c->node);
    key_consumer_free(c->keys);
    free(c->name);
    free(c->metadata);
    free(c);
}

void consumer_close(struct consumer *c)
{
    struct subscription *s = c->subscription;
    struct topic *t = s->topic;

    if (s->dispatcher->individual)
        dispatch_return(s, c);
    assert(list_empty(&c->pending));
    list_remove(&c->node);
    if (--s->consumer_count == 0 && s->dispatcher->individual)
        dispatch_forget(s);
    if (s->consumer_count == 0)
        compacted_rest(s);
    s->dispatcher->left(s, c);
    consumer_free(c);
    if (s->consumer_count == 0 && !subscription_durable(s) && !s->seeking) {
        subscription_free(s);
        retention_changed(t); /* it may have held what was before it */
    } else if (s->consumer_count == 0) {
        lapse_left(s);
    }
    topic_touch(t);
}

void consumer_dismiss(struct consumer *c)
{
    c->sink->ops->close_consumer(c->sink, c->id);
    consumer_close(c);
}

void consumer_detach(struct consumer *c)
{
    if (broker_of(c)->options.count_lost_consumers && c->subscription->dispatcher->individual)
        dispatch_redeliver_all(c->subscription, c);
    consumer_close(c);
}

/* ---- flow and redelivery ---- */

void consumer_flow(struct consumer *c, uint32_t permits)
{
    c->last_flow_ms = c->subscription->last_flow_ms = loop_wall_ms(broker_of(c)->loop);
    if (c->first_flow_ms == 0)
        c->first_flow_ms = c->last_flow_ms;
    if (c->blocked) {
        uint32_t room = PERMITS_MAX - c->saved_permits;
        c->saved_permits += permits < room ? permits : room;
        return;
    }
    if (permits_grant(&c->permits, permits) == OK) {
        readiness_reconsider(c);
        dispatch_wake(c->subscription);
    }
}

void consumer_writable(struct consumer *c)
{
    readiness_reconsider(c);
    dispatch_wake(c->subscription);
}

void consumer_redeliver(struct consumer *c, const struct position *p, size_t count)
{
    struct subscription *s = c->subscription;

    if (!s->dispatcher->individual) {
        consumer_redeliver_all(c, c->epoch);
        return;
    }
    for (size_t i = 0; i < count; i++)
        dispatch_redeliver(s, c, p[i]);
}

void consumer_redeliver_all(struct consumer *c, int64_t epoch)
{
    struct subscription *s = c->subscription;

    if (epoch > c->epoch)
        c->epoch = epoch;
    if (s->dispatcher->individual)
        dispatch_redeliver_all(s, c);
    else if (c == s->dispatch.active)
        dispatch_rewind(s);
}

/* ---- unsubscribe ---- */

bool consumer_unsubscribe(struct consumer *c, struct consumer_op *unsubscribe)
{
    struct subscription *s = c->subscription;
    struct broker *b = broker_of(c);
    struct refusal *why = &unsubscribe->op.why;
    enum err err;

    if (s->consumer_count > 1 && !unsubscribe->force) {
        op_start(b, &unsubscribe->op, op_finish);
        (void)refuse(why, ERR_INVALID, ABOUT_CONSUMER, "other consumers are connected to the subscription");
        return false;
    }
    broker_when_durable(b, &unsubscribe->op);
    s->seeking = true; /* it ends below, and not with its last consumer */
    consumer_close(c);
    subscription_close_consumers(s);
    s->seeking = false;
    if ((err = subscription_remove(s)) != OK)
        (void)refuse(why, err, ABOUT_SUBSCRIPTION, "%s", err_text(err));
    return true;
}

/* ---- seek ---- */

static struct consumer_seek *seek_of(struct broker_op *op)
{
    return container_of(op, struct consumer_seek, op);
}

/* Moves the cursor, of what is by now the subscription of that name. */
static void seek_move(struct consumer_seek *seek)
{
    struct refusal *why = &seek->op.why;
    struct subscription *s = NULL;
    struct topic *t;
    uint32_t acked;
    enum err err;

    seek->moved = true;
    if (topic_obtain(seek->op.broker, &seek->topic, false, &t, why) != OK)
        return;
    s = subscription_find(t, bytes_of_text(seek->subscription));
    if (!s) {
        (void)refuse(why, ERR_NOT_FOUND, ABOUT_SEEK, "the subscription is gone");
        return;
    }
    err = seek->search.err; /* of a seek by id it is OK */
    if (err == OK)
        err = subscription_reset(s, seek->position);
    if (err == OK && seek->left.count > 0 && t->broker->options.batch_index_acks)
        err =
            cursor_ack_partial(s->cursor, seek->position, MESSAGES_UNKNOWN, seek->left.words, seek->left.count, &acked);
    if (err != OK)
        (void)refuse(why, err, ABOUT_SEEK, "the cursor could not be moved: %s", err_text(err));
    s->seeking = false;
    topic_touch(t);
}

static void seek_step(struct broker_op *op)
{
    struct consumer_seek *seek = seek_of(op);

    if (!seek->moved)
        seek_move(seek);
    if (op->why.err == OK && !op->waited) {
        op_wait_durable(op);
        return;
    }
    op_finish(op);
}

static void seek_found(struct search *search)
{
    struct consumer_seek *seek = container_of(search, struct consumer_seek, search);

    seek->position = search->found;
    seek_step(&seek->op);
}

static void seek_search(struct broker_op *op)
{
    struct consumer_seek *seek = seek_of(op);

    op->step = seek_step;
    if (!seek->by_time || search_start(&seek->search)) {
        if (seek->by_time)
            seek->position = seek->search.found;
        seek_step(op);
    }
}

/* From its own step; all is set but what is the broker's. */
static void seek_begin(struct subscription *s, struct consumer_seek *seek)
{
    struct topic *t = s->topic;

    seek->moved = false;
    seek->search =
        (struct search){.broker = t->broker, .topic = t->id, .publish_ms = seek->publish_ms, .done = seek_found};
    if (!t->kind->keeps) { /* wherever it goes to, nothing is there */
        seek->op.step = op_finish;
    } else if (s->seeking) {
        seek->op.step = op_finish;
        (void)refuse(&seek->op.why, ERR_BUSY, ABOUT_SEEK, "Failed to fence the subscription: it is being moved");
    } else {
        seek->op.step = seek_search;
        s->seeking = true;
        subscription_close_consumers(s);
    }
}

void consumer_seek(struct consumer *c, struct consumer_seek *seek)
{
    struct subscription *s = c->subscription;

    seek->topic = s->topic->name;
    (void)snprintf(seek->subscription, sizeof seek->subscription, "%s", s->name);
    op_start(broker_of(c), &seek->op, op_finish);
    seek_begin(s, seek);
}

static void seek_named(struct broker_op *op)
{
    struct consumer_seek *seek = seek_of(op);
    struct subscription *s = NULL;
    struct topic *t;

    op->step = op_finish;
    if (topic_obtain(op->broker, &seek->topic, false, &t, &op->why) == OK) {
        if ((s = subscription_find(t, bytes_of_text(seek->subscription))))
            seek_begin(s, seek);
        else
            (void)refuse(&op->why, ERR_NOT_FOUND, ABOUT_SUBSCRIPTION, "Subscription %s not found for topic %s",
                         seek->subscription, seek->topic.text);
    }
    op->step(op);
}

void subscription_seek(struct broker *b, struct consumer_seek *seek)
{
    op_start(b, &seek->op, seek_named);
}

/* ---- the last message id ---- */

static void last_id_answer(struct consumer_last_id *last, uint32_t messages, bool batched)
{
    last->batch_index = batched ? (int32_t)messages - 1 : -1;
    op_resume(&last->op);
}

static void last_id_read(struct store_read *r, enum err err)
{
    struct consumer_last_id *last = broker_read_of(r)->owner;

    if (err == OK)
        last_id_answer(last, r->entries[0].header.messages, (r->entries[0].header.flags & ENTRY_BATCHED) != 0);
    else if (err == ERR_NOT_FOUND) /* trimmed meanwhile: it was the last one all the same */
        last_id_answer(last, 1, false);
    else {
        (void)refuse(&last->op.why, err, ABOUT_TOPIC, "the last entry cannot be read: %s", err_text(err));
        op_resume(&last->op);
    }
    broker_read_free(broker_read_of(r), err);
}

void consumer_last_id(struct consumer *c, struct consumer_last_id *last)
{
    struct topic *t = c->subscription->topic;
    struct broker *b = t->broker;
    struct broker_read *r;

    op_begin(b, &last->op, op_finish);
    if (!t->kind->keeps) {
        (void)refuse(&last->op.why, ERR_UNSUPPORTED, ABOUT_SEEK, "a non-persistent topic has no last message id");
        op_resume(&last->op);
        return;
    }
    last->last = t->readable_end;
    last->mark_delete = cursor_mark_delete(c->subscription->cursor);
    if (compacted_last_id(c, last))
        return;
    if (position_equal(last->last, POSITION_EARLIEST) || t->last_messages > 0) {
        last_id_answer(last, t->last_messages, t->last_batched);
        return;
    }
    if (!(r = broker_read_new(b, last, last_id_read))) {
        (void)refuse(&last->op.why, ERR_NOMEM, ABOUT_TOPIC, "%s", err_text(ERR_NOMEM));
        op_resume(&last->op);
        return;
    }
    r->read.from = last->last;
    r->read.max = 1;
    r->read.bytes_max = 1;
    ledger_read(b->store, &r->read);
}
