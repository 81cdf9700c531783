/* SPDX-License-Identifier: Apache-2.0
 *
 * readiness.h - which consumers of a subscription may be sent something, and whose turn it is.
 *
 * A consumer that shares is in dispatch.ready while it has permits, its connection takes what it is sent, and it is
 * under its limit of unacknowledged messages; it is put there and taken out as these change (readiness_reconsider), so
 * that finding the next one takes the logarithm of their number.  Only of the connection we are not told when it
 * chokes: so who finds a consumer there asks again.  The order is that of priority, then of turns.
 *
 * Owns dispatch.ready and .turns; consumer.ready, .turn and .turn_left; and `blocked` of both: over a limit of
 * unacknowledged messages, until half of it.  May call: dispatch_wake, and the kind.
 *
 * Invariant: whoever readiness_can_take is ready.
 */
#ifndef BROKER_READINESS_H
#define BROKER_READINESS_H

#include <stdbool.h>
#include <stddef.h>

struct consumer;
struct subscription;

void readiness_init(struct subscription *s);

/* Who may be sent another entry: it has permits, its peer takes what it is sent, and it is under its limit. */
bool readiness_can_take(const struct consumer *c);
/* That may have changed. */
void readiness_reconsider(struct consumer *c);
/* Of those that are ready and can take: whose turn it is; NULL: nobody. */
struct consumer *readiness_first(struct subscription *s);
/* The messages that all who can take any may still get, as far as it matters for one read. */
size_t readiness_wanted(struct subscription *s);
/* It was sent an entry: its permits, and its turn, are less. */
void readiness_served(struct subscription *s, struct consumer *c);

/* The consumer holds more: it, or all, may be over a limit. */
void readiness_limit(struct subscription *s, struct consumer *c);
/* ... less: under half of a limit that it was over, it, or all, go on. */
void readiness_relieve(struct subscription *s, struct consumer *c);
/* The topic's limits of unacknowledged messages are others: who was blocked by them may not be any more. */
void readiness_limits_changed(struct subscription *s);

void readiness_check(const struct subscription *s);

#endif
