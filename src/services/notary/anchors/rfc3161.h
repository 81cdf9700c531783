/* SPDX-License-Identifier: Apache-2.0
 *
 * rfc3161.h - an authority for time stamps as an anchor: SHA-256 of an entry, over HTTP (RFC 3161 section 3.4).
 */
#ifndef SERVICES_NOTARY_ANCHORS_RFC3161_H
#define SERVICES_NOTARY_ANCHORS_RFC3161_H

#include "services/notary/anchors/anchor.h"

/* `certs`: PEM of the certificates that the authority's must lead to; texts are copied.  ERR_NOMEM. */
MUST_USE enum err rfc3161_new(struct anchor **out, const char *url, const char *trust_certs, struct bytes certs);

#endif
