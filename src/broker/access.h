/* SPDX-License-Identifier: Apache-2.0
 *
 * access.h - who may produce to a topic: exclusive producers, those that wait for their turn, and the topic's epoch.
 *
 * Embedded in the topic.  At most one of `exclusive` and `taking` is set; while one is, the topic has no other producer
 * (but those that are being closed).  An exclusive take-over counts the topic's epoch up, and is told to its client
 * when that is durable; a producer that comes again with the epoch that it was given keeps it, one that comes with an
 * older one is fenced: somebody was exclusive in between.
 *
 *                       nobody there      shared ones there     one that is exclusive, or on its way
 *     Shared            enters            enters                ERR_BUSY
 *     Exclusive         takes over        ERR_FENCED            ERR_FENCED
 *     WaitForExclusive  takes over        waits                 waits
 *     WithFencing       takes over        all go, it takes over, and whoever waits is ERR_FENCED
 *
 * Before a rival is the reason for a refusal, its connection is asked whether it lives.  Those that wait are served in
 * the order in which they came, each when the topic is without producers; Shared ones do not come in before them.  When
 * the topic is closed or fenced they are refused with ERR_AGAIN: like those that were there they shall come again.
 */
#ifndef BROKER_ACCESS_H
#define BROKER_ACCESS_H

#include "base/list.h"
#include "broker/refusal.h"
#include <stdint.h>

struct producer;
struct producer_open;
struct topic;

#define ACCESS_WAITING_MAX 2000

struct access {
    uint64_t epochs;              /* how many were given: the last one is one less; as in the topic's row */
    struct producer *exclusive;   /* NULL: none */
    struct producer_open *taking; /* will be it; its epoch is not durable yet, or its turn has come to take one */
    struct list waiting;          /* struct producer_open, in order */
    size_t waiting_count;         /* at most ACCESS_WAITING_MAX; one more is ERR_BUSY */
};

void access_init(struct access *a, uint64_t epochs);

enum access_step {
    ACCESS_GRANTED, /* a producer may be made; if exclusive, access_enter follows, or access_abandon */
    ACCESS_REFUSED, /* open->op.why is set */
    ACCESS_LATER    /* the operation's step comes again */
};
enum access_step access_ask(struct topic *t, struct producer_open *open);

/* The producer was made. */
void access_enter(struct topic *t, struct producer *p);
/* The operation ends without a producer: if it was its turn, the next comes. */
void access_abandon(struct topic *t, const struct producer_open *open);
/* A producer has left the topic. */
void access_left(struct topic *t, const struct producer *p);

/* Ends the waiting of all, each with this refusal. */
void access_dismiss(struct topic *t, enum err err, const char *text);
/* Ends the waiting of one, with ERR_CANCELLED, if it does wait: its client is gone. */
void access_withdraw(struct producer_open *open);

void access_check(const struct topic *t);

#endif
