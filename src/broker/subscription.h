/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription.h - a named reading of a topic: one cursor, its consumers, a dispatcher.
 *
 * Durable: a row in the catalog, a cursor with the row's id, there until it is unsubscribed.  Volatile (a reader's): a
 * cursor in memory, gone with its last consumer.  Its type is that of the connected consumers; without any, the next
 * one's.
 */
#ifndef BROKER_SUBSCRIPTION_H
#define BROKER_SUBSCRIPTION_H

#include "broker/compacted.h"
#include "broker/dispatch.h"
#include "broker/topic.h"
#include "store/cursor.h"

enum subscription_type { TYPE_EXCLUSIVE, TYPE_SHARED, TYPE_FAILOVER, TYPE_KEY_SHARED }; /* as on the wire */

/* "Exclusive,Key_Shared": 1 << enum subscription_type for each, which is POLICY_SUBSCRIPTION_TYPES.  ERR_INVALID:
 * none, or one that there is not. */
MUST_USE enum err subscription_types_parse(const char *text, int64_t *bits);

struct subscription {
    struct topic *topic;
    uint64_t id; /* its row's, if its topic keeps any; 0: volatile, gone with its last consumer */
    char *name;
    struct cursor *cursor;
    bool settled;                        /* its row is known to be durable */
    bool seeking;                        /* nobody may join until it ends */
    bool forsaken;                       /* volatile, and without consumers when the topic was last looked after */
    uint64_t uncountable;                /* by this topic_count: an entry that it needs cannot be read */
    const struct dispatcher *dispatcher; /* NULL: no consumer yet */
    uint64_t moved_ns;                   /* when a consumer came, or took or acknowledged something, last */
    struct list consumers;               /* struct consumer, in the order in which the kind keeps them */
    size_t consumer_count;
    struct dispatch dispatch;
    struct compacted compacted;
    struct throttle throttle; /* of what goes to its consumers */

    uint64_t messages_out, bytes_out, entries_expired;
    struct rate rate_out, rate_redeliver, rate_ack, rate_expired, rate_drop, rate_chunk;
    struct throttled throttled;
    int64_t last_flow_ms, last_consumed_ms, last_acked_ms, last_mark_delete_ms, last_expire_ms; /* 0: never */
    struct position mark_delete_seen; /* at the last of them */
    struct position oldest;           /* the first entry of its backlog, when that was last asked for (oldest.h) */
    int64_t oldest_ms;                /* ... and when it was published; 0: not known */
};

struct subscription *subscription_find(struct topic *t, struct bytes name);

static inline bool subscription_durable(const struct subscription *s)
{
    return s->id != 0;
}

struct subscription_spec {
    struct bytes name;
    bool durable;
    struct position
        next; /* the first to be delivered; POSITION_EARLIEST, POSITION_LATEST: from the start, from now on */
    /* Kept with a durable one, and shown. */
    bool replicated;
    struct bytes properties; /* encoded (properties.h) */
};

/* For the kinds of topic: the row and its cursor, or a volatile cursor; and the end of them. */
MUST_USE enum err subscription_keep(struct subscription *s, const struct subscription_spec *spec);
MUST_USE enum err subscription_forget(struct subscription *s);

/* The row and its cursor, or a volatile cursor. */
MUST_USE enum err subscription_make(struct topic *t, const struct subscription_spec *spec, struct subscription **out,
                                    struct refusal *why);
/* Brings what the catalog has of this topic into memory. */
MUST_USE enum err subscriptions_load(struct topic *t);

/* What its row says.  ERR_NOT_FOUND: it has none. */
struct subscription_record;
MUST_USE enum err subscription_record_get(const struct subscription *s, struct subscription_record *out);
/* Another one; not durable yet. */
MUST_USE enum err subscription_record_set(struct subscription *s, const struct subscription_record *record);

/* All consumers are told to look up again, and are gone. */
void subscription_close_consumers(struct subscription *s);
/* Row and cursor go, and *s with them; no consumer may be left. */
MUST_USE enum err subscription_remove(struct subscription *s);
/* The cursor moves to `next`, and everything known about entries after it is forgotten. */
MUST_USE enum err subscription_reset(struct subscription *s, struct position next);
/* Out of memory only. */
void subscription_free(struct subscription *s);

#endif
