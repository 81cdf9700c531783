/* SPDX-License-Identifier: Apache-2.0
 *
 * peek.h - one entry of a topic, for an administrator to look at: by its position, or counted from a subscription's
 * mark-delete position, or from the topic's start or end.  Nothing changes by it.
 */
#ifndef BROKER_PEEK_H
#define BROKER_PEEK_H

#include "broker/broker.h"
#include "broker/search.h"

#define PEEK_NTH_MAX 10000 /* further behind the mark-delete position no entry is looked for: there is none */

enum peek_by {
    PEEK_POSITION,
    PEEK_SUBSCRIPTION, /* of those that it has not acknowledged, in order */
    PEEK_FIRST,        /* of all, from the start */
    PEEK_LAST          /* ... from the end */
};

struct peek {
    struct broker_op op;
    struct topic_name name;
    enum peek_by by;
    /* One that is not there has acknowledged none: where Pulsar makes it, it is not made. */
    char subscription[SUBSCRIPTION_NAME_MAX + 1];
    struct position position;
    uint64_t nth; /* 1 is the first; of all: one beyond the other end is the one at that end */

    struct entry entry; /* when done OK: the caller's reference */
};

/* Refusals: what topic_obtain says; ERR_NOT_FOUND about the topic: there is no such entry, or it is gone;
 * ERR_NOT_ALLOWED: nothing of it is kept; ERR_INVALID: of all, there is none; ERR_CORRUPT, ERR_IO. */
void topic_peek(struct broker *b, struct peek *op);

struct peek_time {
    struct broker_op op;
    struct topic_name name;
    int64_t publish_ms;

    struct position position; /* when done OK: of the first entry of that time or later, or of the next one to come */
    struct search search;     /* private */
};

/* Refusals: what topic_obtain says; what a read gave. */
void topic_peek_time(struct broker *b, struct peek_time *op);

struct peek_index {
    struct broker_op op;
    struct topic_name name;
    uint64_t index; /* of a message in its topic: 0 is the first that ever was there */

    struct position position; /* when done OK: of the entry that it is in */
    struct search search;     /* private */
};

/* Refusals: what topic_obtain says; ERR_NOT_FOUND: it is not there yet, or gone; ERR_NOT_ALLOWED: nothing is kept; what
 * a read gave. */
void topic_peek_index(struct broker *b, struct peek_index *op);

#endif
