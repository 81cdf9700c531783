/* SPDX-License-Identifier: Apache-2.0
 *
 * handler.h - what a service does with messages, as the consumer runtime sees it.
 *
 * A service is a handler: deliveries in, outcomes out.  It knows no broker and no client; the runtime publishes what
 * an outcome says and acknowledges the message only when all of it has its receipts.  Called on the runtime's
 * thread, one round at a time; a handler may wait.
 *
 * A round need not have deliveries: the handler is called when its timer is due (wait_ms) and when somebody woke it
 * (runtime_wake).  What it then has to say belongs to no delivery and goes into an outcome of its own.
 */
#ifndef SERVICES_RUNTIME_HANDLER_H
#define SERVICES_RUNTIME_HANDLER_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

struct delivery {
    struct bytes payload;      /* valid until the outcome is settled */
    unsigned input;            /* which of the runtime's input topics it came from */
    const char *message_id;    /* "12:0", for logs and errors */
    uint32_t redelivery_count; /* earlier deliveries of it, as far as the broker remembers */
    int64_t received_ms;       /* wall clock */
};

struct publication {
    unsigned output; /* index of one of the runtime's output topics */
    struct text body;
    char *key; /* partition key; NULL: none */
};

enum verdict {
    VERDICT_DONE,  /* publish, then acknowledge; while it cannot be published it is delivered again, for ever */
    VERDICT_RETRY, /* not now: deliver it again, and after the last attempt give it up */
    VERDICT_HOLD,  /* no room: it stays here, and is handed over again in a later round; its input waits meanwhile */
};

struct outcome {
    enum verdict verdict;
    const char *why; /* of VERDICT_RETRY; static */
    bool refused;    /* of VERDICT_DONE: the message itself was at fault; counted as an error */
    struct publication *publications;
    size_t count, capacity;
    struct text lost; /* private: takes a body that there is no memory for; lost.failed: one is missing, so the message
                         is not done with */
};

struct handler {
    /* Fills one outcome per delivery, and `own` with what belongs to none; they come zeroed.  An error is the end: the
     * runtime stops, publishes and acknowledges nothing of the round and reports it. */
    enum err (*handle)(struct handler *handler, const struct delivery *deliveries, size_t count,
                       struct outcome *outcomes, struct outcome *own);
    /* The message had its last attempt and goes to the dead letter topic: what is to be published about that.  The
     * outcome comes zeroed; its verdict does not matter. */
    void (*give_up)(struct handler *handler, const struct delivery *delivery, const char *why, struct outcome *outcome);

    /* The rest may be NULL. */

    /* After each round: whether all of its publications have their receipts. */
    void (*published)(struct handler *handler, bool all);
    /* When messages wait, those of the highest rank go first; in one rank they keep their order.  NULL: all alike. */
    unsigned (*rank)(struct handler *handler, const struct delivery *delivery);
    /* How long the runtime may wait for messages before it calls `handle` with none; 0: do not wait, negative: for
     * ever. */
    int64_t (*wait_ms)(struct handler *handler);
    /* After the last round, before the topics are closed; what it returns is what the runtime ends with. */
    enum err (*finish)(struct handler *handler);
};

/* A new publication at the end of the outcome: the key is copied and may be NULL, the body is empty and for the caller
 * to fill up to this limit, before the next call.  When memory is short the body says so (text_failed). */
struct text *outcome_publish(struct outcome *outcome, unsigned output, const char *key, size_t body_limit);
void outcome_deinit(struct outcome *outcome);

/* What becomes of a delivery, once its publications have succeeded or not. */
enum settlement { SETTLE_ACK, SETTLE_NACK, SETTLE_DEAD_LETTER, SETTLE_HOLD };
enum settlement settle(enum verdict verdict, bool published, uint32_t redelivery_count, uint32_t max_redeliveries);

#endif
