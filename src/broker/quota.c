/* SPDX-License-Identifier: Apache-2.0
 *
 * quota.c - see quota.h.
 */
#include "broker/quota.h"

#include "broker/backlog.h"
#include "broker/core.h"
#include "broker/expiry.h"
#include "broker/producer.h"
#include "broker/reads.h"
#include "broker/subscription.h"

#include <inttypes.h>

#define LOOKS_MAX 100 /* topics, before others of the loop have their turn */

static bool too_big(const struct topic *t)
{
    const struct quota *q = &t->quota;
    return q->bytes_max >= 0 && backlog_bytes(t) >= (uint64_t)q->bytes_max;
}

/* Of the oldest entry; -1: there is none, or it is not known. */
static int64_t oldest_age_ms(const struct topic *t)
{
    const struct quota *q = &t->quota;
    const int64_t now_ms = loop_wall_ms(t->broker->loop);
    const struct subscription *whose;
    struct position oldest;

    if (q->oldest_ms == INT64_MAX || !backlog_oldest(t, &oldest, &whose) || !position_equal(oldest, q->oldest))
        return -1;
    return now_ms > q->oldest_ms ? now_ms - q->oldest_ms : 0;
}

static bool too_old(const struct topic *t)
{
    return t->quota.age_max_ms > 0 && oldest_age_ms(t) > t->quota.age_max_ms;
}

/* ---- eviction ---- */

/* What the broker itself has not read yet would be missing from the compacted view. */
static bool may_be_evicted(const struct subscription *s)
{
    return subscription_durable(s) && !subscription_name_is_reserved(bytes_of_text(s->name));
}

/* True: it moved on. */
static bool evict_upto(struct topic *t, struct subscription *s, struct position p)
{
    const uint64_t before = cursor_backlog_entries(s->cursor);

    if (!may_be_evicted(s) || !position_before(cursor_mark_delete(s->cursor), p))
        return false;
    if (cursor_ack_cumulative(s->cursor, p, NEXT_MESSAGE_UNKNOWN, NULL) != OK)
        return false; /* the next look tries again */
    dispatch_acked_upto(s, cursor_mark_delete(s->cursor));
    log_warn(t->broker->log, "broker",
             "%s, %s: the backlog was over its quota, and %" PRIu64 " entries up to %" PRId64 ":%" PRId64
             " are skipped (consumer_backlog_eviction)",
             t->name.text, s->name, before - cursor_backlog_entries(s->cursor), p.ledger, p.entry);
    return true;
}

static void evict_by_size(struct topic *t)
{
    const struct position p = backlog_position(t, (uint64_t)t->quota.bytes_max / 10 * 9);
    struct subscription *s;
    bool any = false;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at)))
        any = evict_upto(t, s, p) || any;
    t->quota.size_evictions += any;
    retention_changed(t);
}

static void evicted(struct broker *b, uint64_t topic, int64_t oldest_ms)
{
    retention_look_at(b, topic);
}

static void evict_by_age(struct topic *t)
{
    struct broker *b = t->broker;
    const int64_t before_ms = loop_wall_ms(b->loop) - t->quota.age_max_ms / 10 * 9;
    struct subscription *s;
    size_t at = 0;

    t->quota.age_evictions++;
    while ((s = map_next(&t->subscriptions, &at))) {
        if (may_be_evicted(s) && expiry_start(b, t->id, s->id, before_ms, evicted) != OK)
            log_debug(b->log, "broker", "%s, %s: eviction waits for memory", t->name.text, s->name);
    }
}

/* ---- enforcement ---- */

static void close_producers(struct topic *t, const char *what)
{
    if (map_count(&t->producers) == 0)
        return;
    log_warn(t->broker->log, "broker", "%s: the %s of its backlog is over the quota; its producers are closed",
             t->name.text, what);
    topic_dismiss_producers(t);
}

static void enforce_size(struct topic *t)
{
    if (t->quota.bytes_action == QUOTA_EVICTION)
        evict_by_size(t);
    else
        close_producers(t, "size");
}

static void enforce_age(struct topic *t)
{
    if (!too_old(t))
        return;
    if (t->quota.age_action == QUOTA_EVICTION)
        evict_by_age(t);
    else
        close_producers(t, "age");
}

/* ---- the oldest entry ---- */

static void oldest_read(struct store_read *r, enum err err)
{
    struct broker_read *read = broker_read_of(r);
    struct topic *t = read->owner;

    if (t) {
        t->quota.read = NULL;
        t->quota.oldest = r->from;
        t->quota.oldest_ms = err == OK ? r->entries[0].header.publish_ms : INT64_MAX;
        if (t->state == TOPIC_OPEN)
            enforce_age(t);
    }
    broker_read_free(read, err);
}

/* The age is looked at at once, or when the entry was read. */
static void look_at_age(struct topic *t)
{
    struct quota *q = &t->quota;
    const struct subscription *whose;
    struct position oldest;

    if (q->age_max_ms <= 0 || q->read || !backlog_oldest(t, &oldest, &whose))
        return;
    if (position_equal(oldest, q->oldest) && q->oldest_ms != INT64_MAX) {
        enforce_age(t);
        return;
    }
    if (!(q->read = broker_read_new(t->broker, t, oldest_read)))
        return; /* the next look tries again */
    q->read->read.from = oldest;
    q->read->read.max = 1;
    q->read->read.bytes_max = 1;
    ledger_read(t->broker->store, &q->read->read);
}

static void look(struct topic *t)
{
    if (t->state != TOPIC_OPEN)
        return;
    if (too_big(t))
        enforce_size(t);
    look_at_age(t);
}

/* ---- the rounds ---- */

static void arm(struct broker *b)
{
    struct quotas *q = &b->quotas;

    if (q->count == 0)
        timer_stop(&q->timer);
    else if (!timer_running(&q->timer))
        timer_start_ms(&q->timer, q->left > 0 ? 1 : b->options.quota_check_ms);
}

static void fire(struct timer *timer)
{
    struct broker *b = container_of(timer, struct broker, quotas.timer);
    struct quotas *q = &b->quotas;

    if (q->left == 0)
        q->left = q->count;
    for (unsigned i = 0; i < LOOKS_MAX && q->left > 0 && !list_empty(&q->topics); i++, q->left--) {
        struct list *node = list_pop_front(&q->topics);
        list_push_back(&q->topics, node);
        look(container_of(node, struct topic, quota.node));
    }
    if (list_empty(&q->topics))
        q->left = 0;
    arm(b);
}

void quotas_init(struct broker *b)
{
    list_init(&b->quotas.topics);
    timer_init(&b->quotas.timer, b->loop, fire);
}

void quotas_check(struct broker *b)
{
    b->quotas.left = b->quotas.count;
    timer_stop(&b->quotas.timer);
    if (!b->stopping)
        arm(b);
}

void quotas_stop(struct broker *b)
{
    timer_stop(&b->quotas.timer);
}

/* ---- a topic's ---- */

void quota_init(struct topic *t)
{
    list_init(&t->quota.node);
    t->quota.bytes_max = -1;
    t->quota.oldest_ms = INT64_MAX;
}

static void leave(struct topic *t)
{
    if (list_empty(&t->quota.node))
        return;
    list_remove(&t->quota.node);
    list_init(&t->quota.node);
    t->broker->quotas.count--;
}

void quota_deinit(struct topic *t)
{
    leave(t);
    if (t->quota.read)
        t->quota.read->owner = NULL;
    t->quota.read = NULL;
}

void quota_policies_changed(struct topic *t, const struct policies *p)
{
    struct broker *b = t->broker;
    struct quota *q = &t->quota;

    q->bytes_max = p->value[POLICY_QUOTA_BYTES];
    q->age_max_ms = p->value[POLICY_QUOTA_AGE_S] * 1000;
    q->bytes_action = (enum quota_action)p->value[POLICY_QUOTA_BYTES_ACTION];
    q->age_action = (enum quota_action)p->value[POLICY_QUOTA_AGE_ACTION];
    leave(t);
    if (t->kind->keeps && b->options.quota_check_ms > 0 && (q->bytes_max >= 0 || q->age_max_ms > 0)) {
        list_push_back(&b->quotas.topics, &q->node);
        b->quotas.count++;
        if (!b->stopping)
            arm(b);
    }
}

bool quota_refuses(const struct topic *t, struct refusal *why)
{
    const struct quota *q = &t->quota;
    enum quota_action action = QUOTA_EVICTION;

    if (list_empty(&q->node))
        return false;
    if (q->bytes_action != QUOTA_EVICTION && too_big(t))
        action = q->bytes_action;
    else if (q->age_action != QUOTA_EVICTION && too_old(t))
        action = q->age_action;
    if (action == QUOTA_EVICTION)
        return false;
    (void)refuse(why, action == QUOTA_REQUEST_HOLD ? ERR_NOSPACE : ERR_FULL, ABOUT_PRODUCER,
                 "Cannot create producer on topic with backlog quota exceeded");
    return true;
}

int64_t quota_oldest_age_s(const struct topic *t)
{
    const int64_t age_ms = oldest_age_ms(t);
    return age_ms < 0 ? -1 : age_ms / 1000;
}

const struct subscription *quota_oldest_subscription(const struct topic *t)
{
    const struct subscription *whose = NULL;
    struct position oldest;

    return oldest_age_ms(t) >= 0 && backlog_oldest(t, &oldest, &whose) ? whose : NULL;
}
