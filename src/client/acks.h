/* SPDX-License-Identifier: Apache-2.0
 *
 * acks.h - acknowledgements that wait to be sent together.
 *
 * Bounded: at `max` client_acks_add asks to be sent at once.  Pure.  Owner: the loop.
 */
#ifndef CLIENT_ACKS_H
#define CLIENT_ACKS_H

#include "base/err.h"
#include "client/message_id.h"
#include "wire/command.h"

#define CLIENT_ACKS_MAX 10000 /* whatever the user says */

struct client_acks {
    Wire__MessageIdData *ids; /* entries, one by one */
    size_t count, capacity, max;
    bool has_cumulative;
    struct _pulsar_message_id cumulative; /* the furthest; holds no batch */
};

/* `max` <= 0: as many as there may be. */
void client_acks_init(struct client_acks *a, long max);
void client_acks_deinit(struct client_acks *a);

static inline bool client_acks_empty(const struct client_acks *a)
{
    return a->count == 0 && !a->has_cumulative;
}

/* Notes an entry.  ERR_FULL: noted, and now they must be sent.  ERR_NOMEM: not noted; send, then try again. */
MUST_USE enum err client_acks_add(struct client_acks *a, int64_t ledger, int64_t entry);
/* Notes all up to and with this entry; an earlier one changes nothing. */
void client_acks_add_cumulative(struct client_acks *a, int64_t ledger, int64_t entry);

/* Calls `send` with one command for the cumulative one, then with commands for the others; then nothing is noted. */
void client_acks_send(struct client_acks *a, uint64_t consumer_id, void (*send)(void *ctx, const Wire__CommandAck *ack),
                      void *ctx);

#endif
