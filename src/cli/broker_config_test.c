/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_config_test.c - the default of memory_limit, by what the process may have.
 */
#include "base/base_test.h"
#include "cli/broker_config.h"

#define MIB (1u << 20)

struct fixture {
    struct options options;
    struct broker_config config;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);

    *state = f;
    return options_init(&f->options, broker_option_table.rows, broker_option_table.count, &f->config) == OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    options_deinit(&f->options);
    test_free(f);
    return 0;
}

static void memory_limit_is_the_default_where_there_is_twice_of_it(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(broker_config_fit(&f->options, 0), OK);
    assert_int_equal(f->config.memory_limit, 256 * MIB);
    assert_int_equal(broker_config_fit(&f->options, 512 * MIB), OK);
    assert_int_equal(f->config.memory_limit, 256 * MIB);
}

static void memory_limit_is_half_of_what_a_small_container_has(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(broker_config_fit(&f->options, 256 * MIB), OK);
    assert_int_equal(f->config.memory_limit, 128 * MIB);
}

static void memory_limit_is_never_less_than_may_be_said(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(broker_config_fit(&f->options, 40 * MIB), OK);
    assert_int_equal(f->config.memory_limit, 32 * MIB);
}

static void a_memory_limit_that_was_said_stands(void **state)
{
    struct fixture *f = *state;
    char message[300];

    assert_int_equal(options_set(&f->options, "memory_limit", "200MiB", "--memory-limit", message, sizeof message), OK);
    assert_int_equal(broker_config_fit(&f->options, 256 * MIB), OK);
    assert_int_equal(f->config.memory_limit, 200 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_limit_is_the_default_where_there_is_twice_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_limit_is_half_of_what_a_small_container_has, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_limit_is_never_less_than_may_be_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_memory_limit_that_was_said_stands, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
