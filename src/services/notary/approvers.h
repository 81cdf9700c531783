/* SPDX-License-Identifier: Apache-2.0
 *
 * approvers.h - who may decide, and by which keys: a TOML file, immutable once it is read; a newer one takes
 * its place in approvers_source.h.
 *
 *     [approver."security.lead@company.com"]
 *     public_key = "keys/lead.pub"      # a file (beside this one, unless absolute), PEM itself, or an array of either
 *     operator = true                   # may cancel and retry any workflow
 *     methods = ["key", "tls"]          # how decisions in this name are made; others are refused
 *
 * A key is of any kind that signs tokens (security/jws_key.h): Ed25519, P-256, P-384, P-521, RSA.  An approver with
 * several keys may use each: that is how a key is changed.  No two have a key in common, for one person would count
 * twice.  Without `methods` an approver with a key decides by key only, so that nobody who has the notary's port, its
 * key of tokens or its authority of certificates speaks in that name; one without a key, or who is not in the file, by
 * token and certificate.
 * Reads the files that it is given by name, and nothing else; may call: base/, security/.
 */
#ifndef SERVICES_NOTARY_APPROVERS_H
#define SERVICES_NOTARY_APPROVERS_H

#include "base/bytes.h"
#include "base/err.h"
#include "security/jws_key.h"

#define APPROVERS_MAX         1000
#define APPROVER_KEYS_MAX     8
#define APPROVER_NAME_MAX     256 /* bytes */
#define APPROVERS_BYTES_MAX   (1u << 20)
#define APPROVER_KEY_FILE_MAX (64u << 10)

struct approvers;

enum approver_method { APPROVER_KEY, APPROVER_TOKEN, APPROVER_TLS, APPROVER_METHODS };

/* ERR_IO, ERR_INVALID, ERR_NOMEM: `message` is the sentence for the user. */
MUST_USE enum err approvers_read(struct approvers **out, const char *path, char *message, size_t message_size);
/* One more owner; from any thread, as approvers_free, which the last one's frees.  NULL is fine for both. */
struct approvers *approvers_ref(struct approvers *a);
void approvers_free(struct approvers *a);

/* Both were read from the same bytes, those of key files included. */
bool approvers_same(const struct approvers *a, const struct approvers *b);

bool approvers_has(const struct approvers *a, const char *approver);
bool approvers_is_operator(const struct approvers *a, const char *approver);

/* Whether a decision in this name may be made so.  `a` may be NULL: there is no file, and all methods are good. */
bool approvers_allow(const struct approvers *a, const char *approver, enum approver_method method);

/* Key `index` of the approver; NULL: there are no more. */
const struct jws_key *approvers_key(const struct approvers *a, const char *approver, size_t index);

#endif
