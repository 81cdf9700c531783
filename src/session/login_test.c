/* SPDX-License-Identifier: Apache-2.0
 *
 * login_test.c - who is let in, under which role, for how long, and what a proxy may say; in simulated time.
 */
#include "base/base_test.h"
#include "session/fixture.h"
#include "session/session_private.h"

#include <stdlib.h>

#define TOPIC     "persistent://public/default/t"
#define TYPE(t)   WIRE__BASE_COMMAND__TYPE__##t
#define REFRESH_S 60
/* alice:secret, bob:x */
#define PASSWORDS                                                                                                      \
    "data:;base64,YWxpY2U6JGFwcjEkYWJjZGVmZ2gkaDlGV2dVejNuOVl4eWxLTGxSNV"                                              \
    "NRLwpib2I6JGFwcjEkeHkkZGRlV3BoLjltYUd5SlNnZWZrNzgwLgo="
#define SECRET "data:;base64,BwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct jws_key *key_of_secret(void)
{
    static const uint8_t secret[32] = {7};
    struct jws_key *key;

    assert_int_equal(jws_key_from_secret(&key, bytes_of(secret, sizeof secret)), OK);
    return key;
}

static int set_up(void **state)
{
    struct fixture *f = fixture_new(71);

    f->world.authentication.providers = "token,basic";
    f->world.authentication.token_secret_key = SECRET;
    f->world.authentication.basic_conf = PASSWORDS;
    f->world.authentication.refresh_check_s = REFRESH_S;
    *state = f;
    return 0;
}

static int64_t now_s(struct fixture *f)
{
    return loop_wall_ms(sim_host_sys(f->world.broker_host)->loop) / 1000;
}

/* A token of the role that ends in so many seconds, 0: never; to be freed. */
static char *token_of(struct fixture *f, const char *role, int64_t seconds)
{
    struct jws_key *key = key_of_secret();
    struct text text;

    text_init(&text, 4096);
    assert_int_equal(token_make(key, JWS_HS256, NULL, role, seconds ? now_s(f) + seconds : 0, &text), OK);
    jws_key_free(key);
    return text_take(&text);
}

/* ---- what clients say ---- */

struct showing {
    const char *method, *data;
    bool refreshes;
    const char *original, *original_method, *original_data, *proxy_version;
};

static void show(struct fixture *f, struct client *c, struct showing x)
{
    Wire__CommandConnect connect = WIRE__COMMAND_CONNECT__INIT;
    Wire__FeatureFlags flags = WIRE__FEATURE_FLAGS__INIT;

    if (!c->world)
        client_connect(c, &f->world);
    connect.client_version = wire_text("test");
    connect.has_protocol_version = true;
    connect.protocol_version = WIRE_PROTOCOL_VERSION;
    connect.auth_method_name = x.method ? wire_text(x.method) : NULL;
    connect.has_auth_data = x.data != NULL;
    if (x.data)
        connect.auth_data = (ProtobufCBinaryData){.data = (uint8_t *)wire_text(x.data), .len = strlen(x.data)};
    flags.has_supports_auth_refresh = flags.supports_auth_refresh = x.refreshes;
    connect.feature_flags = &flags;
    connect.original_principal = x.original ? wire_text(x.original) : NULL;
    connect.original_auth_method = x.original_method ? wire_text(x.original_method) : NULL;
    connect.original_auth_data = x.original_data ? wire_text(x.original_data) : NULL;
    connect.proxy_version = x.proxy_version ? wire_text(x.proxy_version) : NULL;
    client_send(c, TYPE(CONNECT), &connect);
}

static void assert_let_in(struct client *c)
{
    assert_non_null(client_expect(c, TYPE(CONNECTED)));
}

static void assert_refused_with(struct client *c, Wire__ServerError code, const char *text)
{
    const Wire__BaseCommand *answer = client_expect(c, TYPE(ERROR));

    assert_non_null(answer);
    assert_int_equal(answer->error->error, code);
    assert_true(answer->error->request_id == UINT64_MAX);
    assert_string_equal(answer->error->message, text);
    assert_true(client_is_closed(c));
}

static void assert_refused(struct client *c)
{
    assert_refused_with(c, WIRE__SERVER_ERROR__AuthenticationError, "Failed to authenticate");
}

/* The only session there is. */
static const struct session *the_session(struct fixture *f)
{
    return container_of(f->world.server->sessions.next, struct session, node);
}

static void answer(struct client *c, const char *method, const char *data)
{
    Wire__CommandAuthResponse response = WIRE__COMMAND_AUTH_RESPONSE__INIT;
    Wire__AuthData auth = WIRE__AUTH_DATA__INIT;

    auth.auth_method_name = wire_text(method);
    auth.has_auth_data = true;
    auth.auth_data = (ProtobufCBinaryData){.data = (uint8_t *)wire_text(data), .len = strlen(data)};
    response.response = &auth;
    client_send(c, TYPE(AUTH_RESPONSE), &response);
}

/* Time goes on, and the client says that it lives. */
static void pass(struct fixture *f, struct client *c, unsigned seconds)
{
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;

    for (; seconds > 0; seconds -= seconds < 10 ? seconds : 10) {
        session_world_pass(&f->world, (seconds < 10 ? seconds : 10) * 1000);
        client_send(c, TYPE(PONG), &pong);
    }
    session_world_pass(&f->world, 100);
}

static void assert_works(struct client *c)
{
    assert_int_equal(client_produce(c, 1, TOPIC, "p"), TYPE(PRODUCER_SUCCESS));
}

/* ---- being let in ---- */

static void a_token_is_a_role(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    char *token = token_of(f, "bob", 0);

    show(f, &f->a, (struct showing){.method = "token", .data = token});
    assert_let_in(&f->a);
    assert_string_equal(the_session(f)->who.role, "bob");
    assert_null(the_session(f)->who.original);
    assert_works(&f->a);
    free(token);
}

static void a_password_is_a_role(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    show(f, &f->a, (struct showing){.method = "basic", .data = "alice:secret"});
    assert_let_in(&f->a);
    assert_string_equal(the_session(f)->who.role, "alice");
    client_free(&f->a);
    session_world_pass(&f->world, 100);
    /* The second time it is remembered. */
    show(f, &f->a, (struct showing){.method = "basic", .data = "alice:secret"});
    assert_let_in(&f->a);
    assert_string_equal(the_session(f)->who.role, "alice");
    show(f, &f->b, (struct showing){.method = "basic", .data = "alice:secreT"});
    assert_refused(&f->b);
}

static void who_is_not_believed_is_told_no_more_than_that(void **state)
{
    static const struct showing shown[] = {
        {.method = "token", .data = "nonsense"},
        {.method = "token", .data = ""},
        {.method = "token"},
        {.method = "basic", .data = "alice:wrong"},
        {.method = "basic", .data = "nobody:secret"},
        {.method = "basic", .data = "alice"},
        {.method = "tls"},
        {.method = "none"},
        {.method = "athenz", .data = "x"},
        {.method = NULL},
        {.method = "0123456789012345678901234567890123456789012345678901234567890123456789"},
    };
    struct fixture *f = *state;
    struct server_stats stats;

    session_world_open(&f->world);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        show(f, &f->a, shown[i]);
        assert_refused(&f->a);
        client_free(&f->a);
    }
    char *expired = token_of(f, "bob", -10);
    show(f, &f->a, (struct showing){.method = "token", .data = expired});
    assert_refused(&f->a);
    free(expired);
    session_world_pass(&f->world, 10000);
    server_stats_get(f->world.server, &stats);
    assert_int_equal(stats.connections, 0);
    struct authenticator_stats counts;
    authenticator_stats_get(f->world.authenticator, &counts);
    assert_int_equal(counts.failures[PROVIDER_TOKEN][REFUSED_EXPIRED], 1);
    assert_int_equal(counts.failures[PROVIDER_TOKEN][REFUSED_DATA], 2);
    assert_int_equal(counts.failures[PROVIDER_BASIC][REFUSED_TOKEN], 2);
    assert_int_equal(counts.failures[PROVIDERS][REFUSED_METHOD], 5);
}

static void without_credentials_there_is_the_anonymous_role(void **state)
{
    struct fixture *f = *state;

    f->world.authentication.anonymous_role = "nobody";
    session_world_open(&f->world);
    show(f, &f->a, (struct showing){.method = NULL});
    assert_let_in(&f->a);
    assert_string_equal(the_session(f)->who.role, "nobody");
    show(f, &f->b, (struct showing){.method = "token", .data = "nonsense"});
    assert_refused(&f->b);
}

static void with_authentication_off_whoever_it_is_is_nobody(void **state)
{
    struct fixture *f = *state;

    f->world.authentication.providers = NULL;
    session_world_open(&f->world);
    show(f, &f->a, (struct showing){.method = "token", .data = "nonsense"});
    assert_let_in(&f->a);
    assert_null(the_session(f)->who.role);
    answer(&f->a, "token", "nonsense");
    assert_works(&f->a);
}

static void commands_behind_connect_wait_for_their_turn(void **state)
{
    struct fixture *f = *state;
    Wire__CommandProducer producer = WIRE__COMMAND_PRODUCER__INIT;
    Wire__CommandPing ping = WIRE__COMMAND_PING__INIT;

    session_world_open(&f->world);
    sim_slow(f->world.sim, 2000);
    char *token = token_of(f, "bob", 0);
    show(f, &f->a, (struct showing){.method = "token", .data = token});
    producer.topic = wire_text(TOPIC);
    client_send(&f->a, TYPE(PRODUCER), &producer);
    client_send(&f->a, TYPE(PING), &ping);
    assert_let_in(&f->a);
    assert_non_null(client_expect(&f->a, TYPE(PONG)));
    /* Behind a refusal nothing is heard. */
    show(f, &f->b, (struct showing){.method = "token", .data = "nonsense"});
    client_send(&f->b, TYPE(PRODUCER), &producer);
    assert_refused(&f->b);
    free(token);
}

static void commands_before_connect_close_the_connection(void **state)
{
    struct fixture *f = *state;
    Wire__CommandProducer producer = WIRE__COMMAND_PRODUCER__INIT;

    session_world_open(&f->world);
    producer.topic = wire_text(TOPIC);
    client_connect(&f->a, &f->world);
    client_send(&f->a, TYPE(PRODUCER), &producer);
    assert_true(client_is_closed(&f->a));
    client_connect(&f->b, &f->world);
    answer(&f->b, "basic", "alice:secret");
    assert_true(client_is_closed(&f->b));
}

static void the_time_for_the_handshake_goes_on_while_credentials_are_checked(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    sim_slow(f->world.sim, 100000000); /* up to so long: a day */
    show(f, &f->a, (struct showing){.method = "basic", .data = "alice:secret"});
    session_world_pass(&f->world, 31000);
    assert_true(f->a.closed);
    assert_int_equal(client_count(&f->a, TYPE(CONNECTED)), 0);
}

static void a_connection_that_is_cut_while_it_is_checked_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct server_stats stats;
    struct authenticator_stats counts;

    session_world_open(&f->world);
    for (unsigned steps = 0; steps < 60; steps++) {
        struct client c = {0};
        show(f, &c, (struct showing){.method = "basic", .data = steps % 2 ? "alice:secret" : "alice:wrong"});
        for (unsigned i = 0; i < steps; i++)
            (void)sim_step(f->world.sim);
        client_free(&c);
        session_world_pass(&f->world, 5000);
        server_stats_get(f->world.server, &stats);
        assert_int_equal(stats.connections, 0);
    }
    authenticator_stats_get(f->world.authenticator, &counts);
    assert_int_equal(counts.waiting, 0);
}

static void a_flood_of_wrong_passwords_is_bounded_and_tokens_do_not_wait_behind_it(void **state)
{
    static struct client flood[30];
    struct fixture *f = *state;
    unsigned busy = 0, wrong = 0;

    session_world_open(&f->world);
    sim_slow(f->world.sim, 1000);
    for (unsigned i = 0; i < 30; i++)
        show(f, &flood[i], (struct showing){.method = "basic", .data = "alice:wrong"});
    for (unsigned i = 0; i < 30; i++) {
        const Wire__BaseCommand *error = client_expect(&flood[i], TYPE(ERROR));
        assert_non_null(error);
        busy += error->error->error == WIRE__SERVER_ERROR__ServiceNotReady;
        wrong += error->error->error == WIRE__SERVER_ERROR__AuthenticationError;
    }
    assert_int_equal(busy + wrong, 30);
    assert_true(busy > 0);
    assert_true(wrong >= 8); /* of one host so many wait at a time */
    for (unsigned i = 0; i < 30; i++)
        client_free(&flood[i]);
    show(f, &f->a, (struct showing){.method = "basic", .data = "alice:secret"});
    assert_let_in(&f->a);
}

/* ---- credentials that end ---- */

static void expired_credentials_are_asked_for_again(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    char *token = token_of(f, "bob", 100);
    show(f, &f->a, (struct showing){.method = "token", .data = token, .refreshes = true});
    assert_let_in(&f->a);
    pass(f, &f->a, 115);
    assert_int_equal(client_count(&f->a, TYPE(AUTH_CHALLENGE)), 0);
    pass(f, &f->a, 7);
    const Wire__BaseCommand *challenge = client_expect(&f->a, TYPE(AUTH_CHALLENGE));
    assert_non_null(challenge);
    assert_string_equal(challenge->auth_challenge->challenge->auth_method_name, "token");
    assert_true(
        bytes_equal(wire_bytes(challenge->auth_challenge->challenge->auth_data), bytes_of_text("PulsarAuthRefresh")));
    assert_int_equal(challenge->auth_challenge->protocol_version, WIRE_PROTOCOL_VERSION);
    free(token);
    token = token_of(f, "bob", 100);
    answer(&f->a, "token", token);
    pass(f, &f->a, 90);
    assert_false(f->a.closed);
    assert_works(&f->a);
    /* And again. */
    assert_non_null(client_expect(&f->a, TYPE(AUTH_CHALLENGE)));
    free(token);
}

static void who_does_not_answer_the_challenge_is_let_go(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    char *token = token_of(f, "bob", 10);
    show(f, &f->a, (struct showing){.method = "token", .data = token, .refreshes = true});
    assert_let_in(&f->a);
    pass(f, &f->a, REFRESH_S + 2);
    assert_int_equal(client_count(&f->a, TYPE(AUTH_CHALLENGE)), 1);
    assert_works(&f->a); /* until then it goes on */
    pass(f, &f->a, REFRESH_S);
    assert_true(f->a.closed);
    free(token);
}

static void a_client_that_does_not_refresh_is_let_go_when_its_credentials_end(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    char *token = token_of(f, "bob", 10), *forever = token_of(f, "bob", 0);
    show(f, &f->a, (struct showing){.method = "token", .data = token});
    assert_let_in(&f->a);
    show(f, &f->b, (struct showing){.method = "token", .data = forever});
    assert_let_in(&f->b);
    session_world_pass(&f->world, 25000);
    assert_false(f->a.closed);
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;
    for (unsigned i = 0; i < 4; i++) {
        client_send(&f->a, TYPE(PONG), &pong);
        client_send(&f->b, TYPE(PONG), &pong);
        session_world_pass(&f->world, 10000);
    }
    assert_true(f->a.closed);
    assert_false(f->b.closed);
    free(token);
    free(forever);
}

static void the_role_may_not_change(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    char *token = token_of(f, "bob", 10), *other = token_of(f, "carol", 0);
    show(f, &f->a, (struct showing){.method = "token", .data = token, .refreshes = true});
    assert_let_in(&f->a);
    pass(f, &f->a, REFRESH_S + 2);
    assert_non_null(client_expect(&f->a, TYPE(AUTH_CHALLENGE)));
    answer(&f->a, "token", other);
    assert_true(client_is_closed(&f->a));
    assert_int_equal(client_count(&f->a, TYPE(ERROR)), 0);
    free(token);
    free(other);
}

static void credentials_that_are_asked_for_again_must_be_good(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    char *token = token_of(f, "bob", 10);
    show(f, &f->a, (struct showing){.method = "token", .data = token, .refreshes = true});
    assert_let_in(&f->a);
    pass(f, &f->a, REFRESH_S + 2);
    assert_non_null(client_expect(&f->a, TYPE(AUTH_CHALLENGE)));
    answer(&f->a, "token", token); /* the same, which has expired */
    assert_refused(&f->a);
    free(token);
}

static void a_client_may_show_new_credentials_before_it_is_asked(void **state)
{
    struct fixture *f = *state;

    session_world_open(&f->world);
    char *token = token_of(f, "bob", 50), *longer = token_of(f, "bob", 1000);
    show(f, &f->a, (struct showing){.method = "token", .data = token});
    assert_let_in(&f->a);
    answer(&f->a, "token", longer);
    assert_works(&f->a); /* is handled behind it */
    pass(f, &f->a, 2 * REFRESH_S);
    assert_false(f->a.closed);
    free(token);
    free(longer);
}

static void an_answer_without_credentials_and_one_of_the_anonymous_role_are_refused(void **state)
{
    struct fixture *f = *state;
    Wire__CommandAuthResponse empty = WIRE__COMMAND_AUTH_RESPONSE__INIT;

    f->world.authentication.anonymous_role = "nobody";
    session_world_open(&f->world);
    show(f, &f->a, (struct showing){.method = "basic", .data = "alice:secret"});
    assert_let_in(&f->a);
    client_send(&f->a, TYPE(AUTH_RESPONSE), &empty);
    assert_true(client_is_closed(&f->a));
    show(f, &f->b, (struct showing){.method = "none"});
    assert_let_in(&f->b);
    answer(&f->b, "basic", "alice:secret");
    assert_refused(&f->b);
}

/* ---- proxies ---- */

static void open_for_proxies(struct fixture *f, bool original)
{
    f->world.authentication.proxy_roles = "gate, door";
    f->world.authentication.authenticate_original = original;
    f->world.authorities.super_users = "admin"; /* roles mean something */
    session_world_open(&f->world);
}

static void a_proxy_speaks_for_somebody(void **state)
{
    struct fixture *f = *state;

    open_for_proxies(f, false);
    char *token = token_of(f, "door", 0);
    show(f, &f->a, (struct showing){.method = "token", .data = token, .original = "bob", .proxy_version = "4.0"});
    assert_let_in(&f->a);
    assert_string_equal(the_session(f)->who.role, "door");
    assert_string_equal(the_session(f)->who.original, "bob");
    free(token);
}

static void roles_that_do_not_go_together_are_refused(void **state)
{
    struct fixture *f = *state;

    open_for_proxies(f, false);
    char *door = token_of(f, "door", 0), *bob = token_of(f, "bob", 0);
    const struct showing shown[] = {
        {.method = "token", .data = door},
        {.method = "token", .data = door, .original = " "},
        {.method = "token", .data = door, .original = "gate"},
        {.method = "token", .data = door, .original = "door"},
        {.method = "token", .data = bob, .original = "carol"},
        {.method = "token", .data = bob, .original = "door"},
    };
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        show(f, &f->a, shown[i]);
        assert_refused_with(&f->a, WIRE__SERVER_ERROR__AuthorizationError, "Invalid roles.");
        client_free(&f->a);
    }
    show(f, &f->a, (struct showing){.method = "token", .data = bob, .proxy_version = "4.0"});
    assert_refused_with(&f->a, WIRE__SERVER_ERROR__AuthorizationError,
                        "Must not set proxyVersion without connecting as a ProxyRole.");
    client_free(&f->a);
    show(f, &f->a, (struct showing){.method = "token", .data = bob, .original = ""});
    assert_let_in(&f->a);
    client_free(&f->a);
    show(f, &f->a,
         (struct showing){.method = "token", .data = door, .original = "__websocket_dummy_original_principle"});
    assert_let_in(&f->a);
    free(door);
    free(bob);
}

static void the_client_behind_a_proxy_shows_who_it_is(void **state)
{
    struct fixture *f = *state;

    open_for_proxies(f, true);
    char *door = token_of(f, "door", 0), *bob = token_of(f, "bob", 0), *gate = token_of(f, "gate", 0);
    /* What the proxy says of its role means nothing then. */
    show(f, &f->a,
         (struct showing){
             .method = "token", .data = door, .original = "admin", .original_method = "token", .original_data = bob});
    assert_let_in(&f->a);
    assert_string_equal(the_session(f)->who.original, "bob");
    client_free(&f->a);
    const struct showing refused[] = {
        {.method = "token", .data = door, .original = "bob", .original_method = "token", .original_data = "nonsense"},
        {.method = "token", .data = door, .original = "bob", .original_method = "token"},
        {.method = "token", .data = door, .original = "bob", .original_method = "basic", .original_data = "bob:no"},
        {.method = "token", .data = door, .original = "bob"},
        {.method = "token", .data = "nonsense", .original = "bob", .original_method = "token", .original_data = bob},
        {.method = "token", .data = door, .original = "bob", .original_method = "tls"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        show(f, &f->a, refused[i]);
        assert_refused(&f->a);
        client_free(&f->a);
    }
    show(f, &f->a,
         (struct showing){
             .method = "token", .data = door, .original = "bob", .original_method = "token", .original_data = gate});
    assert_refused_with(&f->a, WIRE__SERVER_ERROR__AuthorizationError, "Invalid roles.");
    client_free(&f->a);
    show(f, &f->a,
         (struct showing){.method = "token",
                          .data = door,
                          .original = "x",
                          .original_method = "basic",
                          .original_data = "alice:secret"});
    assert_let_in(&f->a);
    assert_string_equal(the_session(f)->who.original, "alice");
    free(door);
    free(bob);
    free(gate);
}

static void the_credentials_behind_a_proxy_are_those_that_are_asked_for_again(void **state)
{
    struct fixture *f = *state;

    open_for_proxies(f, true);
    char *door = token_of(f, "door", 0), *bob = token_of(f, "bob", 10), *more = token_of(f, "bob", 1000);
    show(f, &f->a,
         (struct showing){.method = "token",
                          .data = door,
                          .original = "bob",
                          .original_method = "token",
                          .original_data = bob,
                          .refreshes = true});
    assert_let_in(&f->a);
    pass(f, &f->a, REFRESH_S + 2);
    assert_non_null(client_expect(&f->a, TYPE(AUTH_CHALLENGE)));
    answer(&f->a, "token", more);
    pass(f, &f->a, 2 * REFRESH_S);
    assert_false(f->a.closed);
    answer(&f->a, "token", door); /* the proxy's own */
    assert_true(client_is_closed(&f->a));
    free(door);
    free(bob);
    free(more);
}

static void a_proxy_that_forwards_no_credentials_comes_again_when_its_own_end(void **state)
{
    struct fixture *f = *state;

    open_for_proxies(f, false);
    char *door = token_of(f, "door", 10);
    show(f, &f->a, (struct showing){.method = "token", .data = door, .original = "bob", .refreshes = true});
    assert_let_in(&f->a);
    pass(f, &f->a, REFRESH_S + 2);
    assert_true(f->a.closed);
    assert_int_equal(client_count(&f->a, TYPE(AUTH_CHALLENGE)), 0);
    free(door);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_a_role),
        TEST(a_password_is_a_role),
        TEST(who_is_not_believed_is_told_no_more_than_that),
        TEST(without_credentials_there_is_the_anonymous_role),
        TEST(with_authentication_off_whoever_it_is_is_nobody),
        TEST(commands_behind_connect_wait_for_their_turn),
        TEST(commands_before_connect_close_the_connection),
        TEST(the_time_for_the_handshake_goes_on_while_credentials_are_checked),
        TEST(a_connection_that_is_cut_while_it_is_checked_leaves_nothing_behind),
        TEST(a_flood_of_wrong_passwords_is_bounded_and_tokens_do_not_wait_behind_it),
        TEST(expired_credentials_are_asked_for_again),
        TEST(who_does_not_answer_the_challenge_is_let_go),
        TEST(a_client_that_does_not_refresh_is_let_go_when_its_credentials_end),
        TEST(the_role_may_not_change),
        TEST(credentials_that_are_asked_for_again_must_be_good),
        TEST(a_client_may_show_new_credentials_before_it_is_asked),
        TEST(an_answer_without_credentials_and_one_of_the_anonymous_role_are_refused),
        TEST(a_proxy_speaks_for_somebody),
        TEST(roles_that_do_not_go_together_are_refused),
        TEST(the_client_behind_a_proxy_shows_who_it_is),
        TEST(the_credentials_behind_a_proxy_are_those_that_are_asked_for_again),
        TEST(a_proxy_that_forwards_no_credentials_comes_again_when_its_own_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
