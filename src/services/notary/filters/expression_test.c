/* SPDX-License-Identifier: Apache-2.0
 *
 * expression_test.c - what holds, what does not, and where a text stops making sense.
 */
#include "base/base_test.h"

#include "services/notary/filters/expression.h"
#include <stdio.h>
#include <stdlib.h>

static const char sample[] =
    "{\"event_id\":\"deploy-1\",\"event_type\":{\"model_deployment\":{\"model_id\":\"fraud\",\"environment\":"
    "\"production\"}},\"actor\":{\"id\":\"jenkins-prod-001\"},\"artifacts\":[{\"name\":\"a.pkl\"},{\"name\":\"b.pkl\"}]"
    ","
    "\"metadata\":{\"model_accuracy\":0.94,\"checked\":true,\"runs\":12,\"odd name\":\"x\",\"tags\":[\"gpu\",\"eu\",7],"
    "\"big\":9007199254740993,\"nothing\":null}}";

static enum err parse(struct expression **e, const char *text, char why[300])
{
    return expression_parse(e, bytes_of_text(text), why, 300);
}

static bool holds(const char *text)
{
    json_t *event = json_loads(sample, 0, NULL);
    struct expression *e = NULL;
    char why[300];
    bool result;

    if (parse(&e, text, why) != OK)
        fail_msg("%s: %s", text, why);
    result = expression_holds(e, event);
    expression_free(e);
    json_decref(event);
    return result;
}

static void conditions_on_fields_hold_or_do_not(void **state)
{
    static const struct {
        const char *text;
        bool holds;
    } rows[] = {
        {"event.metadata.model_accuracy >= 0.94", true},
        {"event.metadata.model_accuracy > 0.94", false},
        {"event.metadata.model_accuracy < 1", true},
        {"event.metadata.runs == 12.0", true},
        {"event.metadata.runs != 12", false},
        {"event.metadata.runs <= 11", false},
        {"event.metadata.big == 9007199254740993", true},
        {"event.metadata.big == 9007199254740992", false},
        {"event.metadata.checked", true},
        {"not event.metadata.checked", false},
        {"event.metadata.checked == true and event.event_id == 'deploy-1'", true},
        {"event.event_id", false},
        {"event.metadata.absent == null", true},
        {"event.metadata.nothing == null", true},
        {"event.metadata.absent.deeper[3] != null", false},
        {"event.metadata.absent < 5", false},
        {"not event.metadata.absent < 5", true},
        {"event.event_id < 5", false},
        {"event.event_id > 'deploy-0'", true},
        {"event.metadata['odd name'] == \"x\"", true},
        {"event.artifacts[1].name == \"b.pkl\"", true},
        {"event.artifacts[2] == null", true},
        {"event.event_type.model_deployment.environment in [\"staging\", \"production\"]", true},
        {"event.event_type.model_deployment.environment in []", false},
        {"'gpu' in event.metadata.tags", true},
        {"7.0 in event.metadata.tags", true},
        {"event.metadata.tags contains 'us'", false},
        {"event.metadata.tags contains \"eu\"", true},
        {"event.event_id contains 'ploy'", true},
        {"event.event_type contains 'model_deployment'", true},
        {"event.metadata contains 7", false},
        {"event.metadata.runs contains 1", false},
        {"event.actor.id matches \"^jenkins-(prod|dev)-\\d+$\"", true},
        {"event.actor.id matches 'PROD'", false},
        {"event.metadata.runs matches '12'", false},
        {"event.metadata.tags == ['gpu', 'eu', 7]", true},
        {"true or false and false", true},
        {"(true or false) and false", false},
        {"not true or true", true},
        {"(1 < 2) == true", true},
        {"-1 < 0 and 1e3 == 1000", true},
        {"event == null", false},
        {" true ", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (holds(rows[i].text) != rows[i].holds)
            fail_msg("%s: expected %d", rows[i].text, rows[i].holds);
}

static void a_text_that_makes_no_sense_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "at 1: a value is missing"},
        {"event.", "at 7: a member's name is missing"},
        {"event.a ==", "at 11: a value is missing"},
        {"event.a = 1", "at 9: it ought to end here"},
        {"event.a == 1 2", "at 14: it ought to end here"},
        {"evnt.a == 1", "at 1: a value is missing"},
        {"event.a == 'x", "at 12: this text does not end"},
        {"event.a == 1x", "at 12: this is no number"},
        {"event.a == 1e999", "at 12: this is no number"},
        {"(event.a", "at 9: `)` is missing"},
        {"event.a in [1 2]", "at 15: `,` or `]` is missing"},
        {"event.a[", "at 9: an index or a name"},
        {"event.a[1", "at 10: `]` is missing"},
        {"event.a[9999999999]", "at 9: this index is too large"},
        {"event.a matches event.b", "at 17: a pattern in quotes is missing"},
        {"event.a matches 'x(y'", "at 17: this pattern, at 4"},
        {"event.a == \"\xff\"", "at 12: this text is not UTF-8"},
        {"event.a < 1 < 2", "at 13: it ought to end here"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expression *e = NULL;
        char why[300];

        assert_int_equal(parse(&e, rows[i].text, why), ERR_INVALID);
        if (!strstr(why, rows[i].says))
            fail_msg("%s: expected \"%s\", got \"%s\"", rows[i].text, rows[i].says, why);
    }
}

/* `count` times `part`, then `end`. */
static char *repeated(const char *part, size_t count, const char *end)
{
    char *text = calloc(1, count * strlen(part) + strlen(end) + 1);

    for (size_t i = 0; i < count; i++)
        memcpy(text + i * strlen(part), part, strlen(part));
    strcpy(text + count * strlen(part), end);
    return text;
}

static void what_is_too_deep_too_wide_or_too_long_is_refused(void **state)
{
    static const struct {
        const char *part;
        size_t count;
        const char *end, *says;
    } rows[] = {
        {"(", 40, "true", "nested too deep"},
        {"not ", 40, "true", "nested too deep"},
        {"[", 40, "1", "nested too deep"},
        {"true or ", 200, "true", "too many parts"},
        {"event.a.b.c or ", 60, "true", "too many parts"},
        {" ", 5000, "true", "longer than 4096"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = repeated(rows[i].part, rows[i].count, rows[i].end);
        struct expression *e = NULL;
        char why[300];

        assert_int_equal(parse(&e, text, why), ERR_INVALID);
        assert_non_null(strstr(why, rows[i].says));
        free(text);
    }
}

static void where_a_pattern_would_take_for_ever_the_condition_holds_whatever_it_says(void **state)
{
    struct expression *e = NULL;
    char *text = repeated("a", 2000, "b");
    json_t *event = json_pack("{ss}", "name", text);
    char why[300];

    static const char *const conditions[] = {"event.name matches '^(a+)+$'", "not (event.name matches '^(a+)+$')",
                                             "event.name matches '^(a+)+$' and event.name == 'x'"};

    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        assert_int_equal(parse(&e, conditions[i], why), OK);
        assert_true(expression_holds(e, event));
        expression_free(e);
    }
    json_decref(event);
    free(text);
}

static void an_event_that_is_no_object_has_no_members(void **state)
{
    struct expression *e = NULL;
    json_t *event = json_integer(4);
    char why[300];

    assert_int_equal(parse(&e, "event.a == null and event == 4", why), OK);
    assert_true(expression_holds(e, event));
    expression_free(e);
    json_decref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_on_fields_hold_or_do_not),
        cmocka_unit_test(a_text_that_makes_no_sense_is_refused_with_its_place),
        cmocka_unit_test(what_is_too_deep_too_wide_or_too_long_is_refused),
        cmocka_unit_test(where_a_pattern_would_take_for_ever_the_condition_holds_whatever_it_says),
        cmocka_unit_test(an_event_that_is_no_object_has_no_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
