/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_test.c - names of topics and addresses of services.
 */
#include "base/base_test.h"
#include "client/topic.h"

#include <stdlib.h>
#include <string.h>

static void completes_to(const char *name, const char *expected)
{
    char *full = NULL;

    assert_int_equal(client_topic_complete(name, &full), OK);
    assert_string_equal(full, expected);
    free(full);
}

static void short_names_are_completed(void **state)
{
    completes_to("x", "persistent://public/default/x");
    completes_to("t/n/x", "persistent://t/n/x");
    completes_to("persistent://t/n/x", "persistent://t/n/x");
    completes_to("non-persistent://t/n/x", "non-persistent://t/n/x");
    completes_to("persistent://t/c/n/x", "persistent://t/c/n/x");
    completes_to("t/n/x-partition-3", "persistent://t/n/x-partition-3");
}

static void what_is_no_name_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "a/b",
                                      "a/b/c/d",
                                      "http://t/n/x",
                                      "persistent://t/n",
                                      "persistent://t/n/",
                                      "persistent:///n/x",
                                      "persistent://t//x",
                                      "x\n"};
    char *full;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(client_topic_complete(bad[i], &full), ERR_INVALID);
    assert_int_equal(client_topic_complete(NULL, &full), ERR_INVALID);
}

static void a_partition_is_known_by_its_name(void **state)
{
    char *name;

    assert_int_equal(client_topic_partition("persistent://t/n/x", 12, &name), OK);
    assert_string_equal(name, "persistent://t/n/x-partition-12");
    assert_int_equal(client_topic_partition_of(name), 12);
    assert_int_equal(client_topic_partition_of("x-partition-0"), 0);
    assert_int_equal(client_topic_partition_of("x-partition-01"), -1);
    assert_int_equal(client_topic_partition_of("x-partition-"), -1);
    assert_int_equal(client_topic_partition_of("x-partition-1a"), -1);
    assert_int_equal(client_topic_partition_of("x-partition-1-partition-2"), 2);
    assert_int_equal(client_topic_partition_of("x"), -1);
    free(name);
}

static void addresses_may_be_several(void **state)
{
    struct client_address a[CLIENT_HOSTS_MAX];
    size_t n;
    bool tls;

    assert_int_equal(client_address_parse("pulsar://one:6651,two,[::1]:7000/ignored", a, &n, &tls), OK);
    assert_false(tls);
    assert_int_equal(n, 3);
    assert_string_equal(a[0].host, "one");
    assert_int_equal(a[0].port, 6651);
    assert_string_equal(a[1].host, "two");
    assert_int_equal(a[1].port, 6650);
    assert_string_equal(a[2].host, "::1");
    assert_int_equal(a[2].port, 7000);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "localhost:6650",
                                      "http://x:1",
                                      "pulsar://",
                                      "pulsar://:6650",
                                      "pulsar://h:",
                                      "pulsar://h:0",
                                      "pulsar://h:65536",
                                      "pulsar://h:66x",
                                      "pulsar://a,,b",
                                      "pulsar://[::1",
                                      "pulsar://[::1]x"};
    struct client_address a[CLIENT_HOSTS_MAX];
    size_t n;
    bool tls;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(client_address_parse(bad[i], a, &n, &tls), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_names_are_completed),        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(a_partition_is_known_by_its_name), cmocka_unit_test(addresses_may_be_several),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
