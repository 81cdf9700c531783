/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_test.c - batches of events through the notary, on a log in memory.
 */
#include "base/base_test.h"

#include "services/notary/documents/verify.h"
#include "services/notary/fixture.h"
#include "services/notary/notary.h"

#define NOW 1705318500250

struct world {
    struct fixture_signer signer;
    struct fixture_book book;
    struct notary *notary;
    int64_t now_ms;
    struct outcome outcomes[16], own;
};

static int64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

/* A replica begins to lead. */
static void world_start(struct world *w)
{
    struct notary_options options = {.book = &w->book.book,
                                     .log_key = &w->signer.signer,
                                     .signer = &w->signer.signer,
                                     .log_url = FIXTURE_URL,
                                     .clock = {world_now, w}};

    assert_int_equal(notary_new(&w->notary, &options), OK);
    assert_int_equal(notary_lead(w->notary), OK);
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->now_ms = NOW;
    fixture_signer_init(&w->signer, 7);
    fixture_book_init(&w->book, &w->signer.signer);
    world_start(w);
}

static void world_deinit(struct world *w)
{
    for (size_t i = 0; i < 16; i++)
        outcome_deinit(&w->outcomes[i]);
    outcome_deinit(&w->own);
    notary_free(w->notary);
    fixture_book_deinit(&w->book);
    fixture_signer_deinit(&w->signer);
}

/* Hands one batch over. */
static enum err world_handle(struct world *w, const char *const *events, size_t count)
{
    struct delivery deliveries[16];

    for (size_t i = 0; i < count; i++) {
        deliveries[i] = (struct delivery){.payload = bytes_of_text(events[i]),
                                          .message_id = "5:7",
                                          .redelivery_count = 2,
                                          .received_ms = w->now_ms - 12};
        outcome_deinit(&w->outcomes[i]);
    }
    outcome_deinit(&w->own);
    return notary_handler(w->notary)->handle(notary_handler(w->notary), deliveries, count, w->outcomes, &w->own);
}

/* The n-th publication of an outcome on this output, or NULL. */
static const char *published(const struct world *w, size_t outcome, unsigned output, size_t n)
{
    const struct outcome *o = &w->outcomes[outcome];

    for (size_t i = 0; i < o->count; i++)
        if (o->publications[i].output == output && n-- == 0)
            return o->publications[i].body.data;
    return NULL;
}

static json_t *published_json(const struct world *w, size_t outcome, unsigned output, size_t n)
{
    const char *text = published(w, outcome, output, n);

    assert_non_null(text);
    return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static const char other_event[] =
    "{\"event_id\":\"e-2\",\"event_type\":{\"model_deployment\":{\"model_id\":\"m\",\"version\":\"1\","
    "\"environment\":\"production\"}},\"source\":\"ci\",\"actor\":{\"actor_type\":\"ci_system\",\"id\":\"j\"},"
    "\"artifacts\":[{\"name\":\"a\",\"hash_sha256\":\"" FIXTURE_HASH "\"}],\"trace_id\":\"t-2\","
    "\"workflow_config\":{\"workflow_type\":\"simple_sign\",\"notifications\":{\"enabled\":true}}}";

static void a_valid_event_gets_a_result_with_the_members_of_the_interface(void **state)
{
    struct world w;
    json_t *result, *receipt;
    const char *event = FIXTURE_MINIMAL;

    world_init(&w);
    assert_int_equal(world_handle(&w, &event, 1), OK);
    assert_int_equal(w.outcomes[0].verdict, VERDICT_DONE);
    result = published_json(&w, 0, NOTARY_RESULTS, 0);
    assert_int_equal(json_object_size(result), 10);
    assert_string_equal(text_of(result, "event_id"), "e-1");
    assert_string_equal(text_of(result, "workflow_id"), "wf-b94f523196aaacd8");
    assert_string_equal(text_of(result, "workflow_type"), "simple_sign");
    assert_string_equal(text_of(result, "timestamp"), "2024-01-15T11:35:00.250Z");
    assert_true(json_is_true(json_object_get(result, "success")));
    assert_true(json_is_null(json_object_get(result, "error")));
    assert_true(json_is_null(json_object_get(result, "trace_id")));
    assert_int_equal(json_integer_value(json_object_get(result, "processing_duration_ms")), 12);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(result, "metadata"), "artifacts_count")), 1);
    receipt = json_object_get(result, "receipt");
    assert_int_equal(json_object_size(receipt), 8);
    assert_memory_equal(text_of(receipt, "evidence_package_hash"), "sha256:", 7);
    assert_int_equal(strlen(text_of(receipt, "rekor_log_id")), 64);
    assert_string_equal(text_of(receipt, "rekor_server_url"), FIXTURE_URL);
    assert_int_equal(json_integer_value(json_object_get(receipt, "integrated_time")), 1705318500);
    assert_int_equal(json_integer_value(json_object_get(receipt, "log_index")), 0);
    assert_int_equal(strlen(text_of(receipt, "signature_b64")), 88);
    assert_int_equal(strlen(text_of(receipt, "public_key_b64")), 60);
    json_decref(result);
    world_deinit(&w);
}

static void a_valid_event_gets_two_statuses(void **state)
{
    struct world w;
    json_t *first, *last;
    const char *event = other_event;

    world_init(&w);
    assert_int_equal(world_handle(&w, &event, 1), OK);
    first = published_json(&w, 0, NOTARY_STATUS, 0);
    last = published_json(&w, 0, NOTARY_STATUS, 1);
    assert_string_equal(text_of(first, "status"), "in_progress");
    assert_string_equal(text_of(first, "trace_id"), "t-2");
    assert_string_equal(text_of(last, "status"), "completed");
    assert_string_equal(text_of(last, "message"), "Notarized: log entry 0");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(last, "progress"), "percentage")), 100);
    assert_string_equal(text_of(first, "workflow_id"), text_of(last, "workflow_id"));
    assert_string_equal(w.outcomes[0].publications[0].key, "e-2");
    json_decref(first);
    json_decref(last);
    world_deinit(&w);
}

static void the_result_verifies_against_its_event(void **state)
{
    struct world w;
    struct text report;
    bool verified = false;
    const char *events[] = {FIXTURE_MINIMAL, other_event};

    world_init(&w);
    assert_int_equal(world_handle(&w, events, 2), OK);
    text_init(&report, 10000);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(verify_receipt(bytes_of_text(published(&w, i, NOTARY_RESULTS, 0)), bytes_of_text(events[i]),
                                        &w.signer.public_key, &report, NULL, &verified),
                         OK);
        assert_true(verified);
    }
    assert_int_equal(verify_receipt(bytes_of_text(published(&w, 0, NOTARY_RESULTS, 0)), bytes_of_text(other_event),
                                    NULL, &report, NULL, &verified),
                     OK);
    assert_false(verified);
    text_deinit(&report);
    world_deinit(&w);
}

static void an_event_that_comes_again_gets_the_same_bytes_and_no_second_entry(void **state)
{
    struct world w;
    char *first;
    const char *event = FIXTURE_MINIMAL, *other = other_event;

    world_init(&w);
    assert_int_equal(world_handle(&w, &event, 1), OK);
    first = strdup(published(&w, 0, NOTARY_RESULTS, 0));
    assert_int_equal(world_handle(&w, &other, 1), OK);
    w.now_ms += 100000;
    assert_int_equal(world_handle(&w, &event, 1), OK);
    assert_string_equal(published(&w, 0, NOTARY_RESULTS, 0), first);
    assert_int_equal(w.book.size, 2);
    assert_int_equal(notary_counts(w.notary).repeated, 1);
    free(first);
    world_deinit(&w);
}

static void an_event_twice_in_one_batch_gets_one_entry_and_two_equal_results(void **state)
{
    struct world w;
    const char *events[] = {FIXTURE_MINIMAL, FIXTURE_MINIMAL};

    world_init(&w);
    assert_int_equal(world_handle(&w, events, 2), OK);
    assert_int_equal(w.book.size, 1);
    assert_string_equal(published(&w, 0, NOTARY_RESULTS, 0), published(&w, 1, NOTARY_RESULTS, 0));
    world_deinit(&w);
}

static void the_same_content_in_another_spelling_is_the_same_event(void **state)
{
    struct world w;
    char spaced[2000] = " ";
    const char *events[2] = {FIXTURE_MINIMAL, spaced};

    strcat(spaced, FIXTURE_MINIMAL);
    *strstr(spaced, "\"model.pkl\"") = '"';
    world_init(&w);
    assert_int_equal(world_handle(&w, events, 2), OK);
    assert_int_equal(w.book.size, 1);
    assert_non_null(published(&w, 1, NOTARY_RESULTS, 0));
    world_deinit(&w);
}

static void the_same_id_with_other_content_is_a_conflict_in_and_across_batches(void **state)
{
    struct world w;
    char changed[2000];
    const char *events[2] = {FIXTURE_MINIMAL, changed};

    strcpy(changed, FIXTURE_MINIMAL);
    memcpy(strstr(changed, "production"), "productioN", 10);
    world_init(&w);
    for (int round = 0; round < 2; round++) {
        json_t *error;
        assert_int_equal(world_handle(&w, events, 2), OK);
        assert_non_null(published(&w, 0, NOTARY_RESULTS, 0));
        assert_null(published(&w, 1, NOTARY_RESULTS, 0));
        assert_int_equal(w.outcomes[1].verdict, VERDICT_DONE);
        error = published_json(&w, 1, NOTARY_ERRORS, 0);
        assert_string_equal(text_of(error, "error_type"), "conflict");
        assert_string_equal(text_of(error, "event_id"), "e-1");
        assert_non_null(strstr(text_of(error, "message"), "notarized before with other content: log entry 0"));
        json_decref(error);
    }
    assert_int_equal(w.book.size, 1);
    world_deinit(&w);
}

static void an_invalid_event_gets_one_error_with_all_faults_and_is_done(void **state)
{
    struct world w;
    json_t *error;
    const char *events[] = {"{\"event_id\":\"bad\"}", "garbage", FIXTURE_MINIMAL};

    world_init(&w);
    assert_int_equal(world_handle(&w, events, 3), OK);
    error = published_json(&w, 0, NOTARY_ERRORS, 0);
    assert_int_equal(json_object_size(error), 9);
    assert_string_equal(text_of(error, "event_id"), "bad");
    assert_string_equal(text_of(error, "error_type"), "validation");
    assert_string_equal(text_of(error, "message"), "Invalid event: event_type is required (and 4 faults more)");
    assert_int_equal(json_array_size(json_object_get(json_object_get(error, "details"), "validation_errors")), 5);
    assert_string_equal(text_of(json_object_get(error, "details"), "message_id"), "5:7");
    assert_true(json_is_null(json_object_get(error, "stack_trace")));
    assert_int_equal(json_integer_value(json_object_get(error, "retry_count")), 2);
    json_decref(error);
    error = published_json(&w, 1, NOTARY_ERRORS, 0);
    assert_string_equal(text_of(error, "event_id"), "");
    assert_string_equal(text_of(error, "workflow_id"), "");
    json_decref(error);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(w.outcomes[i].verdict, VERDICT_DONE);
    assert_non_null(published(&w, 2, NOTARY_RESULTS, 0));
    assert_int_equal(w.book.size, 1);
    world_deinit(&w);
}

static void a_workflow_that_is_not_built_is_refused_with_what_is(void **state)
{
    struct world w;
    json_t *error;
    char event[2000] = FIXTURE_MINIMAL;
    const char *events[] = {event};

    strcpy(strstr(event, "simple_sign"), "notarize\"}}");
    world_init(&w);
    assert_int_equal(world_handle(&w, events, 1), OK);
    error = published_json(&w, 0, NOTARY_ERRORS, 0);
    assert_string_equal(text_of(error, "error_type"), "unsupported");
    assert_string_equal(
        text_of(error, "message"),
        "Invalid event: workflow_config.workflow_type is not supported: \"notarize\"; this notary supports "
        "simple_sign, approval_sign and batch");
    json_decref(error);
    world_deinit(&w);
}

static void a_round_is_one_document(void **state)
{
    struct world w;
    const char *events[] = {FIXTURE_MINIMAL, other_event, "x", FIXTURE_MINIMAL};

    world_init(&w);
    assert_int_equal(world_handle(&w, events, 4), OK);
    assert_int_equal(json_array_size(w.book.documents), 1);
    assert_int_equal(w.book.size, 2);
    world_deinit(&w);
}

static void a_round_that_the_broker_does_not_take_at_once_is_several_documents(void **state)
{
    struct world w;
    const char *events[] = {FIXTURE_MINIMAL, other_event, "x"};

    world_init(&w);
    w.book.limit = 2; /* records, the checkpoint counted */
    assert_int_equal(world_handle(&w, events, 3), OK);
    assert_int_equal(json_array_size(w.book.documents), 2);
    assert_int_equal(w.book.size, 2);
    assert_non_null(published(&w, 0, NOTARY_RESULTS, 0));
    assert_non_null(published(&w, 1, NOTARY_RESULTS, 0));
    world_deinit(&w);
}

static void when_another_leads_the_round_ends_and_nothing_of_it_is_said(void **state)
{
    struct world w;
    const char *event = FIXTURE_MINIMAL;

    world_init(&w);
    for (int written = 0; written < 2; written++) {
        w.book.next = ERR_FENCED;
        w.book.written = written;
        assert_int_equal(world_handle(&w, &event, 1), ERR_FENCED);
        assert_int_equal(w.outcomes[0].count, 0);
        assert_int_equal(notary_lead(w.notary), OK);
    }
    assert_int_equal(world_handle(&w, &event, 1), OK);
    assert_int_equal(w.book.size, 1);
    assert_non_null(published(&w, 0, NOTARY_RESULTS, 0));
    world_deinit(&w);
}

static void giving_up_publishes_a_processing_error(void **state)
{
    struct world w;
    struct delivery delivery = {.payload = bytes_of_text(FIXTURE_MINIMAL), .message_id = "1:2", .redelivery_count = 3};
    json_t *error;

    world_init(&w);
    notary_handler(w.notary)->give_up(notary_handler(w.notary), &delivery, "the disk is full", &w.outcomes[0]);
    error = published_json(&w, 0, NOTARY_ERRORS, 0);
    assert_string_equal(text_of(error, "error_type"), "processing");
    assert_string_equal(text_of(error, "message"),
                        "Given up after 4 deliveries, and moved to the dead letter topic: the disk is full");
    assert_string_equal(text_of(error, "event_id"), "e-1");
    json_decref(error);
    world_deinit(&w);
}

static void a_message_is_delivered_max_redeliveries_and_one_time_before_it_is_dead(void **state)
{
    assert_int_equal(settle(VERDICT_DONE, true, 9, 3), SETTLE_ACK);
    assert_int_equal(settle(VERDICT_DONE, false, 0, 3), SETTLE_NACK);
    assert_int_equal(settle(VERDICT_RETRY, true, 2, 3), SETTLE_NACK);
    assert_int_equal(settle(VERDICT_RETRY, true, 3, 3), SETTLE_DEAD_LETTER);
    assert_int_equal(settle(VERDICT_DONE, false, 3, 3), SETTLE_NACK); /* its result is in the log, and will be said */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_valid_event_gets_a_result_with_the_members_of_the_interface),
        cmocka_unit_test(a_valid_event_gets_two_statuses),
        cmocka_unit_test(the_result_verifies_against_its_event),
        cmocka_unit_test(an_event_that_comes_again_gets_the_same_bytes_and_no_second_entry),
        cmocka_unit_test(an_event_twice_in_one_batch_gets_one_entry_and_two_equal_results),
        cmocka_unit_test(the_same_content_in_another_spelling_is_the_same_event),
        cmocka_unit_test(the_same_id_with_other_content_is_a_conflict_in_and_across_batches),
        cmocka_unit_test(an_invalid_event_gets_one_error_with_all_faults_and_is_done),
        cmocka_unit_test(a_workflow_that_is_not_built_is_refused_with_what_is),
        cmocka_unit_test(a_round_is_one_document),
        cmocka_unit_test(a_round_that_the_broker_does_not_take_at_once_is_several_documents),
        cmocka_unit_test(when_another_leads_the_round_ends_and_nothing_of_it_is_said),
        cmocka_unit_test(giving_up_publishes_a_processing_error),
        cmocka_unit_test(a_message_is_delivered_max_redeliveries_and_one_time_before_it_is_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
