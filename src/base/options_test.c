/* SPDX-License-Identifier: Apache-2.0
 *
 * options_test.c - a table of options filled from files, the environment and flags.
 */
#include "base/base_test.h"
#include "base/options.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>

struct values {
    char *name, *token, *compression;
    bool batching;
    int64_t port, delta, memory, timeout;
    char **labels;
};

static const char *const compressions[] = {"None", "Lz4", "Zstd", NULL};
static const struct option table[] = {
    {.key = "broker.name",
     .env = "T_NAME",
     .flag = "--name",
     .type = OPTION_TEXT,
     .text = "The name.",
     .offset = offsetof(struct values, name)},
    {.key = "broker.port",
     .alias = "brokerServicePort",
     .env = "T_PORT",
     .flag = "-p|--port",
     .type = OPTION_INTEGER,
     .fallback = "6650",
     .max = 65535,
     .text = "The port.",
     .offset = offsetof(struct values, port)},
    {.key = "broker.delta",
     .flag = "--delta",
     .type = OPTION_INTEGER,
     .min = -5,
     .max = 5,
     .text = "May be negative.",
     .offset = offsetof(struct values, delta)},
    {.group = "Who asks",
     .key = "auth.token",
     .env = "T_TOKEN",
     .type = OPTION_TEXT,
     .secret = true,
     .text = "A secret.",
     .offset = offsetof(struct values, token)},
    {.key = "producer.compression",
     .alias = "compression",
     .flag = "--compression",
     .type = OPTION_CHOICE,
     .fallback = "Lz4",
     .choices = compressions,
     .text = "How payloads are compressed.",
     .offset = offsetof(struct values, compression)},
    {.key = "producer.batching.enabled",
     .alias = "batchingEnabled",
     .flag = "--batching",
     .type = OPTION_BOOL,
     .fallback = "false",
     .text = "Whether messages are batched.",
     .offset = offsetof(struct values, batching)},
    {.key = "memory_limit",
     .flag = "--memory",
     .type = OPTION_BYTES,
     .fallback = "64MB",
     .min = 1024,
     .max = (int64_t)1 << 40,
     .text = "Memory.",
     .offset = offsetof(struct values, memory)},
    {.key = "timeout",
     .flag = "--timeout",
     .type = OPTION_DURATION,
     .fallback = "30s",
     .text = "Time.",
     .offset = offsetof(struct values, timeout)},
    {.key = "labels",
     .flag = "-l|--label",
     .type = OPTION_TEXTS,
     .text = "Any number.",
     .offset = offsetof(struct values, labels)},
};

struct fixture {
    struct options options;
    struct values values;
    char message[300];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_int_equal(options_init(&f->options, table, sizeof table / sizeof table[0], &f->values), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    options_deinit(&f->options);
    free(f);
    return 0;
}

static enum err file(struct fixture *f, const char *name, const char *text)
{
    return options_read(&f->options, name, bytes_of_text(text), f->message, sizeof f->message);
}

static void defaults_stand_until_something_is_said(void **state)
{
    struct fixture *f = *state;

    assert_null(f->values.name);
    assert_int_equal(f->values.port, 6650);
    assert_string_equal(f->values.compression, "Lz4");
    assert_false(f->values.batching);
    assert_int_equal(f->values.memory, 64 << 20);
    assert_int_equal(f->values.timeout, 30000);
    assert_string_equal(f->options.origin[0], "default");
}

static void a_toml_file_is_read_by_path(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(file(f, "g.toml",
                          "timeout = \"5m\"\n[broker]\nname = 'x'\nport = 0\n[producer]\n"
                          "compression = 'zstd'\nbatching.enabled = true\n"),
                     OK);
    assert_string_equal(f->values.name, "x");
    assert_int_equal(f->values.port, 0);
    assert_string_equal(f->values.compression, "Zstd"); /* as the table spells it */
    assert_true(f->values.batching);
    assert_int_equal(f->values.timeout, 300000);
    assert_string_equal(f->options.origin[1], "g.toml:4");
}

static void a_key_value_file_is_read_by_pulsars_keys(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(file(f, "standalone.conf",
                          "# Ports\r\nbrokerServicePort = 7000 \r\n\r\ncompression=\n"
                          "batchingEnabled=true\nbroker.name=a=b"),
                     OK);
    assert_int_equal(f->values.port, 7000);
    assert_string_equal(f->values.compression, "Lz4"); /* empty: the default */
    assert_true(f->values.batching);
    assert_string_equal(f->values.name, "a=b");
}

static void assert_refused(struct fixture *f, const char *name, const char *text, const char *wanted)
{
    assert_int_equal(file(f, name, text), ERR_INVALID);
    assert_string_equal(f->message, wanted);
}

static void a_wrong_file_is_told_with_line_and_nearest_key(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "g.toml", "\n[brocker]\nport = 1\n",
                   "g.toml:3: unknown key `brocker.port`; did you mean `broker.port`?");
    assert_refused(f, "g.toml", "quite_another = 1\n", "g.toml:1: unknown key `quite_another`");
    assert_refused(f, "g.toml", "broker.port = \n", "g.toml:1: expected a value, not ` `");
    assert_refused(f, "g.toml", "broker.port = '6650'\n",
                   "g.toml:1: `broker.port` expects a whole number, without quotes");
    assert_refused(f, "g.toml", "broker.port = 65536\n",
                   "g.toml:1: `broker.port` expects a whole number between 0 and 65535, not `65536`");
    assert_refused(f, "g.toml", "[[broker]]\nport = 1\n", "g.toml:1: unknown key `broker`");
    assert_refused(f, "g.toml", "producer.compression = 'gzip'\n",
                   "g.toml:1: `producer.compression` expects one of None, Lz4, Zstd, not `gzip`");
    assert_refused(f, "b.conf", "brokerServiceport=1\n",
                   "b.conf:1: unknown key `brokerServiceport`; did you mean `brokerServicePort`?");
    assert_refused(f, "b.conf", "\nport\n", "b.conf:2: expected key=value");
}

static void a_secret_is_never_printed(void **state)
{
    struct fixture *f = *state;
    struct text out;

    text_init(&out, 4096);
    assert_int_equal(file(f, "g.toml", "auth.token = 'hush'\n"), OK);
    options_show(&f->options, true, &out);
    assert_null(strstr(out.data, "hush"));
    assert_non_null(strstr(out.data, "auth.token = \"***\"  # g.toml:1\n"));
    assert_non_null(strstr(out.data, "memory_limit = \"64MiB\"  # default\n"));
    assert_non_null(strstr(out.data, "timeout = \"30s\"  # default\n"));
    text_deinit(&out);
}

static const char *get(const char *name, void *ctx)
{
    const char *const *pairs = ctx;

    for (; pairs[0]; pairs += 2) {
        if (strcmp(pairs[0], name) == 0)
            return pairs[1];
    }
    return NULL;
}

static void the_environment_is_read(void **state)
{
    struct fixture *f = *state;
    const char *pairs[] = {"T_NAME", "n", "T_TOKEN", "", "PULSAR_PREFIX_brokerServicePort", "1", NULL};

    assert_int_equal(options_env(&f->options, get, pairs, f->message, sizeof f->message), OK);
    assert_string_equal(f->values.name, "n");
    assert_null(f->values.token); /* empty: not given */
    assert_int_equal(f->values.port, 1);
    assert_string_equal(f->options.origin[1], "PULSAR_PREFIX_brokerServicePort");
}

static void a_wrong_variable_is_named(void **state)
{
    struct fixture *f = *state;
    const char *pairs[] = {"T_PORT", "x", NULL};

    assert_int_equal(options_env(&f->options, get, pairs, f->message, sizeof f->message), ERR_INVALID);
    assert_string_equal(f->message, "T_PORT: `broker.port` expects a whole number, not `x`");
}

static void flags_are_taken_and_the_rest_is_left(void **state)
{
    struct fixture *f = *state;
    char *argv[] = {"topic",   "-p", "7",  "--name=x", "--unknown", "--batching", "more",
                    "--delta", "-3", "--", "--name",   "y",         NULL};
    int argc = 12;

    assert_int_equal(options_flags(&f->options, &argc, argv, f->message, sizeof f->message), OK);
    assert_int_equal(argc, 6);
    assert_string_equal(argv[0], "topic");
    assert_string_equal(argv[1], "--unknown");
    assert_string_equal(argv[2], "more");
    assert_string_equal(argv[4], "--name");
    assert_null(argv[6]);
    assert_int_equal(f->values.port, 7);
    assert_int_equal(f->values.delta, -3);
    assert_string_equal(f->values.name, "x");
    assert_true(f->values.batching);
}

static void a_flag_without_its_value_is_refused(void **state)
{
    struct fixture *f = *state;
    char *argv[] = {"--port", NULL};
    int argc = 1;

    assert_int_equal(options_flags(&f->options, &argc, argv, f->message, sizeof f->message), ERR_INVALID);
    assert_string_equal(f->message, "--port needs a value: The port.");
}

static void a_mistyped_flag_has_a_nearest_one(void **state)
{
    struct fixture *f = *state;
    char flag[32];

    assert_string_equal(options_nearest_flag(&f->options, "--prot=1", flag, sizeof flag), "--port");
    assert_null(options_nearest_flag(&f->options, "--zzzzzzzz", flag, sizeof flag));
}

static void sizes_and_times_have_units(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        int64_t bytes;
    } sizes[] = {{"512k", 512 << 10}, {"1GiB", 1 << 30}, {"2 MB", 2 << 20}, {"4096", 4096}, {"4096b", 4096}};
    static const struct {
        const char *text;
        int64_t ms;
    } times[] = {{"100ms", 100}, {"1m", 60000}, {"2h", 7200000}, {"7d", 604800000}, {"15", 15}};

    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(options_set(&f->options, "memory_limit", sizes[i].text, "test", f->message, 300), OK);
        assert_int_equal(f->values.memory, sizes[i].bytes);
        assert_int_equal(options_set(&f->options, "timeout", times[i].text, "test", f->message, 300), OK);
        assert_int_equal(f->values.timeout, times[i].ms);
    }
    assert_int_equal(options_set(&f->options, "memory_limit", "1", "test", f->message, 300), ERR_INVALID);
    assert_string_equal(f->message,
                        "test: `memory_limit` expects a size such as 64MB or 512k between 1KiB and 1TiB, not `1`");
    assert_int_equal(options_set(&f->options, "memory_limit", "99999999999T", "test", f->message, 300), ERR_INVALID);
    assert_int_equal(options_set(&f->options, "timeout", "5 parsecs", "test", f->message, 300), ERR_INVALID);
    assert_int_equal(options_set(&f->options, "timeout", "-5s", "test", f->message, 300), ERR_INVALID);
    assert_int_equal(f->values.timeout, 15);
}

static void another_default_stands_until_something_is_said_too(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(options_set_default(&f->options, "broker.port", "7000", "the day", f->message, 300), OK);
    assert_int_equal(f->values.port, 7000);
    assert_int_equal(options_set(&f->options, "broker.port", "7001", "test", f->message, 300), OK);
    assert_int_equal(options_set_default(&f->options, "broker.port", "7002", "the day", f->message, 300), OK);
    assert_int_equal(f->values.port, 7001);
}

static void an_unknown_key_is_not_found(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(options_set(&f->options, "x", "1", "test", f->message, 300), ERR_NOT_FOUND);
}

static void chained_tables_share_a_file(void **state)
{
    struct fixture *f = *state;
    static const struct option second_table[] = {
        {.key = "notary.key", .flag = "--key", .type = OPTION_TEXT, .text = "A key."}};
    struct {
        char *key;
    } values = {0};
    struct options second;

    assert_int_equal(options_init(&second, second_table, 1, &values), OK);
    f->options.next = &second;
    assert_int_equal(file(f, "g.toml", "broker.port = 5\nnotary.key = 'k'\n"), OK);
    assert_string_equal(values.key, "k");
    assert_refused(f, "g.toml", "notary.kex = 'k'\n", "g.toml:1: unknown key `notary.kex`; did you mean `notary.key`?");
    options_deinit(&second);
}

static void what_is_shown_can_be_what_was_set_alone(void **state)
{
    struct fixture *f = *state;
    struct text out;

    text_init(&out, 4096);
    assert_int_equal(file(f, "g.toml", "auth.token = 'hush'\nbroker.port = 7\n"), OK);
    options_show(&f->options, false, &out);
    assert_string_equal(out.data, "broker.port = 7  # g.toml:2\nauth.token = \"***\"  # g.toml:1\n");
    text_deinit(&out);
}

static void what_is_shown_can_be_json(void **state)
{
    struct fixture *f = *state;
    struct text out;

    text_init(&out, 4096);
    assert_int_equal(file(f, "g.toml", "auth.token = 'hush'\ntimeout = '2s'\n"), OK);
    options_show_json(&f->options, false, &out);
    assert_string_equal(out.data, "{\n  \"auth.token\": {\"value\": \"***\", \"origin\": \"g.toml:1\"},\n"
                                  "  \"timeout\": {\"value\": \"2s\", \"origin\": \"g.toml:2\"}\n}\n");
    text_deinit(&out);
    text_init(&out, 4096);
    options_show_json(&f->options, true, &out);
    assert_non_null(strstr(out.data, "\"broker.name\": {\"value\": null, \"origin\": \"default\"}"));
    assert_non_null(strstr(out.data, "\"broker.port\": {\"value\": 6650,"));
    text_deinit(&out);
}

static void an_option_with_texts_may_be_said_again(void **state)
{
    struct fixture *f = *state;
    char *argv[] = {"-l", "a", "--label=b", "-l", "", NULL};
    int argc = 5;
    struct text out;

    assert_null(f->values.labels);
    assert_int_equal(options_flags(&f->options, &argc, argv, f->message, sizeof f->message), OK);
    assert_string_equal(f->values.labels[0], "a");
    assert_string_equal(f->values.labels[1], "b");
    assert_string_equal(f->values.labels[2], "");
    assert_null(f->values.labels[3]);
    text_init(&out, 4096);
    options_show(&f->options, false, &out);
    assert_string_equal(out.data, "labels = [\"a\", \"b\", \"\"]  # -l\n");
    text_deinit(&out);
}

static void the_words_of_a_flag_are_counted(void **state)
{
    struct fixture *f = *state;
    char *two[] = {"--port", "7", NULL}, *one[] = {"--port=7", "x", NULL}, *flag[] = {"--batching", "x", NULL},
         *none[] = {"topic", NULL};

    assert_int_equal(options_flag_words(&f->options, 2, two), 2);
    assert_int_equal(options_flag_words(&f->options, 1, two), 1);
    assert_int_equal(options_flag_words(&f->options, 2, one), 1);
    assert_int_equal(options_flag_words(&f->options, 2, flag), 1);
    assert_int_equal(options_flag_words(&f->options, 1, none), 0);
    assert_int_equal(options_flag_words(&f->options, 0, none), 0);
}

/* ---- what belongs to other software ---- */

static const char *const unused[] = {"numIOThreads", "cacheSizeMB", "client_*", NULL};
static const struct foreign_group groups[] = {{"Threads and such", unused}};
static const struct foreign_key keys[] = {{"tlsPort", "", "there is no TLS"}, {"limit", "0|-1", "there is no limit"}};
static const struct foreign_flag flags[] = {
    {"-nfw|--no-functions-worker", false, NULL}, {"--dir", true, NULL}, {"--no-broker", false, "there is one"}};
static const struct foreign_keys foreign = {keys, 2, groups, 1, flags, 3};

static void keys_of_other_software_are_passed_over_and_noted(void **state)
{
    struct fixture *f = *state;

    f->options.foreign = &foreign;
    assert_int_equal(
        file(f, "s.conf", "numIOThreads=8\nbrokerServicePort=7\ncacheSizeMB=\nclient_any=1\nlimit=-1\ntlsPort=\n"), OK);
    assert_int_equal(f->values.port, 7);
    assert_int_equal(f->options.passed.count, 2); /* one that has no value asks for nothing */
    assert_string_equal(f->options.passed.names[0], "numIOThreads");
    assert_string_equal(f->options.passed.names[1], "client_any");
}

static void those_that_would_matter_are_refused_and_mistakes_too(void **state)
{
    struct fixture *f = *state;

    f->options.foreign = &foreign;
    assert_refused(f, "s.conf", "tlsPort=6651\n", "s.conf:1: `tlsPort` cannot be `6651`: there is no TLS");
    assert_refused(f, "s.conf", "limit=1\n", "s.conf:1: `limit` cannot be `1`: there is no limit");
    assert_refused(f, "s.conf", "numIOThread=1\n", "s.conf:1: unknown key `numIOThread`; did you mean `numIOThreads`?");
    assert_refused(f, "s.toml", "numIOThreads = 1\n",
                   "s.toml:1: unknown key `numIOThreads`; did you mean `numIOThreads`?");
}

static enum err environment(struct fixture *f, char *one, char *other)
{
    char *all[] = {one, other, NULL};

    return options_env_foreign(&f->options, all, f->message, sizeof f->message);
}

static void the_environment_may_have_them_with_a_prefix(void **state)
{
    struct fixture *f = *state;

    f->options.foreign = &foreign;
    assert_int_equal(environment(f, "PULSAR_PREFIX_numIOThreads=4", "PULSAR_PREFIX_nobody=knows"), OK);
    assert_int_equal(environment(f, "PULSAR_PREFIX_brokerServicePort=1", "PULSAR_PREFIX_limit=0"), OK);
    assert_int_equal(environment(f, "numIOThreads=4", "PATH=/"), OK);
    assert_int_equal(f->options.passed.count, 2);
    assert_string_equal(f->options.passed.names[1], "PULSAR_PREFIX_nobody");
}

static void what_matters_is_refused_in_the_environment_with_the_prefix_or_without(void **state)
{
    struct fixture *f = *state;

    f->options.foreign = &foreign;
    assert_int_equal(environment(f, "PULSAR_PREFIX_tlsPort=1", "A=b"), ERR_INVALID);
    assert_string_equal(f->message, "PULSAR_PREFIX_tlsPort: `tlsPort` cannot be `1`: there is no TLS");
    assert_int_equal(environment(f, "A=b", "tlsPort=1"), ERR_INVALID);
    assert_string_equal(f->message, "tlsPort: `tlsPort` cannot be `1`: there is no TLS");
}

static void without_the_prefix_a_key_counts_where_there_are_foreign_ones(void **state)
{
    struct fixture *f = *state;
    const char *pairs[] = {"brokerServicePort", "9", NULL};

    assert_int_equal(options_env(&f->options, get, pairs, f->message, sizeof f->message), OK);
    assert_int_equal(f->values.port, 6650);
    f->options.foreign = &foreign;
    assert_int_equal(options_env(&f->options, get, pairs, f->message, sizeof f->message), OK);
    assert_int_equal(f->values.port, 9);
}

static void flags_of_other_software_are_taken_with_their_values(void **state)
{
    struct fixture *f = *state;
    char *argv[] = {"-nfw", "--dir", "d", "--dir=e", "word", NULL}, *refused[] = {"--no-broker", NULL};
    int argc = 5, refused_count = 1;

    f->options.foreign = &foreign;
    assert_int_equal(options_flags(&f->options, &argc, argv, f->message, sizeof f->message), OK);
    assert_int_equal(argc, 1);
    assert_string_equal(argv[0], "word");
    assert_int_equal(f->options.passed.count, 2);
    assert_int_equal(options_flags(&f->options, &refused_count, refused, f->message, sizeof f->message), ERR_INVALID);
    assert_string_equal(f->message, "`--no-broker` cannot be: there is one");
}

static void the_help_lists_the_flags_and_what_has_none(void **state)
{
    struct fixture *f = *state;
    struct text out;

    text_init(&out, 8192);
    options_help(&f->options, &out);
    assert_non_null(strstr(out.data, "  -p, --port N\n        The port.  Default: 6650.\n"));
    assert_non_null(strstr(out.data, "  --compression None|Lz4|Zstd\n"));
    assert_non_null(strstr(out.data, "\n Who asks\n  auth.token TEXT, T_TOKEN\n        A secret.\n"));
    text_deinit(&out);
}

static void the_nearest_word_is_near(void **state)
{
    static const char *const words[] = {"standalone", "client", "notary", "up"};

    (void)state;
    assert_string_equal(nearest_word("stnadalone", words, 4), "standalone");
    assert_string_equal(nearest_word("CLEINT", words, 4), "client");
    assert_string_equal(nearest_word("notray", words, 4), "notary");
    assert_null(nearest_word("x", words, 4));
    assert_null(nearest_word("", words, 4));
    assert_null(nearest_word("something else", words, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_stand_until_something_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_toml_file_is_read_by_path, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_value_file_is_read_by_pulsars_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_file_is_told_with_line_and_nearest_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_secret_is_never_printed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_environment_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_variable_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(flags_are_taken_and_the_rest_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flag_without_its_value_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mistyped_flag_has_a_nearest_one, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes_and_times_have_units, setup, teardown),
        cmocka_unit_test_setup_teardown(another_default_stands_until_something_is_said_too, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_key_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(chained_tables_share_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(an_option_with_texts_may_be_said_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_words_of_a_flag_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_shown_can_be_what_was_set_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_shown_can_be_json, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_of_other_software_are_passed_over_and_noted, setup, teardown),
        cmocka_unit_test_setup_teardown(those_that_would_matter_are_refused_and_mistakes_too, setup, teardown),
        cmocka_unit_test_setup_teardown(the_environment_may_have_them_with_a_prefix, setup, teardown),
        cmocka_unit_test_setup_teardown(what_matters_is_refused_in_the_environment_with_the_prefix_or_without, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_the_prefix_a_key_counts_where_there_are_foreign_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(flags_of_other_software_are_taken_with_their_values, setup, teardown),
        cmocka_unit_test_setup_teardown(the_help_lists_the_flags_and_what_has_none, setup, teardown),
        cmocka_unit_test(the_nearest_word_is_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
