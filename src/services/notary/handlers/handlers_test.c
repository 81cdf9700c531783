/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers_test.c - handlers that decide, and such as hang, crash, eat memory, lie or are not there: told apart, ended,
 * started anew, and nobody else held up.
 *
 * This program is the host of shared objects, too: it starts itself, as the notary does.
 */
#include "base/base_test.h"

#include "services/notary/handlers/handler_host.h"
#include "services/notary/handlers/handlers.h"
#include "sys/sandbox.h"
#include "sys/uv_sys.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define MEMORY      "memory = \"" HANDLER_TEST_MEMORY "\"\n"

/* A list of handlers in a file, and what came of the last question. */
struct world {
    char path[64];
    struct handlers_settings settings;
    struct handlers *handlers;
    struct text finding;
    enum handler_verdict verdict;
    char why[600];
};

static enum err world_open(struct world *w, const char *file)
{
    FILE *f;
    int fd;

    *w = (struct world){.path = "/tmp/geminga-handlers-XXXXXX"};
    assert_true((fd = mkstemp(w->path)) >= 0);
    assert_non_null(f = fdopen(fd, "w"));
    fputs(file, f);
    fclose(f);
    w->settings.file = w->path;
    text_init(&w->finding, 100000);
    return handlers_new(&w->handlers, &w->settings, NULL, NULL, w->why, sizeof w->why);
}

static void world_close(struct world *w)
{
    handlers_free(w->handlers);
    text_deinit(&w->finding);
    unlink(w->path);
}

static enum err ask(struct world *w, const char *source)
{
    char event[200];

    text_deinit(&w->finding);
    text_init(&w->finding, 100000);
    snprintf(event, sizeof event, "{\n \"event_id\":\"e\",\n\"source\":\"%s\"}", source);
    return handlers_run(w->handlers, bytes_of_text(event), &w->finding, &w->verdict, PATIENCE_MS, w->why,
                        sizeof w->why);
}

static void open_or_fail(struct world *w, const char *file)
{
    if (world_open(w, file) != OK)
        fail_msg("%s", w->why);
}

static uint64_t metric(struct world *w, const char *line)
{
    struct text text;
    const char *found;
    uint64_t number = 999;

    text_init(&text, 100000);
    handlers_metrics(w->handlers, &text);
    if ((found = strstr(text.data, line)))
        number = strtoull(found + strlen(line), NULL, 10);
    text_deinit(&text);
    return number;
}

/* Sanitizers have no sandbox. */
#define IS_SANDBOXED (strcmp(HANDLER_TEST_MEMORY, "0") != 0)
#define OBJECT(more) OBJECT_IN(HANDLER_TEST_SANDBOX, more)
#define OBJECT_IN(sandbox, more)                                                                                       \
    "[[handler]]\nname = \"so\"\nkind = \"shared_object\"\npath = \"" NAUGHTY_HANDLER "\"\nsandbox = " sandbox         \
    "\n" MEMORY more
#define SCRIPT(name, script, more)                                                                                     \
    "[[handler]]\nname = \"" name "\"\nkind = \"command\"\ncommand = [\"/bin/sh\", \"-c\", '''" script "''']\n" more

#define ACCEPTS "cat >/dev/null; echo '{\"verdict\":\"accept\",\"metadata\":{\"b\":1,\"a\":0.5}}'"

static void a_command_accepts_and_its_metadata_is_found_out(void **state)
{
    struct world w;

    open_or_fail(&w, SCRIPT("one", ACCEPTS, ""));
    assert_int_equal(ask(&w, "x"), OK);
    assert_int_equal(w.verdict, HANDLER_ACCEPT);
    assert_string_equal(
        w.finding.data,
        "[{\"handler\":\"one\",\"metadata\":{\"a\":0.5,\"b\":1},\"reason\":\"\",\"verdict\":\"accept\"}]");
    world_close(&w);
}

static void the_first_that_does_not_accept_decides_and_the_rest_is_not_asked(void **state)
{
    struct world w;

    open_or_fail(&w, SCRIPT("a", ACCEPTS, "") SCRIPT("b", "echo '{\"verdict\":\"reject\",\"reason\":\"friday\"}'", "")
                         SCRIPT("c", "exit 1", ""));
    assert_int_equal(ask(&w, "x"), OK);
    assert_int_equal(w.verdict, HANDLER_REJECT);
    assert_string_equal(w.why, "handler b: friday");
    assert_non_null(strstr(w.finding.data, "\"handler\":\"a\""));
    assert_null(strstr(w.finding.data, "\"handler\":\"c\""));
    world_close(&w);
}

static void a_handler_is_asked_about_the_events_of_its_filter(void **state)
{
    struct world w;
    json_t *wanted = json_pack("{ss}", "source", "x"), *unwanted = json_pack("{ss}", "source", "y");

    open_or_fail(&w, SCRIPT("a", "echo '{\"verdict\":\"ignore\"}'", "filter = \"event.source == 'x'\"\n"));
    assert_int_equal(ask(&w, "y"), OK);
    assert_int_equal(w.verdict, HANDLER_ACCEPT);
    assert_string_equal(w.finding.data, "[]");
    assert_int_equal(ask(&w, "x"), OK);
    assert_int_equal(w.verdict, HANDLER_IGNORE);
    assert_true(handlers_wanted(w.handlers, wanted));
    assert_false(handlers_wanted(w.handlers, unwanted));
    assert_false(handlers_wanted(NULL, wanted));
    json_decref(wanted);
    json_decref(unwanted);
    world_close(&w);
}

static void a_shared_object_answers_event_after_event_in_one_process(void **state)
{
    struct world w;

    open_or_fail(&w, OBJECT("events_per_process = 3\n"));
    for (int i = 0; i < 6; i++) {
        char expected[20];
        snprintf(expected, sizeof expected, "event %d", i % 3 + 1);
        if (ask(&w, "x") != OK)
            fail_msg("%s", w.why);
        assert_non_null(strstr(w.finding.data, expected));
    }
    assert_int_equal(metric(&w, "geminga_notary_handler_starts_total{handler=\"so\"} "), 2);
    assert_int_equal(ask(&w, "reject"), OK);
    assert_int_equal(w.verdict, HANDLER_REJECT);
    world_close(&w);
}

static void each_way_to_fail_is_told_apart_and_the_next_event_finds_it_well(void **state)
{
    static const struct {
        const char *source;
        enum err err;
        const char *says, *counted;
    } rows[] = {
        {"hang", ERR_TIMEOUT, "does not answer in time", "timeout"},
        {"crash", ERR_IO, "by signal 11", "died"},
        {"leave", ERR_IO, "by exit status 7", "died"},
        {"leave", ERR_IO, "I am leaving", "died"},
        {"fail", ERR_IO, "handle() returns -5", "died"},
        {"lie", ERR_PROTOCOL, "without a verdict", "nonsense"},
        {"long", ERR_PROTOCOL, "answers", "nonsense"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;
        char line[100];

        open_or_fail(&w, OBJECT("timeout = \"2s\"\nretries = 0\nprocesses = 1\n"));
        assert_int_equal(ask(&w, rows[i].source), rows[i].err);
        if (!strstr(w.why, rows[i].says))
            fail_msg("%s: %s", rows[i].source, w.why);
        snprintf(line, sizeof line, "outcome=\"%s\"} ", rows[i].counted);
        assert_int_equal(metric(&w, line), 1);
        assert_int_equal(ask(&w, "x"), OK);
        world_close(&w);
    }
}

static void one_that_eats_memory_is_stopped_at_its_limit(void **state)
{
    struct world w;

    if (strcmp(HANDLER_TEST_MEMORY, "0") == 0)
        skip(); /* a sanitizer's own memory is beyond any limit */
    open_or_fail(&w, OBJECT("retries = 0\n"));
    assert_int_equal(ask(&w, "eat"), ERR_IO);
    assert_non_null(strstr(w.why, "of 300 MiB of memory"));
    world_close(&w);
}

static void what_fails_once_is_asked_again_at_once(void **state)
{
    struct world w;
    char script[700], mark[] = "/tmp/geminga-mark-XXXXXX";
    int fd = mkstemp(mark);

    close(fd);
    unlink(mark);
    snprintf(
        script, sizeof script,
        SCRIPT("a", "if [ -e %s ]; then echo '{\"verdict\":\"accept\"}'; else touch %s; exit 1; fi", "retries = 1\n"),
        mark, mark);
    open_or_fail(&w, script);
    assert_int_equal(ask(&w, "x"), OK);
    assert_int_equal(metric(&w, "outcome=\"died\"} "), 1);
    assert_int_equal(metric(&w, "outcome=\"accept\"} "), 1);
    unlink(mark);
    world_close(&w);
}

static void an_object_that_cannot_work_says_why(void **state)
{
    struct world w;

    open_or_fail(&w, OBJECT("config = \"refuse\"\nretries = 0\n"));
    assert_int_equal(ask(&w, "x"), ERR_IO);
    assert_non_null(strstr(w.why, "the licence has run out"));
    world_close(&w);
    open_or_fail(&w, "[[handler]]\nname = \"a\"\nkind = \"shared_object\"\npath = \"/nowhere/x.so\"\nretries = 0\n"
                     "sandbox = " HANDLER_TEST_SANDBOX "\n" MEMORY);
    assert_int_equal(ask(&w, "x"), ERR_IO);
    assert_non_null(strstr(w.why, "cannot be loaded"));
    world_close(&w);
    open_or_fail(&w, "[[handler]]\nname = \"a\"\nkind = \"command\"\ncommand = [\"/nowhere/program\"]\n");
    assert_int_equal(ask(&w, "x"), ERR_NOT_FOUND);
    world_close(&w);
}

static void a_shared_object_starts_no_programs_unless_it_may(void **state)
{
    struct world w;

    if (!IS_SANDBOXED)
        skip();
    open_or_fail(&w, OBJECT(""));
    assert_int_equal(ask(&w, "start"), OK);
    assert_non_null(strstr(w.finding.data, "forbidden"));
    world_close(&w);
    open_or_fail(&w, OBJECT_IN("false", ""));
    assert_int_equal(ask(&w, "start"), OK);
    assert_non_null(strstr(w.finding.data, "started"));
    world_close(&w);
}

/* Whether this kernel, and this build, can keep a process from files. */
static bool files_can_be_limited(void)
{
    static const char *const nothing[] = {NULL};
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(sandbox_limit_files(nothing) == OK ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void not_even_its_constructors_do(void **state)
{
    static const char *const sandboxes[] = {"true", "'calls'", "false"};

    for (int i = 0; i < 3; i++) {
        struct world w;
        char file[600];
        if ((i == 0 && !files_can_be_limited()) || (i == 1 && !IS_SANDBOXED))
            continue;
        snprintf(file, sizeof file, OBJECT_IN("%s", ""), sandboxes[i]);
        open_or_fail(&w, file);
        if (ask(&w, "early") != OK)
            fail_msg("%s", w.why);
        assert_non_null(strstr(w.finding.data, i < 2 ? "forbidden" : "started"));
        world_close(&w);
    }
}

/* What becomes of opening a file that its entry does not name, or that `more` names. */
static void expect_peek(const char *sandbox, const char *more, const char *expected)
{
    char secret[] = "/tmp/geminga-secret-XXXXXX", file[800], named[100];
    struct world w;

    close(mkstemp(secret));
    snprintf(named, sizeof named, more, secret);
    snprintf(file, sizeof file, OBJECT_IN("%s", "config = \"%s\"\n%s"), sandbox, secret, named);
    open_or_fail(&w, file);
    if (ask(&w, "peek") != OK)
        fail_msg("%s", w.why);
    assert_non_null(strstr(w.finding.data, expected));
    world_close(&w);
    unlink(secret);
}

static void a_shared_object_reads_no_files_but_those_of_its_entry(void **state)
{
    if (!files_can_be_limited())
        skip();
    expect_peek("true", "# %s\n", "Permission denied");
    expect_peek("true", "readable = [\"%s\"]\n", "\"read\"");
    expect_peek("'calls'", "# %s\n", "\"read\"");
}

/* In a sandbox no other can be entered: a host that is asked for one in there is as on a kernel without. */
static int host_without_sandbox(const char *how)
{
    char *argv[] = {(char[]){NAUGHTY_HANDLER}, (char[]){""}, strdup(how), NULL};
    int status;
    pid_t child = fork();

    if (child == 0) {
        close(0); /* the end of the input, at once */
        if (IS_SANDBOXED && sandbox_enter() != OK)
            _exit(99);
        exit(handler_host_main(3, argv));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    free(argv[2]);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void where_there_is_no_sandbox_a_shared_object_runs_only_if_its_entry_says_so(void **state)
{
    assert_int_equal(host_without_sandbox("true"), 3);
    assert_int_equal(host_without_sandbox("calls"), 3);
    assert_int_equal(host_without_sandbox("false"), 0);
}

static void hang(void *ctx)
{
    struct world *w = ctx;
    struct text finding;
    enum handler_verdict verdict;
    char why[300];

    text_init(&finding, 10000);
    assert_int_equal(handlers_run(w->handlers, bytes_of_text("{\"source\":\"hang\"}"), &finding, &verdict, PATIENCE_MS,
                                  why, sizeof why),
                     ERR_TIMEOUT);
    text_deinit(&finding);
}

static void an_event_that_hangs_holds_up_no_other(void **state)
{
    struct world w;
    struct uv_thread *thread;

    open_or_fail(&w, OBJECT("timeout = \"3s\"\nretries = 0\nprocesses = 2\n"));
    assert_int_equal(uv_thread_run(&thread, "hang", hang, &w), OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask(&w, "x"), OK);
    assert_int_equal(metric(&w, "outcome=\"timeout\"} "), 0); /* it hangs still */
    uv_thread_finish(thread);
    assert_int_equal(metric(&w, "outcome=\"timeout\"} "), 1);
    world_close(&w);
}

static void the_environment_of_ours_is_seen_only_where_it_is_named(void **state)
{
    static const char script[] = "cat >/dev/null; echo '{\"verdict\":\"accept\",\"reason\":\"'$HUSH-$TOLD'\"}'";
    struct world w;
    char file[500];

    setenv("HUSH", "secret", 1);
    setenv("TOLD", "known", 1);
    snprintf(file, sizeof file, SCRIPT("a", "%s", "environment = [\"TOLD\"]\n"), script);
    open_or_fail(&w, file);
    assert_int_equal(ask(&w, "x"), OK);
    assert_non_null(strstr(w.finding.data, "\"reason\":\"-known\""));
    world_close(&w);
}

static void without_a_file_there_are_no_handlers(void **state)
{
    struct handlers_settings settings = {.file = NULL};
    struct handlers *h = NULL;
    json_t *event = json_object();
    char why[200];

    assert_int_equal(handlers_new(&h, &settings, NULL, NULL, why, sizeof why), OK);
    assert_false(handlers_wanted(h, event));
    handlers_free(h);
    settings.file = (char *)(uintptr_t) "/nowhere/handlers.toml";
    assert_int_equal(handlers_new(&h, &settings, NULL, NULL, why, sizeof why), ERR_NOT_FOUND);
    assert_non_null(strstr(why, "/nowhere/handlers.toml"));
    json_decref(event);
}

static void a_file_that_makes_no_sense_is_refused_with_its_line(void **state)
{
    static const char *const rows[][2] = {
        {"x = 1\n", ":1: only [[handler]]"},
        {"[[handler]]\nkind = \"http\"\n", ":1: a handler needs a `name`"},
        {"[[handler]]\nname = \"a b\"\n", ":1: a handler needs a `name`"},
        {"[[handler]]\nname = \"a\"\n", ":1: a handler needs its `kind`"},
        {"[[handler]]\nname = \"a\"\nkind = \"lua\"\n", ":3: `kind`"},
        {"[[handler]]\nname = \"a\"\nkind = \"http\"\n", "needs its `url`"},
        {"[[handler]]\nname = \"a\"\nkind = \"command\"\n", "needs `command`"},
        {"[[handler]]\nname = \"a\"\nkind = \"shared_object\"\npath = \"x.so\"\n", "needs its `path`"},
        {"[[handler]]\nname = \"a\"\nkind = \"shared_object\"\npath = \"/x.so\"\nreadable = [\"x\"]\n",
         ":1: `readable` is a list of paths"},
        {"[[handler]]\nname = \"a\"\nkind = \"http\"\nurl = \"http://x\"\nsandbox = \"on\"\n", ":5: `sandbox`"},
        {"[[handler]]\nname = \"a\"\nkind = \"http\"\nurl = \"http://x\"\ntimeut = \"1s\"\n",
         ":5: unknown key `timeut`; did you mean `timeout`"},
        {"[[handler]]\nname = \"a\"\nkind = \"http\"\nurl = \"http://x\"\ntimeout = \"soon\"\n", ":5: `timeout`"},
        {"[[handler]]\nname = \"a\"\nkind = \"http\"\nurl = \"http://x\"\nprocesses = 99\n", ":5: `processes`"},
        {"[[handler]]\nname = \"a\"\nkind = \"http\"\nurl = \"http://x\"\n[[handler]]\nname = \"a\"\nkind = \"http\"\n",
         ":5: there is another"},
        {"[[handler]]\nname = \"a\"\nkind = \"http\"\nurl = \"http://x\"\nfilter = \"event.\"\n",
         "handler a: the expression, at 7"},
        {"[[handler]]\nname = [\n", ":"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;

        assert_int_equal(world_open(&w, rows[i][0]), ERR_INVALID);
        if (!strstr(w.why, rows[i][1]))
            fail_msg("expected \"%s\", got \"%s\"", rows[i][1], w.why);
        world_close(&w);
    }
}

static int ignore_pipes(void **state)
{
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_accepts_and_its_metadata_is_found_out),
        cmocka_unit_test(the_first_that_does_not_accept_decides_and_the_rest_is_not_asked),
        cmocka_unit_test(a_handler_is_asked_about_the_events_of_its_filter),
        cmocka_unit_test(a_shared_object_answers_event_after_event_in_one_process),
        cmocka_unit_test(each_way_to_fail_is_told_apart_and_the_next_event_finds_it_well),
        cmocka_unit_test(one_that_eats_memory_is_stopped_at_its_limit),
        cmocka_unit_test(what_fails_once_is_asked_again_at_once),
        cmocka_unit_test(an_object_that_cannot_work_says_why),
        cmocka_unit_test(a_shared_object_starts_no_programs_unless_it_may),
        cmocka_unit_test(not_even_its_constructors_do),
        cmocka_unit_test(a_shared_object_reads_no_files_but_those_of_its_entry),
        cmocka_unit_test(where_there_is_no_sandbox_a_shared_object_runs_only_if_its_entry_says_so),
        cmocka_unit_test(an_event_that_hangs_holds_up_no_other),
        cmocka_unit_test(the_environment_of_ours_is_seen_only_where_it_is_named),
        cmocka_unit_test(without_a_file_there_are_no_handlers),
        cmocka_unit_test(a_file_that_makes_no_sense_is_refused_with_its_line),
    };

    if (argc > 3 && strcmp(argv[2], "handler-host") == 0)
        return handler_host_main(argc - 3, argv + 3);
    return cmocka_run_group_tests(tests, ignore_pipes, NULL);
}
