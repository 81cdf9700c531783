/* SPDX-License-Identifier: Apache-2.0
 *
 * pending.h - the entries of a subscription that were read and are not acknowledged: those that a consumer holds, and
 * those that wait to be sent, again or yet.
 *
 * For the kinds that share.  Owns the trees dispatch.pending (with a consumer) and dispatch.replay (waiting), each
 * consumer's list, and what is owed: consumer.unacked, dispatch.unacked.  An entry goes from the one tree to the other
 * without memory being asked for; what is free stays in the broker's pool.  The subscription's kind and chunks.h are
 * told of all that comes and goes.  Wakes nobody: that is its callers'.  May call: readiness.h, chunks.h.
 *
 * Invariants: no position is in both trees; none that is acknowledged is in any; a consumer's `unacked` is the sum of
 * what is owed of its list, the subscription's the sum of its consumers'.
 */
#ifndef BROKER_PENDING_H
#define BROKER_PENDING_H

#include "base/list.h"
#include "base/tree.h"
#include "store/position.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;
struct chunked;
struct consumer;
struct key_slot;
struct subscription;

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

static inline struct pending *pending_at(struct tree_node *node)
{
    return node ? container_of(node, struct pending, node) : NULL;
}

void pending_init(struct subscription *s); /* the trees */

/* For an entry that is about to be pending, or in replay; neither yet.  NULL: memory is short. */
struct pending *pending_new(struct subscription *s, struct position position, uint32_t messages);
/* It is in neither tree. */
void pending_free(struct subscription *s, struct pending *p);

/* With the consumer p->consumer, who owes p->owed, or in replay, from now on; and in neither any more. */
void pending_enter(struct subscription *s, struct pending *p);
void pending_leave(struct subscription *s, struct pending *p);

/* It is known no more. */
void pending_drop(struct subscription *s, struct pending *p);
void pending_clear(struct subscription *s); /* all of them */
/* An entry that a consumer does not keep goes to replay: for somebody else, or for itself again. */
void pending_hand_back(struct subscription *s, struct pending *p);
/* Less is owed of an entry that a consumer holds. */
void pending_owe(struct subscription *s, struct pending *p, uint32_t owed);

/* What a consumer holds at this position, what waits there, either; NULL: nothing. */
struct pending *pending_held(const struct subscription *s, struct position p);
struct pending *pending_waiting(const struct subscription *s, struct position p);
struct pending *pending_find(const struct subscription *s, struct position p);

/* How many stand one after the other in replay from this one on, in its ledger. */
size_t pending_run(struct pending *p, size_t max);

void pending_pool_free(struct broker *b);
void pending_check(const struct subscription *s);

#endif
