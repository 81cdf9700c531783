/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_ring_test.c - the kernel's ring, on files of a directory of its own; skipped where there is none.
 */
#include "base/base_test.h"
#include "sys/loop.h"
#include "sys/ring.h"
#include "sys/sandbox.h"
#include "sys/uv_sys.h"
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN        (2 * DISK_ALIGN)
#define WRITES_MAX 64

struct fixture;

struct told {
    struct ring_write write;
    struct fixture *f;
    enum err err;
    unsigned times;
};

struct fixture {
    char directory[64];
    struct uv_sys *uv;
    struct disk *disk;
    struct ring *ring;
    struct file *file;
    uint8_t memory[LEN + DISK_ALIGN], *bytes;
    struct told told[WRITES_MAX];
    size_t under_way;
};

/* Where the test is run: what /tmp is made of may not know writes past the page cache. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    snprintf(f->directory, sizeof f->directory, "ring-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(uv_sys_new(&f->uv, f->directory), OK);
    f->disk = uv_sys_get(f->uv)->disk;
    f->bytes = disk_align(f->memory);
    memset(f->bytes, 'r', LEN);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[96];

    file_close(f->file);
    uv_sys_free(f->uv);
    snprintf(command, sizeof command, "rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void file_begin(struct fixture *f, unsigned flags)
{
    struct file *made;

    assert_int_equal(disk_open(f->disk, "file", DISK_WRITE | DISK_CREATE, &made), OK);
    file_close(made);
    assert_int_equal(disk_open(f->disk, "file", flags, &f->file), OK);
}

static void ring_begin(struct fixture *f)
{
    if (uv_sys_open_ring(f->uv) != OK)
        skip();
    f->ring = uv_sys_get(f->uv)->ring;
}

static void on_done(struct ring_write *write, enum err err)
{
    struct told *t = container_of(write, struct told, write);

    t->err = err;
    t->times++;
    if (--t->f->under_way == 0)
        uv_sys_stop(t->f->uv);
}

static enum err submit(struct fixture *f, size_t n)
{
    struct told *t = &f->told[n];

    *t = (struct told){.f = f};
    t->write = (struct ring_write){
        .file = f->file, .offset = n * LEN, .data = f->bytes, .len = LEN, .done = on_done};
    const enum err err = ring_submit(f->ring, &t->write);
    f->under_way += err == OK;
    assert_int_equal(t->times, 0);
    return err;
}

static bool goes_past_the_cache(struct fixture *f)
{
    return f->told[0].err != ERR_UNSUPPORTED;
}

static void what_was_told_is_written(void **state)
{
    struct fixture *f = *state;
    uint8_t back[LEN];
    size_t got;

    file_begin(f, DISK_READ | DISK_WRITE | DISK_DIRECT);
    ring_begin(f);
    if (submit(f, 0) == ERR_UNSUPPORTED)
        skip(); /* a file system without such files */
    assert_int_equal(submit(f, 1), OK);
    uv_sys_run(f->uv);
    if (!goes_past_the_cache(f))
        skip();
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(f->told[i].times, 1);
        assert_int_equal(f->told[i].err, OK);
        assert_int_equal(file_read(f->file, i * LEN, back, LEN, &got), OK);
        assert_int_equal(got, LEN);
        assert_memory_equal(back, f->bytes, LEN);
    }
}

static void beyond_its_places_it_is_busy_and_all_it_took_is_told(void **state)
{
    struct fixture *f = *state;
    size_t taken = 0;
    enum err err;

    file_begin(f, DISK_READ | DISK_WRITE | DISK_DIRECT);
    ring_begin(f);
    while (taken < WRITES_MAX && (err = submit(f, taken)) == OK)
        taken++;
    if (err == ERR_UNSUPPORTED)
        skip();
    assert_int_equal(err, ERR_BUSY);
    assert_in_range(taken, 4, WRITES_MAX - 1);
    uv_sys_run(f->uv);
    for (size_t i = 0; i < taken; i++)
        assert_int_equal(f->told[i].times, 1);
    assert_int_equal(f->told[taken].times, 0);
}

static void a_stopped_loop_returns_when_what_is_under_way_was_told(void **state)
{
    struct fixture *f = *state;

    file_begin(f, DISK_READ | DISK_WRITE | DISK_DIRECT);
    ring_begin(f);
    if (submit(f, 0) != OK)
        skip();
    uv_sys_stop(f->uv);
    uv_sys_run(f->uv);
    assert_int_equal(f->told[0].times, 1);
}

static void a_failed_write_is_told_as_a_failed_sync(void **state)
{
    struct fixture *f = *state;

    file_begin(f, DISK_READ | DISK_DIRECT); /* cannot be written */
    ring_begin(f);
    if (submit(f, 0) != OK)
        skip();
    uv_sys_run(f->uv);
    assert_int_equal(f->told[0].err, ERR_IO);
}

static void a_file_that_was_not_opened_for_it_is_refused(void **state)
{
    struct fixture *f = *state;

    file_begin(f, DISK_READ | DISK_WRITE);
    ring_begin(f);
    assert_int_equal(submit(f, 0), ERR_UNSUPPORTED);
}

/* The ring's descriptor, found as somebody would who got into this process. */
static int ring_descriptor(void)
{
    for (int fd = 0; fd < 256; fd++) {
        char path[32], what[64] = "";
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, what, sizeof what - 1) > 0 && strstr(what, "[io_uring]"))
            return fd;
    }
    return -1;
}

static void nothing_else_can_be_asked_of_the_ring(void **state)
{
    struct fixture *f = *state;
    struct io_uring_probe probe = {0};
    struct io_uring_restriction all = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_OPENAT};

    ring_begin(f);
    const int fd = ring_descriptor();
    assert_true(fd >= 0);
    assert_int_equal(syscall(__NR_io_uring_register, fd, IORING_REGISTER_PROBE, &probe, 0), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(syscall(__NR_io_uring_register, fd, IORING_REGISTER_RESTRICTIONS, &all, 1), -1);
}

/* Of a child: 0, or the number of what was wrong; 77: not to be had here. */
static int write_in_sandbox(struct fixture *f)
{
    if (uv_sys_open_ring(f->uv) != OK || sandbox_enter() != OK)
        return 77;
    f->ring = uv_sys_get(f->uv)->ring;
    if (submit(f, 0) != OK)
        return 77;
    uv_sys_run(f->uv);
    if (f->told[0].err != OK)
        return f->told[0].err == ERR_UNSUPPORTED ? 77 : 1;
    if (syscall(__NR_io_uring_enter, ring_descriptor(), 0, 0, IORING_ENTER_SQ_WAIT, NULL, 0) != -1 || errno != EPERM)
        return 2;
    return 0;
}

static void a_ring_that_was_there_before_works_in_a_sandbox(void **state)
{
    struct fixture *f = *state;
    int status;

    file_begin(f, DISK_READ | DISK_WRITE | DISK_DIRECT);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(write_in_sandbox(f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(what_was_told_is_written, setup, teardown),
    cmocka_unit_test_setup_teardown(beyond_its_places_it_is_busy_and_all_it_took_is_told, setup, teardown),
    cmocka_unit_test_setup_teardown(a_stopped_loop_returns_when_what_is_under_way_was_told, setup, teardown),
    cmocka_unit_test_setup_teardown(a_failed_write_is_told_as_a_failed_sync, setup, teardown),
    cmocka_unit_test_setup_teardown(a_file_that_was_not_opened_for_it_is_refused, setup, teardown),
    cmocka_unit_test_setup_teardown(nothing_else_can_be_asked_of_the_ring, setup, teardown),
    cmocka_unit_test_setup_teardown(a_ring_that_was_there_before_works_in_a_sandbox, setup, teardown),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
