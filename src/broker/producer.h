/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.h - one producer of a topic: its name, its access mode, its publishes under way.
 *
 * Owned by its topic, reached from a session by pointer until producer_close, producer_detach, or the sink's
 * close_producer: after any of these the pointer is dead.
 */
#ifndef BROKER_PRODUCER_H
#define BROKER_PRODUCER_H

#include "broker/schemas.h"
#include "broker/topic.h"

enum access_mode {
    ACCESS_SHARED,
    ACCESS_EXCLUSIVE,
    ACCESS_WAIT_FOR_EXCLUSIVE,
    ACCESS_EXCLUSIVE_WITH_FENCING
}; /* as on the wire */

struct producer_close;

struct producer {
    struct topic *topic;
    struct list node; /* topic->producers_by_age */
    struct sink *sink;
    uint64_t id;     /* the connection's name for it */
    char *name;      /* unique in the topic */
    bool name_given; /* by the user, not by the broker */
    enum access_mode access;
    uint8_t *metadata; /* properties.h; shown in stats */
    size_t metadata_len;
    struct schema_choice schema;    /* of its messages */
    uint64_t epoch;                 /* of its client: which of its attempts to connect */
    size_t pending;                 /* publishes under way */
    struct producer_close *closing; /* waits for them to end; NULL: it stays */
    int64_t connected_ms;
    uint64_t messages_in, bytes_in;
    struct rate rate_in, rate_drop, rate_chunk;
};

struct producer_open {
    struct broker_op op;
    struct sink *sink;
    uint64_t producer_id;
    struct topic_name topic;
    const char *name; /* NULL or empty: the broker makes one.  Lives until done */
    bool name_given;  /* user_provided_producer_name */
    uint64_t epoch;
    enum access_mode access;
    int64_t topic_epoch; /* what an exclusive one was given before; -1: nothing */
    bool encrypted;
    struct bytes metadata;            /* properties.h */
    const char *initial_subscription; /* made at the earliest position, or NULL */
    const struct schema_record
        *schema; /* of its messages; NULL: it says none.  Until done, or set to NULL by `queued` */

    /* May be NULL.  It waits for its turn to be exclusive, under `name`, which it has now; for as long as that takes,
     * or until access_withdraw. */
    void (*queued)(struct producer_open *open);

    /* Private. */
    struct list held;       /* while the disk is full */
    uint64_t held_until_ns; /* 0: was not held yet */
    struct list waiting;    /* topic->access.waiting */
    bool taken;             /* topic_epoch is what it took over with, see access.h */
    struct list reading;    /* log_reading.waiting */
    char given[NAME_GIVEN_MAX];

    struct schema_choice chosen; /* the version of its schema; also while it is queued */
    /* When done OK: */
    struct producer *producer; /* topic_epoch: the topic's; -1: it has none */
    int64_t last_sequence_id;  /* that is stored under its name; -1: none is known.  Also while it is queued */
};

/* Refusals: what topic_obtain says; what access.h says; what schemas.h says; ERR_BUSY about the producer: the name is
 * connected, and its connection lives, and it is not this very producer with a lower epoch; ERR_NOSPACE: the disk is
 * full, come again; it is told after PRODUCER_HOLD_MS only, so that clients that come again at once do not storm, and
 * not at all when there is room before.  The sink has no other producer with this id that is not being closed. */
void producer_open(struct broker *b, struct producer_open *op);
#define PRODUCER_HOLD_MS 5000
/* The broker stops: nobody waits for room any more. */
void producers_release(struct broker *b);
/* For the broker's timer. */
void producers_held(struct timer *timer);

/* Which of its producer's messages an entry holds, as its metadata say it. */
struct publish_sequence {
    struct bytes producer; /* no data: it is not said */
    int64_t first, last;   /* of a batch; else both are the same */
    bool more_chunks;      /* a part of a message, and not the last one */
};
struct metadata;
struct publish_sequence publish_sequence_of(const struct metadata *m);

struct publish {
    uint64_t sequence_id, highest_sequence_id; /* of the command, for the receipt */
    struct publish_sequence sequence;
    uint32_t messages; /* >= 1 */
    uint16_t flags;    /* enum entry_flags */
    bool marker;       /* not for consumers: they never see it */
    bool crowded;      /* its connection has not taken the receipts before it: dropped, where nothing is kept */
    int64_t publish_ms;
    int64_t deliver_ms;       /* consumers that share get it then; 0, or in the past: at once */
    struct bytes metadata;    /* of the entry, borrowed for the call */
    struct slice bytes;       /* the entry: checksum, metadata, payload; the caller's reference stays the caller's */
    struct crc32c_tail known; /* of `bytes`, verified */
};

/* Ends with the sink's `published`, in order of the calls.  A duplicate (deduplication.h) ends OK and has no position.
 * Returns for how many ms its connection shall be read no further: more was published than the rates allow. */
uint64_t producer_publish(struct producer *p, const struct publish *m);

/* What its opening said, or would say now. */
int64_t producer_topic_epoch(const struct producer *p);
int64_t producer_last_sequence_id(const struct producer *p);

/* The client closes it: done when its publishes under way have ended. */
struct producer_close {
    struct broker_op op;
};
void producer_close(struct producer *p, struct producer_close *op);

/* Tells the client to look up again, and frees. */
void producer_dismiss(struct producer *p);

/* Its connection is gone; also while it is being closed. */
void producer_detach(struct producer *p);

/* ---- for topics ---- */

/* The step comes again after a barrier. */
void producer_open_wait(struct producer_open *open);
/* It ends, soon, with the refusal that is set. */
void producer_open_give_up(struct producer_open *open);

void topic_dismiss_producers(struct topic *t);
/* One of its publishes ended: a closing one may be done. */
void producer_settle(struct producer *p);
/* Of a topic that goes without a word. */
void producer_free(struct producer *p);

#endif
