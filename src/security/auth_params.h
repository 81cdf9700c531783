/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_params.h - who a client says it is, as Pulsar's users write it: authPlugin and authParams.
 *
 * One place for the client library, the command line and the services.  A plug-in is named shortly, as Pulsar's C++ client
 * has it, or by the class of the Java client, without regard to case:
 *
 *     token  ...impl.auth.AuthenticationToken   token:TEXT, TEXT, file:///PATH, file:PATH, env:NAME, {"token": "TEXT"}
 *     basic  ...impl.auth.AuthenticationBasic   {"userId": "NAME", "password": "TEXT"}, userId:NAME,password:TEXT,
 *                                               NAME:TEXT; `username` is the same as `userId`
 *     tls    ...impl.auth.AuthenticationTls     tlsCertFile:PATH,tlsKeyFile:PATH, or the same as JSON
 *
 * What is in a file or in the environment is read each time that a proof is asked for, so a file may be replaced while
 * the client runs.  Secrets are wiped when they are freed, and are in no message.  May call: base/, jansson, the kernel
 * (files).
 */
#ifndef SECURITY_AUTH_PARAMS_H
#define SECURITY_AUTH_PARAMS_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

#define AUTH_PROOF_MAX (64u * 1024) /* bytes of a token, or of a name and a password */

enum auth_kind {
    AUTH_NONE,
    AUTH_TOKEN,
    AUTH_TOKEN_FILE,
    AUTH_TOKEN_VARIABLE, /* of the environment */
    AUTH_BASIC,
    AUTH_CERTIFICATE, /* the proof is in the handshake of TLS */
};

/* All zero is AUTH_NONE. */
struct auth_params {
    enum auth_kind kind;
    char *method;            /* as CONNECT names it: "token", "basic", "tls"; NULL: none */
    char *secret;            /* the token, or "name:password"; or the file's path, the variable's name */
    char *certificate, *key; /* of AUTH_CERTIFICATE: files */
};

/* `plugin` NULL or empty: none.  ERR_UNSUPPORTED: a plug-in that is not built; ERR_INVALID: the parameters make no sense;
 * ERR_NOMEM.  `why` is a sentence without the secret. */
MUST_USE enum err auth_params_read(struct auth_params *to, const char *plugin, const char *params, char *why,
                                   size_t why_size);
/* The three ways without a plug-in's name.  ERR_INVALID: an empty token, name or path; ERR_NOMEM. */
MUST_USE enum err auth_params_token(struct auth_params *to, const char *token);
MUST_USE enum err auth_params_basic(struct auth_params *to, const char *name, const char *password);
MUST_USE enum err auth_params_certificate(struct auth_params *to, const char *certificate, const char *key);

MUST_USE enum err auth_params_copy(struct auth_params *to, const struct auth_params *from);
void auth_params_deinit(struct auth_params *p); /* leaves it all zero */

/* What to show now: the token, or "name:password", the caller's to secret_free(); NULL where none is shown.  Otherwise
 * *why says what is wrong: ERR_NOT_FOUND, ERR_DENIED, ERR_IO: the file, the variable; ERR_INVALID: it holds no token;
 * ERR_TOO_LARGE; ERR_NOMEM. */
MUST_USE enum err auth_params_proof(const struct auth_params *p, char **proof, const char **why);

#endif
