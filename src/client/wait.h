/* SPDX-License-Identifier: Apache-2.0
 *
 * wait.h - a thread of the user's waits for the loop.
 *
 * The only place, with queue.h and the producers' gate, where a thread of the user's is stopped.
 */
#ifndef CLIENT_WAIT_H
#define CLIENT_WAIT_H

#include <pthread.h>
#include <pulsar/c/result.h>
#include <stdbool.h>

struct client_wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    pulsar_result result;
    void *value; /* what a callback handed over; the waiter's */
};

void client_wait_init(struct client_wait *w);
/* From the loop, once. */
void client_wait_done(struct client_wait *w, pulsar_result result, void *value);
/* Waits, and ends the wait. */
pulsar_result client_wait_for(struct client_wait *w, void **value);

/* As a pulsar_result_callback: `ctx` is the wait. */
void client_wait_result(pulsar_result result, void *ctx);

#endif
