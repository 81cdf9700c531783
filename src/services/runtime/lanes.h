/* SPDX-License-Identifier: Apache-2.0
 *
 * lanes.h - threads for what may wait: calls of other systems, with one bounded queue for each system.
 *
 * A lane is one system (a key service, a log, a mail server).  Its jobs run beside those of other lanes, at most
 * `threads` of its own at a time, so that a system that is slow or down holds up nobody but who needs it.  A thread is
 * started when a job finds none that is free, and stays until lanes_free.  A job's `run` is called on a thread of the
 * lane; its `done` later on the owner's thread, from lanes_collect.  May call: base/, sys/ (threads).
 */
#ifndef SERVICES_RUNTIME_LANES_H
#define SERVICES_RUNTIME_LANES_H

#include "base/err.h"
#include "base/list.h"
#include <stdint.h>

#define LANES_MAX        16
#define LANE_THREADS_MAX 16

struct lanes;

/* Embedded in what the owner keeps of a call; the owner's again when `done` is called. */
struct job {
    void (*run)(struct job *job);  /* may wait, by deadlines of its own; must not touch what is the owner's thread's */
    void (*done)(struct job *job); /* on the owner's thread */
    struct list node;              /* private */
};

/* `wake` is called from a lane's thread when there is something to collect; it must not wait. */
MUST_USE enum err lanes_new(struct lanes **out, void (*wake)(void *ctx), void *ctx);

/* A lane of that many threads at most, whose queue takes that many jobs that wait; `name` is static.  ERR_FULL: there
 * are LANES_MAX. */
MUST_USE enum err lanes_add(struct lanes *l, const char *name, unsigned threads, size_t queue_max, unsigned *lane);

/* The owner's thread, as all but `run`.  ERR_BUSY: the lane's queue is full; ERR_CLOSED: within lanes_free; ERR_NOMEM:
 * no thread could be started.  The job is still the caller's then. */
MUST_USE enum err lanes_submit(struct lanes *l, unsigned lane, struct job *job);

/* Calls `done` of every job that has run.  The owner's thread; how many there were. */
size_t lanes_collect(struct lanes *l);

/* From any thread, once all lanes are added.  Appends a line for each lane and state (waiting, running) of Prometheus'
 * metric `name`, whose head is the caller's. */
struct text;
void lanes_metrics(struct lanes *l, const char *name, struct text *out);

/* Takes no more, drops what has not begun, waits for what has (its `done` is called), frees.  NULL is fine. */
void lanes_free(struct lanes *l, void (*dropped)(struct job *job));

#endif
