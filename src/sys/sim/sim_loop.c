/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_loop.c - the loop of a host: tasks in order, timers by deadline, workers one job at a time.
 *
 * A job waits its turn, is run at a time drawn when it came to the front, and is done at a later step: whatever else
 * is ready may come between.  Jobs of one executor keep their order.
 */
#include "sys/sim/sim_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define WALL_START_MS 1767225600000 /* 2026-01-01T00:00:00Z */
#define TIMERS_MAX    (1u << 20)

struct sim_executor {
    struct executor executor;
    struct list node;
    struct sim_host *host;
    uint64_t ordinal;
    size_t bound, waiting_count;
    struct list waiting, finished;
    uint64_t run_at, done_at; /* of the first in each */
};

static struct sim_host *host_of(struct loop *loop)
{
    return container_of(loop, struct sim_host, loop);
}

static uint64_t loop_now(struct loop *loop)
{
    return host_of(loop)->sim->now_ns;
}

static int64_t loop_wall(struct loop *loop)
{
    const struct sim *s = host_of(loop)->sim;

    return WALL_START_MS + s->wall_offset_ms + (int64_t)(s->now_ns / NS_PER_MS);
}

static void loop_entropy(struct loop *loop, void *to, size_t len)
{
    uint8_t *at = to;

    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)random_next(&host_of(loop)->sim->random);
}

/* ---- timers ---- */

static bool timer_before(const void *a, const void *b)
{
    const struct timer *x = a, *y = b;

    return x->deadline_ns != y->deadline_ns ? x->deadline_ns < y->deadline_ns : x->sequence < y->sequence;
}

static void timer_moved(void *item, size_t index)
{
    ((struct timer *)item)->heap_index = index;
}

static void stop_timer(struct loop *loop, struct timer *t)
{
    struct sim_host *h = host_of(loop);

    if (timer_running(t) && !h->dead)
        heap_remove(&h->timers, t->heap_index);
    t->deadline_ns = 0;
}

static void start_timer(struct loop *loop, struct timer *t, uint64_t deadline_ns)
{
    struct sim_host *h = host_of(loop);
    enum err err;

    stop_timer(loop, t);
    if (h->dead)
        return;
    t->deadline_ns = deadline_ns > 0 ? deadline_ns : 1; /* 0 means that it does not run */
    t->sequence = ++h->timer_sequence;
    err = heap_push(&h->timers, t);
    assert(err == OK);
}

/* ---- tasks ---- */

static bool queue_task(struct loop *loop, struct task *task)
{
    struct sim_host *h = host_of(loop);

    if (h->dead)
        return false;
    if (!task->queued) {
        task->queued = true;
        list_push_back(&h->tasks, &task->node);
    }
    return true;
}

static void defer_task(struct loop *loop, struct task *task)
{
    queue_task(loop, task);
}

/* ---- executors ---- */

static enum err new_executor(struct loop *loop, const char *name, size_t bound, struct executor **out)
{
    struct sim_host *h = host_of(loop);
    struct sim_executor *e;

    if (h->dead)
        return ERR_CLOSED;
    e = sim_alloc(sizeof *e);
    e->executor.loop = loop;
    e->host = h;
    e->ordinal = sim_ordinal(h->sim);
    e->bound = bound;
    list_init(&e->waiting);
    list_init(&e->finished);
    list_push_back(&h->executors, &e->node);
    *out = &e->executor;
    return OK;
}

static void draw_times(struct sim_executor *e)
{
    e->run_at = sim_work_time(e->host->sim);
}

static enum err submit(struct executor *executor, struct work *work)
{
    struct sim_executor *e = container_of(executor, struct sim_executor, executor);

    if (e->host->dead)
        return ERR_CLOSED;
    if (e->waiting_count >= e->bound)
        return ERR_FULL;
    if (list_empty(&e->waiting))
        draw_times(e);
    list_push_back(&e->waiting, &work->node);
    e->waiting_count++;
    return OK;
}

static void free_executor(struct executor *executor)
{
    struct sim_executor *e = container_of(executor, struct sim_executor, executor);

    if (e->host->dead)
        return; /* sim_host_free will */
    assert(list_empty(&e->waiting) && list_empty(&e->finished));
    list_remove(&e->node);
    free(e);
}

static const struct loop_ops loop_ops = {
    .now_ns = loop_now,
    .wall_ms = loop_wall,
    .entropy = loop_entropy,
    .timer_start = start_timer,
    .timer_stop = stop_timer,
    .defer = defer_task,
    .post = queue_task,
    .executor_new = new_executor,
    .executor_submit = submit,
    .executor_free = free_executor,
};

/* ---- what may happen, and its happening ---- */

void sim_loop_init(struct sim_host *h)
{
    h->loop.ops = &loop_ops;
    heap_init(&h->timers, TIMERS_MAX, timer_before, timer_moved);
    list_init(&h->tasks);
    list_init(&h->executors);
}

void sim_loop_offer(struct sim_host *h)
{
    const struct timer *first = heap_peek(&h->timers);

    if (!list_empty(&h->tasks))
        sim_offer(h->sim, h->sim->now_ns, EVENT_TASK, h->ordinal, h);
    if (first)
        sim_offer(h->sim, first->deadline_ns, EVENT_TIMER, h->ordinal, h);
    list_each (node, &h->executors) {
        struct sim_executor *e = container_of(node, struct sim_executor, node);
        if (!list_empty(&e->waiting))
            sim_offer(h->sim, e->run_at, EVENT_JOB_RUN, e->ordinal, e);
        if (!list_empty(&e->finished))
            sim_offer(h->sim, e->done_at, EVENT_JOB_DONE, e->ordinal, e);
    }
}

static void run_task(struct sim_host *h)
{
    struct task *task = container_of(list_pop_front(&h->tasks), struct task, node);

    task->queued = false;
    task->run(task);
}

static void fire_timer(struct sim_host *h)
{
    struct timer *t = heap_pop(&h->timers);

    t->deadline_ns = 0;
    t->fire(t);
}

static void run_job(struct sim_executor *e)
{
    struct work *work = container_of(list_pop_front(&e->waiting), struct work, node);

    e->waiting_count--;
    work->run(work);
    if (list_empty(&e->finished))
        e->done_at = sim_soon(e->host->sim, 10);
    list_push_back(&e->finished, &work->node);
    draw_times(e);
}

static void finish_job(struct sim_executor *e)
{
    struct work *work = container_of(list_pop_front(&e->finished), struct work, node);

    e->done_at = sim_soon(e->host->sim, 10);
    work->done(work);
}

void sim_loop_run(const struct event *event)
{
    switch (event->kind) {
    case EVENT_TASK:
        run_task(event->subject);
        break;
    case EVENT_TIMER:
        fire_timer(event->subject);
        break;
    case EVENT_JOB_RUN:
        run_job(event->subject);
        break;
    default:
        assert(event->kind == EVENT_JOB_DONE);
        finish_job(event->subject);
    }
}

static void forget_all(struct list *l)
{
    while (list_pop_front(l))
        ;
}

void sim_loop_crash(struct sim_host *h)
{
    struct list *node;
    struct timer *t;

    while ((t = heap_pop(&h->timers)))
        t->deadline_ns = 0;
    while ((node = list_pop_front(&h->tasks)))
        container_of(node, struct task, node)->queued = false;
    list_each (at, &h->executors) {
        struct sim_executor *e = container_of(at, struct sim_executor, node);
        forget_all(&e->waiting);
        forget_all(&e->finished);
        e->waiting_count = 0;
    }
}

void sim_loop_deinit(struct sim_host *h)
{
    struct list *node;

    while ((node = list_pop_front(&h->executors)))
        free(container_of(node, struct sim_executor, node));
    heap_deinit(&h->timers);
}
