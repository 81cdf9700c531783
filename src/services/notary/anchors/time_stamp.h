/* SPDX-License-Identifier: Apache-2.0
 *
 * time_stamp.h - RFC 3161: the request for a time stamp over a digest, and whether an answer is one.
 *
 * The answer is kept whole, as `openssl ts -verify -in` reads it.  The authority's certificate is checked for the time
 * that the stamp says, so that it still proves something after the certificate has expired.  Pure (no clock); may call:
 * base/, libcrypto.
 */
#ifndef SERVICES_NOTARY_ANCHORS_TIME_STAMP_H
#define SERVICES_NOTARY_ANCHORS_TIME_STAMP_H

#include "base/text.h"
#include "services/notary/documents/digest.h"

#define TIME_STAMP_REQUEST_MAX 512
#define TIME_STAMP_MAX         (32u << 10) /* of an answer: certificates are in it */
#define TIME_STAMP_NONCE_LEN   8

struct time_stamp {
    int64_t time_s;      /* seconds since 1970 */
    char authority[128]; /* the common name in the certificate that signed it */
    char serial[65];     /* hexadecimal */
};

/* Appends the request's DER; asks for the authority's certificate.  ERR_NOMEM. */
MUST_USE enum err time_stamp_request(const struct digest *digest, const uint8_t nonce[TIME_STAMP_NONCE_LEN],
                                     struct text *out);

/* Whether the answer is a stamp over the digest (and to the nonce, if there is one), by an authority whose certificate,
 * good for time stamping, leads to one of these (PEM; empty: to one that is in the answer itself).  ERR_AGAIN: it
 * refuses for now; ERR_NOT_ALLOWED: it refuses; ERR_CORRUPT: it is no such stamp; ERR_INVALID: no certificate could be
 * read from `certs`; ERR_NOMEM.  `why` is a sentence then. */
MUST_USE enum err time_stamp_check(struct bytes answer, const struct digest *digest, const uint8_t *nonce,
                                   struct bytes certs, struct time_stamp *out, char *why, size_t why_size);

#endif
