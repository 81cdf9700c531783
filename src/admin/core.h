/* SPDX-License-Identifier: Apache-2.0
 *
 * core.h - what handlers know: the broker and its surroundings.  On the core thread.
 */
#ifndef ADMIN_CORE_H
#define ADMIN_CORE_H

#include "admin/admin.h"
#include "admin/call.h"
#include "admin/json_out.h"

struct admin_core {
    struct broker *broker;
    const struct server *server; /* NULL: nobody listens for Pulsar's protocol */
    struct loop *loop;
    const char *version;
    const char *http_host; /* for httpUrl */
    uint16_t http_port;
    const char *cluster;
    int64_t started_ms;
    const struct budget *const *budgets;
    size_t budget_count;
    size_t metrics_rows_max; /* topics and subscriptions with series of their own in /metrics */
    size_t part_bytes;       /* a list that is longer is answered in parts of about so much */
};

enum {
    METRICS_ROWS_MAX = 20000, /* about 2 KB of text each */
    PART_BYTES = 64 * 1024    /* with as many connections as there may be: some megabytes */
};

/* Runs the call's route, which was found before; or goes on with an answer in parts. */
void admin_handle(struct admin_call *call);

/* ---- what several handlers need ---- */

/* The topic that the parameters from `first` on name: domain, tenant, namespace, topic.  False: the call is finished,
 * with 412. */
bool call_topic(struct admin_call *call, size_t first, struct topic_name *out);

/* "tenant/namespace" of the parameters `first` and the next, in the arena; false: finished, with 500. */
bool call_namespace(struct admin_call *call, size_t first, struct bytes *out);

/* How many partitions the topic of this name has; 0: none, or it is one itself. */
uint32_t call_partitions(const struct admin_call *call, const struct topic_name *name);

/* A whole number that is not negative, and fits in an int64_t.  False: the call is finished, with 412. */
bool call_number(struct admin_call *call, size_t parameter, uint64_t *out);

/* Memory from the call's arena, zeroed; NULL: the call is finished, with 500. */
void *call_alloc(struct admin_call *call, size_t len);

/* 204 when all changes made so far are durable. */
void call_no_content_when_durable(struct admin_call *call);

/* Writes each visited name into the array that `ctx`, a struct json, is in; for tenants_each and the like. */
bool write_name(void *ctx, struct bytes name);

#endif
