/* SPDX-License-Identifier: Apache-2.0
 *
 * peer_test.c - the room that all connections share.
 */
#include "services/websocket/peer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_queue_is_no_larger_than_wanted_nor_than_the_bound(void **state)
{
    struct ws_room room = {0};

    assert_int_equal(ws_room_enter(&room, 0), 0);
    assert_int_equal(ws_room_enter(&room, 2), 2);
    assert_int_equal(ws_room_enter(&room, 1000), WS_RECEIVER_QUEUE);
}

static void all_queues_have_a_bound_and_who_comes_then_has_one_message(void **state)
{
    struct ws_room room = {0};

    for (unsigned i = 0; i < 1000; i++)
        (void)ws_room_enter(&room, 1000);
    assert_int_equal(room.messages, WS_ROOM_MESSAGES + 1000 - WS_ROOM_MESSAGES / WS_RECEIVER_QUEUE);
    assert_int_equal(ws_room_enter(&room, 1000), 1);
}

static void who_leaves_makes_room(void **state)
{
    struct ws_room room = {0};

    for (unsigned i = 0; i < WS_ROOM_MESSAGES / WS_RECEIVER_QUEUE; i++)
        (void)ws_room_enter(&room, 1000);
    assert_int_equal(ws_room_enter(&room, 1000), 1);
    ws_room_leave(&room, 1);
    ws_room_leave(&room, WS_RECEIVER_QUEUE);
    assert_int_equal(ws_room_enter(&room, 1000), WS_RECEIVER_QUEUE);
}

static void beyond_the_bytes_of_all_only_who_has_nothing_waiting_gets_a_message(void **state)
{
    struct ws_room room = {.bytes = WS_ROOM_BYTES - 1};

    assert_true(ws_room_for_one(&room, 1));
    assert_false(ws_room_for_one(&room, 2 * 1024 * 1024));
    room.bytes = WS_ROOM_BYTES;
    assert_false(ws_room_for_one(&room, 1));
    assert_true(ws_room_for_one(&room, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_is_no_larger_than_wanted_nor_than_the_bound),
        cmocka_unit_test(all_queues_have_a_bound_and_who_comes_then_has_one_message),
        cmocka_unit_test(who_leaves_makes_room),
        cmocka_unit_test(beyond_the_bytes_of_all_only_who_has_nothing_waiting_gets_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
