/* SPDX-License-Identifier: Apache-2.0
 *
 * counters.c - counters and two histograms behind one lock.
 */
#include "services/runtime/counters.h"

#include <inttypes.h>

static const double bounds[HISTOGRAM_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10};
static const char *const error_names[COUNTED_ERRORS] = {"refused", "retried", "dead_lettered", "receive"};

void counters_init(struct counters *m, const char *service)
{
    memset(m, 0, sizeof *m);
    m->service = service;
    pthread_mutex_init(&m->lock, NULL);
}

void counters_deinit(struct counters *m)
{
    pthread_mutex_destroy(&m->lock);
}

static void observe(struct histogram *h, double seconds)
{
    size_t i = 0;

    while (i < HISTOGRAM_BUCKETS && seconds > bounds[i])
        i++;
    h->buckets[i]++;
    h->sum += seconds;
}

void counters_received(struct counters *m, uint64_t messages)
{
    pthread_mutex_lock(&m->lock);
    m->received += messages;
    pthread_mutex_unlock(&m->lock);
}

void counters_processed(struct counters *m, double seconds)
{
    pthread_mutex_lock(&m->lock);
    m->processed++;
    observe(&m->processing, seconds);
    pthread_mutex_unlock(&m->lock);
}

void counters_error(struct counters *m, enum counters_error error)
{
    pthread_mutex_lock(&m->lock);
    m->errors[error]++;
    pthread_mutex_unlock(&m->lock);
}

void counters_sent(struct counters *m, bool ok, double seconds)
{
    pthread_mutex_lock(&m->lock);
    if (ok)
        m->sent++;
    else
        m->send_errors++;
    observe(&m->sending, seconds);
    pthread_mutex_unlock(&m->lock);
}

static void write_head(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_counter(struct text *out, const char *service, const char *name, const char *help, uint64_t value)
{
    write_head(out, name, "counter", help);
    text_printf(out, "%s{service=\"%s\"} %" PRIu64 "\n", name, service, value);
}

static void write_histogram(struct text *out, const char *service, const char *name, const char *help,
                            const struct histogram *h)
{
    uint64_t total = 0;

    write_head(out, name, "histogram", help);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        total += h->buckets[i];
        text_printf(out, "%s_bucket{service=\"%s\",le=\"%g\"} %" PRIu64 "\n", name, service, bounds[i], total);
    }
    total += h->buckets[HISTOGRAM_BUCKETS];
    text_printf(out, "%s_bucket{service=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, service, total);
    text_printf(out, "%s_sum{service=\"%s\"} %.9g\n", name, service, h->sum);
    text_printf(out, "%s_count{service=\"%s\"} %" PRIu64 "\n", name, service, total);
}

void counters_write(struct counters *m, struct text *out)
{
    struct counters now;

    pthread_mutex_lock(&m->lock);
    now = *m;
    pthread_mutex_unlock(&m->lock);
    write_counter(out, now.service, "pulsar_messages_received_total", "Messages received, redeliveries included.",
                  now.received);
    write_counter(out, now.service, "pulsar_messages_processed_total",
                  "Messages acknowledged, with all that was published about them.", now.processed);
    write_histogram(out, now.service, "pulsar_processing_duration_seconds", "From receiving to acknowledging.",
                    &now.processing);
    write_head(out, "pulsar_errors_total", "counter", "Messages that did not end in success, by what became of them.");
    for (size_t i = 0; i < COUNTED_ERRORS; i++)
        text_printf(out, "pulsar_errors_total{service=\"%s\",kind=\"%s\"} %" PRIu64 "\n", now.service, error_names[i],
                    now.errors[i]);
    write_counter(out, now.service, "pulsar_messages_sent_total", "Publications with their receipt.", now.sent);
    write_histogram(out, now.service, "pulsar_send_duration_seconds", "From publishing to the receipt.", &now.sending);
    write_counter(out, now.service, "pulsar_send_errors_total", "Publications that failed.", now.send_errors);
}
