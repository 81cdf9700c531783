/* SPDX-License-Identifier: Apache-2.0
 *
 * handle.h - clients, and what is common to producers and consumers as users hold them: lifetime, closing, and the way
 * onto the loop.
 *
 * A user's call makes an operation (a struct that begins with struct client_call), posts it to the client's loop, and
 * perhaps waits.  A handle is counted: one reference is the user's, one the loop's as long as the handle is open, one
 * each operation's under way.  The client is counted by its handles, so what is left of them can be freed after it.
 *
 *     open --close--> closing --parts are closed--> (next turn) buried: closers told, loop's reference given up
 */
#ifndef CLIENT_HANDLE_H
#define CLIENT_HANDLE_H

#include "base/cache_line.h"
#include "client/core.h"
#include "client/tls.h"
#include "client/wait.h"
#include "sys/uv_sys.h"
#include <pthread.h>
#include <stdatomic.h>

struct client_listeners;
struct client_handle;

struct _pulsar_client {
    _Atomic uint32_t refs;
    /* Set at creation. */
    struct _pulsar_client_configuration config;
    struct log log;
    struct uv_sys *uv;
    struct uv_thread *thread;
    pthread_t loop_thread;
    struct client_core core; /* the loop's */
    struct client_tls tls;   /* the loop's */
    struct client_listeners *listeners;

    /* The loop's. */
    struct list handles; /* open producers and consumers */
    struct list closers; /* of the client */
    bool closing, drained;

    _Atomic bool stopped; /* freed by the user: the thread has ended */

    /* Any thread.  Who waits for memory does so under the lock, and is counted. */
    _Atomic uint32_t memory_waiters;
    char apart[CACHE_LINE]; /* what is next is changed for each message, its neighbours are only read */
    _Atomic size_t memory_used;
    char apart_too[CACHE_LINE];
    pthread_mutex_t memory_lock;
    pthread_cond_t memory_freed;
};

struct _pulsar_client *client_ref(struct _pulsar_client *c);
void client_unref(struct _pulsar_client *c);

/* True on the client's own thread, where nothing may wait; logged with the name of the call. */
bool client_must_not_wait(struct _pulsar_client *c, const char *call);
/* The same without asking: logs, and is true. */
bool client_refuse(struct _pulsar_client *c, const char *call);
static inline bool client_on_loop(const struct _pulsar_client *c)
{
    return !atomic_load(&c->stopped) && pthread_equal(c->loop_thread, pthread_self());
}

/* True in callbacks and in listeners, which closing the client would wait for; logged. */
bool client_ends_itself(struct _pulsar_client *c, const char *call);

/* Closes everything without waiting for any broker, and waits for that; pulsar_client_free. */
void client_close_now(struct _pulsar_client *c);

/* Somebody who waits for something to be closed. */
struct client_closer {
    struct task task;
    struct list node;
    struct client_handle *handle; /* NULL: the client */
    struct _pulsar_client *client;
    bool now;
    void (*callback)(pulsar_result result, void *ctx);
    void *ctx;
};

struct client_handle_ops {
    /* On the loop: begins to close all parts; more than once.  Then client_handle_gone, later or at once. */
    void (*close)(struct client_handle *h, bool now);
    /* Any thread, outside all callbacks of the parts: nobody refers to it any more. */
    void (*free)(struct client_handle *h);
};

struct client_handle {
    _Atomic uint32_t refs;
    const struct client_handle_ops *ops;
    struct _pulsar_client *client; /* a reference */
    _Atomic bool closed;           /* closing was asked for: nothing new is taken */
    /* The loop's. */
    struct list node; /* client->handles, while open */
    struct list closers;
    struct timer bury;
    pulsar_result result; /* of closing */
    bool opened, gone;
};

/* One reference, the caller's. */
void client_handle_init(struct client_handle *h, struct _pulsar_client *client, const struct client_handle_ops *ops);
struct client_handle *client_handle_ref(struct client_handle *h);
void client_handle_unref(struct client_handle *h);

/* The loop takes its reference.  False: the client is closing. */
bool client_handle_open(struct client_handle *h);
/* All parts are closed. */
void client_handle_gone(struct client_handle *h, pulsar_result result);

/* The public closes.  `now`: wait for no broker. */
pulsar_result client_handle_close(struct client_handle *h, const char *call);
void client_handle_close_async(struct client_handle *h, bool now, void (*callback)(pulsar_result result, void *ctx),
                               void *ctx);

/* Posts; false: the loop has stopped, the task will not run. */
static inline MUST_USE bool client_post(struct _pulsar_client *c, struct task *task, void (*run)(struct task *task))
{
    task->run = run;
    task->queued = false;
    list_init(&task->node);
    return loop_post(c->core.sys->loop, task);
}

#endif
