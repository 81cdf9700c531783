/* SPDX-License-Identifier: Apache-2.0
 *
 * anchoring_handler.h - the notary's handler with anchors behind it: after each round of it, one of anchoring.h.
 *
 * The notary itself knows nothing of anchors.  On the runtime's thread; its threads are the anchors' lanes.
 */
#ifndef SERVICES_NOTARY_ANCHORS_ANCHORING_HANDLER_H
#define SERVICES_NOTARY_ANCHORS_ANCHORING_HANDLER_H

#include "base/log.h"
#include "services/notary/anchors/anchor.h"
#include "services/notary/book.h"
#include "services/runtime/handler.h"
#include "sys/loop.h"

struct anchoring_handler;

struct anchoring_handler_options {
    struct handler *inner; /* outlives it, as all here */
    struct book *book;
    const struct anchor_settings *settings;
    struct signer *log_key; /* instant */
    struct loop *clocks;    /* now_ns only */
    struct log *log;
    void (*wake)(void *ctx); /* from any thread: the runtime shall call its handler soon */
    void *ctx;
};

/* As anchors_open, and ERR_NOMEM.  Without any anchor in the settings *out is NULL: the inner one will do. */
MUST_USE enum err anchoring_handler_new(struct anchoring_handler **out, const struct anchoring_handler_options *options,
                                        char *why, size_t why_size);
struct handler *anchoring_handler_get(struct anchoring_handler *h);

/* This replica leads from here on, as notary_lead; not while the runtime runs. */
void anchoring_handler_lead(struct anchoring_handler *h);

/* As anchoring_metrics; NULL is fine. */
void anchoring_handler_metrics(struct anchoring_handler *h, struct text *out);

/* Waits for the submissions under way, for at most their deadline.  Not while the runtime runs; NULL is fine. */
void anchoring_handler_free(struct anchoring_handler *h);

#endif
