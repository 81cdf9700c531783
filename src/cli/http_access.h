/* SPDX-License-Identifier: Apache-2.0
 *
 * http_access.h - the broker's HTTP as a verb's options name it: where it is, who we are, whom we believe.
 */
#ifndef CLI_HTTP_ACCESS_H
#define CLI_HTTP_ACCESS_H

#include "cli/access.h"
#include "cli/admin_auth.h"
#include "cli/http_client.h"

/* Texts are borrowed from the options and from `proof`, which is all zero before and to be freed in any case.  False:
 * `why` says what is wrong. */
bool http_access_read(const char *url, const struct access_config *config, int timeout_ms, struct http_target *target,
                      struct admin_proof *proof, char *why, size_t why_size);

#endif
