/* SPDX-License-Identifier: Apache-2.0
 *
 * backoff.h - how long to wait before trying again: doubling, from a first to a longest delay, with jitter.
 *
 * Pure; may call: base/random.h.
 */
#ifndef CLIENT_BACKOFF_H
#define CLIENT_BACKOFF_H

#include "base/random.h"
#include <stdint.h>

#define CLIENT_BACKOFF_FIRST_MS   100u
#define CLIENT_BACKOFF_LONGEST_MS 60000u

struct client_backoff {
    uint32_t next_ms; /* 0: the next is the first */
};

/* The next delay: a random point in the upper half of the doubling one, so that many clients that lost the same
 * broker do not come back at the same moment. */
uint32_t client_backoff_next(struct client_backoff *b, struct random *random);

/* After a success. */
void client_backoff_reset(struct client_backoff *b);

#endif
