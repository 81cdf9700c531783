/* SPDX-License-Identifier: Apache-2.0
 *
 * handler.h - what a service does with a batch of messages, as the consumer runtime sees it.
 *
 * A service is a handler: deliveries in, outcomes out.  It knows no broker and no client; the runtime publishes what
 * an outcome says and acknowledges the message only when all of it has its receipts.  Called on the runtime's
 * thread, one batch at a time; a handler may wait.
 */
#ifndef SERVICES_RUNTIME_HANDLER_H
#define SERVICES_RUNTIME_HANDLER_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

#define OUTCOME_PUBLICATIONS_MAX 4

struct delivery {
    struct bytes payload;      /* valid until the outcome is settled */
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
    VERDICT_DONE,  /* publish, then acknowledge */
    VERDICT_RETRY, /* not now: deliver it again, and after the last attempt give it up */
};

struct outcome {
    enum verdict verdict;
    const char *why; /* of VERDICT_RETRY; static */
    bool refused;    /* of VERDICT_DONE: the message itself was at fault; counted as an error */
    struct publication publications[OUTCOME_PUBLICATIONS_MAX];
    size_t count;
};

struct handler {
    /* Fills one outcome per delivery; they come zeroed.  An error is the end: the runtime stops, acknowledges nothing
     * of the batch and reports it. */
    enum err (*handle)(struct handler *handler, const struct delivery *deliveries, size_t count,
                       struct outcome *outcomes);
    /* The message had its last attempt and goes to the dead letter topic: what is to be published about that.  The
     * outcome comes zeroed; its verdict does not matter. */
    void (*give_up)(struct handler *handler, const struct delivery *delivery, const char *why, struct outcome *outcome);
};

/* A new publication at the end of the outcome: the key is copied and may be NULL, the body is empty and for the caller
 * to fill up to this limit.  When memory is short the body says so (text_failed). */
struct text *outcome_publish(struct outcome *outcome, unsigned output, const char *key, size_t body_limit);
void outcome_deinit(struct outcome *outcome);

/* What becomes of a delivery, once its publications have succeeded or not. */
enum settlement { SETTLE_ACK, SETTLE_NACK, SETTLE_DEAD_LETTER };
enum settlement settle(enum verdict verdict, bool published, uint32_t redelivery_count, uint32_t max_redeliveries);

#endif
