/* SPDX-License-Identifier: Apache-2.0
 *
 * runtime_private.h - the runtime's state, for runtime.c (rounds) and intake.c (messages on their way in).
 */
#ifndef SERVICES_RUNTIME_RUNTIME_PRIVATE_H
#define SERVICES_RUNTIME_RUNTIME_PRIVATE_H

#include "services/runtime/bus.h"
#include "services/runtime/runtime.h"
#include "services/runtime/waiting.h"
#include <pthread.h>

#define MESSAGE_ID_MAX 64

/* Tells that an input has messages: one asynchronous receive. */
struct bell {
    struct runtime *runtime;
    bool armed, rang;          /* under the runtime's lock, as all here */
    pulsar_message_t *message; /* what it rang with */
    pulsar_result result;
};

struct runtime {
    struct runtime_options options; /* set at creation */
    struct bus bus;                 /* the worker's, as what follows */
    struct waiting waiting;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct bell bells[RUNTIME_INPUTS_MAX];
    bool stopping, woken;
    bool connecting;  /* the bus has a client, and the worker waits for it */
    bool ready;       /* subscribed, and connected when last looked at */
    size_t in_flight; /* publications without an answer */
};

/* A message that was received and is not settled. */
struct arrival {
    struct waiting_node wait; /* first */
    pulsar_message_t *message;
    struct delivery delivery;
    char id[MESSAGE_ID_MAX];
    uint64_t received_ns;
};
void arrival_free(struct arrival *a);

bool runtime_is_stopping(struct runtime *r);
/* Waits until that moment of the monotonic clock, or until the runtime is to stop. */
void runtime_pause_ms(struct runtime *r, uint64_t ms);

/* Waits until the handler is to be called: messages are there (and as many as batch_receive waits for), its timer is
 * due, somebody woke it, or the runtime is to stop.  False: none of these, only a second went by. */
bool intake_wait(struct runtime *r);
/* The next one to be worked on; NULL: none. */
struct arrival *intake_take(struct runtime *r);
/* It stays, and its input waits until the next intake_wait. */
void intake_hold(struct runtime *r, struct arrival *a);
/* After the bus was closed: what was not worked on is the broker's again. */
void intake_drop(struct runtime *r);

#endif
