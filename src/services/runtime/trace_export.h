/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_export.h - sends a tracer's spans to an OpenTelemetry collector: OTLP over HTTP, as JSON, on a thread of its
 * own.
 *
 * What waits is sent a second after the first of it, or sooner when it is much.  A collector that is away, or busy
 * (429, 502, 503, 504), is tried again, with a growing delay, while new spans gather in the tracer up to its bound;
 * after some attempts, or when it refuses, the batch is given up and counted.  Nothing else ever waits for it.  May
 * call: base/, http.h, sys/ (a thread).
 */
#ifndef SERVICES_RUNTIME_TRACE_EXPORT_H
#define SERVICES_RUNTIME_TRACE_EXPORT_H

#include "base/log.h"
#include "services/runtime/settings.h"
#include "services/runtime/trace.h"
#include "sys/loop.h"

struct trace_export;

/* With its tracer; *out is NULL, and OK the answer, when the settings have tracing off.  Of `clocks` the two clocks
 * only. `settings`, `clocks` and `log` outlive it.  ERR_NOMEM, or what a thread needs. */
MUST_USE enum err trace_export_start(struct trace_export **out, const struct pulsar_settings *settings,
                                     struct loop *clocks, struct log *log);

/* NULL of NULL, which trace_span takes as well. */
struct tracer *trace_export_tracer(struct trace_export *e);

/* Sends what waits once more, then ends: that may take the call at hand (five seconds at most) and a last one (two).
 * After it nobody may have a span for the tracer.  NULL is fine. */
void trace_export_stop(struct trace_export *e);

#endif
