/* SPDX-License-Identifier: Apache-2.0
 *
 * admission.h - who may come to a topic: how many consumers there may be, how many from one address, and how often one
 * may come.
 *
 * The limits are policies; 0 is none, and system topics have none.  How often somebody came is kept with the topic, for
 * ADMISSION_KNOWN_MAX consumers at most; with one more all are forgotten: this is about one that comes again and again,
 * not about many.  Core thread.  May call: what broker/ may.
 */
#ifndef BROKER_ADMISSION_H
#define BROKER_ADMISSION_H

#include "broker/refusal.h"
#include "broker/sink.h"
#include "broker/topic.h"

#define ADMISSION_KNOWN_MAX 10000u

/* Another consumer of a subscription, from the sink's peer.  ERR_BUSY. */
MUST_USE enum err admission_of_consumer(const struct subscription *s, const struct sink *sink, struct refusal *why);
/* Another producer from there; how many a topic may have in all is not asked here.  ERR_BUSY. */
MUST_USE enum err admission_of_producer(const struct topic *t, const struct sink *sink, struct refusal *why);

/* Somebody comes: the consumer of this id and name from the sink's peer.  Counted, unless it is refused:
 * ERR_UNSUPPORTED, it came too often. */
MUST_USE enum err admission_by_rate(struct topic *t, const struct sink *sink, uint64_t consumer_id, const char *name,
                                    struct refusal *why);
/* Who came is forgotten. */
void admission_forget(struct topic *t);

#endif
