/* SPDX-License-Identifier: Apache-2.0
 *
 * transaction.h - transactions: sends and acknowledgements that take effect together, or not at all.
 *
 *     coordinator_open -> transaction_begin -> add_topics, add_subscription -> sends, acknowledgements
 *                                           -> transaction_end once all of those were answered
 *
 * The official C API has none, so this is the library's own, for `geminga perf transaction`.  What is sent or
 * acknowledged in a transaction has to be announced to its coordinator before, by the names of partitions.
 *
 * The calls wait, and are for any thread but the client's own.  They fail with NotConnected while the coordinator is
 * looked for again; a transaction that nobody ends is aborted by the broker at its time-out.
 */
#ifndef CLIENT_TRANSACTION_H
#define CLIENT_TRANSACTION_H

#include "base/err.h"
#include <pulsar/c/client.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client_coordinator;

struct client_transaction {
    uint64_t most, least; /* the two halves of its id */
};

/* One of the broker's coordinators, by chance.  TransactionCoordinatorNotFoundError: the broker has none. */
MUST_USE pulsar_result client_coordinator_open(pulsar_client_t *client, struct client_coordinator **out);
void client_coordinator_close(struct client_coordinator *c); /* NULL is fine */

MUST_USE pulsar_result client_transaction_begin(struct client_coordinator *c, uint64_t timeout_s,
                                                struct client_transaction *out);
MUST_USE pulsar_result client_transaction_add_topics(struct client_coordinator *c, const struct client_transaction *t,
                                                     char *const *topics, size_t count);
MUST_USE pulsar_result client_transaction_add_subscription(struct client_coordinator *c,
                                                           const struct client_transaction *t, char *const *topics,
                                                           size_t count, const char *subscription);
MUST_USE pulsar_result client_transaction_end(struct client_coordinator *c, const struct client_transaction *t,
                                              bool commit);

/* Sent by itself, not in a batch. */
void client_message_set_transaction(pulsar_message_t *message, const struct client_transaction *t);
/* Told when the broker has answered. */
void client_consumer_acknowledge_in(pulsar_consumer_t *consumer, pulsar_message_t *message,
                                    const struct client_transaction *t, pulsar_result_callback callback, void *ctx);

#endif
