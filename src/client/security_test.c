/* SPDX-License-Identifier: Apache-2.0
 *
 * security_test.c - who a client says it is, to whom, and what it does when it is not believed; on a simulated network.
 *
 * TLS itself is sys/tls_net's: here its network is one that does as the test says.
 */
#include "base/base_test.h"

#include "client/connection.h"
#include "client/fake_broker.h"
#include "client/publisher.h"
#include <geminga/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOPIC "persistent://public/default/t"

/* A network that fails each attempt with `err`, or is another one. */
struct fake_tls {
    struct net net;
    struct timer timer;
    struct connector *connector;
    enum err err;
    int attempts;
};

struct world {
    struct sim *sim;
    struct fake_broker *broker;
    struct sim_host *host;
    struct _pulsar_client_configuration config;
    struct _pulsar_producer_configuration producer;
    struct client_core core;
    struct client_publisher *publisher;
    struct fake_tls tls;
    bool created, closed, drained;
    pulsar_result result;
};

static void quiet(void *ctx, const char *text, size_t len)
{
}

static struct log silent = {.level = LOG_ERROR, .line = quiet};

static struct world *world_at(const char *url)
{
    struct world *w = calloc(1, sizeof *w);

    w->sim = sim_new(1);
    w->broker = fake_broker_new(w->sim);
    w->host = sim_host_new(w->sim, "client", NULL);
    client_config_init(&w->config);
    client_producer_config_init(&w->producer);
    assert_int_equal(client_core_init(&w->core, sim_host_sys(w->host), &silent, url, &w->config), OK);
    assert_int_equal(client_core_refusal(&w->core), pulsar_result_Ok);
    return w;
}

/* Takes `auth`. */
static struct world *world_as(pulsar_authentication_t *auth)
{
    struct world *w = world_at(FAKE_URL);

    assert_non_null(auth);
    assert_int_equal(client_auth_copy(&w->config.auth, auth), OK);
    pulsar_authentication_free(auth);
    return w;
}

static void on_created(struct client_publisher *p, pulsar_result result)
{
    struct world *w = p->owner;

    w->created = true;
    w->result = result;
}

static bool is_created(void *ctx)
{
    return ((struct world *)ctx)->created;
}

static pulsar_result create(struct world *w)
{
    assert_int_equal(client_publisher_new(&w->publisher, &w->core, &w->producer, TOPIC, w, on_created), OK);
    fake_run_until(w->sim, is_created, w);
    return w->result;
}

static bool is_attached(void *ctx)
{
    return atomic_load(&((struct world *)ctx)->publisher->attached);
}

static void on_closed(struct client_publisher *p, pulsar_result result)
{
    ((struct world *)p->owner)->closed = true;
}

static bool is_closed(void *ctx)
{
    return ((struct world *)ctx)->closed;
}

static void on_drained(struct client_core *core)
{
    container_of(core, struct world, core)->drained = true;
}

static bool is_drained(void *ctx)
{
    return ((struct world *)ctx)->drained;
}

static void world_free(struct world *w)
{
    if (w->publisher && w->publisher->state != PUBLISHER_CLOSED) {
        client_publisher_close(w->publisher, false, on_closed);
        fake_run_until(w->sim, is_closed, w);
    }
    client_publisher_free(w->publisher);
    client_core_stop(&w->core, on_drained);
    fake_run_until(w->sim, is_drained, w);
    client_core_deinit(&w->core);
    fake_broker_free(w->broker);
    sim_host_free(w->host);
    sim_free(w->sim);
    client_producer_config_deinit(&w->producer);
    client_config_deinit(&w->config);
    free(w);
}

static unsigned heard(const struct world *w, Wire__BaseCommand__Type type)
{
    return w->broker->heard[type];
}

/* ---- what is shown ---- */

static void each_way_shows_its_method_and_its_proof(void **state)
{
    struct {
        pulsar_authentication_t *auth;
        const char *shown;
    } rows[] = {
        {pulsar_authentication_token_create("a.b.c"), "token:a.b.c"},
        {pulsar_authentication_create("token", "token:a.b.c"), "token:a.b.c"},
        {pulsar_authentication_basic_create("ann", "p:w"), "basic:ann:p:w"},
        {pulsar_authentication_create("basic", "{\"username\":\"ann\",\"password\":\"pw\"}"), "basic:ann:pw"},
        {pulsar_authentication_tls_create("/c.pem", "/k.pem"), "tls:"},
        {pulsar_authentication_create(NULL, NULL), ":"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = world_as(rows[i].auth);

        assert_int_equal(create(w), pulsar_result_Ok);
        assert_string_equal(w->broker->auth, rows[i].shown);
        world_free(w);
    }
}

static char *supply(void *ctx)
{
    int *calls = ctx;
    char *token = NULL;

    assert_true(asprintf(&token, "token-%d", ++*calls) > 0);
    return token;
}

static void the_supplier_is_asked_for_each_connection_and_each_challenge(void **state)
{
    int calls = 0;
    struct world *w = world_as(pulsar_authentication_token_create_with_supplier(supply, &calls));

    assert_int_equal(create(w), pulsar_result_Ok);
    assert_string_equal(w->broker->auth, "token:token-1");
    fake_broker_challenge(w->broker);
    fake_run_for(w->broker, 1000);
    assert_string_equal(w->broker->auth, "token:token-2");
    assert_int_equal(w->broker->connections, 1);

    fake_broker_cut(w->broker);
    fake_run_for(w->broker, 10000);
    assert_true(is_attached(w));
    assert_string_equal(w->broker->auth, "token:token-3");
    assert_int_equal(calls, 3);
    world_free(w);
}

static void token_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void a_tokens_file_that_was_replaced_is_shown_as_it_is_now(void **state)
{
    char path[] = "/tmp/geminga-client-test-XXXXXX", params[80];
    struct world *w;

    close(mkstemp(path));
    token_write(path, "old\n");
    (void)snprintf(params, sizeof params, "file://%s", path);
    w = world_as(pulsar_authentication_create("token", params));
    assert_int_equal(create(w), pulsar_result_Ok);
    assert_string_equal(w->broker->auth, "token:old");
    token_write(path, "new\n");
    fake_broker_challenge(w->broker);
    fake_run_for(w->broker, 1000);
    assert_string_equal(w->broker->auth, "token:new");
    world_free(w);
    unlink(path);
}

static void a_challenge_before_the_connection_is_ready_is_answered(void **state)
{
    struct world *w = world_as(pulsar_authentication_token_create("abc"));

    w->broker->challenges = true;
    assert_int_equal(create(w), pulsar_result_Ok);
    assert_int_equal(heard(w, WIRE__BASE_COMMAND__TYPE__AUTH_RESPONSE), 1);
    world_free(w);
}

/* ---- nothing to show ---- */

static char *supply_nothing(void *ctx)
{
    return NULL;
}

static void without_a_token_where_there_should_be_one_nothing_is_sent(void **state)
{
    static const char *const files[] = {"file:///nowhere/token", "env:GEMINGA_TEST_NO_SUCH_VARIABLE"};

    for (size_t i = 0; i < 3; i++) {
        struct world *w = world_as(i < 2 ? pulsar_authentication_create("token", files[i])
                                         : pulsar_authentication_token_create_with_supplier(supply_nothing, NULL));

        assert_int_equal(create(w), pulsar_result_ErrorGettingAuthenticationData);
        assert_int_equal(heard(w, WIRE__BASE_COMMAND__TYPE__CONNECT), 0);
        assert_int_equal(w->broker->connections, 1);
        world_free(w);
    }
}

static void who_shows_nothing_and_is_asked_hangs_up(void **state)
{
    struct world *w = world_at(FAKE_URL);

    w->broker->challenges = true;
    assert_int_equal(create(w), pulsar_result_ErrorGettingAuthenticationData);
    assert_int_equal(heard(w, WIRE__BASE_COMMAND__TYPE__AUTH_RESPONSE), 0);
    world_free(w);
}

static void what_is_not_built_or_makes_no_sense_is_refused_before_anybody_is_connected_to(void **state)
{
    struct {
        pulsar_authentication_t *auth;
        pulsar_result result;
    } rows[] = {
        {pulsar_authentication_athenz_create("{}"), pulsar_result_OperationNotSupported},
        {pulsar_authentication_oauth2_create("{}"), pulsar_result_OperationNotSupported},
        {pulsar_authentication_create("/usr/lib/plugin.so", "x"), pulsar_result_OperationNotSupported},
        {pulsar_authentication_create("basic", "{\"userId\":\"a\"}"), pulsar_result_InvalidConfiguration},
        {pulsar_authentication_token_create(""), pulsar_result_InvalidConfiguration},
        {pulsar_authentication_tls_create("/c.pem", NULL), pulsar_result_InvalidConfiguration},
        {pulsar_authentication_basic_create("a:b", "c"), pulsar_result_InvalidConfiguration},
        {pulsar_authentication_token_create_with_supplier(NULL, NULL), pulsar_result_InvalidConfiguration},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_non_null(geminga_authentication_refusal(rows[i].auth));
        struct world *w = world_as(rows[i].auth);
        assert_int_equal(client_core_refusal(&w->core), rows[i].result);
        world_free(w);
    }
}

/* ---- not believed ---- */

static void who_is_not_believed_fails_at_once_and_does_not_try_again(void **state)
{
    static const struct {
        Wire__ServerError refusal;
        pulsar_result result;
    } rows[] = {{WIRE__SERVER_ERROR__AuthenticationError, pulsar_result_AuthenticationError},
                {WIRE__SERVER_ERROR__AuthorizationError, pulsar_result_AuthorizationError}};

    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_as(pulsar_authentication_token_create("abc"));

        w->broker->refusal = rows[i].refusal;
        w->broker->refuse[WIRE__BASE_COMMAND__TYPE__CONNECT] = 1000;
        assert_int_equal(create(w), rows[i].result);
        assert_int_equal(heard(w, WIRE__BASE_COMMAND__TYPE__CONNECT), 1);
        fake_run_for(w->broker, 60000);
        assert_int_equal(heard(w, WIRE__BASE_COMMAND__TYPE__CONNECT), 1);
        world_free(w);
    }
}

static void who_is_not_allowed_to_look_a_topic_up_fails_at_once(void **state)
{
    struct world *w = world_as(pulsar_authentication_token_create("abc"));

    w->broker->refusal = WIRE__SERVER_ERROR__AuthorizationError;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__LOOKUP] = 1000;
    assert_int_equal(create(w), pulsar_result_AuthorizationError);
    world_free(w);
}

static void a_producer_whose_token_is_believed_no_more_comes_back_with_a_fresh_one(void **state)
{
    int calls = 0;
    struct world *w = world_as(pulsar_authentication_token_create_with_supplier(supply, &calls));

    assert_int_equal(create(w), pulsar_result_Ok);
    w->broker->refusal = WIRE__SERVER_ERROR__AuthenticationError;
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__AUTH_RESPONSE] = 1; /* the second token is refused, too late */
    w->broker->refuse[WIRE__BASE_COMMAND__TYPE__CONNECT] = 1;       /* and the third */
    fake_broker_challenge(w->broker);
    fake_run_for(w->broker, 10000);
    assert_true(is_attached(w));
    assert_string_equal(w->broker->auth, "token:token-4");
    assert_int_equal(heard(w, WIRE__BASE_COMMAND__TYPE__CONNECT), 3);
    world_free(w);
}

/* ---- TLS ---- */

static void tls_answer(struct timer *timer)
{
    struct fake_tls *t = container_of(timer, struct fake_tls, timer);
    struct connector *c = t->connector;

    t->connector = NULL;
    c->done(c, t->err, NULL);
}

static enum err tls_connect(struct net *net, const char *host, uint16_t port, uint64_t timeout_ms, struct connector *c)
{
    struct fake_tls *t = container_of(net, struct fake_tls, net);

    assert_null(t->connector);
    t->connector = c;
    t->attempts++;
    timer_start_ms(&t->timer, 1);
    return OK;
}

static void tls_connect_cancel(struct net *net, struct connector *c)
{
    struct fake_tls *t = container_of(net, struct fake_tls, net);

    timer_stop(&t->timer);
    t->connector = NULL;
}

static const struct net_ops tls_ops = {.connect = tls_connect, .connect_cancel = tls_connect_cancel};

static struct net *tls_failing(struct client_core *core, const char **why)
{
    return &container_of(core, struct world, core)->tls.net;
}

static struct net *tls_in_name_only(struct client_core *core, const char **why)
{
    return core->sys->net;
}

static struct net *tls_impossible(struct client_core *core, const char **why)
{
    *why = "the file of certificates is not there";
    return NULL;
}

static struct world *world_with_tls(enum err err)
{
    struct world *w = world_at(FAKE_TLS_URL);

    w->tls = (struct fake_tls){.net.ops = &tls_ops, .err = err};
    timer_init(&w->tls.timer, w->core.sys->loop, tls_answer);
    w->core.tls_net = err == OK ? tls_in_name_only : tls_failing;
    w->broker->tls_url = FAKE_TLS_URL;
    w->broker->url = NULL;
    return w;
}

static void a_certificate_that_does_not_hold_and_a_peer_without_tls_fail_at_once(void **state)
{
    static const enum err errors[] = {ERR_DENIED, ERR_PROTOCOL};

    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_with_tls(errors[i]);

        assert_int_equal(create(w), pulsar_result_ConnectError);
        assert_int_equal(w->tls.attempts, 1);
        world_free(w);
    }
}

static void a_handshake_that_is_cut_is_tried_again_for_a_while(void **state)
{
    struct world *w = world_with_tls(ERR_CLOSED);

    assert_int_equal(create(w), pulsar_result_ConnectError);
    assert_true(w->tls.attempts > 3);
    world_free(w);
}

static void files_of_tls_that_cannot_be_used_fail_at_once(void **state)
{
    struct world *w = world_with_tls(OK);

    w->core.tls_net = tls_impossible;
    assert_int_equal(create(w), pulsar_result_ConnectError);
    assert_int_equal(w->broker->connections, 0);
    world_free(w);
}

static void with_tls_the_address_with_tls_is_taken(void **state)
{
    struct world *w = world_with_tls(OK);

    w->broker->url = "pulsar://elsewhere:6650";
    w->broker->redirects = 1;
    assert_int_equal(create(w), pulsar_result_Ok);
    world_free(w);
}

static void nobody_leads_a_client_out_of_tls(void **state)
{
    static const char *const addresses[] = {NULL, FAKE_URL, "http://broker:6650", ""};

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct world *w = world_with_tls(OK);

        w->config.operation_timeout_s = 2;
        w->broker->url = FAKE_URL;
        w->broker->tls_url = addresses[i];
        w->broker->redirects = (int)i % 2;
        assert_int_equal(create(w), pulsar_result_LookupError);
        assert_int_equal(w->broker->connections, 1);
        world_free(w);
    }
}

static void a_producer_that_is_sent_to_a_place_without_tls_looks_up_again(void **state)
{
    struct world *w = world_with_tls(OK);
    const unsigned lookups = 2;

    assert_int_equal(create(w), pulsar_result_Ok);
    fake_broker_close_producers(w->broker, FAKE_URL);
    fake_run_for(w->broker, 10000);
    assert_true(is_attached(w));
    assert_int_equal(heard(w, WIRE__BASE_COMMAND__TYPE__LOOKUP), lookups);
    world_free(w);
}

static void without_tls_no_address_with_it_is_taken(void **state)
{
    struct world *w = world_at(FAKE_URL);

    w->config.operation_timeout_s = 2;
    w->broker->url = FAKE_TLS_URL;
    w->broker->tls_url = FAKE_TLS_URL;
    assert_int_equal(create(w), pulsar_result_LookupError);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_shows_its_method_and_its_proof),
        cmocka_unit_test(the_supplier_is_asked_for_each_connection_and_each_challenge),
        cmocka_unit_test(a_tokens_file_that_was_replaced_is_shown_as_it_is_now),
        cmocka_unit_test(a_challenge_before_the_connection_is_ready_is_answered),
        cmocka_unit_test(without_a_token_where_there_should_be_one_nothing_is_sent),
        cmocka_unit_test(who_shows_nothing_and_is_asked_hangs_up),
        cmocka_unit_test(what_is_not_built_or_makes_no_sense_is_refused_before_anybody_is_connected_to),
        cmocka_unit_test(who_is_not_believed_fails_at_once_and_does_not_try_again),
        cmocka_unit_test(who_is_not_allowed_to_look_a_topic_up_fails_at_once),
        cmocka_unit_test(a_producer_whose_token_is_believed_no_more_comes_back_with_a_fresh_one),
        cmocka_unit_test(a_certificate_that_does_not_hold_and_a_peer_without_tls_fail_at_once),
        cmocka_unit_test(a_handshake_that_is_cut_is_tried_again_for_a_while),
        cmocka_unit_test(files_of_tls_that_cannot_be_used_fail_at_once),
        cmocka_unit_test(with_tls_the_address_with_tls_is_taken),
        cmocka_unit_test(nobody_leads_a_client_out_of_tls),
        cmocka_unit_test(a_producer_that_is_sent_to_a_place_without_tls_looks_up_again),
        cmocka_unit_test(without_tls_no_address_with_it_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
