/* SPDX-License-Identifier: Apache-2.0
 *
 * vault.h - requests to HashiCorp Vault or OpenBao: logged in, answered with JSON, or refused with a reason.
 *
 * A token is given (and read again for each request, so that whoever renews it just replaces the file), or comes of a
 * login by AppRole or as a Kubernetes service account; one that is refused is replaced by one more login.  What the
 * answers mean for us:
 *
 *     200, 204            OK
 *     400, 404, 405       ERR_INVALID   the request or its path is wrong: somebody must correct the settings
 *     403                 ERR_DENIED    the token or its policy
 *     307                 ERR_AGAIN     a standby that does not forward; redirects are not followed
 *     412, 429, 472, 473  ERR_AGAIN     not yet, too many, a standby
 *     500, 502, 503, 504  ERR_AGAIN     sealed, starting, or a proxy without a Vault behind it
 *     any other           ERR_IO
 *     no answer           as http.h says: ERR_TIMEOUT, ERR_IO, ERR_DENIED (its certificate)
 *
 * Thread-safe, blocks.  May call: base/, services/runtime.
 */
#ifndef SERVICES_NOTARY_SIGNERS_VAULT_H
#define SERVICES_NOTARY_SIGNERS_VAULT_H

#include "services/notary/signers/signers.h"
#include "sys/deadline.h"
#include <jansson.h>

struct vault;

/* The settings are borrowed.  ERR_INVALID: they make no sense. */
MUST_USE enum err vault_new(struct vault **out, const struct signer_settings *settings, char *why, size_t why_size);
void vault_free(struct vault *v); /* NULL is fine */

/* `path` comes after "/v1/"; `body` is stolen and may be NULL (then it is a GET).  *answer is the whole JSON answer, to
 * be given to json_decref. */
MUST_USE enum err vault_request(struct vault *v, const char *path, json_t *body, const struct deadline *deadline,
                                json_t **answer, char *why, size_t why_size);

#endif
