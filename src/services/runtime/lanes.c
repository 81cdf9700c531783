/* SPDX-License-Identifier: Apache-2.0
 *
 * lanes.c - one lock for all lanes, a condition for each.
 *
 * A job is in one of three places: in its lane's queue, with the thread that runs it, or in the list of what has run.
 * The lock is held for moving it only, never while somebody's function is called.
 *
 * Invariant: a lane that has jobs in its queue has a thread, which looks into the queue before it waits or ends.
 */
#include "services/runtime/lanes.h"

#include "base/text.h"
#include "sys/uv_sys.h"
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct lane {
    /* set when it is added */
    struct lanes *lanes;
    const char *name;
    unsigned threads_max;
    size_t queue_max;
    /* the owner's */
    struct uv_thread *threads[LANE_THREADS_MAX];
    unsigned thread_count;
    /* under the lock */
    pthread_cond_t work;
    struct list queue;
    size_t queued;
    unsigned idle;    /* threads that wait: that many jobs of the queue have one */
    unsigned running; /* jobs */
};

struct lanes {
    void (*wake)(void *ctx);
    void *ctx;
    struct lane *lanes[LANES_MAX];
    unsigned count;
    pthread_mutex_t lock;
    struct list ran; /* under the lock, as what follows */
    bool stopping;
};

enum err lanes_new(struct lanes **out, void (*wake)(void *ctx), void *ctx)
{
    struct lanes *l = calloc(1, sizeof *l);

    if (!l)
        return ERR_NOMEM;
    l->wake = wake;
    l->ctx = ctx;
    pthread_mutex_init(&l->lock, NULL);
    list_init(&l->ran);
    *out = l;
    return OK;
}

enum err lanes_add(struct lanes *l, const char *name, unsigned threads, size_t queue_max, unsigned *lane)
{
    struct lane *a;

    assert(threads > 0 && threads <= LANE_THREADS_MAX);
    assert(queue_max > 0);
    if (l->count == LANES_MAX)
        return ERR_FULL;
    if (!(a = calloc(1, sizeof *a)))
        return ERR_NOMEM;
    a->lanes = l;
    a->name = name;
    a->threads_max = threads;
    a->queue_max = queue_max;
    pthread_cond_init(&a->work, NULL);
    list_init(&a->queue);
    *lane = l->count;
    l->lanes[l->count++] = a;
    return OK;
}

/* The next job, waited for; NULL: it is over.  Under the lock. */
static struct job *take(struct lane *a)
{
    while (list_empty(&a->queue) && !a->lanes->stopping) {
        a->idle++;
        pthread_cond_wait(&a->work, &a->lanes->lock);
        a->idle--;
    }
    if (a->lanes->stopping)
        return NULL;
    a->queued--;
    return container_of(list_pop_front(&a->queue), struct job, node);
}

/* Under the lock.  True: the owner does not know yet that there is something to collect. */
static bool give(struct lanes *l, struct job *job)
{
    bool first = list_empty(&l->ran);

    list_push_back(&l->ran, &job->node);
    return first;
}

static void lane_thread(void *ctx)
{
    struct lane *a = ctx;
    struct lanes *l = a->lanes;
    struct job *job;

    pthread_mutex_lock(&l->lock);
    while ((job = take(a)) != NULL) {
        bool first;

        a->running++;
        pthread_mutex_unlock(&l->lock);
        job->run(job);
        pthread_mutex_lock(&l->lock);
        a->running--;
        first = give(l, job);
        if (first) {
            pthread_mutex_unlock(&l->lock);
            l->wake(l->ctx);
            pthread_mutex_lock(&l->lock);
        }
    }
    pthread_mutex_unlock(&l->lock);
}

/* The job has no thread of its own and the lane may have one more.  Without one, it is enough that there is another,
 * which comes to it later. */
static enum err one_more_thread(struct lane *a)
{
    enum err err = uv_thread_run(&a->threads[a->thread_count], a->name, lane_thread, a);

    if (err == OK)
        a->thread_count++;
    return a->thread_count > 0 ? OK : err;
}

enum err lanes_submit(struct lanes *l, unsigned lane, struct job *job)
{
    struct lane *a;
    enum err err = OK;
    bool short_of_threads;

    assert(lane < l->count);
    a = l->lanes[lane];
    pthread_mutex_lock(&l->lock);
    short_of_threads = a->queued >= a->idle && a->thread_count < a->threads_max;
    if (l->stopping)
        err = ERR_CLOSED;
    else if (a->queued == a->queue_max)
        err = ERR_BUSY;
    pthread_mutex_unlock(&l->lock);
    if (err == OK && short_of_threads)
        err = one_more_thread(a);
    if (err != OK)
        return err;

    pthread_mutex_lock(&l->lock);
    list_push_back(&a->queue, &job->node);
    a->queued++;
    pthread_cond_signal(&a->work);
    pthread_mutex_unlock(&l->lock);
    return OK;
}

size_t lanes_collect(struct lanes *l)
{
    struct list *node;
    size_t count = 0;

    pthread_mutex_lock(&l->lock);
    while ((node = list_pop_front(&l->ran)) != NULL) {
        struct job *job = container_of(node, struct job, node);

        pthread_mutex_unlock(&l->lock);
        job->done(job); /* may submit, and free the job */
        count++;
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return count;
}

void lanes_metrics(struct lanes *l, const char *name, struct text *out)
{
    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < l->count; i++) {
        const struct lane *a = l->lanes[i];
        text_printf(out, "%s{lane=\"%s\",state=\"waiting\"} %zu\n", name, a->name, a->queued);
        text_printf(out, "%s{lane=\"%s\",state=\"running\"} %u\n", name, a->name, a->running);
    }
    pthread_mutex_unlock(&l->lock);
}

static void stop(struct lanes *l)
{
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    for (unsigned i = 0; i < l->count; i++)
        pthread_cond_broadcast(&l->lanes[i]->work);
    pthread_mutex_unlock(&l->lock);
    for (unsigned i = 0; i < l->count; i++)
        for (unsigned t = 0; t < l->lanes[i]->thread_count; t++)
            uv_thread_finish(l->lanes[i]->threads[t]);
}

void lanes_free(struct lanes *l, void (*dropped)(struct job *job))
{
    struct list *node;

    if (!l)
        return;
    stop(l);
    (void)lanes_collect(l);
    for (unsigned i = 0; i < l->count; i++) {
        while ((node = list_pop_front(&l->lanes[i]->queue)) != NULL)
            dropped(container_of(node, struct job, node));
        pthread_cond_destroy(&l->lanes[i]->work);
        free(l->lanes[i]);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}
