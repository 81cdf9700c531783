/* SPDX-License-Identifier: Apache-2.0
 *
 * blocked.h - why a consumer, or a whole subscription, gets nothing although there is something to get.
 *
 * Found out when asked, from what dispatch goes by, and kept nowhere: so it cannot be wrong tomorrow.  Every way in
 * which dispatch holds back entries has a row in the table of blocked.c: whoever adds a way adds a reason below, and a
 * row, at the place where it counts: the first that holds is told.
 */
#ifndef BROKER_BLOCKED_H
#define BROKER_BLOCKED_H

#include "store/position.h"
#include <stddef.h>
#include <stdint.h>

struct consumer;
struct subscription;

enum blocked_by {
    BLOCKED_BY_NOTHING, /* there is nothing to get, or it is on its way */
    BLOCKED_BY_SEEK,
    BLOCKED_BY_DAMAGE,
    BLOCKED_BY_UNACKED_OF_SUBSCRIPTION,
    BLOCKED_BY_UNACKED_OF_CONSUMER,
    BLOCKED_BY_ANOTHER_ACTIVE,
    BLOCKED_BY_TAKEOVER,
    BLOCKED_BY_PERMITS,
    BLOCKED_BY_CONNECTION,
    BLOCKED_BY_TOPIC_RATE,
    BLOCKED_BY_SUBSCRIPTION_RATE,
    BLOCKED_BY_DRAINING,
    BLOCKED_BY_ORPHAN,
    BLOCKED_BY_WAITING,
    BLOCKED_BY_CHUNKS,
    BLOCKED_BY_DISK,
    BLOCKED_BY_DELAY,
};

struct blocked {
    enum blocked_by by;
    struct position message; /* the one in the way, or the next there is; POSITION_EARLIEST: none in particular */
    int64_t for_ms;          /* for how long it has been; -1: not known */
    const char *consumer;    /* who is in the way; NULL: nobody.  Borrowed from that consumer */
    uint32_t hash;           /* of which key, as Key_Shared knows it; 0: it is not a matter of keys */
};

struct blocked consumer_blocked(const struct consumer *c);
/* What holds for all of its consumers. */
struct blocked subscription_blocked(const struct subscription *s);

/* "the keys of this hash drain: hash 17, with consumer c, message 3:4, for 120 ms"; NULL for nothing. */
#define BLOCKED_TEXT_MAX 512
const char *blocked_text(const struct blocked *b, char to[BLOCKED_TEXT_MAX]);

#endif
