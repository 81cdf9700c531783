/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch.h - entries on their way from a topic to the consumers of one subscription.
 *
 * Embedded in a subscription.  Runs as a task of the loop, however many permits, acknowledgements and appends asked for
 * it in this turn: takes entries that are to be sent again first, in order of position, then those after read_position;
 * from memory when they are there, else with one read under way at a time.  An entry is sent whole, so permits may fall
 * below zero.  What it is made of:
 *     dispatcher.h  the kind: who gets an entry, and whether others may go past one that nobody can have yet
 *     readiness.h   which consumers may be sent something, and whose turn it is
 *     pending.h     what was sent, or read, and is not acknowledged
 *     delivery.h    what becomes of an entry that was read
 * and this: which entries are next, from where, and where reading goes on.
 *
 * Where an unacknowledged entry before read_position is, for the kinds that share (individual = true):
 *     pending   with a consumer, until it acknowledges, hands back or leaves
 *     replay    waits: it was sent, and shall be again; or nobody could have it when it was read (Key_Shared; chunks);
 *               or it is due, which it was not when it was read
 *     delayed   until a time that is in its header: see delayed.h
 * and nowhere else.  When more is due at once than replay shall have, the read position goes back instead
 * (again_upto).  Those of the other kinds are simply read again, from the mark-delete position, when the active
 * consumer changes or asks for it.
 *
 * Invariants: those of pending.h and readiness.h.
 */
#ifndef BROKER_DISPATCH_H
#define BROKER_DISPATCH_H

#include "base/map.h"
#include "base/tree.h"
#include "store/store.h"
#include "sys/loop.h"

struct broker_read;
struct consumer;
struct key_shared;
struct subscription;

#define DISPATCH_ENTRIES_MAX 100               /* of one read */
#define DISPATCH_BYTES_MAX   (5 * 1024 * 1024) /* of one read */
#define DISPATCH_TURNS_MAX   16                /* reads from memory before others of the loop have their turn */

struct dispatch {
    struct task task;
    struct position read_position; /* the next entry that was never sent since the last rewind */
    struct broker_read *read;      /* under way; NULL: none */
    uint64_t read_ns;              /* ... since when */
    bool read_replay;              /* ... of entries in replay */
    bool read_stale;               /* ... and the subscription was rewound meanwhile */
    struct position careful;       /* a read failed: one entry at a time until this position */
    struct timer retry;            /* ... and the entry in the way is asked for again when it fires */
    bool stuck;                    /* at a damaged entry, until then */
    struct position stuck_at;
    uint64_t stuck_ns;          /* since when */
    bool withheld;              /* of what was read last, nothing could be sent yet: there may be much of it */
    struct position again_upto; /* from read_position up to here, entries may be pending or in replay all the same */
    struct tree pending;
    struct tree replay;      /* bounded by what may be unacknowledged, and what `ahead` allows */
    uint64_t unacked;        /* messages */
    bool blocked;            /* over the subscription's limit, until half of it */
    struct tree ready;       /* consumers, when shared: by priority, then by whose turn is next */
    uint64_t turns;          /* how many there were */
    struct map chunked;      /* struct chunked, see chunks.h */
    struct key_shared *keys; /* Key_Shared, with consumers; else NULL */
    struct consumer *active; /* exclusive, failover */
    struct timer throttled;  /* over a dispatch rate: until when */
    struct timer takeover;   /* failover: the pause before another consumer is served */
};

void dispatch_init(struct subscription *s);
/* Failover: the active consumer begins to be served. */
void dispatch_activate(struct subscription *s);
/* Waits for nothing: a read under way ends by itself, later, on memory of its own. */
void dispatch_deinit(struct subscription *s);

/* Something changed that may let entries go out. */
void dispatch_wake(struct subscription *s);

/* An entry is in the way of all; it is asked for again in some seconds. */
void dispatch_stick(struct subscription *s, struct position p, enum err err);

/* Reads again from the first unacknowledged entry; pending and replay are emptied. */
void dispatch_rewind(struct subscription *s);
/* The last consumer has left: what waited for others will be read again. */
void dispatch_forget(struct subscription *s);

/* The consumer leaves: its positions go back to replay, without a count, and it gets nothing any more. */
void dispatch_return(struct subscription *s, struct consumer *c);

/* The consumer asks for an entry again: counted, and to replay, if it is pending with this consumer. */
void dispatch_redeliver(struct subscription *s, struct consumer *c, struct position p);
void dispatch_redeliver_all(struct subscription *s, struct consumer *c);

/* An entry that was held back from all consumers may be sent from now on; unless it is acknowledged, or known to be
 * elsewhere. */
void dispatch_release(struct subscription *s, struct position p);
/* What lies at `from` and behind it is read again, but for what is pending, in replay or acknowledged. */
void dispatch_read_again(struct subscription *s, struct position from);

/* The messages of an entry that some consumer holds; MESSAGES_UNKNOWN: nobody does. */
uint32_t dispatch_messages(const struct subscription *s, struct position p);

/* It is acknowledged: forgotten everywhere. */
void dispatch_acked(struct subscription *s, struct position p);
/* ... and everything before it too. */
void dispatch_acked_upto(struct subscription *s, struct position p);
/* A part of it is: less is owed. */
void dispatch_acked_part(struct subscription *s, struct position p);

/* The next entry that somebody should get: the first in replay (unless `fresh`), or at the read position.  False: there
 * is none. */
bool dispatch_next(const struct subscription *s, bool fresh, struct position *p);

/* Asserts the invariants. */
void dispatch_check(const struct subscription *s);

#endif
