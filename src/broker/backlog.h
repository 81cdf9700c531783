/* SPDX-License-Identifier: Apache-2.0
 *
 * backlog.h - how much a topic keeps for its durable subscriptions: pure questions to its chain and their cursors.
 *
 * Bytes are the clients', after the slowest durable cursor: of the ledger that it stands in, the share of the entries
 * after it.  Without a durable subscription there is no backlog.  Core thread.  May call: store/, subscription.h.
 */
#ifndef BROKER_BACKLOG_H
#define BROKER_BACKLOG_H

#include "store/position.h"
#include <stdbool.h>
#include <stdint.h>

struct store;
struct subscription;
struct topic;

/* backlogSize. */
uint64_t backlog_bytes(const struct topic *t);
/* Up to where all durable cursors are done; POSITION_LATEST: there is none. */
struct position backlog_done(const struct topic *t);
/* The same of a topic that may be out of memory. */
uint64_t backlog_bytes_after(const struct store *store, uint64_t topic, struct position done);
/* The position behind which no more than so many bytes lie, and as many as possible. */
struct position backlog_position(const struct topic *t, uint64_t bytes);
/* The oldest entry that some durable subscription has not acknowledged, and which; false: there is none. */
bool backlog_oldest(const struct topic *t, struct position *p, const struct subscription **whose);

#endif
