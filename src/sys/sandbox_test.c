/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox_test.c - in a child process each: what is refused, and what goes on.
 */
#include "base/base_test.h"
#include "sys/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's status as wait tells it; of one for which there is no sandbox, a skipped test. */
static int status_in_sandbox(int (*work)(void))
{
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(sandbox_enter() == OK ? work() : 77);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    return status;
}

static bool refused(long result)
{
    return result == -1 && errno == EPERM;
}

/* The number of the first that was not refused; 0: all were. */
static int try_forbidden(void)
{
    char *const none[] = {NULL};
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};

    if (!refused(execve("/bin/true", none, none)))
        return 1;
    if (!refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0)))
        return 2;
    if (!refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)))
        return 3;
    if (!refused(socket(AF_PACKET, SOCK_RAW, 0)))
        return 4;
    if (!refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)))
        return 5;
    if (!refused(fork()))
        return 6;
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 7;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || !refused(mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC)))
        return 8;
    if (!refused(kill(getppid(), 0)))
        return 9;
    if (!refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)))
        return 10;
    if (!refused(setrlimit(RLIMIT_CORE, &limit)))
        return 11;
    if (!refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)))
        return 12;
    if (!refused(syscall(SYS_bpf, 0, NULL, 0)) || !refused(syscall(SYS_io_uring_setup, 1, NULL)))
        return 13;
    if (!refused(syscall(SYS_setuid, 0)) || !refused(chroot("/")) || !refused(syscall(SYS_unshare, CLONE_NEWUSER)))
        return 14;
    return 0;
}

static void what_a_server_does_not_do_is_refused(void **state)
{
    const int status = status_in_sandbox(try_forbidden);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* As a bug would be used: code is written, and then made executable.  The number of the first way that was open. */
static int try_executing_what_was_written(void)
{
    const size_t page = 4096;
    void *written = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (written == MAP_FAILED || !refused(mprotect(written, page, PROT_READ | PROT_EXEC)))
        return 1;
    if (!refused(mprotect(written, page, PROT_EXEC)) || mprotect(written, page, PROT_READ) != 0)
        return 2;
    if (mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EPERM)
        return 3;
    if (mmap(written, page, PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED || errno != EPERM)
        return 4;
    const int file = open("/proc/self/exe", O_RDONLY);
    if (file < 0 || mmap(NULL, page, PROT_WRITE | PROT_EXEC, MAP_PRIVATE, file, 0) != MAP_FAILED || errno != EPERM)
        return 5;
    void *code = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
    if (code == MAP_FAILED) /* as a module of the resolver is loaded */
        return 6;
    if (mprotect(code, page, PROT_READ | PROT_WRITE) != 0 || !refused(mprotect(code, page, PROT_READ | PROT_EXEC)))
        return 7;
    return 0;
}

static void what_was_written_does_not_become_executable(void **state)
{
    const int status = status_in_sandbox(try_executing_what_was_written);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void *thread_work(void *arg)
{
    *(int *)arg = execl("/bin/true", "true", NULL) == -1 && errno == EPERM ? 1 : 2;
    return NULL;
}

static int try_needed(void)
{
    struct addrinfo *found = NULL;
    char path[] = "/tmp/sandbox_test.XXXXXX";
    pthread_t thread;
    int told = 0;

    const int file = mkstemp(path);
    if (file < 0 || write(file, "x", 1) != 1 || fdatasync(file) != 0 || unlink(path) != 0)
        return 1;
    if (pthread_create(&thread, NULL, thread_work, &told) != 0 || pthread_join(thread, NULL) != 0 || told != 1)
        return 2;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || listen(listener, 1) != 0)
        return 3;
    if (getaddrinfo("localhost", "1", NULL, &found) != 0)
        return 4;
    freeaddrinfo(found);
    void *memory = malloc(1 << 20);
    if (!memory)
        return 5;
    free(memory);
    errno = 0;
    if (syscall(100000) != -1 || errno != ENOSYS)
        return 6;
    return 0;
}

static void what_it_does_goes_on_and_threads_to_come_are_bound_too(void **state)
{
    const int status = status_in_sandbox(try_needed);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int try_abort(void)
{
    abort();
}

static void an_assertion_still_ends_the_process(void **state)
{
    const int status = status_in_sandbox(try_abort);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* One that runs already, when the filter comes. */
static void *wait_and_try(void *arg)
{
    int *go = arg;

    while (__atomic_load_n(go, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    return (void *)(intptr_t)(execl("/bin/true", "true", NULL) == -1 && errno == EPERM);
}

static void threads_that_run_already_are_bound(void **state)
{
    int status;
    const pid_t child = fork();

    if (child == 0) {
        pthread_t thread;
        void *told = NULL;
        int go = 0;
        if (pthread_create(&thread, NULL, wait_and_try, &go) != 0)
            _exit(2);
        const enum err err = sandbox_enter();
        if (err != OK)
            _exit(77);
        __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
        pthread_join(thread, &told);
        _exit(told ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void memory_with_keys_is_not_written_to_core_files(void **state)
{
    int status;
    const pid_t child = fork();

    if (child == 0) {
        sandbox_hide_memory();
        sandbox_forbid_privileges();
        _exit(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The number of the first thing that was not as it should be. */
static int try_files(void)
{
    static const char *const readable[] = {"/usr/lib", "/etc/hostname", "/nowhere/at/all", NULL};
    DIR *directory;
    int fd;

    if (sandbox_limit_files(readable) != OK)
        return 77;
    if (!(directory = opendir("/usr/lib")))
        return 1;
    closedir(directory);
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
        return 2;
    if (open("/tmp", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES)
        return 3;
    if (open("/tmp/geminga-sandbox-test", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES)
        return 4;
    if (mkdir("/tmp/geminga-sandbox-test", 0700) == 0 || errno != EACCES)
        return 5;
    if (open("/usr/lib/geminga-sandbox-test", O_WRONLY | O_CREAT, 0600) >= 0)
        return 6;
    if ((fd = open("/proc/self/environ", O_RDONLY)) >= 0)
        return 7;
    return sandbox_enter() == OK ? 0 : 8;
}

static void only_files_that_are_listed_can_be_opened(void **state)
{
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(try_files());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip(); /* this kernel has no Landlock */
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_server_does_not_do_is_refused),
        cmocka_unit_test(what_was_written_does_not_become_executable),
        cmocka_unit_test(what_it_does_goes_on_and_threads_to_come_are_bound_too),
        cmocka_unit_test(an_assertion_still_ends_the_process),
        cmocka_unit_test(threads_that_run_already_are_bound),
        cmocka_unit_test(memory_with_keys_is_not_written_to_core_files),
        cmocka_unit_test(only_files_that_are_listed_can_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
