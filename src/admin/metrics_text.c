/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_text.c - writes /metrics: one table for each kind of row, from a metric's name to its field.
 *
 * Names and labels are Pulsar's where Pulsar has the figure; ours begin with geminga_, and what every program has with
 * process_. Pulsar declares all its topic metrics gauges, totals too; so do we.
 */
#include "admin/metrics.h"
#include "admin/prometheus.h"
#include "sys/process.h"

#include <stddef.h>

struct column {
    const char *name;
    size_t offset; /* of a double in the row */
};

static const struct column topic_columns[] = {
    {"pulsar_subscriptions_count", offsetof(struct topic_row, subscriptions)},
    {"pulsar_producers_count", offsetof(struct topic_row, producers)},
    {"pulsar_consumers_count", offsetof(struct topic_row, consumers)},
    {"pulsar_rate_in", offsetof(struct topic_row, rate_in)},
    {"pulsar_rate_out", offsetof(struct topic_row, rate_out)},
    {"pulsar_throughput_in", offsetof(struct topic_row, throughput_in)},
    {"pulsar_throughput_out", offsetof(struct topic_row, throughput_out)},
    {"pulsar_average_msg_size", offsetof(struct topic_row, average_message_bytes)},
    {"pulsar_in_bytes_total", offsetof(struct topic_row, bytes_in)},
    {"pulsar_in_messages_total", offsetof(struct topic_row, messages_in)},
    {"pulsar_out_bytes_total", offsetof(struct topic_row, bytes_out)},
    {"pulsar_out_messages_total", offsetof(struct topic_row, messages_out)},
    {"pulsar_storage_size", offsetof(struct topic_row, storage_bytes)},
    {"pulsar_storage_logical_size", offsetof(struct topic_row, storage_bytes)},
    {"pulsar_storage_backlog_size", offsetof(struct topic_row, backlog_bytes)},
    {"pulsar_msg_backlog", offsetof(struct topic_row, backlog_entries)},
};

static const struct column subscription_columns[] = {
    {"pulsar_subscription_back_log", offsetof(struct subscription_row, backlog)},
    {"pulsar_subscription_back_log_no_delayed", offsetof(struct subscription_row, backlog_no_delayed)},
    {"pulsar_subscription_delayed", offsetof(struct subscription_row, delayed)},
    {"pulsar_subscription_in_replay", offsetof(struct subscription_row, in_replay)},
    {"pulsar_subscription_msg_rate_out", offsetof(struct subscription_row, rate_out)},
    {"pulsar_subscription_msg_throughput_out", offsetof(struct subscription_row, throughput_out)},
    {"pulsar_subscription_msg_ack_rate", offsetof(struct subscription_row, rate_ack)},
    {"pulsar_subscription_msg_rate_redeliver", offsetof(struct subscription_row, rate_redeliver)},
    {"pulsar_subscription_msg_rate_expired", offsetof(struct subscription_row, rate_expired)},
    {"pulsar_subscription_unacked_messages", offsetof(struct subscription_row, unacked)},
    {"pulsar_subscription_blocked_on_unacked_messages", offsetof(struct subscription_row, blocked)},
    {"pulsar_subscription_consumers_count", offsetof(struct subscription_row, consumers)},
};

static const struct column sum_columns[] = {
    {"pulsar_broker_rate_in", offsetof(struct topic_sums, rate_in)},
    {"pulsar_broker_rate_out", offsetof(struct topic_sums, rate_out)},
    {"pulsar_broker_throughput_in", offsetof(struct topic_sums, throughput_in)},
    {"pulsar_broker_throughput_out", offsetof(struct topic_sums, throughput_out)},
    {"pulsar_broker_storage_size", offsetof(struct topic_sums, storage_bytes)},
    {"pulsar_broker_storage_logical_size", offsetof(struct topic_sums, storage_bytes)},
    {"pulsar_broker_msg_backlog", offsetof(struct topic_sums, backlog_entries)},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static double cell(const void *row, size_t offset)
{
    double value;

    memcpy(&value, (const char *)row + offset, sizeof value);
    return value;
}

/* Where everything goes, and the label that everything has. */
struct writer {
    struct text *out;
    struct label cluster;
};

static void single(struct writer *w, const char *name, const char *type, double value)
{
    prometheus_metric(w->out, name, type);
    prometheus_sample(w->out, name, &w->cluster, 1, value);
}

static void gauge(struct writer *w, const char *name, uint64_t value)
{
    single(w, name, "gauge", (double)value);
}

static void counter(struct writer *w, const char *name, uint64_t value)
{
    single(w, name, "counter", (double)value);
}

static void write_topics(struct writer *w, const struct metrics *m)
{
    for (size_t i = 0; i < COUNT(topic_columns); i++) {
        const struct column *c = &topic_columns[i];
        prometheus_metric(w->out, c->name, "gauge");
        for (const struct topic_row *t = m->topics; t; t = t->next) {
            const struct label labels[] = {w->cluster, {"namespace", t->namespace_}, {"topic", bytes_of_text(t->name)}};
            prometheus_sample(w->out, c->name, labels, COUNT(labels), cell(t, c->offset));
        }
    }
}

static void write_subscriptions(struct writer *w, const struct metrics *m)
{
    for (size_t i = 0; i < COUNT(subscription_columns); i++) {
        const struct column *c = &subscription_columns[i];
        prometheus_metric(w->out, c->name, "gauge");
        for (const struct subscription_row *s = m->subscriptions; s; s = s->next) {
            const struct label labels[] = {w->cluster,
                                           {"namespace", s->topic->namespace_},
                                           {"topic", bytes_of_text(s->topic->name)},
                                           {"subscription", bytes_of_text(s->name)}};
            prometheus_sample(w->out, c->name, labels, COUNT(labels), cell(s, c->offset));
        }
    }
}

static void write_namespaces(struct writer *w, const struct metrics *m)
{
    static const char name[] = "pulsar_topics_count";

    prometheus_metric(w->out, name, "gauge");
    for (const struct namespace_row *n = m->namespaces; n; n = n->next) {
        const struct label labels[] = {w->cluster, {"namespace", bytes_of_text(n->name)}};
        prometheus_sample(w->out, name, labels, COUNT(labels), n->topics);
    }
}

static void write_version(struct writer *w, const char *version)
{
    static const char name[] = "pulsar_version_info";
    const struct label labels[] = {w->cluster, {"version", bytes_of_text(version)}, {"commit", bytes_of_text("")}};

    prometheus_metric(w->out, name, "gauge");
    prometheus_sample(w->out, name, labels, COUNT(labels), 1);
    gauge(w, "pulsar_health", 1); /* the core answers; /admin/v2/brokers/health asks more */
}

static void write_broker(struct writer *w, const struct metrics *m)
{
    const struct broker_stats *b = &m->broker;

    gauge(w, "pulsar_broker_topics_count", b->topics_loaded);
    gauge(w, "geminga_metrics_topics_left_out", m->sums_only ? b->topics_loaded : 0);
    gauge(w, "pulsar_broker_subscriptions_count", b->subscriptions);
    gauge(w, "pulsar_broker_producers_count", b->producers);
    gauge(w, "pulsar_broker_consumers_count", b->consumers);
    for (size_t i = 0; i < COUNT(sum_columns); i++)
        single(w, sum_columns[i].name, "gauge", cell(&m->sum, sum_columns[i].offset));
    counter(w, "pulsar_broker_in_bytes_total", b->bytes_in);
    counter(w, "pulsar_broker_out_bytes_total", b->bytes_out);
    counter(w, "geminga_broker_in_messages_total", b->messages_in);
    counter(w, "geminga_broker_out_messages_total", b->messages_out);
    counter(w, "geminga_broker_acks_total", b->acks);
    counter(w, "geminga_broker_redeliveries_total", b->redeliveries);
    counter(w, "geminga_broker_dropped_messages_total", b->messages_dropped);
    counter(w, "geminga_broker_compactions_total", b->compactions);
    counter(w, "geminga_broker_compaction_failures_total", b->compactions_failed);
    counter(w, "geminga_broker_publish_failures_total", b->publish_failures);
    gauge(w, "geminga_broker_pending_publishes", b->pending_publishes);
    counter(w, "geminga_broker_topics_created_total", b->topics_created);
    counter(w, "geminga_broker_topics_deleted_total", b->topics_deleted);
    counter(w, "geminga_broker_topics_unloaded_total", b->topics_unloaded);
    counter(w, "geminga_broker_ledgers_deleted_total", b->ledgers_deleted);
    counter(w, "geminga_broker_entries_expired_total", b->entries_expired);
    gauge(w, "geminga_broker_delayed_index_bytes", b->delayed_index_bytes);
    counter(w, "geminga_broker_duplicate_messages_total", b->duplicates);
    gauge(w, "geminga_broker_event_ids", b->event_ids);
    gauge(w, "geminga_broker_event_id_bytes", b->event_id_bytes);
    counter(w, "geminga_broker_event_ids_evicted_total", b->event_ids_evicted);
    counter(w, "geminga_broker_messages_without_event_id_total", b->without_event_id);
}

static void write_server(struct writer *w, const struct server_stats *s)
{
    gauge(w, "pulsar_active_connections", s->connections);
    counter(w, "pulsar_connection_created_total_count", s->connections_total);
    counter(w, "pulsar_connection_closed_total_count", s->connections_total - s->connections);
    counter(w, "geminga_server_connections_refused_total", s->connections_refused);
    counter(w, "geminga_server_in_bytes_total", s->bytes_in);
    counter(w, "geminga_server_out_bytes_total", s->bytes_out);
    counter(w, "geminga_server_in_frames_total", s->frames_in);
    counter(w, "geminga_server_out_frames_total", s->frames_out);
    counter(w, "geminga_server_protocol_errors_total", s->protocol_errors);
    counter(w, "geminga_server_checksum_errors_total", s->checksum_errors);
    gauge(w, "geminga_server_receive_bytes", s->receive_bytes);
}

/* 1 for the mode that is in force. */
static void write_durability(struct writer *w, enum durability in_force)
{
    static const char *const modes[] = {[DURABILITY_SYNC] = "sync", [DURABILITY_OS] = "os"};

    prometheus_metric(w->out, "geminga_store_durability", "gauge");
    for (unsigned mode = 0; mode < COUNT(modes); mode++) {
        const struct label labels[] = {w->cluster, {"mode", bytes_of_text(modes[mode])}};
        prometheus_sample(w->out, "geminga_store_durability", labels, COUNT(labels), mode == (unsigned)in_force);
    }
}

/* Their sum, next to the bytes appended, is what a byte costs the disk. */
static void write_written(struct writer *w, const uint64_t bytes[STORE_CAUSES])
{
    static const char *const causes[STORE_CAUSES] = {[CAUSE_JOURNAL] = "journal",
                                                     [CAUSE_ZEROS] = "zeros",
                                                     [CAUSE_CHECKPOINT] = "checkpoint",
                                                     [CAUSE_COMPACTION] = "compaction",
                                                     [CAUSE_INDEX] = "index"};

    prometheus_metric(w->out, "geminga_store_written_bytes_total", "counter");
    for (unsigned cause = 0; cause < STORE_CAUSES; cause++) {
        const struct label labels[] = {w->cluster, {"cause", bytes_of_text(causes[cause])}};
        prometheus_sample(w->out, "geminga_store_written_bytes_total", labels, COUNT(labels), (double)bytes[cause]);
    }
}

static void write_store(struct writer *w, const struct store_stats *s)
{
    counter(w, "geminga_store_appended_entries_total", s->appended_entries);
    counter(w, "geminga_store_appended_bytes_total", s->appended_bytes);
    counter(w, "geminga_store_syncs_total", s->syncs);
    write_durability(w, s->durability);
    counter(w, "geminga_store_journal_bytes_total", s->journal_bytes);
    gauge(w, "geminga_store_journal_pending_bytes", s->journal_pending_bytes);
    gauge(w, "geminga_store_journal_files", s->journal_files);
    write_written(w, s->written_bytes);
    counter(w, "geminga_store_checkpoints_total", s->checkpoints);
    counter(w, "geminga_store_cold_reads_total", s->cold_reads);
    counter(w, "geminga_store_cold_read_bytes_total", s->cold_read_bytes);
    counter(w, "geminga_store_cache_hits_total", s->cache_hits);
    gauge(w, "pulsar_ml_cache_used_size", s->tail_cache_bytes);
    gauge(w, "geminga_store_disk_full", s->disk_full);
    gauge(w, "geminga_store_index_copies", s->index_copies);
    gauge(w, "geminga_store_disk_nearly_full", s->disk_nearly_full);
    if (s->disk_free_bytes < UINT64_MAX)
        gauge(w, "geminga_store_disk_free_bytes", s->disk_free_bytes);
    gauge(w, "geminga_store_disk_bytes", s->disk_bytes);
    gauge(w, "geminga_store_segment_files", s->segment_files);
    gauge(w, "geminga_store_segment_bytes", s->segment_bytes);
    gauge(w, "geminga_store_dead_bytes", s->dead_bytes);
    gauge(w, "geminga_store_adopted_files", s->adopted_files);
    counter(w, "geminga_store_adopted_bytes_total", s->adopted_bytes);
    counter(w, "geminga_store_compactions_total", s->compactions);
    counter(w, "geminga_store_compacted_bytes_total", s->compacted_bytes);
    gauge(w, "geminga_store_ledgers", s->ledgers);
    gauge(w, "geminga_store_quarantined_ledgers", s->quarantined_ledgers);
    gauge(w, "geminga_store_quarantined_entries", s->quarantined_entries);
    counter(w, "geminga_store_corrupt_reads_total", s->corrupt_reads);
    gauge(w, "geminga_store_backup_running", s->backup_running);
    counter(w, "geminga_store_backups_total", s->backups);
    counter(w, "geminga_store_backups_failed_total", s->backups_failed);
    single(w, "geminga_store_backup_last_timestamp_seconds", "gauge", (double)s->backup_ms / 1000);
    gauge(w, "geminga_store_recovered_entries", s->recovered_entries);
    single(w, "geminga_store_recovery_seconds", "gauge", (double)s->recovery_ms / 1000);
}

static void budget_column(struct writer *w, const struct metrics *m, const char *name, size_t offset)
{
    prometheus_metric(w->out, name, "gauge");
    for (size_t i = 0; i < m->budget_count; i++) {
        const struct label labels[] = {w->cluster, {"budget", bytes_of_text(m->budgets[i].name)}};
        size_t value;
        memcpy(&value, (const char *)&m->budgets[i] + offset, sizeof value);
        prometheus_sample(w->out, name, labels, COUNT(labels), (double)value);
    }
}

static void write_budgets(struct writer *w, const struct metrics *m)
{
    budget_column(w, m, "geminga_budget_used_bytes", offsetof(struct budget_row, used));
    budget_column(w, m, "geminga_budget_limit_bytes", offsetof(struct budget_row, limit));
}

static void write_process(struct writer *w, int64_t started_ms)
{
    struct process_stats p;

    process_stats_get(&p);
    gauge(w, "process_resident_memory_bytes", p.resident_bytes);
    gauge(w, "process_virtual_memory_bytes", p.virtual_bytes);
    single(w, "process_cpu_seconds_total", "counter", p.processor_seconds);
    gauge(w, "process_open_fds", p.open_files);
    single(w, "process_start_time_seconds", "gauge", (double)started_ms / 1000);
}

void metrics_write(struct admin_call *call)
{
    const struct metrics *m = call->snapshot;
    const struct admin_core *core = call->core;
    struct writer w = {.out = &call->answer.body, .cluster = {"cluster", bytes_of_text(core->cluster)}};

    write_version(&w, core->version);
    write_broker(&w, m);
    if (m->has_server)
        write_server(&w, &m->server);
    write_store(&w, &m->store);
    write_budgets(&w, m);
    write_namespaces(&w, m);
    write_topics(&w, m);
    write_subscriptions(&w, m);
    write_process(&w, core->started_ms);
}
