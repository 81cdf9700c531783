/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery.h - an entry that was read goes to a consumer, or somewhere else.
 *
 * Asks, in this order: is it acknowledged, or a marker; is it to be delivered later (delayed.h); may anything go now
 * (limits, rates); who may have it (the kind).  Writes to the consumer's sink, counts what went into all figures, and
 * moves dispatch.read_position behind what is dealt with.  May call: pending.h, readiness.h, delayed.h, throttle.h.
 */
#ifndef BROKER_DELIVERY_H
#define BROKER_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>

struct entry;
struct subscription;

/* Sends entries, in order, as long as somebody takes them.  They came from replay (and may have left it meanwhile), or
 * lie at read_position.  True: something moved, so that more may. */
bool delivery_send(struct subscription *s, const struct entry *entries, size_t count, bool replay);

/* An entry that is not kept: to a consumer that can take it now, who owes no acknowledgement.  False: there is none. */
bool delivery_pass(struct subscription *s, const struct entry *e);

#endif
