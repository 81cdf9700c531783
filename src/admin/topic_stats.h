/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_stats.h - a topic's figures as JSON: the members of an object that has been begun.
 */
#ifndef ADMIN_TOPIC_STATS_H
#define ADMIN_TOPIC_STATS_H

#include "admin/json_out.h"
#include "broker/stats.h"

struct admin_call;

/* The publishers and consumers that the caller does not want to see one by one (?excludePublishers, ?excludeConsumers).
 */
void topic_stats_leave_out(const struct admin_call *call, struct topic_stats *stats);

void topic_stats_write_members(struct json *j, const struct topic_stats *t);  /* as Pulsar's TopicStats */
void topic_stats_write_internal(struct json *j, const struct topic_stats *t); /* as its internal ones */

#endif
