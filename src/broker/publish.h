/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.h - entries on their way into a topic: position, append, receipt.
 *
 * One publish_op per entry, from the broker's pool.  The topic keeps them in the order in which they came and ends them
 * in that order, whatever order their appends end in: an entry is never acknowledged before an earlier one of its topic
 * is decided.  The first failure fences the topic: its producers are told to come back (and send again what has no
 * receipt), later publishes under way get no receipt even when their bytes were stored, and the ledger is closed.
 */
#ifndef BROKER_PUBLISH_H
#define BROKER_PUBLISH_H

#include "broker/producer.h"

struct publish_op {
    struct list node; /* topic->publishes, or the pool */
    struct append append;
    struct topic *topic;
    struct producer *producer; /* NULL once it is closed or detached, and for the broker's own */
    struct sink *sink;         /* outlives this, by its contract */
    uint64_t producer_id, sequence_id, highest_sequence_id;
    uint32_t messages;
    int64_t deliver_ms;
    size_t len;
    uint64_t begun_ns; /* when it was appended */
    bool batched, chunk;
    bool refused;              /* likewise, with `err`: about this message alone */
    bool duplicate;            /* nothing is appended: it is answered when its turn comes */
    struct sequence *sequence; /* may be NULL: see deduplication.h */
    int64_t last_sequence;
    struct event_id *event; /* may be NULL: see id_window.h */
    bool decided;           /* the append has ended, with `err` */
    enum err err;
};

/* Puts an entry at the end of a topic that keeps them.  Rolls the ledger when it is full or old.  Ends with the sink's
 * `published`, at once when the topic takes nothing.  `p` may be NULL: the broker's own entry. */
void topic_publish(struct topic *t, struct sink *sink, struct producer *p, const struct publish *m);

/* Why this message alone is not taken; OK: it is.  `p` may be NULL. */
enum err publish_refusal(const struct topic *t, const struct producer *p, const struct publish *m);

/* An entry was taken: into the figures of the topic, of its producer (may be NULL), and of the broker. */
void publish_count(struct topic *t, struct producer *p, uint32_t messages, size_t len, bool chunk);

/* Closes the open ledger if it is full or old: the next publish opens another.  Returns when it will be, on the loop's
 * clock; UINT64_MAX: there is none, or nothing in it. */
uint64_t topic_roll(struct topic *t);

/* Closes the open ledger as it is: the next publish opens another. */
void topic_close_ledger(struct topic *t);

/* The publishes under way of a producer that leaves: they go on without it. */
void publish_forget_producer(struct topic *t, struct producer *p);

#endif
