/* SPDX-License-Identifier: Apache-2.0
 *
 * key_shared.h - what a Key_Shared subscription knows of keys: a dispatcher whose entries of one key go to one
 * consumer, in order.
 *
 * Keys are known by their hashes (key_hash.h); a hash belongs to one consumer at a time, its owner (key_ranges.h).  A
 * slot is what is known of one hash while entries of it are pending or in replay: those that a consumer, the slot's
 * holder, has, and those that wait.  An entry goes to the owner of its hash
 *
 *     if the owner can take one,
 *     if no entry of this hash that comes before it waits,
 *     and if no other consumer still holds entries of this hash: after its owner has changed, a hash *drains*, until
 *     the holder has acknowledged, handed back or left all that it had.  (PIP-379; when the hash comes back to the
 *     holder before that, the draining is over.)
 *
 * else it waits in replay, and those after it may go first, as long as not too many wait.  With out_of_order the first
 * condition is the only one.  That a hash drains is not noted anywhere: it follows from the holder and the owner.
 *
 * Time: an entry costs searches in the logarithm of slots, waiting entries and consumers; who joins or leaves, one for
 * each slot that changes its owner.  Memory: a slot of about 200 bytes for each hash with entries under way.
 *
 * Invariants: a slot has pending or waiting entries; those pending are one consumer's (unless out_of_order); a slot
 * with waiting entries stands with its owner under `open` or `drains`, by the first of them; a consumer that is ready
 * and has open slots is in `due`.
 */
#ifndef BROKER_KEY_SHARED_H
#define BROKER_KEY_SHARED_H

#include "base/list.h"
#include "broker/key_ranges.h"
#include "store/position.h"
#include <stdint.h>

struct consumer;
struct key_shared;
struct pending;
struct subscription;

enum key_mode { KEY_AUTO_SPLIT, KEY_STICKY }; /* as on the wire */

const char *key_mode_name(enum key_mode mode); /* Pulsar's: "AUTO_SPLIT" */

/* What a consumer asks for; all of a subscription agree on the first two. */
struct key_policy {
    enum key_mode mode;
    bool out_of_order;
    const struct key_range *ranges; /* sticky: its own; borrowed until the consumer is there */
    size_t range_count;
};

/* A consumer's part. */
struct key_consumer {
    struct consumer *consumer;
    struct key_member member;
    struct tree open;   /* slots of its own with waiting entries that it may have, by the first of them */
    struct tree drains; /* ... that it may not have yet: another consumer holds entries */
    bool is_due;        /* ready, and `open` is not empty */
    struct position due_at;
    struct tree_node due;   /* key_shared.due, by due_at */
    struct list gives_away; /* slots that it holds entries of and that are another's by now */
    size_t gives_away_count;
    uint64_t given_away; /* slots, so far */
};

struct key_slot {
    struct tree_node node; /* key_shared.slots */
    uint32_t hash;
    struct key_consumer *owner; /* NULL: nobody; as key_ranges_owner says */
    struct list held;           /* struct pending by of_key, as they were sent */
    size_t held_count;
    struct tree waiting;        /* struct pending by `waits`, by position */
    struct position first;      /* of those */
    struct tree_node place;     /* the owner's open or drains, or key_shared.orphans; when placed */
    struct tree *placed_in;     /* NULL: nothing waits */
    struct list giving;         /* the holder's gives_away */
    struct key_consumer *giver; /* ... the holder; NULL: it is not draining */
    uint64_t drains_since_ns;
};

struct key_shared {
    enum key_mode mode;
    bool out_of_order;
    struct subscription *subscription;
    struct key_ranges ranges;
    struct tree slots;   /* by hash */
    struct tree due;     /* struct key_consumer */
    struct tree orphans; /* slots without an owner, by the first that waits */
    struct tree unknown; /* struct pending by `waits`: in replay, and the hash was not looked at yet */
};

void key_shared_free(struct key_shared *k);     /* no slots are left; NULL is fine */
void key_consumer_free(struct key_consumer *c); /* NULL is fine */

/* The slot of which the consumer may not have the first entry because another consumer still holds some; NULL: there is
 * none. */
const struct key_slot *key_shared_draining(const struct consumer *c);
/* The first of the entries that wait for the consumer.  False: there is none. */
bool key_shared_next(const struct consumer *c, struct position *p);
/* The first slot with waiting entries that no consumer owns; NULL: there is none. */
const struct key_slot *key_shared_orphan(const struct subscription *s);
/* The first entry of a slot that a consumer holds; NULL: none does. */
const struct pending *key_slot_held(const struct key_slot *slot);
/* How many may wait in replay. */
size_t key_shared_ahead_max(const struct subscription *s);

#endif
