/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplication_snapshot.h - the row that holds what is known of a topic's producers (format: deduplication.h).
 */
#ifndef BROKER_DEDUPLICATION_SNAPSHOT_H
#define BROKER_DEDUPLICATION_SNAPSHOT_H

#include "store/store.h"

struct topic;

/* Writes the row with this id: what is stored, up to the topic's readable_end. */
MUST_USE enum err deduplication_snapshot_put(struct topic *t, uint64_t id);
/* Takes over what a row says; all up to *upto is in it.  After ERR_CORRUPT, ERR_VERSION and ERR_NOMEM a part of it may
 * be taken over. */
MUST_USE enum err deduplication_snapshot_decode(struct topic *t, struct bytes value, struct position *upto);

#endif
