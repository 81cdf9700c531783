/* SPDX-License-Identifier: Apache-2.0
 *
 * audit_test.c - audit.h in use: lines in a file on a simulated disk of their own, and in a topic.
 */
#include "base/base_test.h"

#include "broker/audit.h"
#include "broker/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_NAME "audit.log"
#define TOPIC     "persistent://pulsar/system/audit"

struct audit_fixture {
    struct fixture *base;
    struct sim_disk *disk;
    struct audit *audit;
    struct audit_options options;
    char *content; /* of the file that was read last */
};

static void audit_open(struct audit_fixture *f)
{
    f->options.file.disk = sim_disk_get(f->disk);
    assert_int_equal(audit_new(&f->audit, &f->options, sim_host_sys(f->base->world.host)->loop, f->base->world.broker),
                     OK);
}

static int set_up(void **state)
{
    struct audit_fixture *f = calloc(1, sizeof *f);

    assert_non_null(*state = f);
    f->base = fixture_new(5);
    f->base->world.options.audit_topic = TOPIC;
    fixture_open(f->base);
    f->disk = sim_disk_new(sim_random(f->base->world.sim));
    f->options.file = (struct audit_file){.name = FILE_NAME, .bytes_max = 1 << 20, .kept = 3};
    audit_open(f);
    return 0;
}

static int tear_down(void **state)
{
    struct audit_fixture *f = *state;
    void *base = f->base;

    world_pass(&f->base->world, 10);
    audit_free(f->audit);
    assert_int_equal(fixture_tear_down(&base), 0);
    sim_disk_free(f->disk);
    free(f->content);
    free(f);
    return 0;
}

/* The whole file, until the next call; "" when there is none. */
static const char *content_of(struct audit_fixture *f, const char *name)
{
    struct file *file;
    uint64_t size;
    size_t got;

    free(f->content);
    f->content = calloc(1, 4 << 20);
    assert_non_null(f->content);
    if (disk_open(sim_disk_get(f->disk), name, DISK_READ, &file) != OK)
        return f->content;
    assert_int_equal(file_size(file, &size), OK);
    assert_true(size < 4 << 20);
    assert_int_equal(file_read(file, 0, f->content, size, &got), OK);
    file_close(file);
    return f->content;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

static void note(struct audit_fixture *f, const char *action, const char *refusal)
{
    audit_note(f->audit, &(struct audit_event){.who = {.role = "admin"},
                                               .peer = "10.0.0.7:50122",
                                               .via = "http",
                                               .action = bytes_of_text(action),
                                               .status = refusal ? 401 : 204,
                                               .refusal = refusal});
}

struct waiting {
    struct audit_wait wait;
    bool done;
};

static void on_done(struct audit_wait *w)
{
    container_of(w, struct waiting, wait)->done = true;
}

static void wait_for(struct audit_fixture *f)
{
    struct waiting w = {.wait.done = on_done};

    audit_when_written(f->audit, &w.wait);
    assert_false(w.done);
    while (!w.done)
        assert_true(sim_step(f->base->world.sim));
}

/* ---- lines ---- */

static void an_event_is_one_line_of_json(void **state)
{
    struct audit_fixture *f = *state;

    audit_note(f->audit, &(struct audit_event){.who = {.role = "proxy", .original = "al\"ice"},
                                               .peer = "10.0.0.7:50122",
                                               .via = "http",
                                               .action = bytes_of_text("PUT /admin/v2/tenants/acme"),
                                               .status = 204});
    wait_for(f);
    const char *line = content_of(f, FILE_NAME);
    assert_memory_equal(line, "{\"time\":\"", 9);
    assert_string_equal(
        line + strlen("{\"time\":\"2024-01-15T10:30:00.123Z"),
        "\",\"role\":\"proxy\",\"originalRole\":\"al\\\"ice\",\"peer\":\"10.0.0.7:50122\",\"via\":\"http\","
        "\"action\":\"PUT /admin/v2/tenants/acme\",\"status\":204,\"outcome\":\"done\",\"reason\":null}\n");
}

static void a_line_feed_in_a_name_begins_no_line(void **state)
{
    struct audit_fixture *f = *state;

    note(f, "DELETE /admin/v2/tenants/a\n{\"time\":\"forged\"}\x01\xff", NULL);
    wait_for(f);
    assert_int_equal(count_of(content_of(f, FILE_NAME), "\n"), 1);
    assert_int_equal(count_of(f->content, "\"time\":\""), 1);
}

static void refused_and_failed_are_told_apart(void **state)
{
    struct audit_fixture *f = *state;

    note(f, "PUT /a", "no");
    audit_note(f->audit,
               &(struct audit_event){
                   .via = "http", .action = bytes_of_text("PUT /b"), .status = 404, .refusal = "it is not there"});
    audit_note(f->audit,
               &(struct audit_event){.via = "binary", .action = bytes_of_text("PRODUCER c"), .refusal = "no"});
    wait_for(f);
    assert_int_equal(count_of(content_of(f, FILE_NAME), "\"outcome\":\"refused\""), 2);
    assert_int_equal(count_of(f->content, "\"outcome\":\"failed\""), 1);
}

static void a_token_in_a_query_is_not_written(void **state)
{
    struct audit_fixture *f = *state;

    note(f, "GET /ws/v2/producer/x?a=1&token=s3cret&b=2", NULL);
    note(f, "GET /ws/v2/producer/x?Token=s3cret", NULL);
    wait_for(f);
    assert_null(strstr(content_of(f, FILE_NAME), "s3cret"));
    assert_non_null(strstr(f->content, "?a=1&token=&b=2\""));
}

static void a_long_action_is_cut(void **state)
{
    struct audit_fixture *f = *state;
    char *action = calloc(1, 100001);

    assert_non_null(action);
    memset(action, '\x01', 100000);
    note(f, action, NULL);
    free(action);
    wait_for(f);
    assert_int_equal(count_of(content_of(f, FILE_NAME), "\\u0001"), AUDIT_ACTION_MAX);
}

/* ---- the file ---- */

static void who_was_told_finds_the_line_after_a_power_cut(void **state)
{
    struct audit_fixture *f = *state;

    for (unsigned i = 0; i < 10; i++) {
        char action[40];
        (void)snprintf(action, sizeof action, "PUT /%u", i);
        note(f, action, NULL);
        wait_for(f);
    }
    sim_disk_crash(f->disk);
    sim_disk_restart(f->disk);
    assert_int_equal(count_of(content_of(f, FILE_NAME), "\n"), 10);
    assert_true(strstr(f->content, "/3\"") < strstr(f->content, "/4\""));
}

static void a_torn_line_stays_alone(void **state)
{
    struct audit_fixture *f = *state;
    struct file *file;

    assert_int_equal(disk_open(sim_disk_get(f->disk), FILE_NAME, DISK_WRITE | DISK_CREATE, &file), OK);
    const struct bytes torn = bytes_of_text("{\"time\":\"20");
    assert_int_equal(file_write(file, 0, &torn, 1), OK);
    file_close(file);
    note(f, "PUT /a", NULL);
    wait_for(f);
    assert_non_null(strstr(content_of(f, FILE_NAME), "{\"time\":\"20\n{\"time\":\""));
}

static void a_large_file_is_set_aside_and_the_oldest_removed(void **state)
{
    struct audit_fixture *f = *state;

    f->options.file.bytes_max = 400; /* two lines */
    audit_free(f->audit);
    audit_open(f);
    for (unsigned i = 0; i < 12; i++) {
        char action[40];
        (void)snprintf(action, sizeof action, "PUT /%u", i);
        note(f, action, NULL);
        wait_for(f);
    }
    assert_non_null(strstr(content_of(f, FILE_NAME), "PUT /11\""));
    assert_non_null(strstr(content_of(f, FILE_NAME ".1"), "PUT /9\""));
    assert_non_null(strstr(content_of(f, FILE_NAME ".3"), "PUT /5\""));
    assert_string_equal(content_of(f, FILE_NAME ".4"), "");
}

static void nothing_is_kept_of_old_files_when_none_shall_be(void **state)
{
    struct audit_fixture *f = *state;

    f->options.file.bytes_max = 10;
    f->options.file.kept = 0;
    audit_free(f->audit);
    audit_open(f);
    note(f, "PUT /1", NULL);
    wait_for(f);
    note(f, "PUT /2", NULL);
    wait_for(f);
    assert_null(strstr(content_of(f, FILE_NAME), "PUT /1\""));
    assert_non_null(strstr(f->content, "PUT /2\""));
    assert_string_equal(content_of(f, FILE_NAME ".1"), "");
}

static void a_full_disk_lets_those_go_who_wait_and_loses_nothing(void **state)
{
    struct audit_fixture *f = *state;
    struct audit_stats stats;

    note(f, "PUT /before", NULL);
    wait_for(f);
    sim_disk_fail_from(f->disk, SIM_DISK_OP_WRITE, 1, ERR_NOSPACE);
    note(f, "PUT /meanwhile", NULL);
    wait_for(f);
    note(f, "PUT /later", NULL);
    wait_for(f);
    audit_stats_get(f->audit, &stats);
    assert_true(stats.failing);
    assert_true(stats.write_failures > 0);
    sim_disk_fail_from(f->disk, SIM_DISK_OP_WRITE, 0, OK);
    world_pass(&f->base->world, 2000);
    audit_stats_get(f->audit, &stats);
    assert_false(stats.failing);
    assert_int_equal(stats.dropped, 0);
    assert_int_equal(count_of(content_of(f, FILE_NAME), "\n"), 3);
    assert_true(strstr(f->content, "before") < strstr(f->content, "meanwhile"));
    assert_true(strstr(f->content, "meanwhile") < strstr(f->content, "later"));
}

static void any_single_failure_leaves_each_event_once(void **state)
{
    struct audit_fixture *f = *state;

    f->options.file.bytes_max = 400;
    audit_free(f->audit);
    audit_open(f);
    for (unsigned n = 1; n < 12; n++) {
        char action[40];
        sim_disk_fail(f->disk, SIM_DISK_ALL & ~(unsigned)SIM_DISK_OP_TRUNCATE, n, ERR_IO);
        (void)snprintf(action, sizeof action, "PUT /%u", n);
        note(f, action, NULL);
        world_pass(&f->base->world, 2500);
        sim_disk_fail(f->disk, SIM_DISK_ALL, 0, OK);
        (void)snprintf(action, sizeof action, "PUT /%u\"", n);
        assert_int_equal(count_of(content_of(f, FILE_NAME), action), 1);
    }
}

static void what_does_not_fit_is_counted_and_the_count_is_written(void **state)
{
    struct audit_fixture *f = *state;
    struct audit_stats stats;
    char wanted[60];

    sim_disk_fail_from(f->disk, SIM_DISK_OP_WRITE, 1, ERR_NOSPACE);
    for (unsigned i = 0; i < 20000; i++)
        note(f, "PUT /admin/v2/tenants/some-tenant-with-a-long-name", NULL);
    audit_stats_get(f->audit, &stats);
    assert_true(stats.dropped > 0 && stats.dropped < 20000);
    assert_true(stats.waiting_bytes <= AUDIT_QUEUE_BYTES);
    world_pass(&f->base->world, 3000);
    sim_disk_fail_from(f->disk, SIM_DISK_OP_WRITE, 0, OK);
    world_pass(&f->base->world, 5000);
    (void)snprintf(wanted, sizeof wanted, "\"dropped\":%llu}", (unsigned long long)stats.dropped);
    size_t told = 0, lines = 0;
    for (const char *const *name = (const char *const[]){FILE_NAME, FILE_NAME ".1", FILE_NAME ".2", NULL}; *name;
         name++) {
        told += count_of(content_of(f, *name), wanted);
        lines += count_of(f->content, "\n");
    }
    assert_int_equal(told, 1);
    assert_int_equal(lines, 20000 - stats.dropped + 1);
}

static void who_is_refused_cannot_write_the_file_full(void **state)
{
    struct audit_fixture *f = *state;
    struct audit_stats stats;

    for (unsigned i = 0; i < 5000; i++)
        note(f, "PUT /a", "no");
    note(f, "PUT /done", NULL);
    world_pass(&f->base->world, 3000);
    audit_stats_get(f->audit, &stats);
    assert_int_equal(stats.dropped, 5000 - AUDIT_REFUSALS_PER_SECOND);
    assert_int_equal(count_of(content_of(f, FILE_NAME), "\"refused\""), AUDIT_REFUSALS_PER_SECOND);
    assert_int_equal(count_of(f->content, "PUT /done"), 1);
    assert_int_equal(count_of(f->content, "\"dropped\":4800}"), 1);
}

static void on_stopped(void *ctx)
{
    *(bool *)ctx = true;
}

static void the_end_writes_what_was_noted(void **state)
{
    struct audit_fixture *f = *state;
    bool stopped = false;

    note(f, "PUT /a", NULL);
    audit_stop(f->audit, on_stopped, &stopped);
    assert_false(stopped);
    assert_true(world_until(&f->base->world, &stopped));
    assert_int_equal(count_of(content_of(f, FILE_NAME), "PUT /a"), 1);
    note(f, "PUT /late", NULL);
    world_settle(&f->base->world);
    assert_int_equal(count_of(content_of(f, FILE_NAME), "PUT /late"), 0);
}

static void the_end_does_not_wait_for_a_disk_that_is_full(void **state)
{
    struct audit_fixture *f = *state;
    bool stopped = false;

    sim_disk_fail_from(f->disk, SIM_DISK_OP_WRITE, 1, ERR_NOSPACE);
    note(f, "PUT /a", NULL);
    world_settle(&f->base->world);
    note(f, "PUT /b", NULL);
    audit_stop(f->audit, on_stopped, &stopped);
    assert_true(world_until(&f->base->world, &stopped));
}

static void without_an_audit_nothing_is_kept(void **state)
{
    struct audit_stats stats;

    audit_note(NULL, &(struct audit_event){.via = "http", .action = bytes_of_text("PUT /")});
    audit_stats_get(NULL, &stats);
    assert_int_equal(stats.events, 0);
}

/* ---- the topic ---- */

static void the_topic_has_the_events_too(void **state)
{
    struct audit_fixture *f = *state;
    struct peer *a = &f->base->a;

    f->options.topic = TOPIC;
    audit_free(f->audit);
    audit_open(f);
    assert_int_equal(peer_subscribe(a, 1, &(struct subscribe){.topic = TOPIC, .subscription = "s"}).err, OK);
    consumer_flow(a->consumers[1], 10);
    note(f, "PUT /a", NULL);
    note(f, "PUT /b", NULL);
    wait_for(f);
    world_settle(&f->base->world);
    assert_int_equal(a->received_count, 2);
}

static void only_the_broker_writes_to_the_topic(void **state)
{
    struct audit_fixture *f = *state;
    const struct refusal why = peer_produce(&f->base->a, 7, TOPIC, NULL);

    assert_int_equal(why.err, ERR_NOT_ALLOWED);
    assert_non_null(strstr(why.text, "written by the broker only"));
}

static void a_topic_that_cannot_be_holds_nobody_up(void **state)
{
    struct audit_fixture *f = *state;
    struct audit_stats stats;

    f->options.topic = "persistent://nobody/nothing/audit";
    audit_free(f->audit);
    audit_open(f);
    note(f, "PUT /a", NULL);
    wait_for(f);
    audit_stats_get(f->audit, &stats);
    assert_int_equal(stats.topic_failures, 1);
    assert_int_equal(count_of(content_of(f, FILE_NAME), "PUT /a"), 1);
}

static void a_topic_without_a_name_is_refused(void **state)
{
    struct audit_fixture *f = *state;
    struct audit *other;

    f->options.topic = "persistent://x";
    assert_int_equal(audit_new(&other, &f->options, sim_host_sys(f->base->world.host)->loop, f->base->world.broker),
                     ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_one_line_of_json),
        TEST(a_line_feed_in_a_name_begins_no_line),
        TEST(refused_and_failed_are_told_apart),
        TEST(a_token_in_a_query_is_not_written),
        TEST(a_long_action_is_cut),
        TEST(who_was_told_finds_the_line_after_a_power_cut),
        TEST(a_torn_line_stays_alone),
        TEST(a_large_file_is_set_aside_and_the_oldest_removed),
        TEST(nothing_is_kept_of_old_files_when_none_shall_be),
        TEST(a_full_disk_lets_those_go_who_wait_and_loses_nothing),
        TEST(any_single_failure_leaves_each_event_once),
        TEST(what_does_not_fit_is_counted_and_the_count_is_written),
        TEST(who_is_refused_cannot_write_the_file_full),
        TEST(the_end_writes_what_was_noted),
        TEST(the_end_does_not_wait_for_a_disk_that_is_full),
        TEST(without_an_audit_nothing_is_kept),
        TEST(the_topic_has_the_events_too),
        TEST(only_the_broker_writes_to_the_topic),
        TEST(a_topic_that_cannot_be_holds_nobody_up),
        TEST(a_topic_without_a_name_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
