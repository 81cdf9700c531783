/* SPDX-License-Identifier: Apache-2.0
 *
 * pem.h - DER bytes between two lines of dashes (RFC 7468).
 *
 * Pure; may call: base/.
 */
#ifndef SERVICES_NOTARY_PEM_H
#define SERVICES_NOTARY_PEM_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

/* Appends the block; `label` is "PUBLIC KEY" and the like. */
void pem_encode(const char *label, struct bytes der, struct text *out);

/* The first block of this label, whatever is around it.  ERR_INVALID: none, or not base64; ERR_TOO_LARGE. */
MUST_USE enum err pem_decode(const char *label, struct bytes pem, uint8_t *to, size_t size, size_t *len);

#endif
