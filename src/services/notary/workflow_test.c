/* SPDX-License-Identifier: Apache-2.0
 *
 * workflow_test.c - every record in every state, and what is next at which time.
 */
#include "base/base_test.h"

#include "services/notary/workflow.h"

#define NOW  1705318500000
#define HASH "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* config: what stands in workflow_config; activities: a JSON array. */
static struct workflow *opened(const char *type, const char *config, const char *activities)
{
    json_t *event = json_pack("{s:s, s:s, s:[{s:s}]}", "event_id", "e", "trace_id", "t", "artifacts", "name", "a");
    json_t *settings = json_loads(config, 0, NULL), *record;
    struct workflow *w;
    int64_t deadline;

    assert_non_null(settings);
    json_object_set_new(event, "workflow_config", settings);
    deadline = workflow_deadline_ms(event, NOW, 0);
    record = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:o, s:i, s:s, s:o}", "kind", "opened", "event_id", "e",
                       "workflow_id", "wf-1", "workflow_type", type, "event", event, "event_hash", HASH, "received_ms",
                       (json_int_t)NOW, "deadline_ms", deadline < 0 ? json_null() : json_integer(deadline), "priority",
                       1, "message_id", "1:0", "activities", json_loads(activities, 0, NULL));
    assert_int_equal(workflow_new(&w, record), OK);
    json_decref(record);
    return w;
}

static void apply(struct workflow *w, const char *record)
{
    json_t *json = json_loads(record, 0, NULL);

    assert_non_null(json);
    assert_int_not_equal(record_kind(json), RECORD_KINDS);
    assert_int_equal(workflow_apply(w, json), OK);
    json_decref(json);
}

#define FINDING(name, verdict)                                                                                         \
    "{\"kind\":\"finding\",\"event_id\":\"e\",\"name\":\"" name "\",\"value\":{\"verdict\":\"" verdict                 \
    "\",\"why\":\"because\"}}"
#define DECISION(approver, verdict)                                                                                    \
    "{\"kind\":\"decision\",\"event_id\":\"e\",\"approver\":\"" approver "\",\"verdict\":\"" verdict                   \
    "\",\"comment\":\"so\",\"at_ms\":1,\"method\":\"key\",\"statement\":\"s\"}"
#define ATTEMPT(activity, n, next)                                                                                     \
    "{\"kind\":\"attempt\",\"event_id\":\"e\",\"activity\":\"" activity "\",\"attempt\":" n                            \
    ",\"why\":\"down\",\"next_ms\":" next "}"
#define COMMAND(command)                                                                                               \
    "{\"kind\":\"command\",\"event_id\":\"e\",\"command\":\"" command                                                  \
    "\",\"by\":\"op\",\"comment\":null,\"at_ms\":1,\"method\":\"key\",\"statement\":null}"
#define STATUS                                                                                                         \
    "{\"kind\":\"status\",\"event_id\":\"e\",\"status\":\"x\",\"message\":null,\"step\":null,\"steps_done\":1,"        \
    "\"steps_total\":4,\"at_ms\":1}"
#define CLOSED                                                                                                         \
    "{\"kind\":\"closed\",\"leaf\":\"l\",\"outcome\":\"notarized\",\"results\":[{\"event_id\":\"e\",\"event_hash\":"   \
    "\"" HASH "\",\"workflow_id\":\"w\",\"workflow_type\":\"simple_sign\",\"rest\":\"r\",\"path\":null}]}"
#define APPROVERS "{\"approvers\":[\"a\",\"b\",\"c\"],\"quorum\":2,\"timeout\":60}"

static struct workflow_next next_at(const struct workflow *w, int64_t now_ms)
{
    struct workflow_next next;

    workflow_next(w, now_ms, &next);
    return next;
}

/* A workflow in each state. */
static struct workflow *in_state(enum workflow_state state)
{
    static const char *const all = "[\"handlers\",\"artifacts\"]";
    struct workflow *w =
        state == WORKFLOW_COLLECTING ? opened("batch", "{}", "[]") : opened("approval_sign", APPROVERS, all);

    if (state == WORKFLOW_ARTIFACTS || state == WORKFLOW_APPROVALS || state == WORKFLOW_SIGNING)
        apply(w, FINDING("handlers", "accept"));
    if (state == WORKFLOW_APPROVALS || state == WORKFLOW_SIGNING)
        apply(w, FINDING("artifacts", "accept"));
    if (state == WORKFLOW_SIGNING) {
        apply(w, DECISION("a", "approve"));
        apply(w, DECISION("b", "approve"));
    }
    if (state == WORKFLOW_ENDING)
        apply(w, COMMAND("cancel"));
    if (state == WORKFLOW_FAILED)
        apply(w, ATTEMPT("handlers", "4", "null"));
    if (state == WORKFLOW_CLOSED)
        apply(w, CLOSED);
    assert_int_equal(workflow_state(w), state);
    return w;
}

static void every_record_leads_from_every_state_where_it_should(void **state)
{
    static const char *const records[] = {FINDING("handlers", "accept"),
                                          FINDING("artifacts", "accept"),
                                          FINDING("handlers", "reject"),
                                          DECISION("a", "approve"),
                                          DECISION("a", "reject"),
                                          ATTEMPT("handlers", "1", "9"),
                                          ATTEMPT("sign", "4", "null"),
                                          COMMAND("cancel"),
                                          COMMAND("retry"),
                                          STATUS,
                                          CLOSED};
    enum { H = WORKFLOW_HANDLERS, A, P, B, S, E, F, C };
    static const int expected[WORKFLOW_STATES][sizeof records / sizeof *records] = {
        [H] = {A, H, E, H, H, H, F, E, H, H, C}, [A] = {A, P, E, A, A, A, F, E, A, A, C},
        [P] = {P, P, E, P, P, P, F, E, P, P, C}, [B] = {B, B, E, B, B, B, F, E, B, B, C},
        [S] = {S, S, E, S, S, S, F, E, S, S, C}, [E] = {E, E, E, E, E, E, E, E, E, E, C},
        [F] = {F, F, E, F, F, H, F, E, H, F, C}, [C] = {C, C, C, C, C, C, C, C, C, C, C},
    };

    for (int from = 0; from < WORKFLOW_STATES; from++)
        for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
            struct workflow *w = in_state((enum workflow_state)from);
            apply(w, records[i]);
            if (workflow_state(w) != (enum workflow_state)expected[from][i])
                fail_msg("state %d, record %zu: %d", from, i, workflow_state(w));
            workflow_free(w);
        }
}

static void a_workflow_without_activities_is_signed_at_once(void **state)
{
    struct workflow *w = opened("simple_sign", "{}", "[]");
    struct workflow_next next = next_at(w, NOW);

    assert_int_equal(next.action, ACTION_RUN);
    assert_int_equal(next.activity, ACTIVITY_SIGN);
    assert_int_equal(next.attempt, 1);
    workflow_free(w);
}

static void approvals_are_waited_for_until_the_quorum_or_the_deadline(void **state)
{
    struct workflow *w = opened("approval_sign", APPROVERS, "[]");
    struct workflow_next next = next_at(w, NOW);

    assert_int_equal(next.action, ACTION_WAIT);
    assert_int_equal(next.at_ms, NOW + 60000);
    apply(w, DECISION("a", "approve"));
    apply(w, DECISION("a", "approve")); /* counts once */
    apply(w, DECISION("stranger", "approve"));
    assert_int_equal(w->approvals, 1);
    next = next_at(w, NOW + 60000);
    assert_int_equal(next.action, ACTION_CLOSE);
    assert_int_equal(next.outcome, OUTCOME_EXPIRED);
    apply(w, DECISION("c", "approve"));
    next = next_at(w, NOW + 1000000); /* approved in time; when it is signed does not matter */
    assert_int_equal(next.action, ACTION_RUN);
    workflow_free(w);
}

static void it_is_rejected_as_soon_as_the_quorum_cannot_be_reached(void **state)
{
    struct workflow *w = opened("approval_sign", APPROVERS, "[]");
    struct workflow_next next;

    apply(w, DECISION("a", "reject"));
    assert_int_equal(workflow_state(w), WORKFLOW_APPROVALS);
    apply(w, DECISION("b", "reject"));
    next = next_at(w, NOW);
    assert_int_equal(next.action, ACTION_CLOSE);
    assert_int_equal(next.outcome, OUTCOME_REJECTED);
    assert_string_equal(next.why, "rejected by b: so");
    apply(w, DECISION("c", "approve")); /* too late: changes nothing */
    assert_int_equal(w->approvals, 0);
    workflow_free(w);
}

static void retries_are_spaced_as_the_event_says_and_end(void **state)
{
    struct workflow *w = opened("simple_sign",
                                "{\"retry_config\":{\"max_retries\":3,\"initial_delay\":2,\"backoff_multiplier\":3,"
                                "\"max_delay\":10}}",
                                "[]");

    assert_int_equal(workflow_retry_ms(w, 1, NOW), NOW + 2000);
    assert_int_equal(workflow_retry_ms(w, 2, NOW), NOW + 6000);
    assert_int_equal(workflow_retry_ms(w, 3, NOW), NOW + 10000);
    assert_int_equal(workflow_retry_ms(w, 4, NOW), -1);
    workflow_free(w);
    w = opened("simple_sign", "{}", "[]");
    assert_int_equal(workflow_retry_ms(w, 1, NOW), NOW + 30000);
    assert_int_equal(workflow_retry_ms(w, 4, NOW), -1);
    workflow_free(w);
}

static void a_retry_counts_once_whatever_its_signature_looks_like(void **state)
{
    struct workflow *w = opened("simple_sign", "{}", "[]");

    apply(w, ATTEMPT("sign", "4", "null"));
    assert_false(workflow_has_seen_retry(w, bytes_of_text("h.one.s")));
    apply(w, "{\"kind\":\"command\",\"event_id\":\"e\",\"command\":\"retry\",\"by\":\"op\",\"comment\":null,"
             "\"at_ms\":1,\"method\":\"key\",\"statement\":\"h.one.s\"}");
    assert_false(w->failed);
    assert_true(workflow_has_seen_retry(w, bytes_of_text("h.one.s")));
    assert_true(workflow_has_seen_retry(w, bytes_of_text("h.one.the same in another form")));
    assert_false(workflow_has_seen_retry(w, bytes_of_text("h.two.s")));
    workflow_free(w);
}

/* Who may publish events must not be able to have the journal filled by one of them. */
static void an_event_that_asks_for_retries_without_end_or_pause_gets_pauses(void **state)
{
    struct workflow *w = opened("simple_sign",
                                "{\"retry_config\":{\"max_retries\":1000000000,\"initial_delay\":0,"
                                "\"max_delay\":0}}",
                                "[]");
    struct workflow_next next;

    assert_int_equal(workflow_retry_ms(w, 1, NOW), NOW);
    assert_int_equal(workflow_retry_ms(w, 10, NOW), NOW);
    assert_int_equal(workflow_retry_ms(w, 11, NOW), NOW + 30000);
    assert_int_equal(workflow_retry_ms(w, 1000000, NOW), NOW + 30000);
    apply(w, ATTEMPT("sign", "11", "1705318530000"));
    next = next_at(w, NOW);
    assert_int_equal(next.action, ACTION_WAIT);
    assert_int_equal(next.at_ms, NOW + 30000);
    workflow_free(w);
}

static void a_failed_attempt_waits_for_its_time_and_a_clock_set_back_does_not_make_it_wait_for_ever(void **state)
{
    struct workflow *w = opened("simple_sign", "{\"timeout\":3600}", "[]");
    struct workflow_next next;

    apply(w, ATTEMPT("sign", "1", "1705318530000"));
    next = next_at(w, NOW);
    assert_int_equal(next.action, ACTION_WAIT);
    assert_int_equal(next.at_ms, NOW + 30000);
    next = next_at(w, NOW + 30000);
    assert_int_equal(next.action, ACTION_RUN);
    assert_int_equal(next.attempt, 2);
    next = next_at(w, NOW - 1000000000);
    assert_int_equal(next.action, ACTION_RUN);
    next = next_at(w, NOW + 3600000);
    assert_int_equal(next.action, ACTION_CLOSE);
    workflow_free(w);
}

static void what_failed_waits_for_retry_or_cancel(void **state)
{
    struct workflow *w = opened("simple_sign", "{}", "[]");

    apply(w, ATTEMPT("sign", "4", "null"));
    assert_int_equal(next_at(w, NOW).action, ACTION_WAIT);
    assert_int_equal(next_at(w, NOW).at_ms, -1);
    apply(w, COMMAND("retry"));
    assert_int_equal(next_at(w, NOW).action, ACTION_RUN);
    assert_int_equal(next_at(w, NOW).attempt, 1);
    apply(w, ATTEMPT("sign", "4", "null"));
    apply(w, COMMAND("cancel"));
    assert_int_equal(next_at(w, NOW).action, ACTION_CLOSE);
    assert_int_equal(next_at(w, NOW).outcome, OUTCOME_CANCELLED);
    assert_string_equal(next_at(w, NOW).why, "cancelled by op");
    workflow_free(w);
}

static void a_handler_that_ignores_cancels_and_one_that_rejects_rejects(void **state)
{
    struct workflow *w = opened("simple_sign", "{}", "[\"handlers\"]");

    apply(w, FINDING("handlers", "ignore"));
    assert_int_equal(next_at(w, NOW).outcome, OUTCOME_CANCELLED);
    workflow_free(w);
    w = opened("simple_sign", "{}", "[\"handlers\",\"artifacts\"]");
    apply(w, FINDING("handlers", "accept"));
    assert_int_equal(next_at(w, NOW).activity, ACTIVITY_ARTIFACTS);
    apply(w, FINDING("artifacts", "reject"));
    assert_int_equal(next_at(w, NOW).outcome, OUTCOME_REJECTED);
    assert_string_equal(next_at(w, NOW).why, "because");
    workflow_free(w);
}

static void the_status_has_the_members_of_the_interface_at_every_step(void **state)
{
    for (int s = 0; s < WORKFLOW_STATES; s++) {
        struct workflow *w = in_state((enum workflow_state)s);
        struct workflow_status status;
        workflow_status(w, NOW, &status);
        assert_non_null(status.status);
        assert_non_null(status.step);
        assert_in_range(status.steps_done, 1, WORKFLOW_STEPS);
        assert_true(s == WORKFLOW_CLOSED || status.message[0]);
        if (s == WORKFLOW_APPROVALS) {
            assert_string_equal(status.status, "pending_approval");
            assert_string_equal(status.step, "collecting_approvals");
            assert_string_equal(status.message, "Waiting for approvals from 2 approvers");
            assert_int_equal(status.steps_done, 2);
            assert_int_equal(status.eta_seconds, 60);
        }
        workflow_free(w);
    }
}

static void priorities_and_types_have_names(void **state)
{
    json_t *event = json_pack("{s:s}", "priority", "critical");

    assert_int_equal(workflow_priority(event), 4);
    assert_int_equal(workflow_priority(NULL), 1);
    json_decref(event);
    assert_int_equal(workflow_type_of("batch"), WORKFLOW_BATCH);
    assert_int_equal(workflow_type_of(NULL), WORKFLOW_TYPES);
    assert_int_equal(workflow_type_of("other"), WORKFLOW_TYPES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_leads_from_every_state_where_it_should),
        cmocka_unit_test(a_workflow_without_activities_is_signed_at_once),
        cmocka_unit_test(approvals_are_waited_for_until_the_quorum_or_the_deadline),
        cmocka_unit_test(it_is_rejected_as_soon_as_the_quorum_cannot_be_reached),
        cmocka_unit_test(retries_are_spaced_as_the_event_says_and_end),
        cmocka_unit_test(a_retry_counts_once_whatever_its_signature_looks_like),
        cmocka_unit_test(an_event_that_asks_for_retries_without_end_or_pause_gets_pauses),
        cmocka_unit_test(a_failed_attempt_waits_for_its_time_and_a_clock_set_back_does_not_make_it_wait_for_ever),
        cmocka_unit_test(what_failed_waits_for_retry_or_cancel),
        cmocka_unit_test(a_handler_that_ignores_cancels_and_one_that_rejects_rejects),
        cmocka_unit_test(the_status_has_the_members_of_the_interface_at_every_step),
        cmocka_unit_test(priorities_and_types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
