/* SPDX-License-Identifier: Apache-2.0
 *
 * prometheus.h - samples in Prometheus' text format, version 0.0.4.
 *
 * All samples of a metric stand together under its one TYPE line, so the order is: prometheus_metric, then its samples.
 * May call: base/.
 */
#ifndef ADMIN_PROMETHEUS_H
#define ADMIN_PROMETHEUS_H

#include "base/text.h"

/* "gauge" or "counter". */
void prometheus_metric(struct text *out, const char *name, const char *type);

/* One label; several follow one another. `value` is escaped. */
struct label {
    const char *name;
    struct bytes value;
};

void prometheus_sample(struct text *out, const char *name, const struct label *labels, size_t count, double value);

#endif
