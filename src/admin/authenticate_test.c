/* SPDX-License-Identifier: Apache-2.0
 *
 * authenticate_test.c - who makes a request: asked before its handler, on a simulated loop.
 */
#include "admin/admin_world.h"
#include "admin/authenticate.h"
#include "broker/authenticator.h"

#include <stdlib.h>

#define SECRET "data:;base64,MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

static struct jws_key *key_of(const char *secret)
{
    struct jws_key *key;

    assert_int_equal(jws_key_from_secret(&key, bytes_of_text(secret)), OK);
    return key;
}

/* "Bearer ..." for a role; the caller's. */
static char *bearer_by(const char *secret, const char *role, int64_t expires_s)
{
    struct jws_key *key = key_of(secret);
    struct text text;

    text_init(&text, 4096);
    text_add(&text, "Bearer ");
    assert_int_equal(token_make(key, JWS_HS256, NULL, role, expires_s, &text), OK);
    jws_key_free(key);
    return text_take(&text);
}

static char *bearer(const char *role)
{
    return bearer_by("01234567890123456789012345678901", role, 0);
}

static void authenticate(struct admin_world *w, const char *anonymous)
{
    struct authenticator_options options;
    char message[300];

    authenticator_options_init(&options);
    options.providers = "token,tls";
    options.anonymous_role = anonymous;
    options.proxy_roles = "proxy";
    options.token_secret_key = SECRET;
    assert_int_equal(authenticator_new(&w->core.authenticator, &options, w->core.loop, message, sizeof message), OK);
}

static int tear_down(void **state)
{
    struct admin_world *w = *state;

    authenticator_free(w->core.authenticator);
    w->core.authenticator = NULL;
    return admin_world_tear_down(state);
}

static int ask_with_authorization(struct admin_world *w, const char *authorization, const char *original)
{
    w->credentials =
        (struct web_credentials){.authorization = bytes_of_text(authorization), .original = bytes_of_text(original)};
    return ask(w, HTTP_GET, "/admin/v2/clusters");
}

static void assert_unauthorized(struct admin_world *w, const char *authorization)
{
    assert_refused(w, ask_with_authorization(w, authorization, ""), 401, "Authentication required");
    assert_string_equal(answer_header(w, "WWW-Authenticate:"), "Bearer");
    assert_null(w->call.who.role);
}

static void whoever_shows_a_good_token_is_let_in_under_its_name(void **state)
{
    struct admin_world *w = *state;
    char *good = bearer("anna");

    authenticate(w, NULL);
    assert_int_equal(ask_with_authorization(w, good, ""), 200);
    assert_string_equal(w->call.who.role, "anna");
    assert_null(w->call.who.original);
    free(good);
}

static void nobody_else_is(void **state)
{
    struct admin_world *w = *state;
    char *other = bearer_by("other-other-other-other-other-other", "anna", 0),
         *old = bearer_by("01234567890123456789012345678901", "anna", 1), *good = bearer("anna"),
         *tampered = strdup(good);

    authenticate(w, NULL);
    tampered[strlen(tampered) / 2] ^= 1;
    assert_unauthorized(w, "");
    assert_unauthorized(w, other);
    assert_unauthorized(w, old);
    assert_unauthorized(w, tampered);
    assert_unauthorized(w, "Bearer ");
    assert_unauthorized(w, "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hIn0.");
    assert_unauthorized(w, strchr(good, ' ') + 1);
    assert_unauthorized(w, "Basic YW5uYTphbm5h");
    free(other);
    free(old);
    free(good);
    free(tampered);
}

static void a_certificate_is_as_good(void **state)
{
    struct admin_world *w = *state;

    authenticate(w, NULL);
    w->credentials = (struct web_credentials){.certificate_name = "bert"};
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/clusters"), 200);
    assert_string_equal(w->call.who.role, "bert");
}

static void the_method_that_is_named_decides_alone(void **state)
{
    struct admin_world *w = *state;

    authenticate(w, NULL);
    w->credentials = (struct web_credentials){.certificate_name = "bert", .method = bytes_of_text("token")};
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/clusters"), 401);
    w->credentials.method = bytes_of_text("tls");
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/clusters"), 200);
    w->credentials.method = bytes_of_text("athenz");
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/clusters"), 401);
}

static void whoever_shows_nothing_has_the_anonymous_role_if_there_is_one(void **state)
{
    struct admin_world *w = *state;

    authenticate(w, "nobody");
    assert_int_equal(ask_with_authorization(w, "", ""), 200);
    assert_string_equal(w->call.who.role, "nobody");
}

static void a_proxy_says_for_whom_it_asks_and_nobody_else_may(void **state)
{
    static const char wrong[] =
        "Invalid combination of Original principal cannot be empty if the request is via proxy.";
    struct admin_world *w = *state;
    char *proxy = bearer("proxy"), *anna = bearer("anna");

    authenticate(w, NULL);
    assert_int_equal(ask_with_authorization(w, proxy, "anna"), 200);
    assert_string_equal(w->call.who.role, "proxy");
    assert_string_equal(w->call.who.original, "anna");
    assert_refused(w, ask_with_authorization(w, proxy, ""), 401, wrong);
    assert_refused(w, ask_with_authorization(w, proxy, "proxy"), 401, wrong);
    assert_refused(w, ask_with_authorization(w, anna, "bert"), 401, wrong);
    assert_int_equal(ask_with_authorization(w, anna, "anna"), 200);
    assert_null(w->call.who.original);
    free(proxy);
    free(anna);
}

static void what_machines_look_at_is_open_and_metrics_if_nobody_says_otherwise(void **state)
{
    struct admin_world *w = *state;

    authenticate(w, NULL);
    assert_int_equal(ask(w, HTTP_GET, "/status.html"), 404); /* there is no file */
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    w->core.authenticate_metrics = true;
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 401);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/openapi.json"), 401);
    assert_int_equal(ask(w, HTTP_GET, "/lookup/v2/topic/persistent/public/default/t"), 401);
}

static void without_an_authenticator_nobody_is_asked(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_with_authorization(w, "Bearer nonsense", "anna"), 200);
    assert_null(w->call.who.role);
}

#undef ADMIN_TEST
#define ADMIN_TEST(name) cmocka_unit_test_setup_teardown(name, admin_world_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(whoever_shows_a_good_token_is_let_in_under_its_name),
        ADMIN_TEST(nobody_else_is),
        ADMIN_TEST(a_certificate_is_as_good),
        ADMIN_TEST(the_method_that_is_named_decides_alone),
        ADMIN_TEST(whoever_shows_nothing_has_the_anonymous_role_if_there_is_one),
        ADMIN_TEST(a_proxy_says_for_whom_it_asks_and_nobody_else_may),
        ADMIN_TEST(what_machines_look_at_is_open_and_metrics_if_nobody_says_otherwise),
        ADMIN_TEST(without_an_authenticator_nobody_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
