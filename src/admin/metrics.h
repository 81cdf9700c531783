/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - the snapshot behind /metrics: taken on the core, topic by topic in turns, written on the admin thread.
 *
 * Private to metrics.c (which takes it) and metrics_text.c (which writes it).  All of it is in the call's arena.
 */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/core.h"
#include "broker/stats.h"
#include "session/server.h"

/* Figures of one topic.  Doubles: that is what Prometheus keeps. */
struct topic_row {
    const char *name;
    struct bytes namespace_;
    double subscriptions, producers, consumers;
    double rate_in, rate_out, throughput_in, throughput_out, average_message_bytes;
    double bytes_in, messages_in, bytes_out, messages_out;
    double storage_bytes, backlog_bytes, backlog_entries;
    struct topic_row *next;
};

struct subscription_row {
    const struct topic_row *topic;
    const char *name;
    double backlog, backlog_no_delayed, in_replay, delayed, rate_out, throughput_out, rate_ack, rate_redeliver,
        rate_expired;
    double unacked, blocked, consumers;
    struct subscription_row *next;
};

struct namespace_row {
    const char *name;
    double topics;
    struct namespace_row *next;
};

struct budget_row {
    const char *name;
    size_t used, limit;
};

struct metrics {
    struct admin_call *call;
    struct task task;

    char **names; /* of the loaded topics, when the snapshot began; none when there are too many */
    size_t name_count, name_capacity, next;
    const struct namespace_row *summed; /* too many: the namespace whose topics are being summed, */
    char last[TOPIC_NAME_MAX];          /* those up to this name are; */
    size_t last_len;
    size_t left; /* in this turn */
    bool failed; /* the arena is spent */
    size_t rows;
    bool sums_only; /* there are too many topics for one answer: their own figures are left out */

    struct topic_row *topics;
    struct topic_sums sum; /* over all loaded topics, shown or not */
    struct subscription_row *subscriptions;
    struct namespace_row *namespaces;
    struct broker_stats broker;
    struct store_stats store;
    struct server_stats server;
    bool has_server;
    struct budget_row *budgets;
    size_t budget_count;
};

/* From call->snapshot into the answer's body; on the admin thread. */
void metrics_write(struct admin_call *call);

#endif
