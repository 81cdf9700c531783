/* SPDX-License-Identifier: Apache-2.0
 *
 * limiter.c - see limiter.h.
 *
 * A bucket of `rate` tokens that is full at `full_ns` lacks (full_ns - now) * rate / period of them.  Doubles are exact
 * enough: of a period the error is one part in 2^52.
 */
#include "broker/limiter.h"

#include "sys/loop.h"

#include <assert.h>

#define DEBT_NS_MAX ((uint64_t)1 << 62)

static uint64_t period_ns(const struct limiter_rates *rates)
{
    return rates->period_ms * NS_PER_MS;
}

/* The time in which so many tokens come. */
static uint64_t time_of(uint64_t tokens, uint64_t rate, uint64_t period)
{
    const double ns = (double)tokens * (double)period / (double)rate;

    return ns < (double)DEBT_NS_MAX ? (uint64_t)ns : DEBT_NS_MAX;
}

static uint64_t debt_of(uint64_t full_ns, uint64_t now_ns)
{
    return full_ns > now_ns ? full_ns - now_ns : 0;
}

/* How long until there is a whole token. */
static uint64_t wait_of(uint64_t full_ns, uint64_t rate, uint64_t period, uint64_t now_ns)
{
    if (rate == 0)
        return 0;
    const uint64_t one = debt_of(full_ns, now_ns) + time_of(1, rate, period);
    return one > period ? one - period : 0;
}

/* When it will be full, under another rate. */
static uint64_t moved(uint64_t full_ns, uint64_t old_rate, uint64_t old_period, uint64_t rate, uint64_t period,
                      uint64_t now_ns)
{
    const uint64_t debt = debt_of(full_ns, now_ns);

    if (old_rate == 0 || rate == 0 || debt == 0)
        return now_ns;
    const double tokens = (double)debt * (double)old_rate / (double)old_period;
    const double ns = tokens * (double)period / (double)rate;
    return now_ns + (ns < (double)DEBT_NS_MAX ? (uint64_t)ns : DEBT_NS_MAX);
}

static uint64_t charged(uint64_t full_ns, uint64_t rate, uint64_t period, uint64_t tokens, uint64_t now_ns)
{
    if (rate == 0)
        return full_ns;
    const uint64_t debt = debt_of(full_ns, now_ns) + time_of(tokens, rate, period);
    return now_ns + (debt < DEBT_NS_MAX ? debt : DEBT_NS_MAX);
}

void limiter_set(struct limiter *l, const struct limiter_rates *rates, uint64_t now_ns)
{
    const uint64_t old = period_ns(&l->rates), new = period_ns(rates);

    assert(rates->period_ms > 0 || (rates->messages == 0 && rates->bytes == 0));
    assert(rates->period_ms <= DEBT_NS_MAX / NS_PER_MS);
    if (l->rates.messages != rates->messages || old != new)
        l->messages_full_ns = moved(l->messages_full_ns, l->rates.messages, old, rates->messages, new, now_ns);
    if (l->rates.bytes != rates->bytes || old != new)
        l->bytes_full_ns = moved(l->bytes_full_ns, l->rates.bytes, old, rates->bytes, new, now_ns);
    l->rates = *rates;
}

static uint64_t wait_ns(const struct limiter *l, uint64_t now_ns)
{
    const uint64_t period = period_ns(&l->rates);
    const uint64_t messages = wait_of(l->messages_full_ns, l->rates.messages, period, now_ns);
    const uint64_t bytes = wait_of(l->bytes_full_ns, l->rates.bytes, period, now_ns);

    return messages > bytes ? messages : bytes;
}

bool limiter_open(const struct limiter *l, uint64_t now_ns)
{
    return wait_ns(l, now_ns) == 0;
}

uint64_t limiter_messages_left(const struct limiter *l, uint64_t now_ns)
{
    const uint64_t period = period_ns(&l->rates), debt = debt_of(l->messages_full_ns, now_ns);

    if (l->rates.messages == 0)
        return UINT64_MAX;
    if (wait_of(l->messages_full_ns, l->rates.messages, period, now_ns) > 0)
        return 0;
    const uint64_t whole = (uint64_t)((double)(period - debt) * (double)l->rates.messages / (double)period);
    return whole > 0 ? whole : 1;
}

void limiter_charge(struct limiter *l, uint64_t messages, uint64_t bytes, uint64_t now_ns)
{
    const uint64_t period = period_ns(&l->rates);

    l->messages_full_ns = charged(l->messages_full_ns, l->rates.messages, period, messages, now_ns);
    l->bytes_full_ns = charged(l->bytes_full_ns, l->rates.bytes, period, bytes, now_ns);
}

uint64_t limiter_wait_ms(const struct limiter *l, uint64_t now_ns)
{
    return (wait_ns(l, now_ns) + NS_PER_MS - 1) / NS_PER_MS;
}
