/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_renewal_test.c - files of certificates that change, on the simulated clock.
 */
#include "base/base_test.h"
#include "base/log.h"
#include "security/tls.h"
#include "security/tls_fixture.h"
#include "sys/sim/sim.h"
#include "sys/tls_renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_MS 300000

struct world {
    struct tls_fixture fixture;
    struct sim *sim;
    struct sim_host *host;
    struct tls_settings settings;
    struct log log;
    int errors; /* lines of them */
    struct tls_renewal *renewal;
    struct tls_context *first;
    int renewed;
    int64_t expires_s; /* of the last one */
};

static void on_line(void *ctx, const char *text, size_t len)
{
    struct world *w = ctx;

    w->errors += memmem(text, len, "ERROR", 5) || memmem(text, len, "error", 5);
}

static void on_renewed(void *ctx, struct tls_context *context)
{
    struct world *w = ctx;

    w->renewed++;
    w->expires_s = tls_context_expires_s(context);
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char message[600];

    tls_fixture_make(&w->fixture);
    w->sim = sim_new(1);
    w->host = sim_host_new(w->sim, "host", NULL);
    w->log = (struct log){.level = LOG_ERROR, .line = on_line, .ctx = w};
    w->settings = (struct tls_settings){
        .side = TLS_SERVER, .certificate_file = w->fixture.server, .key_file = w->fixture.server_key};
    const struct tls_renewal_options o = {.loop = sim_host_sys(w->host)->loop,
                                          .log = &w->log,
                                          .settings = &w->settings,
                                          .check_ms = CHECK_MS,
                                          .renewed = on_renewed,
                                          .ctx = w};
    assert_int_equal(tls_renewal_new(&w->renewal, &o, &w->first, message, sizeof message), OK);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    tls_context_unref(w->first);
    sim_host_crash(w->host);
    tls_renewal_free(w->renewal);
    sim_host_free(w->host);
    sim_free(w->sim);
    tls_fixture_remove(&w->fixture);
    free(w);
    return 0;
}

/* So much time passes, and what it brings. */
static void pass(struct world *w, uint64_t ms)
{
    const uint64_t until = sim_now_ns(w->sim) + ms * NS_PER_MS;

    while (sim_next_ns(w->sim) <= until)
        assert_true(sim_step(w->sim));
}

static void change(struct world *w)
{
    const struct tls_fixture_wish wish = {
        .common_name = "localhost", .names = "DNS:localhost", .from_days = -1, .to_days = 100};

    tls_fixture_issue(&w->fixture, w->fixture.issuer, "server", &wish);
}

static void break_key(struct world *w)
{
    FILE *file = fopen(w->fixture.server_key, "we");

    assert_non_null(file);
    assert_true(fputs("half a key", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void files_as_they_were_are_not_taken_again(void **state)
{
    struct world *w = *state;

    pass(w, 3 * CHECK_MS);
    assert_int_equal(w->renewed, 0);
    assert_int_equal(w->errors, 0);
}

static void changed_files_are_taken_at_the_next_look(void **state)
{
    struct world *w = *state;

    change(w);
    assert_int_equal(w->renewed, 0);
    pass(w, 2 * CHECK_MS);
    assert_int_equal(w->renewed, 1);
    assert_true(w->expires_s > tls_context_expires_s(w->first) + 90 * 86400);
}

static void who_asks_does_not_wait_for_the_next_look(void **state)
{
    struct world *w = *state;

    change(w);
    tls_renewal_check(w->renewal);
    tls_renewal_check(w->renewal); /* while the first is under way */
    pass(w, CHECK_MS / 10);
    assert_int_equal(w->renewed, 1);
}

static void broken_files_are_told_of_once_and_mended_ones_are_taken(void **state)
{
    struct world *w = *state;
    struct tls_renewal_stats stats;

    break_key(w);
    pass(w, 5 * CHECK_MS);
    assert_int_equal(w->renewed, 0);
    assert_int_equal(w->errors, 1);
    change(w);
    pass(w, 2 * CHECK_MS);
    assert_int_equal(w->renewed, 1);
    tls_renewal_stats_get(w->renewal, &stats);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.renewed, 1);
}

static void after_the_stop_nothing_is_taken(void **state)
{
    struct world *w = *state;

    change(w);
    tls_renewal_check(w->renewal);
    tls_renewal_stop(w->renewal);
    pass(w, 3 * CHECK_MS);
    assert_int_equal(w->renewed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_as_they_were_are_not_taken_again, begin, end),
        cmocka_unit_test_setup_teardown(changed_files_are_taken_at_the_next_look, begin, end),
        cmocka_unit_test_setup_teardown(who_asks_does_not_wait_for_the_next_look, begin, end),
        cmocka_unit_test_setup_teardown(broken_files_are_told_of_once_and_mended_ones_are_taken, begin, end),
        cmocka_unit_test_setup_teardown(after_the_stop_nothing_is_taken, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
