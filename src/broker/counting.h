/* SPDX-License-Identifier: Apache-2.0
 *
 * counting.h - exact backlogs in messages, for whoever asks.
 *
 * A cursor that moved over an entry which had left memory does not know how many messages were in it (cursor_unsure).
 * Nobody needs the number but an administrator; so the headers are read when one asks, and learnt for good.
 */
#ifndef BROKER_COUNTING_H
#define BROKER_COUNTING_H

#include "broker/broker.h"

struct count_op {
    struct broker_op op;
    struct topic_name name;

    uint64_t number; /* private, as all below */
    unsigned reads;
};

/* Loads the topic, reads what its subscriptions' cursors are unsure of, then done: the backlogs are exact now, but for
 * a subscription whose entries cannot be read, or that moves on faster than it is counted.  ERR_NOT_FOUND. */
void topic_count(struct broker *b, struct count_op *op);

#endif
