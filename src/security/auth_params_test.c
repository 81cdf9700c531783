/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_params_test.c - what Pulsar's users write, read; and what must not be taken for it.
 */
#include "base/base_test.h"

#include "base/secret.h"
#include "security/auth_params.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define JAVA "org.apache.pulsar.client.impl.auth."

static struct auth_params read_ok(const char *plugin, const char *params)
{
    struct auth_params p;
    char why[300];

    assert_int_equal(auth_params_read(&p, plugin, params, why, sizeof why), OK);
    return p;
}

static void the_ways_have_short_names_and_javas_in_any_case(void **state)
{
    static const struct {
        const char *plugin, *params, *method, *proof;
    } rows[] = {
        {"token", "token:abc", "token", "abc"},
        {"Token", "abc", "token", "abc"},
        {JAVA "AuthenticationToken", "{\"token\": \"abc\"}", "token", "abc"},
        {"org.apache.pulsar.client.impl.auth.authenticationtoken", " abc\n", "token", "abc"},
        {"basic", "{\"userId\":\"u\",\"password\":\"p,w:x\"}", "basic", "u:p,w:x"},
        {JAVA "AuthenticationBasic", "{\"username\":\"u\",\"password\":\"\"}", "basic", "u:"},
        {"basic", "{\"username\":\"u\",\"password\":\"p\",\"method\":\"mine\"}", "mine", "u:p"},
        {"basic", "userId:u,password:p:w", "basic", "u:p:w"},
        {"basic", "password:p,username:u", "basic", "u:p"},
        {"basic", "u:p,w", "basic", "u:p,w"},
        {"", "anything", NULL, NULL},
        {NULL, NULL, NULL, NULL},
        {"none", NULL, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct auth_params p = read_ok(rows[i].plugin, rows[i].params), copy;
        const char *why;
        char *proof;

        assert_int_equal(auth_params_copy(&copy, &p), OK);
        auth_params_deinit(&p);
        assert_int_equal(auth_params_proof(&copy, &proof, &why), OK);
        if (rows[i].method) {
            assert_string_equal(copy.method, rows[i].method);
            assert_string_equal(proof, rows[i].proof);
        } else {
            assert_null(copy.method);
            assert_null(proof);
        }
        secret_free(proof);
        auth_params_deinit(&copy);
    }
}

static void a_certificate_is_two_files_and_shows_no_proof(void **state)
{
    static const char *const ways[][2] = {
        {"tls", "tlsCertFile:/a:b/c.pem,tlsKeyFile:/k.pem"},
        {JAVA "AuthenticationTls", "{\"tlsCertFile\":\"/a:b/c.pem\",\"tlsKeyFile\":\"/k.pem\"}"},
    };

    for (size_t i = 0; i < 2; i++) {
        struct auth_params p = read_ok(ways[i][0], ways[i][1]);
        const char *why;
        char *proof;

        assert_int_equal(p.kind, AUTH_CERTIFICATE);
        assert_string_equal(p.certificate, "/a:b/c.pem");
        assert_string_equal(p.key, "/k.pem");
        assert_int_equal(auth_params_proof(&p, &proof, &why), OK);
        assert_null(proof);
        auth_params_deinit(&p);
    }
}

static void what_makes_no_sense_is_refused_without_telling_it(void **state)
{
    static const struct {
        const char *plugin, *params;
        enum err err;
    } rows[] = {
        {"token", "", ERR_INVALID},
        {"token", "token:", ERR_INVALID},
        {"token", "file:", ERR_INVALID},
        {"token", "{\"tokens\": \"secret\"}", ERR_INVALID},
        {"token", "{\"token\": \"secret\"", ERR_INVALID},
        {"basic", "", ERR_INVALID},
        {"basic", "secret", ERR_INVALID},
        {"basic", ":secret", ERR_INVALID},
        {"basic", "userId:u", ERR_INVALID},
        {"basic", "userId:u,password:sec,ret", ERR_INVALID},
        {"basic", "{\"userId\":\"u:v\",\"password\":\"secret\"}", ERR_INVALID},
        {"basic", "{\"userId\":\"u\",\"userId\":\"v\",\"password\":\"secret\"}", ERR_INVALID},
        {"tls", "tlsCertFile:/secret.pem", ERR_INVALID},
        {"athenz", "{\"privateKey\": \"secret\"}", ERR_UNSUPPORTED},
        {JAVA "oauth2.AuthenticationOAuth2", "{\"client_secret\": \"secret\"}", ERR_UNSUPPORTED},
        {"com.example.AuthenticationToken", "secret", ERR_UNSUPPORTED},
        {"/usr/lib/plugin.so", "secret", ERR_UNSUPPORTED},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct auth_params p;
        char why[300] = "";

        assert_int_equal(auth_params_read(&p, rows[i].plugin, rows[i].params, why, sizeof why), rows[i].err);
        assert_true(strlen(why) > 0);
        assert_null(strstr(why, "secret"));
    }
}

/* ---- files, the environment ---- */

static char *written(char *path, const char *text)
{
    static char params[200];
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    (void)snprintf(params, sizeof params, "file://%s", path);
    return params;
}

static void a_tokens_file_is_read_again_each_time(void **state)
{
    char path[] = "/tmp/geminga-auth-test-XXXXXX";
    struct auth_params p = read_ok("token", written(path, "first\n"));
    const char *why;
    char *proof;
    FILE *file;

    assert_int_equal(auth_params_proof(&p, &proof, &why), OK);
    assert_string_equal(proof, "first");
    secret_free(proof);

    file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("second", file);
    (void)fclose(file);
    assert_int_equal(auth_params_proof(&p, &proof, &why), OK);
    assert_string_equal(proof, "second");
    secret_free(proof);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(auth_params_proof(&p, &proof, &why), ERR_NOT_FOUND);
    assert_null(proof);
    auth_params_deinit(&p);
}

static void a_file_that_holds_no_token_is_not_shown(void **state)
{
    static const char *const texts[] = {"", " \n", "a\r\nX-Header: b", "two words"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char path[] = "/tmp/geminga-auth-test-XXXXXX";
        struct auth_params p = read_ok("token", written(path, texts[i]));
        const char *why;
        char *proof;

        assert_int_equal(auth_params_proof(&p, &proof, &why), ERR_INVALID);
        assert_null(proof);
        auth_params_deinit(&p);
        unlink(path);
    }
}

static void a_pipe_is_no_tokens_file_and_is_not_waited_for(void **state)
{
    char directory[] = "/tmp/geminga-auth-test-XXXXXX", path[60], params[80];
    struct auth_params p;
    const char *why;
    char *proof;

    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/pipe", directory);
    (void)snprintf(params, sizeof params, "file:%s", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    p = read_ok("token", params);
    assert_int_equal(auth_params_proof(&p, &proof, &why), ERR_IO);
    auth_params_deinit(&p);
    unlink(path);
    rmdir(directory);
}

static void a_file_beyond_the_bound_is_refused(void **state)
{
    char path[] = "/tmp/geminga-auth-test-XXXXXX", *large = malloc(AUTH_PROOF_MAX + 1);
    struct auth_params p;
    const char *why;
    char *proof;

    memset(large, 'a', AUTH_PROOF_MAX);
    large[AUTH_PROOF_MAX] = '\0';
    p = read_ok("token", written(path, large));
    assert_int_equal(auth_params_proof(&p, &proof, &why), ERR_TOO_LARGE);
    auth_params_deinit(&p);
    unlink(path);
    free(large);
}

static void a_token_may_come_from_the_environment(void **state)
{
    struct auth_params p = read_ok("token", "env:GEMINGA_TEST_TOKEN");
    const char *why;
    char *proof;

    assert_int_equal(auth_params_proof(&p, &proof, &why), ERR_NOT_FOUND);
    assert_int_equal(setenv("GEMINGA_TEST_TOKEN", "abc", 1), 0);
    assert_int_equal(auth_params_proof(&p, &proof, &why), OK);
    assert_string_equal(proof, "abc");
    secret_free(proof);
    auth_params_deinit(&p);
    unsetenv("GEMINGA_TEST_TOKEN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ways_have_short_names_and_javas_in_any_case),
        cmocka_unit_test(a_certificate_is_two_files_and_shows_no_proof),
        cmocka_unit_test(what_makes_no_sense_is_refused_without_telling_it),
        cmocka_unit_test(a_tokens_file_is_read_again_each_time),
        cmocka_unit_test(a_file_that_holds_no_token_is_not_shown),
        cmocka_unit_test(a_pipe_is_no_tokens_file_and_is_not_waited_for),
        cmocka_unit_test(a_file_beyond_the_bound_is_refused),
        cmocka_unit_test(a_token_may_come_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
