/* SPDX-License-Identifier: Apache-2.0
 *
 * dead_letter.h - messages that were delivered too often go to another topic.
 *
 * A message that comes with redelivery_count >= max is remembered when it is given to the user.  When it would be asked
 * for again (negative acknowledgement, ack timeout) it is sent to the dead letter topic instead, and its entry
 * acknowledged when the broker has it: at least once, never lost.  One that comes with more goes there without being
 * seen. An entry goes as a whole: all its messages that were remembered and are not acknowledged.  Bounded by what is
 * unacknowledged.  Owner: the loop.
 */
#ifndef CLIENT_DEAD_LETTER_H
#define CLIENT_DEAD_LETTER_H

#include "base/tree.h"
#include "client/publisher.h"

struct client_dead_letters {
    /* Set at creation. */
    struct client_core *core;
    struct _pulsar_producer_configuration config; /* of the producer; owned */
    char *topic;                                  /* of the dead letters */
    const char *real_topic;                       /* where they come from */
    /* All messages of the entry are there (Ok), or some are not: ask for it again. */
    void (*done)(struct client_dead_letters *d, const struct _pulsar_message_id *entry, pulsar_result result);
    void (*closed)(struct client_dead_letters *d);

    struct client_publisher *publisher; /* NULL until the first letter */
    bool ready;
    struct timer retire; /* frees a publisher outside its own callbacks */
    struct client_publisher *retired;
    struct tree entries; /* remembered, or on their way */
    struct list waiting; /* for the publisher */
    bool closing;
};

/* `base_topic` without partition; `dead_letter_topic` NULL: <base topic>-<subscription>-DLQ.  ERR_NOMEM, ERR_INVALID.
 */
MUST_USE enum err client_dead_letters_init(struct client_dead_letters *d, struct client_core *core,
                                           const char *base_topic, const char *real_topic, const char *subscription,
                                           const char *dead_letter_topic, const char *initial_subscription,
                                           void (*done)(struct client_dead_letters *d,
                                                        const struct _pulsar_message_id *entry, pulsar_result result));
void client_dead_letters_deinit(struct client_dead_letters *d); /* after closed */

/* Remembers one message of an entry; takes a reference.  ERR_NOMEM. */
MUST_USE enum err client_dead_letters_remember(struct client_dead_letters *d, struct client_body *body);
/* The entry was acknowledged, or the memory is stale: what is on its way goes on. */
void client_dead_letters_forget(struct client_dead_letters *d, const struct _pulsar_message_id *entry);
void client_dead_letters_forget_all(struct client_dead_letters *d);

/* True: it was remembered, and is on its way now; `done` follows. */
bool client_dead_letters_send(struct client_dead_letters *d, const struct _pulsar_message_id *entry);

/* Waits for what is on its way (not with `now`), then `closed`, later unless there was no producer. */
void client_dead_letters_close(struct client_dead_letters *d, bool now, void (*closed)(struct client_dead_letters *d));

#endif
