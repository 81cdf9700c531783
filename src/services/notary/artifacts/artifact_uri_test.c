/* SPDX-License-Identifier: Apache-2.0
 *
 * artifact_uri_test.c - uris as an event's sender may write them: what is read is what libcurl would read.
 */
#include "base/base_test.h"

#include "services/notary/artifacts/artifact_uri.h"

static void the_host_of_a_uri_is_the_one_that_is_connected_to(void **state)
{
    static const char *const all[][2] = {{"http://models.example.com/a", "models.example.com"},
                                         {"HTTPS://Models.Example.com:8443/a?b=c://d", "models.example.com"},
                                         {"https://[2606:4700::1]:443/a", "2606:4700::1"},
                                         {"http://models.example.com", "models.example.com"},
                                         {"s3://models/a b", "models"}};
    struct artifact_uri uri;
    char why[200];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(artifact_uri_parse(&uri, all[i][0], why, sizeof why), OK);
        assert_string_equal(uri.host, all[i][1]);
    }
}

/* libcurl takes one slash for two, and would connect to the first of these hosts. */
static void a_uri_with_another_host_before_the_slashes_is_refused(void **state)
{
    static const char *const all[] = {"http:/127.0.0.1:8200/v1/sys/seal?://models.example.com/a",
                                      "http:127.0.0.1/://models.example.com/a",
                                      "https:/169.254.169.254/latest/://models.example.com/",
                                      "http:///127.0.0.1/://models.example.com/",
                                      "s3:/other/://models/key",
                                      "file:/etc/passwd/:///srv/models/a"};
    struct artifact_uri uri;
    char why[200];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (artifact_uri_parse(&uri, all[i], why, sizeof why) != ERR_INVALID)
            fail_msg("%s: %s", all[i], uri.host);
}

static void a_uri_that_two_readers_could_understand_differently_is_refused(void **state)
{
    static const char *const all[] = {"http://models.example.com@127.0.0.1/a",
                                      "http://models.example.com\\@127.0.0.1/a",
                                      "http://models.example.com:80:90/a",
                                      "http://models%2eexample.com/a",
                                      "http://models.example.com/a b",
                                      "http://models.example.com/a\r\nHost: other",
                                      "s3://models/../other/key",
                                      "s3://../key",
                                      "file://other/srv/models/a",
                                      "file:///srv/models/a%00b",
                                      "ftp://models.example.com/a",
                                      "models.example.com",
                                      ""};
    struct artifact_uri uri;
    char why[200];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (artifact_uri_parse(&uri, all[i], why, sizeof why) != ERR_INVALID)
            fail_msg("%s: %s", all[i], uri.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_of_a_uri_is_the_one_that_is_connected_to),
        cmocka_unit_test(a_uri_with_another_host_before_the_slashes_is_refused),
        cmocka_unit_test(a_uri_that_two_readers_could_understand_differently_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
