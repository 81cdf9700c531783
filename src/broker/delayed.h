/* SPDX-License-Identifier: Apache-2.0
 *
 * delayed.h - entries that are to be delivered later, by subscriptions that share.
 *
 * An entry has its time in its header (store.h, deliver_ms), so nothing about delays need be durable beside it.
 * Dispatch reads on behind an entry whose time has not come: nothing else in the backlog waits for it.  It stays
 * unacknowledged, and is handed to dispatch again when it is due, by the clock on the wall: never before, and then at
 * once.  A topic has one index (delay_index.h) of such entries for all its subscriptions, made when the first of them
 * is met.
 *
 * The index is only memory.  After a start, or whenever it was given up, it is made again by one pass over the ledgers
 * that say they have such entries (store.h, deliver_ms_max), beginning with the first of them, beside dispatch, which
 * is not held up.  What lies in the index is not read again until it is due, however often consumers come and go.
 *
 * Bound: all indexes together hold broker_options.delayed_bytes_max, of about 2 to 8 bytes for an entry.  One that
 * grows beyond its share keeps the half that is due first; when the first of the rest is due, it is made again by
 * another pass.  So any number of entries may wait, each for any time.
 *
 * Where an unacknowledged entry before the read position of a subscription that shares is: pending, in replay, in the
 * index, due after its horizon, or in what the pass has not come to yet.  (pending.h has the first two.)
 *
 * What is due when: `due_ms`, which follows the clock and does not go back with it by less than DELAYED_JUMP_MS; set
 * back by more, everything is looked at anew.  Core thread.  May call: store/, dispatch.h, subscription.h.
 */
#ifndef BROKER_DELAYED_H
#define BROKER_DELAYED_H

#include "store/store.h"

struct subscription;
struct topic;

#define DELAYED_JUMP_MS 10000
#define DELAYED_LOOK_MS 60000 /* at the clock, at least so often while anything waits: it may have been set forward */

enum delay {
    DELAY_NONE,     /* it may go out */
    DELAY_WITHHELD, /* read on: dispatch_release will tell */
    DELAY_UNKNOWN,  /* memory is short: neither */
};

/* Of an entry at the read position.  Makes the topic's index when it must. */
enum delay delayed_ask(struct subscription *s, const struct entry *e);

/* The first position at or after p, in its ledger, that is not known to be withheld from s: no need to read those. */
struct position delayed_skip(const struct subscription *s, struct position p);

/* An entry with a deliver_ms has become readable. */
void delayed_published(struct topic *t, struct position p, int64_t deliver_ms);

/* Entries that s has read past and holds back, as far as the index reaches; and whether they are all that it has: then
 * its consumers get nothing before the first of them is due. */
uint64_t delayed_count(const struct subscription *s);
bool delayed_all(const struct subscription *s);

/* What the index takes. */
size_t delayed_bytes(const struct topic *t);

/* The topic delivers everything at once now, or does not any more. */
void delayed_policy_changed(struct topic *t);

/* With the topic. */
void delayed_free(struct topic *t);
void delayed_check(const struct topic *t);

#endif
