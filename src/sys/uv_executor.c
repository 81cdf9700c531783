/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_executor.c - struct executor: a thread of its own that runs jobs one after the other.
 *
 * A job's way:  submit -> waiting -> (the worker: run) -> ended -> (the loop: done).
 *
 * Invariant: `unfinished` of the executor counts the jobs on this way, and its loop's `jobs` is the sum over executors,
 * so a stopped loop returns only when every job is done.
 */
#include "sys/uv_executor.h"

#include "sys/uv_sys.h"
#include <assert.h>
#include <stdlib.h>

struct uv_executor {
    struct executor executor;
    size_t bound;
    struct uv_thread *thread;

    size_t unfinished; /* the loop's thread only */
    struct task finish;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct list waiting, ended;
    size_t waiting_count;
    bool stop;
};

static struct uv_executor *uv_executor_of(struct executor *executor)
{
    return container_of(executor, struct uv_executor, executor);
}

static struct uv_loop *uv_executor_loop(struct uv_executor *e)
{
    return container_of(e->executor.loop, struct uv_loop, loop);
}

/* ---- the worker's side ---- */

/* Waits for the next job; NULL: stop. With the lock held. */
static struct work *work_next(struct uv_executor *e)
{
    while (list_empty(&e->waiting) && !e->stop)
        pthread_cond_wait(&e->changed, &e->lock);
    struct list *node = list_pop_front(&e->waiting);
    if (!node)
        return NULL;
    e->waiting_count--;
    return container_of(node, struct work, node);
}

static void worker_run(void *ctx)
{
    struct uv_executor *e = ctx;

    pthread_mutex_lock(&e->lock);
    for (struct work *work; (work = work_next(e));) {
        pthread_mutex_unlock(&e->lock);
        work->run(work);
        pthread_mutex_lock(&e->lock);
        list_push_back(&e->ended, &work->node);
        uv_loop_post_end(uv_executor_loop(e), &e->finish);
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- the loop's side ---- */

static void ended_take(struct uv_executor *e, struct list *to)
{
    struct list *node;

    list_init(to);
    pthread_mutex_lock(&e->lock);
    while ((node = list_pop_front(&e->ended)))
        list_push_back(to, node);
    pthread_mutex_unlock(&e->lock);
}

static void jobs_finish(struct task *task)
{
    struct uv_executor *e = container_of(task, struct uv_executor, finish);
    struct list ended;
    struct list *node;

    ended_take(e, &ended);
    while ((node = list_pop_front(&ended))) {
        struct work *work = container_of(node, struct work, node);
        e->unfinished--;
        uv_executor_loop(e)->jobs--;
        work->done(work); /* the last one may free the executor */
    }
}

enum err uv_executor_submit(struct executor *executor, struct work *work)
{
    struct uv_executor *e = uv_executor_of(executor);

    pthread_mutex_lock(&e->lock);
    assert(!e->stop);
    bool full = e->waiting_count >= e->bound;
    if (!full) {
        list_push_back(&e->waiting, &work->node);
        e->waiting_count++;
        pthread_cond_signal(&e->changed);
    }
    pthread_mutex_unlock(&e->lock);
    if (full)
        return ERR_FULL;
    e->unfinished++;
    uv_executor_loop(e)->jobs++;
    return OK;
}

enum err uv_executor_new(struct loop *loop, const char *name, size_t bound, struct executor **out)
{
    assert(bound > 0);
    struct uv_executor *e = calloc(1, sizeof *e);
    if (!e)
        return ERR_NOMEM;
    e->executor.loop = loop;
    e->bound = bound;
    e->finish.run = jobs_finish;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    list_init(&e->waiting);
    list_init(&e->ended);
    enum err err = uv_thread_run(&e->thread, name, worker_run, e);
    if (err != OK) {
        pthread_cond_destroy(&e->changed);
        pthread_mutex_destroy(&e->lock);
        free(e);
        return err;
    }
    *out = &e->executor;
    return OK;
}

void uv_executor_free(struct executor *executor)
{
    struct uv_executor *e = uv_executor_of(executor);

    assert(e->unfinished == 0);
    pthread_mutex_lock(&e->lock);
    e->stop = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
    uv_thread_finish(e->thread);
    uv_loop_unpost(uv_executor_loop(e), &e->finish); /* the end of a job may have been told twice */
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
