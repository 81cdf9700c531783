/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_auth.h - who we say we are over HTTP, from Pulsar's --auth-plugin and --auth-params.
 */
#ifndef CLI_ADMIN_AUTH_H
#define CLI_ADMIN_AUTH_H

#include "base/err.h"

#include <stddef.h>

/* Fills the Authorization header, or our certificate and key; what there is none of stays NULL.  The caller frees.
 * `plugin` and `params` may be NULL or empty.  ERR_INVALID: `why` says what is wrong, without the secret. */
MUST_USE enum err admin_auth_make(const char *plugin, const char *params, char **authorization, char **certificate,
                                  char **key, char *why, size_t why_size);

#endif
