/* SPDX-License-Identifier: Apache-2.0
 *
 * change_events.h - each change of a topic's policies, told in __change_events (broker/policy_log.h) as Pulsar tells it
 * (policy_event.h).
 *
 * On the core thread.
 */
#ifndef ADMIN_CHANGE_EVENTS_H
#define ADMIN_CHANGE_EVENTS_H

#include "base/err.h"

struct broker;
struct change_events;

/* From now on; `cluster` outlives it.  ERR_NOMEM. */
MUST_USE enum err change_events_new(struct change_events **out, struct broker *broker, const char *cluster);
/* After broker_free.  NULL is fine. */
void change_events_free(struct change_events *c);

#endif
