/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_auth.h - who we say we are over HTTP, from Pulsar's --auth-plugin and --auth-params (security/auth_params.h).
 */
#ifndef CLI_ADMIN_AUTH_H
#define CLI_ADMIN_AUTH_H

#include "base/err.h"

#include <stddef.h>

/* The Authorization header's value, or our certificate and key; what there is none of is NULL. */
struct admin_proof {
    char *authorization, *certificate, *key;
};

/* `plugin` and `params` may be NULL or empty.  On failure `why` says what is wrong, without the secret, and nothing is
 * to be freed. */
MUST_USE enum err admin_proof_make(struct admin_proof *proof, const char *plugin, const char *params, char *why,
                                   size_t why_size);
void admin_proof_deinit(struct admin_proof *proof); /* wipes; all zero is fine */

#endif
