/* SPDX-License-Identifier: Apache-2.0
 *
 * trails.c - spans by name; the ends of a round as a JSON array of what their spans need.
 */
#include "services/notary/trails.h"

#define NS_PER_MS_SIGNED INT64_C(1000000)

void trails_init(struct trails *t, struct tracer *tracer)
{
    *t = (struct trails){.tracer = tracer};
}

void trails_deinit(struct trails *t)
{
    json_decref(t->ends);
    t->ends = NULL;
}

int64_t trails_now_ns(const struct trails *t)
{
    return trace_now_ns(t->tracer);
}

void trails_begin(struct trails *t)
{
    t->begun_ns = t->written_ns = trails_now_ns(t);
    if (t->ends)
        json_array_clear(t->ends);
}

static const char *member(const struct trail *trail, const char *name)
{
    return json_string_value(json_object_get(trail->event, name));
}

static struct span span_of(const struct trail *trail, const char *name, int64_t begin_ns, int64_t end_ns)
{
    return (struct span){.name = name,
                         .event_id = trail->event_id,
                         .trace_id = member(trail, "trace_id"),
                         .span_id = member(trail, "span_id"),
                         .workflow_id = trail->workflow_id,
                         .begin_ns = begin_ns,
                         .end_ns = end_ns};
}

void trails_received(struct trails *t, const struct trail *trail, int64_t received_ms)
{
    struct span span = span_of(trail, "receive", received_ms * NS_PER_MS_SIGNED, t->begun_ns);

    span.kind = SPAN_CONSUMER;
    trace_span(t->tracer, &span);
}

void trails_step(struct trails *t, const struct trail *trail, const char *name, int64_t begin_ns, const char *error,
                 const char *detail)
{
    struct span span = span_of(trail, name, begin_ns, trails_now_ns(t));

    span.error = error;
    span.attributes[0].key = "geminga.detail";
    span.attributes[0].value = detail;
    trace_span(t->tracer, &span);
}

void trails_written(struct trails *t, int64_t begin_ns)
{
    t->written_ns = trails_now_ns(t);
    if (t->written_ns < begin_ns)
        t->written_ns = begin_ns;
}

void trails_journaled(struct trails *t, const struct trail *trail, int64_t begin_ns)
{
    struct span span = span_of(trail, "journal", begin_ns, t->written_ns);

    trace_span(t->tracer, &span);
}

/* ---- ends ---- */

void trails_end(struct trails *t, const struct trail *trail, int64_t received_ms, const char *outcome,
                const char *error)
{
    if (!t->tracer || !trail->event_id)
        return;
    if (!t->ends)
        t->ends = json_array();
    /* Short of memory there is no span, and no harm. */
    (void)json_array_append_new(t->ends,
                                json_pack("{s:s, s:s?, s:s?, s:s?, s:I, s:s, s:s?}", "event_id", trail->event_id,
                                          "workflow_id", trail->workflow_id, "trace_id", member(trail, "trace_id"),
                                          "span_id", member(trail, "span_id"), "received_ms", (json_int_t)received_ms,
                                          "outcome", outcome, "error", error));
}

static void tell_end(struct trails *t, const json_t *end, int64_t now_ns)
{
    const struct trail trail = {.event_id = json_string_value(json_object_get(end, "event_id")),
                                .workflow_id = json_string_value(json_object_get(end, "workflow_id")),
                                .event = end};
    const json_int_t received_ms = json_integer_value(json_object_get(end, "received_ms"));
    struct span publish = span_of(&trail, "publish", t->written_ns, now_ns);
    struct span root = span_of(&trail, SPAN_ROOT, received_ms * NS_PER_MS_SIGNED, now_ns);

    publish.kind = SPAN_PRODUCER;
    root.kind = SPAN_CONSUMER;
    root.error = json_string_value(json_object_get(end, "error"));
    root.attributes[0].key = "geminga.outcome";
    root.attributes[0].value = json_string_value(json_object_get(end, "outcome"));
    trace_span(t->tracer, &publish);
    trace_span(t->tracer, &root);
}

void trails_published(struct trails *t, bool all)
{
    int64_t now_ns = trails_now_ns(t);
    const json_t *end;
    size_t i;

    if (!t->ends)
        return;
    if (all) {
        json_array_foreach(t->ends, i, end) tell_end(t, end, now_ns);
    }
    json_array_clear(t->ends);
}
