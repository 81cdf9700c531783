/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication.h - who we say we are, as a connection tells it: the public objects inside, and the two frames that hold
 * a proof.
 *
 * The proof is got anew for each frame: from memory, a file, the environment, or the user's supplier.  May call: base/,
 * security/, wire/.
 */
#ifndef CLIENT_AUTHENTICATION_H
#define CLIENT_AUTHENTICATION_H

#include "base/buffer.h"
#include "security/auth_params.h"
#include <pulsar/c/authentication.h>
#include <pulsar/c/result.h>

/* All zero: no authentication. */
struct _pulsar_authentication {
    struct auth_params params;
    token_supplier supplier; /* of tokens, instead of params; NULL: none */
    void *ctx;
    pulsar_result refused; /* what everything fails with that is done with it; Ok: nothing is wrong */
    char *why;             /* it is refused; a sentence without secrets */
};

/* `to` is raw memory.  ERR_NOMEM leaves nothing to deinit. */
MUST_USE enum err client_auth_copy(struct _pulsar_authentication *to, const struct _pulsar_authentication *from);
void client_auth_deinit(struct _pulsar_authentication *auth);

/* The frames of CONNECT and of AUTH_RESPONSE; `proxy_to` is the broker's "host:port" behind a proxy, or NULL.  Whoever
 * sends one wipes it when it is written.  On failure *why says what is wrong, without secrets: ERR_NOMEM, or what
 * auth_params_proof fails with; a supplier without a token is ERR_NOT_FOUND. */
MUST_USE enum err client_auth_connect(const struct _pulsar_authentication *auth, const char *proxy_to,
                                      struct slice *frame, const char **why);
MUST_USE enum err client_auth_response(const struct _pulsar_authentication *auth, struct slice *frame, const char **why);

#endif
