/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_guard.h - what can be asked only of a topic that keeps its messages, or that has no partitions: refused in
 * Pulsar's words, which differ from route to route.
 */
#ifndef ADMIN_TOPIC_GUARD_H
#define ADMIN_TOPIC_GUARD_H

#include "broker/names.h"

struct call;

/* NULL: it may. */
struct topic_guard {
    const char *not_kept;    /* 405: the reason when its messages are not kept */
    const char *partitioned; /* 405: when it has partitions */
};

/* The topic of the route's first parameters.  False: the call is finished. */
bool call_guarded_topic(struct call *call, const struct topic_guard *guard, struct topic_name *out);
/* The same for one that is known. */
bool topic_guard_admits(struct call *call, const struct topic_guard *guard, const struct topic_name *name);

/* {"ledgerId":L,"entryId":E,...} of a request's body.  False: it is none. */
struct position;
bool position_of_body(const struct call *call, struct position *out);

#endif
