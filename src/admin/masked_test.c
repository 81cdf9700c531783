/* SPDX-License-Identifier: Apache-2.0
 *
 * masked_test.c - secrets go in, and do not come out.
 */
#include "base/base_test.h"

#include "admin/masked.h"

static const char *text_of(const json_t *tree, const char *name)
{
    return json_string_value(json_object_get(tree, name));
}

static void a_copy_has_the_mask_where_there_is_a_secret_and_nothing_where_there_is_none(void **state)
{
    json_t *tree =
        json_pack("{s:s, s:s, s:n, s:s}", "authenticationParameters", "token:hush", "brokerClientTlsKeyStorePassword",
                  "", "brokerClientTlsTrustStorePassword", "serviceUrl", "http://b");
    json_t *copy = masked_copy(tree);

    assert_string_equal(text_of(copy, "authenticationParameters"), MASK);
    assert_string_equal(text_of(copy, "brokerClientTlsKeyStorePassword"), "");
    assert_true(json_is_null(json_object_get(copy, "brokerClientTlsTrustStorePassword")));
    assert_string_equal(text_of(copy, "serviceUrl"), "http://b");
    assert_string_equal(text_of(tree, "authenticationParameters"), "token:hush");
    assert_null(masked_copy(NULL));
    json_decref(copy);
    json_decref(tree);
}

static void a_mask_that_is_written_back_is_the_secret_that_was_there(void **state)
{
    json_t *old = json_pack("{s:s}", "authenticationParameters", "token:hush");
    json_t *tree = json_pack("{s:s, s:s}", "authenticationParameters", MASK, "brokerClientTlsKeyStorePassword", "new");

    assert_true(masked_restore(tree, old));
    assert_string_equal(text_of(tree, "authenticationParameters"), "token:hush");
    assert_string_equal(text_of(tree, "brokerClientTlsKeyStorePassword"), "new");
    json_decref(tree);
    json_decref(old);
}

static void a_mask_where_there_was_no_secret_is_none(void **state)
{
    json_t *old = json_object(), *tree = json_pack("{s:s}", "authenticationParameters", MASK);

    assert_true(masked_restore(tree, old));
    assert_true(json_is_null(json_object_get(tree, "authenticationParameters")));
    assert_true(json_object_set_new(tree, "authenticationParameters", json_string(MASK)) == 0);
    assert_true(masked_restore(tree, NULL)); /* nothing was there at all */
    assert_true(json_is_null(json_object_get(tree, "authenticationParameters")));
    json_decref(tree);
    json_decref(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_has_the_mask_where_there_is_a_secret_and_nothing_where_there_is_none),
        cmocka_unit_test(a_mask_that_is_written_back_is_the_secret_that_was_there),
        cmocka_unit_test(a_mask_where_there_was_no_secret_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
