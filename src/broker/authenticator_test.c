/* SPDX-License-Identifier: Apache-2.0
 *
 * authenticator_test.c - checks on simulated workers: what is bounded, remembered, let go of; keys that change.
 */
#include "base/base_test.h"
#include "base/log.h"
#include "broker/authenticator.h"
#include "sys/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

#define SECRET    "data:;base64,BwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PASSWORDS "alice:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\nbob:$apr1$xy$ddeWph.9maGyJSgefk780.\n"
#define OPS       100

struct attempt {
    struct authentication_op op;
    struct fixture *fixture;
    bool answered;
    enum err err;
};

struct fixture {
    struct sim *sim;
    struct sim_host *host;
    struct loop *loop;
    struct authenticator *authenticator;
    struct authenticator_options options;
    const char *file; /* what there is to be read; NULL: nothing */
    unsigned reads;
    uint64_t now_ns; /* until when pass went */
    struct log log;
    char logged[4000];
    struct attempt attempts[OPS];
    bool stopped;
    char message[600];
};

static enum err key_read(void *ctx, const char *path, size_t max, struct bytes *out)
{
    struct fixture *f = ctx;

    f->reads++;
    if (!f->file || strcmp(path, "/passwords") != 0)
        return ERR_NOT_FOUND;
    char *copy = strdup(f->file);
    *out = bytes_of(copy, strlen(copy));
    return copy ? OK : ERR_NOMEM;
}

static void line(void *ctx, const char *text, size_t len)
{
    struct fixture *f = ctx;
    const size_t have = strlen(f->logged);

    (void)snprintf(f->logged + have, sizeof f->logged - have, "%.*s", (int)len, text);
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);

    f->sim = sim_new(5);
    f->host = sim_host_new(f->sim, "broker", NULL);
    f->loop = sim_host_sys(f->host)->loop;
    f->log = (struct log){.level = LOG_INFO, .line = line, .ctx = f};
    f->file = PASSWORDS;
    authenticator_options_init(&f->options);
    f->options.providers = "token, basic";
    f->options.token_secret_key = SECRET;
    f->options.basic_conf = "/passwords";
    f->options.read = key_read;
    f->options.read_ctx = f;
    f->options.log = &f->log;
    *state = f;
    return 0;
}

static void open_it(struct fixture *f)
{
    assert_int_equal(authenticator_new(&f->authenticator, &f->options, f->loop, f->message, sizeof f->message), OK);
}

static void stopped(void *ctx)
{
    ((struct fixture *)ctx)->stopped = true;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->authenticator && !f->stopped) {
        authenticator_stop(f->authenticator, stopped, f);
        while (!f->stopped && sim_step(f->sim))
            ;
    }
    authenticator_free(f->authenticator);
    for (unsigned i = 0; i < OPS; i++)
        identity_deinit(&f->attempts[i].op.identity);
    sim_host_free(f->host);
    sim_free(f->sim);
    test_free(f);
    return 0;
}

static void done(struct authentication_op *op, enum err err)
{
    struct attempt *a = container_of(op, struct attempt, op);

    assert_false(a->answered);
    a->answered = true;
    a->err = err;
}

static struct attempt *begin(struct fixture *f, unsigned i, const char *method, const char *data, const char *peer)
{
    struct attempt *a = &f->attempts[i];
    const struct credentials c = {.method = method, .data = bytes_of_text(data)};

    identity_deinit(&a->op.identity);
    *a = (struct attempt){.op.done = done};
    authenticator_check(f->authenticator, &a->op, &c, peer);
    assert_false(a->answered); /* never before the call has returned */
    return a;
}

/* The simulation's clock stands still where nothing happens: this one goes on. */
static void pass(struct fixture *f, uint64_t ms)
{
    const uint64_t now_ns = sim_now_ns(f->sim) > f->now_ns ? sim_now_ns(f->sim) : f->now_ns;

    f->now_ns = now_ns + ms * NS_PER_MS;
    while (sim_next_ns(f->sim) <= f->now_ns && sim_step(f->sim))
        ;
}

static enum err answer(struct fixture *f, const char *method, const char *data)
{
    struct attempt *a = begin(f, 0, method, data, "1.2.3.4:5");

    while (!a->answered && sim_step(f->sim))
        ;
    assert_true(a->answered);
    return a->err;
}

static struct authenticator_stats stats(struct fixture *f)
{
    struct authenticator_stats s;

    authenticator_stats_get(f->authenticator, &s);
    return s;
}

static void credentials_are_checked_and_counted(void **state)
{
    struct fixture *f = *state;

    open_it(f);
    assert_int_equal(answer(f, "basic", "alice:secret"), OK);
    assert_string_equal(f->attempts[0].op.identity.role, "alice");
    assert_int_equal(answer(f, "basic", "alice:wrong"), ERR_DENIED);
    assert_int_equal(answer(f, "token", "nonsense"), ERR_DENIED);
    assert_int_equal(answer(f, "none", ""), ERR_DENIED);
    const struct authenticator_stats s = stats(f);
    assert_int_equal(s.successes[PROVIDER_BASIC], 1);
    assert_int_equal(s.failures[PROVIDER_BASIC][REFUSED_TOKEN], 1);
    assert_int_equal(s.failures[PROVIDER_TOKEN][REFUSED_TOKEN], 1);
    assert_int_equal(s.failures[PROVIDERS][REFUSED_METHOD], 1);
    assert_int_equal(s.waiting, 0);
    assert_true(s.provided[PROVIDER_TOKEN] && s.provided[PROVIDER_BASIC] && !s.provided[PROVIDER_TLS]);
}

static void failures_are_logged_at_a_rate_and_without_what_was_shown(void **state)
{
    struct fixture *f = *state;
    unsigned lines = 0;

    open_it(f);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(answer(f, "token", "hush-hush"), ERR_DENIED);
    for (const char *at = f->logged; (at = strchr(at, '\n')); at++)
        lines++;
    assert_true(lines >= 1 && lines < 10);
    assert_non_null(strstr(f->logged, "1.2.3.4:5: refused, method \"token\""));
    assert_null(strstr(f->logged, "hush"));
}

static void of_one_host_only_so_many_passwords_wait(void **state)
{
    struct fixture *f = *state;
    unsigned busy = 0;

    open_it(f);
    sim_slow(f->sim, 1000);
    for (unsigned i = 0; i < 20; i++) {
        char peer[32];
        (void)snprintf(peer, sizeof peer, "10.0.0.1:%u", 1000 + i);
        (void)begin(f, i, "basic", "alice:wrong", peer);
    }
    struct attempt *other = begin(f, 20, "basic", "bob:x", "10.0.0.2:1000");
    struct attempt *token = begin(f, 21, "token", "nonsense", "10.0.0.1:3000");
    pass(f, 60000);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(f->attempts[i].answered);
        busy += f->attempts[i].err == ERR_BUSY;
    }
    assert_int_equal(busy, 12);
    assert_int_equal(stats(f).busy, 12);
    assert_int_equal(other->err, OK);
    assert_int_equal(token->err, ERR_DENIED);
}

static void in_all_only_so_many_passwords_wait(void **state)
{
    struct fixture *f = *state;
    unsigned busy = 0;

    open_it(f);
    for (unsigned i = 0; i < OPS; i++) {
        char peer[32];
        (void)snprintf(peer, sizeof peer, "10.0.0.%u:1000", i);
        (void)begin(f, i, "basic", "alice:wrong", peer);
    }
    assert_int_equal(stats(f).waiting, 64);
    pass(f, 60000);
    for (unsigned i = 0; i < OPS; i++)
        busy += f->attempts[i].err == ERR_BUSY;
    assert_int_equal(busy, OPS - 64);
}

static void who_is_known_does_not_wait_behind_a_flood(void **state)
{
    struct fixture *f = *state;

    open_it(f);
    assert_int_equal(answer(f, "basic", "alice:secret"), OK);
    sim_slow(f->sim, 1000000);
    for (unsigned i = 1; i < OPS; i++)
        (void)begin(f, i, "basic", "alice:wrong", NULL);
    struct attempt *known = begin(f, 0, "basic", "alice:secret", "10.0.0.1:1");
    pass(f, 1);
    assert_true(known->answered);
    assert_int_equal(known->err, OK);
    assert_string_equal(known->op.identity.role, "alice");
    sim_slow(f->sim, 0);
}

static void large_credentials_are_bounded_in_bytes(void **state)
{
    static char large[60001];
    struct fixture *f = *state;
    struct attempt *attempts = calloc(400, sizeof *attempts);
    unsigned busy = 0;

    open_it(f);
    memset(large, 'x', sizeof large - 1);
    for (unsigned i = 0; i < 400; i++) {
        const struct credentials c = {.method = "token", .data = bytes_of_text(large)};
        attempts[i].op.done = done;
        authenticator_check(f->authenticator, &attempts[i].op, &c, NULL);
    }
    pass(f, 60000);
    for (unsigned i = 0; i < 400; i++) {
        assert_true(attempts[i].answered);
        busy += attempts[i].err == ERR_BUSY;
    }
    assert_true(busy >= 400 - (16u << 20) / 60000 - 1);
    free(attempts);
}

static void more_than_anybody_needs_is_refused_at_once(void **state)
{
    static char much[CREDENTIALS_DATA_MAX + 2];
    struct fixture *f = *state;

    open_it(f);
    memset(much, 'x', sizeof much - 1);
    assert_int_equal(answer(f, "token", much), ERR_DENIED);
    assert_int_equal(f->attempts[0].op.verdict.refused, REFUSED_DATA);
}

static void an_op_that_is_let_go_of_is_not_answered(void **state)
{
    struct fixture *f = *state;

    open_it(f);
    for (unsigned steps = 0; steps < 12; steps++) {
        for (unsigned i = 0; i < 4; i++)
            (void)begin(f, i, i % 2 ? "basic" : "token", steps % 2 ? "alice:secret" : "alice:wrong", NULL);
        for (unsigned i = 0; i < steps; i++)
            (void)sim_step(f->sim);
        for (unsigned i = 0; i < 4; i++) {
            const bool answered = f->attempts[i].answered;
            authentication_op_cancel(&f->attempts[i].op);
            authentication_op_cancel(&f->attempts[i].op); /* twice is fine */
            f->attempts[i].answered = !answered;          /* done would fail on it */
        }
        pass(f, 1000);
    }
    assert_int_equal(stats(f).waiting, 0);
}

static void stopping_lets_go_of_what_is_under_way(void **state)
{
    struct fixture *f = *state;

    open_it(f);
    sim_slow(f->sim, 1000);
    for (unsigned i = 0; i < 10; i++)
        (void)begin(f, i, i % 2 ? "basic" : "token", "alice:secret", NULL);
    for (unsigned i = 0; i < 3; i++)
        (void)sim_step(f->sim);
    authenticator_stop(f->authenticator, stopped, f);
    assert_false(f->stopped);
    while (!f->stopped && sim_step(f->sim))
        ;
    assert_true(f->stopped);
    assert_int_equal(answer(f, "token", "nonsense"), ERR_CLOSED);
}

static void keys_that_change_are_used_and_those_before_are_not(void **state)
{
    struct fixture *f = *state;

    open_it(f);
    assert_int_equal(answer(f, "basic", "alice:secret"), OK);
    f->file = "carol:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n";
    pass(f, 59000);
    assert_int_equal(answer(f, "basic", "alice:secret"), OK);
    pass(f, 5000);
    assert_int_equal(answer(f, "basic", "alice:secret"), ERR_DENIED); /* remembered no more */
    assert_int_equal(answer(f, "basic", "carol:secret"), OK);
    assert_non_null(strstr(f->logged, "the new ones are in use"));
}

static void a_broken_file_leaves_the_keys_and_one_line(void **state)
{
    struct fixture *f = *state;

    open_it(f);
    f->file = "no colon and hush";
    pass(f, 600000);
    const char *said = strstr(f->logged, "basicAuthConf: line 1 has no colon; the keys that were there stay in use");
    assert_non_null(said);
    assert_null(strstr(said + 1, "basicAuthConf"));
    assert_null(strstr(f->logged, "hush"));
    assert_int_equal(answer(f, "basic", "alice:secret"), OK);
    assert_true(stats(f).key_failures > 5);
    f->file = NULL;
    pass(f, 61000);
    assert_non_null(strstr(said + 1, "nor a file that can be read; the keys that were there stay in use"));
    f->file = PASSWORDS;
    pass(f, 61000);
    assert_null(strstr(f->logged, "the new ones are in use")); /* they are the old ones */
}

static void keys_are_read_when_asked_for(void **state)
{
    struct fixture *f = *state;

    f->options.reload_ms = 0;
    open_it(f);
    pass(f, 3600000);
    assert_int_equal(f->reads, 1);
    f->file = "carol:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n";
    assert_true(authenticator_renew(f->authenticator));
    assert_true(authenticator_renew(f->authenticator));
    pass(f, 1000);
    assert_int_equal(f->reads, 3);
    assert_int_equal(answer(f, "basic", "carol:secret"), OK);
}

static void keys_in_the_configuration_itself_are_not_read_again(void **state)
{
    struct fixture *f = *state;

    f->options.providers = "token";
    open_it(f);
    assert_false(authenticator_renew(f->authenticator));
    pass(f, 3600000);
    assert_int_equal(f->reads, 0);
}

static void what_cannot_work_is_refused_with_a_sentence(void **state)
{
    static const struct {
        struct authenticator_options options;
        const char *why;
    } cases[] = {
        {{.providers = NULL},
         "authenticationEnabled: authenticationProviders names nobody who could tell who a client is (token, basic, "
         "tls)"},
        {{.providers = " , "},
         "authenticationEnabled: authenticationProviders names nobody who could tell who a client is (token, basic, "
         "tls)"},
        {{.providers = "token,kerberos"},
         "authenticationProviders: `kerberos` is none of AuthenticationProviderToken, AuthenticationProviderBasic and "
         "AuthenticationProviderTls"},
        {{.providers = "token"},
         "authenticationProviders: tokens need the key that they are signed with: tokenSecretKey or tokenPublicKey"},
        {{.providers = "basic"}, "authenticationProviders: passwords need the file that they are in: basicAuthConf"},
        {{.providers = "token", .token_secret_key = "file:///hush"},
         "tokenSecretKey: the file /hush cannot be read (there is no such thing)"},
        {{.providers = "token", .token_secret_key = "data:;base64,AAAA"},
         "tokenSecretKey: a secret has at least 32 bytes"},
        {{.providers = "token", .token_public_key = SECRET},
         "tokenPublicKey: not a public key in DER (SubjectPublicKeyInfo)"},
        {{.providers = "token", .token_secret_key = SECRET, .token_public_algorithm = "none"},
         "tokenPublicAlg: `none` is no algorithm that tokens are signed with"},
        {{.providers = "token", .token_secret_key = SECRET, .audience_claim = "aud"},
         "tokenAudienceClaim: tokenAudience does not say whom tokens are for"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct authenticator_options o = cases[i].options;
        struct authenticator *a;
        o.read = key_read;
        o.read_ctx = f;
        assert_int_equal(authenticator_new(&a, &o, f->loop, f->message, sizeof f->message), ERR_INVALID);
        if (!strstr(cases[i].why, "no such thing"))
            assert_string_equal(f->message, cases[i].why);
    }
}

static void proxies_are_those_that_are_named(void **state)
{
    struct fixture *f = *state;

    f->options.proxy_roles = "gate, door ,";
    open_it(f);
    assert_true(authenticator_is_proxy(f->authenticator, "gate"));
    assert_true(authenticator_is_proxy(f->authenticator, "door"));
    assert_false(authenticator_is_proxy(f->authenticator, "doo"));
    assert_false(authenticator_is_proxy(f->authenticator, ""));
    assert_false(authenticator_is_proxy(f->authenticator, " "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(credentials_are_checked_and_counted),
        TEST(failures_are_logged_at_a_rate_and_without_what_was_shown),
        TEST(of_one_host_only_so_many_passwords_wait),
        TEST(in_all_only_so_many_passwords_wait),
        TEST(who_is_known_does_not_wait_behind_a_flood),
        TEST(large_credentials_are_bounded_in_bytes),
        TEST(more_than_anybody_needs_is_refused_at_once),
        TEST(an_op_that_is_let_go_of_is_not_answered),
        TEST(stopping_lets_go_of_what_is_under_way),
        TEST(keys_that_change_are_used_and_those_before_are_not),
        TEST(a_broken_file_leaves_the_keys_and_one_line),
        TEST(keys_are_read_when_asked_for),
        TEST(keys_in_the_configuration_itself_are_not_read_again),
        TEST(what_cannot_work_is_refused_with_a_sentence),
        TEST(proxies_are_those_that_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
