/* SPDX-License-Identifier: Apache-2.0
 *
 * arrivals.h - who may come in: how many connections in all, how many from one address, and who is still on the
 * threshold.
 *
 * A connection is a struct arrival, embedded in its session, from when it is let in until it has ended.  Until it has
 * said who it is (CONNECT and what authentication asks) it stands on the threshold, in the order of coming; when the
 * house is full, the one that stands there longest makes place for the next: so that connections that say nothing keep
 * nobody out who does.  Of peers ("10.0.0.1:41234") the address counts, not the port.  Core thread.  May call: base/.
 *
 * Invariants: count <= max, but for those that were told to go and have not gone yet; each address that is kept has
 * arrivals.
 */
#ifndef SESSION_ARRIVALS_H
#define SESSION_ARRIVALS_H

#include "base/list.h"
#include "base/map.h"

#include <stdint.h>

struct address; /* of which there are arrivals */

struct arrivals {
    uint32_t max, per_address_max; /* per_address_max 0: no limit, and addresses are not looked at */
    uint32_t count;
    struct map addresses;  /* struct address by its text */
    struct list threshold; /* struct arrival, the oldest first */
};

/* Private to arrivals.c; here so that a session can embed it.  All zero: not let in. */
struct arrival {
    bool counted;
    struct list node; /* arrivals->threshold */
    struct address *address;
};

void arrivals_init(struct arrivals *a, uint32_t max, uint32_t per_address_max, uint64_t seed);
void arrivals_deinit(struct arrivals *a); /* whoever is still there need not leave */

/* ERR_FULL: everybody who is there has said who he is, and there are `max`.  ERR_AGAIN: too many from this address.
 * ERR_NOMEM.  *leaves: who has to go for it, or NULL; it is off the threshold already. */
MUST_USE enum err arrivals_admit(struct arrivals *a, struct arrival *x, const char *peer, struct arrival **leaves);
/* Said who it is; or is about to go: it leaves the threshold.  Twice is fine. */
void arrival_passed(struct arrival *x);
/* Gone.  Fine for one that was not let in. */
void arrivals_leave(struct arrivals *a, struct arrival *x);
/* The one that stands on the threshold longest, but for `x`: taken off it.  NULL: nobody. */
struct arrival *arrivals_take_oldest(struct arrivals *a, const struct arrival *x);

#endif
