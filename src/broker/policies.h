/* SPDX-License-Identifier: Apache-2.0
 *
 * policies.h - what an administrator can set for namespaces and topics, and what holds for a topic: one table, resolved
 * in one place.
 *
 * Every policy is a number: a count, bytes, seconds, or one of a few choices.  One of the topic goes over its
 * namespace's, that over the broker's (struct broker_options).  The partitions of a topic have those of the topic
 * itself.  They are kept in the rows of the catalog (records.h draws them) and nowhere else; a change is durable after
 * broker_when_durable, and in force at once: loaded topics are told (topic_policies_changed).
 *
 * To add one: a number at the end of the enum, a row in policies.c, whoever obeys it, and a row in the table of the
 * admin interface.
 */
#ifndef BROKER_POLICIES_H
#define BROKER_POLICIES_H

#include "base/err.h"
#include "broker/names.h"
#include "broker/refusal.h"
#include <stdbool.h>
#include <stdint.h>

struct broker;

/* The numbers are those of the records: never changed, never given to another. */
enum policy {
    POLICY_RETENTION_MINUTES = 1, /* -1: without limit; 0 in either of both: nothing is kept */
    POLICY_TTL_S = 2,             /* 0: messages never expire */
    POLICY_RETENTION_MB = 3,
    POLICY_QUOTA_BYTES = 4, /* backlog; -1: no limit */
    POLICY_QUOTA_BYTES_ACTION = 5,
    POLICY_QUOTA_AGE_S = 6, /* -1: no limit */
    POLICY_QUOTA_AGE_ACTION = 7,
    POLICY_PRODUCERS_MAX = 8, /* of a topic; 0: no limit, in all of these */
    POLICY_CONSUMERS_MAX = 9, /* of a topic */
    POLICY_CONSUMERS_PER_SUBSCRIPTION_MAX = 10,
    POLICY_SUBSCRIPTIONS_MAX = 11,            /* of a topic */
    POLICY_TOPICS_MAX = 12,                   /* of a namespace, partitions counted */
    POLICY_UNACKED_PER_CONSUMER_MAX = 13,     /* messages */
    POLICY_UNACKED_PER_SUBSCRIPTION_MAX = 14, /* messages */
    POLICY_PUBLISH_RATE_MESSAGES = 15,        /* a second, of a topic; 0 or less: no limit, in all rates */
    POLICY_PUBLISH_RATE_BYTES = 16,
    POLICY_DISPATCH_RATE_MESSAGES = 17, /* in a period, of a topic */
    POLICY_DISPATCH_RATE_BYTES = 18,
    POLICY_DISPATCH_RATE_PERIOD_S = 19,
    POLICY_DISPATCH_RATE_RELATIVE = 20,     /* 1: to the publish rate */
    POLICY_SUBSCRIPTION_RATE_MESSAGES = 21, /* the same, of each subscription */
    POLICY_SUBSCRIPTION_RATE_BYTES = 22,
    POLICY_SUBSCRIPTION_RATE_PERIOD_S = 23,
    POLICY_SUBSCRIPTION_RATE_RELATIVE = 24,
    POLICY_SUBSCRIBE_RATE = 25, /* of each consumer, in a period */
    POLICY_SUBSCRIBE_RATE_PERIOD_S = 26,
    POLICY_DEDUPLICATION = 27,         /* 0, 1 */
    POLICY_DEDUPLICATION_ENTRIES = 28, /* between two snapshots */
    POLICY_DELAYED = 29,               /* 0, 1: deliver_at_time is heeded */
    POLICY_DELAYED_TICK_MS = 30,
    POLICY_DELAYED_MAX_MS = 31,      /* 0: no limit */
    POLICY_ENCRYPTION_REQUIRED = 32, /* 0, 1 */
    POLICY_TOPIC_CREATION = 33,      /* 0, 1: by the first use */
    POLICY_TOPIC_CREATION_TYPE = 34, /* enum topic_creation_type */
    POLICY_TOPIC_CREATION_PARTITIONS = 35,
    POLICY_SUBSCRIPTION_CREATION = 36,       /* 0, 1: by the first use */
    POLICY_SUBSCRIPTION_EXPIRY_MINUTES = 37, /* 0: never */
    POLICY_INACTIVE_DELETE = 38,             /* 0, 1 */
    POLICY_INACTIVE_MODE = 39,               /* enum inactive_mode */
    POLICY_INACTIVE_S = 40,
    POLICY_COMPACTION_BYTES = 41,   /* since the last one; 0: only when asked */
    POLICY_SUBSCRIPTION_TYPES = 42, /* bits: 1 << enum subscription_type */
    POLICY_MESSAGE_BYTES_MAX = 43,  /* 0: the broker's */
    POLICY_ENSEMBLE = 44,           /* of a cluster of machines, these four: kept and shown */
    POLICY_WRITE_QUORUM = 45,
    POLICY_ACK_QUORUM = 46,
    POLICY_MARK_DELETE_RATE = 47,          /* thousandths */
    POLICY_DEDUPLICATION_WINDOW_S = 48,    /* see id_window.h; 0: there is none */
    POLICY_DEDUPLICATION_WINDOW_IDS = 49,  /* in it; 0: no limit but their bytes */
    POLICY_SCHEMA_STRATEGY = 50,           /* enum schema_strategy; these five: see schemas.h */
    POLICY_SCHEMA_AUTO_UPDATE = 51,        /* the same as clients before Pulsar 2.3 said it: enum schema_auto_update */
    POLICY_SCHEMA_UPDATES = 52,            /* 0, 1: producers and consumers may bring new ones */
    POLICY_SCHEMA_VALIDATION = 53,         /* 0, 1: who says none is refused where there is one */
    POLICY_SCHEMA_STRATEGY_OF_SYSTEM = 54, /* the first, of system topics: the broker's only */
    POLICY_END,
    POLICY_COUNT = POLICY_END - 1
};

enum quota_action { QUOTA_REQUEST_HOLD, QUOTA_EXCEPTION, QUOTA_EVICTION }; /* of the producers; of the backlog */
enum topic_creation_type { CREATE_SINGLE, CREATE_PARTITIONED };
enum schema_auto_update {
    AUTO_UPDATE_DISABLED,
    AUTO_UPDATE_BACKWARD,
    AUTO_UPDATE_FORWARD,
    AUTO_UPDATE_FULL,
    AUTO_UPDATE_ALWAYS_COMPATIBLE,
    AUTO_UPDATE_BACKWARD_TRANSITIVE,
    AUTO_UPDATE_FORWARD_TRANSITIVE,
    AUTO_UPDATE_FULL_TRANSITIVE
};
enum inactive_mode { INACTIVE_NO_SUBSCRIPTIONS, INACTIVE_CAUGHT_UP };

struct policy_info {
    const char *name; /* Pulsar's */
    int64_t least, most;
    int64_t value; /* the broker's, unless its options say otherwise: Pulsar's default */
    bool of_topic; /* false: can be set for namespaces only */
};
const struct policy_info *policy_info(enum policy which);

/* What is set at one level; or all that holds. */
struct policies {
    uint64_t is_set; /* bit of each number */
    int64_t value[POLICY_END];
};

static inline bool policies_has(const struct policies *p, enum policy which)
{
    return p->is_set >> which & 1;
}

static inline void policies_put(struct policies *p, enum policy which, int64_t value)
{
    p->is_set |= UINT64_C(1) << which;
    p->value[which] = value;
}

static inline void policies_remove(struct policies *p, enum policy which)
{
    p->is_set &= ~(UINT64_C(1) << which);
    p->value[which] = 0;
}

/* The values of the table. */
void policies_init(struct policies *p);

/* ERR_INVALID and the reason: a value is out of its bounds, or `of_topic` and it is a namespace's. */
MUST_USE enum err policies_check(const struct policies *p, bool of_topic, struct refusal *why);

/* ---- what holds ---- */

/* For the topic with this id (names.h of its row); 0, or one that is gone: for the broker. */
int64_t policy_of(struct broker *b, uint64_t topic, enum policy which);
/* For what is in this namespace ("t/n"), there or not. */
int64_t policy_of_namespace(struct broker *b, struct bytes name, enum policy which);
/* All of them are set. */
struct policies policies_resolve(struct broker *b, uint64_t topic);
/* The same by name: also for a whole that is partitioned, and for a topic that is not there. */
struct policies policies_resolve_name(struct broker *b, const struct topic_name *name);

/* What is set for it, its namespace, or its name: without what the broker's options say. */
struct policies policies_set_for_name(struct broker *b, const struct topic_name *name);

/* *all, which holds for the topic, becomes what holds for this subscription of it: what is set for it alone goes over
 * that. */
void policies_override_subscription(struct broker *b, uint64_t topic, struct bytes subscription, struct policies *all);

/* ---- what is set ---- */

#define SUBSCRIPTION_POLICIES_BYTES_MAX (16 * 1024) /* of all subscriptions of a topic, encoded */
#define TOPIC_SETTINGS_BYTES_MAX        (32 * 1024)

/* Of its row; 0: no such topic. */
uint64_t topic_id(struct broker *b, const struct topic_name *name);

/* All that is set for a topic; the bytes are borrowed until the next change of the catalog. */
struct topic_set {
    struct policies own, everywhere;
    struct bytes subscriptions, settings; /* the former as records.h draws them */
};
MUST_USE enum err topic_set_of(struct broker *b, const struct topic_name *name, struct topic_set *out,
                               struct refusal *why);

/* For this topic itself (a partition's: for the topic it is a part of).  ERR_NOT_FOUND. */
MUST_USE enum err topic_policies(struct broker *b, const struct topic_name *name, struct policies *out,
                                 struct refusal *why);
MUST_USE enum err topic_set_policies(struct broker *b, const struct topic_name *name, const struct policies *policies,
                                     struct refusal *why);
/* ... for all clusters that it may be replicated to: its own go over them. */
MUST_USE enum err topic_policies_everywhere(struct broker *b, const struct topic_name *name, struct policies *out,
                                            struct refusal *why);
MUST_USE enum err topic_set_policies_everywhere(struct broker *b, const struct topic_name *name,
                                                const struct policies *policies, struct refusal *why);
/* ... for one subscription alone, be it there or not.  ERR_TOO_LARGE: for too many of them. */
MUST_USE enum err topic_subscription_policies(struct broker *b, const struct topic_name *name,
                                              struct bytes subscription, struct policies *out, struct refusal *why);
MUST_USE enum err topic_set_subscription_policies(struct broker *b, const struct topic_name *name,
                                                  struct bytes subscription, const struct policies *policies,
                                                  struct refusal *why);
/* What the admin interface keeps with it (JSON), as with a namespace; empty: nothing.  Borrowed until the next change
 * of the catalog.  ERR_TOO_LARGE. */
MUST_USE enum err topic_settings(struct broker *b, const struct topic_name *name, struct bytes *out,
                                 struct refusal *why);
MUST_USE enum err topic_set_settings(struct broker *b, const struct topic_name *name, struct bytes settings,
                                     struct refusal *why);
/* Nothing is set for it any more, in any of these ways. */
MUST_USE enum err topic_forget_policies(struct broker *b, const struct topic_name *name, struct refusal *why);

MUST_USE enum err namespace_policies(struct broker *b, struct bytes name, struct policies *out, struct refusal *why);
MUST_USE enum err namespace_set_policies(struct broker *b, struct bytes name, const struct policies *policies,
                                         struct refusal *why);

#endif
