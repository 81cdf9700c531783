/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch.h - entries on their way from a topic to the consumers of one subscription.
 *
 * Embedded in a subscription.  Runs as a task of the loop, however many permits, acknowledgements and appends asked for
 * it in this turn: takes entries that are to be sent again first, in order of position, then those after read_position;
 * from memory when they are there, else with one read under way at a time.  Who gets an entry, and whether others may
 * go past one that nobody can have yet, is decided by the subscription's kind (struct dispatcher, a file each:
 * exclusive.c, failover.c, shared.c, key_shared.c).  An entry is sent whole, so permits may fall below zero.
 *
 * Where an unacknowledged entry before read_position is, for the kinds that share (individual = true):
 *     pending   with a consumer, until it acknowledges, hands back or leaves
 *     replay    waits: it was sent, and shall be again; or nobody could have it when it was read (Key_Shared); or it is
 *               due, which it was not when it was read
 *     delayed   until a time that is in its header: see delayed.h
 * and nowhere else: the first two in a struct pending, which goes from the one to the other without memory being asked
 * for.  When more is due at once than replay shall have, the read position goes back instead (again_upto).  Those of
 * the other kinds are simply read again, from the mark-delete position, when the active consumer changes or asks for
 * it.
 *
 * A consumer is in `ready` while it may be sent something; it is put there and taken out as permits, acknowledgements
 * and its connection go (dispatch_reconsider), so that finding the next one takes the logarithm of their number.  Only
 * of the connection we are not told when it chokes: so who finds a consumer there asks again.
 *
 * Invariants: no position is pending and in replay; none that is acknowledged is in any; a consumer's `unacked` is the
 * sum of what is owed of its pending; the subscription's the sum of its consumers'; whoever dispatch_can_take is ready.
 */
#ifndef BROKER_DISPATCH_H
#define BROKER_DISPATCH_H

#include "base/map.h"
#include "base/tree.h"
#include "broker/refusal.h"
#include "store/store.h"
#include "sys/loop.h"

struct consumer;
struct consumer_open;
struct key_shared;
struct key_slot;
struct pending;
struct subscription;

#define DISPATCH_ENTRIES_MAX 100               /* of one read */
#define DISPATCH_BYTES_MAX   (5 * 1024 * 1024) /* of one read */
#define DISPATCH_ROUND_MAX   20                /* entries for one consumer before the next one's turn, when shared */
#define DISPATCH_TURNS_MAX   16                /* reads from memory before others of the loop have their turn */

/* A kind of subscription.  What may be NULL says so. */
struct dispatcher {
    const char *name;   /* as in stats: "Exclusive" */
    bool individual;    /* pending is kept, an entry at a time; false: one active consumer, cumulative */
    uint32_t round_max; /* entries for one consumer before the next one's turn; 0: there are no turns */

    /* May another consumer join?  With *rival set: that one is in the way, and worth a probe. */
    enum err (*admit)(struct subscription *s, const struct consumer_open *open, struct consumer **rival,
                      struct refusal *why);
    /* Gets what the kind needs for a consumer before it joins; may be NULL. */
    enum err (*prepare)(struct subscription *s, struct consumer *c, const struct consumer_open *open,
                        struct refusal *why);
    /* It is in, or out of, the list of consumers. */
    void (*joined)(struct subscription *s, struct consumer *c);
    void (*left)(struct subscription *s, struct consumer *c);

    /* ---- which entries may go to whom ---- */

    /* Who may have this entry now; NULL: nobody.  `p` is what the kinds that share know of it (else NULL). */
    struct consumer *(*choose)(struct subscription *s, const struct pending *p);
    /* ... an entry that is not kept, so that nothing is known of it.  May be NULL: choose is asked. */
    struct consumer *(*owner)(struct subscription *s, const struct entry *e);
    /* Nobody may have an entry: may those after it go first, and how many, while it waits in replay?  NULL: none. */
    size_t (*ahead)(const struct subscription *s);
    /* The first entry in replay that somebody may have; NULL: none.  NULL itself: the first that there is. */
    struct pending *(*due)(struct subscription *s);
    /* Learns of an entry, which was read, what it needs to choose; false: memory is short.  May be NULL. */
    bool (*identify)(struct subscription *s, struct pending *p, const struct entry *e);
    /* It is pending, or in replay, from now on; is about to be no more (p->consumer: which).  May be NULL. */
    void (*enters)(struct subscription *s, struct pending *p);
    void (*leaves)(struct subscription *s, struct pending *p);
    /* ... and will not be again.  May be NULL. */
    void (*forgets)(struct subscription *s, struct pending *p);
    /* c->ready has changed; may be NULL. */
    void (*ready)(struct subscription *s, struct consumer *c);
    /* Asserts what the kind keeps; may be NULL. */
    void (*check)(const struct subscription *s);
};

extern const struct dispatcher dispatcher_exclusive, dispatcher_shared, dispatcher_failover, dispatcher_key_shared;

/* An entry that was read and is not acknowledged. */
struct pending {
    struct tree_node node; /* dispatch.pending, or dispatch.replay */
    union {
        struct {                /* pending */
            struct list of;     /* consumer.pending, as they were sent; or the broker's pool */
            struct list of_key; /* Key_Shared: key_slot.held, likewise */
        };
        struct tree_node waits; /* in replay.  Key_Shared: key_slot.waiting */
    };
    struct position position;
    struct consumer *consumer; /* NULL: it is in replay */
    struct key_slot *key;      /* Key_Shared; NULL: not known */
    struct chunked *chunked;   /* Shared: the message that it is a chunk of; NULL: it is none, or not known */
    uint64_t since_ns;         /* it is where it is */
    uint32_t messages;         /* in it; 0: not known */
    uint32_t owed;             /* pending: of them, those that are not acknowledged */
};

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

/* An entry that is not kept: to a consumer that can take it now, who owes no acknowledgement.  False: there is none. */
bool dispatch_pass(struct subscription *s, const struct entry *e);

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

/* The topic's limits of unacknowledged messages are others: who was blocked by them may not be any more. */
void dispatch_limits_changed(struct subscription *s);

/* Who may be sent another entry: it has permits, its peer takes what it is sent, and it is under its limit. */
bool dispatch_can_take(const struct consumer *c);
/* That may have changed. */
void dispatch_reconsider(struct consumer *c);
/* Of those that are ready and can take: whose turn it is; NULL: nobody. */
struct consumer *dispatch_first_ready(struct subscription *s);

/* The next entry that somebody should get: the first in replay (unless `fresh`), or at the read position.  False: there
 * is none. */
bool dispatch_next(const struct subscription *s, bool fresh, struct position *p);

/* Asserts the invariants. */
void dispatch_check(const struct subscription *s);

#endif
