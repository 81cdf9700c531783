/* SPDX-License-Identifier: Apache-2.0
 *
 * child_test.c - programs that answer, and such as hang, die, chatter, or eat what there is.
 */
#include "base/base_test.h"

#include "sys/child.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATIENCE_MS 60000 /* of a test that does not expect to wait */

static struct child *begin(const char *const *argv, struct child_options options)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "ONE=1", NULL};
    struct child *c = NULL;
    char why[200];

    options.argv = argv;
    options.environment = environment;
    if (child_start(&c, &options, why, sizeof why) != OK)
        fail_msg("%s", why);
    return c;
}

static struct child *shell(const char *script)
{
    return begin((const char *const[]){"/bin/sh", "-c", script, NULL}, (struct child_options){0});
}

/* The answer, cut at 40 bytes, is in `to`. */
static enum err ask(struct child *c, const char *line, bool last, int64_t ms, char to[41])
{
    struct deadline deadline = deadline_in(ms);
    struct text answer;
    enum err err;

    text_init(&answer, 40);
    err = child_ask(c, bytes_of_text(line), last, &answer, &deadline);
    memcpy(to, answer.data ? answer.data : "", answer.len + 1);
    text_deinit(&answer);
    return err;
}

static void a_line_is_answered_by_a_line_again_and_again(void **state)
{
    struct child *c = shell("while read -r x; do echo \"<$x>\"; done");
    struct child_end how;
    char answer[41];

    assert_int_equal(ask(c, "one", false, PATIENCE_MS, answer), OK);
    assert_string_equal(answer, "<one>");
    assert_int_equal(ask(c, "two words", false, PATIENCE_MS, answer), OK);
    assert_string_equal(answer, "<two words>");
    assert_int_equal(ask(c, "three", true, PATIENCE_MS, answer), OK);
    assert_string_equal(answer, "<three>");
    child_end(c, &how);
    assert_false(how.by_signal);
    assert_int_equal(how.number, 0);
}

static void the_last_answer_may_lack_its_line_end(void **state)
{
    struct child *c = shell("cat >/dev/null; printf done");
    char answer[41];

    assert_int_equal(ask(c, "x", true, PATIENCE_MS, answer), OK);
    assert_string_equal(answer, "done");
    child_end(c, NULL);
}

static void a_line_longer_than_a_pipe_is_written_whole(void **state)
{
    static char line[300001];
    struct child *c = shell("wc -c");
    char answer[41];

    memset(line, 'x', sizeof line - 1);
    assert_int_equal(ask(c, line, true, PATIENCE_MS, answer), OK);
    assert_string_equal(answer, "300001");
    child_end(c, NULL);
}

static void one_that_does_not_care_for_its_input_may_answer(void **state)
{
    struct child *c = shell("exec <&-; echo yes");
    char answer[41];

    assert_int_equal(ask(c, "x", true, PATIENCE_MS, answer), OK);
    assert_string_equal(answer, "yes");
    child_end(c, NULL);
}

static void one_that_chatters_between_questions_is_refused(void **state)
{
    struct child *c = shell("read x; echo a; echo b; cat");
    char answer[41];
    enum err err = ask(c, "x", false, PATIENCE_MS, answer);

    for (int i = 0; i < 100000 && err == OK; i++) /* as often as its second line has not come yet */
        err = ask(c, "y", false, PATIENCE_MS, answer);
    assert_int_equal(err, ERR_PROTOCOL);
    child_end(c, NULL);
}

static void one_that_ends_is_told_with_its_last_words(void **state)
{
    struct child *c = shell("read x; echo 'no such model' >&2; exit 7");
    struct child_end how;
    char answer[41];

    assert_int_equal(ask(c, "x", false, PATIENCE_MS, answer), ERR_CLOSED);
    child_end(c, &how);
    assert_false(how.by_signal);
    assert_int_equal(how.number, 7);
    assert_string_equal(how.said, "no such model");
}

static void one_that_crashes_is_told_by_its_signal(void **state)
{
    struct child *c = shell("read x; kill -SEGV $$");
    struct child_end how;
    char answer[41];

    assert_int_equal(ask(c, "x", false, PATIENCE_MS, answer), ERR_CLOSED);
    child_end(c, &how);
    assert_true(how.by_signal);
    assert_int_equal(how.number, SIGSEGV);
}

static void one_that_hangs_is_left_at_the_deadline_and_ended_with_its_own_children(void **state)
{
    struct child *c = shell("sleep 1000 & read x; echo $! >&2; read y; sleep 1000");
    struct child_end how;
    char answer[41];

    assert_int_equal(ask(c, "x", false, 300, answer), ERR_TIMEOUT);
    child_end(c, &how);
    assert_true(how.by_signal);
    assert_int_equal(how.number, SIGKILL);
}

static void an_answer_without_end_is_cut(void **state)
{
    struct child *c = shell("read x; while :; do printf 0123456789; done");
    char answer[41];

    assert_int_equal(ask(c, "x", false, PATIENCE_MS, answer), ERR_TOO_LARGE);
    child_end(c, NULL);
}

static void two_lines_for_one_are_refused(void **state)
{
    struct child *c = shell("read x; printf 'a\\nb\\n'");
    char answer[41];

    assert_int_equal(ask(c, "x", true, PATIENCE_MS, answer), ERR_PROTOCOL);
    child_end(c, NULL);
}

static void the_environment_is_what_was_given(void **state)
{
    struct child *c = shell("read x; echo $ONE:$HOME:$USER");
    char answer[41];

    assert_int_equal(ask(c, "x", true, PATIENCE_MS, answer), OK);
    assert_string_equal(answer, "1::");
    child_end(c, NULL);
}

static void no_file_of_ours_is_open_in_it(void **state)
{
    int leaked = dup(2); /* not closed by exec */
    struct child *c = shell("read x; echo /proc/self/fd/*");
    char answer[41];

    assert_true(leaked > 2);
    assert_int_equal(ask(c, "x", true, PATIENCE_MS, answer),
                     ERR_TOO_LARGE); /* the shell's own 0 1 2, and its directory */
    assert_null(strstr(answer, "/4"));
    child_end(c, NULL);
    close(leaked);
}

/* How many processes and threads a child's user may have. */
static unsigned long tasks_limit(void)
{
    struct child *c =
        shell("read x; while read -r a b limit more; do case $a$b in Maxprocesses) echo $limit; esac; done "
              "</proc/self/limits");
    char answer[41];

    assert_int_equal(ask(c, "x", true, PATIENCE_MS, answer), OK);
    child_end(c, NULL);
    return strtoul(answer, NULL, 10);
}

static unsigned long tasks_there_are(void)
{
    FILE *file = fopen("/proc/loadavg", "re");
    unsigned long all;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*s %*s %*s %*u/%lu", &all), 1);
    (void)fclose(file);
    return all;
}

static void it_may_not_start_processes_without_end(void **state)
{
    assert_in_range(tasks_limit(), 1, tasks_there_are() + 5000);
}

static void it_may_start_some_when_its_user_has_many(void **state)
{
    const unsigned long all = tasks_there_are();
    struct rlimit before, busy;

    assert_int_equal(getrlimit(RLIMIT_NPROC, &before), 0);
    busy = (struct rlimit){.rlim_cur = all + all / 2, .rlim_max = before.rlim_max};
    if (busy.rlim_cur > before.rlim_max)
        skip(); /* we may not have as many ourselves */
    assert_int_equal(setrlimit(RLIMIT_NPROC, &busy), 0);
    const unsigned long limit = tasks_limit();
    assert_int_equal(setrlimit(RLIMIT_NPROC, &before), 0);
    assert_in_range(limit, all, busy.rlim_cur - 1);
}

static void a_program_that_is_not_there_is_not_found(void **state)
{
    static const char *const environment[] = {NULL};
    const struct child_options options = {.argv = (const char *const[]){"/nowhere/program", NULL},
                                          .environment = environment};
    struct child *c = NULL;
    char why[200];

    assert_int_equal(child_start(&c, &options, why, sizeof why), ERR_NOT_FOUND);
    assert_non_null(strstr(why, "/nowhere/program"));
}

static void memory_beyond_the_limit_is_not_had(void **state)
{
    struct child *c =
        begin((const char *const[]){"/bin/sh", "-c", "read x; head -c 1000000000 /dev/zero | tail | wc -c", NULL},
              (struct child_options){.memory_max = 100 << 20});
    struct child_end how;
    char answer[41];

    assert_int_equal(ask(c, "x", true, PATIENCE_MS, answer), OK);
    assert_string_equal(answer, "0");
    child_end(c, &how);
    assert_non_null(strstr(how.said, "memory exhausted"));
}

static void processor_time_beyond_the_limit_ends_it(void **state)
{
    struct child *c = begin((const char *const[]){"/bin/sh", "-c", "read x; while :; do :; done", NULL},
                            (struct child_options){.processor_seconds_max = 1});
    struct child_end how;
    char answer[41];

    assert_int_equal(ask(c, "x", false, PATIENCE_MS, answer), ERR_CLOSED);
    child_end(c, &how);
    assert_true(how.by_signal);
}

static void one_that_is_let_go_ends_in_its_own_way(void **state)
{
    struct child *c = shell("while read -r x; do echo $x; done; echo tidy >&2; exit 3");
    struct child_end how;
    char answer[41];

    assert_int_equal(ask(c, "x", false, PATIENCE_MS, answer), OK);
    child_let_go(c, PATIENCE_MS);
    child_end(c, &how);
    assert_string_equal(how.said, "tidy");
}

static void one_that_nobody_ends_ends_by_itself(void **state)
{
    struct child *c =
        begin((const char *const[]){"/bin/sh", "-c", "read x; read y", NULL}, (struct child_options){.life_ms = 100});
    struct child_end how;
    char answer[41];

    assert_int_equal(ask(c, "x", false, PATIENCE_MS, answer), ERR_CLOSED);
    child_end(c, &how);
    assert_true(how.by_signal);
    assert_int_equal(how.number, SIGALRM);
}

static int ignore_pipes(void **state)
{
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_answered_by_a_line_again_and_again),
        cmocka_unit_test(the_last_answer_may_lack_its_line_end),
        cmocka_unit_test(a_line_longer_than_a_pipe_is_written_whole),
        cmocka_unit_test(one_that_does_not_care_for_its_input_may_answer),
        cmocka_unit_test(one_that_chatters_between_questions_is_refused),
        cmocka_unit_test(one_that_ends_is_told_with_its_last_words),
        cmocka_unit_test(one_that_crashes_is_told_by_its_signal),
        cmocka_unit_test(one_that_hangs_is_left_at_the_deadline_and_ended_with_its_own_children),
        cmocka_unit_test(an_answer_without_end_is_cut),
        cmocka_unit_test(two_lines_for_one_are_refused),
        cmocka_unit_test(the_environment_is_what_was_given),
        cmocka_unit_test(no_file_of_ours_is_open_in_it),
        cmocka_unit_test(it_may_not_start_processes_without_end),
        cmocka_unit_test(it_may_start_some_when_its_user_has_many),
        cmocka_unit_test(a_program_that_is_not_there_is_not_found),
        cmocka_unit_test(memory_beyond_the_limit_is_not_had),
        cmocka_unit_test(processor_time_beyond_the_limit_ends_it),
        cmocka_unit_test(one_that_is_let_go_ends_in_its_own_way),
        cmocka_unit_test(one_that_nobody_ends_ends_by_itself),
    };
    return cmocka_run_group_tests(tests, ignore_pipes, NULL);
}
