/* SPDX-License-Identifier: Apache-2.0
 *
 * clients_test.c - which connections share a client.  No broker is there: clients connect when they are used.
 */
#include "base/base_test.h"

#include "services/websocket/clients.h"

#include <stdio.h>

static const struct pulsar_access access_ = {.service_url = "pulsar://127.0.0.1:1"};

static void begin(struct ws_clients *all, struct log *log, bool pass_on)
{
    *log = (struct log){.level = LOG_ERROR};
    ws_clients_init(all, log);
    all->access = &access_;
    all->pass_on = pass_on;
}

static struct web_credentials shown(const char *authorization)
{
    return (struct web_credentials){.authorization = bytes_of_text(authorization)};
}

static struct ws_client *enter_from(struct ws_clients *all, const char *authorization, const char *peer)
{
    const struct web_credentials c = shown(authorization);

    return ws_client_enter(all, &c, peer);
}

static struct ws_client *enter(struct ws_clients *all, const char *authorization)
{
    return enter_from(all, authorization, "10.0.0.1");
}

static unsigned refuse_from(const struct ws_clients *all, const char *authorization, const char *peer)
{
    const struct web_credentials c = shown(authorization);
    char reason[300];

    return ws_clients_refuse(all, &c, peer, reason, sizeof reason);
}

static unsigned refuse(const struct ws_clients *all, const char *authorization)
{
    return refuse_from(all, authorization, "10.0.0.1");
}

static void a_client_is_shared_by_those_who_show_the_same(void **state)
{
    struct ws_clients all;
    struct log log;

    begin(&all, &log, true);
    struct ws_client *a = enter(&all, "Bearer one"), *b = enter(&all, "Bearer two"), *p = enter(&all, "Basic YTpi"),
                     *nobody = enter(&all, "");
    assert_non_null(a);
    assert_ptr_equal(enter(&all, "Bearer one"), a);
    assert_ptr_not_equal(a, b);
    assert_ptr_not_equal(a, p);
    assert_ptr_not_equal(a, nobody);
    assert_ptr_not_equal(ws_client_get(a), ws_client_get(b));
    assert_int_equal(all.count, 4);
    ws_clients_close(&all);
    for (int i = 0; i < 2; i++)
        ws_client_leave(a);
    ws_client_leave(b);
    ws_client_leave(p);
    ws_client_leave(nobody);
    assert_int_equal(all.count, 0);
}

static void it_goes_with_the_last_of_them(void **state)
{
    struct ws_clients all;
    struct log log;

    begin(&all, &log, true);
    struct ws_client *a = enter(&all, "Bearer one");
    assert_ptr_equal(enter(&all, "Bearer one"), a);
    ws_client_leave(a);
    assert_int_equal(all.count, 1);
    ws_client_leave(a);
    assert_int_equal(all.count, 0);
    ws_client_leave(enter(&all, ""));
    assert_int_equal(all.count, 1); /* it has no secret, and the next will come */
    ws_clients_close(&all);
    assert_int_equal(all.count, 0);
}

static void where_nothing_is_passed_on_all_share_one(void **state)
{
    struct ws_clients all;
    struct log log;

    begin(&all, &log, false);
    struct ws_client *a = enter(&all, "Bearer one");
    assert_ptr_equal(enter(&all, "nonsense"), a);
    assert_int_equal(refuse(&all, "nonsense"), 0);
    ws_client_leave(a);
    ws_client_leave(a);
    ws_clients_close(&all);
}

static void what_cannot_be_passed_on_is_refused(void **state)
{
    static const char *const wrong[] = {"Basic %%%", "Basic YQ==", "Basic"};
    struct ws_clients all;
    struct log log;

    begin(&all, &log, true);
    assert_int_equal(refuse(&all, "Digest x"), 401);
    assert_int_equal(refuse(&all, "bearer x"), 401);
    assert_int_equal(refuse(&all, "Bearer x"), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_null(enter(&all, wrong[i]));
    assert_int_equal(all.count, 0);
    ws_clients_close(&all);
}

static void there_are_so_many_and_no_more(void **state)
{
    struct ws_client *clients[WS_CLIENTS_MAX];
    struct ws_clients all;
    struct log log;
    char one[32];

    begin(&all, &log, true);
    for (int i = 0; i < WS_CLIENTS_MAX; i++) {
        snprintf(one, sizeof one, "Bearer %d", i);
        assert_int_equal(refuse(&all, one), 0);
        assert_non_null(clients[i] = enter(&all, one));
        ws_client_proven(clients[i]);
    }
    assert_int_equal(refuse(&all, "Bearer more"), 503);
    assert_null(enter(&all, "Bearer more"));
    assert_int_equal(refuse(&all, "Bearer 3"), 0);
    for (int i = 0; i < WS_CLIENTS_MAX; i++)
        ws_client_leave(clients[i]);
    assert_int_equal(refuse(&all, "Bearer more"), 0);
    ws_clients_close(&all);
}

static void those_the_broker_has_not_taken_yet_are_few_of_an_address_and_some_in_all(void **state)
{
    struct ws_client *clients[WS_UNPROVEN_MAX];
    struct ws_clients all;
    struct log log;
    char one[32], peer[32] = "";

    begin(&all, &log, true);
    for (int i = 0; i < WS_UNPROVEN_MAX; i++) {
        snprintf(one, sizeof one, "Bearer %d", i);
        snprintf(peer, sizeof peer, "10.0.0.%d", i / WS_UNPROVEN_OF_PEER);
        assert_int_equal(refuse_from(&all, one, peer), 0);
        assert_non_null(clients[i] = enter_from(&all, one, peer));
        if ((i + 1) % WS_UNPROVEN_OF_PEER == 0) {
            assert_int_equal(refuse_from(&all, "Basic YTpi", peer), 503);
            assert_null(enter_from(&all, "Basic YTpi", peer));
        }
    }
    assert_int_equal(refuse_from(&all, "Basic YTpi", "10.1.1.1"), 503);
    assert_int_equal(refuse_from(&all, "", "10.1.1.1"), 0);
    ws_client_proven(clients[0]);
    assert_int_equal(refuse_from(&all, "Basic YTpi", "10.1.1.1"), 0);
    assert_int_equal(refuse_from(&all, "Basic YTpi", "10.0.0.0"), 0);
    assert_int_equal(refuse_from(&all, "Basic YTpi", "10.0.0.1"), 503);
    for (int i = 0; i < WS_UNPROVEN_MAX; i++)
        ws_client_leave(clients[i]);
    ws_clients_close(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_shared_by_those_who_show_the_same),
        cmocka_unit_test(it_goes_with_the_last_of_them),
        cmocka_unit_test(where_nothing_is_passed_on_all_share_one),
        cmocka_unit_test(what_cannot_be_passed_on_is_refused),
        cmocka_unit_test(there_are_so_many_and_no_more),
        cmocka_unit_test(those_the_broker_has_not_taken_yet_are_few_of_an_address_and_some_in_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
