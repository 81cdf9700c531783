/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.h - asks the service: which broker serves a topic, and how many partitions it has.
 *
 * One attempt each; who asks decides whether to ask again.  Owner: the loop.  Both structs are embedded, complete
 * exactly once by `done`, and may be cancelled (then done is not called).
 */
#ifndef CLIENT_LOOKUP_H
#define CLIENT_LOOKUP_H

#include "client/connection.h"

struct client_lookup {
    struct client_core *core;
    const char *topic; /* the caller's, until done */
    bool authoritative;
    unsigned hops;
    char *redirect_url; /* NULL: the service itself is asked */
    char *asked_url;    /* who answers */
    struct client_waiter waiter;
    struct client_request request;
    bool counted;
    /* Ok: the broker, and the address to reach it at; both valid during the call. */
    void (*done)(struct client_lookup *l, pulsar_result result, const char *broker_url, const char *address_url);
};

void client_lookup_init(struct client_lookup *l, struct client_core *core, const char *topic,
                        void (*done)(struct client_lookup *l, pulsar_result result, const char *broker_url,
                                     const char *address_url));
void client_lookup_start(struct client_lookup *l);
void client_lookup_cancel(struct client_lookup *l); /* fine when not under way; frees what it holds */

struct client_partitions {
    struct client_core *core;
    const char *topic;
    struct client_waiter waiter;
    struct client_request request;
    /* Ok: 0 says that the topic has no partitions, or does not exist yet. */
    void (*done)(struct client_partitions *p, pulsar_result result, uint32_t count);
};

void client_partitions_init(struct client_partitions *p, struct client_core *core, const char *topic,
                            void (*done)(struct client_partitions *p, pulsar_result result, uint32_t count));
void client_partitions_start(struct client_partitions *p);
void client_partitions_cancel(struct client_partitions *p);

#endif
