/* SPDX-License-Identifier: Apache-2.0
 *
 * broker.h - the broker as a whole: its options, its loaded topics, its operations.
 *
 * Owns every struct topic, and what hangs from it.  Lives on the core thread, and nothing in it locks.  May call:
 * base/, sys/, wire/ (pure), store/.  What it knows durably is in the store's catalog; what is in memory is derived
 * from that, or dies with the process.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "base/map.h"
#include "broker/namespaces.h"
#include "broker/policies.h"
#include "broker/refusal.h"
#include "broker/sink.h"
#include "store/store.h"
#include "sys/loop.h"
#include "sys/sys.h"

struct arena;
struct broker;
struct log;
struct topic;

#define NAME_GIVEN_MAX 160 /* a name that the broker gives to a producer or consumer, and its NUL */

struct broker_options {
    const char *cluster;        /* "standalone"; also in the names that the broker gives to producers */
    bool non_persistent_topics; /* may be used */
    /* An open ledger is closed when it has so many bytes, or is so old; so many entries, but is not too young; or when
     * nothing was published to it for so long (0: that does not matter). */
    uint64_t ledger_bytes_max, ledger_age_max_ms, ledger_entries_max, ledger_age_min_ms, ledger_idle_ms;
    /* What holds where neither topic nor namespace say otherwise: see policies.h. */
    struct policies policies;   /* all are set */
    uint32_t failover_delay_ms; /* before another consumer of a failover subscription is served */
    bool keys_on_ring;          /* Key_Shared: keys are spread by consistent hashing; false: by halving ranges */
    uint32_t key_ring_points;   /* ... of each consumer */
    /* Key_Shared: entries that wait while others go first, for each consumer and of one subscription; 0: as many as may
     * be unacknowledged. */
    uint32_t keys_ahead_per_consumer, keys_ahead_per_subscription;
    bool batch_index_acks;              /* single messages of a batch may be acknowledged */
    bool count_lost_consumers;          /* what a consumer held when its connection was lost counts as redelivered */
    bool dispatch_rate_counts_messages; /* ... of a batch, and not the batch as one */
    uint64_t retention_check_ms, expiry_check_ms, reader_hold_ms; /* see retention.h */
    uint64_t quota_check_ms;                                      /* see quota.h; 0: backlogs are not looked at */
    size_t delayed_bytes_max;                                     /* see delayed.h */
    uint64_t publish_messages_max, publish_bytes_max;             /* in a second, of all topics together; 0: no limit */
    uint32_t deduplication_producers_max;                         /* of a topic, of whom it is known what they sent */
    uint64_t deduplication_inactive_ms; /* one that is not connected is forgotten after so long */
    uint64_t deduplication_snapshot_ms; /* see deduplication.h */
    const char *event_id_property;      /* see id_window.h, both */
    size_t event_id_bytes_max;
    size_t schema_bytes_max;          /* of the schemas of all topics, see schemas.h */
    uint64_t topic_idle_ms;           /* a topic without producers and consumers leaves memory after so long */
    const char *audit_topic;          /* only the broker writes there (audit.h); NULL: there is none */
    bool topic_policies;              /* single topics may have policies of their own; false: none that has is heeded */
    bool delete_inactive_topics;      /* ... and is deleted, when its policies say so; false: none ever is */
    bool delete_inactive_partitioned; /* a partitioned topic goes with the last of its partitions that is so deleted */
    uint32_t partitions_max;          /* of a topic; 0: no limit but PARTITIONS_MAX */
    /* For the admin interface: how many bundles a new namespace has; may those that are not empty be deleted? */
    uint32_t namespace_bundles;
    bool force_delete_namespace, force_delete_tenant;
    /* Compaction of topics (compaction.h): how often those with a threshold are looked at, what one has for keys, and
     * whether messages without a key stay. */
    uint64_t compaction_check_ms;
    size_t compaction_keys_bytes;
    bool compaction_keeps_null_keys;
    /* 0: no limit.  Of one topic, from one address; tenants in all; namespaces of a tenant (the last two the admin
     * interface holds to). */
    uint32_t same_address_producers_max, same_address_consumers_max;
    uint32_t tenants_max, namespaces_per_tenant_max;
    struct log *log;
};

/* Pulsar's defaults. */
void broker_options_init(struct broker_options *o);

/* Counts this start (names of producers are unique over restarts by it), and sees to it that the tenants public and
 * pulsar, and the namespaces public/default and pulsar/system exist.  `store` and the texts of `options` outlive the
 * broker. */
MUST_USE enum err broker_new(struct broker **out, const struct broker_options *options, const struct sys *sys,
                             struct store *store);

/* What of the options may be something else while the broker runs: the policies that hold where nothing else is set,
 * and what concerns new topics and deletions.  In force at once, for loaded topics too. */
void broker_change_options(struct broker *b, const struct broker_options *options);

/* Unloads every topic: producers and consumers are told to look up again.  Then done, from the loop.  New
 * producers and consumers are refused with ERR_AGAIN from now on. */
void broker_stop(struct broker *b, void (*done)(void *ctx), void *ctx);

/* After stop; or without it, as a crash: nobody is told anything, nothing is called back.  NULL is fine. */
void broker_free(struct broker *b);

struct store *broker_store(struct broker *b);
const struct broker_options *broker_options(const struct broker *b);

/* ---- operations that take time ---- */

/* Embedded at the start of each kind of operation.  The caller owns the memory until `done`, called once, from the
 * loop, never before the call that started it has returned.  What it created is durable by then. */
struct broker_op {
    void (*done)(struct broker_op *op);
    struct refusal why; /* how it went: why.err is OK, or all of it is set */

    /* The broker's, between start and done. */
    struct broker *broker;
    struct list node;
    struct task task;
    struct store_op barrier;
    struct probe probe;
    void (*step)(struct broker_op *op); /* what runs next */
    bool waited;                        /* a barrier was passed since the last change */
};

/* done when all that was changed before this call is durable. */
void broker_when_durable(struct broker *b, struct broker_op *op);

/* ---- topics, for the admin interface: durable when done ---- */

/* What an operation is about: the topic of its name or, when that is partitioned, one partition after the other. */
struct topic_walk {
    struct topic_name name; /* private, as all below: of the one at which it is */
    uint32_t partitions, next;
    bool any;              /* it was done for one of them at least */
    struct refusal passed; /* why it was not done for another */
};

struct topic_op {
    struct broker_op op;
    struct topic_name name;
    bool force;              /* topic_delete: even with producers and consumers connected */
    struct bytes properties; /* topic_create: encoded (properties.h); they live until done */
    struct topic_walk walk;
};

void topic_create(struct broker *b, struct topic_op *op); /* what topic_creatable says */
/* ERR_NOT_FOUND; ERR_EXISTS: it is partitioned, and partitioned_delete is for that; ERR_BUSY: connected producers or
 * consumers, and not forced. */
void topic_delete(struct broker *b, struct topic_op *op);
/* It, or all its partitions, out of memory: producers and consumers are closed, cursors flushed; the next use loads it
 * again.  ERR_NOT_FOUND. */
void topic_unload(struct broker *b, struct topic_op *op);

/* All that it, or its partitions, have is acknowledged for everybody and deleted, whatever the policies keep; but what
 * compaction has not read stays until it has.  ERR_NOT_FOUND, ERR_NOT_ALLOWED: nothing is kept. */
void topic_truncate(struct broker *b, struct topic_op *op);

struct subscription_op {
    struct broker_op op;
    struct topic_name name;
    char subscription[SUBSCRIPTION_NAME_MAX + 1];
    struct position position; /* subscription_create: all before it counts as acknowledged */
    bool force;               /* subscription_delete: consumers are closed, not an obstacle */
    bool replicated;          /* subscription_create, subscription_set_replicated */
    uint64_t entries;         /* subscription_skip: how many that are not acknowledged */
    struct bytes properties;  /* encoded (properties.h): of a new one, or set; or what was read */
    uint8_t *to;              /* subscription_properties: where to, PROPERTIES_BYTES_MAX */
    struct topic_walk walk;
};

/* Each on all partitions of a partitioned topic: refused when it can be done on none, and at the first whose consumers
 * are in the way. */
void subscription_create(struct broker *b, struct subscription_op *op); /* ERR_EXISTS, ERR_NOT_FOUND about the topic */
void subscription_delete(struct broker *b, struct subscription_op *op); /* ERR_NOT_FOUND, ERR_BUSY */
void subscription_skip_all(struct broker *b, struct subscription_op *op);
/* So many entries from the mark-delete position on, at most what is there, count as acknowledged.  ERR_INVALID: more
 * than SKIP_MAX. */
void subscription_skip(struct broker *b, struct subscription_op *op);
#define SKIP_MAX 100000
void subscription_set_properties(struct broker *b, struct subscription_op *op); /* in place of those that were */
void subscription_properties(struct broker *b, struct subscription_op *op);     /* as the last partition has them */

/* The client's wish that it be kept in step in other clusters. */
void subscription_set_replicated(struct broker *b, struct subscription_op *op);
/* As its row says it, of one topic (or partition).  ERR_NOT_FOUND about the topic or the subscription. */
MUST_USE enum err subscription_replicated(struct broker *b, const struct topic_name *name, struct bytes subscription,
                                          bool *out, struct refusal *why);

/* Messages expire: of a durable subscription, or of all (then none is named). */
struct expire_op {
    struct subscription_op of;
    bool by_position;      /* everything up to of.position; else by age: */
    int64_t older_than_ms; /* since they were published */
};
/* By age it goes on after done.  ERR_NOT_FOUND; ERR_BUSY: the one subscription is caught up. */
void subscription_expire(struct broker *b, struct expire_op *op);

/* ---- the health check: a real publish and a real read ---- */

struct health_op {
    struct broker_op op;
    uint64_t elapsed_us; /* of the publish and the read, when done OK */

    struct sink sink; /* the broker's, as all below */
    uint64_t started_ns;
    struct slice entry;
};

/* Writes one entry to persistent://pulsar/system/healthcheck, through the journal, and reads it back. ERR_IO,
 * ERR_CORRUPT. */
void broker_check_health(struct broker *b, struct health_op *op);

#endif
