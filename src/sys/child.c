/* SPDX-License-Identifier: Apache-2.0
 *
 * child.c - fork, what a process may call between fork and exec when it has threads, and poll on three pipes.
 *
 * Whether exec succeeded is told by a fourth pipe: closed by exec, or with errno in it.
 */
#include "sys/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK           4096
#define FILES_MAX       256
#define TASKS_MAX       4096
#define TASKS_KEPT      16  /* one of so many that we may have is not the child's */
#define PIPE_CHUNKS_MAX 256 /* of what a pipe holds; whoever goes on writing is not listened to for ever */

struct child {
    pid_t pid;
    int in, out, err; /* our ends; -1: closed */
    bool asked;       /* before */
    char said[CHILD_SAID_MAX];
    size_t said_len;
};

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- starting ---- */

/* The pipes of a start: [0] is read, [1] written. */
struct pipes {
    int in[2], out[2], err[2], failed[2];
};

static void pipes_close(struct pipes *p)
{
    int *all[] = {p->in, p->out, p->err, p->failed};

    for (size_t i = 0; i < 4; i++) {
        close_one(&all[i][0]);
        close_one(&all[i][1]);
    }
}

static bool pipes_open(struct pipes *p)
{
    int *all[] = {p->in, p->out, p->err, p->failed};

    memset(p, -1, sizeof *p);
    for (size_t i = 0; i < 4; i++)
        if (pipe2(all[i], O_CLOEXEC) != 0)
            return false;
    return true;
}

static void limit(int resource, uint64_t most)
{
    struct rlimit both = {.rlim_cur = most, .rlim_max = most};

    (void)setrlimit((__rlimit_resource_t)resource, &both);
}

/* All processes and threads of the machine; 0: that cannot be told. */
static uint64_t machine_tasks(void)
{
    FILE *file = fopen("/proc/loadavg", "re");
    unsigned long all;

    if (!file)
        return 0;
    if (fscanf(file, "%*s %*s %*s %*u/%lu", &all) != 1)
        all = 0;
    (void)fclose(file);
    return all;
}

/* The kernel counts all processes and threads of a user together, ours and those of whoever else works in its name.  So
 * what a child may start counts from what there is: on the machine, because that number is had at once.  And some of
 * what we may have stays ours. */
static uint64_t tasks_max(void)
{
    const uint64_t all = machine_tasks();
    struct rlimit ours;

    if (getrlimit(RLIMIT_NPROC, &ours) != 0)
        ours.rlim_cur = RLIM_INFINITY;
    const uint64_t most = ours.rlim_cur - ours.rlim_cur / TASKS_KEPT;
    return all > 0 && all + TASKS_MAX < most ? all + TASKS_MAX : most;
}

static void set_limits(const struct child_options *o, uint64_t tasks)
{
    struct itimerval life = {.it_value = {.tv_sec = o->life_ms / 1000, .tv_usec = o->life_ms % 1000 * 1000}};

    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    limit(RLIMIT_NPROC, tasks);
    if (o->memory_max)
        limit(RLIMIT_AS, o->memory_max);
    if (o->processor_seconds_max)
        limit(RLIMIT_CPU, o->processor_seconds_max);
    (void)setitimer(ITIMER_REAL, &life, NULL);
}

static void close_from(int first)
{
    if (syscall(SYS_close_range, first, ~0u, 0) == 0)
        return;
    for (int fd = first; fd < 65536; fd++)
        close(fd);
}

/* In the child, which has one thread and may hold any lock: system calls only. */
static _Noreturn void become(const struct child_options *o, const struct pipes *p, uint64_t tasks)
{
    enum { KEPT = 3 }; /* where `failed` goes; closed by exec */
    sigset_t none;
    int error;

    (void)setpgid(0, 0);
    if (dup2(p->in[0], 0) >= 0 && dup2(p->out[1], 1) >= 0 && dup2(p->err[1], 2) >= 0 &&
        (p->failed[1] == KEPT || dup3(p->failed[1], KEPT, O_CLOEXEC) == KEPT)) {
        close_from(KEPT + 1);
        (void)signal(SIGPIPE, SIG_DFL);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        set_limits(o, tasks);
        execvpe(o->argv[0], (char *const *)(uintptr_t)o->argv, (char *const *)(uintptr_t)o->environment);
    }
    error = errno;
    (void)!write(KEPT, &error, sizeof error);
    _exit(127);
}

static enum err explain(int error, const char *program, char *why, size_t why_size)
{
    (void)snprintf(why, why_size, "cannot start %s: %s", program, strerrordesc_np(error));
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case ENOMEM:
    case EAGAIN:
        return ERR_NOMEM;
    case EACCES:
    case EPERM:
    case ENOEXEC:
        return ERR_DENIED;
    default:
        return ERR_IO;
    }
}

/* 0, or the errno of the child's exec. */
static int exec_error(int fd)
{
    int error = 0;
    ssize_t n;

    do
        n = read(fd, &error, sizeof error);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof error ? error : 0;
}

static void take_our_ends(struct child *c, struct pipes *p)
{
    int *ours[] = {&p->in[1], &p->out[0], &p->err[0]};

    for (size_t i = 0; i < 3; i++)
        (void)fcntl(*ours[i], F_SETFL, O_NONBLOCK);
    c->in = p->in[1];
    c->out = p->out[0];
    c->err = p->err[0];
    p->in[1] = p->out[0] = p->err[0] = -1;
}

static enum err start(struct child *c, struct pipes *p, const struct child_options *o, char *why, size_t why_size)
{
    const uint64_t tasks = tasks_max();
    int error;

    if (!pipes_open(p))
        return explain(errno, o->argv[0], why, why_size);
    if ((c->pid = fork()) < 0)
        return explain(errno, o->argv[0], why, why_size);
    if (c->pid == 0)
        become(o, p, tasks);
    (void)setpgid(c->pid, c->pid); /* both sides: whoever is first */
    close_one(&p->failed[1]);
    take_our_ends(c, p);
    return (error = exec_error(p->failed[0])) == 0 ? OK : explain(error, o->argv[0], why, why_size);
}

enum err child_start(struct child **out, const struct child_options *options, char *why, size_t why_size)
{
    struct child *c = calloc(1, sizeof *c);
    struct pipes p;
    enum err err;

    if (!c) {
        (void)snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    c->in = c->out = c->err = -1;
    err = start(c, &p, options, why, why_size);
    pipes_close(&p);
    if (err == OK)
        *out = c;
    else
        child_end(c, NULL);
    return err;
}

/* ---- asking ---- */

struct exchange {
    struct child *child;
    struct bytes rest; /* of the line, then of its end */
    bool at_end;       /* the line end has been written */
    bool last;
    struct text *answer;
    bool answered;
};

static void keep_said(struct child *c, const char *data, size_t len)
{
    size_t keep = len < CHILD_SAID_MAX ? len : CHILD_SAID_MAX;
    size_t old = c->said_len < CHILD_SAID_MAX - keep ? c->said_len : CHILD_SAID_MAX - keep;

    memmove(c->said, c->said + c->said_len - old, old);
    memcpy(c->said + old, data + len - keep, keep);
    c->said_len = old + keep;
}

/* False: there is no more for now. */
static bool read_error(struct child *c)
{
    char chunk[CHUNK];
    ssize_t n = read(c->err, chunk, sizeof chunk);

    if (n > 0)
        keep_said(c, chunk, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_one(&c->err);
    return n > 0;
}

/* A child that reads no more may still have answered: then its output says so. */
static void write_some(struct exchange *x)
{
    static const uint8_t line_end = '\n';
    ssize_t n = write(x->child->in, x->rest.data, x->rest.len);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            close_one(&x->child->in);
        return;
    }
    x->rest = bytes_of(x->rest.data + n, x->rest.len - (size_t)n);
    if (x->rest.len == 0 && !x->at_end) {
        x->at_end = true;
        x->rest = bytes_of(&line_end, 1);
    }
    if (x->rest.len == 0 && x->last)
        close_one(&x->child->in);
}

static enum err take_output(struct exchange *x, const char *chunk, size_t len)
{
    const char *end = memchr(chunk, '\n', len);
    size_t line = end ? (size_t)(end - chunk) : len;

    if (x->answered || (end && line + 1 < len))
        return ERR_PROTOCOL;
    if (line > x->answer->limit - x->answer->len)
        return ERR_TOO_LARGE;
    text_add_bytes(x->answer, bytes_of(chunk, line));
    x->answered = end != NULL;
    return text_failed(x->answer) ? ERR_NOMEM : OK;
}

/* What is there of the output.  At its end a last line without its end is an answer, too. */
static enum err read_output(struct exchange *x)
{
    char chunk[CHUNK];
    ssize_t n = read(x->child->out, chunk, sizeof chunk);

    if (n > 0)
        return take_output(x, chunk, (size_t)n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return OK;
    close_one(&x->child->out);
    x->answered = x->answered || (x->last && x->answer->len > 0);
    return x->answered ? OK : ERR_CLOSED;
}

/* One turn of waiting. */
static enum err turn(struct exchange *x, const struct deadline *deadline)
{
    struct child *c = x->child;
    struct pollfd fds[] = {{c->out, POLLIN, 0}, {c->err, POLLIN, 0}, {x->rest.len > 0 ? c->in : -1, POLLOUT, 0}};
    int64_t left = deadline_left(deadline);
    enum err err = OK;

    if (left == 0)
        return ERR_TIMEOUT;
    if (poll(fds, 3, left > 60000 ? 60000 : (int)left) <= 0)
        return OK; /* the next turn says whether it was the time */
    if (fds[1].revents)
        (void)read_error(c);
    if (fds[2].revents)
        write_some(x);
    if (fds[0].revents)
        err = read_output(x);
    return err;
}

/* What was said between two questions is no answer to the second.  (Before the first it may be in a hurry.) */
static bool is_quiet(struct child *c)
{
    struct pollfd fd = {c->out, POLLIN, 0};

    return c->out >= 0 && (poll(&fd, 1, 0) == 0 || !(fd.revents & POLLIN));
}

enum err child_ask(struct child *c, struct bytes line, bool last, struct text *answer, const struct deadline *deadline)
{
    struct exchange x = {.child = c, .rest = line, .last = last, .answer = answer};
    enum err err = OK;

    assert(line.len > 0 && !memchr(line.data, '\n', line.len));
    if (c->asked && !is_quiet(c))
        return ERR_PROTOCOL;
    c->asked = true;
    /* With the last question, up to the end of the output: only then it is known that there is no second line. */
    while (err == OK && (!x.answered || (last && c->out >= 0)))
        err = turn(&x, deadline);
    return err;
}

/* ---- ending ---- */

void child_let_go(struct child *c, int64_t grace_ms)
{
    struct deadline deadline = deadline_in(grace_ms);
    struct exchange x = {.child = c};
    struct text nothing;

    text_init(&nothing, 0);
    x.answer = &nothing;
    close_one(&c->in);
    while (c->out >= 0 && turn(&x, &deadline) == OK)
        ;
    text_deinit(&nothing);
}

static void copy_said(const struct child *c, char to[CHILD_SAID_MAX + 1])
{
    size_t len = c->said_len;

    while (len > 0 && strchr("\r\n ", c->said[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++)
        to[i] = (char)((unsigned char)c->said[i] < 0x20 || c->said[i] == 0x7f ? ' ' : c->said[i]);
    to[len] = '\0';
}

/* A process whose pipes the kernel has closed has its status already: killing it changes nothing then. */
static void reap(pid_t pid, struct child_end *how)
{
    struct rusage usage = {0};
    int status = 0;
    pid_t done;

    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL); /* before setpgid has happened */
    do
        done = wait4(pid, &status, 0, &usage);
    while (done < 0 && errno == EINTR);
    how->by_signal = WIFSIGNALED(status);
    how->number = how->by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
    how->memory_peak = (uint64_t)usage.ru_maxrss * 1024;
}

void child_end(struct child *c, struct child_end *how)
{
    struct child_end end = {0};

    if (!c)
        return;
    for (int i = 0; i < PIPE_CHUNKS_MAX && c->err >= 0 && read_error(c); i++)
        ;
    if (c->pid > 0)
        reap(c->pid, &end);
    copy_said(c, end.said);
    close_one(&c->in);
    close_one(&c->out);
    close_one(&c->err);
    free(c);
    if (how)
        *how = end;
}
