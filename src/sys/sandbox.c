/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.c - see sandbox.h.
 *
 * The filter is a list of tests, one call after the other: the kernel keeps a map of those that are allowed whatever
 * their arguments are, so that its length costs them nothing.
 *
 *     the machine is another one               killed
 *     a call of the x32 kind, or a newer one   ENOSYS
 *     calls[]                                  allowed, by its argument if there is a test of it
 *     all else                                 EPERM
 */
#include "sys/sandbox.h"

#include "sys/uv_ring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#else
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#define NEWEST_KNOWN 450u /* set_mempolicy_home_node, Linux 5.17; x32's have bit 30 set, and are above it */

enum test { ANY, IS, HAS, LACKS, REFUSED_WITH, NEVER };

struct call {
    uint32_t number;
    enum test test;
    uint8_t argument;
    uint32_t value; /* of the lower half of that argument: equal; one of these bits; none of them */
};

#define CALL(name)                                                                                                     \
    {                                                                                                                  \
        .number = __NR_##name                                                                                          \
    }

static const struct call calls[] = {
    /* The busy ones first. */
    CALL(futex),
    CALL(epoll_wait),
    CALL(epoll_pwait),
    CALL(read),
    CALL(write),
    CALL(readv),
    CALL(writev),
    CALL(pwritev),
    CALL(fdatasync),
#if UV_RING_ALONE
    {__NR_io_uring_enter, IS, 3, 0}, /* of a ring that was there before, restricted to one operation; no flags */
#endif
    CALL(sendmsg),
    CALL(recvmsg),
    CALL(sendto),
    CALL(recvfrom),

    /* files */
    CALL(openat),
    CALL(close),
    CALL(pread64),
    CALL(pwrite64),
    CALL(preadv),
    CALL(preadv2),
    CALL(pwritev2),
    CALL(lseek),
    CALL(fsync),
    CALL(sync_file_range),
    CALL(fallocate),
    CALL(ftruncate),
    CALL(truncate),
    CALL(fadvise64),
    CALL(readahead),
    CALL(copy_file_range),
    CALL(sendfile),
    CALL(fstat),
    CALL(newfstatat),
    CALL(statx),
    CALL(statfs),
    CALL(fstatfs),
    CALL(getdents64),
    CALL(readlinkat),
    CALL(faccessat),
    CALL(faccessat2),
    CALL(mkdirat),
    CALL(unlinkat),
    CALL(renameat),
    CALL(renameat2),
    CALL(linkat),
    CALL(fchmod),
    CALL(fchmodat),
    CALL(umask),
    CALL(getcwd),
    CALL(dup),
    CALL(dup3),
    CALL(fcntl),
    CALL(flock),
    CALL(pipe2),
    CALL(inotify_init1),
    CALL(inotify_add_watch),
    CALL(inotify_rm_watch),
#ifdef __x86_64__ /* the same, by names that later machines do not have */
    CALL(open),
    CALL(stat),
    CALL(lstat),
    CALL(readlink),
    CALL(access),
    CALL(mkdir),
    CALL(unlink),
    CALL(rmdir),
    CALL(rename),
    CALL(link),
    CALL(chmod),
    CALL(dup2),
    CALL(pipe),
    CALL(poll),
    CALL(select),
    CALL(time),
#endif

    /* memory: what is executed comes from a file (the resolver loads modules when it first needs them) and cannot be
     * written there; nothing else becomes executable.  Left open: to map a file that this process wrote itself, where
     * its directory is not mounted noexec. */
    {__NR_mmap, LACKS, 2, PROT_EXEC},
    {__NR_mmap, REFUSED_WITH, 3, MAP_ANONYMOUS},
    {__NR_mmap, LACKS, 2, PROT_WRITE},
    {__NR_mprotect, LACKS, 2, PROT_EXEC},
    CALL(munmap),
    CALL(mremap),
    CALL(madvise),
    CALL(brk),
    CALL(mlock),
    CALL(mlock2),
    CALL(munlock),
    CALL(msync),
    CALL(mincore),
    CALL(membarrier),

    /* sockets, and waiting for them */
    {__NR_socket, IS, 0, AF_INET},
    {__NR_socket, IS, 0, AF_INET6},
    {__NR_socket, IS, 0, AF_UNIX},
    {__NR_socket, IS, 0, AF_NETLINK}, /* the resolver asks for the machine's addresses */
    CALL(socketpair),
    CALL(bind),
    CALL(listen),
    CALL(accept),
    CALL(accept4),
    CALL(connect),
    CALL(getsockname),
    CALL(getpeername),
    CALL(getsockopt),
    CALL(setsockopt),
    CALL(shutdown),
    CALL(sendmmsg),
    CALL(recvmmsg),
    CALL(epoll_create1),
    CALL(epoll_ctl),
    CALL(epoll_pwait2),
    CALL(ppoll),
    CALL(pselect6),
    CALL(eventfd2),
    CALL(timerfd_create),
    CALL(timerfd_settime),
    CALL(timerfd_gettime),
    {__NR_ioctl, IS, 1, FIONBIO},
    {__NR_ioctl, IS, 1, FIONREAD},
    {__NR_ioctl, IS, 1, FIOCLEX},
    {__NR_ioctl, IS, 1, TCGETS},
    {__NR_ioctl, IS, 1, TIOCGWINSZ},

    /* threads: clone3's arguments are out of sight, and the C library goes back to clone */
    {__NR_clone, HAS, 0, CLONE_THREAD},
    {__NR_clone3, NEVER, 0, 0},
    CALL(set_robust_list),
    CALL(get_robust_list),
    CALL(rseq),
    CALL(set_tid_address),
    CALL(sched_yield),
    CALL(sched_getaffinity),
    CALL(sched_getparam),
    CALL(sched_getscheduler),
    CALL(exit),
    CALL(exit_group),
    {__NR_prctl, IS, 0, PR_SET_NAME},
    {__NR_prctl, IS, 0, PR_GET_NAME},

    /* time, signals, what the process knows of itself */
    CALL(clock_gettime),
    CALL(clock_getres),
    CALL(clock_nanosleep),
    CALL(nanosleep),
    CALL(gettimeofday),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(rt_sigpending),
    CALL(rt_sigtimedwait),
    CALL(sigaltstack),
    CALL(restart_syscall),
    CALL(getrandom),
    CALL(getpid),
    CALL(getppid),
    CALL(gettid),
    CALL(getuid),
    CALL(geteuid),
    CALL(getgid),
    CALL(getegid),
    CALL(uname),
    CALL(sysinfo),
    CALL(getrusage),
    CALL(times),
    {__NR_prlimit64, IS, 2, 0}, /* asked, not set */
};

enum { PROGRAM_MAX = 5 * sizeof calls / sizeof *calls + 20 };

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
};

static void emit(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
    assert(p->len < PROGRAM_MAX);
    p->code[p->len++] = (struct sock_filter){.code = code, .jt = if_true, .jf = if_false, .k = k};
}

static void load(struct program *p, size_t offset)
{
    emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *p, uint32_t what)
{
    emit(p, BPF_RET | BPF_K, what, 0, 0);
}

static void load_argument(struct program *p, uint8_t argument)
{
    load(p, offsetof(struct seccomp_data, args) + 8u * argument); /* both machines are little endian */
}

static void emit_test(struct program *p, const struct call *c)
{
    if (c->test == IS)
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, c->value, 0, 1);
    else
        emit(p, BPF_JMP | BPF_JSET | BPF_K, c->value, c->test == LACKS, c->test != LACKS);
}

/* Allowed, or refused, when the argument is as the test says; else the next ones are looked at. */
static void emit_call(struct program *p, const struct call *c)
{
    if (c->test == ANY || c->test == NEVER) {
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, c->number, 0, 1);
        answer(p, c->test == ANY ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS);
        return;
    }
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, c->number, 0, 4);
    load_argument(p, c->argument);
    emit_test(p, c);
    answer(p, c->test == REFUSED_WITH ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW);
    load(p, offsetof(struct seccomp_data, nr));
}

static void build(struct program *p, uint32_t own_pid)
{
    const struct call abort_ = {__NR_tgkill, IS, 0, own_pid}; /* a signal to oneself: abort() */

    load(p, offsetof(struct seccomp_data, arch));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    answer(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
    emit(p, BPF_JMP | BPF_JGT | BPF_K, NEWEST_KNOWN, 0, 1);
    answer(p, SECCOMP_RET_ERRNO | ENOSYS);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        emit_call(p, &calls[i]);
    emit_call(p, &abort_);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
}

void sandbox_forbid_privileges(void)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void sandbox_hide_memory(void)
{
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* ---- files ---- */

#define EVERY_WAY_1                                                                                                    \
    0x1fffu /* all that the first Landlock knows: from executing to making links; each later one has more */
#define OF_FILES (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)

/* What this kernel's Landlock can forbid; 0: there is none. */
static uint64_t every_way(void)
{
    const long version = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (version < 1)
        return 0;
    return EVERY_WAY_1 | (version >= 2 ? 1u << 13 : 0) | (version >= 3 ? 1u << 14 : 0) | (version >= 5 ? 1u << 15 : 0);
}

static bool let_read(int ruleset, const char *path)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = OF_FILES, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat what;
    bool done;

    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (fstat(rule.parent_fd, &what) == 0 && S_ISDIR(what.st_mode))
        rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
    done = syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(rule.parent_fd);
    return done;
}

enum err sandbox_limit_files(const char *const *readable)
{
    const struct landlock_ruleset_attr all = {.handled_access_fs = every_way()};
    const long ruleset =
        all.handled_access_fs ? syscall(__NR_landlock_create_ruleset, &all, sizeof all.handled_access_fs, 0) : -1;
    bool done = ruleset >= 0;

    for (size_t i = 0; done && readable[i]; i++)
        done = let_read((int)ruleset, readable[i]);
    sandbox_forbid_privileges(); /* or else only root may */
    done = done && syscall(__NR_landlock_restrict_self, ruleset, 0) == 0;
    if (ruleset >= 0)
        close((int)ruleset);
    return done ? OK : ERR_UNSUPPORTED;
}

enum err sandbox_enter(void)
{
    struct program p = {.len = 0};

    build(&p, (uint32_t)getpid());
    const struct sock_fprog program = {.len = p.len, .filter = p.code};
    sandbox_forbid_privileges(); /* or else only root may */
    const long result =
        syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG, &program);
    return result == 0 ? OK : ERR_UNSUPPORTED;
}
