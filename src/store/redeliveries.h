/* SPDX-License-Identifier: Apache-2.0
 *
 * redeliveries.h - how often each entry of a cursor was asked for again.
 *
 * Only entries that were asked for again at least once, and are not acknowledged, are in here: an entry_set per ledger,
 * numbered with the counts.  Bound: REDELIVERIES_MAX entries, at 2 bytes for each bit that is set in its count, and
 * 2 more; counting stops there, and what is counted goes on.  A count stops at UINT32_MAX.
 * Belongs to one thread.  May call: entry_set.h, position.h, base/.
 */
#ifndef STORE_REDELIVERIES_H
#define STORE_REDELIVERIES_H

#include "store/entry_set.h"
#include "store/position.h"

/* As many as a subscription may have unacknowledged, unless it is configured otherwise. */
#define REDELIVERIES_MAX 200000u

/* Embedded in a cursor; zeroed is empty. */
struct redeliveries {
    struct entry_sets sets; /* private, as `entries` */
    uint64_t entries;
};

void redeliveries_deinit(struct redeliveries *r); /* and is empty */

static inline bool redeliveries_empty(const struct redeliveries *r)
{
    return r->entries == 0;
}

uint32_t redeliveries_get(const struct redeliveries *r, struct position p);
/* One more.  ERR_FULL: it is not counted, as there are as many as may be.  ERR_NOMEM. */
MUST_USE enum err redeliveries_add(struct redeliveries *r, struct position p);
/* The count of p, at least 1, whatever it was: what replay knows.  Errors as above. */
MUST_USE enum err redeliveries_set(struct redeliveries *r, struct position p, uint32_t count);
/* They are acknowledged, or gone. */
void redeliveries_forget(struct redeliveries *r, int64_t ledger, uint32_t first, uint32_t last);
void redeliveries_forget_upto(struct redeliveries *r, struct position p);

/* Sets that were read from a row; ERR_CORRUPT: one is whole, or they are too many.  Then they stay the caller's. */
MUST_USE enum err redeliveries_load(struct redeliveries *r, struct entry_sets *sets);

void redeliveries_check(const struct redeliveries *r);

#endif
