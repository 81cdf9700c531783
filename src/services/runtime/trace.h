/* SPDX-License-Identifier: Apache-2.0
 *
 * trace.h - spans: what a service did about an event, from when to when, in the trace that the event belongs to.
 *
 * A tracer takes spans from any thread, encodes them as OpenTelemetry's JSON and keeps them until they are taken to be
 * sent (trace_export.h does that, on a thread of its own).  It never waits and is bounded in bytes: a span that does
 * not fit is dropped and counted.  A NULL tracer is one that is off: it swallows spans.
 *
 * Ids depend on what the event says alone, so that any replica, now or after a takeover, finds the same ones:
 *   trace id   the event's trace_id when that is 32 hexadecimal digits, not all 0; otherwise the first half of the
 * SHA-256 of that text, or of its event_id when it has none root span  one for each event, "notarize"; its id is of the
 * trace id and the event_id; its parent is the event's span_id (16 digits, or hashed alike) others     children of the
 * root span; their ids are of the root's, their name and when they began A text that was hashed is kept as the
 * attribute geminga.event.trace_id or geminga.event.span_id of the root span.
 *
 * May call: base/, the core beside it.
 */
#ifndef SERVICES_RUNTIME_TRACE_H
#define SERVICES_RUNTIME_TRACE_H

#include "base/err.h"
#include "base/text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPAN_ATTRIBUTES_MAX 6
#define SPAN_ROOT           "notarize" /* the name of the root span */

/* The names of OpenTelemetry's kinds. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_CLIENT = 3, SPAN_PRODUCER = 4, SPAN_CONSUMER = 5 };

/* Texts are borrowed and may be NULL where it says so. */
struct span {
    const char *name; /* "receive", "validate", "handlers", "artifacts", "approval", "sign", "journal", "publish"; the
                         root's is SPAN_ROOT, and is told last, when it is known how it ended */
    enum span_kind kind;            /* 0: internal */
    const char *event_id;           /* NULL: an event that is not even JSON; its spans are not sent */
    const char *trace_id, *span_id; /* the event's own, or NULL */
    const char *workflow_id;        /* attribute geminga.workflow_id; NULL: none */
    int64_t begin_ns, end_ns;       /* since 1970 (trace_now_ns); an end before the beginning is the beginning */
    const char *error;              /* a sentence: it failed; NULL: it did not */
    struct {
        const char *key, *value; /* a NULL value: no attribute */
    } attributes[SPAN_ATTRIBUTES_MAX];
};

struct tracer;

struct tracer_options {
    int64_t (*now_ns)(void *ctx); /* wall clock, nanoseconds since 1970; any thread */
    void *ctx;
    size_t bytes_max; /* of encoded spans that wait; 0: TRACE_BYTES_MAX */
};

#define TRACE_BYTES_MAX (1u << 20)
#define SPAN_BYTES_MAX  4096 /* of one span, encoded; a longer one is dropped */

MUST_USE enum err tracer_new(struct tracer **out, const struct tracer_options *options);
void tracer_free(struct tracer *t); /* NULL is fine */

/* From any thread; 0 when there is no tracer, so that what is off does not even ask for the time. */
int64_t trace_now_ns(const struct tracer *t);

/* From any thread; copies, never waits. */
void trace_span(struct tracer *t, const struct span *span);

/* For who sends them: moves what waits, JSON objects with commas between them, into `out` (deinitialised by the caller;
 * empty: there was nothing), and says how many spans that is. */
size_t trace_take(struct tracer *t, struct text *out);

/* Spans that a sender gave up. */
void trace_lost(struct tracer *t, size_t spans);
void trace_sent(struct tracer *t, size_t spans);

/* How many bytes wait. */
size_t trace_waiting(struct tracer *t);

/* Appends the metrics geminga_trace_spans_sent_total and geminga_trace_spans_dropped_total; nothing for NULL. */
void trace_metrics(struct tracer *t, struct text *out);

/* The ids, for who wants to name them (16 and 8 bytes as lower-case digits, NUL-terminated). */
#define TRACE_ID_SIZE 33
#define SPAN_ID_SIZE  17
void trace_id_of(const struct span *span, char to[TRACE_ID_SIZE]);
void span_id_of(const struct span *span, char to[SPAN_ID_SIZE]);

#endif
