/* SPDX-License-Identifier: Apache-2.0
 *
 * wait.c - a flag under a lock.
 */
#include "client/wait.h"

#include "sys/deadline.h"
#include <assert.h>
#include <stddef.h>

void client_wait_init(struct client_wait *w)
{
    *w = (struct client_wait){0};
    pthread_mutex_init(&w->lock, NULL);
    deadline_cond_init(&w->changed);
}

void client_wait_done(struct client_wait *w, pulsar_result result, void *value)
{
    pthread_mutex_lock(&w->lock);
    assert(!w->done);
    w->done = true;
    w->result = result;
    w->value = value;
    pthread_cond_signal(&w->changed); /* under the lock: the waiter may free it as soon as it is let go */
    pthread_mutex_unlock(&w->lock);
}

pulsar_result client_wait_for(struct client_wait *w, void **value)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    if (value)
        *value = w->value;
    return w->result;
}

void client_wait_result(pulsar_result result, void *ctx)
{
    client_wait_done(ctx, result, NULL);
}
