/* SPDX-License-Identifier: Apache-2.0
 *
 * figures.h - what /metrics tells of a topic, of its subscriptions, its producers and consumers: numbers only.
 *
 * Unlike stats.h nothing is copied but numbers, and nothing is loaded: of a topic that is out of memory, the catalog,
 * its chain and its cursors tell what is stored and what is owed, which is what an alert on a backlog asks about when
 * nobody has been there for long.  Rates, and counts of what went through, are nought there.
 * Core thread.
 */
#ifndef BROKER_FIGURES_H
#define BROKER_FIGURES_H

#include "broker/broker.h"
#include "broker/meter.h"

/* Sums over topics are sums of these but where it says otherwise (topic_figures_add).  NAN: not known. */
enum topic_figure {
    TOPIC_TOPICS, /* 1 */
    TOPIC_SUBSCRIPTIONS,
    TOPIC_PRODUCERS,
    TOPIC_CONSUMERS,
    TOPIC_RATE_IN,
    TOPIC_RATE_OUT,
    TOPIC_THROUGHPUT_IN,
    TOPIC_THROUGHPUT_OUT,
    TOPIC_MESSAGE_BYTES, /* on the average */
    TOPIC_BYTES_IN,
    TOPIC_MESSAGES_IN,
    TOPIC_BYTES_OUT,
    TOPIC_MESSAGES_OUT,
    TOPIC_STORAGE_BYTES,
    TOPIC_BACKLOG_BYTES,
    TOPIC_BACKLOG,    /* entries, of all subscriptions */
    TOPIC_WRITE_RATE, /* entries, as all below that do not say messages or bytes */
    TOPIC_READ_RATE,
    TOPIC_READ_BYTES_RATE,
    TOPIC_ACK_RATE,        /* messages, of all subscriptions */
    TOPIC_DELAYED,         /* of all subscriptions */
    TOPIC_IN_REPLAY,       /* of all subscriptions */
    TOPIC_DELAYED_BYTES,   /* of the index */
    TOPIC_QUOTA_BYTES,     /* -1: no limit; not summed */
    TOPIC_QUOTA_SECONDS,   /* the same */
    TOPIC_BACKLOG_SECONDS, /* since the oldest was published; -1: not looked at; not summed */
    TOPIC_EVICTIONS_SIZE,  /* by a quota */
    TOPIC_EVICTIONS_TIME,  /* by a quota */
    TOPIC_PUBLISH_LIMITED, /* times */
    TOPIC_COMPACTIONS,     /* that ended well, since it was loaded */
    TOPIC_COMPACTIONS_FAILED,
    TOPIC_COMPACTION_REMOVED, /* messages, by the last one */
    TOPIC_COMPACTION_MS,      /* that the last one took */
    TOPIC_COMPACTED_ENTRIES,
    TOPIC_COMPACTED_BYTES,
    TOPIC_ENTRIES, /* stored in the last window: with 0 the rest says nothing */
    TOPIC_LATENCY_MS,
    TOPIC_ENTRY_BYTES,
    TOPIC_LATENCIES,
    TOPIC_SIZES = TOPIC_LATENCIES + METER_LATENCIES,
    TOPIC_FIGURES = TOPIC_SIZES + METER_SIZES
};

enum subscription_figure {
    SUBSCRIPTION_BACKLOG,
    SUBSCRIPTION_BACKLOG_NO_DELAYED,
    SUBSCRIPTION_DELAYED,
    SUBSCRIPTION_IN_REPLAY,
    SUBSCRIPTION_RATE_OUT,
    SUBSCRIPTION_THROUGHPUT_OUT,
    SUBSCRIPTION_RATE_ACK,
    SUBSCRIPTION_RATE_REDELIVER,
    SUBSCRIPTION_RATE_EXPIRED,
    SUBSCRIPTION_RATE_DROP,
    SUBSCRIPTION_EXPIRED, /* entries, since it was loaded */
    SUBSCRIPTION_UNACKED,
    SUBSCRIPTION_BLOCKED,
    SUBSCRIPTION_CONSUMERS,
    SUBSCRIPTION_BYTES_OUT,
    SUBSCRIPTION_MESSAGES_OUT,
    SUBSCRIPTION_LAST_EXPIRE_MS, /* on the wall, as the next; 0: never since it was loaded */
    SUBSCRIPTION_LAST_ACKED_MS,
    SUBSCRIPTION_LAST_FLOW_MS,
    SUBSCRIPTION_LAST_CONSUMED_MS,
    SUBSCRIPTION_LAST_MARK_DELETE_MS,
    SUBSCRIPTION_FIGURES
};

enum consumer_figure {
    CONSUMER_RATE_OUT,
    CONSUMER_THROUGHPUT_OUT,
    CONSUMER_RATE_ACK,
    CONSUMER_RATE_REDELIVER,
    CONSUMER_UNACKED,
    CONSUMER_BLOCKED,
    CONSUMER_PERMITS,
    CONSUMER_BYTES_OUT,
    CONSUMER_MESSAGES_OUT,
    CONSUMER_FIGURES
};

enum producer_figure { PRODUCER_RATE_IN, PRODUCER_THROUGHPUT_IN, PRODUCER_MESSAGE_BYTES, PRODUCER_FIGURES };

/* The names are borrowed; nothing of the broker is changed.  In this order: topic_begins, then each subscription, each
 * followed by its consumers, the producers, and the topic's own.  NULL: not asked for. */
struct figures_visitor {
    void (*topic_begins)(void *ctx, struct bytes name);
    void (*subscription)(void *ctx, struct bytes name, const double figures[SUBSCRIPTION_FIGURES]);
    void (*consumer)(void *ctx, struct bytes name, uint64_t id, const double figures[CONSUMER_FIGURES]);
    void (*producer)(void *ctx, struct bytes name, uint64_t id, const double figures[PRODUCER_FIGURES]);
    void (*topic)(void *ctx, const double figures[TOPIC_FIGURES]);
    void *ctx;
};

/* False: there is no such topic. */
bool topic_figures_visit(struct broker *b, struct bytes name, const struct figures_visitor *v);

/* Adds those of one topic to those of several. */
void topic_figures_add(double sum[TOPIC_FIGURES], const double figures[TOPIC_FIGURES]);

/* Of the broker: of publishes in the last full window, in milliseconds; all of them since the start. */
struct publish_latency {
    uint64_t count;
    double sum_ms;
};
#define LATENCY_QUANTILES 7
extern const char *const latency_quantile_names[LATENCY_QUANTILES]; /* "0.5" */
void broker_publish_latency(struct broker *b, struct publish_latency *out, double quantiles_ms[LATENCY_QUANTILES]);

#endif
