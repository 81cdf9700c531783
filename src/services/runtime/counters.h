/* SPDX-License-Identifier: Apache-2.0
 *
 * counters.h - what a service counts, under the names that its documents give, in Prometheus' text format.
 *
 * Counted by the runtime's thread and the client's, read by whoever answers /metrics: thread-safe.
 */
#ifndef SERVICES_RUNTIME_COUNTERS_H
#define SERVICES_RUNTIME_COUNTERS_H

#include "base/text.h"
#include <pthread.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 10

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS + 1]; /* not cumulative; the last one is beyond the largest bound */
    double sum;                              /* seconds */
};

/* Why a message did not end in success; each is a label of pulsar_errors_total. */
enum counters_error { COUNTED_REFUSED, COUNTED_RETRIED, COUNTED_DEAD_LETTERED, COUNTED_RECEIVE, COUNTED_ERRORS };

struct counters {
    pthread_mutex_t lock;
    const char *service; /* the label */
    uint64_t received, processed, errors[COUNTED_ERRORS];
    uint64_t sent, send_errors;
    struct histogram processing, sending;
};

void counters_init(struct counters *m, const char *service);
void counters_deinit(struct counters *m);

void counters_received(struct counters *m, uint64_t messages);
void counters_processed(struct counters *m, double seconds); /* one message, acknowledged */
void counters_error(struct counters *m, enum counters_error error);
void counters_sent(struct counters *m, bool ok, double seconds);

/* Appends all of it. */
void counters_write(struct counters *m, struct text *out);

#endif
