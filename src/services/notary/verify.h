/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.h - does a receipt prove what it says of an event?  Offline: from the two files and nothing else.
 *
 * The document is a NotaryResult, or the receipt out of one.  Each check is one line of the report, "ok" or
 * "refused"; checks that depend on a refused one are left out.  Any input is survived.  Pure.
 */
#ifndef SERVICES_NOTARY_VERIFY_H
#define SERVICES_NOTARY_VERIFY_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/checkpoint.h"
#include "services/notary/public_key.h"

#define VERIFY_DOCUMENT_MAX (1u << 20)

/* What other tools need to make the same checks by themselves; each is empty until it is known. */
struct verify_pieces {
    struct text evidence;   /* the evidence package */
    struct text leaf;       /* the log entry */
    struct text checkpoint; /* its signed text, without the signature's lines */
    struct signature signature, checkpoint_signature;
    struct public_key key;     /* that signed the evidence */
    struct public_key log_key; /* that signed the checkpoint; often the same */
};

/* `trusted` is the key that the receipt must be signed by; NULL: the receipt's own key is believed, and the report
 * says so.  `pieces` may be NULL; otherwise verify_pieces_deinit after any result but ERR_NOMEM.
 * OK: *verified tells, `report` (appended) says why.  ERR_NOMEM. */
MUST_USE enum err verify_receipt(struct bytes document, struct bytes event, const struct public_key *trusted,
                                 struct text *report, struct verify_pieces *pieces, bool *verified);
void verify_pieces_deinit(struct verify_pieces *p);

#endif
