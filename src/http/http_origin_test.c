/* SPDX-License-Identifier: Apache-2.0
 *
 * http_origin_test.c - which requests a browser may bring.
 */
#include "base/base_test.h"

#include "http/http_origin.h"

static const struct http_sites open_sites = {.own = "broker.example.com"}, closed_sites = {.authenticated = true};

static struct http_origin from(const char *host, const char *origin, const char *fetch_site)
{
    return (struct http_origin){.host = bytes_of_text(host),
                                .origin = bytes_of_text(origin),
                                .fetch_site = bytes_of_text(fetch_site),
                                .changes = true,
                                .loopback = true};
}

static bool may(const struct http_sites *sites, struct http_origin request)
{
    return http_origin_refuse(sites, &request) == NULL;
}

static void tools_that_name_no_page_may_do_all(void **state)
{
    assert_true(may(&open_sites, from("localhost:8080", "", "")));
    assert_true(may(&open_sites, from("127.0.0.1:8080", "", "none"))); /* somebody typed it */
    assert_true(may(&open_sites, from("", "", "")));                   /* HTTP/1.0 */
    assert_true(may(&closed_sites, from("broker.example.com:8080", "", "")));
}

static void a_page_of_ours_may_change_something_and_another_may_not(void **state)
{
    assert_true(may(&open_sites, from("localhost:8080", "http://localhost:8080", "same-origin")));
    assert_true(may(&open_sites, from("LOCALHOST:8080", "http://localhost:8080", "")));
    assert_false(may(&open_sites, from("localhost:8080", "http://evil.example", "cross-site")));
    assert_false(may(&open_sites, from("localhost:8080", "http://evil.example", "")));
    assert_false(
        may(&open_sites, from("localhost:8080", "http://localhost:3000", "same-site"))); /* another program's */
    assert_false(may(&open_sites, from("localhost:8080", "http://localhost:80", "")));
    assert_false(may(&open_sites, from("localhost:8080", "null", "")));
    assert_false(may(&open_sites, from("localhost:8080", "", "cross-site")));
    assert_false(may(&closed_sites, from("localhost:8080", "http://evil.example", ""))); /* with the user's password */
}

static void a_port_that_is_not_said_is_the_schemes(void **state)
{
    struct http_origin r = from("broker.example.com:80", "http://broker.example.com", "");

    assert_true(may(&open_sites, r));
    r.tls = true;
    assert_false(may(&open_sites, r));
    r = from("broker.example.com", "https://broker.example.com:443", "");
    r.tls = true;
    assert_true(may(&open_sites, r));
}

static void what_is_only_read_is_not_refused_for_its_origin(void **state)
{
    struct http_origin r = from("localhost:8080", "http://evil.example", "cross-site");

    r.changes = false; /* the page does not get to see the answer */
    assert_true(may(&open_sites, r));
}

static void a_token_is_shown_on_purpose_but_only_where_somebody_looks_at_it(void **state)
{
    struct http_origin r = from("localhost:8080", "http://app.example", "cross-site");

    r.has_token = true;
    assert_true(may(&closed_sites, r));
    assert_false(may(&open_sites, r));
}

static void a_name_that_points_at_loopback_is_not_taken_for_ours(void **state)
{
    static const char *const ours[] = {"localhost",
                                       "localhost:8080",
                                       "127.0.0.1:8080",
                                       "10.1.2.3",
                                       "[::1]:8080",
                                       "::1",
                                       "broker.example.com:8080",
                                       "pulsar",
                                       "a.localhost:8080",
                                       "x",
                                       "host.docker.internal",
                                       "localhost.:8080",
                                       "broker.example.com."};
    static const char *const others[] = {"evil.example",           "evil.example:8080", "127.0.0.1.evil.example:8080",
                                         "localhost.evil.example", "notlocalhost.com",  "evil.internal.example"};
    struct http_origin r;

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        assert_true(may(&open_sites, from(ours[i], "", "")));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        r = from(others[i], "", "same-origin");
        assert_false(may(&open_sites, r));
        r.changes = false; /* what is read would be given to the page */
        assert_false(may(&open_sites, r));
        assert_true(may(&closed_sites, r)); /* the page has no credentials */
        r.loopback = false;                 /* clients elsewhere use whatever name there is */
        assert_true(may(&open_sites, r));
    }
}

static void sites_that_are_listed_are_ours(void **state)
{
    const struct http_sites listed = {.trusted = "console.example.com, app.example.com:3000"}, all = {.trusted = "*"};

    assert_true(may(&listed, from("localhost:8080", "https://console.example.com", "cross-site")));
    assert_true(may(&listed, from("localhost:8080", "http://console.example.com:1234", "cross-site")));
    assert_true(may(&listed, from("console.example.com", "", "")));
    assert_true(may(&listed, from("localhost:8080", "http://app.example.com:3000", "")));
    assert_false(may(&listed, from("localhost:8080", "http://app.example.com:3001", "")));
    assert_false(may(&listed, from("localhost:8080", "http://example.com", "")));
    assert_true(may(&all, from("evil.example:8080", "http://other.example", "cross-site")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tools_that_name_no_page_may_do_all),
        cmocka_unit_test(a_page_of_ours_may_change_something_and_another_may_not),
        cmocka_unit_test(a_port_that_is_not_said_is_the_schemes),
        cmocka_unit_test(what_is_only_read_is_not_refused_for_its_origin),
        cmocka_unit_test(a_token_is_shown_on_purpose_but_only_where_somebody_looks_at_it),
        cmocka_unit_test(a_name_that_points_at_loopback_is_not_taken_for_ours),
        cmocka_unit_test(sites_that_are_listed_are_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
