/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.c - see producer.h.
 */
#include "broker/producer.h"

#include "broker/admission.h"
#include "broker/core.h"
#include "broker/policy_log.h"
#include "broker/properties.h"
#include "broker/publish.h"
#include "broker/subscription.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct producer_open *open_of(struct broker_op *op)
{
    return container_of(op, struct producer_open, op);
}

/* ---- waiting for room ---- */

#define HELD_LOOK_MS 200

static void look_at_held(struct broker *b)
{
    if (!timer_running(&b->held_timer) && !list_empty(&b->held))
        timer_start_ms(&b->held_timer, HELD_LOOK_MS);
}

static void release(struct producer_open *open)
{
    list_remove(&open->held);
    op_resume(&open->op);
}

void producers_release(struct broker *b)
{
    timer_stop(&b->held_timer);
    list_each_safe (node, &b->held)
        release(container_of(node, struct producer_open, held));
}

void producers_held(struct timer *timer)
{
    struct broker *b = container_of(timer, struct broker, held_timer);
    const uint64_t now_ns = loop_now_ns(b->loop);

    list_each_safe (node, &b->held) {
        struct producer_open *open = container_of(node, struct producer_open, held);
        if (store_full(b->store) && now_ns < open->held_until_ns)
            break; /* the others came later */
        release(open);
    }
    look_at_held(b);
}

static bool needs_room(const struct producer_open *open)
{
    return topic_kind_of(&open->topic)->keeps;
}

/* True while the answer waits: the step comes again. */
static bool hold(struct producer_open *open)
{
    struct broker *b = open->op.broker;
    const uint64_t now_ns = loop_now_ns(b->loop);

    if (!needs_room(open) || !store_full(b->store) || b->stopping)
        return false;
    if (open->held_until_ns == 0)
        open->held_until_ns = now_ns + PRODUCER_HOLD_MS * NS_PER_MS;
    if (now_ns >= open->held_until_ns)
        return false;
    list_push_back(&b->held, &open->held);
    look_at_held(b);
    return true;
}

/* ---- opening, step by step ---- */

static bool is_audit_topic(const struct broker *b, const struct topic_name *name)
{
    return b->options.audit_topic && strcmp(b->options.audit_topic, name->text) == 0;
}

/* What needs no topic to be said. */
static enum err refuse_early(struct producer_open *open)
{
    if (topic_is_policy_log(&open->topic))
        return refuse(&open->op.why, ERR_NOT_ALLOWED, ABOUT_TOPIC,
                      "%s is written by the broker only: policies are set over HTTP", open->topic.text);
    if (is_audit_topic(open->op.broker, &open->topic))
        return refuse(&open->op.why, ERR_NOT_ALLOWED, ABOUT_TOPIC,
                      "%s is written by the broker only: it is the audit log", open->topic.text);
    if (needs_room(open) && store_full(open->op.broker->store))
        return refuse(&open->op.why, ERR_NOSPACE, ABOUT_PRODUCER, "the disk is full");
    return OK;
}

/* As many as the policy allows; one that would be alone, or take a name over, is decided on later. */
static bool too_many(const struct producer_open *open, const struct topic *t)
{
    const int64_t most = policy_of(t->broker, t->id, POLICY_PRODUCERS_MAX);

    return most > 0 && (int64_t)map_count(&t->producers) >= most && open->access == ACCESS_SHARED &&
           !topic_name_is_system(&t->name) && !(open->name && map_find(&t->producers, bytes_of_text(open->name)));
}

/* In Pulsar's order. */
static enum err refuse_by_policy(struct producer_open *open, struct topic *t)
{
    if (too_many(open, t))
        return refuse(&open->op.why, ERR_BUSY, ABOUT_PRODUCER, "%s has %zu producers, and shall not have more",
                      t->name.text, map_count(&t->producers));
    if (admission_of_producer(t, open->sink, &open->op.why) != OK)
        return open->op.why.err;
    if (quota_refuses(t, &open->op.why))
        return open->op.why.err;
    if (t->encryption_required && !open->encrypted)
        return refuse(&open->op.why, ERR_INVALID, ABOUT_PRODUCER, "%s takes encrypted messages only", t->name.text);
    return OK;
}

/* PRODUCER may name a subscription that shall be there before the first message. */
static enum err initial_subscription(struct producer_open *open, struct topic *t)
{
    struct bytes name = bytes_of_text(open->initial_subscription);
    struct subscription *s;

    if (subscription_find(t, name))
        return OK;
    if (!subscription_name_valid(name))
        return refuse(&open->op.why, ERR_INVALID, ABOUT_SUBSCRIPTION, "not a subscription's name");
    if (!policy_of(t->broker, t->id, POLICY_SUBSCRIPTION_CREATION))
        return refuse(&open->op.why, ERR_UNSUPPORTED, ABOUT_SUBSCRIPTION,
                      "the initial subscription may not be created");
    const struct subscription_spec spec = {.name = name, .durable = true, .next = POSITION_EARLIEST};
    return subscription_make(t, &spec, &s, &open->op.why);
}

static void producer_leave(struct producer *p);

/* The same producer of the same connection, which its client has given up: this one takes its place. */
static void replace_predecessor(struct producer_open *open, struct topic *t)
{
    struct producer *old = map_find(&t->producers, bytes_of_text(open->name));

    if (!old || old->sink != open->sink || old->id != open->producer_id || old->epoch >= open->epoch)
        return;
    if (t->access.exclusive == old && open->access != ACCESS_SHARED) { /* nobody comes in between */
        t->access.exclusive = NULL;
        t->access.taking = open;
    }
    producer_leave(old);
}

/* OK, or a refusal.  *waits: the rival's connection is asked, and the step comes again. */
static enum err name_free(struct producer_open *open, struct topic *t, bool *waits)
{
    struct producer *old = map_find(&t->producers, bytes_of_text(open->name));

    *waits = false;
    if (!old)
        return OK;
    (void)refuse(&open->op.why, ERR_BUSY, ABOUT_PRODUCER, "producer %s is connected to %s already", open->name,
                 t->name.text);
    if (old->sink != open->sink) {
        *waits = true;
        op_probe(&open->op, old->sink);
    }
    return ERR_BUSY;
}

static enum err producer_new(struct producer_open *open, struct topic *t)
{
    struct producer *p = calloc(1, sizeof *p);
    enum err err = ERR_NOMEM;

    if (!p)
        goto fail;
    if (!(p->name = strdup(open->name)) || properties_copy(&p->metadata, open->metadata) != OK)
        goto fail;
    p->metadata_len = open->metadata.len;
    p->topic = t;
    p->sink = open->sink;
    p->id = open->producer_id;
    p->name_given = open->name != open->given && open->name_given;
    p->access = open->access;
    p->epoch = open->epoch;
    p->schema = open->chosen;
    p->connected_ms = loop_wall_ms(t->broker->loop);
    if ((err = map_put(&t->producers, bytes_of_text(p->name), p)) != OK)
        goto fail;
    list_push_back(&t->producers_by_age, &p->node);
    t->broker->counts.producers++;
    access_enter(t, p);
    deduplication_came(t, bytes_of_text(p->name));
    topic_touch(t);
    open->producer = p;
    open->topic_epoch = producer_topic_epoch(p);
    open->last_sequence_id = producer_last_sequence_id(p);
    return OK;
fail:
    if (p) {
        free(p->name);
        free(p->metadata);
    }
    free(p);
    return refuse(&open->op.why, err, ABOUT_PRODUCER, "%s", err_text(err));
}

/* Which version its schema is; a new one is added.  Once that is known it holds as long as the row is there; and for
 * good, when the schema itself is not kept any longer. */
static enum err choose_schema(struct producer_open *open)
{
    struct broker *b = open->op.broker;

    if (open->chosen.id && (!open->schema || catalog_get(b->store, CATALOG_SCHEMA, open->chosen.id)))
        return OK;
    const enum err err = schemas_of_producer(b, &open->topic, open->schema, &open->chosen, &open->op.why);
    if (open->chosen.id)
        open->op.waited = false;
    return err;
}

/* True when the topic, as far as this step made it, and the schema are on the disk. */
static bool settled(struct producer_open *open, struct topic *t)
{
    t->settled = t->settled || open->op.waited;
    return schemas_settled(t->broker, &open->chosen, &open->op) && t->settled;
}

/* True: it has ended, well or with a refusal.  False: the step comes again. */
static bool open_decide(struct producer_open *open)
{
    struct broker_op *op = &open->op;
    bool waits = false;
    struct topic *t;

    if (refuse_early(open) != OK || topic_obtain(op->broker, &open->topic, true, &t, &op->why) != OK)
        return true;
    if (t->state == TOPIC_FENCED) {
        (void)refuse(&op->why, ERR_AGAIN, ABOUT_TOPIC, "%s is recovering from a failed write", t->name.text);
        return true;
    }
    if (t->terminated) {
        (void)refuse(&op->why, ERR_TERMINATED, ABOUT_TOPIC, "%s was terminated", t->name.text);
        return true;
    }
    if (t->ending) {
        (void)refuse(&op->why, ERR_AGAIN, ABOUT_TOPIC, "%s is being terminated", t->name.text);
        return true;
    }
    if (refuse_by_policy(open, t) != OK || choose_schema(open) != OK ||
        (open->initial_subscription && initial_subscription(open, t) != OK))
        return true;
    if (!settled(open, t) || (open->initial_subscription && !op->waited)) {
        producer_open_wait(open);
        return false;
    }
    if (!open->name) {
        broker_give_name(op->broker, open->given);
        open->name = open->given;
    }
    replace_predecessor(open, t);
    enum deduplication_step known = deduplication_ask(t, open);
    if (known == DEDUPLICATION_READY)
        known = id_window_ask(t, open);
    if (known != DEDUPLICATION_READY)
        return known == DEDUPLICATION_REFUSED;
    open->last_sequence_id = deduplication_last(t, bytes_of_text(open->name));
    const enum access_step step = access_ask(t, open);
    if (step != ACCESS_GRANTED)
        return step == ACCESS_REFUSED;
    if (name_free(open, t, &waits) != OK)
        return !waits;
    if (deduplication_undecided(t, bytes_of_text(open->name))) {
        producer_open_wait(open);
        return false;
    }
    (void)producer_new(open, t);
    return true;
}

static void open_end(struct broker_op *op)
{
    struct producer_open *open = open_of(op);
    struct topic *t = topic_find(op->broker, &open->topic);

    if (t && op->why.err != OK)
        access_abandon(t, open);
    op_finish(op);
}

static void open_step(struct broker_op *op)
{
    struct producer_open *open = open_of(op);

    if (!hold(open) && open_decide(open))
        open_end(op);
}

static void open_durable(struct store_op *barrier, enum err err)
{
    struct broker_op *op = container_of(barrier, struct broker_op, barrier);

    if (err != OK) {
        (void)refuse(&op->why, ERR_IO, ABOUT_BROKER, "the change could not be stored: %s", err_text(err));
        open_end(op);
        return;
    }
    op->waited = true;
    open_step(op);
}

void producer_open_wait(struct producer_open *open)
{
    open->op.barrier.done = open_durable;
    store_barrier(open->op.broker->store, &open->op.barrier);
}

void producer_open_give_up(struct producer_open *open)
{
    open->op.step = open_end;
    op_resume(&open->op);
}

void producer_open(struct broker *b, struct producer_open *open)
{
    open->producer = NULL;
    open->chosen.id = 0;
    open->held_until_ns = 0;
    if (open->name && open->name[0] == '\0')
        open->name = NULL;
    open->taken = false;
    list_init(&open->waiting);
    list_init(&open->reading);
    op_start(b, &open->op, open_step);
}

/* ---- life ---- */

int64_t producer_topic_epoch(const struct producer *p)
{
    return (int64_t)p->topic->access.epochs - 1;
}

int64_t producer_last_sequence_id(const struct producer *p)
{
    return deduplication_last(p->topic, bytes_of_text(p->name));
}

static uint64_t charge(struct limiter *l, const struct publish *m, uint64_t now_ns)
{
    if (!limiter_limits(l))
        return 0;
    limiter_charge(l, m->messages, m->bytes.len, now_ns);
    return limiter_wait_ms(l, now_ns);
}

uint64_t producer_publish(struct producer *p, const struct publish *m)
{
    struct topic *t = p->topic;
    const uint64_t now_ns = loop_event_ns(t->broker->loop);
    const uint64_t of_topic = charge(&t->publish_limiter, m, now_ns);
    const uint64_t of_all = charge(&t->broker->publish_limiter, m, now_ns);

    t->publish_limited += of_topic > 0;
    t->kind->publish(t, p->sink, p, m); /* both may be gone after it */
    return of_topic > of_all ? of_topic : of_all;
}

void producer_free(struct producer *p)
{
    p->topic->broker->counts.producers--;
    free(p->name);
    free(p->metadata);
    free(p);
}

/* Out of the topic; whoever waits for its end goes on. */
static void producer_leave(struct producer *p)
{
    struct topic *t = p->topic;

    publish_forget_producer(t, p);
    (void)map_remove(&t->producers, bytes_of_text(p->name));
    list_remove(&p->node);
    deduplication_went(t, bytes_of_text(p->name));
    access_left(t, p);
    if (p->closing)
        op_resume(&p->closing->op);
    producer_free(p);
    topic_touch(t);
}

void producer_dismiss(struct producer *p)
{
    if (!p->closing)
        p->sink->ops->close_producer(p->sink, p->id);
    producer_leave(p);
}

void topic_dismiss_producers(struct topic *t)
{
    while (!list_empty(&t->producers_by_age))
        producer_dismiss(container_of(t->producers_by_age.next, struct producer, node));
}

void producer_settle(struct producer *p)
{
    if (p->closing && p->pending == 0)
        producer_leave(p);
}

void producer_close(struct producer *p, struct producer_close *close)
{
    assert(!p->closing);
    op_begin(p->topic->broker, &close->op, op_finish);
    p->closing = close; /* producer_leave resumes it */
    producer_settle(p);
}

void producer_detach(struct producer *p)
{
    producer_leave(p);
}
