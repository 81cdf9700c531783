/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_event.c - what one thread waits for and another brings about.
 */
#include "sys/uv_sys.h"

#include "sys/deadline.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct uv_event {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on the monotonic clock */
    bool set;
};

enum err uv_event_new(struct uv_event **out)
{
    struct uv_event *e = calloc(1, sizeof *e);

    if (!e)
        return ERR_NOMEM;
    pthread_mutex_init(&e->lock, NULL);
    deadline_cond_init(&e->changed);
    *out = e;
    return OK;
}

void uv_event_set(struct uv_event *e)
{
    pthread_mutex_lock(&e->lock);
    e->set = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

bool uv_event_wait(struct uv_event *e, uint32_t ms)
{
    const struct timespec until = deadline_time(ms);

    pthread_mutex_lock(&e->lock);
    while (!e->set && pthread_cond_timedwait(&e->changed, &e->lock, &until) == 0)
        ;
    const bool set = e->set;
    pthread_mutex_unlock(&e->lock);
    return set;
}

void uv_event_free(struct uv_event *e)
{
    if (!e)
        return;
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
