/* SPDX-License-Identifier: Apache-2.0
 *
 * limiter.h - so many messages, and so many bytes, in a period.
 *
 * Two buckets of tokens, each as large as what one period allows, refilled evenly by time.  Who wants to send asks
 * whether the limiter is open, sends, and charges what it sent: an entry goes whole, so a charge may overdraw, and then
 * the limiter stays closed until time has paid for it.  So no limit, however small, stops a message for ever.
 * Owns the two levels and nothing else: it knows no clock and no timer; the caller passes the time, and sets a timer
 * for limiter_wait_ms where something has to go on by itself.  Belongs to one thread.  May call: base/, sys/
 *
 * A bucket is kept as the time at which it will be full again: nothing has to be done as time passes.
 */
#ifndef BROKER_LIMITER_H
#define BROKER_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter_rates {
    uint64_t messages, bytes; /* in a period; 0: without limit */
    uint64_t period_ms;       /* at least 1, unless nothing is limited */
};

/* Embedded; zeroed, it limits nothing.  The fields are private to limiter.c. */
struct limiter {
    struct limiter_rates rates;
    uint64_t messages_full_ns, bytes_full_ns;
};

/* Other rates from now on; what was sent stays charged, in messages and bytes.  The same again changes nothing. */
void limiter_set(struct limiter *l, const struct limiter_rates *rates, uint64_t now_ns);

static inline bool limiter_limits(const struct limiter *l)
{
    return l->rates.messages > 0 || l->rates.bytes > 0;
}

/* A message may go. */
bool limiter_open(const struct limiter *l, uint64_t now_ns);
/* How many may go, as far as their number matters: for choosing how much to read.  UINT64_MAX: no limit. */
uint64_t limiter_messages_left(const struct limiter *l, uint64_t now_ns);
/* It went, whether it might or not. */
void limiter_charge(struct limiter *l, uint64_t messages, uint64_t bytes, uint64_t now_ns);
/* The time until it is open, rounded up; 0: it is. */
uint64_t limiter_wait_ms(const struct limiter *l, uint64_t now_ns);

#endif
