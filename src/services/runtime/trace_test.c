/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_test.c - ids that follow from the event, spans as OTLP has them, and the bound.
 */
#include "base/base_test.h"

#include "services/runtime/trace.h"
#include <jansson.h>
#include <stdio.h>

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN_ID  "00f067aa0ba902b7"

static int64_t clock_of_test(void *ctx)
{
    return *(int64_t *)ctx;
}

static struct tracer *tracer_of(int64_t *now, size_t bytes_max)
{
    struct tracer_options options = {.now_ns = clock_of_test, .ctx = now, .bytes_max = bytes_max};
    struct tracer *t = NULL;

    assert_int_equal(tracer_new(&t, &options), OK);
    return t;
}

static struct span root_span(void)
{
    return (struct span){.name = SPAN_ROOT,
                         .kind = SPAN_CONSUMER,
                         .event_id = "deploy-1",
                         .trace_id = TRACE_ID,
                         .span_id = SPAN_ID,
                         .workflow_id = "wf-1",
                         .begin_ns = 1000,
                         .end_ns = 5000};
}

/* What waits, parsed; the tracer has nothing left. */
static json_t *take_all(struct tracer *t, size_t expected)
{
    struct text body;
    char whole[64u << 10];

    assert_int_equal(trace_take(t, &body), expected);
    snprintf(whole, sizeof whole, "[%s]", body.data ? body.data : "");
    text_deinit(&body);
    json_t *spans = json_loads(whole, 0, NULL);
    assert_non_null(spans);
    assert_int_equal(json_array_size(spans), expected);
    return spans;
}

static const char *text_of(json_t *spans, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(spans, i), key));
}

static const char *attribute_of(json_t *spans, size_t i, const char *key)
{
    json_t *attribute;
    size_t k;

    json_array_foreach(json_object_get(json_array_get(spans, i), "attributes"), k, attribute)
    {
        if (strcmp(json_string_value(json_object_get(attribute, "key")), key) == 0)
            return json_string_value(json_object_get(json_object_get(attribute, "value"), "stringValue"));
    }
    return NULL;
}

static void a_span_is_written_as_otlp_has_it(void **state)
{
    int64_t now = 7;
    struct tracer *t = tracer_of(&now, 0);
    struct span span = root_span();

    span.error = "it \"failed\"";
    span.attributes[0].key = "messaging.system";
    span.attributes[0].value = "pulsar";
    trace_span(t, &span);
    json_t *spans = take_all(t, 1);
    assert_string_equal(text_of(spans, 0, "traceId"), TRACE_ID);
    assert_string_equal(text_of(spans, 0, "parentSpanId"), SPAN_ID);
    assert_string_equal(text_of(spans, 0, "name"), "notarize");
    assert_string_equal(text_of(spans, 0, "startTimeUnixNano"), "1000");
    assert_string_equal(text_of(spans, 0, "endTimeUnixNano"), "5000");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(spans, 0), "kind")), SPAN_CONSUMER);
    json_t *status = json_object_get(json_array_get(spans, 0), "status");
    assert_int_equal(json_integer_value(json_object_get(status, "code")), 2);
    assert_string_equal(json_string_value(json_object_get(status, "message")), "it \"failed\"");
    assert_string_equal(attribute_of(spans, 0, "geminga.event_id"), "deploy-1");
    assert_string_equal(attribute_of(spans, 0, "geminga.workflow_id"), "wf-1");
    assert_string_equal(attribute_of(spans, 0, "messaging.system"), "pulsar");
    assert_null(attribute_of(spans, 0, "geminga.event.trace_id"));
    assert_int_equal(trace_now_ns(t), 7);
    json_decref(spans);
    tracer_free(t);
}

static void a_step_is_a_child_of_the_events_root_span(void **state)
{
    int64_t now = 0;
    struct tracer *t = tracer_of(&now, 0);
    struct span root = root_span(), sign = root_span(), publish = root_span();

    sign.name = "sign";
    publish.name = "publish";
    publish.end_ns = 1; /* before its beginning */
    trace_span(t, &sign);
    trace_span(t, &publish);
    trace_span(t, &root);
    json_t *spans = take_all(t, 3);
    assert_string_equal(text_of(spans, 0, "parentSpanId"), text_of(spans, 2, "spanId"));
    assert_string_equal(text_of(spans, 1, "parentSpanId"), text_of(spans, 2, "spanId"));
    assert_string_not_equal(text_of(spans, 0, "spanId"), text_of(spans, 1, "spanId"));
    assert_string_equal(text_of(spans, 1, "endTimeUnixNano"), "1000");
    assert_string_equal(text_of(spans, 0, "traceId"), text_of(spans, 2, "traceId"));
    json_decref(spans);
    tracer_free(t);
}

static void an_id_that_is_no_id_is_hashed_and_kept_as_an_attribute(void **state)
{
    int64_t now = 0;
    struct tracer *t = tracer_of(&now, 0);
    struct span span = root_span(), capitals = root_span();

    span.trace_id = "trace-uuid-456";
    span.span_id = "0000000000000000"; /* of the right form, and what the specification calls invalid */
    capitals.trace_id = "4BF92F3577B34DA6A3CE929D0E0E4736";
    trace_span(t, &span);
    trace_span(t, &capitals);
    json_t *spans = take_all(t, 2);
    /* printf %s trace-uuid-456 | sha256sum */
    assert_string_equal(text_of(spans, 0, "traceId"), "478889ddd6a2a8cd6abf06c2d572f700");
    assert_int_equal(strlen(text_of(spans, 0, "parentSpanId")), 16);
    assert_string_equal(attribute_of(spans, 0, "geminga.event.trace_id"), "trace-uuid-456");
    assert_string_equal(attribute_of(spans, 0, "geminga.event.span_id"), "0000000000000000");
    assert_string_equal(text_of(spans, 1, "traceId"), TRACE_ID);
    json_decref(spans);
    tracer_free(t);
}

static void an_event_without_ids_has_a_trace_of_its_own_that_is_always_the_same(void **state)
{
    struct span span = root_span();
    char first[TRACE_ID_SIZE], second[TRACE_ID_SIZE], other[TRACE_ID_SIZE], root[SPAN_ID_SIZE], again[SPAN_ID_SIZE];

    span.trace_id = span.span_id = NULL;
    trace_id_of(&span, first);
    span_id_of(&span, root);
    span.trace_id = "";
    span.begin_ns = 999; /* another replica's clock */
    trace_id_of(&span, second);
    span_id_of(&span, again);
    span.event_id = "deploy-2";
    trace_id_of(&span, other);
    assert_string_equal(first, second);
    assert_string_equal(root, again);
    assert_string_not_equal(first, other);
}

static void spans_beyond_the_bound_are_dropped_and_counted(void **state)
{
    int64_t now = 0;
    struct tracer *t = tracer_of(&now, 1000);
    struct span span = root_span();
    struct text metrics;

    for (int i = 0; i < 10; i++)
        trace_span(t, &span);
    assert_true(trace_waiting(t) <= 1000);
    json_decref(take_all(t, 3));
    trace_sent(t, 3);
    trace_span(t, &span); /* there is room again */
    trace_lost(t, 1);
    json_decref(take_all(t, 1));
    text_init(&metrics, 10000);
    trace_metrics(t, &metrics);
    assert_non_null(strstr(metrics.data, "geminga_trace_spans_sent_total 3\n"));
    assert_non_null(strstr(metrics.data, "geminga_trace_spans_dropped_total 8\n"));
    text_deinit(&metrics);
    tracer_free(t);
}

static void a_span_that_is_too_long_is_dropped_alone(void **state)
{
    static char error[SPAN_BYTES_MAX + 1];
    int64_t now = 0;
    struct tracer *t = tracer_of(&now, 0);
    struct span span = root_span(), longer = root_span();

    memset(error, 'x', SPAN_BYTES_MAX);
    longer.error = error;
    trace_span(t, &longer);
    trace_span(t, &span);
    json_decref(take_all(t, 1));
    tracer_free(t);
}

static void no_tracer_and_no_event_id_are_fine(void **state)
{
    int64_t now = 0;
    struct tracer *t = tracer_of(&now, 0);
    struct span span = root_span();
    struct text metrics;

    text_init(&metrics, 1000);
    trace_span(NULL, &span);
    trace_metrics(NULL, &metrics);
    assert_int_equal(trace_now_ns(NULL), 0);
    assert_int_equal(metrics.len, 0);
    tracer_free(NULL);
    span.event_id = NULL;
    trace_span(t, &span);
    json_decref(take_all(t, 0));
    tracer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_is_written_as_otlp_has_it),
        cmocka_unit_test(a_step_is_a_child_of_the_events_root_span),
        cmocka_unit_test(an_id_that_is_no_id_is_hashed_and_kept_as_an_attribute),
        cmocka_unit_test(an_event_without_ids_has_a_trace_of_its_own_that_is_always_the_same),
        cmocka_unit_test(spans_beyond_the_bound_are_dropped_and_counted),
        cmocka_unit_test(a_span_that_is_too_long_is_dropped_alone),
        cmocka_unit_test(no_tracer_and_no_event_id_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
