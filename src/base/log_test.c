/* SPDX-License-Identifier: Apache-2.0
 *
 * log_test.c - one whole line per event, whatever is in it.
 */
#include "base/base_test.h"

#include "base/log.h"
#include <stdio.h>
#include <string.h>

struct capture {
    char text[8192];
    size_t lines;
};

static void capture_line(void *ctx, const char *text, size_t len)
{
    struct capture *c = ctx;

    assert_true(len < sizeof c->text);
    memcpy(c->text, text, len);
    c->text[len] = '\0';
    c->lines++;
}

static int64_t fixed_time(void *ctx)
{
    return 1769860800123; /* 2026-01-31T12:00:00.123Z */
}

static void a_line_names_time_level_and_component(void **state)
{
    struct capture c = {0};
    struct log log = {.level = LOG_INFO, .wall_ms = fixed_time, .line = capture_line, .ctx = &c};

    log_info(&log, "store", "recovered %d entries", 12);
    assert_string_equal(c.text, "2026-01-31T12:00:00.123Z info store: recovered 12 entries\n");
}

static void below_the_level_nothing_is_written(void **state)
{
    struct capture c = {0};
    struct log log = {.level = LOG_WARN, .line = capture_line, .ctx = &c};

    log_info(&log, "store", "quiet");
    log_warn(NULL, "store", "swallowed");
    assert_int_equal(c.lines, 0);
    log_error(&log, "store", "loud");
    assert_string_equal(c.text, "error store: loud\n");
}

static void a_text_from_outside_cannot_forge_a_line(void **state)
{
    struct capture c = {0};
    struct log log = {.line = capture_line, .ctx = &c};

    log_info(&log, "session", "client says %s", "a\nerror store: b\x1b[31m");
    assert_string_equal(c.text, "info session: client says a?error store: b?[31m\n");
    log_info(&log, "session", "client says %s",
             "\xc2\x9b"
             "31m \xc3\x9b\xc2");
    assert_string_equal(c.text, "info session: client says ??31m \xc3\x9b\xc2\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
    struct capture c = {0};
    struct log log = {.wall_ms = fixed_time, .line = capture_line, .ctx = &c};

    log_info(&log, "store", "%03000d", 1);
    assert_int_equal(strlen(c.text), 2000);
    assert_int_equal(c.text[1999], '\n');
}

static void a_repeated_fault_is_let_through_once_per_interval(void **state)
{
    struct log_rate rate = {0};
    uint64_t suppressed = 99;

    assert_true(log_rate_allow(&rate, 1000, 500, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_false(log_rate_allow(&rate, 1001, 500, &suppressed));
    assert_false(log_rate_allow(&rate, 1499, 500, &suppressed));
    assert_true(log_rate_allow(&rate, 1500, 500, &suppressed));
    assert_int_equal(suppressed, 2);
}

static void a_component_may_have_a_level_of_its_own(void **state)
{
    struct capture c = {0};
    struct log log = {.level = LOG_ERROR, .line = capture_line, .ctx = &c};
    char message[200];

    assert_int_equal(log_levels_read(&log, "info, journal=debug,pulsar=WARNING", message, sizeof message), OK);
    log_debug(&log, "journal", "seen");
    assert_int_equal(c.lines, 1);
    log_debug(&log, "journals", "not this one");
    log_info(&log, "pulsar", "nor this");
    assert_int_equal(c.lines, 1);
    log_warn(&log, "pulsar", "seen");
    log_info(&log, "registry", "seen");
    assert_int_equal(c.lines, 3);
    assert_int_equal(log_levels_read(&log, "journal=error", message, sizeof message), OK);
    log_warn(&log, "journal", "replaced");
    log_info(&log, "registry", "kept");
    assert_int_equal(c.lines, 4);
}

static void a_level_that_there_is_not_is_named(void **state)
{
    static const char *const bad[] = {"", "loud", "info,,warn", "=debug", "journal=", "journal=loud", "info,"};
    char message[200];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct log log = {0};
        assert_int_equal(log_levels_read(&log, bad[i], message, sizeof message), ERR_INVALID);
        assert_non_null(strstr(message, "neither a level"));
    }
}

static void components_with_levels_are_bounded(void **state)
{
    struct log log = {0};
    char message[200], name[40];

    for (int i = 0; i < LOG_MODULES_MAX; i++) {
        snprintf(name, sizeof name, "m%d=warn", i);
        assert_int_equal(log_levels_read(&log, name, message, sizeof message), OK);
    }
    assert_int_equal(log_levels_read(&log, "more=warn", message, sizeof message), ERR_INVALID);
    assert_int_equal(log_levels_read(&log, "m3=debug", message, sizeof message), OK);
}

static void a_line_of_json_is_json_whatever_is_in_it(void **state)
{
    struct capture c = {0};
    struct log log = {.wall_ms = fixed_time, .line = capture_line, .ctx = &c, .json = true};
    static char quotes[LOG_MODULES_MAX * 200];

    log_info(&log, "store", "a \"b\\c\n\xc3\xa9 \xff");
    assert_string_equal(c.text, "{\"time\":\"2026-01-31T12:00:00.123Z\",\"level\":\"info\",\"component\":\"store\","
                                "\"message\":\"a \\\"b\\\\c?\xc3\xa9 ?\"}\n");
    log.wall_ms = NULL;
    log_warn(&log, "x", "y");
    assert_string_equal(c.text, "{\"level\":\"warn\",\"component\":\"x\",\"message\":\"y\"}\n");
    memset(quotes, '"', sizeof quotes - 1);
    log_warn(&log, "x", "%s", quotes); /* each of them takes two */
    assert_int_equal(c.lines, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_names_time_level_and_component),
        cmocka_unit_test(below_the_level_nothing_is_written),
        cmocka_unit_test(a_text_from_outside_cannot_forge_a_line),
        cmocka_unit_test(a_long_line_is_cut_and_still_ends),
        cmocka_unit_test(a_repeated_fault_is_let_through_once_per_interval),
        cmocka_unit_test(a_component_may_have_a_level_of_its_own),
        cmocka_unit_test(a_level_that_there_is_not_is_named),
        cmocka_unit_test(components_with_levels_are_bounded),
        cmocka_unit_test(a_line_of_json_is_json_whatever_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
