/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_event.h - what is set for a topic, in the form in which Pulsar's clients and brokers read it from
 * __change_events: a PulsarEvent in Avro, and its schema.
 *
 * Fields, their order and types are those that Pulsar 4.0 registers: one table makes both the schema's text and the
 * bytes.  What only we have (deduplicationWindow) is not in it.  Pure; may call: base/, broker/policies.h,
 * broker/records.h, jansson.
 */
#ifndef ADMIN_POLICY_EVENT_H
#define ADMIN_POLICY_EVENT_H

#include "base/text.h"
#include "broker/names.h"
#include "broker/policies.h"

#include <jansson.h>

struct policy_event {
    const struct topic_name *topic;
    const char *cluster;
    bool everywhere; /* for all clusters (Pulsar's "global") */
    const struct policies *policies;
    struct bytes subscriptions; /* records.h; of the topic's own only */
    const json_t *settings;     /* kept_policies.h; NULL: none */
};

/* The schema, as JSON. */
void policy_event_schema(struct text *out);
void policy_event_encode(const struct policy_event *e, struct text *out);

#endif
