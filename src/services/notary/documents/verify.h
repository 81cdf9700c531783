/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.h - does a receipt prove what it says of an event?  Offline: from the files and nothing else.
 *
 * The document is a NotaryResult, the receipt out of one, or what `geminga notary export` and the REST server say of a
 * workflow (whose "result" it is, with "anchors").  Each check is one line of the report, "ok" or "refused"; checks
 * that depend on a refused one are left out.  Any input is survived.  Pure.
 */
#ifndef SERVICES_NOTARY_VERIFY_H
#define SERVICES_NOTARY_VERIFY_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/anchors/anchor_verify.h"
#include "services/notary/approvers.h"
#include "services/notary/documents/checkpoint.h"
#include "services/notary/documents/public_key.h"
#include "services/notary/documents/trusted_keys.h"

#define VERIFY_DOCUMENT_MAX (4u << 20)

/* Whom the verifier believes.  What is NULL or empty is not known: then what the document says of itself is believed,
 * and the report says so. */
struct verify_trust {
    const struct trusted_keys *keys; /* the evidence's signer and the log are among these */
    const struct approvers *approvers;
    struct anchor_trust anchors;
};

/* What other tools need to make the same checks by themselves; each is empty until it is known. */
struct verify_pieces {
    struct text evidence;    /* the evidence package */
    struct text statement;   /* of a batch: what is signed instead of it */
    struct text leaf;        /* the log entry */
    struct text path;        /* from it to the checkpoint's root: merkle_path_lines */
    struct text batch_path;  /* of a batch: from the evidence package to the statement's root */
    struct text result_path; /* of a batch: from the result's hash to the leaf's results_root */
    struct text checkpoint;  /* its signed text, without the signature's lines */
    struct signature signature, checkpoint_signature;
    struct public_key key;     /* that signed the evidence, or the statement */
    struct public_key log_key; /* that signed the checkpoint; often the same */
};

/* `artifact` is empty, or the path of one of a batch's artifacts (batch_artifact_path, with "artifact" beside it),
 * which then must lead to the same root.  `trust` may be NULL.  `pieces` may be NULL; otherwise verify_pieces_deinit
 * after any result but ERR_NOMEM.  OK: *verified tells, `report` (appended) says why.  ERR_NOMEM. */
MUST_USE enum err verify_document(struct bytes document, struct bytes event, struct bytes artifact,
                                  const struct verify_trust *trust, struct text *report, struct verify_pieces *pieces,
                                  bool *verified);

/* The same with one key that must have signed everything, or none (NULL). */
MUST_USE enum err verify_receipt(struct bytes document, struct bytes event, const struct public_key *trusted,
                                 struct text *report, struct verify_pieces *pieces, bool *verified);
void verify_pieces_deinit(struct verify_pieces *p);

#endif
