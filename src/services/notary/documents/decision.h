/* SPDX-License-Identifier: Apache-2.0
 *
 * decision.h - what somebody decided about a workflow, signed: a JWS (RFC 7515, compact) that becomes part of the
 * evidence.
 *
 *     header  {"alg":"EdDSA"|"ES256"|.., "typ":"geminga-decision+jwt"}        others ("kid") are allowed, not crit
 *     claims  "event_id"    text
 *             "event_hash"  "sha256:HEX" of the event's evidence package, version 1
 *             "decision"    "approve", "reject", "cancel", "retry"
 *             "approver"    text: in whose name
 *             "comment"     text, at most DECISION_COMMENT_MAX bytes; may be absent
 *             "iat"         seconds since 1970
 *             "method"      "key", "token", "mtls"
 *             "jti"         text, of the signer's choice, 1 to 128 bytes: random
 *             "subject"     of token and mtls: what was shown
 *
 * Claims that are not listed are allowed, but for "exp" and "nbf": a decision neither lapses nor waits.  It is signed
 * by the approver's own key (method "key": approvers.h), or, when the approver showed a token or a certificate to a
 * replica's REST server, by the notary's log key on the approver's behalf (method "token", "mtls").  It travels as the
 * payload of a message on the approvals topic, which any replica, any program and `geminga notary approve` may write:
 * what counts is the signature.  It speaks of one event's content (event_hash), so it cannot be used for another; sent
 * twice it says the same twice (and a "retry" retries once).  Pure; may call: base/, security/.
 */
#ifndef SERVICES_NOTARY_DECISION_H
#define SERVICES_NOTARY_DECISION_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/approvers.h"
#include "services/notary/documents/public_key.h"
#include <jansson.h>

enum decision_kind { DECISION_APPROVE, DECISION_REJECT, DECISION_CANCEL, DECISION_RETRY, DECISION_KINDS };

#define DECISION_BYTES_MAX   (16u << 10)
#define DECISION_COMMENT_MAX 2000
#define DECISION_TYPE        "geminga-decision+jwt"

/* The approver's name and the statement's method. */
#define DECISION_METHOD_REFUSED "decisions of %s are not made by %s: see `methods` in the approvers file"

struct decision {
    json_t *claims; /* owned; the texts below are borrowed from it */
    const char *event_id, *event_hash, *approver, *method;
    const char *comment, *subject; /* "" where there is none */
    enum decision_kind kind;
    int64_t at_ms;
    struct text statement; /* the JWS */
};

/* ERR_INVALID: not a decision; ERR_DENIED: not signed by whom it says, or not in a way that the approvers file has for
 * that name; ERR_NOMEM.  `why` is a sentence.  `approvers` may be NULL: then nobody has a key.  decision_deinit after
 * any; but for ERR_NOMEM and what is no JWS the members are there, so that a refusal can name them. */
MUST_USE enum err decision_read(struct decision *out, struct bytes statement, const struct approvers *approvers,
                                const struct public_key *log_key, char *why, size_t why_size);
void decision_deinit(struct decision *d);

/* Whether a statement may have this comment. */
bool decision_comment_fits(const char *comment);

/* ---- making one (decision_make.c) ---- */

/* What a new decision says; texts are borrowed. */
struct decision_facts {
    const char *event_id, *event_hash, *approver, *method;
    const char *comment; /* NULL: none */
    const char *subject; /* what was shown, of "token" and "mtls"; NULL of "key" */
    const char *jti;     /* random: what makes two of them two */
    enum decision_kind kind;
    int64_t at_ms;
};

/* "approve", "reject", "cancel", "retry"; false: none of them (NULL too). */
const char *decision_kind_name(enum decision_kind kind);
bool decision_kind_find(const char *name, enum decision_kind *out);

struct signer;
/* Appends the statement, signed by a signer that is `instant`: EdDSA or ES256, as its key is; `kid` is the key's log
 * id.  What the signer says; ERR_NOMEM. */
MUST_USE enum err decision_make(const struct decision_facts *facts, struct signer *signer, struct text *out);

#endif
