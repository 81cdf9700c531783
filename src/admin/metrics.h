/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - the snapshot behind /metrics: taken on the core in short turns, written on the admin thread in parts.
 *
 * Private to metrics.c (which takes it), metrics_text.c (which writes what there is one of) and metrics_table.c (which
 * writes what every namespace, topic, subscription, producer and consumer has).
 */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/core.h"
#include "admin/metrics_rows.h"
#include "admin/prometheus.h"
#include "broker/audit.h"
#include "broker/authenticator.h"
#include "broker/figures.h"
#include "broker/stats.h"
#include "session/server.h"

/* A row's text is its labels, as they are written, each behind a comma; those of what a topic has stand behind the
 * topic's, which came before. */
enum row_kind {
    ROW_NAMESPACE, /* with the sum over its topics: enum topic_figure */
    ROW_NAME,      /* of a topic: no figures, those come behind its subscriptions */
    ROW_TOPIC,     /* no text */
    ROW_SUBSCRIPTION,
    ROW_CONSUMER, /* of the subscription before */
    ROW_PRODUCER,
    ROW_KINDS
};

struct namespace_name {
    struct bytes name;
    struct namespace_name *next;
};

struct budget_row {
    const char *name;
    size_t used, limit;
};

struct metrics {
    struct call *call;
    struct task task;

    /* The walk through the topics of all namespaces, by their names. */
    struct namespace_name *namespaces; /* at which it is; those behind it are to come */
    char last[TOPIC_NAME_MAX];         /* those up to this name are done */
    size_t last_len;
    uint64_t turn_ends_ns;
    unsigned turn_left; /* topics */
    struct text labels; /* of the row that is being made */
    bool failed;        /* the arena is spent */
    bool topics_shown;  /* ... or were, until there were too many */
    size_t rows;        /* of topics and what they have */
    uint64_t left_out;  /* topics that have no series of their own, but should */

    struct rows namespace_rows, topic_rows;
    double namespace_sum[TOPIC_FIGURES], sum[TOPIC_FIGURES];
    struct broker_stats broker;
    struct publish_latency latency;
    double latency_ms[LATENCY_QUANTILES];
    struct store_stats store;
    struct server_stats server;
    struct audit_stats audit;
    struct authenticator_stats authentication;
    bool has_authentication;
    bool has_audit;
    bool has_server;
    struct budget_row *budgets;
    size_t budget_count;
    struct rate cache_hits, cache_misses; /* of the tail cache */

    /* How far it is written. */
    bool text_written;
    size_t metric; /* in metrics_table */
    bool metric_begun;
    struct rows_reader namespaces_left, topics_left;
    struct bytes topic_labels, subscription_labels; /* of the rows that come next; borrowed from them */
};

/* Writes the next part from call->work into the answer's body; on the admin thread.  call->unwritten: there is
 * more. */
void metrics_write(struct call *call);

/* Goes on with the table, until `out` has `enough` bytes, or some more; true: that was the last. */
bool metrics_write_table(struct text *out, struct bytes cluster, struct metrics *m, size_t enough);

#endif
