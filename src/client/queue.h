/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.h - received messages that wait for the user: where the loop and the users' threads meet.
 *
 * One queue for a consumer, whatever the number of its topics (sources).  Filled on the loop, emptied on any thread.
 * Bounded by the permits that the sources granted: what was taken is counted for each source, and the loop is told when
 * half of a source's share is gone, so that it grants as much again. Everything is under `lock`, which is never held
 * while anything else is called.
 */
#ifndef CLIENT_QUEUE_H
#define CLIENT_QUEUE_H

#include "client/message.h"
#include <pthread.h>
#include <pulsar/c/result.h>

struct client_source {
    uint32_t notify_at;             /* set by the loop: how many taken are worth telling it */
    uint32_t taken;                 /* since client_queue_settle */
    struct _pulsar_message_id last; /* taken by a user; holds no batch */
    bool has_last;
};

struct client_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled; /* or closed */
    struct list bodies;
    size_t count, bytes;
    struct client_source *sources;
    uint32_t source_count;
    bool tracking;                  /* set at creation: the loop wants the id of every message taken */
    bool eager;                     /* likewise: it wants to know when the queue is empty again */
    struct _pulsar_message_id *ids; /* of those taken since client_queue_ids; hold no batch */
    size_t id_count, id_capacity;
    pulsar_result closed; /* Ok: open */
    /* Set at creation: tells the loop to settle; from any thread. */
    void (*notify)(struct client_queue *q);
};

MUST_USE enum err client_queue_init(struct client_queue *q, uint32_t sources, bool tracking,
                                    void (*notify)(struct client_queue *q));
void client_queue_deinit(struct client_queue *q); /* what is in it is dropped */

/* Any thread.  The body, with its reference, or NULL: empty (or closed). */
struct client_body *client_queue_take(struct client_queue *q);
/* Waits for one; below zero: as long as it takes.  Timeout, or why the queue was closed. */
pulsar_result client_queue_take_wait(struct client_queue *q, int timeout_ms, struct client_body **out);
size_t client_queue_count(struct client_queue *q);
size_t client_queue_bytes(struct client_queue *q);
pulsar_result client_queue_closed(struct client_queue *q);

/* The loop. */
void client_queue_push(struct client_queue *q, struct list *bodies); /* takes them, with their references */
/* Drops what came from a source; returns how many. */
size_t client_queue_drop(struct client_queue *q, uint32_t source);
/* How many were taken from a source since the last call. */
uint32_t client_queue_settle(struct client_queue *q, uint32_t source);
void client_queue_notify_at(struct client_queue *q, uint32_t source, uint32_t count);
/* The ids taken since the last call, the caller's to free(); NULL: none. */
struct _pulsar_message_id *client_queue_ids(struct client_queue *q, size_t *count);
/* False: nothing was taken yet. */
bool client_queue_last(struct client_queue *q, uint32_t source, struct _pulsar_message_id *id);
void client_queue_last_set(struct client_queue *q, uint32_t source,
                           const struct _pulsar_message_id *id); /* NULL: none */
/* Drops everything and wakes everybody. */
void client_queue_close(struct client_queue *q, pulsar_result why);

#endif
