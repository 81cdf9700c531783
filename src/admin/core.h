/* SPDX-License-Identifier: Apache-2.0
 *
 * core.h - what handlers know: the broker and its surroundings.  On the core thread.
 */
#ifndef ADMIN_CORE_H
#define ADMIN_CORE_H

#include "admin/admin.h"
#include "admin/call.h"
#include "admin/json_out.h"
#include "broker/authorization.h"
#include "broker/stats.h"

#include <stdatomic.h>

/* A rate from a counter that is read now and then. */
struct counter_rate {
    struct rate rate;
    uint64_t count, bytes; /* as they were when it was read last */
};

struct metrics_kept {
    struct counter_rate cache_hits, cache_misses;
};

struct admin_core {
    struct broker *broker;
    struct audit *audit;                 /* NULL: nothing is written down */
    struct authorization *authorization; /* or NULL */
    struct authenticator *authenticator; /* NULL: nobody asks who somebody is */
    bool authenticate_metrics;           /* /metrics wants credentials, too */
    const struct server *server;         /* NULL: nobody listens for Pulsar's protocol */
    struct loop *loop;
    const char *version;
    const char *http_host;            /* in the broker's name, with */
    uint16_t http_port;               /* the port of HTTP, or of HTTPS when there is no other */
    const char *http_url, *https_url; /* "http://host:port"; empty: nobody listens there */
    const char *cluster;
    const struct admin_configuration *configuration; /* as in admin_options, these three */
    void (*shutdown)(void *ctx);
    void *shutdown_ctx;
    int64_t started_ms;
    const struct budget *const *budgets;
    size_t budget_count;
    const char *status_file; /* see status_html; NULL: there is none */
    struct metrics_options metrics;
    struct metrics_kept kept;  /* from one question for metrics to the next */
    atomic_uint scrapes;       /* answers of /metrics under way: their snapshots are in memory */
    size_t metrics_part_bytes; /* /metrics is written in parts of about so much; */
    size_t part_bytes;         /* and so is a list that is longer */
};

enum {
    PART_BYTES = 64 * 1024, /* with as many connections as there may be: some megabytes */
    SCRAPES_MAX = 2         /* the snapshot of one may take CALL_ARENA_MAX */
};

/* Runs the call's route, which was found before; or goes on with an answer in parts. */
void admin_handle(struct call *call);

/* May who asks do that?  False: the call is finished, as Pulsar refuses it.  For what a request names beside its path;
 * the route's own operation has been asked for. */
bool call_may(struct call *call, enum operation op, const struct target *on);

/* ---- what several handlers need ---- */

/* The topic that the parameters from `first` on name: domain, tenant, namespace, topic.  False: the call is finished,
 * with 412. */
bool call_topic(struct call *call, size_t first, struct topic_name *out);
/* The same without a domain: tenant, namespace, topic. */
bool call_persistent_topic(struct call *call, size_t first, struct topic_name *out);

/* "tenant/namespace" of the parameters `first` and the next, in the arena; false: finished, with 500. */
bool call_namespace(struct call *call, size_t first, struct bytes *out);

/* How many partitions the topic of this name has; 0: none, or it is one itself. */
uint32_t call_partitions(const struct call *call, const struct topic_name *name);

/* A whole number that is not negative, and fits in an int64_t.  False: the call is finished, with 412. */
bool call_number(struct call *call, size_t parameter, uint64_t *out);

/* Memory from the call's arena, zeroed; NULL: the call is finished, with 500. */
void *call_alloc(struct call *call, size_t len);

/* 204 when all changes made so far are durable. */
void call_no_content_when_durable(struct call *call);

/* Writes each visited name into the array that `ctx`, a struct json, is in; for tenants_each and the like. */
bool write_name(void *ctx, struct bytes name);

#endif
