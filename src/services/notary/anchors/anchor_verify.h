/* SPDX-License-Identifier: Apache-2.0
 *
 * anchor_verify.h - does a receipt of another log prove that it had this entry of ours?  Offline.
 *
 * Each check is one line of the report, "ok" or "refused", as verify.h's; checks that depend on a refused one are left
 * out.  Any input is survived.  Pure; may call: base/, the core, libcrypto.
 */
#ifndef SERVICES_NOTARY_ANCHORS_ANCHOR_VERIFY_H
#define SERVICES_NOTARY_ANCHORS_ANCHOR_VERIFY_H

#include "base/text.h"
#include "services/notary/anchors/anchor.h"

/* Whom the verifier believes.  Of what is NULL or empty the receipt's own key or certificate is believed, and the
 * report says so. */
struct anchor_trust {
    const struct public_key *rekor_v1, *rekor_v2;
    struct bytes tsa_certs; /* PEM: of the authorities that time stamping certificates lead to */
};

/* `receipt` is the object of an `anchored` record; `log_key` is the key of our own log.  OK: *verified tells, `report`
 * (appended) says why.  ERR_NOMEM. */
MUST_USE enum err anchor_verify(const json_t *receipt, const struct anchor_entry *entry,
                                const struct public_key *log_key, const struct anchor_trust *trust, struct text *report,
                                bool *verified);

#endif
