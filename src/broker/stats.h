/* SPDX-License-Identifier: Apache-2.0
 *
 * stats.h - what a topic, its producers and its subscriptions did and do, as a snapshot for the admin thread.
 *
 * Everything is copied into the caller's arena: the snapshot does not change and points at nothing of the broker's.
 * Counts since the topic was loaded; rates over the last minute (rate.h).
 */
#ifndef BROKER_STATS_H
#define BROKER_STATS_H

#include "broker/blocked.h"
#include "broker/broker.h"
#include "broker/key_ranges.h"
#include "broker/rate.h"
#include "broker/throttle.h"

struct producer_stats {
    const char *name, *address, *client_version, *access_mode;
    uint64_t id;
    int64_t connected_since_ms;
    double rate_in, throughput_in, rate_chunk;
    uint64_t messages_in, bytes_in;
    double rate_drop;      /* messages whose receipts said that they were dropped */
    uint64_t pending;      /* publishes without a receipt yet */
    bool name_given;       /* by the user, not by the broker */
    struct bytes metadata; /* properties.h */
};

/* Of a consumer of a Key_Shared subscription; else all is 0. */
#define KEY_STATS_MAX 256 /* ranges, and hashes: of more than so many the first */
struct draining_hash {
    uint32_t hash;
    uint64_t unacked, waiting; /* entries that it holds, and that another consumer cannot have because of them */
};
struct key_stats {
    struct key_range *ranges;
    struct draining_hash *draining;
    size_t range_count, draining_listed;
    uint64_t draining_count, draining_unacked; /* hashes that it holds entries of and that are another's; the entries */
    uint64_t draining_cleared;                 /* that were such, since it came */
};

struct consumer_stats {
    const char *name, *address, *client_version;
    const char *role; /* NULL: nobody knows */
    struct blocked blocked;
    struct bytes metadata; /* properties.h */
    uint64_t id;
    int32_t priority;
    int32_t available_permits;
    uint32_t unacked_messages;
    struct key_stats keys;
    int64_t connected_since_ms, last_acked_ms, last_consumed_ms, last_flow_ms; /* 0: never */
    int64_t first_sent_ms, first_flow_ms;                                      /* likewise */
    double rate_out, throughput_out, rate_redeliver, rate_ack, rate_chunk;
    uint64_t messages_out, bytes_out, entries_out;
    bool blocked_on_unacked, active;
};

#define ACKED_RUNS_MAX 100 /* of more than so many the first */
struct acked_run {
    struct position first, last;
};

struct subscription_stats {
    const char *name, *type; /* "Exclusive", "Shared", "Failover", "Key_Shared"; NULL: no consumer yet */
    struct blocked blocked;
    const char *keys_mode; /* Key_Shared with consumers: "AUTO_SPLIT", "STICKY"; else NULL */
    bool keys_out_of_order;
    uint64_t draining_count, draining_unacked, draining_cleared; /* of its consumers: see struct key_stats */
    const char *active_consumer;                                 /* Failover, Exclusive; or NULL */
    int64_t created_ms;                                          /* 0: not kept */
    bool durable, blocked_on_unacked, replicated;
    struct bytes properties;   /* encoded (properties.h) */
    uint64_t backlog_entries;  /* msgBacklog */
    uint64_t backlog_messages; /* msgBacklogMessages */
    uint64_t unacked_messages, replay_entries, delayed_entries, ack_ranges;
    uint64_t backlog_bytes, ack_ranges_bytes;
    int64_t earliest_ms;           /* when the first of the backlog was published; 0: there is none, or not known */
    const struct acked_run *acked; /* the first of the ack_ranges */
    size_t acked_count;
    struct position mark_delete, read_position;
    uint64_t entries_ahead;          /* between the two */
    bool waits, reads, reads_replay; /* for entries to come; a read is under way; of entries that were sent before */
    /* 0: never, all of these */
    int64_t last_flow_ms, last_consumed_ms, last_acked_ms, last_mark_delete_ms, last_expire_ms;
    double rate_out, throughput_out, rate_redeliver, rate_ack, rate_expired, rate_drop, rate_chunk;
    uint64_t messages_out, bytes_out, entries_expired;
    struct throttled throttled; /* how often a rate was in the way */
    size_t consumer_count;
    struct consumer_stats *consumers;
};

struct topic_ledger_stats {
    uint64_t id, entries, bytes;
    int64_t created_ms, closed_ms;
    bool open;
};

struct topic_stats {
    const char *name;
    uint64_t id;
    bool persistent, system; /* the latter: by its name, one of the broker's own */
    bool chunked;            /* a message came in chunks */
    double rate_in, throughput_in, rate_out, throughput_out;
    double rate_drop; /* of a topic that is not persistent: by its producers and subscriptions together */
    uint64_t messages_in, bytes_in, messages_out, bytes_out;
    uint64_t storage_bytes, entries, backlog_bytes; /* backlog: after the slowest durable cursor */
    int64_t quota_bytes, quota_age_s;               /* of the backlog; -1: no limit */
    int64_t oldest_age_s;                           /* since the oldest of the backlog was published; -1: not known */
    const char *oldest_subscription;                /* whose that is; NULL: as above */
    int64_t earliest_ms;                            /* of all subscriptions' */
    uint64_t delayed_bytes;                         /* of the index of what is to be delivered later */
    uint64_t entries_added, pending;                /* since it was loaded; publishes under way */
    double average_message_bytes;
    int64_t created_ms, last_publish_ms;
    struct position last_position;
    bool loaded, terminated, deduplicated;
    uint64_t publish_limited;                   /* how often a connection had to wait for the publish rate */
    uint64_t duplicates;                        /* messages that were not stored again */
    int64_t ids_window_ms, ids_span_ms;         /* of events' ids: as long as asked for, 0: none; as long as it is */
    uint64_t ids, ids_evicted;                  /* in it; that left it for want of memory */
    uint64_t without_id;                        /* messages */
    int64_t epoch;                              /* of exclusive producers; -1: there was none */
    size_t waiting_producers;                   /* to be exclusive */
    int64_t compacted_ms, compaction_failed_ms; /* when it was compacted last, and when that failed last; 0: never */
    uint64_t compaction_removed, compaction_duration_ms; /* of the former: messages that were left out */
    struct topic_ledger_stats compacted;                 /* the view; id 0: there is none, or it is empty */
    size_t producer_count, subscription_count, ledger_count;
    struct producer_stats *producers;
    struct subscription_stats *subscriptions;
    struct topic_ledger_stats *ledgers;
};

/* Loads the topic when it is not in memory.  ERR_NOT_FOUND; ERR_NOMEM: the arena is too small. */
MUST_USE enum err topic_stats_get(struct broker *b, const struct topic_name *name, struct arena *arena,
                                  struct topic_stats **out, struct refusal *why);

/* Adds those of one partition to those of the whole: zero but for `epoch` at first.  What it points to lies in the
 * arena, and stays.  ERR_NOMEM: the arena is too small. */
MUST_USE enum err topic_stats_add(struct topic_stats *sum, const struct topic_stats *part, struct arena *arena);

/* The broker's own figures, for /metrics: counted over all topics since the start. */
struct broker_stats {
    uint64_t topics_loaded, producers, consumers, subscriptions;
    uint64_t messages_in, bytes_in, messages_out, bytes_out, messages_dropped, acks, redeliveries;
    uint64_t system_bytes_in, system_bytes_out; /* of these, in topics that are the broker's */
    uint64_t publish_failures, pending_publishes, topics_created, topics_deleted, topics_unloaded;
    uint64_t compactions, compactions_failed;
    uint64_t ledgers_deleted, entries_expired, delayed_index_bytes;
    uint64_t duplicates;                                   /* messages that were not stored again */
    uint64_t schemas_added, schemas_deleted, schemas_read; /* versions */
    uint64_t schemas_compatible, schemas_incompatible;     /* ... judged so, with those that there were */
    uint64_t schema_bytes;                                 /* memory of those that there are */
    /* Of id_window.h: ids in memory, that left it too early, and messages that had none. */
    uint64_t event_ids, event_id_bytes, event_ids_evicted, without_event_id;
};
void broker_stats_get(struct broker *b, struct broker_stats *out);

/* Every loaded topic, for metrics by topic; no order; `each` returns false to stop, and changes nothing. */
void broker_topics_loaded(struct broker *b, name_visitor *each, void *ctx);

#endif
