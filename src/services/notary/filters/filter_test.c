/* SPDX-License-Identifier: Apache-2.0
 *
 * filter_test.c - events by type, source and priority, and rules that make no sense.
 */
#include "base/base_test.h"

#include "services/notary/filters/filter.h"
#include <stdio.h>

static const char *objection(struct filter_rules rules, const char *text)
{
    json_t *event = json_loads(text, JSON_DECODE_ANY, NULL);
    struct filter *f = NULL;
    const char *answer;
    char why[300];

    if (filter_new(&f, &rules, why, sizeof why) != OK)
        fail_msg("%s", why);
    answer = filter_objection(f, event);
    filter_free(f);
    json_decref(event);
    return answer;
}

#define DEPLOYMENT "{\"event_type\":{\"model_deployment\":{}},\"source\":\"production-pipeline\"}"

static void the_type_of_the_interface_and_the_member_of_the_event_are_the_same(void **state)
{
    static const char *const same[] = {"ai.model.deployment",
                                       "model_deployment",
                                       "model.deployment",
                                       "model_*",
                                       "ai.model.*",
                                       "ai.*",
                                       "x, ai.model.deployment",
                                       "*",
                                       ""};
    static const char *const others[] = {"ai.model.training", "model", "deployment", "model_deployment_x"};

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_null(objection((struct filter_rules){.types = same[i]}, DEPLOYMENT));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(objection((struct filter_rules){.types = others[i]}, DEPLOYMENT), "its type is not wanted");
    assert_null(
        objection((struct filter_rules){.types = "model_deployment"}, "{\"event_type\":\"ai.model.deployment\"}"));
}

static void sources_are_named_whole_or_by_their_beginning(void **state)
{
    assert_null(objection((struct filter_rules){.sources = "production-pipeline"}, DEPLOYMENT));
    assert_null(objection((struct filter_rules){.sources = "ci-*, production-*"}, DEPLOYMENT));
    assert_non_null(objection((struct filter_rules){.sources = "production"}, DEPLOYMENT));
    assert_non_null(objection((struct filter_rules){.sources = "production-pipeline"}, "{}"));
}

static void an_event_below_the_minimum_priority_is_passed_over(void **state)
{
    static const char *const levels[] = {"low", "medium", "high", "critical"};
    char event[60];

    for (size_t least = 0; least < 4; least++)
        for (size_t has = 0; has < 4; has++) {
            const char *answer;
            snprintf(event, sizeof event, "{\"priority\":\"%s\"}", levels[has]);
            answer = objection((struct filter_rules){.minimum_priority = levels[least]}, event);
            assert_int_equal(answer == NULL, has >= least);
        }
    assert_null(objection((struct filter_rules){.minimum_priority = "normal"}, "{}"));
    assert_non_null(objection((struct filter_rules){.minimum_priority = "high"}, "{}"));
}

static void all_that_is_given_must_hold(void **state)
{
    struct filter_rules rules = {.types = "ai.model.deployment",
                                 .sources = "production-pipeline",
                                 .minimum_priority = "normal",
                                 .expression = "event.source contains 'pipe'"};

    assert_null(objection(rules, DEPLOYMENT));
    rules.expression = "event.source contains 'pipes'";
    assert_string_equal(objection(rules, DEPLOYMENT), "the expression does not hold");
}

static void no_filter_accepts_everything_and_a_filter_no_text(void **state)
{
    json_t *text = json_string("x");

    assert_true(filter_accepts_json(NULL, text));
    assert_string_equal(objection((struct filter_rules){0}, "7"), "it is no JSON object");
    json_decref(text);
}

static void rules_that_make_no_sense_are_refused(void **state)
{
    struct filter *f = NULL;
    char why[300], name[300];

    assert_int_equal(filter_new(&f, &(struct filter_rules){.minimum_priority = "urgent"}, why, sizeof why),
                     ERR_INVALID);
    assert_non_null(strstr(why, "urgent"));
    assert_int_equal(filter_new(&f, &(struct filter_rules){.expression = "event.a ="}, why, sizeof why), ERR_INVALID);
    assert_non_null(strstr(why, "at 9"));
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(filter_new(&f, &(struct filter_rules){.sources = name}, why, sizeof why), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_type_of_the_interface_and_the_member_of_the_event_are_the_same),
        cmocka_unit_test(sources_are_named_whole_or_by_their_beginning),
        cmocka_unit_test(an_event_below_the_minimum_priority_is_passed_over),
        cmocka_unit_test(all_that_is_given_must_hold),
        cmocka_unit_test(no_filter_accepts_everything_and_a_filter_no_text),
        cmocka_unit_test(rules_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
