/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer.h - one consumer of a subscription: its permits, and what it holds unacknowledged.
 *
 * Owned by its subscription, reached from a session by pointer until consumer_close, consumer_detach, the sink's
 * close_consumer, or a consumer_unsubscribe that was true: after any of these the pointer is dead.
 */
#ifndef BROKER_CONSUMER_H
#define BROKER_CONSUMER_H

#include "broker/key_shared.h"
#include "broker/permits.h"
#include "broker/schemas.h"
#include "broker/search.h"
#include "broker/subscription.h"

struct consumer {
    struct subscription *subscription;
    struct list node; /* subscription->consumers */
    struct sink *sink;
    uint64_t id; /* the connection's name for it */
    char *name;
    uint8_t *metadata; /* properties.h; shown in stats */
    size_t metadata_len;
    enum subscription_type type;
    int32_t priority; /* 0 is served first */
    int64_t epoch;    /* -1: it does not count any */
    bool read_compacted;
    bool any_schema; /* it takes messages with whatever schema they have (AUTO_CONSUME) */
    struct permits permits;
    uint32_t saved_permits; /* granted while blocked on unacked, counted when it is not any more */
    struct list pending;    /* struct pending */
    uint32_t unacked;       /* messages in them */
    bool blocked;           /* over its limit, until half of it */
    bool told_end;          /* that the end of a terminated topic is reached */
    /* dispatch's, for the kinds that share. */
    struct tree_node ready_node; /* dispatch.ready */
    bool ready;                  /* ... it is there */
    uint32_t turn_left;          /* entries until it is another one's turn */
    uint64_t turn;               /* the least of its priority is served first */
    struct key_consumer *keys;   /* Key_Shared; else NULL */
    uint32_t ring_distance;      /* failover.c's */

    int64_t connected_ms, last_acked_ms, last_consumed_ms, last_flow_ms, first_sent_ms, first_flow_ms; /* 0: never */
    uint64_t messages_out, bytes_out, entries_out;
    struct rate rate_out, rate_redeliver, rate_ack, rate_chunk;
};

/* From its node in the subscription's list. */
static inline struct consumer *consumer_at(struct list *node)
{
    return container_of(node, struct consumer, node);
}

/* Where a subscription that does not exist yet begins. */
enum initial_position { INITIAL_LATEST, INITIAL_EARLIEST }; /* as on the wire */

struct consumer_open {
    struct broker_op op;
    struct sink *sink;
    uint64_t consumer_id;
    struct topic_name topic;
    struct bytes subscription; /* lives until done, as all that is pointed to */
    const char *name;          /* NULL or empty: the broker makes one */
    enum subscription_type type;
    int32_t priority;
    bool durable, create_topic /* force_topic_creation */, read_compacted;
    enum initial_position initial;
    bool start_given; /* volatile: begin at `start`, this entry included */
    struct position start;
    uint64_t rollback_s;                /* ... or so many seconds back; 0: no */
    int64_t epoch;                      /* -1: none */
    struct key_policy keys;             /* Key_Shared */
    struct bytes metadata;              /* properties.h */
    const struct schema_record *schema; /* that it reads with; NULL: it says none */
    /* Of a subscription: kept when it is made, and the former also later. */
    bool replicated;
    struct bytes properties; /* properties.h */

    struct consumer *consumer; /* when done OK */

    struct search search;        /* the broker's, as all below */
    struct schema_choice chosen; /* the version that it added */
    bool schema_admitted;        /* ... or it needs none */
    bool counted;                /* for the subscribe rate */
    bool found_back;             /* search.found is where rollback_s goes to */
};

/* Refusals: what topic_obtain says; what schemas.h says; about the consumer ERR_BUSY: taken by an exclusive one that
 * lives, or by one of another type; ERR_NOT_FOUND about the subscription; ERR_INVALID about the subscription's name;
 * ERR_UNSUPPORTED. */
void consumer_open(struct broker *b, struct consumer_open *op);

void consumer_flow(struct consumer *c, uint32_t permits);
/* The sink takes more again. */
void consumer_writable(struct consumer *c);

/* The messages of a batch that an id leaves unacknowledged: message i is bit i % 64 of word i / 64; words that are not
 * there are zero. */
struct ack_left {
    const uint64_t *words;
    uint32_t count;
};

/* One id of an ACK; `left` NULL: all of the entry.  A part of it is ignored, unless options.batch_index_acks.  Unknown
 * and acknowledged ids are fine.  ERR_NOMEM; ERR_FULL, ERR_TOO_LARGE: a part that cannot be remembered. */
MUST_USE enum err consumer_ack(struct consumer *c, struct position p, const struct ack_left *left);
/* Everything up to p; with `left` up to the entry before it, and that part of it.  On a subscription that shares:
 * ignored, and OK. */
MUST_USE enum err consumer_ack_cumulative(struct consumer *c, struct position p, const struct ack_left *left);

/* Shared: these, or everything it holds.  The other kinds, always: all from the mark-delete position on.
 * `epoch` is echoed with messages from now on, when it is higher than before. */
void consumer_redeliver(struct consumer *c, const struct position *p, size_t count);
void consumer_redeliver_all(struct consumer *c, int64_t epoch);

struct consumer_op {
    struct broker_op op;
    bool force; /* unsubscribe, with others connected */
};

/* Its client closes it, or the broker does; at once. */
void consumer_close(struct consumer *c);
/* Tells the client to look up again, and closes it. */
void consumer_dismiss(struct consumer *c);
/* Its connection is gone: what it held may count as redelivered (options.count_lost_consumers). */
void consumer_detach(struct consumer *c);
/* Deletes the subscription: true, and the consumer is gone.  False: refused (ERR_INVALID about the consumer: others are
 * connected, and not `force`), and it stays.  Either way `op` tells. */
bool consumer_unsubscribe(struct consumer *c, struct consumer_op *op);

struct consumer_seek {
    struct broker_op op;
    bool by_time;
    struct position position; /* the first to be delivered */
    struct ack_left left;     /* ... and which of its messages; count 0: all */
    int64_t publish_ms;

    struct topic_name topic; /* the broker's, as all below */
    char subscription[SUBSCRIPTION_NAME_MAX + 1];
    bool moved; /* the cursor is where it shall be */
    struct search search;
};
/* All consumers of the subscription, this one too, get close_consumer; then the cursor moves.  ERR_BUSY about the seek:
 * another one is under way. */
void consumer_seek(struct consumer *c, struct consumer_seek *op);
/* The same for an administrator, of the subscription that op->topic and op->subscription name.  ERR_NOT_FOUND about the
 * topic or the subscription. */
void subscription_seek(struct broker *b, struct consumer_seek *op);

struct consumer_last_id {
    struct broker_op op;
    struct position last; /* POSITION_EARLIEST: no entry yet */
    int32_t batch_index;  /* of the last message in it; -1: not a batch */
    struct position mark_delete;
};
void consumer_last_id(struct consumer *c, struct consumer_last_id *op);

/* Of a subscription that goes without a word. */
void consumer_free(struct consumer *c);

/* For the wire's consumer stats, and the admin interface. */
void consumer_stats_fill(struct consumer *c, struct consumer_stats *out);

#endif
