/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_text.c - writes /metrics: what there is one of; the rest is in metrics_table.c.
 *
 * Names and labels are Pulsar's where Pulsar has the figure; ours begin with geminga_, and what every program has with
 * process_.
 */
#include "admin/metrics.h"
#include "sys/process.h"

#include <stdio.h>

#define LABEL_MAX    4096
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Where everything goes, and the label that everything has. */
struct writer {
    struct text *out;
    struct bytes cluster; /* cluster="..." */
};

static void single(struct writer *w, const char *name, const char *type, const char *help, double value)
{
    prometheus_metric(w->out, name, type, help);
    prometheus_sample(w->out, name, &w->cluster, 1, value);
}

static void gauge(struct writer *w, const char *name, const char *help, uint64_t value)
{
    single(w, name, "gauge", help, (double)value);
}

static void counter(struct writer *w, const char *name, const char *help, uint64_t value)
{
    single(w, name, "counter", help, (double)value);
}

/* One more label, whose values are the broker's own words: nothing in them is to be escaped. */
static void labelled(struct writer *w, const char *name, const char *label, const char *word, double value)
{
    char text[100];
    const int len = snprintf(text, sizeof text, ",%s=\"%s\"", label, word);
    const struct bytes labels[] = {w->cluster, bytes_of(text, (size_t)len)};

    prometheus_sample(w->out, name, labels, COUNT(labels), value);
}

static void write_version(struct writer *w, const char *version)
{
    static const char name[] = "pulsar_version_info";
    char text[100];
    const int len = snprintf(text, sizeof text, ",version=\"%s\",commit=\"\"", version);
    const struct bytes labels[] = {w->cluster, bytes_of(text, (size_t)len)};

    prometheus_metric(w->out, name, "gauge", "the program's version");
    prometheus_sample(w->out, name, labels, COUNT(labels), 1);
    /* The core answers; /admin/v2/brokers/health asks more. */
    gauge(w, "pulsar_health", "1: the broker answers", 1);
}

static void write_sums(struct writer *w, const double sum[TOPIC_FIGURES])
{
    static const struct {
        const char *name, *help;
        enum topic_figure figure;
    } sums[] = {
        {"pulsar_broker_topics_count", "topics, in memory or not", TOPIC_TOPICS},
        {"pulsar_broker_subscriptions_count", "subscriptions", TOPIC_SUBSCRIPTIONS},
        {"pulsar_broker_producers_count", "producers that are connected", TOPIC_PRODUCERS},
        {"pulsar_broker_consumers_count", "consumers that are connected", TOPIC_CONSUMERS},
        {"pulsar_broker_rate_in", "messages published in a second, over the last minute", TOPIC_RATE_IN},
        {"pulsar_broker_rate_out", "messages dispatched in a second, over the last minute", TOPIC_RATE_OUT},
        {"pulsar_broker_throughput_in", "bytes published in a second, over the last minute", TOPIC_THROUGHPUT_IN},
        {"pulsar_broker_throughput_out", "bytes dispatched in a second, over the last minute", TOPIC_THROUGHPUT_OUT},
        {"pulsar_broker_storage_size", "bytes stored", TOPIC_STORAGE_BYTES},
        {"pulsar_broker_storage_logical_size", "bytes stored, counted once", TOPIC_STORAGE_BYTES},
        {"pulsar_broker_storage_write_rate", "entries stored in a second, over the last minute", TOPIC_WRITE_RATE},
        {"pulsar_broker_storage_read_rate", "entries read in a second, over the last minute", TOPIC_READ_RATE},
        {"pulsar_broker_msg_backlog", "entries that subscriptions have not acknowledged", TOPIC_BACKLOG},
    };

    for (size_t i = 0; i < COUNT(sums); i++)
        single(w, sums[i].name, "gauge", sums[i].help, sum[sums[i].figure]);
}

/* Of the broker's own topics, and of all others. */
static void write_bytes(struct writer *w, const char *name, const char *help, uint64_t all, uint64_t system)
{
    prometheus_metric(w->out, name, "counter", help);
    labelled(w, name, "system_topic", "false", (double)(all - system));
    labelled(w, name, "system_topic", "true", (double)system);
}

static void write_latency(struct writer *w, const struct metrics *m)
{
    prometheus_metric(w->out, "pulsar_broker_publish_latency", "summary",
                      "milliseconds from an entry's append to its receipt; quantiles over the last minute");
    for (size_t i = 0; i < LATENCY_QUANTILES; i++)
        labelled(w, "pulsar_broker_publish_latency", "quantile", latency_quantile_names[i], m->latency_ms[i]);
    prometheus_sample(w->out, "pulsar_broker_publish_latency_count", &w->cluster, 1, (double)m->latency.count);
    prometheus_sample(w->out, "pulsar_broker_publish_latency_sum", &w->cluster, 1, m->latency.sum_ms);
}

static void write_broker(struct writer *w, const struct metrics *m)
{
    const struct broker_stats *b = &m->broker;

    write_sums(w, m->sum);
    write_bytes(w, "pulsar_broker_in_bytes_total", "bytes published", b->bytes_in, b->system_bytes_in);
    write_bytes(w, "pulsar_broker_out_bytes_total", "bytes dispatched", b->bytes_out, b->system_bytes_out);
    write_latency(w, m);
    gauge(w, "geminga_broker_topics_loaded", "topics in memory", b->topics_loaded);
    gauge(w, "geminga_metrics_topics_left_out", "topics without series of their own, for there are too many",
          m->left_out);
    counter(w, "geminga_broker_in_messages_total", "messages published", b->messages_in);
    counter(w, "geminga_broker_out_messages_total", "messages dispatched", b->messages_out);
    counter(w, "geminga_broker_acks_total", "acknowledgements taken", b->acks);
    counter(w, "geminga_broker_redeliveries_total", "messages dispatched again", b->redeliveries);
    counter(w, "geminga_broker_dropped_messages_total", "messages of topics that keep none, which nobody could take",
            b->messages_dropped);
    counter(w, "geminga_broker_compactions_total", "compactions that ended well", b->compactions);
    counter(w, "geminga_broker_compaction_failures_total", "compactions that did not", b->compactions_failed);
    counter(w, "geminga_broker_publish_failures_total", "topics whose entries could not be stored",
            b->publish_failures);
    gauge(w, "geminga_broker_pending_publishes", "entries on their way to the disk", b->pending_publishes);
    counter(w, "geminga_broker_topics_created_total", "topics made", b->topics_created);
    counter(w, "geminga_broker_topics_deleted_total", "topics deleted", b->topics_deleted);
    counter(w, "geminga_broker_topics_unloaded_total", "topics that left memory", b->topics_unloaded);
    counter(w, "geminga_broker_ledgers_deleted_total", "ledgers deleted by retention", b->ledgers_deleted);
    counter(w, "geminga_broker_entries_expired_total", "entries that expired", b->entries_expired);
    gauge(w, "geminga_broker_delayed_index_bytes", "memory of all indexes of delayed entries", b->delayed_index_bytes);
    counter(w, "geminga_broker_duplicate_messages_total", "messages that were not stored again", b->duplicates);
    counter(w, "geminga_broker_schemas_added_total", "versions of topics' schemas", b->schemas_added);
    counter(w, "geminga_broker_schemas_deleted_total", "deletions of topics' schemas", b->schemas_deleted);
    counter(w, "geminga_broker_schemas_read_total", "versions that were asked for", b->schemas_read);
    counter(w, "geminga_broker_schemas_compatible_total", "schemas that fitted to those before", b->schemas_compatible);
    counter(w, "geminga_broker_schemas_incompatible_total", "schemas that did not", b->schemas_incompatible);
    gauge(w, "geminga_broker_schema_bytes", "memory of all topics' schemas", b->schema_bytes);
    gauge(w, "geminga_broker_event_ids", "ids of events that are remembered", b->event_ids);
    gauge(w, "geminga_broker_event_id_bytes", "memory of these", b->event_id_bytes);
    counter(w, "geminga_broker_event_ids_evicted_total", "ids forgotten too early, for want of memory",
            b->event_ids_evicted);
    counter(w, "geminga_broker_messages_without_event_id_total", "messages in which an id was looked for in vain",
            b->without_event_id);
}

/* Only where there is TLS. */
static void write_tls(struct writer *w, const struct server_tls_stats *s)
{
    gauge(w, "geminga_tls_certificate_expires_seconds", "until when the broker's certificate holds, since 1970",
          (uint64_t)s->expires_s);
    counter(w, "geminga_tls_handshakes_total", "handshakes that ended well", s->handshakes);
    counter(w, "geminga_tls_handshakes_failed_total", "handshakes that did not", s->failed);
    counter(w, "geminga_tls_handshakes_timed_out_total", "handshakes that took too long", s->timed_out);
    counter(w, "geminga_tls_handshakes_dropped_total", "connections closed as too many were in a handshake",
            s->dropped);
    gauge(w, "geminga_tls_handshakes_in_progress", "connections in a handshake", s->in_progress);
    counter(w, "geminga_tls_renewals_total", "files of certificates that were taken anew", s->renewed);
    counter(w, "geminga_tls_renewal_failures_total", "changed files of certificates that were no good",
            s->renewals_failed);
}

static void write_server(struct writer *w, const struct server_stats *s)
{
    const uint64_t opened = s->connections_total + s->connections_refused;

    gauge(w, "pulsar_active_connections", "connections of Pulsar's protocol", s->connections);
    counter(w, "pulsar_connection_created_total_count", "connections that came", opened);
    counter(w, "pulsar_connection_create_success_count", "connections that were taken", s->connections_total);
    counter(w, "pulsar_connection_create_fail_count", "connections that were refused", s->connections_refused);
    counter(w, "pulsar_connection_closed_total_count", "connections that ended", opened - s->connections);
    counter(w, "geminga_server_connections_refused_total", "connections that were one too many",
            s->connections_refused);
    counter(w, "geminga_server_connections_evicted_total", "connections that said nothing, and made place for others",
            s->connections_evicted);
    counter(w, "geminga_server_in_bytes_total", "bytes received", s->bytes_in);
    counter(w, "geminga_server_out_bytes_total", "bytes sent", s->bytes_out);
    counter(w, "geminga_server_in_frames_total", "frames received", s->frames_in);
    counter(w, "geminga_server_out_frames_total", "frames sent", s->frames_out);
    counter(w, "geminga_server_protocol_errors_total", "connections closed for what they sent", s->protocol_errors);
    counter(w, "geminga_server_checksum_errors_total", "messages whose checksum was wrong", s->checksum_errors);
    gauge(w, "geminga_server_receive_bytes", "memory of receive buffers", s->receive_bytes);
    if (s->tls.on)
        write_tls(w, &s->tls);
}

/* 1 for the mode that is in force. */
static void write_durability(struct writer *w, enum durability in_force)
{
    static const char *const modes[] = {[DURABILITY_SYNC] = "sync", [DURABILITY_OS] = "os"};

    prometheus_metric(w->out, "geminga_store_durability", "gauge", "1: what a receipt waits for");
    for (unsigned mode = 0; mode < COUNT(modes); mode++)
        labelled(w, "geminga_store_durability", "mode", modes[mode], mode == (unsigned)in_force);
}

/* Their sum, next to the bytes appended, is what a byte costs the disk. */
static void write_written(struct writer *w, const uint64_t bytes[STORE_CAUSES])
{
    static const char *const causes[STORE_CAUSES] = {[CAUSE_JOURNAL] = "journal",
                                                     [CAUSE_ZEROS] = "zeros",
                                                     [CAUSE_CHECKPOINT] = "checkpoint",
                                                     [CAUSE_COMPACTION] = "compaction",
                                                     [CAUSE_INDEX] = "index"};

    prometheus_metric(w->out, "geminga_store_written_bytes_total", "counter", "bytes written to the disk, by what for");
    for (unsigned cause = 0; cause < STORE_CAUSES; cause++)
        labelled(w, "geminga_store_written_bytes_total", "cause", causes[cause], (double)bytes[cause]);
}

static void write_journal(struct writer *w, const struct store_stats *s)
{
    counter(w, "geminga_store_appended_entries_total", "entries stored", s->appended_entries);
    counter(w, "geminga_store_appended_bytes_total", "bytes of these", s->appended_bytes);
    counter(w, "geminga_store_syncs_total", "syncs of the journal", s->syncs);
    counter(w, "geminga_store_ring_batches_total", "batches of the journal that io_uring wrote", s->ring_batches);
    write_durability(w, s->durability);
    counter(w, "geminga_store_journal_bytes_total", "bytes written to the journal", s->journal_bytes);
    gauge(w, "geminga_store_journal_pending_bytes", "bytes that wait for the journal", s->journal_pending_bytes);
    gauge(w, "geminga_store_journal_files", "files of the journal", s->journal_files);
    write_written(w, s->written_bytes);
    counter(w, "geminga_store_checkpoints_total", "checkpoints", s->checkpoints);
}

static void write_cache(struct writer *w, const struct metrics *m)
{
    const struct store_stats *s = &m->store;

    counter(w, "geminga_store_cold_reads_total", "reads of files", s->cold_reads);
    counter(w, "geminga_store_cold_read_bytes_total", "bytes of these", s->cold_read_bytes);
    counter(w, "geminga_store_cold_hits_total", "entries given out from what was read ahead", s->cold_hits);
    counter(w, "geminga_store_cache_hits_total", "entries given out from the tail cache", s->cache_hits);
    gauge(w, "pulsar_ml_count", "topics in memory", m->broker.topics_loaded);
    gauge(w, "pulsar_ml_cache_used_size", "bytes in the tail cache", s->tail_cache_bytes);
    gauge(w, "pulsar_ml_cache_entries", "entries in the tail cache", s->cache_entries);
    gauge(w, "pulsar_ml_cache_evictions", "entries that had to leave it", s->cache_evictions);
    single(w, "pulsar_ml_cache_hits_rate", "gauge", "entries in a second, from the tail cache",
           m->cache_hits.per_second);
    single(w, "pulsar_ml_cache_hits_throughput", "gauge", "bytes of these", m->cache_hits.bytes_per_second);
    single(w, "pulsar_ml_cache_misses_rate", "gauge", "entries in a second, from files", m->cache_misses.per_second);
    single(w, "pulsar_ml_cache_misses_throughput", "gauge", "bytes read for these", m->cache_misses.bytes_per_second);
}

static void write_disk(struct writer *w, const struct store_stats *s)
{
    gauge(w, "geminga_store_disk_full", "1: nothing can be published", s->disk_full);
    gauge(w, "geminga_store_disk_nearly_full", "1: nothing can be published soon", s->disk_nearly_full);
    if (s->disk_free_bytes < UINT64_MAX)
        gauge(w, "geminga_store_disk_free_bytes", "free on the disk", s->disk_free_bytes);
    gauge(w, "geminga_store_disk_bytes", "what journal and segments take", s->disk_bytes);
    gauge(w, "geminga_store_index_copies", "copies of the index, itself included", s->index_copies);
    gauge(w, "geminga_store_segment_files", "segment files", s->segment_files);
    gauge(w, "geminga_store_segment_bytes", "bytes of these", s->segment_bytes);
    gauge(w, "geminga_store_dead_bytes", "bytes of deleted ledgers in them", s->dead_bytes);
    gauge(w, "geminga_store_adopted_files", "files of the journal that have become segments", s->adopted_files);
    counter(w, "geminga_store_adopted_bytes_total", "bytes that stayed where they were written", s->adopted_bytes);
    counter(w, "geminga_store_compactions_total", "checkpoints that emptied files", s->compactions);
    counter(w, "geminga_store_compacted_bytes_total", "bytes that they copied", s->compacted_bytes);
    gauge(w, "geminga_store_ledgers", "ledgers", s->ledgers);
}

static void write_safety(struct writer *w, const struct store_stats *s)
{
    gauge(w, "geminga_store_quarantined_ledgers", "ledgers that miss entries which were given up",
          s->quarantined_ledgers);
    gauge(w, "geminga_store_quarantined_entries", "those entries", s->quarantined_entries);
    counter(w, "geminga_store_corrupt_reads_total", "reads of other bytes than were written", s->corrupt_reads);
    gauge(w, "geminga_store_backup_running", "1: a backup is under way", s->backup_running);
    counter(w, "geminga_store_backups_total", "backups that are whole", s->backups);
    counter(w, "geminga_store_backups_failed_total", "backups that are not", s->backups_failed);
    single(w, "geminga_store_backup_last_timestamp_seconds", "gauge", "when the last whole one ended; 0: never",
           (double)s->backup_ms / 1000);
    gauge(w, "geminga_store_recovered_entries", "entries found by the recovery at the start", s->recovered_entries);
    single(w, "geminga_store_recovery_seconds", "gauge", "what it took", (double)s->recovery_ms / 1000);
}

static void write_budgets(struct writer *w, const struct metrics *m)
{
    prometheus_metric(w->out, "geminga_budget_used_bytes", "gauge", "used of a part of memory_limit");
    for (size_t i = 0; i < m->budget_count; i++)
        labelled(w, "geminga_budget_used_bytes", "budget", m->budgets[i].name, (double)m->budgets[i].used);
    prometheus_metric(w->out, "geminga_budget_limit_bytes", "gauge", "a part of memory_limit");
    for (size_t i = 0; i < m->budget_count; i++)
        labelled(w, "geminga_budget_limit_bytes", "budget", m->budgets[i].name, (double)m->budgets[i].limit);
}

static void write_audit(struct writer *w, const struct audit_stats *a)
{
    counter(w, "geminga_audit_events_total", "events for the audit log", a->events);
    counter(w, "geminga_audit_dropped_total", "those of them that it does not have", a->dropped);
    counter(w, "geminga_audit_bytes_total", "bytes written to its file", a->bytes_written);
    counter(w, "geminga_audit_write_failures_total", "writes that failed, and were tried again", a->write_failures);
    counter(w, "geminga_audit_topic_failures_total", "events that its topic did not take", a->topic_failures);
    gauge(w, "geminga_audit_waiting_bytes", "events that are not in the file yet", a->waiting_bytes);
    gauge(w, "geminga_audit_failing", "1: the file takes nothing now", a->failing);
}

/* Several labels, whose values are the broker's own words. */
static void words(struct writer *w, const char *name, const char *labels, uint64_t value)
{
    const struct bytes all[] = {w->cluster, bytes_of_text(labels)};

    prometheus_sample(w->out, name, all, COUNT(all), (double)value);
}

static void provider_labels(char *to, size_t size, enum provider p)
{
    (void)snprintf(to, size, ",provider_name=\"%s\",auth_method=\"%s\"", provider_name(p), provider_method(p));
}

/* A token that has expired is one that is not valid, in Pulsar. */
static uint64_t failures_of(const struct authenticator_stats *a, enum provider p, enum refused why)
{
    return a->failures[p][why] + (why == REFUSED_TOKEN ? a->failures[p][REFUSED_EXPIRED] : 0);
}

static void write_failures(struct writer *w, const struct authenticator_stats *a)
{
    static const char name[] = "pulsar_authentication_failures_total";
    char labels[200];

    prometheus_metric(w->out, name, "counter", "credentials that were refused, by what was wrong with them");
    for (enum provider p = 0; p < PROVIDERS; p++) {
        for (enum refused why = 0; why < REFUSED_KINDS; why++) {
            if (why == REFUSED_EXPIRED || !a->provided[p] || failures_of(a, p, why) == 0)
                continue;
            provider_labels(labels, sizeof labels, p);
            const size_t len = strlen(labels);
            (void)snprintf(labels + len, sizeof labels - len, ",reason=\"%s\"", refused_reason(p, why));
            words(w, name, labels, failures_of(a, p, why));
        }
    }
}

static void write_authentication(struct writer *w, const struct authenticator_stats *a)
{
    static const char name[] = "pulsar_authentication_success_total";
    char labels[200];

    prometheus_metric(w->out, name, "counter", "credentials that were good");
    for (enum provider p = 0; p < PROVIDERS; p++) {
        provider_labels(labels, sizeof labels, p);
        if (a->provided[p])
            words(w, name, labels, a->successes[p]);
    }
    write_failures(w, a);
    counter(w, "pulsar_expired_token_total", "tokens that had expired", a->failures[PROVIDER_TOKEN][REFUSED_EXPIRED]);
    counter(w, "geminga_authentication_anonymous_total", "who had no credentials, and the anonymous role",
            a->successes[PROVIDERS]);
    counter(w, "geminga_authentication_unknown_total", "who had none, or of a method that nobody looks at, and no role",
            a->failures[PROVIDERS][REFUSED_METHOD] + a->failures[PROVIDERS][REFUSED_DATA]);
    counter(w, "geminga_authentication_busy_total", "who was to come back, as too many were being authenticated",
            a->busy);
    gauge(w, "geminga_authentication_waiting", "checks of credentials that are under way", a->waiting);
    counter(w, "geminga_authentication_key_failures_total", "files with keys that could not be used when read again",
            a->key_failures);
}

static void write_process(struct writer *w, int64_t started_ms)
{
    struct process_stats p;

    process_stats_get(&p);
    gauge(w, "process_resident_memory_bytes", "memory in use", p.resident_bytes);
    gauge(w, "process_virtual_memory_bytes", "addresses in use", p.virtual_bytes);
    single(w, "process_cpu_seconds_total", "counter", "processor time", p.processor_seconds);
    gauge(w, "process_open_fds", "open file descriptors", p.open_files);
    single(w, "process_start_time_seconds", "gauge", "when it started", (double)started_ms / 1000);
}

static void write_text(struct writer *w, const struct admin_core *core, const struct metrics *m)
{
    write_version(w, core->version);
    write_broker(w, m);
    if (m->has_server)
        write_server(w, &m->server);
    write_journal(w, &m->store);
    write_cache(w, m);
    write_disk(w, &m->store);
    write_safety(w, &m->store);
    write_budgets(w, m);
    if (m->has_authentication)
        write_authentication(w, &m->authentication);
    if (m->has_audit)
        write_audit(w, &m->audit);
    write_process(w, core->started_ms);
}

void metrics_write(struct call *call)
{
    struct metrics *m = call->work;
    struct text *out = &call->answer.body;
    struct text label;

    text_init(&label, LABEL_MAX);
    prometheus_label(&label, "cluster", bytes_of_text(call->core->cluster));
    if (text_failed(&label)) {
        call_write_reason(call, 500, "out of memory");
        text_deinit(&label);
        return;
    }
    struct writer w = {.out = out, .cluster = bytes_of(label.data, label.len)};
    if (!m->text_written)
        write_text(&w, call->core, m);
    m->text_written = true;
    call->unwritten = !metrics_write_table(out, w.cluster, m, call->core->metrics_part_bytes);
    text_deinit(&label);
}
