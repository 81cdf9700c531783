/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal_workflow_test.c - each event of a history; and every history of a small Temporal that does what it is told,
 * up to a length, against a model of what may never happen.
 */
#include "base/base_test.h"

#include "services/notary/conductor.h"
#include "services/notary/temporal/temporal_workflow.h"

#define NOW 1705318500000
#define INPUT(deadline)                                                                                                \
    "{\"approvers\":[\"a\",\"b\",\"c\"],\"deadline_ms\":" deadline ",\"event_hash\":\"sha256:0\",\"event_id\":\"e\","  \
    "\"format\":\"geminga/notary/temporal/v1\",\"quorum\":2,\"workflow_id\":\"wf-1\",\"workflow_type\":\"approval_"    \
    "sign\"}"
#define WITH_DEADLINE INPUT("1705318560000")
#define NO_DEADLINE   INPUT("null")
#define NOBODY                                                                                                         \
    "{\"approvers\":[],\"deadline_ms\":null,\"event_id\":\"e\",\"format\":\"geminga/notary/temporal/v1\",\"quorum\":0" \
    ",\"workflow_id\":\"wf-1\",\"workflow_type\":\"batch\"}"
#define D(approver, verdict) "{\"approver\":\"" approver "\",\"verdict\":\"" verdict "\"}"
#define STATE(decisions)     "{\"decisions\":[" decisions "],\"ended\":null}"
#define ENDED(outcome)       "{\"decisions\":[],\"ended\":{\"outcome\":\"" outcome "\",\"why\":\"so\"}}"

static struct temporal_fact started(const char *input)
{
    return (struct temporal_fact){.kind = FACT_STARTED, .at_ms = NOW, .payload = bytes_of_text(input)};
}

static struct temporal_fact state_signal(const char *payload)
{
    return (struct temporal_fact){.kind = FACT_SIGNALED, .name = TEMPORAL_SIGNAL, .payload = bytes_of_text(payload)};
}

static struct temporal_fact named(enum temporal_fact_kind kind, const char *name)
{
    return (struct temporal_fact){.kind = kind, .name = name};
}

static struct temporal_fact completed(const char *result)
{
    return (struct temporal_fact){.kind = FACT_ACTIVITY_COMPLETED, .payload = bytes_of_text(result)};
}

static enum err make(struct temporal_plan *plan, const struct temporal_fact *facts, size_t count)
{
    char why[200];

    return temporal_plan_make(plan, facts, count, why, sizeof why);
}

#define MAKE(plan, ...)                                                                                                \
    make(plan, (const struct temporal_fact[]){__VA_ARGS__},                                                            \
         sizeof((const struct temporal_fact[]){__VA_ARGS__}) / sizeof(struct temporal_fact))

static void assert_commands(const struct temporal_plan *plan, const char *commands)
{
    static const char letters[] = {
        [COMMAND_TIMER] = 'T', [COMMAND_NOTARIZE] = 'N', [COMMAND_COMPLETE] = 'C', [COMMAND_FAIL] = 'F'};
    char said[TEMPORAL_COMMANDS_MAX + 1] = "";

    for (size_t i = 0; i < plan->count; i++)
        said[i] = letters[plan->commands[i].kind];
    assert_string_equal(said, commands);
}

/* The plan, dropped. */
static void assert_plan(struct temporal_plan *plan, const char *commands, const char *outcome)
{
    json_t *status = json_loads(plan->status.data, 0, NULL);
    const char *said = json_string_value(json_object_get(status, "outcome"));

    assert_commands(plan, commands);
    if (outcome)
        assert_string_equal(said, outcome);
    else
        assert_null(said);
    json_decref(status);
    temporal_plan_deinit(plan);
}

/* ---- event by event ---- */

static void a_workflow_begins_with_the_timer_of_its_deadline(void **state)
{
    struct temporal_plan plan;

    assert_int_equal(MAKE(&plan, started(WITH_DEADLINE)), OK);
    assert_int_equal(plan.commands[0].after_ms, 60000);
    assert_plan(&plan, "T", NULL);
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE)), OK);
    assert_plan(&plan, "", NULL);
    assert_int_equal(MAKE(&plan, started(WITH_DEADLINE), named(FACT_TIMER_STARTED, TEMPORAL_TIMER)), OK);
    assert_plan(&plan, "", NULL);
}

static void a_deadline_that_is_past_gets_the_shortest_timer(void **state)
{
    struct temporal_plan plan;

    assert_int_equal(MAKE(&plan, started(INPUT("17"))), OK);
    assert_int_equal(plan.commands[0].after_ms, 1);
    assert_plan(&plan, "T", NULL);
}

static void the_quorum_asks_for_the_notary_once(void **state)
{
    struct temporal_plan plan;
    struct temporal_fact one = state_signal(STATE(D("a", "approve"))),
                         two = state_signal(STATE(D("a", "approve") "," D("b", "approve")));

    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), one, one), OK);
    assert_plan(&plan, "", NULL);
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), one, two), OK);
    assert_string_equal(plan.payload.data,
                        "{\"event_id\":\"e\",\"outcome\":\"notarized\",\"why\":\"\",\"workflow_id\":\"wf-1\"}");
    assert_plan(&plan, "N", "notarized");
    assert_int_equal(
        MAKE(&plan, started(NO_DEADLINE), two, named(FACT_ACTIVITY_SCHEDULED, TEMPORAL_ACTIVITY), two, one), OK);
    assert_plan(&plan, "", "notarized");
}

static void a_workflow_that_is_decided_when_it_begins_needs_no_timer(void **state)
{
    struct temporal_plan plan;

    assert_int_equal(MAKE(&plan, started(WITH_DEADLINE), state_signal(STATE(D("a", "approve") "," D("c", "approve")))),
                     OK);
    assert_plan(&plan, "N", "notarized");
    assert_int_equal(MAKE(&plan, started(NOBODY)), OK);
    assert_plan(&plan, "N", "notarized");
}

static void who_cannot_reach_the_quorum_is_rejected(void **state)
{
    struct temporal_plan plan;

    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), state_signal(STATE(D("a", "reject")))), OK);
    assert_plan(&plan, "", NULL);
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), state_signal(STATE(D("a", "reject") "," D("b", "reject")))), OK);
    assert_plan(&plan, "N", "rejected");
}

static void the_first_decision_of_an_approver_counts_and_nobody_elses(void **state)
{
    struct temporal_plan plan;

    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), state_signal(STATE(D("a", "approve"))),
                          state_signal(STATE(D("a", "reject") "," D("b", "reject") "," D("x", "reject")))),
                     OK);
    assert_plan(&plan, "", NULL);
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), state_signal(STATE(D("a", "maybe") "," D("a", "approve")))), OK);
    assert_non_null(strstr(plan.status.data, "\"decisions\":{\"a\":\"approve\"}"));
    assert_plan(&plan, "", NULL);
}

static void what_ended_in_the_journal_ends(void **state)
{
    struct temporal_plan plan;

    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), state_signal(ENDED("cancelled"))), OK);
    assert_plan(&plan, "N", "cancelled");
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), state_signal(ENDED("rejected"))), OK);
    assert_plan(&plan, "N", "rejected");
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), state_signal(ENDED("notarized"))), OK);
    assert_plan(&plan, "", NULL);
}

static void the_timer_expires_it_and_another_timer_does_not(void **state)
{
    struct temporal_plan plan;
    struct temporal_fact begun = named(FACT_TIMER_STARTED, TEMPORAL_TIMER);

    assert_int_equal(MAKE(&plan, started(WITH_DEADLINE), begun, named(FACT_TIMER_FIRED, TEMPORAL_TIMER)), OK);
    assert_plan(&plan, "N", "expired");
    assert_int_equal(MAKE(&plan, started(WITH_DEADLINE), begun, named(FACT_TIMER_FIRED, "another")), OK);
    assert_plan(&plan, "", NULL);
}

static void who_cancels_in_temporal_is_asked_why(void **state)
{
    struct temporal_plan plan;

    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), named(FACT_CANCEL_REQUESTED, "a \"mistake\"\xff")), OK);
    assert_non_null(strstr(plan.payload.data, "a \\\"mistake\\\"?"));
    assert_plan(&plan, "N", "cancelled");
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), named(FACT_CANCEL_REQUESTED, NULL)), OK);
    assert_non_null(strstr(plan.payload.data, "cancelled in Temporal"));
    assert_plan(&plan, "N", "cancelled");
}

static void the_notarys_result_is_the_workflows(void **state)
{
    struct temporal_plan plan;
    struct temporal_fact asked = named(FACT_ACTIVITY_SCHEDULED, TEMPORAL_ACTIVITY);

    assert_int_equal(MAKE(&plan, started(NOBODY), asked, completed("{\"success\":true}")), OK);
    assert_string_equal(plan.payload.data, "{\"success\":true}");
    assert_plan(&plan, "C", "notarized");
    assert_int_equal(MAKE(&plan, started(NOBODY), asked, named(FACT_ACTIVITY_FAILED, "no such workflow")), OK);
    assert_string_equal(plan.payload.data, "no such workflow");
    assert_plan(&plan, "F", "notarized");
    assert_int_equal(MAKE(&plan, started(NOBODY), asked, named(FACT_ACTIVITY_FAILED, NULL)), OK);
    assert_true(plan.payload.len > 0);
    assert_plan(&plan, "F", "notarized");
}

static void signals_that_make_no_sense_are_passed_over(void **state)
{
    static const char *const payloads[] = {"",
                                           "{",
                                           "[]",
                                           "7",
                                           "{}",
                                           "{\"decisions\":7,\"ended\":[]}",
                                           "{\"decisions\":[7,{},{\"approver\":7,\"verdict\":\"approve\"}]}"};
    struct temporal_plan plan;
    struct temporal_fact other = state_signal(ENDED("cancelled"));

    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        assert_int_equal(MAKE(&plan, started(NO_DEADLINE), state_signal(payloads[i])), OK);
        assert_plan(&plan, "", NULL);
    }
    other.name = "another";
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), other), OK);
    assert_plan(&plan, "", NULL);
}

static void what_is_no_history_of_ours_is_refused(void **state)
{
    static const char *const inputs[] = {
        "",
        "7",
        "{}",
        "{\"format\":\"other\",\"event_id\":\"e\"}",
        "{\"format\":\"geminga/notary/temporal/v1\",\"event_id\":\"\"}",
        "{\"format\":\"geminga/notary/temporal/v1\",\"event_id\":\"e\",\"quorum\":1}",
        "{\"format\":\"geminga/notary/temporal/v1\",\"event_id\":\"e\",\"quorum\":-1}"};
    struct temporal_plan plan;

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        assert_int_equal(MAKE(&plan, started(inputs[i])), ERR_CORRUPT);
        temporal_plan_deinit(&plan);
    }
    assert_int_equal(make(&plan, NULL, 0), ERR_CORRUPT);
    temporal_plan_deinit(&plan);
    assert_int_equal(MAKE(&plan, state_signal(ENDED("cancelled")), started(NO_DEADLINE)), ERR_CORRUPT);
    temporal_plan_deinit(&plan);
    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), started(NO_DEADLINE)), ERR_CORRUPT);
    temporal_plan_deinit(&plan);
}

static void the_task_is_read_as_it_is_written(void **state)
{
    static const char *const wrong[] = {"", "7", "{}", "{\"event_id\":\"e\",\"outcome\":\"other\"}",
                                        "{\"event_id\":\"\",\"outcome\":\"expired\"}"};
    struct temporal_plan plan;
    struct conductor_task task;

    assert_int_equal(MAKE(&plan, started(NO_DEADLINE), named(FACT_CANCEL_REQUESTED, "why")), OK);
    assert_int_equal(temporal_read_task(bytes_of(plan.payload.data, plan.payload.len), &task), OK);
    assert_string_equal(task.event_id, "e");
    assert_int_equal(task.outcome, OUTCOME_CANCELLED);
    assert_string_equal(task.why, "why");
    temporal_plan_deinit(&plan);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(temporal_read_task(bytes_of_text(wrong[i]), &task), ERR_INVALID);
}

/* ---- all histories ---- */

#define DEPTH     3
#define FACTS_MAX (1 + DEPTH * (1 + TEMPORAL_COMMANDS_MAX) + TEMPORAL_COMMANDS_MAX)

/* A Temporal: it writes down what it is commanded, and what comes from outside when it may. */
struct small {
    struct temporal_fact facts[FACTS_MAX];
    size_t count;
    bool timer, fired, scheduled, done, closed;
    char outcome[16]; /* the first that was seen */
};

static void obey(struct small *s, const struct temporal_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        assert_false(s->closed);
        switch (plan->commands[i].kind) {
        case COMMAND_TIMER:
            assert_false(s->timer);
            assert_true(plan->commands[i].after_ms > 0);
            s->timer = true;
            s->facts[s->count++] = named(FACT_TIMER_STARTED, TEMPORAL_TIMER);
            break;
        case COMMAND_NOTARIZE:
            assert_false(s->scheduled);
            s->scheduled = true;
            s->facts[s->count++] = named(FACT_ACTIVITY_SCHEDULED, TEMPORAL_ACTIVITY);
            break;
        case COMMAND_COMPLETE:
        case COMMAND_FAIL:
            assert_true(s->done);
            s->closed = true;
            break;
        }
    }
}

/* One task of the worker. */
static void work(struct small *s)
{
    struct temporal_plan plan, again;
    const char *outcome;
    json_t *status;

    assert_int_equal(make(&plan, s->facts, s->count), OK);
    assert_int_equal(make(&again, s->facts, s->count), OK);
    assert_int_equal(plan.count, again.count);
    assert_string_equal(plan.status.data, again.status.data);
    assert_string_equal(plan.payload.data ?: "", again.payload.data ?: "");
    status = json_loads(plan.status.data, 0, NULL);
    outcome = json_string_value(json_object_get(status, "outcome"));
    if (s->outcome[0])
        assert_string_equal(outcome, s->outcome);
    snprintf(s->outcome, sizeof s->outcome, "%s", outcome ?: "");
    obey(s, &plan);
    assert_true(!s->outcome[0] || s->scheduled);
    json_decref(status);
    temporal_plan_deinit(&plan);
    temporal_plan_deinit(&again);
}

#define CHOICES 9

/* False: that cannot happen now. */
static bool happen(struct small *s, unsigned choice)
{
    static const char *const payloads[] = {STATE(D("a", "approve")), STATE(D("a", "approve") "," D("b", "approve")),
                                           STATE(D("b", "reject") "," D("c", "reject")), ENDED("cancelled"), "{"};

    if (choice < 5) {
        s->facts[s->count++] = state_signal(payloads[choice]);
    } else if (choice == 5) {
        s->facts[s->count++] = named(FACT_CANCEL_REQUESTED, "why");
    } else if (choice == 6 && s->timer && !s->fired) {
        s->fired = true;
        s->facts[s->count++] = named(FACT_TIMER_FIRED, TEMPORAL_TIMER);
    } else if (choice >= 7 && s->scheduled && !s->done) {
        s->done = true;
        s->facts[s->count++] = choice == 7 ? completed("{}") : named(FACT_ACTIVITY_FAILED, "why");
    } else {
        return false;
    }
    return true;
}

/* The worker may run after each event, or after several came at once. */
static size_t explore(const struct small *s, unsigned depth)
{
    size_t histories = 1;

    for (unsigned choice = 0; depth > 0 && !s->closed && choice < CHOICES; choice++) {
        struct small next = *s;
        if (!happen(&next, choice))
            continue;
        histories += explore(&next, depth - 1); /* the worker is late */
        work(&next);
        histories += explore(&next, depth - 1);
    }
    return histories;
}

static void in_every_history_the_notary_is_asked_once_and_the_outcome_stays(void **state)
{
    struct small s = {.facts = {started(WITH_DEADLINE)}, .count = 1};
    size_t histories = explore(&s, DEPTH);

    work(&s);
    histories += explore(&s, DEPTH);
    assert_true(histories > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workflow_begins_with_the_timer_of_its_deadline),
        cmocka_unit_test(a_deadline_that_is_past_gets_the_shortest_timer),
        cmocka_unit_test(the_quorum_asks_for_the_notary_once),
        cmocka_unit_test(a_workflow_that_is_decided_when_it_begins_needs_no_timer),
        cmocka_unit_test(who_cannot_reach_the_quorum_is_rejected),
        cmocka_unit_test(the_first_decision_of_an_approver_counts_and_nobody_elses),
        cmocka_unit_test(what_ended_in_the_journal_ends),
        cmocka_unit_test(the_timer_expires_it_and_another_timer_does_not),
        cmocka_unit_test(who_cancels_in_temporal_is_asked_why),
        cmocka_unit_test(the_notarys_result_is_the_workflows),
        cmocka_unit_test(signals_that_make_no_sense_are_passed_over),
        cmocka_unit_test(what_is_no_history_of_ours_is_refused),
        cmocka_unit_test(the_task_is_read_as_it_is_written),
        cmocka_unit_test(in_every_history_the_notary_is_asked_once_and_the_outcome_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
