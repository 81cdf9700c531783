/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - time, timers, tasks and workers around one thread, as tables of functions.
 *
 * One struct loop is one thread that owns state: the broker's core, the admin thread, a client's loop thread.
 * All callbacks run on it.  Production: sys/uv_loop.h.  Simulation: sys/sim/sim_loop.h, where one
 * seed decides when timers fire, in which order workers run, and how the clock jumps.
 */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include "base/err.h"
#include "base/list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct timer;
struct task;
struct work;
struct executor;

/* A timer is embedded by its owner: timer_init once, timer_start any number of times, timer_stop before
 * its memory goes.  One shot.  The implementation's state is in `private_`. */
struct timer {
    struct loop *loop;
    void (*fire)(struct timer *timer); /* container_of finds the owner */
    uint64_t deadline_ns;              /* on loop_now_ns's clock; 0: not running */
    uint64_t sequence;                 /* equal deadlines fire in the order of their starts */
    size_t heap_index;
};

/* Something to run on the loop, later.  May be embedded; is free for use again when run is called. */
struct task {
    struct list node;
    void (*run)(struct task *task);
    bool queued; /* owned by the loop */
};

/* A job for a thread that may wait.  `run` is called on the worker's thread and touches only what the job
 * owns or borrows; `done` then on the loop, exactly once.  Jobs of one executor run one at a time, in order. */
struct work {
    struct list node;
    void (*run)(struct work *work);
    void (*done)(struct work *work);
};

struct loop_ops {
    uint64_t (*now_ns)(struct loop *loop); /* monotonic */
    int64_t (*wall_ms)(struct loop *loop); /* since the epoch; may jump */
    void (*entropy)(struct loop *loop, void *to, size_t len);
    void (*timer_start)(struct loop *loop, struct timer *timer, uint64_t deadline_ns); /* restarts a running one */
    void (*timer_stop)(struct loop *loop, struct timer *timer);
    /* From this loop's thread: run after the events at hand, before waiting again.  No-op when queued. */
    void (*defer)(struct loop *loop, struct task *task);
    /* From any thread.  The task is the loop's until it runs.  False when the loop was stopped: never run. */
    bool (*post)(struct loop *loop, struct task *task);
    /* A worker thread of its own ("journal"), with at most `bound` jobs waiting. */
    enum err (*executor_new)(struct loop *loop, const char *name, size_t bound, struct executor **out);
    /* ERR_FULL when `bound` jobs wait. */
    enum err (*executor_submit)(struct executor *executor, struct work *work);
    /* After all its jobs are done (asserted). */
    void (*executor_free)(struct executor *executor);
};

/* Embedded at the start of an implementation. */
struct loop {
    const struct loop_ops *ops;
    /* For loop_event_ns: an implementation whose clock goes on during an event sets the first, and begins each event
     * with loop_event_begin. */
    bool clock_runs;
    uint64_t event_ns; /* 0: nobody has asked yet */
    int64_t event_wall_ms;
};

struct executor {
    struct loop *loop;
};

#define NS_PER_MS 1000000ull

static inline uint64_t loop_now_ns(struct loop *l)
{
    return l->ops->now_ns(l);
}

static inline int64_t loop_wall_ms(struct loop *l)
{
    return l->ops->wall_ms(l);
}

/* The time of the event at hand: of one callback of the loop (a read, a write, a timer, a task), which may handle
 * thousands of messages; read from the clock when first asked for.  Never after loop_now_ns, nor before the event
 * began.  For what is done for each message: a look at the clock costs as much as a hundred instructions. */
static inline uint64_t loop_event_ns(struct loop *l)
{
    if (!l->clock_runs)
        return loop_now_ns(l);
    if (l->event_ns == 0)
        l->event_ns = loop_now_ns(l);
    return l->event_ns;
}

static inline int64_t loop_event_wall_ms(struct loop *l)
{
    if (!l->clock_runs)
        return loop_wall_ms(l);
    if (l->event_wall_ms == 0)
        l->event_wall_ms = loop_wall_ms(l);
    return l->event_wall_ms;
}

static inline void loop_event_begin(struct loop *l)
{
    l->event_ns = 0;
    l->event_wall_ms = 0;
}

static inline void timer_init(struct timer *t, struct loop *loop, void (*fire)(struct timer *))
{
    t->loop = loop;
    t->fire = fire;
    t->deadline_ns = 0;
    t->sequence = 0;
    t->heap_index = 0;
}

static inline void timer_start_at(struct timer *t, uint64_t deadline_ns)
{
    t->loop->ops->timer_start(t->loop, t, deadline_ns);
}

static inline void timer_start_ms(struct timer *t, uint64_t delay_ms)
{
    timer_start_at(t, loop_now_ns(t->loop) + delay_ms * NS_PER_MS);
}

static inline bool timer_running(const struct timer *t)
{
    return t->deadline_ns != 0;
}

static inline void timer_stop(struct timer *t)
{
    if (timer_running(t))
        t->loop->ops->timer_stop(t->loop, t);
}

static inline void loop_defer(struct loop *l, struct task *task)
{
    l->ops->defer(l, task);
}

/* Withdraws a deferred task (not a posted one), if it is queued: before its memory goes. */
static inline void task_cancel(struct task *task)
{
    if (task->queued) {
        task->queued = false;
        list_remove(&task->node);
    }
}

static inline MUST_USE bool loop_post(struct loop *l, struct task *task)
{
    return l->ops->post(l, task);
}

static inline MUST_USE enum err executor_new(struct loop *l, const char *name, size_t bound, struct executor **out)
{
    return l->ops->executor_new(l, name, bound, out);
}

static inline MUST_USE enum err executor_submit(struct executor *e, struct work *work)
{
    return e->loop->ops->executor_submit(e, work);
}

static inline void executor_free(struct executor *e)
{
    if (e)
        e->loop->ops->executor_free(e);
}

#endif
