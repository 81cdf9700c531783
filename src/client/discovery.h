/* SPDX-License-Identifier: Apache-2.0
 *
 * discovery.h - how many partitions a topic has, asked again until the operation timeout.
 *
 * Embedded; completes once, later.  Owner: the loop.
 */
#ifndef CLIENT_DISCOVERY_H
#define CLIENT_DISCOVERY_H

#include "client/backoff.h"
#include "client/lookup.h"

struct client_discovery {
    struct client_core *core;
    struct client_partitions ask;
    struct client_backoff backoff;
    struct timer again;
    uint64_t deadline_ns;
    pulsar_result failed; /* of the last attempt */
    void (*done)(struct client_discovery *d, pulsar_result result, uint32_t count);
};

/* `topic` is borrowed until done. */
void client_discovery_start(struct client_discovery *d, struct client_core *core, const char *topic,
                            void (*done)(struct client_discovery *d, pulsar_result result, uint32_t count));
void client_discovery_cancel(struct client_discovery *d); /* after a start; fine when done */

#endif
