/* SPDX-License-Identifier: Apache-2.0
 *
 * decision.h - what somebody decided about a workflow, signed: a JWS (RFC 7515, compact) that becomes part of the
 * evidence.
 *
 *     header  {"alg":"EdDSA"|"ES256"|..., "typ":"geminga-decision+jwt", "kid":...}
 *     claims  {"event_id", "event_hash" ("sha256:HEX" of evidence package version 1), "decision":
 * "approve"|"reject"|"cancel"|"retry", "approver", "comment", "iat" (seconds), "method": "key"|"token"|"mtls", "jti":
 * random}
 *
 * It is signed by the approver's own key (method "key": the key is in the notary's table of approvers), or, when the
 * approver showed a token or a certificate to a replica's REST server, by the notary's log key on the approver's behalf
 * (method "token", "mtls", with "subject" what was shown).  It travels as the payload of a message on the approvals
 * topic, which any replica, any program and `geminga notary approve` may write: what counts is the signature.  Pure;
 * may call: base/, security/.
 */
#ifndef SERVICES_NOTARY_DECISION_H
#define SERVICES_NOTARY_DECISION_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/public_key.h"
#include <jansson.h>

enum decision_kind { DECISION_APPROVE, DECISION_REJECT, DECISION_CANCEL, DECISION_RETRY, DECISION_KINDS };

#define DECISION_BYTES_MAX   (16u << 10)
#define DECISION_COMMENT_MAX 2000

struct decision {
    json_t *claims; /* owned; the texts below are borrowed from it */
    const char *event_id, *event_hash, *approver, *comment, *method;
    enum decision_kind kind;
    int64_t at_ms;
    struct text statement; /* the JWS */
};

struct approvers; /* who may decide by which key: read from a file, immutable */

/* TOML: [approver."security.lead@company.com"]  public_key = "FILE or PEM", operator = true|false (may cancel and retry
 * any). */
MUST_USE enum err approvers_read(struct approvers **out, const char *path, char *message, size_t message_size);
void approvers_free(struct approvers *a); /* NULL is fine */
bool approvers_is_operator(const struct approvers *a, const char *approver);

/* ERR_INVALID: not a decision; ERR_DENIED: not signed by whom it says.  `why` is a sentence.  decision_deinit after
 * any. */
MUST_USE enum err decision_read(struct decision *out, struct bytes statement, const struct approvers *approvers,
                                const struct public_key *log_key, char *why, size_t why_size);
void decision_deinit(struct decision *d);

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

/* "approve", "reject", "cancel", "retry"; false: none of them. */
const char *decision_kind_name(enum decision_kind kind);
bool decision_kind_find(const char *name, enum decision_kind *out);

struct signer;
/* Appends the statement, signed by a signer that is `instant`: EdDSA or ES256, as its key is; `kid` is the key's log
 * id.  What the signer says; ERR_NOMEM. */
MUST_USE enum err decision_make(const struct decision_facts *facts, struct signer *signer, struct text *out);

#endif
