/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_place.h - where policies are kept: at a namespace, or at a topic; for the handlers of policies.
 */
#ifndef ADMIN_POLICY_PLACE_H
#define ADMIN_POLICY_PLACE_H

#include "broker/policies.h"

struct call;

struct policy_place {
    bool of_topic;
    bool everywhere; /* of the topic, for all clusters: ?isGlobal=true */
    struct bytes namespace_;
    struct topic_name topic;
};

/* Of the route's parameters.  False in all of these: the call is finished. */
bool policy_place_of_namespace(struct call *call, struct policy_place *p);
bool policy_place_of_topic(struct call *call, struct policy_place *p);
bool policy_place_get(struct call *call, const struct policy_place *p, struct policies *out);

/* Finishes the call, when they are durable. */
void policy_place_set(struct call *call, const struct policy_place *p, const struct policies *policies);

/* The JSON settings that are kept there, new; {} when there are none.  NULL: finished. */
struct json_t;
struct json_t *policy_place_settings(struct call *call, const struct policy_place *p);
/* Keeps them, and finishes the call: 204 when they are durable.  Takes the tree; NULL: 500. */
void policy_place_keep(struct call *call, const struct policy_place *p, struct json_t *settings);

#endif
