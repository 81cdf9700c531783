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
#include <sys/mman.h>
#include <sys/resource.h>
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

/* Only where the file system is said to have no such files. */
static void submit_or_skip(struct fixture *f, size_t n)
{
    const enum err err = submit(f, n);

    if (err == ERR_UNSUPPORTED)
        skip();
    assert_int_equal(err, OK);
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
    for (size_t i = 0; i < 2; i++) {
        submit_or_skip(f, i);
        uv_sys_run(f->uv);
        if (!goes_past_the_cache(f))
            skip();
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
    assert_in_range(taken, 1, WRITES_MAX - 1);
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
    submit_or_skip(f, 0);
    uv_sys_stop(f->uv);
    uv_sys_run(f->uv);
    assert_int_equal(f->told[0].times, 1);
}

static void a_failed_write_is_told_as_a_failed_sync(void **state)
{
    struct fixture *f = *state;

    file_begin(f, DISK_READ | DISK_DIRECT); /* cannot be written */
    ring_begin(f);
    submit_or_skip(f, 0);
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

static uint8_t *mapped(int fd, size_t len, off_t what)
{
    uint8_t *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, what);

    assert_ptr_not_equal(at, MAP_FAILED);
    return at;
}

static unsigned *word(uint8_t *shared, uint32_t offset)
{
    return (unsigned *)(void *)(shared + offset);
}

/* What becomes of an entry that is put into the ring past uv_ring.c; where things lie is told by another one. */
static int result_of(int fd, struct io_uring_sqe entry)
{
    struct io_uring_params p = {0};
    const int other = (int)syscall(__NR_io_uring_setup, 1, &p);
    assert_true(other >= 0);
    close(other);

    uint8_t *shared = mapped(fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_SQ_RING);
    uint8_t *entries = mapped(fd, sizeof entry, IORING_OFF_SQES);
    memcpy(entries, &entry, sizeof entry);
    ++*word(shared, p.sq_off.tail);
    assert_int_equal(syscall(__NR_io_uring_enter, fd, 1, 0, 0, NULL, 0), 1);

    const unsigned head = *word(shared, p.cq_off.head);
    assert_int_equal(*word(shared, p.cq_off.tail), head + 1);
    const struct io_uring_cqe *all = (const void *)(shared + p.cq_off.cqes);
    const int result = all[head % p.cq_entries].res;
    *word(shared, p.cq_off.head) = head + 1;
    munmap(shared, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe));
    munmap(entries, sizeof entry);
    return result;
}

static void nothing_else_can_be_asked_of_the_ring(void **state)
{
    struct fixture *f = *state;
    struct io_uring_probe probe = {0};
    struct io_uring_restriction all = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_OPENAT};

    ring_begin(f);
    const int fd = ring_descriptor();
    assert_true(fd >= 0);
    assert_int_equal(result_of(fd, (struct io_uring_sqe){.opcode = IORING_OP_NOP}), -EACCES);
    assert_int_equal(result_of(fd, (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .flags = IOSQE_ASYNC}), -EACCES);
    assert_int_equal(syscall(__NR_io_uring_register, fd, IORING_REGISTER_PROBE, &probe, 0), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(syscall(__NR_io_uring_register, fd, IORING_REGISTER_RESTRICTIONS, &all, 1), -1);
    assert_int_equal(errno, EACCES);
}

/* Of a child: 0, or the number of what was wrong; 77: not to be had here. */
static int write_in_sandbox(struct fixture *f)
{
    if (uv_sys_open_ring(f->uv) != OK)
        return 77;
    f->ring = uv_sys_get(f->uv)->ring;
    if (submit(f, 0) != OK)
        return 77;
    uv_sys_run(f->uv);
    if (f->told[0].err != OK || sandbox_enter() != OK)
        return 77;
    if (submit(f, 1) != OK)
        return 3;
    uv_sys_run(f->uv);
    if (f->told[1].err != OK)
        return 1;
    if (syscall(__NR_io_uring_enter, ring_descriptor(), 0, 0, IORING_ENTER_SQ_WAIT, NULL, 0) != -1 || errno != EPERM)
        return 2;
    return 0;
}

/* Of a child: as write_in_sandbox, where nobody may make one more thread. */
static int write_without_threads(struct fixture *f)
{
    const struct rlimit none = {0, 0};

    if (uv_sys_open_ring(f->uv) != OK)
        return 77;
    f->ring = uv_sys_get(f->uv)->ring;
    if (setrlimit(RLIMIT_NPROC, &none) != 0 || setresuid(65533, 65533, 65533) != 0)
        return 77;
    const enum err err = submit(f, 0);
    if (err != OK)
        return err == ERR_UNSUPPORTED ? 77 : 3;
    uv_sys_run(f->uv);
    return f->told[0].err == OK || f->told[0].err == ERR_UNSUPPORTED ? 0 : 1;
}

static void in_child(struct fixture *f, int (*run)(struct fixture *f))
{
    int status;

    file_begin(f, DISK_READ | DISK_WRITE | DISK_DIRECT);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(run(f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_write_that_the_kernel_finds_no_thread_for_is_left_to_others(void **state)
{
    in_child(*state, write_without_threads);
}

static void a_ring_that_was_there_before_works_in_a_sandbox(void **state)
{
    in_child(*state, write_in_sandbox);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(what_was_told_is_written, setup, teardown),
    cmocka_unit_test_setup_teardown(beyond_its_places_it_is_busy_and_all_it_took_is_told, setup, teardown),
    cmocka_unit_test_setup_teardown(a_stopped_loop_returns_when_what_is_under_way_was_told, setup, teardown),
    cmocka_unit_test_setup_teardown(a_failed_write_is_told_as_a_failed_sync, setup, teardown),
    cmocka_unit_test_setup_teardown(a_file_that_was_not_opened_for_it_is_refused, setup, teardown),
    cmocka_unit_test_setup_teardown(nothing_else_can_be_asked_of_the_ring, setup, teardown),
    cmocka_unit_test_setup_teardown(a_write_that_the_kernel_finds_no_thread_for_is_left_to_others, setup, teardown),
    cmocka_unit_test_setup_teardown(a_ring_that_was_there_before_works_in_a_sandbox, setup, teardown),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
