/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal_messages_test.c - recorded exchanges with a real Temporal: what it sent, and what is made of it.
 */
#include "base/base_test.h"

#include "services/notary/conductor.h"
#include "services/notary/temporal/temporal_messages.h"
#include "services/notary/temporal/temporal_recorded.inc"

static Tmprl__WorkflowTask *task_of(const uint8_t *data, size_t size)
{
    Tmprl__WorkflowTask *task = tmprl__workflow_task__unpack(NULL, size, data);

    assert_non_null(task);
    assert_true(task->task_token.len > 0);
    assert_string_equal(task->workflow_type->name, TEMPORAL_TYPE);
    assert_int_equal(task->next_page_token.len, 0);
    return task;
}

static void plan_of(const Tmprl__WorkflowTask *task, struct temporal_facts *facts, struct temporal_plan *plan)
{
    char why[200];

    memset(facts, 0, sizeof *facts);
    assert_int_equal(temporal_facts_add(facts, task->history), OK);
    assert_int_equal(temporal_plan_make(plan, facts->facts, facts->count, why, sizeof why), OK);
}

static void the_first_task_of_a_workflow_is_answered_with_a_timer(void **state)
{
    Tmprl__WorkflowTask *task = task_of(recorded_first, sizeof recorded_first);
    struct temporal_command_message command;
    struct temporal_facts facts;
    struct temporal_plan plan;

    plan_of(task, &facts, &plan);
    assert_int_equal(facts.count, 1);
    assert_int_equal(facts.facts[0].kind, FACT_STARTED);
    assert_true(facts.facts[0].at_ms > 1700000000000);
    assert_int_equal(plan.count, 1);
    temporal_command_set(&command, &plan, 0, "queue");
    assert_int_equal(command.command.type, 3);
    assert_string_equal(command.command.start_timer->timer_id, TEMPORAL_TIMER);
    assert_in_range(command.command.start_timer->start_to_fire_timeout->seconds, 3590, 3600);
    temporal_plan_deinit(&plan);
    temporal_facts_deinit(&facts);
    tmprl__workflow_task__free_unpacked(task, NULL);
}

static void the_last_task_is_answered_with_the_notarys_result(void **state)
{
    static const enum temporal_fact_kind kinds[] = {FACT_STARTED,          FACT_TIMER_STARTED,
                                                    FACT_CANCEL_REQUESTED, FACT_ACTIVITY_SCHEDULED,
                                                    FACT_ACTIVITY_COMPLETED};
    Tmprl__WorkflowTask *task = task_of(recorded_last, sizeof recorded_last);
    struct temporal_command_message command;
    struct temporal_facts facts;
    struct temporal_plan plan;
    struct bytes result;

    plan_of(task, &facts, &plan);
    assert_int_equal(facts.count, sizeof kinds / sizeof *kinds);
    for (size_t i = 0; i < facts.count; i++)
        assert_int_equal(facts.facts[i].kind, kinds[i]);
    assert_string_equal(facts.facts[2].name, "a mistake");
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.commands[0].kind, COMMAND_COMPLETE);
    temporal_command_set(&command, &plan, 0, "queue");
    assert_int_equal(command.command.type, 4);
    result = temporal_json_of(command.command.complete->result);
    assert_non_null(memmem(result.data, result.len, "cancelled by Temporal: a mistake", 32));
    temporal_plan_deinit(&plan);
    temporal_facts_deinit(&facts);
    tmprl__workflow_task__free_unpacked(task, NULL);
}

static void a_task_to_notarize_names_its_event_and_outcome(void **state)
{
    Tmprl__ActivityTask *task = tmprl__activity_task__unpack(NULL, sizeof recorded_activity, recorded_activity);
    struct conductor_task read;

    assert_non_null(task);
    assert_string_equal(task->activity_type->name, TEMPORAL_ACTIVITY);
    assert_int_equal(task->attempt, 1);
    assert_int_equal(temporal_read_task(temporal_json_of(task->input), &read), OK);
    assert_int_equal(read.outcome, OUTCOME_CANCELLED);
    assert_string_equal(read.why, "a mistake");
    tmprl__activity_task__free_unpacked(task, NULL);
}

/* Whatever comes is a message that leads to a plan or a refusal, or it is none. */
static void a_message_with_a_bit_flipped_does_no_harm(void **state)
{
    uint8_t *copy = malloc(sizeof recorded_last);
    Tmprl__WorkflowTask *task;
    struct temporal_facts facts;
    struct temporal_plan plan;
    char why[200];

    for (size_t bit = 0; bit < sizeof recorded_last * 8; bit++) {
        memcpy(copy, recorded_last, sizeof recorded_last);
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ 1u << bit % 8);
        if (!(task = tmprl__workflow_task__unpack(NULL, sizeof recorded_last, copy)))
            continue;
        memset(&facts, 0, sizeof facts);
        assert_int_equal(temporal_facts_add(&facts, task->history), OK);
        (void)!temporal_plan_make(&plan, facts.facts, facts.count, why, sizeof why);
        temporal_plan_deinit(&plan);
        temporal_facts_deinit(&facts);
        tmprl__workflow_task__free_unpacked(task, NULL);
    }
    free(copy);
}

static void each_command_is_one_that_temporal_knows(void **state)
{
    struct temporal_plan plan = {.count = 1};
    struct temporal_command_message c;

    text_init(&plan.payload, 100);
    text_add(&plan.payload, "why");
    plan.commands[0].kind = COMMAND_NOTARIZE;
    temporal_command_set(&c, &plan, 0, "queue");
    assert_int_equal(c.command.type, 1);
    assert_string_equal(c.command.schedule_activity->task_queue->name, "queue");
    assert_int_equal(c.command.schedule_activity->retry_policy->maximum_attempts, 0);
    plan.commands[0].kind = COMMAND_FAIL;
    temporal_command_set(&c, &plan, 0, "queue");
    assert_int_equal(c.command.type, 5);
    assert_string_equal(c.command.fail->failure->message, "why");
    assert_true(tmprl__command__get_packed_size(&c.command) > 0);
    text_deinit(&plan.payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_task_of_a_workflow_is_answered_with_a_timer),
        cmocka_unit_test(the_last_task_is_answered_with_the_notarys_result),
        cmocka_unit_test(a_task_to_notarize_names_its_event_and_outcome),
        cmocka_unit_test(a_message_with_a_bit_flipped_does_no_harm),
        cmocka_unit_test(each_command_is_one_that_temporal_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
