/* SPDX-License-Identifier: Apache-2.0
 *
 * token.h - JSON Web Tokens (RFC 7519) as Pulsar's: who says so, until when, for whom.
 *
 * A signed text (jws.h) whose payload is an object of claims.  Verified are the signature, `exp` and `nbf` where they
 * are there, and the audience where one is wanted.  The role is one claim's text.
 *
 * Pure: the time is given.  May call: base/, jansson, jws.h.
 */
#ifndef SECURITY_TOKEN_H
#define SECURITY_TOKEN_H

#include "security/jws.h"

struct token_rules {
    int64_t now_s;              /* since 1970 */
    int64_t skew_s;             /* how far apart clocks may be; not negative */
    const char *role_claim;     /* NULL: "sub" */
    const char *audience_claim; /* NULL: nobody asks for whom it is */
    const char *audience;       /* one of those that the claim names must be this one */
};

struct token {
    char *role;        /* NULL: the claim is not there; of a list, the first */
    int64_t expires_s; /* 0: never */
    json_t *claims;    /* all of them */
};
void token_deinit(struct token *token);

/* ERR_INVALID: no token at all; ERR_DENIED: one that is not to be believed; `why` (static) is the end of a sentence:
 * "its signature does not hold". */
MUST_USE enum err token_verify(const struct jws_key *key, struct bytes text, const struct token_rules *rules,
                               struct token *out, const char **why);

/* Two of the reasons, by their address. */
extern const char token_has_expired[], token_is_for_others[];

/* Appends a token for `subject`, with the algorithm; `expires_s` 0: for ever; `header` as jws_sign has it. */
MUST_USE enum err token_make(const struct jws_key *key, enum jws_algorithm algorithm, const json_t *header,
                             const char *subject, int64_t expires_s, struct text *out);

/* A key as Pulsar's configuration names it, into bytes that jws_bytes_free takes back: "data:;base64,DIGITS", or the
 * digits alone.  ERR_UNSUPPORTED: "file:PATH", which is for the caller to read; then *path is what follows, without the
 * "//".  ERR_INVALID: not base64, or more than 64 KiB. */
MUST_USE enum err token_key_text(const char *text, struct bytes *out, const char **path);

#endif
