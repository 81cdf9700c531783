/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_table.c - the metrics of namespaces, topics, subscriptions, consumers and producers: one table, written
 * metric by metric.
 *
 * Names and labels are Pulsar's, and so is the type: all are gauges, totals too.  A metric goes through all rows, so
 * the samples of one stand together; where it stopped is in struct metrics, and the next part goes on there.  A figure
 * that is not known (NAN) has no sample; nor have those that say nothing while nothing is stored, or compacted.
 */
#include "admin/metrics.h"

#include <assert.h>
#include <math.h>

/* Of which figures there is a sample only if another is not 0. */
enum when { ALWAYS, WHEN_STORED, WHEN_COMPACTED };

struct metric {
    const char *name, *help;
    enum when when;
    uint8_t figure[ROW_KINDS]; /* of which kinds of rows, and which of theirs, plus 1; 0: none */
    bool namespaces_always;    /* else only when topics have no series of their own */
    const char *label;         /* one more, at the end; or NULL */
};

#define OF(kind, index)     .figure[kind] = (index) + 1
#define TOPIC(index)        OF(ROW_TOPIC, index)
#define BOTH(index)         OF(ROW_TOPIC, index), OF(ROW_NAMESPACE, index)
#define SUBSCRIPTION(index) OF(ROW_SUBSCRIPTION, index)
#define CONSUMER(index)     OF(ROW_CONSUMER, index)
#define PRODUCER(index)     OF(ROW_PRODUCER, index)
#define LEDGER(index)       OF(ROW_NAMESPACE, index), .namespaces_always = true

static_assert(TOPIC_FIGURES <= ROW_FIGURES_MAX, "figures of a row");

/* Those of one name stand together. */
static const struct metric metrics_table[] = {
    {"pulsar_topics_count", "topics", ALWAYS, OF(ROW_NAMESPACE, TOPIC_TOPICS), .namespaces_always = true},
    {"pulsar_subscriptions_count", "subscriptions", ALWAYS, BOTH(TOPIC_SUBSCRIPTIONS)},
    {"pulsar_producers_count", "producers that are connected", ALWAYS, BOTH(TOPIC_PRODUCERS)},
    {"pulsar_consumers_count", "consumers that are connected", ALWAYS, BOTH(TOPIC_CONSUMERS)},
    {"pulsar_rate_in", "messages published in a second, over the last minute", ALWAYS, BOTH(TOPIC_RATE_IN)},
    {"pulsar_rate_out", "messages dispatched in a second, over the last minute", ALWAYS, BOTH(TOPIC_RATE_OUT)},
    {"pulsar_throughput_in", "bytes published in a second, over the last minute", ALWAYS, BOTH(TOPIC_THROUGHPUT_IN)},
    {"pulsar_throughput_out", "bytes dispatched in a second, over the last minute", ALWAYS, BOTH(TOPIC_THROUGHPUT_OUT)},
    {"pulsar_average_msg_size", "bytes of a message, on the average", ALWAYS, BOTH(TOPIC_MESSAGE_BYTES)},
    {"pulsar_in_bytes_total", "bytes published since the topic was loaded", ALWAYS, BOTH(TOPIC_BYTES_IN)},
    {"pulsar_in_messages_total", "messages published since the topic was loaded", ALWAYS, BOTH(TOPIC_MESSAGES_IN)},
    {"pulsar_out_bytes_total", "bytes dispatched since the topic was loaded", ALWAYS, BOTH(TOPIC_BYTES_OUT),
     SUBSCRIPTION(SUBSCRIPTION_BYTES_OUT), CONSUMER(CONSUMER_BYTES_OUT)},
    {"pulsar_out_messages_total", "messages dispatched since the topic was loaded", ALWAYS, BOTH(TOPIC_MESSAGES_OUT),
     SUBSCRIPTION(SUBSCRIPTION_MESSAGES_OUT), CONSUMER(CONSUMER_MESSAGES_OUT)},
    {"pulsar_msg_backlog", "entries that subscriptions have not acknowledged", ALWAYS, TOPIC(TOPIC_BACKLOG)},
    {"pulsar_msg_backlog", "", ALWAYS, OF(ROW_NAMESPACE, TOPIC_BACKLOG), .label = ",remote_cluster=\"local\""},
    {"pulsar_publish_rate_limit_times", "how often a connection had to wait for the publish rate", ALWAYS,
     TOPIC(TOPIC_PUBLISH_LIMITED)},
    {"pulsar_delayed_message_index_size_bytes", "memory of the index of delayed entries", ALWAYS,
     BOTH(TOPIC_DELAYED_BYTES)},

    {"pulsar_storage_size", "bytes stored", ALWAYS, BOTH(TOPIC_STORAGE_BYTES)},
    {"pulsar_storage_logical_size", "bytes stored, counted once", ALWAYS, BOTH(TOPIC_STORAGE_BYTES)},
    {"pulsar_storage_backlog_size", "bytes stored behind the slowest subscription", ALWAYS, BOTH(TOPIC_BACKLOG_BYTES)},
    {"pulsar_storage_write_rate", "entries stored in a second, over the last minute", ALWAYS, BOTH(TOPIC_WRITE_RATE)},
    {"pulsar_storage_read_rate", "entries read in a second, over the last minute", ALWAYS, BOTH(TOPIC_READ_RATE)},
    {"pulsar_storage_backlog_quota_limit", "bytes that the backlog may have; -1: any", ALWAYS,
     TOPIC(TOPIC_QUOTA_BYTES)},
    {"pulsar_storage_backlog_quota_limit_time", "seconds that the backlog may be old; -1: any", ALWAYS,
     TOPIC(TOPIC_QUOTA_SECONDS)},
    {"pulsar_storage_backlog_age_seconds", "since the oldest of the backlog was published; -1: no quota asks", ALWAYS,
     TOPIC(TOPIC_BACKLOG_SECONDS)},
    {"pulsar_storage_backlog_quota_exceeded_evictions_total", "how often a quota took from the backlog", ALWAYS,
     BOTH(TOPIC_EVICTIONS_SIZE), .label = ",quota_type=\"size\""},
    {"pulsar_storage_backlog_quota_exceeded_evictions_total", "", ALWAYS, BOTH(TOPIC_EVICTIONS_TIME),
     .label = ",quota_type=\"time\""},
    {"pulsar_storage_write_latency_le_0_5", "entries stored in the last minute in up to 0.5 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 0)},
    {"pulsar_storage_write_latency_le_1", "entries stored in the last minute in 0.5 to 1 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 1)},
    {"pulsar_storage_write_latency_le_5", "entries stored in the last minute in 1 to 5 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 2)},
    {"pulsar_storage_write_latency_le_10", "entries stored in the last minute in 5 to 10 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 3)},
    {"pulsar_storage_write_latency_le_20", "entries stored in the last minute in 10 to 20 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 4)},
    {"pulsar_storage_write_latency_le_50", "entries stored in the last minute in 20 to 50 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 5)},
    {"pulsar_storage_write_latency_le_100", "entries stored in the last minute in 50 to 100 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 6)},
    {"pulsar_storage_write_latency_le_200", "entries stored in the last minute in 100 to 200 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 7)},
    {"pulsar_storage_write_latency_le_1000", "entries stored in the last minute in 200 to 1000 ms", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 8)},
    {"pulsar_storage_write_latency_overflow", "entries stored in the last minute in more than 1 s", WHEN_STORED,
     BOTH(TOPIC_LATENCIES + 9)},
    {"pulsar_storage_write_latency_count", "entries stored in the last minute", WHEN_STORED, BOTH(TOPIC_ENTRIES)},
    {"pulsar_storage_write_latency_sum", "milliseconds that they took", WHEN_STORED, BOTH(TOPIC_LATENCY_MS)},
    {"pulsar_entry_size_le_128", "entries stored in the last minute of up to 128 bytes", WHEN_STORED,
     BOTH(TOPIC_SIZES + 0)},
    {"pulsar_entry_size_le_512", "entries stored in the last minute of 128 to 512 bytes", WHEN_STORED,
     BOTH(TOPIC_SIZES + 1)},
    {"pulsar_entry_size_le_1_kb", "entries stored in the last minute of 512 bytes to 1 KB", WHEN_STORED,
     BOTH(TOPIC_SIZES + 2)},
    {"pulsar_entry_size_le_2_kb", "entries stored in the last minute of 1 to 2 KB", WHEN_STORED, BOTH(TOPIC_SIZES + 3)},
    {"pulsar_entry_size_le_4_kb", "entries stored in the last minute of 2 to 4 KB", WHEN_STORED, BOTH(TOPIC_SIZES + 4)},
    {"pulsar_entry_size_le_16_kb", "entries stored in the last minute of 4 to 16 KB", WHEN_STORED,
     BOTH(TOPIC_SIZES + 5)},
    {"pulsar_entry_size_le_100_kb", "entries stored in the last minute of 16 to 100 KB", WHEN_STORED,
     BOTH(TOPIC_SIZES + 6)},
    {"pulsar_entry_size_le_1_mb", "entries stored in the last minute of 100 KB to 1 MB", WHEN_STORED,
     BOTH(TOPIC_SIZES + 7)},
    {"pulsar_entry_size_le_overflow", "entries stored in the last minute of more than 1 MB", WHEN_STORED,
     BOTH(TOPIC_SIZES + 8)},
    {"pulsar_entry_size_count", "entries stored in the last minute", WHEN_STORED, BOTH(TOPIC_ENTRIES)},
    {"pulsar_entry_size_sum", "bytes of them", WHEN_STORED, BOTH(TOPIC_ENTRY_BYTES)},

    {"pulsar_compaction_succeed_count", "compactions that ended well", WHEN_COMPACTED, BOTH(TOPIC_COMPACTIONS)},
    {"pulsar_compaction_failed_count", "compactions that did not", WHEN_COMPACTED, BOTH(TOPIC_COMPACTIONS_FAILED)},
    {"pulsar_compaction_removed_event_count", "messages that the last one left out", WHEN_COMPACTED,
     BOTH(TOPIC_COMPACTION_REMOVED)},
    {"pulsar_compaction_duration_time_in_mills", "how long the last one took", WHEN_COMPACTED,
     BOTH(TOPIC_COMPACTION_MS)},
    {"pulsar_compaction_compacted_entries_count", "entries of the compacted view", WHEN_COMPACTED,
     BOTH(TOPIC_COMPACTED_ENTRIES)},
    {"pulsar_compaction_compacted_entries_size", "bytes of the compacted view", WHEN_COMPACTED,
     BOTH(TOPIC_COMPACTED_BYTES)},

    {"pulsar_subscription_back_log", "entries that are not acknowledged", ALWAYS, SUBSCRIPTION(SUBSCRIPTION_BACKLOG)},
    {"pulsar_subscription_back_log_no_delayed", "... without those that are to come later", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_BACKLOG_NO_DELAYED)},
    {"pulsar_subscription_delayed", "entries that are to come later", ALWAYS, SUBSCRIPTION(SUBSCRIPTION_DELAYED),
     OF(ROW_NAMESPACE, TOPIC_DELAYED)},
    {"pulsar_subscription_in_replay", "entries that are to come again", ALWAYS, SUBSCRIPTION(SUBSCRIPTION_IN_REPLAY),
     OF(ROW_NAMESPACE, TOPIC_IN_REPLAY)},
    {"pulsar_subscription_msg_rate_out", "messages dispatched in a second, over the last minute", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_RATE_OUT)},
    {"pulsar_subscription_msg_throughput_out", "bytes dispatched in a second, over the last minute", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_THROUGHPUT_OUT)},
    {"pulsar_subscription_msg_ack_rate", "messages acknowledged in a second, over the last minute", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_RATE_ACK)},
    {"pulsar_subscription_msg_rate_redeliver", "messages to be redelivered in a second, over the last minute", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_RATE_REDELIVER)},
    {"pulsar_subscription_msg_rate_expired", "entries that expired in a second, over the last minute", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_RATE_EXPIRED)},
    {"pulsar_subscription_total_msg_expired", "entries that expired since the topic was loaded", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_EXPIRED)},
    {"pulsar_subscription_msg_drop_rate", "messages dropped in a second, over the last minute", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_RATE_DROP)},
    {"pulsar_subscription_unacked_messages", "messages that consumers hold", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_UNACKED)},
    {"pulsar_subscription_blocked_on_unacked_messages", "1: they hold as many as they may", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_BLOCKED)},
    {"pulsar_subscription_consumers_count", "consumers that are connected", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_CONSUMERS)},
    {"pulsar_subscription_last_expire_timestamp", "when an entry expired last, in milliseconds; 0: never", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_LAST_EXPIRE_MS)},
    {"pulsar_subscription_last_acked_timestamp", "when something was acknowledged last", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_LAST_ACKED_MS)},
    {"pulsar_subscription_last_consumed_flow_timestamp", "when a consumer asked for something last", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_LAST_FLOW_MS)},
    {"pulsar_subscription_last_consumed_timestamp", "when a consumer was given something last", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_LAST_CONSUMED_MS)},
    {"pulsar_subscription_last_mark_delete_advanced_timestamp", "when the backlog lost its oldest last", ALWAYS,
     SUBSCRIPTION(SUBSCRIPTION_LAST_MARK_DELETE_MS)},

    {"pulsar_consumer_msg_rate_out", "messages dispatched in a second, over the last minute", ALWAYS,
     CONSUMER(CONSUMER_RATE_OUT)},
    {"pulsar_consumer_msg_throughput_out", "bytes dispatched in a second, over the last minute", ALWAYS,
     CONSUMER(CONSUMER_THROUGHPUT_OUT)},
    {"pulsar_consumer_msg_ack_rate", "messages acknowledged in a second, over the last minute", ALWAYS,
     CONSUMER(CONSUMER_RATE_ACK)},
    {"pulsar_consumer_msg_rate_redeliver", "messages to be redelivered in a second, over the last minute", ALWAYS,
     CONSUMER(CONSUMER_RATE_REDELIVER)},
    {"pulsar_consumer_unacked_messages", "messages that it holds", ALWAYS, CONSUMER(CONSUMER_UNACKED)},
    {"pulsar_consumer_blocked_on_unacked_messages", "1: it holds as many as it may", ALWAYS,
     CONSUMER(CONSUMER_BLOCKED)},
    {"pulsar_consumer_available_permits", "messages that it would take", ALWAYS, CONSUMER(CONSUMER_PERMITS)},
    {"pulsar_producer_msg_rate_in", "messages published in a second, over the last minute", ALWAYS,
     PRODUCER(PRODUCER_RATE_IN)},
    {"pulsar_producer_msg_throughput_in", "bytes published in a second, over the last minute", ALWAYS,
     PRODUCER(PRODUCER_THROUGHPUT_IN)},
    {"pulsar_producer_msg_average_Size", "bytes of a message, on the average", ALWAYS,
     PRODUCER(PRODUCER_MESSAGE_BYTES)},

    {"pulsar_ml_AddEntryBytesRate", "bytes stored in a second, over the last minute", ALWAYS,
     LEDGER(TOPIC_THROUGHPUT_IN)},
    {"pulsar_ml_AddEntryMessagesRate", "entries stored in a second, over the last minute", ALWAYS,
     LEDGER(TOPIC_WRITE_RATE)},
    {"pulsar_ml_AddEntrySucceed", "entries stored in the last minute", ALWAYS, LEDGER(TOPIC_ENTRIES)},
    {"pulsar_ml_ReadEntriesRate", "entries read in a second, over the last minute", ALWAYS, LEDGER(TOPIC_READ_RATE)},
    {"pulsar_ml_ReadEntriesBytesRate", "bytes read in a second, over the last minute", ALWAYS,
     LEDGER(TOPIC_READ_BYTES_RATE)},
    {"pulsar_ml_MarkDeleteRate", "messages acknowledged in a second, over the last minute", ALWAYS,
     LEDGER(TOPIC_ACK_RATE)},
    {"pulsar_ml_StoredMessagesSize", "bytes stored", ALWAYS, LEDGER(TOPIC_STORAGE_BYTES)},
    {"pulsar_ml_NumberOfMessagesInBacklog", "entries that are not acknowledged", ALWAYS, LEDGER(TOPIC_BACKLOG)},
    {"pulsar_ml_AddEntryLatencyBuckets", "entries stored in the last minute, by milliseconds", ALWAYS,
     LEDGER(TOPIC_LATENCIES + 0), .label = ",quantile=\"0.0_0.5\""},
    {"pulsar_ml_AddEntryLatencyBuckets", "", ALWAYS, LEDGER(TOPIC_LATENCIES + 1), .label = ",quantile=\"0.5_1.0\""},
    {"pulsar_ml_AddEntryLatencyBuckets", "", ALWAYS, LEDGER(TOPIC_LATENCIES + 2), .label = ",quantile=\"1.0_5.0\""},
    {"pulsar_ml_AddEntryLatencyBuckets", "", ALWAYS, LEDGER(TOPIC_LATENCIES + 3), .label = ",quantile=\"5.0_10.0\""},
    {"pulsar_ml_AddEntryLatencyBuckets", "", ALWAYS, LEDGER(TOPIC_LATENCIES + 4), .label = ",quantile=\"10.0_20.0\""},
    {"pulsar_ml_AddEntryLatencyBuckets", "", ALWAYS, LEDGER(TOPIC_LATENCIES + 5), .label = ",quantile=\"20.0_50.0\""},
    {"pulsar_ml_AddEntryLatencyBuckets", "", ALWAYS, LEDGER(TOPIC_LATENCIES + 6), .label = ",quantile=\"50.0_100.0\""},
    {"pulsar_ml_AddEntryLatencyBuckets", "", ALWAYS, LEDGER(TOPIC_LATENCIES + 7), .label = ",quantile=\"100.0_200.0\""},
    {"pulsar_ml_AddEntryLatencyBuckets", "", ALWAYS, LEDGER(TOPIC_LATENCIES + 8),
     .label = ",quantile=\"200.0_1000.0\""},
    {"pulsar_ml_AddEntryLatencyBuckets_OVERFLOW", "... in more than a second", ALWAYS, LEDGER(TOPIC_LATENCIES + 9)},
    {"pulsar_ml_EntrySizeBuckets", "entries stored in the last minute, by bytes", ALWAYS, LEDGER(TOPIC_SIZES + 0),
     .label = ",quantile=\"0.0_128.0\""},
    {"pulsar_ml_EntrySizeBuckets", "", ALWAYS, LEDGER(TOPIC_SIZES + 1), .label = ",quantile=\"128.0_512.0\""},
    {"pulsar_ml_EntrySizeBuckets", "", ALWAYS, LEDGER(TOPIC_SIZES + 2), .label = ",quantile=\"512.0_1024.0\""},
    {"pulsar_ml_EntrySizeBuckets", "", ALWAYS, LEDGER(TOPIC_SIZES + 3), .label = ",quantile=\"1024.0_2048.0\""},
    {"pulsar_ml_EntrySizeBuckets", "", ALWAYS, LEDGER(TOPIC_SIZES + 4), .label = ",quantile=\"2048.0_4096.0\""},
    {"pulsar_ml_EntrySizeBuckets", "", ALWAYS, LEDGER(TOPIC_SIZES + 5), .label = ",quantile=\"4096.0_16384.0\""},
    {"pulsar_ml_EntrySizeBuckets", "", ALWAYS, LEDGER(TOPIC_SIZES + 6), .label = ",quantile=\"16384.0_102400.0\""},
    {"pulsar_ml_EntrySizeBuckets", "", ALWAYS, LEDGER(TOPIC_SIZES + 7), .label = ",quantile=\"102400.0_1048576.0\""},
    {"pulsar_ml_EntrySizeBuckets_OVERFLOW", "... of more than 1 MB", ALWAYS, LEDGER(TOPIC_SIZES + 8)},
};

enum { METRICS = sizeof metrics_table / sizeof metrics_table[0] };

static bool is_told(const struct metric *metric, const struct row *row)
{
    switch (metric->when) {
    case WHEN_STORED:
        return row_figure(row, TOPIC_ENTRIES) > 0;
    case WHEN_COMPACTED:
        return row_figure(row, TOPIC_COMPACTIONS) + row_figure(row, TOPIC_COMPACTIONS_FAILED) > 0;
    default:
        return true;
    }
}

static void write_sample(struct text *out, const struct metric *metric, const struct bytes labels[4],
                         const struct row *row)
{
    const unsigned figure = metric->figure[row->kind];
    double value;

    if (figure == 0 || !is_told(metric, row) || isnan(value = row_figure(row, figure - 1u)))
        return;
    const struct bytes all[] = {labels[0], labels[1], labels[2], labels[3],
                                metric->label ? bytes_of_text(metric->label) : bytes_of("", 0)};
    prometheus_sample(out, metric->name, all, sizeof all / sizeof all[0], value);
}

static void write_namespaces(struct text *out, struct bytes cluster, const struct metric *metric, struct metrics *m,
                             size_t enough)
{
    const bool shown = metric->namespaces_always || !m->topics_shown;
    struct row row;

    while (out->len < enough && rows_next(&m->namespaces_left, &row)) {
        const struct bytes labels[4] = {cluster, row.text, bytes_of("", 0), bytes_of("", 0)};
        if (shown)
            write_sample(out, metric, labels, &row);
    }
}

static void write_topics(struct text *out, struct bytes cluster, const struct metric *metric, struct metrics *m,
                         size_t enough)
{
    const struct bytes none = bytes_of("", 0);
    struct row row;

    while (out->len < enough && rows_next(&m->topics_left, &row)) {
        if (row.kind == ROW_NAME)
            m->topic_labels = row.text;
        else if (row.kind == ROW_SUBSCRIPTION)
            m->subscription_labels = row.text;
        const bool own = row.kind == ROW_CONSUMER || row.kind == ROW_PRODUCER;
        const bool of_subscription = row.kind == ROW_SUBSCRIPTION || row.kind == ROW_CONSUMER;
        const struct bytes labels[4] = {cluster, m->topic_labels, of_subscription ? m->subscription_labels : none,
                                        own ? row.text : none};
        write_sample(out, metric, labels, &row);
    }
}

static bool is_of_topics(const struct metric *metric)
{
    return metric->figure[ROW_TOPIC] || metric->figure[ROW_SUBSCRIPTION] || metric->figure[ROW_CONSUMER] ||
           metric->figure[ROW_PRODUCER];
}

/* The first time that it is met: its head. */
static void metric_begin(struct text *out, struct metrics *m)
{
    const struct metric *const metric = &metrics_table[m->metric];

    rows_read(&m->namespaces_left, &m->namespace_rows);
    rows_read(&m->topics_left, &m->topic_rows);
    if (!is_of_topics(metric))
        m->topics_left = (struct rows_reader){.at = 0};
    if (!metric->figure[ROW_NAMESPACE])
        m->namespaces_left = (struct rows_reader){.at = 0};
    if (m->metric == 0 || strcmp(metric[-1].name, metric->name) != 0)
        prometheus_metric(out, metric->name, "gauge", metric->help);
}

bool metrics_write_table(struct text *out, struct bytes cluster, struct metrics *m, size_t enough)
{
    while (m->metric < METRICS) {
        const struct metric *const metric = &metrics_table[m->metric];
        if (!m->metric_begun)
            metric_begin(out, m);
        m->metric_begun = true;
        write_namespaces(out, cluster, metric, m, enough);
        write_topics(out, cluster, metric, m, enough);
        if (out->len >= enough)
            return false;
        m->metric++;
        m->metric_begun = false;
    }
    return true;
}
