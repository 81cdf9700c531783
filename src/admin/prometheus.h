/* SPDX-License-Identifier: Apache-2.0
 *
 * prometheus.h - samples in Prometheus' text format, version 0.0.4.
 *
 * All samples of a metric stand together under its HELP and TYPE lines, so the order is: prometheus_metric, then its
 * samples.  Labels are made once, as text ("a=\"1\",b=\"2\"", escaped), and written as often as need be.
 * May call: base/.
 */
#ifndef ADMIN_PROMETHEUS_H
#define ADMIN_PROMETHEUS_H

#include "base/text.h"

/* `type` is "gauge", "counter" or "summary"; `help` has no line feed and no backslash in it. */
void prometheus_metric(struct text *out, const char *name, const char *type, const char *help);

/* name="value", escaped.  A comma between two is the caller's. */
void prometheus_label(struct text *out, const char *name, struct bytes value);

/* Its labels are the given texts together: each is empty, or begins with a comma, but for the first. */
void prometheus_sample(struct text *out, const char *name, const struct bytes *labels, size_t count, double value);

#endif
