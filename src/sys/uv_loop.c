/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_loop.c - struct loop over libuv.
 *
 * One turn of libuv's loop, and what runs where:
 *
 *     alarm         timers that are due, earliest first
 *     before_wait   rounds of tasks; the alarm is set for the next deadline
 *     (the poll)    sockets, and `wake`: posted tasks, among them the ends of jobs; the near alarm: timers that are due
 *     after_wait    rounds of tasks
 *     (closing)     ends of connections
 *
 * so whatever was deferred runs before the loop waits again.
 *
 * libuv's timers count whole milliseconds, so that a wait of one takes up to two.  That is good enough for a deadline
 * that is far; one that is near has a timer of the kernel, in nanoseconds, which costs a system call for each change.
 */
#include "sys/uv_loop.h"

#include "sys/uv_executor.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_PER_TURN 16
#define NEAR_NS         (20 * NS_PER_MS) /* a deadline beyond it is met to a tenth by whole milliseconds */

static struct uv_loop *uv_loop_of(struct loop *loop)
{
    return container_of(loop, struct uv_loop, loop);
}

/* ---- clocks and entropy ---- */

static uint64_t real_now_ns(struct loop *loop)
{
    (void)loop;
    return uv_hrtime();
}

static int64_t real_wall_ms(struct loop *loop)
{
    struct timespec now;

    (void)loop;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void real_entropy(struct loop *loop, void *to, size_t len)
{
    size_t done = 0;

    (void)loop;
    while (done < len) {
        ssize_t n = getrandom((char *)to + done, len - done, 0);
        assert(n > 0 || errno == EINTR); /* Linux has no other failure for valid arguments */
        if (n > 0)
            done += (size_t)n;
    }
}

/* ---- timers ---- */

static bool timer_before(const void *a, const void *b)
{
    const struct timer *left = a, *right = b;

    if (left->deadline_ns != right->deadline_ns)
        return left->deadline_ns < right->deadline_ns;
    return left->sequence < right->sequence;
}

static void timer_moved(void *item, size_t index)
{
    struct timer *t = item;

    t->heap_index = index;
}

static void real_timer_stop(struct loop *loop, struct timer *timer)
{
    assert(timer_running(timer));
    heap_remove(&uv_loop_of(loop)->timers, timer->heap_index);
    timer->deadline_ns = 0;
}

static void real_timer_start(struct loop *loop, struct timer *timer, uint64_t deadline_ns)
{
    struct uv_loop *l = uv_loop_of(loop);

    assert(timer->loop == loop);
    if (timer_running(timer))
        real_timer_stop(loop, timer);
    timer->deadline_ns = deadline_ns > 0 ? deadline_ns : 1; /* 0 says "not running" */
    timer->sequence = l->timer_sequence++;
    if (heap_push(&l->timers, timer) != OK) {
        fputs("no memory for a timer\n", stderr); /* some state would wait for ever: better to stop here */
        abort();
    }
}

static void timers_fire(struct uv_loop *l)
{
    uint64_t now = uv_hrtime(); /* once: a timer that starts itself anew waits for the next turn */
    uint64_t end = l->timer_sequence;

    for (struct timer *t; (t = heap_peek(&l->timers)) && t->deadline_ns <= now && t->sequence < end;) {
        heap_pop(&l->timers);
        t->deadline_ns = 0;
        loop_event_begin(&l->loop);
        t->fire(t);
    }
}

static void on_alarm(uv_timer_t *alarm)
{
    struct uv_loop *l = container_of(alarm, struct uv_loop, alarm);

    l->alarm_ns = 0;
    if (!l->stopping)
        timers_fire(l);
}

static void on_near(uv_poll_t *near, int status, int events)
{
    struct uv_loop *l = container_of(near, struct uv_loop, near);
    uint64_t expirations;

    (void)status;
    (void)events;
    if (read(l->near_fd, &expirations, sizeof expirations) < 0)
        return; /* it was set anew since */
    l->alarm_ns = 0;
    l->near_armed = false;
    if (!l->stopping)
        timers_fire(l);
}

/* 0: never. */
static void near_set(struct uv_loop *l, uint64_t deadline_ns)
{
    const struct itimerspec at = {.it_value = {.tv_sec = (time_t)(deadline_ns / (1000 * NS_PER_MS)),
                                               .tv_nsec = (long)(deadline_ns % (1000 * NS_PER_MS))}};

    if (deadline_ns == 0 && !l->near_armed)
        return;
    l->near_armed = deadline_ns > 0;
    int result = timerfd_settime(l->near_fd, TFD_TIMER_ABSTIME, &at, NULL);
    assert(result == 0); /* it has no failure for valid arguments */
    (void)result;
}

/* Makes the alarm agree with the first timer; called before each wait, so that timers which start and stop
 * within a turn cost nothing. */
static void alarm_set(struct uv_loop *l)
{
    const struct timer *first = l->stopping ? NULL : heap_peek(&l->timers);
    uint64_t wanted = first ? first->deadline_ns : 0;

    if (wanted == l->alarm_ns)
        return;
    l->alarm_ns = wanted;
    uint64_t now = first ? uv_hrtime() : 0;
    uint64_t wait_ns = wanted > now ? wanted - now : 0;
    const bool near = wait_ns > 0 && wait_ns < NEAR_NS;
    near_set(l, near ? wanted : 0);
    if (!first || near) {
        uv_timer_stop(&l->alarm);
        return;
    }
    uv_update_time(&l->uv);
    uv_timer_start(&l->alarm, on_alarm, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0); /* rounded up: never early */
}

/* ---- tasks ---- */

static void on_awake(uv_idle_t *awake)
{
    (void)awake; /* that it is active keeps the poll from waiting */
}

static void real_defer(struct loop *loop, struct task *task)
{
    struct uv_loop *l = uv_loop_of(loop);

    if (task->queued)
        return;
    task->queued = true;
    if (list_empty(&l->deferred))
        uv_idle_start(&l->awake, on_awake);
    list_push_back(&l->deferred, &task->node);
}

/* Runs what is deferred now; what that defers is for the next round. */
static void round_run(struct uv_loop *l)
{
    struct list round;
    struct list *node;

    list_move(&round, &l->deferred);
    while ((node = list_pop_front(&round))) {
        struct task *task = container_of(node, struct task, node);
        task->queued = false;
        loop_event_begin(&l->loop);
        task->run(task);
    }
}

static void tasks_run(struct uv_loop *l)
{
    for (int i = 0; i < ROUNDS_PER_TURN && !list_empty(&l->deferred); i++)
        round_run(l);
    if (list_empty(&l->deferred))
        uv_idle_stop(&l->awake);
}

void uv_loop_undefer(struct task *task)
{
    if (task->queued) {
        task->queued = false;
        list_remove(&task->node);
    }
}

/* With the lock held: so that the signal never meets a closed handle. */
static void posted_push(struct uv_loop *l, struct task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    list_push_back(&l->posted, &task->node);
    uv_async_send(&l->wake);
}

static bool real_post(struct loop *loop, struct task *task)
{
    struct uv_loop *l = uv_loop_of(loop);

    pthread_mutex_lock(&l->lock);
    bool taken = !l->stop_asked;
    if (taken)
        posted_push(l, task);
    pthread_mutex_unlock(&l->lock);
    return taken;
}

void uv_loop_post_end(struct uv_loop *l, struct task *task)
{
    pthread_mutex_lock(&l->lock);
    posted_push(l, task);
    pthread_mutex_unlock(&l->lock);
}

void uv_loop_unpost(struct uv_loop *l, struct task *task)
{
    pthread_mutex_lock(&l->lock);
    if (task->queued) {
        task->queued = false;
        list_remove(&task->node);
    }
    pthread_mutex_unlock(&l->lock);
}

static struct task *posted_take(struct uv_loop *l)
{
    struct task *task = NULL;

    pthread_mutex_lock(&l->lock);
    struct list *node = list_pop_front(&l->posted);
    if (node) {
        task = container_of(node, struct task, node);
        task->queued = false;
    }
    pthread_mutex_unlock(&l->lock);
    return task;
}

/* ---- the turn ---- */

static size_t posted_count(struct uv_loop *l, bool *stop)
{
    size_t count = 0;

    pthread_mutex_lock(&l->lock);
    list_each (node, &l->posted)
        count++;
    *stop = l->stop_asked;
    pthread_mutex_unlock(&l->lock);
    return count;
}

static void on_wake(uv_async_t *wake)
{
    struct uv_loop *l = container_of(wake, struct uv_loop, wake);
    bool stop;
    size_t count = posted_count(l, &stop); /* what they post is for the next turn */

    for (struct task *task; count > 0 && (task = posted_take(l)); count--) {
        loop_event_begin(&l->loop);
        task->run(task);
    }
    loop_event_begin(&l->loop);
    if (stop && !l->stopping) {
        l->stopping = true;
        if (l->on_stop)
            l->on_stop(l->on_stop_ctx);
    }
}

static bool is_finished(struct uv_loop *l)
{
    if (!l->stopping || l->users > 0 || l->jobs > 0 || !list_empty(&l->deferred))
        return false;
    pthread_mutex_lock(&l->lock);
    bool finished = list_empty(&l->posted);
    pthread_mutex_unlock(&l->lock);
    return finished;
}

static void on_before_wait(uv_prepare_t *handle)
{
    struct uv_loop *l = container_of(handle, struct uv_loop, before_wait);

    tasks_run(l);
    alarm_set(l);
    if (is_finished(l))
        uv_stop(&l->uv); /* the poll then does not wait */
    loop_event_begin(&l->loop);
}

static void on_after_wait(uv_check_t *handle)
{
    tasks_run(container_of(handle, struct uv_loop, after_wait));
}

static void sigpipe_block(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void uv_loop_turn(struct uv_loop *l)
{
    sigpipe_block(); /* a peer that left is an error of the write, not a signal */
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void uv_loop_halt(struct uv_loop *l)
{
    pthread_mutex_lock(&l->lock);
    if (!l->stop_asked) {
        l->stop_asked = true;
        uv_async_send(&l->wake);
    }
    pthread_mutex_unlock(&l->lock);
}

/* ---- opening and closing ---- */

static const struct loop_ops uv_loop_ops = {
    .now_ns = real_now_ns,
    .wall_ms = real_wall_ms,
    .entropy = real_entropy,
    .timer_start = real_timer_start,
    .timer_stop = real_timer_stop,
    .defer = real_defer,
    .post = real_post,
    .executor_new = uv_executor_new,
    .executor_submit = uv_executor_submit,
    .executor_free = uv_executor_free,
};

static bool near_open(struct uv_loop *l)
{
    l->near_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); /* the clock of uv_hrtime */
    if (l->near_fd < 0)
        return false;
    if (uv_poll_init(&l->uv, &l->near, l->near_fd) != 0) {
        close(l->near_fd);
        return false;
    }
    uv_poll_start(&l->near, UV_READABLE, on_near);
    return true;
}

enum err uv_loop_open(struct uv_loop *l)
{
    *l = (struct uv_loop){.loop = {.ops = &uv_loop_ops, .clock_runs = true}};
    if (uv_loop_init(&l->uv) != 0)
        return ERR_IO;
    if (uv_async_init(&l->uv, &l->wake, on_wake) != 0) {
        uv_loop_close(&l->uv);
        return ERR_IO;
    }
    if (!near_open(l)) {
        uv_close((uv_handle_t *)&l->wake, NULL);
        uv_run(&l->uv, UV_RUN_DEFAULT);
        uv_loop_close(&l->uv);
        return ERR_IO;
    }
    uv_timer_init(&l->uv, &l->alarm);
    uv_idle_init(&l->uv, &l->awake);
    uv_prepare_init(&l->uv, &l->before_wait);
    uv_prepare_start(&l->before_wait, on_before_wait);
    uv_check_init(&l->uv, &l->after_wait);
    uv_check_start(&l->after_wait, on_after_wait);
    heap_init(&l->timers, SIZE_MAX / sizeof(void *) / 2, timer_before, timer_moved);
    list_init(&l->deferred);
    list_init(&l->posted);
    pthread_mutex_init(&l->lock, NULL);
    return OK;
}

void uv_loop_shut(struct uv_loop *l)
{
    assert(l->jobs == 0);
    l->stopping = true;
    while (l->users > 0) /* closed, and not yet told so: a start that failed half-way */
        uv_run(&l->uv, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->alarm, NULL);
    uv_close((uv_handle_t *)&l->near, NULL);
    uv_close((uv_handle_t *)&l->awake, NULL);
    uv_close((uv_handle_t *)&l->before_wait, NULL);
    uv_close((uv_handle_t *)&l->after_wait, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int result = uv_loop_close(&l->uv);
    assert(result == 0); /* every handle was closed */
    (void)result;
    close(l->near_fd);
    heap_deinit(&l->timers);
    pthread_mutex_destroy(&l->lock);
}
