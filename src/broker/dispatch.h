/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch.h - entries on their way from a topic to the consumers of one subscription.
 *
 * Embedded in a subscription.  Runs as a task of the loop, however many permits, acknowledgements and appends asked for
 * it in this turn: takes entries that are to be sent again first, in order of position, then those after read_position;
 * from memory when they are there, else with one read under way at a time.  Which consumer gets an entry is decided by
 * the subscription's kind (struct dispatcher).  An entry is sent whole, so permits may fall below zero.
 *
 * Where an unacknowledged entry before read_position is, for the kinds that share (individual = true):
 *     pending   with a consumer, until it acknowledges, hands back or leaves
 *     replay    waiting to be sent again
 * and nowhere else; those of the other kinds are simply read again, from the mark-delete position, when the active
 * consumer changes or asks for it.
 *
 * Invariants: no position is pending and in replay, or twice in either; none that is acknowledged is in any; a
 * consumer's `unacked` is the sum of messages of its pending; the subscription's the sum of its consumers'.
 */
#ifndef BROKER_DISPATCH_H
#define BROKER_DISPATCH_H

#include "base/tree.h"
#include "broker/positions.h"
#include "broker/refusal.h"
#include "store/store.h"
#include "sys/loop.h"

struct consumer;
struct subscription;

#define DISPATCH_ENTRIES_MAX 100               /* of one read */
#define DISPATCH_BYTES_MAX   (5 * 1024 * 1024) /* of one read */
#define DISPATCH_ROUND_MAX   20                /* entries for one consumer before the next one's turn, when shared */
#define DISPATCH_TURNS_MAX   16                /* reads from memory before others of the loop have their turn */

/* A kind of subscription. */
struct dispatcher {
    const char *name; /* as in stats: "Exclusive" */
    bool individual;  /* pending is kept, an entry at a time; false: one active consumer, cumulative */
    uint32_t round_max;
    /* May another consumer join?  ERR_BUSY: *rival is who is in the way, and worth a probe. */
    enum err (*admit)(struct subscription *s, struct consumer **rival, struct refusal *why);
    /* It is in, or out of, the list of consumers. */
    void (*joined)(struct subscription *s, struct consumer *c);
    void (*left)(struct subscription *s, struct consumer *c);
    /* Who gets the next entries; NULL: nobody can take any. */
    struct consumer *(*pick)(struct subscription *s);
};

extern const struct dispatcher dispatcher_exclusive, dispatcher_shared, dispatcher_failover;

/* An entry with a consumer. */
struct pending {
    struct tree_node node; /* dispatch.pending */
    struct list of;        /* consumer.pending */
    struct position position;
    struct consumer *consumer;
    uint32_t messages;
};

struct dispatch {
    struct task task;
    struct position read_position; /* the next entry that was never sent since the last rewind */
    struct broker_read *read;      /* under way; NULL: none */
    bool read_replay;              /* ... of entries in replay */
    bool read_stale;               /* ... and the subscription was rewound meanwhile */
    struct position careful;       /* a read failed: one entry at a time until this position */
    struct timer retry;            /* ... and the entry in the way is asked for again when it fires */
    bool stuck;                    /* at a damaged entry, until then */
    struct tree pending;           /* struct pending */
    struct positions replay;       /* wait to be sent again */
    uint64_t unacked;              /* messages */
    bool blocked;                  /* over the subscription's limit, until half of it */
    struct consumer *turn;         /* shared: who was served last; NULL: the first of the list is next */
    uint32_t turn_left;            /* entries until it is another one's turn */
    struct consumer *active;       /* exclusive, failover */
    struct timer takeover;         /* failover: the pause before another consumer is served */
};

void dispatch_init(struct subscription *s);
/* Failover: the active consumer begins to be served. */
void dispatch_activate(struct subscription *s);
/* Waits for nothing: a read under way ends by itself, later, on memory of its own. */
void dispatch_deinit(struct subscription *s);

/* Something changed that may let entries go out. */
void dispatch_wake(struct subscription *s);

/* An entry that is not kept: to a consumer that can take it now, who owes no acknowledgement.  False: there is none. */
bool dispatch_pass(struct subscription *s, const struct entry *e);

/* Reads again from the first unacknowledged entry; pending and replay are emptied. */
void dispatch_rewind(struct subscription *s);

/* All positions of a consumer that leaves go back to replay, without a count. */
void dispatch_return(struct subscription *s, struct consumer *c);

/* The consumer asks for an entry again: counted, and to replay, if it is pending with this consumer. */
void dispatch_redeliver(struct subscription *s, struct consumer *c, struct position p);
void dispatch_redeliver_all(struct subscription *s, struct consumer *c);

/* The messages of an entry that some consumer holds; MESSAGES_UNKNOWN: nobody does. */
uint32_t dispatch_messages(const struct subscription *s, struct position p);

/* It is acknowledged: forgotten everywhere. */
void dispatch_acked(struct subscription *s, struct position p);
/* ... and everything before it too. */
void dispatch_acked_upto(struct subscription *s, struct position p);

/* Who may be sent another entry: it has permits, its peer takes what it is sent, and it is under its limit. */
bool dispatch_can_take(const struct consumer *c);

/* Asserts the invariants. */
void dispatch_check(const struct subscription *s);

#endif
