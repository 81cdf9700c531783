/* SPDX-License-Identifier: Apache-2.0
 *
 * routing.h - which partition a message goes to.
 *
 * A key always decides, by its hash.  Without one: one partition for the producer's life, or all in turn, changing so
 * seldom that batches fill.  Pure; may be called from any thread, under the caller's lock.
 */
#ifndef CLIENT_ROUTING_H
#define CLIENT_ROUTING_H

#include "base/bytes.h"
#include "client/config.h"

struct client_routing {
    pulsar_partitions_routing_mode mode;
    pulsar_hashing_scheme hashing;
    uint32_t partitions;
    bool batching;
    uint32_t batch_messages, batch_ms; /* the turn goes on after so many, or so much time */
    uint32_t current;                  /* whose turn it is */
    uint32_t used;
    uint64_t since_ms;
};

/* Never below zero, as all clients of Pulsar have it. */
uint32_t client_routing_hash(pulsar_hashing_scheme scheme, struct bytes key);

/* `start` is random: the single partition, or the first in turn. */
void client_routing_init(struct client_routing *r, const struct _pulsar_producer_configuration *config,
                         uint32_t partitions, uint32_t start);

/* `key` may be NULL; `now_ms` on any clock. */
uint32_t client_routing_choose(struct client_routing *r, const char *key, uint64_t now_ms);

#endif
