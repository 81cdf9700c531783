/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_loop.h - struct loop over libuv: timers, deferred and posted tasks, executors.
 *
 * Internal to sys/: uv_sys.h is what the other rooms see.  One uv_loop is one thread's; only what takes `lock` may be
 * called from elsewhere.
 *
 * Rules
 *  1. An idle loop sleeps: the kernel timer is armed for the next deadline and nothing else wakes it.
 *  2. Tasks run in the order in which they were queued.  A turn runs a bounded number of rounds of
 *     them and then looks at the sockets, so tasks that queue tasks starve nobody.
 *  3. After a stop no timer fires and no post is taken; the loop turns until what was queued, every job and every
 *     user (a connection, say) is finished.
 */
#ifndef SYS_UV_LOOP_H
#define SYS_UV_LOOP_H

#include "base/heap.h"
#include "sys/loop.h"
#include <pthread.h>
#include <uv.h>

struct uv_loop {
    struct loop loop;
    uv_loop_t uv;

    /* The loop's thread only. */
    /* The one alarm, for alarm_ns (0: none), is one of two: */
    uv_timer_t alarm; /* in milliseconds, for what is far */
    uv_poll_t near;   /* the kernel's timer near_fd, in nanoseconds */
    int near_fd;
    bool near_armed;
    uint64_t alarm_ns;
    struct heap timers;
    uint64_t timer_sequence;
    struct list deferred;
    uv_prepare_t before_wait;
    uv_check_t after_wait;
    uv_idle_t awake; /* runs while `deferred` is not empty: the turn then does not wait */
    size_t jobs;     /* submitted to executors and not done */
    size_t users;    /* what else must end before a stopped loop returns */
    void (*on_stop)(void *ctx);
    void *on_stop_ctx;
    bool stopping;

    /* Any thread, under `lock`. */
    pthread_mutex_t lock;
    struct list posted;
    bool stop_asked;
    uv_async_t wake;
};

MUST_USE enum err uv_loop_open(struct uv_loop *l);
/* Closes the loop's own handles and waits until those of others are closed, too. */
void uv_loop_shut(struct uv_loop *l);

/* Returns after uv_loop_halt, see rule 3.  SIGPIPE stays blocked in the calling thread. */
void uv_loop_turn(struct uv_loop *l);
/* From any thread. */
void uv_loop_halt(struct uv_loop *l);

/* As loop_post, and a stopped loop takes it too: for what must end before the loop returns (from any thread). */
void uv_loop_post_end(struct uv_loop *l, struct task *task);
/* Withdraw a task, if it is still queued: a posted one, a deferred one. */
void uv_loop_unpost(struct uv_loop *l, struct task *task);
void uv_loop_undefer(struct task *task);

#endif
