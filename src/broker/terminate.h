/* SPDX-License-Identifier: Apache-2.0
 *
 * terminate.h - the end of a topic: it takes no more messages, ever, and those that it has can be read.
 *
 * A flag in the topic's row, kept in memory as topic.terminated once it is durable.  From the moment it is asked for
 * (topic.ending) nothing more is taken; when what is under way has its receipts, the flag is made durable, and then
 * producers are told to look up again: what they meet is ERR_TERMINATED.  Subscriptions go on; when one has nothing
 * left in its backlog, each of its consumers is told once that the end of the topic is reached.  Only a deletion begins
 * anew.
 */
#ifndef BROKER_TERMINATE_H
#define BROKER_TERMINATE_H

#include "broker/broker.h"

struct subscription;

struct terminate_op {
    struct broker_op op;
    struct topic_name name;
    struct position last; /* when done OK: of the last entry; POSITION_EARLIEST: there is none */
};

/* OK also when it was terminated before.  ERR_NOT_FOUND; ERR_NOT_ALLOWED: it has partitions, which end each by itself,
 * or its messages are not kept. */
void topic_terminate(struct broker *b, struct terminate_op *op);

/* Tells the consumers whom nobody has told, if there is nothing left.  For dispatch, of a topic that is terminated. */
void terminate_tell(struct subscription *s);

#endif
