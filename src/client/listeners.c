/* SPDX-License-Identifier: Apache-2.0
 *
 * listeners.c - a line of consumers under a lock.
 */
#include "client/listeners.h"

#include "sys/uv_sys.h"
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct client_listeners {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list line;
    struct uv_thread *thread; /* NULL: not started */
    pthread_t id;
    bool started, stop;
    _Atomic bool wanted; /* somebody came into line, or left: the calls that are running end with the one at hand */
};

enum err client_listeners_new(struct client_listeners **out)
{
    struct client_listeners *ls = calloc(1, sizeof *ls);

    if (!ls)
        return ERR_NOMEM;
    pthread_mutex_init(&ls->lock, NULL);
    pthread_cond_init(&ls->changed, NULL);
    list_init(&ls->line);
    *out = ls;
    return OK;
}

/* Under the lock, which is let go during the call. */
static void turn(struct client_listeners *ls, struct client_listening *l)
{
    bool more, tell;

    l->running = true;
    l->again = false;
    atomic_store(&ls->wanted, !list_empty(&ls->line));
    pthread_mutex_unlock(&ls->lock);
    do
        more = l->step(l);
    while (more && !atomic_load(&ls->wanted));
    pthread_mutex_lock(&ls->lock);
    l->running = false;
    if (!l->ended && (more || l->again))
        list_push_back(&ls->line, &l->node);
    tell = l->tell_idle;
    l->tell_idle = false;
    if (!tell)
        return;
    pthread_mutex_unlock(&ls->lock);
    l->idle(l); /* may be the end of it */
    pthread_mutex_lock(&ls->lock);
}

static void run(void *ctx)
{
    struct client_listeners *ls = ctx;

    pthread_mutex_lock(&ls->lock);
    ls->id = pthread_self();
    ls->started = true;
    pthread_cond_broadcast(&ls->changed);
    for (;;) {
        struct list *node = list_pop_front(&ls->line);

        if (node)
            turn(ls, container_of(node, struct client_listening, node));
        else if (ls->stop)
            break;
        else
            pthread_cond_wait(&ls->changed, &ls->lock);
    }
    pthread_mutex_unlock(&ls->lock);
}

enum err client_listeners_start(struct client_listeners *ls)
{
    enum err err = OK;

    pthread_mutex_lock(&ls->lock);
    if (!ls->thread)
        err = uv_thread_run(&ls->thread, "pulsar-listen", run, ls);
    while (err == OK && !ls->started)
        pthread_cond_wait(&ls->changed, &ls->lock);
    pthread_mutex_unlock(&ls->lock);
    return err;
}

void client_listeners_free(struct client_listeners *ls)
{
    if (!ls)
        return;
    pthread_mutex_lock(&ls->lock);
    assert(list_empty(&ls->line));
    ls->stop = true;
    pthread_cond_broadcast(&ls->changed);
    pthread_mutex_unlock(&ls->lock);
    if (ls->thread)
        uv_thread_finish(ls->thread);
    pthread_cond_destroy(&ls->changed);
    pthread_mutex_destroy(&ls->lock);
    free(ls);
}

void client_listening_init(struct client_listening *l, bool (*step)(struct client_listening *l),
                           void (*idle)(struct client_listening *l))
{
    *l = (struct client_listening){.step = step, .idle = idle};
    list_init(&l->node);
}

void client_listeners_ready(struct client_listeners *ls, struct client_listening *l)
{
    pthread_mutex_lock(&ls->lock);
    if (l->running) {
        l->again = true;
    } else if (!l->ended && list_empty(&l->node)) {
        list_push_back(&ls->line, &l->node);
        atomic_store(&ls->wanted, true);
        pthread_cond_broadcast(&ls->changed);
    }
    pthread_mutex_unlock(&ls->lock);
}

bool client_listeners_leave(struct client_listeners *ls, struct client_listening *l)
{
    bool idle;

    pthread_mutex_lock(&ls->lock);
    l->ended = true;
    atomic_store(&ls->wanted, true);
    list_remove(&l->node);
    idle = !l->running;
    l->tell_idle = !idle;
    pthread_mutex_unlock(&ls->lock);
    return idle;
}

bool client_listeners_here(struct client_listeners *ls, const struct client_listening *l)
{
    bool here;

    pthread_mutex_lock(&ls->lock);
    here = ls->started && pthread_equal(ls->id, pthread_self()) && (!l || l->running);
    pthread_mutex_unlock(&ls->lock);
    return here;
}
