/* SPDX-License-Identifier: Apache-2.0
 *
 * types_test.c - names and numbers of schema types and strategies.
 */
#include "base/base_test.h"
#include "schema/schema.h"

static void every_type_is_found_by_its_name_and_those_of_the_wire_by_their_number(void **state)
{
    for (int n = SCHEMA_AUTO_PUBLISH; n <= SCHEMA_PROTOBUF_NATIVE; n++) {
        enum schema_type type = SCHEMA_NONE;

        assert_true(schema_type_of_name(&type, bytes_of_text(schema_type_name((enum schema_type)n))));
        assert_int_equal(type, n);
        assert_int_equal(schema_type_of_wire(&type, n), n >= 0);
        assert_int_equal(type, n);
    }
}

static void a_name_in_lower_case_is_a_type_and_an_unknown_one_is_none(void **state)
{
    enum schema_type type = SCHEMA_INT8;

    assert_true(schema_type_of_name(&type, bytes_of_text("key_value")));
    assert_int_equal(type, SCHEMA_KEY_VALUE);
    assert_false(schema_type_of_name(&type, bytes_of_text("THRIFT")));
    assert_false(schema_type_of_name(&type, bytes_of_text("")));
    assert_false(schema_type_of_wire(&type, 22));
    assert_false(schema_type_of_wire(&type, -1));
    assert_int_equal(type, SCHEMA_KEY_VALUE);
}

static void auto_consume_is_twenty_one_on_the_wire(void **state)
{
    enum schema_type type = SCHEMA_NONE;

    assert_true(schema_type_of_wire(&type, 21));
    assert_int_equal(type, SCHEMA_AUTO_CONSUME);
}

static void every_strategy_is_found_by_its_name(void **state)
{
    for (int n = 0; n < SCHEMA_STRATEGIES; n++) {
        enum schema_strategy strategy = SCHEMA_UNDEFINED;

        assert_true(schema_strategy_of_name(&strategy, bytes_of_text(schema_strategy_name((enum schema_strategy)n))));
        assert_int_equal(strategy, n);
    }
    assert_true(schema_strategy_is_transitive(SCHEMA_FORWARD_TRANSITIVE));
    assert_false(schema_strategy_is_transitive(SCHEMA_FULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_found_by_its_name_and_those_of_the_wire_by_their_number),
        cmocka_unit_test(a_name_in_lower_case_is_a_type_and_an_unknown_one_is_none),
        cmocka_unit_test(auto_consume_is_twenty_one_on_the_wire),
        cmocka_unit_test(every_strategy_is_found_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
