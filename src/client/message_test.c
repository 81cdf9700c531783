/* SPDX-License-Identifier: Apache-2.0
 *
 * message_test.c - messages, ids and maps as users hold them.
 */
#include "base/base_test.h"
#include "client/message.h"

#include <geminga/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_new_message_has_nothing_and_no_null_texts(void **state)
{
    pulsar_message_t *m = pulsar_message_create();

    assert_int_equal(pulsar_message_get_length(m), 0);
    assert_string_equal(pulsar_message_get_partitionKey(m), "");
    assert_string_equal(pulsar_message_get_orderingKey(m), "");
    assert_string_equal(pulsar_message_get_topic_name(m), "");
    assert_string_equal(pulsar_message_get_producer_name(m), "");
    assert_string_equal(pulsar_message_get_replicated_from(m), "");
    assert_string_equal(pulsar_message_get_schemaVersion(m), "");
    assert_string_equal(pulsar_message_get_property(m, "none"), "");
    assert_false(pulsar_message_has_partition_key(m));
    assert_false(pulsar_message_has_schema_version(m));
    assert_int_equal(pulsar_message_get_redelivery_count(m), 0);
    pulsar_message_free(m);
    pulsar_message_free(NULL);
}

static void a_copy_does_not_change_with_its_original(void **state)
{
    pulsar_message_t *a = pulsar_message_create(), *b = pulsar_message_create();

    pulsar_message_set_content(a, "one", 3);
    pulsar_message_set_property(a, "k", "v");
    pulsar_message_set_partition_key(a, "key");
    pulsar_message_copy(a, b);
    assert_ptr_equal(pulsar_message_get_data(a), pulsar_message_get_data(b)); /* not copied */
    pulsar_message_set_content(a, "another", 7);
    pulsar_message_set_property(a, "k", "w");
    pulsar_message_set_partition_key(a, NULL);

    assert_memory_equal(pulsar_message_get_data(b), "one", 3);
    assert_string_equal(pulsar_message_get_property(b, "k"), "v");
    assert_string_equal(pulsar_message_get_partitionKey(b), "key");
    assert_string_equal(pulsar_message_get_property(a, "k"), "w");
    assert_false(pulsar_message_has_partition_key(a));
    pulsar_message_free(a);
    assert_memory_equal(pulsar_message_get_data(b), "one", 3);
    pulsar_message_free(b);
}

static void a_null_value_is_not_an_empty_one(void **state)
{
    pulsar_message_t *m = pulsar_message_create();

    assert_false(pulsar_message_has_null_value(m));
    pulsar_message_set_null_value(m);
    assert_true(pulsar_message_has_null_value(m));
    pulsar_message_set_content(m, "", 0);
    assert_false(pulsar_message_has_null_value(m));
    pulsar_message_free(m);
}

static void borrowed_content_is_not_copied(void **state)
{
    pulsar_message_t *m = pulsar_message_create();
    char bytes[] = "mine";

    pulsar_message_set_allocated_content(m, bytes, 4);
    assert_ptr_equal(pulsar_message_get_data(m), bytes);
    pulsar_message_free(m);
}

static void an_id_survives_its_bytes(void **state)
{
    struct _pulsar_message_id id = {
        .ledger = 123456789012, .entry = 42, .partition = 3, .batch_index = 7, .batch_size = 10, .source = 1};
    int len;
    void *bytes = pulsar_message_id_serialize(&id, &len);
    pulsar_message_id_t *back = pulsar_message_id_deserialize(bytes, (uint32_t)len);
    char *text = pulsar_message_id_str(back);

    assert_string_equal(text, "(123456789012,42,3,7)");
    assert_int_equal(client_message_id_compare(back, &id), 0);
    assert_int_equal(geminga_message_id_partition(back), 3);
    assert_int_equal(back->batch_size, 10);
    for (int cut = 0; cut < len; cut++) {
        pulsar_message_id_t *part = pulsar_message_id_deserialize(bytes, (uint32_t)cut);
        pulsar_message_id_free(part); /* NULL, or an id with less in it */
    }
    free(text);
    free(bytes);
    pulsar_message_id_free(back);
}

static void the_ends_survive_their_bytes_and_are_not_freed(void **state)
{
    const pulsar_message_id_t *ends[] = {pulsar_message_id_earliest(), pulsar_message_id_latest()};

    for (int i = 0; i < 2; i++) {
        struct _pulsar_message_id id = *ends[i];
        int len;
        void *bytes = pulsar_message_id_serialize(&id, &len);
        pulsar_message_id_t *back = pulsar_message_id_deserialize(bytes, (uint32_t)len);
        assert_true(client_message_id_same_entry(back, ends[i]));
        free(bytes);
        pulsar_message_id_free(back);
    }
    assert_true(client_message_id_compare(ends[0], ends[1]) < 0);
}

static void a_batch_is_done_when_each_of_its_messages_was_acknowledged(void **state)
{
    for (uint32_t size = 1; size <= 130; size += 43) {
        struct client_batch_state *s = client_batch_state_new(size);

        for (uint32_t i = 0; i < size; i++) {
            assert_int_equal(client_batch_state_ack(s, i), i == size - 1);
            assert_false(client_batch_state_ack(s, i));
        }
        assert_false(client_batch_state_ack(s, size));
        assert_false(client_batch_state_ack_until(s, size - 1));
        client_batch_state_unref(s);
    }
}

static void a_cumulative_acknowledgement_finishes_a_batch_with_its_last_message(void **state)
{
    struct client_batch_state *s = client_batch_state_new(100);

    assert_false(client_batch_state_ack(s, 50));
    assert_false(client_batch_state_ack_until(s, 98));
    assert_int_equal(s->left, 1);
    assert_true(client_batch_state_ack_until(s, 99));
    client_batch_state_unref(s);
}

static void a_map_is_sorted_and_replaces(void **state)
{
    pulsar_string_map_t *map = pulsar_string_map_create();
    char key[16];

    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k%02d", (i * 7) % 50);
        pulsar_string_map_put(map, key, "old");
    }
    pulsar_string_map_put(map, "k07", "new");
    assert_int_equal(pulsar_string_map_size(map), 50);
    for (int i = 1; i < 50; i++)
        assert_true(strcmp(pulsar_string_map_get_key(map, i - 1), pulsar_string_map_get_key(map, i)) < 0);
    assert_string_equal(pulsar_string_map_get(map, "k07"), "new");
    assert_null(pulsar_string_map_get(map, "k"));
    assert_null(pulsar_string_map_get_key(map, 50));
    assert_null(pulsar_string_map_get_value(map, -1));
    pulsar_string_map_free(map);
}

static void a_list_keeps_its_order(void **state)
{
    pulsar_string_list_t *list = pulsar_string_list_create();

    for (int i = 0; i < 10; i++)
        pulsar_string_list_append(list, i % 2 ? "odd" : "even");
    assert_int_equal(pulsar_string_list_size(list), 10);
    assert_string_equal(pulsar_string_list_get(list, 9), "odd");
    assert_null(pulsar_string_list_get(list, 10));
    pulsar_string_list_free(list);
}

static void every_result_has_a_name_and_a_text(void **state)
{
    for (int r = 0; r <= pulsar_result_Disconnected; r++) {
        assert_non_null(pulsar_result_str((pulsar_result)r));
        assert_non_null(geminga_result_text((pulsar_result)r));
        assert_true(r == 1 || strcmp(pulsar_result_str((pulsar_result)r), "UnknownError") != 0);
    }
    assert_string_equal(pulsar_result_str((pulsar_result)999), "UnknownError");
    assert_true(geminga_result_retryable(pulsar_result_Timeout));
    assert_false(geminga_result_retryable(pulsar_result_TopicNotFound));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_message_has_nothing_and_no_null_texts),
        cmocka_unit_test(a_copy_does_not_change_with_its_original),
        cmocka_unit_test(a_null_value_is_not_an_empty_one),
        cmocka_unit_test(borrowed_content_is_not_copied),
        cmocka_unit_test(an_id_survives_its_bytes),
        cmocka_unit_test(the_ends_survive_their_bytes_and_are_not_freed),
        cmocka_unit_test(a_batch_is_done_when_each_of_its_messages_was_acknowledged),
        cmocka_unit_test(a_cumulative_acknowledgement_finishes_a_batch_with_its_last_message),
        cmocka_unit_test(a_map_is_sorted_and_replaces),
        cmocka_unit_test(a_list_keeps_its_order),
        cmocka_unit_test(every_result_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
