/* SPDX-License-Identifier: Apache-2.0
 *
 * partitioned.h - topics made of several: how many partitions one has, and what is done to all of them.
 *
 * A partitioned topic is a row of the catalog: its name, how many partitions, properties.  Partition N is a topic of
 * its own, NAME-partition-N, with a row, subscriptions and ledgers like any other; nothing else is called so.  The
 * whole has no ledger: whoever would produce to it or subscribe to it by its own name is refused (topic_admissible).
 *
 * Rules
 *  1. A partition may be missing, for it was idle and deleted, or a crash came between: its first use makes it, as long
 *     as the row says that there are more than N.
 *  2. What a client may find it must be able to use.  So creation puts the row first and then the partitions; growth
 *     makes the new partitions, with the subscriptions of partition 0, before the row tells of them; deletion takes the
 *     partitions first, and nobody may use them meanwhile.  Whatever a crash leaves, asking again completes.
 *  3. One change of a name at a time: another one waits for it.
 *
 * Core thread.  May call: store/, namespaces.h, topic.h, subscription.h.
 */
#ifndef BROKER_PARTITIONED_H
#define BROKER_PARTITIONED_H

#include "broker/broker.h"

#define PARTITIONS_MAX 65536 /* of one topic */

/* How many partitions the topic has of which this is the name, or the name of a partition; 0: it is not partitioned. */
uint32_t partitions_count(struct broker *b, const struct topic_name *name);

/* It is being deleted with all its partitions: none of them may be used. */
bool partitions_vanishing(struct broker *b, const struct topic_name *name);

struct partitioned_op {
    struct broker_op op;
    struct topic_name name;
    uint32_t partitions;     /* create, grow: how many there shall be */
    struct bytes properties; /* create: encoded as properties.h says; they live until done */
    bool force;              /* delete: even with producers and consumers connected */

    struct list waiting, queued; /* private, as all below: of others, for this one; in the list of another */
    bool begun, vanishing;
    uint32_t at; /* the next partition to be looked at */
    struct topic_name partition;
};

/* Each is durable when done.  About ABOUT_PARTITIONS ERR_INVALID: not a number of partitions that it could have. */

/* ERR_EXISTS, also when there is a topic of this name that is not partitioned. */
void partitioned_create(struct broker *b, struct partitioned_op *op);
/* `partitions` 0: as many as it has; the missing ones are made.  ERR_EXISTS: it is not a partitioned topic. */
void partitioned_grow(struct broker *b, struct partitioned_op *op);
/* ERR_NOT_FOUND; ERR_EXISTS: it is not partitioned; ERR_BUSY: somebody is connected to a partition, and not forced. */
void partitioned_delete(struct broker *b, struct partitioned_op *op);

/* A partition was deleted because nobody uses it: when none is left, and the options say so, the whole goes too.  Any
 * topic's name. */
void partitioned_forget(struct broker *b, const struct topic_name *partition);

/* What a client is told that asks how many partitions there are, before it produces or subscribes.  `create`: it would
 * like the topic to be made.  *make > 0: so many partitions shall be created first (partitioned_create), by the policy
 * of the namespace.  Else *partitions: 0 is a single topic, there or made by its first use.  Refusals as of
 * topic_admissible. */
MUST_USE enum err partitions_asked(struct broker *b, const struct topic_name *name, bool create, uint32_t *partitions,
                                   uint32_t *make, struct refusal *why);

/* Its properties, encoded, and when it was made; borrowed until the next change of the catalog.  ERR_NOT_FOUND. */
struct partitioned_record;
MUST_USE enum err partitioned_find(struct broker *b, const struct topic_name *name, struct partitioned_record *out);

/* As topics_each_after (namespaces.h), of the names of partitioned topics. */
MUST_USE enum err partitioned_each_after(struct broker *b, struct bytes namespace_, struct bytes after,
                                         bool (*each)(void *ctx, struct bytes name), void *ctx);

#endif
