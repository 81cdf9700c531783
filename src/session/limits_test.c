/* SPDX-License-Identifier: Apache-2.0
 *
 * limits_test.c - connections that are too many, that say nothing, or that say it at a crawl: what they cost others.
 */
#include "base/base_test.h"
#include "session/fixture.h"

#include <string.h>

#define TOPIC   "persistent://public/default/t"
#define TYPE(t) WIRE__BASE_COMMAND__TYPE__##t

static int set_up(void **state)
{
    *state = fixture_new(29);
    return 0;
}

static struct server_stats stats(struct fixture *f)
{
    struct server_stats s;

    server_stats_get(f->world.server, &s);
    return s;
}

static size_t used(struct fixture *f, const char *name)
{
    const struct budget *all[SERVER_BUDGETS];

    server_budgets(f->world.server, all);
    for (size_t i = 0; i < SERVER_BUDGETS; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i]->used;
    fail_msg("no budget %s", name);
    return 0;
}

/* ---- too many ---- */

static void connections_beyond_the_limit_are_told_and_hung_up(void **state)
{
    struct fixture *f = *state;

    f->world.options.connections_max = 1;
    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    client_handshake(&f->a);
    client_connect(&f->b, &f->world);
    const Wire__BaseCommand *command = client_expect(&f->b, TYPE(ERROR));
    assert_int_equal(command->error->error, WIRE__SERVER_ERROR__NotAllowedError);
    assert_string_equal(command->error->message, "Reached the maximum number of connections");
    assert_true(client_is_closed(&f->b));
    assert_int_equal(stats(f).connections_refused, 1);
    assert_int_equal(stats(f).connections, 1);
}

static void a_connection_that_says_nothing_makes_place_for_one_that_may(void **state)
{
    struct fixture *f = *state;

    f->world.options.connections_max = 1;
    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    client_connect(&f->b, &f->world);
    client_handshake(&f->b);
    assert_true(client_is_closed(&f->a));
    assert_int_equal(stats(f).connections, 1);
    assert_int_equal(stats(f).connections_evicted, 1);
    assert_int_equal(stats(f).connections_refused, 0);
}

static void connections_of_one_address_beyond_its_limit_are_turned_away(void **state)
{
    struct fixture *f = *state;

    f->world.options.connections_per_address_max = 1;
    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    client_handshake(&f->a);
    client_connect(&f->b, &f->world);
    const Wire__BaseCommand *command = client_expect(&f->b, TYPE(ERROR));
    assert_string_equal(command->error->message, "Reached the maximum number of connections on address");
    assert_true(client_is_closed(&f->b));
    client_free(&f->a);
    session_world_pass(&f->world, 1000);
    client_connect(&f->producer, &f->world);
    client_handshake(&f->producer);
}

/* ---- before CONNECT, and at a crawl ---- */

/* The head of a frame of `size` bytes, and nothing of its rest. */
static void send_head(struct client *c, uint32_t size)
{
    const uint8_t head[] = {
        (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, 0, 0, 0, 1};

    client_send_bytes(c, head, sizeof head);
}

static void a_large_frame_before_connect_is_not_waited_for(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    send_head(&f->a, 64 * 1024 + 1);
    session_world_pass(&f->world, 100);
    assert_true(f->a.closed);
    assert_int_equal(used(f, "receive") + used(f, "handshake"), 0);
}

static void what_comes_before_connect_has_memory_of_its_own(void **state)
{
    struct fixture *f = *state;

    f->world.options.receive_bytes_max = 1024 * 1024; /* and a 32nd of it */
    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    client_connect(&f->b, &f->world);
    send_head(&f->a, 25000);
    session_world_pass(&f->world, 100);
    assert_int_equal(used(f, "receive"), 0);
    send_head(&f->b, 25000);
    session_world_pass(&f->world, 100);
    assert_true(f->a.closed); /* made place */
    assert_false(f->b.closed);
    assert_int_equal(stats(f).connections_evicted, 1);
    assert_in_range(used(f, "handshake"), 25000, 32768);
}

static void a_frame_at_a_crawl_keeps_its_place_while_nobody_wants_it(void **state)
{
    struct fixture *f = *state;

    fixture_open_two(f);
    send_head(&f->b, 1000000);
    for (int i = 0; i < 300; i++) {
        session_world_pass(&f->world, 1000);
        client_send_bytes(&f->b, "x", 1);
    }
    assert_false(f->b.closed);
}

static void a_frame_at_a_crawl_loses_its_place_to_those_who_wait(void **state)
{
    struct fixture *f = *state;

    f->world.options.receive_bytes_max = 1024 * 1024;
    fixture_open_two(f);
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
    send_head(&f->b, 1000000);
    for (int i = 0; i < 20; i++) {
        session_world_pass(&f->world, 1000);
        client_send_bytes(&f->b, "x", 1);
    }
    client_send_entry(&f->a, 1, 0, 700000);
    assert_non_null(client_expect(&f->a, TYPE(SEND_RECEIPT)));
    assert_true(client_is_closed(&f->b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connections_beyond_the_limit_are_told_and_hung_up),
        TEST(a_connection_that_says_nothing_makes_place_for_one_that_may),
        TEST(connections_of_one_address_beyond_its_limit_are_turned_away),
        TEST(a_large_frame_before_connect_is_not_waited_for),
        TEST(what_comes_before_connect_has_memory_of_its_own),
        TEST(a_frame_at_a_crawl_keeps_its_place_while_nobody_wants_it),
        TEST(a_frame_at_a_crawl_loses_its_place_to_those_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
