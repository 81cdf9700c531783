/* SPDX-License-Identifier: Apache-2.0
 *
 * acks_test.c - acknowledgements that wait to be sent together.
 */
#include "base/base_test.h"
#include "client/acks.h"

struct sent {
    unsigned commands, entries;
    size_t largest;
    int64_t cumulative; /* entry; -1: none */
};

static void on_ack(void *ctx, const Wire__CommandAck *ack)
{
    struct sent *s = ctx;

    assert_int_equal(ack->consumer_id, 7);
    s->commands++;
    if (ack->ack_type == WIRE__COMMAND_ACK__ACK_TYPE__Cumulative) {
        assert_int_equal(ack->n_message_id, 1);
        s->cumulative = (int64_t)ack->message_id[0]->entry_id;
        return;
    }
    s->entries += (unsigned)ack->n_message_id;
    s->largest = ack->n_message_id > s->largest ? ack->n_message_id : s->largest;
}

static void what_was_noted_is_sent_once(void **state)
{
    struct client_acks a;
    struct sent s = {.cumulative = -1};

    client_acks_init(&a, 100);
    for (int i = 0; i < 5; i++)
        assert_int_equal(client_acks_add(&a, 1, i), OK);
    client_acks_send(&a, 7, on_ack, &s);
    client_acks_send(&a, 7, on_ack, &s);

    assert_int_equal(s.commands, 1);
    assert_int_equal(s.entries, 5);
    assert_true(client_acks_empty(&a));
    client_acks_deinit(&a);
}

static void at_the_bound_they_must_be_sent(void **state)
{
    struct client_acks a;

    client_acks_init(&a, 3);
    assert_int_equal(client_acks_add(&a, 1, 0), OK);
    assert_int_equal(client_acks_add(&a, 1, 1), OK);
    assert_int_equal(client_acks_add(&a, 1, 2), ERR_FULL);
    client_acks_deinit(&a);

    client_acks_init(&a, -1);
    for (int i = 0; i < CLIENT_ACKS_MAX - 1; i++)
        assert_int_equal(client_acks_add(&a, 1, i), OK);
    assert_int_equal(client_acks_add(&a, 1, CLIENT_ACKS_MAX), ERR_FULL);
    client_acks_deinit(&a);
}

static void many_are_sent_in_commands_of_a_thousand(void **state)
{
    struct client_acks a;
    struct sent s = {.cumulative = -1};

    client_acks_init(&a, 0);
    for (int i = 0; i < 2500; i++)
        assert_int_equal(client_acks_add(&a, 1, i), OK);
    client_acks_send(&a, 7, on_ack, &s);

    assert_int_equal(s.commands, 3);
    assert_int_equal(s.entries, 2500);
    assert_int_equal(s.largest, 1000);
    client_acks_deinit(&a);
}

static void only_the_furthest_cumulative_one_is_sent(void **state)
{
    struct client_acks a;
    struct sent s = {.cumulative = -1};

    client_acks_init(&a, 100);
    client_acks_add_cumulative(&a, 1, 5);
    client_acks_add_cumulative(&a, 1, 9);
    client_acks_add_cumulative(&a, 1, 7);
    client_acks_send(&a, 7, on_ack, &s);
    assert_int_equal(s.commands, 1);
    assert_int_equal(s.cumulative, 9);

    client_acks_add_cumulative(&a, 1, 3); /* what was sent is forgotten: after a seek it is further again */
    client_acks_send(&a, 7, on_ack, &s);
    assert_int_equal(s.cumulative, 3);
    client_acks_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_noted_is_sent_once),
        cmocka_unit_test(at_the_bound_they_must_be_sent),
        cmocka_unit_test(many_are_sent_in_commands_of_a_thousand),
        cmocka_unit_test(only_the_furthest_cumulative_one_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
