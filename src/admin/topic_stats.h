/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_stats.h - a topic's figures as JSON: the members of an object that has been begun.
 */
#ifndef ADMIN_TOPIC_STATS_H
#define ADMIN_TOPIC_STATS_H

#include "admin/json_out.h"
#include "broker/stats.h"

struct call;
struct admin_core;

/* What the caller does not want to see: ?excludePublishers, ?excludeConsumers, ?subscriptionBacklogSize=false, and
 * without ?getEarliestTimeInBacklog the times. */
void topic_stats_leave_out(const struct call *call, struct topic_stats *stats);
#define BACKLOG_NOT_WANTED UINT64_MAX /* of backlog_bytes */

/* As Pulsar's TopicStats; `core` NULL: without what tells the broker. */
void topic_stats_write_members(struct json *j, const struct admin_core *core, const struct topic_stats *t);
/* As its internal ones; `metadata`: with a text for each ledger that says what is known of it (internal_stats.c). */
void topic_stats_write_internal(struct json *j, const struct topic_stats *t, bool metadata);

/* "ledger:entry" */
void json_position(struct json *j, const char *key, struct position p);

#endif
