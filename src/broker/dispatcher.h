/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatcher.h - what a kind of subscription decides: who may join, and which entry may go to whom.
 *
 * A file each: exclusive.c, failover.c, shared.c, key_shared.c.  Dispatch asks; a kind never sends.
 */
#ifndef BROKER_DISPATCHER_H
#define BROKER_DISPATCHER_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct consumer;
struct consumer_open;
struct entry;
struct pending;
struct refusal;
struct subscription;

#define DISPATCH_ROUND_MAX 20 /* entries for one consumer before the next one's turn, when shared */

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

#endif
