/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_policies.h - the part of a namespace's settings that says who may do what, for the handlers that change it.
 *
 *     "auth_policies": {"namespace_auth": {ROLE: [ACTION, ...]},
 *                       "destination_auth": {TOPIC: {ROLE: [ACTION, ...]}},
 *                       "subscription_auth_roles": {SUBSCRIPTION: [ROLE, ...]}}
 *
 * A partition has what is granted on it, and what is granted on its topic.  broker/permissions.h reads this.
 */
#ifndef ADMIN_AUTH_POLICIES_H
#define ADMIN_AUTH_POLICIES_H

#include "broker/names.h"

#include <jansson.h>

#define ACTIONS_TEXT "produce, consume, functions, sources, sinks or packages"

/* One of the three above; made when it is missing.  Borrowed; NULL: memory is short. */
json_t *auth_section(json_t *settings, const char *name);
/* The same, of what is granted on a topic, by role. */
json_t *auth_of_topic(json_t *settings, const char *topic);
/* The role may nothing more with the topic, nor with its partitions. */
void auth_revoke(json_t *settings, const struct topic_name *topic, const char *role);

/* A list of texts, all of them actions? */
bool auth_are_actions(const json_t *list);

#endif
