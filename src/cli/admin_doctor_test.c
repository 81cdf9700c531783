/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_doctor_test.c - `geminga admin doctor`: what it finds open, for a broker that says what its options are.
 */
#include "cli/admin_doctor.h"
#include "security/x509_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_S 86400
#define NOW_S 1800000000

struct world {
    struct admin_asker asker; /* first */
    const char *runtime, *permissions;
    struct admin_call call;
    struct doctor doctor;
    char *said;
    size_t said_size;
    char directory[40], file[80];
};

static enum err answer(struct admin_asker *asker, const struct admin_request *request, struct http_answer *answer,
                       char *why, size_t why_size)
{
    const struct world *w = (const struct world *)(const void *)asker;
    const char *body = strstr(request->path, "/permissions") ? w->permissions : w->runtime;

    *answer = (struct http_answer){.status = body ? 200 : 401, .head = strdup(""), .body = strdup(body ? body : "{}")};
    answer->body_len = strlen(answer->body);
    return OK;
}

static int64_t now_ms(void)
{
    return (int64_t)NOW_S * 1000;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(*state = w);
    w->asker.ask = answer;
    w->permissions = "{}";
    strcpy(w->directory, "/tmp/geminga-doctor-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    (void)snprintf(w->file, sizeof w->file, "%s/file", w->directory);
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    (void)unlink(w->file);
    (void)rmdir(w->directory);
    free(w->said);
    free(w);
    return 0;
}

/* What is said of a broker with these options. */
static const char *said_of(struct world *w, const char *runtime)
{
    free(w->said);
    w->runtime = runtime;
    w->call = (struct admin_call){.asker = &w->asker, .now_ms = now_ms, .authorization = w->call.authorization};
    w->call.out = open_memstream(&w->said, &w->said_size);
    w->doctor = (struct doctor){.call = &w->call, .findings = json_array()};
    doctor_look_at_security(&w->doctor);
    (void)fclose(w->call.out);
    json_decref(w->doctor.findings);
    return w->said;
}

static void assert_said(struct world *w, const char *runtime, const char *wanted)
{
    if (!strstr(said_of(w, runtime), wanted))
        fail_msg("wanted: %s\nsaid: %s", wanted, w->said);
}

#define SECURE                                                                                                         \
    "\"bindAddress\":\"0.0.0.0\",\"authenticationEnabled\":\"true\",\"authorizationEnabled\":\"true\","                \
    "\"superUserRoles\":\"admin\",\"auditEnabled\":\"true\",\"brokerServicePort\":\"\",\"webServicePort\":\"\","       \
    "\"brokerServicePortTls\":\"6651\",\"webServicePortTls\":\"8443\""

static void a_secure_broker_is_found_so(void **state)
{
    struct world *w = *state;

    assert_said(w, "{" SECURE "}", "ok    nothing in its configuration is open that should not be");
    assert_int_equal(w->doctor.warnings + w->doctor.failures, 0);
}

static void each_thing_that_is_open_has_its_line(void **state)
{
    static const struct {
        const char *option, *wanted;
    } open[] = {
        {"\"authenticationEnabled\":\"false\"", "warn  whoever reaches its ports may do everything"},
        {"\"authorizationEnabled\":\"false\"", "warn  whoever is somebody may do everything"},
        {"\"anonymousUserRole\":\"guest\"", "warn  whoever shows no credentials is let in"},
        {"\"anonymousUserRole\":\"admin\"", "FAIL  whoever shows no credentials is a super user"},
        {"\"superUserRoles\":\"admin,*\"", "FAIL  superUserRoles has `*`"},
        {"\"superUserRoles\":\"\"", "warn  superUserRoles is empty"},
        {"\"proxyRoles\":\"proxy,admin\"", "warn  a role of proxyRoles is a super user"},
        {"\"brokerServicePort\":\"6650\"", "warn  credentials and messages cross the network in the clear"},
        {"\"webServicePort\":\"8080\"", "warn  credentials of HTTP cross the network in the clear"},
        {"\"tlsAllowInsecureConnection\":\"true\"", "warn  certificates are not verified"},
        {"\"authenticateMetricsEndpoint\":\"false\"", "warn  whoever reaches it reads /metrics"},
        {"\"broker.http_trusted_sites\":\"a.example,*\"", "warn  pages of any site may change something"},
        {"\"sandbox\":\"off\"", "warn  the broker may make any system call"},
        {"\"core_dumps\":\"true\"", "warn  a crash may write keys into a core file"},
        {"\"auditEnabled\":\"false\"", "warn  nobody will know who did what"},
    };
    char runtime[1000];

    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        (void)snprintf(runtime, sizeof runtime, "{" SECURE ",%s}", open[i].option); /* the last of a name counts */
        assert_said(*state, runtime, open[i].wanted);
    }
}

static void plain_ports_on_this_machine_alone_are_fine(void **state)
{
    struct world *w = *state;

    (void)said_of(w, "{" SECURE
                     ",\"brokerServicePort\":\"6650\",\"webServicePort\":\"8080\",\"bindAddress\":\"127.0.0.1\"}");
    assert_int_equal(w->doctor.warnings + w->doctor.failures, 0);
}

static void roles_may_have_blanks_within(void **state)
{
    struct world *w = *state;

    assert_said(w, "{" SECURE ",\"superUserRoles\":\"site guest, admin\",\"anonymousUserRole\":\"guest\"}",
                "warn  whoever shows no credentials is let in");
    assert_int_equal(w->doctor.failures, 0);
}

static void permissions_for_everybody_are_told(void **state)
{
    struct world *w = *state;

    w->permissions = "{\"*\":[\"produce\"]}";
    assert_said(w, "{" SECURE "}", "warn  everybody may use public/default");
}

static void who_may_not_look_is_told_so(void **state)
{
    assert_said(*state, NULL, "warn  its configuration cannot be looked at: that is for super users");
}

static void a_token_that_never_expires_is_told(void **state)
{
    struct world *w = *state;

    w->call.authorization = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.AAAA"; /* {"sub":"me"} */
    assert_said(w, "{" SECURE "}", "warn  the token we were let in with never expires");
    w->call.authorization =
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSIsImV4cCI6MTgwMDA4NjQwMH0.AAAA"; /* a day later */
    assert_said(w, "{" SECURE "}", "warn  the token we were let in with expires in 1 days");
    w->call.authorization = "Bearer " /* the same, made an hour ago: something renews it */
                            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSIsImV4cCI6MTgwMDA4NjQwMCwiaWF0IjoxNzk5OTk2NDAwfQ.AAAA";
    assert_said(w, "{" SECURE "}", "ok    nothing");
    w->call.authorization = "Basic bWU6c2VjcmV0";
    assert_said(w, "{" SECURE "}", "ok    nothing");
    assert_int_equal(w->doctor.warnings, 0);
}

static void a_key_that_others_may_read_is_told(void **state)
{
    struct world *w = *state;
    char runtime[1000];
    FILE *file = fopen(w->file, "we");

    assert_non_null(file);
    (void)fclose(file);
    (void)snprintf(runtime, sizeof runtime, "{" SECURE ",\"tlsKeyFilePath\":\"%s\"}", w->file);
    assert_int_equal(chmod(w->file, 0640), 0);
    assert_said(w, runtime, "(tlsKeyFilePath) is open to others than its owner: chmod 600");
    assert_int_equal(chmod(w->file, 0600), 0);
    (void)said_of(w, runtime);
    assert_int_equal(w->doctor.failures, 0);
}

static void certificate_write(struct world *w, int64_t begins_s, int64_t expires_s)
{
    const struct x509_wish wish = {
        .use = X509_USE_SERVER, .common_name = "localhost", .begins_s = begins_s, .expires_s = expires_s};
    FILE *file = fopen(w->file, "we");
    struct x509_pair p;
    struct text pem;

    assert_non_null(file);
    text_init(&pem, 8192);
    assert_int_equal(x509_make(&p, &wish, NULL), OK);
    assert_int_equal(x509_certificate_write(p.certificate, &pem), OK);
    assert_int_equal(fwrite(pem.data, 1, pem.len, file), pem.len);
    (void)fclose(file);
    text_deinit(&pem);
    x509_pair_deinit(&p);
}

static void a_certificate_is_told_that_ends(void **state)
{
    struct world *w = *state;
    char runtime[1000];

    (void)snprintf(runtime, sizeof runtime, "{" SECURE ",\"tlsCertificateFilePath\":\"%s\"}", w->file);
    certificate_write(w, NOW_S - DAY_S, NOW_S + 300 * DAY_S);
    (void)said_of(w, runtime);
    assert_int_equal(w->doctor.warnings + w->doctor.failures, 0);
    certificate_write(w, NOW_S - 2 * DAY_S, NOW_S - DAY_S);
    assert_said(w, runtime, "has expired");
    certificate_write(w, NOW_S + DAY_S, NOW_S + 300 * DAY_S);
    assert_said(w, runtime, "is not valid yet");
    certificate_write(w, NOW_S - DAY_S, NOW_S + 3 * DAY_S);
    assert_said(w, runtime, "expires in 3 days");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secure_broker_is_found_so),
        TEST(each_thing_that_is_open_has_its_line),
        TEST(plain_ports_on_this_machine_alone_are_fine),
        TEST(roles_may_have_blanks_within),
        TEST(permissions_for_everybody_are_told),
        TEST(who_may_not_look_is_told_so),
        TEST(a_token_that_never_expires_is_told),
        TEST(a_key_that_others_may_read_is_told),
        TEST(a_certificate_is_told_that_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
