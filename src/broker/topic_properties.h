/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_properties.h - what users say of a topic, by name and value: kept with its row, and not looked at.
 *
 * Of a topic, or of a partition by itself; the whole of a partitioned topic has its own.  Encoded as properties.h says.
 * A change is durable after broker_when_durable.
 */
#ifndef BROKER_TOPIC_PROPERTIES_H
#define BROKER_TOPIC_PROPERTIES_H

#include "broker/broker.h"

/* Borrowed until the next change of the catalog.  ERR_NOT_FOUND; ERR_NOT_ALLOWED: its messages are not kept, nor is
 * anything said of it. */
MUST_USE enum err topic_properties(struct broker *b, const struct topic_name *name, struct bytes *out,
                                   struct refusal *why);
/* All of them, instead of those that were there. */
MUST_USE enum err topic_set_properties(struct broker *b, const struct topic_name *name, struct bytes properties,
                                       struct refusal *why);

#endif
