/* SPDX-License-Identifier: Apache-2.0
 *
 * topic.h - one loaded topic: its chain of ledgers, its producers, its subscriptions.
 *
 * Owns all of these while in memory; the catalog owns the names.  Loaded on first use (at once: the catalog and the
 * chain are in memory), dropped by topic_unload, by deletion, and when nobody used it for a while.  The fields below
 * are for the files of this room; others read stats.h.
 *
 * States
 *     OPEN     takes publishes, producers and consumers
 *     FENCED   an append failed: no producers are left, none may come, until all publishes under way have ended; then
 * OPEN CLOSING  being unloaded or deleted: nobody is left, nobody may come, until all publishes have ended; then gone
 *
 * Invariants: publishes ends in the order in which they came; `pending` is their number; readable_end is the position
 * of the last synced entry, and never moves back; no producer or consumer outlives the topic.
 */
#ifndef BROKER_TOPIC_H
#define BROKER_TOPIC_H

#include "base/list.h"
#include "base/map.h"
#include "base/tree.h"
#include "broker/access.h"
#include "broker/broker.h"
#include "broker/compaction.h"
#include "broker/deduplication.h"
#include "broker/id_window.h"
#include "broker/limiter.h"
#include "broker/meter.h"
#include "broker/quota.h"
#include "broker/stats.h"
#include "broker/throttle.h"

enum topic_state { TOPIC_OPEN, TOPIC_FENCED, TOPIC_CLOSING };

struct publish;
struct producer;
struct subscription;
struct subscription_spec;

/* What differs between topics whose entries are kept and those whose are not (non_persistent.h). */
struct topic_kind {
    bool keeps; /* entries have positions: they can be sought, asked for, and read again */
    /* Into memory; made when absent, allowed and `create`. */
    enum err (*load)(struct broker *b, const struct topic_name *name, bool create, struct topic **out,
                     struct refusal *why);
    /* Makes one that is absent, whatever the policy. */
    enum err (*create)(struct broker *b, const struct topic_name *name, struct refusal *why);
    bool (*exists)(struct broker *b, const struct topic_name *name);
    /* See topic_publish. */
    void (*publish)(struct topic *t, struct sink *sink, struct producer *p, const struct publish *m);
    /* A new subscription gets its cursor, and its id when it is to stay without consumers. */
    enum err (*subscription_keep)(struct subscription *s, const struct subscription_spec *spec);
    /* One that has an id shall not be there any more. */
    enum err (*subscription_forget)(struct subscription *s);
    /* The topic is deleted. */
    enum err (*forget)(struct topic *t);
    /* It leaves memory. */
    void (*leave)(struct topic *t);
};
extern const struct topic_kind topic_persistent, topic_non_persistent;
const struct topic_kind *topic_kind_of(const struct topic_name *name);

struct topic {
    /* Set at creation. */
    struct broker *broker;
    const struct topic_kind *kind;
    struct topic_name name;
    uint64_t id;
    int64_t created_ms;
    bool system; /* topic_name_is_system */

    struct list node;           /* broker->topic_list */
    struct list policy_node;    /* broker->policy_walk.topics */
    uint64_t policies_seen;     /* see policy_walk.h */
    struct tree_node in_memory; /* broker->non_persistent, when it is one */
    enum topic_state state;
    bool terminated;        /* takes no more messages: terminate.h */
    bool ending;            /* will be that, once it is durable */
    bool inactive;          /* it is being deleted for that */
    bool deleting;          /* CLOSING ends with the removal from the catalog */
    bool settled;           /* its row is known to be durable */
    struct list operations; /* struct broker_op: who waits for CLOSING to end */

    bool failing;    /* an append failed, and there are publishes under way that came after it */
    uint64_t ledger; /* the open one; 0: opened by the next publish */
    uint64_t ledger_opened_ns, ledger_appended_ns; /* when; the latter of its last entry */
    uint64_t ledger_entries, ledger_bytes;         /* in it */
    bool changed;                                  /* retention will look at it within the check interval */
    uint64_t next_message;                         /* topic index of the next message */
    struct list publishes;                         /* struct publish_op, see publish.h */
    uint64_t appended_ledger;                      /* of the latest append */
    size_t pending;
    struct position readable_end; /* the last synced entry; POSITION_EARLIEST: none */
    uint32_t last_messages;       /* in that entry; 0: not known (loaded, and not yet read) */
    bool last_batched;

    struct map producers; /* struct producer by name */
    struct list producers_by_age;
    struct access access;     /* who of them, and of those that come, may be alone */
    struct map subscriptions; /* struct subscription by name */
    struct deduplication deduplication;
    struct id_window ids; /* of events */

    struct throttle throttle; /* of what goes to consumers */
    struct map comers;        /* admission.c's: who subscribed, and how often */

    /* Of its policies, what is asked for too often to be looked up. */
    uint32_t unacked_per_consumer_max, unacked_per_subscription_max; /* messages; 0: no limit */
    bool delays;                                                     /* deliver_ms is heeded */
    int64_t lapse_minutes;                                           /* see lapse.h; 0: never */
    int64_t delay_max_ms;                                            /* 0: no limit */
    bool encryption_required;
    size_t message_bytes_max; /* 0: no limit but the broker's */
    struct limiter publish_limiter;
    uint64_t publish_limited; /* how often a connection had to wait for it */

    struct quota quota;      /* see quota.h */
    struct delayed *delayed; /* see delayed.h; NULL: no entry that waits was met */

    struct compaction compaction;

    uint64_t idle_since_ns; /* since when nobody is connected; 0: somebody is */
    uint64_t messages_in, bytes_in, messages_out, bytes_out, entries_in;
    bool chunked; /* a message came in chunks */
    int64_t last_publish_ms;
    struct rate rate_in, rate_out;
    struct rate rate_read; /* entries that went to consumers */
    struct meter *meter;   /* of what is stored; NULL: nothing was, or memory was short */
    struct rate
        rate_drop; /* of messages that no consumer could take, or that came too fast: only where nothing is kept */
};

/* A loaded topic; NULL when it is not in memory. */
struct topic *topic_find(struct broker *b, const struct topic_name *name);

/* From memory, or loaded; created in the catalog when absent, allowed and `create`.  ERR_AGAIN while CLOSING; what
 * topic_admissible says. */
MUST_USE enum err topic_obtain(struct broker *b, const struct topic_name *name, bool create, struct topic **out,
                               struct refusal *why);

/* For the kinds: a loaded topic with this id, whether the catalog knows it or not. */
struct topic_record;
MUST_USE enum err topic_load(struct broker *b, const struct topic_name *name, uint64_t id,
                             const struct topic_record *record, struct topic **out);

/* Only makes the row; the name is admissible and absent. */
MUST_USE enum err topic_create_row(struct broker *b, const struct topic_name *name, struct topic_record *record,
                                   uint64_t *id);

/* Removes the row, of a topic that is not in memory, or leaves it: with its subscriptions, cursors and ledgers. */
MUST_USE enum err topic_remove_row(struct broker *b, uint64_t id);

/* Begins CLOSING, if it has not begun: tells every producer and consumer to look up again. The topic is freed when the
 * last publish has ended, perhaps before this returns: then `op` (may be NULL), and every other that waits, goes on. */
void topic_close(struct topic *t, bool delete_, struct broker_op *op);

/* Ends CLOSING, or unfences, when no publish is under way.  After it a CLOSING topic is gone. */
void topic_settle(struct topic *t);

/* What its row says, borrowed from it; to be written back with one thing changed.  Of a topic that is kept. */
MUST_USE enum err topic_record_read(const struct topic *t, struct topic_record *record);
MUST_USE enum err topic_record_write(struct topic *t, const struct topic_record *record);

/* Something may go to its consumers now: all its subscriptions look. */
void topic_wake(struct topic *t);

/* Its policies have changed, or it was loaded: what it keeps of them is read anew. */
void topic_policies_changed(struct topic *t);
/* ... for all that are loaded in the namespace ("t/n"): for some at once, for the others soon, see policy_walk.h. */
void topics_policies_changed(struct broker *b, struct bytes namespace_);

/* What time brings: unloads, or deletes, a topic that nobody used for a while (it may be gone after this). */
void topic_maintain(struct topic *t, uint64_t now_ns);

/* A producer or consumer is there, or a publish or seek under way. */
bool topic_connected(const struct topic *t);
/* Somebody came or left: keeps idle_since_ns. */
void topic_touch(struct topic *t);

/* Follows a chain of ledgers: the first readable position at or after `from`, or the one where the next entry will be.
 */
struct position topic_after(const struct topic *t, struct position p);
/* True when the entry at p is synced. */
bool topic_readable(const struct topic *t, struct position p);

/* Frees without telling anybody; for broker_free and the end of CLOSING. */
void topic_free(struct topic *t);

/* Asserts the invariants. */
void topic_check(const struct topic *t);

#endif
