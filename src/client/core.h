/* SPDX-License-Identifier: Apache-2.0
 *
 * core.h - what all parts of one client share on its loop.
 *
 * The core of the library (core, connection, lookup, link, publisher, subscriber) runs on one struct loop and is told
 * about no thread: in production client_thread.h makes the loop and hands calls over; tests run it on the simulator.
 * Owner: the loop.
 */
#ifndef CLIENT_CORE_H
#define CLIENT_CORE_H

#include "base/list.h"
#include "base/log.h"
#include "base/random.h"
#include "client/config.h"
#include "client/parcel.h"
#include "client/topic.h"
#include "sys/loop.h"
#include "sys/net.h"
#include "sys/sys.h"

#include <stdbool.h>

struct client_core {
    /* Set at creation. */
    struct sys *sys;
    struct log *log;
    const struct _pulsar_client_configuration *config; /* the owner's, as long as the core */
    char *service_url;
    /* The network of connections with TLS, for the next of them: NULL, and *why (a sentence), when it cannot be had. Set by
     * whoever has threads for it, after client_core_init; NULL: there is none. */
    struct net *(*tls_net)(struct client_core *core, const char **why);

    struct random random;
    struct client_parcel_pool parcels;
    struct list connections;  /* struct client_connection that may be given out */
    size_t connections_alive; /* those and the ones that are closing */
    struct client_address services[CLIENT_HOSTS_MAX];
    size_t service_count;                         /* 0: the address was not looked at yet */
    bool tls;                                     /* it is pulsar+ssl: then no connection is without TLS, and else none with */
    size_t service_next;                          /* which of the hosts is asked; moves on when one cannot be reached */
    uint64_t ids;                                 /* given out: requests, producers, consumers; never reused */
    _Atomic size_t message_size_max;              /* as the last broker said; read by any thread */
    int lookups;                                  /* under way */
    void (*on_drained)(struct client_core *core); /* no connection is left, after client_core_stop */
    bool stopping;
};

/* `config` must outlive the core.  A wrong service_url is found out by the first operation (client_core_refusal). */
MUST_USE enum err client_core_init(struct client_core *core, struct sys *sys, struct log *log, const char *service_url,
                                   const struct _pulsar_client_configuration *config);
/* After on_drained. */
void client_core_deinit(struct client_core *core);

/* Closes all connections and calls `drained`, at once when there are none.  Publishers and subscribers are gone
 * before it. */
void client_core_stop(struct client_core *core, void (*drained)(struct client_core *core));

/* Ok, or why nothing can be done with this client (logged). */
pulsar_result client_core_refusal(struct client_core *core);

/* Of the two addresses by which brokers tell where somebody is, the one for us: the one with TLS if the service's has it,
 * and never another.  NULL: there is none that can be used. */
const char *client_core_url(const struct client_core *core, const char *plain, const char *with_tls);

static inline uint64_t client_core_id(struct client_core *core)
{
    return ++core->ids;
}

static inline uint64_t client_core_timeout_ns(const struct client_core *core)
{
    return (uint64_t)core->config->operation_timeout_s * 1000 * NS_PER_MS;
}

#endif
