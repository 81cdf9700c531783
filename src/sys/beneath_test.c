/* SPDX-License-Identifier: Apache-2.0
 *
 * beneath_test.c - files within and without a directory, by names that try to leave it.
 */
#include "base/base_test.h"

#include "sys/beneath.h"
#include "sys/sandbox.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char top[64], root[80];
};

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_non_null(f = fopen(path, "w"));
    fputs(text, f);
    fclose(f);
}

static void make_link(const char *target, const char *directory, const char *name)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(symlink(target, path), 0);
}

/* TOP/outside, TOP/root/inside, TOP/root/sub/deep, and links. */
static int make_place(void **state)
{
    static struct place p;
    char path[200];

    strcpy(p.top, "/tmp/geminga-beneath-XXXXXX");
    assert_non_null(mkdtemp(p.top));
    snprintf(p.root, sizeof p.root, "%s/root", p.top);
    snprintf(path, sizeof path, "%s/sub", p.root);
    assert_int_equal(mkdir(p.root, 0700), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(p.top, "outside", "secret");
    write_file(p.root, "inside", "content");
    write_file(path, "deep", "deeper");
    make_link("../outside", p.root, "out");
    make_link("/etc", p.root, "etc");
    make_link("sub/deep", p.root, "in");
    make_link("out", p.root, "twice");
    snprintf(path, sizeof path, "%s/pipe", p.root);
    assert_int_equal(mkfifo(path, 0600), 0);
    *state = &p;
    return 0;
}

static int remove_place(void **state)
{
    static const char *const names[] = {"root/sub/deep", "root/sub",  "root/inside", "root/out", "root/etc", "root/in",
                                        "root/twice",    "root/pipe", "root",        "outside",  ""};
    struct place *p = *state;
    char path[200];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", p->top, names[i]);
        (void)remove(path);
    }
    return 0;
}

static void a_file_below_the_root_is_read_whole(void **state)
{
    static const char *const names[][2] = {{"inside", "content"}, {"sub/deep", "deeper"}, {"sub/../inside", "content"}};
    struct place *p = *state;

    for (size_t i = 0; i < 3; i++) {
        char text[20] = "";
        size_t len;
        int fd;

        assert_int_equal(beneath_open(p->root, names[i][0], &fd), OK);
        assert_int_equal(beneath_read(fd, text, sizeof text - 1, &len), OK);
        assert_string_equal(text, names[i][1]);
        assert_int_equal(beneath_read(fd, text, sizeof text - 1, &len), OK);
        assert_int_equal(len, 0);
        beneath_close(fd);
    }
}

static void a_name_that_leads_out_is_refused(void **state)
{
    static const char *const names[] = {
        "../outside", "out", "twice", "etc/passwd", "sub/../../outside", "/etc/passwd", "sub/../../root/inside"};
    struct place *p = *state;
    int fd;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(beneath_open(p->root, names[i], &fd), ERR_DENIED);
}

static void what_is_no_plain_file_or_not_there_is_told_apart(void **state)
{
    struct place *p = *state;
    int fd;

    assert_int_equal(beneath_open(p->root, "absent", &fd), ERR_NOT_FOUND);
    assert_int_equal(beneath_open(p->root, "inside/x", &fd), ERR_NOT_FOUND);
    assert_int_equal(beneath_open(p->root, "sub", &fd), ERR_INVALID);
    assert_int_equal(beneath_open(p->root, "pipe", &fd), ERR_INVALID);
    assert_int_equal(beneath_open("/nowhere/at/all", "x", &fd), ERR_NOT_FOUND);
}

static bool opens_as(const struct place *p, const char *name, enum err expected)
{
    int fd = -1;
    enum err err = beneath_open(p->root, name, &fd);

    if (fd >= 0)
        beneath_close(fd);
    return err == expected;
}

/* Where the kernel cannot be asked, no part of a name may be a link; one in its middle is no directory. */
static int walk(const struct place *p)
{
    bool good = opens_as(p, "inside", OK) && opens_as(p, "sub/deep", OK) && opens_as(p, "sub//deep", OK) &&
                opens_as(p, "absent", ERR_NOT_FOUND) && opens_as(p, "sub", ERR_INVALID) &&
                opens_as(p, "pipe", ERR_INVALID) && opens_as(p, "in", ERR_DENIED) && opens_as(p, "out", ERR_DENIED) &&
                opens_as(p, "etc/passwd", ERR_NOT_FOUND) && opens_as(p, "sub/../inside", ERR_DENIED) &&
                opens_as(p, "../outside", ERR_DENIED) && opens_as(p, "", ERR_DENIED);

    return good ? 0 : 1;
}

static void in_a_sandbox_names_are_walked_part_by_part(void **state)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(sandbox_enter() == OK ? walk(*state) : 77);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_below_the_root_is_read_whole, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_name_that_leads_out_is_refused, make_place, remove_place),
        cmocka_unit_test_setup_teardown(what_is_no_plain_file_or_not_there_is_told_apart, make_place, remove_place),
        cmocka_unit_test_setup_teardown(in_a_sandbox_names_are_walked_part_by_part, make_place, remove_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
