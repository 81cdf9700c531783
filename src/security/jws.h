/* SPDX-License-Identifier: Apache-2.0
 *
 * jws.h - a signed text (RFC 7515, compact): HEADER.PAYLOAD.SIGNATURE, each part in base64 for URLs.
 *
 * The header is a JSON object whose `alg` names how it was signed.  It is believed only as far as the key allows:
 * `none`, an algorithm that is not meant for the key, and a header that asks for an extension (`crit`) are refused.
 * Pure.  May call: base/, jansson, libcrypto through jws_key.h.
 */
#ifndef SECURITY_JWS_H
#define SECURITY_JWS_H

#include "security/jws_key.h"
#include <jansson.h>

#define JWS_TEXT_MAX (64u * 1024)

struct jws {
    json_t *header;       /* an object */
    struct bytes payload; /* any bytes; to be freed with the rest */
};
void jws_deinit(struct jws *jws);

/* Appends the text.  `header` is put in front of `alg`, which it does not have; NULL: nothing is.  The key signs. */
MUST_USE enum err jws_sign(const struct jws_key *key, enum jws_algorithm algorithm, const json_t *header,
                           struct bytes payload, struct text *out);

/* Takes it apart; nothing is verified.  ERR_INVALID: it is none, and `why` says what is wrong; ERR_NOMEM. */
MUST_USE enum err jws_parse(struct bytes text, struct jws *out, const char **why);
/* The same, and the signature holds; else ERR_DENIED and `why`. */
MUST_USE enum err jws_verify(const struct jws_key *key, struct bytes text, struct jws *out, const char **why);

#endif
