/* SPDX-License-Identifier: Apache-2.0
 *
 * due.h - entries that something is to be done about at a time, unless they are acknowledged before: negative
 * acknowledgements that wait for their delay, received messages that wait for their acknowledgement.
 *
 * All delays of one set are the same, so what was added first is due first.  Bounded by CLIENT_DUE_MAX.
 * Pure.  Owner: the loop.
 */
#ifndef CLIENT_DUE_H
#define CLIENT_DUE_H

#include "base/err.h"
#include "base/tree.h"
#include "client/message_id.h"

#define CLIENT_DUE_MAX 1000000u

struct client_due {
    struct tree by_id;
    struct list by_time;
};

void client_due_init(struct client_due *d);
void client_due_clear(struct client_due *d); /* also the end of it */

static inline size_t client_due_count(const struct client_due *d)
{
    return tree_count(&d->by_id);
}

/* OK also when it is there already; then it keeps its time.  ERR_FULL, ERR_NOMEM. */
MUST_USE enum err client_due_add(struct client_due *d, const struct _pulsar_message_id *id, uint64_t at_ns);
void client_due_remove(struct client_due *d, const struct _pulsar_message_id *id);
/* This entry and all before it. */
void client_due_remove_until(struct client_due *d, const struct _pulsar_message_id *id);

/* When the first is due; UINT64_MAX: there is none. */
uint64_t client_due_next(const struct client_due *d);
/* Takes one that is due at `now_ns`; false: none is. */
bool client_due_take(struct client_due *d, uint64_t now_ns, struct _pulsar_message_id *out);

#endif
