/* SPDX-License-Identifier: Apache-2.0
 *
 * listeners.h - the thread that message listeners run on.
 *
 * One for a client, started for the first listener.  Consumers that have messages stand in line; the first gives one
 * message after the other until somebody else stands there, and goes to the end of the line if it has more, so that a
 * busy one does not hold up the others.  A listener
 * may wait and may call anything, but it holds up the other listeners of the client.
 */
#ifndef CLIENT_LISTENERS_H
#define CLIENT_LISTENERS_H

#include "base/err.h"
#include "base/list.h"
#include <stdbool.h>

struct client_listeners;

/* Embedded in a consumer that has a listener. */
struct client_listening {
    struct list node; /* in line */
    bool running;     /* its listener is being called */
    bool again;       /* became ready meanwhile */
    bool ended;       /* no further call */
    /* On the listener thread: gives one message to the listener; true: there may be more. */
    bool (*step)(struct client_listening *l);
    /* On the listener thread: the call that client_listeners_leave found running has returned. */
    void (*idle)(struct client_listening *l);
    bool tell_idle;
};

/* ERR_NOMEM.  No thread yet. */
MUST_USE enum err client_listeners_new(struct client_listeners **out);
/* Starts the thread if there is none. */
MUST_USE enum err client_listeners_start(struct client_listeners *ls);
/* Ends the thread; nobody is in line. */
void client_listeners_free(struct client_listeners *ls);

void client_listening_init(struct client_listening *l, bool (*step)(struct client_listening *l),
                           void (*idle)(struct client_listening *l));
/* It has messages; any thread. */
void client_listeners_ready(struct client_listeners *ls, struct client_listening *l);
/* No call begins after it.  False: one is running just now, and idle will be called. */
bool client_listeners_leave(struct client_listeners *ls, struct client_listening *l);
/* On the listener thread, in the call of `l`; NULL: of any. */
bool client_listeners_here(struct client_listeners *ls, const struct client_listening *l);

#endif
