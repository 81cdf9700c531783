/* SPDX-License-Identifier: Apache-2.0
 *
 * throttle.c - see throttle.h.
 */
#include "broker/throttle.h"

#include "broker/core.h"
#include "broker/policies.h"
#include "broker/subscription.h"

static uint64_t now_of(const struct topic *t)
{
    return loop_event_ns(t->broker->loop);
}

/* The rates that hold: what is published in a period comes on top where they are relative to it. */
static void refresh(struct throttle *throttle, struct topic *t)
{
    const uint64_t now_ns = now_of(t);
    struct limiter_rates rates = throttle->rates;

    if (throttle->relative) {
        const double seconds = (double)rates.period_ms / 1000;
        rate_turn(&t->rate_in, now_ns);
        rates.messages += rates.messages > 0 ? (uint64_t)(t->rate_in.per_second * seconds) : 0;
        rates.bytes += rates.bytes > 0 ? (uint64_t)(t->rate_in.bytes_per_second * seconds) : 0;
    }
    limiter_set(&throttle->limiter, &rates, now_ns);
}

static uint64_t rate_of(const struct policies *p, enum policy which)
{
    return p->value[which] > 0 ? (uint64_t)p->value[which] : 0;
}

/* From four policies that stand one after the other. */
static void throttle_set(struct throttle *throttle, struct topic *t, const struct policies *p, enum policy messages,
                         enum policy bytes, enum policy period, enum policy relative)
{
    throttle->rates = (struct limiter_rates){
        .messages = rate_of(p, messages),
        .bytes = rate_of(p, bytes),
        .period_ms = 1000 * rate_of(p, period),
    };
    throttle->relative = rate_of(p, relative) > 0;
    refresh(throttle, t);
}

/* `p` holds for its topic. */
static void of_subscription(struct subscription *s, const struct policies *p)
{
    struct policies own = *p;

    policies_override_subscription(s->topic->broker, s->topic->id, bytes_of_text(s->name), &own);
    throttle_set(&s->throttle, s->topic, &own, POLICY_SUBSCRIPTION_RATE_MESSAGES, POLICY_SUBSCRIPTION_RATE_BYTES,
                 POLICY_SUBSCRIPTION_RATE_PERIOD_S, POLICY_SUBSCRIPTION_RATE_RELATIVE);
}

void throttle_subscription_made(struct subscription *s)
{
    const struct policies p = policies_resolve(s->topic->broker, s->topic->id);

    of_subscription(s, &p);
}

void throttle_topic_changed(struct topic *t, const struct policies *p)
{
    struct subscription *s;
    size_t at = 0;

    throttle_set(&t->throttle, t, p, POLICY_DISPATCH_RATE_MESSAGES, POLICY_DISPATCH_RATE_BYTES,
                 POLICY_DISPATCH_RATE_PERIOD_S, POLICY_DISPATCH_RATE_RELATIVE);
    while ((s = map_next(&t->subscriptions, &at))) {
        of_subscription(s, p);
        timer_stop(&s->dispatch.throttled);
        dispatch_wake(s);
    }
}

static void count_stop(const struct limiter *l, uint64_t now_ns, uint64_t *messages, uint64_t *bytes)
{
    if (limiter_messages_left(l, now_ns) == 0)
        ++*messages;
    else
        ++*bytes;
}

static void count_stops(struct subscription *s, bool of_topic, bool own)
{
    struct throttled *t = &s->throttled;

    if (of_topic)
        count_stop(&s->topic->throttle.limiter, now_of(s->topic), &t->messages_by_topic, &t->bytes_by_topic);
    if (own)
        count_stop(&s->throttle.limiter, now_of(s->topic), &t->messages_by_subscription, &t->bytes_by_subscription);
}

bool throttle_open(struct subscription *s)
{
    struct topic *t = s->topic;
    uint64_t of_topic, own;

    if (!limiter_limits(&t->throttle.limiter) && !limiter_limits(&s->throttle.limiter))
        return true;
    refresh(&t->throttle, t);
    refresh(&s->throttle, t);
    of_topic = limiter_wait_ms(&t->throttle.limiter, now_of(t));
    own = limiter_wait_ms(&s->throttle.limiter, now_of(t));
    if (of_topic == 0 && own == 0)
        return true;
    if (!timer_running(&s->dispatch.throttled)) {
        count_stops(s, of_topic > 0, own > 0);
        timer_start_ms(&s->dispatch.throttled, of_topic > own ? of_topic : own);
    }
    return false;
}

size_t throttle_room(const struct subscription *s, size_t max)
{
    const uint64_t of_topic = limiter_messages_left(&s->topic->throttle.limiter, now_of(s->topic));
    const uint64_t own = limiter_messages_left(&s->throttle.limiter, now_of(s->topic));
    const uint64_t room = of_topic < own ? of_topic : own;

    return room < max ? (size_t)room : max;
}

void throttle_charge(struct subscription *s, uint32_t messages, size_t bytes)
{
    const uint64_t now_ns = now_of(s->topic);
    const uint32_t count = s->topic->broker->options.dispatch_rate_counts_messages ? messages : 1;

    limiter_charge(&s->topic->throttle.limiter, count, bytes, now_ns);
    limiter_charge(&s->throttle.limiter, count, bytes, now_ns);
}

bool throttle_by_topic(const struct subscription *s)
{
    return !limiter_open(&s->topic->throttle.limiter, now_of(s->topic));
}

bool throttle_by_itself(const struct subscription *s)
{
    return !limiter_open(&s->throttle.limiter, now_of(s->topic));
}
