/* SPDX-License-Identifier: Apache-2.0
 *
 * peek.h - one entry of a topic, for an administrator to look at: by its position, or counted from a subscription's
 * mark-delete position.  Nothing changes by it.
 */
#ifndef BROKER_PEEK_H
#define BROKER_PEEK_H

#include "broker/broker.h"
#include "broker/search.h"

#define PEEK_NTH_MAX 10000 /* further behind the mark-delete position no entry is looked for: there is none */

struct peek {
    struct broker_op op;
    struct topic_name name;
    char subscription[SUBSCRIPTION_NAME_MAX + 1]; /* "": by position */
    struct position position;
    /* Of those that are not acknowledged; 1 is the first.  A subscription that is not there has acknowledged none:
     * where Pulsar makes it, it is not made. */
    uint64_t nth;

    struct entry entry; /* when done OK: the caller's reference */
};

/* Refusals: what topic_obtain says; ERR_NOT_FOUND about the topic: there is no such entry, or it is gone;
 * ERR_UNSUPPORTED: nothing of it is kept; ERR_CORRUPT, ERR_IO. */
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

#endif
