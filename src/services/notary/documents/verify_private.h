/* SPDX-License-Identifier: Apache-2.0
 *
 * verify_private.h - what verify.c (the chain) and verify_evidence.c (its beginning: what was signed) share.
 */
#ifndef SERVICES_NOTARY_VERIFY_PRIVATE_H
#define SERVICES_NOTARY_VERIFY_PRIVATE_H

#include "services/notary/documents/batch.h"
#include "services/notary/documents/event.h"
#include "services/notary/documents/verify.h"

struct verification {
    struct text *report;
    const struct verify_trust *trust;
    struct verify_pieces *pieces;
    struct bytes artifact; /* empty: none was given */
    json_t *document;      /* owned */
    json_t *result;        /* in it: the NotaryResult; NULL: the document is a receipt alone */
    json_t *receipt;       /* in the result, or the document; of a refusal, that */
    bool refused;          /* the result has no receipt, and a refusal instead */
    json_t *proof;         /* in the receipt */
    json_t *batch;         /* in the receipt; NULL: it is none of a batch */
    struct event event;    /* owned */
    struct batch_place place;
    struct text origin;
    struct checkpoint checkpoint;
    bool short_of_memory; /* then nothing else counts */
};

/* Lines of the report: true, false. */
bool verify_holds(struct verification *v, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
bool verify_refused(struct verification *v, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
bool verify_no_memory(struct verification *v); /* false */

/* "" where there is no such text. */
const char *verify_text(const json_t *object, const char *name);
bool verify_has(struct verification *v, const json_t *object, const char *where, const char *name, json_type type);

/* The evidence package is this event's: with its decisions, or at its place in a batch.  The keys are not known yet. */
bool verify_evidence(struct verification *v);

/* The decisions in it: signed, about this event, enough of them.  After the keys. */
bool verify_decisions(struct verification *v);

/* What the evidence's key signed. */
struct bytes verify_signed_bytes(const struct verification *v);

/* Appends the log entry as the receipt has it: ERR_INVALID, it cannot be any. */
MUST_USE enum err verify_leaf(struct verification *v, struct text *out);

/* The artifact's path, if one was given. */
bool verify_artifact(struct verification *v);

#endif
