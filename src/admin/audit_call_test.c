/* SPDX-License-Identifier: Apache-2.0
 *
 * audit_call_test.c - audit_call.h in use: what of the requests is in the audit log, and when.
 */
#include "admin/admin_world.h"
#include "broker/audit.h"

#include <stdlib.h>

#define FILE_NAME "audit.log"
#define LOCAL     "{\"adminRoles\":[\"boss\"],\"allowedClusters\":[\"standalone\"]}"

static int set_up(void **state)
{
    assert_int_equal(admin_world_set_up(state), 0);
    struct admin_world *w = *state;
    const struct audit_options options = {
        .file = {.disk = sim_disk_get(w->disk), .name = FILE_NAME, .bytes_max = 1 << 20}};

    assert_int_equal(audit_new(&w->core.audit, &options, w->core.loop, w->broker), OK);
    return 0;
}

static int tear_down(void **state)
{
    struct admin_world *w = *state;

    audit_free(w->core.audit);
    return admin_world_tear_down(state);
}

/* What a power cut at this moment would leave; the caller's. */
static char *durable_lines(struct admin_world *w)
{
    struct file *file;
    uint64_t size;
    size_t got;
    char *text;

    sim_disk_crash(w->disk);
    sim_disk_restart(w->disk);
    if (disk_open(sim_disk_get(w->disk), FILE_NAME, DISK_READ, &file) != OK)
        return calloc(1, 1);
    assert_int_equal(file_size(file, &size), OK);
    assert_non_null(text = calloc(1, size + 1));
    assert_int_equal(file_read(file, 0, text, size, &got), OK);
    file_close(file);
    return text;
}

static void assert_lines_end(struct admin_world *w, const char *wanted)
{
    char *lines = durable_lines(w);
    const char *action = strstr(lines, "\"action\"");

    assert_string_equal(action ? action : "", wanted);
    free(lines);
}

static void a_change_is_answered_when_its_line_is_durable(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/tenants/acme", LOCAL), 204);
    assert_lines_end(
        w, "\"action\":\"PUT /admin/v2/tenants/acme\",\"status\":204,\"outcome\":\"done\",\"reason\":null}\n");
}

static void a_change_that_failed_says_why(void **state)
{
    struct admin_world *w = *state;
    const char *query[] = {"force", "true"};

    assert_int_equal(ask_with(w, HTTP_DELETE, "/admin/v2/tenants/nobody", query, ""), 405);
    assert_lines_end(w,
                     "\"action\":\"DELETE /admin/v2/tenants/nobody?force=true\",\"status\":405,\"outcome\":\"failed\","
                     "\"reason\":\"Broker doesn't allow forced deletion of tenants\"}\n");
}

static void what_is_only_read_is_not_written_down(void **state)
{
    struct admin_world *w = *state;
    struct audit_stats stats;

    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/tenants"), 200);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/tenants/nobody"), 404);
    audit_stats_get(w->core.audit, &stats);
    assert_int_equal(stats.events, 0);
}

static void a_body_is_never_written_down(void **state)
{
    struct admin_world *w = *state;
    char *lines;

    assert_int_equal(
        ask_body(w, HTTP_PUT, "/admin/v2/clusters/east",
                 "{\"serviceUrl\":\"http://east:8080\",\"brokerClientAuthenticationParameters\":\"token:s3cret\"}"),
        200);
    lines = durable_lines(w);
    assert_non_null(strstr(lines, "PUT /admin/v2/clusters/east\""));
    assert_null(strstr(lines, "s3cret"));
    free(lines);
}

static void a_disk_that_takes_nothing_holds_no_answer_up(void **state)
{
    struct admin_world *w = *state;
    struct sim_disk *disk = sim_disk_new(sim_random(w->sim));
    const struct audit_options options = {
        .file = {.disk = sim_disk_get(disk), .name = FILE_NAME, .bytes_max = 1 << 20}};
    struct audit *failing;

    sim_disk_fail_from(disk, SIM_DISK_OP_WRITE, 1, ERR_NOSPACE);
    assert_int_equal(audit_new(&failing, &options, w->core.loop, w->broker), OK);
    struct audit *first = w->core.audit;
    w->core.audit = failing;
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/tenants/acme", LOCAL), 204);
    w->core.audit = first;
    audit_free(failing);
    sim_disk_free(disk);
}

static void metrics_have_the_audit_log_when_there_is_one(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/tenants/acme", LOCAL), 204);
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    assert_non_null(strstr(answer(w), "geminga_audit_events_total{cluster=\"standalone\"} 1\n"));
    audit_free(w->core.audit);
    w->core.audit = NULL;
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    assert_null(strstr(answer(w), "geminga_audit_"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_answered_when_its_line_is_durable), TEST(a_change_that_failed_says_why),
        TEST(what_is_only_read_is_not_written_down),         TEST(a_body_is_never_written_down),
        TEST(a_disk_that_takes_nothing_holds_no_answer_up),  TEST(metrics_have_the_audit_log_when_there_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
