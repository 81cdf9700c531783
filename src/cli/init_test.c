/* SPDX-License-Identifier: Apache-2.0
 *
 * init_test.c - what `geminga init` is made of: configuration files from the table of options, and a directory in which
 * nothing is written over.  The whole of it: tests/interop/test_init.py.
 */
#include "base/text.h"
#include "cli/init_place.h"
#include "cli/init_toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct values {
    char *name, *host;
    int64_t port, bytes;
    bool on;
};

#define AT(member) .offset = offsetof(struct values, member)
static const struct option rows[] = {
    {.key = "name", .type = OPTION_TEXT, AT(name), .text = "Who it is."},
    {.key = "one.port", .alias = "servicePort", .type = OPTION_INTEGER, AT(port), .text = "Where."},
    {.key = "two.on", .alias = "twoEnabled", .type = OPTION_BOOL, AT(on), .text = "Whether."},
    {.key = "one.host", .alias = "serviceHost", .type = OPTION_TEXT, AT(host), .text = "At which host."},
    {.key = "one.size", .type = OPTION_BYTES, AT(bytes), .text = "How much."},
};
static const struct option_table table = OPTION_TABLE(rows);

/* ---- files ---- */

static void each_setting_stands_in_its_section_as_the_table_has_it(void **state)
{
    const struct init_setting settings[] = {
        {"serviceHost", "a\"b"}, {"twoEnabled", "true"}, {"servicePort", "-1"}, {"name", "me"}, {"one.size", "5MiB"}};
    const char *unknown;
    struct text out;

    text_init(&out, 10000);
    assert_true(init_toml_write(&table, settings, 5, &out, &unknown));
    assert_string_equal(out.data, "\n# Who it is.\nname = \"me\"\n"
                                  "\n[one]\n\n# Where.\nport = -1\n\n# At which host.\nhost = \"a\\\"b\"\n"
                                  "\n# How much.\nsize = \"5MiB\"\n"
                                  "\n[two]\n\n# Whether.\non = true\n");
    text_deinit(&out);
}

static void what_was_written_is_read_back(void **state)
{
    const struct init_setting settings[] = {{"serviceHost", "h\\\"\n"}, {"twoEnabled", "true"}, {"servicePort", "7"}};
    struct values values = {0};
    struct options options;
    const char *unknown;
    char message[300];
    struct text out;

    text_init(&out, 10000);
    assert_true(init_toml_write(&table, settings, 3, &out, &unknown));
    assert_int_equal(options_init(&options, table.rows, table.count, &values), OK);
    assert_int_equal(options_read(&options, "x.toml", bytes_of(out.data, out.len), message, sizeof message), OK);
    assert_string_equal(values.host, "h\\\"\n");
    assert_int_equal(values.port, 7);
    assert_true(values.on);
    options_deinit(&options);
    text_deinit(&out);
}

static void a_name_that_no_option_has_is_told(void **state)
{
    const struct init_setting settings[] = {{"servicePort", "7"}, {"serviceport", "7"}};
    const char *unknown;
    struct text out;

    text_init(&out, 10000);
    assert_false(init_toml_write(&table, settings, 2, &out, &unknown));
    assert_string_equal(unknown, "serviceport");
    text_deinit(&out);
}

/* ---- the directory ---- */

struct place_test {
    char top[40], directory[60];
    struct init_place place;
};

static int set_up(void **state)
{
    struct place_test *t = calloc(1, sizeof *t);

    assert_non_null(*state = t);
    strcpy(t->top, "/tmp/geminga-init-XXXXXX");
    assert_non_null(mkdtemp(t->top));
    (void)snprintf(t->directory, sizeof t->directory, "%s/new", t->top);
    return 0;
}

static int tear_down(void **state)
{
    struct place_test *t = *state;

    (void)rmdir(t->directory);
    assert_int_equal(rmdir(t->top), 0); /* every test leaves nothing */
    free(t);
    return 0;
}

static mode_t mode_of(const struct place_test *t, const char *name)
{
    char path[PATH_MAX];
    struct stat s;

    assert_int_equal(stat(init_place_path(&t->place, name, path), &s), 0);
    return s.st_mode & 07777;
}

static void all_is_for_its_owner_alone_whatever_the_umask(void **state)
{
    struct place_test *t = *state;
    const mode_t before = umask(0);

    assert_int_equal(init_place_open(&t->place, t->directory), OK);
    assert_int_equal(init_place_directory(&t->place, "keys"), OK);
    assert_int_equal(init_place_file(&t->place, "keys/one", bytes_of_text("secret")), OK);
    assert_int_equal(mode_of(t, "."), 0700);
    assert_int_equal(mode_of(t, "keys"), 0700);
    assert_int_equal(mode_of(t, "keys/one"), 0600);
    init_place_close(&t->place, false);
    umask(before);
}

static void what_is_not_made_whole_is_taken_back(void **state)
{
    struct place_test *t = *state;

    assert_int_equal(init_place_open(&t->place, t->directory), OK);
    assert_int_equal(init_place_directory(&t->place, "keys"), OK);
    assert_int_equal(init_place_file(&t->place, "keys/one", bytes_of_text("secret")), OK);
    init_place_close(&t->place, false);
    assert_int_equal(access(t->directory, F_OK), -1);
}

static void a_directory_that_has_something_is_left_alone(void **state)
{
    struct place_test *t = *state;

    assert_int_equal(init_place_open(&t->place, t->directory), OK);
    assert_int_equal(init_place_file(&t->place, "one", bytes_of_text("mine")), OK);
    init_place_close(&t->place, true);
    assert_int_equal(init_place_open(&t->place, t->directory), ERR_EXISTS);
    assert_non_null(strstr(t->place.message, "nothing is written over"));
    init_place_close(&t->place, false);
    char path[100];
    (void)snprintf(path, sizeof path, "%s/one", t->directory);
    assert_int_equal(unlink(path), 0);
}

static void an_empty_directory_that_was_there_stays_when_it_fails(void **state)
{
    struct place_test *t = *state;

    assert_int_equal(mkdir(t->directory, 0700), 0);
    assert_int_equal(init_place_open(&t->place, t->directory), OK);
    assert_int_equal(init_place_file(&t->place, "one", bytes_of_text("mine")), OK);
    init_place_close(&t->place, false);
    assert_int_equal(access(t->directory, F_OK), 0);
}

static void no_link_is_followed(void **state)
{
    struct place_test *t = *state;
    char link[100], target[100];

    (void)snprintf(link, sizeof link, "%s/one", t->directory);
    (void)snprintf(target, sizeof target, "%s/elsewhere", t->top);
    assert_int_equal(init_place_open(&t->place, t->directory), OK);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(init_place_file(&t->place, "one", bytes_of_text("secret")), ERR_EXISTS);
    assert_int_equal(access(target, F_OK), -1);
    assert_int_equal(unlink(link), 0);
    init_place_close(&t->place, false);
}

static void a_directory_without_a_parent_is_refused(void **state)
{
    struct place_test *t = *state;
    char path[100];

    (void)snprintf(path, sizeof path, "%s/a/b", t->top);
    assert_int_equal(init_place_open(&t->place, path), ERR_NOT_FOUND);
    init_place_close(&t->place, false);
}

static void a_name_that_settings_cannot_carry_is_refused(void **state)
{
    struct place_test *t = *state;
    char path[100];

    (void)snprintf(path, sizeof path, "%s/a,b", t->top);
    assert_int_equal(init_place_open(&t->place, path), ERR_INVALID);
    init_place_close(&t->place, false);
}

static void a_file_is_replaced_at_once(void **state)
{
    struct place_test *t = *state;
    char text[20] = "", path[PATH_MAX];

    assert_int_equal(init_place_open(&t->place, t->directory), OK);
    assert_int_equal(init_place_file(&t->place, "one", bytes_of_text("before")), OK);
    assert_int_equal(init_place_replace(&t->place, "one", bytes_of_text("after")), OK);
    FILE *file = fopen(init_place_path(&t->place, "one", path), "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_string_equal(text, "after");
    assert_int_equal(mode_of(t, "one"), 0600);
    init_place_close(&t->place, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_setting_stands_in_its_section_as_the_table_has_it),
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(a_name_that_no_option_has_is_told),
        TEST(all_is_for_its_owner_alone_whatever_the_umask),
        TEST(what_is_not_made_whole_is_taken_back),
        TEST(a_directory_that_has_something_is_left_alone),
        TEST(an_empty_directory_that_was_there_stays_when_it_fails),
        TEST(no_link_is_followed),
        TEST(a_directory_without_a_parent_is_refused),
        TEST(a_name_that_settings_cannot_carry_is_refused),
        TEST(a_file_is_replaced_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
