/* SPDX-License-Identifier: Apache-2.0
 *
 * routing_test.c - which partition a message goes to.
 *
 * Expected hashes: the published vectors of Murmur3 x86_32 with seed 0, and what Java's language specification says of
 * String.hashCode; both without the sign bit.
 */
#include "base/base_test.h"
#include "client/routing.h"

static void hashes_are_those_of_the_other_clients(void **state)
{
    assert_int_equal(client_routing_hash(pulsar_JavaStringHash, bytes_of_text("")), 0);
    assert_int_equal(client_routing_hash(pulsar_JavaStringHash, bytes_of_text("abc")), 96354);
    assert_int_equal(client_routing_hash(pulsar_JavaStringHash, bytes_of_text("polygenelubricants")), 0);
    assert_int_equal(client_routing_hash(pulsar_JavaStringHash, bytes_of_text("\xc3\xa9")), 233);
    assert_int_equal(client_routing_hash(pulsar_JavaStringHash, bytes_of_text("\xf0\x9f\x98\x80")),
                     (0xd83d * 31 + 0xde00) & 0x7fffffff);
    assert_int_equal(client_routing_hash(pulsar_Murmur3_32Hash, bytes_of_text("")), 0);
    assert_int_equal(client_routing_hash(pulsar_Murmur3_32Hash, bytes_of_text("test")), 0xba6bd213 & 0x7fffffff);
    assert_int_equal(client_routing_hash(pulsar_Murmur3_32Hash, bytes_of_text("Hello, world!")),
                     0xc0363e43 & 0x7fffffff);
}

static void a_key_always_goes_to_the_same_partition(void **state)
{
    struct _pulsar_producer_configuration config;
    struct client_routing r;

    client_producer_config_init(&config);
    for (int mode = pulsar_UseSinglePartition; mode <= pulsar_RoundRobinDistribution; mode++) {
        config.routing = (pulsar_partitions_routing_mode)mode;
        client_routing_init(&r, &config, 7, 3);
        for (uint64_t now = 0; now < 1000; now += 100)
            assert_int_equal(client_routing_choose(&r, "test", now), (0xba6bd213 & 0x7fffffff) % 7);
    }
}

static void without_a_key_one_partition_is_used_unless_told_otherwise(void **state)
{
    struct _pulsar_producer_configuration config;
    struct client_routing r;

    client_producer_config_init(&config);
    client_routing_init(&r, &config, 7, 10);
    for (uint64_t now = 0; now < 1000; now++)
        assert_int_equal(client_routing_choose(&r, NULL, now), 3);
}

static void turns_change_with_each_batch(void **state)
{
    struct _pulsar_producer_configuration config;
    struct client_routing r;

    client_producer_config_init(&config);
    config.routing = pulsar_RoundRobinDistribution;
    config.batch_messages_max = 2;
    config.batch_delay_ms = 10;
    client_routing_init(&r, &config, 3, 0);
    assert_int_equal(client_routing_choose(&r, NULL, 0), 0);
    assert_int_equal(client_routing_choose(&r, NULL, 1), 0);
    assert_int_equal(client_routing_choose(&r, NULL, 2), 1);  /* two make a batch */
    assert_int_equal(client_routing_choose(&r, NULL, 50), 2); /* or ten milliseconds */
    assert_int_equal(client_routing_choose(&r, NULL, 51), 2);
    assert_int_equal(client_routing_choose(&r, NULL, 52), 0);

    config.batching = false;
    client_routing_init(&r, &config, 3, 1);
    for (uint32_t i = 0; i < 9; i++)
        assert_int_equal(client_routing_choose(&r, NULL, 0), (1 + i) % 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_the_other_clients),
        cmocka_unit_test(a_key_always_goes_to_the_same_partition),
        cmocka_unit_test(without_a_key_one_partition_is_used_unless_told_otherwise),
        cmocka_unit_test(turns_change_with_each_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
