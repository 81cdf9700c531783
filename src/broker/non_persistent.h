/* SPDX-License-Identifier: Apache-2.0
 *
 * non_persistent.h - topics whose messages are passed on, and not kept: a kind of topic (struct topic_kind).
 *
 * Such a topic is in memory and nowhere else: no row, no ledger, nothing of it reaches the journal.  It is a struct
 * topic like the others, with a fresh id that the catalog does not know; so its chain of ledgers is empty for ever, and
 * its subscriptions, whose cursors are volatile ones over that chain, have no backlog, nothing to read, and nothing to
 * acknowledge or to send again, without anybody asking which kind it is.
 *
 * A message gets its receipt (0:0) when it was offered to each subscription: the consumer whose turn it is takes it, if
 * it has permits and its connection takes what it is sent; else it is dropped for that subscription, and counted.  When
 * its producer's connection does not take the receipts, it is dropped before that, and its receipt says so (-1:-1).
 *
 * The topic ends when it is deleted or unloaded, and when it had no producer, no consumer and no subscription for a
 * while.  A durable subscription stays without consumers as long as the topic does; others go with their last one.
 */
#ifndef BROKER_NON_PERSISTENT_H
#define BROKER_NON_PERSISTENT_H

#include "base/tree.h"
#include "broker/namespaces.h"

/* For the broker's tree of them, by name. */
int non_persistent_compare(const void *key, const struct tree_node *node);

/* One in memory, by its id; NULL: there is none. */
struct topic *non_persistent_find(struct broker *b, uint64_t id);

/* Those of a namespace that exists, behind the name `after`, in order; false: `each` wants no more. */
bool non_persistent_each_after(struct broker *b, struct bytes namespace_, struct bytes after, name_visitor *each,
                               void *ctx);
size_t non_persistent_count(struct broker *b, struct bytes namespace_);
/* Of a topic in memory, in no order.  ERR_NOT_FOUND. */
MUST_USE enum err non_persistent_subscriptions(struct broker *b, const struct topic_name *name, name_visitor *each,
                                               void *ctx);

#endif
