/* SPDX-License-Identifier: Apache-2.0
 *
 * records_test.c - a record has the members of its kind, with their types, or is none.
 */
#include "base/base_test.h"

#include "services/notary/journal/records.h"
#include <stdlib.h>

#define HASH "\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""
#define RESULT                                                                                                         \
    "{\"event_id\":\"e\",\"event_hash\":" HASH ",\"workflow_id\":\"w\",\"workflow_type\":\"t\",\"rest\":\"{}\","       \
    "\"path\":null}"

/* One of each kind, with every member. */
static const char *const samples[RECORD_KINDS] = {
    [RECORD_OPENED] = "{\"kind\":\"opened\",\"event_id\":\"e\",\"workflow_id\":\"w\",\"workflow_type\":\"t\",\"event\":"
                      "{},\"event_hash\":" HASH ",\"received_ms\":1,\"deadline_ms\":2,\"priority\":3,\"message_id\":"
                      "\"1:2\"}",
    [RECORD_STATUS] = "{\"kind\":\"status\",\"event_id\":\"e\",\"status\":\"s\",\"message\":\"\",\"step\":\"x\","
                      "\"steps_done\":0,\"steps_total\":3,\"at_ms\":5}",
    [RECORD_FINDING] = "{\"kind\":\"finding\",\"event_id\":\"e\",\"name\":\"artifacts\",\"value\":[1]}",
    [RECORD_DECISION] = "{\"kind\":\"decision\",\"event_id\":\"e\",\"approver\":\"a\",\"verdict\":\"approve\","
                        "\"comment\":\"c\",\"at_ms\":5,\"method\":\"key\",\"statement\":\"a.b.c\"}",
    [RECORD_ATTEMPT] = "{\"kind\":\"attempt\",\"event_id\":\"e\",\"activity\":\"sign\",\"attempt\":1,\"why\":\"down\","
                       "\"next_ms\":9}",
    [RECORD_COMMAND] = "{\"kind\":\"command\",\"event_id\":\"e\",\"command\":\"cancel\",\"by\":\"a\",\"comment\":\"\","
                       "\"at_ms\":5,\"method\":\"token\",\"statement\":\"a.b.c\"}",
    [RECORD_CLOSED] = "{\"kind\":\"closed\",\"leaf\":\"{}\",\"outcome\":\"notarized\",\"results\":[" RESULT "]}",
    [RECORD_CHECKPOINT] = "{\"kind\":\"checkpoint\",\"size\":1,\"note\":\"n\"}",
    [RECORD_PUBLISHED] = "{\"kind\":\"published\",\"through\":7}",
    [RECORD_ANCHORED] = "{\"kind\":\"anchored\",\"index\":0,\"anchor\":\"rekor-v2\",\"receipt\":{}}",
    [RECORD_NOTIFIED] = "{\"kind\":\"notified\",\"event_id\":\"e\",\"notice\":\"n\",\"channel\":\"slack\",\"error\":"
                        "\"no\"}",
};

/* The kinds and members that may be null. */
static const char *const nullable[] = {"opened.deadline_ms", "status.message",  "status.step",       "decision.comment",
                                       "attempt.next_ms",    "command.comment", "command.statement", "notified.error"};

static bool may_be_null(const char *kind, const char *name)
{
    char whole[100];

    snprintf(whole, sizeof whole, "%s.%s", kind, name);
    for (size_t i = 0; i < sizeof nullable / sizeof *nullable; i++)
        if (strcmp(nullable[i], whole) == 0)
            return true;
    return false;
}

static json_t *sample(unsigned kind)
{
    json_t *record = json_loads(samples[kind], 0, NULL);

    assert_non_null(record);
    return record;
}

static enum record_kind kind_of(const char *text)
{
    json_t *record = json_loads(text, JSON_DECODE_ANY, NULL);
    enum record_kind kind;

    assert_non_null(record);
    kind = record_kind(record);
    json_decref(record);
    return kind;
}

static void each_kind_is_known_by_its_name(void **state)
{
    for (unsigned kind = 0; kind < RECORD_KINDS; kind++) {
        json_t *record = sample(kind);
        assert_int_equal(record_kind(record), kind);
        assert_string_equal(json_string_value(json_object_get(record, "kind")),
                            record_kind_name((enum record_kind)kind));
        json_decref(record);
    }
}

/* Each member of each kind: left out, null, and of every other type. */
static void a_member_that_is_missing_or_of_another_type_is_no_record(void **state)
{
    for (unsigned kind = 0; kind < RECORD_KINDS; kind++) {
        json_t *whole = sample(kind), *value;
        const char *name;
        json_object_foreach(whole, name, value)
        {
            const char *kind_name = record_kind_name((enum record_kind)kind);
            bool or_null = may_be_null(kind_name, name), any = strcmp(name, "value") == 0;
            json_t *record = sample(kind);
            json_object_del(record, name);
            assert_int_equal(record_kind(record) == (enum record_kind)kind, or_null);
            json_object_set_new(record, name, json_null());
            assert_int_equal(record_kind(record) == (enum record_kind)kind, or_null || any);
            json_object_set_new(record, name, json_true());
            assert_int_equal(record_kind(record) == (enum record_kind)kind, any);
            json_object_set_new(record, name, json_is_string(value) ? json_integer(1) : json_string(""));
            assert_int_equal(record_kind(record) == (enum record_kind)kind, any);
            json_decref(record);
        }
        json_decref(whole);
    }
}

static void what_is_no_record_has_no_kind(void **state)
{
    assert_int_equal(kind_of("{}"), RECORD_KINDS);
    assert_int_equal(kind_of("[]"), RECORD_KINDS);
    assert_int_equal(kind_of("7"), RECORD_KINDS);
    assert_int_equal(kind_of("{\"kind\":\"reopened\"}"), RECORD_KINDS);
    assert_int_equal(kind_of("{\"kind\":\"published\",\"through\":-1}"), RECORD_KINDS);
    assert_int_equal(kind_of("{\"kind\":\"published\",\"through\":1.5}"), RECORD_KINDS);
    assert_int_equal(record_kind(NULL), RECORD_KINDS);
}

static void members_of_later_programs_are_allowed(void **state)
{
    assert_int_equal(kind_of("{\"kind\":\"published\",\"through\":1,\"more\":[]}"), RECORD_PUBLISHED);
}

static void a_word_that_is_none_of_its_kind_is_refused(void **state)
{
    json_t *decision = sample(RECORD_DECISION), *closed = sample(RECORD_CLOSED);

    json_object_set_new(decision, "verdict", json_string("abstain"));
    assert_int_equal(record_kind(decision), RECORD_KINDS);
    json_object_set_new(closed, "outcome", json_string("approved"));
    assert_int_equal(record_kind(closed), RECORD_KINDS);
    json_decref(decision);
    json_decref(closed);
}

static void a_leaf_is_not_longer_than_an_entry_of_a_tile(void **state)
{
    json_t *closed = sample(RECORD_CLOSED);
    char *leaf = malloc(RECORD_LEAF_MAX + 1);

    memset(leaf, 'x', RECORD_LEAF_MAX + 1);
    json_object_set_new(closed, "leaf", json_stringn(leaf, RECORD_LEAF_MAX));
    assert_int_equal(record_kind(closed), RECORD_CLOSED);
    json_object_set_new(closed, "leaf", json_stringn(leaf, RECORD_LEAF_MAX + 1));
    assert_int_equal(record_kind(closed), RECORD_KINDS);
    json_object_set_new(closed, "leaf", json_string(""));
    assert_int_equal(record_kind(closed), RECORD_KINDS);
    free(leaf);
    json_decref(closed);
}

static void each_result_of_a_closed_record_is_looked_at(void **state)
{
    json_t *closed = sample(RECORD_CLOSED), *results = json_object_get(closed, "results"), *second;

    json_array_append_new(results, json_deep_copy(json_array_get(results, 0)));
    assert_int_equal(record_kind(closed), RECORD_CLOSED);
    second = json_array_get(results, 1);
    json_object_set_new(second, "event_hash", json_string("sha256:E3"));
    assert_int_equal(record_kind(closed), RECORD_KINDS);
    json_array_clear(results);
    assert_int_equal(record_kind(closed), RECORD_KINDS);
    json_decref(closed);
}

static void a_size_is_that_of_the_text_which_would_be_written(void **state)
{
    static const char *const values[] = {
        "{}",
        "[]",
        "[{}]",
        "{\"a\":[1,-20,0.5,1e300,true,false,null],\"b\":{\"c\":\"\"}}",
        "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f \\u007f\\u00e4\\u20ac\\ud83d\\ude00\"]",
        "{\"\\n\\u0002\\\"\":9223372036854775807,\"x\":-9223372036854775808}",
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *value = json_loads(values[i], 0, NULL);
        assert_non_null(value);
        assert_int_equal(record_size(value), json_dumpb(value, NULL, 0, JSON_COMPACT));
        json_decref(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_known_by_its_name),
        cmocka_unit_test(a_member_that_is_missing_or_of_another_type_is_no_record),
        cmocka_unit_test(what_is_no_record_has_no_kind),
        cmocka_unit_test(members_of_later_programs_are_allowed),
        cmocka_unit_test(a_word_that_is_none_of_its_kind_is_refused),
        cmocka_unit_test(a_leaf_is_not_longer_than_an_entry_of_a_tile),
        cmocka_unit_test(each_result_of_a_closed_record_is_looked_at),
        cmocka_unit_test(a_size_is_that_of_the_text_which_would_be_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
