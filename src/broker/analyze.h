/* SPDX-License-Identifier: Apache-2.0
 *
 * analyze.h - what a subscription's backlog consists of: read through, entry by entry, for an administrator who asks.
 *
 * One read after the other, each in a turn of its own, at most ANALYZE_ENTRIES_MAX entries (as Pulsar, by default).
 * Core thread.
 */
#ifndef BROKER_ANALYZE_H
#define BROKER_ANALYZE_H

#include "broker/broker.h"

#define ANALYZE_ENTRIES_MAX 10000

struct analyze_op {
    struct broker_op op;
    struct topic_name name;
    char subscription[SUBSCRIPTION_NAME_MAX + 1];
    bool from_given; /* else from the first that is not acknowledged */
    struct position from;

    /* When done OK.  Single entries that were acknowledged are left out. */
    uint64_t entries, messages, markers;
    struct position first, last; /* of the entries; POSITION_EARLIEST: there is none */
    bool aborted;                /* there is more */

    struct position at; /* private */
};

/* Refusals: what topic_obtain says; ERR_NOT_FOUND about the subscription; ERR_NOT_ALLOWED: nothing is kept; what a read
 * gave. */
void subscription_analyze(struct broker *b, struct analyze_op *op);

#endif
