/* SPDX-License-Identifier: Apache-2.0
 *
 * oldest.h - when the first entry of each subscription's backlog was published, for whoever asks.
 *
 * Nobody needs it but an administrator, so it is read when one asks, one entry for each subscription; it stays known
 * as long as that entry is the first.  Core thread.
 */
#ifndef BROKER_OLDEST_H
#define BROKER_OLDEST_H

#include "broker/broker.h"

struct oldest_op {
    struct broker_op op;
    struct topic_name name;

    unsigned reads; /* private */
};

/* Loads the topic and reads what is not known; stats.h has it then (earliest_ms), but for a subscription whose entry
 * cannot be read, or that moves on faster than it is asked.  ERR_NOT_FOUND. */
void topic_oldest(struct broker *b, struct oldest_op *op);

#endif
