/* SPDX-License-Identifier: Apache-2.0
 *
 * address_test.c - addresses at both edges of what is public.
 */
#include "base/base_test.h"

#include "services/notary/artifacts/address.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static bool is_public(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_is_public((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return address_is_public((const struct sockaddr *)&v6);
}

static void addresses_of_the_internet_are_public(void **state)
{
    static const char *const all[] = {"1.1.1.1",     "9.255.255.255", "11.0.0.0",    "100.63.255.255", "100.128.0.0",
                                      "126.0.0.1",   "128.0.0.1",     "169.253.0.1", "172.15.255.255", "172.32.0.0",
                                      "192.0.1.1",   "192.167.0.1",   "192.169.0.0", "198.17.255.255", "198.20.0.0",
                                      "223.255.0.1", "2606:4700::1",  "2a00::1",     "::ffff:1.1.1.1", "3fff:1000::1"};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!is_public(all[i]))
            fail_msg("%s", all[i]);
}

static void addresses_of_this_machine_and_of_networks_of_ones_own_are_not(void **state)
{
    static const char *const all[] = {"0.0.0.0",
                                      "0.1.2.3",
                                      "10.0.0.1",
                                      "10.255.255.255",
                                      "100.64.0.1",
                                      "100.127.255.255",
                                      "127.0.0.1",
                                      "127.255.0.1",
                                      "169.254.169.254",
                                      "172.16.0.1",
                                      "172.31.255.255",
                                      "192.0.0.8",
                                      "192.0.2.1",
                                      "192.168.1.1",
                                      "198.18.0.1",
                                      "198.19.255.255",
                                      "198.51.100.7",
                                      "203.0.113.9",
                                      "224.0.0.1",
                                      "240.0.0.1",
                                      "255.255.255.255",
                                      "::",
                                      "::1",
                                      "::ffff:127.0.0.1",
                                      "::ffff:10.0.0.1",
                                      "::7f00:1",
                                      "64:ff9b::a00:1",
                                      "100::1",
                                      "2001::1",
                                      "2001:1ff::1",
                                      "2001:db8::1",
                                      "2002:7f00:1::1",
                                      "3fff::1",
                                      "fc00::1",
                                      "fd00:ec2::254",
                                      "fe80::1",
                                      "fec0::1",
                                      "ff02::1"};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (is_public(all[i]))
            fail_msg("%s", all[i]);
}

static void another_kind_of_address_is_not(void **state)
{
    const struct sockaddr local = {.sa_family = AF_UNIX};

    assert_false(address_is_public(&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_internet_are_public),
        cmocka_unit_test(addresses_of_this_machine_and_of_networks_of_ones_own_are_not),
        cmocka_unit_test(another_kind_of_address_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
