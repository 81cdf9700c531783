/* SPDX-License-Identifier: Apache-2.0
 *
 * backoff.c - doubling delays with jitter.
 */
#include "client/backoff.h"

uint32_t client_backoff_next(struct client_backoff *b, struct random *random)
{
    uint32_t full = b->next_ms ? b->next_ms : CLIENT_BACKOFF_FIRST_MS;

    b->next_ms = full < CLIENT_BACKOFF_LONGEST_MS / 2 ? full * 2 : CLIENT_BACKOFF_LONGEST_MS;
    return full / 2 + (uint32_t)random_below(random, full / 2 + 1);
}

void client_backoff_reset(struct client_backoff *b)
{
    b->next_ms = 0;
}
