/* SPDX-License-Identifier: Apache-2.0
 *
 * trim.h - which ledgers of a topic nobody needs any more, and their deletion; and that of a topic whose data are gone.
 *
 * A ledger is deleted when
 *     it is the first of its chain and closed, and no publish to it is under way,
 *     and every durable cursor has passed it, and every reader that reads (see below),
 *     and it is empty, or closed for longer than the retention time, or without it the topic still has at least the
 *     retention size; -1 is no limit, 0 in either of the two keeps nothing,
 *     and it is empty, or closed for longer than the window of events' ids is (id_window.h).
 * The last ledger of a chain is replaced by an empty one, which remembers the index of the topic's messages.
 *
 * A subscription that is not durable holds nothing, and is moved forward, as in Pulsar; but a reader in the middle of
 * old entries is not overtaken: as long as it has consumers, and one of them came, or took or acknowledged something,
 * within reader_hold_ms, what it has not been sent (the kinds that share: what it has not acknowledged) stays.  On a
 * full disk it goes.
 *
 * When it is done is retention.h's to say.  Core thread.  May call: store/, subscription.h, policies.h, retention.h.
 */
#ifndef BROKER_TRIM_H
#define BROKER_TRIM_H

#include <stdint.h>

struct broker;
struct catalog_row;
struct policies;
struct topic;

/* Deletes what may be deleted of the topic, some ledgers.  `t` is the topic in memory; NULL: it is not loaded.  Returns
 * when there may be more, on the loop's clock; UINT64_MAX: not before something else changes. */
uint64_t trim_ledgers(struct broker *b, uint64_t topic, struct topic *t, const struct policies *p);

/* A topic in memory is deleted when nobody uses it (topic_maintain); one that left memory because its data were to be
 * kept is deleted by this, when they are gone.  Returns when to look again, as above. */
uint64_t trim_topic(struct broker *b, const struct catalog_row *row, const struct policies *p);

#endif
